//! Mistral OCR, billed by page.

use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Usage;

/// Reader of a document that was read.
#[derive(Debug, Default)]
pub(super) struct Ocr {
    pages: Option<u64>,
}

impl Reader for Ocr {
    fn enter(&mut self, path: &str) -> Interest {
        // What was read, with pictures in base64.
        if path == "pages" { Interest::Skip } else { Interest::Walk }
    }

    fn string(&mut self, _: &str) -> Take {
        Take::Skip
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if path == "usage_info.pages_processed" {
            self.pages = value.count().or(self.pages);
        }
    }

    fn outcome(&self) -> Outcome {
        let usage = self.pages.map(|pages| Usage { pages: Some(pages), ..Usage::default() });
        Outcome { usage, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "document.document_url" | "document.image_url" | "document.file_id" => Part::Picture,
        "document_annotation_prompt" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::MistralOcr;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::{Defect, Provenance};

    #[test]
    fn pages_are_all_that_is_stated() {
        let body = r#"{"pages":[{"index":0,"markdown":"no","images":[{"image_base64":"AAAA"}],"usage_info":{"pages_processed":9}}],
            "model":"mistral-ocr-2505","usage_info":{"pages_processed":2,"doc_size_bytes":1234},"document_annotation":null}"#;
        let (finding, text) = Sample::document(MistralOcr, body).read();

        assert_eq!((finding.usage.pages, finding.usage.input_tokens), (Some(2), None));
        assert_eq!((finding.provenance, text.as_str()), (Provenance::Reported, ""));
        assert_eq!(finding.response_model.as_deref(), Some("mistral-ocr-2505"));
        assert!(finding.defects.is_empty());
    }

    #[test]
    fn pages_that_are_not_stated_are_not_counted() {
        for body in [r#"{"pages":[{}]}"#, r#"{"usage_info":{"pages_processed":null}}"#] {
            let (finding, _) = Sample::document(MistralOcr, body).read();
            assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage], "{body}");
        }
    }

    #[test]
    fn a_document_is_no_text() {
        let body = r#"{"model":"mistral-ocr-latest","document":{"type":"document_url","document_url":"u"}}"#;
        let facts = read_request(&route(MistralOcr), Headers(&[]), body.as_bytes());

        assert_eq!((facts.prompt.images.len(), facts.prompt.text_bytes()), (1, 0));
    }
}
