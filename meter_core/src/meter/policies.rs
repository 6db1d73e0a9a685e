//! What to do where no budget speaks.

use crate::budget::Mode;

/// What to do with a billable request whose model has no price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unpriced {
    /// Let it pass; its cost is unknown and counted as such.
    #[default]
    Allow,
    /// Refuse it: a budget in money cannot hold what has no price.
    Refuse,
    /// Price it as this model (`model` of the same provider, or `provider/model`).
    PriceAs(String),
}

/// All policies.
#[derive(Clone, Debug)]
pub struct Policies {
    /// For models without a price.
    pub unpriced: Unpriced,
    /// Whether policies act, only count, or are off.
    pub mode: Mode,
}

impl Default for Policies {
    fn default() -> Self {
        Self { unpriced: Unpriced::Allow, mode: Mode::Enforce }
    }
}
