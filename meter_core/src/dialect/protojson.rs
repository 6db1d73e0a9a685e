//! What is particular to JSON that was written from protocol buffers, as Google's APIs do; refuses to know any message.
//!
//! Field names come in camel case or as in the message (snake case), 64-bit integers as strings, enumerations by name or, where
//! the request says so, by number; a zero is left out.

use std::borrow::Cow;

use super::name;
use crate::json_scan::Scalar;

/// `path` with every field name in camel case.
pub(super) fn camel(path: &str) -> Cow<'_, str> {
    if !path.as_bytes().contains(&b'_') {
        return Cow::Borrowed(path);
    }
    let mut text = String::with_capacity(path.len());
    let mut raised = false;
    for character in path.chars() {
        if character == '_' {
            raised = true;
        } else {
            text.push(if raised { character.to_ascii_uppercase() } else { character });
            raised = false;
        }
    }
    Cow::Owned(text)
}

/// A count, also as a string.
pub(super) fn count(value: Scalar<'_>) -> Option<u64> {
    match value {
        Scalar::String(digits) => Scalar::Number(digits).count(),
        other => other.count(),
    }
}

/// The word of an enumeration; a number by `words`, which are those from 1 on (0 is "unspecified"), or else as it is.
pub(super) fn word(value: Scalar<'_>, words: &[&str]) -> Option<String> {
    match value {
        Scalar::String(word) => name(word),
        Scalar::Number(digits) => {
            let at = value.count().and_then(|number| usize::try_from(number).ok())?.checked_sub(1)?;
            name(words.get(at).copied().unwrap_or(digits))
        }
        Scalar::Null | Scalar::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_name_are_one() {
        for (path, expected) in [
            ("usageMetadata.promptTokenCount", "usageMetadata.promptTokenCount"),
            ("usage_metadata.prompt_token_count", "usageMetadata.promptTokenCount"),
            ("contents.#.parts.#.inline_data", "contents.#.parts.#.inlineData"),
            ("_a__b_", "AB"),
            ("", ""),
        ] {
            assert_eq!(camel(path), expected);
        }
    }

    #[test]
    fn counts_may_be_strings_and_words_may_be_numbers() {
        assert_eq!(
            [Scalar::Number("12"), Scalar::String("12"), Scalar::String("many"), Scalar::Null].map(count),
            [Some(12), Some(12), None, None]
        );
        let words = ["ON", "OFF"];
        let read = |value| word(value, &words);
        assert_eq!(read(Scalar::String("OFF")).as_deref(), Some("OFF"));
        assert_eq!(read(Scalar::Number("2")).as_deref(), Some("OFF"));
        assert_eq!(read(Scalar::Number("9")).as_deref(), Some("9"));
        assert_eq!([Scalar::Number("0"), Scalar::Number("-1"), Scalar::Null].map(read), [None, None, None]);
    }
}
