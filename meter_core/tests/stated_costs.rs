//! Our price of recorded exchanges equals the price that the provider itself stated.
//!
//! Reads the recordings beside the repository, and passes without checking anything where they are absent.

use meter_core::money::Nano;
use meter_core::price_book::PriceBook;
use meter_core::usage::Usage;
use serde_json::Value;
use std::path::Path;

/// 2026-11-10 UTC: current rates, which for the models recorded are also those of the recording.
const NOW: i64 = 1_794_268_800_000_000_000;

#[test]
fn the_price_is_the_one_the_provider_stated() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings/expected.jsonl");
    let Ok(expected) = std::fs::read_to_string(recordings) else { return };
    let book = PriceBook::embedded().unwrap();
    let mut checked = 0;
    for line in expected.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let Some(stated) = entry["stated_cost_usd"].as_str() else { continue };
        let tokens = |name: &str| entry["usage"][name].as_u64();
        let usage = Usage {
            input_tokens: tokens("input_tokens"),
            output_tokens: tokens("output_tokens"),
            cache_read_tokens: tokens("cache_read_tokens"),
            reasoning_tokens: tokens("reasoning_tokens"),
            ..Usage::default()
        };
        let (provider, model) =
            (entry["provider"].as_str().unwrap(), entry["response_model"].as_str().unwrap());
        let charge = book.charge(provider, model, &usage, None, NOW).unwrap();
        assert_eq!(Some(charge.total), Nano::parse_usd(stated), "{provider} {model}");
        checked += 1;
    }
    assert!(checked > 0);
}
