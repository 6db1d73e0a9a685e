//! How a body is divided into JSON documents: guessed from the head, settled by the first bytes, then followed.
//!
//! It owns that choice and where words of our own may be put in. It refuses to know what the documents say.

use super::Dialect;
use super::bedrock_stream::BedrockStream;
use super::lane::Lane;
use super::reader::Head;
use super::refusal;
use crate::frame::json_array::JsonArray;
use crate::frame::json_lines::JsonLines;
use crate::frame::sse::Sse;
use crate::frame::web_socket::{Compression, Sender, WebSocket, close_frame, text_frame};
use crate::headers::Headers;
use crate::usage::Defects;

/// The code of a close frame that ends a session for a reason which no other code names (RFC 6455 section 7.4.1).
const POLICY_VIOLATION: u16 = 1008;

/// What the head of a reply lets expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    Document,
    Events,
    Lines,
    Messages,
    Opaque,
}

impl Guess {
    /// By media type, dialect and what was asked for.
    pub(super) fn of(head: &Head<'_>) -> Self {
        if head.route.dialect.replies_in_lines() {
            return Self::Lines;
        }
        let media = head.headers.media_type();
        match media.as_deref() {
            Some("text/event-stream") => Self::Events,
            Some(
                "application/x-ndjson"
                | "application/ndjson"
                | "application/jsonl"
                | "application/x-jsonl"
                | "application/jsonlines"
                | "application/stream+json"
                | "application/json-seq",
            ) => Self::Lines,
            Some("application/vnd.amazon.eventstream") => Self::Messages,
            Some(json) if json.ends_with("json") => Self::Document,
            None if head.facts.stream => Self::Events,
            _ => Self::Opaque,
        }
    }
}

/// How the documents of a body follow one another.
pub(super) enum Framing {
    /// Nothing but white space and a byte order mark was seen.
    Unsure(Guess),
    /// One document.
    Document,
    /// One array whose elements are the events of a stream.
    Array(JsonArray),
    /// Server-sent events.
    Events(Sse),
    /// A document a line.
    Lines(JsonLines),
    /// Messages of an AWS event stream.
    Messages(Box<BedrockStream>),
    /// Messages of a session, of the side that is answering.
    Session(Box<WebSocket>),
    /// Not JSON.
    Opaque,
}

impl Framing {
    /// Of what follows a response that switched to a `WebSocket`.
    pub(super) fn of_session(headers: Headers<'_>) -> Self {
        let compression = Compression::agreed(headers.get("sec-websocket-extensions"));
        Self::Session(Box::new(WebSocket::new(Sender::Server, compression)))
    }

    /// Before the first byte.
    pub(super) fn of(head: &Head<'_>) -> Self {
        let media = head.headers.media_type();
        // What says that it is neither JSON nor text of any kind is believed.
        let readable = match media.as_deref() {
            None | Some("" | "text/plain" | "application/octet-stream") => true,
            Some(_) => Guess::of(head) != Guess::Opaque,
        };
        if readable { Self::Unsure(Guess::of(head)) } else { Self::Opaque }
    }

    /// Whether the reply is a stream, or was announced as one.
    pub(super) fn is_stream(&self) -> bool {
        match self {
            Self::Array(_) | Self::Events(_) | Self::Lines(_) | Self::Messages(_) | Self::Session(_) => true,
            Self::Unsure(guess) => matches!(guess, Guess::Events | Guess::Lines | Guess::Messages),
            Self::Document | Self::Opaque => false,
        }
    }

    /// Settles an unsure framing by the first byte that is not blank, if there is one. `asked` tells whether a stream was asked
    /// for. Returns how many bytes to leave out.
    pub(super) fn settle(&mut self, bytes: &[u8], asked: bool, lines: bool) -> usize {
        let Self::Unsure(guess) = *self else { return 0 };
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf);
        let skipped = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
        *self = match (bytes.get(skipped), guess) {
            (None, _) => return skipped,
            (Some(b'['), _) if asked => Self::Array(JsonArray::new()),
            (Some(b'{'), Guess::Lines) => Self::Lines(JsonLines::new()),
            (Some(b'{'), _) if asked && lines => Self::Lines(JsonLines::new()),
            (Some(b'{' | b'['), _) => Self::Document,
            // The high byte of a message's length, which is at most 24 MiB.
            (Some(0 | 1), _) if asked => Self::Messages(Box::default()),
            (_, Guess::Messages) => Self::Messages(Box::default()),
            // `data:`, `event:` or a comment.
            (Some(b'd' | b'e' | b':'), _) | (_, Guess::Events) => Self::Events(Sse::new()),
            (_, Guess::Document) => Self::Document,
            // Lines that are none are a file of something else.
            (_, Guess::Lines | Guess::Opaque) => Self::Opaque,
        };
        skipped
    }

    /// Takes the next bytes; the offset just behind the last whole document of a stream in them, if there is one.
    pub(super) fn feed(&mut self, bytes: &[u8], lane: &mut Lane<'_>) -> Option<usize> {
        match self {
            Self::Events(sse) => sse.feed(bytes, lane),
            Self::Lines(lines) => lines.feed(bytes, lane),
            Self::Messages(messages) => messages.feed(bytes, lane),
            Self::Session(socket) => socket.feed(bytes, lane),
            Self::Array(array) => {
                lane.scan(bytes);
                array.feed(bytes)
            }
            Self::Document => {
                lane.scan(bytes);
                None
            }
            Self::Unsure(_) | Self::Opaque => None,
        }
    }

    /// Says that no more bytes come.
    pub(super) fn end(&mut self, lane: &mut Lane<'_>) {
        match self {
            Self::Events(sse) => sse.end(lane),
            Self::Lines(lines) => lines.end(lane),
            Self::Messages(messages) => messages.end(lane),
            Self::Session(socket) => socket.end(lane),
            Self::Document | Self::Array(_) => lane.finish(),
            Self::Unsure(_) | Self::Opaque => {}
        }
    }

    /// Whether the stream stands between two documents: words may be put here.
    pub(super) fn at_boundary(&self) -> bool {
        match self {
            Self::Events(sse) => sse.at_boundary(),
            Self::Lines(lines) => lines.at_boundary(),
            Self::Messages(messages) => messages.at_boundary(),
            Self::Array(array) => array.at_boundary(),
            Self::Session(socket) => socket.at_boundary(),
            Self::Unsure(_) | Self::Document | Self::Opaque => false,
        }
    }

    /// What was wrong with the framing so far.
    pub(super) fn defects(&self) -> Defects {
        match self {
            Self::Events(sse) => sse.defects(),
            Self::Lines(lines) => lines.defects(),
            Self::Messages(messages) => messages.defects(),
            Self::Session(socket) => socket.defects(),
            _ => Defects::default(),
        }
    }

    /// The error that ends the stream at a boundary, in the words of `dialect`.
    pub(super) fn last_words(&self, dialect: Dialect, message: &str, code: &str) -> Vec<u8> {
        match self {
            Self::Lines(_) => [refusal::error_body(dialect, message, code), b"\n".to_vec()].concat(),
            Self::Array(_) => {
                [b",".to_vec(), refusal::error_body(dialect, message, code), b"]".to_vec()].concat()
            }
            Self::Messages(_) => refusal::error_message(dialect, message, code),
            Self::Session(_) => {
                let said = refusal::session_message(dialect, message, code);
                [text_frame(&said), close_frame(POLICY_VIOLATION, message)].concat()
            }
            _ => refusal::error_event(dialect, message, code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RequestFacts;
    use super::super::sample::route;
    use super::*;

    fn settled(media: &str, dialect: Dialect, stream: bool, body: &str) -> &'static str {
        let facts = RequestFacts { stream, ..RequestFacts::default() };
        let fields: [(&[u8], &[u8]); 1] = [(b"content-type", media.as_bytes())];
        let headers = Headers(if media.is_empty() { &[] } else { &fields });
        let mut framing = Framing::of(&Head { route: &route(dialect), facts: &facts, headers });
        for byte in body.as_bytes().chunks(1) {
            framing.settle(byte, stream, dialect.streams_in_lines());
        }
        match framing {
            Framing::Unsure(_) => "unsure",
            Framing::Document => "document",
            Framing::Array(_) => "array",
            Framing::Events(_) => "events",
            Framing::Lines(_) => "lines",
            Framing::Messages(_) => "messages",
            Framing::Session(_) => "session",
            Framing::Opaque => "opaque",
        }
    }

    #[test]
    fn head_and_first_byte_say_how_documents_follow_one_another() {
        use Dialect::{
            BedrockConverse, BedrockInvoke, GeminiGenerate, OllamaChat, OpenAiBatchResults, OpenAiChat,
        };
        let cases = [
            ("application/json", OpenAiChat, false, " \u{feff}{", "document"),
            ("application/json", GeminiGenerate, true, "\n[", "array"),
            ("application/json", GeminiGenerate, false, "[", "document"),
            ("application/json", GeminiGenerate, true, "{\"error\"", "document"),
            ("text/event-stream", GeminiGenerate, true, "data: {", "events"),
            ("application/x-ndjson", OllamaChat, true, "{", "lines"),
            ("application/json", OllamaChat, true, "{", "lines"),
            ("application/json", OllamaChat, false, "{", "document"),
            ("application/octet-stream", OpenAiBatchResults, false, "{", "lines"),
            ("application/octet-stream", OpenAiBatchResults, false, "%PDF", "opaque"),
            ("application/json", OpenAiChat, true, ": comment", "events"),
            ("application/json", OpenAiChat, true, "", "unsure"),
            ("", OpenAiChat, true, "x", "events"),
            ("text/html", OpenAiChat, true, "{", "opaque"),
            ("application/vnd.amazon.eventstream", BedrockConverse, true, "", "unsure"),
            ("application/vnd.amazon.eventstream", BedrockConverse, true, "\0", "messages"),
            ("application/vnd.amazon.eventstream", BedrockConverse, true, "{", "document"),
            ("", BedrockInvoke, true, "\0", "messages"),
            ("application/octet-stream", BedrockInvoke, false, "\0", "opaque"),
        ];
        for (media, dialect, stream, body, expected) in cases {
            assert_eq!(settled(media, dialect, stream, body), expected, "{media} {dialect:?} {body:?}");
        }
    }

    #[test]
    fn the_last_words_fit_the_framing() {
        let words = |framing: Framing| {
            let said = framing.last_words(Dialect::OllamaChat, "no more", "insufficient_quota");
            String::from_utf8(said).unwrap()
        };

        assert_eq!(words(Framing::Lines(JsonLines::new())), "{\"error\":\"no more\"}\n");
        assert_eq!(words(Framing::Array(JsonArray::new())), ",{\"error\":\"no more\"}]");
        assert_eq!(words(Framing::Events(Sse::new())), "data: {\"error\":\"no more\"}\n\n");
        let session = Framing::of_session(Headers(&[]));
        let said = session.last_words(Dialect::OpenAiRealtime, "no more", "insufficient_quota");
        assert!(said.starts_with(b"\x81\x73{"), "{said:?}");
        assert!(said.ends_with(b"\"type\":\"error\"}\x88\x09\x03\xf0no more"), "{said:?}");
    }
}
