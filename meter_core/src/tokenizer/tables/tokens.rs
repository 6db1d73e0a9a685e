//! The tokens of a vocabulary and the merge that makes each.
//!
//! Owns what is a usable vocabulary. Refuses to know tables.

use rustc_hash::FxHashMap;

use super::split::{Split, last_merge};

/// Token ids lie below this, so that an id leaves room in a word for what goes with it. Public vocabularies end near 262,000.
pub(crate) const TOKENS_MAX: usize = (1 << 21) - 1;
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

/// Tokens by id; an unused id is empty.
#[derive(Default)]
pub(crate) struct Tokens {
    /// The bytes of all tokens, in the order of their ids.
    pub(super) bytes: Vec<u8>,
    /// Where in `bytes` each ends.
    pub(super) ends: Vec<u32>,
    /// The last merge of each; none for a single byte, and for a token that merging does not make.
    pub(super) splits: Vec<Option<Split>>,
}

impl Tokens {
    /// From the single bytes in rank order and, from rank 256 on, the merge that makes each token.
    #[allow(dead_code, reason = "vocabularies that ship, which the build script reads, come from merges")]
    pub(crate) fn from_merges(
        singles: &[u8; 256],
        merges: impl Iterator<Item = Option<Split>>,
    ) -> Result<Self, VocabularyError> {
        let mut tokens = Self::default();
        for byte in singles {
            tokens.push(&[*byte], None)?;
        }
        for merge in merges {
            if let Some(Split { left, right }) = merge {
                for side in [left, right] {
                    let range = tokens.range(side).ok_or(VocabularyError::Disordered)?;
                    tokens.bytes.extend_from_within(range);
                }
            }
            tokens.push(&[], merge)?;
        }
        Ok(tokens)
    }

    /// From ranks alone, as tiktoken holds them: (token, rank) in any order.
    pub(crate) fn from_ranks(mut ranked: Vec<(Vec<u8>, u32)>) -> Result<Self, VocabularyError> {
        ranked.sort_unstable_by_key(|token| token.1);
        let ranks: FxHashMap<&[u8], u32> =
            ranked.iter().map(|(token, rank)| (token.as_slice(), *rank)).collect();
        // One that is too long is refused, and costs no work.
        let split =
            |token: &[u8]| if token.len() > TOKEN_BYTES_MAX { None } else { last_merge(token, &ranks) };
        Self::from_splits(ranked.iter().map(|(token, rank)| (token.as_slice(), *rank, split(token))))
    }

    /// From tokens in the order of their ids, each with the merge that makes it; one without is found only as a whole piece.
    pub(crate) fn from_splits<'a>(
        listed: impl Iterator<Item = (&'a [u8], u32, Option<Split>)>,
    ) -> Result<Self, VocabularyError> {
        let mut tokens = Self::default();
        for (token, id, split) in listed {
            let id = id as usize;
            if token.is_empty() || token.len() > TOKEN_BYTES_MAX || id >= TOKENS_MAX {
                return Err(VocabularyError::OutOfRange);
            }
            if id < tokens.ends.len() {
                return Err(VocabularyError::Disordered);
            }
            tokens.ends.resize(id, tokens.end()?);
            tokens.splits.resize(id, None);
            tokens.push(token, split)?;
        }
        Ok(tokens)
    }

    /// The bytes of each token, and its id; an unused id has none.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], u32)> {
        (0..).zip(&self.ends).map(|(id, _)| (self.token(id), id))
    }

    /// The merges that make tokens, in the order of their ranks.
    pub(super) fn merges(&self) -> impl Iterator<Item = (Split, u32)> {
        self.splits.iter().zip(0..).filter_map(|(split, id)| Some(((*split)?, id)))
    }

    /// The bytes of a token; empty when there is none.
    pub(super) fn token(&self, id: u32) -> &[u8] {
        self.range(id).and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }

    /// Whether merging can make a token, or it is a single byte.
    pub(super) fn is_reachable(&self, id: u32) -> bool {
        self.token(id).len() == 1 || self.splits.get(id as usize).is_some_and(Option::is_some)
    }

    /// Whether no token is made of a later one.
    pub(super) fn is_ordered(&self) -> bool {
        let is_later = |(id, split): (u32, &Option<Split>)| {
            split.is_some_and(|split| split.left >= id || split.right >= id)
        };
        !(0..).zip(&self.splits).any(is_later)
    }

    fn push(&mut self, token: &[u8], split: Option<Split>) -> Result<(), VocabularyError> {
        self.bytes.extend_from_slice(token);
        self.ends.push(self.end()?);
        self.splits.push(split);
        Ok(())
    }

    fn end(&self) -> Result<u32, VocabularyError> {
        u32::try_from(self.bytes.len()).map_err(|_| VocabularyError::OutOfRange)
    }

    fn range(&self, id: u32) -> Option<std::ops::Range<usize>> {
        let id = id as usize;
        let end = *self.ends.get(id)? as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] as usize };
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_ranks() -> Vec<(Vec<u8>, u32)> {
        (0..=255u8).map(|byte| (vec![byte], u32::from(byte))).collect()
    }

    #[test]
    fn unusable_ranks_are_refused() {
        let with = |token: &[u8], rank| {
            let mut ranks = byte_ranks();
            ranks.push((token.to_vec(), rank));
            Tokens::from_ranks(ranks).err()
        };

        assert_eq!(with(b"ab", 97), Some(VocabularyError::Disordered), "a rank twice");
        assert_eq!(with(b"", 256), Some(VocabularyError::OutOfRange));
        assert_eq!(with(b"ab", 1 << 21), Some(VocabularyError::OutOfRange));
        assert_eq!(with(&[b'a'; 1025], 256), Some(VocabularyError::OutOfRange));
    }

    #[test]
    fn a_token_of_a_later_token_is_noticed() {
        let mut ranks = byte_ranks();
        ranks.push((b"ab".to_vec(), 257));
        assert!(Tokens::from_ranks(ranks.clone()).unwrap().is_ordered());
        ranks.push((b"abc".to_vec(), 256));

        assert!(!Tokens::from_ranks(ranks).unwrap().is_ordered());
    }
}
