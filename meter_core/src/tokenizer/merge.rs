//! Merging the bytes of one piece into tokens.
//!
//! Owns three algorithms with one answer, that of merging the lowest rank first, leftmost on a tie: literally so for short
//! pieces, by matching tokens from the left for long ones, and with a queue for long ones of a vocabulary that is not ordered.
//! Refuses to know how a piece was found.
//!
//! A long piece is read from the left. A sequence of tokens is the answer exactly when each two neighbours, merged alone,
//! stay as they are; so the longest token that fits its left neighbour is tried first, shorter ones next, and a position
//! that leads nowhere is marked and never entered again. The work is linear in the piece, whatever it contains.

use super::prefixes;
use super::queued::{self, Merge};
use super::tables::pairs::NONE;
use super::vocabulary::Vocabulary;

/// Bytes of a piece that is merged literally, in time quadratic in its length. Almost every piece of real text is shorter.
pub(super) const LITERAL_BYTES_MAX: usize = 128;
/// Bytes of a piece that gets by with small arrays.
const SMALL_BYTES_MAX: usize = 32;
/// No merge; above every (rank, place).
const NEVER: i32 = i32::MAX;

/// How many tokens a piece of any length is.
pub(super) fn count(vocabulary: &Vocabulary, piece: &[u8]) -> usize {
    if piece.len() <= SMALL_BYTES_MAX {
        Literal::<SMALL_BYTES_MAX>::merge(vocabulary, piece).count
    } else if piece.len() <= LITERAL_BYTES_MAX {
        Literal::<LITERAL_BYTES_MAX>::merge(vocabulary, piece).count
    } else {
        merge_long(vocabulary, piece).len()
    }
}

/// Appends the tokens of a piece of any length.
pub(super) fn encode(vocabulary: &Vocabulary, piece: &[u8], tokens: &mut Vec<u32>) {
    if piece.len() <= LITERAL_BYTES_MAX {
        tokens.extend(Literal::<LITERAL_BYTES_MAX>::merge(vocabulary, piece).tokens());
    } else {
        tokens.append(&mut merge_long(vocabulary, piece));
    }
}

fn merge_long(vocabulary: &Vocabulary, piece: &[u8]) -> Vec<u32> {
    if vocabulary.is_ordered() { match_long(vocabulary, piece) } else { merge_queued(vocabulary, piece) }
}

/// Merges a piece of any length, of any vocabulary.
fn merge_queued(vocabulary: &Vocabulary, piece: &[u8]) -> Vec<u32> {
    let merge_of = |left, right| {
        let id = vocabulary.merged(left, right);
        (id != NONE).then_some(Merge { rank: id, id })
    };
    let mut tokens = Vec::new();
    queued::merge(piece.iter().map(|&byte| vocabulary.single(byte)), merge_of, &mut tokens);
    tokens
}

/// A piece of at most `N` bytes while it is merged: each token lies at the place of its first byte and names the places
/// of its neighbours, so that a merge touches only those and finding the next merge is a plain minimum.
///
/// `N` is a power of two; places are taken modulo `N`, which spares every bounds check.
struct Literal<const N: usize> {
    ids: [u32; N],
    next: [u8; N],
    count: usize,
}

impl<const N: usize> Literal<N> {
    const NEXT: [u8; N] = numbered(1);
    const PREVIOUS: [u8; N] = numbered(u8::MAX);

    /// Merges a piece; of one longer than `N` only the beginning.
    fn merge(vocabulary: &Vocabulary, piece: &[u8]) -> Self {
        let piece = &piece[..piece.len().min(N)];
        let mut merges = [NEVER; N];
        let mut previous = Self::PREVIOUS;
        let mut literal = Self { ids: [NONE; N], next: Self::NEXT, count: piece.len() };
        for (id, &byte) in literal.ids.iter_mut().zip(piece) {
            *id = vocabulary.single(byte);
        }
        for (place, pair) in piece.windows(2).enumerate() {
            merges[place % N] = merge_at::<N>(vocabulary.byte_pair(pair[0], pair[1]), place);
        }
        loop {
            let lowest = merges[..piece.len()].iter().fold(NEVER, |lowest, &merge| lowest.min(merge));
            if lowest == NEVER {
                return literal;
            }
            let (rank, place) = rank_and_place::<N>(lowest);
            let taken = usize::from(literal.next[place]) % N;
            let after = usize::from(literal.next[taken]);
            literal.ids[place] = rank;
            literal.next[place] = literal.next[taken];
            literal.count -= 1;
            (merges[taken], merges[place]) = (NEVER, NEVER);
            if after < piece.len() {
                previous[after % N] = previous[taken];
                merges[place] = merge_at::<N>(vocabulary.merged(rank, literal.ids[after % N]), place);
            }
            if place > 0 {
                let before = usize::from(previous[place]) % N;
                merges[before] = merge_at::<N>(vocabulary.merged(literal.ids[before], rank), before);
            }
        }
    }

    /// The tokens in order.
    fn tokens(&self) -> impl Iterator<Item = u32> {
        let places = std::iter::successors(Some(0), |&place| Some(usize::from(self.next[place % N])));
        places.take(self.count).map(|place| self.ids[place % N])
    }
}

/// Every place plus `distance`, modulo 256.
const fn numbered<const N: usize>(distance: u8) -> [u8; N] {
    let mut places = [distance; N];
    let mut place = 1;
    while place < N {
        places[place] = places[place - 1].wrapping_add(1);
        place += 1;
    }
    places
}

/// A merge into the token of rank `rank`, at `place`, as one number: the lowest is the next merge, and the leftmost on a
/// tie. [`NEVER`] when the two do not merge.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "N and places are at most 128")]
fn merge_at<const N: usize>(rank: u32, place: usize) -> i32 {
    if rank == NONE { NEVER } else { (rank * N as u32 + place as u32).cast_signed() }
}

/// What [`merge_at`] put together.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "N is at most 128")]
fn rank_and_place<const N: usize>(merge: i32) -> (u32, usize) {
    let merge = merge.cast_unsigned();
    (merge / N as u32, merge as usize % N)
}

/// Merges a piece of any length, in time linear in it.
fn match_long(vocabulary: &Vocabulary, piece: &[u8]) -> Vec<u32> {
    let mut open = Positions::all(piece.len());
    let mut fits = Fits::none();
    let mut tokens: Vec<u32> = Vec::with_capacity(piece.len() / 3);
    let mut at = 0;
    let mut candidate = prefixes::longest(vocabulary, piece);
    while at < piece.len() {
        candidate = fits.longest(vocabulary, tokens.last().copied(), candidate);
        if candidate == NONE {
            // No token fits here: the one before must be shorter, and nothing may end here again.
            open.remove(at);
            let Some(last) = tokens.pop() else { break };
            at -= vocabulary.token_bytes(last);
            candidate = prefixes::shorter(vocabulary, last);
            continue;
        }
        let end = at + vocabulary.token_bytes(candidate);
        if open.contains(end) {
            tokens.push(candidate);
            at = end;
            candidate = prefixes::longest(vocabulary, &piece[at..]);
        } else {
            candidate = prefixes::shorter(vocabulary, candidate);
        }
    }
    tokens
}

/// Which token fits behind which: the last few answers, as runs ask the same over and over.
struct Fits {
    /// (left, longest candidate, answer).
    slots: [(u32, u32, u32); 256],
}

impl Fits {
    fn none() -> Self {
        Self { slots: [(NONE, NONE, NONE); 256] }
    }

    /// The longest token of `candidate` and the tokens it begins with that stays apart from `left`, or [`NONE`].
    fn longest(&mut self, vocabulary: &Vocabulary, left: Option<u32>, candidate: u32) -> u32 {
        let Some(left) = left.filter(|_| candidate != NONE) else { return candidate };
        let place = left.wrapping_mul(0x9E37_79B1) ^ candidate.wrapping_mul(0x85EB_CA77);
        let slot = &mut self.slots[(place >> 24) as usize % 256];
        if (slot.0, slot.1) != (left, candidate) {
            let mut fit = candidate;
            while fit != NONE && !stay_apart(vocabulary, left, fit) {
                fit = prefixes::shorter(vocabulary, fit);
            }
            *slot = (left, candidate, fit);
        }
        slot.2
    }
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
    use crate::tokenizer::embedded;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static VOCABULARIES: LazyLock<Vec<Vocabulary>> = LazyLock::new(|| {
        use embedded::{CL100K, DEEPSEEK, O200K, P50K, QWEN, R50K, TEKKEN};
        [R50K, P50K, CL100K, O200K, TEKKEN, QWEN, DEEPSEEK].map(|blob| blob.vocabulary().unwrap()).into()
    });

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn every_algorithm_agrees(
            text in "[a-e]{1,40}|[a-zA-Z]{1,90}|[ \n\t]{1,60}|[-=_.aA 0]{1,50}|[中文字符的是不了]{1,20}|[éàüабв]{1,30}",
            raw in proptest::collection::vec(any::<u8>(), 1..40),
        ) {
            for vocabulary in VOCABULARIES.iter() {
                for piece in [text.as_bytes(), &raw] {
                    let mut tokens = Vec::new();
                    encode(vocabulary, piece, &mut tokens);

                    prop_assert_eq!(count(vocabulary, piece), tokens.len());
                    prop_assert_eq!(&match_long(vocabulary, piece), &tokens);
                    prop_assert_eq!(&merge_queued(vocabulary, piece), &tokens);
                }
            }
        }
    }

    #[test]
    fn a_vocabulary_out_of_order_is_merged_with_a_queue() {
        let singles = (0..=255u8).map(|byte| (vec![byte], u32::from(byte)));
        let ranks = singles.chain([(b"abc".to_vec(), 256), (b"ab".to_vec(), 257), (b"ca".to_vec(), 258)]);
        let vocabulary = Vocabulary::from_ranks(ranks.collect()).unwrap();
        for (piece, expected) in [("abca", vec![256, 97]), ("cab", vec![99, 257])] {
            let long = piece.repeat(LITERAL_BYTES_MAX);
            let mut tokens = Vec::new();
            encode(&vocabulary, piece.as_bytes(), &mut tokens);
            assert_eq!(tokens, expected);
            // The literal algorithm is the measure, on as much as it takes.
            let mut short = Vec::new();
            encode(&vocabulary, &long.as_bytes()[..LITERAL_BYTES_MAX], &mut short);

            assert_eq!(merge_queued(&vocabulary, &long.as_bytes()[..LITERAL_BYTES_MAX]), short);
            assert_eq!(count(&vocabulary, long.as_bytes()), merge_queued(&vocabulary, long.as_bytes()).len());
        }
    }

    #[test]
    fn a_token_is_its_own_merge() {
        for vocabulary in VOCABULARIES.iter() {
            for id in 0..u32::try_from(vocabulary.ids_end()).unwrap() {
                let Some(token) = vocabulary.token(id) else { continue };

                assert!(Literal::<LITERAL_BYTES_MAX>::merge(vocabulary, token).tokens().eq([id]));
                assert_eq!(match_long(vocabulary, token), [id]);
            }
        }
    }

    #[test]
    fn an_empty_piece_has_no_tokens() {
        assert!(match_long(&VOCABULARIES[0], b"").is_empty());
        assert_eq!(count(&VOCABULARIES[0], b""), 0);
    }

    #[test]
    fn a_long_run_is_as_cheap_as_its_length() {
        let run = vec![b'a'; 200_000];
        let tokens = match_long(&VOCABULARIES[3], &run);
        let bytes: usize = tokens.iter().map(|&id| VOCABULARIES[3].token(id).unwrap().len()).sum();

        assert_eq!(bytes, run.len());
    }
}
