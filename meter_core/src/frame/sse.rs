//! Server-sent events (WHATWG): lines in any of their three endings and any cut become event names and data in pieces.
//!
//! It owns lines, fields and event boundaries. It refuses to know what the data means, except that `[DONE]` ends a stream.
//! Nothing is buffered but a field's name.

use memchr::memchr2;

use crate::limits;
use crate::usage::{Defect, Defects};

/// Who is told what the stream says.
pub trait Events {
    /// The current event's name; an empty one takes back what was told.
    fn name(&mut self, name: &str);
    /// A piece of the current event's data; lines are joined by `\n`.
    fn data(&mut self, piece: &[u8]);
    /// The current event's data is `[DONE]`.
    fn done(&mut self);
    /// The current event is complete. `intact` is false if data beyond the limit was left out.
    fn end(&mut self, intact: bool);
}

const DONE: &[u8] = b"[DONE]";
const BOM: &[u8] = b"\xef\xbb\xbf";
/// The longest field name that means anything is `event`.
const FIELD_BYTES_MAX: usize = 5;

/// Where in a line the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    Field,
    /// Just behind the colon, where one space is dropped.
    ValueStart(Field),
    Value(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Other,
}

/// How far into `[DONE]` the event's data is; it is only handed on as data when it turns out to be something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Matched(usize),
    Settled,
    Done,
}

/// Splits one stream.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one position, each read on its own"
)]
pub struct Sse {
    at: At,
    field: Vec<u8>,
    name: Vec<u8>,
    opening: Opening,
    /// Bytes of data of the current event.
    data_bytes: usize,
    /// The current event has at least one data line.
    has_data: bool,
    /// A byte of the current event was seen: the stream does not stand between events.
    inside: bool,
    /// The last byte was a `\r` that ended a line; a `\n` right behind belongs to it.
    after_cr: bool,
    /// Lines end in a bare `\r`, so a blank line is over without waiting for a `\n`.
    bare_cr: bool,
    /// How much of a byte order mark was seen at the very start.
    bom: Option<usize>,
    defects: Defects,
}

impl Default for Sse {
    fn default() -> Self {
        Self::new()
    }
}

impl Sse {
    /// A splitter before the first byte.
    pub fn new() -> Self {
        Self {
            at: At::LineStart,
            field: Vec::with_capacity(FIELD_BYTES_MAX + 1),
            name: Vec::new(),
            opening: Opening::Matched(0),
            data_bytes: 0,
            has_data: false,
            inside: false,
            after_cr: false,
            bare_cr: false,
            bom: Some(0),
            defects: Defects::default(),
        }
    }

    /// What was wrong so far: `FrameTooLong`.
    pub fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether everything so far belongs to complete events: bytes put here start a new event.
    pub fn at_boundary(&self) -> bool {
        let marked = self.bom.is_some_and(|seen| seen > 0);
        !self.inside && !marked && self.at == At::LineStart && (!self.after_cr || self.bare_cr)
    }

    /// Splits the next bytes, cut anywhere. Returns the offset in `chunk` just behind the last complete event or comment, if one
    /// ended here.
    pub fn feed(&mut self, chunk: &[u8], events: &mut (impl Events + ?Sized)) -> Option<usize> {
        let mut boundary = None;
        let mut at = 0;
        while let Some(byte) = chunk.get(at) {
            if std::mem::take(&mut self.after_cr) {
                let crlf = *byte == b'\n';
                self.bare_cr = !crlf;
                at += usize::from(crlf);
                if self.at_boundary() {
                    boundary = Some(at);
                }
                if crlf {
                    continue;
                }
            }
            if matches!(byte, b'\r' | b'\n') {
                self.line_end(events);
                self.after_cr = *byte == b'\r';
                at += 1;
                if self.at_boundary() {
                    boundary = Some(at);
                }
                continue;
            }
            at += self.inside_line(chunk.get(at..).unwrap_or_default(), events);
        }
        boundary
    }

    /// Says that the stream ended. A last event without its blank line is told, as lenient clients read it.
    pub fn end(&mut self, events: &mut (impl Events + ?Sized)) {
        if self.at != At::LineStart {
            self.line_end(events);
        }
        self.event_end(events);
    }

    /// Takes bytes up to the end of the line or of a field's name; returns how many.
    fn inside_line(&mut self, bytes: &[u8], events: &mut (impl Events + ?Sized)) -> usize {
        if let Some(seen) = self.bom {
            if bytes.first() == BOM.get(seen) {
                self.bom = (seen + 1 < BOM.len()).then_some(seen + 1);
                return 1;
            }
            self.settle_bom();
        }
        let line = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
        let bytes = bytes.get(..line).unwrap_or_default();
        match self.at {
            At::LineStart | At::Field => {
                if self.at == At::LineStart {
                    self.field.clear();
                    self.at = At::Field;
                }
                let colon = memchr::memchr(b':', bytes);
                let part = bytes.get(..colon.unwrap_or(line)).unwrap_or_default();
                let room = FIELD_BYTES_MAX + 1 - self.field.len();
                self.field.extend_from_slice(part.get(..room).unwrap_or(part));
                if !part.is_empty() {
                    self.inside = true;
                }
                let Some(colon) = colon else { return line };
                self.at = At::ValueStart(self.begin_value(events));
                colon + 1
            }
            At::ValueStart(field) => {
                self.at = At::Value(field);
                usize::from(bytes.first() == Some(&b' '))
            }
            At::Value(field) => {
                self.value(field, bytes, events);
                line
            }
        }
    }

    /// What was seen of a byte order mark that does not go on is the start of a field's name.
    fn settle_bom(&mut self) {
        let mark = BOM.get(..self.bom.take().unwrap_or(0)).unwrap_or_default();
        if !mark.is_empty() {
            self.field.clear();
            self.field.extend_from_slice(mark);
            self.at = At::Field;
            self.inside = true;
        }
    }

    fn begin_value(&mut self, events: &mut (impl Events + ?Sized)) -> Field {
        match self.field.as_slice() {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data(b"\n", events);
                }
                Field::Data
            }
            b"event" => {
                self.name.clear();
                Field::Event
            }
            _ => Field::Other,
        }
    }

    fn value(&mut self, field: Field, bytes: &[u8], events: &mut (impl Events + ?Sized)) {
        match field {
            Field::Data => self.data(bytes, events),
            Field::Event => {
                let room = limits::NAME_BYTES_MAX - self.name.len();
                self.name.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            Field::Other => {}
        }
    }

    fn data(&mut self, bytes: &[u8], events: &mut (impl Events + ?Sized)) {
        let mut rest = bytes;
        while let Opening::Matched(matched) = self.opening {
            let Some((byte, behind)) = rest.split_first() else { return };
            if DONE.get(matched) == Some(byte) {
                rest = behind;
                self.opening = Opening::Matched(matched + 1);
                if matched + 1 == DONE.len() {
                    self.opening = Opening::Done;
                    events.done();
                }
            } else {
                self.opening = Opening::Settled;
                self.bounded(DONE.get(..matched).unwrap_or_default(), events);
            }
        }
        if self.opening == Opening::Settled {
            self.bounded(rest, events);
        }
    }

    fn bounded(&mut self, bytes: &[u8], events: &mut (impl Events + ?Sized)) {
        let room = limits::SSE_EVENT_BYTES_MAX.saturating_sub(self.data_bytes);
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.data_bytes = self.data_bytes.saturating_add(bytes.len());
        if self.data_bytes > limits::SSE_EVENT_BYTES_MAX {
            self.defects.insert(Defect::FrameTooLong);
        }
        if !kept.is_empty() {
            events.data(kept);
        }
    }

    fn line_end(&mut self, events: &mut (impl Events + ?Sized)) {
        self.settle_bom();
        let ended = std::mem::replace(&mut self.at, At::LineStart);
        match ended {
            At::LineStart => self.event_end(events),
            At::Field => {
                // A line without a colon is a field with no value.
                if self.begin_value(events) == Field::Event {
                    events.name("");
                }
            }
            At::ValueStart(Field::Event) | At::Value(Field::Event) => {
                events.name(&String::from_utf8_lossy(&self.name));
            }
            At::ValueStart(_) | At::Value(_) => {}
        }
    }

    fn event_end(&mut self, events: &mut (impl Events + ?Sized)) {
        if self.has_data {
            if let Opening::Matched(matched) = self.opening {
                self.bounded(DONE.get(..matched).unwrap_or_default(), events);
            }
            events.end(self.data_bytes <= limits::SSE_EVENT_BYTES_MAX);
        } else if !self.name.is_empty() {
            events.name("");
        }
        self.name.clear();
        self.opening = Opening::Matched(0);
        self.data_bytes = 0;
        self.has_data = false;
        self.inside = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Script {
        lines: Vec<String>,
        data: Vec<u8>,
    }

    impl Events for Script {
        fn name(&mut self, name: &str) {
            self.lines.push(format!("name {name}"));
        }
        fn data(&mut self, piece: &[u8]) {
            self.data.extend_from_slice(piece);
        }
        fn done(&mut self) {
            self.lines.push("done".to_owned());
        }
        fn end(&mut self, intact: bool) {
            let data = std::mem::take(&mut self.data);
            self.lines.push(format!("event {} {intact}", String::from_utf8_lossy(&data)));
        }
    }

    fn split(bytes: &[u8], size: usize) -> Vec<String> {
        let mut sse = Sse::new();
        let mut script = Script::default();
        for piece in bytes.chunks(size.max(1)) {
            sse.feed(piece, &mut script);
        }
        sse.end(&mut script);
        script.lines
    }

    #[test]
    fn fields_comments_and_line_ends_are_read() {
        let stream = "\u{feff}: hello\r\nevent: ping\r\ndata: {\"a\":1}\r\n\r\nid: 7\ndata:x\ndata:  y\nretry: 3\n\n\
            \n\ndata\r\rdata: [DO\n\ndata: [DONE]\n\nevent: last\ndata: z";
        let expected = [
            "name ping",
            "event {\"a\":1} true",
            "event x\n y true",
            "event  true",
            "event [DO true",
            "done",
            "event  true",
            "name last",
            "event z true",
        ];
        for size in [1, 2, 3, 5, stream.len()] {
            assert_eq!(split(stream.as_bytes(), size), expected, "{size}");
        }
    }

    #[test]
    fn names_and_line_ends_are_read_as_the_standard_says() {
        let cases: [(&str, &[&str]); 12] = [
            // A name belongs to its event, also where that has no data and is not told.
            ("event: a\n\ndata: x\n\n", &["name a", "name ", "event x true"]),
            ("event: a\ndata: x\n\ndata: y\n\n", &["name a", "event x true", "event y true"]),
            ("event: a\nevent\ndata: x\n\n", &["name a", "name ", "event x true"]),
            ("event: a\nevent:\ndata: x\n\n", &["name a", "name ", "event x true"]),
            ("data\n\n", &["event  true"]),
            ("data\ndata\n\n", &["event \n true"]),
            ("data:\ndata: \ndata:  x\n\n", &["event \n\n x true"]),
            ("data:a\rdata:b\r\ndata:c\n\r\ndata:d\r\r", &["event a\nb\nc true", "event d true"]),
            ("data: a\r\n\ndata: b\n\r", &["event a true", "event b true"]),
            (" data: x\n\n data\n\ndata : x\n\n", &[]),
            ("\n\r\n\r: \n:\n\n", &[]),
            ("data: x\n: comment\ndata: y\n\n", &["event x\ny true"]),
        ];
        for (stream, expected) in cases {
            for size in [1, 2, stream.len()] {
                assert_eq!(split(stream.as_bytes(), size), expected, "{stream:?} in {size}");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_that_is_none_belongs_to_the_first_field() {
        assert_eq!(split(b"\xef\xbbdata: x\n\ndata: y\n\n", 1), ["event y true"]);
        assert_eq!(split(b"\xef\ndata: y\n\n", 1), ["event y true"]);
        assert_eq!(split(b"\xef\xbb\xbfdata: y\n\n", 1), ["event y true"]);
        let mut sse = Sse::new();
        assert_eq!(sse.feed(b"\xef\xbb", &mut Script::default()), None);
        assert!(!sse.at_boundary());
    }

    #[test]
    fn a_boundary_stands_behind_the_last_complete_event() {
        let cases: [(&[&str], Option<usize>, bool); 11] = [
            (&["data: a\n\n"], Some(9), true),
            (&["data: a\n\ndata: b"], Some(9), false),
            (&["data: a\n\n", "data: b\n"], None, false),
            (&["data: a\n", "\ndata"], Some(1), false),
            (&["data: a\r\n\r\n"], Some(11), true),
            (&["data: a\r\n\r"], None, false),
            (&["data: a\r\n\r", "\ndata: b"], Some(1), false),
            (&["data: a\r\rdata: b\r\r"], Some(18), true),
            (&[": comment\n"], Some(10), true),
            (&[": comm"], None, false),
            (&["event: x\n"], None, false),
        ];
        for (chunks, boundary, at_boundary) in cases {
            let mut sse = Sse::new();
            let mut found = None;
            for chunk in chunks {
                found = sse.feed(chunk.as_bytes(), &mut Script::default());
            }

            assert_eq!((found, sse.at_boundary()), (boundary, at_boundary), "{chunks:?}");
        }
    }

    #[test]
    fn an_endless_event_is_cut_and_named() {
        let mut sse = Sse::new();
        let mut script = Script::default();
        let block = vec![b'x'; 1 << 20];
        sse.feed(b"data: ", &mut script);
        for _ in 0..=limits::SSE_EVENT_BYTES_MAX >> 20 {
            sse.feed(&block, &mut script);
            script.data.clear();
        }
        sse.feed(b"\n\ndata: y\n\n", &mut script);

        assert_eq!(script.lines, ["event  false", "event y true"]);
        assert!(sse.defects().contains(Defect::FrameTooLong));
    }

    proptest! {
        #[test]
        fn any_split_says_the_same(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("\n"), Just("\r"), Just("\r\n"), Just("data:"), Just("data: "), Just("event: e"), Just(":"), Just(" "),
                    Just("[DONE]"), Just("[DO"), Just("x"), Just("\u{feff}"), Just("datax: "), Just("eventual"),
                ], 0..30),
            size in 1usize..6,
        ) {
            let bytes = parts.concat().into_bytes();

            prop_assert_eq!(split(&bytes, size), split(&bytes, bytes.len()));
        }
    }
}
