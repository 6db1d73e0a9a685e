//! All budgets of one process and the reservations that hold in them: the verbs of admission and settlement.
//!
//! Single-threaded, every verb idempotent by id. It refuses to know prices, stores and the clock.

use crate::budget::account::Ending;
use crate::budget::accounts::{Accounts, BudgetState};
use crate::budget::admission::Admission;
use crate::budget::amount::Amount;
use crate::budget::definition::{Budget, Mode};
use crate::budget::error::BudgetError;
use crate::budget::reservation::{Place, Reservation, Reservations};
use crate::budget::scope::Subject;
use crate::budget::settlement::{Alerts, Expiry, Settlement};
use crate::limits::BUDGETS_MAX;

/// How often a bound was hit since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflows {
    /// Reservations that were expired early because `limits::RESERVATIONS_MAX` were open.
    pub reservations: u64,
    /// Times an exchange was charged to `other` because a budget had `limits::ACCOUNTS_PER_BUDGET_MAX` accounts.
    pub accounts: u64,
}

/// All budgets and open reservations. Instants are ns since the epoch; they may repeat, but an instant before one
/// already seen counts as in the window that had begun.
#[derive(Debug)]
pub struct Budgets {
    configured: Vec<Accounts>,
    reservations: Reservations,
    overflows: Overflows,
    /// Scratch space, kept so that admission does not allocate it anew.
    attached: Vec<Place>,
    key: Vec<u8>,
}

/// What an exchange wants of each budget.
struct Asked {
    /// What it holds already.
    holding: Amount,
    /// What it wants beside.
    more: Amount,
    /// Whether a no of an enforced budget is one.
    binding: bool,
    /// Whether a no is a refusal of an exchange: a running one asks again before it gives up.
    counts: bool,
}

impl Budgets {
    /// Budgets in the order in which they are asked: the first without room is the one that refuses.
    pub fn new(budgets: Vec<Budget>) -> Result<Self, BudgetError> {
        if budgets.len() > BUDGETS_MAX {
            return Err(BudgetError::TooMany);
        }
        for (index, budget) in budgets.iter().enumerate() {
            budget.check()?;
            if budgets.iter().take(index).any(|earlier| earlier.name == budget.name) {
                return Err(BudgetError::RepeatedName(budget.name.to_string()));
            }
        }
        Ok(Self {
            configured: budgets.into_iter().map(Accounts::new).collect(),
            reservations: Reservations::default(),
            overflows: Overflows::default(),
            attached: Vec::new(),
            key: Vec::new(),
        })
    }

    /// Holds `amount` for a new exchange in every budget that applies to `subject`, or in none of them.
    ///
    /// A refusal leaves no trace but a count in the account that refused. Shadow budgets hold and never refuse.
    /// A known id, open or ended, is a repeat: it is admitted and changes nothing. Where no budget applies,
    /// nothing is kept and the id stays unknown.
    pub fn reserve(
        &mut self,
        id: u128,
        subject: &Subject<'_>,
        amount: Amount,
        expires_ns: i64,
        now_ns: i64,
    ) -> Admission {
        let places = Box::default();
        self.open(id, subject, Reservation { amount, expires_ns, binding: true, places }, now_ns)
    }

    /// Holds `amount` for an exchange that is only watched: it is on its way already, so every budget is taken to be in
    /// shadow mode, for it and for what extends it.
    pub fn watch(
        &mut self,
        id: u128,
        subject: &Subject<'_>,
        amount: Amount,
        expires_ns: i64,
        now_ns: i64,
    ) -> Admission {
        let places = Box::default();
        self.open(id, subject, Reservation { amount, expires_ns, binding: false, places }, now_ns)
    }

    fn open(
        &mut self,
        id: u128,
        subject: &Subject<'_>,
        mut reservation: Reservation,
        now_ns: i64,
    ) -> Admission {
        if self.reservations.knows(id) {
            return Admission::default();
        }
        let amount = reservation.amount.or_zero();
        let attached = self.attach(subject, now_ns);
        let asked = Asked { holding: Amount::ZERO, more: amount, binding: reservation.binding, counts: true };
        let admission = self.ask(&attached, &asked, now_ns);
        if admission.is_admitted() && !attached.is_empty() {
            self.make_room();
            for &place in &attached {
                self.configured[place.budget].hold(place, amount);
            }
            reservation.amount = amount;
            reservation.places = attached.as_slice().into();
            self.reservations.open(id, reservation);
        }
        self.attached = attached;
        admission
    }

    /// Holds more for a running exchange in the windows of its admission, and moves its expiry.
    ///
    /// A refusal leaves the hold and its expiry as they were. What an expired reservation asks for is spent at once,
    /// until its settlement corrects it. An unknown or settled id is admitted and changes nothing.
    pub fn extend(&mut self, id: u128, more: Amount, expires_ns: i64, now_ns: i64) -> Admission {
        let Some((reservation, forfeited)) = self.reservations.get(id) else {
            return Admission::default();
        };
        let more = more.or_zero();
        let places = reservation.places.clone();
        let asked = Asked { holding: reservation.amount, more, binding: reservation.binding, counts: false };
        let admission = self.ask(&places, &asked, now_ns);
        if admission.is_admitted() {
            for &place in &places {
                self.configured[place.budget].hold_more(place, more, forfeited);
            }
            self.reservations.extend(id, more, expires_ns);
        }
        admission
    }

    /// Replaces a hold, or what was forfeited, by what was really spent, in the windows of the admission.
    ///
    /// The actual is always recorded, above the limit too. A second settlement changes nothing, as long as the id
    /// is remembered (`limits::ENDED_RESERVATIONS_MAX` later ends); neither does that of an unknown id.
    pub fn settle(&mut self, id: u128, actual: Amount, now_ns: i64) -> Settlement {
        let Some((reservation, forfeited, forgotten)) = self.reservations.end(id) else {
            return Settlement::default();
        };
        self.forget(forgotten.as_ref());
        let (held, actual) = (reservation.amount, actual.or_zero());
        let ending = Ending { held, forfeited, actual };
        let mut alerts = Alerts::at(now_ns);
        for &place in &reservation.places {
            self.configured[place.budget].settle(place, ending, &mut alerts);
        }
        Settlement { settled: true, overshoot: actual.above(held), alerts: alerts.crossed }
    }

    /// Gives all of a hold back, or of what was forfeited: the exchange cost nothing. Idempotent.
    pub fn release(&mut self, id: u128, now_ns: i64) {
        self.settle(id, Amount::ZERO, now_ns);
    }

    /// Counts the holds that expired at or before `now_ns` as spent: their owner may have spent them unreported.
    pub fn expire(&mut self, now_ns: i64) -> Expiry {
        let mut ids = Vec::new();
        let mut alerts = Alerts::at(now_ns);
        while let Some(id) = self.reservations.due(now_ns) {
            self.forfeit(id, Some(&mut alerts));
            ids.push(id);
        }
        Expiry { ids, alerts: alerts.crossed }
    }

    /// Adds what a ledger entry says was spent by an exchange admitted at `admitted_ns`, in the windows that are current
    /// at `now_ns`. Corrections may carry negative money. Thresholds crossed are not reported again.
    pub fn restore(&mut self, subject: &Subject<'_>, amount: Amount, admitted_ns: i64, now_ns: i64) {
        for accounts in &mut self.configured {
            accounts.restore(subject, amount, admitted_ns, now_ns, &mut self.key);
        }
    }

    /// Every account of every budget in its current window, in configured order.
    pub fn snapshot(&mut self, now_ns: i64) -> Vec<BudgetState> {
        let mut states = Vec::new();
        for accounts in &mut self.configured {
            accounts.states(now_ns, &mut states);
        }
        states
    }

    /// How often a bound was hit.
    pub const fn overflows(&self) -> Overflows {
        self.overflows
    }

    /// The accounts that a subject means, in configured order, in the scratch space.
    fn attach(&mut self, subject: &Subject<'_>, now_ns: i64) -> Vec<Place> {
        let mut attached = std::mem::take(&mut self.attached);
        attached.clear();
        for (budget, accounts) in self.configured.iter_mut().enumerate() {
            if let Some((account, window, shared)) = accounts.find(subject, now_ns, &mut self.key) {
                attached.push(Place { budget, account, window_ns: window.start_ns });
                self.overflows.accounts = self.overflows.accounts.saturating_add(u64::from(shared));
            }
        }
        attached
    }

    /// Whether what is asked fits everywhere.
    fn ask(&mut self, places: &[Place], asked: &Asked, now_ns: i64) -> Admission {
        let Asked { holding, more, binding, counts } = *asked;
        for &place in places {
            let accounts = &mut self.configured[place.budget];
            if accounts.mode() == Mode::Enforce
                && binding
                && let Some(refusal) = accounts.refusal(place, holding, more, now_ns)
            {
                if counts {
                    accounts.count_refusal(place, Mode::Enforce);
                }
                return Admission { refused: Some(refusal), would_refuse: None };
            }
        }
        let mut admission = Admission::default();
        for &place in places {
            let accounts = &mut self.configured[place.budget];
            if (accounts.mode() == Mode::Shadow || !binding)
                && let Some(refusal) = accounts.refusal(place, holding, more, now_ns)
            {
                if counts {
                    accounts.count_refusal(place, Mode::Shadow);
                }
                admission.would_refuse.get_or_insert(refusal);
            }
        }
        admission
    }

    /// Ends the reservation nearest to its expiry when no other can open. What it held stays taken, so the limit
    /// holds; its alerts come with the next settlement.
    fn make_room(&mut self) {
        if self.reservations.is_full()
            && let Some(id) = self.reservations.due(i64::MAX)
        {
            self.forfeit(id, None);
            self.overflows.reservations = self.overflows.reservations.saturating_add(1);
        }
    }

    fn forfeit(&mut self, id: u128, mut alerts: Option<&mut Alerts>) {
        let Some((reservation, forgotten)) = self.reservations.forfeit(id) else { return };
        self.forget(forgotten.as_ref());
        for &place in &reservation.places {
            self.configured[place.budget].forfeit(place, reservation.amount, alerts.as_deref_mut());
        }
    }

    /// A forfeited reservation can no longer be settled: what it held stays spent.
    fn forget(&mut self, forgotten: Option<&Reservation>) {
        for &place in forgotten.into_iter().flat_map(|reservation| &reservation.places) {
            self.configured[place.budget].forget(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::amount::{Limit, Measure, Quantity};
    use crate::budget::definition::OnExceed;
    use crate::budget::scope::{Dimension, Scope};
    use crate::budget::window::{Period, Window, WindowKey};
    use crate::limits::{ACCOUNTS_PER_BUDGET_MAX, ENDED_RESERVATIONS_MAX, RESERVATIONS_MAX};
    use crate::money::Nano;

    const MINUTE: i64 = 60_000_000_000;
    const DAY: i64 = 1440 * MINUTE;
    /// 2025-06-02 in UTC, at midnight.
    const MIDNIGHT: i64 = 20_241 * DAY;
    const NOON: i64 = MIDNIGHT + DAY / 2;

    fn budget(name: &str, mode: Mode, usd: i128) -> Budget {
        Budget {
            name: name.into(),
            scope: Scope::default(),
            limit: Limit { usd: Some(Nano::new(usd)), ..Limit::default() },
            window: Window::utc(Period::Day),
            mode,
            alert_at: Vec::new(),
            on_exceed: OnExceed::Refuse,
            remembers: true,
        }
    }

    fn budgets<const N: usize>(budgets: [Budget; N]) -> Budgets {
        Budgets::new(budgets.into()).unwrap()
    }

    fn usd(nano: i128) -> Amount {
        Amount { usd: Nano::new(nano), tokens: 0, requests: 1 }
    }

    fn reserve(budgets: &mut Budgets, id: u128, nano: i128, now: i64) -> Admission {
        budgets.reserve(id, &Subject::default(), usd(nano), now + MINUTE, now)
    }

    /// Spent and held money of the first account, in nano-USD.
    fn standing(budgets: &mut Budgets, now: i64) -> (i128, i128) {
        let states = budgets.snapshot(now);
        (states[0].spent.usd.nano(), states[0].held.usd.nano())
    }

    #[test]
    fn a_refusal_says_who_refused_and_why_and_holds_nothing() {
        let mut budgets = budgets([budget("wide", Mode::Enforce, 1000), budget("tight", Mode::Enforce, 100)]);
        reserve(&mut budgets, 1, 30, NOON);
        budgets.settle(1, usd(25), NOON);
        reserve(&mut budgets, 2, 60, NOON);
        let refusal = reserve(&mut budgets, 3, 16, NOON).refused.unwrap();
        assert_eq!((&*refusal.budget, refusal.reason), ("tight", Measure::Usd));
        let quantities = [refusal.asked, refusal.limit, refusal.spent, refusal.held, refusal.remaining];
        assert_eq!(quantities, [16, 100, 25, 60, 15].map(|nano| Quantity::Usd(Nano::new(nano))));
        assert_eq!(refusal.resets_at_ns, Some(MIDNIGHT + DAY));
        let states = budgets.snapshot(NOON);
        assert_eq!((states[0].held, states[0].refusals), (usd(60), 0));
        assert_eq!((states[1].held, states[1].refusals), (usd(60), 1));
        assert_eq!(reserve(&mut budgets, 3, 15, NOON), Admission::default());
    }

    #[test]
    fn shadow_budgets_count_and_hold_and_let_pass() {
        let mut budgets = budgets([budget("seen", Mode::Shadow, 10), budget("ignored", Mode::Off, 10)]);
        let admission = reserve(&mut budgets, 1, 11, NOON);
        assert!(admission.is_admitted());
        assert_eq!(&*admission.would_refuse.unwrap().budget, "seen");
        let states = budgets.snapshot(NOON);
        assert_eq!((states[0].held, states[0].would_refuse, states[0].refusals), (usd(11), 1, 0));
        assert_eq!(states[1].held, Amount::ZERO);
    }

    #[test]
    fn an_enforced_budget_lets_pass_what_is_only_watched_and_charges_it() {
        let mut budgets = budgets([budget("cap", Mode::Enforce, 100)]);
        let watched = budgets.watch(1, &Subject::default(), usd(150), NOON + MINUTE, NOON);
        let more = budgets.extend(1, usd(10), NOON + MINUTE, NOON);

        assert!(watched.is_admitted() && more.is_admitted());
        assert!(watched.would_refuse.is_some() && more.would_refuse.is_some());
        assert_eq!(standing(&mut budgets, NOON), (0, 160));
        budgets.settle(1, usd(160), NOON);
        assert_eq!(standing(&mut budgets, NOON), (160, 0));
        assert!(!reserve(&mut budgets, 2, 1, NOON).is_admitted());
        let state = budgets.snapshot(NOON).remove(0);
        assert_eq!((state.refusals, state.would_refuse), (1, 1));
    }

    #[test]
    fn an_exchange_is_charged_to_the_window_of_its_admission() {
        let mut budgets = budgets([budget("day", Mode::Enforce, 100)]);
        let (before, after) = (MIDNIGHT - 1, MIDNIGHT);
        reserve(&mut budgets, 1, 60, before);
        assert!(reserve(&mut budgets, 2, 60, after).is_admitted());
        // Yesterday has 40 left whatever is held today; its window is over, so trying again helps at once.
        let refusal = budgets.extend(1, usd(41), after + MINUTE, after).refused.unwrap();
        assert_eq!((refusal.held, refusal.resets_at_ns), (Quantity::Usd(Nano::new(60)), Some(after)));
        assert!(budgets.extend(1, usd(40), after + MINUTE, after).is_admitted());
        budgets.settle(1, usd(100), after);
        assert_eq!(standing(&mut budgets, after), (0, 60));
    }

    #[test]
    fn an_expired_hold_counts_as_spent_until_it_is_settled() {
        let mut budgets = budgets([budget("day", Mode::Enforce, 100)]);
        reserve(&mut budgets, 7, 60, NOON);
        assert!(budgets.expire(NOON + MINUTE - 1).ids.is_empty());
        assert_eq!(budgets.expire(NOON + MINUTE).ids, [7]);
        assert_eq!(standing(&mut budgets, NOON), (60, 0));
        assert!(!budgets.extend(7, usd(41), NOON + DAY, NOON).is_admitted());
        assert!(budgets.extend(7, usd(10), NOON + DAY, NOON).is_admitted());
        assert_eq!(standing(&mut budgets, NOON), (70, 0));
        assert_eq!(budgets.settle(7, usd(75), NOON).overshoot.usd, Nano::new(5));
        assert_eq!(standing(&mut budgets, NOON), (75, 0));
        assert!(!budgets.settle(7, usd(99), NOON).settled);
        budgets.release(7, NOON);
        assert_eq!(standing(&mut budgets, NOON), (75, 0));
    }

    #[test]
    fn an_actual_above_the_limit_is_recorded_and_refuses_what_follows() {
        let mut budgets = budgets([budget("day", Mode::Enforce, 100)]);
        reserve(&mut budgets, 1, 90, NOON);
        budgets.settle(1, usd(130), NOON);
        let state = &budgets.snapshot(NOON)[0];
        assert_eq!((state.overrun.usd, state.overshoot.usd), (Nano::new(30), Nano::new(40)));
        assert!(!reserve(&mut budgets, 2, 1, NOON).is_admitted());
        assert!(reserve(&mut budgets, 2, 1, NOON + DAY).is_admitted());
    }

    #[test]
    fn a_request_budget_looks_at_each_exchange_alone() {
        let window = Window::utc(Period::Request);
        let mut budgets =
            budgets([Budget { window, alert_at: vec![800], ..budget("each", Mode::Enforce, 50) }]);
        for id in 0..3 {
            assert!(reserve(&mut budgets, id, 40, NOON).is_admitted());
        }
        let refusal = budgets.extend(1, usd(11), NOON, NOON).refused.unwrap();
        assert_eq!((refusal.held, refusal.resets_at_ns), (Quantity::Usd(Nano::new(40)), None));
        assert!(budgets.extend(1, usd(10), NOON, NOON).is_admitted());
        assert_eq!(budgets.settle(0, usd(39), NOON).alerts, []);
        assert_eq!(budgets.settle(1, usd(40), NOON).alerts.len(), 1);
        assert_eq!(budgets.settle(2, usd(57), NOON).alerts.len(), 1);
        assert_eq!(budgets.snapshot(NOON)[0].overrun.usd, Nano::new(7));
        assert_eq!(standing(&mut budgets, NOON), (0, 0));
    }

    #[test]
    fn a_threshold_is_reported_once_in_each_window() {
        let mut budgets = budgets([Budget { alert_at: vec![500, 800], ..budget("day", Mode::Shadow, 100) }]);
        let mut crossed = |id, nano, now| {
            reserve(&mut budgets, id, nano, now);
            let alerts = budgets.settle(id, usd(nano), now).alerts;
            alerts.into_iter().map(|alert| (alert.permille, alert.spent, alert.at_ns)).collect::<Vec<_>>()
        };
        let spent = |nano| Quantity::Usd(Nano::new(nano));
        assert_eq!(crossed(1, 49, NOON), []);
        assert_eq!(crossed(2, 40, NOON), [(500, spent(89), NOON), (800, spent(89), NOON)]);
        assert_eq!(crossed(3, 40, NOON), []);
        assert_eq!(crossed(4, 50, NOON + DAY), [(500, spent(50), NOON + DAY)]);
    }

    #[test]
    fn expiry_reports_the_thresholds_it_crosses() {
        let mut budgets = budgets([Budget { alert_at: vec![500], ..budget("day", Mode::Enforce, 100) }]);
        reserve(&mut budgets, 1, 50, NOON);
        let alerts = budgets.expire(NOON + DAY).alerts;
        let window = WindowKey { start_ns: MIDNIGHT, end_ns: MIDNIGHT + DAY };
        assert_eq!((alerts.len(), alerts[0].permille, alerts[0].window), (1, 500, window));
    }

    #[test]
    fn restoring_rebuilds_the_current_window_without_alerts() {
        let day = Budget { alert_at: vec![500], ..budget("day", Mode::Enforce, 100) };
        let mut budgets = budgets([day]);
        budgets.restore(&Subject::default(), usd(80), MIDNIGHT - 1, NOON);
        budgets.restore(&Subject::default(), usd(70), MIDNIGHT, NOON);
        budgets.restore(&Subject::default(), usd(-10), NOON, NOON);
        assert_eq!(standing(&mut budgets, NOON), (60, 0));
        assert!(!reserve(&mut budgets, 1, 41, NOON).is_admitted());
        assert!(reserve(&mut budgets, 1, 40, NOON).is_admitted());
        assert_eq!(budgets.settle(1, usd(1), NOON).alerts, []);
    }

    #[test]
    fn negative_amounts_make_no_room() {
        let mut budgets = budgets([budget("day", Mode::Enforce, 100)]);
        reserve(&mut budgets, 1, -50, NOON);
        budgets.extend(1, usd(-50), NOON + MINUTE, NOON);
        assert_eq!(standing(&mut budgets, NOON), (0, 0));
        budgets.settle(1, usd(-50), NOON);
        assert_eq!(standing(&mut budgets, NOON), (0, 0));
    }

    #[test]
    fn values_beyond_the_bound_share_an_account_until_others_fall_idle() {
        let scope = Scope::new([(Dimension::User, "*")]).unwrap();
        let mut budgets = budgets([Budget { scope, ..budget("users", Mode::Enforce, 100) }]);
        let mut spend = |id: usize, now| {
            let user = format!("user-{id}");
            let subject = Subject::default().with(Dimension::User, &user);
            let admission = budgets.reserve(id as u128, &subject, usd(60), now, now);
            budgets.settle(id as u128, usd(60), now);
            (admission.is_admitted(), budgets.snapshot(now).len(), budgets.overflows().accounts)
        };
        for id in 0..ACCOUNTS_PER_BUDGET_MAX {
            assert_eq!(spend(id, NOON), (true, id + 1, 0));
        }
        assert_eq!(spend(5000, NOON), (true, ACCOUNTS_PER_BUDGET_MAX + 1, 1));
        assert_eq!(spend(5001, NOON), (false, ACCOUNTS_PER_BUDGET_MAX + 1, 2));
        // The next day all of them are idle: a new value gets its own account, beside `other`.
        assert_eq!(spend(5002, NOON + DAY), (true, 2, 2));
    }

    #[test]
    fn a_forfeit_keeps_its_account_until_it_is_forgotten() {
        let scope = Scope::new([(Dimension::User, "*")]).unwrap();
        let mut budgets = budgets([Budget { scope, ..budget("users", Mode::Shadow, 100) }]);
        let end = |budgets: &mut Budgets, id: usize, now| {
            let user = format!("user-{}", id % ACCOUNTS_PER_BUDGET_MAX);
            let subject = Subject::default().with(Dimension::User, &user);
            budgets.reserve(id as u128, &subject, usd(1), now, now);
            budgets.settle(id as u128, usd(1), now);
        };
        let lost = Subject::default().with(Dimension::User, "lost");
        budgets.reserve(u128::MAX, &lost, usd(1), NOON, NOON);
        budgets.expire(NOON);
        (1..=ACCOUNTS_PER_BUDGET_MAX).for_each(|id| end(&mut budgets, id, NOON));
        (0..ENDED_RESERVATIONS_MAX).for_each(|id| end(&mut budgets, 2000 + id, NOON + DAY));
        let kept = budgets.snapshot(NOON + DAY).iter().any(|state| &*state.account == "user=lost");
        assert!(kept && !budgets.settle(u128::MAX, usd(0), NOON + DAY).settled);
        (0..ACCOUNTS_PER_BUDGET_MAX).for_each(|id| end(&mut budgets, 90_000 + id, NOON + 2 * DAY));
        let kept = budgets.snapshot(NOON + 2 * DAY).iter().any(|state| &*state.account == "user=lost");
        assert!(!kept);
    }

    #[test]
    fn reservations_beyond_the_bound_forfeit_the_one_nearest_to_expiry() {
        let mut budgets = budgets([budget("day", Mode::Enforce, 10 * RESERVATIONS_MAX as i128)]);
        for (id, earlier) in (0..RESERVATIONS_MAX as u128).zip(0..) {
            budgets.reserve(id, &Subject::default(), usd(2), NOON + DAY - earlier, NOON);
        }
        assert_eq!(budgets.overflows(), Overflows::default());
        reserve(&mut budgets, u128::MAX, 2, NOON);
        assert_eq!(budgets.overflows().reservations, 1);
        assert_eq!(standing(&mut budgets, NOON), (2, 2 * RESERVATIONS_MAX as i128));
        let last = RESERVATIONS_MAX as u128 - 1;
        assert!(budgets.settle(last, usd(1), NOON).settled);
        assert_eq!(standing(&mut budgets, NOON), (1, 2 * RESERVATIONS_MAX as i128));
    }

    #[test]
    fn budgets_that_contradict_each_other_are_refused() {
        let good = budget("day", Mode::Enforce, 1);
        let twice = Budgets::new(vec![good.clone(), good.clone()]).unwrap_err();
        assert_eq!(twice, BudgetError::RepeatedName("day".into()));
        let unlimited = Budget { limit: Limit::default(), ..good.clone() };
        assert_eq!(Budgets::new(vec![unlimited]).unwrap_err(), BudgetError::NoLimit("day".into()));
        assert_eq!(Budgets::new(vec![good; BUDGETS_MAX + 1]).unwrap_err(), BudgetError::TooMany);
    }
}
