//! Result files of batches in `OpenAI`'s form: one response a line, of chat, responses, completions or embeddings.

use super::by_model::ByModel;
use super::name;
use super::openai_usage::OpenAiUsage;
use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Defects;

/// The tier whose rates hold for all that a batch does.
pub(super) const TIER: &str = "batch";

/// Reader of such a file.
#[derive(Debug, Default)]
pub(super) struct BatchResults {
    file: Option<String>,
    sums: ByModel,
    defects: Defects,
    /// The line in progress.
    model: Option<String>,
    usage: OpenAiUsage,
}

impl BatchResults {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        Self { file: head.route.result.clone(), ..Self::default() }
    }
}

impl Reader for BatchResults {
    fn enter(&mut self, path: &str) -> Interest {
        match path {
            "" => (self.model, self.usage) = (None, OpenAiUsage::default()),
            // Answers and vectors: nearly all of the file, and nothing to read in it.
            "response.body.choices" | "response.body.output" | "response.body.data" => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if !path.is_empty() {
            return;
        }
        // Embeddings are the only results without output, and a total alone says their input.
        let (usage, defects) = self.usage.usage_of_input();
        if let Some(usage) = usage {
            self.sums.add(self.model.as_deref().unwrap_or_default(), &usage);
            self.defects.extend(defects);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match path.strip_prefix("response.body.") {
            Some(field) if field == "model" || field.starts_with("usage.") => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        match path.strip_prefix("response.body.") {
            Some("model") => self.model = value.text().and_then(name),
            Some(field) => self.usage.reply_value(field, value),
            None => {}
        }
    }

    fn outcome(&self) -> Outcome {
        outcome(&self.sums, self.file.as_ref(), self.defects)
    }
}

/// What the results of a batch come to, under the id of what holds them.
pub(super) fn outcome(sums: &ByModel, id: Option<&String>, defects: Defects) -> Outcome {
    let usage = sums.total();
    Outcome {
        sub_calls: sums.shares().to_vec(),
        // Most files are not results: they say nothing, and nothing is missing from them.
        pending: usage.is_none(),
        usage,
        model: sums.first().and_then(name),
        id: id.cloned(),
        service_tier: Some(TIER.to_owned()),
        defects,
        ..Outcome::default()
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(_: &str) -> Part {
    Part::Other
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiBatchResults;
    use crate::dialect::sample::Sample;
    use crate::usage::{Defect, Provenance};

    fn line(model: &str, usage: &str) -> String {
        format!(
            r#"{{"id":"batch_req_1","custom_id":"a","response":{{"status_code":200,"body":{{"id":"c","model":"{model}","choices":[{{"message":{{"content":"x"}}}}],"usage":{usage}}}}},"error":null}}"#
        ) + "\n"
    }

    fn sample(body: &str) -> Sample<'_> {
        let mut sample = Sample::document(OpenAiBatchResults, body);
        sample.headers = vec![(b"content-type", b"application/octet-stream")];
        sample.route.poll = true;
        sample.route.result = Some("file-1".to_owned());
        sample
    }

    #[test]
    fn the_lines_of_a_file_add_up_by_model() {
        let body = [
            line("m", r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4}}"#),
            line("m", r#"{"input_tokens":20,"output_tokens":1,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":21}"#),
            line("e", r#"{"prompt_tokens":7,"total_tokens":7}"#),
            r#"{"id":"batch_req_2","custom_id":"b","response":{"status_code":400,"body":{"error":{"code":"x"}}},"error":null}"#.to_owned(),
        ]
        .concat();
        let (finding, text) = sample(&body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(37), Some(6)));
        assert_eq!((finding.usage.cache_read_tokens, finding.usage.reasoning_tokens), (Some(4), Some(1)));
        assert_eq!(
            (finding.response_model.as_deref(), finding.response_id.as_deref()),
            (Some("m"), Some("file-1"))
        );
        assert_eq!(finding.service_tier.as_deref(), Some("batch"));
        let [other] = &*finding.sub_calls else { panic!("{:?}", finding.sub_calls) };
        assert_eq!((other.model.as_str(), other.usage.input_tokens), ("e", Some(7)));
        assert!(text.is_empty() && finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn a_file_of_something_else_states_nothing_and_lacks_nothing() {
        let body = r#"{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","usage":{"prompt_tokens":1}}}"#;
        let (finding, _) = sample(body).read();

        assert_eq!((finding.provenance, finding.defects.is_empty()), (Provenance::None, true));
    }

    #[test]
    fn a_line_that_was_cut_does_not_count() {
        let body = [line("m", r#"{"prompt_tokens":10}"#), line("m", r#"{"prompt_tokens":5}"#)].concat();
        let cut = Sample { complete: false, ..sample(body.get(..body.len() - 4).unwrap()) };
        let (finding, _) = cut.read();

        assert_eq!(finding.usage.input_tokens, Some(10));
        assert!(finding.defects.contains(Defect::Truncated));
    }
}
