//! Opens an exchange: reads the request, estimates what it may cost, and reserves that or refuses.

use std::sync::Arc;

use super::decision::{Answer, Cause, Decision};
use super::hold::{self, Forecast, Hold};
use super::output::Output;
use super::prompt_count::PromptCount;
use super::unasked_usage::Passing;
use super::{Cutting, Exchange, Opening, Standing, caller, retry};
use crate::budget::{Dimension, Mode, Subject};
use crate::cost::Rates;
use crate::detect::{Operation, Route};
use crate::dialect::{Prompt, RequestFacts, read_request};
use crate::limits;
use crate::meter::{Shared, UnknownPaths, Unpriced};
use crate::money::Nano;
use crate::snapshot::Series;
use crate::usage::Defect;

impl Exchange {
    /// Admits or refuses the request of `opening`; None if its host is a guess that its body does not bear out.
    pub(crate) fn open(meter: Arc<Shared>, opening: Opening<'_>) -> Option<Self> {
        let Opening { id, route, request, mut who, now, standing } = opening;
        let mut facts = match request.body {
            Some(body) => read_request(&route, request.headers, body),
            None => unread(),
        };
        let named = facts.model.is_some() || !route.dialect.has_common_paths();
        if route.guessed && !(named && facts.asks_a_model()) {
            return None;
        }
        let fingerprints = meter.fingerprints.as_ref();
        let key_fingerprint = fingerprints.and_then(|all| all.credential(request.headers, request.path));
        caller::attribute(&meter, &request, &mut facts, key_fingerprint.as_deref(), &mut who);
        let paid = route.billable && !route.poll;
        let attempt = caller::attempt(&meter, &request, key_fingerprint.as_deref()).filter(|_| paid);
        let model = facts.model.as_deref();
        let prompt = std::mem::take(&mut facts.prompt);
        let own = model.and_then(|model| meter.tokenizers.for_model(model));
        let whole = facts.defects.is_empty();
        let counted = &meter.counted_texts;
        let mut input = PromptCount::of(route.operation, model, own.as_ref(), &prompt, whole, counted);
        let mut output = Output::new(route.operation, route.dialect.generates(), model, own);
        if standing == Standing::Watching {
            output.watch();
        }
        if let Some(model) = model {
            let state = meter.state();
            input = input.corrected(state.calibrations.input(&route.provider, model));
            output.correct(state.calibrations.output(&route.provider, model));
        }
        let rates = priced_rates(&meter, &route.provider, &facts, now, input.held())
            .or_else(|| deployed_rates(&meter, &route, &facts, now, input.held()));
        let batch = route.operation == Operation::Batches && creates(request.method, request.path);
        let unmetered = batch.then_some("batch");
        let passing = match standing {
            Standing::Deciding => Passing::of(&meter.policies, &route, &facts, &request),
            Standing::Watching => Passing::untouched(),
        };
        let mut exchange = Self {
            opened_ns: now,
            last_ns: now,
            unmetered,
            retry: retry::stated(request.headers),
            attempt,
            decision: Decision::Admit,
            cause: None,
            would_refuse: false,
            hold: None,
            renew_at: now.saturating_add(limits::RESERVATION_TTL_NS / 2),
            reply: None,
            unasked: None,
            session: None,
            status: 0,
            first_chunk_at: None,
            between_events: false,
            cutting: Cutting::No,
            closed: false,
            meter,
            id,
            route,
            facts,
            input,
            standing,
            who,
            key_fingerprint,
            rates,
            output,
        };
        exchange.admit(passing, now);
        Some(exchange)
    }

    /// Refuses the request, or lets it go as `passing` says.
    fn admit(&mut self, passing: Passing, now: i64) {
        let meter = Arc::clone(&self.meter);
        let costs = self.route.billable && !self.route.poll;
        let policy = self.against_policy(costs);
        let mode = match (meter.policies.mode, self.standing) {
            (Mode::Enforce, Standing::Watching) => Mode::Shadow,
            (mode, _) => mode,
        };
        let mut refused = policy.clone().filter(|_| mode == Mode::Enforce);
        let mut shadow = policy.filter(|_| mode == Mode::Shadow);
        let mut state = meter.state();
        if let Some(attempt) = self.attempt {
            self.retry = state.attempts.begin(attempt, self.retry, now);
        }
        if costs && meter.has_budgets && refused.is_none() {
            let forecast = Forecast {
                stream: self.facts.stream,
                max_output_tokens: self.facts.max_output_tokens,
                choices: u64::from(self.facts.choices),
                generates: self.route.dialect.generates(),
                p95: self.facts.model.as_deref().and_then(|model| state.expectations.p95(model)),
            };
            let input = hold::Input { tokens: self.input.held(), long_cache: self.facts.long_cache };
            let mut amount = hold::amount(self.rates.as_ref(), input, forecast.output_tokens());
            if self.facts.model.is_none() {
                // Whatever the model turns out to be: a budget with nothing left must not let it pass.
                amount.usd = amount.usd.max(Nano::new(1));
            }
            let expires = now.saturating_add(limits::RESERVATION_TTL_NS);
            let (id, subject) = (self.id.bits(), self.subject(None));
            let verdict = match self.standing {
                Standing::Deciding => state.budgets.reserve(id, &subject, amount, expires, now),
                Standing::Watching => state.budgets.watch(id, &subject, amount, expires, now),
            };
            shadow = shadow.or(verdict.would_refuse.map(Cause::from));
            refused = verdict.refused.map(Cause::from);
            if refused.is_none() {
                self.hold = Some(Hold::new(forecast, amount));
            }
        }
        let (decision, mode, reason) = match (&refused, &shadow) {
            (Some(cause), _) => ("refuse", "enforce", cause.reason),
            (None, Some(cause)) => ("refuse", "shadow", cause.reason),
            (None, None) => passing.counted,
        };
        state.tally.count(Series::Decisions, &[decision, mode, reason]);
        if self.retry > 0 {
            state.tally.add(Series::Retries, &[&self.route.provider], 1);
        }
        state.open += 1;
        drop(state);
        self.would_refuse = shadow.is_some();
        self.cause = refused.clone().or(shadow);
        if let Some(cause) = refused {
            let answer = Answer::refuse(self.route.dialect, cause, &self.id.to_string(), now);
            self.decision = Decision::Refuse(Arc::new(answer));
        } else if let Some(rewrite) = passing.rewrite {
            self.decision = Decision::Rewrite(Arc::new(rewrite));
        }
    }

    /// Why a policy speaks against the request, if one does.
    fn against_policy(&self, costs: bool) -> Option<Cause> {
        let policies = &self.meter.policies;
        if self.route.operation == Operation::Unknown && policies.unknown_paths == UnknownPaths::Refuse {
            return Some(Cause::unknown_path());
        }
        let unpriced = costs && self.rates.is_none() && policies.unpriced == Unpriced::Refuse;
        unpriced.then(Cause::unpriced)
    }

    /// What budgets select by; `answered` is the model where the request names none.
    pub(super) fn subject<'a>(&'a self, answered: Option<&'a str>) -> Subject<'a> {
        let who = &self.who;
        let values = [
            (Dimension::Organization, who.organization.as_deref()),
            (Dimension::Namespace, who.namespace.as_deref()),
            (Dimension::Service, who.service.as_deref()),
            (Dimension::Pod, who.pod.as_deref()),
            (Dimension::User, who.user.as_deref()),
            (Dimension::Key, self.key_fingerprint.as_deref()),
            (Dimension::Provider, Some(&*self.route.provider)),
            (Dimension::Model, self.facts.model.as_deref().or(answered)),
        ];
        values.into_iter().fold(Subject::default(), |subject, (dimension, value)| match value {
            Some(value) => subject.with(dimension, value),
            None => subject,
        })
    }
}

/// The rates that a request may be billed at, or those of the model that the policy prices it as.
pub(super) fn priced_rates(
    meter: &Shared,
    provider: &str,
    facts: &RequestFacts,
    now: i64,
    input: u64,
) -> Option<Rates> {
    let rates = |provider: &str, model: &str| {
        let at = |tier: Option<&str>| meter.book.rates(provider, model, tier, now, input);
        // A tier that is asked for need not be the one that serves.
        let (asked, standard) = (at(facts.service_tier.as_deref()), at(None));
        match (asked, standard) {
            (Some(asked), Some(standard)) => Some(asked.or_dearer(standard)),
            (asked, standard) => asked.or(standard),
        }
    };
    let own = facts.model.as_deref().and_then(|model| rates(provider, model));
    match (&meter.policies.unpriced, own) {
        (Unpriced::PriceAs(alias), None) => {
            let (provider, model) = alias.split_once('/').unwrap_or((provider, alias));
            rates(provider, model)
        }
        (_, own) => own,
    }
}

/// The rates of the model that last answered to a name which the path gives and no book knows.
fn deployed_rates(
    meter: &Shared,
    route: &Route,
    facts: &RequestFacts,
    now: i64,
    input: u64,
) -> Option<Rates> {
    let name = route.model.as_deref()?;
    let model = meter.state().deployments.model(&route.provider, name)?;
    let deployed = RequestFacts {
        model: Some(model),
        service_tier: facts.service_tier.clone(),
        ..RequestFacts::default()
    };
    priced_rates(meter, &route.provider, &deployed, now, input)
}

/// Whether this request makes something new in the collection that its path names.
fn creates(method: &str, path: &str) -> bool {
    let bare = path.split(['?', '#']).next().unwrap_or(path);
    method.eq_ignore_ascii_case("POST") && bare.trim_end_matches('/').ends_with("/batches")
}

/// What is known of a request whose body was not held.
fn unread() -> RequestFacts {
    let mut facts = RequestFacts { choices: 1, prompt: Prompt::default(), ..RequestFacts::default() };
    facts.defects.insert(Defect::RequestIncomplete);
    facts
}
