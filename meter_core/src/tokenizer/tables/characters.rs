//! What the bytes of a character may be merged into before anything else.
//!
//! Owns which neighbours are calm: all merges inside each of them come before any merge across their border that takes a part of
//! one that was still to be merged. Refuses to know pieces.
//!
//! Merges happen in the order of their ranks, so which parts a character consists of just before a rank follows from its own bytes
//! alone, as long as nothing merged across its borders. A merge across a border is of two tokens: one that ends there and one that
//! begins there. Where one of them is a part of a character in which something would merge later, be it this part or what it
//! uncovers, and the other can stand on the other side of the border, the two characters are no calm neighbours. In a piece of calm neighbours alone, merging from whole
//! characters is merging from bytes: a token has a higher rank than what it is made of, so nothing that takes a whole
//! character comes before that character is whole.
//!
//! Neighbours that are not calm are few. Each such merge belongs to a class, and each character has a mark for the classes in which
//! it disturbs on the left, and one for those on the right; where marks meet, neighbours are taken for not calm.

use rustc_hash::FxHashMap;

use super::pairs::{ID_BITS, NONE};
use super::tokens::Tokens;

/// Characters of up to three bytes.
const CHARACTERS: u32 = 1 << 16;

/// Bits of a row that are the kind, above the id.
const KIND_BITS: u32 = 3;
/// Classes of merges that disturb.
const CLASSES: u32 = 4;
/// A row is an id, a kind, the classes in which the character disturbs what is right of it, and those in which it is disturbed.
const LEFT_AT: u32 = ID_BITS + KIND_BITS;
const RIGHT_AT: u32 = LEFT_AT + CLASSES;

/// What a character is when all merges inside it are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No byte merges.
    Bytes,
    /// One token, the one in the row.
    One,
    /// The token in the row, then its last byte.
    Head,
    /// Its first byte, then the token in the row.
    Tail,
}

impl Kind {
    /// The kind and the token of a row.
    #[inline]
    pub(crate) fn of(row: u32) -> (Self, u32) {
        let kind = match row >> ID_BITS & ((1 << KIND_BITS) - 1) {
            1 => Self::One,
            2 => Self::Head,
            3 => Self::Tail,
            _ => Self::Bytes,
        };
        (kind, row & ((1 << ID_BITS) - 1))
    }

    fn row(self, id: u32) -> u32 {
        (self as u32) << ID_BITS | id
    }
}

/// Whether the characters of two rows, in this order, are perhaps no calm neighbours: not 0.
#[inline]
pub(crate) fn clash(left: u32, right: u32) -> u32 {
    (left >> LEFT_AT) & (right >> RIGHT_AT)
}

/// The outermost part of a character on one side, from one rank on until another.
struct Part {
    character: u32,
    from: u32,
    until: u32,
}

impl Part {
    fn is_final(&self) -> bool {
        self.until == NONE
    }
}

/// Parts by the token they are.
type Parts = FxHashMap<u32, Vec<Part>>;

/// A row for each character; none if a token is made of later ones.
pub(super) fn build(tokens: &Tokens, singles: &[u32]) -> Vec<u32> {
    if !tokens.is_ordered() {
        return Vec::new();
    }
    let merges: FxHashMap<(u32, u32), u32> =
        tokens.merges().map(|(split, id)| ((split.left, split.right), id)).collect();
    let mut rows = vec![Kind::Bytes.row(0); CHARACTERS as usize];
    let (mut firsts, mut lasts) = (Parts::default(), Parts::default());
    let mut done = vec![0; CHARACTERS as usize];
    for character in (0..CHARACTERS).filter_map(char::from_u32) {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        let parts =
            merge(bytes.iter().map(|&byte| singles[usize::from(byte)]).collect(), &merges, |side, part| {
                let parts = if side == Side::First { &mut firsts } else { &mut lasts };
                let done = &mut done[u32::from(character) as usize];
                *done = part.1.max(*done);
                parts.entry(part.0).or_default().push(Part {
                    character: u32::from(character),
                    from: part.1,
                    until: part.2,
                });
            });
        rows[u32::from(character) as usize] = match (parts.as_slice(), bytes.len()) {
            (&[id], 2..) => Kind::One.row(id),
            (&[left, _], 3) if tokens.token(left).len() == 2 => Kind::Head.row(left),
            (&[_, right], 3) => Kind::Tail.row(right),
            _ => Kind::Bytes.row(0),
        };
    }
    for (split, rank) in tokens.merges() {
        let (left, right) = (tokens.token(split.left), tokens.token(split.right));
        if !is_part_at_end(left) && !is_part_at_start(right) {
            continue;
        }
        let before = standing(split.left, rank, &lasts, &done, last_character(left));
        let behind = standing(split.right, rank, &firsts, &done, first_character(right));
        let early = |parts: &[(u32, bool)]| parts.iter().filter(|part| !part.1).copied().collect::<Vec<_>>();
        for (left, right) in [(early(&before), behind.clone()), (before.clone(), early(&behind))] {
            if left.is_empty() || right.is_empty() {
                continue;
            }
            let class = class(&left, &right);
            for (characters, mark) in [(left, 1 << (LEFT_AT + class)), (right, 1 << (RIGHT_AT + class))] {
                for (character, _) in characters {
                    rows[character as usize] |= mark;
                }
            }
        }
    }
    rows
}

/// Merges of one class share their marks: those that few characters are disturbed by, and those that disturb few; ASCII for itself,
/// as it is so common.
fn class(left: &[(u32, bool)], right: &[(u32, bool)]) -> u32 {
    if left.iter().all(|&(character, _)| character < 0x80) {
        0
    } else if left.len() < right.len() {
        1
    } else {
        2 + right[0].0 % 2
    }
}

#[derive(PartialEq, Eq)]
enum Side {
    First,
    Last,
}

/// Merges the bytes of a character, and tells which token is its first and last part from which rank until which.
fn merge(
    mut parts: Vec<u32>,
    merges: &FxHashMap<(u32, u32), u32>,
    mut tell: impl FnMut(Side, (u32, u32, u32)),
) -> Vec<u32> {
    let (mut first_from, mut last_from) = (0, 0);
    loop {
        let lowest = (0..parts.len().saturating_sub(1))
            .filter_map(|at| Some((*merges.get(&(parts[at], parts[at + 1]))?, at)))
            .min();
        let (rank, at) = lowest.unwrap_or((NONE, 0));
        if lowest.is_none() || at == 0 {
            tell(Side::First, (parts[0], first_from, rank));
            first_from = rank;
        }
        if lowest.is_none() || at + 2 == parts.len() {
            tell(Side::Last, (parts[parts.len() - 1], last_from, rank));
            last_from = rank;
        }
        if lowest.is_none() {
            return parts;
        }
        parts.splice(at..at + 2, [rank]);
    }
}

/// Characters that can have `token` at a border when merges of `rank` are made, and whether nothing will merge inside them any more:
/// `done` has the rank of each one's last merge.
fn standing(token: u32, rank: u32, parts: &Parts, done: &[u32], whole: Option<char>) -> Vec<(u32, bool)> {
    if let Some(whole) = whole {
        return if u32::from(whole) < CHARACTERS { vec![(u32::from(whole), true)] } else { Vec::new() };
    }
    let at_the_time = |part: &&Part| part.from <= rank && rank <= part.until;
    let parts = parts.get(&token).map(Vec::as_slice).unwrap_or_default();
    let is_done = |part: &Part| part.is_final() && done[part.character as usize] < rank;
    parts.iter().filter(at_the_time).map(|part| (part.character, is_done(part))).collect()
}

/// Whether a token may be a part of a character, up to its end.
fn is_part_at_end(token: &[u8]) -> bool {
    token.len() < 4 && token.iter().all(|byte| (0x80..0xC0).contains(byte))
}

/// Whether a token may be a part of a character, from its start.
fn is_part_at_start(token: &[u8]) -> bool {
    token.len() < 4 && token[0] >= 0xC0 && first_character(token).is_none()
}

fn first_character(token: &[u8]) -> Option<char> {
    (1..=token.len().min(4)).find_map(|end| std::str::from_utf8(&token[..end]).ok()?.chars().next())
}

fn last_character(token: &[u8]) -> Option<char> {
    let start = |bytes: usize| token.len().checked_sub(bytes);
    (1..=4).find_map(|bytes| std::str::from_utf8(token.get(start(bytes)?..)?).ok()?.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, and tokens from rank 256 on.
    fn rows(more: &[&[u8]]) -> Vec<u32> {
        let singles = (0..=255u8).map(|byte| (vec![byte], u32::from(byte)));
        let more = more.iter().map(|token| token.to_vec()).zip(256..);
        let tokens = Tokens::from_ranks(singles.chain(more).collect()).unwrap();
        build(&tokens, &(0..256).collect::<Vec<u32>>())
    }

    fn of(rows: &[u32], character: char) -> (Kind, u32) {
        Kind::of(rows[u32::from(character) as usize])
    }

    fn are_calm(rows: &[u32], left: char, right: char) -> bool {
        clash(rows[u32::from(left) as usize], rows[u32::from(right) as usize]) == 0
    }

    #[test]
    fn a_character_is_what_its_bytes_merge_into() {
        // 中 is E4 B8 AD.
        let rows = rows(&[b"\xE4\xB8", "中".as_bytes(), b"\xB8\x80", "é".as_bytes()]);

        assert_eq!(of(&rows, '中'), (Kind::One, 257));
        assert_eq!(of(&rows, '丁'), (Kind::Head, 256), "E4 B8 81");
        assert_eq!(of(&rows, '测'), (Kind::Bytes, 0), "E6 B5 8B");
        assert_eq!(of(&rows, '渀'), (Kind::Tail, 258), "E6 B8 80");
        assert_eq!(of(&rows, 'é'), (Kind::One, 259));
        assert_eq!(of(&rows, 'e'), (Kind::Bytes, 0));
    }

    #[test]
    fn what_a_neighbour_could_take_apart_is_not_calm() {
        // A space takes the first byte of 中 before its second does.
        let early = rows(&[b" \xE4", b"\xE4\xB8", "中".as_bytes()]);
        assert!(!are_calm(&early, ' ', '中') && are_calm(&early, '中', ' ') && are_calm(&early, '中', '中'));
        // It comes too late.
        let late = rows(&[b"\xE4\xB8", "中".as_bytes(), b" \xE4"]);
        assert!(are_calm(&late, ' ', '中'));
        // On the other side: the last byte of 中 goes with what follows, before the others take it.
        let behind = rows(&[b"\xADa", b"\xE4\xB8", "中".as_bytes()]);
        assert!(!are_calm(&behind, '中', 'a') && are_calm(&behind, '中', 'b'));
    }

    #[test]
    fn what_a_neighbour_uncovers_is_not_calm() {
        // ∘ is E2 88 98. Its first byte merges with none of its own, but with a space, and that with its second byte.
        let uncovered = rows(&[b" \xE2", b" \xE2\x88", b"\x88\x98"]);
        assert_eq!(of(&uncovered, '∘'), (Kind::Tail, 258));
        assert!(!are_calm(&uncovered, ' ', '∘') && are_calm(&uncovered, 'a', '∘'));
        // The others are one before the space comes.
        assert!(are_calm(&rows(&[b"\x88\x98", b" \xE2", b" \xE2\x88"]), ' ', '∘'));
    }

    #[test]
    fn nothing_is_known_where_ranks_tell_no_order() {
        assert!(rows(&[b"abc", b"ab"]).is_empty());
    }
}
