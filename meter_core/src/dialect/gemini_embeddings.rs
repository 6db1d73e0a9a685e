//! Gemini and Vertex embeddings, with or without a statement of usage: input only, no text comes back.

use super::gemini_usage::GeminiUsage;
use super::protojson::{self, camel};
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Usage;

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Embeddings {
    usage: GeminiUsage,
    /// The sum over the predictions, each of which states its own input.
    predicted: Option<u64>,
}

impl Reader for Embeddings {
    fn enter(&mut self, path: &str) -> Interest {
        let path = camel(path);
        if let Some(field) = path.strip_prefix("usageMetadata.") {
            self.usage.enter(field);
        }
        // The vectors: nearly all of the body, and nothing to read in it.
        let vector = path.ends_with(".values") || path.ends_with("Embedding") || path.ends_with("Embeddings");
        if vector { Interest::Skip } else { Interest::Walk }
    }

    fn leave(&mut self, path: &str) {
        if let Some(field) = camel(path).strip_prefix("usageMetadata.") {
            self.usage.leave(field);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        if camel(path).starts_with("usageMetadata.") { Take::Value } else { Take::Skip }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let path = camel(path);
        if let Some(field) = path.strip_prefix("usageMetadata.") {
            self.usage.value(field, value);
        } else if path == "predictions.#.embeddings.statistics.tokenCount"
            && let Some(count) = protojson::count(value)
        {
            self.predicted = Some(self.predicted.unwrap_or(0).saturating_add(count));
        }
    }

    fn outcome(&self) -> Outcome {
        let (stated, defects) = self.usage.usage(true);
        // What the total proves of output is no statement about it: there is none.
        let stated = stated.map(|usage| Usage { output_tokens: None, ..usage });
        let predicted = self.predicted.map(|tokens| Usage { input_tokens: Some(tokens), ..Usage::default() });
        let usage = stated.or(predicted);
        Outcome { usage, defects, service_tier: self.usage.service_tier(), ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match &*camel(path) {
        "content.parts.#.text"
        | "content.parts.text"
        | "requests.#.content.parts.#.text"
        | "requests.#.content.parts.text"
        | "instances.#.content"
        | "instances.#.text"
        | "instances.#.title" => Part::Text,
        "content.parts.#.inlineData.mimeType"
        | "content.parts.#.fileData.mimeType"
        | "requests.#.content.parts.#.inlineData.mimeType"
        | "requests.#.content.parts.#.fileData.mimeType" => Part::Kind,
        "content.parts.#.inlineData.data"
        | "content.parts.#.fileData.fileUri"
        | "requests.#.content.parts.#.inlineData.data"
        | "requests.#.content.parts.#.fileData.fileUri"
        | "instances.#.image.bytesBase64Encoded"
        | "instances.#.image.gcsUri" => Part::Picture,
        "instances.#.video" => Part::Media,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::GeminiEmbeddings;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::Defect;

    fn input(body: &str) -> Option<u64> {
        let (finding, text) = Sample::document(GeminiEmbeddings, body).read();
        assert!(text.is_empty() && finding.defects.is_empty() && finding.usage.output_tokens.is_none());
        finding.usage.input_tokens
    }

    #[test]
    fn usage_is_stated_once_or_by_prediction() {
        let batch = r#"{"embeddings":[{"values":[0.1,-2e-3]},{"values":[1]}],
            "usageMetadata":{"promptTokenCount":4,"totalTokenCount":4,"promptTokenDetails":[{"modality":"TEXT","tokenCount":4}]}}"#;
        let single =
            r#"{"embedding":{"values":[0.1]},"usageMetadata":{"promptTokenCount":"4"},"truncated":false}"#;
        let predict = r#"{"predictions":[{"embeddings":{"values":[0.5],"statistics":{"token_count":3,"truncated":false}}},
            {"embeddings":{"statistics":{"token_count":1.0},"values":[0.5]}}],"metadata":{"billableCharacterCount":11}}"#;

        assert_eq!([batch, single, predict].map(input), [Some(4); 3]);
    }

    #[test]
    fn media_are_a_subset() {
        let body = r#"{"embedding":{"values":[]},"usageMetadata":{"promptTokenCount":260,
            "promptTokensDetails":[{"modality":"IMAGE","tokenCount":258},{"modality":"TEXT","tokenCount":2}]}}"#;
        let (finding, _) = Sample::document(GeminiEmbeddings, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.image_input_tokens), (Some(260), Some(258)));
    }

    #[test]
    fn nothing_stated_is_named() {
        let (finding, _) = Sample::document(GeminiEmbeddings, r#"{"embedding":{"values":[0.1]}}"#).read();

        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage]);
    }

    #[test]
    fn pictures_are_seen_in_either_api() {
        for body in [
            r#"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}"#,
            r#"{"requests":[{"content":{"parts":[{"inline_data":{"mime_type":"image/png","data":"AAAA"}}]}}]}"#,
            r#"{"instances":[{"image":{"bytesBase64Encoded":"AAAA"}}]}"#,
        ] {
            let facts = read_request(&route(GeminiEmbeddings), Headers(&[]), body.as_bytes());

            assert_eq!((facts.prompt.images.len(), facts.prompt.text_bytes()), (1, 0), "{body}");
        }
    }

    #[test]
    fn requests_are_text_of_one_model() {
        for body in [
            r#"{"model":"models/other","content":{"parts":[{"text":"a"}]}}"#,
            r#"{"requests":[{"model":"models/other","content":{"parts":[{"text":"a"}]},"outputDimensionality":8}]}"#,
            r#"{"instances":[{"content":"a","task_type":"RETRIEVAL_QUERY"}]}"#,
        ] {
            let mut route = route(GeminiEmbeddings);
            route.model = Some("gemini-embedding-001".to_owned());
            let facts = read_request(&route, Headers(&[]), body.as_bytes());

            assert_eq!(facts.prompt.texts().collect::<Vec<_>>(), ["a"], "{body}");
            assert_eq!(facts.model.as_deref(), Some("gemini-embedding-001"), "{body}");
        }
    }
}
