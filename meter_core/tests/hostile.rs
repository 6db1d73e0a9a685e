//! Bodies made to break a reader: bombs, depth, endless lines, cuts in bad places, heads that lie. None of them raises, each is
//! named, and memory stays flat: the peak of this process is looked at behind every one.

#![expect(clippy::unwrap_used, reason = "a test fails")]

use std::io::Write;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use meter_core::decode::Decoder;
use meter_core::detect::{Detector, Route};
use meter_core::dialect::{Finding, Reply, RequestFacts, read_request};
use meter_core::frame::event_stream::{self, EventStream, Messages};
use meter_core::headers::Headers;
use meter_core::limits;
use meter_core::usage::Defect;

/// What all tests of this file together may add to the memory of their process. Each of them reads hundreds of megabytes.
/// Header fields of a reply.
type Head<'a> = &'a [(&'a [u8], &'a [u8])];

const GROWTH_BYTES_MAX: u64 = 128 << 20;
const MB: usize = 1 << 20;

/// The peak of this process's memory in bytes; `None` where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    kilobytes.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Runs one hostile thing and looks at the memory it took.
fn flat<T>(hostile: impl FnOnce() -> T) -> T {
    static START: OnceLock<Option<u64>> = OnceLock::new();
    let start = *START.get_or_init(peak);
    let result = hostile();
    if let (Some(start), Some(now)) = (start, peak()) {
        assert!(now - start <= GROWTH_BYTES_MAX, "memory grew by {} MB", (now - start) >> 20);
    }
    result
}

fn route(host: &str, path: &str) -> Route {
    Detector::new(Vec::new()).detect("POST", host, Some(443), path, Headers(&[])).unwrap()
}

fn chat() -> Route {
    route("api.openai.com", "/v1/chat/completions")
}

/// What is found in a reply that comes in these pieces, and how many bytes of text.
fn read<'a>(head: &[(&[u8], &[u8])], pieces: impl IntoIterator<Item = &'a [u8]>) -> (Finding, usize) {
    let facts = RequestFacts { stream: true, choices: 1, ..RequestFacts::default() };
    let mut reply = Reply::new(&chat(), &facts, 200, Headers(head));
    let mut text = 0;
    for piece in pieces {
        reply.feed(piece, &mut |piece| text += piece.len());
    }
    reply.end(true, &mut |piece| text += piece.len());
    (reply.finding().clone(), text)
}

const EVENTS: (&[u8], &[u8]) = (b"content-type", b"text/event-stream");
const JSON: (&[u8], &[u8]) = (b"content-type", b"application/json");
const LINES: (&[u8], &[u8]) = (b"content-type", b"application/x-ndjson");
const USAGE: &[u8] = br#"{"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(data, 3).unwrap()
}

/// 256 MB of zeros in 421 bytes of brotli: a header, 16 times the same block of 16 MB, and the end.
fn brotli_bomb() -> Vec<u8> {
    let hex = "cbffff3ff82700e2b14020f7fe8fffff7ff04f00c4611180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcffff837f02200e0b0074\
effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffe3ffff1ffc1300715800a07bffc7ffff3ff82700e2b00040f7fe8fffff7ff04f00c4610180eefd1f\
ffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcffff837f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffe3ffff\
1ffc1300715800a07bffc7ffff3ff82700e2b00040f7fe8fffff7ff04f00c4610180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcffff837f\
02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffe3ffff1ffc1300715800a07bffc7ffff3ff82700e2b00040f7fe8fffff7ff04f00c4\
610180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcffff837f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00\
d0bdffe3ffff1ffc1300715800a07bff37";
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_bomb_is_stopped_in_proportion_to_what_came_over_the_wire() {
    flat(|| {
        let zeros = vec![0; 32 * MB];
        let gzipped = gzip(&zeros);
        let zstandard = zstd(&zeros);
        drop(zeros);
        let bombs: [(&[u8], Vec<u8>); 7] = [
            (b"gzip", [gzipped.as_slice(); 8].concat()),
            (b"zstd", [zstandard.as_slice(); 8].concat()),
            (b"br", brotli_bomb()),
            (b"gzip, gzip", gzip(&[gzipped.as_slice(); 8].concat())),
            (b"zstd, gzip", gzip(&[zstandard.as_slice(); 64].concat())),
            (b"zstd, zstd, zstd", zstd(&zstd(&[zstandard.as_slice(); 64].concat()))),
            (b"gzip, gzip, zstd, gzip", gzip(&zstd(&gzip(&[gzipped.as_slice(); 8].concat())))),
        ];
        for (coding, bomb) in bombs {
            for size in [1, 1000, bomb.len()] {
                let name = String::from_utf8_lossy(coding);
                let (mut decoder, mut grown) = (Decoder::new(Some(coding)), 0_u64);
                for piece in bomb.chunks(size) {
                    decoder.feed(piece, &mut |piece| grown += piece.len() as u64);
                }
                decoder.end();

                assert_eq!(decoder.defects().iter().collect::<Vec<_>>(), [Defect::DecodeLimit], "{name}");
                let fair = limits::DECODE_RATIO_GRACE_BYTES + limits::DECODE_RATIO_MAX * bomb.len() as u64;
                assert!(grown <= fair + limits::DECODE_PIECE_BYTES as u64, "{grown} of {name}");
            }
            let head = [EVENTS, (b"content-encoding".as_slice(), coding)];
            assert!(read(&head, [bomb.as_slice()]).0.defects.contains(Defect::DecodeLimit));
        }
    });
}

#[test]
fn a_bomb_in_a_request_is_read_within_its_bounds() {
    flat(|| {
        // A million texts of one byte each, in 16 MB of messages, in less than 100 kB on the wire.
        let text = br#"{"content":"a"},"#.repeat(1000);
        let (first, last) = (br#"{"model":"m","messages":["#.as_slice(), b"{}]}".as_slice());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(first).unwrap();
        (0..1000).for_each(|_| encoder.write_all(&text).unwrap());
        encoder.write_all(last).unwrap();
        let compressed = encoder.finish().unwrap();
        let facts = read_request(&chat(), Headers(&[(b"content-encoding", b"gzip")]), &compressed);

        assert_eq!(facts.model.as_deref(), Some("m"));
        assert_eq!(facts.prompt.texts().count(), limits::PROMPT_TEXTS_MAX);
    });
}

#[test]
fn nesting_is_followed_as_far_as_it_is_sane() {
    flat(|| {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"usage\":", "}]")] {
            let body = [open.repeat(100_000), "1".to_owned(), close.repeat(100_000)].concat();
            for size in [7, body.len()] {
                let (finding, _) = read(&[JSON], body.as_bytes().chunks(size));
                assert!(finding.defects.contains(Defect::TooDeep), "{open}");
                assert!(!finding.defects.contains(Defect::Malformed), "{open}");
            }
            let half = &body.as_bytes()[..body.len() / 2];
            assert!(read(&[JSON], [half]).0.defects.contains(Defect::Truncated));
            let facts = read_request(&chat(), Headers(&[JSON]), body.as_bytes());
            assert!(facts.defects.contains(Defect::TooDeep), "{open}");
        }
    });
}

#[test]
fn lines_and_scalars_without_end_pass_through() {
    flat(|| {
        let block = vec![b'x'; 64 << 10];
        let digits = vec![b'7'; 64 << 10];
        let escapes = "\\ud83d\\ude00".repeat(4 << 10).into_bytes();
        let spaces = vec![b' '; 64 << 10];
        // What comes before, what is repeated, what comes behind.
        let cases: [(_, &[u8], &[u8], &[u8]); 10] = [
            (EVENTS, b"data: {\"choices\":[{\"delta\":{\"content\":\"", &block, b"\"}}]}\n\n"),
            (EVENTS, b"data: {\"choices\":[{\"delta\":{\"content\":\"", &escapes, b"\"}}]}\n\n"),
            (EVENTS, b"event: ", &block, b"\n\n"),
            (EVENTS, b"x", &block, b"\n\n"),
            (EVENTS, b": ", &block, b"\n\n"),
            (EVENTS, b"data: {\"id\":\"", &block, b"\"}\n\n"),
            (EVENTS, b"data: {\"", &block, b"\":1}\n\n"),
            (EVENTS, b"data: {\"n\":[", &spaces, b"]}\n\n"),
            (LINES, b"{\"choices\":[{\"delta\":{\"content\":\"", &block, b"\"}}]}\n"),
            (LINES, b"{\"n\":\"", &digits, b"\"}\n"),
        ];
        for (head, before, repeated, behind) in cases {
            let usage =
                if head == EVENTS { [b"data: ", USAGE, b"\n\n"].concat() } else { [USAGE, b"\n"].concat() };
            let endless = std::iter::repeat_n(repeated, 10 * MB / repeated.len());
            let pieces = std::iter::once(before).chain(endless).chain([behind, &usage]);
            let (finding, _) = read(&[head], pieces);

            assert_eq!(finding.usage.output_tokens, Some(4), "{}", before.escape_ascii());
        }
        let number = [b"{\"n\":".as_slice(), &digits.repeat(160), b"}"].concat();
        let (finding, _) = read(&[JSON], number.chunks(999));
        assert!(finding.defects.contains(Defect::Malformed));
    });
}

#[test]
fn a_cut_inside_a_character_loses_at_most_that_character() {
    let text = "\u{e9}\u{4e2d}\u{1f600}";
    let stream = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    for cut in 0..=stream.len() {
        let (left, right) = stream.as_bytes().split_at(cut);
        let mut told = String::new();
        let facts = RequestFacts { stream: true, choices: 1, ..RequestFacts::default() };
        let mut reply = Reply::new(&chat(), &facts, 200, Headers(&[EVENTS]));
        reply.feed(left, &mut |piece| told.push_str(piece));
        let mut broken_off = told.clone();
        reply.feed(right, &mut |piece| told.push_str(piece));
        reply.end(true, &mut |piece| told.push_str(piece));
        assert_eq!(told, text, "{cut}");

        let mut reply = Reply::new(&chat(), &facts, 200, Headers(&[EVENTS]));
        reply.feed(left, &mut |_| {});
        reply.end(false, &mut |piece| broken_off.push_str(piece));
        let whole = broken_off.trim_end_matches(char::REPLACEMENT_CHARACTER);
        assert!(text.starts_with(whole), "{cut}: {broken_off}");
        assert!(reply.finding().defects.contains(Defect::Truncated));
    }
}

/// Counts messages that ended, whole and cut.
#[derive(Default)]
struct Ends {
    whole: usize,
    cut: usize,
}

impl Messages for Ends {
    fn message(&mut self, _: &str, _: &str, _: &str) {}
    fn payload(&mut self, _: &[u8]) {}
    fn end(&mut self, intact: bool) {
        if intact { self.whole += 1 } else { self.cut += 1 }
    }
}

#[test]
fn a_cut_inside_the_prelude_of_a_message_is_truncated() {
    let message = event_stream::encode(&[(":message-type", "event")], USAGE).unwrap();
    for cut in 1..12 {
        let mut stream = EventStream::new();
        let mut ends = Ends::default();
        let bytes = [message.as_slice(), &message[..cut]].concat();
        assert_eq!(stream.feed(&bytes, &mut ends), Some(message.len()));
        assert!(!stream.at_boundary());
        stream.end(&mut ends);

        assert_eq!((ends.whole, ends.cut), (1, 0), "{cut}");
        assert_eq!(stream.defects().iter().collect::<Vec<_>>(), [Defect::Truncated]);
    }
}

#[test]
fn the_last_of_duplicate_keys_counts() {
    let body = br#"{"usage":{"prompt_tokens":1,"completion_tokens":1},"usage":{"prompt_tokens":2,"completion_tokens":9,"prompt_tokens":3},"choices":[]}"#;
    let (finding, _) = read(&[JSON], body.chunks(5));

    assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(3), Some(9)));
    assert!(finding.defects.is_empty());
}

#[test]
fn a_head_that_lies_is_found_out_or_named() {
    let events = [b"data: ", USAGE, b"\n\ndata: [DONE]\n\n"].concat();
    let coded = |coding: &'static [u8]| [JSON, (b"content-encoding".as_slice(), coding)];
    let right: [(Head<'_>, &[u8]); 5] = [
        (&[EVENTS], USAGE),
        (&[JSON], &events),
        (&[], &events),
        (&[(b"content-type", b"text/plain")], USAGE),
        (&coded(b" identity ,"), USAGE),
    ];
    for (head, body) in right {
        let (finding, _) = read(head, body.chunks(3));
        assert_eq!(finding.usage.output_tokens, Some(4), "{head:?}");
    }

    let many = vec![b"gzip".as_slice(); 1000].join(b",".as_slice());
    let wrong: [(Head<'_>, &[u8], Defect); 7] = [
        (&coded(b"gzip"), USAGE, Defect::Undecodable),
        (&coded(b"br"), &gzip(USAGE), Defect::Undecodable),
        (&coded(b"zstd"), USAGE, Defect::Undecodable),
        (&coded(b"lzma"), USAGE, Defect::Undecodable),
        (&[JSON, (b"content-encoding", &many)], &gzip(USAGE), Defect::Undecodable),
        (&[JSON], &gzip(USAGE), Defect::Malformed),
        (&[(b"content-type", b"text/html")], USAGE, Defect::NoUsage),
    ];
    for (head, body, defect) in wrong {
        let (finding, text) = read(head, body.chunks(3));
        assert!(finding.defects.contains(defect), "{:?} {:?}", head, finding.defects);
        assert_eq!((finding.usage.output_tokens, text), (None, 0));
    }
}

#[test]
fn the_memory_of_this_process_is_seen() {
    let before = peak();
    let block = std::hint::black_box(vec![1_u8; 8 * MB]);

    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after >= before && after >= block.len() as u64);
    }
}
