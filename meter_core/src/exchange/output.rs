//! Counts generated text while it streams, and only as far as somebody needs to know: most streams state their usage at
//! the end, so text waits uncounted until a hold runs low or the wait gets long.

use super::prompt_count::{Factor, factor, stand_in};
use crate::dialect::Dialect;
use crate::limits;
use crate::tokenizer::{self, StreamCounter};

/// The generated text of one exchange, as a number.
pub(super) struct Output {
    counter: Option<StreamCounter>,
    /// The model's tokens per counted token.
    factor: Factor,
    pending: String,
}

impl Output {
    /// Counts with the tokenizer of `model` or a stand-in; where `dialect` generates no text, nothing.
    pub(super) fn new(dialect: Dialect, model: Option<&str>) -> Self {
        let own = model.and_then(tokenizer::for_model);
        let tokenizer = own.or_else(stand_in).filter(|_| dialect.generates());
        Self {
            counter: tokenizer.map(StreamCounter::new),
            factor: factor(dialect, own),
            pending: String::new(),
        }
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
        let (up, down) = self.factor;
        let text = |counter: &StreamCounter| counter.total_at_most(self.pending.len());
        self.counter.as_ref().map_or(0, |counter| (text(counter) * up).div_ceil(down))
    }

    /// The number of tokens of the text so far; exact where the model's tokenizer is public.
    pub(super) fn tokens(&mut self) -> u64 {
        let Some(counter) = &mut self.counter else { return 0 };
        if !self.pending.is_empty() {
            counter.push(&self.pending);
            self.pending.clear();
        }
        let (up, down) = self.factor;
        counter.total() * up / down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_without_counting_never_lies_below_the_count() {
        for dialect in [Dialect::OpenAiChat, Dialect::AnthropicMessages] {
            let mut output = Output::new(dialect, None);
            for piece in ["one two", " three", "", " fo", "ur", &" word".repeat(9000)] {
                output.push(piece);
                let bound = output.at_most();
                assert!(bound >= output.tokens(), "{dialect:?}");
            }
        }
    }

    #[test]
    fn a_vocabulary_that_is_not_public_is_scaled() {
        let mut output = Output::new(Dialect::AnthropicMessages, Some("claude-sonnet-4-5"));
        output.push(&" word".repeat(200));

        assert_eq!(output.tokens(), 270);
    }

    #[test]
    fn what_is_not_generated_text_is_not_counted() {
        let mut output = Output::new(Dialect::OpenAiEmbeddings, Some("text-embedding-3-small"));
        output.push("one two");

        assert_eq!((output.at_most(), output.tokens()), (0, 0));
    }
}
