//! The tokenizer of one encoding.
//!
//! Owns counting, encoding and decoding of whole texts. Refuses to know where its vocabulary came from.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::boundaries_deepseek::DeepSeek;
use super::cutting::pieces;
use super::memory::Memories;
use super::merging::Merging;
use super::normal_form::Form;
use super::pattern::Pattern;
use super::rules::{Cl100k, Llama3, O200k, Qwen, R50k, Tekken};
use super::scan::{cl100k_end, llama3_end, o200k_end, qwen_end, r50k_end, tekken_end};
use super::scan_deepseek::deepseek_end;
use super::special::Specials;
use super::tally::Tally;
use super::vocabulary::{Vocabulary, VocabularyError};

/// Counts, encodes and decodes exactly as the publisher's own library does. Obtained from [`get`](super::get) or
/// [`for_model`](super::for_model), or built from ranks.
pub struct Tokenizer {
    name: String,
    /// None: text is cut where no token spans.
    pattern: Option<Pattern>,
    merging: Merging,
    memories: Memories,
    /// The id of rank 0.
    first_id: u32,
    form: Form,
    /// Tokens that are found before text is cut, whatever the caller allows: they are no control words, but a part of the
    /// vocabulary that no merge makes.
    inline: Specials,
    specials: Specials,
}

/// A part of a text that is tokenized independently of what surrounds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
    /// It is this token, found before text was cut.
    pub(super) inline: Option<u32>,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An id that no token of the encoding has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownToken(pub u32);

impl std::fmt::Display for UnknownToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not a token of this encoding", self.0)
    }
}

impl std::error::Error for UnknownToken {}

impl Tokenizer {
    /// Builds a tokenizer from (token, rank) pairs, a pattern, and special tokens, as a `tiktoken.Encoding` holds them.
    pub fn from_ranks(
        name: String,
        pattern: Pattern,
        ranks: Vec<(Vec<u8>, u32)>,
        special_tokens: Vec<(Vec<u8>, u32)>,
    ) -> Result<Self, VocabularyError> {
        let vocabulary = Arc::new(Vocabulary::from_ranks(ranks)?);
        Ok(Self::new(name, Some(pattern), Merging::Ranked(vocabulary), Specials::new(special_tokens)))
    }

    pub(super) fn new(name: String, pattern: Option<Pattern>, merging: Merging, specials: Specials) -> Self {
        let inline = Specials::default();
        Self {
            name,
            pattern,
            merging,
            memories: Memories::default(),
            first_id: 0,
            form: Form::AsWritten,
            inline,
            specials,
        }
    }

    /// With tokens that are found before text is cut; they are among the special ones, too.
    pub(super) fn with_inline(mut self, inline: Specials) -> Self {
        self.inline = inline;
        self
    }

    pub(super) fn with_first_id(mut self, first_id: u32) -> Self {
        self.first_id = first_id;
        self
    }

    pub(super) fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// The name of the encoding.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tokens of `text`. Text that spells a special token is ordinary text.
    pub fn count(&self, text: &[u8]) -> usize {
        self.count_valid(&self.form.of(lossy(text)))
    }

    /// Tokens of `text`, as [`count`](Self::count).
    pub fn count_str(&self, text: &str) -> usize {
        self.count_valid(&self.form.of(Cow::Borrowed(text.as_bytes())))
    }

    /// Tokens of `text` if there are at most `limit`, else `None`, after little more work than `limit` tokens take.
    pub fn count_until(&self, text: &[u8], limit: usize) -> Option<usize> {
        let text = self.form.of(lossy(text));
        // A token is at most so long: far too much text need not be read.
        if text.len() / self.token_bytes_max() > limit {
            return None;
        }
        self.count_at_most(&text, limit)
    }

    /// Tokens of each text, as [`count`](Self::count).
    pub fn count_batch(&self, texts: &[&[u8]]) -> Vec<usize> {
        texts.iter().map(|text| self.count(text)).collect()
    }

    /// The tokens of `text`. Text that spells a special token is ordinary text.
    pub fn encode(&self, text: &[u8]) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len() / 4);
        self.encode_valid(&self.form.of(lossy(text)), &mut tokens);
        tokens
    }

    /// The tokens of `text`, where text that spells a special token is that token.
    pub fn encode_with_special(&self, text: &[u8]) -> Vec<u32> {
        let text = lossy(text);
        let mut tokens = Vec::with_capacity(text.len() / 4);
        let mut at = 0;
        while let Some((start, end, id)) = self.specials.find(&text, at) {
            self.encode_valid(&self.form.of(Cow::Borrowed(&text[at..start])), &mut tokens);
            tokens.push(id);
            at = end;
        }
        self.encode_valid(&self.form.of(Cow::Borrowed(&text[at..])), &mut tokens);
        tokens
    }

    /// Tokens of `text`, where text that spells a special token is one token.
    pub fn count_with_special(&self, text: &[u8]) -> usize {
        let text = lossy(text);
        let (mut total, mut at) = (0, 0);
        while let Some((start, end, _)) = self.specials.find(&text, at) {
            total += self.count_valid(&self.form.of(Cow::Borrowed(&text[at..start]))) + 1;
            at = end;
        }
        total + self.count_valid(&self.form.of(Cow::Borrowed(&text[at..])))
    }

    /// The bytes that `ids` stand for, special tokens included. A cut sequence need not be UTF-8.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<u8>, UnknownToken> {
        let mut text = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            let token = id.checked_sub(self.first_id).and_then(|rank| self.merging.token(rank));
            let token = token.or_else(|| self.specials.name(id)).ok_or(UnknownToken(id))?;
            text.extend_from_slice(token);
        }
        Ok(text)
    }

    /// Whether nothing but a pattern decides where text is cut into pieces.
    pub(super) fn is_cut_by_pattern_alone(&self) -> bool {
        self.pattern.is_some() && self.inline.is_empty()
    }

    /// The form in which this tokenizer reads text.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// Tokens of valid UTF-8 in [`form`](Self::form); neither is checked again.
    pub(super) fn count_valid(&self, text: &[u8]) -> usize {
        self.count_at_most(text, usize::MAX).unwrap_or(usize::MAX)
    }

    /// As [`count_valid`](Self::count_valid); None when there are more than `limit`.
    fn count_at_most(&self, text: &[u8], limit: usize) -> Option<usize> {
        let (mut total, mut at) = (0, 0);
        while let Some((start, end, _)) = self.inline.find(text, at) {
            total += self.count_part(&text[at..start], limit - total)? + 1;
            at = end;
            if total > limit {
                return None;
            }
        }
        Some(total + self.count_part(&text[at..], limit - total)?)
    }

    /// Tokens of a text in which no token is found before it is cut.
    fn count_part(&self, text: &[u8], limit: usize) -> Option<usize> {
        let (Merging::Ranked(vocabulary), Some(pattern)) = (&self.merging, self.pattern) else {
            return self.count_scanned(text, limit);
        };
        self.memories.with(|memory| {
            let mut tally = Tally::new(text, vocabulary, memory, limit);
            let flow = match pattern {
                Pattern::R50k => pieces::<R50k>(text, &mut tally),
                Pattern::Cl100k => pieces::<Cl100k>(text, &mut tally),
                Pattern::Llama3 => pieces::<Llama3>(text, &mut tally),
                Pattern::Qwen => pieces::<Qwen>(text, &mut tally),
                Pattern::O200k => pieces::<O200k>(text, &mut tally),
                Pattern::Tekken => pieces::<Tekken>(text, &mut tally),
                Pattern::DeepSeek => pieces::<DeepSeek>(text, &mut tally),
            };
            flow.is_continue().then(|| tally.finish()).flatten()
        })
    }

    fn count_scanned(&self, text: &[u8], limit: usize) -> Option<usize> {
        let mut total = 0;
        let flow = self.cut(text, 0..text.len(), &mut |piece| {
            total += self.count_piece(text, piece);
            if total > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        flow.is_continue().then_some(total)
    }

    /// Where text that is appended to `text` can have no influence before, but for the last two pieces there: a token that is
    /// found before text is cut may still be completed behind it.
    pub(super) fn horizon(&self, text: &str) -> usize {
        text.floor_char_boundary(text.len().saturating_sub(self.inline.bytes_max().saturating_sub(1)))
    }

    /// Calls `piece` with each piece that starts before `horizon`, in order, until it breaks. Text is read as if it ended
    /// there, except by the tokens that are found first.
    #[inline]
    pub(super) fn walk(
        &self,
        text: &[u8],
        horizon: usize,
        mut piece: impl FnMut(Piece) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut at = 0;
        while !self.inline.is_empty()
            && let Some((start, end, id)) = self.inline.find(text, at).filter(|&(start, ..)| start < horizon)
        {
            self.cut(text, at..start, &mut piece)?;
            piece(Piece { start, end, inline: Some(id) })?;
            at = end;
        }
        self.cut(text, at..horizon.max(at), &mut piece)
    }

    /// Calls `piece` with each piece of a part of the text.
    fn cut(
        &self,
        text: &[u8],
        part: Range<usize>,
        piece: &mut impl FnMut(Piece) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let from = part.start;
        let text = &text[part];
        match self.pattern {
            Some(Pattern::R50k) => cut(text, from, r50k_end, piece),
            Some(Pattern::Cl100k) => cut(text, from, cl100k_end, piece),
            Some(Pattern::Llama3) => cut(text, from, llama3_end, piece),
            Some(Pattern::Qwen) => cut(text, from, qwen_end, piece),
            Some(Pattern::O200k) => cut(text, from, o200k_end, piece),
            Some(Pattern::Tekken) => cut(text, from, tekken_end, piece),
            Some(Pattern::DeepSeek) => cut(text, from, deepseek_end, piece),
            None => match (&self.merging, std::str::from_utf8(text)) {
                (Merging::Listed(list), Ok(chars)) => {
                    cut(text, from, |_, start| list.piece_end(chars, start), piece)
                }
                _ => cut(text, from, |text, _| text.len(), piece),
            },
        }
    }

    /// Tokens of one piece.
    #[inline]
    pub(super) fn count_piece(&self, text: &[u8], piece: Piece) -> usize {
        if piece.inline.is_some() { 1 } else { self.merging.count(text, piece.start, piece.end) }
    }

    fn token_bytes_max(&self) -> usize {
        self.merging.token_bytes_max().max(self.inline.bytes_max())
    }

    fn encode_valid(&self, text: &[u8], tokens: &mut Vec<u32>) {
        let before = tokens.len();
        let _all = self.walk(text, text.len(), |piece| {
            match piece.inline {
                Some(id) => tokens.push(id),
                None => self.merging.encode(text, piece.start, piece.end, tokens),
            }
            ControlFlow::Continue(())
        });
        for id in &mut tokens[before..] {
            *id += self.first_id;
        }
    }
}

#[inline]
fn cut(
    text: &[u8],
    from: usize,
    piece_end: impl Fn(&[u8], usize) -> usize,
    piece: &mut impl FnMut(Piece) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut start = 0;
    while start < text.len() {
        let end = piece_end(text, start);
        piece(Piece { start: from + start, end: from + end, inline: None })?;
        start = end;
    }
    ControlFlow::Continue(())
}

/// The text itself when it is UTF-8, else a copy with U+FFFD for what is not.
fn lossy(text: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(text) {
        Ok(_) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(String::from_utf8_lossy(text).into_owned().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use crate::tokenizer::{ENCODINGS, UnknownToken, get};
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        let tokens = |name: &str, text: &str| get(name).unwrap().encode(text.as_bytes());

        assert_eq!(tokens("r50k_base", "hello world"), [31373, 995]);
        assert_eq!(
            tokens("p50k_base", "def  f(x):\n    return x"),
            [4299, 220, 277, 7, 87, 2599, 198, 50258, 1441, 2124]
        );
        assert_eq!(tokens("cl100k_base", "hello world"), [15339, 1917]);
        assert_eq!(tokens("o200k_base", "hello world"), [24912, 2375]);
        assert_eq!(tokens("o200k_base", "").len(), 0);
        assert_eq!(tokens("qwen", "hello world"), [14990, 1879]);
    }

    #[test]
    fn special_text_is_ordinary_unless_allowed() {
        let harmony = get("o200k_harmony").unwrap();
        let text = b"<|start|>user<|message|>hi<|end|>";

        assert_eq!(harmony.encode_with_special(text), [200_006, 1428, 200_008, 3686, 200_007]);
        assert_eq!(harmony.count_with_special(text), 5);
        assert!(harmony.count(text) > 10);
        assert_eq!(harmony.decode(&harmony.encode_with_special(text)).unwrap(), text);
    }

    #[test]
    fn a_special_token_without_bars_is_one_too() {
        let tekken = get("tekken").unwrap();

        assert_eq!(tekken.count(b"<s>"), 3);
        assert_eq!(tekken.count_with_special(b"<s>"), 1);
        assert_eq!(tekken.encode_with_special(b"<s>").len(), 1);
    }

    #[test]
    fn unknown_ids_are_named() {
        assert_eq!(get("o200k_base").unwrap().decode(&[0, 199_998]), Err(UnknownToken(199_998)));
        assert_eq!(get("p50k_base").unwrap().decode(&[u32::MAX]), Err(UnknownToken(u32::MAX)));
    }

    #[test]
    fn broken_bytes_count_as_replacement_characters() {
        let tokenizer = get("o200k_base").unwrap();

        assert_eq!(tokenizer.count(b"a\xFFb"), tokenizer.count("a\u{FFFD}b".as_bytes()));
        assert_eq!(tokenizer.encode(b"\xE4\xB8"), tokenizer.encode("\u{FFFD}".as_bytes()));
    }

    #[test]
    fn counting_stops_at_the_limit() {
        let tokenizer = get("cl100k_base").unwrap();
        let text = b"one two three four";

        assert_eq!(tokenizer.count_until(text, 4), Some(4));
        assert_eq!(tokenizer.count_until(text, 3), None);
        assert_eq!(tokenizer.count_until(&[b' '; 10_000], 3), None);
        assert_eq!(tokenizer.count_until(b"", 0), Some(0));
    }

    #[test]
    fn a_count_that_was_given_up_leaves_nothing_behind() {
        let tokenizer = get("cl100k_base").unwrap();
        let text = "unheard-of wordlings, piecewise ".repeat(40);
        let tokens = tokenizer.encode(text.as_bytes()).len();
        for limit in [0, 1, 70, 200, tokens - 1] {
            assert_eq!(tokenizer.count_until(text.as_bytes(), limit), None);
            assert_eq!(tokenizer.count(b"one two"), 2);
            assert_eq!(tokenizer.count(text.as_bytes()), tokens);
        }
    }

    #[test]
    fn pieces_of_zeros_are_counted() {
        for name in ENCODINGS {
            let tokenizer = get(name).unwrap();
            for (zeros, end) in
                (0..100).flat_map(|zeros| ["", "|>", "\u{1}", "a", "\u{4e2d}"].map(|end| (zeros, end)))
            {
                let text = format!("\u{1} \u{1}{}{end}", "\0".repeat(zeros));

                assert_eq!(
                    tokenizer.count(text.as_bytes()),
                    tokenizer.encode(text.as_bytes()).len(),
                    "{name} {text:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn counting_encoding_and_decoding_agree(text in "(\\PC|[ \n\t'a-zA-Z]){0,80}") {
            for name in ENCODINGS {
                let tokenizer = get(name).unwrap();
                let tokens = tokenizer.encode(text.as_bytes());

                prop_assert_eq!(tokenizer.count(text.as_bytes()), tokens.len());
                prop_assert_eq!(tokenizer.count_str(&text), tokens.len());
                prop_assert_eq!(tokenizer.count_until(text.as_bytes(), tokens.len()), Some(tokens.len()));
                prop_assert_eq!(tokenizer.count_batch(&[text.as_bytes()]), [tokens.len()]);
                prop_assert_eq!(tokenizer.decode(&tokens).unwrap(), &*tokenizer.form().of(text.as_bytes().into()));
            }
        }

        #[test]
        fn any_bytes_are_acceptable(
            runs in proptest::collection::vec((prop_oneof![any::<u8>(), 0..3u8], prop_oneof![Just(1), 1..40usize]), 0..100)
        ) {
            let text: Vec<u8> = runs.into_iter().flat_map(|(byte, times)| std::iter::repeat_n(byte, times)).collect();
            for name in ENCODINGS {
                let tokenizer = get(name).unwrap();
                let tokens = tokenizer.encode(&text);
                let special = tokenizer.encode_with_special(&text);

                prop_assert_eq!(tokenizer.count(&text), tokens.len());
                prop_assert_eq!(tokenizer.count_with_special(&text), special.len());
                let replaced = String::from_utf8_lossy(&text);
                prop_assert_eq!(tokenizer.decode(&tokens).unwrap(), &*tokenizer.form().of(replaced.as_bytes().into()));
            }
        }
    }
}
