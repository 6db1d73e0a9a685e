//! Budgets for metrics: one sum for each budget, whatever number of accounts it has, and how far the fullest account is. The
//! values that tell its accounts apart (users, fingerprints of keys) must never become a label, nor may their number be that of
//! the series.

use std::sync::Arc;

use crate::budget::{Amount, BudgetState, Limit, Measure};

const MILLION: i128 = 1_000_000;

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
    /// How many accounts there are.
    pub accounts: usize,
    /// Millionths of its limit that the account has spent which has spent most of it.
    pub spent_ppm: i128,
    /// Millionths of its limit that are spent or held in the account that is nearest to it.
    pub used_ppm: i128,
}

/// The totals of `states`, in which the accounts of one budget follow each other.
pub(super) fn totals(states: &[BudgetState]) -> Vec<BudgetTotal> {
    let mut totals: Vec<BudgetTotal> = Vec::new();
    for state in states {
        let spent_ppm = share_ppm(state.limit, state.spent);
        let used_ppm = share_ppm(state.limit, state.spent.or_zero().plus(state.held));
        match totals.last_mut().filter(|total| total.name == state.name) {
            Some(total) => {
                total.spent = total.spent.plus(state.spent);
                total.held = total.held.plus(state.held);
                total.accounts += 1;
                total.spent_ppm = total.spent_ppm.max(spent_ppm);
                total.used_ppm = total.used_ppm.max(used_ppm);
            }
            None => totals.push(BudgetTotal {
                name: Arc::clone(&state.name),
                window: state.period.name(),
                limit: state.limit,
                spent: state.spent,
                held: state.held,
                accounts: 1,
                spent_ppm,
                used_ppm,
            }),
        }
    }
    totals
}

/// Millionths of `limit` that `amount` is, by the measure that is nearest to it. Nothing of no limit is a share.
fn share_ppm(limit: Limit, amount: Amount) -> i128 {
    let shares = Measure::ALL.into_iter().filter_map(|measure| {
        let of = limit.of(measure)?.units();
        amount.of(measure).units().saturating_mul(MILLION).checked_div(of)
    });
    shares.max().unwrap_or(0).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Nano;

    fn dollars(text: &str) -> Nano {
        Nano::parse_usd(text).unwrap()
    }

    #[test]
    fn the_measure_that_is_nearest_to_its_limit_counts() {
        let limit = Limit { usd: Some(dollars("2")), tokens: Some(1000), requests: None };
        let amount = |usd, tokens| Amount { usd: dollars(usd), tokens, requests: 99 };

        assert_eq!(share_ppm(limit, amount("1", 100)), 500_000);
        assert_eq!(share_ppm(limit, amount("1", 900)), 900_000);
        assert_eq!(share_ppm(limit, amount("5", 0)), 2_500_000);
    }

    #[test]
    fn what_was_given_back_and_what_has_no_limit_is_no_share() {
        let nothing = Limit { usd: Some(Nano::ZERO), tokens: None, requests: None };
        let one = Limit { usd: Some(dollars("1")), ..nothing };
        let amount = Amount { usd: dollars("1"), tokens: 7, requests: 7 };

        assert_eq!(share_ppm(nothing, amount), 0);
        assert_eq!(share_ppm(one, Amount::ZERO.minus(amount)), 0);
    }
}
