//! Server-sent events, incrementally: every line ending, comments, several data lines, a byte-order mark, bounded length.
//! Source: the event stream format of the HTML standard. Unlike a browser, a last event without its blank line counts.

use memchr::memchr2;

use crate::limits;
use crate::usage::{Defect, Defects};

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's name; empty when it has none.
    pub name: &'a [u8],
    /// Its data lines, joined by line feeds.
    pub data: &'a [u8],
}

/// Splits a stream into events.
#[derive(Debug, Default)]
pub struct Sse {
    /// The line that has not ended yet.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a carriage return, so that a line feed now belongs to it.
    after_return: bool,
    /// A line has been seen, so that a byte-order mark can no longer come.
    begun: bool,
    /// The event is longer than the limit; the rest of it is skipped.
    too_long: bool,
    defects: Defects,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Sse {
    /// What was wrong so far.
    pub const fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether the last byte ended an event, so that something may be put in here.
    pub fn at_boundary(&self) -> bool {
        self.line.is_empty() && self.name.is_empty() && !self.has_data && !self.too_long
    }

    /// Takes the next bytes and hands on every event that they complete. Returns the offset just after the last of
    /// them, or after another place between events.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(Event<'_>)) -> Option<usize> {
        let mut boundary = None;
        let mut at = 0;
        if self.after_return && bytes.first() == Some(&b'\n') {
            at = 1;
            if self.at_boundary() {
                boundary = Some(at);
            }
        }
        if !bytes.is_empty() {
            self.after_return = false;
        }
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.keep(rest);
                break;
            };
            let ended_event = self.take_line(&rest[..end], &mut sink);
            at += end + 1;
            if rest[end] == b'\r' {
                match rest.get(end + 1) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_return = true,
                }
            }
            if ended_event {
                boundary = Some(at);
            }
        }
        boundary
    }

    /// The stream has ended; hands on an event that lacks only its blank line.
    pub fn end(&mut self, mut sink: impl FnMut(Event<'_>)) {
        if !self.line.is_empty() {
            self.take_line(b"", &mut sink);
        }
        self.dispatch(&mut sink);
    }

    fn keep(&mut self, part: &[u8]) {
        if self.line.len() + self.data.len() + part.len() > limits::SSE_EVENT_BYTES_MAX {
            self.too_long = true;
            self.line.clear();
            self.data.clear();
        }
        if self.too_long {
            // Only whether the line is blank still matters.
            if self.line.is_empty() && !part.is_empty() {
                self.line.push(b':');
            }
        } else {
            self.line.extend_from_slice(part);
        }
    }

    /// Takes the rest of a line; true when it was the blank line that ends an event.
    fn take_line(&mut self, rest: &[u8], sink: &mut impl FnMut(Event<'_>)) -> bool {
        if self.line.is_empty() && rest.len() + self.data.len() <= limits::SSE_EVENT_BYTES_MAX {
            return self.line(rest, sink);
        }
        self.keep(rest);
        let line = std::mem::take(&mut self.line);
        let ended = self.line(&line, sink);
        self.line = line;
        self.line.clear();
        ended
    }

    fn line(&mut self, line: &[u8], sink: &mut impl FnMut(Event<'_>)) -> bool {
        let line = if self.begun { line } else { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            self.dispatch(sink);
            return true;
        }
        if self.too_long {
            return false;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.map_or((line, &b""[..]), |colon| (&line[..colon], &line[colon + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field.trim_ascii_start() {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(&value[..value.len().min(limits::NAME_BYTES_MAX)]);
            }
            _ => {}
        }
        false
    }

    fn dispatch(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if self.too_long {
            self.defects.insert(Defect::FrameTooLong);
        } else if self.has_data {
            sink(Event { name: &self.name, data: &self.data });
        }
        self.data.clear();
        self.name.clear();
        self.has_data = false;
        self.too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Events = Vec<(String, String)>;

    fn split(stream: &[u8], piece: usize) -> (Events, Sse) {
        let (mut sse, mut events) = (Sse::default(), Events::new());
        let mut note = |event: Event<'_>| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            events.push((text(event.name), text(event.data)));
        };
        for chunk in stream.chunks(piece.max(1)) {
            sse.feed(chunk, &mut note);
        }
        sse.end(&mut note);
        (events, sse)
    }

    fn pairs(events: &[(&str, &str)]) -> Events {
        events.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect()
    }

    #[test]
    fn every_line_ending_and_field_form_is_read() {
        let stream = b"\xef\xbb\xbfdata:a\n\n: comment\r\n\r\n event: x\rdata: b\rdata:  c\r\rid: 1\n\ndata\n\ndata: last";

        for piece in 1..stream.len() {
            let expected = pairs(&[("", "a"), ("x", "b\n c"), ("", ""), ("", "last")]);
            assert_eq!(split(stream, piece).0, expected, "{piece}");
        }
    }

    #[test]
    fn the_boundary_lies_after_the_last_whole_event() {
        let mut sse = Sse::default();

        assert_eq!(sse.feed(b"data: 1\n\ndata: 2\r\n\r\ndat", |_| {}), Some(20));
        assert!(!sse.at_boundary());
        assert_eq!(sse.feed(b"a: 3\n", |_| {}), None);
        assert_eq!(sse.feed(b"\r", |_| {}), Some(1));
        assert!(sse.at_boundary());
        assert_eq!(sse.feed(b"\ndata: 4", |_| {}), Some(1));
    }

    #[test]
    fn an_endless_event_is_skipped_and_the_next_one_read() {
        let mut stream = b"data: ".to_vec();
        stream.resize(limits::SSE_EVENT_BYTES_MAX + 4096, b'x');
        stream.extend_from_slice(b"\ndata: more\n\ndata: next\n\n");

        for piece in [1000, stream.len()] {
            let (events, sse) = split(&stream, piece);
            assert_eq!(events, pairs(&[("", "next")]));
            assert!(sse.defects().contains(Defect::FrameTooLong));
        }
    }

    proptest! {
        #[test]
        fn any_cut_of_any_bytes_gives_the_same_events(
            stream in "(data: ?|event: ?|[a:]|\n|\r|\r\n|é){0,40}", piece in 1_usize..9,
        ) {
            prop_assert_eq!(split(stream.as_bytes(), piece).0, split(stream.as_bytes(), stream.len()).0);
        }
    }
}
