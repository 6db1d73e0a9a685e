//! Header blocks of one direction: put together of their frames, decoded, and read as the head of a request or of a reply.

use super::frame::{CONTINUATION, END_HEADERS, END_STREAM, FrameHead, PADDED, PRIORITY, PUSH_PROMISE};
use crate::connection::asking::Fields;
use crate::connection::hpack::{Decoder, Field};
use crate::limits;

/// A header block on its way.
#[derive(Debug)]
struct Block {
    stream: u32,
    ends: bool,
    promise: bool,
    bytes: Vec<u8>,
}

/// The blocks of one direction.
#[derive(Debug)]
pub(super) struct Blocks {
    decoder: Decoder,
    open: Option<Block>,
}

/// What a frame of headers has completed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completed {
    /// Nothing that is read.
    Nothing,
    /// The headers of a stream, and whether it ends with them.
    Headers(u32, Headings, bool),
    /// Headers that cannot be read.
    Unreadable(u32),
}

/// Headers as HTTP/2 writes them. What is not known of them is None, or left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Headings {
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) fields: Fields,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self { decoder: Decoder::new(), open: None }
    }

    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.open.as_ref().map_or(0, |block| block.bytes.capacity())
    }

    /// A block was not seen, or not whole.
    pub(super) fn lose(&mut self) {
        self.open = None;
        self.decoder.forget();
    }

    /// Takes a frame of headers, of a promise, or of what continues either.
    pub(super) fn take(&mut self, frame: FrameHead, payload: &[u8]) -> Completed {
        let open = self.open.take();
        let block = if frame.kind == CONTINUATION {
            open.filter(|block| block.stream == frame.stream).and_then(|mut block| {
                let fits = block.bytes.len() + payload.len() <= limits::HTTP_HEAD_BYTES_MAX;
                block.bytes.extend_from_slice(if fits { payload } else { &[] });
                fits.then_some(block)
            })
        } else {
            let whole = open.is_none();
            fragment(frame, payload).filter(|_| whole).map(|bytes| Block {
                stream: frame.stream,
                ends: frame.has(END_STREAM),
                promise: frame.kind == PUSH_PROMISE,
                bytes: bytes.to_vec(),
            })
        };
        let Some(block) = block else {
            self.lose();
            return Completed::Unreadable(frame.stream);
        };
        if !frame.has(END_HEADERS) {
            self.open = Some(block);
            return Completed::Nothing;
        }
        match self.decoder.decode(&block.bytes) {
            // What a server promises is decoded for the table's sake.
            Ok(_) if block.promise => Completed::Nothing,
            Ok(fields) => Completed::Headers(block.stream, headings(fields), block.ends),
            Err(_) => Completed::Unreadable(block.stream),
        }
    }
}

/// The part of a header block in a frame, without what stands around it.
fn fragment(frame: FrameHead, payload: &[u8]) -> Option<&[u8]> {
    let (padding, rest) = if frame.has(PADDED) {
        let (padding, rest) = payload.split_first()?;
        (usize::from(*padding), rest)
    } else {
        (0, payload)
    };
    let before = match frame.kind {
        PUSH_PROMISE => 4,
        _ if frame.has(PRIORITY) => 5,
        _ => 0,
    };
    let end = rest.len().checked_sub(padding)?;
    rest.get(before..end)
}

fn headings(fields: Vec<Field>) -> Headings {
    let mut read = Headings::default();
    for field in fields {
        let (Some(name), Some(value)) = field else { continue };
        let text = || std::str::from_utf8(&value).ok().map(str::to_owned);
        match &*name {
            b":method" => read.method = text(),
            b":path" => read.path = text(),
            b":authority" => read.authority = text(),
            b":status" => read.status = text().and_then(|digits| digits.parse().ok()),
            [b':', ..] => {}
            b"host" if read.authority.is_none() => read.authority = text(),
            _ => read.fields.push((name, value)),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::super::frame::HEADERS;
    use super::*;

    fn head(kind: u8, flags: u8) -> FrameHead {
        FrameHead { length: 0, kind, flags, stream: 1 }
    }

    /// `:method: POST`, `:path: /`, and `a: b`, whole.
    const BLOCK: &[u8] = b"\x83\x84\x00\x01a\x01b";

    fn expected() -> Headings {
        Headings {
            method: Some("POST".to_owned()),
            path: Some("/".to_owned()),
            fields: vec![(b"a".to_vec(), b"b".to_vec())],
            ..Headings::default()
        }
    }

    #[test]
    fn a_block_is_read_from_one_frame_or_several() {
        let mut blocks = Blocks::new();
        let padded = [b"\x02\x00\x00\x00\x00\x10", BLOCK, b"\0\0"].concat();
        let flags = PADDED | PRIORITY | END_HEADERS | END_STREAM;
        assert_eq!(blocks.take(head(HEADERS, flags), &padded), Completed::Headers(1, expected(), true));

        assert_eq!(blocks.take(head(HEADERS, 0), &BLOCK[..3]), Completed::Nothing);
        let rest = blocks.take(head(CONTINUATION, END_HEADERS), &BLOCK[3..]);
        assert_eq!(rest, Completed::Headers(1, expected(), false));
    }

    #[test]
    fn what_does_not_fit_together_is_unreadable() {
        let mut blocks = Blocks::new();
        assert_eq!(blocks.take(head(CONTINUATION, END_HEADERS), BLOCK), Completed::Unreadable(1));
        assert_eq!(blocks.take(head(HEADERS, PADDED | END_HEADERS), b"\x09abc"), Completed::Unreadable(1));
        blocks.take(head(HEADERS, 0), BLOCK);
        assert_eq!(blocks.take(head(HEADERS, END_HEADERS), BLOCK), Completed::Unreadable(1));
        blocks.take(head(HEADERS, 0), BLOCK);
        let long = vec![0; limits::HTTP_HEAD_BYTES_MAX];
        assert_eq!(blocks.take(head(CONTINUATION, END_HEADERS), &long), Completed::Unreadable(1));
        assert_eq!(blocks.take(head(HEADERS, END_HEADERS), BLOCK), Completed::Headers(1, expected(), false));
    }

    #[test]
    fn a_promise_is_read_for_the_table_alone() {
        let mut blocks = Blocks::new();
        let promised = [b"\x00\x00\x00\x02".as_slice(), b"\x40\x01c\x01d"].concat();
        assert_eq!(blocks.take(head(PUSH_PROMISE, END_HEADERS), &promised), Completed::Nothing);
        let Completed::Headers(_, read, _) = blocks.take(head(HEADERS, END_HEADERS), b"\xbe") else {
            panic!("not read")
        };
        assert_eq!(read.fields, [(b"c".to_vec(), b"d".to_vec())]);
    }
}
