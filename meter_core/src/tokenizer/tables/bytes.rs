//! Tables by bytes: the tokens of one byte and of two, and all tokens in the order of their bytes.
//!
//! Refuses to know merging.

use super::VocabularyError;
use super::pairs::NONE;
use super::tokens::Tokens;

/// The token of every byte, and by two bytes the token that they merge into.
pub(super) fn build(tokens: &Tokens) -> Result<(Vec<u32>, Vec<u32>), VocabularyError> {
    let (mut singles, mut byte_pairs) = (vec![NONE; 1 << 8], vec![NONE; 1 << 16]);
    for (token, id) in tokens.iter() {
        match *token {
            [byte] => singles[usize::from(byte)] = id,
            [_, _] if tokens.is_reachable(id) => byte_pairs[bucket(token)] = id,
            _ => {}
        }
    }
    if singles.contains(&NONE) { Err(VocabularyError::MissingByte) } else { Ok((singles, byte_pairs)) }
}

/// Tokens that merging makes in the order of their bytes, and by two bytes where those start that are not below them.
pub(super) fn sort(tokens: &Tokens) -> (Vec<u32>, Vec<u32>) {
    let reachable = tokens.iter().filter(|&(token, id)| !token.is_empty() && tokens.is_reachable(id));
    let mut sorted: Vec<(&[u8], u32)> = reachable.collect();
    sorted.sort_unstable();
    let mut starts = Vec::with_capacity((1 << 16) + 1);
    for (&(token, _), place) in sorted.iter().zip(0..) {
        while starts.len() <= bucket(token) {
            starts.push(place);
        }
    }
    starts.resize((1 << 16) + 1, u32::try_from(sorted.len()).unwrap_or(NONE));
    (sorted.into_iter().map(|(_, id)| id).collect(), starts)
}

/// The first two bytes; one byte alone sorts before every second byte.
#[inline]
pub(crate) fn bucket(bytes: &[u8]) -> usize {
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or(0));
    byte(0) << 8 | byte(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(more: &[(&[u8], u32)]) -> Tokens {
        let singles = (0..=255u8).map(|byte| (vec![byte], u32::from(byte)));
        let more = more.iter().map(|&(token, id)| (token.to_vec(), id));
        Tokens::from_ranks(singles.chain(more).collect()).unwrap()
    }

    #[test]
    fn one_byte_and_two_are_found_without_hashing() {
        let (singles, pairs) = build(&tokens(&[(b"ab", 256), (b"abc", 257)])).unwrap();

        assert_eq!(singles[usize::from(b'z')], u32::from(b'z'));
        assert_eq!((pairs[bucket(b"ab")], pairs[bucket(b"bc")]), (256, NONE));
    }

    #[test]
    fn every_byte_needs_a_token() {
        let ranks = (0..255u8).map(|byte| (vec![byte], u32::from(byte))).collect();

        assert_eq!(build(&Tokens::from_ranks(ranks).unwrap()).err(), Some(VocabularyError::MissingByte));
    }

    #[test]
    fn what_no_merge_makes_is_not_sorted() {
        let (sorted, starts) = sort(&tokens(&[(b"ab", 256), (b"abc", 257), (b"xyz", 258)]));

        assert_eq!(sorted.len(), 258);
        let start = starts[bucket(b"ab")] as usize;
        assert_eq!(sorted[start..start + 2], [256, 257]);
        assert_eq!(starts[bucket(b"ab") + 1] as usize, start + 2);
    }
}
