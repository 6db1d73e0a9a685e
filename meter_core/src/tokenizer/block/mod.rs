//! Classes of 64 bytes at once.
//!
//! Owns which bits a block's bytes set, and the choice of the instructions that find them. Refuses to know patterns. Each way
//! answers alike: it looks at every byte alone, and tests compare it with the portable one for every byte at every place.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
mod neon;
mod portable;
mod prefetch;

#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use avx512::Avx512;
#[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
use neon::Neon;
pub(super) use portable::Portable;
pub(super) use prefetch::prefetch;

/// Bytes that are looked at together: one bit of a word each.
pub(super) const BLOCK_BYTES: usize = 64;

/// Which bytes of a block are of which class: bit `i` is byte `i`. A byte of no class is an ASCII symbol or control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    /// `A` to `Z`.
    pub(super) upper: u64,
    /// `a` to `z`.
    pub(super) lower: u64,
    /// `0` to `9`.
    pub(super) digit: u64,
    /// The space.
    pub(super) space: u64,
    /// Tab, vertical tab and form feed.
    pub(super) blank: u64,
    /// Line feed and carriage return.
    pub(super) line_end: u64,
    /// The apostrophe, which is a symbol too.
    pub(super) apostrophe: u64,
    /// Bytes of characters beyond ASCII.
    pub(super) wide: u64,
}

/// A way of classifying a block.
pub(super) trait Classify: Copy {
    /// The classes of a block.
    fn masks(self, block: &[u8; BLOCK_BYTES]) -> Masks;

    /// The bytes from `first` to `last`, both ASCII or both beyond.
    fn between(self, block: &[u8; BLOCK_BYTES], first: u8, last: u8) -> u64;
}

/// Work that classifies many blocks.
pub(super) trait Work {
    /// What it results in.
    type Output;

    /// Does it. Inlined, it is compiled for the instructions of each way.
    fn run(self, classify: impl Classify) -> Self::Output;
}

/// Does `work` in the quickest way that this processor knows.
#[inline]
pub(super) fn dispatch<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx512) = Avx512::detect() {
            return avx512.run(work);
        }
        if let Some(avx2) = Avx2::detect() {
            return avx2.run(work);
        }
    }
    #[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
    return work.run(Neon);
    #[cfg(not(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")))]
    work.run(Portable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte value at every place, among its neighbours and among others.
    fn blocks() -> impl Iterator<Item = [u8; BLOCK_BYTES]> {
        (0..=255u8).flat_map(|first| {
            [1u8, 37].map(|step| {
                let mut byte = first;
                [(); BLOCK_BYTES].map(|()| {
                    byte = byte.wrapping_add(step);
                    byte
                })
            })
        })
    }

    fn mask(block: &[u8; BLOCK_BYTES], class: impl Fn(u8) -> bool) -> u64 {
        block.iter().rev().fold(0, |mask, &byte| mask << 1 | u64::from(class(byte)))
    }

    fn expected(block: &[u8; BLOCK_BYTES]) -> Masks {
        let mask = |class: fn(u8) -> bool| mask(block, class);
        Masks {
            upper: mask(|byte| byte.is_ascii_uppercase()),
            lower: mask(|byte| byte.is_ascii_lowercase()),
            digit: mask(|byte| byte.is_ascii_digit()),
            space: mask(|byte| byte == b' '),
            blank: mask(|byte| matches!(byte, b'\t' | 0x0B | 0x0C)),
            line_end: mask(|byte| matches!(byte, b'\r' | b'\n')),
            apostrophe: mask(|byte| byte == b'\''),
            wide: mask(|byte| byte >= 0x80),
        }
    }

    fn assert_exact(classify: impl Classify) {
        for block in blocks() {
            assert_eq!(classify.masks(&block), expected(&block), "{block:?}");
            for (first, last) in
                [(0x00, 0x7F), (0x00, 0x1F), (0x7F, 0x7F), (b'a', b'y'), (0x80, 0xFF), (0xE5, 0xE8)]
            {
                let found = classify.between(&block, first, last);
                assert_eq!(found, mask(&block, |byte| (first..=last).contains(&byte)), "{block:?}");
            }
        }
    }

    #[test]
    fn the_portable_way_is_exact() {
        assert_exact(Portable);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_way_of_this_processor_is_exact() {
        if let Some(avx2) = Avx2::detect() {
            assert_exact(avx2);
        }
        if let Some(avx512) = Avx512::detect() {
            assert_exact(avx512);
        }
    }

    #[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
    #[test]
    fn neon_is_exact() {
        assert_exact(Neon);
    }
}
