//! A piece of a model's own stream as Bedrock wraps it: `{"bytes":"<base64>","p":"..."}`, undone in pieces.
//!
//! It refuses to know what the bytes mean: they are one JSON event of the model's own. Nothing of them is buffered.

use crate::decode::base64::Base64;
use crate::json_scan::{Scalar, Scanner, Take, Visitor};
use crate::usage::{Defect, Defects};

/// Where the wrapped bytes stand; beside them is padding that hides their length.
const BYTES: &str = "bytes";

/// Unwraps one message after another.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    wrapping: Scanner,
    base64: Base64,
    defects: Defects,
}

impl Chunk {
    /// What was wrong with all wrappings so far.
    pub(super) fn defects(&self) -> Defects {
        let mut defects = self.defects;
        defects.extend(self.wrapping.defects());
        defects
    }

    /// Takes the next bytes of a message, cut anywhere, and hands on what they wrap.
    pub(super) fn feed(&mut self, piece: &[u8], out: &mut dyn FnMut(&[u8])) {
        self.wrapping.feed(piece, &mut Wrapped { base64: &mut self.base64, out });
    }

    /// Ends the message and stands before the next. `intact` is false if it was cut off, which is no fault of the wrapping.
    pub(super) fn end(&mut self, intact: bool) {
        if self.base64.is_broken() || (intact && !self.wrapping.is_complete()) {
            self.defects.insert(Defect::Malformed);
        }
        self.wrapping.reset();
        self.base64.reset();
    }
}

struct Wrapped<'a> {
    base64: &'a mut Base64,
    out: &'a mut dyn FnMut(&[u8]),
}

impl Visitor for Wrapped<'_> {
    fn string(&mut self, path: &str) -> Take {
        if path == BYTES { Take::Text } else { Take::Skip }
    }
    fn value(&mut self, _: &str, _: Scalar<'_>) {}
    fn text(&mut self, _: &str, piece: &str) {
        self.base64.feed(piece.as_bytes(), self.out);
    }
    fn text_end(&mut self, _: &str) {
        self.base64.end(self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(messages: &[(&str, bool)], size: usize) -> (String, bool) {
        let mut chunk = Chunk::default();
        let mut bytes = Vec::new();
        for (message, intact) in messages {
            for piece in message.as_bytes().chunks(size) {
                chunk.feed(piece, &mut |out| bytes.extend_from_slice(out));
            }
            chunk.end(*intact);
        }
        (String::from_utf8(bytes).unwrap(), chunk.defects().is_empty())
    }

    #[test]
    fn bytes_are_undone_and_padding_is_not_read() {
        let messages = [
            (r#"{"bytes":"eyJhIjox","p":"abcdef"}"#, true),
            (r#"{"p":"AAAA","bytes":"fQ=="}"#, true),
            (r#"{"p":"no bytes"}"#, true),
            (r#"{"bytes":"IQ\u003d\u003d"}"#, true),
            (r#"{"bytes":"IS"#, false),
        ];
        for size in [1, 2, 3, 64] {
            assert_eq!(unwrapped(&messages, size), ("{\"a\":1}!".to_owned(), true), "{size}");
        }
    }

    #[test]
    fn a_wrapping_that_is_none_is_named() {
        for message in [r#"{"bytes":"IS*h"}"#, r#"{"bytes":"ISEh""#, "ISEh", r#"{"bytes":"I"}"#] {
            assert!(!unwrapped(&[(message, true)], 2).1, "{message}");
        }
    }
}
