//! Flat rates that an operator states for a provider of their own. It refuses to know the book.

use super::rate::{Kind, Rate, RateCard};

/// Rates of one provider for all of its models, in place of the book's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredRates(RateCard);

/// A configured rate that is not a plain non-negative decimal of at most nine decimals, or beyond 1e9 USD per million.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredRateError {
    /// What was written.
    pub text: String,
}

impl std::fmt::Display for ConfiguredRateError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?} is not a rate in USD per million tokens, such as 0.15", self.text)
    }
}

impl std::error::Error for ConfiguredRateError {}

impl ConfiguredRates {
    /// Rates for input and output, in decimal USD per million tokens. Cache reads and writes cost as much as input
    /// until said otherwise.
    pub fn parse(input: &str, output: &str) -> Result<Self, ConfiguredRateError> {
        Self(RateCard::default()).with(Kind::Input, input)?.with(Kind::Output, output)
    }

    /// States the rate of one more kind, in decimal USD per million tokens, or per million searches or requests.
    pub fn with(mut self, kind: Kind, usd_per_million: &str) -> Result<Self, ConfiguredRateError> {
        let error = || ConfiguredRateError { text: usd_per_million.to_owned() };
        // One USD per million is 1e9 femto-USD per unit: the nano-USD of the text, as femto-USD, is the rate.
        let nano = crate::money::Nano::parse_usd(usd_per_million).ok_or_else(error)?.nano();
        let rate = u64::try_from(nano).ok().and_then(Rate::flat).ok_or_else(error)?;
        self.0.set(kind, Some(rate));
        Ok(self)
    }

    pub(super) fn card(&self) -> &RateCard {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usd_per_million_is_femto_per_token() {
        let rates =
            ConfiguredRates::parse("0.10", "2").unwrap().with(Kind::CacheRead, "0.000000001").unwrap();
        let femto = |kind| rates.card().get(kind).map(|rate| rate.at(0));
        assert_eq!(femto(Kind::Input), Some(100_000_000));
        assert_eq!(femto(Kind::Output), Some(2_000_000_000));
        assert_eq!(femto(Kind::CacheRead), Some(1));
        assert_eq!(femto(Kind::CacheWrite), None);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "-1", "1e3", "0.0000000001", "1000000001", "free"] {
            assert_eq!(ConfiguredRates::parse(text, "1").unwrap_err().text, text);
        }
    }
}
