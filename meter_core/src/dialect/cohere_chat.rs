//! Cohere chat and generate, versions 1 and 2: a document, lines of events (1) or server-sent events (2).

use super::cohere_usage::CohereUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a chat, a generation or their events.
#[derive(Debug, Default)]
pub(super) struct Chat {
    usage: CohereUsage,
    ended: bool,
    /// Calls of tools came in pieces; the event that follows repeats them whole.
    pieces: bool,
    /// The event in progress repeats such pieces.
    repeats: bool,
}

/// The path inside the usage, wherever that stands: in a document, in the event that ends a stream, or in the reply inside it.
fn usage_field(path: &str) -> Option<&str> {
    ["usage.", "meta.", "delta.usage.", "response.meta."]
        .into_iter()
        .find_map(|place| path.strip_prefix(place))
}

impl Chat {
    /// Text, unless it was told before.
    fn first_time(&self) -> Take {
        if self.repeats { Take::Skip } else { Take::Text }
    }
}

impl Reader for Chat {
    fn heeds(&self, path: &str) -> bool {
        // Of what the events of either version have besides.
        !matches!(path, "id" | "index" | "generation_id" | "response_id")
    }

    fn enter(&mut self, path: &str) -> Interest {
        match path {
            "" => self.repeats = false,
            "tool_calls.#.parameters" if !self.repeats => return Interest::Raw,
            // Echoes of the request, sources, and in a stream's last event the reply once more.
            "chat_history"
            | "documents"
            | "search_results"
            | "citations"
            | "message.citations"
            | "delta.message.citations"
            | "response.chat_history"
            | "response.documents"
            | "response.search_results"
            | "response.citations"
            | "response.tool_calls"
            | "response.generations" => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "type" | "event_type" => Take::Value,
            "text" | "tool_calls.#.name" => self.first_time(),
            // Version 2, whole.
            "message.content.#.text"
            | "message.content.#.thinking"
            | "message.tool_plan"
            | "message.tool_calls.#.function.name"
            | "message.tool_calls.#.function.arguments"
            // Version 2, in events.
            | "delta.message.content.text"
            | "delta.message.content.thinking"
            | "delta.message.tool_plan"
            | "delta.message.tool_calls.function.name"
            | "delta.message.tool_calls.function.arguments"
            // Version 1.
            | "tool_call_delta.name"
            | "tool_call_delta.parameters"
            | "search_queries.#.text"
            | "generations.#.text"
            | "summary" => Take::Text,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if let Some(field) = usage_field(path) {
            return self.usage.value(field, value);
        }
        match (path, value) {
            ("type" | "event_type", Scalar::String(name)) => self.event(name),
            ("is_finished", Scalar::Bool(finished)) => self.ended |= finished,
            _ => {}
        }
    }

    fn event(&mut self, name: &str) {
        self.ended |= matches!(name, "message-end" | "stream-end");
        self.pieces |= name == "tool-calls-chunk";
        self.repeats = self.pieces && name == "tool-calls-generation";
    }

    fn outcome(&self) -> Outcome {
        let (usage, defects) = self.usage.usage();
        Outcome { usage, defects, ended: self.ended, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "message" => Part::LoneMessage,
        "messages.#" | "chat_history.#" => Part::Message,
        "tools.#" => Part::Tool,
        "documents.#"
        | "tool_results.#"
        | "chat_history.#.tool_calls.#"
        | "chat_history.#.tool_results.#"
        | "messages.#.content.#.document"
        | "response_format.schema"
        | "response_format.json_schema" => Part::Json,
        "messages.#.content.#.type" => Part::Kind,
        "messages.#.content.#.image_url.url" => Part::Picture,
        "messages.#.content.#.image_url.detail" => Part::Detail,
        "num_generations" => Part::Choices,
        "preamble"
        | "prompt"
        | "text"
        | "chat_history.#.message"
        | "messages.#.content"
        | "messages.#.content.#.text"
        | "messages.#.content.#.thinking"
        | "messages.#.tool_plan"
        | "messages.#.tool_calls.#.function.name"
        | "messages.#.tool_calls.#.function.arguments" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::CohereChat;
    use crate::dialect::sample::{Sample, route};
    use crate::dialect::{RequestFacts, read_request};
    use crate::headers::Headers;
    use crate::usage::Defect;

    const EVENTS: &str = r#"event: message-start
data: {"id":"c1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}

event: tool-plan-delta
data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"hm "}}}

event: tool-call-start
data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","type":"function","function":{"name":"f","arguments":""}}}}}

event: tool-call-delta
data: {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\""}}}}}

event: content-delta
data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"so "}}}}

event: content-delta
data: {"type":"content-delta","index":1,"delta":{"message":{"content":{"text":" yes"}}}}

event: citation-start
data: {"type":"citation-start","index":0,"delta":{"message":{"citations":{"text":"no","sources":[]}}}}

"#;
    const END: &str = r#"event: message-end
data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":35,"output_tokens":30},"tokens":{"input_tokens":1025,"output_tokens":66},"cached_tokens":16}}}

data: [DONE]

"#;

    #[test]
    fn version_two_streams_events_and_states_usage_last() {
        let body = [EVENTS, END].concat();
        let (finding, text) = Sample::stream(CohereChat, &body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(35), Some(30)));
        assert_eq!(finding.usage.cache_read_tokens, Some(16));
        assert_eq!((text.as_str(), finding.response_id.as_deref()), ("hm f{\"a\"so  yes", Some("c1")));
        assert!(finding.finished && finding.defects.is_empty());

        let (cut, _) = Sample { complete: false, ..Sample::stream(CohereChat, EVENTS) }.read();
        assert_eq!(cut.defects.iter().collect::<Vec<_>>(), [Defect::Truncated, Defect::NoUsage]);
    }

    #[test]
    fn version_two_is_one_message() {
        let body = r#"{"id":"c1","finish_reason":"TOOL_CALL","message":{"role":"assistant","tool_plan":"hm ","tool_calls":[
            {"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}],"content":[{"type":"thinking","thinking":"so "},
            {"type":"text","text":"yes"}],"citations":[{"text":"no"}]},"usage":{"billed_units":{"input_tokens":5,"output_tokens":4},"tokens":null}}"#;
        let (finding, text) = Sample::document(CohereChat, body).read();

        assert_eq!(text, "hm f{}so yes");
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(5), Some(4)));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn version_one_streams_lines_and_repeats_itself_at_the_end() {
        let lines = [
            r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#,
            r#"{"is_finished":false,"event_type":"search-queries-generation","search_queries":[{"text":"q ","generation_id":"g"}]}"#,
            r#"{"is_finished":false,"event_type":"search-results","documents":[{"text":"no"}],"search_results":[{"search_query":{"text":"no"}}]}"#,
            r#"{"is_finished":false,"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"name":"f"}}"#,
            r#"{"is_finished":false,"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"parameters":"{\"a\":1}"}}"#,
            r#"{"is_finished":false,"event_type":"tool-calls-generation","text":"no","tool_calls":[{"name":"f","parameters":{"a":1}}]}"#,
            r#"{"is_finished":false,"event_type":"text-generation","text":" yes"}"#,
            r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"text":" yes","tool_calls":[{"name":"f"}],"chat_history":[{"message":"no"}],"meta":{"billed_units":{"input_tokens":5,"output_tokens":4},"tokens":{"input_tokens":71,"output_tokens":9}}}}"#,
        ];
        let body = lines.join("\n");
        let mut sample = Sample::document(CohereChat, &body);
        sample.headers = vec![(b"content-type", b"application/stream+json")];
        let (finding, text) = sample.read();

        assert_eq!(text, "q f{\"a\":1} yes");
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(5), Some(4)));
        assert!(finding.finished && finding.streamed && finding.defects.is_empty());
    }

    #[test]
    fn version_one_is_read_without_echoes() {
        let chat = r#"{"response_id":"r","text":"yes","generation_id":"g","chat_history":[{"role":"USER","message":"no"}],"finish_reason":"COMPLETE",
            "tool_calls":[{"name":"f","parameters":{"a": 1}}],"documents":[{"text":"no"}],"citations":[{"text":"no"}],
            "meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":5.0,"output_tokens":4.0}}}"#;
        let generate = r#"{"id":"i","generations":[{"id":"j","text":"yes"}],"prompt":"no",
            "meta":{"billed_units":{"input_tokens":5,"output_tokens":4}}}"#;
        for (body, expected) in [(chat, "yesf{\"a\": 1}"), (generate, "yes")] {
            let (finding, text) = Sample::document(CohereChat, body).read();

            assert_eq!(text, expected);
            assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(5), Some(4)));
        }
    }

    fn asked(body: &str) -> RequestFacts {
        read_request(&route(CohereChat), Headers(&[]), body.as_bytes())
    }

    #[test]
    fn requests_of_both_versions_are_read() {
        let one = asked(
            r#"{"model":"m","message":"hi","preamble":"sys","chat_history":[{"role":"USER","message":"a"}],"documents":[{"title":"t"}],
            "max_tokens":7,"tools":[{"name":"f"}],"stream":true,"num_generations":2}"#,
        );
        assert_eq!(
            one.prompt.texts().collect::<Vec<_>>(),
            ["hi", "sys", "a", r#"{"title":"t"}"#, r#"{"name":"f"}"#]
        );
        assert_eq!((one.prompt.messages, one.prompt.tools, one.choices), (2, 1, 2));
        assert_eq!((one.stream, one.max_output_tokens), (true, Some(7)));

        let two = asked(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"u"}}]},
            {"role":"assistant","tool_plan":"p","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","content":[{"type":"document","document":{"data":"d"}}]}],"documents":["e"]}"#,
        );
        assert_eq!(
            two.prompt.texts().collect::<Vec<_>>(),
            ["a", "b", "p", "f", "{}", r#"{"data":"d"}"#, "e"]
        );
        assert_eq!((two.prompt.messages, two.prompt.images.len()), (4, 1));
    }
}
