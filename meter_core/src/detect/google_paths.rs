//! Paths of Gemini and Vertex: a model, a colon and what to do with it.

use super::operation::Operation;
use super::request_line::{RequestLine, decoded};
use super::shape::Shape;
use crate::dialect::Dialect;

/// The shape of `.../models/{model}:{action}` and of Gemini's other paths; None for paths of other families.
pub(super) fn shape(line: &RequestLine<'_>) -> Option<Shape> {
    let segments = line.segments();
    if segments.contains(&"interactions") && !line.is("DELETE") {
        return Some(interactions(line));
    }
    if segments.iter().any(|segment| segment.ends_with(".BidiGenerateContent")) {
        return Some(Shape::paid(Operation::Realtime, Dialect::GeminiLive));
    }
    let (model, action) = segments.last()?.rsplit_once(':')?;
    let paid = |operation, dialect| Shape::paid(operation, dialect);
    let shape = match (line.after("publishers"), action) {
        (Some("anthropic"), "rawPredict") => paid(Operation::Messages, Dialect::AnthropicMessages),
        (Some("anthropic"), "streamRawPredict") => {
            paid(Operation::Messages, Dialect::AnthropicMessages).streamed(true)
        }
        (_, "rawPredict") => paid(Operation::Chat, Dialect::OpenAiChat),
        (_, "streamRawPredict") => paid(Operation::Chat, Dialect::OpenAiChat).streamed(true),
        (_, "generateContent" | "generateAnswer") => {
            paid(Operation::GenerateContent, Dialect::GeminiGenerate)
        }
        (_, "streamGenerateContent") => {
            paid(Operation::GenerateContent, Dialect::GeminiGenerate).streamed(true)
        }
        (_, "embedContent" | "batchEmbedContents") => paid(Operation::Embeddings, Dialect::GeminiEmbeddings),
        (_, "countTokens" | "computeTokens" | "countTextTokens" | "countMessageTokens") => {
            Shape::free(Operation::CountTokens)
        }
        (_, "predict") if model.contains("embedding") => {
            paid(Operation::Embeddings, Dialect::GeminiEmbeddings)
        }
        (_, "predict") => paid(Operation::Images, Dialect::Opaque),
        (_, "predictLongRunning") => paid(Operation::Videos, Dialect::Opaque),
        (_, "fetchPredictOperation") => Shape::free(Operation::Admin),
        (_, "batchGenerateContent" | "asyncBatchEmbedContent") => Shape::free(Operation::Batches),
        _ => return None,
    };
    Some(shape.of(Some(decoded(model))))
}

/// Interactions are created, and read again when they ran in the background.
fn interactions(line: &RequestLine<'_>) -> Shape {
    match line.after("interactions") {
        None => Shape::paid(Operation::GenerateContent, Dialect::GeminiInteractions),
        Some(_) if line.is("GET") => Shape::polled(Operation::GenerateContent, Dialect::GeminiInteractions),
        Some(_) => Shape::free(Operation::Admin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_and_action_share_a_segment() {
        use Operation as Op;
        let vertex = "/v1/projects/p/locations/l/publishers";
        let cases = [
            ("/v1beta/models/gemini-2.5-flash:generateContent".to_owned(), Op::GenerateContent, false),
            (
                "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse".to_owned(),
                Op::GenerateContent,
                true,
            ),
            (
                format!("{vertex}/google/models/gemini-2.5-pro:generateContent?%24alt=json"),
                Op::GenerateContent,
                false,
            ),
            (
                format!("{vertex}/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"),
                Op::Messages,
                true,
            ),
            (format!("{vertex}/mistralai/models/mistral-large:rawPredict"), Op::Chat, false),
            ("/v1beta/models/gemini-embedding-001:batchEmbedContents".to_owned(), Op::Embeddings, false),
            ("/v1beta/models/gemini-2.5-flash:countTokens".to_owned(), Op::CountTokens, false),
            (format!("{vertex}/google/models/text-embedding-005:predict"), Op::Embeddings, false),
            ("/v1beta/interactions".to_owned(), Op::GenerateContent, false),
        ];
        for (path, operation, stream) in cases {
            let shape = shape(&RequestLine::new("POST", &path)).unwrap();
            assert_eq!((shape.operation, shape.stream), (operation, stream), "{path}");
            assert_eq!(shape.billable, operation != Op::CountTokens, "{path}");
        }
        let tuned = shape(&RequestLine::new("POST", "/v1beta/tunedModels/mine-1:generateContent")).unwrap();
        assert_eq!(tuned.model.as_deref(), Some("mine-1"));
        assert_eq!(shape(&RequestLine::new("POST", "/v1/chat/completions")), None);
        assert_eq!(shape(&RequestLine::new("GET", "/v1beta/models")), None);
    }
}
