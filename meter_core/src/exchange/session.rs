//! A session over a `WebSocket`: what its client says, and what it has come to so far, so that its reservation can be kept
//! ahead of it.
//!
//! A session states what it used response by response. Until then nobody knows: what it may cost beyond its hold is one
//! response, from its input on. The hold of a session is kept in output tokens like that of any reply; what was stated
//! counts in it as the output tokens that would cost as much.

use super::admission::priced_rates;
use super::output::Output;
use super::used::Used;
use super::{Cutting, Exchange, Passage};
use crate::dialect::{Finding, SessionRequest, SubCall};
use crate::headers::Headers;
use crate::usage::Usage;

/// Femto-USD in a nano-USD.
const FEMTO_PER_NANO: i128 = 1_000_000;

/// What an exchange keeps while it is a session.
pub(super) struct Session {
    request: SessionRequest,
    /// The text that the client gave the model to read, as a number.
    sent: Output,
    /// What was stated when its worth was last reckoned.
    stated: (Usage, Vec<SubCall>),
    worth: u64,
}

impl Session {
    /// Tokens of the text that the client gave the model to read.
    pub(super) fn sent_tokens(&mut self) -> u64 {
        self.sent.tokens()
    }
}

impl Exchange {
    /// Whether what follows an answer that switches protocols is read.
    pub const fn reads_session(&self) -> bool {
        self.route.dialect.is_session()
    }

    /// The provider has agreed to a session.
    pub(super) fn begin_session(&mut self, headers: Headers<'_>) {
        let model = self.facts.model.as_deref();
        self.session = self.reads_session().then(|| Session {
            request: SessionRequest::new(self.route.dialect, headers),
            sent: Output::new(
                self.route.operation,
                true,
                model,
                model.and_then(|model| self.meter.tokenizers.for_model(model)),
            ),
            stated: (Usage::default(), Vec::new()),
            worth: 0,
        });
    }

    /// One piece of what the client sends in a session, as it was on the wire. What the provider sends goes to
    /// [`Exchange::feed`].
    pub fn sent(&mut self, chunk: &[u8], now: i64) -> Passage {
        if let Cutting::Done { clean } = self.cutting {
            return Passage::Cut { data: Vec::new(), clean };
        }
        self.last_ns = now;
        let Some(session) = self.session.as_mut().filter(|_| !self.closed) else { return Passage::Forward };
        let Session { request, sent, .. } = session;
        request.feed(chunk, &mut |text| sent.push(text));
        let named = request.model().filter(|_| self.facts.model.is_none()).map(str::to_owned);
        if named.is_some() {
            self.facts.model = named;
            self.rates = priced_rates(&self.meter, &self.route.provider, &self.facts, self.opened_ns, 0);
        }
        Passage::Forward
    }

    /// What a session has stated so far, in output tokens that cost as much; 0 for any other reply.
    pub(super) fn stated_worth(&mut self) -> u64 {
        let (Some(session), Some(reply)) = (&self.session, &mut self.reply) else { return 0 };
        let finding = reply.finding();
        if finding.usage == session.stated.0 && finding.tool_calls == session.stated.1 {
            return session.worth;
        }
        let finding = finding.clone();
        let worth = self.worth(&finding);
        let stated = (finding.usage, finding.tool_calls);
        if let Some(session) = &mut self.session {
            (session.stated, session.worth) = (stated, worth);
        }
        worth
    }

    fn worth(&self, finding: &Finding) -> u64 {
        let tokens =
            |usage: &Usage| usage.input_tokens.unwrap_or(0).saturating_add(usage.output_tokens.unwrap_or(0));
        let cost = self.cost(finding, &Used::stated(finding));
        let each = self.rates.as_ref().map_or(0, |rates| i128::from(rates.output));
        let femto = cost.map_or(0, |cost| cost.nano().saturating_mul(FEMTO_PER_NANO));
        let dear = femto.checked_div(each).and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0);
        dear.max(tokens(&finding.usage))
    }
}
