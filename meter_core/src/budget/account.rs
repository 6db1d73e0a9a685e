//! One account of a budget: what is spent and held in the current window, and in past windows that still hold.
//!
//! It refuses to know which exchanges mean it, and reservation ids.

use std::sync::Arc;

use crate::budget::amount::Amount;
use crate::budget::definition::Budget;
use crate::budget::settlement::{Alert, Alerts};
use crate::budget::window::{Period, WindowKey};

/// The sums of one account in one window.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) window: WindowKey,
    pub(super) spent: Amount,
    pub(super) held: Amount,
    /// How far the window was settled above its limit. Per request: the sum over the exchanges.
    pub(super) overrun: Amount,
    /// How far exchanges were settled above what they held, summed.
    pub(super) overshoot: Amount,
    /// One bit per threshold already reported.
    alerted: u16,
    /// Reservations that may still be settled in this window: the open and the forfeited ones.
    reservations: usize,
}

/// The accounts of one budget differ by label only.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) label: Arc<str>,
    pub(super) current: Tally,
    /// Windows that ended with reservations in flight, oldest first; gone with the last of them.
    past: Vec<Tally>,
    pub(super) refusals: u64,
    pub(super) would_refuse: u64,
}

/// How a reservation stood when its end was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// What it held.
    pub(super) held: Amount,
    /// Whether it had expired, so that the hold already counts as spent.
    pub(super) forfeited: bool,
    /// What was really spent.
    pub(super) actual: Amount,
}

impl Account {
    pub(super) fn new(label: Arc<str>) -> Self {
        let current = Tally::new(WindowKey::NEVER);
        Self { label, current, past: Vec::new(), refusals: 0, would_refuse: 0 }
    }

    /// Starts a new window unless it is the current one.
    pub(super) fn roll(&mut self, window: WindowKey) {
        if self.current.window != window {
            let ended = std::mem::replace(&mut self.current, Tally::new(window));
            if ended.reservations > 0 {
                self.past.push(ended);
            }
        }
    }

    /// Whether nothing of the account is needed any more: no spend in `window`, no reservation anywhere.
    pub(super) fn is_idle(&self, window: WindowKey) -> bool {
        let spends = self.current.window == window && self.current.spent != Amount::ZERO;
        !spends && self.current.reservations == 0 && self.past.is_empty()
    }

    /// The sums of the window that starts at `start_ns`.
    pub(super) fn tally(&self, start_ns: i64) -> Option<&Tally> {
        if self.current.window.start_ns == start_ns {
            return Some(&self.current);
        }
        let place = self.past.binary_search_by_key(&start_ns, |tally| tally.window.start_ns).ok()?;
        self.past.get(place)
    }

    fn tally_mut(&mut self, start_ns: i64) -> Option<&mut Tally> {
        if self.current.window.start_ns == start_ns {
            return Some(&mut self.current);
        }
        let place = self.past.binary_search_by_key(&start_ns, |tally| tally.window.start_ns).ok()?;
        self.past.get_mut(place)
    }

    /// Holds the first amount of a reservation in the current window.
    pub(super) fn hold(&mut self, amount: Amount) {
        self.current.held = self.current.held.plus(amount);
        self.current.reservations += 1;
    }

    /// Holds more for a reservation; a forfeited one spends it at once.
    pub(super) fn hold_more(&mut self, budget: &Budget, start_ns: i64, more: Amount, forfeited: bool) {
        let Some(tally) = self.tally_mut(start_ns) else { return };
        if forfeited {
            tally.spend(budget, Amount::ZERO, more);
        } else {
            tally.held = tally.held.plus(more);
        }
    }

    /// Counts a hold without owner as spent. Without a place for alerts they come with the next settlement.
    pub(super) fn forfeit(
        &mut self,
        budget: &Budget,
        start_ns: i64,
        held: Amount,
        alerts: Option<&mut Alerts>,
    ) {
        let Some(tally) = self.tally_mut(start_ns) else { return };
        tally.held = tally.held.minus(held);
        tally.spend(budget, Amount::ZERO, held);
        if let Some(alerts) = alerts {
            let (spent, fired) = (tally.spent, tally.fire(budget));
            self.report(budget, start_ns, spent, fired, alerts);
        }
    }

    /// Replaces a hold by what was really spent.
    pub(super) fn settle(&mut self, budget: &Budget, start_ns: i64, ending: Ending, alerts: &mut Alerts) {
        let Some(tally) = self.tally_mut(start_ns) else { return };
        if ending.forfeited {
            tally.spend(budget, ending.held, ending.actual);
        } else {
            tally.held = tally.held.minus(ending.held);
            tally.spend(budget, Amount::ZERO, ending.actual);
        }
        tally.overshoot = tally.overshoot.plus(ending.actual.above(ending.held));
        let (spent, fired) = if budget.window.period() == Period::Request {
            tally.overrun = tally.overrun.plus(budget.limit.excess(ending.actual));
            (ending.actual, reached(budget, ending.actual))
        } else {
            (tally.spent, tally.fire(budget))
        };
        self.report(budget, start_ns, spent, fired, alerts);
        self.forget(start_ns);
    }

    /// Adds what the ledger says was spent in the current window. Thresholds it crosses were reported before.
    pub(super) fn restore(&mut self, budget: &Budget, amount: Amount) {
        self.current.spend(budget, Amount::ZERO, amount);
        self.current.fire(budget);
    }

    /// Drops one reservation's claim on a window, and a past window with its last one.
    pub(super) fn forget(&mut self, start_ns: i64) {
        let Some(tally) = self.tally_mut(start_ns) else { return };
        tally.reservations = tally.reservations.saturating_sub(1);
        if tally.reservations == 0 {
            self.past.retain(|tally| tally.reservations > 0);
        }
    }

    fn report(&self, budget: &Budget, start_ns: i64, spent: Amount, fired: u16, alerts: &mut Alerts) {
        let Some(window) = self.tally(start_ns).map(|tally| tally.window) else { return };
        for (place, &permille) in budget.alert_at.iter().enumerate() {
            if fired & (1 << place) != 0
                && let Some(measure) = budget.limit.reached(spent, permille)
                && let Some(limit) = budget.limit.of(measure)
            {
                alerts.crossed.push(Alert {
                    budget: budget.name.clone(),
                    account: self.label.clone(),
                    permille,
                    spent: spent.of(measure),
                    limit,
                    window,
                    at_ns: alerts.at_ns,
                });
            }
        }
    }
}

impl Tally {
    const fn new(window: WindowKey) -> Self {
        Self {
            window,
            spent: Amount::ZERO,
            held: Amount::ZERO,
            overrun: Amount::ZERO,
            overshoot: Amount::ZERO,
            alerted: 0,
            reservations: 0,
        }
    }

    /// Takes `back` off what is spent and adds `amount`. Per request no sum is kept.
    fn spend(&mut self, budget: &Budget, back: Amount, amount: Amount) {
        if budget.window.period() != Period::Request {
            self.spent = self.spent.minus(back).plus(amount);
            self.overrun = budget.limit.excess(self.spent);
        }
    }

    /// The thresholds reached and not reported yet, which are now taken as reported.
    fn fire(&mut self, budget: &Budget) -> u16 {
        let fired = reached(budget, self.spent) & !self.alerted;
        self.alerted |= fired;
        fired
    }
}

/// One bit for each threshold of the budget that `spent` has reached.
fn reached(budget: &Budget, spent: Amount) -> u16 {
    let mut bits = 0;
    for (place, &permille) in budget.alert_at.iter().enumerate() {
        if budget.limit.reached(spent, permille).is_some() {
            bits |= 1 << place;
        }
    }
    bits
}
