//! Which two adjacent tokens merge, and into what.
//!
//! Owns a static open-addressing table of 8 byte slots. Refuses to know bytes and texts.

/// Bits of a token id inside a slot: three ids in one word.
const ID_BITS: u32 = 21;
const EMPTY: u64 = u64::MAX;

/// No token.
pub(super) const NONE: u32 = u32::MAX;

/// (left, right) -> merged. Ids are below 2^21 - 1.
pub(super) struct Pairs {
    slots: Vec<u64>,
}

impl Pairs {
    /// A table for at most `count` pairs, half full.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { slots: vec![EMPTY; 2 * count + 1] }
    }

    pub(super) fn insert(&mut self, left: u32, right: u32, merged: u32) {
        let key = key(left, right);
        let mut at = home(key, self.slots.len());
        while self.slots[at] != EMPTY && self.slots[at] >> ID_BITS != key {
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        self.slots[at] = key << ID_BITS | u64::from(merged);
    }

    /// The token that `left` and `right` merge into, or [`NONE`].
    #[inline]
    pub(super) fn merged(&self, left: u32, right: u32) -> u32 {
        let key = key(left, right);
        let mut at = home(key, self.slots.len());
        loop {
            let slot = self.slots[at];
            if slot >> ID_BITS == key {
                return u32::try_from(slot & ((1 << ID_BITS) - 1)).unwrap_or(NONE);
            }
            if slot == EMPTY {
                return NONE;
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }
}

#[inline]
fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << ID_BITS | u64::from(right)
}

/// A slot by multiplication, so that the table need not be a power of two long.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the high half of the product is below `slots`")]
fn home(key: u64, slots: usize) -> usize {
    let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    ((u128::from(mixed) * slots as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_answers_every_pair_and_nothing_else() {
        let mut pairs = Pairs::with_capacity(1000);
        for id in 0..1000 {
            pairs.insert(id, id * 7 % 1000, id + 5000);
        }

        for id in 0..1000 {
            assert_eq!(pairs.merged(id, id * 7 % 1000), id + 5000);
            assert_eq!(pairs.merged(id, 1001), NONE);
        }
    }

    #[test]
    fn an_empty_table_answers_nothing() {
        assert_eq!(Pairs::with_capacity(0).merged(0, 0), NONE);
    }
}
