//! The accounts of one budget: one, or one per distinct value of the `*` dimensions, within a bound.
//!
//! It refuses to know reservation ids and other budgets.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::budget::account::{Account, Ending};
use crate::budget::admission::Refusal;
use crate::budget::amount::{Amount, Limit};
use crate::budget::definition::{Budget, Mode};
use crate::budget::reservation::Place;
use crate::budget::scope::Subject;
use crate::budget::settlement::Alerts;
use crate::budget::window::{Calendar, Period, WindowKey};
use crate::limits::ACCOUNTS_PER_BUDGET_MAX;

/// One account in its current window, as the exporters read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetState {
    /// The budget's name.
    pub name: Arc<str>,
    /// The account within it: `user=ana`, `other`, or nothing where there is but one.
    pub account: Arc<str>,
    /// Off, shadow or enforce.
    pub mode: Mode,
    /// How long a window lasts.
    pub period: Period,
    /// The current window.
    pub window: WindowKey,
    /// The most that may be spent in it.
    pub limit: Limit,
    /// What is settled or forfeited in it. Always nothing per request: such a window ends with its exchange.
    pub spent: Amount,
    /// What open reservations of this window hold. Always nothing per request.
    pub held: Amount,
    /// How far `spent` lies above the limit; per request, summed over the exchanges.
    pub overrun: Amount,
    /// How far exchanges were settled above what they held; bounds the overrun of an enforced budget.
    pub overshoot: Amount,
    /// Exchanges this account refused since it exists.
    pub refusals: u64,
    /// Those it would have refused, were it enforced.
    pub would_refuse: u64,
}

/// A budget and its accounts. The index of an account stays valid while a reservation holds in it.
#[derive(Debug)]
pub(super) struct Accounts {
    budget: Budget,
    calendar: Calendar,
    /// Whether there is one account only. Per request no sums are kept, so one is enough whatever the scope.
    single: bool,
    slots: Vec<Account>,
    /// Places in `slots` that were given up.
    free: Vec<usize>,
    by_key: FxHashMap<Box<[u8]>, usize>,
    /// The account shared by values beyond the bound.
    other: Option<usize>,
    /// The window in which idle accounts were last given up: once in each is enough.
    swept: WindowKey,
}

impl Accounts {
    pub(super) fn new(budget: Budget) -> Self {
        let single = budget.scope.is_single() || budget.window.period() == Period::Request;
        let calendar = Calendar::new(budget.window.clone());
        let mut accounts = Self {
            budget,
            calendar,
            single,
            slots: Vec::new(),
            free: Vec::new(),
            by_key: FxHashMap::default(),
            other: None,
            swept: WindowKey::NEVER,
        };
        if accounts.single {
            // A gauge exists from the start, not from the first exchange.
            let slot = accounts.add("".into());
            accounts.by_key.insert(Box::default(), slot);
        }
        accounts
    }

    pub(super) const fn mode(&self) -> Mode {
        self.budget.mode
    }

    /// The account and window that a subject means, if the budget applies to it; `key` is scratch space.
    /// The flag says whether the subject shares the account `other`.
    pub(super) fn find(
        &mut self,
        subject: &Subject<'_>,
        now_ns: i64,
        key: &mut Vec<u8>,
    ) -> Option<(usize, WindowKey, bool)> {
        if self.budget.mode == Mode::Off || !self.budget.scope.matches(subject) {
            return None;
        }
        let window = self.calendar.current(now_ns);
        key.clear();
        if !self.single {
            self.budget.scope.write_key(subject, key);
        }
        let (slot, shared) = match self.by_key.get(key.as_slice()) {
            Some(&slot) => (slot, false),
            None => self.open(subject, key, window),
        };
        self.slots[slot].roll(window);
        Some((slot, window, shared))
    }

    /// Whether `more` fits; if not, how things stand. `holding` is what the reservation holds already.
    pub(super) fn refusal(
        &self,
        place: Place,
        holding: Amount,
        more: Amount,
        now_ns: i64,
    ) -> Option<Refusal> {
        let account = &self.slots[place.account];
        let tally = account.tally(place.window_ns)?;
        let per_request = self.budget.window.period() == Period::Request;
        let (spent, held) = if per_request { (Amount::ZERO, holding) } else { (tally.spent, tally.held) };
        let taken = spent.plus(held);
        let reason = self.budget.limit.binding(taken, more)?;
        Some(Refusal {
            budget: self.budget.name.clone(),
            account: account.label.clone(),
            reason,
            asked: more.of(reason),
            limit: self.budget.limit.of(reason)?,
            spent: spent.of(reason),
            held: held.of(reason),
            remaining: self.budget.limit.left(taken).of(reason)?,
            // The window of the admission may be over by the time of an extension.
            resets_at_ns: tally.window.next_ns().map(|next_ns| next_ns.max(now_ns)),
        })
    }

    /// Counts a refusal as one of a budget in `mode`.
    pub(super) fn count_refusal(&mut self, place: Place, mode: Mode) {
        let account = &mut self.slots[place.account];
        match mode {
            Mode::Enforce => account.refusals = account.refusals.saturating_add(1),
            Mode::Shadow => account.would_refuse = account.would_refuse.saturating_add(1),
            Mode::Off => {}
        }
    }

    pub(super) fn hold(&mut self, place: Place, amount: Amount) {
        self.slots[place.account].hold(amount);
    }

    pub(super) fn hold_more(&mut self, place: Place, more: Amount, forfeited: bool) {
        self.slots[place.account].hold_more(&self.budget, place.window_ns, more, forfeited);
    }

    pub(super) fn forfeit(&mut self, place: Place, held: Amount, alerts: Option<&mut Alerts>) {
        self.slots[place.account].forfeit(&self.budget, place.window_ns, held, alerts);
    }

    pub(super) fn settle(&mut self, place: Place, ending: Ending, alerts: &mut Alerts) {
        self.slots[place.account].settle(&self.budget, place.window_ns, ending, alerts);
    }

    pub(super) fn forget(&mut self, place: Place) {
        self.slots[place.account].forget(place.window_ns);
    }

    /// Adds an amount admitted at `admitted_ns`, if that lies in the current window.
    pub(super) fn restore(
        &mut self,
        subject: &Subject<'_>,
        amount: Amount,
        admitted_ns: i64,
        now_ns: i64,
        key: &mut Vec<u8>,
    ) {
        if self.budget.remembers
            && self.calendar.current(now_ns).contains(admitted_ns)
            && let Some((slot, _, _)) = self.find(subject, now_ns, key)
        {
            self.slots[slot].restore(&self.budget, amount);
        }
    }

    /// Every account in its current window.
    pub(super) fn states(&mut self, now_ns: i64, states: &mut Vec<BudgetState>) {
        let window = self.calendar.current(now_ns);
        let per_request = self.budget.window.period() == Period::Request;
        let mut in_use: Vec<usize> = self.by_key.values().copied().chain(self.other).collect();
        in_use.sort_unstable();
        for slot in in_use {
            let account = &mut self.slots[slot];
            account.roll(window);
            let tally = &account.current;
            states.push(BudgetState {
                name: self.budget.name.clone(),
                account: account.label.clone(),
                mode: self.budget.mode,
                period: self.budget.window.period(),
                window,
                limit: self.budget.limit,
                spent: tally.spent,
                held: if per_request { Amount::ZERO } else { tally.held },
                overrun: tally.overrun,
                overshoot: tally.overshoot,
                refusals: account.refusals,
                would_refuse: account.would_refuse,
            });
        }
    }

    /// Opens the account of a new value; beyond the bound, the account `other`.
    fn open(&mut self, subject: &Subject<'_>, key: &[u8], window: WindowKey) -> (usize, bool) {
        if self.by_key.len() >= ACCOUNTS_PER_BUDGET_MAX && self.swept != window {
            self.swept = window;
            self.give_up_idle(window);
        }
        if self.by_key.len() >= ACCOUNTS_PER_BUDGET_MAX {
            let slot = match self.other {
                Some(slot) => slot,
                None => self.add("other".into()),
            };
            self.other = Some(slot);
            return (slot, true);
        }
        let slot = self.add(self.budget.scope.label(subject).into());
        self.by_key.insert(key.into(), slot);
        (slot, false)
    }

    fn add(&mut self, label: Arc<str>) -> usize {
        let account = Account::new(label);
        if let Some(slot) = self.free.pop() {
            self.slots[slot] = account;
            return slot;
        }
        self.slots.push(account);
        self.slots.len() - 1
    }

    /// Gives up accounts without spend in this window, so that old values do not crowd out new ones for ever.
    fn give_up_idle(&mut self, window: WindowKey) {
        let (slots, free) = (&self.slots, &mut self.free);
        self.by_key.retain(|_, slot| {
            let idle = slots[*slot].is_idle(window);
            if idle {
                free.push(*slot);
            }
            !idle
        });
    }
}
