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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> (Option<Usage>, Defects) {
        let mut usage = OpenAiUsage::default();
        for (path, number) in fields {
            usage.value(path, if *number == "null" { Scalar::Null } else { Scalar::Number(number) });
        }
        usage.usage()
    }

    #[test]
    fn both_spellings_give_the_same() {
        let chat = read(&[
            ("prompt_tokens", "10"),
            ("completion_tokens", "5"),
            ("total_tokens", "15"),
            ("prompt_tokens_details.cached_tokens", "4"),
            ("prompt_tokens_details.cache_write_tokens", "2"),
            ("completion_tokens_details.reasoning_tokens", "3"),
        ]);
        let responses = read(&[
            ("input_tokens", "10"),
            ("output_tokens", "5"),
            ("total_tokens", "15"),
            ("input_tokens_details.cached_tokens", "4"),
            ("input_tokens_details.cache_write_tokens", "2"),
            ("output_tokens_details.reasoning_tokens", "3"),
        ]);

        assert_eq!(chat, responses);
        assert_eq!(chat.0.unwrap().cache_write_5m_tokens, Some(2));
    }

    #[test]
    fn a_missing_number_is_absent_and_null_erases_nothing() {
        let usage = read(&[("prompt_tokens", "0"), ("prompt_tokens", "null")]).0.unwrap();

        assert_eq!((usage.input_tokens, usage.output_tokens, usage.cache_read_tokens), (Some(0), None, None));
        assert_eq!(read(&[("total_tokens", "9")]).0, None);
    }

    #[test]
    fn the_total_tells_where_reasoning_stands() {
        let beside = [
            ("prompt_tokens", "10"),
            ("completion_tokens", "5"),
            ("total_tokens", "45"),
            ("completion_tokens_details.reasoning_tokens", "30"),
        ];
        let (usage, defects) = read(&beside);

        assert_eq!(usage.unwrap().output_tokens, Some(35));
        assert!(defects.is_empty());
    }

    #[test]
    fn a_provider_may_count_reasoning_nowhere_else() {
        let read = |reasoning, fields: &[(&str, &str)]| {
            let mut usage = OpenAiUsage::counting(reasoning);
            for (path, number) in fields {
                usage.value(path, Scalar::Number(number));
            }
            let (usage, defects) = usage.usage();
            let usage = usage.unwrap();
            (usage.output_tokens, usage.reasoning_tokens, defects.is_empty())
        };
        let beside = [
            ("prompt_tokens", "10"),
            ("completion_tokens", "5"),
            ("total_tokens", "15"),
            ("completion_tokens_details.reasoning_tokens", "30"),
        ];
        let in_total = [("prompt_tokens", "10"), ("completion_tokens", "5"), ("total_tokens", "45")];

        assert_eq!(read(Reasoning::Beside, &beside), (Some(35), Some(30), true));
        assert_eq!(read(Reasoning::InTotal, &in_total), (Some(35), Some(30), true));
    }

    #[test]
    fn contradictions_keep_the_smaller_claim() {
        let (usage, defects) =
            read(&[("prompt_tokens", "10"), ("prompt_tokens_details.cached_tokens", "11")]);
        assert_eq!(usage.unwrap().cache_read_tokens, Some(10));
        assert!(defects.contains(Defect::Contradiction));

        let (_, defects) =
            read(&[("prompt_tokens", "10"), ("completion_tokens", "1"), ("total_tokens", "90")]);
        assert!(defects.contains(Defect::Contradiction));
    }

    #[test]
    fn every_spelling_of_a_cache_is_read() {
        for cached in [
            "cached_tokens",
            "num_cached_tokens",
            "prompt_cache_hit_tokens",
            "prompt_tokens_details.cached_tokens",
            "prompt_token_details.cached_tokens",
            "input_token_details.cached_tokens",
        ] {
            let (usage, defects) = read(&[("prompt_tokens", "10"), (cached, "4")]);
            let usage = usage.unwrap();
            assert_eq!((usage.input_tokens, usage.cache_read_tokens), (Some(10), Some(4)), "{cached}");
            assert!(defects.is_empty());
        }
        let (parts, _) = read(&[("prompt_cache_hit_tokens", "4"), ("prompt_cache_miss_tokens", "6")]);
        assert_eq!(parts.unwrap().input_tokens, Some(10));
        let (both, _) = read(&[
            ("prompt_tokens", "10"),
            ("cached_tokens", "5"),
            ("prompt_tokens_details.cached_tokens", "4"),
        ]);
        assert_eq!(both.unwrap().cache_read_tokens, Some(4));
    }

    #[test]
    fn audio_beside_the_input_shows_in_the_total() {
        let spoken = [
            ("prompt_audio_seconds", "203"),
            ("prompt_tokens", "4"),
            ("completion_tokens", "635"),
            ("total_tokens", "3264"),
        ];
        let stated = [
            ("prompt_tokens", "4"),
            ("completion_tokens", "635"),
            ("prompt_tokens_details.audio_tokens", "2625"),
            ("total_tokens", "3264"),
        ];
        for fields in [spoken, stated] {
            let (usage, defects) = read(&fields);
            let usage = usage.unwrap();
            assert_eq!((usage.input_tokens, usage.audio_input_tokens), (Some(2629), Some(2625)));
            assert!(defects.is_empty());
        }
        let mut silent = spoken;
        silent[0].1 = "0.0";
        assert!(read(&silent).1.contains(Defect::Contradiction));
        let inside = [
            ("prompt_tokens", "10"),
            ("prompt_tokens_details.audio_tokens", "7"),
            ("completion_tokens", "1"),
            ("total_tokens", "11"),
        ];
        assert_eq!(read(&inside).0.unwrap().input_tokens, Some(10));
    }

    #[test]
    fn fees_and_numbers_written_as_text_count() {
        for (path, tokens) in [
            ("num_search_queries", "48"),
            ("num_sources_used", "48"),
            ("server_tool_use_details.web_search_requests", "48"),
            ("server_side_tool_usage_details.web_search_calls", "48"),
        ] {
            let (usage, _) = read(&[("completion_tokens", "1"), (path, tokens)]);
            assert_eq!(usage.unwrap().web_search_requests, Some(48), "{path}");
        }
        let mut text = OpenAiUsage::default();
        text.value("prompt_tokens", Scalar::String("12"));
        text.value("completion_tokens", Scalar::String("many"));
        assert_eq!(text.usage().0, Some(Usage { input_tokens: Some(12), ..Usage::default() }));
    }

    #[test]
    fn predictions_checkpoints_and_citations_change_no_total() {
        let (usage, defects) = read(&[
            ("prompt_tokens", "10"),
            ("completion_tokens", "30"),
            ("total_tokens", "40"),
            ("completion_tokens_details.accepted_prediction_tokens", "5"),
            ("completion_tokens_details.rejected_prediction_tokens", "15"),
            ("latency_checkpoint.engine_tbt_ms", "9"),
            ("citation_tokens", "1000"),
        ]);

        assert_eq!(
            usage.unwrap(),
            Usage { input_tokens: Some(10), output_tokens: Some(30), ..Usage::default() }
        );
        assert!(defects.is_empty());
    }

    #[test]
    fn timings_stand_in_where_no_usage_is_stated() {
        let read = |usage: bool| {
            let mut read = OpenAiUsage::default();
            let paths = [("timings.prompt_n", "6"), ("timings.cache_n", "4"), ("timings.predicted_n", "3")];
            for (path, count) in paths {
                read.reply_value(path, Scalar::Number(count));
            }
            if usage {
                read.reply_value("usage.prompt_tokens", Scalar::Number("11"));
            }
            read.usage().0.unwrap()
        };

        let timed = read(false);
        assert_eq!((timed.input_tokens, timed.output_tokens), (Some(10), Some(3)));
        assert_eq!(timed.cache_read_tokens, Some(4));
        assert_eq!((read(true).input_tokens, read(true).output_tokens), (Some(11), None));
    }

    #[test]
    fn a_total_alone_is_the_input_where_nothing_comes_back() {
        let mut usage = OpenAiUsage::default();
        usage.value("total_tokens", Scalar::Number("9"));

        assert_eq!(usage.usage().0, None);
        assert_eq!(usage.usage_of_input().0.unwrap().input_tokens, Some(9));
        usage.value("prompt_tokens", Scalar::Number("8"));
        assert_eq!(usage.usage_of_input().0.unwrap().input_tokens, Some(8));
    }

    #[test]
    fn a_total_of_google_may_be_one_too_low() {
        let mut usage = OpenAiUsage::counting(Reasoning::InTotal);
        for (path, count) in [("prompt_tokens", "10"), ("completion_tokens", "5"), ("total_tokens", "14")] {
            usage.value(path, Scalar::Number(count));
        }

        let (read, defects) = usage.usage();
        assert_eq!((read.unwrap().output_tokens, defects.is_empty()), (Some(5), true));
    }
}
