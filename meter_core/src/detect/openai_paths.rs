//! Paths of `OpenAI`, Anthropic and Mistral and of everybody who took them over: gateways, clouds, servers of one's own.

use super::host::Family;
use super::operation::Operation;
use super::request_line::{RequestLine, decoded};
use super::shape::Shape;
use crate::dialect::Dialect;

/// Segments that start a known shape. What stands before (`v1`, `openai/v1`, a gateway's prefix) does not matter.
const ROOTS: [&str; 28] = [
    "agents",
    "assistants",
    "audio",
    "batch",
    "batches",
    "chat",
    "complete",
    "completions",
    "containers",
    "conversations",
    "embeddings",
    "evals",
    "files",
    "fim",
    "fine_tuning",
    "images",
    "messages",
    "models",
    "moderations",
    "ocr",
    "organization",
    "organizations",
    "realtime",
    "rerank",
    "responses",
    "threads",
    "vector_stores",
    "videos",
];

/// The shape of a path; the one of an unknown operation if nobody knows it.
pub(super) fn shape(line: &RequestLine<'_>, family: Family) -> Shape {
    let mut rest = from_root(line.segments());
    // Azure's inference and some gateways put models before the path proper.
    while let ["models", tail @ ..] = rest {
        let next = from_root(tail);
        if next.is_empty() {
            break;
        }
        rest = next;
    }
    // Azure names a deployment, which is whatever its owner called it.
    let model = line.after("deployments").or_else(|| line.after("engines")).map(decoded);
    let model = model.or_else(|| line.parameter("model").filter(|_| rest == ["realtime"]));
    let result = match rest {
        ["files", id, "content"] | ["messages", "batches", id, "results"] => Some(decoded(id)),
        _ => None,
    };
    known(line, rest, family).of(model).read_from(result)
}

fn from_root<'a, 'b>(segments: &'b [&'a str]) -> &'b [&'a str] {
    let root = segments.iter().position(|segment| ROOTS.contains(segment));
    root.and_then(|at| segments.get(at..)).unwrap_or_default()
}

fn known(line: &RequestLine<'_>, segments: &[&str], family: Family) -> Shape {
    use Operation as Op;
    let get = line.is("GET");
    let paid = |operation, dialect| Shape::paid(operation, dialect);
    match segments {
        ["chat" | "agents", "completions"] => paid(Op::Chat, Dialect::OpenAiChat),
        ["fim", "completions"] => paid(Op::Completions, Dialect::OpenAiChat),
        ["completions"] => paid(Op::Completions, Dialect::OpenAiCompletions),
        ["complete"] if family == Family::Anthropic => paid(Op::Completions, Dialect::Opaque),
        ["embeddings"] | ["images", "embeddings"] => paid(Op::Embeddings, Dialect::OpenAiEmbeddings),
        ["responses" | "messages", "input_tokens" | "count_tokens"] => Shape::free(Op::CountTokens),
        ["responses"] | ["responses", "compact"] => paid(Op::Responses, Dialect::OpenAiResponses),
        ["responses", _id] if get => Shape::polled(Op::Responses, Dialect::OpenAiResponses),
        ["messages"] => paid(Op::Messages, Dialect::AnthropicMessages),
        ["messages", "batches", _id, "results"] if get => {
            Shape::polled(Op::Batches, Dialect::AnthropicBatchResults)
        }
        ["files", _id, "content"] if get => Shape::polled(Op::Batches, Dialect::OpenAiBatchResults),
        ["messages", "batches", ..] | ["batches" | "batch", ..] => Shape::free(Op::Batches),
        ["images", "generations" | "edits" | "variations"] => paid(Op::Images, Dialect::OpenAiMedia),
        ["audio", "speech"] => paid(Op::Speech, Dialect::OpenAiMedia),
        ["audio", "transcriptions" | "translations"] => paid(Op::Transcription, Dialect::OpenAiMedia),
        ["videos", ..] => paid(Op::Videos, Dialect::Opaque),
        ["ocr"] => paid(Op::Ocr, Dialect::MistralOcr),
        ["rerank"] => paid(Op::Rerank, Dialect::CohereRerank),
        ["realtime"] => paid(Op::Realtime, Dialect::OpenAiRealtime),
        ["moderations"] | ["chat", "moderations"] => Shape::free(Op::Moderations),
        ["files", ..] => Shape::free(Op::Files),
        // A run is created here and its usage read by polls of it.
        ["threads", "runs"] | ["threads", _, "runs"] if !get => paid(Op::Runs, Dialect::OpenAiRuns),
        ["threads", _, "runs", _] if get => Shape::polled(Op::Runs, Dialect::OpenAiRuns),
        ["threads", _, "runs", _, "submit_tool_outputs"] => paid(Op::Runs, Dialect::OpenAiRuns),
        [
            "chat" | "completions" | "responses" | "realtime" | "models" | "threads" | "assistants"
            | "agents" | "vector_stores" | "conversations" | "containers" | "evals" | "fine_tuning"
            | "organization" | "organizations",
            ..,
        ] => Shape::free(Op::Admin),
        _ => Shape::free(Op::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, path: &str) -> Shape {
        shape(&RequestLine::new(method, path), Family::OpenAi)
    }

    #[test]
    fn paths_say_the_operation_whatever_their_prefix() {
        use Operation as Op;
        let cases = [
            ("POST", "/v1/chat/completions", Op::Chat, true),
            ("POST", "/chat/completions/", Op::Chat, true),
            ("POST", "/openai/v1/chat/completions?api-version=1", Op::Chat, true),
            ("POST", "/models/chat/completions", Op::Chat, true),
            ("POST", "/hf-inference/models/org/name/v1/chat/completions", Op::Chat, true),
            ("POST", "http://llm.internal:8000/v1//responses", Op::Responses, true),
            ("post", "/v1/responses/compact", Op::Responses, true),
            ("POST", "/v1/responses/input_tokens", Op::CountTokens, false),
            ("GET", "/v1/responses/resp_1", Op::Responses, true),
            ("GET", "/v1/responses/resp_1/input_items", Op::Admin, false),
            ("GET", "/v1/chat/completions/chat_1", Op::Admin, false),
            ("POST", "/v1/messages", Op::Messages, true),
            ("POST", "/v1/messages/count_tokens?beta=true", Op::CountTokens, false),
            ("POST", "/v1/messages/batches", Op::Batches, false),
            ("GET", "/v1/messages/batches/b/results", Op::Batches, true),
            ("GET", "/v1/files/file-1/content", Op::Batches, true),
            ("POST", "/v1/embeddings", Op::Embeddings, true),
            ("POST", "/v1/completions", Op::Completions, true),
            ("POST", "/v1/fim/completions", Op::Completions, true),
            ("POST", "/v1/ocr", Op::Ocr, true),
            ("POST", "/v1/images/generations", Op::Images, true),
            ("POST", "/v1/audio/speech", Op::Speech, true),
            ("POST", "/v1/audio/translations", Op::Transcription, true),
            ("GET", "/v1/realtime?model=x", Op::Realtime, true),
            ("POST", "/v1/realtime/client_secrets", Op::Admin, false),
            ("GET", "/v1/models", Op::Admin, false),
            ("GET", "/v1/models/org/name", Op::Admin, false),
            ("POST", "/v1/moderations", Op::Moderations, false),
            ("POST", "/v1/files", Op::Files, false),
            ("POST", "/v1/threads/t/runs", Op::Runs, true),
            ("POST", "/v1/threads/runs", Op::Runs, true),
            ("GET", "/v1/threads/t/runs/r", Op::Runs, true),
            ("POST", "/v1/threads/t/messages", Op::Admin, false),
            ("GET", "/", Op::Unknown, false),
            ("POST", "/v1/brand/new", Op::Unknown, false),
        ];
        for (method, path, operation, billable) in cases {
            let shape = read(method, path);
            assert_eq!((shape.operation, shape.billable), (operation, billable), "{method} {path}");
        }
    }

    #[test]
    fn a_deployment_and_a_session_name_their_model() {
        let cases = [
            ("/openai/deployments/prod%20one/chat/completions?api-version=1", Some("prod one")),
            ("/v1/realtime?model=gpt-realtime", Some("gpt-realtime")),
            ("/v1/chat/completions?model=x", None),
        ];
        for (path, model) in cases {
            assert_eq!(read("POST", path).model.as_deref(), model, "{path}");
        }
    }

    #[test]
    fn only_reads_of_results_are_polls() {
        for path in [
            "/v1/responses/r",
            "/v1/threads/t/runs/r",
            "/v1/files/f/content",
            "/v1/messages/batches/b/results",
        ] {
            assert!(read("GET", path).poll, "{path}");
            assert!(!read("DELETE", path).poll, "{path}");
        }
        let result = |path| read("GET", path).result;
        assert_eq!(result("/v1/files/file%201/content").as_deref(), Some("file 1"));
        assert_eq!(result("/v1/messages/batches/b/results").as_deref(), Some("b"));
        assert_eq!(result("/v1/responses/r"), None);
    }
}
