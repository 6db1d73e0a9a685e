//! Which pieces of text are one token.
//!
//! Owns two tables without collisions: a key of 16 bytes for each token of up to 15, and the ids of the longer ones. Refuses to know
//! merging, and the bytes of long tokens, which it asks for to compare.

use super::pairs::NONE;
use super::perfect::{Placed, group, home, place_all};
use super::tokens::Tokens;

/// Bytes of the longest token that is its own key.
pub(crate) const SHORT_BYTES_MAX: usize = 15;
pub(crate) const KEY_BYTES: usize = 16;
/// Bytes of the longest piece that may be asked for by its key.
const KEYED_BYTES_MAX: usize = 64;
/// Where the length of a short piece lies in the upper half of its key.
const LEN_SHIFT: u32 = 56;
/// Where no key lies: none has this length.
const NO_KEY: [u8; KEY_BYTES] = [0xFF; KEY_BYTES];
const LOW: u64 = 0x9E37_79B9_7F4A_7C15;
const HIGH: u64 = 0xD6E8_FEB8_6659_FD93;

/// A piece of up to 15 bytes, zero-padded, with its length on top. A longer one has 0 on top, unlike any shorter one, and its length
/// at the bottom, unlike nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    low: u64,
    high: u64,
}

/// By length: the bytes of a key that are of the piece, and what says the length. As many as a remainder spares a check.
static KEPT: [(u64, u64, u64); 2 * KEYED_BYTES_MAX] = {
    let mut kept = [(u64::MAX, 0, 0); 2 * KEYED_BYTES_MAX];
    let mut len = 0;
    while len < kept.len() {
        if len < 8 {
            kept[len].0 = (1 << (8 * len)) - 1;
        } else if len < KEY_BYTES {
            kept[len].1 = (1 << (8 * (len - 8))) - 1;
        }
        kept[len].2 = if len < KEY_BYTES { (len as u64) << LEN_SHIFT } else { len as u64 };
        len += 1;
    }
    kept
};

impl Key {
    /// No piece's.
    pub(crate) const NONE: Self = Self { low: 0, high: 0 };

    /// The key of the first `len` bytes of `window`, which are a piece of up to 64. One of more than 15 has a key that no token
    /// has.
    #[inline]
    pub(crate) fn new(window: &[u8; KEY_BYTES], len: usize) -> Self {
        let [low, high] = [0, 8].map(|at| {
            let half = window[at..].first_chunk().copied().unwrap_or_default();
            u64::from_le_bytes(half)
        });
        let kept = KEPT[len % KEPT.len()];
        Self { low: low & kept.0, high: high & kept.1 | kept.2 }
    }

    /// The key of a piece of up to 15 bytes.
    pub(crate) fn of(piece: &[u8]) -> Option<Self> {
        if piece.len() > SHORT_BYTES_MAX {
            return None;
        }
        let mut window = [0; KEY_BYTES];
        window[..piece.len()].copy_from_slice(piece);
        Some(Self::new(&window, piece.len()))
    }

    /// Bytes of the piece.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a length is less than 128")]
    pub(crate) const fn len(self) -> usize {
        let short = self.high >> LEN_SHIFT;
        (if short == 0 { self.high } else { short }) as usize
    }

    /// The first eight bytes.
    #[inline]
    pub(crate) const fn low(self) -> u64 {
        self.low
    }

    /// The others, and the length.
    #[inline]
    pub(crate) const fn high(self) -> u64 {
        self.high
    }

    #[inline]
    fn hash(self, seed: u32) -> u64 {
        folded(self.low ^ LOW, self.high ^ HIGH.wrapping_add(2 * u64::from(seed)))
    }

    #[inline]
    fn bytes(self) -> [u8; KEY_BYTES] {
        (u128::from(self.low) | u128::from(self.high) << 64).to_le_bytes()
    }
}

/// Token bytes -> id.
#[derive(Clone, Copy)]
pub(crate) struct Pieces<'a> {
    pub(crate) pilots: &'a [[u8; 1]],
    pub(crate) keys: &'a [[u8; KEY_BYTES]],
    pub(crate) ids: &'a [[u8; 4]],
    pub(crate) seed: u32,
    pub(crate) long: LongPieces<'a>,
}

/// The same of more than 15 bytes.
#[derive(Clone, Copy)]
pub(crate) struct LongPieces<'a> {
    pub(crate) pilots: &'a [[u8; 1]],
    pub(crate) ids: &'a [[u8; 4]],
    pub(crate) seed: u32,
    pub(crate) bytes_max: usize,
}

impl<'a> Pieces<'a> {
    /// The place where a piece lies if it is a token of up to 15 bytes.
    #[inline]
    pub(crate) fn place(self, key: Key) -> usize {
        let hash = key.hash(self.seed);
        let pilot = self.pilots.get(group(hash, self.pilots.len())).map_or(0, |&[pilot]| pilot);
        home(hash, self.keys.len()) + usize::from(pilot)
    }

    /// What lies there.
    #[inline]
    pub(crate) fn key_at(self, place: usize) -> Option<&'a [u8; KEY_BYTES]> {
        self.keys.get(place)
    }

    /// Whether a piece lies there.
    #[inline]
    pub(crate) fn lies_at(self, place: usize, key: Key) -> bool {
        self.key_at(place).is_some_and(|found| *found == key.bytes())
    }

    /// The token that `piece` is, or [`NONE`]; `token` gives the bytes of one by its id.
    #[inline]
    pub(crate) fn id<'b>(self, piece: &[u8], token: impl Fn(u32) -> Option<&'b [u8]>) -> u32 {
        let Some(key) = Key::of(piece) else { return self.long.id(piece, token) };
        let place = self.place(key);
        if self.lies_at(place, key) { super::number(self.ids, place) } else { NONE }
    }
}

impl LongPieces<'_> {
    fn id<'b>(self, piece: &[u8], token: impl Fn(u32) -> Option<&'b [u8]>) -> u32 {
        if piece.len() > self.bytes_max {
            return NONE;
        }
        let hash = long_hash(piece, self.seed);
        let pilot = self.pilots.get(group(hash, self.pilots.len())).map_or(0, |&[pilot]| pilot);
        let id = super::number(self.ids, home(hash, self.ids.len()) + usize::from(pilot));
        if id != NONE && token(id) == Some(piece) { id } else { NONE }
    }
}

/// What is built for some tokens.
pub(super) struct Built {
    pub(super) pilots: Vec<u8>,
    pub(super) keys: Vec<[u8; KEY_BYTES]>,
    pub(super) ids: Vec<u32>,
    pub(super) seed: u32,
    pub(super) long_pilots: Vec<u8>,
    pub(super) long_ids: Vec<u32>,
    pub(super) long_seed: u32,
    pub(super) bytes_max: usize,
}

/// The tables of all tokens; of two with the same bytes the first counts.
pub(super) fn build(tokens: &Tokens) -> Built {
    let mut named: Vec<(&[u8], u32)> = tokens.iter().filter(|(token, _)| !token.is_empty()).collect();
    named.sort_unstable();
    named.dedup_by_key(|token| token.0);
    let bytes_max = named.iter().map(|(token, _)| token.len()).max().unwrap_or(0);
    let short: Vec<(Key, u32)> =
        named.iter().filter_map(|&(token, id)| Key::of(token).map(|key| (key, id))).collect();
    named.retain(|(token, _)| token.len() > SHORT_BYTES_MAX);

    let Placed { pilots, at: places, count, seed } =
        place_all(short.len(), |at, seed| short[at].0.hash(seed));
    let (mut keys, mut ids) = (vec![NO_KEY; count], vec![NONE; count]);
    for (&(key, id), place) in short.iter().zip(places) {
        (keys[place], ids[place]) = (key.bytes(), id);
    }
    let long = place_all(named.len(), |at, seed| long_hash(named[at].0, seed));
    let mut long_ids = vec![NONE; long.count];
    for (&(_, id), place) in named.iter().zip(long.at) {
        long_ids[place] = id;
    }
    Built { pilots, keys, ids, seed, long_pilots: long.pilots, long_ids, long_seed: long.seed, bytes_max }
}

/// A product's halves in one word.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "halves of a word")]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A hash of a token of more than 15 bytes.
fn long_hash(token: &[u8], seed: u32) -> u64 {
    let (eights, rest) = token.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    eights.iter().chain([&last]).fold(token.len() as u64, |hash, eight| {
        folded(hash ^ u64::from_le_bytes(*eight), HIGH.wrapping_add(2 * u64::from(seed)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::tables::{Tables, Tokens};

    const TOKENS: [&[u8]; 6] =
        [b"a\0", b"fifteen bytes !", b"sixteen bytes !!", b"zz", b"twenty-four bytes, three.", b"zz"];

    fn tables() -> Tables {
        let singles = (0..=255u8).map(|byte| (vec![byte], u32::from(byte)));
        let others = TOKENS.iter().map(|token| token.to_vec()).zip(256..);
        Tables::build(Tokens::from_ranks(singles.chain(others).collect()).unwrap()).unwrap()
    }

    fn token(id: u32) -> Option<&'static [u8]> {
        TOKENS.get((id as usize).checked_sub(256)?).copied()
    }

    #[test]
    fn finds_tokens_and_nothing_else() {
        let tables = tables();
        let pieces = tables.pieces();
        for (bytes, id) in TOKENS[..5].iter().zip(256..) {
            assert_eq!(pieces.id(bytes, token), id);
        }
        assert_eq!(
            (pieces.id(b"a", token), pieces.id(b"\0", token), pieces.id(b"\xFF", token)),
            (97, 0, 255)
        );
        for other in [&b"a\0\0"[..], b"", b"\0\0", b"sixteen bytes !?", &[b'z'; 99]] {
            assert_eq!(pieces.id(other, token), NONE, "{other:?}");
        }
        assert_eq!(pieces.long.bytes_max, 25);
    }

    #[test]
    fn what_follows_a_piece_is_no_part_of_its_key() {
        let tables = tables();
        let lies = |key| tables.pieces().lies_at(tables.pieces().place(key), key);
        for (bytes, followed) in
            [(&b"a"[..], b'\0'), (b"zz", b'z'), (b"fifteen bytes !", b'!'), (b"\0", 0xFF)]
        {
            let mut window = [followed; KEY_BYTES];
            window[..bytes.len()].copy_from_slice(bytes);

            assert!(lies(Key::new(&window, bytes.len())));
        }
        for (window, len) in [(*b"sixteen bytes !!", 16), (*b"fifteen bytes !!", 16), ([0xFF; KEY_BYTES], 64)]
        {
            assert!(!lies(Key::new(&window, len)));
        }
        assert!(!lies(Key::NONE));
    }

    #[test]
    fn a_key_says_how_long_its_piece_is() {
        for len in 0..=KEYED_BYTES_MAX {
            assert_eq!(Key::new(&[0xFF; KEY_BYTES], len).len(), len);
            assert_eq!(Key::new(&[0; KEY_BYTES], len).len(), len);
        }
    }
}
