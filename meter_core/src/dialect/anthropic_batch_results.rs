//! Results of Anthropic batches: one message a line, where the request succeeded; what failed, expired or was cancelled costs
//! nothing.

use super::anthropic_usage::{AnthropicUsage, Reading};
use super::by_model::ByModel;
use super::name;
use super::openai_batch_results::outcome;
use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Defects;

/// Where a line states its usage.
const USAGE: &str = "result.message.usage.";

/// Reader of such results.
#[derive(Debug, Default)]
pub(super) struct BatchResults {
    batch: Option<String>,
    sums: ByModel,
    defects: Defects,
    /// The line in progress.
    model: Option<String>,
    usage: AnthropicUsage,
}

impl BatchResults {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        Self { batch: head.route.result.clone(), ..Self::default() }
    }

    fn end_line(&mut self) {
        let Reading { usage, sub_calls, defects } = self.usage.read();
        let Some(usage) = usage else { return };
        let mut rest = usage;
        for call in &sub_calls {
            rest = rest.less(&call.usage);
            self.sums.add(&call.model, &call.usage);
        }
        self.sums.add(self.model.as_deref().unwrap_or_default(), &rest);
        self.defects.extend(defects);
    }
}

impl Reader for BatchResults {
    fn enter(&mut self, path: &str) -> Interest {
        match path {
            "" => (self.model, self.usage) = (None, AnthropicUsage::default()),
            "result.message.content" => return Interest::Skip,
            _ => {}
        }
        if let Some(field) = path.strip_prefix(USAGE) {
            self.usage.enter(field);
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if path.is_empty() {
            self.end_line();
        } else if let Some(field) = path.strip_prefix(USAGE) {
            self.usage.leave(field);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        if path == "result.message.model" || path.starts_with(USAGE) { Take::Value } else { Take::Skip }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if path == "result.message.model" {
            self.model = value.text().and_then(name);
        } else if let Some(field) = path.strip_prefix(USAGE) {
            self.usage.value(field, value);
        }
    }

    fn outcome(&self) -> Outcome {
        outcome(&self.sums, self.batch.as_ref(), self.defects)
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(_: &str) -> Part {
    Part::Other
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::AnthropicBatchResults;
    use crate::dialect::sample::Sample;

    #[test]
    fn what_succeeded_adds_up_and_the_rest_costs_nothing() {
        let succeeded = |model: &str, usage: &str| {
            format!(
                r#"{{"custom_id":"a","result":{{"type":"succeeded","message":{{"id":"msg_1","model":"{model}","content":[{{"text":"x"}}],"usage":{usage}}}}}}}"#
            ) + "\n"
        };
        let body = [
            succeeded("c", r#"{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":3,"service_tier":"batch"}"#),
            "{\"custom_id\":\"b\",\"result\":{\"type\":\"errored\",\"error\":{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\"}}}}\n".to_owned(),
            "{\"custom_id\":\"d\",\"result\":{\"type\":\"expired\"}}\n".to_owned(),
            succeeded("d", r#"{"input_tokens":7,"output_tokens":1,"iterations":[{"input_tokens":7,"output_tokens":1},
                {"model":"sage","input_tokens":2,"output_tokens":2}]}"#).replace("\n                ", ""),
        ]
        .concat();
        let mut sample = Sample::document(AnthropicBatchResults, &body);
        sample.headers = vec![(b"content-type", b"application/x-jsonl")];
        sample.route.poll = true;
        sample.route.result = Some("msgbatch_1".to_owned());
        let (finding, text) = sample.read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(24), Some(6)));
        assert_eq!(finding.usage.cache_read_tokens, Some(5));
        assert_eq!(
            (finding.response_model.as_deref(), finding.response_id.as_deref()),
            (Some("c"), Some("msgbatch_1"))
        );
        let shares: Vec<_> =
            finding.sub_calls.iter().map(|call| (call.model.as_str(), call.usage.input_tokens)).collect();
        assert_eq!(shares, [("sage", Some(2)), ("d", Some(7))]);
        assert_eq!((finding.service_tier.as_deref(), text.as_str()), (Some("batch"), ""));
        assert!(finding.finished && finding.defects.is_empty() && finding.error_code.is_none());
    }
}
