//! One vocabulary: token bytes, ids and merges.
//!
//! Owns every table that encodings with the same ranks share, and building them. Refuses to know patterns and special
//! tokens.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::pairs::{NONE, Pairs};
use super::pieces::{Pieces, ShortTokens};
use super::prefixes::Prefixes;
use super::split::{Split, last_merge};

/// Token ids lie below this. Public vocabularies end near 262,000; three ids must fit into one word of the merge table.
pub(super) const TOKENS_MAX: usize = (1 << 21) - 1;
/// Bytes of one token of a vocabulary given at run time. Public vocabularies stay at 128.
const TOKEN_BYTES_MAX: usize = 1024;

/// Why ranks are not a usable vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VocabularyError {
    /// The packed data is damaged.
    Unreadable,
    /// A token is empty or too long, or an id is beyond the supported range.
    OutOfRange,
    /// One of the 256 single bytes has no rank, so that not every text could be encoded.
    MissingByte,
    /// Two tokens share a rank.
    Disordered,
}

impl std::fmt::Display for VocabularyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the packed vocabulary is damaged",
            Self::OutOfRange => "a token is empty or longer than 1024 bytes, or its rank is 2097151 or more",
            Self::MissingByte => "one of the 256 single bytes has no rank",
            Self::Disordered => "two tokens share a rank",
        })
    }
}

impl std::error::Error for VocabularyError {}

/// The tables of one set of ranks.
pub(super) struct Vocabulary {
    bytes: Vec<u8>,
    /// By id: where the token ends in `bytes`; it starts where the one before ends. An unused id is empty.
    ends: Vec<u32>,
    splits: Vec<Split>,
    singles: [u32; 256],
    /// By two bytes: the token they merge into. The first merges of a piece are found without hashing.
    byte_pairs: Vec<u32>,
    pairs: Pairs,
    pieces: Pieces,
    prefixes: OnceLock<Prefixes>,
    /// No token is made of a later one.
    ordered: bool,
}

impl Vocabulary {
    /// From the single bytes in rank order and, from rank 256 on, the merge that makes each token.
    pub(super) fn from_merges(
        singles: &[u8; 256],
        merges: impl Iterator<Item = Option<Split>>,
    ) -> Result<Self, VocabularyError> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::<u32>::new());
        let mut splits = Vec::new();
        for &byte in singles {
            bytes.push(byte);
            ends.push(end_of(&bytes)?);
            splits.push(None);
        }
        for merge in merges {
            if let Some(Split { left, right }) = merge {
                for side in [left, right] {
                    let range = range(&ends, side).ok_or(VocabularyError::Disordered)?;
                    bytes.extend_from_within(range);
                }
            }
            ends.push(end_of(&bytes)?);
            splits.push(merge);
        }
        Self::new(bytes, ends, &splits)
    }

    /// From ranks alone, as tiktoken holds them: (token, rank) in any order.
    pub(super) fn from_ranks(mut tokens: Vec<(Vec<u8>, u32)>) -> Result<Self, VocabularyError> {
        tokens.sort_unstable_by_key(|token| token.1);
        if tokens.windows(2).any(|pair| pair[0].1 == pair[1].1) {
            return Err(VocabularyError::Disordered);
        }
        let (mut bytes, mut ends, mut splits) = (Vec::new(), Vec::new(), Vec::new());
        let ranks: FxHashMap<&[u8], u32> =
            tokens.iter().map(|(token, rank)| (token.as_slice(), *rank)).collect();
        for (token, rank) in &tokens {
            let id = *rank as usize;
            if token.is_empty() || token.len() > TOKEN_BYTES_MAX || id >= TOKENS_MAX {
                return Err(VocabularyError::OutOfRange);
            }
            ends.resize(id, end_of(&bytes)?);
            splits.resize(id, None);
            bytes.extend_from_slice(token);
            ends.push(end_of(&bytes)?);
            splits.push(last_merge(token, &ranks));
        }
        Self::new(bytes, ends, &splits)
    }

    /// From tokens in the order of their ids, each with the merge that makes it; one without is found only as a whole piece.
    pub(super) fn from_splits<'a>(
        tokens: impl Iterator<Item = (&'a [u8], u32, Option<Split>)>,
    ) -> Result<Self, VocabularyError> {
        let (mut bytes, mut ends, mut splits) = (Vec::new(), Vec::new(), Vec::new());
        for (token, id, split) in tokens {
            let id = id as usize;
            if token.is_empty() || token.len() > TOKEN_BYTES_MAX || id >= TOKENS_MAX {
                return Err(VocabularyError::OutOfRange);
            }
            if id < ends.len() {
                return Err(VocabularyError::Disordered);
            }
            ends.resize(id, end_of(&bytes)?);
            splits.resize(id, None);
            bytes.extend_from_slice(token);
            ends.push(end_of(&bytes)?);
            splits.push(split);
        }
        Self::new(bytes, ends, &splits)
    }

    fn new(bytes: Vec<u8>, ends: Vec<u32>, merges: &[Option<Split>]) -> Result<Self, VocabularyError> {
        let mut pairs = Pairs::with_capacity(ends.len());
        let (mut singles, mut byte_pairs) = ([NONE; 256], vec![NONE; 1 << 16]);
        let mut splits = vec![Split { left: NONE, right: NONE }; ends.len()];
        let mut ordered = true;
        for ((id, merge), split) in (0..).zip(merges).zip(&mut splits) {
            let token = range(&ends, id).and_then(|range| bytes.get(range)).unwrap_or_default();
            match *token {
                [] => continue,
                [byte] => singles[usize::from(byte)] = id,
                [first, second] => byte_pairs[usize::from(first) << 8 | usize::from(second)] = id,
                _ => {}
            }
            if let Some(merge) = *merge {
                ordered &= merge.left < id && merge.right < id;
                pairs.insert(merge.left, merge.right, id);
                *split = merge;
            }
        }
        if singles.contains(&NONE) {
            return Err(VocabularyError::MissingByte);
        }
        let tokens = (0..).zip(merges).filter_map(|(id, _)| {
            let token = bytes.get(range(&ends, id)?)?;
            (!token.is_empty()).then_some((token, id))
        });
        let pieces = Pieces::build(tokens).ok_or(VocabularyError::Unreadable)?;
        Ok(Self {
            bytes,
            ends,
            splits,
            singles,
            byte_pairs,
            pairs,
            pieces,
            prefixes: OnceLock::new(),
            ordered,
        })
    }

    /// Whether every token is made of earlier ones, so that the rank of a token tells when it comes into being. Llama 3's
    /// are not.
    pub(super) fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// The bytes of a token.
    #[inline]
    pub(super) fn token(&self, id: u32) -> Option<&[u8]> {
        let token = &self.bytes[range(&self.ends, id)?];
        (!token.is_empty()).then_some(token)
    }

    /// Bytes of a token; 0 when there is none.
    #[inline]
    pub(super) fn token_bytes(&self, id: u32) -> usize {
        range(&self.ends, id).map_or(0, |range| range.len())
    }

    /// One more than the highest id.
    pub(super) fn ids_end(&self) -> usize {
        self.ends.len()
    }

    /// The token that is exactly `piece`, or [`NONE`].
    #[inline]
    pub(super) fn whole(&self, piece: &[u8]) -> u32 {
        self.pieces.id(piece, |id| self.token(id))
    }

    /// The tokens of up to 15 bytes.
    pub(super) fn short_tokens(&self) -> ShortTokens<'_> {
        self.pieces.short_tokens()
    }

    /// The token of one byte.
    #[inline]
    pub(super) fn single(&self, byte: u8) -> u32 {
        self.singles[usize::from(byte)]
    }

    /// The token two bytes merge into, or [`NONE`].
    #[inline]
    pub(super) fn byte_pair(&self, first: u8, second: u8) -> u32 {
        self.byte_pairs[usize::from(first) << 8 | usize::from(second)]
    }

    /// The token two adjacent tokens merge into, or [`NONE`].
    #[inline]
    pub(super) fn merged(&self, left: u32, right: u32) -> u32 {
        self.pairs.merged(left, right)
    }

    /// The tokens whose merge makes `id`; [`NONE`] twice for a single byte.
    #[inline]
    pub(super) fn split(&self, id: u32) -> Split {
        self.splits[id as usize]
    }

    /// Bytes of the longest token.
    pub(super) fn token_bytes_max(&self) -> usize {
        self.pieces.bytes_max()
    }

    /// Lengths of the tokens at the beginning of a text, built when the first long piece asks.
    pub(super) fn prefixes(&self) -> &Prefixes {
        self.prefixes.get_or_init(|| {
            let reachable =
                |id: u32| self.token(id).is_some_and(|token| token.len() == 1) || self.split(id).left != NONE;
            let end = u32::try_from(self.ids_end()).unwrap_or(NONE);
            Prefixes::new(self, (0..end).filter(|&id| reachable(id)))
        })
    }
}

fn end_of(bytes: &[u8]) -> Result<u32, VocabularyError> {
    u32::try_from(bytes.len()).map_err(|_| VocabularyError::OutOfRange)
}

#[inline]
fn range(ends: &[u32], id: u32) -> Option<std::ops::Range<usize>> {
    let id = id as usize;
    let end = *ends.get(id)? as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] as usize };
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_ranks() -> Vec<(Vec<u8>, u32)> {
        (0..=255u8).map(|byte| (vec![byte], u32::from(byte))).collect()
    }

    #[test]
    fn ranks_may_have_holes() {
        let mut ranks = byte_ranks();
        ranks.push((b"ab".to_vec(), 300));
        let vocabulary = Vocabulary::from_ranks(ranks).unwrap();

        assert_eq!(vocabulary.token(300), Some(&b"ab"[..]));
        assert_eq!(vocabulary.token(299), None);
        assert_eq!(vocabulary.token(301), None);
        assert_eq!(vocabulary.merged(97, 98), 300);
        assert_eq!(vocabulary.split(300), Split { left: 97, right: 98 });
    }

    #[test]
    fn unusable_ranks_are_refused() {
        let with = |token: &[u8], rank| {
            let mut ranks = byte_ranks();
            ranks.push((token.to_vec(), rank));
            Vocabulary::from_ranks(ranks).err()
        };

        assert_eq!(with(b"ab", 97), Some(VocabularyError::Disordered), "a rank twice");
        assert_eq!(with(b"", 256), Some(VocabularyError::OutOfRange));
        assert_eq!(with(b"ab", 1 << 21), Some(VocabularyError::OutOfRange));
        assert_eq!(with(&[b'a'; 1025], 256), Some(VocabularyError::OutOfRange));
        let mut ranks = byte_ranks();
        ranks.remove(7);
        assert_eq!(Vocabulary::from_ranks(ranks).err(), Some(VocabularyError::MissingByte));
    }

    #[test]
    fn a_token_of_a_later_token_is_noticed() {
        let mut ranks = byte_ranks();
        ranks.push((b"ab".to_vec(), 257));
        assert!(Vocabulary::from_ranks(ranks.clone()).unwrap().is_ordered());
        ranks.push((b"abc".to_vec(), 256));
        let vocabulary = Vocabulary::from_ranks(ranks).unwrap();

        assert!(!vocabulary.is_ordered());
        assert_eq!(vocabulary.merged(257, 99), 256);
    }
}
