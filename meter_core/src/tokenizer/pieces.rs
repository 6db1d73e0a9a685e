//! Which pieces of text are one token.
//!
//! Owns a static table from token bytes to token id: one 16 byte key per token of up to 15 bytes, a map for the few longer
//! ones. Refuses to know merging.

use rustc_hash::FxHashMap;

use super::pairs::NONE;

const SHORT_BYTES_MAX: usize = 15;
const KEY_BYTES: usize = 16;

/// Token bytes -> id.
pub(super) struct Pieces {
    keys: Vec<u128>,
    ids: Vec<u32>,
    long: FxHashMap<Box<[u8]>, u32>,
    bytes_max: usize,
}

impl Pieces {
    /// A table for at most `count` tokens, five eighths full.
    pub(super) fn with_capacity(count: usize) -> Self {
        let slots = count * 8 / 5 + 1;
        Self { keys: vec![0; slots], ids: vec![NONE; slots], long: FxHashMap::default(), bytes_max: 0 }
    }

    /// Adds a token; the first id of the same bytes stays. Tokens are not empty.
    pub(super) fn insert(&mut self, token: &[u8], id: u32) {
        self.bytes_max = self.bytes_max.max(token.len());
        if token.len() > SHORT_BYTES_MAX {
            self.long.entry(token.into()).or_insert(id);
            return;
        }
        let key = key(token, 0, token.len());
        let mut at = home(key, self.keys.len());
        while self.keys[at] != 0 {
            if self.keys[at] == key {
                return;
            }
            at = if at + 1 == self.keys.len() { 0 } else { at + 1 };
        }
        (self.keys[at], self.ids[at]) = (key, id);
    }

    /// The token that is exactly `text[start..end]`, or [`NONE`].
    #[inline]
    pub(super) fn id(&self, text: &[u8], start: usize, end: usize) -> u32 {
        if end - start > SHORT_BYTES_MAX {
            return self.long_id(&text[start..end]);
        }
        let key = key(text, start, end);
        let mut at = home(key, self.keys.len());
        loop {
            let found = self.keys[at];
            if found == key {
                return self.ids[at];
            }
            if found == 0 {
                return NONE;
            }
            at = if at + 1 == self.keys.len() { 0 } else { at + 1 };
        }
    }

    /// Bytes of the longest token.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    fn long_id(&self, piece: &[u8]) -> u32 {
        if piece.len() > self.bytes_max {
            return NONE;
        }
        self.long.get(piece).copied().unwrap_or(NONE)
    }
}

/// The bytes of a short piece, zero-padded, with its length on top: never 0, as no piece is empty.
#[inline]
fn key(text: &[u8], start: usize, end: usize) -> u128 {
    let length = end - start;
    let bytes = match text.get(start..start + KEY_BYTES).and_then(|window| window.first_chunk::<KEY_BYTES>())
    {
        Some(window) => u128::from_le_bytes(*window) & ((1 << (8 * length)) - 1),
        None => text[start..end].iter().rev().fold(0, |key, &byte| key << 8 | u128::from(byte)),
    };
    bytes | (length as u128) << (8 * SHORT_BYTES_MAX)
}

/// A slot by multiplication, so that the table need not be a power of two long.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "halves of a word, and a product's high half below `slots`"
)]
fn home(key: u128, slots: usize) -> usize {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let product = u128::from(low ^ 0x9E37_79B9_7F4A_7C15) * u128::from(high ^ 0xD6E8_FEB8_6659_FD93);
    let mixed = (product as u64 ^ (product >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((u128::from(mixed) * slots as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tokens_at_any_place_of_a_text() {
        let tokens: [&[u8]; 6] = [b"a", b"a\0", b"fifteen bytes !", b"sixteen bytes !!", b"zz", b"\0"];
        let mut pieces = Pieces::with_capacity(tokens.len());
        for (token, id) in tokens.iter().zip(0..) {
            pieces.insert(token, id);
        }

        for (token, id) in tokens.iter().zip(0..) {
            for padding in [0, 40] {
                let mut text = b"<<".to_vec();
                text.extend_from_slice(token);
                text.resize(text.len() + padding, b'z');
                assert_eq!(pieces.id(&text, 2, 2 + token.len()), id, "{token:?} {padding}");
            }
        }
        assert_eq!(pieces.id(b"a\0\0", 0, 3), NONE);
        assert_eq!(pieces.id(&[b'z'; 99], 0, 99), NONE);
        assert_eq!(pieces.bytes_max(), 16);
    }
}
