//! Cohere embeddings: input only, no text comes back.

use super::cohere_usage::CohereUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Embed {
    usage: CohereUsage,
}

impl Reader for Embed {
    fn enter(&mut self, path: &str) -> Interest {
        // The vectors, and an echo of the request.
        if matches!(path, "embeddings" | "texts" | "images") { Interest::Skip } else { Interest::Walk }
    }

    fn string(&mut self, _: &str) -> Take {
        Take::Skip
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if let Some(field) = path.strip_prefix("meta.") {
            self.usage.value(field, value);
        }
    }

    fn outcome(&self) -> Outcome {
        let (usage, defects) = self.usage.usage();
        Outcome { usage, defects, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "texts.#" | "inputs.#.content.#.text" => Part::Text,
        "inputs.#.content.#.type" => Part::Kind,
        "inputs.#.content.#.image_url.url" => Part::Picture,
        "images.#" => Part::Media,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::CohereEmbed;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::Defect;

    #[test]
    fn billed_input_is_all_there_is() {
        for vectors in ["[[0.1,-2e-3]]", r#"{"float":[[0.1]],"ubinary":[[3]]}"#] {
            let body = format!(
                r#"{{"id":"e1","texts":["no"],"embeddings":{vectors},"meta":{{"api_version":{{"version":"2"}},"billed_units":{{"input_tokens":3}}}}}}"#
            );
            let (finding, text) = Sample::document(CohereEmbed, &body).read();

            assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(3), None));
            assert!(finding.defects.is_empty() && text.is_empty());
        }
    }

    #[test]
    fn pictures_counted_by_piece_are_no_tokens() {
        let body = r#"{"embeddings":[],"meta":{"billed_units":{"images":1}}}"#;
        let (finding, _) = Sample::document(CohereEmbed, body).read();

        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage]);
    }

    #[test]
    fn requests_are_texts_and_images() {
        let body = r#"{"model":"m","texts":["a"],"images":["data:image/png;base64,AA"],
            "inputs":[{"content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"u"}}]}]}"#;
        let facts = read_request(&route(CohereEmbed), Headers(&[]), body.as_bytes());

        assert_eq!(facts.prompt.texts().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((facts.prompt.media, facts.prompt.images.len()), (1, 1));
    }
}
