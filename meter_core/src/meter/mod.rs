//! The meter: opens exchanges and answers with what was counted. It owns the wiring of admission, and no rule of any
//! provider, price or budget.

mod attempts;
mod deployments;
mod organizations;
mod policies;
mod seen;
mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use policies::{IncludeUsage, Policies, UnknownPaths, Unpriced};
pub(crate) use state::{Finished, State};

use rustc_hash::FxHashSet;

use crate::attribution::Attribution;
use crate::budget::{Amount, Budget, BudgetError, Budgets, Dimension, Subject};
use crate::detect::{Detector, HostRule};
use crate::dialect::read_request;
use crate::exchange::{
    Answer, Calibration, Cause, CountedTexts, Crossing, Exchange, ExchangeId, Opening, PromptCount, Standing,
};
use crate::fingerprint::Fingerprints;
use crate::headers::Headers;
use crate::limits;
use crate::price_book::PriceBook;
use crate::snapshot::{Series, Snapshot};
use crate::tokenizer::Tokenizers;

/// One request as it was received. `body` is None when it was too large to be held whole.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Host asked for, without port.
    pub host: &'a str,
    /// Port asked for.
    pub port: u16,
    /// Path with query.
    pub path: &'a str,
    /// Header fields.
    pub headers: Headers<'a>,
    /// The whole body.
    pub body: Option<&'a [u8]>,
}

/// Everything a meter is made of.
pub struct Settings {
    /// Rates.
    pub price_book: PriceBook,
    /// Limits, in the order in which they are named when several bind.
    pub budgets: Vec<Budget>,
    /// What to do where no budget speaks.
    pub policies: Policies,
    /// Hosts beside the built-in ones.
    pub hosts: Vec<HostRule>,
    /// With what the text of models is counted.
    pub tokenizers: Tokenizers,
    /// proxy, tracer or replay.
    pub capture: Arc<str>,
    /// Random; makes exchange ids unique, and with the key below what is kept of prompts unlike anybody else's.
    pub seed: u128,
    /// Secret; the same key gives the same fingerprints.
    pub fingerprint_key: Vec<u8>,
}

/// Meters, prices and caps exchanges. Cheap to clone; clones are the same meter.
#[derive(Clone)]
pub struct Meter {
    shared: Arc<Shared>,
}

/// What a meter and its exchanges have in common.
pub(crate) struct Shared {
    pub(crate) book: PriceBook,
    pub(crate) policies: Policies,
    pub(crate) capture: Arc<str>,
    pub(crate) fingerprints: Option<Fingerprints>,
    pub(crate) has_budgets: bool,
    pub(crate) tokenizers: Tokenizers,
    /// Has a lock of its own: texts are hashed and counted outside of both.
    pub(crate) counted_texts: CountedTexts,
    /// Users that the operator names, who need not be hidden from him.
    pub(crate) known_users: FxHashSet<Box<str>>,
    detector: Detector,
    seed: u128,
    sequence: AtomicU64,
    state: Mutex<State>,
}

impl Shared {
    /// The state; a panic of another thread inside the lock leaves counters that are still sound.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an exchange whose entry nobody got.
    pub(crate) fn abandoned(&self) {
        self.state().count_unmetered("abandoned");
    }
}

impl Meter {
    /// A meter that has seen nothing. Fails on budgets that contradict each other.
    pub fn new(settings: Settings) -> Result<Self, BudgetError> {
        let has_budgets = !settings.budgets.is_empty();
        let named = settings.budgets.iter().filter_map(|budget| budget.scope.exactly(Dimension::User));
        let known_users = named.map(Box::from).collect();
        let budgets = Budgets::new(settings.budgets)?;
        let secret = [&settings.seed.to_be_bytes(), settings.fingerprint_key.as_slice()].concat();
        Ok(Self {
            shared: Arc::new(Shared {
                book: settings.price_book,
                policies: settings.policies,
                capture: settings.capture,
                fingerprints: Fingerprints::new(&settings.fingerprint_key),
                has_budgets,
                tokenizers: settings.tokenizers,
                counted_texts: CountedTexts::new(&secret, limits::CACHED_COUNTS_MAX),
                known_users,
                detector: Detector::new(settings.hosts),
                seed: settings.seed,
                sequence: AtomicU64::new(0),
                state: Mutex::new(State::new(budgets)),
            }),
        })
    }

    /// Whether traffic to this host is metered.
    pub fn knows_host(&self, host: &str, port: Option<u16>) -> bool {
        self.shared.detector.knows_host(host, port)
    }

    /// Whether a request to a host that is not metered by name looks like one to a model, as far as its line tells.
    pub fn knows_path(&self, method: &str, path: &str) -> bool {
        self.shared.detector.knows_path(method, path)
    }

    /// Host names and leading-dot suffixes that are metered.
    pub fn hosts(&self) -> Vec<String> {
        self.shared.detector.names()
    }

    /// Admits or refuses a request; None when its host is not metered and it does not look like one to a model.
    pub fn open(&self, request: &Request<'_>, who: Attribution, now: i64) -> Option<Exchange> {
        self.begin(request, who, now, Standing::Deciding)
    }

    /// Opens the exchange of a request that is on its way already, to be metered and charged like any other: it is admitted as
    /// it is and its reply is never cut or edited, whatever budgets and policies say. What they would have refused is counted.
    pub fn watch(&self, request: &Request<'_>, who: Attribution, now: i64) -> Option<Exchange> {
        self.begin(request, who, now, Standing::Watching)
    }

    fn begin(
        &self,
        request: &Request<'_>,
        who: Attribution,
        now: i64,
        standing: Standing,
    ) -> Option<Exchange> {
        let Request { method, host, port, path, headers, .. } = *request;
        let route = self.shared.detector.detect(method, host, Some(port), path, headers)?;
        let id = self.next_id(now);
        let opening = Opening { id, route, request: *request, who, now, standing };
        Exchange::open(Arc::clone(&self.shared), opening)
    }

    /// What admission counts in the prompt of a request before anything is learned of its model; None if it is not read as one
    /// to a model.
    pub fn count(&self, request: &Request<'_>) -> Option<PromptCount> {
        let Request { method, host, port, path, headers, body } = *request;
        let route = self.shared.detector.detect(method, host, Some(port), path, headers)?;
        let facts = read_request(&route, headers, body?);
        let model = facts.model.as_deref();
        let own = model.and_then(|model| self.shared.tokenizers.for_model(model));
        let known = &self.shared.counted_texts;
        let count = || PromptCount::of(route.operation, model, own.as_ref(), &facts.prompt, true, known);
        facts.asks_a_model().then(count)
    }

    /// The provider-shaped refusal of a request that could not be metered.
    pub fn refusal(&self, request: &Request<'_>, now: i64) -> Answer {
        let detector = &self.shared.detector;
        let route =
            detector.detect(request.method, request.host, Some(request.port), request.path, request.headers);
        let dialect = route.map_or(crate::dialect::Dialect::Opaque, |route| route.dialect);
        let id = self.next_id(now).to_string();
        Answer::refuse(dialect, Cause::unmetered(), &id, now)
    }

    /// Counts traffic to a metered host that could not be metered.
    pub fn unmetered(&self, reason: &str) {
        self.shared.state().count_unmetered(reason);
    }

    /// Gives up reservations whose owner is lost; the thresholds that this crosses.
    pub fn expire(&self, now: i64) -> Vec<Crossing> {
        self.shared.state().budgets.expire(now).alerts.iter().map(Crossing::from).collect()
    }

    /// Charges an exchange of an earlier process, admitted `at`, to the windows that are current `now`.
    pub fn restore(&self, subject: &Subject<'_>, amount: Amount, at: i64, now: i64) {
        self.shared.state().budgets.restore(subject, amount, at, now);
    }

    /// What was learned of how far our counts lie from those of providers, to be kept for later processes.
    pub fn calibrations(&self) -> Vec<Calibration> {
        self.shared.state().calibrations.all()
    }

    /// Takes up what an earlier process learned.
    pub fn restore_calibration(&self, kept: &Calibration) {
        self.shared.state().calibrations.restore(kept);
    }

    /// One consistent copy of everything counted.
    pub fn snapshot(&self, now: i64) -> Snapshot {
        let mut state = self.shared.state();
        let budgets = state.budgets.snapshot(now);
        let mut tally = state.tally.clone();
        for (result, texts, bytes) in self.shared.counted_texts.lookups() {
            let labels = [&result.into()];
            tally.add(Series::MessageCacheTexts, &labels, texts.into());
            tally.add(Series::MessageCacheBytes, &labels, bytes.into());
        }
        Snapshot { tally, budgets, open_exchanges: state.open }
    }

    /// The rates this meter prices with.
    pub fn price_book(&self) -> &PriceBook {
        &self.shared.book
    }

    fn next_id(&self, now: i64) -> ExchangeId {
        let sequence = self.shared.sequence.fetch_add(1, Ordering::Relaxed);
        ExchangeId::new(now, sequence, self.shared.seed)
    }
}
