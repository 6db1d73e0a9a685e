//! How the tokens of a piece are found.
//!
//! Owns the choice between a vocabulary whose ids are its ranks and a list of merges. Refuses to know either's inside.

use std::sync::Arc;

use super::merge;
use super::merge_list::MergeList;
use super::pairs::NONE;
use super::vocabulary::Vocabulary;

/// The merges of one tokenizer.
pub(super) enum Merging {
    /// The lowest rank first; the fast way.
    Ranked(Arc<Vocabulary>),
    /// The first of a list first.
    Listed(MergeList),
}

impl Merging {
    /// Tokens of the piece `text[start..end]`.
    #[inline]
    pub(super) fn count(&self, text: &[u8], start: usize, end: usize) -> usize {
        match self {
            Self::Ranked(vocabulary) if vocabulary.whole(&text[start..end]) != NONE => 1,
            Self::Ranked(vocabulary) => merge::count(vocabulary, &text[start..end]),
            Self::Listed(list) => {
                let mut tokens = Vec::new();
                list.encode(&text[start..end], &mut tokens);
                tokens.len()
            }
        }
    }

    /// Appends the tokens of the piece `text[start..end]`.
    pub(super) fn encode(&self, text: &[u8], start: usize, end: usize, tokens: &mut Vec<u32>) {
        match self {
            Self::Ranked(vocabulary) => match vocabulary.whole(&text[start..end]) {
                NONE => merge::encode(vocabulary, &text[start..end], tokens),
                id => tokens.push(id),
            },
            Self::Listed(list) => list.encode(&text[start..end], tokens),
        }
    }

    /// The bytes of a token.
    pub(super) fn token(&self, id: u32) -> Option<&[u8]> {
        match self {
            Self::Ranked(vocabulary) => vocabulary.token(id),
            Self::Listed(list) => list.token(id),
        }
    }

    /// At least the bytes of text that the longest token stands for.
    pub(super) fn token_bytes_max(&self) -> usize {
        match self {
            Self::Ranked(vocabulary) => vocabulary.token_bytes_max(),
            Self::Listed(list) => list.token_bytes_max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::embedded;

    #[test]
    fn a_ranked_piece_counts_as_it_encodes() {
        let merging = Merging::Ranked(Arc::new(embedded::R50K.vocabulary().unwrap()));
        for text in ["hello", "hellohello", "a"] {
            let mut tokens = Vec::new();
            merging.encode(text.as_bytes(), 0, text.len(), &mut tokens);

            assert_eq!(merging.count(text.as_bytes(), 0, text.len()), tokens.len());
        }
    }
}
