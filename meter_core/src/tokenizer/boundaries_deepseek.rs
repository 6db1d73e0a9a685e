//! Where the pieces of a block begin by DeepSeek's pattern.
//!
//! Owns that pattern as arithmetic on the classes of 64 bytes. Refuses to know tokens, and what is certain at the end of a block.
//!
//! Numbers and runs of Chinese characters and kana are cut out first, so that nothing sees beyond them: white space in front of them
//! stays whole. What has a class of its own only here, or is seldom met (controls, marks), is left to the scanner.

use super::block::{BLOCK_BYTES, Classify};
use super::boundaries::{Cut, Cuts, certain, digit_starts, firsts, seen, symbol_feeds, white_starts};
use super::kinds::{Kinds, VIEW_BYTES};
use super::scan_deepseek::{DIGITS, deepseek_end, wide_class_at};

/// The last ASCII control but one, and that one.
const CONTROLS_END: u8 = 0x1F;
const DELETE: u8 = 0x7F;

/// DeepSeek V3 and later.
pub(super) struct DeepSeek;

impl Cuts for DeepSeek {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    fn cut(classify: impl Classify, view: &[u8; VIEW_BYTES], len: usize, open: bool) -> Cut {
        let seen = seen(len);
        let block = view.first_chunk().unwrap_or(&[0; BLOCK_BYTES]);
        let kinds = Kinds::new(classify, view, seen, wide_class_at);
        let white = kinds.white();
        let controls =
            (classify.between(block, 0, CONTROLS_END) | classify.between(block, DELETE, DELETE)) & !white;
        let wide = classify.between(block, 0x80, 0xFF);
        let symbols = kinds.symbol & !controls;
        // What `wide_class_at` calls so.
        let (ideographs, letters) = (kinds.uncased, kinds.upper | kinds.lower);
        let spaced = kinds.space << 1;
        let apart = ideographs | kinds.digit;

        let symbol_firsts = firsts(symbols) & !spaced;
        let ascii_letters = letters & !wide;
        // An ASCII symbol takes ASCII letters along, and only those.
        let taken = symbol_firsts << 1 & ascii_letters;
        let left = ascii_letters.wrapping_add(taken) & !ascii_letters & letters;
        let feeds = symbol_feeds(kinds.line_end, symbols);
        let (white_starts, undecided) = white_starts(&kinds, white, feeds, seen >> 1 & !(apart >> 1));

        let starts = symbol_firsts
            | firsts(letters) & !((kinds.space | kinds.blank) << 1 | taken)
            | left
            | white_starts
            | firsts(ideographs)
            | firsts(kinds.digit)
            | digit_starts(kinds.digit, DIGITS);
        let rare = (kinds.rare | controls | undecided) & seen;
        certain((starts | 1) & seen, white, rare, len, open)
    }

    #[inline]
    fn end(text: &[u8], start: usize) -> usize {
        deepseek_end(text, start)
    }
}
