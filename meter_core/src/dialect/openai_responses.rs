//! The `OpenAI` Responses API: one response object, whole or inside the events of a stream, and what tools it called.

use super::envelope::{first, inner};
use super::openai_tools::Tools;
use super::openai_usage::OpenAiUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a response or of its events.
#[derive(Debug, Default)]
pub(super) struct Responses {
    usage: OpenAiUsage,
    tools: Tools,
    ended: bool,
    pending: bool,
    /// What a stream has begun nobody reads again, unless it was asked for in the background.
    streamed: bool,
    event: Event,
}

/// What the current event of a stream is, as far as its text goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Event {
    #[default]
    Other,
    /// Its delta is base64.
    Audio,
    /// Its item is new: what follows are its contents, but not its name.
    Added,
}

impl Reader for Responses {
    fn heeds(&self, path: &str) -> bool {
        matches!(
            first(inner(path)),
            "delta"
                | "item"
                | "metadata"
                | "output"
                | "status"
                | "timings"
                | "tool_usage"
                | "tools"
                | "type"
                | "usage"
                | "x_groq"
        )
    }

    fn enter(&mut self, path: &str) -> Interest {
        let field = inner(path);
        // An echo of the request.
        if field == "metadata" { Interest::Skip } else { self.tools.enter(field) }
    }

    fn leave(&mut self, path: &str) {
        self.tools.leave(inner(path));
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "delta" if self.event != Event::Audio => return Take::Text,
            "item.name" if self.event == Event::Added => return Take::Text,
            // A whole response's own output; inside an event it repeats the deltas.
            "output.#.content.#.text"
            | "output.#.content.#.refusal"
            | "output.#.summary.#.text"
            | "output.#.name"
            | "output.#.arguments"
            | "output.#.input"
            | "output.#.code" => return Take::Text,
            _ => {}
        }
        let field = inner(path);
        if field == "status" || Tools::wants(field) { Take::Value } else { Take::Skip }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let field = inner(path);
        self.usage.reply_value(field, value);
        self.tools.value(field, value);
        let Some(text) = value.text() else { return };
        match field {
            "type" if path == "type" => self.event(text),
            "status" => self.pending = matches!(text, "queued" | "in_progress"),
            _ => {}
        }
    }

    fn event(&mut self, name: &str) {
        self.streamed |= !name.is_empty();
        self.event = match name {
            "response.audio.delta" | "response.output_audio.delta" => Event::Audio,
            "response.output_item.added" => Event::Added,
            _ => Event::Other,
        };
        self.ended |= matches!(
            name,
            "response.completed" | "response.incomplete" | "response.failed" | "response.done"
        );
    }

    fn outcome(&self) -> Outcome {
        let (mut usage, defects) = self.usage.usage();
        if let Some(usage) = &mut usage {
            usage.web_search_requests = usage.web_search_requests.max(self.tools.searches());
        }
        let tool_calls = self.tools.calls();
        let pending = self.pending && !self.streamed;
        Outcome { usage, tool_calls, defects, ended: self.ended, pending, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "input" => Part::LoneMessage,
        "input.#" => Part::Message,
        "tools.#" => Part::Tool,
        "text.format" => Part::Json,
        "input.#.content.#.type" | "input.#.output.#.type" => Part::Kind,
        "input.#.content.#.image_url" | "input.#.output.#.image_url" => Part::Picture,
        "input.#.content.#.detail" | "input.#.output.#.detail" => Part::Detail,
        "instructions"
        | "input.#.content"
        | "input.#.content.#.text"
        | "input.#.content.#.refusal"
        | "input.#.summary.#.text"
        | "input.#.name"
        | "input.#.arguments"
        | "input.#.input"
        | "input.#.output"
        | "input.#.output.#.text" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiResponses;
    use crate::dialect::sample::Sample;
    use crate::usage::{Defect, Provenance};

    const ITEMS: &str = r#"[{"type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}},
        {"type":"web_search_call","status":"completed","action":{"type":"open_page"}},
        {"type":"reasoning","summary":[{"type":"summary_text","text":"why "}]},
        {"type":"function_call","name":"f","arguments":"{}"},
        {"type":"message","content":[{"type":"output_text","text":"answer"}]}]"#;
    const USAGE: &str = r#"{"input_tokens":20,"input_tokens_details":{"cached_tokens":8},"output_tokens":6,
        "output_tokens_details":{"reasoning_tokens":2},"total_tokens":26}"#;

    fn event(name: &str, data: &str) -> String {
        format!("event: {name}\ndata: {}\n\n", data.replace('\n', ""))
    }

    #[test]
    fn a_document_gives_usage_searches_and_text() {
        let body = format!(
            r#"{{"id":"r1","status":"completed","model":"m","error":null,"output":{ITEMS},"usage":{USAGE},"tools":[{{"type":"x"}}]}}"#
        );
        let (finding, text) = Sample::document(OpenAiResponses, &body).read();

        assert_eq!(text, "why f{}answer");
        assert_eq!((finding.usage.cache_read_tokens, finding.usage.reasoning_tokens), (Some(8), Some(2)));
        assert_eq!(finding.usage.web_search_requests, Some(1));
        assert!(finding.finished && finding.defects.is_empty() && finding.error_code.is_none());
    }

    #[test]
    fn a_stream_counts_its_text_once() {
        let response = |status: &str, output: &str, usage: &str| {
            format!(
                r#"{{"type":"response.{status}","response":{{"id":"r1","status":"{status}","model":"m","output":{output},"usage":{usage}}}}}"#
            )
        };
        let body = [
            event("response.created", &response("in_progress", "[]", "null")),
            event("response.output_item.done", r#"{"item":{"type":"web_search_call","status":"completed"}}"#),
            event("response.audio.delta", r#"{"type":"response.audio.delta","delta":"AAAA"}"#),
            event("response.output_text.delta", r#"{"type":"response.output_text.delta","delta":"ans"}"#),
            event("response.output_text.delta", r#"{"delta":"wer","type":"response.output_text.delta"}"#),
            event("response.output_text.done", r#"{"type":"response.output_text.done","text":"answer"}"#),
            event("response.completed", &response("completed", ITEMS, USAGE)),
        ]
        .concat();
        let (finding, text) = Sample::stream(OpenAiResponses, &body).read();

        assert_eq!((text.as_str(), finding.usage.input_tokens), ("answer", Some(20)));
        assert_eq!(finding.usage.web_search_requests, Some(1));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn work_in_the_background_has_no_usage_yet() {
        let (finding, _) =
            Sample::document(OpenAiResponses, r#"{"id":"r1","status":"queued","usage":null}"#).read();

        assert_eq!((finding.provenance, finding.defects.is_empty()), (Provenance::None, true));
        assert!(finding.pending);
        assert_eq!(finding.response_id.as_deref(), Some("r1"));
    }

    #[test]
    fn a_stream_that_breaks_off_is_not_work_in_the_background() {
        let body =
            event("response.created", r#"{"type":"response.created","response":{"status":"in_progress"}}"#);
        let (finding, _) = Sample::stream(OpenAiResponses, &body).read();

        assert!(!finding.pending && finding.defects.contains(Defect::NoUsage));
    }

    #[test]
    fn failures_and_error_events_are_named() {
        let failed = event(
            "response.failed",
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"},"usage":null}}"#,
        );
        let error =
            event("error", r#"{"type":"error","code":"rate_limit_exceeded","message":"x","param":null}"#);
        for (body, code) in [(failed, "server_error"), (error, "rate_limit_exceeded")] {
            let (finding, _) = Sample::stream(OpenAiResponses, &body).read();

            assert_eq!(finding.error_code.as_deref(), Some(code));
            assert!(finding.defects.contains(Defect::StreamError));
        }
    }

    #[test]
    fn images_of_a_tool_are_another_models_and_stated_searches_beat_counted_ones() {
        let tools = r#"[{"type":"function","name":"f","parameters":{"type":"image_generation","model":"no"}},
            {"type":"image_generation","size":"auto","model":"gpt-image-9"}]"#;
        let drawn = r#"{"image_gen":{"input_tokens":50,"output_tokens":1000,"output_tokens_details":{"image_tokens":990}},
            "web_search":{"num_requests":3}}"#;
        let body = |tools: &str, drawn: &str| {
            format!(
                r#"{{"id":"r1","status":"completed","output":{ITEMS},"tools":{tools},"tool_usage":{drawn},"usage":{USAGE}}}"#
            )
        };
        let (finding, _) = Sample::document(OpenAiResponses, &body(tools, drawn)).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.web_search_requests), (Some(20), Some(3)));
        let [images] = &*finding.tool_calls else { panic!("{:?}", finding.tool_calls) };
        assert_eq!((images.model.as_str(), images.usage.image_output_tokens), ("gpt-image-9", Some(990)));

        let (unnamed, _) = Sample::document(OpenAiResponses, &body("[]", drawn)).read();
        assert_eq!(unnamed.tool_calls[0].model, "gpt-image-1");
        let nothing = r#"{"image_gen":{"input_tokens":0,"output_tokens":0},"web_search":{"num_requests":0}}"#;
        let (idle, _) = Sample::document(OpenAiResponses, &body(tools, nothing)).read();
        assert_eq!((idle.tool_calls.len(), idle.usage.web_search_requests), (0, None));
    }

    #[test]
    fn an_incomplete_response_and_a_compaction_state_their_usage() {
        let incomplete =
            r#""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"error":null"#;
        let compacted =
            r#""object":"response.compaction","output":[{"type":"compaction","encrypted_content":"AA"}]"#;
        for fields in [incomplete, compacted] {
            let body = format!(r#"{{"id":"r",{fields},"usage":{USAGE}}}"#);
            let (finding, text) = Sample::document(OpenAiResponses, &body).read();

            assert_eq!((finding.usage.cache_read_tokens, text.as_str()), (Some(8), ""));
            assert!(finding.finished && finding.defects.is_empty() && !finding.pending);
        }
    }

    #[test]
    fn a_streamed_call_has_its_name_once() {
        let item = r#""item":{"type":"function_call","name":"f","arguments":"","status":"in_progress"}}"#;
        let body = [
            event("response.output_item.added", &format!(r#"{{"type":"response.output_item.added",{item}"#)),
            event("response.function_call_arguments.delta", r#"{"delta":"{}"}"#),
            event("response.output_item.done", &format!(r#"{{"type":"response.output_item.done",{item}"#)),
            event("response.done", r#"{"type":"response.done","response":{"id":"r","usage":null}}"#),
        ]
        .concat();
        let (finding, text) = Sample::stream(OpenAiResponses, &body).read();

        assert_eq!((text.as_str(), finding.finished), ("f{}", true));
    }
}
