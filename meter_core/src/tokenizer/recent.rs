//! Counts of the short pieces that came of late.
//!
//! Owns a table that is small enough to stay near the processor. Refuses to know how counts are found. They are exact: a piece is
//! compared whole.

use super::block::prefetch;
use super::tables::pieces::Key;
use crate::limits::{RECENT_PIECES, RECENT_PIECES_FIRST, RECENT_PIECES_FIRST_BYTES};

/// Where the count lies in a slot, above the length of the piece.
const COUNT_SHIFT: u32 = 60;
const COUNT_MAX: usize = 0xF;

/// A place where nothing lies, nor beside it; the key of nothing has there the count 0.
pub(super) const NOWHERE: usize = 0;
/// Places before those of pieces.
const FIRST: usize = 2;

/// Pieces of up to 15 bytes by their keys: one place each for the newest, and the one beside it for the one before.
pub(super) struct Recent {
    slots: Box<[[u64; 2]]>,
    /// What leaves the number of a place of a mixed key.
    shift: u32,
    /// Text that may still come before it has all its places; 0 when it has.
    few_for_bytes: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self::new(RECENT_PIECES_FIRST, RECENT_PIECES_FIRST_BYTES)
    }
}

impl Recent {
    /// With so many places, a power of two.
    fn new(places: usize, few_for_bytes: usize) -> Self {
        let shift = u64::BITS - places.ilog2();
        Self { slots: vec![[0; 2]; FIRST + places].into(), shift, few_for_bytes }
    }

    /// Is told how much text comes, while nothing waits to be looked up: for little text there are few places, because each page of
    /// memory that is touched for the first time takes longer than looking up its pieces.
    #[inline]
    pub(super) fn expect(&mut self, bytes: usize) {
        if self.few_for_bytes > 0 {
            self.few_for_bytes = self.few_for_bytes.saturating_sub(bytes);
            if self.few_for_bytes == 0 {
                *self = Self::new(RECENT_PIECES, 0);
            }
        }
    }

    /// Where a piece would lie; asks for that place.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    pub(super) fn place(&self, key: Key) -> usize {
        let place = self.place_of(key);
        if let Some(slot) = self.slots.get(place) {
            prefetch(slot);
        }
        place
    }

    /// The count of a piece that would lie there; None if it is not known, or longer than 15 bytes.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    pub(super) fn count(&self, place: usize, key: Key) -> Option<usize> {
        let &[low, high] = self.slots.get(place)?;
        // Bits of the count are shifted out.
        let other = (low ^ key.low()) | (high ^ key.high()) << (u64::BITS - COUNT_SHIFT);
        (other == 0).then_some((high >> COUNT_SHIFT) as usize)
    }

    /// The count of a piece that does not lie where it would, but lies beside it; from now on it does.
    pub(super) fn beside(&mut self, place: usize, key: Key) -> Option<usize> {
        let count = self.count(place ^ 1, key)?;
        self.slots.swap(place, place ^ 1);
        Some(count)
    }

    /// Remembers the count of a piece of up to 15 bytes.
    #[inline]
    pub(super) fn insert(&mut self, key: Key, count: usize) {
        if count <= COUNT_MAX {
            let place = self.place_of(key);
            self.slots[place ^ 1] = self.slots[place];
            self.slots[place] = [key.low(), key.high() | (count as u64) << COUNT_SHIFT];
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    #[expect(clippy::cast_possible_truncation, reason = "few bits are left")]
    fn place_of(&self, key: Key) -> usize {
        let mixed = (key.low() ^ key.high().rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        FIRST + (mixed >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known_count(recent: &Recent, key: Key) -> usize {
        recent.count(recent.place(key), key).unwrap_or(0)
    }

    #[test]
    fn a_piece_has_the_count_it_was_given_until_another_takes_its_place() {
        let key = |at: u32| Key::of(&at.to_le_bytes()).unwrap();
        let mut many = Recent::default();
        many.expect(RECENT_PIECES_FIRST_BYTES);
        for (mut recent, places) in [(Recent::default(), RECENT_PIECES_FIRST), (many, RECENT_PIECES)] {
            let mut known = 0;
            for at in 0..4 * u32::try_from(places).unwrap() {
                let count = at as usize % COUNT_MAX + 1;
                recent.insert(key(at), count);
                assert_eq!(known_count(&recent, key(at)), count);
            }
            for at in 0..4 * u32::try_from(places).unwrap() {
                let count = known_count(&recent, key(at));
                assert!(count == 0 || count == at as usize % COUNT_MAX + 1);
                known += usize::from(count > 0);
            }
            assert!(known > places / 4 && known <= places);
        }
    }

    #[test]
    fn there_are_few_places_until_much_text_came() {
        let mut recent = Recent::default();
        for _ in 1..RECENT_PIECES_FIRST_BYTES {
            recent.expect(1);
            assert_eq!(recent.slots.len(), FIRST + RECENT_PIECES_FIRST);
        }
        recent.expect(1);
        assert_eq!(recent.slots.len(), FIRST + RECENT_PIECES);
        recent.expect(usize::MAX);
        assert_eq!(recent.slots.len(), FIRST + RECENT_PIECES);
    }

    #[test]
    fn the_one_before_lies_beside() {
        let mut recent = Recent::default();
        let key = |at: u32| Key::of(&at.to_le_bytes()).unwrap();
        let first = recent.place(key(0));
        let other = (1..u32::MAX).map(key).find(|&key| recent.place(key) == first).unwrap();
        recent.insert(key(0), 1);
        recent.insert(other, 2);

        assert_eq!((recent.count(first, other), recent.count(first, key(0))), (Some(2), None));
        assert_eq!(recent.beside(first, key(0)), Some(1));
        assert_eq!((recent.count(first, key(0)), recent.beside(first, other)), (Some(1), Some(2)));
        assert_eq!(recent.beside(first, key(7)), None);
        assert_eq!((recent.count(NOWHERE, Key::NONE), recent.count(NOWHERE, key(1))), (Some(0), None));
    }

    #[test]
    fn long_pieces_and_large_counts_are_not_known() {
        let mut recent = Recent::default();
        let fifteen = Key::new(b"0123456789abcdef", 15);
        recent.insert(fifteen, 3);
        recent.insert(Key::of(b"x").unwrap(), COUNT_MAX + 1);

        assert_eq!(known_count(&recent, fifteen), 3);
        assert_eq!(known_count(&recent, Key::of(b"x").unwrap()), 0);
        for len in 16..=64 {
            assert_eq!(known_count(&recent, Key::new(b"0123456789abcdef", len)), 0, "{len}");
        }
    }

    #[test]
    fn zeros_are_neither_nothing_nor_padding() {
        let mut recent = Recent::default();
        for first in [0, 1] {
            let mut zeros = [0; 16];
            zeros[0] = first;
            for len in 1..=64 {
                let key = Key::new(&zeros, len);
                assert_eq!(recent.count(recent.place(key), key), None, "{first} and zeros, {len}");
            }
            recent.insert(Key::new(&zeros, 1), 1);
            for len in 2..=64 {
                let key = Key::new(&zeros, len);
                for place in [recent.place(key), recent.place(Key::new(&zeros, 1)), NOWHERE] {
                    assert_eq!(recent.count(place, key), None, "{first} and zeros, {len}");
                }
            }
        }
    }
}
