//! Reads one reply as it arrives: decoding, framing, scanning, and what a dialect finds in it.
//!
//! It owns the order of these and what a finding says about a reply's end. It refuses to know any dialect's paths.

use super::envelope::Envelope;
use super::finding::{Finding, Progress, SubCall};
use super::framing::Framing;
use super::lane::{Json, Lane};
use super::reader::{Head, Outcome};
use super::{Dialect, RequestFacts};
use crate::decode::Decoder;
use crate::detect::{Operation, Route};
use crate::headers::Headers;
use crate::usage::{Defect, Defects, Provenance};

/// The status of a response behind which a session begins.
pub(crate) const SWITCHING_PROTOCOLS: u16 = 101;

/// What a reply is to be, as far as the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The result of work asked for earlier: a file of many documents is no stream.
    Result,
    /// One document.
    Document,
    /// A stream.
    Stream,
    /// A stream by the path itself, so that even its refusal is the answer to one.
    StreamByPath,
}

impl Asked {
    fn by(route: &Route, facts: &RequestFacts) -> Self {
        match (route.poll, route.stream, facts.stream) {
            (true, _, _) => Self::Result,
            (false, true, _) => Self::StreamByPath,
            (false, false, true) => Self::Stream,
            (false, false, false) => Self::Document,
        }
    }

    /// Whether a reply in this framing counts as streamed.
    fn streamed(self, framing: &Framing) -> bool {
        self == Self::StreamByPath || (self != Self::Result && framing.is_stream())
    }
}

/// Reader of one reply.
pub struct Reply {
    decoder: Decoder,
    body: Body,
    /// The finding says what was read last.
    fresh: bool,
}

impl Reply {
    /// A reader for the reply to the request of `facts` on `route`, before its body.
    pub fn new(route: &Route, facts: &RequestFacts, status: u16, headers: Headers<'_>) -> Self {
        let head = Head { route, facts, headers };
        let session = status == SWITCHING_PROTOCOLS;
        let framing = if session { Framing::of_session(headers) } else { Framing::of(&head) };
        let asked = Asked::by(route, facts);
        let mut finding = Finding { streamed: asked.streamed(&framing), ..Finding::default() };
        if route.operation == Operation::Unknown {
            finding.defects.insert(Defect::UnknownOperation);
        }
        Self {
            decoder: Decoder::new(headers.get("content-encoding")),
            body: Body {
                billable: route.billable,
                asked,
                success: session || (200..300).contains(&status),
                dialect: route.dialect,
                framing,
                json: Json::new(route.dialect.reader(&head), Envelope::of(headers), finding.defects),
                finding,
            },
            fresh: true,
        }
    }

    /// Takes the next bytes of the body as they came over the wire. `text` gets generated output text, tool-call arguments and visible
    /// reasoning, in pieces.
    pub fn feed(&mut self, chunk: &[u8], text: &mut dyn FnMut(&str)) -> Progress {
        let Self { decoder, body, fresh } = self;
        *fresh = false;
        if decoder.is_identity() {
            let boundary = body.feed(chunk, text);
            let at_boundary = body.framing.at_boundary();
            return Progress { boundary, at_boundary };
        }
        decoder.feed(chunk, &mut |decoded| {
            body.feed(decoded, text);
        });
        Progress::default()
    }

    /// Whether words can be put into the stream: it is not compressed.
    pub fn is_plain(&self) -> bool {
        self.decoder.is_identity()
    }

    /// The error that ends a stream which is cut at a boundary; close the connection behind it.
    pub fn last_words(&self, message: &str, code: &str) -> Vec<u8> {
        self.body.framing.last_words(self.body.dialect, message, code)
    }

    /// Says that no more bytes come. `complete` is false if the connection was cut.
    pub fn end(&mut self, complete: bool, text: &mut dyn FnMut(&str)) {
        self.decoder.end();
        self.body.end(complete, self.decoder.defects(), text);
        self.fresh = true;
    }

    /// What is known so far; final after [`Reply::end`]. Put together when it is asked for: nobody asks behind each event.
    pub fn finding(&mut self) -> &Finding {
        if !std::mem::replace(&mut self.fresh, true) {
            self.body.refresh(self.decoder.defects());
        }
        &self.body.finding
    }

    /// The same, its dialect told of what it does not heed too.
    #[cfg(test)]
    pub(super) fn told_everything(mut self) -> Self {
        self.body.json.tell_everything();
        self
    }

    /// Whether it is a stream, as far as is known.
    pub fn is_streamed(&self) -> bool {
        self.body.finding.streamed
    }
}

/// The decoded body.
struct Body {
    billable: bool,
    asked: Asked,
    success: bool,
    dialect: Dialect,
    framing: Framing,
    json: Json,
    finding: Finding,
}

impl Body {
    fn feed(&mut self, bytes: &[u8], text: &mut dyn FnMut(&str)) -> Option<usize> {
        // A refusal is one document, whatever was asked for.
        let stream = self.success && matches!(self.asked, Asked::Stream | Asked::StreamByPath);
        let skipped = self.framing.settle(bytes, stream, self.dialect.streams_in_lines());
        self.finding.streamed = self.asked.streamed(&self.framing);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let mut lane = Lane { json: &mut self.json, text };
        self.framing.feed(bytes, &mut lane).map(|boundary| boundary + skipped)
    }

    /// Brings the finding up to date. `decoding` are the decoder's defects.
    fn refresh(&mut self, decoding: Defects) -> Outcome {
        let outcome = self.json.reader.outcome();
        let envelope = &self.json.envelope;
        let finding = &mut self.finding;
        keep(&mut finding.response_model, outcome.model.as_ref().or(envelope.model.as_ref()));
        keep(&mut finding.response_id, outcome.id.as_ref().or(envelope.id.as_ref()));
        keep(&mut finding.service_tier, outcome.service_tier.as_ref().or(envelope.service_tier.as_ref()));
        let failed = envelope.error || !self.success;
        let error = outcome.error_code.as_ref().or(envelope.error_name());
        keep(&mut finding.error_code, error.filter(|_| failed));
        finding.text_seen = self.json.text_seen;
        finding.pending = outcome.pending;
        finding.finished = match self.framing {
            Framing::Document | Framing::Array(_) => self.json.scanner.is_complete(),
            Framing::Events(_) | Framing::Lines(_) | Framing::Messages(_) | Framing::Session(_) => {
                self.json.done || outcome.ended
            }
            Framing::Unsure(_) | Framing::Opaque => false,
        };
        finding.defects = self.json.defects;
        for defect in decoding.iter() {
            // Whether the reply is cut is said by its protocol, not by the trailer of a coding.
            if defect != Defect::Truncated {
                finding.defects.insert(defect);
            }
        }
        finding.defects.extend(self.json.scanner.defects());
        finding.defects.extend(self.framing.defects());
        if envelope.error && self.framing.is_stream() {
            finding.defects.insert(Defect::StreamError);
        }
        if self.billable {
            finding.provenance =
                if outcome.usage.is_some() { Provenance::Reported } else { Provenance::None };
            finding.usage = outcome.usage.clone().unwrap_or_default();
            finding.stated_cost = outcome.cost.or(envelope.cost.total());
            finding.defects.extend(outcome.defects);
            let other = |call: &&SubCall| Some(&call.model) != finding.response_model.as_ref();
            finding.tool_calls.clone_from(&outcome.tool_calls);
            finding.sub_calls = outcome.sub_calls.iter().filter(other).cloned().collect();
        }
        outcome
    }

    fn end(&mut self, complete: bool, decoding: Defects, text: &mut dyn FnMut(&str)) {
        let mut lane = Lane { json: &mut self.json, text };
        lane.json.closing = true;
        self.framing.end(&mut lane);
        let outcome = self.refresh(decoding);
        let unreadable = decoding.contains(Defect::Undecodable) || decoding.contains(Defect::DecodeLimit);
        let whole = complete && !unreadable && !decoding.contains(Defect::Truncated);
        let paid = self.billable && self.success;
        let finding = &mut self.finding;
        finding.finished |= match self.framing {
            Framing::Events(_) | Framing::Messages(_) => whole && outcome.stopped,
            Framing::Lines(_) => whole && (outcome.stopped || self.asked == Asked::Result),
            // A paid stream that was announced and never began has lost its answer.
            Framing::Unsure(_) => whole && !(finding.streamed && paid),
            Framing::Opaque => whole,
            // Most clients leave without a word.
            Framing::Session(_) => whole && !finding.defects.contains(Defect::Truncated),
            Framing::Document | Framing::Array(_) => false,
        };
        let one = matches!(self.framing, Framing::Document | Framing::Array(_));
        let malformed = one && self.json.scanner.is_broken() && whole;
        let failed = finding.defects.contains(Defect::StreamError);
        if !finding.finished && !failed && !malformed && !unreadable {
            finding.defects.insert(Defect::Truncated);
        }
        if paid && finding.provenance == Provenance::None && !outcome.pending {
            finding.defects.insert(Defect::NoUsage);
        }
    }
}

/// Makes `slot` say what is `stated`, which it nearly always says already.
fn keep(slot: &mut Option<String>, stated: Option<&String>) {
    if slot.as_ref() != stated {
        *slot = stated.cloned();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::dialect::Dialect;
    use crate::dialect::sample::{Sample, route};
    use crate::frame::web_socket::text_frame;

    const DOCUMENT: &str = r#"{"model":"m","choices":[{"message":{"content":"h\u00e9 \ud83d\ude00"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    const STREAM: &str = ": hi\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"h\u{e9}\"},\"finish_reason\":\"stop\"}]}\r\n\r\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\r\n\r\ndata: [DONE]\r\n\r\n";

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_first_bytes_correct_the_content_type() {
        let cases: [(&[u8], &str, bool); 6] = [
            (b"text/event-stream", DOCUMENT, false),
            (b"application/json", STREAM, true),
            (b"text/plain", STREAM, true),
            (b"", DOCUMENT, false),
            (b"application/octet-stream", DOCUMENT, false),
            (b"application/vnd.x+json", DOCUMENT, false),
        ];
        for (content_type, body, streamed) in cases {
            let padded = format!("\u{feff} \n\n{body}");
            let mut sample = Sample::document(Dialect::OpenAiChat, &padded);
            sample.headers = vec![(b"content-type", content_type)];
            let (finding, _) = sample.read();

            assert_eq!(
                (finding.streamed, finding.usage.output_tokens),
                (streamed, Some(2)),
                "{content_type:?}"
            );
            assert!(finding.defects.is_empty() && finding.finished);
        }
    }

    #[test]
    fn flaws_are_named_and_nothing_is_raised() {
        let cases = [
            (Sample::document(Dialect::OpenAiChat, ""), vec![Defect::NoUsage]),
            (
                Sample::document(Dialect::OpenAiChat, "{\"usage\":{}"),
                vec![Defect::Truncated, Defect::NoUsage],
            ),
            (Sample::document(Dialect::OpenAiChat, "{\"usage\"}"), vec![Defect::Malformed, Defect::NoUsage]),
            (Sample::document(Dialect::OpenAiChat, "Bad Gateway"), vec![Defect::Malformed, Defect::NoUsage]),
            (Sample::stream(Dialect::OpenAiChat, ""), vec![Defect::Truncated, Defect::NoUsage]),
            (
                Sample::stream(Dialect::OpenAiChat, "data: {\"a\":\n\n"),
                vec![Defect::Truncated, Defect::Malformed, Defect::NoUsage],
            ),
            (Sample::stream(Dialect::OpenAiChat, "data: \n\ndata: [DONE]"), vec![Defect::NoUsage]),
        ];
        for (sample, defects) in cases {
            let body = String::from_utf8_lossy(sample.body).into_owned();
            assert_eq!(sample.read().0.defects.iter().collect::<Vec<_>>(), defects, "{body}");
        }
    }

    #[test]
    fn an_unknown_operation_and_an_unknown_coding_are_named() {
        let mut unknown = Sample::document(Dialect::Opaque, DOCUMENT);
        unknown.route.operation = Operation::Unknown;
        unknown.route.billable = false;
        assert_eq!(unknown.read().0.defects.iter().collect::<Vec<_>>(), [Defect::UnknownOperation]);

        let mut coded = Sample::document(Dialect::OpenAiChat, DOCUMENT);
        coded.headers.push((b"content-encoding", b"lzma"));
        assert_eq!(coded.read().0.defects.iter().collect::<Vec<_>>(), [Defect::Undecodable, Defect::NoUsage]);
    }

    #[test]
    fn boundaries_are_told_for_identity_coded_streams_only() {
        let facts = RequestFacts::default();
        let sse: [(&[u8], &[u8]); 1] = [(b"content-type", b"text/event-stream")];
        let mut reply = Reply::new(&route(Dialect::OpenAiChat), &facts, 200, Headers(&sse));
        let mut feed = |chunk: &str| reply.feed(chunk.as_bytes(), &mut |_| {});

        assert_eq!(feed("\n data: {}\n\ndata"), Progress { boundary: Some(12), at_boundary: false });
        assert_eq!(feed(": {}\n\ndata: {}\n"), Progress { boundary: Some(6), at_boundary: false });
        assert_eq!(feed("\n"), Progress { boundary: Some(1), at_boundary: true });

        let coded: [(&[u8], &[u8]); 2] = [sse[0], (b"content-encoding", b"gzip")];
        let mut reply = Reply::new(&route(Dialect::OpenAiChat), &facts, 200, Headers(&coded));
        assert_eq!(reply.feed(&gzip(STREAM.as_bytes()), &mut |_| {}), Progress::default());
        assert_eq!(reply.finding().usage.output_tokens, Some(2));
    }

    #[test]
    fn usage_is_known_while_the_stream_runs() {
        let start = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n";
        let mut reply =
            Reply::new(&route(Dialect::AnthropicMessages), &RequestFacts::default(), 200, Headers(&[]));
        reply.feed(start.as_bytes(), &mut |_| {});

        assert_eq!(
            (reply.finding().usage.input_tokens, reply.finding().usage.output_tokens),
            (Some(5), None)
        );
    }

    #[test]
    fn a_long_text_streams_through() {
        let body = format!(
            r#"{{"choices":[{{"message":{{"content":"{}"}}}}],"usage":{{"completion_tokens":5}}}}"#,
            "x".repeat(20 << 20)
        );
        let (finding, text) = Sample::document(Dialect::OpenAiChat, &body).read_in(64 << 10);

        assert_eq!((text.len(), finding.usage.output_tokens), (20 << 20, Some(5)));
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(b"data: ".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"[DONE]".to_vec()),
            Just(b"event: message_stop\n".to_vec()),
            Just(b"{\"type\":\"message_delta\",\"usage\":{\"input_tokens\":5,\"output_tokens\":7}}".to_vec()),
            Just(b"{\"choices\":[{\"delta\":{\"content\":\"\\ud83d\\ude00\xf0\x9f\x98\x80\"},\"finish_reason\":\"stop\"}]}".to_vec()),
            Just(b"{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}".to_vec()),
            Just(b"{\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":3}}}".to_vec()),
            Just(b"{\"error\":{\"code\":\"x\"}}".to_vec()),
            Just(b"{\"delta\":\"abc\"".to_vec()),
            Just(b"{\"response\":{\"body\":{\"model\":\"m\",\"usage\":{\"prompt_tokens\":9}}}}\n".to_vec()),
            Just(b"{\"type\":\"response.done\",\"response\":{\"usage\":{\"output_tokens\":3}}}".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ]
    }

    proptest! {
        #[test]
        fn any_split_of_any_reply_is_found_alike(
            pieces in proptest::collection::vec(piece(), 0..14),
            dialect in prop_oneof![
                Just(Dialect::OpenAiChat), Just(Dialect::OpenAiResponses), Just(Dialect::AnthropicMessages),
                Just(Dialect::OpenAiCompletions), Just(Dialect::OpenAiMedia), Just(Dialect::Opaque),
                Just(Dialect::OpenAiRuns), Just(Dialect::OpenAiBatchResults), Just(Dialect::AnthropicBatchResults),
                Just(Dialect::OpenAiRealtime), Just(Dialect::GeminiLive),
            ],
            content_type in prop_oneof![Just("text/event-stream"), Just("application/json"), Just("")],
            encoded in any::<bool>(),
            complete in any::<bool>(),
            size in 1usize..11,
        ) {
            let plain = pieces.concat();
            let body = if encoded { gzip(&plain) } else { plain };
            let mut headers: Vec<(&[u8], &[u8])> = vec![(b"content-type", content_type.as_bytes())];
            if encoded {
                headers.push((b"content-encoding", b"gzip"));
            }
            let sample = Sample { route: route(dialect), status: 200, headers, body: &body, complete };

            prop_assert_eq!(sample.read_in(size), sample.read_in(body.len()));
        }

        #[test]
        fn any_split_of_any_session_is_found_alike(
            pieces in proptest::collection::vec((piece(), any::<bool>()), 0..14),
            dialect in prop_oneof![Just(Dialect::OpenAiRealtime), Just(Dialect::GeminiLive), Just(Dialect::Opaque)],
            complete in any::<bool>(),
            size in 1usize..11,
        ) {
            let framed = |(piece, whole): &(Vec<u8>, bool)| {
                if *whole { text_frame(&String::from_utf8_lossy(piece)) } else { piece.clone() }
            };
            let body: Vec<u8> = pieces.iter().flat_map(framed).collect();
            let sample = Sample { complete, ..Sample::session(dialect, &body) };

            prop_assert_eq!(sample.read_in(size), sample.read_in(body.len()));
        }
    }
}
