//! Classes of a block with plain arithmetic, eight bytes in a word.
//!
//! Owns the way that works on every processor. Refuses to know others.

use super::{BLOCK_BYTES, Classify, Masks};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Works everywhere.
#[derive(Clone, Copy, Debug)]
pub(in crate::tokenizer) struct Portable;

impl Classify for Portable {
    #[inline]
    fn masks(self, block: &[u8; BLOCK_BYTES]) -> Masks {
        let mut masks = Masks::default();
        for (place, eight) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = Word(u64::from_le_bytes(*eight));
            let at = 8 * place;
            masks.upper |= word.between(b'A', b'Z') << at;
            masks.lower |= word.between(b'a', b'z') << at;
            masks.digit |= word.between(b'0', b'9') << at;
            masks.space |= word.between(b' ', b' ') << at;
            let feeds = word.between(b'\n', b'\n') | word.between(b'\r', b'\r');
            masks.blank |= (word.between(b'\t', b'\r') & !feeds) << at;
            masks.line_end |= feeds << at;
            masks.apostrophe |= word.between(b'\'', b'\'') << at;
            masks.wide |= gathered(word.0 & HIGH) << at;
        }
        masks
    }

    #[inline]
    fn between(self, block: &[u8; BLOCK_BYTES], first: u8, last: u8) -> u64 {
        let words = block.as_chunks::<8>().0.iter().map(|eight| Word(u64::from_le_bytes(*eight)));
        if first < 0x80 {
            words.rev().fold(0, |mask, word| mask << 8 | word.between(first, last))
        } else {
            words.rev().fold(0, |mask, word| mask << 8 | word.wide_between(first, last))
        }
    }
}

/// Eight bytes.
#[derive(Clone, Copy)]
struct Word(u64);

impl Word {
    /// Which bytes are ASCII from `first` to `last`.
    #[inline]
    fn between(self, first: u8, last: u8) -> u64 {
        gathered(self.seven_bits_between(first, last) & !self.0 & HIGH)
    }

    /// Which bytes are beyond ASCII, from `first` to `last`.
    #[inline]
    fn wide_between(self, first: u8, last: u8) -> u64 {
        gathered(self.seven_bits_between(first & 0x7F, last & 0x7F) & self.0 & HIGH)
    }

    /// The high bit of each byte whose other bits are from `first` to `last`: sums of seven bits do not reach the next byte.
    #[inline]
    fn seven_bits_between(self, first: u8, last: u8) -> u64 {
        let low = self.0 & !HIGH;
        let not_below = low + ONES * u64::from(0x80 - first);
        let above = low + ONES * u64::from(0x7F - last);
        not_below & !above
    }
}

/// The high bits of the bytes of a word, side by side.
#[inline]
const fn gathered(high: u64) -> u64 {
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
