//! Counts generated text while it streams, and only as far as somebody needs to know: most streams state their usage at
//! the end, so text waits uncounted until a hold runs low or the wait gets long.

use crate::limits;
use crate::tokenizer::{StreamCounter, Tokenizer};

/// The generated text of one exchange, as a number.
pub(super) struct Output {
    counter: Option<StreamCounter>,
    pending: String,
}

impl Output {
    /// Counts with `tokenizer`; without one, nothing is known.
    pub(super) fn new(tokenizer: Option<&'static Tokenizer>) -> Self {
        Self { counter: tokenizer.map(StreamCounter::new), pending: String::new() }
    }

    /// Takes the next piece of generated text.
    pub(super) fn push(&mut self, text: &str) {
        if self.counter.is_none() {
            return;
        }
        self.pending.push_str(text);
        if self.pending.len() >= limits::UNCOUNTED_TEXT_BYTES_MAX {
            self.tokens();
        }
    }

    /// A number of tokens that the text cannot exceed, without counting.
    pub(super) fn at_most(&self) -> u64 {
        // A token is at least one byte of text, and the pending text may split a token of the counted text in two.
        self.counter.as_ref().map_or(0, |counter| counter.total() + self.pending.len() as u64 + 1)
    }

    /// The exact number of tokens of the text so far.
    pub(super) fn tokens(&mut self) -> u64 {
        let Some(counter) = &mut self.counter else { return 0 };
        if !self.pending.is_empty() {
            counter.push(&self.pending);
            self.pending.clear();
        }
        counter.total()
    }
}
