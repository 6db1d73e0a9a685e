//! Merging a short piece as the algorithm is told: the lowest rank first, leftmost on a tie.
//!
//! Owns the row of tokens while they merge. Refuses to know long pieces.

use super::tables::characters::{Kind, clash};
use super::tables::pairs::{ID_BITS, NONE};
use super::vocabulary::Vocabulary;

/// A (rank, place) that is the lowest first: a float, as the minimum of several floats is one instruction on every processor of
/// 64 bits, and that of integers is not. Nothing is reckoned with it; positive floats have the order of their bits.
type Merge = f32;

/// No merge; above every (rank, place).
const NEVER: Merge = Merge::INFINITY;
/// Makes every (rank, place) a normal float, which nothing rounds or takes for zero, and none of them infinite.
const NORMAL: u32 = 1 << 30;
/// Bits of a place below a rank.
const PLACE_BITS: u32 = 8;
const _: () = assert!(ID_BITS + PLACE_BITS < 30);
/// Merges that are compared side by side.
const LANES: usize = 16;

/// A piece of fewer than `N` bytes while it is merged: each token lies at the place of its first part and names the places
/// of its neighbours, so that a merge touches only those and finding the next merge is a plain minimum.
///
/// `N` is a power of two, at most 256; places are taken modulo `N`, which spares every bounds check. The last place has no token: it
/// is behind the end, and before the first.
pub(super) struct Literal<const N: usize> {
    ids: [u32; N],
    next: [u8; N],
    count: usize,
}

impl<const N: usize> Literal<N> {
    const NEXT: [u8; N] = numbered(1);
    const PREVIOUS: [u8; N] = numbered(u8::MAX);

    /// Merges a piece; of a longer one only the beginning.
    #[inline]
    pub(super) fn merge(vocabulary: &Vocabulary, piece: &[u8]) -> Self {
        let piece = &piece[..piece.len().min(N - 1)];
        let mut literal = Self { ids: [NONE; N], next: Self::NEXT, count: 0 };
        let mut merges = [NEVER; N];
        if piece.is_ascii() || !literal.start_from_characters(vocabulary, piece) {
            literal.start_from_bytes(vocabulary, piece, &mut merges);
        } else {
            let pairs = vocabulary.pairs();
            for place in 1..literal.count {
                let (left, right) = (literal.ids[(place - 1) % N], literal.ids[place % N]);
                merges[(place - 1) % N] = merge_at(pairs.merged(left, right), place - 1);
            }
        }
        literal.merge_all(vocabulary, &mut merges);
        literal
    }

    /// Merges a piece from its bytes, whatever its characters are.
    #[cfg(test)]
    pub(super) fn merge_bytes(vocabulary: &Vocabulary, piece: &[u8]) -> Self {
        let piece = &piece[..piece.len().min(N - 1)];
        let mut literal = Self { ids: [NONE; N], next: Self::NEXT, count: 0 };
        let mut merges = [NEVER; N];
        literal.start_from_bytes(vocabulary, piece, &mut merges);
        literal.merge_all(vocabulary, &mut merges);
        literal
    }

    /// How many tokens there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The tokens in order.
    pub(super) fn tokens(&self) -> impl Iterator<Item = u32> {
        let places = std::iter::successors(Some(0), |&place| Some(usize::from(self.next[place % N])));
        places.take(self.count).map(|place| self.ids[place % N])
    }

    fn start_from_bytes(&mut self, vocabulary: &Vocabulary, piece: &[u8], merges: &mut [Merge; N]) {
        let (singles, byte_pairs) = (vocabulary.singles(), vocabulary.byte_pairs());
        for (id, &byte) in self.ids.iter_mut().zip(piece) {
            *id = singles.of(byte);
        }
        for ((place, merge), pair) in merges.iter_mut().enumerate().zip(piece.windows(2)) {
            *merge = merge_at(byte_pairs.of([pair[0], pair[1]]), place);
        }
        self.count = piece.len();
    }

    /// Starts from what the characters of a piece merge into, if all neighbours are calm.
    #[inline]
    fn start_from_characters(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> bool {
        let (singles, characters) = (vocabulary.singles(), vocabulary.characters());
        let (mut at, mut count, mut before, mut clashes) = (0, 0, 0, characters.clashes());
        let mut push = |id| {
            self.ids[count % N] = id;
            count += 1;
        };
        while at < piece.len() {
            let Some((character, length)) = first_character(&piece[at..]) else { return false };
            let bytes = &piece[at..at + length];
            let row = characters.of(character);
            clashes |= clash(before, row);
            match Kind::of(row) {
                (Kind::One, id) => push(id),
                (Kind::Head, id) => {
                    push(id);
                    push(singles.of(bytes[length - 1]));
                }
                (Kind::Tail, id) => {
                    push(singles.of(bytes[0]));
                    push(id);
                }
                (Kind::Bytes, _) => bytes.iter().for_each(|&byte| push(singles.of(byte))),
            }
            (at, before) = (at + length, row);
        }
        self.count = count;
        clashes == 0
    }

    #[inline]
    fn merge_all(&mut self, vocabulary: &Vocabulary, merges: &mut [Merge; N]) {
        let pairs = vocabulary.pairs();
        let mut previous = Self::PREVIOUS;
        let lanes = N.min(self.count.next_multiple_of(LANES));
        let mut next = lowest(&merges[..lanes]);
        while next < NEVER {
            let (rank, place) = rank_and_place::<N>(next);
            let taken = usize::from(self.next[place]) % N;
            let after = usize::from(self.next[taken]) % N;
            let before = usize::from(previous[place]) % N;
            self.ids[place] = rank;
            self.next[place] = self.next[taken];
            previous[after] = previous[taken];
            self.count -= 1;
            (merges[taken], merges[place], merges[before]) = (NEVER, NEVER, NEVER);
            // What else is lowest is found while the two look-ups are on their way. Beyond the ends there is no token, which merges
            // with nothing: asking is cheaper than telling whether to ask.
            next = lowest(&merges[..lanes]);
            let (behind, here) = (self.ids[before], self.ids[after]);
            let (left, right) =
                (merge_at(pairs.merged(behind, rank), before), merge_at(pairs.merged(rank, here), place));
            (merges[before], merges[place]) = (left, right);
            next = lower(next, lower(left, right));
        }
    }
}

/// The first character of a text and its length, if it has three bytes at most and they are well-formed.
#[inline]
fn first_character(text: &[u8]) -> Option<(u32, usize)> {
    let further = |byte: u8| (byte & 0xC0 == 0x80).then_some(u32::from(byte & 0x3F));
    match *text {
        [a, ..] if a < 0x80 => Some((u32::from(a), 1)),
        [a, b, c, ..] if a & 0xF0 == 0xE0 => {
            let character = u32::from(a & 0xF) << 12 | further(b)? << 6 | further(c)?;
            let is_one = character >= 0x800 && character & 0xF800 != 0xD800;
            is_one.then_some((character, 3))
        }
        [a, b, ..] if a & 0xE0 == 0xC0 => {
            let character = u32::from(a & 0x1F) << 6 | further(b)?;
            (character >= 0x80).then_some((character, 2))
        }
        _ => None,
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

/// The lowest of some merges.
#[inline]
fn lowest(merges: &[Merge]) -> Merge {
    let mut lowest = [NEVER; LANES];
    for lanes in merges.as_chunks::<LANES>().0 {
        for (lowest, &merge) in lowest.iter_mut().zip(lanes) {
            *lowest = lower(merge, *lowest);
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lowest[lane] = lower(lowest[lane], lowest[lane + half]);
        }
        half /= 2;
    }
    lowest[0]
}

/// The lower of two merges, told in the way that processors do.
#[inline]
fn lower(one: Merge, other: Merge) -> Merge {
    if one < other { one } else { other }
}

/// A merge into the token of rank `rank`, at `place`, as one number: the lowest is the next merge, and the leftmost on a
/// tie. [`NEVER`] when the two do not merge.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a place is below 256")]
fn merge_at(rank: u32, place: usize) -> Merge {
    if rank == NONE { NEVER } else { Merge::from_bits(NORMAL | rank << PLACE_BITS | place as u32) }
}

/// What [`merge_at`] put together.
#[inline]
fn rank_and_place<const N: usize>(merge: Merge) -> (u32, usize) {
    let bits = merge.to_bits() ^ NORMAL;
    (bits >> PLACE_BITS, bits as usize % N)
}
