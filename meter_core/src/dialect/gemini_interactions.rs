//! Gemini interactions: one object, whole or inside events, with totals by name.
//!
//! Its output stands in `steps` (an older version says `outputs`), of which those that repeat the input are not read.

use super::gemini_usage::GeminiUsage;
use super::name;
use super::protojson::camel;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of an interaction or of its events.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the stream")]
pub(super) struct Interactions {
    usage: GeminiUsage,
    /// Fields of the object inside an event; those of a whole one stand where all replies have them.
    model: Option<String>,
    id: Option<String>,
    service_tier: Option<String>,
    ended: bool,
    pending: bool,
    /// What a stream has begun nobody reads again, unless it was asked for in the background.
    streamed: bool,
    /// The step or delta in progress is input: the user's turn, or what a tool gave back.
    input: bool,
}

/// The path inside the usage of the whole interaction, wherever that stands. `step_usage` is a share of it.
fn usage_field(path: &str) -> Option<&str> {
    ["usage.", "interaction.usage.", "metadata.totalUsage."]
        .into_iter()
        .find_map(|place| path.strip_prefix(place))
}

/// The path inside an output step: of a whole interaction, or of an event. What is inside an event's interaction repeats it.
fn step_field(path: &str) -> Option<&str> {
    ["steps.#.", "outputs.#.", "step.", "delta."].into_iter().find_map(|place| path.strip_prefix(place))
}

impl Interactions {
    fn status(&mut self, value: Scalar<'_>) {
        if let Some(status) = value.text() {
            self.pending = matches!(status, "queued" | "in_progress");
        }
    }
}

impl Reader for Interactions {
    fn enter(&mut self, path: &str) -> Interest {
        let path = camel(path);
        if let Some(field) = usage_field(&path) {
            self.usage.enter(field);
            return Interest::Walk;
        }
        match &*path {
            "steps.#" | "outputs.#" | "step" | "delta" => self.input = false,
            // Echoes of the request.
            "input" | "tools" | "labels" | "interaction.input" | "interaction.tools" => {
                return Interest::Skip;
            }
            _ => {}
        }
        match step_field(&path) {
            Some("result" | "annotations") => Interest::Skip,
            Some(_) if self.input => Interest::Skip,
            Some("arguments") => Interest::Raw,
            _ => Interest::Walk,
        }
    }

    fn leave(&mut self, path: &str) {
        if let Some(field) = usage_field(&camel(path)) {
            self.usage.leave(field);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        let path = camel(path);
        if usage_field(&path).is_some() {
            return Take::Value;
        }
        match step_field(&path) {
            Some("type") => return Take::Value,
            Some(_) if self.input => return Take::Skip,
            Some("text" | "content.#.text" | "content.text" | "summary.#.text" | "name" | "arguments") => {
                return Take::Text;
            }
            _ => {}
        }
        match &*path {
            "eventType"
            | "status"
            | "interaction.status"
            | "interaction.model"
            | "interaction.id"
            | "interaction.serviceTier" => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let path = camel(path);
        if let Some(field) = usage_field(&path) {
            return self.usage.value(field, value);
        }
        let Some(text) = value.text() else { return };
        match &*path {
            "eventType" => self.event(text),
            "status" | "interaction.status" => self.status(value),
            "interaction.model" => self.model = name(text).or(self.model.take()),
            "interaction.id" => self.id = name(text).or(self.id.take()),
            "interaction.serviceTier" => self.service_tier = name(text).or(self.service_tier.take()),
            _ if step_field(&path) == Some("type") => {
                self.input = text == "user_input" || text.ends_with("_result");
            }
            _ => {}
        }
    }

    fn event(&mut self, name: &str) {
        self.streamed |= !name.is_empty();
        // The older version leaves out the last letter.
        self.ended |= matches!(name, "interaction.completed" | "interaction.complete");
    }

    fn outcome(&self) -> Outcome {
        let (usage, defects) = self.usage.usage(!self.pending);
        Outcome {
            usage,
            defects,
            ended: self.ended,
            pending: self.pending && !self.streamed,
            model: self.model.clone(),
            id: self.id.clone(),
            service_tier: self.service_tier.clone(),
            ..Outcome::default()
        }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match &*camel(path) {
        "input" => Part::LoneMessage,
        "input.#" => Part::Message,
        "tools.#" => Part::Tool,
        "responseFormat" | "input.#.arguments" | "input.#.result" => Part::Json,
        "input.type" | "input.#.type" | "input.#.content.#.type" => Part::Kind,
        "input.data"
        | "input.uri"
        | "input.#.data"
        | "input.#.uri"
        | "input.#.content.#.data"
        | "input.#.content.#.uri" => Part::Picture,
        "generationConfig.maxOutputTokens" => Part::MaxOutput,
        "systemInstruction"
        | "input.text"
        | "input.#.text"
        | "input.#.name"
        | "input.#.content"
        | "input.#.content.text"
        | "input.#.content.#.text"
        | "input.#.summary.#.text" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::GeminiInteractions;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::{Defect, Provenance};

    const USAGE: &str = r#"{"total_input_tokens":9,"total_output_tokens":779,"total_thought_tokens":912,"total_cached_tokens":4,
        "total_tool_use_tokens":30,"total_tokens":1730,"input_tokens_by_modality":[{"modality":"text","tokens":2},{"tokens":7,"modality":"audio"}],
        "grounding_tool_count":[{"type":"google_search","count":3},{"type":"google_maps","count":5}]}"#;

    fn check(finding: &crate::dialect::Finding) {
        let usage = &finding.usage;
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(39), Some(1691)));
        assert_eq!((usage.cache_read_tokens, usage.reasoning_tokens), (Some(4), Some(912)));
        assert_eq!((usage.audio_input_tokens, usage.web_search_requests), (Some(7), Some(3)));
        assert_eq!(finding.response_model.as_deref(), Some("gemini-3.5-flash"));
        assert_eq!(finding.response_id.as_deref(), Some("v1_x"));
        assert_eq!(finding.service_tier.as_deref(), Some("flex"));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn an_interaction_is_read_without_its_inputs() {
        let body = format!(
            r#"{{"id":"v1_x","model":"gemini-3.5-flash","status":"completed","service_tier":"flex","input":"no","usage":{USAGE},"steps":[
            {{"type":"user_input","content":[{{"type":"text","text":"no"}}]}},
            {{"type":"thought","signature":"AAAA","summary":[{{"type":"text","text":"hm "}}]}},
            {{"type":"function_call","id":"c","name":"f","arguments":{{"a": 1}}}},
            {{"type":"function_result","name":"f","result":"no"}},{{"type":"google_search_result","result":[{{"url":"no"}}]}},
            {{"type":"model_output","content":[{{"type":"text","text":" yes","annotations":[{{"title":"no"}}]}},{{"type":"image","data":"AAAA"}}]}}]}}"#
        );
        let (finding, text) = Sample::document(GeminiInteractions, &body).read();

        check(&finding);
        assert_eq!(text, r#"hm f{"a": 1} yes"#);
    }

    #[test]
    fn a_stream_ends_with_the_interaction() {
        let deltas = r#"event: interaction.created
data: {"event_type":"interaction.created","interaction":{"id":"v1_x","status":"in_progress","model":"gemini-3.5-flash"}}

data: {"event_type":"step.start","index":0,"step":{"type":"function_call","name":"f","arguments":{}}}

data: {"event_type":"step.delta","index":0,"delta":{"type":"arguments_delta","arguments":"{\"a\""}}

data: {"event_type":"step.delta","index":1,"delta":{"type":"thought_summary","content":{"type":"text","text":" hm"}}}

data: {"event_type":"step.delta","index":2,"delta":{"type":"function_result","result":"no"}}

data: {"event_type":"step.stop","index":2,"step_usage":{"total_input_tokens":1,"total_output_tokens":2}}

data: {"event_type":"step.delta","index":3,"delta":{"type":"text","text":" yes"},"metadata":{"total_usage":{"total_input_tokens":5}}}

"#;
        let end = format!(
            "data: {{\"event_type\":\"interaction.completed\",\"interaction\":{{\"status\":\"completed\",\"service_tier\":\"flex\",\"usage\":{},\
            \"steps\":[{{\"type\":\"model_output\",\"content\":[{{\"text\":\"again\"}}]}}]}}}}\n\n",
            USAGE.replace('\n', " ")
        );
        let whole = [deltas, &end].concat();
        let (finding, text) = Sample::stream(GeminiInteractions, &whole).read();

        check(&finding);
        assert_eq!(text, "f{}{\"a\" hm yes");
        let (cut, _) = Sample { complete: false, ..Sample::stream(GeminiInteractions, deltas) }.read();
        assert_eq!((cut.usage.input_tokens, cut.usage.output_tokens), (Some(5), None));
        assert!(cut.defects.contains(Defect::Truncated) && !cut.finished);
    }

    #[test]
    fn the_older_version_says_outputs_and_content() {
        let body = "event: content.delta\ndata: {\"event_type\":\"content.delta\",\"delta\":{\"type\":\"text\",\"text\":\"hi\"}}\n\n\
            event: interaction.complete\ndata: {\"event_type\":\"interaction.complete\",\"interaction\":{\"status\":\"completed\",\
            \"usage\":{\"total_input_tokens\":2,\"total_output_tokens\":1,\"total_tokens\":3}}}\n\n";
        let (finding, text) = Sample::stream(GeminiInteractions, body).read();
        assert_eq!((text.as_str(), finding.finished), ("hi", true));
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(2), Some(1)));

        let document = r#"{"status":"completed","outputs":[{"type":"text","text":"hi"}],"usage":{"total_input_tokens":2,"total_tokens":2}}"#;
        let (finding, text) = Sample::document(GeminiInteractions, document).read();
        assert_eq!((text.as_str(), finding.usage.output_tokens), ("hi", Some(0)));
    }

    #[test]
    fn work_in_the_background_states_nothing_yet() {
        let (finding, _) =
            Sample::document(GeminiInteractions, r#"{"id":"v1_x","status":"in_progress","usage":null}"#)
                .read();

        assert_eq!(finding.provenance, Provenance::None);
        assert!(finding.defects.is_empty() && finding.pending);

        let begun =
            "data: {\"event_type\":\"interaction.created\",\"interaction\":{\"status\":\"in_progress\"}}\n\n";
        let (cut, _) = Sample { complete: false, ..Sample::stream(GeminiInteractions, begun) }.read();
        assert!(!cut.pending && cut.defects.contains(Defect::NoUsage));
    }

    #[test]
    fn an_error_event_is_named() {
        let body = "event: error\ndata: {\"event_type\":\"error\",\"error\":{\"code\":\"gateway_timeout\",\"message\":\"x\"}}\n\n";
        let (finding, _) = Sample::stream(GeminiInteractions, body).read();

        assert_eq!(finding.error_code.as_deref(), Some("gateway_timeout"));
        assert!(finding.defects.contains(Defect::StreamError));
    }

    #[test]
    fn a_request_is_text_or_turns() {
        let turns = r#"{"model":"m","stream":true,"background":true,"system_instruction":"sys","generation_config":{"max_output_tokens":7},
            "tools":[{"type":"function","name":"f"}],"response_format":{"type":"object"},"input":[{"type":"user_input","content":[
            {"type":"text","text":"a"},{"type":"image","data":"AAAA"}]},{"type":"text","text":"b"},{"type":"function_result","result":{"r":1}}]}"#;
        let read = |body: &str| read_request(&route(GeminiInteractions), Headers(&[]), body.as_bytes());
        let (facts, lone) = (read(turns), read(r#"{"input":"a"}"#));

        assert_eq!(
            facts.prompt.texts().collect::<Vec<_>>(),
            ["sys", r#"{"type":"function","name":"f"}"#, r#"{"type":"object"}"#, "a", "b", r#"{"r":1}"#]
        );
        assert_eq!(
            (facts.prompt.messages, facts.prompt.images.len(), facts.max_output_tokens),
            (3, 1, Some(7))
        );
        assert!(facts.stream && facts.background);
        assert_eq!((lone.prompt.texts().collect::<Vec<_>>(), lone.prompt.messages), (vec!["a"], 1));
    }
}
