//! What all exchanges of one meter share and change: accounts, counters and what was learned. One lock guards it.

use std::sync::Arc;

use crate::budget::Budgets;
use crate::exchange::{Calibrations, Compared, Expectations, LedgerEntry, Outcome};
use crate::limits;
use crate::money::Nano;
use crate::snapshot::{Distribution, LabelSet, Series, Tally};
use crate::usage::Defect;

use super::attempts::Attempts;
use super::deployments::Deployments;
use super::organizations::Organizations;
use super::seen::SeenResponses;

/// The mutable half of a meter.
pub(crate) struct State {
    pub(crate) budgets: Budgets,
    pub(crate) tally: Tally,
    pub(crate) expectations: Expectations,
    pub(crate) calibrations: Calibrations,
    pub(crate) seen: SeenResponses,
    pub(crate) attempts: Attempts,
    pub(crate) organizations: Organizations,
    pub(crate) deployments: Deployments,
    pub(crate) open: u64,
    /// Models of the price book, and those it does not know, so that the latter cannot crowd the former out.
    models: LabelSet,
    strange_models: LabelSet,
    services: LabelSet,
    reasons: LabelSet,
}

/// What the counters need beside the ledger entry.
pub(crate) struct Finished<'a> {
    /// The entry as it goes to the ledger.
    pub(crate) entry: &'a LedgerEntry,
    /// The price book's name of the model, which bounds the label better than what clients send.
    pub(crate) model: Option<&'a str>,
    /// Whether the price book knows that model.
    pub(crate) known_model: bool,
    /// It cost something, and nobody knows how much.
    pub(crate) unpriced: bool,
    /// What of the work it brought about passes by unseen.
    pub(crate) unmetered: Option<&'static str>,
    /// Tokens of the model's context window.
    pub(crate) context_window: Option<u64>,
    /// The prompt by our count and by the provider's.
    pub(crate) compared: Option<Compared>,
}

impl State {
    /// No exchange yet.
    pub(crate) fn new(budgets: Budgets) -> Self {
        Self {
            budgets,
            tally: Tally::default(),
            expectations: Expectations::default(),
            calibrations: Calibrations::default(),
            seen: SeenResponses::default(),
            attempts: Attempts::default(),
            organizations: Organizations::default(),
            deployments: Deployments::default(),
            open: 0,
            models: LabelSet::of(limits::LABEL_VALUES_MAX),
            strange_models: LabelSet::of(limits::STRANGE_MODELS_MAX),
            services: LabelSet::of(limits::LABEL_VALUES_MAX),
            reasons: LabelSet::of(limits::LABEL_VALUES_MAX),
        }
    }

    /// Counts traffic to a metered host that was not metered.
    pub(crate) fn count_unmetered(&mut self, reason: &str) {
        let reason = self.reasons.label(Some(reason));
        self.tally.add(Series::UnmeteredExchanges, &[&reason], 1);
    }

    /// The label of a model. A name that is in no price book is one only once a provider has answered to it: until then it is
    /// whatever a client wrote.
    fn model(&mut self, finished: &Finished<'_>) -> Arc<str> {
        let answered = (200..300).contains(&finished.entry.status);
        match finished.model {
            Some(_) if finished.known_model => self.models.label(finished.model),
            Some(_) if !answered => self.strange_models.other(),
            model => self.strange_models.label(model),
        }
    }

    /// Counts one finished exchange.
    pub(crate) fn record(&mut self, finished: &Finished<'_>) {
        let entry = finished.entry;
        let provider = &entry.provider;
        let model = self.model(finished);
        let service = self.services.label(entry.who.service.as_deref());
        let operation: Arc<str> = entry.operation.into();
        let outcome: Arc<str> = entry.outcome.as_str().into();
        let tally = &mut self.tally;
        tally.add(Series::Exchanges, &[provider, &operation, &model, &service, &outcome], 1);
        for defect in entry.defects.iter() {
            tally.count(Series::Defects, &[defect.as_str()]);
        }
        if entry.defects.contains(Defect::UnknownOperation) {
            tally.count(Series::UnmeteredExchanges, &[Defect::UnknownOperation.as_str()]);
        }
        if let Some(reason) = finished.unmetered {
            tally.count(Series::UnmeteredExchanges, &[reason]);
        }
        if entry.outcome == Outcome::Refused {
            return;
        }
        let usage = &entry.usage;
        let cache_write = usage.cache_write_5m_tokens.unwrap_or(0) + usage.cache_write_1h_tokens.unwrap_or(0);
        let provenance: Arc<str> = entry.provenance.as_str().into();
        for (series, tokens) in [
            (Series::InputTokens, usage.input_tokens.unwrap_or(0)),
            (Series::OutputTokens, usage.output_tokens.unwrap_or(0)),
            (Series::CacheReadTokens, usage.cache_read_tokens.unwrap_or(0)),
            (Series::CacheWriteTokens, cache_write),
            (Series::ReasoningTokens, usage.reasoning_tokens.unwrap_or(0)),
        ] {
            if tokens > 0 {
                tally.add(series, &[provider, &model, &service, &provenance], i128::from(tokens));
            }
        }
        if let Some(Compared { counted, stated, exact }) = finished.compared {
            let count: Arc<str> = if exact { "exact" } else { "estimated" }.into();
            tally.add(Series::CountedInputTokens, &[provider, &model, &count], i128::from(counted));
            tally.add(Series::StatedInputTokens, &[provider, &model, &count], i128::from(stated));
        }
        if let Some(cost) = entry.cost.filter(|cost| *cost != Nano::ZERO) {
            tally.add(Series::CostNanoUsd, &[provider, &model, &service], cost.nano());
            tally.observe(Distribution::CostPerExchangeNanoUsd, provider, cost.nano());
            if entry.retry > 0 {
                tally.add(Series::RetryCostNanoUsd, &[provider], cost.nano());
            }
        }
        if finished.unpriced {
            tally.count(Series::UnpricedExchanges, &[]);
        }
        if entry.outcome == Outcome::Error {
            let code: Arc<str> = match entry.status {
                // The reply began as a success.
                ..400 => "stream".into(),
                status @ 400..=599 => status.to_string().into(),
                _ => "other".into(),
            };
            tally.add(Series::ProviderErrors, &[provider, &code], 1);
        }
        tally.observe(Distribution::ExchangeDurationNs, provider, i128::from(entry.duration_ns));
        if let Some(first) = entry.first_chunk_ns {
            tally.observe(Distribution::FirstChunkNs, provider, i128::from(first));
        }
        if let (Some(window @ 1..), Some(input @ 1..)) = (finished.context_window, usage.input_tokens) {
            let share = i128::from(input) * 1_000_000 / i128::from(window);
            tally.observe(Distribution::ContextUtilizationPpm, provider, share);
        }
    }
}
