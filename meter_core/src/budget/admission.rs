//! The answer to a reservation or an extension: admitted, or refused by which budget and why.
//!
//! It refuses to know statuses and bodies; the refusal in a provider's own words is made elsewhere.

use std::sync::Arc;

use crate::budget::amount::{Measure, Quantity};

/// What the budgets say about an exchange that wants to start, or to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// The first enforced budget that does not have room. If present, nothing was held anywhere.
    pub refused: Option<Refusal>,
    /// The first shadow budget that does not have room; looked at only when nothing refused.
    pub would_refuse: Option<Refusal>,
}

impl Admission {
    /// Whether the exchange may start, or go on.
    pub const fn is_admitted(&self) -> bool {
        self.refused.is_none()
    }
}

/// A budget without room, as it stood when asked. All quantities are in `reason`'s unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The budget's name.
    pub budget: Arc<str>,
    /// The account within it: `user=ana`, `other`, or nothing where there is but one.
    pub account: Arc<str>,
    /// Which part of the limit binds.
    pub reason: Measure,
    /// What was asked for.
    pub asked: Quantity,
    /// The most that may be spent.
    pub limit: Quantity,
    /// What is settled or forfeited.
    pub spent: Quantity,
    /// What open reservations hold.
    pub held: Quantity,
    /// What is left, never below nothing.
    pub remaining: Quantity,
    /// When the budget renews, ns since the epoch; `None` if it never does, or per request.
    pub resets_at_ns: Option<i64>,
}
