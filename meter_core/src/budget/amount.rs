//! What a budget counts: amounts of money, tokens and requests, and limits on any of them.
//!
//! Integer and saturating throughout. It refuses to know who spends and when.

use std::fmt;

use crate::money::Nano;

/// Money, tokens and requests of one exchange, hold or sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Money in nano-USD.
    pub usd: Nano,
    /// Input plus output tokens.
    pub tokens: u64,
    /// Exchanges; one reservation normally asks for 1.
    pub requests: u64,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { usd: Nano::ZERO, tokens: 0, requests: 0 };

    /// The sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            usd: self.usd + other.usd,
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    /// The difference; tokens and requests stop at nothing, money may go below it (corrections do).
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            usd: self.usd - other.usd,
            tokens: self.tokens.saturating_sub(other.tokens),
            requests: self.requests.saturating_sub(other.requests),
        }
    }

    /// How far each part lies above `other`; nothing where it does not.
    #[must_use]
    pub fn above(self, other: Self) -> Self {
        self.minus(other).or_zero()
    }

    /// The amount without negative money: a hold must never make room for another.
    #[must_use]
    pub fn or_zero(self) -> Self {
        Self { usd: self.usd.or_zero(), ..self }
    }

    /// The part that `measure` names.
    pub fn of(self, measure: Measure) -> Quantity {
        match measure {
            Measure::Usd => Quantity::Usd(self.usd),
            Measure::Tokens => Quantity::Tokens(self.tokens),
            Measure::Requests => Quantity::Requests(self.requests),
        }
    }
}

/// What a limit is expressed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Money.
    Usd,
    /// Input plus output tokens.
    Tokens,
    /// Exchanges.
    Requests,
}

impl Measure {
    /// All measures, in the order in which a limit is checked.
    pub const ALL: [Self; 3] = [Self::Usd, Self::Tokens, Self::Requests];

    /// The configuration key: `usd`, `tokens`, `requests`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Tokens => "tokens",
            Self::Requests => "requests",
        }
    }
}

/// One number with its measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Money in nano-USD.
    Usd(Nano),
    /// Tokens.
    Tokens(u64),
    /// Exchanges.
    Requests(u64),
}

impl Quantity {
    /// The measure it is expressed in.
    pub const fn measure(self) -> Measure {
        match self {
            Self::Usd(_) => Measure::Usd,
            Self::Tokens(_) => Measure::Tokens,
            Self::Requests(_) => Measure::Requests,
        }
    }

    /// The bare number in the measure's unit: nano-USD, tokens or exchanges.
    pub(crate) const fn units(self) -> i128 {
        match self {
            Self::Usd(usd) => usd.nano(),
            Self::Tokens(count) | Self::Requests(count) => count as i128,
        }
    }
}

/// `1.25 USD`, `300 tokens`, `7 requests`.
impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usd(usd) => write!(out, "{usd} USD"),
            Self::Tokens(count) => write!(out, "{count} tokens"),
            Self::Requests(count) => write!(out, "{count} requests"),
        }
    }
}

/// The most that may be spent; absent parts are unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Money in nano-USD.
    pub usd: Option<Nano>,
    /// Input plus output tokens.
    pub tokens: Option<u64>,
    /// Exchanges.
    pub requests: Option<u64>,
}

impl Limit {
    /// The limit on one measure, if there is one.
    pub fn of(self, measure: Measure) -> Option<Quantity> {
        match measure {
            Measure::Usd => self.usd.map(Quantity::Usd),
            Measure::Tokens => self.tokens.map(Quantity::Tokens),
            Measure::Requests => self.requests.map(Quantity::Requests),
        }
    }

    /// Whether nothing is limited.
    pub const fn is_unlimited(self) -> bool {
        self.usd.is_none() && self.tokens.is_none() && self.requests.is_none()
    }

    /// The first measure for which `more` does not fit beside `taken`.
    ///
    /// A measure of which nothing is asked never binds: a stream that only renews its expiry keeps running in a
    /// budget that has been overrun.
    pub fn binding(self, taken: Amount, more: Amount) -> Option<Measure> {
        let total = taken.plus(more);
        Measure::ALL.into_iter().find(|&measure| {
            more.of(measure).units() > 0
                && self.of(measure).is_some_and(|limit| total.of(measure).units() > limit.units())
        })
    }

    /// The first measure of which `spent` has reached `permille` thousandths of the limit.
    pub fn reached(self, spent: Amount, permille: u16) -> Option<Measure> {
        Measure::ALL.into_iter().find(|&measure| {
            let spent = spent.of(measure).units();
            self.of(measure).is_some_and(|limit| {
                spent > 0 && spent.saturating_mul(1000) >= limit.units().saturating_mul(i128::from(permille))
            })
        })
    }

    /// How far `spent` lies above the limit, in the measures that are limited.
    pub fn excess(self, spent: Amount) -> Amount {
        Amount {
            usd: self.usd.map_or(Nano::ZERO, |limit| (spent.usd - limit).or_zero()),
            tokens: self.tokens.map_or(0, |limit| spent.tokens.saturating_sub(limit)),
            requests: self.requests.map_or(0, |limit| spent.requests.saturating_sub(limit)),
        }
    }

    /// What is left beside `taken`, never below nothing; absent parts stay unlimited.
    #[must_use]
    pub fn left(self, taken: Amount) -> Self {
        Self {
            usd: self.usd.map(|limit| (limit - taken.usd).or_zero()),
            tokens: self.tokens.map(|limit| limit.saturating_sub(taken.tokens)),
            requests: self.requests.map(|limit| limit.saturating_sub(taken.requests)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(nano: i128, tokens: u64, requests: u64) -> Amount {
        Amount { usd: Nano::new(nano), tokens, requests }
    }

    #[test]
    fn a_limit_binds_above_not_at_its_value_and_only_where_something_is_asked() {
        let limit = Limit { usd: Some(Nano::new(100)), tokens: None, requests: Some(3) };
        assert_eq!(limit.binding(amount(60, 9, 2), amount(40, 9, 1)), None);
        assert_eq!(limit.binding(amount(60, 9, 2), amount(41, 9, 1)), Some(Measure::Usd));
        assert_eq!(limit.binding(amount(60, 9, 3), amount(40, 9, 1)), Some(Measure::Requests));
        assert_eq!(limit.binding(amount(900, 9, 9), amount(0, 9, 0)), None);
    }

    #[test]
    fn thresholds_are_reached_at_their_exact_thousandth() {
        let limit = Limit { usd: Some(Nano::new(2000)), ..Limit::default() };
        assert_eq!(limit.reached(amount(999, 0, 0), 500), None);
        assert_eq!(limit.reached(amount(1000, 0, 0), 500), Some(Measure::Usd));
        let nothing = Limit { tokens: Some(0), ..Limit::default() };
        assert_eq!(nothing.reached(amount(5, 0, 1), 500), None);
        assert_eq!(nothing.reached(amount(5, 1, 1), 500), Some(Measure::Tokens));
    }

    #[test]
    fn extremes_saturate() {
        let most = amount(i128::MAX, u64::MAX, u64::MAX);
        assert_eq!(most.plus(most), most);
        let limit = Limit { usd: Some(Nano::new(i128::MAX)), tokens: Some(u64::MAX), requests: None };
        assert_eq!(limit.reached(most, 10_000), Some(Measure::Usd));
        assert_eq!(limit.left(most.plus(most)).tokens, Some(0));
        assert_eq!(Amount::ZERO.minus(amount(1, 1, 1)).or_zero(), Amount::ZERO);
    }
}
