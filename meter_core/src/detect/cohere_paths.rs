//! Paths of Cohere, which are single words that others use as well: only a Cohere host speaks them.

use super::operation::Operation;
use super::request_line::RequestLine;
use super::shape::Shape;
use crate::dialect::Dialect;

/// The shape of `/v1/{word}` and `/v2/{word}`; None for paths of other families.
pub(super) fn shape(line: &RequestLine<'_>) -> Option<Shape> {
    let [.., "v1" | "v2", word] = line.segments() else { return None };
    Some(match *word {
        "chat" | "generate" | "summarize" => Shape::paid(Operation::Chat, Dialect::CohereChat),
        "embed" => Shape::paid(Operation::Embeddings, Dialect::CohereEmbed),
        "rerank" | "classify" => Shape::paid(Operation::Rerank, Dialect::CohereRerank),
        "tokenize" | "detokenize" => Shape::free(Operation::CountTokens),
        "models" | "datasets" | "connectors" | "embed-jobs" => Shape::free(Operation::Admin),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_says_the_operation() {
        let cases = [
            ("/v2/chat", Some(Operation::Chat)),
            ("/v1/chat", Some(Operation::Chat)),
            ("/v2/embed", Some(Operation::Embeddings)),
            ("/v1/rerank", Some(Operation::Rerank)),
            ("/v1/tokenize", Some(Operation::CountTokens)),
            ("/compatibility/v1/chat/completions", None),
        ];
        for (path, operation) in cases {
            assert_eq!(
                shape(&RequestLine::new("POST", path)).map(|shape| shape.operation),
                operation,
                "{path}"
            );
        }
    }
}
