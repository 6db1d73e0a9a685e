//! Gemini's usage object under its spellings (`promptTokenCount`, `totalInputTokens`, a Live session's `responseTokenCount`);
//! refuses to know where it stands in a reply.
//!
//! Its prompt includes what was cached; what tools brought in and what was thought stand beside prompt and candidates. Field
//! names are expected in camel case. Totals run: a later statement replaces an earlier one, number by number.

use super::protojson;
use super::subsets;
use crate::json_scan::Scalar;
use crate::usage::{Defect, Defects, Usage};

/// `trafficType`, by number.
const TRAFFIC: [&str; 4] = ["ON_DEMAND", "PROVISIONED_THROUGHPUT", "ON_DEMAND_PRIORITY", "ON_DEMAND_FLEX"];
/// Vertex has been seen to state a total that is one too low; the parts are what is billed.
const TOTAL_SLACK: u64 = 1;

/// What one list of details says of media.
#[derive(Clone, Copy, Debug, Default)]
struct Media {
    audio: Option<u64>,
    image: Option<u64>,
}

impl Media {
    /// A list that names no medium says there was none.
    const NONE: Self = Self { audio: Some(0), image: Some(0) };

    fn plus(self, other: Self) -> Self {
        Self { audio: plus(self.audio, other.audio), image: plus(self.image, other.image) }
    }
}

/// An element of a list of details.
#[derive(Clone, Debug, Default)]
struct Detail {
    word: Option<String>,
    count: Option<u64>,
}

/// The numbers of a usage object as stated.
#[derive(Clone, Debug, Default)]
pub(super) struct GeminiUsage {
    prompt: Option<u64>,
    tool_use: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    cached: Option<u64>,
    total: Option<u64>,
    prompt_media: Media,
    tool_use_media: Media,
    output_media: Media,
    /// Searches, where the usage itself counts them.
    searches: Option<u64>,
    detail: Detail,
    service_tier: Option<String>,
    traffic: Option<String>,
}

impl GeminiUsage {
    /// A container begins at `path`, which starts at the usage object.
    pub(super) fn enter(&mut self, path: &str) {
        if let Some(media) = self.media(path) {
            *media = Media::NONE;
        } else if path == "groundingToolCount" {
            self.searches = Some(0);
        } else if path.ends_with(".#") {
            self.detail = Detail::default();
        }
    }

    /// A container at `path` ended.
    pub(super) fn leave(&mut self, path: &str) {
        let Some(list) = path.strip_suffix(".#") else { return };
        let Detail { word, count } = std::mem::take(&mut self.detail);
        let (Some(word), Some(_)) = (word, count) else { return };
        if let Some(media) = self.media(list) {
            if word.starts_with(|first: char| first.is_ascii_digit()) {
                // Written by number, media are not told apart: not stated, rather than none.
                *media = Media::default();
            } else if word.eq_ignore_ascii_case("AUDIO") {
                media.audio = plus(media.audio, count);
            } else if word.eq_ignore_ascii_case("IMAGE") {
                media.image = plus(media.image, count);
            }
        } else if list == "groundingToolCount" && word == "google_search" {
            self.searches = plus(self.searches, count);
        }
    }

    /// The list of details at `path`, if it is one of those that are kept.
    fn media(&mut self, path: &str) -> Option<&mut Media> {
        Some(match path {
            // Embeddings spell it without the plural.
            "promptTokensDetails" | "promptTokenDetails" | "inputTokensByModality" => &mut self.prompt_media,
            "toolUsePromptTokensDetails" | "toolUseTokensByModality" => &mut self.tool_use_media,
            "candidatesTokensDetails" | "responseTokensDetails" | "outputTokensByModality" => {
                &mut self.output_media
            }
            _ => return None,
        })
    }

    /// A scalar at `path`. `null` says nothing.
    pub(super) fn value(&mut self, path: &str, value: Scalar<'_>) {
        let slot = match path {
            "promptTokenCount" | "totalInputTokens" => &mut self.prompt,
            "toolUsePromptTokenCount" | "totalToolUseTokens" => &mut self.tool_use,
            "candidatesTokenCount" | "responseTokenCount" | "totalOutputTokens" => &mut self.candidates,
            "thoughtsTokenCount" | "totalThoughtTokens" => &mut self.thoughts,
            "cachedContentTokenCount" | "totalCachedTokens" => &mut self.cached,
            "totalTokenCount" | "totalTokens" => &mut self.total,
            "serviceTier" => return replace(&mut self.service_tier, protojson::word(value, &[])),
            "trafficType" => return replace(&mut self.traffic, protojson::word(value, &TRAFFIC)),
            _ => match path.rsplit_once(".#.").map(|(_, field)| field) {
                Some("modality" | "type") => return self.detail.word = protojson::word(value, &[]),
                Some("tokenCount" | "tokens" | "count") => &mut self.detail.count,
                _ => return,
            },
        };
        *slot = protojson::count(value).or(*slot);
    }

    /// The tier that served. Traffic that is not simply on demand says more than the tier asked for.
    pub(super) fn service_tier(&self) -> Option<String> {
        let on_demand =
            |traffic: &&String| traffic.as_str() == "ON_DEMAND" || traffic.ends_with("UNSPECIFIED");
        let special = self.traffic.as_ref().filter(|traffic| !on_demand(traffic));
        special.or(self.service_tier.as_ref()).or(self.traffic.as_ref()).cloned()
    }

    /// The normalised usage and what contradicted itself; `None` if neither input nor output was stated. `ended` tells whether
    /// the numbers are of a reply that is over: a zero is left out, and only then the total proves it.
    pub(super) fn usage(&self, ended: bool) -> (Option<Usage>, Defects) {
        let input = plus(self.prompt, self.tool_use);
        let output = plus(self.candidates, self.thoughts);
        let mut defects = Defects::default();
        if input.is_none() && output.is_none() {
            return (None, defects);
        }
        let sum = input.unwrap_or(0).saturating_add(output.unwrap_or(0));
        if self.total.is_some_and(|total| total.abs_diff(sum) > TOTAL_SLACK) {
            defects.insert(Defect::Contradiction);
        }
        let nothing = ended && output.is_none() && self.total == input;
        let input_media = self.prompt_media.plus(self.tool_use_media);
        let mut usage = Usage {
            input_tokens: input,
            output_tokens: output.or(nothing.then_some(0)),
            cache_read_tokens: self.cached,
            reasoning_tokens: self.thoughts,
            audio_input_tokens: input_media.audio,
            audio_output_tokens: self.output_media.audio,
            image_input_tokens: input_media.image,
            image_output_tokens: self.output_media.image,
            web_search_requests: self.searches,
            ..Usage::default()
        };
        subsets::clamp(&mut usage, &mut defects);
        (Some(usage), defects)
    }
}

/// The sum of what is stated; `None` if neither is.
fn plus(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.saturating_add(right)),
        (left, right) => left.or(right),
    }
}

/// Takes a new word where one is stated.
fn replace(slot: &mut Option<String>, word: Option<String>) {
    if word.is_some() {
        *slot = word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> GeminiUsage {
        let mut usage = GeminiUsage::default();
        for (path, number) in fields {
            usage.value(path, if *number == "null" { Scalar::Null } else { Scalar::Number(number) });
        }
        usage
    }

    #[test]
    fn thoughts_and_tool_prompts_stand_beside() {
        let stated = read(&[
            ("promptTokenCount", "100"),
            ("toolUsePromptTokenCount", "40"),
            ("cachedContentTokenCount", "60"),
            ("candidatesTokenCount", "7"),
            ("thoughtsTokenCount", "20"),
            ("totalTokenCount", "167"),
        ]);
        let (usage, defects) = stated.usage(true);
        let usage = usage.unwrap();

        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(140), Some(27)));
        assert_eq!((usage.cache_read_tokens, usage.reasoning_tokens), (Some(60), Some(20)));
        assert!(defects.is_empty());
    }

    #[test]
    fn a_total_that_is_one_off_is_passed_by_and_another_named() {
        for (total, contradiction) in [("15", false), ("14", false), ("13", true), ("90", true)] {
            let stated = read(&[
                ("promptTokenCount", "10"),
                ("candidatesTokenCount", "5"),
                ("totalTokenCount", total),
            ]);
            let (usage, defects) = stated.usage(true);

            assert_eq!(usage.unwrap().output_tokens, Some(5), "{total}");
            assert_eq!(defects.contains(Defect::Contradiction), contradiction, "{total}");
        }
    }

    #[test]
    fn an_output_left_out_is_zero_only_where_the_total_of_an_ended_reply_says_so() {
        let cases = [("10", true, Some(0)), ("10", false, None), ("null", true, None)];
        for (total, ended, expected) in cases {
            let stated = read(&[("promptTokenCount", "10"), ("totalTokenCount", total)]);

            assert_eq!(stated.usage(ended).0.unwrap().output_tokens, expected, "{total} {ended}");
        }
        assert_eq!(read(&[("totalTokenCount", "10")]).usage(true).0, None);
    }

    #[test]
    fn null_erases_nothing_and_more_cached_than_read_is_cut() {
        let stated = read(&[
            ("promptTokenCount", "10"),
            ("promptTokenCount", "null"),
            ("cachedContentTokenCount", "11"),
        ]);
        let (usage, defects) = stated.usage(true);

        assert_eq!(usage.unwrap().cache_read_tokens, Some(10));
        assert!(defects.contains(Defect::Contradiction));
    }

    #[test]
    fn provisioned_traffic_says_more_than_the_tier() {
        let tier = |fields: &[(&str, Scalar<'_>)]| {
            let mut usage = GeminiUsage::default();
            for (path, value) in fields {
                usage.value(path, *value);
            }
            usage.service_tier()
        };
        let (standard, demand) = (Scalar::String("standard"), Scalar::String("ON_DEMAND"));

        assert_eq!(tier(&[("serviceTier", standard), ("trafficType", demand)]).as_deref(), Some("standard"));
        assert_eq!(tier(&[("trafficType", demand)]).as_deref(), Some("ON_DEMAND"));
        for provisioned in [Scalar::String("PROVISIONED_THROUGHPUT"), Scalar::Number("2")] {
            let tier = tier(&[("serviceTier", standard), ("trafficType", provisioned)]);
            assert_eq!(tier.as_deref(), Some("PROVISIONED_THROUGHPUT"));
        }
        assert_eq!(tier(&[("trafficType", Scalar::Number("0"))]), None);
    }
}
