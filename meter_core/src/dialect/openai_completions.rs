//! `OpenAI` legacy text completions: prompts of text or of token ids, text in `choices`.

use super::choices::{Choices, FINISH_REASON};
use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a completion or of its chunks.
#[derive(Debug, Default)]
pub(super) struct Completions(Choices);

impl Completions {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        Self(Choices::new(head))
    }
}

impl Reader for Completions {
    fn enter(&mut self, path: &str) -> Interest {
        // Log probabilities repeat every token several times over.
        if path == "choices.#.logprobs" { Interest::Skip } else { Interest::Walk }
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "choices.#.text" => Take::Text,
            FINISH_REASON => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        self.0.value(path, value);
    }

    fn outcome(&self) -> Outcome {
        self.0.outcome()
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "prompt.#" => Part::Prompt,
        "prompt" | "prompt.#.#" | "suffix" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiCompletions;
    use crate::dialect::sample::Sample;
    use crate::usage::Defect;

    #[test]
    fn text_and_usage_are_read_around_the_log_probabilities() {
        let body = r#"{"model":"m","choices":[{"text":"ab","logprobs":{"tokens":["a","b"],"usage":{"x":1}},"finish_reason":"length"}],
            "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
        let (finding, text) = Sample::document(OpenAiCompletions, body).read();

        assert_eq!((text.as_str(), finding.usage.output_tokens), ("ab", Some(2)));
        assert!(finding.defects.is_empty());
    }

    #[test]
    fn a_cut_document_keeps_whole_numbers_only() {
        let body = r#"{"choices":[{"text":"ab"}],"usage":{"prompt_tokens":3,"completion_tokens":2"#;
        let (finding, _) = Sample::document(OpenAiCompletions, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(3), None));
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::Truncated]);
    }
}
