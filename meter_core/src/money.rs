//! Money is an integer number of nano-US-dollars; this file owns the type and its one rounding rule.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// An amount of money in nano-USD (1e-9 USD), 128 bits wide so that sums over years cannot overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nano(i128);

/// One US dollar in nano-USD.
const NANO_PER_USD: i128 = 1_000_000_000;
/// Decimal places of a nano-USD amount written in dollars.
const DECIMALS: usize = 9;

impl Nano {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The amount of `nano` billionths of a dollar.
    pub const fn new(nano: i128) -> Self {
        Self(nano)
    }

    /// Rounds femto-USD (1e-15 USD, what quantity x rate is computed in) half up, away from zero, once.
    pub const fn from_femto(femto: i128) -> Self {
        const FEMTO_PER_NANO: i128 = 1_000_000;
        let half = if femto < 0 { -FEMTO_PER_NANO / 2 } else { FEMTO_PER_NANO / 2 };
        Self((femto + half) / FEMTO_PER_NANO)
    }

    /// The raw number of nano-USD.
    pub const fn nano(self) -> i128 {
        self.0
    }

    /// Parses a plain decimal number of dollars (`"0.50"`, `"1e-7"` is not accepted); at most nine decimals.
    pub fn parse_usd(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.len() > DECIMALS || whole.len() > 18 {
            return None;
        }
        let mut nano: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            nano = nano * 10 + i128::from(byte - b'0');
        }
        for _ in fraction.len()..DECIMALS {
            nano *= 10;
        }
        Some(Self(if negative { -nano } else { nano }))
    }

    /// The larger of this amount and nothing.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }
}

/// Dollars with as many decimals as are needed and at least two: `0.00`, `1.25`, `0.000000150`.
impl fmt::Display for Nano {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = (self.0 / NANO_PER_USD).unsigned_abs();
        let mut fraction = format!("{:09}", (self.0 % NANO_PER_USD).unsigned_abs());
        while fraction.len() > 2 && fraction.ends_with('0') {
            fraction.pop();
        }
        write!(out, "{sign}{whole}.{fraction}")
    }
}

impl Add for Nano {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Nano {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Nano {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Nano {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Nano {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Nano {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_round_trip_through_text() {
        for text in ["0.00", "0.50", "-1.25", "47000.00", "0.000000001", "0.00000015"] {
            assert_eq!(Nano::parse_usd(text).unwrap().to_string(), text);
        }
        for text in ["", ".", "1e3", "0.0000000001", "1,000", "--1", "0x1"] {
            assert_eq!(Nano::parse_usd(text), None, "{text}");
        }
    }

    #[test]
    fn femto_rounds_half_away_from_zero() {
        let cases = [(499_999, 0), (500_000, 1), (-499_999, 0), (-500_000, -1), (1_500_000, 2)];
        for (femto, nano) in cases {
            assert_eq!(Nano::from_femto(femto), Nano::new(nano));
        }
    }
}
