//! Random interleavings of every verb over overlapping budgets, against a model that only keeps a list of exchanges
//! and adds it up anew for each question.

use proptest::prelude::*;

use super::{
    Admission, Amount, Budget, Budgets, Dimension, Limit, Mode, OnExceed, Period, Scope, Subject, Window,
};
use crate::money::Nano;

const MINUTE: i64 = 60_000_000_000;
const START: i64 = 1_750_000_000_000_000_000;

/// The values of an exchange: service, user, model; empty where absent.
type Who = [&'static str; 3];

const WHO: [Who; 6] = [
    ["shop", "ana", "gpt-4o"],
    ["shop", "bob", "gpt-4o-mini"],
    ["shop", "", "claude"],
    ["mail", "ana", "claude"],
    ["mail", "bob", "gpt-4o"],
    ["", "", "gpt-4o"],
];

/// One budget, said twice: as the product takes it, and as plain functions.
struct Case {
    budget: Budget,
    applies: fn(&Who) -> bool,
    account: fn(&Who) -> String,
    /// Length of a window in minutes; 0 is one per exchange, `i64::MAX` one for all.
    minutes: i64,
}

/// Whether a budget applies, which account it means, how many minutes a window lasts.
type Plain = (fn(&Who) -> bool, fn(&Who) -> String, i64);

fn case(
    name: &str,
    mode: Mode,
    scope: &[(Dimension, &str)],
    period: Period,
    limit: (Option<i128>, Option<u64>, Option<u64>),
    plain: Plain,
) -> Case {
    let budget = Budget {
        name: name.into(),
        scope: Scope::new(scope.iter().copied()).unwrap(),
        limit: Limit { usd: limit.0.map(Nano::new), tokens: limit.1, requests: limit.2 },
        window: Window::utc(period),
        mode,
        alert_at: vec![500, 1000],
        on_exceed: OnExceed::Refuse,
        remembers: true,
    };
    Case { budget, applies: plain.0, account: plain.1, minutes: plain.2 }
}

fn cases() -> Vec<Case> {
    let one: fn(&Who) -> String = |_| String::new();
    let per_user: fn(&Who) -> String = |who| format!("user={}", who[1]);
    let (user, service, model) = (Dimension::User, Dimension::Service, Dimension::Model);
    vec![
        case("all", Mode::Enforce, &[], Period::Hour, (Some(100), None, Some(6)), (|_| true, one, 60)),
        case(
            "users",
            Mode::Enforce,
            &[(user, "*")],
            Period::Day,
            (None, Some(60), None),
            (|who| !who[1].is_empty(), per_user, 1440),
        ),
        case(
            "gpt",
            Mode::Shadow,
            &[(model, "gpt-*")],
            Period::Total,
            (Some(80), None, None),
            (|who| who[2].starts_with("gpt-"), one, i64::MAX),
        ),
        case(
            "shop",
            Mode::Enforce,
            &[(service, "shop"), (user, "*")],
            Period::Hour,
            (Some(50), Some(50), None),
            (|who| who[0] == "shop" && !who[1].is_empty(), per_user, 60),
        ),
        case("each", Mode::Enforce, &[], Period::Request, (Some(35), None, None), (|_| true, one, 0)),
        case("off", Mode::Off, &[], Period::Total, (Some(1), None, None), (|_| false, one, i64::MAX)),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Open,
    Forfeited,
    Settled(Amount),
}

#[derive(Clone, Debug)]
struct Exchange {
    id: u128,
    who: Who,
    admitted: i64,
    expires: i64,
    hold: Amount,
    stage: Stage,
}

struct Model {
    cases: Vec<Case>,
    exchanges: Vec<Exchange>,
}

impl Case {
    fn window(&self, exchange: &Exchange) -> i64 {
        self.window_at(exchange.admitted)
    }

    fn window_at(&self, at: i64) -> i64 {
        at / MINUTE.saturating_mul(self.minutes.max(1))
    }

    /// Spent, held and overshoot of one account in one window; of one exchange if windows are per exchange.
    fn sums(&self, exchanges: &[Exchange], account: &str, window: i64) -> (Amount, Amount, Amount) {
        let mut sums = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
        for exchange in exchanges {
            if !(self.applies)(&exchange.who)
                || (self.account)(&exchange.who) != account
                || self.window(exchange) != window
            {
                continue;
            }
            match exchange.stage {
                Stage::Open => sums.1 = sums.1.plus(exchange.hold),
                Stage::Forfeited => sums.0 = sums.0.plus(exchange.hold),
                Stage::Settled(actual) => {
                    sums.0 = sums.0.plus(actual);
                    sums.2 = sums.2.plus(actual.above(exchange.hold));
                }
            }
        }
        sums
    }

    fn fits(&self, taken: Amount, more: Amount) -> bool {
        let limit = self.budget.limit;
        let usd = limit.usd.is_none_or(|limit| more.usd == Nano::ZERO || taken.usd + more.usd <= limit);
        let tokens = limit.tokens.is_none_or(|limit| more.tokens == 0 || taken.tokens + more.tokens <= limit);
        let requests =
            limit.requests.is_none_or(|limit| more.requests == 0 || taken.requests + more.requests <= limit);
        usd && tokens && requests
    }
}

impl Model {
    /// The names of the first enforced and the first shadow budget without room.
    fn ask(&self, exchange: &Exchange, more: Amount) -> (Option<&str>, Option<&str>) {
        let first = |mode| {
            let binding = self.cases.iter().find(|case| {
                let taken = if case.minutes == 0 {
                    exchange.hold
                } else {
                    let account = (case.account)(&exchange.who);
                    let (spent, held, _) = case.sums(&self.exchanges, &account, case.window(exchange));
                    spent.plus(held)
                };
                case.budget.mode == mode && (case.applies)(&exchange.who) && !case.fits(taken, more)
            });
            binding.map(|case| &*case.budget.name)
        };
        match first(Mode::Enforce) {
            Some(name) => (Some(name), None),
            None => (None, first(Mode::Shadow)),
        }
    }

    fn find(&mut self, id: u128) -> Option<&mut Exchange> {
        self.exchanges.iter_mut().find(|exchange| exchange.id == id)
    }
}

fn names(admission: &Admission) -> (Option<&str>, Option<&str>) {
    (
        admission.refused.as_ref().map(|refusal| &*refusal.budget),
        admission.would_refuse.as_ref().map(|refusal| &*refusal.budget),
    )
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(u128, usize, Amount, i64),
    Extend(u128, Amount, i64),
    Settle(u128, Amount),
    Release(u128),
    Expire,
    Wait(i64),
}

fn amounts(requests: u64) -> impl Strategy<Value = Amount> {
    (0..45i128, 0..25u64).prop_map(move |(usd, tokens)| Amount { usd: Nano::new(usd), tokens, requests })
}

fn steps() -> impl Strategy<Value = Step> {
    let id = || 0..30u128;
    prop_oneof![
        5 => (id(), 0..WHO.len(), amounts(1), 1..200i64)
            .prop_map(|(id, who, amount, ttl)| Step::Reserve(id, who, amount, ttl * MINUTE)),
        3 => (id(), amounts(0), 1..200i64).prop_map(|(id, more, ttl)| Step::Extend(id, more, ttl * MINUTE)),
        4 => (id(), amounts(1)).prop_map(|(id, actual)| Step::Settle(id, actual)),
        1 => id().prop_map(Step::Release),
        1 => Just(Step::Expire),
        1 => (1..90i64).prop_map(|minutes| Step::Wait(minutes * MINUTE)),
    ]
}

struct Run {
    budgets: Budgets,
    model: Model,
    now: i64,
}

impl Run {
    fn new() -> Self {
        let cases = cases();
        let budgets = Budgets::new(cases.iter().map(|case| case.budget.clone()).collect()).unwrap();
        Self { budgets, model: Model { cases, exchanges: Vec::new() }, now: START }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Reserve(id, who, amount, ttl) => self.reserve(id, WHO[who], amount, ttl)?,
            Step::Extend(id, more, ttl) => self.extend(id, more, ttl)?,
            Step::Settle(id, actual) => self.settle(id, actual)?,
            Step::Release(id) => {
                self.budgets.release(id, self.now);
                if let Some(exchange) = self.model.find(id)
                    && !matches!(exchange.stage, Stage::Settled(_))
                {
                    exchange.stage = Stage::Settled(Amount::ZERO);
                }
            }
            Step::Expire => self.expire()?,
            Step::Wait(time) => self.now += time,
        }
        self.compare()
    }

    fn reserve(&mut self, id: u128, who: Who, amount: Amount, ttl: i64) -> Result<(), TestCaseError> {
        let [service, user, model] = who;
        let subject = Subject::default()
            .with(Dimension::Service, service)
            .with(Dimension::User, user)
            .with(Dimension::Model, model);
        let expires = self.now + ttl;
        let admission = self.budgets.reserve(id, &subject, amount, expires, self.now);
        if self.model.find(id).is_some() {
            prop_assert_eq!(admission, Admission::default());
            return Ok(());
        }
        let exchange =
            Exchange { id, who, admitted: self.now, expires, hold: Amount::ZERO, stage: Stage::Open };
        let expected = self.model.ask(&exchange, amount);
        prop_assert_eq!(names(&admission), expected);
        if admission.is_admitted() {
            self.model.exchanges.push(Exchange { hold: amount, ..exchange });
        }
        Ok(())
    }

    fn extend(&mut self, id: u128, more: Amount, ttl: i64) -> Result<(), TestCaseError> {
        let expires = self.now + ttl;
        let admission = self.budgets.extend(id, more, expires, self.now);
        let exchange = self.model.find(id).cloned();
        let Some(exchange) = exchange.filter(|exchange| !matches!(exchange.stage, Stage::Settled(_))) else {
            prop_assert_eq!(admission, Admission::default());
            return Ok(());
        };
        prop_assert_eq!(names(&admission), self.model.ask(&exchange, more));
        if admission.is_admitted() {
            let exchange = self.model.find(id).unwrap();
            exchange.hold = exchange.hold.plus(more);
            exchange.expires = expires;
        }
        Ok(())
    }

    fn settle(&mut self, id: u128, actual: Amount) -> Result<(), TestCaseError> {
        let settlement = self.budgets.settle(id, actual, self.now);
        match self.model.find(id) {
            Some(exchange) if !matches!(exchange.stage, Stage::Settled(_)) => {
                prop_assert!(settlement.settled);
                prop_assert_eq!(settlement.overshoot, actual.above(exchange.hold));
                exchange.stage = Stage::Settled(actual);
            }
            _ => prop_assert!(!settlement.settled && settlement.alerts.is_empty()),
        }
        Ok(())
    }

    fn expire(&mut self) -> Result<(), TestCaseError> {
        let mut expected = Vec::new();
        for exchange in &mut self.model.exchanges {
            if exchange.stage == Stage::Open && exchange.expires <= self.now {
                exchange.stage = Stage::Forfeited;
                expected.push((exchange.expires, exchange.id));
            }
        }
        expected.sort_unstable();
        let expected: Vec<u128> = expected.into_iter().map(|(_, id)| id).collect();
        prop_assert_eq!(self.budgets.expire(self.now).ids, expected);
        Ok(())
    }

    /// Every account shows what the model adds up, and no enforced limit is exceeded by more than the overshoot.
    fn compare(&mut self) -> Result<(), TestCaseError> {
        let states = self.budgets.snapshot(self.now);
        for case in self.model.cases.iter().filter(|case| case.minutes > 0) {
            let mut seen = 0;
            for state in states.iter().filter(|state| state.name == case.budget.name) {
                let window = case.window_at(self.now);
                let (spent, held, overshoot) = case.sums(&self.model.exchanges, &state.account, window);
                prop_assert_eq!((state.spent, state.held, state.overshoot), (spent, held, overshoot));
                prop_assert_eq!(state.overrun, case.budget.limit.excess(spent));
                if case.budget.mode == Mode::Enforce {
                    let beyond = case.budget.limit.excess(spent.plus(held));
                    prop_assert_eq!(beyond.above(overshoot), Amount::ZERO, "{}: over its bound", state.name);
                }
                seen += held.requests + spent.requests;
            }
            let in_window = |exchange: &&Exchange| {
                (case.applies)(&exchange.who) && case.window(exchange) == case.window_at(self.now)
            };
            let expected: u64 = self.model.exchanges.iter().filter(in_window).map(requests).sum();
            prop_assert_eq!(seen, expected, "{}: an account is missing", case.budget.name);
        }
        Ok(())
    }
}

fn requests(exchange: &Exchange) -> u64 {
    match exchange.stage {
        Stage::Settled(actual) => actual.requests,
        Stage::Open | Stage::Forfeited => exchange.hold.requests,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn budgets_add_up_like_a_list_of_exchanges(steps in prop::collection::vec(steps(), 1..120)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step)?;
        }
        for id in 0..30 {
            run.step(&Step::Settle(id, Amount::ZERO))?;
        }
        for state in run.budgets.snapshot(run.now) {
            prop_assert_eq!(state.held, Amount::ZERO);
        }
    }

    #[test]
    fn interleaved_equal_holds_admit_exactly_what_the_limit_divides_into(
        limit in 0..5_000i128,
        cost in 1..300i128,
        ends in prop::collection::vec(0..4u8, 64),
    ) {
        let always = (Some(limit), None, None);
        let cap = case("cap", Mode::Enforce, &[], Period::Total, always, (|_| true, |_| String::new(), i64::MAX));
        let mut budgets = Budgets::new(vec![cap.budget]).unwrap();
        let amount = Amount { usd: Nano::new(cost), tokens: 1, requests: 1 };
        let mut admitted = 0;
        // 64 callers take turns; each settles its previous exchange now, later, or never.
        for turn in 0..20u128 {
            for (caller, end) in (0u128..).zip(&ends) {
                let id = turn * 64 + caller;
                if budgets.reserve(id, &Subject::default(), amount, i64::MAX, START).is_admitted() {
                    admitted += 1;
                }
                match end {
                    0 => drop(budgets.settle(id, amount, START)),
                    1 if turn > 0 => drop(budgets.settle(id - 64, amount, START)),
                    _ => {}
                }
            }
        }
        prop_assert_eq!(admitted, (limit / cost).min(20 * 64));
    }
}
