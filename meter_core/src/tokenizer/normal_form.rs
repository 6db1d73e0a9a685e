//! The Unicode form in which a tokenizer reads text.
//!
//! Owns composing text. Refuses to know pieces and tokens.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// What is done to a text before it is cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing.
    AsWritten,
    /// Canonical composition (NFC), as Qwen's tokenizers do it. Almost all text already has it, which is seen quickly.
    Composed,
}

impl Form {
    /// This form of `text`, which is UTF-8.
    pub(super) fn of(self, text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
        if self == Self::AsWritten || text.is_ascii() {
            return text;
        }
        match std::str::from_utf8(&text).ok().and_then(composed) {
            Some(composed) => Cow::Owned(composed.into_bytes()),
            None => text,
        }
    }

    /// Bytes that a byte of text may become: some characters are excluded from composition and taken apart, into three times
    /// their bytes at most.
    pub(super) fn growth_max(self) -> u64 {
        match self {
            Self::AsWritten => 1,
            Self::Composed => 3,
        }
    }

    /// Appends to a text in this form, which keeps it.
    pub(super) fn append(self, text: &mut String, more: &str) {
        text.push_str(more);
        // Nothing in ASCII composes with what stands before it.
        if self == Self::Composed
            && !more.is_ascii()
            && let Some(composed) = composed(text)
        {
            *text = composed;
        }
    }
}

/// `text` composed; `None` when it surely is already.
fn composed(text: &str) -> Option<String> {
    (is_nfc_quick(text.chars()) != IsNormalized::Yes).then(|| text.nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn composes_only_where_asked() {
        assert_eq!(&*Form::Composed.of("e\u{301}".as_bytes().into()), "é".as_bytes());
        assert_eq!(&*Form::AsWritten.of("e\u{301}".as_bytes().into()), "e\u{301}".as_bytes());
        assert!(matches!(Form::Composed.of("naïve 中文".as_bytes().into()), Cow::Borrowed(_)));
    }

    #[test]
    fn no_character_grows_beyond_the_bound() {
        for char in (0..=0x0010_FFFF).filter_map(char::from_u32) {
            let text = char.to_string();
            for form in [Form::AsWritten, Form::Composed] {
                let bytes = u64::try_from(form.of(text.as_bytes().into()).len()).unwrap();

                assert!(bytes <= form.growth_max() * u64::try_from(text.len()).unwrap(), "{char:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn appending_gives_the_form_of_the_whole(text in "([aeo<]|[\u{301}\u{327}\u{338}\u{345}\u{5b0}]|[ᄀ가ᅡᆨかが\u{3099}\u{958}]|\\PC){0,30}") {
            let mut appended = String::new();
            for char in text.chars() {
                Form::Composed.append(&mut appended, char.encode_utf8(&mut [0; 4]));
            }

            prop_assert_eq!(appended.as_bytes(), &*Form::Composed.of(text.as_bytes().into()));
        }
    }
}
