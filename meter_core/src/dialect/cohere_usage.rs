//! Cohere's usage object, which stands at `usage` or `meta`; refuses to know in which reply.
//!
//! It states twice: `tokens` is what the model saw, with the provider's own templates; `billed_units` is what is charged, and
//! that is the usage of the exchange.

use super::subsets;
use crate::json_scan::Scalar;
use crate::usage::{Defect, Defects, Usage};

/// The numbers as stated; a later statement replaces an earlier one, number by number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CohereUsage {
    billed_input: Option<u64>,
    billed_output: Option<u64>,
    billed_image: Option<u64>,
    search_units: Option<u64>,
    seen_input: Option<u64>,
    seen_output: Option<u64>,
    cached: Option<u64>,
}

impl CohereUsage {
    /// A scalar at `path`, which starts at the usage object. `null` says nothing.
    pub(super) fn value(&mut self, path: &str, value: Scalar<'_>) {
        let slot = match path {
            "billed_units.input_tokens" => &mut self.billed_input,
            "billed_units.output_tokens" => &mut self.billed_output,
            "billed_units.image_tokens" => &mut self.billed_image,
            "billed_units.search_units" => &mut self.search_units,
            "tokens.input_tokens" => &mut self.seen_input,
            "tokens.output_tokens" => &mut self.seen_output,
            "cached_tokens" => &mut self.cached,
            _ => return,
        };
        *slot = value.count().or(*slot);
    }

    /// The normalised usage and what contradicted itself; `None` if nothing that is billed was stated.
    pub(super) fn usage(&self) -> (Option<Usage>, Defects) {
        let mut defects = Defects::default();
        // Where nothing is billed (a server of one's own), what the model saw is all there is.
        let billed_text = self.billed_input.or(self.seen_input);
        let input = match self.billed_image {
            Some(image) => Some(billed_text.unwrap_or(0).saturating_add(image)),
            None => billed_text,
        };
        let output = self.billed_output.or(self.seen_output);
        if input.is_none() && output.is_none() && self.search_units.is_none() {
            return (None, defects);
        }
        // Templates are cached as well, but not billed: only more than the model saw is a contradiction.
        let seen = [self.seen_input, input].into_iter().flatten().max().unwrap_or(u64::MAX);
        if self.cached.is_some_and(|cached| cached > seen) {
            defects.insert(Defect::Contradiction);
        }
        let cached = self.cached.map(|cached| cached.min(input.unwrap_or(u64::MAX)));
        let mut usage = Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: cached,
            image_input_tokens: self.billed_image,
            search_units: self.search_units,
            ..Usage::default()
        };
        subsets::clamp(&mut usage, &mut defects);
        (Some(usage), defects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> (Option<Usage>, Defects) {
        let mut usage = CohereUsage::default();
        for (path, number) in fields {
            usage.value(path, if *number == "null" { Scalar::Null } else { Scalar::Number(number) });
        }
        usage.usage()
    }

    #[test]
    fn what_is_billed_counts_not_what_the_model_saw() {
        let (usage, defects) = read(&[
            ("billed_units.input_tokens", "35.0"),
            ("billed_units.output_tokens", "30"),
            ("tokens.input_tokens", "1025"),
            ("tokens.output_tokens", "66"),
            ("cached_tokens", "160"),
        ]);
        let usage = usage.unwrap();

        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(35), Some(30)));
        assert_eq!((usage.cache_read_tokens, usage.search_units), (Some(35), None));
        assert!(defects.is_empty());
    }

    #[test]
    fn tokens_stand_in_where_nothing_is_billed() {
        let (usage, _) = read(&[("tokens.input_tokens", "9"), ("billed_units.input_tokens", "null")]);
        assert_eq!(usage.unwrap().input_tokens, Some(9));
        assert_eq!(read(&[("cached_tokens", "9")]).0, None);
    }

    #[test]
    fn more_cached_than_the_model_saw_is_a_contradiction() {
        let (usage, defects) = read(&[("billed_units.input_tokens", "5"), ("cached_tokens", "6")]);

        assert_eq!(usage.unwrap().cache_read_tokens, Some(5));
        assert!(defects.contains(Defect::Contradiction));
    }

    #[test]
    fn images_stand_beside_text_and_searches_alone() {
        let image = read(&[("billed_units.input_tokens", "4"), ("billed_units.image_tokens", "100")]);
        let image = image.0.unwrap();
        assert_eq!((image.input_tokens, image.image_input_tokens), (Some(104), Some(100)));

        let searches = read(&[("billed_units.search_units", "2")]).0.unwrap();
        assert_eq!((searches.search_units, searches.input_tokens), (Some(2), None));
    }
}
