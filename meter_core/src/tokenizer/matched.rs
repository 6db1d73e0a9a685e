//! Merging by matching tokens from the left.
//!
//! Owns the algorithm that is linear in a piece, whatever it contains, for an ordered vocabulary. Refuses to know where the piece
//! was found.
//!
//! A sequence of tokens is the answer exactly when each two neighbours, merged alone, stay as they are; so the longest token that
//! fits its left neighbour is tried first, shorter ones next, and a position that leads nowhere is marked and never entered
//! again.

use super::prefixes;
use super::tables::pairs::NONE;
use super::vocabulary::Vocabulary;

/// Merges a piece of any length, in time linear in it.
pub(super) fn merge(vocabulary: &Vocabulary, piece: &[u8]) -> Vec<u32> {
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
pub(super) fn stay_apart(vocabulary: &Vocabulary, mut left: u32, mut right: u32) -> bool {
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
