//! Counts of pieces that are no token, as merging found them before.
//!
//! Owns what is remembered, and how much. Refuses to know merging. The counts are exact: a piece is compared whole.

use super::block::prefetch;

/// Where the count lies in the last word of a slot, below the length.
const COUNT_SHIFT: u32 = 48;
const COUNT_MAX: usize = 0xFF;

/// A piece of up to 8 `WORDS` - 2 bytes, zero-padded, with its length on top; no piece is all zeros. The byte below the length is
/// free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MissKey<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> MissKey<WORDS> {
    /// Bytes of the longest piece.
    pub(super) const BYTES_MAX: usize = 8 * WORDS - 2;

    /// The key of `text[start..end]`, unless it is too long.
    #[inline]
    pub(super) fn of(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let len = end - start;
        if len > Self::BYTES_MAX {
            return None;
        }
        let mut words = [0; WORDS];
        match text.get(start..start + 8 * WORDS) {
            Some(window) => {
                for (at, (word, bytes)) in words.iter_mut().zip(window.as_chunks::<8>().0).enumerate() {
                    let kept = len.saturating_sub(8 * at).min(8);
                    // No shift by 64 bits.
                    let mask = if kept == 8 { u64::MAX } else { (1 << (8 * kept)) - 1 };
                    *word = u64::from_le_bytes(*bytes) & mask;
                }
            }
            None => {
                for (word, bytes) in words.iter_mut().zip(text[start..end].chunks(8)) {
                    *word = bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
                }
            }
        }
        words[WORDS - 1] |= (len as u64) << 56;
        Some(Self(words))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves of a word, and bits of a place")]
    fn hash(self) -> usize {
        let folded = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            product as u64 ^ (product >> 64) as u64
        };
        let pairs = self.0.as_chunks::<2>().0.iter();
        let mixed = pairs.fold(0x9E37_79B9_7F4A_7C15, |mixed: u64, &[a, b]| {
            folded(a ^ mixed, b ^ 0xD6E8_FEB8_6659_FD93).rotate_left(17)
        });
        mixed as usize
    }
}

/// Two pieces with their counts, the newer one first.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Set<const WORDS: usize>([[u64; WORDS]; 2]);

/// Sets of a cache at first, and by how much they grow when half of their places have been taken.
const FIRST_SETS: usize = 64;
const GROWTH: usize = 4;

/// Pieces that had to be merged.
pub(super) struct MissCache<const WORDS: usize> {
    /// Empty until something is remembered, then a power of two.
    sets: Vec<Set<WORDS>>,
    /// How many there may be.
    most: usize,
    /// Pieces that were remembered since there are so many.
    taken: usize,
}

impl<const WORDS: usize> MissCache<WORDS> {
    /// Room for twice `most` pieces, a power of two.
    pub(super) fn new(most: usize) -> Self {
        Self { sets: Vec::new(), most, taken: 0 }
    }

    #[inline]
    fn place(&self, key: MissKey<WORDS>) -> usize {
        key.hash() & self.sets.len().wrapping_sub(1)
    }

    /// The count of a piece.
    #[inline]
    pub(super) fn get(&self, key: MissKey<WORDS>) -> Option<usize> {
        // A count is never 0.
        let found = |slot: &[u64; WORDS]| {
            let (last, others) = (WORDS - 1, slot.iter().zip(&key.0).take(WORDS - 1));
            let rest = others.fold((slot[last] ^ key.0[last]) << 16, |rest, (a, b)| rest | a ^ b);
            let count = (slot[last] ^ key.0[last]) >> COUNT_SHIFT;
            (rest == 0 && count <= COUNT_MAX as u64).then_some(count as usize)
        };
        let Set([newer, older]) = self.sets.get(self.place(key))?;
        found(newer).or_else(|| found(older))
    }

    /// Asks for the place of a piece.
    pub(super) fn ask(&self, text: &[u8], start: usize, end: usize) {
        if let Some(key) = MissKey::<WORDS>::of(text, start, end)
            && let Some(set) = self.sets.get(self.place(key))
        {
            prefetch(set);
        }
    }

    /// Remembers the count of a piece; the older one of two others in its place is forgotten.
    pub(super) fn insert(&mut self, key: MissKey<WORDS>, count: usize) {
        if count > COUNT_MAX {
            return;
        }
        if self.taken >= self.sets.len() && self.sets.len() < self.most {
            self.grow();
        }
        self.taken += 1;
        let mut slot = key.0;
        slot[WORDS - 1] |= (count as u64) << COUNT_SHIFT;
        self.put(key, slot);
    }

    fn put(&mut self, key: MissKey<WORDS>, slot: [u64; WORDS]) {
        let place = self.place(key);
        if let Some(Set([newer, older])) = self.sets.get_mut(place) {
            *older = std::mem::replace(newer, slot);
        }
    }

    /// Takes more memory when there is something to remember in it.
    #[cold]
    fn grow(&mut self) {
        let sets = (self.sets.len() * GROWTH).clamp(FIRST_SETS.min(self.most), self.most);
        let fewer = std::mem::replace(&mut self.sets, vec![Set([[0; WORDS]; 2]); sets]);
        self.taken = 0;
        for Set([newer, older]) in fewer {
            for slot in [older, newer].into_iter().filter(|slot| *slot != [0; WORDS]) {
                let mut key = slot;
                key[WORDS - 1] &= !((COUNT_MAX as u64) << COUNT_SHIFT);
                self.put(MissKey(key), slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_its_own<const WORDS: usize>() {
        let text =
            b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let most = MissKey::<WORDS>::BYTES_MAX;
        for start in 0..30 {
            for end in start + 1..=start + most.min(text.len() - start) {
                assert_eq!(
                    MissKey::<WORDS>::of(text, start, end),
                    MissKey::of(&text[start..end], 0, end - start)
                );
            }
        }
        assert!(MissKey::<WORDS>::of(text, 0, most).is_some());
        assert_eq!(MissKey::<WORDS>::of(text, 0, most + 1), None);
        assert_ne!(MissKey::<WORDS>::of(b"a\0", 0, 1), MissKey::of(b"a\0", 0, 2));
    }

    #[test]
    fn what_follows_a_piece_is_no_part_of_its_key() {
        assert_its_own::<4>();
        assert_its_own::<8>();
    }

    #[test]
    fn the_newest_are_remembered_and_memory_is_bounded() {
        const SETS: usize = 256;
        let mut cache = MissCache::<4>::new(SETS);
        let key = |at: usize| MissKey::of(&at.to_le_bytes(), 0, 8).unwrap();
        let count = |at: usize| at % 200 + 1;
        assert_eq!(cache.get(key(1)), None);
        for at in 0..6 * SETS {
            cache.insert(key(at), count(at));
            assert_eq!(cache.get(key(at)), Some(count(at)));
        }
        cache.insert(key(6 * SETS), COUNT_MAX + 1);
        let known: Vec<usize> = (0..=6 * SETS).filter(|&at| cache.get(key(at)).is_some()).collect();

        assert!(known.iter().all(|&at| cache.get(key(at)) == Some(count(at))));
        assert!(known.len() > SETS && known.len() <= 2 * SETS, "{}", known.len());
        assert_eq!((cache.sets.len(), cache.get(key(6 * SETS))), (SETS, None));
    }

    #[test]
    fn what_is_known_stays_known_when_memory_grows() {
        let mut cache = MissCache::<8>::new(FIRST_SETS * GROWTH * GROWTH);
        let key = |at: usize| MissKey::of(&[at.to_le_bytes(); 6].concat(), 0, 45).unwrap();
        let mut kept = 0;
        for at in 0..=FIRST_SETS {
            cache.insert(key(at), COUNT_MAX - at);
            kept = (0..=at).filter(|&at| cache.get(key(at)) == Some(COUNT_MAX - at)).count();
        }

        assert_eq!(cache.sets.len(), FIRST_SETS * GROWTH);
        assert!(kept > FIRST_SETS * 3 / 4, "{kept}");
    }
}
