//! Which pieces of text are one token.
//!
//! Owns two tables without collisions: a 16 byte key for each token of up to 15 bytes, and the ids of the longer ones. Refuses to
//! know merging, and the bytes of long tokens, which it asks for to compare.

use std::borrow::Cow;

use super::block::{BLOCK_BYTES, prefetch};
use super::pairs::NONE;
use super::perfect_hash::{PerfectHash, PerfectHashView};

/// Bytes of the longest token that is its own key.
pub(super) const SHORT_BYTES_MAX: usize = 15;
pub(super) const KEY_BYTES: usize = 16;
/// Where no key lies: none has this length.
const NO_KEY: [u8; KEY_BYTES] = [0xFF; KEY_BYTES];
const NO_ID: [u8; 4] = NONE.to_le_bytes();
/// Hash functions that are tried until one has no collisions; already the first should do.
const SEEDS: u64 = 64;

/// A piece of up to 15 bytes, zero-padded, with its length on top; of a longer one, what equals no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    low: u64,
    high: u64,
}

/// By length: the bytes of a key that are of the piece, and the length.
static KEPT: [(u64, u64, u64); 2 * BLOCK_BYTES] = {
    let mut kept = [(u64::MAX, 0, 0); 2 * BLOCK_BYTES];
    let mut len = 0;
    while len < kept.len() {
        if len < 8 {
            kept[len].0 = (1 << (8 * len)) - 1;
        } else if len < KEY_BYTES {
            kept[len].1 = (1 << (8 * (len - 8))) - 1;
        }
        kept[len].2 = (len as u64) << 56;
        len += 1;
    }
    kept
};

impl Key {
    /// No piece's.
    pub(super) const NONE: Self = Self { low: 0, high: 0 };

    /// The key of the first `len` bytes of `window`, which are a piece of up to 64. One of more than 15 has a key that no token
    /// has.
    #[inline]
    pub(super) fn new(window: &[u8; KEY_BYTES], len: usize) -> Self {
        let [low, high] = [0, 8].map(|at| {
            let half = window[at..].first_chunk().copied().unwrap_or_default();
            u64::from_le_bytes(half)
        });
        let kept = KEPT[len % KEPT.len()];
        Self { low: low & kept.0, high: high & kept.1 | kept.2 }
    }

    /// Bytes of the piece.
    #[inline]
    pub(super) const fn len(self) -> usize {
        (self.high >> 56) as usize
    }

    /// The first eight bytes.
    #[inline]
    pub(super) const fn low(self) -> u64 {
        self.low
    }

    /// The others, and the length.
    #[inline]
    pub(super) const fn high(self) -> u64 {
        self.high
    }

    /// The key of a piece of up to 15 bytes.
    pub(super) fn of(piece: &[u8]) -> Option<Self> {
        if piece.len() > SHORT_BYTES_MAX {
            return None;
        }
        let mut window = [0; KEY_BYTES];
        window[..piece.len()].copy_from_slice(piece);
        Some(Self::new(&window, piece.len()))
    }

    #[inline]
    fn hash(self, seed: u64) -> u64 {
        folded(self.low ^ 0x9E37_79B9_7F4A_7C15, self.high ^ seed)
    }

    #[inline]
    fn bytes(self) -> [u8; KEY_BYTES] {
        (u128::from(self.low) | u128::from(self.high) << 64).to_le_bytes()
    }
}

/// Token bytes -> id.
pub(super) struct Pieces {
    seed: u64,
    short: PerfectHash,
    keys: Cow<'static, [[u8; KEY_BYTES]]>,
    ids: Cow<'static, [[u8; 4]]>,
    long: PerfectHash,
    long_ids: Cow<'static, [[u8; 4]]>,
    bytes_max: usize,
}

impl Pieces {
    /// A table of tokens, which are not empty; the first id of the same bytes stays. None if no hash function fits, which is
    /// beyond chance.
    pub(super) fn build<'a>(tokens: impl Iterator<Item = (&'a [u8], u32)> + Clone) -> Option<Self> {
        (1..=SEEDS)
            .find_map(|seed| Self::build_seeded(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93), tokens.clone()))
    }

    fn build_seeded<'a>(seed: u64, tokens: impl Iterator<Item = (&'a [u8], u32)>) -> Option<Self> {
        let (mut short, mut long, mut bytes_max) = (Vec::new(), Vec::new(), 0);
        for (token, id) in tokens {
            bytes_max = bytes_max.max(token.len());
            match Key::of(token) {
                Some(key) => short.push((key.hash(seed), key.bytes(), id)),
                None => long.push((long_hash(token, seed), token, id)),
            }
        }
        // Of equal tokens the first stays: the sort is stable.
        short.sort_by_key(|token| (token.0, token.1));
        short.dedup_by_key(|token| (token.0, token.1));
        long.sort_by_key(|token| (token.0, token.1));
        long.dedup_by_key(|token| (token.0, token.1));

        let short_hash = PerfectHash::build(&short.iter().map(|token| token.0).collect::<Vec<_>>())?;
        let mut keys = vec![NO_KEY; short_hash.places()];
        let mut ids = vec![NO_ID; short_hash.places()];
        for (hash, key, id) in short {
            let place = short_hash.view().place(hash);
            (keys[place], ids[place]) = (key, id.to_le_bytes());
        }
        let long_hash = PerfectHash::build(&long.iter().map(|token| token.0).collect::<Vec<_>>())?;
        let mut long_ids = vec![NO_ID; long_hash.places()];
        for (hash, _, id) in long {
            long_ids[long_hash.view().place(hash)] = id.to_le_bytes();
        }
        Some(Self {
            seed,
            short: short_hash,
            keys: keys.into(),
            ids: ids.into(),
            long: long_hash,
            long_ids: long_ids.into(),
            bytes_max,
        })
    }

    /// The tokens of up to 15 bytes, to look many pieces up.
    pub(super) fn short_tokens(&self) -> ShortTokens<'_> {
        ShortTokens { seed: self.seed, hash: self.short.view(), keys: &self.keys }
    }

    /// The token that `piece` is, or [`NONE`]; `token` gives the bytes of one by its id.
    #[inline]
    pub(super) fn id<'a>(&self, piece: &[u8], token: impl Fn(u32) -> Option<&'a [u8]>) -> u32 {
        let Some(key) = Key::of(piece) else { return self.long_id(piece, token) };
        let place = self.short.view().place(key.hash(self.seed));
        if self.keys[place] == key.bytes() { u32::from_le_bytes(self.ids[place]) } else { NONE }
    }

    fn long_id<'a>(&self, piece: &[u8], token: impl Fn(u32) -> Option<&'a [u8]>) -> u32 {
        if piece.len() > self.bytes_max {
            return NONE;
        }
        let id = u32::from_le_bytes(self.long_ids[self.long.view().place(long_hash(piece, self.seed))]);
        if id != NONE && token(id) == Some(piece) { id } else { NONE }
    }

    /// Bytes of the longest token.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }
}

/// Which pieces of up to 15 bytes are tokens.
#[derive(Clone, Copy)]
pub(super) struct ShortTokens<'a> {
    seed: u64,
    hash: PerfectHashView<'a>,
    keys: &'a [[u8; KEY_BYTES]],
}

impl ShortTokens<'_> {
    /// The place where a piece lies if it is one.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    pub(super) fn place(self, key: Key) -> usize {
        let place = self.hash.place(key.hash(self.seed));
        if let Some(found) = self.keys.get(place) {
            prefetch(found);
        }
        place
    }

    /// Whether a piece lies there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    pub(super) fn lies_at(self, place: usize, key: Key) -> bool {
        self.keys.get(place).is_some_and(|found| *found == key.bytes())
    }
}

/// A product's halves in one word.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "halves of a word")]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A hash of a token of more than 15 bytes.
fn long_hash(token: &[u8], seed: u64) -> u64 {
    let (eights, rest) = token.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = seed ^ token.len() as u64;
    eights
        .iter()
        .chain([&last])
        .fold(start, |hash, eight| folded(hash ^ u64::from_le_bytes(*eight), 0x9E37_79B9_7F4A_7C15 ^ seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: [&[u8]; 8] = [
        b"a",
        b"a\0",
        b"fifteen bytes !",
        b"sixteen bytes !!",
        b"zz",
        b"\0",
        b"twenty-four bytes, three.",
        b"a",
    ];

    fn token(id: u32) -> Option<&'static [u8]> {
        TOKENS.get(id as usize).copied()
    }

    #[test]
    fn finds_tokens_and_nothing_else() {
        let pieces = Pieces::build(TOKENS.iter().copied().zip(0..)).unwrap();
        for (bytes, id) in TOKENS[..7].iter().zip(0..) {
            assert_eq!(pieces.id(bytes, token), id);
        }
        for other in [&b"a\0\0"[..], b"b", b"sixteen bytes !?", &[b'z'; 99], b"\xFF"] {
            assert_eq!(pieces.id(other, token), NONE);
        }
        assert_eq!(pieces.bytes_max(), 25);
    }

    fn contains(pieces: &Pieces, key: Key) -> bool {
        let short = pieces.short_tokens();
        short.lies_at(short.place(key), key)
    }

    #[test]
    fn what_follows_a_piece_is_no_part_of_its_key() {
        let pieces = Pieces::build(TOKENS.iter().copied().zip(0..)).unwrap();
        for (bytes, followed) in
            [(&b"a"[..], b'\0'), (b"zz", b'z'), (b"fifteen bytes !", b'!'), (b"\0", 0xFF)]
        {
            let mut window = [followed; KEY_BYTES];
            window[..bytes.len()].copy_from_slice(bytes);

            assert!(contains(&pieces, Key::new(&window, bytes.len())));
        }
        for (window, len) in [(*b"sixteen bytes !!", 16), (*b"fifteen bytes !!", 16), ([0xFF; KEY_BYTES], 64)]
        {
            assert!(!contains(&pieces, Key::new(&window, len)));
        }
    }

    #[test]
    fn an_empty_table_has_nothing() {
        let pieces = Pieces::build(std::iter::empty()).unwrap();

        assert_eq!(pieces.id(b"a", token), NONE);
        assert_eq!(pieces.id(&[b'a'; 20], token), NONE);
    }
}
