//! Where the next quotation mark or backslash stands; refuses to know what it means.
//!
//! Most are near, where a vector search costs more to set up than it saves, so the first words are looked at one by one.

use memchr::memchr2;

/// Bytes of a word.
pub(super) const WORD: usize = 8;
/// Words looked at before a search is set up.
const WORDS_MAX: usize = 4;
const ONES: u64 = u64::from_le_bytes([1; WORD]);
const TOPS: u64 = u64::from_le_bytes([0x80; WORD]);
const QUOTES: u64 = u64::from_le_bytes([b'"'; WORD]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; WORD]);

/// Where the first of both stands in `bytes`.
#[inline]
pub(crate) fn special(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..WORDS_MAX {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { break };
        let plain = plain(*word);
        at += plain;
        if plain < WORD {
            return Some(at);
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let found = if rest.len() < WORD {
        rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))
    } else {
        memchr2(b'"', b'\\', rest)
    };
    found.map(|found| at + found)
}

/// How many bytes at the start of `word` are neither.
#[inline]
pub(super) fn plain(word: [u8; WORD]) -> usize {
    let word = u64::from_le_bytes(word);
    // The top bit of the lowest byte that is zero; above it bits may be wrong.
    let zeros = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes & TOPS;
    let found = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
    found.trailing_zeros() as usize / WORD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_one_is_found(
            bytes in prop::collection::vec(
                prop_oneof![30 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\'), 1 => Just(b'#'), 1 => Just(b'!')], 0..90),
        ) {
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(special(&bytes), expected);
            if let Some(word) = bytes.first_chunk::<WORD>() {
                prop_assert_eq!(plain(*word), expected.unwrap_or(WORD).min(WORD));
            }
        }
    }
}
