//! Counting the tokens of pieces.
//!
//! Owns the count of a text while its pieces come: most came before, and lately; of the others, most are tokens; the rest is merged,
//! unless that was remembered. Refuses to know how a text is cut.
//!
//! Nothing waits for memory: the place of a piece is asked for when it comes, and looked at some pieces later.

use std::ops::ControlFlow;

use super::block::{BLOCK_BYTES, prefetch};
use super::cutting::{BlockPieces, Visit};
use super::memory::Memory;
use super::merge;
use super::miss_cache::{MissCache, MissKey};
use super::recent::{NOWHERE, Recent};
use super::tables::pairs::NONE;
use super::tables::pieces::{Key, Pieces, SHORT_BYTES_MAX};
use super::vocabulary::Vocabulary;

/// Pieces between asking and looking.
const DELAY: usize = 64;
/// Unknown pieces that are looked up together.
const UNKNOWN: usize = 32;

/// A running count.
pub(super) struct Tally<'a> {
    text: &'a [u8],
    vocabulary: &'a Vocabulary,
    short: Pieces<'a>,
    memory: &'a mut Memory,
    total: usize,
    limit: usize,
    /// Pieces that came.
    pieces: usize,
}

/// Pieces that wait. Nothing of them outlives a text.
pub(super) struct Waiting {
    /// By number, modulo their count: those whose places among recent ones were asked for.
    asked: [Piece; DELAY],
    unknown: Unknown,
}

/// Pieces that did not come lately: fewer than are looked up together, and one block's.
struct Unknown {
    pieces: [Piece; UNKNOWN + BLOCK_BYTES],
    len: usize,
}

impl Unknown {
    /// Takes a piece, unless it lies beside its place: then its count comes back.
    #[cold]
    #[inline(never)]
    fn push(&mut self, piece: &Piece, recent: &mut Recent) -> usize {
        if let Some(count) = recent.beside(piece.place, piece.key) {
            return count;
        }
        self.pieces[self.len] = *piece;
        self.len += 1;
        0
    }
}

/// A piece, where it lies if it is known, and where it begins in the text.
#[derive(Clone, Copy)]
struct Piece {
    key: Key,
    place: usize,
    start: usize,
}

impl Piece {
    /// Counts nothing.
    const NONE: Self = Self { key: Key::NONE, place: NOWHERE, start: 0 };
}

impl Default for Waiting {
    fn default() -> Self {
        let unknown = Unknown { pieces: [Piece::NONE; UNKNOWN + BLOCK_BYTES], len: 0 };
        Self { asked: [Piece::NONE; DELAY], unknown }
    }
}

impl<'a> Tally<'a> {
    /// Of the pieces of `text`, until there are more than `limit` tokens.
    pub(super) fn new(
        text: &'a [u8],
        vocabulary: &'a Vocabulary,
        memory: &'a mut Memory,
        limit: usize,
    ) -> Self {
        let short = vocabulary.pieces();
        memory.recent.expect(text.len());
        Self { text, vocabulary, short, memory, total: 0, limit, pieces: 0 }
    }

    /// Tokens of all pieces; None if there are more than the limit.
    pub(super) fn finish(mut self) -> Option<usize> {
        let Memory { recent, waiting: Waiting { asked, unknown }, .. } = &mut *self.memory;
        for slot in asked.iter_mut().take(self.pieces) {
            let piece = std::mem::replace(slot, Piece::NONE);
            match recent.count(piece.place, piece.key) {
                Some(count) => self.total += count,
                None => self.total += unknown.push(&piece, recent),
            }
        }
        self.look_up();
        self.pieces = 0;
        (self.total <= self.limit).then_some(self.total)
    }

    /// Counts the pieces that did not come lately.
    #[inline(never)]
    fn look_up(&mut self) {
        let (short, len) = (self.short, self.memory.waiting.unknown.len);
        let Memory { merged, merged_long, waiting, .. } = &mut *self.memory;
        for piece in &mut waiting.unknown.pieces[..len] {
            let (start, end) = (piece.start, piece.start + piece.key.len());
            if piece.key.len() <= SHORT_BYTES_MAX {
                piece.place = short.place(piece.key);
                if let Some(place) = short.key_at(piece.place) {
                    prefetch(place);
                }
            } else if piece.key.len() <= MissKey::<4>::BYTES_MAX {
                merged.ask(self.text, start, end);
            } else {
                merged_long.ask(self.text, start, end);
            }
        }
        for at in 0..len {
            let Piece { key, place, start } = self.memory.waiting.unknown.pieces[at];
            self.total += if key.len() > SHORT_BYTES_MAX {
                self.missed(start, start + key.len())
            } else {
                let count = self.found(place, key, start);
                self.memory.recent.insert(key, count);
                count
            };
        }
        self.memory.waiting.unknown.len = 0;
    }

    fn flow(&self) -> ControlFlow<()> {
        if self.total > self.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Tokens of a piece of up to 15 bytes that lies in this place if it is a token.
    #[inline]
    fn found(&mut self, place: usize, key: Key, start: usize) -> usize {
        if self.short.lies_at(place, key) { 1 } else { self.missed(start, start + key.len()) }
    }

    /// Tokens of a piece that is no token of up to 15 bytes.
    fn missed(&mut self, start: usize, end: usize) -> usize {
        if end - start <= MissKey::<4>::BYTES_MAX {
            self.remembered(start, end, |memory| &mut memory.merged)
        } else {
            self.remembered(start, end, |memory| &mut memory.merged_long)
        }
    }

    /// Tokens of a piece from one of the caches, or by merging.
    fn remembered<const WORDS: usize>(
        &mut self,
        start: usize,
        end: usize,
        cache: impl Fn(&mut Memory) -> &mut MissCache<WORDS>,
    ) -> usize {
        let Some(key) = MissKey::of(self.text, start, end) else { return self.merged(start, end) };
        if let Some(count) = cache(self.memory).get(key) {
            return count;
        }
        let count = self.merged(start, end);
        cache(self.memory).insert(key, count);
        count
    }

    fn merged(&self, start: usize, end: usize) -> usize {
        let piece = &self.text[start..end];
        let whole = piece.len() > SHORT_BYTES_MAX && self.vocabulary.whole(piece) != NONE;
        if whole { 1 } else { merge::count(self.vocabulary, piece) }
    }
}

/// Whoever counts next with this memory finds nothing waiting, also where the count was given up.
impl Drop for Tally<'_> {
    fn drop(&mut self) {
        let waiting = &mut self.memory.waiting;
        waiting.asked.iter_mut().take(self.pieces).for_each(|piece| *piece = Piece::NONE);
        waiting.unknown.len = 0;
    }
}

impl Visit for Tally<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    fn block(&mut self, block: &BlockPieces<'_>) -> ControlFlow<()> {
        let Memory { recent, waiting: Waiting { asked, unknown }, .. } = &mut *self.memory;
        let (mut total, mut pieces) = (0, self.pieces);
        block.for_each(|key, start| {
            let place = recent.place(key);
            let slot = &mut asked[pieces % DELAY];
            let count = recent.count(slot.place, slot.key);
            total += count.unwrap_or_else(|| unknown.push(slot, recent));
            *slot = Piece { key, place, start };
            pieces += 1;
        });
        self.pieces = pieces;
        self.total += total;
        if unknown.len < UNKNOWN {
            return ControlFlow::Continue(());
        }
        self.look_up();
        self.flow()
    }

    fn piece(&mut self, start: usize, end: usize) -> ControlFlow<()> {
        self.total += match Key::of(&self.text[start..end]) {
            None => self.missed(start, end),
            Some(key) => {
                let known = self.memory.recent.count(self.memory.recent.place(key), key);
                known.unwrap_or_else(|| {
                    let count = self.found(self.short.place(key), key, start);
                    self.memory.recent.insert(key, count);
                    count
                })
            }
        };
        self.flow()
    }
}
