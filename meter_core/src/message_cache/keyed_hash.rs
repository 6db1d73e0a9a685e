//! A keyed hash of texts, several bytes a cycle: NH sums of each block, joined by a polynomial modulo 2^127 - 1. It refuses to
//! know what is kept under it.
//!
//! Both parts are universal: whatever two texts of one length somebody writes down without knowing the key, they meet with a
//! probability below 2^-110. (Of two blocks that differ, one lane's sums differ by any given number with probability 2^-64,
//! both lanes' with 2^-128; polynomials of n values meet at n points of the field at most.) Texts of different lengths may meet: a
//! short block stands for itself followed by zeros.

use sha2::{Digest as _, Sha256};

/// Bytes that are summed under one stretch of the key. With both lanes' keys it fits the fastest cache many times.
const BLOCK_BYTES: usize = 1024;
/// Bytes that one multiplication takes.
const PAIR_BYTES: usize = 16;
const PAIRS: usize = BLOCK_BYTES / PAIR_BYTES;
/// The field of the polynomial.
const PRIME: u128 = (1 << 127) - 1;

/// The key, spread out.
pub(super) struct KeyedHash {
    /// Of each pair of words, those of one lane and those of the other.
    pairs: Box<[[u64; 4]; PAIRS]>,
    /// Where the polynomial is evaluated.
    point: u128,
}

impl KeyedHash {
    /// The hash under a `secret` of any length.
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut words = words(secret);
        let mut word = || words.next().unwrap_or_default();
        let mut pairs = Box::new([[0; 4]; PAIRS]);
        pairs.as_flattened_mut().fill_with(&mut word);
        let point = reduced(u128::from(word()) << 64 | u128::from(word()));
        Self { pairs, point }
    }

    /// The hash of `text`.
    pub(super) fn of(&self, text: &[u8]) -> [u64; 2] {
        halves(text.chunks(BLOCK_BYTES).fold(0, |hash, block| {
            let [one, other] = self.sums(block);
            let hash = product(sum(hash, reduced(one)), self.point);
            product(sum(hash, reduced(other)), self.point)
        }))
    }

    /// The sums of both lanes: of each pair of words, the product of what they are with those of the key added.
    fn sums(&self, block: &[u8]) -> [u128; 2] {
        let add = |[one, other]: [u128; 2], (pair, key): (&[u8; PAIR_BYTES], &[u64; 4])| {
            let [low, high] = halves(u128::from_le_bytes(*pair));
            let times = |a: u64, b: u64| u128::from(low.wrapping_add(a)) * u128::from(high.wrapping_add(b));
            [one.wrapping_add(times(key[0], key[1])), other.wrapping_add(times(key[2], key[3]))]
        };
        let (whole, rest) = block.as_chunks();
        let sums = whole.iter().zip(&*self.pairs).fold([0; 2], add);
        let Some(key) = self.pairs.get(whole.len()).filter(|_| !rest.is_empty()) else { return sums };
        let mut last = [0; PAIR_BYTES];
        last[..rest.len()].copy_from_slice(rest);
        add(sums, (&last, key))
    }
}

/// As many words as anybody takes, made of a secret.
fn words(secret: &[u8]) -> impl Iterator<Item = u64> {
    (0_u64..).flat_map(move |counter| {
        let counted = Sha256::new_with_prefix(counter.to_be_bytes());
        let bytes: [u8; 32] = counted.chain_update(secret).finalize().into();
        let (words, _) = bytes.as_chunks::<8>();
        [0, 1, 2, 3].map(|at| u64::from_le_bytes(words[at]))
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are what is asked for")]
const fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

/// `value` modulo the prime.
const fn reduced(value: u128) -> u128 {
    let folded = (value & PRIME) + (value >> 127);
    if folded >= PRIME { folded - PRIME } else { folded }
}

/// The sum of two elements of the field.
const fn sum(a: u128, b: u128) -> u128 {
    reduced(a + b)
}

/// The product of two elements of the field.
fn product(a: u128, b: u128) -> u128 {
    let ([a0, a1], [b0, b1]) = (halves(a).map(u128::from), halves(b).map(u128::from));
    // The high halves have 63 bits, so nothing here overflows; 2^127 is 1 and 2^128 is 2.
    let middle = a0 * b1 + a1 * b0;
    let middle = sum(middle >> 63, reduced(middle << 65 >> 1));
    sum(sum(reduced(a0 * b0), reduced(a1 * b1 * 2)), middle)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The product modulo the prime, bit by bit.
    fn slow(a: u128, b: u128) -> u128 {
        (0..127).rev().fold(0, |product, bit| {
            let doubled = sum(product, product);
            if b >> bit & 1 == 1 { sum(doubled, a) } else { doubled }
        })
    }

    fn element() -> impl Strategy<Value = u128> {
        prop_oneof![
            any::<u128>(),
            Just(PRIME - 1),
            Just(0),
            Just(u128::MAX),
            Just(1 << 64),
            Just(u128::from(u64::MAX))
        ]
        .prop_map(reduced)
    }

    proptest! {
        #[test]
        fn products_are_those_of_the_field(a in element(), b in element()) {
            prop_assert_eq!(product(a, b), slow(a, b));
            prop_assert!(product(a, b) < PRIME);
        }

        #[test]
        fn a_text_that_differs_in_one_bit_has_another_hash(
            mut text in prop::collection::vec(any::<u8>(), 1..4000), at in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let hash = KeyedHash::new(b"k");
            let before = hash.of(&text);
            *at.get_mut(&mut text) ^= 1_u8 << bit;

            prop_assert_ne!(hash.of(&text), before);
        }
    }

    #[test]
    fn another_key_is_another_hash_and_the_same_key_the_same() {
        let text = b"It is so, and it was so before. ".repeat(100);

        assert_eq!(KeyedHash::new(b"k").of(&text), KeyedHash::new(b"k").of(&text));
        assert_ne!(KeyedHash::new(b"k").of(&text), KeyedHash::new(b"l").of(&text));
    }

    #[test]
    fn hashes_of_texts_that_are_alike_spread_over_few_bits() {
        let hash = KeyedHash::new(b"k");
        let low: HashSet<u64> =
            (0..4096_u32).map(|number| hash.of(format!("{number:0300}").as_bytes())[0] & 0xffff).collect();

        // Thrown at random, some 125 of them would meet others.
        assert!(low.len() > 3900, "{}", low.len());
    }
}
