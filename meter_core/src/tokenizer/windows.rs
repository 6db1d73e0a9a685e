//! Merging a long piece in windows.
//!
//! Owns where windows begin and what is taken of each, for an ordered vocabulary. Refuses to know how a window is merged.
//!
//! A sequence of tokens is the answer exactly when each two neighbours, merged alone, stay as they are. Neighbours in one window
//! do, as they came out of one merge; so it is enough that the last token taken of a window and the first of the next stay apart.
//! They nearly always do: what a window cuts off matters a few tokens back at most. Where they do not, this algorithm gives up.

use super::literal::Literal;
use super::matched::stay_apart;
use super::tables::pairs::NONE;
use super::vocabulary::Vocabulary;

/// Calls `token` with the tokens of a piece in order, merged in windows of `N` - 1 bytes; whether they are the answer.
pub(super) fn merge<const N: usize>(
    vocabulary: &Vocabulary,
    piece: &[u8],
    mut token: impl FnMut(u32),
) -> bool {
    // Behind this no token of a window is taken, but for a first one: those there could be others if more were seen.
    let margin = N / 4 * 3;
    let (mut at, mut left) = (0, NONE);
    // Runs repeat themselves: the same window has the same tokens, and the same seam the same answer.
    let (mut seen, mut merged) = (&piece[..0], None);
    let mut sound = (NONE, NONE);
    loop {
        let window = &piece[at..piece.len().min(at + N - 1)];
        let is_last = at + window.len() == piece.len();
        let literal = match merged {
            Some(literal) if seen == window => literal,
            _ => Literal::<N>::merge(vocabulary, window),
        };
        let mut reached = 0;
        for id in literal.tokens() {
            let end = reached + vocabulary.token_bytes(id);
            if reached > 0 && end > margin && !is_last {
                break;
            }
            if reached == 0 && left != NONE && sound != (left, id) {
                if !stay_apart(vocabulary, left, id) {
                    return false;
                }
                sound = (left, id);
            }
            token(id);
            (reached, left) = (end, id);
        }
        if is_last {
            return true;
        }
        at += reached;
        (seen, merged) = (window, Some(literal));
    }
}
