//! Which two adjacent tokens merge, and into what.
//!
//! Owns a perfect hash of slots of 8 bytes: a merge and the token that it makes. Refuses to know bytes and texts.
//!
//! A question is answered by the one slot that is looked at, and without a branch: whether two tokens merge is as good as random.

use std::hint::select_unpredictable;

use super::perfect::{Placed, group, home, place_all};
use super::split::Split;

/// Bits of a token: three of them fit into a slot.
pub(crate) const ID_BITS: u32 = 21;
const ID_MASK: u64 = (1 << ID_BITS) - 1;
/// No two tokens are this merge.
const EMPTY: u64 = u64::MAX;
const LEFT: u64 = 0x9E37_79B9_7F4A_7C15;
const RIGHT: u64 = 0xD6E8_FEB8_6659_FD93;

/// No token.
pub(crate) const NONE: u32 = u32::MAX;

/// The tables to look in.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<'a> {
    pilots: &'a [[u8; 1]],
    slots: &'a [[u8; 8]],
    left: u64,
    right: u64,
}

impl<'a> Pairs<'a> {
    #[inline]
    pub(crate) fn new(pilots: &'a [[u8; 1]], slots: &'a [[u8; 8]], seed: u32) -> Self {
        let (left, right) = multipliers(seed);
        Self { pilots, slots, left, right }
    }

    /// The token that `left` and `right` merge into, or [`NONE`]; that is also what [`NONE`] merges into.
    #[inline]
    pub(crate) fn merged(self, left: u32, right: u32) -> u32 {
        let hash = hash(left, right, (self.left, self.right));
        let home = home(hash, self.slots.len());
        let Some(&[pilot]) = self.pilots.get(group(hash, self.pilots.len())) else { return NONE };
        let Some(slot) = self.slots.get(home + usize::from(pilot)) else { return NONE };
        let slot = u64::from_le_bytes(*slot);
        select_unpredictable(slot >> ID_BITS == key(left, right), (slot & ID_MASK) as u32, NONE)
    }
}

/// The merge that a slot holds.
pub(crate) fn split(slot: u64) -> Option<Split> {
    let id = |bits: u64| u32::try_from(bits & ID_MASK).unwrap_or(NONE);
    (slot != EMPTY).then(|| Split { left: id(slot >> (2 * ID_BITS)), right: id(slot >> ID_BITS) })
}

/// The tables of some merges.
pub(super) struct Built {
    pub(super) pilots: Vec<u8>,
    pub(super) slots: Vec<u64>,
    /// By token: the slot of the merge that makes it, or [`NONE`].
    pub(super) made_at: Vec<u32>,
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
    let hash_of = |key: usize, seed| hash(merges[key].0, merges[key].1, multipliers(seed));
    let Placed { pilots, at, count, seed } = place_all(merges.len(), hash_of);
    let mut slots = vec![EMPTY; count];
    let mut made_at = vec![NONE; splits.len()];
    for (&(left, right, id), at) in merges.iter().zip(at) {
        slots[at] = key(left, right) << ID_BITS | u64::from(id);
        made_at[id as usize] = u32::try_from(at).unwrap_or(NONE);
    }
    Built { pilots, slots, made_at, seed }
}

#[inline]
fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << ID_BITS | u64::from(right)
}

#[inline]
fn multipliers(seed: u32) -> (u64, u64) {
    let seed = 2 * u64::from(seed);
    (LEFT.wrapping_add(seed), RIGHT.wrapping_add(seed))
}

#[inline]
fn hash(left: u32, right: u32, multipliers: (u64, u64)) -> u64 {
    let left = u64::from(left).wrapping_mul(multipliers.0);
    left.wrapping_add(u64::from(right).wrapping_mul(multipliers.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::tables::Table;

    fn check(splits: &[Option<Split>], expected: impl Fn(u32, u32) -> u32) {
        let Built { pilots, slots, made_at, seed } = build(splits);
        for (split_of, at) in splits.iter().zip(made_at) {
            assert!(at == NONE || split(slots[at as usize]) == *split_of);
        }
        let pilots: Table<1> = pilots.into_iter().map(|pilot| [pilot]).collect();
        let slots: Table<8> = slots.into_iter().map(u64::to_le_bytes).collect();
        let pairs = Pairs::new(&pilots, &slots, seed);
        for left in (0..200).chain([NONE]) {
            for right in (0..200).chain([NONE]) {
                assert_eq!(pairs.merged(left, right), expected(left, right), "{left} {right}");
            }
        }
    }

    #[test]
    fn every_merge_is_found_and_nothing_else() {
        let splits: Vec<_> =
            (0..200).flat_map(|left| [None, Some(Split { left, right: left * 7 % 200 })]).collect();

        check(&splits, |left, right| if left < 200 && right == left * 7 % 200 { 2 * left + 1 } else { NONE });
        check(&[], |_, _| NONE);
    }

    #[test]
    fn of_two_tokens_of_one_merge_the_later_counts() {
        let split = Some(Split { left: 3, right: 4 });

        check(&[split, None, split], |left, right| if (left, right) == (3, 4) { 2 } else { NONE });
    }
}
