//! Rates: integer femto-USD per unit, by kind, with thresholds. They refuse to know models, dates and usage.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The largest rate accepted, in femto-USD per unit (1000 USD per token or request). It keeps quantity x rate within
/// 128 bits for every 64-bit quantity.
pub(super) const RATE_FEMTO_MAX: u64 = 1_000_000_000_000_000_000;

/// What a rate is for. Kinds are disjoint in a charge: a token is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// Input tokens of no other kind.
    Input,
    /// Tokens read from a prompt cache.
    CacheRead,
    /// Tokens written to a cache for five minutes, or for an unstated time.
    CacheWrite,
    /// Tokens written to a cache for one hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// Audio input, not from a cache.
    AudioInput,
    /// Audio input read from a cache.
    AudioCacheRead,
    /// Image input, not from a cache.
    ImageInput,
    /// Image input read from a cache.
    ImageCacheRead,
    /// Output tokens of no other kind.
    Output,
    /// Hidden reasoning.
    Reasoning,
    /// Audio output.
    AudioOutput,
    /// Image output.
    ImageOutput,
    /// Server-side web searches.
    WebSearch,
    /// The request itself.
    Request,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = Kind::ALL.len();

impl Kind {
    /// All kinds in the order of line items.
    pub const ALL: [Self; 14] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::AudioInput,
        Self::AudioCacheRead,
        Self::ImageInput,
        Self::ImageCacheRead,
        Self::Output,
        Self::Reasoning,
        Self::AudioOutput,
        Self::ImageOutput,
        Self::WebSearch,
        Self::Request,
    ];

    /// The word used in the price book, the ledger and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::AudioInput => "audio_input",
            Self::AudioCacheRead => "audio_cache_read",
            Self::ImageInput => "image_input",
            Self::ImageCacheRead => "image_cache_read",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioOutput => "audio_output",
            Self::ImageOutput => "image_output",
            Self::WebSearch => "web_search",
            Self::Request => "request",
        }
    }

    /// The kind at whose rate this one is billed when it has no rate of its own.
    pub(crate) const fn parent(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output | Self::WebSearch | Self::Request => None,
            Self::CacheRead | Self::CacheWrite | Self::AudioInput | Self::ImageInput => Some(Self::Input),
            Self::CacheWrite1h => Some(Self::CacheWrite),
            Self::AudioCacheRead | Self::ImageCacheRead => Some(Self::CacheRead),
            Self::Reasoning | Self::AudioOutput | Self::ImageOutput => Some(Self::Output),
        }
    }

    /// Whether the unit is a token.
    pub const fn is_token(self) -> bool {
        !matches!(self, Self::WebSearch | Self::Request)
    }
}

/// A rate with thresholds. Above a threshold of inclusive input tokens its rate holds for **all** units, the "cliff"
/// that providers publish, not only for those above.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<u64>")]
pub struct Rate {
    base: u64,
    /// (input tokens above which it holds, femto-USD per unit), thresholds ascending.
    tiers: Box<[(u64, u64)]>,
}

impl Rate {
    /// A rate of `femto` femto-USD per unit at any size of input; `None` beyond the largest rate accepted.
    pub(super) fn flat(femto: u64) -> Option<Self> {
        (femto <= RATE_FEMTO_MAX).then(|| Self { base: femto, tiers: Box::default() })
    }

    /// Femto-USD per unit for an exchange with this inclusive number of input tokens.
    pub fn at(&self, input_tokens: u64) -> u64 {
        let above = self.tiers.iter().rev().find(|(start, _)| input_tokens > *start);
        above.map_or(self.base, |(_, femto)| *femto)
    }
}

impl TryFrom<Vec<u64>> for Rate {
    type Error = &'static str;

    fn try_from(flat: Vec<u64>) -> Result<Self, Self::Error> {
        let [base, tiers @ ..] = flat.as_slice() else { return Err("a rate without a number") };
        let (pairs, []) = tiers.as_chunks::<2>() else { return Err("a threshold without a rate") };
        let tiers: Box<[_]> = pairs.iter().map(|[start, femto]| (*start, *femto)).collect();
        if !tiers.is_sorted_by_key(|(start, _)| *start) {
            return Err("thresholds that do not ascend");
        }
        if *base > RATE_FEMTO_MAX || tiers.iter().any(|(_, femto)| *femto > RATE_FEMTO_MAX) {
            return Err("a rate beyond 1000 USD per unit");
        }
        Ok(Self { base: *base, tiers })
    }
}

/// The rates of one price set, at most one per kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RateCard([Option<Rate>; KINDS]);

impl RateCard {
    /// The rate stated for `kind` itself.
    pub(super) fn get(&self, kind: Kind) -> Option<&Rate> {
        self.0.get(kind as usize)?.as_ref()
    }

    /// States the rate for `kind`.
    pub(super) fn set(&mut self, kind: Kind, rate: Option<Rate>) {
        if let Some(slot) = self.0.get_mut(kind as usize) {
            *slot = rate;
        }
    }

    /// Whether no rate is stated.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl<'de> Deserialize<'de> for RateCard {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut card = Self::default();
        for (kind, rate) in BTreeMap::<Kind, Rate>::deserialize(from)? {
            card.set(kind, Some(rate));
        }
        Ok(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tier_of_a_cliff_holds_only_above_its_threshold() {
        let rate: Rate = serde_json::from_str("[3,200000,6,500000,9]").unwrap();
        let cases = [(0, 3), (200_000, 3), (200_001, 6), (500_000, 6), (500_001, 9), (u64::MAX, 9)];
        for (input, femto) in cases {
            assert_eq!(rate.at(input), femto, "{input}");
        }
    }

    #[test]
    fn broken_rates_are_refused() {
        for json in [
            "[]",
            "[1,2]",
            "[1,9,1,8,1]",
            "[-1]",
            "[1.5]",
            "[1000000000000000001]",
            "[0,5,1000000000000000001]",
        ] {
            assert!(serde_json::from_str::<Rate>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn kinds_are_read_by_their_own_words() {
        for kind in Kind::ALL {
            let json = format!(r#"{{"{}":[7]}}"#, kind.as_str());
            let card: RateCard = serde_json::from_str(&json).unwrap();
            assert_eq!(card.get(kind).map(|rate| rate.at(0)), Some(7), "{json}");
            assert_eq!(Kind::ALL.into_iter().filter(|other| card.get(*other).is_some()).count(), 1);
        }
        assert!(serde_json::from_str::<RateCard>(r#"{"input_mtok":[1]}"#).is_err());
    }
}
