//! What is asked of a provider, in the words of ledger, metrics and JSON.

/// What was asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Chat completions.
    Chat,
    /// Text completions, and code filled in between two texts.
    Completions,
    /// Embedding vectors.
    Embeddings,
    /// The Responses API.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Gemini's generation of content.
    GenerateContent,
    /// Bedrock's one shape for all models.
    Converse,
    /// Bedrock's call in the model's own shape.
    Invoke,
    /// Ordering documents by relevance.
    Rerank,
    /// Reading text out of documents.
    Ocr,
    /// Counting tokens without generating; free.
    CountTokens,
    /// Content moderation; free.
    Moderations,
    /// Uploaded files; priced by storage, not by exchange.
    Files,
    /// Image generation, edits and variations.
    Images,
    /// Text to speech.
    Speech,
    /// Speech to text, translated or not.
    Transcription,
    /// Video generation.
    Videos,
    /// Creating and reading batches.
    Batches,
    /// Runs of an assistant on a thread.
    Runs,
    /// A bidirectional session over a `WebSocket`.
    Realtime,
    /// Listing, reading and deleting things (models, stored responses, vector stores); free.
    Admin,
    /// A path that we do not know on a host that we meter.
    Unknown,
}

impl Operation {
    /// The word used in the ledger, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::GenerateContent => "generate_content",
            Self::Converse => "converse",
            Self::Invoke => "invoke",
            Self::Rerank => "rerank",
            Self::Ocr => "ocr",
            Self::CountTokens => "count_tokens",
            Self::Moderations => "moderations",
            Self::Files => "files",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
            Self::Videos => "videos",
            Self::Batches => "batches",
            Self::Runs => "runs",
            Self::Realtime => "realtime",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
        }
    }
}
