//! One vocabulary: token bytes, ids and merges.
//!
//! Owns looking things up in the tables that encodings with the same ranks share. Refuses to know how they are built,
//! patterns and special tokens.

use std::ops::Range;

pub(super) use super::tables::TOKENS_MAX;
pub use super::tables::VocabularyError;
use super::tables::bytes::bucket;
use super::tables::pairs::{self, NONE, Pairs};
use super::tables::pieces::Pieces;
use super::tables::split::Split;
use super::tables::{Fact, Tables, Tokens, number};

/// The tables of one set of ranks.
pub(super) struct Vocabulary {
    tables: Tables,
}

impl Vocabulary {
    /// From tables that were built before.
    pub(super) fn new(tables: Tables) -> Self {
        Self { tables }
    }

    /// From ranks alone, as tiktoken holds them: (token, rank) in any order.
    pub(super) fn from_ranks(ranked: Vec<(Vec<u8>, u32)>) -> Result<Self, VocabularyError> {
        Ok(Self::new(Tables::build(Tokens::from_ranks(ranked)?)?))
    }

    /// From tokens in the order of their ids, each with the merge that makes it; one without is found only as a whole piece.
    pub(super) fn from_splits<'a>(
        listed: impl Iterator<Item = (&'a [u8], u32, Option<Split>)>,
    ) -> Result<Self, VocabularyError> {
        Ok(Self::new(Tables::build(Tokens::from_splits(listed)?)?))
    }

    /// Whether every token is made of earlier ones, so that the rank of a token tells when it comes into being. Llama 3's
    /// are not.
    pub(super) fn is_ordered(&self) -> bool {
        self.tables.fact(Fact::Ordered) == 1
    }

    /// The bytes of a token.
    #[inline]
    pub(super) fn token(&self, id: u32) -> Option<&[u8]> {
        let token = self.tables.token_bytes.as_flattened().get(self.range(id)?)?;
        (!token.is_empty()).then_some(token)
    }

    /// Bytes of a token; 0 when there is none.
    #[inline]
    pub(super) fn token_bytes(&self, id: u32) -> usize {
        self.range(id).map_or(0, |range| range.len())
    }

    /// One more than the highest id.
    #[cfg(test)]
    pub(super) fn ids_end(&self) -> usize {
        self.tables.token_ends.len()
    }

    /// The token that is exactly `piece`, or [`NONE`].
    #[inline]
    pub(super) fn whole(&self, piece: &[u8]) -> u32 {
        self.pieces().id(piece, |id| self.token(id))
    }

    /// Which pieces are tokens.
    #[inline]
    pub(super) fn pieces(&self) -> Pieces<'_> {
        self.tables.pieces()
    }

    /// By byte: its token.
    #[inline]
    pub(super) fn singles(&self) -> Singles<'_> {
        Singles(self.tables.singles.first_chunk())
    }

    /// By two bytes: what they merge into.
    #[inline]
    pub(super) fn byte_pairs(&self) -> BytePairs<'_> {
        BytePairs(&self.tables.byte_pairs)
    }

    /// By character: what it may be merged into first.
    #[inline]
    pub(super) fn characters(&self) -> Characters<'_> {
        Characters(&self.tables.characters)
    }

    /// The token of one byte.
    #[inline]
    pub(super) fn single(&self, byte: u8) -> u32 {
        number(&self.tables.singles, usize::from(byte))
    }

    /// Which two tokens merge.
    #[inline]
    pub(super) fn pairs(&self) -> Pairs<'_> {
        let seed = self.tables.fact(Fact::PairSeed);
        Pairs::new(&self.tables.pair_pilots, &self.tables.pair_slots, seed)
    }

    /// The token two adjacent tokens merge into, or [`NONE`].
    #[inline]
    pub(super) fn merged(&self, left: u32, right: u32) -> u32 {
        self.pairs().merged(left, right)
    }

    /// The tokens whose merge makes `id`; [`NONE`] twice for a single byte.
    #[inline]
    pub(super) fn split(&self, id: u32) -> Split {
        let slot = self.tables.pair_slots.get(number(&self.tables.made_at, id as usize) as usize);
        let split = slot.and_then(|slot| pairs::split(u64::from_le_bytes(*slot)));
        split.unwrap_or(Split { left: NONE, right: NONE })
    }

    /// Bytes of the longest token.
    pub(super) fn token_bytes_max(&self) -> usize {
        self.tables.fact(Fact::TokenBytesMax) as usize
    }

    /// Special tokens that are published with the ranks: names and ids.
    pub(super) fn specials(&self) -> impl Iterator<Item = (Vec<u8>, u32)> {
        let lines = self.tables.specials.as_flattened().split(|&byte| byte == b'\n');
        lines.filter_map(|line| {
            let (id, name) = std::str::from_utf8(line).ok()?.split_once('\t')?;
            Some((name.as_bytes().to_vec(), id.parse().ok()?))
        })
    }

    /// Tokens that merging makes, in the order of their bytes, from those that begin with the first two bytes of `text`, up to the
    /// next such group.
    pub(super) fn sorted_near(&self, text: &[u8]) -> &[[u8; 4]] {
        let start = |bucket| number(&self.tables.sorted_starts, bucket) as usize;
        self.tables.sorted.get(start(bucket(text))..start(bucket(text) + 1)).unwrap_or_default()
    }

    #[inline]
    fn range(&self, id: u32) -> Option<Range<usize>> {
        let id = id as usize;
        let end = u32::from_le_bytes(*self.tables.token_ends.get(id)?) as usize;
        let start = if id == 0 { 0 } else { number(&self.tables.token_ends, id - 1) as usize };
        Some(start..end)
    }
}

/// The tokens of bytes.
#[derive(Clone, Copy)]
pub(super) struct Singles<'a>(Option<&'a [[u8; 4]; 256]>);

impl Singles<'_> {
    #[inline]
    pub(super) fn of(self, byte: u8) -> u32 {
        self.0.map_or(NONE, |singles| u32::from_le_bytes(singles[usize::from(byte)]))
    }
}

/// The tokens that two bytes merge into.
#[derive(Clone, Copy)]
pub(super) struct BytePairs<'a>(&'a [[u8; 4]]);

impl BytePairs<'_> {
    /// The token, or [`NONE`].
    #[inline]
    pub(super) fn of(self, [first, second]: [u8; 2]) -> u32 {
        number(self.0, usize::from(first) << 8 | usize::from(second))
    }
}

/// What characters may be merged into first.
#[derive(Clone, Copy)]
pub(super) struct Characters<'a>(&'a [[u8; 4]]);

impl Characters<'_> {
    /// Not 0 if nothing is known.
    #[inline]
    pub(super) fn clashes(self) -> u32 {
        u32::from(self.0.is_empty())
    }

    /// A row for [`Kind::of`](super::tables::characters::Kind::of).
    #[inline]
    pub(super) fn of(self, character: u32) -> u32 {
        self.0.get(character as usize).map_or(0, |row| u32::from_le_bytes(*row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_may_have_holes() {
        let mut ranks: Vec<_> = (0..=255u8).map(|byte| (vec![byte], u32::from(byte))).collect();
        ranks.push((b"ab".to_vec(), 300));
        let vocabulary = Vocabulary::from_ranks(ranks).unwrap();

        assert_eq!(vocabulary.token(300), Some(&b"ab"[..]));
        assert_eq!(vocabulary.token(299), None);
        assert_eq!(vocabulary.token(301), None);
        assert_eq!(vocabulary.merged(97, 98), 300);
        assert_eq!(vocabulary.split(300), Split { left: 97, right: 98 });
        assert_eq!(vocabulary.split(97), Split { left: NONE, right: NONE });
        assert!(vocabulary.is_ordered());
    }
}
