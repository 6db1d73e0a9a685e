//! Gemini and Vertex: generated content, in a document, an event stream or one JSON array.

use super::envelope::element;
use super::gemini_usage::GeminiUsage;
use super::name;
use super::protojson::camel;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// The first generation whose searches are billed by the query; older ones by the prompt that was grounded.
const BILLED_BY_QUERY: u32 = 3;

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Generate {
    usage: GeminiUsage,
    model: Option<String>,
    id: Option<String>,
    /// A candidate or the prompt has a reason to go no further.
    stopped: bool,
    /// Search queries of the chunk in progress, and of the chunk that had most: chunks repeat them.
    chunk_queries: u64,
    queries: u64,
}

impl Generate {
    /// Searches as they are billed, if there were any.
    fn searches(&self) -> Option<u64> {
        let by_prompt = self.model.as_deref().and_then(generation).is_some_and(|old| old < BILLED_BY_QUERY);
        let most = if by_prompt { 1 } else { u64::MAX };
        Some(self.queries.min(most)).filter(|searches| *searches > 0)
    }
}

/// The number behind the family's name: 2 of `gemini-2.5-flash`.
fn generation(model: &str) -> Option<u32> {
    let (_, version) = model.split_once("gemini-")?;
    version.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

impl Reader for Generate {
    fn heeds(&self, path: &str) -> bool {
        let path = camel(element(path));
        let candidate =
            |field: &str| !matches!(field, "index" | "content" | "content.role" | "content.parts");
        path.strip_prefix("candidates.#.").is_some_and(candidate)
            || path.starts_with("usageMetadata.")
            || matches!(&*path, "" | "modelVersion" | "responseId" | "promptFeedback.blockReason")
    }

    fn enter(&mut self, path: &str) -> Interest {
        let path = camel(element(path));
        if let Some(field) = path.strip_prefix("usageMetadata.") {
            self.usage.enter(field);
            return Interest::Walk;
        }
        match &*path {
            "" => self.chunk_queries = 0,
            "candidates.#.content.parts.#.functionCall.args"
            | "candidates.#.content.parts.#.toolCall.args" => {
                return Interest::Raw;
            }
            // Sources, ratings, alternatives and results of tools: nothing of it is generated text.
            "candidates.#.safetyRatings"
            | "candidates.#.citationMetadata"
            | "candidates.#.logprobsResult"
            | "candidates.#.urlContextMetadata"
            | "candidates.#.groundingMetadata.groundingChunks"
            | "candidates.#.groundingMetadata.groundingSupports"
            | "candidates.#.groundingMetadata.searchEntryPoint"
            | "candidates.#.content.parts.#.inlineData"
            | "candidates.#.content.parts.#.codeExecutionResult"
            | "candidates.#.content.parts.#.toolResponse" => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if let Some(field) = camel(element(path)).strip_prefix("usageMetadata.") {
            self.usage.leave(field);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        let path = camel(element(path));
        match &*path {
            "candidates.#.content.parts.#.text"
            | "candidates.#.content.parts.#.functionCall.name"
            | "candidates.#.content.parts.#.functionCall.partialArgs.#.stringValue"
            | "candidates.#.content.parts.#.executableCode.code" => Take::Text,
            "modelVersion"
            | "responseId"
            | "promptFeedback.blockReason"
            | "candidates.#.finishReason"
            | "candidates.#.groundingMetadata.webSearchQueries.#" => Take::Value,
            _ if path.starts_with("usageMetadata.") => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let path = camel(element(path));
        if let Some(field) = path.strip_prefix("usageMetadata.") {
            return self.usage.value(field, value);
        }
        match &*path {
            "modelVersion" => self.model = value.text().and_then(name).or(self.model.take()),
            "responseId" => self.id = value.text().and_then(name).or(self.id.take()),
            "promptFeedback.blockReason" | "candidates.#.finishReason" => {
                self.stopped |= match value {
                    Scalar::String(reason) => !reason.is_empty(),
                    // Zero is "unspecified".
                    Scalar::Number(reason) => reason != "0",
                    Scalar::Null | Scalar::Bool(_) => false,
                };
            }
            "candidates.#.groundingMetadata.webSearchQueries.#" => {
                // Empty queries are not billed.
                self.chunk_queries += u64::from(value.text().is_some_and(|query| !query.is_empty()));
                self.queries = self.queries.max(self.chunk_queries);
            }
            _ => {}
        }
    }

    fn outcome(&self) -> Outcome {
        let (mut usage, defects) = self.usage.usage(self.stopped);
        if let Some(usage) = &mut usage {
            usage.web_search_requests = self.searches();
        }
        Outcome {
            usage,
            defects,
            stopped: self.stopped,
            model: self.model.clone(),
            id: self.id.clone(),
            service_tier: self.usage.service_tier(),
            ..Outcome::default()
        }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match &*camel(path) {
        "contents.#" => Part::Message,
        "tools.#.functionDeclarations.#" => Part::Tool,
        "generationConfig.responseSchema"
        | "generationConfig.responseJsonSchema"
        | "contents.#.parts.#.functionCall.args"
        | "contents.#.parts.#.functionResponse.response" => Part::Json,
        "generationConfig.maxOutputTokens" => Part::MaxOutput,
        "generationConfig.candidateCount" => Part::Choices,
        "contents.#.parts.#.inlineData.mimeType"
        | "contents.#.parts.#.fileData.mimeType"
        | "contents.#.parts.#.functionResponse.parts.#.inlineData.mimeType" => Part::Kind,
        "contents.#.parts.#.inlineData.data"
        | "contents.#.parts.#.fileData.fileUri"
        | "contents.#.parts.#.functionResponse.parts.#.inlineData.data" => Part::Picture,
        // A list of one may be written without its brackets.
        "systemInstruction.parts.#.text"
        | "systemInstruction.parts.text"
        | "contents.parts.#.text"
        | "contents.parts.text"
        | "contents.#.parts.text"
        | "contents.#.parts.#.text"
        | "contents.#.parts.#.functionCall.name"
        | "contents.#.parts.#.functionResponse.name"
        | "contents.#.parts.#.executableCode.code"
        | "contents.#.parts.#.codeExecutionResult.output" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::GeminiGenerate;
    use crate::dialect::sample::{Sample, route};
    use crate::dialect::{Finding, RequestFacts, read_request};
    use crate::headers::Headers;
    use crate::usage::{Defect, Provenance};

    const FIRST: &str = r#"{"candidates":[{"content":{"parts":[{"text":"hm ","thought":true}],"role":"model"},"index":0}],
        "usageMetadata":{"promptTokenCount":32,"totalTokenCount":74,"thoughtsTokenCount":42,"serviceTier":"flex",
        "promptTokensDetails":[{"modality":"TEXT","tokenCount":12},{"tokenCount":20,"modality":"AUDIO"}]},
        "modelVersion":"gemini-3.6-flash","responseId":"r1"}"#;
    const LAST: &str = r#"{"candidates":[{"content":{"parts":[{"text":"yes","thoughtSignature":"AAAA"},
        {"functionCall":{"name":"f","args":{"a": [1]},"id":"x"}}],"role":"model"},"finishReason":"STOP","index":0}],
        "usageMetadata":{"promptTokenCount":32,"candidatesTokenCount":12,"totalTokenCount":86,"thoughtsTokenCount":42,"serviceTier":"flex",
        "promptTokensDetails":[{"modality":"TEXT","tokenCount":12},{"tokenCount":20,"modality":"AUDIO"}]},
        "modelVersion":"gemini-3.6-flash","responseId":"r1"}"#;

    fn events(documents: &[&str]) -> String {
        let event = |document: &&str| ["data: ", &document.replace('\n', " "), "\r\n\r\n"].concat();
        documents.iter().map(event).collect()
    }

    fn one(body: &str) -> Finding {
        Sample::document(GeminiGenerate, body).read().0
    }

    #[test]
    fn the_last_of_the_running_totals_wins_in_either_framing() {
        let stream = events(&[FIRST, LAST]);
        let array = format!("[{FIRST}\r\n,\r\n{LAST}\n]\n");
        for sample in [Sample::stream(GeminiGenerate, &stream), Sample::document(GeminiGenerate, &array)] {
            let (finding, text) = sample.read();
            let usage = &finding.usage;

            assert_eq!((usage.input_tokens, usage.output_tokens), (Some(32), Some(54)));
            assert_eq!((usage.reasoning_tokens, usage.audio_input_tokens), (Some(42), Some(20)));
            assert_eq!((usage.image_input_tokens, usage.audio_output_tokens), (Some(0), None));
            assert_eq!((usage.cache_read_tokens, usage.web_search_requests), (None, None));
            assert_eq!(text, r#"hm yesf{"a": [1]}"#);
            assert_eq!(finding.response_model.as_deref(), Some("gemini-3.6-flash"));
            assert_eq!(
                (finding.response_id.as_deref(), finding.service_tier.as_deref()),
                (Some("r1"), Some("flex"))
            );
            assert!(finding.finished && finding.defects.is_empty());
        }
    }

    #[test]
    fn a_cut_stream_states_what_it_had_counted() {
        let body = events(&[FIRST]);
        let (finding, _) = Sample { complete: false, ..Sample::stream(GeminiGenerate, &body) }.read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(32), Some(42)));
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::Truncated]);
    }

    #[test]
    fn snake_case_strings_and_numbers_for_enumerations_are_the_same() {
        let finding = one(
            r#"{"candidates":[{"finish_reason":1,"content":{"parts":[{"function_call":{"name":"f","args":{}}}]}}],
            "model_version":"gemini-2.5-pro","response_id":"r2","usage_metadata":{"prompt_token_count":"521","candidates_token_count":1300,
            "thoughts_token_count":null,"total_token_count":1820,"traffic_type":2,
            "prompt_tokens_details":[{"modality":2,"token_count":516},{"modality":1,"token_count":5}],
            "candidates_tokens_details":[{"modality":"IMAGE","token_count":1290},{"modality":"TEXT"}]}}"#,
        );
        let usage = &finding.usage;

        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(521), Some(1300)));
        assert_eq!((usage.image_input_tokens, usage.image_output_tokens), (None, Some(1290)));
        assert_eq!(usage.reasoning_tokens, None);
        assert_eq!(finding.service_tier.as_deref(), Some("PROVISIONED_THROUGHPUT"));
        assert_eq!(finding.response_model.as_deref(), Some("gemini-2.5-pro"));
        assert!(finding.defects.is_empty());
    }

    #[test]
    fn a_blocked_prompt_has_no_output() {
        let finding = one(
            r#"{"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[{"category":"x","blocked":true}]},
            "usageMetadata":{"promptTokenCount":5,"totalTokenCount":5},"modelVersion":"m"}"#,
        );

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(5), Some(0)));
        assert!(!finding.text_seen && finding.finished && finding.defects.is_empty());
        // Thought, then cut off at the maximum.
        let finding = one(r#"{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}],
            "usageMetadata":{"promptTokenCount":5,"totalTokenCount":9,"thoughtsTokenCount":4}}"#);
        assert_eq!(finding.usage.output_tokens, Some(4));
    }

    #[test]
    fn what_states_nothing_is_no_usage() {
        for body in ["{}", r#"{"usageMetadata":null}"#, r#"{"usageMetadata":{"trafficType":"ON_DEMAND"}}"#] {
            let finding = one(body);
            assert_eq!(finding.provenance, Provenance::None, "{body}");
            assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage], "{body}");
        }
    }

    #[test]
    fn searches_are_counted_as_they_are_billed() {
        let chunk = |model: &str, queries: &str| {
            format!(
                r#"{{"candidates":[{{"groundingMetadata":{{"webSearchQueries":[{queries}],"groundingChunks":[{{"web":{{"title":"t"}}}}]}},
                "finishReason":"STOP"}}],"usageMetadata":{{"promptTokenCount":1,"candidatesTokenCount":1}},"modelVersion":"{model}"}}"#
            )
        };
        for (model, expected) in [
            ("gemini-3-pro-preview", 2),
            ("gemini-2.5-flash", 1),
            ("models/gemini-1.5-pro-002", 1),
            ("gemini-10-x", 2),
        ] {
            let body =
                events(&[&chunk(model, "\"a\""), &chunk(model, "\"a\",\"\",\"b\""), &chunk(model, "")]);
            let (finding, text) = Sample::stream(GeminiGenerate, &body).read();

            assert_eq!(finding.usage.web_search_requests, Some(expected), "{model}");
            assert!(text.is_empty());
        }
    }

    #[test]
    fn errors_are_named_by_their_status() {
        let error =
            r#"{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"@type":"t"}]}}"#;
        let array = format!("[{error}]");
        for body in [error, &array] {
            let refused = Sample { status: 429, ..Sample::document(GeminiGenerate, body) };
            let (finding, _) = refused.read();
            assert_eq!(finding.error_code.as_deref(), Some("RESOURCE_EXHAUSTED"), "{body}");
            assert!(finding.defects.is_empty() && finding.finished);
        }
        let broken_off = events(&[FIRST, error]);
        let (finding, _) = Sample::stream(GeminiGenerate, &broken_off).read();
        assert!(finding.defects.contains(Defect::StreamError));
        assert_eq!(finding.usage.output_tokens, Some(42));
    }

    fn asked(body: &str) -> RequestFacts {
        read_request(&route(GeminiGenerate), Headers(&[]), body.as_bytes())
    }

    #[test]
    fn a_request_is_read_in_both_spellings() {
        let camel = r#"{"systemInstruction":{"parts":[{"text":"sys"}]},"contents":[
            {"role":"user","parts":[{"text":"look"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"fileData":{"fileUri":"u","mimeType":"audio/wav"}}]},
            {"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"BBBB"}]},
            {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"r":2}}}]}],
            "tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]},{"googleSearch":{}}],"serviceTier":"flex",
            "generationConfig":{"maxOutputTokens":50,"candidateCount":2,"responseSchema":{"type":"OBJECT"}}}"#;
        let mut snake = camel.to_owned();
        for (old, new) in [
            ("systemInstruction", "system_instruction"),
            ("inlineData", "inline_data"),
            ("mimeType", "mime_type"),
            ("fileUri", "file_uri"),
            ("fileData", "file_data"),
            ("functionCall", "function_call"),
            ("functionResponse", "function_response"),
            ("functionDeclarations", "function_declarations"),
            ("generationConfig", "generation_config"),
            ("maxOutputTokens", "max_output_tokens"),
            ("candidateCount", "candidate_count"),
            ("responseSchema", "response_schema"),
            ("serviceTier", "service_tier"),
        ] {
            snake = snake.replace(old, new);
        }
        let facts = asked(camel);

        assert_eq!(facts, asked(&snake));
        assert_eq!(
            facts.prompt.texts().collect::<Vec<_>>(),
            [
                "sys",
                "look",
                "f",
                r#"{"a":1}"#,
                "f",
                r#"{"r":2}"#,
                r#"{"name":"f"}"#,
                r#"{"name":"g"}"#,
                r#"{"type":"OBJECT"}"#
            ]
        );
        assert_eq!((facts.prompt.messages, facts.prompt.tools), (3, 2));
        assert_eq!((facts.prompt.images.len(), facts.prompt.media), (1, 1));
        assert_eq!((facts.max_output_tokens, facts.choices), (Some(50), 2));
        assert_eq!(facts.service_tier.as_deref(), Some("flex"));
    }
}
