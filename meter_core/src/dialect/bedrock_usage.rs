//! Token counts as Bedrock itself states them, in each of its spellings; refuses to know where they stand in a reply.
//!
//! Its input excludes what the cache read and wrote; here it is made inclusive. A cache write without a stated lifetime lives five
//! minutes.

use super::subsets;
use crate::headers::Headers;
use crate::json_scan::Scalar;
use crate::usage::{Defect, Defects, Usage};

/// The longer lifetime of a cache write.
const HOUR: &str = "1h";

/// The numbers as stated; a later statement replaces an earlier one, number by number.
#[derive(Clone, Debug, Default)]
pub(super) struct BedrockUsage {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    /// Sums of `cacheDetails`: all that was written, and what of it lives an hour.
    detailed: Option<u64>,
    detailed_1h: Option<u64>,
    /// The element of `cacheDetails` in progress, whose fields come in any order.
    detail: (bool, Option<u64>),
}

impl BedrockUsage {
    /// What the header fields of a reply state.
    pub(super) fn of_headers(headers: Headers<'_>) -> Self {
        let count = |name: &str| {
            let digits = std::str::from_utf8(headers.get(name)?).ok()?;
            digits.trim().parse().ok()
        };
        Self {
            input: count("x-amzn-bedrock-input-token-count"),
            output: count("x-amzn-bedrock-output-token-count"),
            cache_read: count("x-amzn-bedrock-cache-read-input-token-count"),
            cache_write: count("x-amzn-bedrock-cache-write-input-token-count"),
            ..Self::default()
        }
    }

    /// A container at `field`, a path that starts at the usage object, begins.
    pub(super) fn enter(&mut self, field: &str) {
        match field {
            "cacheDetails" => (self.detailed, self.detailed_1h) = (None, None),
            "cacheDetails.#" => self.detail = (false, None),
            _ => {}
        }
    }

    /// A container at `field` ended.
    pub(super) fn leave(&mut self, field: &str) {
        if let ("cacheDetails.#", (long, Some(count))) = (field, self.detail) {
            self.detailed = Some(self.detailed.unwrap_or(0).saturating_add(count));
            if long {
                self.detailed_1h = Some(self.detailed_1h.unwrap_or(0).saturating_add(count));
            }
        }
    }

    /// Whether the string at `field` says anything here.
    pub(super) fn wants(field: &str) -> bool {
        field == "cacheDetails.#.ttl"
    }

    /// A scalar at `field`. `null` says nothing.
    pub(super) fn value(&mut self, field: &str, value: Scalar<'_>) {
        if field == "cacheDetails.#.ttl" {
            self.detail.0 = value.text() == Some(HOUR);
            return;
        }
        let Some(count) = value.count() else { return };
        let slot = match field {
            "inputTokens" | "inputTokenCount" => &mut self.input,
            "outputTokens" | "outputTokenCount" => &mut self.output,
            "totalTokens" => &mut self.total,
            "cacheReadInputTokens" | "cacheReadInputTokenCount" => &mut self.cache_read,
            "cacheWriteInputTokens" | "cacheWriteInputTokenCount" => &mut self.cache_write,
            "cacheDetails.#.inputTokens" => &mut self.detail.1,
            _ => return,
        };
        *slot = Some(count);
    }

    /// The normalised usage and what contradicted itself; `None` if neither input nor output was stated.
    pub(super) fn usage(&self) -> (Option<Usage>, Defects) {
        let mut defects = Defects::default();
        if self.input.is_none() && self.output.is_none() {
            return (None, defects);
        }
        let written = self.cache_write.or(self.detailed);
        if self.detailed_1h > written {
            defects.insert(Defect::Contradiction);
        }
        let long = self.detailed_1h.zip(written).map(|(long, written)| long.min(written));
        let cached = [self.cache_read, written].into_iter().flatten().fold(0, u64::saturating_add);
        let mut usage = Usage {
            input_tokens: self.input.map(|input| input.saturating_add(cached)),
            output_tokens: self.output,
            cache_read_tokens: self.cache_read,
            cache_write_5m_tokens: written.map(|written| written - long.unwrap_or(0)),
            cache_write_1h_tokens: long,
            ..Usage::default()
        };
        if let (Some(input), Some(output), Some(total)) = (self.input, self.output, self.total) {
            let fresh = input.saturating_add(output);
            // The total has the cache in it; a total of what is left without the cache contradicts nothing either.
            if total != fresh && total != fresh.saturating_add(cached) {
                defects.insert(Defect::Contradiction);
            }
        }
        subsets::clamp(&mut usage, &mut defects);
        (Some(usage), defects)
    }
}

/// `body` with the sides that it does not state taken from `other`: input with its parts, and output.
pub(super) fn completed(body: Option<Usage>, other: Option<Usage>) -> Option<Usage> {
    let (Some(body), Some(other)) = (&body, &other) else { return body.or(other) };
    let input = if body.input_tokens.is_some() { body } else { other };
    Some(Usage {
        input_tokens: input.input_tokens,
        cache_read_tokens: input.cache_read_tokens,
        cache_write_5m_tokens: input.cache_write_5m_tokens,
        cache_write_1h_tokens: input.cache_write_1h_tokens,
        output_tokens: body.output_tokens.or(other.output_tokens),
        ..body.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> (Usage, Defects) {
        let mut usage = BedrockUsage::default();
        for (field, number) in fields {
            usage.value(field, Scalar::Number(number));
        }
        let (usage, defects) = usage.usage();
        (usage.unwrap(), defects)
    }

    fn detailed(usage: &mut BedrockUsage, details: &[(&str, u64)]) {
        usage.enter("cacheDetails");
        for (ttl, count) in details {
            usage.enter("cacheDetails.#");
            usage.value("cacheDetails.#.inputTokens", Scalar::Number(&count.to_string()));
            usage.value("cacheDetails.#.ttl", Scalar::String(ttl));
            usage.leave("cacheDetails.#");
        }
    }

    #[test]
    fn input_is_made_inclusive_in_both_spellings() {
        let long = read(&[
            ("inputTokens", "5"),
            ("outputTokens", "7"),
            ("cacheReadInputTokens", "100"),
            ("cacheWriteInputTokens", "30"),
            ("totalTokens", "142"),
        ]);
        let metrics = read(&[
            ("inputTokenCount", "5"),
            ("outputTokenCount", "7"),
            ("cacheReadInputTokenCount", "100"),
            ("cacheWriteInputTokenCount", "30"),
        ]);

        assert_eq!(long, metrics);
        let (usage, defects) = long;
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(135), Some(7)));
        assert_eq!((usage.cache_read_tokens, usage.cache_write_5m_tokens), (Some(100), Some(30)));
        assert_eq!((usage.cache_write_1h_tokens, defects), (None, Defects::default()));
    }

    #[test]
    fn lifetimes_share_what_was_written() {
        let mut usage = BedrockUsage { input: Some(1), cache_write: Some(30), ..BedrockUsage::default() };
        detailed(&mut usage, &[("1h", 10), ("5m", 15), ("1h", 5)]);
        let (found, defects) = usage.usage();
        let found = found.unwrap();
        assert_eq!((found.cache_write_5m_tokens, found.cache_write_1h_tokens), (Some(15), Some(15)));
        assert_eq!((found.input_tokens, defects.is_empty()), (Some(31), true));

        // Without a sum the details are the statement; a repeated list replaces the first.
        usage.cache_write = None;
        detailed(&mut usage, &[("1h", 4)]);
        assert_eq!(usage.usage().0.unwrap().input_tokens, Some(5));

        usage.cache_write = Some(3);
        let (found, defects) = usage.usage();
        assert_eq!(found.unwrap().cache_write_1h_tokens, Some(3));
        assert!(defects.contains(Defect::Contradiction));
    }

    #[test]
    fn a_total_that_fits_no_sum_is_a_contradiction() {
        let parts = [("inputTokens", "5"), ("outputTokens", "7"), ("cacheReadInputTokens", "8")];
        for (total, contradicts) in [("20", false), ("12", false), ("19", true)] {
            let (usage, defects) = read(&[&parts[..], &[("totalTokens", total)]].concat());
            assert_eq!(defects.contains(Defect::Contradiction), contradicts, "{total}");
            assert_eq!(usage.input_tokens, Some(13));
        }
    }

    #[test]
    fn header_fields_are_counts_or_nothing() {
        let fields: [(&[u8], &[u8]); 3] = [
            (b"X-Amzn-Bedrock-Input-Token-Count", b" 12"),
            (b"x-amzn-bedrock-output-token-count", b"many"),
            (b"x-amzn-bedrock-cache-read-input-token-count", b"3"),
        ];
        let (usage, _) = BedrockUsage::of_headers(Headers(&fields)).usage();
        let usage = usage.unwrap();

        assert_eq!(
            (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
            (Some(15), None, Some(3))
        );
        assert_eq!(BedrockUsage::of_headers(Headers(&[])).usage().0, None);
    }

    #[test]
    fn each_side_comes_from_the_first_that_states_it() {
        let count = |input, read, output| Usage {
            input_tokens: input,
            cache_read_tokens: read,
            output_tokens: output,
            ..Usage::default()
        };
        let metrics = count(Some(9), Some(2), Some(4));

        assert_eq!(
            completed(Some(count(Some(5), None, None)), Some(metrics.clone())),
            Some(count(Some(5), None, Some(4)))
        );
        assert_eq!(
            completed(Some(count(None, None, Some(7))), Some(metrics.clone())),
            Some(count(Some(9), Some(2), Some(7)))
        );
        assert_eq!(completed(None, Some(metrics.clone())), Some(metrics.clone()));
        assert_eq!(completed(Some(metrics.clone()), None), Some(metrics));
        assert_eq!(completed(None, None), None);
    }
}
