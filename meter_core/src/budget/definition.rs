//! A budget as it was configured: scope, limit, window, mode. It refuses to know what is spent.

use std::sync::Arc;

use crate::budget::amount::Limit;
use crate::budget::error::BudgetError;
use crate::budget::scope::Scope;
use crate::budget::window::Window;
use crate::limits::{ALERT_PERMILLE_MAX, ALERTS_PER_BUDGET_MAX, NAME_BYTES_MAX};
use crate::money::Nano;

/// How seriously a budget is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It counts nothing and refuses nothing.
    Off,
    /// It counts, holds and says what it would refuse.
    #[default]
    Shadow,
    /// It refuses.
    Enforce,
}

impl Mode {
    /// The configuration value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::Enforce => "enforce",
        }
    }
}

/// What happens to an exchange that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnExceed {
    /// It is refused.
    #[default]
    Refuse,
}

/// One configured budget.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Unique name, at most `limits::NAME_BYTES_MAX` bytes.
    pub name: Arc<str>,
    /// Which exchanges it applies to.
    pub scope: Scope,
    /// The most that may be spent per window; at least one part is present.
    pub limit: Limit,
    /// When it renews.
    pub window: Window,
    /// Off, shadow or enforce.
    pub mode: Mode,
    /// Thresholds in thousandths of the limit, each reported once per account and window.
    pub alert_at: Vec<u16>,
    /// What happens to an exchange that does not fit.
    pub on_exceed: OnExceed,
    /// Whether what earlier processes spent counts; a cap on one run starts at nothing.
    pub remembers: bool,
}

impl Budget {
    /// Whether the budget can be used, on its own.
    pub(super) fn check(&self) -> Result<(), BudgetError> {
        let name = || self.name.to_string();
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX {
            return Err(BudgetError::Name(name()));
        }
        if self.limit.is_unlimited() {
            return Err(BudgetError::NoLimit(name()));
        }
        if self.limit.usd.is_some_and(|usd| usd < Nano::ZERO) {
            return Err(BudgetError::NegativeLimit(name()));
        }
        let sensible = |permille: &u16| (1..=ALERT_PERMILLE_MAX).contains(permille);
        if self.alert_at.len() > ALERTS_PER_BUDGET_MAX || !self.alert_at.iter().all(sensible) {
            return Err(BudgetError::AlertThreshold(name()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::window::Period;

    #[test]
    fn a_budget_that_makes_no_sense_is_refused() {
        let good = Budget {
            name: "day".into(),
            scope: Scope::default(),
            limit: Limit { usd: Some(Nano::ZERO), ..Limit::default() },
            window: Window::utc(Period::Day),
            mode: Mode::Enforce,
            alert_at: vec![1, ALERT_PERMILLE_MAX],
            on_exceed: OnExceed::Refuse,
            remembers: true,
        };
        assert_eq!(good.check(), Ok(()));
        let usd = Some(Nano::new(-1));
        let cases = [
            (Budget { name: "".into(), ..good.clone() }, BudgetError::Name(String::new())),
            (Budget { limit: Limit::default(), ..good.clone() }, BudgetError::NoLimit("day".into())),
            (
                Budget { limit: Limit { usd, ..good.limit }, ..good.clone() },
                BudgetError::NegativeLimit("day".into()),
            ),
            (Budget { alert_at: vec![0], ..good.clone() }, BudgetError::AlertThreshold("day".into())),
            (Budget { alert_at: vec![500; 17], ..good }, BudgetError::AlertThreshold("day".into())),
        ];
        for (budget, error) in cases {
            assert_eq!(budget.check(), Err(error));
        }
    }
}
