//! Anthropic messages, unary and streamed. Input excludes the cache on the wire; a stream states input at its start and
//! cumulative counts later, and only the start splits cache writes by lifetime.

use super::stated::{self, Seen, Statements};
use crate::json_scan::Scalar;
use crate::usage::{Defects, Usage};

/// The counts of one `usage` object.
#[derive(Debug, Default)]
struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
}

impl Counts {
    fn total(&self) -> u64 {
        [self.input, self.cache_read, self.cache_write, self.output]
            .into_iter()
            .flatten()
            .fold(0, u64::saturating_add)
    }

    fn slot(&mut self, field: &str) -> Option<&mut Option<u64>> {
        match field {
            "input_tokens" => Some(&mut self.input),
            "cache_read_input_tokens" => Some(&mut self.cache_read),
            "cache_creation_input_tokens" => Some(&mut self.cache_write),
            "output_tokens" => Some(&mut self.output),
            _ => None,
        }
    }
}

#[derive(Default)]
pub(super) struct AnthropicMessages {
    stated: Counts,
    /// Sum of the sub-calls of a compaction or of a tool loop on the server, which the top level may understate.
    iterations: Counts,
    write_5m: Option<u64>,
    write_1h: Option<u64>,
    thinking: Option<u64>,
    web_searches: Option<u64>,
}

impl Statements for AnthropicMessages {
    fn is_text(&self, path: &str) -> bool {
        matches!(
            path,
            "content.#.text" | "content.#.thinking" | "delta.text" | "delta.thinking" | "delta.partial_json"
        )
    }

    fn scalar(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen) {
        let path = path.strip_prefix("message.").unwrap_or(path);
        if let Some(field) = path.strip_prefix("usage.") {
            self.count(field, value, seen);
            return;
        }
        match path {
            "model" => stated::name(&mut seen.model, value),
            "id" => stated::name(&mut seen.id, value),
            "type" => seen.finished |= value.text() == Some("message_stop"),
            "error.type" | "error.message" => stated::error(&mut seen.error_code, value),
            _ => {}
        }
    }

    fn open(&mut self, path: &str) {
        if path.ends_with("usage.iterations") {
            self.iterations = Counts::default();
        }
    }

    fn usage(&self, defects: &mut Defects) -> Option<Usage> {
        let counts =
            if self.iterations.total() > self.stated.total() { &self.iterations } else { &self.stated };
        counts.input.or(counts.output)?;
        let cached = [counts.input, counts.cache_read, counts.cache_write];
        let input = cached.into_iter().flatten().fold(0, u64::saturating_add);
        let write = counts.cache_write.unwrap_or(0);
        let write_1h = self.write_1h.map(|tokens| tokens.min(write));
        let write_5m = counts.cache_write.map(|write| write - write_1h.unwrap_or(0)).or(self.write_5m);
        Some(Usage {
            input_tokens: Some(input),
            output_tokens: counts.output,
            cache_read_tokens: counts.cache_read,
            cache_write_5m_tokens: write_5m,
            cache_write_1h_tokens: write_1h,
            reasoning_tokens: stated::subset(self.thinking, counts.output, defects),
            web_search_requests: self.web_searches,
            ..Usage::default()
        })
    }
}

impl AnthropicMessages {
    fn count(&mut self, field: &str, value: Scalar<'_>, seen: &mut Seen) {
        if let Some(slot) = self.stated.slot(field) {
            stated::count(slot, value);
            return;
        }
        if let Some(slot) = field.strip_prefix("iterations.#.").and_then(|field| self.iterations.slot(field))
        {
            if let Some(more) = value.count() {
                *slot = Some(slot.unwrap_or(0).saturating_add(more));
            }
            return;
        }
        match field {
            "cache_creation.ephemeral_5m_input_tokens" => stated::count(&mut self.write_5m, value),
            "cache_creation.ephemeral_1h_input_tokens" => stated::count(&mut self.write_1h, value),
            "output_tokens_details.thinking_tokens" => stated::count(&mut self.thinking, value),
            "server_tool_use.web_search_requests" => stated::count(&mut self.web_searches, value),
            "service_tier" => stated::name(&mut seen.service_tier, value),
            _ => {}
        }
    }
}
