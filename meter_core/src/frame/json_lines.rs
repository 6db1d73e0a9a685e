//! Newline-separated JSON (NDJSON, JSONL): each line that is not blank is one document, handed on in pieces.
//!
//! It owns lines. It refuses to know JSON, but for one thing: a newline inside a string is escaped, so every raw one separates.
//! A `\r` in front of it is JSON's white space and stays with its document. Nothing is buffered.

use memchr::memchr;

use crate::limits;
use crate::usage::{Defect, Defects};

/// Who is told what the stream says.
pub trait Documents {
    /// A document begins.
    fn begin(&mut self);
    /// A piece of the current document.
    fn piece(&mut self, piece: &[u8]);
    /// The current document is over. `complete` is false if some of it was beyond the limit and left out.
    fn end(&mut self, complete: bool);
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The very start, behind this many bytes of a byte order mark.
    Start(usize),
    /// A line of which nothing but white space was seen.
    Blank,
    /// A document of which this many bytes were seen.
    Document(usize),
}

/// Splits one stream.
#[derive(Debug)]
pub struct JsonLines {
    at: At,
    defects: Defects,
}

impl Default for JsonLines {
    fn default() -> Self {
        Self::new()
    }
}

impl JsonLines {
    /// A splitter before the first byte.
    pub fn new() -> Self {
        Self { at: At::Start(0), defects: Defects::default() }
    }

    /// What was wrong so far: `FrameTooLong`.
    pub fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether everything so far belongs to complete documents: bytes put here start a new one.
    pub fn at_boundary(&self) -> bool {
        matches!(self.at, At::Start(0) | At::Blank)
    }

    /// Splits the next bytes, cut anywhere. Returns the offset in `chunk` just behind the last newline, if there is one.
    pub fn feed(&mut self, chunk: &[u8], documents: &mut (impl Documents + ?Sized)) -> Option<usize> {
        let mut boundary = None;
        let mut at = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            let line = memchr(b'\n', rest);
            self.inside_line(rest.get(..line.unwrap_or(rest.len())).unwrap_or_default(), documents);
            let Some(line) = line else { break };
            self.line_end(documents);
            at += line + 1;
            boundary = Some(at);
        }
        boundary
    }

    /// Says that the stream ended. The last document needs no newline.
    pub fn end(&mut self, documents: &mut (impl Documents + ?Sized)) {
        self.inside_line(&[], documents);
        self.line_end(documents);
    }

    fn inside_line(&mut self, bytes: &[u8], documents: &mut (impl Documents + ?Sized)) {
        let mut rest = bytes;
        while let (At::Start(seen), Some((byte, behind))) = (self.at, rest.split_first()) {
            if BOM.get(seen) != Some(byte) {
                self.settle(documents);
                break;
            }
            rest = behind;
            self.at = if seen + 1 < BOM.len() { At::Start(seen + 1) } else { At::Blank };
        }
        if self.at == At::Blank {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
            let Some(first) = rest.iter().position(|byte| !blank(byte)) else { return };
            rest = rest.get(first..).unwrap_or_default();
            documents.begin();
            self.at = At::Document(0);
        }
        self.piece(rest, documents);
    }

    /// What looked like the start of a byte order mark is a document's.
    fn settle(&mut self, documents: &mut (impl Documents + ?Sized)) {
        let At::Start(seen) = self.at else { return };
        self.at = At::Blank;
        if seen > 0 {
            documents.begin();
            self.at = At::Document(0);
            self.piece(BOM.get(..seen).unwrap_or_default(), documents);
        }
    }

    fn piece(&mut self, bytes: &[u8], documents: &mut (impl Documents + ?Sized)) {
        let At::Document(seen) = self.at else { return };
        let kept = bytes.get(..limits::JSON_LINE_BYTES_MAX.saturating_sub(seen)).unwrap_or(bytes);
        self.at = At::Document(seen.saturating_add(bytes.len()));
        if kept.len() < bytes.len() {
            self.defects.insert(Defect::FrameTooLong);
        }
        if !kept.is_empty() {
            documents.piece(kept);
        }
    }

    fn line_end(&mut self, documents: &mut (impl Documents + ?Sized)) {
        self.settle(documents);
        if let At::Document(seen) = self.at {
            documents.end(seen <= limits::JSON_LINE_BYTES_MAX);
        }
        self.at = At::Blank;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Script {
        documents: Vec<(Vec<u8>, bool)>,
        open: Option<Vec<u8>>,
    }

    impl Documents for Script {
        fn begin(&mut self) {
            assert!(self.open.replace(Vec::new()).is_none());
        }
        fn piece(&mut self, piece: &[u8]) {
            self.open.as_mut().unwrap().extend_from_slice(piece);
        }
        fn end(&mut self, complete: bool) {
            self.documents.push((self.open.take().unwrap(), complete));
        }
    }

    /// The documents, and the last boundary as an offset into all bytes.
    fn split(bytes: &[u8], size: usize) -> (Vec<(Vec<u8>, bool)>, usize) {
        let mut lines = JsonLines::new();
        let mut script = Script::default();
        let mut boundary = 0;
        for (index, piece) in bytes.chunks(size.max(1)).enumerate() {
            if let Some(offset) = lines.feed(piece, &mut script) {
                boundary = index * size.max(1) + offset;
            }
        }
        lines.end(&mut script);
        (script.documents, boundary)
    }

    #[test]
    fn lines_are_documents_whatever_surrounds_them() {
        let stream = b"\xef\xbb\xbf{\"a\":\"x\\ny\"}\n\n \t\r\n  {\"b\":2}\r\n[3] \n\"last\"";
        let expected: [&[u8]; 4] = [b"{\"a\":\"x\\ny\"}", b"{\"b\":2}\r", b"[3] ", b"\"last\""];
        for size in [1, 2, 3, 5, stream.len()] {
            let (documents, boundary) = split(stream, size);

            assert_eq!(documents, expected.map(|document| (document.to_vec(), true)), "{size}");
            assert_eq!(boundary, stream.len() - "\"last\"".len());
        }
    }

    #[test]
    fn a_byte_order_mark_that_is_none_is_content() {
        let cases: [(&[u8], &[u8]); 4] = [
            (b"\xef", b"\xef"),
            (b"\xef\n", b"\xef"),
            (b"\xef\xbb{}", b"\xef\xbb{}"),
            (b"\xefx\n", b"\xefx"),
        ];
        for (stream, document) in cases {
            assert_eq!(split(stream, 1).0, [(document.to_vec(), true)], "{stream:?}");
        }
        assert_eq!(split(b"\n\xef\xbb\xbf1", 2).0, [(b"\xef\xbb\xbf1".to_vec(), true)]);
        assert_eq!(split(b"\xef\xbb\xbf", 1).0, []);
    }

    #[test]
    fn a_boundary_stands_behind_the_last_newline() {
        let cases: [(&[&str], Option<usize>, bool); 7] = [
            (&[""], None, true),
            (&["{}\n"], Some(3), true),
            (&["{}\n{"], Some(3), false),
            (&["{}", "\n"], Some(1), true),
            (&["{}\n\r", "\n"], Some(1), true),
            (&["{}\r"], None, false),
            (&[" "], None, true),
        ];
        for (chunks, boundary, at_boundary) in cases {
            let (mut lines, mut script) = (JsonLines::new(), Script::default());
            let mut found = None;
            for chunk in chunks {
                found = lines.feed(chunk.as_bytes(), &mut script);
            }

            assert_eq!((found, lines.at_boundary()), (boundary, at_boundary), "{chunks:?}");
        }
        let mut lines = JsonLines::new();
        lines.feed(b"\xef", &mut Script::default());
        assert!(!lines.at_boundary());
    }

    #[test]
    fn an_endless_line_is_cut_and_named() {
        let mut lines = JsonLines::new();
        let mut script = Script::default();
        let block = vec![b'x'; 1 << 20];
        for _ in 0..=limits::JSON_LINE_BYTES_MAX >> 20 {
            lines.feed(&block, &mut script);
        }
        lines.feed(b"\n{}\n", &mut script);

        let told: Vec<_> =
            script.documents.iter().map(|(bytes, complete)| (bytes.len(), *complete)).collect();
        assert_eq!(told, [(limits::JSON_LINE_BYTES_MAX, false), (2, true)]);
        assert!(lines.defects().contains(Defect::FrameTooLong));
    }

    proptest! {
        #[test]
        fn any_split_says_the_same_and_keeps_every_byte_that_counts(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just(b"\n".to_vec()), Just(b"\r\n".to_vec()), Just(b" ".to_vec()), Just(b"{\"a\":1}".to_vec()),
                    Just(BOM.to_vec()), Just(b"\xef".to_vec()), proptest::collection::vec(any::<u8>(), 0..4),
                ], 0..30),
            size in 1usize..6,
        ) {
            let bytes = parts.concat();
            let whole = split(&bytes, bytes.len());
            let read = bytes.strip_prefix(BOM).unwrap_or(&bytes);
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
            let by_line: Vec<_> = read
                .split(|byte| *byte == b'\n')
                .filter_map(|line| line.iter().position(|byte| !blank(byte)).map(|first| (line[first..].to_vec(), true)))
                .collect();

            prop_assert_eq!(&whole.0, &by_line);
            prop_assert_eq!(split(&bytes, size), whole);
        }
    }
}
