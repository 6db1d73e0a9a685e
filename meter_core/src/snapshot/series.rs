//! The counters and gauges of the core by name. Exporters map these names to their own; no exporter is known here.

/// One family of counters with a fixed list of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Series {
    /// Finished exchanges, by provider, operation, model, service, outcome.
    Exchanges,
    /// Input tokens, by provider, model, service, provenance.
    InputTokens,
    /// Output tokens, by provider, model, service, provenance.
    OutputTokens,
    /// Cache reads (a subset of input), by provider, model, service, provenance.
    CacheReadTokens,
    /// Cache writes of any lifetime (a subset of input), by provider, model, service, provenance.
    CacheWriteTokens,
    /// Reasoning (a subset of output), by provider, model, service, provenance.
    ReasoningTokens,
    /// Input tokens that a provider stated and that were counted here before, as counted, by provider, model, count.
    CountedInputTokens,
    /// The same tokens, as stated.
    StatedInputTokens,
    /// Cost in nano-USD, by provider, model, service.
    CostNanoUsd,
    /// Decisions, by decision, mode, reason.
    Decisions,
    /// Requests that a client says it repeats, by provider.
    Retries,
    /// What repeated requests cost in nano-USD, by provider.
    RetryCostNanoUsd,
    /// Error answers, by provider, code.
    ProviderErrors,
    /// Defects, by defect.
    Defects,
    /// Billable exchanges without a price.
    UnpricedExchanges,
    /// Traffic to metered hosts that was not metered, by reason.
    UnmeteredExchanges,
    /// Texts of prompts whose count was looked up before they were counted, by result.
    MessageCacheTexts,
    /// Their bytes, by result.
    MessageCacheBytes,
}

impl Series {
    /// All series, in listing order.
    pub const ALL: [Self; 18] = [
        Self::Exchanges,
        Self::InputTokens,
        Self::OutputTokens,
        Self::CacheReadTokens,
        Self::CacheWriteTokens,
        Self::ReasoningTokens,
        Self::CountedInputTokens,
        Self::StatedInputTokens,
        Self::CostNanoUsd,
        Self::Decisions,
        Self::Retries,
        Self::RetryCostNanoUsd,
        Self::ProviderErrors,
        Self::Defects,
        Self::UnpricedExchanges,
        Self::UnmeteredExchanges,
        Self::MessageCacheTexts,
        Self::MessageCacheBytes,
    ];

    /// The name exporters ask for.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exchanges => "exchanges",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::CacheReadTokens => "cache_read_tokens",
            Self::CacheWriteTokens => "cache_write_tokens",
            Self::ReasoningTokens => "reasoning_tokens",
            Self::CountedInputTokens => "counted_input_tokens",
            Self::StatedInputTokens => "stated_input_tokens",
            Self::CostNanoUsd => "cost_nano_usd",
            Self::Decisions => "decisions",
            Self::Retries => "retries",
            Self::RetryCostNanoUsd => "retry_cost_nano_usd",
            Self::ProviderErrors => "provider_errors",
            Self::Defects => "defects",
            Self::UnpricedExchanges => "unpriced_exchanges",
            Self::UnmeteredExchanges => "unmetered_exchanges",
            Self::MessageCacheTexts => "message_cache_texts",
            Self::MessageCacheBytes => "message_cache_bytes",
        }
    }

    /// The series of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|series| series.as_str() == name)
    }
}
