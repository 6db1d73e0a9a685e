//! What method and path of a request say: operation, dialect, who pays. Refuses to know hosts; each family of paths has a
//! file of its own, and what is ambiguous between them the host's family decides.

use super::host::Family;
use super::operation::Operation;
use super::request_line::RequestLine;
use super::{bedrock_paths, cohere_paths, google_paths, openai_paths, self_hosted_paths};
use crate::dialect::Dialect;

/// What a method and path alone say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) operation: Operation,
    pub(super) dialect: Dialect,
    /// A successful answer can cost money.
    pub(super) billable: bool,
    /// A read of work that was paid for, or will be, under the id of its result.
    pub(super) poll: bool,
    /// The path asks for a stream.
    pub(super) stream: bool,
    /// The model that the path names.
    pub(super) model: Option<String>,
    /// The id of what holds the results that the path reads.
    pub(super) result: Option<String>,
}

impl Shape {
    /// What can cost money.
    pub(super) const fn paid(operation: Operation, dialect: Dialect) -> Self {
        Self { operation, dialect, billable: true, poll: false, stream: false, model: None, result: None }
    }

    /// What costs nothing.
    pub(super) const fn free(operation: Operation) -> Self {
        Self {
            operation,
            dialect: Dialect::Opaque,
            billable: false,
            poll: false,
            stream: false,
            model: None,
            result: None,
        }
    }

    /// A read of what other requests brought about.
    pub(super) fn polled(operation: Operation, dialect: Dialect) -> Self {
        Self { poll: true, ..Self::paid(operation, dialect) }
    }

    /// The same, of the model that the path names.
    pub(super) fn of(self, model: Option<String>) -> Self {
        Self { model: model.filter(|name| !name.is_empty()), ..self }
    }

    /// The same, read under this id.
    pub(super) fn read_from(self, result: Option<String>) -> Self {
        Self { result, ..self }
    }

    /// The same, as far as the method asks for it: what costs money is posted, save reads of results.
    pub(super) fn asked_by(self, line: &RequestLine<'_>) -> Self {
        let asked = !self.billable || self.poll || line.is("POST");
        if asked { self } else { Self::free(Operation::Admin) }
    }

    /// What is spoken in a `WebSocket` that is opened at this path; only known ones say it.
    pub(super) fn into_session(self) -> Self {
        match self.dialect {
            Dialect::OpenAiRealtime | Dialect::GeminiLive => self,
            // Responses over a socket are events like those of a stream.
            Dialect::OpenAiResponses => Self::paid(Operation::Realtime, Dialect::OpenAiRealtime),
            _ => Self::paid(Operation::Realtime, Dialect::Opaque),
        }
    }

    /// The same, asked for as a stream.
    pub(super) fn streamed(self, stream: bool) -> Self {
        Self { stream, ..self }
    }
}

/// The shape of a request to a host of `family`, by its path.
pub(super) fn shape_of(line: &RequestLine<'_>, family: Family) -> Shape {
    google_paths::shape(line)
        .or_else(|| bedrock_paths::shape(line))
        .or_else(|| cohere_paths::shape(line).filter(|_| family == Family::Cohere))
        .or_else(|| self_hosted_paths::shape(line, family))
        .unwrap_or_else(|| openai_paths::shape(line, family))
}

/// The shape of a request to a host that nobody named: only what cannot be mistaken for something else.
pub(super) fn recognised(line: &RequestLine<'_>) -> Option<(Family, Shape)> {
    if !line.is("POST") {
        return None;
    }
    let unmistakable = |shape: &Shape| shape.billable && !shape.poll;
    if let Some(shape) = google_paths::shape(line).filter(unmistakable) {
        return Some((Family::Google, shape));
    }
    if let Some(shape) = bedrock_paths::shape(line).filter(unmistakable) {
        return Some((Family::Bedrock, shape));
    }
    if let Some(shape) = self_hosted_paths::shape(line, Family::OpenAi).filter(unmistakable) {
        let family = if shape.dialect == Dialect::TgiGenerate { Family::HuggingFace } else { Family::Ollama };
        return Some((family, shape));
    }
    let shape = openai_paths::shape(line, Family::OpenAi);
    let family = match shape.dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses => Family::OpenAi,
        Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings if line.segments().contains(&"v1") => {
            Family::OpenAi
        }
        Dialect::AnthropicMessages if line.segments().contains(&"v1") => Family::Anthropic,
        _ => return None,
    };
    unmistakable(&shape).then_some((family, shape))
}
