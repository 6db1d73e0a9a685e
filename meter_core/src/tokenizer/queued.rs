//! Merging with a queue of what may merge next.
//!
//! Owns the algorithm that needs no order among tokens: the first merge in preference, leftmost on a tie, until none is left,
//! in n log n steps. Refuses to know where merges come from.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::tables::pairs::NONE;

/// What two neighbours merge into, and how soon: lower ranks first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merge {
    pub(super) rank: u32,
    pub(super) id: u32,
}

/// Appends what `ids` merge into to `tokens`; `merge_of` knows what two neighbours make.
pub(super) fn merge(
    ids: impl Iterator<Item = u32>,
    merge_of: impl Fn(u32, u32) -> Option<Merge>,
    tokens: &mut Vec<u32>,
) {
    let symbol = |(place, id): (usize, u32)| Symbol { id, previous: place.wrapping_sub(1), next: place + 1 };
    let mut row = Row { symbols: ids.enumerate().map(symbol).collect(), merge_of };
    let mut queue = BinaryHeap::new();
    let propose = |row: &Row<_>, place, queue: &mut BinaryHeap<_>| {
        if let Some((merge, _)) = row.merge_at(place) {
            queue.push(Reverse((merge.rank, place, merge.id)));
        }
    };
    for place in 0..row.symbols.len() {
        propose(&row, place, &mut queue);
    }
    while let Some(Reverse((_, place, id))) = queue.pop() {
        // A proposal may be outdated: it stands if the two tokens there still make the same one.
        let Some((_, taken)) = row.merge_at(place).filter(|(merge, _)| merge.id == id) else { continue };
        let (before, after) = (row.symbols[place].previous, row.symbols[taken].next);
        row.symbols[taken].id = NONE;
        row.symbols[place].id = id;
        row.symbols[place].next = after;
        if let Some(symbol) = row.symbols.get_mut(after) {
            symbol.previous = place;
        }
        propose(&row, before, &mut queue);
        propose(&row, place, &mut queue);
    }
    tokens.extend(row.symbols.iter().map(|symbol| symbol.id).filter(|&id| id != NONE));
}

/// The tokens of a piece while it is merged, each at the place of its first byte or character.
struct Row<F> {
    symbols: Vec<Symbol>,
    merge_of: F,
}

/// A token, and where its neighbours are; beyond the row where there is none.
struct Symbol {
    id: u32,
    previous: usize,
    next: usize,
}

impl<F: Fn(u32, u32) -> Option<Merge>> Row<F> {
    /// The merge of the tokens at `place` and behind it, and where the latter is.
    fn merge_at(&self, place: usize) -> Option<(Merge, usize)> {
        let left = self.symbols.get(place).filter(|symbol| symbol.id != NONE)?;
        let right = self.symbols.get(left.next)?;
        Some(((self.merge_of)(left.id, right.id)?, left.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_merge_wins_and_the_leftmost_on_a_tie() {
        let merges = |left, right| match (left, right) {
            (1, 2) => Some(Merge { rank: 0, id: 10 }),
            (1, 1) => Some(Merge { rank: 1, id: 11 }),
            (11, 1) => Some(Merge { rank: 2, id: 12 }),
            _ => None,
        };
        for (ids, expected) in [
            (&[1, 1, 2][..], &[1, 10][..]),
            (&[1, 1, 1], &[12]),
            (&[1, 1, 1, 1], &[11, 11]),
            (&[3], &[3]),
            (&[], &[]),
        ] {
            let mut tokens = Vec::new();
            merge(ids.iter().copied(), merges, &mut tokens);

            assert_eq!(tokens, expected, "{ids:?}");
        }
    }
}
