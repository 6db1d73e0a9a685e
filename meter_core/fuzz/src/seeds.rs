//! Where each target begins: small synthetic traffic behind the choices that lead to it.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use meter_core::detect::Operation;
use meter_core::frame::event_stream;
use meter_core::frame::web_socket::{close_frame, text_frame};
use meter_core::tokenizer::ENCODINGS;

use super::dialects::places;

const CHAT: &str = r#"{"id":"c1","model":"m-1","service_tier":"flex","choices":[{"index":0,"message":{"content":"h\u00e9 \ud83d\ude00 there"},"finish_reason":"stop"}],
 "usage":{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#;
const CHAT_STREAM: &str = ": hi\r\n\r\ndata: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"h\u{e9}\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n\
data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\r\n\r\ndata: [DONE]\r\n\r\n";
const MESSAGES: &str = r#"{"id":"m1","type":"message","model":"claude-x","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn",
 "usage":{"input_tokens":5,"cache_creation_input_tokens":3,"cache_read_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":7,"server_tool_use":{"web_search_requests":1}}}"#;
const MESSAGES_STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const RESPONSES_STREAM: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hello\"}\n\n\
event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r1\",\"model\":\"m-1\",\"status\":\"completed\",\"usage\":{\"input_tokens\":3,\"input_tokens_details\":{\"cached_tokens\":1},\"output_tokens\":4,\"output_tokens_details\":{\"reasoning_tokens\":1}}}}\n\n";
const GEMINI: &str = r#"[{"candidates":[{"content":{"parts":[{"text":"hel"}]}}],"usageMetadata":{"promptTokenCount":5,"totalTokenCount":5}}
,
{"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}],"modelVersion":"gemini-x","usageMetadata":{"promptTokenCount":5,"cachedContentTokenCount":2,"candidatesTokenCount":2,"thoughtsTokenCount":3,"toolUsePromptTokenCount":1,"totalTokenCount":11,"promptTokensDetails":[{"modality":"TEXT","tokenCount":5}]}}]"#;
const OLLAMA: &str = "{\"model\":\"llama\",\"message\":{\"content\":\"hel\"},\"done\":false}\n{\"model\":\"llama\",\"message\":{\"content\":\"lo\"},\"done\":true,\"prompt_eval_count\":5,\"eval_count\":2}\r\n";
const OTHERS: &str = r#"{"id":"x","meta":{"billed_units":{"input_tokens":3,"output_tokens":4,"search_units":1},"tokens":{"input_tokens":5,"output_tokens":6}},"usage":{"inputTokens":5,"outputTokens":6,"totalTokens":11,"cacheReadInputTokens":1,"pages_processed":2,"total_input_tokens":3,"tokens":{"input_tokens":2}},
 "message":{"content":[{"text":"hello"}]},"prompt_eval_count":5,"eval_count":2,"timings":{"prompt_n":5,"predicted_n":6},"tokens_predicted":6,"generation":"x","amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":6},"details":{"generated_tokens":6},"predictions":[{"embeddings":{"statistics":{"token_count":4}}}]}"#;
const ERROR: &str =
    r#"{"error":{"message":"slow down","type":"rate_limit","code":"rate_limited"},"type":"error"}"#;
const ASKING: &str = r#"{"model":"gpt-4o-mini","stream":true,"max_tokens":30,"n":2,"service_tier":"flex","user":"u","system":[{"type":"text","text":"be kind","cache_control":{"ttl":"1h"}}],
 "messages":[{"role":"user","name":"ann","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:,x"}}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],
 "input":"hi","prompt":["a",[1,2]],"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":9,"candidateCount":1},"inferenceConfig":{"maxTokens":9},"stream_options":{"include_usage":true},"background":false}"#;
const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n\x00\x01\r\n--x--\r\n";

const TEXTS: [&str; 4] = [
    "She said: \"it's 12345 (or so)\"\r\n\n\n  \tDON'T they'LL 'tis x''s don't's\u{17f} \u{85}\u{a0}\u{3000} end  \n ",
    "fn main() {\n    let x_1 = HTTPServer::new(\"/usr//lib/\"); // fooBarBAZ\n//\n}\n\n\n#!!!/\n/*====*/ a1b22c333d4444 <|endoftext|>",
    "今天天气很好,我们去公园。2024年“人工智能”ABC中A テスト ｶﾀ 한국어 Привет É\u{301}\u{1c5}\u{2b0} Ⅷ½² 😀👨\u{200d}👩",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa                                                                      zqxjkvbpygfwmuclrdhsnioate",
];

/// The seeds of one target; none for a name that is no target's.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let streams = [CHAT_STREAM, MESSAGES_STREAM, RESPONSES_STREAM];
    let documents = [CHAT, MESSAGES, GEMINI, OTHERS, ERROR, ASKING];
    match target {
        "decode" => coded(CHAT_STREAM.as_bytes())
            .into_iter()
            .map(|(choice, body)| [&[choice, 3], &*body].concat())
            .collect(),
        "sse" => streams.iter().map(|text| behind(&[3], text)).collect(),
        "json_lines" => vec![behind(&[3], OLLAMA), behind(&[3], "\u{feff}{}\n\n [1]\r\n2")],
        "json_array" => vec![behind(&[3], GEMINI), behind(&[3], "[1,\"a\\\"]\",{},[[]]]")],
        "json_scan" => {
            let plain = documents.iter().flat_map(|text| [behind(&[3, 0], text), behind(&[5, 77], text)]);
            plain
                .chain([behind(&[0, 0], "[1e5,-0.5,\"\\ud800x\\u0041\",null,true,{\"a.b\":{\"#\":\"\"}}]")])
                .collect()
        }
        "event_stream" => vec![[&[3, 0], &*messages()].concat(), framed()],
        "web_socket" => sessions(),
        "request" => {
            let bodies = [(0, ASKING.as_bytes()), (4, FORM.as_bytes())];
            let every = (0..places().len()).filter_map(|place| u8::try_from(place).ok());
            every.flat_map(|place| bodies.map(|(media, body)| [&[place, media, 0], body].concat())).collect()
        }
        "reply" => {
            let session =
                |(place, coding, body): (u8, u8, Vec<u8>)| [&[place, 8, coding, 3, 9], &*body].concat();
            let plain = replies(|place, media, body| [&[place, media, 0, 3, 1], body].concat());
            plain.into_iter().chain(realtime().map(session)).collect()
        }
        "exchange" => {
            let length = u16::try_from(ASKING.len()).unwrap_or(0).to_be_bytes();
            let session = |(place, coding, body): (u8, u8, Vec<u8>)| {
                let asking = b"\x00\x0b\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
                [&[place, 8, 0, 8, coding, 3, 4, 3, 0], asking.as_slice(), &*body].concat()
            };
            let plain = replies(|place, media, body| {
                [&[place, 0, 0, media, 0, 3, 12, 0, 0], length.as_slice(), ASKING.as_bytes(), body].concat()
            });
            plain.into_iter().chain(realtime().map(session)).collect()
        }
        "connections" => connections(),
        "tokens" => {
            let every = (0..ENCODINGS.len()).filter_map(|encoding| u8::try_from(encoding).ok());
            every.flat_map(|encoding| TEXTS.map(|text| behind(&[encoding, 3], text))).collect()
        }
        _ => Vec::new(),
    }
}

fn behind(choices: &[u8], text: &str) -> Vec<u8> {
    [choices, text.as_bytes()].concat()
}

/// A piece for the target: which place and direction, then its length and bytes.
fn piece(choice: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("fits").to_be_bytes();
    [&[choice], length.as_slice(), bytes].concat()
}

/// Sent and received, at the first place.
const SENT: u8 = 0x00;
const RECEIVED: u8 = 0x10;

/// One exchange of each kind of connection, in a few pieces.
fn connections() -> Vec<Vec<u8>> {
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n";
    let asking = format!("{head}Content-Length: {}\r\n\r\n{ASKING}", ASKING.len());
    let chunks = |text: &str| {
        format!("Transfer-Encoding: chunked\r\n\r\n{:x};a=b\r\n{text}\r\n0\r\nt: u\r\n\r\n", text.len())
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{CHAT}",
        CHAT.len()
    );
    let streamed = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{}",
        chunks(CHAT_STREAM)
    );
    let until_close = format!("HTTP/1.1 200 OK\r\n\r\n{CHAT}");
    let upgrade = "GET /v1/realtime?model=m HTTP/1.1\r\nHost: api.openai.com\r\nUpgrade: websocket\r\n\r\n";
    let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let absolute = asking.replacen(" /v1", " http://api.openai.com/v1", 1);
    let session = &sessions()[0][2..];
    let masked = &sessions()[3][2..];
    let halves = |choice: u8, text: &str| {
        let (first, second) = text.as_bytes().split_at(text.len() / 2);
        [piece(choice, first), piece(choice, second)].concat()
    };
    let plain = |choice: u8, text: &str| piece(choice, text.as_bytes());
    let (sent, received) = http2();
    let lost = |choice: u8, bytes: &[u8]| {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let mut behind = piece(0x80 | choice, &second[20..]);
        behind.insert(1, 20);
        [piece(choice, first), behind].concat()
    };
    vec![
        [
            halves(SENT, &asking),
            halves(RECEIVED, &answer),
            halves(SENT, &asking),
            halves(RECEIVED, &streamed),
            vec![0xc0],
        ]
        .concat(),
        [plain(SENT, &format!("{head}{}", chunks(ASKING))), plain(RECEIVED, &until_close), vec![0xc0]]
            .concat(),
        [
            plain(SENT + 1, &absolute),
            plain(RECEIVED + 1, &answer),
            plain(SENT + 1, &asking),
            vec![0xe0],
            plain(RECEIVED + 1, &answer),
        ]
        .concat(),
        [
            plain(SENT, upgrade),
            piece(SENT, masked),
            plain(RECEIVED, switched),
            piece(RECEIVED, session),
            vec![0xd0],
        ]
        .concat(),
        [halves(SENT, &asking)[..90].to_vec(), plain(RECEIVED, &answer), vec![0xf0]].concat(),
        [piece(SENT, &sent), piece(RECEIVED, &received)].concat(),
        [piece(SENT, &sent[..60]), piece(RECEIVED, &received), piece(SENT, &sent[60..]), vec![0xf0]].concat(),
        [lost(SENT, &sent), lost(RECEIVED, &received)].concat(),
        [
            lost(SENT, asking.as_bytes()),
            lost(RECEIVED, streamed.as_bytes()),
            plain(SENT, &asking),
            plain(RECEIVED, &answer),
        ]
        .concat(),
        [vec![0x80], piece(5, &sent[24..]), piece(RECEIVED, &received)].concat(),
    ]
}

/// Two requests and their replies over HTTP/2: settings, headers of literals and indices, padding, continuation, a trailer.
fn http2() -> (Vec<u8>, Vec<u8>) {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("fits").to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let authority = b"\x41\x0eapi.openai.com";
    let path = b"\x44\x14/v1/chat/completions";
    let asking = [b"\x83\x87".as_slice(), authority, path].concat();
    let sent = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, b"\0\x03\0\0\0\x64"),
        frame(1, 0, 1, &asking[..9]),
        frame(9, 4, 1, &asking[9..]),
        frame(0, 8, 1, &[b"\x02", &ASKING.as_bytes()[..100], b"\0\0"].concat()),
        frame(0, 1, 1, &ASKING.as_bytes()[100..]),
        frame(1, 0x24, 3, b"\0\0\0\0\x10\x83\x87\xbf\xbe"),
        frame(0, 1, 3, ASKING.as_bytes()),
        frame(3, 0, 3, b"\0\0\0\x08"),
    ];
    let json = b"\x5f\x10application/json";
    let received = [
        frame(4, 0, 0, b""),
        frame(1, 4, 1, &[b"\x88".as_slice(), json].concat()),
        frame(0, 9, 1, &[b"\x01", CHAT.as_bytes(), b"\0"].concat()),
        frame(1, 4, 3, b"\x88\xbe"),
        frame(0, 0, 3, CHAT.as_bytes()),
        frame(1, 5, 3, b"\x00\x01t\x01u"),
        frame(7, 0, 0, b"\0\0\0\x03\0\0\0\0"),
    ];
    (sent.concat(), received.concat())
}

/// Each place with one document and one stream that may be its own: every kind of body meets every place by mutation.
fn replies(seed: impl Fn(u8, u8, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let binary = messages();
    let bodies: [(u8, &[u8]); 10] = [
        (0, CHAT.as_bytes()),
        (1, CHAT_STREAM.as_bytes()),
        (0, MESSAGES.as_bytes()),
        (1, MESSAGES_STREAM.as_bytes()),
        (0, GEMINI.as_bytes()),
        (2, OLLAMA.as_bytes()),
        (0, OTHERS.as_bytes()),
        (3, &binary),
        (1, RESPONSES_STREAM.as_bytes()),
        (0, ERROR.as_bytes()),
    ];
    let every = (0..places().len()).filter_map(|place| u8::try_from(place).ok());
    every
        .flat_map(|place| {
            let turn = usize::from(place) * 3;
            let some = (0..3).map(move |step| (turn + step) % bodies.len());
            some.map(|index| bodies[index]).map(|(media, body)| seed(place, media, body)).collect::<Vec<_>>()
        })
        .collect()
}

/// `data` under each coding, by the coding's place in the target's list.
fn coded(data: &[u8]) -> [(u8, Vec<u8>); 10] {
    let gzip = |data: &[u8]| written(GzEncoder::new(Vec::new(), Compression::default()), data);
    let zlib = |data: &[u8]| written(ZlibEncoder::new(Vec::new(), Compression::default()), data);
    let raw = |data: &[u8]| written(DeflateEncoder::new(Vec::new(), Compression::best()), data);
    [
        (0, gzip(data)),
        (0, [gzip(data), gzip(b"more")].concat()),
        (1, zlib(data)),
        (1, raw(data)),
        (2, stored_brotli(data)),
        (3, stored_zstd(data)),
        (4, stored_zstd(&gzip(data))),
        (5, gzip(&stored_zstd(data))),
        (6, gzip(&zlib(&stored_brotli(data)))),
        (7, gzip(&gzip(&gzip(&gzip(&[b'x'; 3000]))))),
    ]
}

fn written<W: Write + Finish>(mut encoder: W, data: &[u8]) -> Vec<u8> {
    encoder.write_all(data).expect("memory");
    encoder.finished()
}

/// What an encoder leaves.
trait Finish {
    fn finished(self) -> Vec<u8>;
}

impl Finish for GzEncoder<Vec<u8>> {
    fn finished(self) -> Vec<u8> {
        self.finish().expect("memory")
    }
}

impl Finish for ZlibEncoder<Vec<u8>> {
    fn finished(self) -> Vec<u8> {
        self.finish().expect("memory")
    }
}

impl Finish for DeflateEncoder<Vec<u8>> {
    fn finished(self) -> Vec<u8> {
        self.finish().expect("memory")
    }
}

/// Brotli with one uncompressed block (RFC 7932 section 9.2): window, not last, length, uncompressed; then the empty last one.
fn stored_brotli(data: &[u8]) -> Vec<u8> {
    let data = &data[..data.len().min(1 << 16)];
    let bits = (data.len() - 1) << 4 | 1 << 20;
    let [b0, b1, b2, ..] = bits.to_le_bytes();
    [&[b0, b1, b2], data, &[3]].concat()
}

/// Zstandard with one raw block (RFC 8878): magic, a header that states the length in two bytes less 256, the block.
fn stored_zstd(data: &[u8]) -> Vec<u8> {
    let data = &data[..data.len().min(1 << 16)];
    let (descriptor, length) = match data.len() {
        length @ 0..256 => (0x20, vec![u8::try_from(length).expect("fits")]),
        length => (0x60, u16::try_from(length - 256).expect("fits").to_le_bytes().to_vec()),
    };
    let [b0, b1, b2, ..] = (data.len() << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, descriptor], &*length, &[b0, b1, b2], data].concat()
}

/// A stream of event-stream messages: two events, one exception.
fn messages() -> Vec<u8> {
    let event = |name, payload: &str| {
        let headers =
            [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
        event_stream::encode(&headers, payload.as_bytes()).expect("fits")
    };
    let exception = [(":message-type", "exception"), (":exception-type", "throttlingException")];
    [
        event("contentBlockDelta", "{\"delta\":{\"text\":\"hello\"},\"contentBlockIndex\":0}"),
        event("chunk", "{\"bytes\":\"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0=\"}"),
        event("metadata", "{\"usage\":{\"inputTokens\":5,\"outputTokens\":6,\"totalTokens\":11}}"),
        event_stream::encode(&exception, b"{\"message\":\"slow\"}").expect("fits"),
    ]
    .concat()
}

/// Headers of every type and a payload, for the target to frame.
fn framed() -> Vec<u8> {
    let mut headers = b"\x01t\x00\x01f\x01\x01b\x02\x07\x01s\x03\x00\x07\x01i\x04\x00\x00\x00\x07\x01l\x05\0\0\0\0\0\0\0\x07".to_vec();
    headers.extend_from_slice(
        b"\x01y\x06\x00\x02ab\x0d:message-type\x07\x00\x05event\x01w\x08\0\0\0\0\0\0\0\x07\x01u\x09",
    );
    headers.extend_from_slice(&[7; 16]);
    let length = |part: &[u8]| u16::try_from(part.len()).expect("fits").to_be_bytes();
    let part = [length(&headers).as_slice(), &headers, &length(b"{}"), b"{}"].concat();
    [&[3, 0x81], &*part, &part, b"\0\0\0"].concat()
}

/// Each place that is a session, with what its server may say: place, coding field, bytes.
fn realtime() -> impl Iterator<Item = (u8, u8, Vec<u8>)> {
    let places =
        places().iter().enumerate().filter(|(_, place)| place.route.operation == Operation::Realtime);
    let of_server: Vec<_> = sessions().into_iter().take(2).map(|session| session[2..].to_vec()).collect();
    places.filter_map(|(place, _)| u8::try_from(place).ok()).flat_map(move |place| {
        let codings = [0, 0x80].into_iter();
        codings.zip(of_server.clone()).map(move |(coding, body)| (place, coding, body))
    })
}

/// Sessions of a server, plain and compressed, and one of a client.
fn sessions() -> Vec<Vec<u8>> {
    let event =
        "{\"type\":\"response.done\",\"response\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}}";
    let plain =
        [text_frame(event), b"\x89\x01p\x02\x02ab\x80\x01c".to_vec(), close_frame(1000, "bye")].concat();
    let compressed = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81\xfe\x00\x03\x01\x02\x03\x04abc\x88\x82\0\0\0\0\x03\xe8";
    vec![
        [&[3, 0], &*plain].concat(),
        [&[3, 2], compressed.as_slice()].concat(),
        [&[3, 4], compressed.as_slice()].concat(),
        [&[3, 1], masked.as_slice()].concat(),
    ]
}
