//! How each provider API writes its requests and replies. One file a dialect; this one is the way a body takes through
//! them: decode, frame, scan, and the dialect's own reading of each value.

mod anthropic_messages;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_responses;
mod openai_transcription;
mod prompt;
pub mod refusal;
mod reply;
mod request;
mod stated;

pub use prompt::Prompt;
pub use reply::{Finding, Progress, Reply};
pub use request::{RequestFacts, read_request};

/// The wire format of one provider API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI chat completions and what is compatible with it.
    OpenAiChat,
    /// OpenAI legacy completions.
    OpenAiCompletions,
    /// OpenAI embeddings.
    OpenAiEmbeddings,
    /// The OpenAI Responses API.
    OpenAiResponses,
    /// OpenAI audio transcriptions and translations.
    OpenAiTranscription,
    /// Anthropic messages.
    AnthropicMessages,
    /// Nothing in it is read.
    Opaque,
}

impl Dialect {
    /// Whether its replies are generated text, which can be counted when no usage is stated.
    pub const fn generates(self) -> bool {
        matches!(
            self,
            Self::OpenAiChat | Self::OpenAiCompletions | Self::OpenAiResponses | Self::AnthropicMessages
        )
    }
}
