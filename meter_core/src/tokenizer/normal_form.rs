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
///
/// Nothing in ASCII composes with what stands before it, so a run of other characters and the one before it are composed alone.
fn composed(text: &str) -> Option<String> {
    let mut composed = String::new();
    // Up to where the text is in `composed`, and up to where it was looked at.
    let (mut taken, mut seen) = (0, 0);
    while let Some(ascii) = ascii_before_other(&text.as_bytes()[seen..]) {
        let start = seen + ascii;
        let run = text.as_bytes()[start..].iter().position(u8::is_ascii);
        let end = run.map_or(text.len(), |len| start + len);
        let start = start.saturating_sub(1).max(seen);
        if is_nfc_quick(text[start..end].chars()) != IsNormalized::Yes {
            composed.push_str(&text[taken..start]);
            composed.extend(text[start..end].nfc());
            taken = end;
        }
        seen = end;
    }
    (taken > 0).then(|| composed + &text[taken..])
}

/// Bytes of ASCII in front of the first other one, if there is one.
fn ascii_before_other(text: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 64;
    let skipped = text.chunks(AT_ONCE).take_while(|some| some.is_ascii()).count() * AT_ONCE;
    let ascii = text.get(skipped..)?.iter().position(|byte| !byte.is_ascii())?;
    Some(skipped + ascii)
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

        #[test]
        fn runs_are_composed_as_the_whole_is(text in "([aeo<\n]|[é\u{e0}中]|[\u{301}\u{327}\u{338}\u{345}\u{5b0}]|[ᄀ가ᅡᆨかが\u{3099}\u{958}]|\\PC){0,30}", ascii in 0..200usize) {
            let text = format!("{text}{}{text}", "a".repeat(ascii));
            let composed: String = text.nfc().collect();

            prop_assert_eq!(composed.as_bytes(), &*Form::Composed.of(text.as_bytes().into()));
        }
    }
}
