//! Normalised token counts of one exchange, how we know them, and what was wrong with the traffic.
//!
//! Totals are inclusive: input includes cache reads and writes, output includes reasoning. A number that the
//! provider did not state is absent, never zero. This file refuses to know any provider.

/// Normalised counts. `None` is "not stated". The first eleven are what the ledger and every export carry; the others are units
/// that are billed instead of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens, including cache reads and writes and tool-use prompts.
    pub input_tokens: Option<u64>,
    /// All output tokens, including reasoning.
    pub output_tokens: Option<u64>,
    /// Subset of input read from a prompt cache.
    pub cache_read_tokens: Option<u64>,
    /// Subset of input written to a cache that lives five minutes (or an unstated time).
    pub cache_write_5m_tokens: Option<u64>,
    /// Subset of input written to a cache that lives one hour.
    pub cache_write_1h_tokens: Option<u64>,
    /// Subset of output spent on hidden reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Subset of input that is audio.
    pub audio_input_tokens: Option<u64>,
    /// Subset of what the cache read that is audio, where that is told apart.
    pub audio_cache_read_tokens: Option<u64>,
    /// Subset of output that is audio.
    pub audio_output_tokens: Option<u64>,
    /// Subset of input that is image.
    pub image_input_tokens: Option<u64>,
    /// Subset of what the cache read that is image, where that is told apart.
    pub image_cache_read_tokens: Option<u64>,
    /// Subset of output that is image.
    pub image_output_tokens: Option<u64>,
    /// Server-side web searches, billed per request.
    pub web_search_requests: Option<u64>,
    /// Pages of documents that were read, where those are billed instead of tokens (OCR).
    pub pages: Option<u64>,
    /// Searches of a reranker, as its provider counts them: a query with up to so many documents.
    pub search_units: Option<u64>,
}

impl Usage {
    /// Each count joined with that of `other` by `rule`.
    fn join(&self, other: &Self, rule: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        Self {
            input_tokens: rule(self.input_tokens, other.input_tokens),
            output_tokens: rule(self.output_tokens, other.output_tokens),
            cache_read_tokens: rule(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_5m_tokens: rule(self.cache_write_5m_tokens, other.cache_write_5m_tokens),
            cache_write_1h_tokens: rule(self.cache_write_1h_tokens, other.cache_write_1h_tokens),
            reasoning_tokens: rule(self.reasoning_tokens, other.reasoning_tokens),
            audio_input_tokens: rule(self.audio_input_tokens, other.audio_input_tokens),
            audio_cache_read_tokens: rule(self.audio_cache_read_tokens, other.audio_cache_read_tokens),
            audio_output_tokens: rule(self.audio_output_tokens, other.audio_output_tokens),
            image_input_tokens: rule(self.image_input_tokens, other.image_input_tokens),
            image_cache_read_tokens: rule(self.image_cache_read_tokens, other.image_cache_read_tokens),
            image_output_tokens: rule(self.image_output_tokens, other.image_output_tokens),
            web_search_requests: rule(self.web_search_requests, other.web_search_requests),
            pages: rule(self.pages, other.pages),
            search_units: rule(self.search_units, other.search_units),
        }
    }

    /// Both together; what only one of them states is that.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.join(other, |left, right| match (left, right) {
            (Some(left), Some(right)) => Some(left.saturating_add(right)),
            (left, right) => left.or(right),
        })
    }

    /// Whether something is billed by a unit that no price book has rates for.
    pub fn has_unpriced_units(&self) -> bool {
        [self.pages, self.search_units].into_iter().flatten().any(|units| units > 0)
    }

    /// What is left of each count without `part`; a count that was not stated stays so.
    #[must_use]
    pub fn less(&self, part: &Self) -> Self {
        self.join(part, |whole, part| whole.map(|whole| whole.saturating_sub(part.unwrap_or(0))))
    }
}

/// How the totals of a [`Usage`] are known, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// The provider stated them.
    Reported,
    /// Counted here with the model's own tokenizer.
    Counted,
    /// Counted with a stand-in tokenizer, or in part.
    Estimated,
    /// Nothing is known, or there was nothing to count.
    #[default]
    None,
}

impl Provenance {
    /// The word used in the ledger, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }
}

/// A named flaw of one exchange; counted, never raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Defect {
    /// The reply ended before its protocol said so.
    Truncated,
    /// The content coding is unknown or its bytes are broken.
    Undecodable,
    /// The compressed body grew beyond `limits`.
    DecodeLimit,
    /// The body is not what the dialect expects (broken JSON, broken frame).
    Malformed,
    /// Nested deeper than `limits`.
    TooDeep,
    /// One frame was longer than `limits`; its content was skipped.
    FrameTooLong,
    /// A host that we meter, a path that we do not know.
    UnknownOperation,
    /// A billable reply that states no usage.
    NoUsage,
    /// Two statements of the provider contradict each other; the smaller claim was kept.
    Contradiction,
    /// The reply carries an error of the provider inside a stream.
    StreamError,
    /// The request body was not seen whole.
    RequestIncomplete,
}

impl Defect {
    /// All defects, in the order they are listed.
    pub const ALL: [Self; 11] = [
        Self::Truncated,
        Self::Undecodable,
        Self::DecodeLimit,
        Self::Malformed,
        Self::TooDeep,
        Self::FrameTooLong,
        Self::UnknownOperation,
        Self::NoUsage,
        Self::Contradiction,
        Self::StreamError,
        Self::RequestIncomplete,
    ];

    /// The word used in the ledger, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Undecodable => "undecodable",
            Self::DecodeLimit => "decode_limit",
            Self::Malformed => "malformed",
            Self::TooDeep => "too_deep",
            Self::FrameTooLong => "frame_too_long",
            Self::UnknownOperation => "unknown_operation",
            Self::NoUsage => "no_usage",
            Self::Contradiction => "contradiction",
            Self::StreamError => "stream_error",
            Self::RequestIncomplete => "request_incomplete",
        }
    }
}

/// A set of [`Defect`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects(u32);

impl Defects {
    /// Adds `defect`; adding twice is adding once.
    pub fn insert(&mut self, defect: Defect) {
        self.0 |= 1 << (defect as u8);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether `defect` is in the set.
    pub fn contains(self, defect: Defect) -> bool {
        self.0 & (1 << (defect as u8)) != 0
    }

    /// Whether nothing was wrong.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members in listing order.
    pub fn iter(self) -> impl Iterator<Item = Defect> {
        Defect::ALL.into_iter().filter(move |defect| self.contains(*defect))
    }
}
