//! `OpenAI`'s usage object under both of its spellings (`prompt_tokens`, `input_tokens`); refuses to know where it stands in a
//! reply.
//!
//! Its input includes what was read from and written to caches. Its output includes reasoning, unless the stated total
//! proves that a compatible server counts reasoning beside it.

use super::subsets;
use crate::detect::Reasoning;
use crate::json_scan::Scalar;
use crate::usage::{Defect, Defects, Usage};

/// The numbers of a usage object as stated; a later statement replaces an earlier one, number by number.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenAiUsage {
    stated: Usage,
    total: Option<u64>,
    reasoning: Reasoning,
}

impl OpenAiUsage {
    /// Nothing stated yet, by a provider that counts reasoning like this.
    pub(super) fn counting(reasoning: Reasoning) -> Self {
        Self { reasoning, ..Self::default() }
    }

    /// A scalar at `path`, which starts at the usage object (`prompt_tokens_details.cached_tokens`). `null` says nothing.
    pub(super) fn value(&mut self, path: &str, value: Scalar<'_>) {
        let Some(count) = value.count() else { return };
        let slot = match path {
            "prompt_tokens" | "input_tokens" => &mut self.stated.input_tokens,
            "completion_tokens" | "output_tokens" => &mut self.stated.output_tokens,
            "total_tokens" => &mut self.total,
            _ => {
                let Some((details, field)) = path.split_once('.') else { return };
                // Transcriptions spell it without the plural.
                let input = matches!(
                    details,
                    "prompt_tokens_details" | "input_tokens_details" | "input_token_details"
                );
                let output = matches!(details, "completion_tokens_details" | "output_tokens_details");
                match field {
                    "cached_tokens" if input => &mut self.stated.cache_read_tokens,
                    // No lifetime is stated, and five minutes is the default one.
                    "cache_write_tokens" if input => &mut self.stated.cache_write_5m_tokens,
                    "audio_tokens" if input => &mut self.stated.audio_input_tokens,
                    "image_tokens" if input => &mut self.stated.image_input_tokens,
                    "reasoning_tokens" if output => &mut self.stated.reasoning_tokens,
                    "audio_tokens" if output => &mut self.stated.audio_output_tokens,
                    "image_tokens" if output => &mut self.stated.image_output_tokens,
                    _ => return,
                }
            }
        };
        *slot = Some(count);
    }

    /// The normalised usage and what contradicted itself; `None` if no total was stated.
    pub(super) fn usage(&self) -> (Option<Usage>, Defects) {
        let mut usage = self.stated.clone();
        let mut defects = Defects::default();
        if usage.input_tokens.is_none() && usage.output_tokens.is_none() {
            return (None, defects);
        }
        let input = usage.input_tokens.unwrap_or(0);
        let output = usage.output_tokens.unwrap_or(0);
        let reasoning = usage.reasoning_tokens.unwrap_or(0);
        let beside = output.saturating_add(reasoning);
        let sum = input.saturating_add(output);
        match (self.reasoning, self.total) {
            (Reasoning::Beside, _) => usage.output_tokens = usage.output_tokens.map(|_| beside),
            (_, Some(total)) if total == sum => {}
            (_, Some(total)) if total == input.saturating_add(beside) => usage.output_tokens = Some(beside),
            (Reasoning::InTotal, Some(total)) if total > sum && reasoning == 0 => {
                usage.output_tokens = Some(total - input);
                usage.reasoning_tokens = Some(total - sum);
            }
            (_, Some(_)) => defects.insert(Defect::Contradiction),
            (_, None) => {}
        }
        subsets::clamp(&mut usage, &mut defects);
        (Some(usage), defects)
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
            fields.iter().for_each(|(path, number)| usage.value(path, Scalar::Number(number)));
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
}
