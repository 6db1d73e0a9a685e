//! The scanners of the patterns that are one regular expression.
//!
//! Owns where a piece of GPT-2's, GPT-4's and GPT-4o's pattern ends, and of those derived from them. Refuses to know tokens.

use super::class::{
    LETTER, LINE_END, LOWER, MARK, NUMBER, SPACE, SYMBOL, UNCASED, UPPER, WHITE, class_at, run_end,
};

/// Digits in a piece of OpenAI's and Llama's patterns.
const THREE: usize = 3;
/// Digits in a piece of Mistral's and Qwen's patterns.
const ONE: usize = 1;

/// The end of the r50k piece that starts at `start`; after `start` unless that is the end of the text.
#[inline]
pub(super) fn r50k_end(text: &[u8], start: usize) -> usize {
    if let Some(end) = contraction_end(text, start, false) {
        return end;
    }
    let (first, width) = class_at(text, start);
    let from = if text.get(start) == Some(&b' ') { start + 1 } else { start };
    let (class, _) = if from == start { (first, width) } else { class_at(text, from) };
    for kind in [LETTER, NUMBER, SYMBOL] {
        if class & kind != 0 {
            return run_end(text, from, kind);
        }
    }
    let white = WhiteRun::at(text, start);
    white.before_last(text, start)
}

/// The end of the cl100k piece that starts at `start`; after `start` unless that is the end of the text.
#[inline]
pub(super) fn cl100k_end(text: &[u8], start: usize) -> usize {
    gpt4_end::<THREE, true>(text, start)
}

/// As [`cl100k_end`], for Llama 3.
#[inline]
pub(super) fn llama3_end(text: &[u8], start: usize) -> usize {
    gpt4_end::<THREE, false>(text, start)
}

/// As [`cl100k_end`], for Qwen.
#[inline]
pub(super) fn qwen_end(text: &[u8], start: usize) -> usize {
    gpt4_end::<ONE, false>(text, start)
}

/// Numbers have up to `DIGITS` characters. With `TRAILING`, white space at the end of the text is one piece, line ends or not.
#[inline]
fn gpt4_end<const DIGITS: usize, const TRAILING: bool>(text: &[u8], start: usize) -> usize {
    if let Some(end) = contraction_end(text, start, true) {
        return end;
    }
    let (first, width) = class_at(text, start);
    if first & LETTER != 0 {
        return run_end(text, start + width, LETTER);
    }
    if first & NUMBER != 0 {
        return number_end(text, start, DIGITS);
    }
    let (second, _) = class_at(text, start + width);
    if first & LINE_END == 0 && second & LETTER != 0 {
        return run_end(text, start + width, LETTER);
    }
    if first & SYMBOL != 0 || (text.get(start) == Some(&b' ') && second & SYMBOL != 0) {
        let symbols = run_end(text, start + width, SYMBOL);
        return run_end(text, symbols, LINE_END);
    }
    let white = WhiteRun::at(text, start);
    if TRAILING && white.end == text.len() {
        return white.end;
    }
    white.after_last_line_end.unwrap_or_else(|| white.before_last(text, start))
}

/// The end of the o200k piece that starts at `start`; after `start` unless that is the end of the text.
#[inline]
pub(super) fn o200k_end(text: &[u8], start: usize) -> usize {
    gpt4o_end::<THREE, true>(text, start)
}

/// As [`o200k_end`], for Mistral's tekken.
#[inline]
pub(super) fn tekken_end(text: &[u8], start: usize) -> usize {
    gpt4o_end::<ONE, false>(text, start)
}

/// Numbers have up to `DIGITS` characters. With `SUFFIXES`, a word takes the contraction behind it along.
#[inline]
fn gpt4o_end<const DIGITS: usize, const SUFFIXES: bool>(text: &[u8], start: usize) -> usize {
    let suffixed = |end| if SUFFIXES { contraction_end(text, end, true).unwrap_or(end) } else { end };
    let (first, width) = class_at(text, start);
    if first & LETTER != 0 {
        return suffixed(word_at(text, start).end);
    }
    if first & NUMBER != 0 {
        return number_end(text, start, DIGITS);
    }
    let next = start + width;
    if first & LINE_END == 0 {
        let word = word_at(text, next);
        if first & MARK != 0 && !word.ends_lower_like {
            return suffixed(next);
        }
        if word.end > next {
            return suffixed(word.end);
        }
    }
    if first & SYMBOL != 0 || (text.get(start) == Some(&b' ') && class_at(text, next).0 & SYMBOL != 0) {
        let mut end = run_end(text, next, SYMBOL);
        while matches!(text.get(end), Some(b'\r' | b'\n' | b'/')) {
            end += 1;
        }
        return end;
    }
    let white = WhiteRun::at(text, start);
    white.after_last_line_end.unwrap_or_else(|| white.before_last(text, start))
}

/// A word of o200k's two letter alternatives: upper-like characters, then lower-like ones; caseless letters and marks are
/// both.
struct Word {
    end: usize,
    /// The first alternative matched: at least one lower-like character closes the word.
    ends_lower_like: bool,
}

#[inline]
fn word_at(text: &[u8], start: usize) -> Word {
    let (mut at, mut after_last_both) = (start, None);
    let stopper = loop {
        let (class, width) = class_at(text, at);
        if class & (UPPER | UNCASED | MARK) == 0 {
            break class;
        }
        at += width;
        if class & UPPER == 0 {
            after_last_both = Some(at);
        }
    };
    if stopper & LOWER != 0 {
        return Word { end: run_end(text, at, LOWER | UNCASED | MARK), ends_lower_like: true };
    }
    // Without a lower case letter behind them, the upper-like characters give back up to the last one that is also
    // lower-like; with none of those, the second alternative takes them all.
    Word { end: after_last_both.unwrap_or(at), ends_lower_like: after_last_both.is_some() }
}

/// The end of `'s`, `'d`, `'m`, `'t`, `'ll`, `'ve` or `'re` at `at`. Without case, the long s (U+017F) is an s.
#[inline]
pub(super) fn contraction_end(text: &[u8], at: usize, any_case: bool) -> Option<usize> {
    if text.get(at) != Some(&b'\'') {
        return None;
    }
    let fold = if any_case { 0x20 } else { 0 };
    let first = *text.get(at + 1)?;
    match first | fold {
        b's' | b'd' | b'm' | b't' => Some(at + 2),
        b'l' | b'v' | b'r' => {
            let second = text.get(at + 2)? | fold;
            matches!((first | fold, second), (b'l', b'l') | (b'v' | b'r', b'e')).then_some(at + 3)
        }
        _ => (any_case && first == 0xC5 && text.get(at + 2) == Some(&0xBF)).then_some(at + 3),
    }
}

/// The end of up to `digits` number characters.
#[inline]
pub(super) fn number_end(text: &[u8], start: usize, digits: usize) -> usize {
    let mut at = start;
    for _ in 0..digits {
        let (class, width) = class_at(text, at);
        if class & NUMBER == 0 {
            break;
        }
        at += width;
    }
    at
}

/// A run of white space.
struct WhiteRun {
    end: usize,
    last: usize,
    after_last_line_end: Option<usize>,
}

impl WhiteRun {
    #[inline]
    fn at(text: &[u8], start: usize) -> Self {
        let mut run = Self { end: start, last: start, after_last_line_end: None };
        loop {
            let (class, width) = class_at(text, run.end);
            if class & WHITE == 0 {
                return run;
            }
            run.last = run.end;
            run.end += width;
            if class & SPACE == 0 {
                run.after_last_line_end = Some(run.end);
            }
        }
    }

    /// The end of `\s+(?!\S)`, else of one white space character: the last one belongs to what follows.
    #[inline]
    fn before_last(&self, text: &[u8], start: usize) -> usize {
        if self.end == text.len() || self.last == start { self.end } else { self.last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(end: fn(&[u8], usize) -> usize, text: &str) -> Vec<&str> {
        let (mut at, mut pieces) = (0, Vec::new());
        while at < text.len() {
            let next = end(text.as_bytes(), at);
            pieces.push(&text[at..next]);
            at = next;
        }
        pieces
    }

    #[test]
    fn r50k_keeps_case_and_long_numbers() {
        assert_eq!(pieces(r50k_end, "I'll I'LL"), ["I", "'ll", " I", "'", "LL"]);
        assert_eq!(pieces(r50k_end, "a 12345  b\n\n c"), ["a", " 12345", " ", " b", "\n\n", " c"]);
        assert_eq!(pieces(r50k_end, "x  \n "), ["x", "  \n "]);
    }

    #[test]
    fn cl100k_takes_contractions_first() {
        assert_eq!(pieces(cl100k_end, "'tis don'T 'ſo"), ["'t", "is", " don", "'T", " '", "ſo"]);
        assert_eq!(pieces(cl100k_end, "a!\r\n\n b"), ["a", "!\r\n\n", " b"]);
        assert_eq!(pieces(cl100k_end, " \n \n  b"), [" \n \n", " ", " b"]);
        assert_eq!(pieces(cl100k_end, "b \n  "), ["b", " \n  "]);
        assert_eq!(pieces(cl100k_end, "12345\u{301}e\u{301}"), ["123", "45", "\u{301}e", "\u{301}"]);
    }

    #[test]
    fn o200k_cuts_words_by_case() {
        assert_eq!(pieces(o200k_end, "fooBarBAZ don't"), ["foo", "Bar", "BAZ", " don't"]);
        assert_eq!(pieces(o200k_end, "中AB中CD"), ["中AB中", "CD"]);
        assert_eq!(pieces(o200k_end, "\u{301}AB"), ["\u{301}", "AB"]);
        assert_eq!(pieces(o200k_end, "\u{301}ABc"), ["\u{301}ABc"]);
        assert_eq!(pieces(o200k_end, "!!/\n/x"), ["!!/\n/", "x"]);
        assert_eq!(pieces(o200k_end, "b \n  "), ["b", " \n", "  "]);
    }

    #[test]
    fn llama3_and_qwen_are_cl100k_without_its_rule_for_the_end() {
        assert_eq!(pieces(llama3_end, "b \n  "), ["b", " \n", "  "]);
        assert_eq!(pieces(llama3_end, "12345 don'T"), ["123", "45", " don", "'T"]);
        assert_eq!(pieces(qwen_end, "b12 \n\n "), ["b", "1", "2", " \n\n", " "]);
    }

    #[test]
    fn tekken_is_o200k_without_contractions_and_with_single_digits() {
        assert_eq!(
            pieces(tekken_end, "don't 12 HTTPServer!/\n"),
            ["don", "'t", " ", "1", "2", " HTTPServer", "!/\n"]
        );
    }

    proptest! {
        #[test]
        fn every_piece_advances_whatever_the_bytes(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            for end in [r50k_end, cl100k_end, llama3_end, qwen_end, o200k_end, tekken_end] {
                for start in 0..text.len() {
                    let next = end(&text, start);
                    prop_assert!(next > start && next <= text.len());
                }
                prop_assert_eq!(end(&text, text.len()), text.len());
            }
        }
    }
}
