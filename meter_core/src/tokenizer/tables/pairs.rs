//! Which two adjacent tokens merge, and into what.
//!
//! Owns a perfect hash of slots of 4 bytes: a token and a print of the merge that makes it. Refuses to know bytes and texts.
//!
//! Most questions are answered no, and nearly all of those by the one slot that is looked at. Where the print fits, the split of
//! the token tells; that it does is certain enough for the processor to go on without waiting for it.

use super::perfect::{Placed, group, place, place_all};
use super::split::Split;

/// Bits of a slot that are the token; the others are the print.
const ID_BITS: u32 = 21;
const ID_MASK: u32 = (1 << ID_BITS) - 1;
const LEFT: u64 = 0x9E37_79B9_7F4A_7C15;
const RIGHT: u64 = 0xD6E8_FEB8_6659_FD93;

/// No token.
pub(crate) const NONE: u32 = u32::MAX;

/// The tables to look in.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<'a> {
    pub(crate) pilots: &'a [[u8; 1]],
    pub(crate) slots: &'a [[u8; 4]],
    pub(crate) splits: &'a [[u8; 8]],
    pub(crate) seed: u32,
}

impl Pairs<'_> {
    /// The token that `left` and `right` merge into, or [`NONE`].
    #[inline]
    pub(crate) fn merged(self, left: u32, right: u32) -> u32 {
        let hash = hash(left, right, self.seed);
        let Some(&[pilot]) = self.pilots.get(group(hash, self.pilots.len())) else { return NONE };
        let Some(slot) = self.slots.get(place(hash, pilot, self.slots.len())) else { return NONE };
        let slot = u32::from_le_bytes(*slot);
        let id = slot & ID_MASK;
        if slot >> ID_BITS == print(hash)
            && let Some(split) = self.splits.get(id as usize)
            && u64::from_le_bytes(*split) == u64::from(left) | u64::from(right) << 32
        {
            return id;
        }
        NONE
    }
}

/// The tables of some merges.
pub(super) struct Built {
    pub(super) pilots: Vec<u8>,
    pub(super) slots: Vec<u32>,
    pub(super) seed: u32,
}

/// Of two tokens of the same merge the later counts.
pub(super) fn build(splits: &[Option<Split>]) -> Built {
    let mut merges: Vec<(u32, u32, u32)> = (0..)
        .zip(splits)
        .filter_map(|(id, split)| split.map(|Split { left, right }| (left, right, id)))
        .collect();
    merges.sort_unstable();
    merges.dedup_by(|later, kept| {
        let is_same = (later.0, later.1) == (kept.0, kept.1);
        if is_same {
            kept.2 = later.2;
        }
        is_same
    });
    let hash_of = |key: usize, seed| hash(merges[key].0, merges[key].1, seed);
    let Placed { pilots, at: places, count, seed } = place_all(merges.len(), hash_of);
    let mut slots = vec![NONE; count];
    for (&(left, right, id), at) in merges.iter().zip(places) {
        slots[at] = print(hash(left, right, seed)) << ID_BITS | id;
    }
    Built { pilots, slots, seed }
}

#[inline]
fn hash(left: u32, right: u32, seed: u32) -> u64 {
    let seed = 2 * u64::from(seed);
    (u64::from(left).wrapping_mul(LEFT.wrapping_add(seed)))
        .wrapping_add(u64::from(right).wrapping_mul(RIGHT.wrapping_add(seed)))
}

/// Bits of a hash that neither its group nor its place depends on.
#[inline]
fn print(hash: u64) -> u32 {
    (hash >> 32) as u32 & (NONE >> ID_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::tables::Table;

    fn check(splits: &[Option<Split>], expected: impl Fn(u32, u32) -> u32) {
        let Built { pilots, slots, seed } = build(splits);
        let rows: Table<8> = splits.iter().map(|&split| Split::row(split)).collect();
        let pilots: Table<1> = pilots.into_iter().map(|pilot| [pilot]).collect();
        let slots: Table<4> = slots.into_iter().map(u32::to_le_bytes).collect();
        let pairs = Pairs { pilots: &pilots, slots: &slots, splits: &rows, seed };
        for left in 0..200 {
            for right in 0..200 {
                assert_eq!(pairs.merged(left, right), expected(left, right), "{left} {right}");
            }
        }
    }

    #[test]
    fn every_merge_is_found_and_nothing_else() {
        let splits: Vec<_> =
            (0..200).flat_map(|left| [None, Some(Split { left, right: left * 7 % 200 })]).collect();

        check(&splits, |left, right| if right == left * 7 % 200 { 2 * left + 1 } else { NONE });
        check(&[], |_, _| NONE);
    }

    #[test]
    fn of_two_tokens_of_one_merge_the_later_counts() {
        let split = Some(Split { left: 3, right: 4 });

        check(&[split, None, split], |left, right| if (left, right) == (3, 4) { 2 } else { NONE });
    }
}
