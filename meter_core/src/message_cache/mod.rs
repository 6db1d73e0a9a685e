//! What texts of prompts counted when they were last seen: an agent sends its whole history again with each turn.
//!
//! It owns hashes and counts, never a text, and which of them are kept. It refuses to know how a text is counted: its owner says
//! of what kind a count is, and texts counted in different ways have nothing in common.

mod keyed_hash;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits;
use keyed_hash::KeyedHash;

/// Counts among which one more replaces the one that was not asked for longest.
const SET_COUNTS: usize = 4;
/// What a count takes, by which `limits` reckons.
const COUNT_BYTES: usize = 32;
const _: () = assert!(size_of::<Count>() == COUNT_BYTES);

/// Counts of texts by hash, length and kind.
pub(crate) struct MessageCache<K> {
    hash: KeyedHash,
    kept: Mutex<Kept<K>>,
    hits: Lookups,
    misses: Lookups,
}

/// The number of a kind; None where there are too many of them, whose counts are not kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind(Option<u16>);

/// Texts that were looked up with one result.
#[derive(Debug, Default)]
struct Lookups {
    texts: AtomicU64,
    bytes: AtomicU64,
}

struct Kept<K> {
    kinds: Vec<K>,
    sets: Vec<[Count; SET_COUNTS]>,
    /// How many sets there are once there is something to keep.
    sets_max: usize,
    /// Texts asked for so far, the clock of this cache.
    now: u32,
}

/// What tells one text from another. No text that is kept is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    hash: [u64; 2],
    length: u32,
    kind: u16,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    key: Key,
    tokens: u32,
    /// When it was last asked for.
    asked: u32,
}

impl<K: Clone + PartialEq> MessageCache<K> {
    /// A cache of so many counts, rounded up to whole sets, under a secret of any length.
    pub(crate) fn new(secret: &[u8], counts: usize) -> Self {
        let kept =
            Kept { kinds: Vec::new(), sets: Vec::new(), sets_max: counts.div_ceil(SET_COUNTS), now: 0 };
        Self {
            hash: KeyedHash::new(secret),
            kept: Mutex::new(kept),
            hits: Lookups::default(),
            misses: Lookups::default(),
        }
    }

    /// The number of `kind`, which is kept for as long as there is the cache: no later one has the same.
    pub(crate) fn kind(&self, kind: &K) -> Kind {
        Kind(self.kept().kind(kind))
    }

    /// What `text` counts: as it did before, or else what `count` says.
    pub(crate) fn count(&self, kind: Kind, text: &str, count: impl FnOnce() -> u64) -> u64 {
        if text.len() < limits::CACHED_TEXT_BYTES_MIN {
            return count();
        }
        let (Some(kind), Ok(length)) = (kind.0, u32::try_from(text.len())) else { return count() };
        let key = Key { hash: self.hash.of(text.as_bytes()), length, kind };
        let known = self.kept().find(key);
        if let Some(tokens) = known {
            self.hits.add(length);
            return tokens.into();
        }
        self.misses.add(length);
        let counted = count();
        if let Ok(tokens) = u32::try_from(counted) {
            self.kept().keep(key, tokens);
        }
        counted
    }

    /// Texts that were looked up so far, and their bytes, by result.
    pub(crate) fn lookups(&self) -> [(&'static str, u64, u64); 2] {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        [("hit", &self.hits), ("miss", &self.misses)]
            .map(|(result, lookups)| (result, read(&lookups.texts), read(&lookups.bytes)))
    }

    /// What is kept; a panic of another thread inside the lock leaves counts that are still right.
    fn kept(&self) -> MutexGuard<'_, Kept<K>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookups {
    fn add(&self, bytes: u32) {
        self.texts.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.into(), Ordering::Relaxed);
    }
}

impl<K: Clone + PartialEq> Kept<K> {
    fn kind(&mut self, kind: &K) -> Option<u16> {
        let known = self.kinds.iter().position(|known| known == kind);
        if known.is_none() && self.kinds.len() < limits::CACHED_KINDS_MAX {
            self.kinds.push(kind.clone());
            return u16::try_from(self.kinds.len() - 1).ok();
        }
        known.and_then(|number| u16::try_from(number).ok())
    }

    /// The counts among which that of `key` is, if anything is kept.
    fn set(&mut self, key: Key) -> Option<&mut [Count; SET_COUNTS]> {
        let place = key.hash[0].checked_rem(self.sets.len() as u64)?;
        usize::try_from(place).ok().and_then(|place| self.sets.get_mut(place))
    }

    fn find(&mut self, key: Key) -> Option<u32> {
        self.now = self.now.wrapping_add(1);
        let now = self.now;
        let found = self.set(key)?.iter_mut().find(|count| count.key == key)?;
        found.asked = now;
        Some(found.tokens)
    }

    fn keep(&mut self, key: Key, tokens: u32) {
        if self.sets.is_empty() {
            // Nothing is taken for a cache that is never used.
            self.sets = vec![[Count::default(); SET_COUNTS]; self.sets_max];
        }
        let now = self.now;
        let Some(set) = self.set(key) else { return };
        // Its own place, which another thread may have taken meanwhile; an empty one; the one that was not asked for longest.
        let rank = |count: &Count| (count.key == key, count.key.length == 0, now.wrapping_sub(count.asked));
        if let Some(place) = set.iter_mut().max_by_key(|count| rank(count)) {
            *place = Count { key, tokens, asked: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text long enough to be looked up, told from others by its number.
    fn text(number: u32) -> String {
        format!("{number:0width$}", width = limits::CACHED_TEXT_BYTES_MIN + number as usize % 3)
    }

    fn looked_up<K: Clone + PartialEq>(cache: &MessageCache<K>) -> [(u64, u64); 2] {
        cache.lookups().map(|(_, texts, bytes)| (texts, bytes))
    }

    #[test]
    fn a_text_is_counted_once_and_known_after_that() {
        let cache = MessageCache::new(b"k", 16);
        let kind = cache.kind(&'a');
        let text = text(7);

        assert_eq!(cache.count(kind, &text, || 5), 5);
        assert_eq!(cache.count(kind, &text, || unreachable!()), 5);
        let bytes = text.len() as u64;
        assert_eq!(looked_up(&cache), [(1, bytes), (1, bytes)]);
    }

    #[test]
    fn a_short_text_is_neither_looked_up_nor_kept() {
        let cache = MessageCache::new(b"k", 16);
        let kind = cache.kind(&'a');
        let short = "a".repeat(limits::CACHED_TEXT_BYTES_MIN - 1);

        assert_eq!((cache.count(kind, &short, || 1), cache.count(kind, &short, || 2)), (1, 2));
        assert_eq!(looked_up(&cache), [(0, 0), (0, 0)]);
        assert!(cache.kept().sets.is_empty());
    }

    #[test]
    fn kinds_beyond_the_bound_are_counted_each_time() {
        let cache = MessageCache::new(b"k", 16);
        let kinds: Vec<Kind> = (0..=limits::CACHED_KINDS_MAX).map(|kind| cache.kind(&kind)).collect();
        let last = kinds[limits::CACHED_KINDS_MAX];

        assert_eq!((cache.count(last, &text(1), || 1), cache.count(last, &text(1), || 2)), (1, 2));
        for (kind, again) in (0..).zip(&kinds) {
            assert_eq!(cache.kind(&kind).0, again.0);
        }
    }

    #[test]
    fn what_was_not_asked_for_longest_makes_room() {
        let cache = MessageCache::new(b"k", SET_COUNTS);
        let kind = cache.kind(&'a');
        let count = |number: u32| {
            let mut known = true;
            cache.count(kind, &text(number), || {
                known = false;
                1
            });
            known
        };

        assert_eq!([0, 1, 2, 3].map(count), [false; 4]);
        assert_eq!([0, 2, 4].map(count), [true, true, false]);
        assert_eq!([0, 2, 3, 4].map(count), [true; 4]);
        assert!(!count(1));
    }

    #[test]
    fn the_clock_may_come_round() {
        let cache = MessageCache::new(b"k", SET_COUNTS);
        let kind = cache.kind(&'a');
        cache.kept().now = u32::MAX - 3;
        for number in [0, 1, 2, 3, 1, 2, 3, 4] {
            cache.count(kind, &text(number), || 1);
        }

        let known = [1, 2, 3, 4].map(|number| cache.count(kind, &text(number), || 0));
        assert_eq!(known, [1; 4]);
    }

    proptest! {
        #[test]
        fn a_count_is_that_of_its_own_text_and_kind_however_few_are_kept(
            asked in prop::collection::vec((0_u32..40, 0_u64..3), 1..400), counts in 0_usize..20,
        ) {
            let cache = MessageCache::new(b"k", counts);
            for (number, kind) in asked {
                let expected = u64::from(number) * 10 + kind;
                let counted = cache.count(cache.kind(&kind), &text(number), || expected);

                prop_assert_eq!(counted, expected);
                prop_assert!(cache.kept().sets.len() * SET_COUNTS < counts + SET_COUNTS);
            }
        }
    }
}
