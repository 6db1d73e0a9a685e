//! The wire formats of provider APIs, one file each, and what is read out of them.
//!
//! It owns the meaning of JSON paths in requests and replies. It refuses to know hosts (`detect`), bytes (`decode`, `frame`,
//! `json_scan`), prices and budgets. A dialect is a `reader::Reader` for replies, a function from path to
//! `request::Part` for requests, and one arm in each of the two `match`es below.

mod anthropic_messages;
mod cost_text;
mod envelope;
mod finding;
mod form;
mod include_usage;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_media;
mod openai_responses;
mod openai_usage;
mod prompt;
mod reader;
mod refusal;
mod reply;
mod request;
#[cfg(test)]
mod sample;
mod subsets;

pub use finding::{Finding, Progress, SubCall};
pub(crate) use include_usage::{Addition, addition, with_usage_asked};
pub use prompt::Prompt;
pub use refusal::{error_body, error_event};
pub use reply::Reply;
pub use request::{RequestFacts, read_request};

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
    /// `POST /messages`.
    AnthropicMessages,
    /// Bodies that are not read beyond model, error and other fields common to all.
    Opaque,
}

impl Dialect {
    /// Whether its replies are generated text, which can be counted where no usage is stated.
    pub const fn generates(self) -> bool {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::OpenAiResponses | Self::AnthropicMessages => {
                true
            }
            Self::OpenAiEmbeddings | Self::OpenAiMedia | Self::Opaque => false,
        }
    }

    /// The reader of this dialect's replies.
    fn reader(self) -> Box<dyn reader::Reader> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::Chat::default()),
            Self::OpenAiCompletions => Box::new(openai_completions::Completions::default()),
            Self::OpenAiEmbeddings => Box::new(openai_embeddings::Embeddings::default()),
            Self::OpenAiResponses => Box::new(openai_responses::Responses::default()),
            Self::OpenAiMedia => Box::new(openai_media::Media::default()),
            Self::AnthropicMessages => Box::new(anthropic_messages::Messages::default()),
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
            Self::AnthropicMessages => anthropic_messages::request_part(path),
            Self::Opaque => request::Part::Other,
        }
    }
}

/// A wire name (model, tier, user) as we keep it: cut at [`limits::NAME_BYTES_MAX`]; an empty one is absent.
fn name(text: &str) -> Option<String> {
    let longest = (0..=limits::NAME_BYTES_MAX.min(text.len())).rev().find_map(|end| text.get(..end));
    longest.filter(|kept| !kept.is_empty()).map(str::to_owned)
}
