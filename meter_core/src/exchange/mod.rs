//! One exchange from its request to its ledger entry: admitted once, fed in pieces, closed once from any end of life.

mod admission;
mod decision;
mod entry;
mod expectation;
mod hold;
mod id;
mod output;
mod prompt_count;
mod settlement;

use std::sync::Arc;

pub use decision::{Answer, Cause, Decision, Passage};
pub use entry::{Crossing, LedgerEntry, Outcome};
pub use expectation::Expectations;
pub use id::ExchangeId;
pub use prompt_count::PromptCount;

use crate::attribution::Attribution;
use crate::cost::Rates;
use crate::detect::Route;
use crate::dialect::{Progress, Reply, RequestFacts, error_event};
use crate::headers::Headers;
use crate::limits;
use crate::meter::{Request, Shared};
use crate::snapshot::Series;
use hold::Hold;
use output::Output;

/// How the life of an exchange ended, as its capture adapter saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The reply was forwarded to its end.
    Complete,
    /// The client went away.
    ClientGone,
    /// The provider went away, or was never reached.
    UpstreamGone,
    /// tokmeter is stopping.
    Shutdown,
    /// Something in tokmeter failed.
    Failed,
}

/// What a meter hands over when it opens an exchange.
pub(crate) struct Opening<'a> {
    pub(crate) id: ExchangeId,
    pub(crate) route: Route,
    pub(crate) request: Request<'a>,
    pub(crate) who: Attribution,
    pub(crate) now: i64,
}

/// How far the end of a reply by its budget has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cutting {
    /// Nothing speaks against the reply.
    No,
    /// It must end at the next boundary between events.
    Due,
    /// It has ended.
    Done,
}

/// One request and its response.
pub struct Exchange {
    meter: Arc<Shared>,
    id: ExchangeId,
    opened_ns: i64,
    route: Route,
    facts: RequestFacts,
    input: PromptCount,
    who: Attribution,
    key_fingerprint: Option<Arc<str>>,
    retry: u32,
    decision: Decision,
    /// Why a budget or policy refused or cut, or would have.
    cause: Option<Cause>,
    would_refuse: bool,
    rates: Option<Rates>,
    /// The hold that covers the reply, while a reservation stands.
    hold: Option<Hold>,
    renew_at: i64,
    reply: Option<Reply>,
    status: u16,
    first_chunk_at: Option<i64>,
    output: Output,
    /// The last piece ended between two events of a plain stream.
    between_events: bool,
    cutting: Cutting,
    closed: bool,
}

impl Exchange {
    /// The id of this exchange.
    pub const fn id(&self) -> ExchangeId {
        self.id
    }

    /// What admission decided.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether the reply was ended by its budget.
    fn is_cut(&self) -> bool {
        self.cutting == Cutting::Done
    }

    /// Whether the ledger entry was given out.
    pub const fn closed(&self) -> bool {
        self.closed
    }

    /// The status line and header fields of the response have arrived.
    pub fn respond(&mut self, status: u16, headers: Headers<'_>) {
        if !self.closed && self.reply.is_none() {
            self.status = status;
            self.reply = Some(Reply::new(&self.route, &self.facts, status, headers));
        }
    }

    /// One piece of the response body, as it was on the wire.
    pub fn feed(&mut self, chunk: &[u8], now: i64) -> Passage {
        if self.cutting == Cutting::Done {
            return Passage::Cut { data: Vec::new(), clean: true };
        }
        if self.closed || chunk.is_empty() {
            return Passage::Forward;
        }
        self.first_chunk_at.get_or_insert(now);
        let Some(reply) = &mut self.reply else { return Passage::Forward };
        let output = &mut self.output;
        let progress = reply.feed(chunk, &mut |text| output.push(text));
        let was_between = std::mem::replace(&mut self.between_events, progress.at_boundary);
        if !self.may_be_cut() {
            return Passage::Forward;
        }
        self.guard(now);
        if self.cutting == Cutting::Due {
            self.cut_at(chunk, progress, was_between)
        } else {
            Passage::Forward
        }
    }

    /// Whether the reply is a running stream under a reservation.
    fn may_be_cut(&self) -> bool {
        let running = |reply: &Reply| reply.finding().streamed && !reply.finding().finished;
        self.hold.is_some() && self.reply.as_ref().is_some_and(running)
    }

    /// Keeps the reservation ahead of the reply, or decides to cut.
    fn guard(&mut self, now: i64) {
        let Some(hold) = self.hold else { return };
        if now >= self.renew_at {
            self.renew(now);
        }
        if self.cutting == Cutting::No && hold.runs_low(self.output.at_most()) {
            let seen = self.output.tokens();
            if hold.runs_low(seen) {
                self.extend(hold, seen, now);
            }
        }
    }

    /// Ends the reply between two events: after the last whole one of `chunk`, or before `chunk` where one ended.
    fn cut_at(&mut self, chunk: &[u8], progress: Progress, was_between: bool) -> Passage {
        let boundary = progress.boundary.or(was_between.then_some(0));
        let Some(whole) = boundary.and_then(|boundary| chunk.get(..boundary)) else {
            if self.reply.as_ref().is_some_and(Reply::is_plain) {
                // In the middle of an event: the next boundary is near, and a broken event helps nobody.
                return Passage::Forward;
            }
            self.cutting = Cutting::Done;
            self.count_cut("enforce", self.cause.as_ref().map_or("none", |cause| cause.reason));
            return Passage::Cut { data: Vec::new(), clean: false };
        };
        self.cutting = Cutting::Done;
        self.count_cut("enforce", self.cause.as_ref().map_or("none", |cause| cause.reason));
        let message = self.cause.as_ref().map(Cause::message).unwrap_or_default();
        let mut data = whole.to_vec();
        data.extend_from_slice(&error_event(self.route.dialect, &message, "insufficient_quota"));
        Passage::Cut { data, clean: true }
    }

    fn extend(&mut self, hold: Hold, seen: u64, now: i64) {
        let expires = now.saturating_add(limits::RESERVATION_TTL_NS);
        for step in hold.steps(seen) {
            let more = hold::step(self.rates.as_ref(), step);
            let verdict = self.meter.state().budgets.extend(self.id.bits(), more, expires, now);
            if let Some(shadow) = verdict.would_refuse {
                self.would_cut(shadow.into());
            }
            match verdict.refused {
                None => {
                    self.hold = Some(hold.grown(step));
                    return;
                }
                Some(refusal) => self.cause = Some(refusal.into()),
            }
        }
        match hold.refused() {
            Some(rest) => self.hold = Some(rest),
            None => self.cutting = Cutting::Due,
        }
    }

    /// A budget in shadow mode would have cut this reply; counted once.
    fn would_cut(&mut self, cause: Cause) {
        if !self.would_refuse {
            self.would_refuse = true;
            self.count_cut("shadow", cause.reason);
            self.cause.get_or_insert(cause);
        }
    }

    fn count_cut(&self, mode: &str, reason: &str) {
        self.meter.state().tally.count(Series::Decisions, &["cut", mode, reason]);
    }

    fn renew(&mut self, now: i64) {
        let expires = now.saturating_add(limits::RESERVATION_TTL_NS);
        self.renew_at = now.saturating_add(limits::RESERVATION_TTL_NS / 2);
        let nothing = hold::step(None, 0);
        self.meter.state().budgets.extend(self.id.bits(), nothing, expires, now);
    }
}
