//! Counting a text while it arrives.
//!
//! Owns the text whose tokens later text may still change. Refuses to know frames and replies.
//!
//! Appended text changes at most the last two pieces: what follows a run of letters or white space decides where the piece
//! before it ends, and nothing looks further back; a mark that composes with a character before it reaches over marks, which
//! are one piece. Everything before them is counted once and forgotten.

use std::ops::ControlFlow;

use super::shared::SharedTokenizer;
use super::text_tokenizer::Piece;
use crate::limits::PENDING_TEXT_BYTES_MAX;

/// Pending bytes worth a scan for finished pieces; below, a scan would cost more than the bytes.
const SCAN_BYTES_MIN: usize = 512;

/// An exact running count: after any pushes, [`total`](Self::total) is the count of all pushed text together.
///
/// Exact as long as two adjacent pieces are not longer than [`PENDING_TEXT_BYTES_MAX`]. Beyond it (thousands of letters or
/// spaces on end) the text is cut there and counted as two, which may add a token or two per cut.
pub struct StreamCounter {
    tokenizer: SharedTokenizer,
    settled: u64,
    pending: String,
    /// Pending bytes at which to look for finished pieces again.
    scan_at: usize,
}

/// Without the pending text, which is somebody's prompt or reply.
impl std::fmt::Debug for StreamCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamCounter").field("settled", &self.settled).finish_non_exhaustive()
    }
}

impl StreamCounter {
    /// A counter of an empty text.
    pub fn new(tokenizer: impl Into<SharedTokenizer>) -> Self {
        Self { tokenizer: tokenizer.into(), settled: 0, pending: String::new(), scan_at: SCAN_BYTES_MIN }
    }

    /// Appends text.
    pub fn push(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            // A character more than the bound at most, so that the bound never stops progress.
            let room = PENDING_TEXT_BYTES_MAX.saturating_sub(self.pending.len()).max(1);
            let boundary = (room..rest.len()).find(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
            let (now, later) = rest.split_at(boundary);
            self.tokenizer.form().append(&mut self.pending, now);
            rest = later;
            if self.pending.len() >= self.scan_at {
                self.settle();
            }
        }
    }

    /// Tokens of everything pushed so far. Counts the pending text, a few hundred bytes except in very long pieces.
    pub fn total(&self) -> u64 {
        self.settled + tokens(self.tokenizer.count_valid(self.pending.as_bytes()))
    }

    /// What the total cannot exceed when so many more bytes of text are pushed.
    pub fn total_at_most(&self, bytes: usize) -> u64 {
        // A token is at least one byte of text, and more text may split a token of the counted text in two.
        self.total() + tokens(bytes) * self.tokenizer.form().growth_max() + 1
    }

    /// Counts the finished pieces and forgets them.
    fn settle(&mut self) {
        let text = self.pending.as_bytes();
        let (mut last, mut one_before, mut counted) = (None, None, 0);
        let horizon = self.tokenizer.horizon(&self.pending);
        let mut settle = |piece: Option<Piece>| {
            if let Some(piece) = piece {
                self.settled += tokens(self.tokenizer.count_piece(text, piece));
                counted = piece.end;
            }
        };
        let _all = self.tokenizer.walk(text, horizon, |piece| {
            if piece.inline.is_some() {
                // It ends the text before it, whose pieces are final.
                settle(one_before.take());
                settle(last.take());
                settle(Some(piece));
            } else {
                settle(std::mem::replace(&mut one_before, last.replace(piece)));
            }
            ControlFlow::Continue(())
        });
        if text.len() - counted >= PENDING_TEXT_BYTES_MAX {
            self.settled += tokens(self.tokenizer.count_valid(&text[counted..]));
            counted = text.len();
        }
        self.pending.drain(..counted);
        self.scan_at = (2 * self.pending.len()).clamp(SCAN_BYTES_MIN, PENDING_TEXT_BYTES_MAX);
    }
}

fn tokens(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{ENCODINGS, Tokenizer, get};
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    fn total_of(tokenizer: &'static Tokenizer, chunks: impl IntoIterator<Item = String>, eager: bool) -> u64 {
        let mut counter = StreamCounter::new(tokenizer);
        for chunk in chunks {
            counter.push(&chunk);
            if eager {
                counter.settle();
            }
        }
        counter.total()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

        // `eager` looks for finished pieces after every character, so that each place where text can be cut is tried.
        #[test]
        fn any_pushes_give_the_count_of_the_whole(
            text in "([ \n\r\t'!/.aAbBsSlLvVeE中あ\u{301}\u{2b0}\u{1c5}\u{17f}\u{a0}12]|\\PC){0,60}",
            eager in any::<bool>(),
        ) {
            for name in ENCODINGS {
                let tokenizer = get(name).unwrap();
                let total = total_of(tokenizer, text.chars().map(String::from), eager);

                prop_assert_eq!(total, tokens(tokenizer.count(text.as_bytes())));
            }
        }
    }

    /// A vocabulary over characters, with tokens that are found before merging.
    fn over_characters() -> &'static Tokenizer {
        static BUILT: LazyLock<Tokenizer> = LazyLock::new(|| {
            let found_first = ["<b>", "<bc>", "\n", "\n\n", "c<b>c"];
            let merged = [
                ["\u{2581}", "a"],
                ["a", "b"],
                ["b", "c"],
                ["\u{2581}a", "b"],
                ["<", "b"],
                ["c", "\u{2581}"],
            ];
            let singles = (0..256).map(|byte| format!("<0x{byte:02X}>"));
            let tokens = singles.chain(["a", "b", "c", "<", ">", "\u{2581}"].map(str::to_owned));
            let tokens = tokens.chain(found_first.map(str::to_owned)).chain(merged.map(|pair| pair.concat()));
            let vocab: BTreeMap<String, usize> = tokens.zip(0..).collect();
            let added =
                found_first.map(|token| json!({"id": vocab[token], "content": token, "special": false}));
            let file = json!({
                "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"},
                "model": {"type": "BPE", "byte_fallback": true, "vocab": vocab, "merges": merged},
                "added_tokens": added,
            });
            Tokenizer::from_file_content("own".to_owned(), file.to_string().as_bytes(), None).unwrap()
        });
        &BUILT
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn tokens_found_first_are_waited_for(text in "[abc<>\n \u{2581}é]{0,40}|(c<b>c|<bc>|<b>|\n\n|ab|[ <c]){0,12}", eager in any::<bool>()) {
            let total = total_of(over_characters(), text.chars().map(String::from), eager);

            prop_assert_eq!(total, tokens(over_characters().count(text.as_bytes())));
        }

        // Marks, jamo and what composes with them, so that appended text changes what stands before it.
        #[test]
        fn appended_text_may_compose(text in "([aeo <1]|[\u{301}\u{327}\u{338}\u{345}\u{5b0}]|[ᄀ가ᅡᆨかが\u{3099}\u{958}]|\\PC){0,40}", eager in any::<bool>()) {
            let tokenizer = get("qwen").unwrap();
            let total = total_of(tokenizer, text.chars().map(String::from), eager);

            prop_assert_eq!(total, tokens(tokenizer.count(text.as_bytes())));
        }
    }

    #[test]
    fn long_text_is_exact_in_chunks_of_any_size() {
        let text =
            "Streams of text, 12345 bytes long; don't count them twice.\n\n  中文字符 AND MORE\n".repeat(300);
        let tokenizer = get("o200k_base").unwrap();
        for size in [1, 7, 4096, text.len()] {
            let chunks: Vec<char> = text.chars().collect();
            let chunks = chunks.chunks(size).map(|chunk| chunk.iter().collect());

            assert_eq!(total_of(tokenizer, chunks, false), tokens(tokenizer.count(text.as_bytes())));
        }
    }

    #[test]
    fn formatting_shows_no_text() {
        let mut counter = StreamCounter::new(get("o200k_base").unwrap());
        counter.push("secret");

        assert!(!format!("{counter:?}").contains("secret"));
    }

    #[test]
    fn an_endless_piece_stays_bounded_and_close() {
        let tokenizer = get("cl100k_base").unwrap();
        let mut counter = StreamCounter::new(tokenizer);
        for _ in 0..100 {
            counter.push(&"é".repeat(1000));
            assert!(counter.pending.len() <= PENDING_TEXT_BYTES_MAX + 4);
        }

        let exact = tokens(tokenizer.count("é".repeat(100_000).as_bytes()));
        assert!(counter.total().abs_diff(exact) <= 2 * 200_000 / tokens(PENDING_TEXT_BYTES_MAX));
    }
}
