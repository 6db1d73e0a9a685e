//! Merging the bytes of one piece into tokens.
//!
//! Owns the choice among algorithms with one answer, that of merging the lowest rank first, leftmost on a tie: literally so for
//! short pieces, in windows for long ones, by matching tokens from the left where windows do not meet, and with a queue for long
//! ones of a vocabulary that is not ordered. Refuses to know how a piece was found.

use super::literal::Literal;
use super::matched;
use super::queued::{self, Merge};
use super::tables::pairs::NONE;
use super::vocabulary::Vocabulary;
use super::windows;

/// Bytes of a piece that is merged literally, in time quadratic in its length. Almost every piece of real text is shorter.
pub(super) const LITERAL_BYTES_MAX: usize = 127;
/// Windows in which a long piece is merged: small ones are quicker, large ones meet where tokens are long.
const SMALL_WINDOW: usize = 64;
const LARGE_WINDOW: usize = 128;

/// How many tokens a piece of any length is.
pub(super) fn count(vocabulary: &Vocabulary, piece: &[u8]) -> usize {
    // Short pieces get by with small arrays.
    match piece.len() {
        0..=15 => return Literal::<16>::merge(vocabulary, piece).count(),
        16..=31 => return Literal::<32>::merge(vocabulary, piece).count(),
        32..=63 => return Literal::<64>::merge(vocabulary, piece).count(),
        64..=LITERAL_BYTES_MAX => {
            return Literal::<{ LITERAL_BYTES_MAX + 1 }>::merge(vocabulary, piece).count();
        }
        _ => {}
    }
    if vocabulary.is_ordered() {
        let (mut few, mut many) = (0, 0);
        if windows::merge::<SMALL_WINDOW>(vocabulary, piece, |_| few += 1) {
            return few;
        }
        if windows::merge::<LARGE_WINDOW>(vocabulary, piece, |_| many += 1) {
            return many;
        }
    }
    merge_whole(vocabulary, piece).len()
}

/// Appends the tokens of a piece of any length.
pub(super) fn encode(vocabulary: &Vocabulary, piece: &[u8], tokens: &mut Vec<u32>) {
    if piece.len() <= LITERAL_BYTES_MAX {
        tokens.extend(Literal::<{ LITERAL_BYTES_MAX + 1 }>::merge(vocabulary, piece).tokens());
        return;
    }
    let before = tokens.len();
    let is_ordered = vocabulary.is_ordered();
    if !is_ordered || !windows::merge::<LARGE_WINDOW>(vocabulary, piece, |id| tokens.push(id)) {
        tokens.truncate(before);
        tokens.append(&mut merge_whole(vocabulary, piece));
    }
}

fn merge_whole(vocabulary: &Vocabulary, piece: &[u8]) -> Vec<u32> {
    if vocabulary.is_ordered() { matched::merge(vocabulary, piece) } else { merge_queued(vocabulary, piece) }
}

/// Merges a piece of any length, of any vocabulary.
fn merge_queued(vocabulary: &Vocabulary, piece: &[u8]) -> Vec<u32> {
    let merge_of = |left, right| {
        let id = vocabulary.merged(left, right);
        (id != NONE).then_some(Merge { rank: id, id })
    };
    let mut tokens = Vec::new();
    queued::merge(piece.iter().map(|&byte| vocabulary.single(byte)), merge_of, &mut tokens);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::embedded;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static VOCABULARIES: LazyLock<Vec<Vocabulary>> = LazyLock::new(|| {
        use embedded::{CL100K, DEEPSEEK, O200K, P50K, QWEN, R50K, TEKKEN};
        [R50K, P50K, CL100K, O200K, TEKKEN, QWEN, DEEPSEEK].map(|blob| blob.vocabulary().unwrap()).into()
    });

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn every_algorithm_agrees(
            text in "[a-e]{1,40}|[a-zA-Z]{1,90}|[ \n\t]{1,60}|[-=_.aA 0]{1,50}|[中文字符的是不了]{1,20}|[éàüабв]{1,30}",
            raw in proptest::collection::vec(any::<u8>(), 1..40),
        ) {
            for vocabulary in VOCABULARIES.iter() {
                for piece in [text.as_bytes(), &raw] {
                    let mut tokens = Vec::new();
                    encode(vocabulary, piece, &mut tokens);

                    prop_assert_eq!(count(vocabulary, piece), tokens.len());
                    prop_assert_eq!(&matched::merge(vocabulary, piece), &tokens);
                    prop_assert_eq!(&merge_queued(vocabulary, piece), &tokens);
                    let from_bytes = Literal::<{ LITERAL_BYTES_MAX + 1 }>::merge_bytes(vocabulary, piece);
                    prop_assert_eq!(&from_bytes.tokens().collect::<Vec<_>>(), &tokens);
                }
            }
        }

        #[test]
        fn starting_from_characters_is_starting_from_bytes(
            common in "[的一是不了人我在有他这中大来上个国和说们]{1,12}|[ぁ-ヿ]{1,12}|[가-힣]{1,12}|[а-яА-Я]{1,14}|[ء-ي]{1,14}",
            any_of in "[一-鿿]{1,12}|[\u{80}-\u{7ff}]{1,14}|[\u{800}-\u{ffff}]{1,10}|[ぁ-ヿ一-鿿、。，！「」]{1,12}",
            mixed in "[ a-zé\u{3000}-\u{30ff}一-鿿가-힣а-я]{1,12}",
            piece_of_tokens in proptest::collection::vec(any::<proptest::sample::Index>(), 1..6),
        ) {
            for vocabulary in VOCABULARIES.iter() {
                let mut pasted = Vec::new();
                for token in &piece_of_tokens {
                    pasted.extend_from_slice(
                        vocabulary.token(u32::try_from(token.index(vocabulary.ids_end())).unwrap()).unwrap_or_default(),
                    );
                }
                pasted.truncate(LITERAL_BYTES_MAX);
                for piece in [common.as_bytes(), any_of.as_bytes(), mixed.as_bytes(), &pasted] {
                    let from_characters = Literal::<{ LITERAL_BYTES_MAX + 1 }>::merge(vocabulary, piece);
                    let from_bytes = Literal::<{ LITERAL_BYTES_MAX + 1 }>::merge_bytes(vocabulary, piece);

                    prop_assert!(from_characters.tokens().eq(from_bytes.tokens()), "{:?}", piece);
                }
            }
        }

        #[test]
        fn windows_meet_or_give_up(
            text in "[a-e]{100,400}|[a-zA-Z]{100,600}|( {90,300}|[-=a]{1,30}){1,5}|[一-鿿]{50,300}",
            part in "[a-z]{1,5}|[ \n-]{1,3}|[的一是不了人]{1,4}",
        ) {
            let repeated = part.repeat(700 / part.len());
            for vocabulary in VOCABULARIES.iter() {
                for piece in [text.as_bytes(), repeated.as_bytes()] {
                    let mut tokens = Vec::new();
                    encode(vocabulary, piece, &mut tokens);

                    prop_assert_eq!(count(vocabulary, piece), tokens.len());
                    prop_assert_eq!(&merge_queued(vocabulary, piece), &tokens);
                    prop_assert_eq!(&matched::merge(vocabulary, piece), &tokens);
                }
            }
        }
    }

    #[test]
    fn a_vocabulary_out_of_order_is_merged_with_a_queue() {
        let singles = (0..=255u8).map(|byte| (vec![byte], u32::from(byte)));
        let ranks = singles.chain([(b"abc".to_vec(), 256), (b"ab".to_vec(), 257), (b"ca".to_vec(), 258)]);
        let vocabulary = Vocabulary::from_ranks(ranks.collect()).unwrap();
        for (piece, expected) in [("abca", vec![256, 97]), ("cab", vec![99, 257])] {
            let long = piece.repeat(LITERAL_BYTES_MAX);
            let mut tokens = Vec::new();
            encode(&vocabulary, piece.as_bytes(), &mut tokens);
            assert_eq!(tokens, expected);
            // The literal algorithm is the measure, on as much as it takes.
            let mut short = Vec::new();
            encode(&vocabulary, &long.as_bytes()[..LITERAL_BYTES_MAX], &mut short);

            assert_eq!(merge_queued(&vocabulary, &long.as_bytes()[..LITERAL_BYTES_MAX]), short);
            assert_eq!(count(&vocabulary, long.as_bytes()), merge_queued(&vocabulary, long.as_bytes()).len());
        }
    }

    #[test]
    fn every_character_beside_others_starts_as_its_bytes_do() {
        for character in ('\u{80}'..='\u{ffff}').map(String::from) {
            for piece in [" ", "的", "a"].map(|before| format!("{before}{character}{character}。")) {
                for vocabulary in VOCABULARIES.iter() {
                    let from_characters = Literal::<16>::merge(vocabulary, piece.as_bytes());
                    let from_bytes = Literal::<16>::merge_bytes(vocabulary, piece.as_bytes());

                    assert!(from_characters.tokens().eq(from_bytes.tokens()), "{piece:?}");
                }
            }
        }
    }

    #[test]
    fn a_token_is_its_own_merge() {
        for vocabulary in VOCABULARIES.iter() {
            for id in 0..u32::try_from(vocabulary.ids_end()).unwrap() {
                let Some(token) = vocabulary.token(id) else { continue };

                assert!(Literal::<256>::merge(vocabulary, token).tokens().eq([id]));
                assert_eq!(matched::merge(vocabulary, token), [id]);
            }
        }
    }

    #[test]
    fn an_empty_piece_has_no_tokens() {
        assert!(matched::merge(&VOCABULARIES[0], b"").is_empty());
        assert_eq!(count(&VOCABULARIES[0], b""), 0);
    }

    #[test]
    fn a_long_run_is_as_cheap_as_its_length() {
        let run = vec![b'a'; 200_000];
        let tokens = matched::merge(&VOCABULARIES[3], &run);
        let bytes: usize = tokens.iter().map(|&id| VOCABULARIES[3].token(id).unwrap().len()).sum();

        assert_eq!(bytes, run.len());
    }
}
