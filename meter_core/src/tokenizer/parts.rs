//! Where a long text may be cut so that its parts, each counted on its own, count together what the whole does.
//!
//! Owns that rule. Refuses to know who counts the parts. A line feed between a printable character of ASCII and a letter of ASCII
//! is the end of a piece in every pattern: none begins or goes on with a letter behind a line feed, and what comes before it is a
//! single line feed or ends with one, whether or not the text goes on. (Behind white space it would be part of a longer run,
//! which `r50k` takes whole at the end of a text only.) Both are ASCII, so no character and no composition spans the place.

use memchr::memchr;

use super::text_tokenizer::Tokenizer;

impl Tokenizer {
    /// `text` in parts of at least so many `bytes`, the last one aside, and hardly more where it has lines; in one part where a
    /// token may span any place.
    pub fn parts<'a>(&self, text: &'a [u8], bytes: usize) -> impl Iterator<Item = &'a [u8]> {
        let bytes = if self.is_cut_by_pattern_alone() { bytes } else { text.len() };
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest.take()?;
            let Some((part, behind)) = place(text, bytes).and_then(|end| text.split_at_checked(end)) else {
                return Some(text);
            };
            rest = Some(behind);
            Some(part)
        })
    }
}

/// The first place from `from` on where a text may be cut.
fn place(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from.max(1);
    loop {
        at += memchr(b'\n', text.get(at..)?)? + 1;
        let around = (text.get(at - 2)?, text.get(at)?);
        if around.0.is_ascii_graphic() && around.1.is_ascii_alphabetic() {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use proptest::prelude::*;

    use super::*;
    use crate::tokenizer::special::Specials;
    use crate::tokenizer::{ENCODINGS, Pattern, get};

    /// A tokenizer with each of the patterns.
    fn tokenizers() -> Vec<Tokenizer> {
        let bytes: Vec<_> = (0..=255_u8).map(|byte| (vec![byte], u32::from(byte))).collect();
        let pattern = |name: &str| Pattern::from_name(name).unwrap();
        let built = |name: &str| Tokenizer::from_ranks(name.to_owned(), pattern(name), bytes.clone(), vec![]);
        Pattern::names().map(|name| built(name).unwrap()).collect()
    }

    /// Where the pieces of `text` end.
    fn ends(tokenizer: &Tokenizer, text: &[u8]) -> Vec<usize> {
        let mut ends = Vec::new();
        let _all = tokenizer.walk(text, text.len(), |piece| {
            ends.push(piece.end);
            ControlFlow::Continue(())
        });
        ends
    }

    #[test]
    fn a_text_is_cut_behind_lines_only() {
        let tokenizer = get("o200k_base").unwrap();
        let text = b"one.\ntwo \nthree\n\nfour\r\nfive\n six\nseven";

        let parts = |text, bytes| tokenizer.parts(text, bytes).collect::<Vec<&[u8]>>();

        let lines = [&b"one.\n"[..], b"two \nthree\n\nfour\r\nfive\n six\n", b"seven"];
        assert_eq!(parts(text, 1), lines);
        assert_eq!(parts(text, 4), lines);
        assert_eq!(parts(text, 5), [&text[..text.len() - 5], b"seven"]);
        assert_eq!(parts(text, 1000), [text]);
        assert_eq!(parts(b"", 1), [b""]);
        assert_eq!(parts(b"\na\n", 0), [b"\na\n"]);
    }

    #[test]
    fn nothing_is_cut_where_tokens_are_found_before_pieces() {
        let inline = Specials::new([(b"\na".to_vec(), 256)]);
        let own = tokenizers().remove(0).with_inline(inline);

        assert_eq!(own.parts(b"a\na\na", 1).collect::<Vec<_>>(), [b"a\na\na"]);
    }

    proptest! {
        #[test]
        fn parts_have_the_pieces_of_the_whole(
            text in "([aZ.!/'0 \u{a0}é中\u{301}\t\r]|'ll|\n[a-zA-Z]|[.a]\n[a-z]|\n){0,60}", bytes in 0_usize..9,
        ) {
            for tokenizer in tokenizers() {
                let mut together = Vec::new();
                let mut at = 0;
                for part in tokenizer.parts(text.as_bytes(), bytes) {
                    together.extend(ends(&tokenizer, part).into_iter().map(|end| at + end));
                    at += part.len();
                }

                prop_assert_eq!(together, ends(&tokenizer, text.as_bytes()), "{:?}", tokenizer);
            }
        }

        #[test]
        fn parts_count_what_the_whole_does(
            lines in prop::collection::vec("(\\PC|[ \r'a-zA-Z]){0,20}", 0..20), broken in any::<bool>(), bytes in 0_usize..50,
        ) {
            let mut text = lines.join("\n").into_bytes();
            if broken {
                text.insert(text.len() / 2, 0xe4);
            }
            for tokenizer in ENCODINGS.iter().filter_map(|name| get(name)) {
                let counts = tokenizer.parts(&text, bytes).map(|part| tokenizer.count(part));

                prop_assert_eq!(counts.sum::<usize>(), tokenizer.count(&text), "{:?}", tokenizer);
            }
        }
    }
}
