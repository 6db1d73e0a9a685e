//! One exchange from its request to its ledger entry: admitted once, fed in pieces, closed once from any end of life.

mod admission;
mod calibration;
mod caller;
mod decision;
mod entry;
mod expectation;
mod guard;
mod hold;
mod id;
mod lesson;
mod output;
mod pricing;
mod prompt_count;
mod retry;
mod session;
mod settlement;
mod unasked_usage;
mod used;

use std::sync::Arc;

pub use calibration::{Calibration, Calibrations};
pub use decision::{Answer, Cause, Decision, Passage, Rewrite};
pub use entry::{Crossing, LedgerEntry, Outcome};
pub use expectation::Expectations;
pub use id::ExchangeId;
pub(crate) use lesson::Compared;
pub(crate) use prompt_count::CountedTexts;
pub use prompt_count::PromptCount;

use crate::attribution::Attribution;
use crate::cost::Rates;
use crate::detect::Route;
use crate::dialect::{Reply, RequestFacts, SWITCHING_PROTOCOLS};
use crate::headers::Headers;
use crate::meter::{Request, Shared};
use hold::Hold;
use output::Output;
use session::Session;
use unasked_usage::Unasked;

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
    /// It went on, and what came was not seen.
    Lost,
}

/// What a meter hands over when it opens an exchange.
pub(crate) struct Opening<'a> {
    pub(crate) id: ExchangeId,
    pub(crate) route: Route,
    pub(crate) request: Request<'a>,
    pub(crate) who: Attribution,
    pub(crate) now: i64,
    pub(crate) standing: Standing,
}

/// Whether anything can still be done about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its request has not been sent: it may be refused or rewritten, and its reply cut.
    Deciding,
    /// It is only seen.
    Watching,
}

/// How far the end of a reply by its budget has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cutting {
    /// Nothing speaks against the reply.
    No,
    /// It must end at the next boundary between events.
    Due,
    /// It has ended, in the provider's own words or, if not `clean`, in the middle.
    Done {
        /// Whether the client's connection may end in peace.
        clean: bool,
    },
}

/// One request and its response.
pub struct Exchange {
    meter: Arc<Shared>,
    id: ExchangeId,
    opened_ns: i64,
    /// The latest instant anybody told.
    last_ns: i64,
    route: Route,
    facts: RequestFacts,
    input: PromptCount,
    standing: Standing,
    who: Attribution,
    key_fingerprint: Option<Arc<str>>,
    retry: u32,
    /// By what a repeat of the request is recognised.
    attempt: Option<u64>,
    /// What of the work it asks for is not seen here, if it is granted.
    unmetered: Option<&'static str>,
    decision: Decision,
    /// Why a budget or policy refused or cut, or would have.
    cause: Option<Cause>,
    would_refuse: bool,
    rates: Option<Rates>,
    /// The hold that covers the reply, while a reservation stands.
    hold: Option<Hold>,
    renew_at: i64,
    reply: Option<Reply>,
    /// Takes out of the reply what the rewriting of its request has added.
    unasked: Option<Unasked>,
    /// What there is besides the reply while it is a session.
    session: Option<Session>,
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
        matches!(self.cutting, Cutting::Done { .. })
    }

    /// Whether the ledger entry was given out.
    pub const fn closed(&self) -> bool {
        self.closed
    }

    /// The status line and header fields of the response have arrived. Whether pieces of its body may be replaced, so that a
    /// length it declares does not hold for the client.
    pub fn respond(&mut self, status: u16, headers: Headers<'_>) -> bool {
        if !self.closed && self.reply.is_none() {
            self.status = status;
            self.reply = Some(Reply::new(&self.route, &self.facts, status, headers));
            if let Decision::Rewrite(rewrite) = &mut self.decision {
                *rewrite = Arc::default();
                self.unasked = Unasked::of_reply(status, headers);
            }
            if status == SWITCHING_PROTOCOLS {
                self.begin_session(headers);
            }
            self.answered(status, headers);
        }
        self.unasked.is_some()
    }

    /// One piece of the response body, or of what the provider sends in a session, as it was on the wire. It is read before
    /// anything is taken out of it.
    pub fn feed(&mut self, chunk: &[u8], now: i64) -> Passage {
        if let Cutting::Done { clean } = self.cutting {
            return Passage::Cut { data: Vec::new(), clean };
        }
        self.last_ns = now;
        if self.closed || chunk.is_empty() {
            return Passage::Forward;
        }
        self.first_chunk_at.get_or_insert(now);
        let Some(reply) = &mut self.reply else { return Passage::Forward };
        let output = &mut self.output;
        let progress = reply.feed(chunk, &mut |text| output.push(text));
        let was_between = std::mem::replace(&mut self.between_events, progress.at_boundary);
        self.pass(chunk, progress, was_between, now)
    }

    /// What is held back of the reply. It goes to the client before anything else does when the reply has ended, or when
    /// pieces are no longer fed here.
    pub fn release(&mut self) -> Vec<u8> {
        self.unasked.as_mut().map(Unasked::release).unwrap_or_default()
    }
}

/// An exchange that its owner lost is settled by what was seen of it, so that neither its reservation nor the count of
/// open exchanges hangs. Nobody gets its entry, which is why it counts as unmetered.
impl Drop for Exchange {
    fn drop(&mut self) {
        if self.close(CloseReason::Failed, self.last_ns).is_some() {
            self.meter.abandoned();
        }
    }
}
