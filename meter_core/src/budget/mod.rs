//! Budgets: what may be spent, by whom, per window, and what is spent and held of it now.
//!
//! An exchange is admitted by a *reservation* that holds its likely cost in every budget attached to it, grows by
//! *extension*, and ends by *settlement* (the actual replaces the hold), *release* (all of it is given back) or
//! *expiry* (nobody reported: the hold counts as spent until a late settlement corrects it).
//!
//! The bound this gives: an enforced limit is exceeded by at most the sum of what exchanges settled above their
//! holds (`BudgetState::overshoot`), whatever the interleaving of reports.
//!
//! This folder refuses to know prices, wire formats, stores and the clock: amounts and the time are arguments, the
//! caller holds the lock.

mod account;
mod accounts;
mod admission;
mod amount;
mod budgets;
mod definition;
mod error;
mod reservation;
mod scope;
mod settlement;
mod window;

#[cfg(test)]
mod model_test;

pub use accounts::BudgetState;
pub use admission::{Admission, Refusal};
pub use amount::{Amount, Limit, Measure, Quantity};
pub use budgets::{Budgets, Overflows};
pub use definition::{Budget, Mode, OnExceed};
pub use error::BudgetError;
pub use scope::{Dimension, Scope, Subject};
pub use settlement::{Alert, Expiry, Settlement};
pub use window::{Period, Window, WindowKey};
