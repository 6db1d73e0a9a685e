//! The wire formats of provider APIs, one file each, and what is read out of them.
//!
//! It owns the meaning of JSON paths in requests and replies. It refuses to know hosts (`detect`), bytes (`decode`, `frame`,
//! `json_scan`), prices and budgets. A dialect is a `reader::Reader` for replies, a function from path to
//! `request::Part` for requests, and one arm in each of the two `match`es below.

mod anthropic_batch_results;
mod anthropic_messages;
mod anthropic_usage;
mod aws_error;
mod bedrock_chunk;
mod bedrock_converse;
mod bedrock_invoke;
mod bedrock_native;
mod bedrock_stream;
mod bedrock_usage;
mod by_model;
mod choices;
mod cohere_chat;
mod cohere_embed;
mod cohere_rerank;
mod cohere_usage;
mod cost_text;
mod envelope;
mod finding;
mod form;
mod framing;
mod gemini_embeddings;
mod gemini_generate;
mod gemini_interactions;
mod gemini_live;
mod gemini_usage;
#[cfg(test)]
mod heeds_test;
mod image_size;
mod include_usage;
mod lane;
mod llama_cpp_completion;
mod mistral_ocr;
mod ollama_chat;
mod ollama_embed;
mod openai_batch_results;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_media;
mod openai_realtime;
mod openai_responses;
mod openai_runs;
mod openai_tools;
mod openai_usage;
#[cfg(test)]
mod openai_usage_test;
mod piece;
mod prompt;
mod protojson;
mod reader;
mod refusal;
mod reply;
mod request;
#[cfg(test)]
mod sample;
mod session_request;
mod stated_cost;
mod subsets;
mod tgi_generate;

pub use finding::{Finding, Progress, SubCall};
pub(crate) use include_usage::{Addition, addition, with_usage_asked};
pub use prompt::{Image, ImageSize, Prompt};
pub use refusal::{error_body, error_field, error_status};
pub use reply::Reply;
pub(crate) use reply::SWITCHING_PROTOCOLS;
pub use request::{RequestFacts, read_request};
pub use session_request::SessionRequest;

use crate::limits;

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `POST /chat/completions`.
    OpenAiChat,
    /// `POST /completions`.
    OpenAiCompletions,
    /// `POST /embeddings`.
    OpenAiEmbeddings,
    /// `POST /responses` and reads of a response.
    OpenAiResponses,
    /// Images and audio: usage, where stated, is the only thing read.
    OpenAiMedia,
    /// Events of a realtime session.
    OpenAiRealtime,
    /// Runs of an assistant.
    OpenAiRuns,
    /// Files that a batch has written, one response a line.
    OpenAiBatchResults,
    /// `POST /messages`.
    AnthropicMessages,
    /// Results of a message batch, one message a line.
    AnthropicBatchResults,
    /// `:generateContent` and `:streamGenerateContent`.
    GeminiGenerate,
    /// `:embedContent`, `:batchEmbedContents` and `:predict` of embedding models.
    GeminiEmbeddings,
    /// `/interactions`.
    GeminiInteractions,
    /// Messages of a Live session.
    GeminiLive,
    /// `/converse` and `/converse-stream`.
    BedrockConverse,
    /// `/invoke` and `/invoke-with-response-stream`: the model's own format.
    BedrockInvoke,
    /// Cohere's chat and generate.
    CohereChat,
    /// Cohere's embed.
    CohereEmbed,
    /// `/rerank`.
    CohereRerank,
    /// `/ocr`.
    MistralOcr,
    /// Ollama's `/api/chat` and `/api/generate`.
    OllamaChat,
    /// Ollama's `/api/embed`.
    OllamaEmbed,
    /// `/generate` and `/generate_stream`.
    TgiGenerate,
    /// llama.cpp's `/completion`.
    LlamaCppCompletion,
    /// Bodies that are not read beyond model, error and other fields common to all.
    Opaque,
}

impl Dialect {
    /// Whether its replies are generated text, which can be counted where no usage is stated.
    pub const fn generates(self) -> bool {
        matches!(
            self,
            Self::OpenAiChat
                | Self::OpenAiCompletions
                | Self::OpenAiResponses
                | Self::OpenAiRealtime
                | Self::AnthropicMessages
                | Self::GeminiGenerate
                | Self::GeminiInteractions
                | Self::GeminiLive
                | Self::BedrockConverse
                | Self::BedrockInvoke
                | Self::CohereChat
                | Self::OllamaChat
                | Self::TgiGenerate
                | Self::LlamaCppCompletion
        )
    }

    /// Whether it is spoken over a `WebSocket`, by both sides in turn.
    pub const fn is_session(self) -> bool {
        matches!(self, Self::OpenAiRealtime | Self::GeminiLive)
    }

    /// Whether what its requests read is text, which can be counted where no usage is stated.
    pub const fn reads_text(self) -> bool {
        self.generates()
            || matches!(
                self,
                Self::OpenAiEmbeddings | Self::GeminiEmbeddings | Self::CohereEmbed | Self::OllamaEmbed
            )
    }

    /// Whether its paths are words that applications use for themselves, so that only a model's name tells it from them.
    pub const fn has_common_paths(self) -> bool {
        matches!(self, Self::OllamaChat | Self::OllamaEmbed)
    }

    /// Whether a reply streams when the request says nothing about it.
    pub const fn streams_unasked(self) -> bool {
        matches!(self, Self::OllamaChat)
    }

    /// Whether the model is the path's, whatever the body repeats of it.
    const fn names_model_in_path(self) -> bool {
        matches!(self, Self::GeminiGenerate | Self::GeminiEmbeddings)
    }

    /// Whether its requests can be Anthropic's.
    pub(super) const fn is_messages(self) -> bool {
        matches!(self, Self::AnthropicMessages | Self::BedrockInvoke)
    }

    /// Whether its streams are lines of JSON, whatever their media type.
    pub(super) const fn streams_in_lines(self) -> bool {
        matches!(self, Self::OllamaChat | Self::CohereChat)
    }

    /// Whether its replies are files of one document a line, whatever their media type.
    pub(super) const fn replies_in_lines(self) -> bool {
        matches!(self, Self::OpenAiBatchResults | Self::AnthropicBatchResults)
    }

    /// Whether what a reply states may be read again, under the id of the result.
    pub const fn is_read_again(self) -> bool {
        matches!(
            self,
            Self::OpenAiResponses
                | Self::OpenAiRuns
                | Self::OpenAiBatchResults
                | Self::AnthropicBatchResults
                | Self::GeminiInteractions
        )
    }

    /// Whether the name asked for says more about the price than the one that answered: Bedrock's names a profile, whose regions
    /// have prices of their own.
    pub const fn is_priced_as_asked(self) -> bool {
        matches!(self, Self::BedrockConverse | Self::BedrockInvoke)
    }

    /// The reader of the reply that `head` begins.
    fn reader(self, head: &reader::Head<'_>) -> Box<dyn reader::Reader> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::Chat::new(head)),
            Self::OpenAiCompletions => Box::new(openai_completions::Completions::new(head)),
            Self::OpenAiEmbeddings => Box::new(openai_embeddings::Embeddings::default()),
            Self::OpenAiResponses => Box::new(openai_responses::Responses::default()),
            Self::OpenAiMedia => Box::new(openai_media::Media::default()),
            Self::OpenAiRealtime => Box::new(openai_realtime::Realtime::default()),
            Self::OpenAiRuns => Box::new(openai_runs::Runs::default()),
            Self::OpenAiBatchResults => Box::new(openai_batch_results::BatchResults::new(head)),
            Self::AnthropicMessages => Box::new(anthropic_messages::Messages::default()),
            Self::AnthropicBatchResults => Box::new(anthropic_batch_results::BatchResults::new(head)),
            Self::GeminiGenerate => Box::new(gemini_generate::Generate::default()),
            Self::GeminiEmbeddings => Box::new(gemini_embeddings::Embeddings::default()),
            Self::GeminiInteractions => Box::new(gemini_interactions::Interactions::default()),
            Self::GeminiLive => Box::new(gemini_live::Live::default()),
            Self::BedrockConverse => Box::new(bedrock_converse::Converse::new(head)),
            Self::BedrockInvoke => Box::new(bedrock_invoke::Invoke::new(head)),
            Self::CohereChat => Box::new(cohere_chat::Chat::default()),
            Self::CohereEmbed => Box::new(cohere_embed::Embed::default()),
            Self::CohereRerank => Box::new(cohere_rerank::Rerank::default()),
            Self::MistralOcr => Box::new(mistral_ocr::Ocr::default()),
            Self::OllamaChat => Box::new(ollama_chat::Chat::default()),
            Self::OllamaEmbed => Box::new(ollama_embed::Embed::default()),
            Self::TgiGenerate => Box::new(tgi_generate::Generate::new(head)),
            Self::LlamaCppCompletion => Box::new(llama_cpp_completion::Completion::default()),
            Self::Opaque => Box::new(envelope::Nothing),
        }
    }

    /// What stands at `path` of this dialect's requests.
    fn request_part(self, path: &str) -> request::Part {
        match self {
            Self::OpenAiChat => openai_chat::request_part(path),
            Self::OpenAiCompletions => openai_completions::request_part(path),
            Self::OpenAiEmbeddings => openai_embeddings::request_part(path),
            Self::OpenAiResponses => openai_responses::request_part(path),
            Self::OpenAiMedia => openai_media::request_part(path),
            Self::OpenAiRealtime => openai_realtime::request_part(path),
            Self::OpenAiRuns => openai_runs::request_part(path),
            Self::OpenAiBatchResults => openai_batch_results::request_part(path),
            Self::AnthropicMessages => anthropic_messages::request_part(path),
            Self::AnthropicBatchResults => anthropic_batch_results::request_part(path),
            Self::GeminiGenerate => gemini_generate::request_part(path),
            Self::GeminiEmbeddings => gemini_embeddings::request_part(path),
            Self::GeminiInteractions => gemini_interactions::request_part(path),
            Self::GeminiLive => gemini_live::request_part(path),
            Self::BedrockConverse => bedrock_converse::request_part(path),
            Self::BedrockInvoke => bedrock_invoke::request_part(path),
            Self::CohereChat => cohere_chat::request_part(path),
            Self::CohereEmbed => cohere_embed::request_part(path),
            Self::CohereRerank => cohere_rerank::request_part(path),
            Self::MistralOcr => mistral_ocr::request_part(path),
            Self::OllamaChat => ollama_chat::request_part(path),
            Self::OllamaEmbed => ollama_embed::request_part(path),
            Self::TgiGenerate => tgi_generate::request_part(path),
            Self::LlamaCppCompletion => llama_cpp_completion::request_part(path),
            Self::Opaque => request::Part::Other,
        }
    }
}

/// A wire name (model, tier, user) as we keep it: cut at [`limits::NAME_BYTES_MAX`]; an empty one is absent.
fn name(text: &str) -> Option<String> {
    let longest = (0..=limits::NAME_BYTES_MAX.min(text.len())).rev().find_map(|end| text.get(..end));
    longest.filter(|kept| !kept.is_empty()).map(str::to_owned)
}
