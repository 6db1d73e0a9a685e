//! Counts of pieces that are no token, as merging found them before.
//!
//! Owns what is remembered, and how much. Refuses to know merging. The counts are exact: a piece is compared whole.

use super::block::prefetch;
use crate::limits::MISS_CACHE_SETS;

/// Bytes of the longest piece that is remembered.
const BYTES_MAX: usize = 30;
const WORDS: usize = 4;
/// Where the count lies in the last word of a slot, below the length.
const COUNT_SHIFT: u32 = 48;
const COUNT_MAX: usize = 0xFF;

/// A piece, zero-padded, with its length on top; no piece is all zeros. The byte below the length is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MissKey([u64; WORDS]);

impl MissKey {
    /// The key of `text[start..end]`, unless it is too long.
    #[inline]
    pub(super) fn of(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let len = end - start;
        if len > BYTES_MAX {
            return None;
        }
        let mut padded = [0; 8 * WORDS];
        let window = text.get(start..start + 8 * WORDS).and_then(|window| window.first_chunk());
        let window = window.unwrap_or_else(|| {
            padded[..len].copy_from_slice(&text[start..end]);
            &padded
        });
        let mut words = [0; WORDS];
        for (at, (word, bytes)) in words.iter_mut().zip(window.as_chunks::<8>().0).enumerate() {
            let kept = len.saturating_sub(8 * at).min(8);
            // No shift by 64 bits.
            let mask = if kept == 8 { u64::MAX } else { (1 << (8 * kept)) - 1 };
            *word = u64::from_le_bytes(*bytes) & mask;
        }
        words[WORDS - 1] |= (len as u64) << 56;
        Some(Self(words))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves of a word, and bits of a place")]
    fn set(self, sets: usize) -> usize {
        let [a, b, c, d] = self.0;
        let product = u128::from(a ^ c.rotate_left(23) ^ 0x9E37_79B9_7F4A_7C15)
            * u128::from(b ^ d.rotate_left(41) ^ 0xD6E8_FEB8_6659_FD93);
        (product as u64 ^ (product >> 64) as u64) as usize % sets
    }
}

/// Two pieces with their counts, the newer one first: one line of memory.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Set([[u64; WORDS]; 2]);

/// Pieces of up to 30 bytes that had to be merged.
#[derive(Default)]
pub(super) struct MissCache {
    /// Empty until something is remembered.
    sets: Vec<Set>,
}

impl MissCache {
    /// The count of a piece.
    #[inline]
    pub(super) fn get(&self, key: MissKey) -> Option<usize> {
        // A count is never 0.
        let found = |slot: &[u64; WORDS]| {
            let count = (slot[3] ^ key.0[3]) >> COUNT_SHIFT;
            let rest = (slot[0] ^ key.0[0])
                | (slot[1] ^ key.0[1])
                | (slot[2] ^ key.0[2])
                | (slot[3] ^ key.0[3]) << 16;
            (rest == 0 && count <= COUNT_MAX as u64).then_some(count as usize)
        };
        let Set([newer, older]) = self.sets.get(key.set(MISS_CACHE_SETS))?;
        found(newer).or_else(|| found(older))
    }

    /// Asks for the place of a piece.
    pub(super) fn ask(&self, key: MissKey) {
        if let Some(set) = self.sets.get(key.set(MISS_CACHE_SETS)) {
            prefetch(set);
        }
    }

    /// Remembers the count of a piece; the older one of two others in its place is forgotten.
    pub(super) fn insert(&mut self, key: MissKey, count: usize) {
        if count > COUNT_MAX {
            return;
        }
        if self.sets.is_empty() {
            self.sets = vec![Set::default(); MISS_CACHE_SETS];
        }
        if let Some(Set([newer, older])) = self.sets.get_mut(key.set(MISS_CACHE_SETS)) {
            let mut slot = key.0;
            slot[WORDS - 1] |= (count as u64) << COUNT_SHIFT;
            *older = std::mem::replace(newer, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_piece_is_no_part_of_its_key() {
        let text = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOP";
        for start in 0..30 {
            for end in start + 1..start + 1 + BYTES_MAX.min(text.len() - start - 1) {
                assert_eq!(MissKey::of(text, start, end), MissKey::of(&text[start..end], 0, end - start));
            }
        }
        assert_eq!(MissKey::of(text, 0, BYTES_MAX + 1), None);
        assert_ne!(MissKey::of(b"a\0", 0, 1), MissKey::of(b"a\0", 0, 2));
    }

    #[test]
    fn the_newest_are_remembered_and_memory_is_bounded() {
        let mut cache = MissCache::default();
        let key = |at: usize| MissKey::of(&at.to_le_bytes(), 0, 8).unwrap();
        for at in 0..6 * MISS_CACHE_SETS {
            cache.insert(key(at), at % 200 + 1);
            assert_eq!(cache.get(key(at)), Some(at % 200 + 1));
        }
        let kept = (0..6 * MISS_CACHE_SETS)
            .filter(|&at| cache.get(key(at)).is_some_and(|found| found == at % 200 + 1));

        assert_eq!(cache.sets.len(), MISS_CACHE_SETS);
        assert!(kept.count() > MISS_CACHE_SETS);
        assert_eq!(MissCache::default().get(key(1)), None);
    }
}
