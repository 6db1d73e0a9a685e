//! What the bytes of a block are to a pattern.
//!
//! Owns the classes of characters beyond ASCII, added to those that a block has. Refuses to know where pieces end.

use super::block::{BLOCK_BYTES, Classify, Masks};
use super::class::{LETTER, LOWER, OTHER, UPPER};

/// Bytes of a text from the beginning of a block: a character, and a key, that begin in the block may end behind it.
pub(super) const VIEW_BYTES: usize = BLOCK_BYTES + 16;

/// The first bytes of characters from U+5000 to U+8FFF, all of which are ideographs.
const IDEOGRAPHS: (u8, u8) = (0xE5, 0xE8);

/// Bytes by class, each byte of a character as the character: bit `i` is byte `i`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds {
    pub(super) upper: u64,
    pub(super) lower: u64,
    /// Letters without case.
    pub(super) uncased: u64,
    /// ASCII digits.
    pub(super) digit: u64,
    /// Neither letter, mark, number nor white space.
    pub(super) symbol: u64,
    pub(super) space: u64,
    /// ASCII white space that is neither space nor line end.
    pub(super) blank: u64,
    pub(super) line_end: u64,
    pub(super) apostrophe: u64,
    /// Bytes inside a character.
    pub(super) inside: u64,
    /// Marks, and numbers and white space beyond ASCII: rare, and left to the scanners.
    pub(super) rare: u64,
}

impl Kinds {
    /// The kinds of the first block of `view`, of which the bytes `seen` belong to the text. `class_at` tells the class of a character
    /// beyond ASCII and its length; from U+5000 to U+8FFF all are letters without case, and not asked for.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    pub(super) fn new(
        classify: impl Classify,
        view: &[u8; VIEW_BYTES],
        seen: u64,
        class_at: impl Fn(&[u8], usize) -> (u8, usize),
    ) -> Self {
        let block = view.first_chunk().unwrap_or(&[0; BLOCK_BYTES]);
        let Masks { upper, lower, digit, space, blank, line_end, apostrophe, wide } = classify.masks(block);
        let symbol = !(upper | lower | digit | space | blank | line_end | wide);
        let mut kinds = Self {
            upper,
            lower,
            uncased: 0,
            digit,
            symbol: symbol & seen,
            space,
            blank,
            line_end,
            apostrophe,
            inside: 0,
            rare: 0,
        };
        if wide != 0 {
            let ideographs = classify.between(block, IDEOGRAPHS.0, IDEOGRAPHS.1);
            kinds.add_wide(view, wide, ideographs, class_at);
        }
        kinds
    }

    #[inline]
    fn add_wide(
        &mut self,
        view: &[u8; VIEW_BYTES],
        wide: u64,
        ideograph: u64,
        class_at: impl Fn(&[u8], usize) -> (u8, usize),
    ) {
        let ideographs = ideograph | ideograph << 1 | ideograph << 2;
        self.uncased = ideographs;
        let mut rest = wide & !ideographs;
        let mut firsts = ideograph;
        while rest != 0 {
            let at = rest.trailing_zeros() as usize;
            let (class, width) = class_at(view, at);
            let bytes = ((1 << width) - 1) << at;
            match class {
                UPPER => self.upper |= bytes,
                LOWER => self.lower |= bytes,
                OTHER => self.symbol |= bytes,
                class if class & LETTER != 0 => self.uncased |= bytes,
                _ => self.rare |= bytes,
            }
            firsts |= 1 << at;
            rest &= !bytes;
        }
        self.inside = wide & !firsts;
    }

    pub(super) fn letters(&self) -> u64 {
        self.upper | self.lower | self.uncased
    }

    pub(super) fn white(&self) -> u64 {
        self.space | self.blank | self.line_end
    }
}
