//! OpenAI chat completions, unary and streamed. Totals are inclusive on the wire. A stream states its usage only in a
//! last chunk, and only when asked.

use super::stated::{self, Seen, Statements};
use crate::json_scan::Scalar;
use crate::usage::{Defects, Usage};

/// Counts of the `usage` object shared by OpenAI's chat, completions and embeddings.
#[derive(Debug, Default)]
pub(super) struct OpenAiUsage {
    prompt: Option<u64>,
    completion: Option<u64>,
    cached: Option<u64>,
    cache_write: Option<u64>,
    audio_in: Option<u64>,
    audio_out: Option<u64>,
    reasoning: Option<u64>,
}

impl OpenAiUsage {
    /// Reads one value at its path below the document's root.
    pub(super) fn scalar(&mut self, path: &str, value: Scalar<'_>) {
        let slot = match path {
            "usage.prompt_tokens" => &mut self.prompt,
            "usage.completion_tokens" => &mut self.completion,
            "usage.prompt_tokens_details.cached_tokens" => &mut self.cached,
            "usage.prompt_tokens_details.cache_write_tokens" => &mut self.cache_write,
            "usage.prompt_tokens_details.audio_tokens" => &mut self.audio_in,
            "usage.completion_tokens_details.audio_tokens" => &mut self.audio_out,
            "usage.completion_tokens_details.reasoning_tokens" => &mut self.reasoning,
            _ => return,
        };
        stated::count(slot, value);
    }

    /// The normalised counts, once a total was stated.
    pub(super) fn usage(&self, defects: &mut Defects) -> Option<Usage> {
        self.prompt.or(self.completion)?;
        Some(Usage {
            input_tokens: self.prompt,
            output_tokens: self.completion,
            cache_read_tokens: stated::subset(self.cached, self.prompt, defects),
            cache_write_5m_tokens: stated::subset(self.cache_write, self.prompt, defects),
            audio_input_tokens: stated::subset(self.audio_in, self.prompt, defects),
            audio_output_tokens: stated::subset(self.audio_out, self.completion, defects),
            reasoning_tokens: stated::subset(self.reasoning, self.completion, defects),
            ..Usage::default()
        })
    }
}

/// Names, errors and ends that chat and completions have in the same places.
pub(super) fn common(path: &str, value: Scalar<'_>, seen: &mut Seen) {
    match path {
        "model" => stated::name(&mut seen.model, value),
        "id" => stated::name(&mut seen.id, value),
        "service_tier" => stated::name(&mut seen.service_tier, value),
        "choices.#.finish_reason" => seen.finished |= value.text().is_some(),
        "error.code" | "error.type" | "error.message" | "error" => stated::error(&mut seen.error_code, value),
        _ => {}
    }
}

#[derive(Default)]
pub(super) struct OpenAiChat {
    usage: OpenAiUsage,
}

impl Statements for OpenAiChat {
    fn is_text(&self, path: &str) -> bool {
        let Some(choice) = path.strip_prefix("choices.#.") else { return false };
        let part = choice.strip_prefix("delta.").or_else(|| choice.strip_prefix("message."));
        matches!(
            part,
            Some(
                "content"
                    | "content.#.text"
                    | "refusal"
                    | "reasoning_content"
                    | "reasoning"
                    | "function_call.name"
                    | "function_call.arguments"
                    | "tool_calls.#.function.name"
                    | "tool_calls.#.function.arguments"
            )
        )
    }

    fn scalar(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen) {
        self.usage.scalar(path, value);
        common(path, value, seen);
    }

    fn usage(&self, defects: &mut Defects) -> Option<Usage> {
        self.usage.usage(defects)
    }
}
