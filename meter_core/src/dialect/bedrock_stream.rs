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
