//! `OpenAI`'s usage object in the spellings of everybody who took it over; refuses to know what else a reply says.
//!
//! Its input includes what was read from and written to caches. Its output includes reasoning, unless the stated total
//! proves that a compatible server counts reasoning beside it; audio that a server counts beside its input shows in the
//! total alike. llama.cpp states timings where nobody asked for usage.

use super::subsets;
use crate::detect::Reasoning;
use crate::json_scan::Scalar;
use crate::usage::{Defect, Defects, Usage};

/// The numbers of a usage object as stated; a later statement replaces an earlier one, number by number.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenAiUsage {
    stated: Usage,
    total: Option<u64>,
    /// Cached input where it is no detail of the input: Together, Mistral, `DeepSeek`.
    cached: Option<u64>,
    /// Input that no cache held, of a server that tells both.
    fresh: Option<u64>,
    /// Some of the input was audio, whose tokens may stand in the total only.
    heard: bool,
    timings: Timings,
    reasoning: Reasoning,
}

/// What llama.cpp measured: tokens it evaluated, took from its cache and generated.
#[derive(Clone, Copy, Debug, Default)]
struct Timings {
    evaluated: Option<u64>,
    cached: Option<u64>,
    generated: Option<u64>,
}

impl OpenAiUsage {
    /// Nothing stated yet, by a provider that counts reasoning like this.
    pub(super) fn counting(reasoning: Reasoning) -> Self {
        Self { reasoning, ..Self::default() }
    }

    /// Whether `path` of a reply may belong to a usage object.
    pub(super) fn heeds(path: &str) -> bool {
        ["usage.", "x_groq.usage.", "timings."].iter().any(|place| path.starts_with(place))
    }

    /// A scalar at `path` of a reply, which may belong to a usage object.
    pub(super) fn reply_value(&mut self, path: &str, value: Scalar<'_>) {
        if let Some(field) = path.strip_prefix("usage.").or_else(|| path.strip_prefix("x_groq.usage.")) {
            self.value(field, value);
        } else if let Some(field) = path.strip_prefix("timings.") {
            let slot = match field {
                "prompt_n" => &mut self.timings.evaluated,
                "cache_n" => &mut self.timings.cached,
                "predicted_n" => &mut self.timings.generated,
                _ => return,
            };
            *slot = value.count().or(*slot);
        }
    }

    /// A scalar at `path`, which starts at the usage object (`prompt_tokens_details.cached_tokens`). `null` says nothing.
    pub(super) fn value(&mut self, path: &str, value: Scalar<'_>) {
        if path == "prompt_audio_seconds" {
            self.heard = matches!(value, Scalar::Number(seconds) if seconds.contains(|digit| matches!(digit, '1'..='9')));
            return;
        }
        let Some(count) = value.count() else { return };
        let slot = match path {
            "prompt_tokens" | "input_tokens" => &mut self.stated.input_tokens,
            "completion_tokens" | "output_tokens" => &mut self.stated.output_tokens,
            "total_tokens" => &mut self.total,
            "cached_tokens" | "num_cached_tokens" | "prompt_cache_hit_tokens" => &mut self.cached,
            "prompt_cache_miss_tokens" => &mut self.fresh,
            "reasoning_tokens" => &mut self.stated.reasoning_tokens,
            // A fee for each: searches, and at xAI the sources of a live search.
            "num_search_queries" | "num_sources_used" => &mut self.stated.web_search_requests,
            _ => match path.split_once('.').and_then(|(details, field)| self.detail(details, field)) {
                Some(slot) => slot,
                None => return,
            },
        };
        *slot = Some(count);
    }

    /// The place of a detail of the input, the output or the tools.
    fn detail(&mut self, details: &str, field: &str) -> Option<&mut Option<u64>> {
        let stated = &mut self.stated;
        Some(match details {
            // Transcriptions and realtime sessions spell it without the plural.
            "prompt_tokens_details"
            | "prompt_token_details"
            | "input_tokens_details"
            | "input_token_details" => {
                match field {
                    "cached_tokens" => &mut stated.cache_read_tokens,
                    // No lifetime is stated, and five minutes is the default one.
                    "cache_write_tokens" => &mut stated.cache_write_5m_tokens,
                    "audio_tokens" => &mut stated.audio_input_tokens,
                    "image_tokens" => &mut stated.image_input_tokens,
                    "cached_tokens_details.audio_tokens" => &mut stated.audio_cache_read_tokens,
                    "cached_tokens_details.image_tokens" => &mut stated.image_cache_read_tokens,
                    _ => return None,
                }
            }
            "completion_tokens_details" | "output_tokens_details" | "output_token_details" => match field {
                "reasoning_tokens" => &mut stated.reasoning_tokens,
                "audio_tokens" => &mut stated.audio_output_tokens,
                "image_tokens" => &mut stated.image_output_tokens,
                _ => return None,
            },
            "server_tool_use" | "server_tool_use_details" if field == "web_search_requests" => {
                &mut stated.web_search_requests
            }
            "server_side_tool_usage_details" if field == "web_search_calls" => {
                &mut stated.web_search_requests
            }
            _ => return None,
        })
    }

    /// The normalised usage and what contradicted itself; `None` if no total was stated.
    pub(super) fn usage(&self) -> (Option<Usage>, Defects) {
        let mut usage = self.stated.clone();
        let mut defects = Defects::default();
        usage.cache_read_tokens = usage.cache_read_tokens.or(self.cached);
        let parts = self.fresh.map(|fresh| fresh.saturating_add(self.cached.unwrap_or(0)));
        usage.input_tokens = usage.input_tokens.or(parts);
        if usage.input_tokens.is_none() && usage.output_tokens.is_none() {
            return (self.timings.usage(), defects);
        }
        self.weigh(&mut usage, &mut defects);
        subsets::clamp(&mut usage, &mut defects);
        (Some(usage), defects)
    }

    /// The same where there is no output: a total on its own is the input.
    pub(super) fn usage_of_input(&self) -> (Option<Usage>, Defects) {
        let input_only = || Usage { input_tokens: self.total, ..self.stated.clone() };
        match self.usage() {
            (None, defects) => (self.total.map(|_| input_only()), defects),
            stated => stated,
        }
    }

    /// Makes the totals inclusive, by what the provider is known for or else by the total that it states.
    fn weigh(&self, usage: &mut Usage, defects: &mut Defects) {
        let input = usage.input_tokens.unwrap_or(0);
        let output = usage.output_tokens.unwrap_or(0);
        let reasoning = usage.reasoning_tokens.unwrap_or(0);
        let audio = usage.audio_input_tokens.unwrap_or(0);
        let beside = output.saturating_add(reasoning);
        let sum = input.saturating_add(output);
        let Some(total) = self.total.filter(|_| self.reasoning != Reasoning::Beside) else {
            if self.reasoning == Reasoning::Beside {
                usage.output_tokens = usage.output_tokens.map(|_| beside);
            }
            return;
        };
        if total == sum {
            return;
        }
        if total == input.saturating_add(beside) {
            usage.output_tokens = Some(beside);
        } else if total > sum && (self.heard || total - sum == audio) {
            usage.audio_input_tokens = Some(total - sum);
            usage.input_tokens = Some(total - output);
        } else if self.reasoning == Reasoning::InTotal && total > sum && reasoning == 0 {
            usage.output_tokens = Some(total - input);
            usage.reasoning_tokens = Some(total - sum);
        } else if !(self.reasoning == Reasoning::InTotal && total.saturating_add(1) == sum) {
            // Google's total is known to be one too low at times.
            defects.insert(Defect::Contradiction);
        }
    }
}

impl Timings {
    fn usage(self) -> Option<Usage> {
        let input = self.evaluated.map(|evaluated| evaluated.saturating_add(self.cached.unwrap_or(0)));
        (input.is_some() || self.generated.is_some()).then(|| Usage {
            input_tokens: input,
            output_tokens: self.generated,
            cache_read_tokens: self.cached.filter(|_| input.is_some()),
            ..Usage::default()
        })
    }
}
