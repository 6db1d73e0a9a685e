//! Classes of a block with AVX2, 32 bytes in a vector.
//!
//! Owns the one use of these instructions. Refuses to know others.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_sub_epi8,
};

use super::{BLOCK_BYTES, Classify, Masks, Work};

/// Proof that this processor has the instructions: made by [`detect`](Self::detect) only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    /// Some where this processor has AVX2 and the bit instructions that come with it.
    pub(super) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        all.then_some(Self(()))
    }

    /// Does `work` with code for these instructions.
    #[inline]
    pub(super) fn run<W: Work>(self, work: W) -> W::Output {
        // SAFETY: a value of this type exists only where `detect` found the instructions.
        #[expect(unsafe_code, reason = "the processor was asked")]
        unsafe {
            run(self, work)
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run<W: Work>(classify: Avx2, work: W) -> W::Output {
    work.run(classify)
}

impl Classify for Avx2 {
    #[inline]
    fn masks(self, block: &[u8; BLOCK_BYTES]) -> Masks {
        // SAFETY: a value of this type exists only where `detect` found AVX2.
        #[expect(unsafe_code, reason = "the processor was asked")]
        unsafe {
            masks(block)
        }
    }

    #[inline]
    fn between(self, block: &[u8; BLOCK_BYTES], first: u8, last: u8) -> u64 {
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "the processor was asked")]
        unsafe {
            bytes_between(block, first, last)
        }
    }
}

/// The bit of each byte of both halves whose high bit `$class` sets.
macro_rules! mask {
    ($halves:ident, |$half:ident| $class:expr) => {{
        let bits = |$half: __m256i| u64::from(_mm256_movemask_epi8($class).cast_unsigned());
        bits($halves.0) | bits($halves.1) << 32
    }};
}

#[target_feature(enable = "avx2")]
#[inline]
fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
    let halves = load(block);
    let line_end = mask!(halves, |half| _mm256_or_si256(equal(half, b'\n'), equal(half, b'\r')));
    Masks {
        upper: mask!(halves, |half| between(half, b'A', b'Z')),
        lower: mask!(halves, |half| between(half, b'a', b'z')),
        digit: mask!(halves, |half| between(half, b'0', b'9')),
        space: mask!(halves, |half| equal(half, b' ')),
        blank: mask!(halves, |half| between(half, b'\t', b'\r')) & !line_end,
        line_end,
        apostrophe: mask!(halves, |half| equal(half, b'\'')),
        wide: mask!(halves, |half| half),
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn bytes_between(block: &[u8; BLOCK_BYTES], first: u8, last: u8) -> u64 {
    let halves = load(block);
    mask!(halves, |half| between(half, first, last))
}

/// Both halves of a block.
#[target_feature(enable = "avx2")]
#[inline]
fn load(block: &[u8; BLOCK_BYTES]) -> (__m256i, __m256i) {
    let (low, high) = block.split_at(BLOCK_BYTES / 2);
    // SAFETY: the two loads need no alignment and read 32 bytes each, which both halves have.
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    unsafe {
        (
            _mm256_loadu_si256(std::ptr::from_ref(low).cast()),
            _mm256_loadu_si256(std::ptr::from_ref(high).cast()),
        )
    }
}

/// All bits of each byte that is `value`.
#[target_feature(enable = "avx2")]
#[inline]
fn equal(bytes: __m256i, value: u8) -> __m256i {
    _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(value.cast_signed()))
}

/// All bits of each byte from `first` to `last`, unsigned.
#[target_feature(enable = "avx2")]
#[inline]
fn between(bytes: __m256i, first: u8, last: u8) -> __m256i {
    let above = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first.cast_signed()));
    let most = _mm256_set1_epi8((last - first).cast_signed());
    _mm256_cmpeq_epi8(_mm256_min_epu8(above, most), above)
}
