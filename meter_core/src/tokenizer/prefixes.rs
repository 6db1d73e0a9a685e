//! The longest token at the beginning of a text.
//!
//! Owns finding it among the tokens in byte order. Refuses to know merging.

use super::tables::pairs::NONE;
use super::vocabulary::Vocabulary;

/// The longest token that `text` begins with and that merging makes, or [`NONE`] when the text is empty.
///
/// All tokens that a text begins with are also what the greatest token not above the text begins with, itself included.
pub(super) fn longest(vocabulary: &Vocabulary, mut text: &[u8]) -> u32 {
    let near = vocabulary.sorted_near(text);
    let token = |place: usize| vocabulary.token(near.get(place).map_or(NONE, |id| u32::from_le_bytes(*id)));
    while text.len() > 1 {
        let above = near.partition_point(|id| {
            vocabulary.token(u32::from_le_bytes(*id)).is_some_and(|token| token <= text)
        });
        let Some(greatest) = above.checked_sub(1).and_then(token) else { break };
        let common = greatest.iter().zip(text).take_while(|(one, other)| one == other).count();
        if common == greatest.len() {
            return near.get(above - 1).map_or(NONE, |id| u32::from_le_bytes(*id));
        }
        text = &text[..common];
    }
    text.first().map_or(NONE, |&byte| vocabulary.single(byte))
}

/// The longest token that the token `id` begins with other than itself, or [`NONE`].
pub(super) fn shorter(vocabulary: &Vocabulary, id: u32) -> u32 {
    match vocabulary.token(id) {
        Some([rest @ .., _]) => longest(vocabulary, rest),
        _ => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::embedded;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| embedded::R50K.vocabulary().unwrap());

    proptest! {
        #[test]
        fn agrees_with_trying_every_length(text in "[ a-eA-C\\-\\n\0é中]{1,12}", raw in any::<[u8; 3]>()) {
            for text in [text.as_bytes(), &raw] {
                let expected = (1..=text.len()).rev().map(|end| VOCABULARY.whole(&text[..end])).find(|&id| id != NONE);
                let longest = longest(&VOCABULARY, text);
                let bytes = VOCABULARY.token_bytes(longest);
                let next = (1..bytes).rev().map(|end| VOCABULARY.whole(&text[..end])).find(|&id| id != NONE);

                prop_assert_eq!(Some(longest), expected);
                prop_assert_eq!(shorter(&VOCABULARY, longest), next.unwrap_or(NONE));
            }
        }
    }

    #[test]
    fn an_empty_text_begins_with_nothing() {
        assert_eq!(longest(&VOCABULARY, b""), NONE);
    }
}
