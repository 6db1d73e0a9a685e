//! Edits a stream of server-sent events as it passes: holds the event in progress until it is whole, and has it edited then.
//!
//! It owns what is held back and for how long. It refuses to know what is edited, and JSON.

use std::ops::Range;

use memchr::memchr2;

use super::sse::{Events, Sse};
use crate::limits;

/// The events of one stream on their way through.
#[derive(Debug, Default)]
pub struct EventEdit {
    sse: Sse,
    /// The event in progress.
    held: Vec<u8>,
    /// The event in progress is passed on as it comes.
    passing: bool,
}

impl EventEdit {
    /// Takes the next bytes, cut anywhere, and appends to `out` what may be sent on. `edit` gets each whole event with its blank
    /// line and appends what is to be sent in its place; an event longer than [`limits::EDITED_EVENT_BYTES_MAX`] is sent as
    /// it is.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>, mut edit: impl FnMut(&[u8], &mut Vec<u8>)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let line = memchr2(b'\r', b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (piece, later) = rest.split_at(line);
            rest = later;
            self.sse.feed(piece, &mut Unread);
            // An event ends where a line does; a byte order mark is no event.
            let ended = piece.ends_with(b"\n") || piece.ends_with(b"\r");
            let ended = ended && self.sse.at_boundary();
            self.held.extend_from_slice(piece);
            self.passing |= self.held.len() > limits::EDITED_EVENT_BYTES_MAX;
            if self.passing {
                out.append(&mut self.held);
                self.passing = !ended;
            } else if ended {
                edit(&self.held, out);
                self.held.clear();
            }
        }
    }

    /// Gives up what is held of the event in progress; what more comes of it is passed on.
    pub fn release(&mut self) -> Vec<u8> {
        self.passing |= !self.held.is_empty();
        std::mem::take(&mut self.held)
    }
}

/// Where the data of `event` stands; None unless all of it is on one line.
pub fn lone_data(event: &[u8]) -> Option<Range<usize>> {
    let mut found = None;
    let mut start = 0;
    while start < event.len() {
        let rest = event.get(start..).unwrap_or_default();
        let length = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        let value = match line.strip_prefix(b"data:") {
            Some(value) => Some(value.strip_prefix(b" ").unwrap_or(value)),
            None => (line == b"data").then_some(&[][..]),
        };
        let end = start + length;
        if let Some(value) = value
            && found.replace(end - value.len()..end).is_some()
        {
            return None;
        }
        start += length + 1;
    }
    found
}

/// Only boundaries matter here.
struct Unread;

impl Events for Unread {
    fn name(&mut self, _: &str) {}
    fn data(&mut self, _: &[u8]) {}
    fn done(&mut self) {}
    fn end(&mut self, _: bool) {}
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What becomes of `stream` in pieces of `size` when events that hold an `x` are left out, and what is held at the end.
    fn without_x(stream: &[u8], size: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut edit, mut out) = (EventEdit::default(), Vec::new());
        for piece in stream.chunks(size.max(1)) {
            edit.feed(piece, &mut out, |event, out| {
                if !event.contains(&b'x') {
                    out.extend_from_slice(event);
                }
            });
        }
        (out, edit.release())
    }

    #[test]
    fn an_event_is_sent_as_soon_as_it_is_whole() {
        let (mut edit, mut out) = (EventEdit::default(), Vec::new());
        let mut feed = |piece: &str| {
            out.clear();
            edit.feed(piece.as_bytes(), &mut out, |event, out| out.extend_from_slice(event));
            String::from_utf8(out.clone()).unwrap()
        };

        assert_eq!(feed("data: a\n\ndata:"), "data: a\n\n");
        assert_eq!(feed(" b\n"), "");
        assert_eq!(feed("\n"), "data: b\n\n");
        assert_eq!(feed(": comment\n"), ": comment\n");
        assert_eq!(feed("id: 1\r\ndata: c\r\n\r\n"), "id: 1\r\ndata: c\r\n\r\n");
    }

    #[test]
    fn whole_events_are_left_out_and_their_neighbours_stand() {
        let stream = b": hi\n\ndata: a\r\n\r\nevent: e\ndata: x\n\n: x\ndata: b\n\ndata: x\n\ndata: c";

        assert_eq!(
            without_x(stream, stream.len()),
            (b": hi\n\ndata: a\r\n\r\ndata: b\n\n".to_vec(), b"data: c".to_vec())
        );
    }

    #[test]
    fn an_event_beyond_the_limit_is_not_held() {
        let long =
            [b"data: ".to_vec(), vec![b'x'; limits::EDITED_EVENT_BYTES_MAX], b"\n\n".to_vec()].concat();
        let stream = [b"data: x\n\n".to_vec(), long.clone(), b"data: x\n\ndata: a\n\n".to_vec()].concat();
        let expected = [long, b"data: a\n\n".to_vec()].concat();

        for size in [1000, stream.len()] {
            assert!(without_x(&stream, size) == (expected.clone(), Vec::new()), "{size}");
        }
    }

    #[test]
    fn what_was_released_is_sent_once_and_its_rest_follows() {
        let (mut edit, mut out) = (EventEdit::default(), Vec::new());
        let mut keep = |event: &[u8], out: &mut Vec<u8>| out.extend_from_slice(event);
        edit.feed(b"data: a", &mut out, &mut keep);
        assert_eq!((edit.release(), edit.release()), (b"data: a".to_vec(), Vec::new()));

        edit.feed(b"bc", &mut out, &mut keep);
        assert_eq!(out, b"bc");
        edit.feed(b"\n\ndata: d", &mut out, &mut keep);
        assert_eq!(out, b"bc\n\n");
    }

    #[test]
    fn data_on_one_line_is_found() {
        for (event, data) in [
            ("data: {}\n\n", Some("{}")),
            ("data:{}\r\n\r\n", Some("{}")),
            ("id: 1\rdata:  {}\r\r", Some(" {}")),
            ("event: data\ndata\n\n", Some("")),
            ("database: 1\n\n", None),
            (": data: 1\n\n", None),
            ("data: {\ndata: }\n\n", None),
        ] {
            assert_eq!(lone_data(event.as_bytes()).map(|range| &event[range]), data, "{event:?}");
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("\n"), Just("\r"), Just("\r\n"), Just("\n\n"), Just("\r\n\r\n"), Just("data: "), Just(":"), Just("x"),
                    Just("a"), Just("\u{feff}"),
                ], 0..40),
            size in 1_usize..7,
        ) {
            let stream = parts.concat().into_bytes();

            prop_assert_eq!(without_x(&stream, size), without_x(&stream, stream.len()));
        }

        #[test]
        fn nothing_is_lost_where_nothing_is_edited(stream in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..9) {
            let (mut edit, mut out) = (EventEdit::default(), Vec::new());
            for piece in stream.chunks(size) {
                edit.feed(piece, &mut out, |event, out| out.extend_from_slice(event));
            }
            out.append(&mut edit.release());

            prop_assert_eq!(out, stream);
        }
    }
}
