//! The longest token at the beginning of a text.
//!
//! Owns the tokens in byte order and, for each, the longest other token it begins with. Refuses to know merging.

use super::pairs::NONE;
use super::vocabulary::Vocabulary;

/// Tokens in byte order, with an index by their first two bytes.
pub(super) struct Prefixes {
    sorted: Vec<u32>,
    /// The leading bytes of each, so that a search seldom looks at a token.
    leading: Vec<u64>,
    /// Where in `sorted` the tokens start that are not below a two byte prefix.
    starts: Vec<u32>,
    /// By token id: the longest proper prefix that is a token, or [`NONE`].
    shorter: Vec<u32>,
}

impl Prefixes {
    /// Indexes the tokens that merging can make; `ids` are theirs.
    pub(super) fn new(vocabulary: &Vocabulary, ids: impl Iterator<Item = u32>) -> Self {
        let mut keyed: Vec<(u64, u32)> = ids.map(|id| (leading(token(vocabulary, id)), id)).collect();
        keyed.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| token(vocabulary, a.1).cmp(token(vocabulary, b.1)))
        });
        let (leading, sorted): (Vec<u64>, Vec<u32>) = keyed.into_iter().unzip();

        let mut shorter = vec![NONE; vocabulary.ids_end()];
        let mut chain: Vec<u32> = Vec::new();
        let mut starts = Vec::with_capacity((1 << 16) + 1);
        for (&id, place) in sorted.iter().zip(0..) {
            let bytes = token(vocabulary, id);
            while chain.last().is_some_and(|&last| !bytes.starts_with(token(vocabulary, last))) {
                chain.pop();
            }
            shorter[id as usize] = chain.last().copied().unwrap_or(NONE);
            chain.push(id);
            while starts.len() <= bucket(bytes) {
                starts.push(place);
            }
        }
        starts.resize((1 << 16) + 1, u32::try_from(sorted.len()).unwrap_or(NONE));
        Self { sorted, leading, starts, shorter }
    }

    /// The longest token that `text` begins with, or [`NONE`] when it is empty.
    pub(super) fn longest(&self, vocabulary: &Vocabulary, text: &[u8]) -> u32 {
        if text.is_empty() {
            return NONE;
        }
        let bucket = bucket(text);
        let (low, high) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        let key = leading(text);
        let mut not_above = low + self.leading[low..high].partition_point(|&leading| leading <= key);
        while not_above > low && self.leading[not_above - 1] == key {
            if token(vocabulary, self.sorted[not_above - 1]) <= text {
                break;
            }
            not_above -= 1;
        }
        // Every token the text begins with is a prefix of the greatest token that is not above the text.
        let mut candidate = match not_above.checked_sub(1) {
            Some(place) => self.sorted[place],
            None => NONE,
        };
        while candidate != NONE && !text.starts_with(token(vocabulary, candidate)) {
            candidate = self.shorter[candidate as usize];
        }
        candidate
    }

    /// The longest token that `id` begins with other than itself, or [`NONE`].
    #[inline]
    pub(super) fn shorter(&self, id: u32) -> u32 {
        self.shorter[id as usize]
    }
}

#[inline]
fn token(vocabulary: &Vocabulary, id: u32) -> &[u8] {
    vocabulary.token(id).unwrap_or_default()
}

/// The first eight bytes as a number that sorts as they do.
#[inline]
fn leading(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    (0..8).fold(0, |key, at| key << 8 | u64::from(bytes.get(at).copied().unwrap_or(0)))
}

/// The first two bytes; one byte alone sorts before every second byte.
fn bucket(bytes: &[u8]) -> usize {
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or(0));
    byte(0) << 8 | byte(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::packed;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static VOCABULARY: LazyLock<Vocabulary> =
        LazyLock::new(|| packed::unpack(packed::R50K).unwrap().vocabulary);

    proptest! {
        #[test]
        fn agrees_with_trying_every_length(text in "[ a-eA-C\\-\\n\0é中]{1,12}", raw in any::<[u8; 3]>()) {
            for text in [text.as_bytes(), &raw] {
                let expected = (1..=text.len()).rev().map(|end| VOCABULARY.whole(&text[..end])).find(|&id| id != NONE);

                prop_assert_eq!(Some(VOCABULARY.prefixes().longest(&VOCABULARY, text)), expected);
            }
        }
    }

    #[test]
    fn an_empty_text_begins_with_nothing() {
        assert_eq!(VOCABULARY.prefixes().longest(&VOCABULARY, b""), NONE);
    }
}
