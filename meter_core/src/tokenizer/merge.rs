//! Merging the bytes of one piece into tokens.
//!
//! Owns two algorithms with one answer, that of merging the lowest rank first, leftmost on a tie: literally so for short
//! pieces, by matching tokens from the left for long ones. Refuses to know how a piece was found.
//!
//! A long piece is read from the left. A sequence of tokens is the answer exactly when each two neighbours, merged alone,
//! stay as they are; so the longest token that fits its left neighbour is tried first, shorter ones next, and a position
//! that leads nowhere is marked and never entered again. The work is linear in the piece, whatever it contains.

use super::pairs::NONE;
use super::vocabulary::Vocabulary;

/// Bytes of a piece that is merged literally, in time quadratic in its length. Almost every piece of real text is shorter.
pub(super) const SHORT_BYTES_MAX: usize = 64;

/// Tokens of a short piece.
pub(super) struct Short {
    ids: [u32; SHORT_BYTES_MAX],
    count: usize,
}

impl Short {
    /// The tokens in order.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids[..self.count]
    }
}

/// Merges a piece of at most [`SHORT_BYTES_MAX`] bytes; of a longer one only the beginning.
pub(super) fn short(vocabulary: &Vocabulary, piece: &[u8]) -> Short {
    let mut count = piece.len().min(SHORT_BYTES_MAX);
    let piece = &piece[..count];
    let mut ids = [NONE; SHORT_BYTES_MAX];
    // By position: what the token there merges into with the next one. Ids are ranks.
    let mut merged = [NONE; SHORT_BYTES_MAX];
    for (id, &byte) in ids.iter_mut().zip(piece) {
        *id = vocabulary.single(byte);
    }
    for (merged, pair) in merged.iter_mut().zip(piece.windows(2)) {
        *merged = vocabulary.byte_pair(pair[0], pair[1]);
    }
    while count > 1 {
        let (mut lowest, mut at) = (NONE, 0);
        for (place, &rank) in merged[..count - 1].iter().enumerate() {
            if rank < lowest {
                (lowest, at) = (rank, place);
            }
        }
        if lowest == NONE {
            break;
        }
        ids[at] = lowest;
        ids.copy_within(at + 2..count, at + 1);
        merged.copy_within(at + 1..count, at);
        count -= 1;
        merged[at] = if at + 1 < count { vocabulary.merged(lowest, ids[at + 1]) } else { NONE };
        if at > 0 {
            merged[at - 1] = vocabulary.merged(ids[at - 1], lowest);
        }
    }
    Short { ids, count }
}

/// Merges a piece of any length.
pub(super) fn long(vocabulary: &Vocabulary, piece: &[u8]) -> Vec<u32> {
    let prefixes = vocabulary.prefixes();
    let mut open = Positions::all(piece.len());
    let mut tokens: Vec<u32> = Vec::with_capacity(piece.len() / 3);
    let mut at = 0;
    let mut candidate = prefixes.longest(vocabulary, piece);
    while candidate != NONE {
        let end = at + vocabulary.token(candidate).map_or(0, <[u8]>::len);
        if open.contains(end) && tokens.last().is_none_or(|&last| stay_apart(vocabulary, last, candidate)) {
            tokens.push(candidate);
            at = end;
            candidate = prefixes.longest(vocabulary, &piece[at..]);
            continue;
        }
        candidate = prefixes.shorter(candidate);
        if candidate == NONE {
            // No token fits here: the one before must be shorter, and nothing may end here again.
            open.remove(at);
            let Some(last) = tokens.pop() else { break };
            at -= vocabulary.token(last).map_or(0, <[u8]>::len);
            candidate = last;
        }
    }
    tokens
}

/// Whether merging the bytes of `left` followed by those of `right` gives these two tokens again.
///
/// Both are taken apart, the later merge first, looking each time whether the two tokens at the seam would have merged
/// before that merge took place.
fn stay_apart(vocabulary: &Vocabulary, mut left: u32, mut right: u32) -> bool {
    let mut before = NONE;
    loop {
        let across = vocabulary.merged(left, right);
        if across < before {
            return false;
        }
        let (inner_left, inner_right) = (vocabulary.split(left).right, vocabulary.split(right).left);
        // The later merge is taken apart; a single byte cannot be. On a tie of ranks the left one merges first: a merge
        // across the seam comes after that of `left` with the same rank, but before that of `right`.
        if inner_left != NONE && (left > right || inner_right == NONE) {
            (before, left) = (left, inner_left);
        } else if inner_right != NONE {
            (before, right) = (right + 1, inner_right);
        } else {
            return true;
        }
    }
}

/// The positions of a piece at which a token may still end.
struct Positions {
    words: Vec<u64>,
}

impl Positions {
    fn all(length: usize) -> Self {
        Self { words: vec![u64::MAX; length / 64 + 1] }
    }

    fn contains(&self, at: usize) -> bool {
        self.words[at / 64] >> (at % 64) & 1 == 1
    }

    fn remove(&mut self, at: usize) {
        self.words[at / 64] &= !(1 << (at % 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::packed;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static VOCABULARIES: LazyLock<Vec<Vocabulary>> = LazyLock::new(|| {
        [packed::R50K, packed::P50K, packed::CL100K, packed::O200K]
            .map(|frame| packed::unpack(frame).unwrap())
            .into()
    });

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn both_algorithms_agree(
            text in "[a-e]{1,40}|[a-zA-Z]{1,40}|[ \n\t]{1,60}|[-=_.aA 0]{1,50}|[中文字符的是不了]{1,20}|[éàüабв]{1,30}",
            raw in proptest::collection::vec(any::<u8>(), 1..40),
        ) {
            for vocabulary in VOCABULARIES.iter() {
                for piece in [text.as_bytes(), &raw] {
                    let short = short(vocabulary, piece);

                    prop_assert_eq!(long(vocabulary, piece), short.ids());
                }
            }
        }
    }

    #[test]
    fn a_token_is_its_own_merge() {
        for vocabulary in VOCABULARIES.iter() {
            for id in 0..u32::try_from(vocabulary.ids_end()).unwrap() {
                let Some(token) = vocabulary.token(id).filter(|token| token.len() <= SHORT_BYTES_MAX) else {
                    continue;
                };

                assert_eq!(short(vocabulary, token).ids(), [id]);
                assert_eq!(long(vocabulary, token), [id]);
            }
        }
    }

    #[test]
    fn an_empty_piece_has_no_tokens() {
        assert!(long(&VOCABULARIES[0], b"").is_empty());
        assert!(short(&VOCABULARIES[0], b"").ids().is_empty());
    }

    #[test]
    fn a_long_run_is_as_cheap_as_its_length() {
        let run = vec![b'a'; 200_000];
        let tokens = long(&VOCABULARIES[3], &run);
        let bytes: usize = tokens.iter().map(|&id| VOCABULARIES[3].token(id).unwrap().len()).sum();

        assert_eq!(bytes, run.len());
    }
}
