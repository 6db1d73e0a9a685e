//! What all exchanges of one meter share and change: accounts, counters and what was learned. One lock guards it.

use std::sync::Arc;

use crate::budget::Budgets;
use crate::exchange::{Expectations, LedgerEntry, Outcome};
use crate::money::Nano;
use crate::snapshot::{Distribution, LabelSet, Series, Tally};
use crate::usage::Defect;

use super::seen::SeenResponses;

/// The mutable half of a meter.
pub(crate) struct State {
    pub(crate) budgets: Budgets,
    pub(crate) tally: Tally,
    pub(crate) expectations: Expectations,
    pub(crate) seen: SeenResponses,
    pub(crate) sequence: u64,
    pub(crate) open: u64,
    models: LabelSet,
    services: LabelSet,
}

/// What the counters need beside the ledger entry.
pub(crate) struct Finished<'a> {
    /// The entry as it goes to the ledger.
    pub(crate) entry: &'a LedgerEntry,
    /// The price book's name of the model, which bounds the label better than what clients send.
    pub(crate) model: Option<&'a str>,
    /// Error code stated inside a stream.
    pub(crate) error_code: Option<&'a str>,
    /// Whether the exchange is of a kind that costs money.
    pub(crate) billable: bool,
    /// Tokens of the model's context window.
    pub(crate) context_window: Option<u64>,
}

impl State {
    /// No exchange yet.
    pub(crate) fn new(budgets: Budgets) -> Self {
        Self {
            budgets,
            tally: Tally::default(),
            expectations: Expectations::default(),
            seen: SeenResponses::default(),
            sequence: 0,
            open: 0,
            models: LabelSet::default(),
            services: LabelSet::default(),
        }
    }

    /// Counts one finished exchange.
    pub(crate) fn record(&mut self, finished: &Finished<'_>) {
        let entry = finished.entry;
        let provider = &entry.provider;
        let model = self.models.label(finished.model);
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
        if let Some(cost) = entry.cost.filter(|cost| *cost != Nano::ZERO) {
            tally.add(Series::CostNanoUsd, &[provider, &model, &service], cost.nano());
            tally.observe(Distribution::CostPerExchangeNanoUsd, provider, cost.nano());
            if entry.retry > 0 {
                tally.add(Series::RetryCostNanoUsd, &[provider], cost.nano());
            }
        }
        if finished.billable && !entry.priced {
            tally.count(Series::UnpricedExchanges, &[]);
        }
        if entry.outcome == Outcome::Error {
            let code: Arc<str> = match (entry.status, finished.error_code) {
                (400.., _) => entry.status.to_string().into(),
                (_, Some(_)) => "stream".into(),
                _ => "unknown".into(),
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
