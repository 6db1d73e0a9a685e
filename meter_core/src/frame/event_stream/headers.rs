//! The headers of one event-stream message; keeps the few that say what the message is, steps over all others.

use std::borrow::Cow;

use crate::limits;

/// The longest name that means anything is `:exception-type`.
const NAME_KEPT_BYTES: usize = b":exception-type".len();

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    NameLength,
    /// Bytes of the name that are left.
    Name(u8),
    Kind,
    /// Length of a value of a stated length: its high byte, if seen, and whether the value is text.
    Length {
        high: Option<u8>,
        text: bool,
    },
    /// Bytes of the value that are left.
    Value(u16),
}

/// A header that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Event,
    Message,
    Exception,
}

/// Reader of one message's headers.
#[derive(Debug, Default)]
pub(super) struct Headers {
    part: Part,
    name: Vec<u8>,
    /// Where the current value goes, if anywhere.
    slot: Option<Slot>,
    event_type: Vec<u8>,
    message_type: Vec<u8>,
    exception_type: Vec<u8>,
}

impl Headers {
    /// Stands before the first header of the next message.
    pub(super) fn reset(&mut self) {
        self.part = Part::NameLength;
        self.event_type.clear();
        self.message_type.clear();
        self.exception_type.clear();
    }

    /// Whether no header is begun and not ended.
    pub(super) fn is_between(&self) -> bool {
        self.part == Part::NameLength
    }

    /// `:event-type`, empty if absent.
    pub(super) fn event_type(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.event_type)
    }

    /// `:message-type`, empty if absent.
    pub(super) fn message_type(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.message_type)
    }

    /// `:exception-type` or `:error-code`, empty if absent.
    pub(super) fn exception_type(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.exception_type)
    }

    /// Reads the next bytes, cut anywhere; false if one breaks the format.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let Some((byte, behind)) = rest.split_first() {
            rest = match self.part {
                Part::NameLength => {
                    self.name.clear();
                    self.part = if *byte == 0 { Part::Kind } else { Part::Name(*byte) };
                    behind
                }
                Part::Name(left) => {
                    let (taken, behind) = rest.split_at(usize::from(left).min(rest.len()));
                    // One byte more than any name that means something, so that a longer one is none of them.
                    let room = NAME_KEPT_BYTES + 1 - self.name.len();
                    self.name.extend_from_slice(taken.get(..room).unwrap_or(taken));
                    let left = left - u8::try_from(taken.len()).unwrap_or(left);
                    self.part = if left == 0 { Part::Kind } else { Part::Name(left) };
                    behind
                }
                Part::Kind => {
                    if !self.kind(*byte) {
                        return false;
                    }
                    behind
                }
                Part::Length { high: None, text } => {
                    self.part = Part::Length { high: Some(*byte), text };
                    behind
                }
                Part::Length { high: Some(high), text } => {
                    self.slot = if text { self.wanted() } else { None };
                    self.value(u16::from_be_bytes([high, *byte]));
                    behind
                }
                Part::Value(left) => {
                    let (taken, behind) = rest.split_at(usize::from(left).min(rest.len()));
                    if let Some(kept) = self.kept() {
                        let room = limits::NAME_BYTES_MAX - kept.len();
                        kept.extend_from_slice(taken.get(..room).unwrap_or(taken));
                    }
                    let left = left - u16::try_from(taken.len()).unwrap_or(left);
                    self.part = if left == 0 { Part::NameLength } else { Part::Value(left) };
                    behind
                }
            };
        }
        true
    }

    /// Takes the type of a value; false if there is none of this number.
    fn kind(&mut self, kind: u8) -> bool {
        self.slot = None;
        match kind {
            // The booleans are their own values.
            0 | 1 => self.value(0),
            2 => self.value(1),
            3 => self.value(2),
            4 => self.value(4),
            // 64-bit integer, bytes, text, milliseconds, UUID.
            5 | 8 => self.value(8),
            6 | 7 => self.part = Part::Length { high: None, text: kind == 7 },
            9 => self.value(16),
            _ => return false,
        }
        true
    }

    /// Begins a value of `length` bytes. A header that comes twice counts as it came last.
    fn value(&mut self, length: u16) {
        if let Some(kept) = self.kept() {
            kept.clear();
        }
        self.part = if length == 0 { Part::NameLength } else { Part::Value(length) };
    }

    fn wanted(&self) -> Option<Slot> {
        match self.name.as_slice() {
            b":event-type" => Some(Slot::Event),
            b":message-type" => Some(Slot::Message),
            b":exception-type" | b":error-code" => Some(Slot::Exception),
            _ => None,
        }
    }

    fn kept(&mut self) -> Option<&mut Vec<u8>> {
        Some(match self.slot? {
            Slot::Event => &mut self.event_type,
            Slot::Message => &mut self.message_type,
            Slot::Exception => &mut self.exception_type,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
        [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[kind], value].concat()
    }

    fn text(name: &str, value: &str) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        header(name, 7, &[&length, value.as_bytes()].concat())
    }

    #[test]
    fn values_of_every_type_are_stepped_over_to_those_that_matter() {
        let section = [
            header("t", 0, &[]),
            header("f", 1, &[]),
            header("byte", 2, &[7]),
            header("short", 3, &[7; 2]),
            header("int", 4, &[7; 4]),
            header("long", 5, &[7; 8]),
            header("bytes", 6, &[0, 3, 1, 2, 3]),
            header("when", 8, &[7; 8]),
            header("uuid", 9, &[7; 16]),
            header("", 6, &[0, 0]),
            // Bytes are no text, and a longer name is another one.
            header(":event-type", 6, &[0, 1, b'x']),
            text(":exception-type-of-another-kind", "x"),
            text(":message-type", "first"),
            text(":message-type", "event"),
            text(":event-type", "chunk"),
            text(":exception-type", ""),
        ]
        .concat();
        for size in [1, 2, 3, section.len()] {
            let mut headers = Headers::default();

            assert!(section.chunks(size).all(|piece| headers.feed(piece)), "{size}");

            assert!(headers.is_between());
            assert_eq!(headers.event_type(), "chunk");
            assert_eq!(headers.message_type(), "event");
            assert_eq!(headers.exception_type(), "");
        }
    }

    #[test]
    fn an_unknown_type_is_refused_and_a_long_value_is_cut() {
        assert!(!Headers::default().feed(&header("x", 10, &[])));

        let mut headers = Headers::default();
        assert!(headers.feed(&text(":error-code", &"x".repeat(3000))));
        assert_eq!(headers.exception_type().len(), limits::NAME_BYTES_MAX);
        headers.reset();
        assert_eq!(headers.exception_type(), "");
    }
}
