//! Ollama's own embeddings: input only. The older of its two paths states nothing.

use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Usage;

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Embed {
    input: Option<u64>,
}

impl Reader for Embed {
    fn enter(&mut self, path: &str) -> Interest {
        // The vectors: nearly all of the body.
        if matches!(path, "embeddings" | "embedding") { Interest::Skip } else { Interest::Walk }
    }

    fn string(&mut self, _: &str) -> Take {
        Take::Skip
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if path == "prompt_eval_count" {
            self.input = value.count().or(self.input);
        }
    }

    fn outcome(&self) -> Outcome {
        let usage = self.input.map(|tokens| Usage { input_tokens: Some(tokens), ..Usage::default() });
        Outcome { usage, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "input" | "input.#" | "prompt" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OllamaEmbed;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::Defect;

    #[test]
    fn input_is_all_there_is() {
        let body =
            r#"{"model":"nomic","embeddings":[[0.1,-2e-3],[1]],"total_duration":14,"prompt_eval_count":8}"#;
        let (finding, text) = Sample::document(OllamaEmbed, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(8), None));
        assert!(finding.defects.is_empty() && text.is_empty());
    }

    #[test]
    fn the_older_path_states_nothing() {
        let (finding, _) = Sample::document(OllamaEmbed, r#"{"embedding":[0.1,0.2]}"#).read();

        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage]);
    }

    #[test]
    fn a_request_is_text() {
        for body in [r#"{"model":"m","input":["a"]}"#, r#"{"input":"a"}"#, r#"{"prompt":"a"}"#] {
            let facts = read_request(&route(OllamaEmbed), Headers(&[]), body.as_bytes());

            assert_eq!(
                (facts.prompt.texts().collect::<Vec<_>>(), facts.stream),
                (vec!["a"], false),
                "{body}"
            );
        }
    }
}
