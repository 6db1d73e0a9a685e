//! Bedrock's one shape for all models: a document, or events whose last one states the usage.
//!
//! The events of `/converse-stream` have their names outside of their JSON; Nova's own stream (`bedrock_invoke`) wraps the same
//! fields into an object of that name. Both are read here.

use super::aws_error::AwsError;
use super::bedrock_usage::BedrockUsage;
use super::envelope::first;
use super::name;
use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Events that Nova's own stream wraps its fields into.
const WRAPPERS: [&str; 4] = ["contentBlockDelta.", "contentBlockStart.", "messageStop.", "metadata."];

/// Reader of such a reply or of its events.
#[derive(Debug, Default)]
pub(super) struct Converse {
    usage: BedrockUsage,
    ended: bool,
    stopped: bool,
    /// The model that a prompt router chose.
    model: Option<String>,
    service_tier: Option<String>,
    error: AwsError,
}

impl Converse {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        Self { error: AwsError::of_headers(head.headers), ..Self::default() }
    }
}

/// The path without the event's wrapper.
fn bare(path: &str) -> &str {
    WRAPPERS.iter().find_map(|wrapper| path.strip_prefix(wrapper)).unwrap_or(path)
}

/// The path inside a block of content, be it whole or of an event.
fn block(path: &str) -> Option<&str> {
    ["output.message.content.#.", "delta.", "start."].iter().find_map(|prefix| path.strip_prefix(prefix))
}

impl Reader for Converse {
    fn heeds(&self, path: &str) -> bool {
        matches!(
            first(bare(path)),
            "delta" | "output" | "serviceTier" | "start" | "stopReason" | "trace" | "usage" | AwsError::PATH
        )
    }

    fn enter(&mut self, path: &str) -> Interest {
        let path = bare(path);
        if let Some(field) = path.strip_prefix("usage.") {
            self.usage.enter(field);
        }
        // The arguments of a tool call are JSON where they are not streamed.
        if block(path) == Some("toolUse.input") { Interest::Raw } else { Interest::Walk }
    }

    fn leave(&mut self, path: &str) {
        let path = bare(path);
        self.ended |= path == "usage";
        if let Some(field) = path.strip_prefix("usage.") {
            self.usage.leave(field);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        let path = bare(path);
        match block(path) {
            Some(
                "text"
                | "toolUse.name"
                | "toolUse.input"
                | "reasoningContent.text"
                | "reasoningContent.reasoningText.text"
                | "citationsContent.content.#.text",
            ) => return Take::Text,
            Some(_) => return Take::Skip,
            None => {}
        }
        match path {
            "stopReason" | "serviceTier.type" | "trace.promptRouter.invokedModelId" | AwsError::PATH => {
                Take::Value
            }
            _ if path.strip_prefix("usage.").is_some_and(BedrockUsage::wants) => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let path = bare(path);
        let text = value.text();
        match path {
            "stopReason" => self.stopped |= text.is_some(),
            "serviceTier.type" => self.service_tier = text.and_then(name),
            "trace.promptRouter.invokedModelId" => self.model = text.and_then(name),
            AwsError::PATH => self.error.value(value),
            _ => {
                if let Some(field) = path.strip_prefix("usage.") {
                    self.usage.value(field, value);
                }
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let (usage, defects) = self.usage.usage();
        Outcome {
            usage,
            defects,
            ended: self.ended,
            stopped: self.stopped,
            model: self.model.clone(),
            service_tier: self.service_tier.clone(),
            error_code: self.error.code(),
            ..Outcome::default()
        }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    if let Some(content) = path.strip_prefix("messages.#.content.#.") {
        return match content.strip_prefix("toolResult.content.#.").unwrap_or(content) {
            "toolUse.input" | "json" => Part::Json,
            "image.source.bytes" | "image.source.s3Location.uri" => Part::Picture,
            "video" | "audio" | "document" => Part::Media,
            "text"
            | "toolUse.name"
            | "guardContent.text.text"
            | "reasoningContent.reasoningText.text"
            | "citationsContent.content.#.text"
            | "document.source.text"
            | "document.source.content.#.text" => Part::Text,
            _ => Part::Other,
        };
    }
    match path {
        "messages.#" => Part::Message,
        "toolConfig.tools.#" => Part::Tool,
        "inferenceConfig.maxTokens" => Part::MaxOutput,
        "system.#.text" | "system.#.guardContent.text.text" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::BedrockConverse;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::{Defect, Provenance};

    #[test]
    fn a_document_is_read() {
        let body = r#"{"metrics":{"latencyMs":1},"output":{"message":{"role":"assistant","content":[
            {"reasoningContent":{"reasoningText":{"text":"hm ","signature":"AAAA"}}},{"text":"say "},
            {"citationsContent":{"content":[{"text":"cited "}],"citations":[{"sourceContent":[{"text":"no"}]}]}},
            {"toolUse":{"toolUseId":"t","name":"f","input":{"a": [1]}}},{"image":{"source":{"bytes":"AAAA"}}}]}},
            "stopReason":"tool_use","serviceTier":{"type":"flex"},"trace":{"guardrail":{"modelOutput":["no"]}},
            "usage":{"inputTokens":5,"outputTokens":7,"totalTokens":142,"cacheReadInputTokens":100,"cacheWriteInputTokens":30,
            "cacheDetails":[{"ttl":"1h","inputTokens":20},{"inputTokens":10,"ttl":"5m"}]}}"#;
        let (finding, text) = Sample::document(BedrockConverse, body).read();
        let usage = &finding.usage;

        assert_eq!(text, r#"hm say cited f{"a": [1]}"#);
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(135), Some(7)));
        assert_eq!((usage.cache_write_5m_tokens, usage.cache_write_1h_tokens), (Some(10), Some(20)));
        assert_eq!((finding.service_tier.as_deref(), finding.response_model), (Some("flex"), None));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn a_prompt_router_names_the_model_that_it_chose() {
        let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama3-1-8b-instruct-v1:0";
        let body = format!(
            r#"{{"output":{{}},"usage":{{"inputTokens":1,"outputTokens":null}},
            "trace":{{"promptRouter":{{"invokedModelId":"{arn}"}}}}}}"#
        );
        let (finding, _) = Sample::document(BedrockConverse, &body).read();

        assert_eq!(finding.response_model.as_deref(), Some(arn));
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(1), None));
    }

    #[test]
    fn a_reply_without_usage_says_so() {
        for body in [
            r#"{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"guardrail_intervened"}"#,
            r#"{"output":null,"usage":null}"#,
            r#"{"usage":{"inputTokens":null,"outputTokens":-1,"totalTokens":{}}}"#,
        ] {
            let (finding, _) = Sample::document(BedrockConverse, body).read();
            assert_eq!(finding.provenance, Provenance::None, "{body}");
            assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage], "{body}");
        }
    }

    #[test]
    fn an_error_answer_is_named_by_its_header_field() {
        let mut refused = Sample::document(BedrockConverse, r#"{"message":"no"}"#);
        refused.status = 400;
        refused.headers.push((b"x-amzn-errortype", b"ValidationException:http://x/"));
        let (finding, text) = refused.read();

        assert_eq!(finding.error_code.as_deref(), Some("ValidationException"));
        assert!(finding.defects.is_empty() && text.is_empty());
    }

    #[test]
    fn a_request_is_read() {
        let body = r#"{"system":[{"text":"sys"},{"cachePoint":{"type":"default","ttl":"1h"}}],
            "messages":[{"role":"user","content":[{"text":"look"},{"image":{"format":"png","source":{"bytes":"AAAA"}}},
            {"document":{"name":"n","format":"txt","source":{"text":"plain"}}}]},
            {"role":"assistant","content":[{"toolUse":{"name":"f","input":{"a":1}}}]},
            {"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":{"b":2}},{"text":"c"},{"image":{"source":{"s3Location":{"uri":"s3://x/y"}}}}]}}]}],
            "toolConfig":{"tools":[{"toolSpec":{"name":"f"}}]},"inferenceConfig":{"maxTokens":10}}"#;
        let facts = read_request(&route(BedrockConverse), Headers(&[]), body.as_bytes());

        assert_eq!(
            facts.prompt.texts().collect::<Vec<_>>(),
            ["sys", "look", "plain", "f", r#"{"a":1}"#, r#"{"b":2}"#, "c", r#"{"toolSpec":{"name":"f"}}"#]
        );
        assert_eq!((facts.prompt.messages, facts.prompt.tools, facts.prompt.media), (3, 1, 1));
        assert_eq!(facts.prompt.images.len(), 2);
        assert_eq!((facts.max_output_tokens, facts.long_cache), (Some(10), true));
    }
}
