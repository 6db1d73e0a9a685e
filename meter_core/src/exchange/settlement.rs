//! Closes an exchange: settles or releases its reservation by what was used, and writes its entry.

use std::sync::Arc;

use super::decision::Decision;
use super::entry::{Crossing, LedgerEntry, Outcome};
use super::used::{Used, is_error};
use super::{CloseReason, Exchange, Standing};
use crate::budget::Amount;
use crate::dialect::Finding;
use crate::meter::{Finished, State};
use crate::money::Nano;
use crate::price_book::Model;
use crate::usage::{Defect, Provenance};

impl Exchange {
    /// Settles the exchange; the entry the first time, None ever after.
    pub fn close(&mut self, reason: CloseReason, now: i64) -> Option<LedgerEntry> {
        if self.closed {
            return None;
        }
        self.closed = true;
        let mut finding = self.finish_reply(reason == CloseReason::Complete && !self.is_cut());
        if reason == CloseReason::Lost && self.reply.is_none() {
            finding.defects.insert(Defect::Truncated);
        }
        let outcome = self.outcome(&finding, reason);
        let used = self.used(&finding, reason);
        let meter = Arc::clone(&self.meter);
        let response = self.response_fingerprint(&finding);
        let compared = self.compared(&finding).filter(|_| outcome == Outcome::Ok);
        let lesson = (outcome == Outcome::Ok).then(|| self.lesson(&finding)).flatten();
        let mut state = meter.state();
        state.open = state.open.saturating_sub(1);
        if let (Some(attempt), true) = (self.attempt, outcome != Outcome::Ok) {
            state.attempts.failed(attempt, self.retry, now);
        }
        // A poll is free when the response was charged before; the first one that states the usage is charged.
        let again = response.is_some_and(|response| !state.seen.insert(response)) && self.route.poll;
        let used = if again { Used::nothing() } else { used };
        let cost = self.cost(&finding, &used);
        if let Some(lesson) = lesson {
            lesson.teach(&mut state.calibrations, &self.route.provider);
        }
        let alerts = self.settle(&mut state, &finding, &used, cost, now);
        if let (Outcome::Ok, Some(model), Some(tokens)) =
            (outcome, &self.facts.model, used.usage.output_tokens)
        {
            state.expectations.learn(model, tokens / u64::from(self.facts.choices.max(1)));
        }
        if let (Some(name), Some(model), None) = (&self.route.model, &finding.response_model, &self.rates) {
            state.deployments.learn(&self.route.provider, name, model);
        }
        let free = used.free || !self.route.billable;
        let entry = self.entry(&finding, outcome, used, cost, alerts, now);
        let named = entry.response_model.as_deref().or(entry.request_model.as_deref());
        let known = named.and_then(|model| meter.book.find(&entry.provider, model));
        state.record(&Finished {
            entry: &entry,
            model: known.map(Model::id).or(named),
            known_model: known.is_some(),
            unpriced: cost.is_none() && !free,
            unmetered: self.unmetered.filter(|_| (200..300).contains(&self.status)),
            context_window: known.and_then(Model::context_window),
            compared,
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
            _ if self.status >= 400 || is_error(finding) => Outcome::Error,
            (_, CloseReason::Complete) => Outcome::Ok,
            // An SDK that has read `[DONE]` may hang up before the last chunk of the framing.
            (_, CloseReason::ClientGone | CloseReason::UpstreamGone | CloseReason::Lost)
                if finding.finished =>
            {
                Outcome::Ok
            }
            (_, CloseReason::ClientGone) => Outcome::ClientGone,
            (
                _,
                CloseReason::UpstreamGone | CloseReason::Shutdown | CloseReason::Failed | CloseReason::Lost,
            ) => Outcome::UpstreamGone,
        }
    }

    /// The fingerprint of a response whose usage is stated here and may be read again.
    fn response_fingerprint(&self, finding: &Finding) -> Option<u64> {
        let readable = self.route.dialect.is_read_again() && self.status < 300;
        let stated = readable && finding.provenance == Provenance::Reported;
        let id = finding.response_id.as_deref().filter(|_| stated)?;
        self.meter.fingerprints.as_ref().map(|fingerprints| fingerprints.short(id.as_bytes()))
    }

    /// Replaces the hold by what was used; the thresholds that this crosses.
    fn settle(
        &self,
        state: &mut State,
        finding: &Finding,
        used: &Used,
        cost: Option<Nano>,
        now: i64,
    ) -> Vec<Crossing> {
        let id = self.id.bits();
        let usage = &used.usage;
        let tokens = usage.input_tokens.unwrap_or(0).saturating_add(usage.output_tokens.unwrap_or(0));
        let requests = u64::from(!self.route.poll);
        let mut spent = Amount { usd: cost.unwrap_or(Nano::ZERO), tokens, requests };
        if let Some(hold) = self.hold {
            if used.free && self.status == 0 {
                state.budgets.release(id, now);
                return Vec::new();
            }
            // What nobody knows is taken to be as much as was held.
            let held = hold.amount();
            if cost.is_none() || used.partly_seen {
                spent.usd = spent.usd.max(held.usd);
            }
            if used.partly_seen {
                spent.tokens = spent.tokens.max(held.tokens);
            }
        } else if self.route.poll && !used.free && self.meter.has_budgets {
            // Work in the background is charged when it is first read, to whom the model's name there means.
            let subject = self.subject(finding.response_model.as_deref());
            match self.standing {
                Standing::Deciding => state.budgets.reserve(id, &subject, Amount::ZERO, now, self.opened_ns),
                Standing::Watching => state.budgets.watch(id, &subject, Amount::ZERO, now, self.opened_ns),
            };
        } else {
            return Vec::new();
        }
        let settlement = state.budgets.settle(id, spent, now);
        settlement.alerts.iter().map(Crossing::from).collect()
    }

    fn entry(
        &self,
        finding: &Finding,
        outcome: Outcome,
        used: Used,
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
            (_, true) => "cut",
            (Decision::Admit, false) => "admit",
            (Decision::Rewrite(_), false) => "rewrite",
        };
        let status = match &self.decision {
            Decision::Refuse(answer) => answer.status,
            Decision::Admit | Decision::Rewrite(_) => self.status,
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
            usage: used.usage,
            provenance: used.provenance,
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
