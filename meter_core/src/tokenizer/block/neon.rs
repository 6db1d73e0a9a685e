//! Classes of a block with NEON, 16 bytes in a vector.
//!
//! Owns the one use of these instructions, which every processor has that this is compiled for. Refuses to know others.

use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vcleq_u8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8, vorrq_u8, vpaddq_u8,
    vreinterpretq_u64_u8, vsubq_u8,
};

use super::{BLOCK_BYTES, Classify, Masks};

/// The bit of each of eight bytes, twice.
const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

/// Works wherever this file is compiled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neon;

impl Classify for Neon {
    #[inline]
    fn masks(self, block: &[u8; BLOCK_BYTES]) -> Masks {
        // SAFETY: this file is compiled for processors with NEON only.
        #[expect(unsafe_code, reason = "the compiler was told of the processor")]
        unsafe {
            masks(block)
        }
    }

    #[inline]
    fn between(self, block: &[u8; BLOCK_BYTES], first: u8, last: u8) -> u64 {
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "the compiler was told of the processor")]
        unsafe {
            bytes_between(block, first, last)
        }
    }
}

/// The bit of each byte of all quarters that `$class` sets.
macro_rules! mask {
    ($quarters:ident, |$quarter:ident| $class:expr) => {
        gathered($quarters.map(|$quarter| $class))
    };
}

#[target_feature(enable = "neon")]
#[inline]
fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
    let quarters = load(block);
    let line_end = mask!(quarters, |quarter| vorrq_u8(equal(quarter, b'\n'), equal(quarter, b'\r')));
    Masks {
        upper: mask!(quarters, |quarter| between(quarter, b'A', b'Z')),
        lower: mask!(quarters, |quarter| between(quarter, b'a', b'z')),
        digit: mask!(quarters, |quarter| between(quarter, b'0', b'9')),
        space: mask!(quarters, |quarter| equal(quarter, b' ')),
        blank: mask!(quarters, |quarter| between(quarter, b'\t', b'\r')) & !line_end,
        line_end,
        apostrophe: mask!(quarters, |quarter| equal(quarter, b'\'')),
        wide: mask!(quarters, |quarter| between(quarter, 0x80, 0xFF)),
    }
}

#[target_feature(enable = "neon")]
#[inline]
fn bytes_between(block: &[u8; BLOCK_BYTES], first: u8, last: u8) -> u64 {
    let quarters = load(block);
    mask!(quarters, |quarter| between(quarter, first, last))
}

/// The quarters of a block.
#[target_feature(enable = "neon")]
#[inline]
fn load(block: &[u8; BLOCK_BYTES]) -> [uint8x16_t; 4] {
    [0, 16, 32, 48].map(|at| vector(block[at..].first_chunk().unwrap_or(&[0; 16])))
}

#[target_feature(enable = "neon")]
#[inline]
fn vector(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the load needs no alignment and reads these 16 bytes.
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    unsafe {
        vld1q_u8(bytes.as_ptr())
    }
}

/// A bit of each byte, all bits of which are set or none, side by side: each sum of eight bytes is eight bits.
#[target_feature(enable = "neon")]
#[inline]
fn gathered(quarters: [uint8x16_t; 4]) -> u64 {
    let bits = vector(&BITS);
    let [a, b, c, d] = quarters.map(|quarter| vandq_u8(quarter, bits));
    let sums = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)))
}

/// All bits of each byte that is `value`.
#[target_feature(enable = "neon")]
#[inline]
fn equal(bytes: uint8x16_t, value: u8) -> uint8x16_t {
    vceqq_u8(bytes, vdupq_n_u8(value))
}

/// All bits of each byte from `first` to `last`.
#[target_feature(enable = "neon")]
#[inline]
fn between(bytes: uint8x16_t, first: u8, last: u8) -> uint8x16_t {
    vcleq_u8(vsubq_u8(bytes, vdupq_n_u8(first)), vdupq_n_u8(last - first))
}
