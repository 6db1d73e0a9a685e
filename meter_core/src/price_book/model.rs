//! One model of the book: its dated rate cards and its service tiers. It refuses to know names and usage.

use super::clause::Clause;
use super::rate::{Kind, Rate, RateCard};
use serde::Deserialize;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// One model of one provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    id: String,
    context_window: Option<u64>,
    #[serde(default)]
    free: bool,
    prices: Vec<Period>,
    #[serde(default)]
    tiers: Vec<Variant>,
    /// What is left to evaluate once exact names are in the provider's index.
    #[serde(rename = "match")]
    pub(super) clause: Option<Clause>,
}

impl Model {
    /// The book's identifier, which may differ from the name asked for.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Largest number of input tokens, where the book knows it.
    pub fn context_window(&self) -> Option<u64> {
        self.context_window
    }

    /// The rates at `at_ns` (nanoseconds since 1970, UTC) on a service tier; `None` when the book has none.
    ///
    /// Of the dated cards the last active one holds, or the first if none is. Of the tier's variants the first active
    /// one that states a kind overrides that kind alone.
    pub(super) fn sheet(&self, at_ns: i64, tier: Option<&str>) -> Option<Sheet<'_>> {
        let active = self.prices.iter().rev().find(|period| period.when.is_active(at_ns));
        let standard = &active.or(self.prices.first())?.rates;
        if standard.is_empty() && !self.free {
            return None;
        }
        let on_tier =
            |variant: &&Variant| tier == Some(variant.tier.as_str()) && variant.when.is_active(at_ns);
        let variants = self.tiers.iter().filter(on_tier).map(|variant| &variant.rates).collect();
        Some(Sheet { standard, variants, free: self.free })
    }
}

/// When a rate card holds: from a day on, or in a part of every day, or always. Days are UTC.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    from_day: Option<i64>,
    between: Option<(i64, i64)>,
}

impl When {
    fn is_active(&self, at_ns: i64) -> bool {
        let at = at_ns.div_euclid(NANOS_PER_SECOND);
        let (day, second) = (at.div_euclid(SECONDS_PER_DAY), at.rem_euclid(SECONDS_PER_DAY));
        let in_part = |(start, end): (i64, i64)| {
            if end < start { second >= start || second < end } else { start <= second && second < end }
        };
        self.from_day.is_none_or(|from| day >= from) && self.between.is_none_or(in_part)
    }
}

/// A dated rate card.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    #[serde(default)]
    when: When,
    rates: RateCard,
}

/// What differs on one service tier.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    tier: String,
    #[serde(default)]
    when: When,
    rates: RateCard,
}

/// The rates of one model at one instant on one service tier.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    standard: &'a RateCard,
    variants: Vec<&'a RateCard>,
    free: bool,
}

impl<'a> Sheet<'a> {
    /// A sheet of one card.
    pub(super) fn flat(card: &'a RateCard) -> Self {
        Self { standard: card, variants: Vec::new(), free: false }
    }

    /// The rate stated for `kind` itself.
    pub(crate) fn rate(&self, kind: Kind) -> Option<&'a Rate> {
        self.variants.iter().find_map(|card| card.get(kind)).or_else(|| self.standard.get(kind))
    }

    /// Whether the book knows the tier that was asked for.
    pub(crate) fn knows_tier(&self) -> bool {
        !self.variants.is_empty()
    }

    /// Whether the provider states that the model costs nothing.
    pub(crate) fn is_free(&self) -> bool {
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = SECONDS_PER_DAY * NANOS_PER_SECOND;

    fn model(json: &str) -> Model {
        serde_json::from_str(json).unwrap()
    }

    fn input_at(model: &Model, at_ns: i64, tier: Option<&str>) -> u64 {
        model.sheet(at_ns, tier).unwrap().rate(Kind::Input).unwrap().at(0)
    }

    #[test]
    fn the_last_active_period_holds_and_the_first_when_none_is() {
        let dated = model(
            r#"{"id":"m","match":{"equals":"m"},"prices":[{"when":{"from_day":10},"rates":{"input":[1]}},
                {"when":{"from_day":20},"rates":{"input":[2]}}]}"#,
        );
        for (at_ns, femto) in [(-1, 1), (0, 1), (20 * DAY - 1, 1), (20 * DAY, 2), (i64::MAX, 2)] {
            assert_eq!(input_at(&dated, at_ns, None), femto, "{at_ns}");
        }
    }

    #[test]
    fn part_of_day_wraps_midnight_and_excludes_its_end() {
        let night = model(
            r#"{"id":"m","match":{"equals":"m"},"prices":[{"rates":{"input":[9]}},
                {"when":{"between":[59400,1800]},"rates":{"input":[5]}}]}"#,
        );
        let second = NANOS_PER_SECOND;
        for (at, femto) in [(59_399, 9), (59_400, 5), (86_399, 5), (0, 5), (1_799, 5), (1_800, 9)] {
            assert_eq!(input_at(&night, 7 * DAY + at * second, None), femto, "{at}");
        }
    }

    #[test]
    fn a_tier_overrides_only_the_kinds_it_states_and_only_while_active() {
        let tiered = model(
            r#"{"id":"m","match":{"equals":"m"},"prices":[{"rates":{"input":[10],"output":[20]}}],
                "tiers":[{"tier":"flex","when":{"from_day":3},"rates":{"input":[7]}},{"tier":"flex","rates":{"input":[5]}},
                         {"tier":"priority","when":{"from_day":3},"rates":{"input":[30]}}]}"#,
        );
        assert_eq!(input_at(&tiered, 0, None), 10);
        assert_eq!(input_at(&tiered, 0, Some("flex")), 5);
        assert_eq!(input_at(&tiered, 3 * DAY, Some("flex")), 7);
        assert_eq!(tiered.sheet(3 * DAY, Some("flex")).unwrap().rate(Kind::Output).unwrap().at(0), 20);
        assert!(!tiered.sheet(0, Some("priority")).unwrap().knows_tier());
        assert!(tiered.sheet(3 * DAY, Some("priority")).unwrap().knows_tier());
    }

    #[test]
    fn no_rates_is_unpriced_unless_stated_free() {
        assert!(
            model(r#"{"id":"m","match":{"equals":"m"},"prices":[{"rates":{}}]}"#).sheet(0, None).is_none()
        );
        let free = model(r#"{"id":"m","free":true,"match":{"equals":"m"},"prices":[{"rates":{}}]}"#);
        assert!(free.sheet(0, None).unwrap().is_free());
    }
}
