//! What is metered of each family's API and how: one line for each path, from which the reference is written. A test holds
//! every line against detection; nothing at run time reads it.

use super::Operation;
use super::host::Family;

/// How an operation's usage comes to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// The provider states it in every reply; a reply that breaks off is counted.
    Stated,
    /// The provider states it; in a stream only if asked, else it is counted.
    StatedIfAsked,
    /// Some models state tokens; what is billed by second, character, page or picture is passed on with its cost unknown.
    StatedByModel,
    /// A later read of the same work states it, and is charged once.
    Later,
    /// Each turn of the session states it.
    Turns,
    /// Nothing is charged.
    Free,
    /// Nothing tells: passed on and counted as unmetered.
    Unread,
}

impl Knowledge {
    /// The sentence of the reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stated => "stated by the provider",
            Self::StatedIfAsked => "stated by the provider; streams that did not ask are counted",
            Self::StatedByModel => "stated where the model is billed by token; else cost unknown",
            Self::Later => "stated by a later read, charged once",
            Self::Turns => "stated with each turn",
            Self::Free => "free",
            Self::Unread => "not read: passed on, counted as unmetered",
        }
    }
}

/// One line of the reference.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    /// Whose API.
    pub family: Family,
    /// HTTP method.
    pub method: &'static str,
    /// An example of the path; names in braces stand for any.
    pub path: &'static str,
    /// What it is metered as.
    pub operation: Operation,
    /// How its usage is known.
    pub knowledge: Knowledge,
}

const fn line(
    family: Family,
    method: &'static str,
    path: &'static str,
    operation: Operation,
    knowledge: Knowledge,
) -> Coverage {
    Coverage { family, method, path, operation, knowledge }
}

use Family::{Anthropic, Bedrock, Cohere, Google, HuggingFace, Mistral, Ollama, OpenAi};
use Knowledge::{Free, Later, Stated, StatedByModel, StatedIfAsked, Turns, Unread};
use Operation as Op;

/// Every operation that is known, by family.
pub const COVERAGE: [Coverage; 57] = [
    line(OpenAi, "POST", "/v1/chat/completions", Op::Chat, StatedIfAsked),
    line(OpenAi, "POST", "/v1/responses", Op::Responses, Stated),
    line(OpenAi, "POST", "/v1/responses/compact", Op::Responses, Stated),
    line(OpenAi, "GET", "/v1/responses/{id}", Op::Responses, Later),
    line(OpenAi, "POST", "/v1/responses/input_tokens", Op::CountTokens, Free),
    line(OpenAi, "POST", "/v1/completions", Op::Completions, StatedIfAsked),
    line(OpenAi, "POST", "/v1/embeddings", Op::Embeddings, Stated),
    line(OpenAi, "POST", "/v1/images/generations", Op::Images, StatedByModel),
    line(OpenAi, "POST", "/v1/images/edits", Op::Images, StatedByModel),
    line(OpenAi, "POST", "/v1/audio/transcriptions", Op::Transcription, StatedByModel),
    line(OpenAi, "POST", "/v1/audio/speech", Op::Speech, StatedByModel),
    line(OpenAi, "GET", "/v1/realtime", Op::Realtime, Turns),
    line(OpenAi, "POST", "/v1/batches", Op::Batches, Later),
    line(OpenAi, "GET", "/v1/files/{id}/content", Op::Batches, Later),
    line(OpenAi, "POST", "/v1/threads/{id}/runs", Op::Runs, Later),
    line(OpenAi, "GET", "/v1/threads/{id}/runs/{id}", Op::Runs, Later),
    line(OpenAi, "POST", "/v1/rerank", Op::Rerank, StatedByModel),
    line(OpenAi, "POST", "/v1/moderations", Op::Moderations, Free),
    line(OpenAi, "POST", "/v1/videos", Op::Videos, Unread),
    line(OpenAi, "POST", "/openai/deployments/{name}/chat/completions", Op::Chat, StatedIfAsked),
    line(OpenAi, "POST", "/models/chat/completions", Op::Chat, StatedIfAsked),
    line(OpenAi, "POST", "/completion", Op::Completions, Stated),
    line(Anthropic, "POST", "/v1/messages", Op::Messages, Stated),
    line(Anthropic, "POST", "/v1/messages/count_tokens", Op::CountTokens, Free),
    line(Anthropic, "POST", "/v1/messages/batches", Op::Batches, Later),
    line(Anthropic, "GET", "/v1/messages/batches/{id}/results", Op::Batches, Later),
    line(Google, "POST", "/v1beta/models/{model}:generateContent", Op::GenerateContent, Stated),
    line(Google, "POST", "/v1beta/models/{model}:streamGenerateContent", Op::GenerateContent, Stated),
    line(Google, "POST", "/v1beta/models/{model}:embedContent", Op::Embeddings, StatedIfAsked),
    line(Google, "POST", "/v1beta/models/{model}:batchEmbedContents", Op::Embeddings, StatedIfAsked),
    line(Google, "POST", "/v1beta/models/{model}:countTokens", Op::CountTokens, Free),
    line(Google, "POST", "/v1beta/interactions", Op::GenerateContent, Stated),
    line(Google, "POST", "/v1beta/openai/chat/completions", Op::Chat, StatedIfAsked),
    line(
        Google,
        "GET",
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        Op::Realtime,
        Turns,
    ),
    line(
        Google,
        "POST",
        "/v1/projects/{p}/locations/{l}/publishers/google/models/{model}:generateContent",
        Op::GenerateContent,
        Stated,
    ),
    line(
        Google,
        "POST",
        "/v1/projects/{p}/locations/{l}/publishers/anthropic/models/{model}:rawPredict",
        Op::Messages,
        Stated,
    ),
    line(
        Google,
        "POST",
        "/v1/projects/{p}/locations/{l}/endpoints/openapi/chat/completions",
        Op::Chat,
        StatedIfAsked,
    ),
    line(Bedrock, "POST", "/model/{id}/converse", Op::Converse, Stated),
    line(Bedrock, "POST", "/model/{id}/converse-stream", Op::Converse, Stated),
    line(Bedrock, "POST", "/model/{id}/invoke", Op::Invoke, Stated),
    line(Bedrock, "POST", "/model/{id}/invoke-with-response-stream", Op::Invoke, Stated),
    line(Cohere, "POST", "/v2/chat", Op::Chat, Stated),
    line(Cohere, "POST", "/v1/chat", Op::Chat, Stated),
    line(Cohere, "POST", "/v2/embed", Op::Embeddings, Stated),
    line(Cohere, "POST", "/v2/rerank", Op::Rerank, StatedByModel),
    line(Mistral, "POST", "/v1/chat/completions", Op::Chat, Stated),
    line(Mistral, "POST", "/v1/fim/completions", Op::Completions, Stated),
    line(Mistral, "POST", "/v1/embeddings", Op::Embeddings, Stated),
    line(Mistral, "POST", "/v1/ocr", Op::Ocr, StatedByModel),
    line(Mistral, "POST", "/v1/audio/transcriptions", Op::Transcription, StatedByModel),
    line(Ollama, "POST", "/api/chat", Op::Chat, Stated),
    line(Ollama, "POST", "/api/generate", Op::Completions, Stated),
    line(Ollama, "POST", "/api/embed", Op::Embeddings, Stated),
    line(Ollama, "POST", "/v1/chat/completions", Op::Chat, StatedIfAsked),
    line(HuggingFace, "POST", "/generate", Op::Completions, StatedIfAsked),
    line(HuggingFace, "POST", "/generate_stream", Op::Completions, StatedIfAsked),
    line(HuggingFace, "POST", "/{provider}/v1/chat/completions", Op::Chat, StatedIfAsked),
];

#[cfg(test)]
mod tests {
    use super::super::request_line::RequestLine;
    use super::super::shape::shape_of;
    use super::*;

    #[test]
    fn every_line_is_what_detection_says() {
        for line in COVERAGE {
            let request = RequestLine::new(line.method, line.path);
            let shape = shape_of(&request, line.family);
            assert_eq!(shape.operation, line.operation, "{}", line.path);
            let free = matches!(line.knowledge, Free) || matches!(line.operation, Op::Batches);
            assert!(shape.billable != free || shape.poll, "{}", line.path);
        }
    }
}
