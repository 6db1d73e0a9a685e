//! The `OpenAI` Responses API: one response object, whole or inside the events of a stream, and what tools it called.

use super::envelope::inner;
use super::openai_usage::OpenAiUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a response or of its events.
#[derive(Debug, Default)]
pub(super) struct Responses {
    usage: OpenAiUsage,
    ended: bool,
    pending: bool,
    /// The current event's deltas are base64 audio.
    audio: bool,
    item: Item,
    /// Billed searches in the output of the response object and in the stream's items; the object repeats the items.
    listed_searches: u64,
    streamed_searches: u64,
}

/// What is known of the output item in progress.
#[derive(Debug, Default)]
struct Item {
    search: bool,
    completed: bool,
    /// Opening a page or finding in it is a call of the same tool, but only searches are billed.
    other_action: bool,
}

impl Item {
    fn billed(&self) -> u64 {
        u64::from(self.search && !self.other_action)
    }
}

impl Reader for Responses {
    fn enter(&mut self, path: &str) -> Interest {
        match inner(path) {
            "output" => self.listed_searches = 0,
            "output.#" | "item" => self.item = Item::default(),
            // Echoes of the request.
            "tools" | "metadata" => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        match inner(path) {
            "output.#" => self.listed_searches += self.item.billed(),
            // An item is told when it is added and again when it is done.
            "item" if self.item.completed => self.streamed_searches += self.item.billed(),
            _ => {}
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "delta" if !self.audio => return Take::Text,
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
        match inner(path) {
            "status"
            | "output.#.type"
            | "output.#.action.type"
            | "item.type"
            | "item.action.type"
            | "item.status" => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let field = inner(path);
        if let Some(field) = field.strip_prefix("usage.") {
            return self.usage.value(field, value);
        }
        let Some(text) = value.text() else { return };
        match field {
            "type" if path == "type" => self.event(text),
            "status" => self.pending = matches!(text, "queued" | "in_progress"),
            "output.#.type" | "item.type" => self.item.search = text == "web_search_call",
            "output.#.action.type" | "item.action.type" => self.item.other_action = text != "search",
            "item.status" => self.item.completed = text == "completed",
            _ => {}
        }
    }

    fn event(&mut self, name: &str) {
        self.audio = matches!(name, "response.audio.delta" | "response.output_audio.delta");
        self.ended |= matches!(name, "response.completed" | "response.incomplete" | "response.failed");
    }

    fn outcome(&self) -> Outcome {
        let (mut usage, defects) = self.usage.usage();
        let searches = self.listed_searches.max(self.streamed_searches);
        if let Some(usage) = &mut usage {
            usage.web_search_requests = (searches > 0).then_some(searches);
        }
        Outcome { usage, defects, ended: self.ended, pending: self.pending, ..Outcome::default() }
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
        assert_eq!(finding.response_id.as_deref(), Some("r1"));
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
}
