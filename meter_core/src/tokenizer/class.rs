//! The class of a character, read from UTF-8 bytes.
//!
//! Owns the class bits and decoding one character. Refuses to know what a pattern does with a class.

use super::class_table::{BLOCKS, INDEX};

/// Neither letter, mark, number nor white space: punctuation, symbols, controls, unassigned.
pub(super) const OTHER: u8 = 1;
/// Upper and title case letters (Lu, Lt).
pub(super) const UPPER: u8 = 2;
/// Lower case letters (Ll).
pub(super) const LOWER: u8 = 4;
/// Letters without case (Lm, Lo).
pub(super) const UNCASED: u8 = 8;
/// Combining marks (M).
pub(super) const MARK: u8 = 16;
/// Numbers of every kind (N).
pub(super) const NUMBER: u8 = 32;
/// White space other than line ends.
pub(super) const SPACE: u8 = 64;
/// Carriage return and line feed.
pub(super) const LINE_END: u8 = 128;

/// `\p{L}`
pub(super) const LETTER: u8 = UPPER | LOWER | UNCASED;
/// `\s`
pub(super) const WHITE: u8 = SPACE | LINE_END;
/// `[^\s\p{L}\p{N}]`
pub(super) const SYMBOL: u8 = OTHER | MARK;

/// The class bit of the character that starts at `at`, and its length in bytes. `(0, 0)` at the end of the text, which
/// no class contains. A byte that starts no character is [`OTHER`] and one byte long.
#[inline]
pub(super) fn class_at(text: &[u8], at: usize) -> (u8, usize) {
    match text.get(at) {
        None => (0, 0),
        Some(&byte) if byte < 0x80 => (BLOCKS[0][usize::from(byte)], 1),
        Some(&byte) => wide_class_at(text, at, byte),
    }
}

#[inline]
fn wide_class_at(text: &[u8], at: usize, lead: u8) -> (u8, usize) {
    let tail = |offset: usize| text.get(at + offset).map_or(0, |byte| usize::from(byte & 0x3F));
    let lead = usize::from(lead);
    let (point, width) = match lead {
        0xC0..0xE0 => ((lead & 0x1F) << 6 | tail(1), 2),
        0xE0..0xF0 => ((lead & 0x0F) << 12 | tail(1) << 6 | tail(2), 3),
        0xF0..0xF8 => ((lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4),
        _ => return (OTHER, 1),
    };
    if at + width > text.len() {
        return (OTHER, 1);
    }
    let class = INDEX.get(point >> 7).and_then(|&block| BLOCKS.get(usize::from(block)));
    (class.map_or(OTHER, |block| block[point & 0x7F]), width)
}

/// The end of the run of characters from `at` whose class is in `classes`.
#[inline]
pub(super) fn run_end(text: &[u8], mut at: usize, classes: u8) -> usize {
    loop {
        let (class, width) = class_at(text, at);
        if class & classes == 0 {
            return at;
        }
        at += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_unicode_16() {
        for (text, class) in [
            ("a", LOWER),
            ("A", UPPER),
            ("\u{1C5}", UPPER),
            ("\u{1C89}", UPPER),
            ("中", UNCASED),
            ("\u{2B0}", UNCASED),
            ("\u{301}", MARK),
            ("7", NUMBER),
            ("Ⅷ", NUMBER),
            ("\u{85}", SPACE),
            ("\u{3000}", SPACE),
            ("\u{200B}", OTHER),
            ("\u{16EA0}", OTHER),
            ("\u{323B0}", OTHER),
            ("😀", OTHER),
            ("\r", LINE_END),
        ] {
            assert_eq!(class_at(text.as_bytes(), 0), (class, text.len()), "{text:?}");
        }
    }

    #[test]
    fn broken_bytes_are_single_and_other() {
        for text in [&b"\x80"[..], b"\xFF", b"\xE4\xB8", b"\xF0\x9F\x98"] {
            assert_eq!(class_at(text, 0), (OTHER, 1), "{text:?}");
        }
    }

    #[test]
    fn a_run_stops_at_the_end_of_the_text() {
        assert_eq!(run_end(b"abC", 0, LOWER), 2);
        assert_eq!(run_end(b"abc", 0, LETTER), 3);
    }
}
