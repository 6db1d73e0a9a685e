//! The OpenAI Responses API, unary, streamed and polled. A stream's last event repeats the whole response, so text is
//! taken from the deltas only. A background response has no usage until a later read.

use super::stated::{self, Seen, Statements};
use crate::json_scan::Scalar;
use crate::usage::{Defects, Usage};

#[derive(Default)]
pub(super) struct OpenAiResponses {
    streamed: bool,
    /// The current event's `delta` is text, not sound.
    text_delta: bool,
    input: Option<u64>,
    cached: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    web_searches: u64,
}

impl Statements for OpenAiResponses {
    fn frame(&mut self, name: &[u8]) {
        self.streamed = true;
        self.text_delta = is_text_delta(name);
    }

    fn is_text(&self, path: &str) -> bool {
        if self.streamed {
            return path == "delta" && self.text_delta;
        }
        matches!(
            path,
            "output.#.content.#.text"
                | "output.#.content.#.refusal"
                | "output.#.arguments"
                | "output.#.input"
        )
    }

    fn scalar(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen) {
        let Some(path) = (if self.streamed { path.strip_prefix("response.") } else { Some(path) }) else {
            self.event(path, value, seen);
            return;
        };
        match path {
            "usage.input_tokens" => stated::count(&mut self.input, value),
            "usage.output_tokens" => stated::count(&mut self.output, value),
            "usage.input_tokens_details.cached_tokens" => stated::count(&mut self.cached, value),
            "usage.input_tokens_details.cache_write_tokens" => stated::count(&mut self.cache_write, value),
            "usage.output_tokens_details.reasoning_tokens" => stated::count(&mut self.reasoning, value),
            "model" => stated::name(&mut seen.model, value),
            "id" => stated::name(&mut seen.id, value),
            "service_tier" if value.text() != Some("auto") => stated::name(&mut seen.service_tier, value),
            "status" => {
                let status = value.text().unwrap_or_default();
                seen.pending = matches!(status, "queued" | "in_progress");
            }
            "error.code" | "error.type" | "error.message" => stated::error(&mut seen.error_code, value),
            "output.#.type" if value.text() == Some("web_search_call") => self.web_searches += 1,
            _ => {}
        }
    }

    fn open(&mut self, path: &str) {
        if matches!(path, "output" | "response.output") {
            self.web_searches = 0;
        }
    }

    fn usage(&self, defects: &mut Defects) -> Option<Usage> {
        self.input.or(self.output)?;
        Some(Usage {
            input_tokens: self.input,
            output_tokens: self.output,
            cache_read_tokens: stated::subset(self.cached, self.input, defects),
            cache_write_5m_tokens: stated::subset(self.cache_write, self.input, defects),
            reasoning_tokens: stated::subset(self.reasoning, self.output, defects),
            web_search_requests: (self.web_searches > 0).then_some(self.web_searches),
            ..Usage::default()
        })
    }
}

impl OpenAiResponses {
    /// A value of the event itself, outside the response that it carries.
    fn event(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen) {
        match path {
            "type" => {
                let kind = value.text().unwrap_or_default();
                self.text_delta = is_text_delta(kind.as_bytes());
                seen.finished |=
                    matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
                if kind == "error" {
                    stated::error(&mut seen.error_code, value);
                }
            }
            "error.code" | "error.type" | "error.message" => stated::error(&mut seen.error_code, value),
            _ => {}
        }
    }
}

fn is_text_delta(kind: &[u8]) -> bool {
    [&b"text.delta"[..], b"arguments.delta", b"refusal.delta", b"input.delta"]
        .iter()
        .any(|end| kind.ends_with(end))
}
