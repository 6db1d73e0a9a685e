//! The older shapes of Bedrock's models, those of one text and a few counts: Titan, Llama, Mistral, Cohere, Jurassic, Claude's
//! completions. They share no field with another meaning, so what is there says whose it is.

use super::envelope::first;
use super::reader::{Outcome, Reader};
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::{Defects, Usage};

/// Reader of such a reply or of its events.
#[derive(Debug, Default)]
pub(super) struct Native {
    input: Option<u64>,
    output: Option<u64>,
    /// Titan's results are counted one by one.
    results: Option<u64>,
    stopped: bool,
}

/// Cohere's last event repeats the whole reply as `response`.
fn cohere_count(path: &str) -> Option<&str> {
    path.strip_prefix("response.").unwrap_or(path).strip_prefix("meta.billed_units.")
}

impl Reader for Native {
    fn heeds(&self, path: &str) -> bool {
        matches!(
            first(path),
            "chat_history"
                | "choices"
                | "completion"
                | "completionReason"
                | "completions"
                | "embedding"
                | "embeddings"
                | "embeddingsByType"
                | "finish_reason"
                | "generation"
                | "generation_token_count"
                | "generations"
                | "inputTextTokenCount"
                | "meta"
                | "outputText"
                | "outputs"
                | "prompt"
                | "prompt_token_count"
                | "response"
                | "results"
                | "stop_reason"
                | "text"
                | "tool_calls"
                | "totalOutputTextTokenCount"
        )
    }

    fn enter(&mut self, path: &str) -> Interest {
        match path {
            // Titan and Cohere's vectors, which are long; repetitions of the request; Jurassic's tokens one by one.
            "embedding"
            | "embeddings"
            | "embeddingsByType"
            | "chat_history"
            | "prompt"
            | "completions.#.data.tokens" => Interest::Skip,
            "tool_calls.#.parameters" => Interest::Raw,
            _ => Interest::Walk,
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "outputText"
            | "results.#.outputText"
            | "generation"
            | "outputs.#.text"
            | "choices.#.text"
            | "generations.#.text"
            | "text"
            | "tool_calls.#.name"
            | "completion"
            | "completions.#.data.text" => Take::Text,
            "completionReason"
            | "stop_reason"
            | "finish_reason"
            | "outputs.#.stop_reason"
            | "choices.#.stop_reason" => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let count = value.count();
        match path {
            "inputTextTokenCount" | "prompt_token_count" => self.input = count.or(self.input),
            "totalOutputTextTokenCount" | "generation_token_count" => self.output = count.or(self.output),
            "results.#.tokenCount" => {
                if let Some(count) = count {
                    self.results = Some(self.results.unwrap_or(0).saturating_add(count));
                }
            }
            "completionReason"
            | "stop_reason"
            | "finish_reason"
            | "outputs.#.stop_reason"
            | "choices.#.stop_reason" => self.stopped |= value.text().is_some(),
            _ => match cohere_count(path) {
                Some("input_tokens") => self.input = count.or(self.input),
                Some("output_tokens") => self.output = count.or(self.output),
                _ => {}
            },
        }
    }

    fn outcome(&self) -> Outcome {
        let output = self.output.or(self.results);
        let usage = (self.input.is_some() || output.is_some()).then(|| Usage {
            input_tokens: self.input,
            output_tokens: output,
            ..Usage::default()
        });
        Outcome { usage, stopped: self.stopped, defects: Defects::default(), ..Outcome::default() }
    }
}
