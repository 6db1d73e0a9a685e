//! What a tokenizer remembers of the pieces it counted.
//!
//! Owns who may use it: one thread at a time, without waiting. Refuses to know what is remembered.

use std::sync::{Mutex, MutexGuard, TryLockError};

use super::miss_cache::MissCache;
use super::recent::Recent;
use super::tally::Waiting;
use crate::limits::{MEMORIES_MAX, MERGED_LONG_PIECES, MERGED_PIECES};

/// What one thread at a time remembers.
pub(super) struct Memory {
    /// Short pieces of late.
    pub(super) recent: Recent,
    /// Pieces that are looked up together; nothing of it outlives a text.
    pub(super) waiting: Waiting,
    /// Pieces of up to 30 bytes that had to be merged.
    pub(super) merged: MissCache<4>,
    /// Those of up to 62: sentences of languages that are written without spaces.
    pub(super) merged_long: MissCache<8>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            recent: Recent::default(),
            waiting: Waiting::default(),
            merged: MissCache::new(MERGED_PIECES / 2),
            merged_long: MissCache::new(MERGED_LONG_PIECES / 2),
        }
    }
}

/// The memories of a tokenizer: as many threads count at once with one of their own.
#[derive(Default)]
pub(super) struct Memories([Mutex<Option<Memory>>; MEMORIES_MAX]);

impl Memories {
    /// Lends a memory that nobody uses, or one that is empty.
    #[inline]
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        match self.0.iter().find_map(free) {
            Some(mut memory) => work(memory.get_or_insert_default()),
            None => work(&mut Memory::default()),
        }
    }
}

#[inline]
fn free(memory: &Mutex<Option<Memory>>) -> Option<MutexGuard<'_, Option<Memory>>> {
    match memory.try_lock() {
        Ok(memory) => Some(memory),
        // Whoever panicked had not half written a count: each is one assignment.
        Err(TryLockError::Poisoned(memory)) => Some(memory.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::tables::pieces::Key;

    fn count(memory: &Memory, key: Key) -> Option<usize> {
        memory.recent.count(memory.recent.place(key), key)
    }

    #[test]
    fn a_memory_is_lent_to_one_at_a_time() {
        let memories = Memories::default();
        let key = Key::of(b"piece").unwrap();
        memories.with(|memory| {
            memory.recent.insert(key, 2);
            memories.with(|other| assert_eq!(count(other, key), None));
        });

        assert_eq!(memories.with(|memory| count(memory, key)), Some(2));
    }
}
