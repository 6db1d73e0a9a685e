//! Classes of a block with AVX-512, the whole block in a vector.
//!
//! Owns the one use of these instructions. Refuses to know others.

use std::arch::x86_64::{
    __m512i, _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask, _mm512_loadu_si512, _mm512_movepi8_mask,
    _mm512_set1_epi8, _mm512_sub_epi8,
};

use super::{BLOCK_BYTES, Classify, Masks, Work};

/// Proof that this processor has the instructions: made by [`detect`](Self::detect) only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    /// Some where this processor has AVX-512 for bytes and the bit instructions that come with it.
    pub(super) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
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

#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,lzcnt,popcnt")]
fn run<W: Work>(classify: Avx512, work: W) -> W::Output {
    work.run(classify)
}

impl Classify for Avx512 {
    #[inline]
    fn masks(self, block: &[u8; BLOCK_BYTES]) -> Masks {
        // SAFETY: a value of this type exists only where `detect` found AVX-512.
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
            between(load(block), first, last)
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
    let bytes = load(block);
    let line_end = equal(bytes, b'\n') | equal(bytes, b'\r');
    Masks {
        upper: between(bytes, b'A', b'Z'),
        lower: between(bytes, b'a', b'z'),
        digit: between(bytes, b'0', b'9'),
        space: equal(bytes, b' '),
        blank: between(bytes, b'\t', b'\r') & !line_end,
        line_end,
        apostrophe: equal(bytes, b'\''),
        wide: _mm512_movepi8_mask(bytes),
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load(block: &[u8; BLOCK_BYTES]) -> __m512i {
    // SAFETY: the load needs no alignment and reads the 64 bytes of the block.
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    unsafe {
        _mm512_loadu_si512(block.as_ptr().cast())
    }
}

/// Which bytes are `value`.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn equal(bytes: __m512i, value: u8) -> u64 {
    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(value.cast_signed()))
}

/// Which bytes are from `first` to `last`, unsigned.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn between(bytes: __m512i, first: u8, last: u8) -> u64 {
    let above = _mm512_sub_epi8(bytes, _mm512_set1_epi8(first.cast_signed()));
    _mm512_cmple_epu8_mask(above, _mm512_set1_epi8((last - first).cast_signed()))
}
