//! Closes an exchange: decides what it used and cost, settles or releases its reservation, and writes its entry.

use std::sync::Arc;

use super::decision::Decision;
use super::entry::{Crossing, LedgerEntry, Outcome};
use super::{CloseReason, Exchange};
use crate::budget::Amount;
use crate::cost::Charge;
use crate::dialect::Finding;
use crate::meter::{Finished, State, Unpriced};
use crate::money::Nano;
use crate::price_book::Model;
use crate::usage::{Provenance, Usage};

impl Exchange {
    /// Settles the exchange; the entry the first time, None ever after.
    pub fn close(&mut self, reason: CloseReason, now: i64) -> Option<LedgerEntry> {
        if self.closed {
            return None;
        }
        self.closed = true;
        let finding = self.finish_reply(reason == CloseReason::Complete && !self.is_cut());
        let outcome = self.outcome(&finding, reason);
        let meter = Arc::clone(&self.meter);
        let response = self.response_fingerprint(&finding);
        let mut state = meter.state();
        state.open = state.open.saturating_sub(1);
        let (usage, provenance) = if self.is_repeated_poll(&mut state, response, &finding) {
            (Usage::default(), Provenance::None)
        } else {
            self.usage(&finding, outcome, reason)
        };
        let billable = self.route.billable && self.status < 400 && outcome != Outcome::Refused;
        let cost = self.cost(&finding, &usage, provenance, billable);
        let spent = Amount {
            usd: cost.unwrap_or(Nano::ZERO),
            tokens: usage.input_tokens.unwrap_or(0).saturating_add(usage.output_tokens.unwrap_or(0)),
            requests: 1,
        };
        let alerts = self.settle(&mut state, spent, provenance, now);
        if let (Outcome::Ok, Some(model), Some(tokens)) = (outcome, &self.facts.model, usage.output_tokens) {
            state.expectations.learn(model, tokens);
        }
        let entry = self.entry(&finding, outcome, (usage, provenance), cost, alerts, now);
        let named = entry.response_model.as_deref().or(entry.request_model.as_deref());
        let known = named.and_then(|model| meter.book.find(&entry.provider, model));
        state.record(&Finished {
            entry: &entry,
            model: known.map(Model::id).or(named),
            error_code: finding.error_code.as_deref(),
            billable,
            context_window: known.and_then(Model::context_window),
        });
        Some(entry)
    }

    fn finish_reply(&mut self, complete: bool) -> Finding {
        let Some(reply) = &mut self.reply else { return Finding::default() };
        let output = &mut self.output;
        reply.end(complete, &mut |text| output.push(text));
        reply.finding().clone()
    }

    fn outcome(&self, finding: &Finding, reason: CloseReason) -> Outcome {
        match (&self.decision, reason) {
            (Decision::Refuse(_), _) => Outcome::Refused,
            _ if self.is_cut() => Outcome::Cut,
            _ if self.status >= 400 || finding.error_code.is_some() => Outcome::Error,
            (_, CloseReason::Complete) => Outcome::Ok,
            // An SDK that has read `[DONE]` may hang up before the last chunk of the framing.
            (_, CloseReason::ClientGone | CloseReason::UpstreamGone) if finding.finished => Outcome::Ok,
            (_, CloseReason::ClientGone) => Outcome::ClientGone,
            (_, CloseReason::UpstreamGone | CloseReason::Shutdown | CloseReason::Failed) => {
                Outcome::UpstreamGone
            }
        }
    }

    /// What was used: as the provider states it; else as counted here, as far as the reply was seen.
    fn usage(&mut self, finding: &Finding, outcome: Outcome, reason: CloseReason) -> (Usage, Provenance) {
        let stated = finding.provenance == Provenance::Reported;
        let whole_statement = finding.usage.output_tokens.is_some() || !self.route.dialect.generates();
        let never_sent = self.status == 0 && reason == CloseReason::UpstreamGone;
        if stated && whole_statement {
            return (finding.usage.clone(), Provenance::Reported);
        }
        let countable =
            self.route.billable && !self.route.poll && !self.facts.background && self.status < 400;
        if !countable || never_sent || outcome == Outcome::Refused || self.facts.model.is_none() {
            return (finding.usage.clone(), finding.provenance);
        }
        let mut usage = finding.usage.clone();
        usage.input_tokens.get_or_insert(self.input.tokens);
        if self.route.dialect.generates() {
            let seen = self.output.tokens();
            usage.output_tokens = Some(usage.output_tokens.unwrap_or(0).max(seen));
        }
        let whole = finding.finished && self.input.exact && !stated;
        (usage, if whole { Provenance::Counted } else { Provenance::Estimated })
    }

    /// The provider works on: a later read states the usage.
    fn pending(&self, provenance: Provenance) -> bool {
        provenance == Provenance::None && (self.facts.background || self.route.poll)
    }

    /// A later read of a response that was charged before.
    fn is_repeated_poll(&self, state: &mut State, response: Option<u64>, finding: &Finding) -> bool {
        let Some(response) = response else { return false };
        if finding.provenance != Provenance::Reported || self.status >= 400 {
            return false;
        }
        let first = state.seen.insert(response);
        self.route.poll && !first
    }

    fn response_fingerprint(&self, finding: &Finding) -> Option<u64> {
        let id = finding.response_id.as_deref()?;
        self.meter.fingerprints.as_ref().map(|fingerprints| fingerprints.short(id.as_bytes()))
    }

    /// What it cost: nothing if it is not billable, None if nobody knows.
    fn cost(&self, finding: &Finding, usage: &Usage, provenance: Provenance, billable: bool) -> Option<Nano> {
        let never_sent = self.status == 0 && provenance == Provenance::None;
        if !billable || never_sent || self.pending(provenance) {
            return Some(Nano::ZERO);
        }
        if provenance == Provenance::None {
            return None;
        }
        let models = [finding.response_model.as_deref(), self.facts.model.as_deref()];
        let charge = |provider: &str, model: &str| -> Option<Charge> {
            self.meter.book.charge(provider, model, usage, finding.service_tier.as_deref(), self.opened_ns)
        };
        let own = models.into_iter().flatten().find_map(|model| charge(&self.route.provider, model));
        let charged = own.or_else(|| match &self.meter.policies.unpriced {
            Unpriced::PriceAs(alias) => {
                let (provider, model) = alias.split_once('/').unwrap_or((&self.route.provider, alias));
                charge(provider, model)
            }
            Unpriced::Allow | Unpriced::Refuse => None,
        });
        charged.map(|charge| charge.total)
    }

    fn settle(&self, state: &mut State, spent: Amount, provenance: Provenance, now: i64) -> Vec<Crossing> {
        if self.hold.is_none() {
            return Vec::new();
        }
        if provenance == Provenance::None && spent.usd == Nano::ZERO && self.status == 0 {
            state.budgets.release(self.id.bits(), now);
            return Vec::new();
        }
        let settlement = state.budgets.settle(self.id.bits(), spent, now);
        settlement.alerts.iter().map(Crossing::from).collect()
    }

    fn entry(
        &self,
        finding: &Finding,
        outcome: Outcome,
        (usage, provenance): (Usage, Provenance),
        cost: Option<Nano>,
        alerts: Vec<Crossing>,
        now: i64,
    ) -> LedgerEntry {
        let acted = self.is_cut() || matches!(self.decision, Decision::Refuse(_));
        let cause = self.cause.as_ref().filter(|_| acted || self.would_refuse);
        let mut defects = self.facts.defects;
        defects.extend(finding.defects);
        let decision = match (&self.decision, self.is_cut()) {
            (Decision::Refuse(_), _) => "refuse",
            (Decision::Admit, true) => "cut",
            (Decision::Admit, false) => "admit",
        };
        let status = match &self.decision {
            Decision::Refuse(answer) => answer.status,
            Decision::Admit => self.status,
        };
        LedgerEntry {
            id: self.id.to_string(),
            time_ns: self.opened_ns,
            duration_ns: now.saturating_sub(self.opened_ns).max(0),
            first_chunk_ns: self.first_chunk_at.map(|first| first.saturating_sub(self.opened_ns).max(0)),
            capture: Arc::clone(&self.meter.capture),
            provider: Arc::clone(&self.route.provider),
            operation: self.route.operation.as_str(),
            request_model: self.facts.model.clone(),
            response_model: finding.response_model.clone(),
            stream: finding.streamed,
            status,
            usage,
            provenance,
            defects,
            cost,
            priced: cost.is_some(),
            decision,
            would_refuse: self.would_refuse,
            budget: cause.and_then(|cause| cause.budget.clone()),
            reason: cause.map(|cause| cause.reason),
            outcome,
            retry: self.retry,
            key_fingerprint: self.key_fingerprint.clone(),
            who: self.who.clone(),
            alerts,
        }
    }
}
