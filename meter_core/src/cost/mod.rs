//! Cost: quantities of a usage times the rates of the price book, as integer line items.
//!
//! One line item per rate, rounded once ([`Nano::from_femto`]). What has no price makes the whole charge `None` when it
//! is tokens, and a line without a rate when it is a side fee: unknown is never silently zero. This folder refuses to
//! know providers' wire formats and budgets.

mod quantity;
mod terms;
mod tier;

use crate::money::Nano;
use crate::price_book::{Kind, PriceBook};
use crate::usage::Usage;
use quantity::Quantities;
use terms::Terms;

/// Quantity x rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineItem {
    /// What was used.
    pub kind: Kind,
    /// How many tokens, searches or requests.
    pub quantity: u64,
    /// Femto-USD (1e-15 USD) per unit; `None` if the book knows no rate, and then the amount is zero and incomplete.
    pub femto_per_unit: Option<u64>,
    /// The product, rounded once.
    pub amount: Nano,
}

/// What one exchange costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Lines with a quantity above zero, in the order of [`Kind::ALL`].
    pub items: Vec<LineItem>,
    /// The sum of the lines.
    pub total: Nano,
    /// The exchange ran on a service tier whose price is not known; standard rates stand in.
    pub unknown_tier: bool,
}

impl Charge {
    /// Whether every line has a rate.
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(|item| item.femto_per_unit.is_some())
    }
}

/// What one more token costs, in femto-USD, for estimates before the usage is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Input that is not cached.
    pub input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a cache for five minutes.
    pub cache_write: u64,
    /// Input written to a cache for one hour.
    pub cache_write_1h: u64,
    /// Output; zero for models that have none, such as embeddings.
    pub output: u64,
    /// The fee of the request itself.
    pub request: u64,
}

impl Rates {
    /// Rates of what costs nothing, such as a model on hardware of one's own.
    pub const FREE: Self =
        Self { input: 0, cache_read: 0, cache_write: 0, cache_write_1h: 0, output: 0, request: 0 };

    /// The dearer of each rate.
    #[must_use]
    pub fn or_dearer(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write: self.cache_write.max(other.cache_write),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
            output: self.output.max(other.output),
            request: self.request.max(other.request),
        }
    }
}

impl PriceBook {
    /// Prices a usage at `at_ns` (nanoseconds since 1970, UTC). `None` is unpriced: the model is unknown, has no rate
    /// for tokens that were used, ran on capacity bought in advance, or is billed by a unit that the book does not know.
    pub fn charge(
        &self,
        provider: &str,
        model: &str,
        usage: &Usage,
        service_tier: Option<&str>,
        at_ns: i64,
    ) -> Option<Charge> {
        if usage.has_unpriced_units() {
            return None;
        }
        let terms = Terms::find(self, provider, model, service_tier, at_ns)?;
        let input_tokens = quantity::input_total(usage);
        let quantities = Quantities::of(usage).fold(|kind| terms.has_rate(kind));
        let requests = u64::from(!quantities.is_zero() && terms.has_rate(Kind::Request));
        let mut charge = Charge { unknown_tier: terms.unknown_tier, ..Charge::default() };
        for kind in Kind::ALL {
            let quantity = if kind == Kind::Request { requests } else { quantities.get(kind) };
            if quantity == 0 {
                continue;
            }
            let femto_per_unit = terms.femto(kind, input_tokens);
            if femto_per_unit.is_none() && kind.is_token() {
                return None;
            }
            // Rates stay below 2^61, so the product of 64 and 61 bits fits.
            let femto = i128::from(quantity) * i128::from(femto_per_unit.unwrap_or(0));
            let amount = Nano::from_femto(femto);
            charge.items.push(LineItem { kind, quantity, femto_per_unit, amount });
            charge.total += amount;
        }
        Some(charge)
    }

    /// The rates of one more token in an exchange of `input_tokens`; `None` is unpriced.
    pub fn rates(
        &self,
        provider: &str,
        model: &str,
        service_tier: Option<&str>,
        at_ns: i64,
        input_tokens: u64,
    ) -> Option<Rates> {
        let terms = Terms::find(self, provider, model, service_tier, at_ns)?;
        let femto = |kind| terms.femto_billed(kind, input_tokens);
        Some(Rates {
            input: femto(Kind::Input)?,
            cache_read: femto(Kind::CacheRead)?,
            cache_write: femto(Kind::CacheWrite)?,
            cache_write_1h: femto(Kind::CacheWrite1h)?,
            output: femto(Kind::Output).unwrap_or(0),
            request: femto(Kind::Request).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::quantity::tests::usages;
    use super::*;
    use crate::price_book::ConfiguredRates;
    use proptest::prelude::*;

    /// 2026-11-10 18:00 UTC, after the last price change of the models below.
    const NOW: i64 = 1_794_333_600_000_000_000;

    fn book() -> PriceBook {
        PriceBook::embedded().unwrap()
    }

    fn plain(input: u64, output: u64) -> Usage {
        Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
    }

    fn nano(provider: &str, model: &str, usage: &Usage, tier: Option<&str>) -> i128 {
        book().charge(provider, model, usage, tier, NOW).unwrap().total.nano()
    }

    #[test]
    fn hand_computed_prices() {
        let cached = Usage { cache_read_tokens: Some(400), ..plain(1000, 200) };
        let reasoning = Usage { reasoning_tokens: Some(4000), ..plain(1000, 5000) };
        let claude = Usage {
            cache_read_tokens: Some(5000),
            cache_write_5m_tokens: Some(2000),
            cache_write_1h_tokens: Some(1000),
            ..plain(10_000, 500)
        };
        let searching = Usage { web_search_requests: Some(2), ..plain(100, 10) };
        let cases = [
            // 600 x 2500 + 400 x 1250 + 200 x 10000
            ("openai", "gpt-4o", &cached, 4_000_000),
            // 600 x 150 + 400 x 75 + 200 x 600
            ("openai", "gpt-4o-mini", &cached, 240_000),
            // 8 x 20
            ("openai", "text-embedding-3-small", &plain(8, 0), 160),
            // 1000 x 2000 + 5000 x 8000: reasoning is billed as output
            ("openai", "o3-2025-04-16", &reasoning, 42_000_000),
            // 1000 x 1100 + 5000 x 4400
            ("openai", "o4-mini", &reasoning, 23_100_000),
            // 600 x 15000 + 400 x 7500 + 200 x 60000
            ("openai", "o1", &cached, 24_000_000),
            // 2000 x 3000 + 5000 x 300 + 2000 x 3750 + 1000 x 6000 + 500 x 15000
            ("anthropic", "claude-sonnet-4-20250514", &claude, 28_500_000),
            ("anthropic", "claude-sonnet-4-5", &claude, 28_500_000),
            // 100 x 3000 + 10 x 15000 + 2 x 10000000
            ("anthropic", "claude-sonnet-4-5", &searching, 20_450_000),
            // At the threshold the base rates hold, above it the tier's hold for all tokens.
            ("anthropic", "claude-sonnet-4-5", &plain(200_000, 1000), 615_000_000),
            ("anthropic", "claude-sonnet-4-5", &plain(200_001, 1000), 1_222_506_000),
            // 10 x 3750 + 10 x 15000: fine-tuned rates, not the base model's
            ("openai", "ft:gpt-4o-2024-08-06:acme::x", &plain(10, 10), 187_500),
        ];
        for (provider, model, usage, expected) in cases {
            assert_eq!(nano(provider, model, usage, None), expected, "{provider} {model} {usage:?}");
        }
    }

    #[test]
    fn a_one_hour_write_through_a_reseller_costs_twice_the_input() {
        let usage = Usage { cache_write_1h_tokens: Some(1000), ..plain(1000, 0) };
        let model = "us.anthropic.claude-sonnet-4-20250514-v1:0";
        let charge = book().charge("bedrock", model, &usage, None, NOW).unwrap();
        let input = book().rates("bedrock", model, None, NOW, 1000).unwrap().input;
        assert_eq!(charge.items[0].kind, Kind::CacheWrite1h);
        assert_eq!(charge.items[0].femto_per_unit, Some(input * 2));
    }

    #[test]
    fn cached_tokens_without_a_rate_cost_as_much_as_input() {
        let usage = Usage { cache_read_tokens: Some(600), ..plain(1000, 0) };
        let charge = book().charge("openai", "gpt-4", &usage, None, NOW).unwrap();
        assert_eq!(charge.items.len(), 1);
        assert_eq!((charge.items[0].kind, charge.items[0].quantity), (Kind::Input, 1000));
        assert_eq!(charge.total, Nano::new(30_000_000));
    }

    #[test]
    fn the_time_of_day_decides_at_deepseek() {
        let midnight = NOW - NOW.rem_euclid(86_400_000_000_000);
        let at = |hour: i64| {
            let at_ns = midnight + hour * 3_600_000_000_000;
            book().charge("deepseek", "deepseek-chat", &plain(1000, 0), None, at_ns).unwrap().total.nano()
        };
        assert_eq!((at(12), at(20)), (270_000, 135_000));
    }

    #[test]
    fn service_tiers_take_the_books_rates_then_the_documented_multiple() {
        let usage = Usage { web_search_requests: Some(1), ..plain(1_000_000, 0) };
        // gpt-4.1: 2 USD standard, 3.5 priority, 1 batch in the book; flex is documented as half.
        for (tier, tokens) in [
            (None, 2_000_000_000),
            (Some("default"), 2_000_000_000),
            (Some("priority"), 3_500_000_000),
            (Some("batch"), 1_000_000_000),
            (Some("flex"), 1_000_000_000),
        ] {
            assert_eq!(nano("openai", "gpt-4.1", &usage, tier), tokens + 10_000_000, "{tier:?}");
        }
        let batched =
            book().charge("azure", "gpt-4o-2024-08-06", &plain(1000, 0), Some("batch"), NOW).unwrap();
        assert_eq!((batched.total.nano(), batched.unknown_tier), (1_250_000, false));
        assert_eq!(nano("anthropic", "claude-opus-4-7", &plain(1000, 0), Some("us")), 5_500_000);
        let odd =
            book().charge("anthropic", "claude-sonnet-4-5", &plain(1000, 0), Some("priority"), NOW).unwrap();
        assert_eq!((odd.total.nano(), odd.unknown_tier), (3_000_000, true));
        assert_eq!(book().charge("openai", "gpt-4o", &plain(1, 1), Some("scale"), NOW), None);
    }

    #[test]
    fn unknown_is_unpriced_and_free_is_zero() {
        for (provider, model) in [("openai", "whisper-1"), ("openai", "nonsense"), ("nobody", "gpt-4o")] {
            assert_eq!(book().charge(provider, model, &plain(10, 10), None, NOW), None, "{provider} {model}");
        }
        // Output of a model that has no output rate was not foreseen by the book: unpriced, not free.
        assert_eq!(book().charge("openai", "text-embedding-3-small", &plain(8, 1), None, NOW), None);
        let free = book().charge("openrouter", "qwen/qwq-32b:free", &plain(10, 10), None, NOW).unwrap();
        assert_eq!((free.total, free.is_complete()), (Nano::ZERO, true));
    }

    #[test]
    fn units_without_rates_are_unpriced_whatever_the_model() {
        let pages = Usage { pages: Some(2), ..Usage::default() };
        let searches = Usage { search_units: Some(1), ..plain(10, 0) };
        let none = Usage { pages: Some(0), search_units: Some(0), ..plain(1000, 0) };
        for usage in [&pages, &searches] {
            assert_eq!(book().charge("openai", "gpt-4o", usage, None, NOW), None, "{usage:?}");
        }
        assert_eq!(nano("openai", "gpt-4o", &none, None), 2_500_000);
    }

    #[test]
    fn a_search_without_a_rate_is_a_line_without_a_rate() {
        let usage = Usage { web_search_requests: Some(3), ..plain(1000, 0) };
        let charge = book().charge("openai", "gpt-4", &usage, None, NOW).unwrap();
        let line = charge.items.last().unwrap();
        assert_eq!(
            (line.kind, line.quantity, line.femto_per_unit, line.amount),
            (Kind::WebSearch, 3, None, Nano::ZERO)
        );
        assert!(!charge.is_complete());
    }

    #[test]
    fn configured_rates_win_over_the_book_for_every_model() {
        let rates = ConfiguredRates::parse("0.10", "0.30").unwrap();
        let book = book().with_rates("VLLM", rates.clone()).with_rates("openai", rates);
        for (provider, model) in [("vllm", "anything"), ("openai", "gpt-4o")] {
            let usage = Usage { cache_read_tokens: Some(500), ..plain(1000, 100) };
            let charge = book.charge(provider, model, &usage, Some("priority"), NOW).unwrap();
            assert_eq!(charge.total, Nano::new(130_000), "{provider}");
        }
        assert_eq!(book.charge("other", "anything", &plain(1, 1), None, NOW), None);
    }

    #[test]
    fn marginal_rates_follow_thresholds_and_fall_back_to_input() {
        let small = book().rates("anthropic", "claude-sonnet-4-5", None, NOW, 200_000).unwrap();
        let expected = Rates {
            input: 3_000_000_000,
            cache_read: 300_000_000,
            cache_write: 3_750_000_000,
            cache_write_1h: 6_000_000_000,
            output: 15_000_000_000,
            request: 0,
        };
        assert_eq!(small, expected);
        assert_eq!(
            book().rates("anthropic", "claude-sonnet-4-5", None, NOW, 200_001).unwrap().output,
            22_500_000_000
        );
        let embedding = book().rates("openai", "text-embedding-3-small", None, NOW, 1).unwrap();
        assert_eq!((embedding.cache_read, embedding.output), (20_000_000, 0));
        assert_eq!(book().rates("openai", "nonsense", None, NOW, 1), None);
    }

    #[test]
    fn nothing_used_costs_nothing_anywhere() {
        for (provider, model) in
            [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4"), ("perplexity", "sonar")]
        {
            for usage in [Usage::default(), plain(0, 0)] {
                assert_eq!(
                    book().charge(provider, model, &usage, None, NOW),
                    Some(Charge::default()),
                    "{model}"
                );
            }
        }
    }

    const PRICED: [(&str, &str); 5] = [
        ("openai", "gpt-4o"),
        ("openai", "gpt-realtime"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"),
        ("perplexity", "sonar-deep-research"),
    ];

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_lines_none_of_them_negative(usage in usages(), which in 0..PRICED.len()) {
            let (provider, model) = PRICED[which];
            let charge = book().charge(provider, model, &usage, None, NOW).unwrap();
            prop_assert_eq!(charge.items.iter().map(|item| item.amount).sum::<Nano>(), charge.total);
            for item in &charge.items {
                prop_assert!(item.amount >= Nano::ZERO && item.quantity > 0);
            }
        }

        #[test]
        fn more_usage_never_costs_less(usage in usages(), which in 0..PRICED.len(), more in 1..300_000_u64) {
            let (provider, model) = PRICED[which];
            let total = |usage: &Usage| book().charge(provider, model, usage, None, NOW).unwrap().total;
            let add = |stated: Option<u64>| stated.map(|stated| stated.saturating_add(more));
            let before = total(&usage);
            for larger in [
                Usage { input_tokens: add(usage.input_tokens), ..usage.clone() },
                Usage { output_tokens: add(usage.output_tokens), ..usage.clone() },
                Usage { web_search_requests: add(usage.web_search_requests), ..usage.clone() },
            ] {
                prop_assert!(total(&larger) >= before, "{:?} then {:?}", usage, larger);
            }
        }
    }
}
