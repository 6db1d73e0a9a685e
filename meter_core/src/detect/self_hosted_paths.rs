//! Paths of servers that people run themselves, beside the `OpenAI` shapes that all of them speak: Ollama, llama.cpp, TGI.

use super::host::Family;
use super::operation::Operation;
use super::request_line::RequestLine;
use super::shape::Shape;
use crate::dialect::Dialect;

/// The shape of a server's own path; None for paths of other families.
pub(super) fn shape(line: &RequestLine<'_>, family: Family) -> Option<Shape> {
    let paid = |operation, dialect| Some(Shape::paid(operation, dialect));
    match line.segments() {
        [.., "api", "chat"] => paid(Operation::Chat, Dialect::OllamaChat),
        [.., "api", "generate"] => paid(Operation::Completions, Dialect::OllamaChat),
        [.., "api", "embed" | "embeddings"] => paid(Operation::Embeddings, Dialect::OllamaEmbed),
        [.., "api", "tags" | "ps" | "show" | "pull" | "push" | "create" | "copy" | "delete" | "version"]
            if family == Family::Ollama =>
        {
            Some(Shape::free(Operation::Admin))
        }
        [.., "generate_stream"] => {
            Some(Shape::paid(Operation::Completions, Dialect::TgiGenerate).streamed(true))
        }
        [.., "generate"] if line.segments().len() == 1 || family == Family::HuggingFace => {
            paid(Operation::Completions, Dialect::TgiGenerate)
        }
        // llama.cpp's own completion; `v1/completions` is another word.
        ["completion" | "infill"] => paid(Operation::Completions, Dialect::LlamaCppCompletion),
        // A dedicated endpoint takes its requests at the root.
        [] if family == Family::HuggingFace => paid(Operation::Completions, Dialect::TgiGenerate),
        ["models", _, _] | ["hf-inference", "models", _, _] if family == Family::HuggingFace => {
            paid(Operation::Completions, Dialect::TgiGenerate).map(|shape| {
                let name = line.segments().iter().skip_while(|segment| **segment != "models").skip(1);
                shape.of(Some(name.copied().collect::<Vec<_>>().join("/")))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_words_of_its_own() {
        let cases = [
            ("/api/chat", Family::Ollama, Some(Dialect::OllamaChat)),
            ("/api/generate", Family::OpenAi, Some(Dialect::OllamaChat)),
            ("/api/embed", Family::Ollama, Some(Dialect::OllamaEmbed)),
            ("/api/tags", Family::Ollama, Some(Dialect::Opaque)),
            ("/generate_stream", Family::OpenAi, Some(Dialect::TgiGenerate)),
            ("/generate", Family::OpenAi, Some(Dialect::TgiGenerate)),
            ("/images/generate", Family::OpenAi, None),
            ("/completion", Family::OpenAi, Some(Dialect::LlamaCppCompletion)),
            ("/api/completion", Family::OpenAi, None),
            ("/", Family::HuggingFace, Some(Dialect::TgiGenerate)),
            ("/", Family::OpenAi, None),
            ("/v1/chat/completions", Family::Ollama, None),
        ];
        for (path, family, dialect) in cases {
            assert_eq!(
                shape(&RequestLine::new("POST", path), family).map(|shape| shape.dialect),
                dialect,
                "{path}"
            );
        }
        let model = shape(&RequestLine::new("POST", "/models/org/name"), Family::HuggingFace).unwrap().model;
        assert_eq!(model.as_deref(), Some("org/name"));
    }
}
