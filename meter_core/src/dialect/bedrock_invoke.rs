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
        "inputImage" | "images.#" => Part::Media,
        "max_gen_len"
        | "max_tokens_to_sample"
        | "maxTokens"
        | "textGenerationConfig.maxTokenCount"
        | "inferenceConfig.max_new_tokens" => Part::MaxOutput,
        "num_generations" | "numResults" => Part::Choices,
        _ => Part::Other,
    }
}
