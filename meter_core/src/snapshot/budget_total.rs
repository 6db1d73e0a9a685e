//! Budgets for metrics: one sum for each budget, whatever number of accounts it has. The values that tell its accounts apart
//! (users, fingerprints of keys) must never become a label, nor may their number be that of the series.

use std::sync::Arc;

use crate::budget::{Amount, BudgetState, Limit};

/// The accounts of one budget taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetTotal {
    /// The budget's name.
    pub name: Arc<str>,
    /// How long its windows last: `day`.
    pub window: &'static str,
    /// The limit of each account.
    pub limit: Limit,
    /// What all accounts have spent in their current windows.
    pub spent: Amount,
    /// What the open reservations of all accounts hold.
    pub held: Amount,
}

/// The totals of `states`, in which the accounts of one budget follow each other.
pub(super) fn totals(states: &[BudgetState]) -> Vec<BudgetTotal> {
    let mut totals: Vec<BudgetTotal> = Vec::new();
    for state in states {
        match totals.last_mut().filter(|total| total.name == state.name) {
            Some(total) => {
                total.spent = total.spent.plus(state.spent);
                total.held = total.held.plus(state.held);
            }
            None => totals.push(BudgetTotal {
                name: Arc::clone(&state.name),
                window: state.period.name(),
                limit: state.limit,
                spent: state.spent,
                held: state.held,
            }),
        }
    }
    totals
}
