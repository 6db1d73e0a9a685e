//! Reranking in Cohere's shape, which others took over: billed by search units at Cohere, by tokens at Jina, Voyage and Together.

use super::cohere_usage::CohereUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Usage;

/// Reader of a ranking.
#[derive(Debug, Default)]
pub(super) struct Rerank {
    billed: CohereUsage,
    prompt: Option<u64>,
    total: Option<u64>,
}

impl Reader for Rerank {
    fn enter(&mut self, path: &str) -> Interest {
        // The ranking, which may repeat the documents.
        if matches!(path, "results" | "data" | "classifications") { Interest::Skip } else { Interest::Walk }
    }

    fn string(&mut self, _: &str) -> Take {
        Take::Skip
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        match path {
            "usage.prompt_tokens" => self.prompt = value.count().or(self.prompt),
            "usage.total_tokens" => self.total = value.count().or(self.total),
            _ => {
                if let Some(field) = path.strip_prefix("meta.") {
                    self.billed.value(field, value);
                }
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let (billed, defects) = self.billed.usage();
        // Nothing is generated: a lone total is input.
        let read = self.prompt.or(self.total);
        let tokens = read.map(|tokens| Usage { input_tokens: Some(tokens), ..Usage::default() });
        Outcome { usage: billed.or(tokens), defects, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "query" | "query.text" | "inputs.#" | "documents.#" | "documents.#.text" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::CohereRerank;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::{Defect, Provenance};

    #[test]
    fn cohere_bills_searches() {
        let body = r#"{"id":"r1","results":[{"index":3,"relevance_score":0.9,"document":{"text":"no"}}],
            "meta":{"api_version":{"version":"2"},"billed_units":{"search_units":2}}}"#;
        let (finding, text) = Sample::document(CohereRerank, body).read();

        assert_eq!((finding.usage.search_units, finding.usage.input_tokens), (Some(2), None));
        assert_eq!((finding.provenance, text.as_str()), (Provenance::Reported, ""));
        assert!(finding.defects.is_empty());
    }

    #[test]
    fn others_bill_tokens() {
        for usage in
            [r#"{"total_tokens":26}"#, r#"{"prompt_tokens":26,"completion_tokens":0,"total_tokens":26}"#]
        {
            let body = format!(r#"{{"model":"rerank-2","data":[{{"index":0}}],"usage":{usage}}}"#);
            let (finding, _) = Sample::document(CohereRerank, &body).read();

            assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(26), None));
            assert_eq!(
                (finding.usage.search_units, finding.response_model.as_deref()),
                (None, Some("rerank-2"))
            );
        }
    }

    #[test]
    fn a_ranking_without_numbers_is_named() {
        let (finding, _) = Sample::document(CohereRerank, r#"{"results":[]}"#).read();

        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage]);
    }

    #[test]
    fn query_and_documents_are_read() {
        let body = r#"{"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":3}"#;
        let facts = read_request(&route(CohereRerank), Headers(&[]), body.as_bytes());

        assert_eq!(facts.prompt.texts().collect::<Vec<_>>(), ["q", "a", "b"]);
    }
}
