//! Counts generated text while it streams, and only as far as somebody needs to know: most streams state their usage at
//! the end, so text waits uncounted until a hold runs low or the wait gets long. Who only watches counts no more of a reply than
//! models generate: what keeps up with a host must not be held up by one connection.

use std::sync::OnceLock;

use super::calibration::Correction;
use super::prompt_count::stand_in;
use crate::detect::Operation;
use crate::limits;
use crate::prompt_rules::{Factor, PromptRules};
use crate::tokenizer::{SharedTokenizer, StreamCounter};

/// The generated text of one exchange, as a number.
pub(super) struct Output {
    counter: Option<StreamCounter>,
    /// The vocabulary is the model's own.
    own: bool,
    operation: Operation,
    model: Option<Box<str>>,
    /// The model's tokens per counted token, looked up when it is needed: most replies are never counted.
    factor: OnceLock<Factor>,
    /// What was learned of the model whose vocabulary is not public.
    learned: Option<Correction>,
    pending: String,
    /// Bytes of text that have been counted.
    counted: u64,
    /// Nothing depends on the count while the reply runs.
    watched: bool,
    /// Bytes of text that were only watched, and not counted.
    passed_over: u64,
}

impl Output {
    /// Counts replies to `operation` with `tokenizer`, which is that of `model`, or a stand-in; nothing where no text is
    /// generated.
    pub(super) fn new(
        operation: Operation,
        generates: bool,
        model: Option<&str>,
        tokenizer: Option<SharedTokenizer>,
    ) -> Self {
        let own = tokenizer.is_some();
        let tokenizer = tokenizer.or_else(stand_in).filter(|_| generates);
        Self {
            counter: tokenizer.map(StreamCounter::new),
            own,
            operation,
            model: model.filter(|_| !own).map(Box::from),
            factor: OnceLock::new(),
            learned: None,
            pending: String::new(),
            counted: 0,
            watched: false,
            passed_over: 0,
        }
    }

    /// Nothing is going to be refused or cut by what this counts.
    pub(super) const fn watch(&mut self) {
        self.watched = true;
    }

    /// Whether all of the text was, or can be, counted.
    pub(super) const fn is_whole(&self) -> bool {
        self.passed_over == 0
    }

    fn factor(&self) -> Factor {
        // A model's own tokens need no factor.
        let (operation, model) = (self.operation.as_str(), self.model.as_deref());
        let find =
            || if self.own { (1, 1) } else { PromptRules::embedded().fitting(operation, model).factor };
        *self.factor.get_or_init(find)
    }

    /// Corrects the count by what was learned of the model, where the count is not exact.
    pub(super) fn correct(&mut self, learned: Option<Correction>) {
        self.learned = learned.filter(|_| !self.own);
    }

    /// Takes the next piece of generated text.
    pub(super) fn push(&mut self, text: &str) {
        if self.counter.is_none() {
            return;
        }
        if self.watched && self.counted >= limits::WATCHED_TEXT_BYTES_MAX {
            self.passed_over = self.passed_over.saturating_add(bytes(text));
            return;
        }
        self.pending.push_str(text);
        if self.pending.len() >= limits::UNCOUNTED_TEXT_BYTES_MAX {
            self.count();
        }
    }

    /// A number of tokens that the text cannot exceed, without counting.
    pub(super) fn at_most(&self) -> u64 {
        let (up, down) = self.factor();
        let unread =
            self.pending.len().saturating_add(usize::try_from(self.passed_over).unwrap_or(usize::MAX));
        let text = |counter: &StreamCounter| counter.total_at_most(unread);
        let most = self.counter.as_ref().map_or(0, |counter| (text(counter) * up).div_ceil(down));
        self.learned.map_or(most, |learned| learned.most(most))
    }

    /// The number of tokens of the text so far; exact where the model's tokenizer is public and the text was counted to its end.
    pub(super) fn tokens(&mut self) -> u64 {
        let counted = self.count();
        // What was passed over is taken to be like what was counted.
        let more = u128::from(counted) * u128::from(self.passed_over) / u128::from(self.counted.max(1));
        let tokens = counted.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        self.learned.map_or(tokens, |learned| learned.best(tokens))
    }

    /// The uncorrected count, if the truth can teach how to correct it and this text was counted anyway or is a `sample`.
    pub(super) fn teachable(&mut self, sample: bool) -> Option<u64> {
        let counted = self.counter.as_ref().is_some_and(|counter| counter.total() > 0);
        (!self.own && self.is_whole() && (sample || counted)).then(|| self.count())
    }

    fn count(&mut self) -> u64 {
        let (up, down) = self.factor();
        let Some(counter) = &mut self.counter else { return 0 };
        if !self.pending.is_empty() {
            counter.push(&self.pending);
            self.counted = self.counted.saturating_add(bytes(&self.pending));
            self.pending.clear();
        }
        counter.total() * up / down
    }
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::calibration::Calibrations;
    use crate::tokenizer::{Pattern, Tokenizer, Tokenizers};
    use std::sync::Arc;

    fn output(operation: Operation, generates: bool, model: Option<&str>) -> Output {
        let tokenizer = model.and_then(|model| Tokenizers::default().for_model(model));
        Output::new(operation, generates, model, tokenizer)
    }

    fn learned(percent: u64) -> Option<Correction> {
        let mut calibrations = Calibrations::default();
        (0..100).for_each(|_| calibrations.learn_output("p", "m", 1000, percent * 10));
        calibrations.output("p", "m")
    }

    #[test]
    fn the_bound_without_counting_never_lies_below_the_count() {
        for (operation, learned) in
            [(Operation::Chat, None), (Operation::Messages, None), (Operation::Messages, learned(117))]
        {
            let mut output = output(operation, true, None);
            output.correct(learned);
            for piece in ["one two", " three", "", " fo", "ur", &" word".repeat(9000)] {
                output.push(piece);
                let bound = output.at_most();
                assert!(bound >= output.tokens(), "{operation:?}");
            }
        }
    }

    #[test]
    fn a_vocabulary_that_is_not_public_is_scaled_until_its_own_scale_is_learned() {
        let mut output = output(Operation::Messages, true, Some("claude-sonnet-4-5"));
        output.push(&" word".repeat(200));
        assert_eq!(output.tokens(), 270);

        output.correct(learned(90));

        assert_eq!(output.tokens(), 270 * 181 / 200);
        assert_eq!(output.teachable(false), Some(270));
    }

    #[test]
    fn an_exact_count_is_never_corrected_and_teaches_nothing() {
        let mut output = output(Operation::Chat, true, Some("gpt-4o"));
        output.correct(learned(200));
        output.push(&" word".repeat(200));

        assert_eq!((output.tokens(), output.teachable(true)), (200, None));
    }

    #[test]
    fn a_given_vocabulary_is_the_model_s_own() {
        let bytes = (0..=255u8).map(|byte| (vec![byte], u32::from(byte))).collect();
        let given = Tokenizer::from_ranks("own".to_owned(), Pattern::Llama3, bytes, vec![]).unwrap();
        let given = SharedTokenizer::from(Arc::new(given));
        let mut output = Output::new(Operation::Messages, true, Some("claude-sonnet-4-5"), Some(given));
        output.correct(learned(200));
        output.push("four");

        assert_eq!((output.tokens(), output.teachable(true)), (4, None));
    }

    #[test]
    fn text_is_counted_for_teaching_only_as_a_sample() {
        let mut output = output(Operation::Messages, true, Some("claude-sonnet-4-5"));
        output.push(&" word".repeat(20));

        assert_eq!((output.teachable(false), output.teachable(true)), (None, Some(27)));
    }

    #[test]
    fn who_watches_counts_what_models_generate_and_takes_the_rest_to_be_like_it() {
        const PIECE: &str = " word word word word";
        let pieces = 2 * limits::WATCHED_TEXT_BYTES_MAX / bytes(PIECE);
        let mut watched = output(Operation::Chat, true, Some("gpt-4o"));
        let mut deciding = output(Operation::Chat, true, Some("gpt-4o"));
        watched.watch();

        for _ in 0..pieces {
            watched.push(PIECE);
            deciding.push(PIECE);
        }

        assert_eq!((deciding.tokens(), deciding.is_whole()), (pieces * 4, true));
        let (tokens, bound) = (watched.tokens(), watched.at_most());
        assert!(tokens.abs_diff(pieces * 4) <= 4 && bound >= tokens, "{tokens}");
        assert!(!watched.is_whole());
        assert!(watched.counted < limits::WATCHED_TEXT_BYTES_MAX + (1 << 17), "{}", watched.counted);
    }

    #[test]
    fn what_was_passed_over_teaches_nothing() {
        let mut output = output(Operation::Messages, true, Some("claude-sonnet-4-5"));
        output.watch();
        let pieces = limits::WATCHED_TEXT_BYTES_MAX / 5 + 20_000;
        (0..pieces).for_each(|_| output.push(" word"));

        assert_eq!(output.teachable(true), None);
    }

    #[test]
    fn what_is_not_generated_text_is_not_counted() {
        let mut output = output(Operation::Embeddings, false, Some("text-embedding-3-small"));
        output.push("one two");

        assert_eq!((output.at_most(), output.tokens()), (0, 0));
    }
}
