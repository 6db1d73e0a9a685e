//! Same model and same price as the genai-prices package, over every model of the snapshot under several names.
//!
//! `scripts/price_cases.py` computes the cases with the package itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use meter_core::price_book::{Model, PriceBook};
use meter_core::usage::Usage;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;

#[derive(Debug, Deserialize)]
struct Case {
    provider: String,
    model: String,
    /// Seconds since 1970.
    at: i64,
    tier: Option<String>,
    usage: BTreeMap<String, u64>,
    /// The package's model; absent when it knows none.
    id: Option<String>,
    femto_usd: Option<u64>,
}

impl Case {
    fn usage(&self) -> Usage {
        let stated = |key: &str| self.usage.get(key).copied();
        let write_1h = stated("cache_write_1h_tokens");
        Usage {
            input_tokens: stated("input_tokens"),
            output_tokens: stated("output_tokens"),
            cache_read_tokens: stated("cache_read_tokens"),
            cache_write_5m_tokens: stated("cache_write_tokens").map(|all| all - write_1h.unwrap_or(0)),
            cache_write_1h_tokens: write_1h,
            reasoning_tokens: stated("output_reasoning_tokens"),
            audio_input_tokens: stated("input_audio_tokens"),
            audio_output_tokens: stated("output_audio_tokens"),
            web_search_requests: stated("web_searches"),
            ..Usage::default()
        }
    }
}

fn cases() -> Vec<Case> {
    let compressed = include_bytes!("data/genai-prices-cases.json.gz").as_slice();
    let mut text = String::new();
    flate2::read::GzDecoder::new(compressed).read_to_string(&mut text).unwrap();
    let (head, lines) = text.split_once('\n').unwrap();
    let version = PriceBook::embedded().unwrap().version().replace("genai-prices ", "");
    assert!(head.contains(&version), "cases of {head}, book of {version}: run scripts/price_cases.py");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_known_name_means_the_same_model_and_price() {
    let book = PriceBook::embedded().unwrap();
    let mut priced = 0;
    for case in cases() {
        let (Some(id), Some(femto)) = (&case.id, case.femto_usd) else { continue };
        let found = book.find(&case.provider, &case.model);
        assert_eq!(found.map(Model::id), Some(id.as_str()), "{case:?}");
        let at_ns = case.at * 1_000_000_000;
        let charge = book.charge(&case.provider, &case.model, &case.usage(), case.tier.as_deref(), at_ns);
        let charge = charge.unwrap_or_else(|| panic!("unpriced: {case:?}"));
        assert!(charge.is_complete() && !charge.unknown_tier, "{case:?} {charge:?}");
        // Each line is rounded once, by at most half a nano-USD; rates with float noise in the source move by at most
        // half a femto-USD per token.
        let lines = i128::try_from(charge.items.len()).unwrap();
        let tokens: u64 = charge.items.iter().map(|item| item.quantity).sum();
        let difference = (charge.total.nano() * 1_000_000 - i128::from(femto)).abs();
        assert!(difference <= lines * 500_000 + i128::from(tokens), "{case:?} {charge:?}");
        priced += 1;
    }
    assert!(priced > 5000, "{priced}");
}

#[test]
fn names_unknown_to_the_package_are_unpriced_unless_only_a_date_is_new() {
    let book = PriceBook::embedded().unwrap();
    let mut unknown = 0;
    for case in cases().into_iter().filter(|case| case.id.is_none()) {
        let Some(model) = book.find(&case.provider, &case.model) else {
            unknown += 1;
            continue;
        };
        let dates = ["-2024-08-06", "-20260102", "@20250929"];
        let undated = dates.iter().find_map(|date| case.model.strip_suffix(date));
        let bare = case.model.to_lowercase();
        let last = bare.rsplit("models/").next().unwrap().to_owned();
        let expected = undated.map_or(last, str::to_lowercase);
        let same = book.find(&case.provider, &expected).map(Model::id);
        assert_eq!(same, Some(model.id()), "{case:?}");
        assert!(undated.is_some() || bare.contains("models/"), "{case:?} is {}", model.id());
    }
    assert!(unknown > 1000, "{unknown}");
}
