//! What the end of a reservation tells: overshoot, and alert thresholds crossed. It refuses to know who is told.

use std::sync::Arc;

use crate::budget::amount::{Amount, Quantity};
use crate::budget::window::WindowKey;

/// The result of settling one reservation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Whether this call changed the accounts; false for a repeated or unknown id.
    pub settled: bool,
    /// How far the actual lies above what was held.
    pub overshoot: Amount,
    /// Thresholds crossed for the first time in their window.
    pub alerts: Vec<Alert>,
}

/// The reservations that lost their owner and now count as spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Their ids, earliest expiry first.
    pub ids: Vec<u128>,
    /// Thresholds crossed for the first time in their window.
    pub alerts: Vec<Alert>,
}

/// The alerts raised by one report.
#[derive(Debug)]
pub(super) struct Alerts {
    /// When the report came.
    pub(super) at_ns: i64,
    pub(super) crossed: Vec<Alert>,
}

impl Alerts {
    pub(super) const fn at(at_ns: i64) -> Self {
        Self { at_ns, crossed: Vec::new() }
    }
}

/// A threshold crossed, once per account and window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The budget's name.
    pub budget: Arc<str>,
    /// The account within it: `user=ana`, `other`, or nothing where there is but one.
    pub account: Arc<str>,
    /// The threshold in thousandths of the limit.
    pub permille: u16,
    /// What is spent, in the measure that reached it.
    pub spent: Quantity,
    /// The limit on that measure.
    pub limit: Quantity,
    /// The window it is spent in: that of the admission, which may be over.
    pub window: WindowKey,
    /// When it was crossed, ns since the epoch.
    pub at_ns: i64,
}
