//! Bedrock's streams: messages of an AWS event stream become the events of a dialect.
//!
//! It owns what a message is, an event, a wrapped chunk or an exception, and the words that end a stream. It refuses to know what
//! an event says.

use super::bedrock_chunk::Chunk;
use super::lane::Lane;
use crate::frame::event_stream::{EventStream, Messages};
use crate::usage::Defects;

/// What the payload of the current message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Payload {
    /// The JSON of an event.
    #[default]
    Event,
    /// An event of the model's own, wrapped.
    Chunk,
    /// What an exception says to people.
    Words,
}

/// Follows one stream.
#[derive(Debug, Default)]
pub(super) struct BedrockStream {
    stream: EventStream,
    payload: Payload,
    chunk: Chunk,
}

impl BedrockStream {
    /// Takes the next bytes; the offset just behind the last complete message in them, if there is one.
    pub(super) fn feed(&mut self, bytes: &[u8], lane: &mut Lane<'_>) -> Option<usize> {
        let Self { stream, payload, chunk } = self;
        stream.feed(bytes, &mut Unfolding { payload, chunk, lane })
    }

    /// Says that no more bytes come.
    pub(super) fn end(&mut self, lane: &mut Lane<'_>) {
        let Self { stream, payload, chunk } = self;
        stream.end(&mut Unfolding { payload, chunk, lane });
    }

    /// Whether the stream stands between two messages.
    pub(super) fn at_boundary(&self) -> bool {
        self.stream.at_boundary()
    }

    /// What was wrong with the messages and their wrappings.
    pub(super) fn defects(&self) -> Defects {
        let mut defects = self.stream.defects();
        defects.extend(self.chunk.defects());
        defects
    }
}

/// The messages of one piece on their way to the dialect.
struct Unfolding<'a, 'b> {
    payload: &'a mut Payload,
    chunk: &'a mut Chunk,
    lane: &'a mut Lane<'b>,
}

impl Messages for Unfolding<'_, '_> {
    fn message(&mut self, event_type: &str, message_type: &str, exception_type: &str) {
        *self.payload = match (message_type, event_type) {
            ("exception" | "error", _) => Payload::Words,
            (_, "chunk") => Payload::Chunk,
            _ => Payload::Event,
        };
        match self.payload {
            Payload::Words => self.lane.fail(exception_type),
            Payload::Event => self.lane.begin(event_type),
            Payload::Chunk => {}
        }
    }

    fn payload(&mut self, piece: &[u8]) {
        let lane = &mut *self.lane;
        match self.payload {
            Payload::Event => lane.scan(piece),
            Payload::Chunk => self.chunk.feed(piece, &mut |bytes| lane.scan(bytes)),
            Payload::Words => {}
        }
    }

    fn end(&mut self, intact: bool) {
        if *self.payload == Payload::Chunk {
            self.chunk.end(intact);
        }
        self.lane.next(intact);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::dialect::Dialect::{self, BedrockConverse, BedrockInvoke};
    use crate::dialect::refusal::error_message;
    use crate::dialect::sample::Sample;
    use crate::frame::event_stream::encode;
    use crate::usage::{Defect, Provenance};

    fn event(name: &str, payload: &str) -> Vec<u8> {
        let headers =
            [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
        encode(&headers, payload.as_bytes()).unwrap()
    }

    fn base64(bytes: &[u8]) -> String {
        let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let bits =
                group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
            (0..=group.len()).for_each(|place| text.push(alphabet[bits >> (18 - 6 * place) & 63]));
            text.push_str(&"=".repeat(3 - group.len()));
        }
        text
    }

    fn chunk(inner: &str) -> Vec<u8> {
        event("chunk", &format!(r#"{{"bytes":"{}","p":"abcdefgh"}}"#, base64(inner.as_bytes())))
    }

    fn defects(sample: &Sample<'_>) -> Vec<Defect> {
        sample.read().0.defects.iter().collect()
    }

    fn converse() -> Vec<u8> {
        [
            event("messageStart", r#"{"p":"abc","role":"assistant"}"#),
            event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm "}},"p":"a"}"#),
            event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"AAAA"}}}"#),
            event("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"h\u00e9"},"p":"ab"}"#),
            event("contentBlockStart", r#"{"contentBlockIndex":2,"start":{"toolUse":{"name":"f","toolUseId":"t"}}}"#),
            event("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}}"#),
            event("contentBlockStop", r#"{"contentBlockIndex":2}"#),
            event("messageStop", r#"{"stopReason":"tool_use"}"#),
            event(
                "metadata",
                r#"{"usage":{"inputTokens":3,"outputTokens":9,"totalTokens":112,"cacheReadInputTokens":100},"metrics":{}}"#,
            ),
        ]
        .concat()
    }

    #[test]
    fn a_converse_stream_is_read_to_its_metadata() {
        let body = converse();
        let (finding, text) = Sample::messages(BedrockConverse, &body).read();

        assert_eq!(text, "hm h\u{e9}f{}");
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(103), Some(9)));
        assert!(finding.streamed && finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn a_wrapped_stream_of_claude_is_unwrapped() {
        let body = [
            chunk(r#"{"type":"message_start","message":{"id":"m1","model":"claude-x","usage":{"input_tokens":4,"output_tokens":1}}}"#),
            chunk(r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"h\u00e9llo"}}"#),
            chunk(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":12}}"#),
            chunk(
                r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":4,"outputTokenCount":7}}"#,
            ),
        ]
        .concat();
        let (finding, text) = Sample::messages(BedrockInvoke, &body).read();

        assert_eq!(text, "h\u{e9}llo");
        // The body's own count comes before the metrics.
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(4), Some(12)));
        assert_eq!(finding.response_model.as_deref(), Some("claude-x"));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn the_statement_of_usage_is_the_end_however_the_connection_closes() {
        let metrics = chunk(r#"{"generation":"a","amazon-bedrock-invocationMetrics":{"inputTokenCount":4}}"#);
        for (dialect, body, input) in [(BedrockConverse, converse(), 103), (BedrockInvoke, metrics, 4)] {
            let cut = Sample { complete: false, ..Sample::messages(dialect, &body) };
            let (finding, _) = cut.read();

            assert!(finding.finished && finding.defects.is_empty(), "{dialect:?}");
            assert_eq!(finding.usage.input_tokens, Some(input));
        }
        let stopped = event("messageStop", r#"{"stopReason":"end_turn"}"#);
        assert!(Sample::messages(BedrockConverse, &stopped).read().0.finished);
        assert!(!Sample { complete: false, ..Sample::messages(BedrockConverse, &stopped) }.read().0.finished);
    }

    #[test]
    fn an_exception_is_an_error_by_its_name_and_the_last_words_are_one() {
        let begun = event("contentBlockDelta", r#"{"delta":{"text":"he"}}"#);
        let words = error_message(BedrockConverse, "no \"more\"", "insufficient_quota");
        for (dialect, begun) in [
            (BedrockConverse, &begun),
            (BedrockInvoke, &chunk(r#"{"type":"content_block_delta","delta":{"text":"he"}}"#)),
        ] {
            let body = [&begun[..], &words[..]].concat();
            let (finding, text) = Sample::messages(dialect, &body).read();

            assert_eq!(finding.error_code.as_deref(), Some("throttlingException"));
            assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage, Defect::StreamError]);
            assert_eq!(text, "he");
        }
        assert!(memchr::memmem::find(&words, br#"{"message":"no \"more\""}"#).is_some());
    }

    #[test]
    fn what_is_cut_or_broken_is_named() {
        let whole = converse();
        let cut = &whole[..whole.len() - 5];
        assert_eq!(defects(&Sample::messages(BedrockConverse, cut)), [Defect::Truncated]);

        let between = event("contentBlockDelta", r#"{"delta":{"text":"he"}}"#);
        assert_eq!(
            defects(&Sample::messages(BedrockConverse, &between)),
            [Defect::Truncated, Defect::NoUsage]
        );

        let mut wrong = whole.clone();
        if let Some(byte) = wrong.get_mut(whole.len() - 9) {
            *byte ^= 1;
        }
        assert!(defects(&Sample::messages(BedrockConverse, &wrong)).contains(&Defect::Malformed));

        for broken in [r#"{"bytes":"!"}"#, r#"{"bytes":"e30"#, r#"{"bytes":"eyJh"}"#] {
            let body = [event("chunk", broken), chunk(r#"{"generation":"a","stop_reason":"stop"}"#)].concat();
            let (finding, text) = Sample::messages(BedrockInvoke, &body).read();
            assert!(finding.defects.contains(Defect::Malformed), "{broken}");
            assert_eq!(text, "a", "{broken}");
        }
    }

    #[test]
    fn a_refusal_of_a_stream_is_a_document() {
        let mut refused =
            Sample::document(BedrockConverse, r#"{"__type":"x#ThrottlingException","message":"slow"}"#);
        refused.route.stream = true;
        refused.status = 429;
        let (finding, _) = refused.read();

        assert_eq!(finding.error_code.as_deref(), Some("ThrottlingException"));
        assert_eq!((finding.streamed, finding.provenance), (true, Provenance::None));
        assert!(finding.finished && finding.defects.is_empty());
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(event("contentBlockDelta", r#"{"delta":{"text":"a\u00e9"}}"#)),
            Just(event(
                "metadata",
                r#"{"usage":{"inputTokens":3,"outputTokens":9,"cacheDetails":[{"ttl":"1h","inputTokens":1}]}}"#
            )),
            Just(chunk(r#"{"contentBlockDelta":{"delta":{"text":"b"}}}"#)),
            Just(chunk(r#"{"outputText":"c","totalOutputTextTokenCount":3,"inputTextTokenCount":1}"#)),
            Just(event("chunk", r#"{"bytes":"eyJh="#)),
            Just(event("chunk", r#"{"bytes":"eyJhIjoxfQ==","bytes":"e30="}"#)),
            Just(error_message(BedrockInvoke, "x", "")),
            Just(event("metadata", "{]")),
            proptest::collection::vec(any::<u8>(), 0..3),
        ]
    }

    proptest! {
        #[test]
        fn any_split_of_any_stream_is_found_alike(
            messages in proptest::collection::vec(message(), 0..8),
            dialect in prop_oneof![Just(BedrockConverse), Just(BedrockInvoke), Just(Dialect::Opaque)],
            complete in any::<bool>(),
            size in 1usize..40,
        ) {
            let body = messages.concat();
            let sample = Sample { complete, ..Sample::messages(dialect, &body) };

            prop_assert_eq!(sample.read_in(size), sample.read_in(body.len()));
        }
    }
}
