//! The scanner of DeepSeek's pattern.
//!
//! Owns where a piece ends when three expressions cut a text one after the other. Refuses to know tokens.
//!
//! The first takes numbers out, three digits at a time; the second runs of Chinese characters and kana; the third cuts what
//! stands between those, and the Chinese runs, without seeing beyond them. What no expression matches stays one piece.

use super::class::{self, LETTER, LINE_END, LOWER, MARK, NUMBER, SPACE, UNCASED, WHITE};
use super::scan::number_end;
use super::symbol_table::SYMBOLS;

/// Digits in a piece.
pub(super) const DIGITS: usize = 3;
/// `[\p{L}\p{M}]`
const WORD: u8 = LETTER | MARK;
/// `[\p{P}\p{S}]`. The bit means something else in `class`, which has no class of its own for these.
const SYMBOL: u8 = class::OTHER;
/// What is of no class that the expressions name: controls, formats, unassigned characters. The bit is free, as numbers are
/// never inside a fragment.
const UNNAMED: u8 = NUMBER;

/// What the expressions see in a character beyond ASCII, as a class of `class`: UNCASED for Chinese characters and kana that are
/// letters, LOWER for other letters, OTHER for punctuation and symbols, MARK for all that is left; and its length.
#[inline]
pub(super) fn wide_class_at(text: &[u8], at: usize) -> (u8, usize) {
    let (class, width) = class::class_at(text, at);
    let ideographic = is_ideographic(text, at, width);
    let seen = if class & LETTER != 0 {
        if ideographic { UNCASED } else { LOWER }
    } else if class == class::OTHER && !ideographic && is_symbol(text, at, width) {
        class::OTHER
    } else {
        MARK
    };
    (seen, width)
}

/// The end of the piece that starts at `start`; after `start` unless that is the end of the text.
#[inline]
pub(super) fn deepseek_end(text: &[u8], start: usize) -> usize {
    let (class, width) = class::class_at(text, start);
    if class & NUMBER != 0 {
        return number_end(text, start, DIGITS);
    }
    let fragment = Fragment { text, ideographic: is_ideographic(text, start, width) };
    fragment.piece_end(start)
}

/// Text between numbers that is all Chinese characters and kana, or has none of them.
struct Fragment<'a> {
    text: &'a [u8],
    ideographic: bool,
}

impl Fragment<'_> {
    #[inline]
    fn piece_end(&self, start: usize) -> usize {
        let (first, width) = self.class_at(start);
        let next = start + width;
        let (second, _) = self.class_at(next);
        if let [punctuation, letter, ..] = self.text[start..]
            && punctuation.is_ascii_punctuation()
            && letter.is_ascii_alphabetic()
        {
            let letters = self.text[next..].iter().take_while(|byte| byte.is_ascii_alphabetic());
            return next + letters.count();
        }
        if first & WORD != 0 || (first & (SPACE | UNNAMED) != 0 && second & WORD != 0) {
            return self.run_end(next, WORD);
        }
        if first & SYMBOL != 0 || (self.text.get(start) == Some(&b' ') && second & SYMBOL != 0) {
            return self.run_end(self.run_end(next, SYMBOL), LINE_END);
        }
        if first & WHITE != 0 { self.white_end(start) } else { self.unmatched_end(start) }
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line end, else all but the last one before something else.
    fn white_end(&self, start: usize) -> usize {
        let (mut at, mut last, mut after_last_line_end) = (start, start, None);
        let stopper = loop {
            let (class, width) = self.class_at(at);
            if class & WHITE == 0 {
                break class;
            }
            last = at;
            at += width;
            if class & LINE_END != 0 {
                after_last_line_end = Some(at);
            }
        };
        let before_last = if stopper == 0 || last == start { at } else { last };
        after_last_line_end.unwrap_or(before_last)
    }

    /// The end of what no expression matches: where something begins that one does match.
    fn unmatched_end(&self, start: usize) -> usize {
        let (mut at, mut width) = (start, self.class_at(start).1);
        loop {
            at += width;
            let (class, next_width) = self.class_at(at);
            width = next_width;
            if class & UNNAMED == 0 || self.class_at(at + width).0 & WORD != 0 {
                return at;
            }
        }
    }

    #[inline]
    fn run_end(&self, mut at: usize, classes: u8) -> usize {
        loop {
            let (class, width) = self.class_at(at);
            if class & classes == 0 {
                return at;
            }
            at += width;
        }
    }

    /// The class of the character at `at`, and its length. `(0, 0)` at the end of the fragment.
    #[inline]
    fn class_at(&self, at: usize) -> (u8, usize) {
        let (class, width) = class::class_at(self.text, at);
        if class & NUMBER != 0 || is_ideographic(self.text, at, width) != self.ideographic {
            return (0, 0);
        }
        if class == class::OTHER && !is_symbol(self.text, at, width) {
            return (UNNAMED, width);
        }
        (class, width)
    }
}

/// `[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]`, compared as UTF-8, which sorts as code points do.
#[inline]
fn is_ideographic(text: &[u8], at: usize, width: usize) -> bool {
    if width != 3 {
        return false;
    }
    let Some(&[first, second, third]) = text.get(at..at + 3).and_then(<[u8]>::first_chunk) else {
        return false;
    };
    let bytes = u32::from_be_bytes([0, first, second, third]);
    matches!(bytes, 0xE4_B880..=0xE9_BEA5 | 0xE3_8180..=0xE3_83BF)
}

/// `[\p{P}\p{S}]` for a character that is neither letter, mark, number nor white space.
#[inline]
fn is_symbol(text: &[u8], at: usize, width: usize) -> bool {
    if width == 1 {
        return text.get(at).is_some_and(u8::is_ascii_punctuation);
    }
    let char = text.get(at..at + width).and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
    char.is_some_and(|char| {
        let point = u32::from(char);
        let place = SYMBOLS.partition_point(|&(first, _)| first <= point);
        place.checked_sub(1).is_some_and(|place| point <= SYMBOLS[place].1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(text: &str) -> Vec<&str> {
        let (mut at, mut pieces) = (0, Vec::new());
        while at < text.len() {
            let next = deepseek_end(text.as_bytes(), at);
            pieces.push(&text[at..next]);
            at = next;
        }
        pieces
    }

    #[test]
    fn numbers_and_ideographs_end_every_other_piece() {
        assert_eq!(pieces("a   12345b"), ["a", "   ", "123", "45", "b"]);
        assert_eq!(pieces("abc中文。ab 国"), ["abc", "中文", "。", "ab", " ", "国"]);
        assert_eq!(pieces("カナ・かな"), ["カナ", "・", "かな"]);
    }

    #[test]
    fn punctuation_takes_ascii_letters_along() {
        assert_eq!(pieces("x.foo _bar ..baz .é"), ["x", ".foo", " _", "bar", " ..", "baz", " .", "é"]);
        assert_eq!(pieces(".caf\u{e9}"), [".caf", "\u{e9}"]);
    }

    #[test]
    fn white_space_goes_with_what_follows() {
        assert_eq!(pieces("a  b \n\n c!\n\n"), ["a", " ", " b", " \n\n", " c", "!\n\n"]);
        assert_eq!(pieces("x \n  "), ["x", " \n", "  "]);
    }

    #[test]
    fn what_nothing_matches_is_one_piece() {
        assert_eq!(pieces("\0\0\0a"), ["\0\0", "\0a"]);
        assert_eq!(pieces("😀\u{200d}😀"), ["😀", "\u{200d}", "😀"]);
        assert_eq!(pieces("\u{200d}\0 !"), ["\u{200d}\0", " !"]);
        assert_eq!(pieces("\0"), ["\0"]);
    }

    proptest! {
        #[test]
        fn every_piece_advances_whatever_the_bytes(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            for start in 0..text.len() {
                let next = deepseek_end(&text, start);
                prop_assert!(next > start && next <= text.len());
            }
            prop_assert_eq!(deepseek_end(&text, text.len()), text.len());
        }
    }
}
