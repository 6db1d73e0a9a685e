//! `OpenAI` embeddings: input only, no text comes back.

use super::openai_usage::OpenAiUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a list of embeddings.
#[derive(Debug, Default)]
pub(super) struct Embeddings {
    usage: OpenAiUsage,
}

impl Reader for Embeddings {
    fn enter(&mut self, path: &str) -> Interest {
        // The vectors: nearly all of the body, and nothing to read in it.
        if path == "data" { Interest::Skip } else { Interest::Walk }
    }

    fn string(&mut self, _: &str) -> Take {
        Take::Skip
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        self.usage.reply_value(path, value);
    }

    fn outcome(&self) -> Outcome {
        let (usage, defects) = self.usage.usage_of_input();
        Outcome { usage, defects, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "input" | "input.#" | "input.#.#" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiEmbeddings;
    use crate::dialect::sample::Sample;

    #[test]
    fn input_is_all_there_is() {
        let body = r#"{"data":[{"embedding":[0.1,-2e-3],"usage":{"prompt_tokens":99}}],"model":"e","usage":{"prompt_tokens":4,"total_tokens":4}}"#;
        let (finding, text) = Sample::document(OpenAiEmbeddings, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(4), None));
        assert!(finding.defects.is_empty() && text.is_empty());

        let total = r#"{"data":[],"model":"e","usage":{"total_tokens":4}}"#;
        let (finding, _) = Sample::document(OpenAiEmbeddings, total).read();
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(4), None));
    }
}
