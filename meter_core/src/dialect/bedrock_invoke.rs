//! Bedrock in the model's own shape. The fields seen say whose it is; the model's name would only be a hint.
//!
//! What the body states comes first, then the metrics that Bedrock adds to the last event of a stream, then its header fields,
//! which for some models are the only statement. Streamed tool calls of Claude differ between body and metrics.

use super::anthropic_messages::{self, Messages};
use super::aws_error::AwsError;
use super::bedrock_converse::{self, Converse};
use super::bedrock_native::Native;
use super::bedrock_usage::{BedrockUsage, completed};
use super::name;
use super::openai_chat::{self, Chat};
use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// What Bedrock adds to the last event of a stream.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Reader of such a reply or of its events.
#[derive(Debug)]
pub(super) struct Invoke {
    claude: Messages,
    nova: Converse,
    chat: Chat,
    native: Native,
    metrics: BedrockUsage,
    /// The metrics were seen.
    ended: bool,
    headers: BedrockUsage,
    service_tier: Option<String>,
    error: AwsError,
}

impl Invoke {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        let tier = head.headers.get("x-amzn-bedrock-service-tier").map(String::from_utf8_lossy);
        Self {
            claude: Messages::default(),
            nova: Converse::default(),
            chat: Chat::new(head),
            native: Native::default(),
            metrics: BedrockUsage::default(),
            ended: false,
            headers: BedrockUsage::of_headers(head.headers),
            service_tier: tier.as_deref().map(str::trim).and_then(name),
            error: AwsError::of_headers(head.headers),
        }
    }

    /// The readers of all shapes, in the order in which their usage counts.
    fn shapes(&mut self) -> [&mut dyn Reader; 4] {
        [&mut self.claude, &mut self.nova, &mut self.chat, &mut self.native]
    }
}

impl Reader for Invoke {
    fn heeds(&self, path: &str) -> bool {
        let shapes: [&dyn Reader; 4] = [&self.claude, &self.nova, &self.chat, &self.native];
        path.starts_with(METRICS) || path == AwsError::PATH || shapes.iter().any(|shape| shape.heeds(path))
    }

    fn enter(&mut self, path: &str) -> Interest {
        let mut interest = Interest::Walk;
        for shape in self.shapes() {
            let own = shape.enter(path);
            interest = if interest == Interest::Walk { own } else { interest };
        }
        interest
    }

    fn leave(&mut self, path: &str) {
        self.ended |= path == METRICS;
        for shape in self.shapes() {
            shape.leave(path);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        if path == AwsError::PATH {
            return Take::Value;
        }
        let mut takes = self.shapes().into_iter().map(|shape| shape.string(path));
        takes.find(|take| *take != Take::Skip).unwrap_or(Take::Skip)
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if path == AwsError::PATH {
            return self.error.value(value);
        }
        if let Some(field) = path.strip_prefix(METRICS).and_then(|rest| rest.strip_prefix('.')) {
            return self.metrics.value(field, value);
        }
        for shape in self.shapes() {
            shape.value(path, value);
        }
    }

    fn outcome(&self) -> Outcome {
        let shapes: [&dyn Reader; 4] = [&self.claude, &self.nova, &self.chat, &self.native];
        let outcomes = shapes.map(Reader::outcome);
        let ended = self.ended || outcomes.iter().any(|outcome| outcome.ended);
        let stopped = outcomes.iter().any(|outcome| outcome.stopped);
        let body = outcomes.into_iter().find(|outcome| outcome.usage.is_some()).unwrap_or_default();
        let (metrics, _) = self.metrics.usage();
        let (headers, _) = self.headers.usage();
        Outcome {
            usage: completed(completed(body.usage.clone(), metrics), headers),
            service_tier: self.service_tier.clone().or(body.service_tier.clone()),
            error_code: self.error.code(),
            ended,
            stopped,
            ..body
        }
    }
}

/// What stands at `path` of a request: the union of all shapes.
pub(super) fn request_part(path: &str) -> Part {
    let shapes =
        [anthropic_messages::request_part, bedrock_converse::request_part, openai_chat::request_part];
    if let Some(part) = shapes.into_iter().map(|part| part(path)).find(|part| *part != Part::Other) {
        return part;
    }
    match path {
        "inputText"
        | "prompt"
        | "preamble"
        | "texts.#"
        | "query"
        | "documents.#"
        | "textToImageParams.text"
        | "chat_history.#.message"
        | "singleEmbeddingParams.text.value" => Part::Text,
        "message" => Part::LoneMessage,
        "chat_history.#" => Part::Message,
        "inputImage" => Part::Picture,
        "images.#" => Part::Media,
        "max_gen_len"
        | "max_tokens_to_sample"
        | "maxTokens"
        | "textGenerationConfig.maxTokenCount"
        | "inferenceConfig.max_new_tokens" => Part::MaxOutput,
        "num_generations" | "numResults" => Part::Choices,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::BedrockInvoke;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::{Defect, Provenance};

    /// Input and output counts, and the text, of a document.
    fn read(body: &str) -> (Option<u64>, Option<u64>, String) {
        let (finding, text) = Sample::document(BedrockInvoke, body).read();
        assert!(finding.finished, "{body}");
        (finding.usage.input_tokens, finding.usage.output_tokens, text)
    }

    #[test]
    fn the_fields_say_whose_shape_it_is() {
        let cases = [
            (
                r#"{"id":"m","type":"message","model":"claude-x","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn",
                "usage":{"input_tokens":5,"cache_read_input_tokens":90,"cache_creation_input_tokens":5,"output_tokens":7}}"#,
                (Some(100), Some(7), "a"),
            ),
            (
                r#"{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":7,
                "totalTokens":112,"cacheReadInputTokenCount":100,"cacheWriteInputTokenCount":0}}"#,
                (Some(105), Some(7), "a"),
            ),
            (
                r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"model":"m",
                "usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#,
                (Some(5), Some(7), "a"),
            ),
            (
                r#"{"inputTextTokenCount":5,"results":[{"tokenCount":3,"outputText":"a","completionReason":"FINISH"},
                {"tokenCount":4,"outputText":"b"}]}"#,
                (Some(5), Some(7), "ab"),
            ),
            (
                r#"{"embedding":[0.1,2],"inputTextTokenCount":5,"embeddingsByType":{"float":[1]}}"#,
                (Some(5), None, ""),
            ),
            (
                r#"{"generation":"a","prompt_token_count":5,"generation_token_count":7,"stop_reason":"stop"}"#,
                (Some(5), Some(7), "a"),
            ),
            (
                r#"{"text":"a","tool_calls":[{"name":"f","parameters":{"x":1}}],"chat_history":[{"message":"no"}],
                "meta":{"billed_units":{"input_tokens":5,"output_tokens":7}}}"#,
                (Some(5), Some(7), r#"af{"x":1}"#),
            ),
            (r#"{"id":"1","generations":[{"id":"2","text":"a"}],"prompt":"no"}"#, (None, None, "a")),
            (r#"{"outputs":[{"text":"a","stop_reason":"stop"}]}"#, (None, None, "a")),
            (r#"{"completion":"a","stop_reason":"stop_sequence","stop":"no"}"#, (None, None, "a")),
            (
                r#"{"id":1,"prompt":{"text":"no","tokens":[{"generatedToken":{"token":"no"}}]},
                "completions":[{"data":{"text":"a","tokens":[{"text":"no"}]},"finishReason":{"reason":"length"}}]}"#,
                (None, None, "a"),
            ),
            (r#"{"choices":[{"text":"a","stop_reason":"length"}]}"#, (None, None, "a")),
            (
                r#"{"embeddings":[[0.1]],"id":"1","texts":["no"],"response_type":"embeddings_floats"}"#,
                (None, None, ""),
            ),
        ];
        for (body, (input, output, text)) in cases {
            assert_eq!(read(body), (input, output, text.to_owned()), "{body}");
        }
    }

    #[test]
    fn header_fields_state_what_the_body_does_not() {
        let fields: [(&[u8], &[u8]); 3] = [
            (b"X-Amzn-Bedrock-Input-Token-Count", b"5"),
            (b"X-Amzn-Bedrock-Output-Token-Count", b"7"),
            (b"X-Amzn-Bedrock-Service-Tier", b"priority"),
        ];
        for (body, expected) in [
            (r#"{"outputs":[{"text":"a","stop_reason":"stop"}]}"#, (Some(5), Some(7))),
            (r#"{"inputTextTokenCount":4,"results":[]}"#, (Some(4), Some(7))),
            (r#"{"usage":{"input_tokens":1,"output_tokens":2}}"#, (Some(1), Some(2))),
            (r#"{"usage":null,"inputTextTokenCount":"4"}"#, (Some(5), Some(7))),
        ] {
            let mut sample = Sample::document(BedrockInvoke, body);
            sample.headers.extend(fields);
            let (finding, _) = sample.read();

            assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), expected, "{body}");
            assert_eq!(finding.service_tier.as_deref(), Some("priority"));
            assert!(finding.defects.is_empty(), "{body}");
        }
    }

    #[test]
    fn a_reply_without_any_statement_has_no_usage() {
        let (finding, _) = Sample::document(BedrockInvoke, r#"{"images":["AAAA"],"error":null}"#).read();

        assert_eq!(finding.provenance, Provenance::None);
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage]);
        assert!(!finding.text_seen);
    }

    #[test]
    fn requests_of_every_shape_are_read() {
        let cases = [
            (
                r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"system":"s","messages":[{"role":"user","content":[
                {"type":"text","text":"a"},{"type":"image","source":{"type":"base64","data":"AAAA"}}]}]}"#,
                ("sa", 1, Some(9)),
            ),
            (
                r#"{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"a"}]}],"inferenceConfig":{"max_new_tokens":9}}"#,
                ("sa", 1, Some(9)),
            ),
            (r#"{"inputText":"a","textGenerationConfig":{"maxTokenCount":9}}"#, ("a", 0, Some(9))),
            (r#"{"prompt":"a","max_gen_len":9}"#, ("a", 0, Some(9))),
            (r#"{"prompt":"a","max_tokens_to_sample":9}"#, ("a", 0, Some(9))),
            (r#"{"prompt":"a","maxTokens":9}"#, ("a", 0, Some(9))),
            (
                r#"{"message":"a","chat_history":[{"role":"USER","message":"b"}],"max_tokens":9}"#,
                ("ab", 2, Some(9)),
            ),
            (r#"{"messages":[{"role":"user","content":"a"}],"max_completion_tokens":9}"#, ("a", 1, Some(9))),
            (r#"{"texts":["a","b"],"input_type":"search_query"}"#, ("ab", 0, None)),
        ];
        for (body, (text, messages, limit)) in cases {
            let facts = read_request(&route(BedrockInvoke), Headers(&[]), body.as_bytes());
            assert_eq!(facts.prompt.texts().collect::<String>(), text, "{body}");
            assert_eq!((facts.prompt.messages, facts.max_output_tokens), (messages, limit), "{body}");
        }
        let many = r#"{"prompt":"a","num_generations":3}"#;
        assert_eq!(read_request(&route(BedrockInvoke), Headers(&[]), many.as_bytes()).choices, 3);
        let picture = r#"{"inputText":"a","inputImage":"AAAA"}"#;
        let facts = read_request(&route(BedrockInvoke), Headers(&[]), picture.as_bytes());
        assert_eq!((facts.prompt.images.len(), facts.prompt.text_bytes()), (1, 1));
    }
}
