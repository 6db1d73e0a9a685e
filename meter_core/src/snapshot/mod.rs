//! What the exporters read: one consistent copy of all counters, histograms and budget accounts.

mod budget_total;
mod histogram;
mod labels;
mod series;
mod tally;

pub use budget_total::BudgetTotal;
pub use histogram::{Distribution, Histogram};
pub use labels::LabelSet;
pub use series::Series;
pub use tally::{Key, Tally};

use crate::budget::BudgetState;

/// Everything counted so far, and the budgets as they stand.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Counters and histograms.
    pub tally: Tally,
    /// One state per budget account.
    pub budgets: Vec<BudgetState>,
    /// Exchanges that are open now.
    pub open_exchanges: u64,
}

impl Snapshot {
    /// One total for each budget that has an account.
    pub fn budget_totals(&self) -> Vec<BudgetTotal> {
        budget_total::totals(&self.budgets)
    }
}
