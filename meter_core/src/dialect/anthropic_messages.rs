//! Anthropic messages: usage in the message, or in a stream split over its start and its deltas.

use super::anthropic_usage::{AnthropicUsage, Reading};
use super::envelope::first;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a message or of its events.
#[derive(Debug, Default)]
pub(super) struct Messages {
    usage: AnthropicUsage,
    ended: bool,
    stopped: bool,
}

impl Reader for Messages {
    fn heeds(&self, path: &str) -> bool {
        matches!(
            first(path),
            "content" | "content_block" | "delta" | "message" | "stop_reason" | "type" | "usage"
        )
    }

    fn enter(&mut self, path: &str) -> Interest {
        match path {
            // The arguments of a tool call are JSON where they are not streamed.
            "content.#.input" => return Interest::Raw,
            // Search results and the like: input, not generated.
            "content.#.content" | "content_block.content" => return Interest::Skip,
            _ => {}
        }
        if let Some(field) = path.strip_prefix("usage.") {
            self.usage.enter(field);
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if let Some(field) = path.strip_prefix("usage.") {
            self.usage.leave(field);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "content.#.text"
            | "content.#.thinking"
            | "content.#.name"
            | "content_block.text"
            | "content_block.thinking"
            | "content_block.name"
            | "delta.text"
            | "delta.thinking"
            | "delta.partial_json" => Take::Text,
            "stop_reason" | "delta.stop_reason" => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if let Some(field) = path.strip_prefix("message.usage.") {
            self.usage.start(field, value);
        } else if let Some(field) = path.strip_prefix("usage.") {
            self.usage.value(field, value);
        } else if matches!(path, "stop_reason" | "delta.stop_reason") {
            self.stopped |= value.text().is_some();
        } else if path == "type" {
            self.ended |= value == Scalar::String("message_stop");
        }
    }

    fn event(&mut self, name: &str) {
        self.ended |= name == "message_stop";
    }

    fn outcome(&self) -> Outcome {
        let Reading { usage, sub_calls, defects } = self.usage.read();
        Outcome {
            usage,
            sub_calls,
            defects,
            ended: self.ended,
            stopped: self.stopped,
            service_tier: self.usage.tier(),
            ..Outcome::default()
        }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "messages.#" => Part::Message,
        "tools.#" => Part::Tool,
        "messages.#.content.#.input" | "output_config.format" => Part::Json,
        "messages.#.content.#.type"
        | "messages.#.content.#.content.#.type"
        | "messages.#.content.#.source.content.#.type" => Part::Kind,
        "messages.#.content.#.source.type" => Part::SourceKind,
        "messages.#.content.#.source.data" => Part::SourceData,
        "messages.#.content.#.content.#.source.data"
        | "messages.#.content.#.source.content.#.source.data" => Part::Picture,
        "system"
        | "system.#.text"
        | "messages.#.content"
        | "messages.#.content.#.text"
        | "messages.#.content.#.thinking"
        | "messages.#.content.#.name"
        | "messages.#.content.#.content"
        | "messages.#.content.#.content.#.text"
        | "messages.#.content.#.source.content"
        | "messages.#.content.#.source.content.#.text" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::AnthropicMessages;
    use crate::dialect::sample::{Sample, route};
    use crate::usage::{Defect, Provenance};

    const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"claude\",\"content\":[],\
        \"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":30,\"output_tokens\":4,\
        \"cache_creation\":{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":20},\"service_tier\":\"standard\"}}}\n\n";
    const TEXT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm \"}}\n\n\
        event: ping\ndata: {\"type\":\"ping\"}\n\n\
        data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"yes\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"AAAA\"}}\n\n";
    const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\
        \"usage\":{\"input_tokens\":12,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":33,\"output_tokens\":9}}\n\n";
    const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

    #[test]
    fn a_stream_joins_its_start_and_its_last_delta() {
        let body = [START, TEXT, DELTA, STOP].concat();
        let (finding, text) = Sample::stream(AnthropicMessages, &body).read();
        let usage = &finding.usage;

        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(145), Some(9)));
        assert_eq!(
            (usage.cache_read_tokens, usage.cache_write_5m_tokens, usage.cache_write_1h_tokens),
            (Some(100), Some(13), Some(20))
        );
        assert_eq!((text.as_str(), finding.service_tier.as_deref()), ("hm yes{}", Some("standard")));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn a_cut_stream_knows_its_input_but_not_its_output() {
        let body = [START, TEXT].concat();
        let (finding, _) = Sample { complete: false, ..Sample::stream(AnthropicMessages, &body) }.read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(140), None));
        assert_eq!(finding.provenance, Provenance::Reported);
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::Truncated]);
    }

    #[test]
    fn an_error_event_names_its_type() {
        let body =
            [START, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n"]
                .concat();
        let (finding, _) = Sample::stream(AnthropicMessages, &body).read();

        assert_eq!(finding.error_code.as_deref(), Some("overloaded_error"));
        assert!(finding.defects.contains(Defect::StreamError));
    }

    #[test]
    fn a_document_gives_tool_input_as_text() {
        let body = r#"{"id":"m1","type":"message","model":"claude","content":[{"type":"thinking","thinking":"hm"},
            {"type":"text","text":" ok "},{"type":"tool_use","name":"f","input":{"a": [1]}},
            {"type":"web_search_tool_result","content":[{"type":"x","encrypted_content":"AAAA","text":"no"}]}],
            "stop_reason":"tool_use","usage":{"input_tokens":3,"cache_creation_input_tokens":5,"cache_read_input_tokens":null,
            "output_tokens":7,"server_tool_use":{"web_search_requests":2},"output_tokens_details":{"thinking_tokens":1}}}"#;
        let (finding, text) = Sample::document(AnthropicMessages, body).read();

        assert_eq!(text, r#"hm ok f{"a": [1]}"#);
        assert_eq!((finding.usage.input_tokens, finding.usage.cache_write_5m_tokens), (Some(8), Some(5)));
        assert_eq!((finding.usage.reasoning_tokens, finding.usage.web_search_requests), (Some(1), Some(2)));
        assert_eq!(finding.usage.cache_read_tokens, None);
    }

    #[test]
    fn the_sum_of_the_iterations_is_billed() {
        let delta = |first: u32| {
            format!(
                "data: {{\"type\":\"message_delta\",\"usage\":{{\"input_tokens\":20,\"output_tokens\":10,\"iterations\":[\
                {{\"type\":\"compaction\",\"input_tokens\":{first},\"output_tokens\":300}},\
                {{\"type\":\"message\",\"model\":\"claude\",\"input_tokens\":20,\"cache_read_input_tokens\":5,\"output_tokens\":10}},\
                {{\"type\":\"advisor_message\",\"model\":\"sage\",\"input_tokens\":7,\"output_tokens\":6}}]}}}}\n\n"
            )
        };
        let body = [START.replace("100", "0"), delta(500), delta(1000), STOP.to_owned()].concat();
        let (finding, _) = Sample::stream(AnthropicMessages, &body).read();

        // 1000 + 20 + 7 stated, 5 read from cache, 30 written according to the start.
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(1062), Some(316)));
        let [sage] = &*finding.sub_calls else { panic!("{:?}", finding.sub_calls) };
        assert_eq!(
            (sage.model.as_str(), sage.usage.input_tokens, sage.usage.output_tokens),
            ("sage", Some(7), Some(6))
        );
    }

    #[test]
    fn counting_tokens_is_not_usage() {
        let mut count =
            Sample::document(AnthropicMessages, r#"{"input_tokens":2095,"usage":{"input_tokens":5}}"#);
        count.route.billable = false;
        let (finding, _) = count.read();

        assert_eq!((finding.usage.input_tokens, finding.provenance), (None, Provenance::None));
        assert!(finding.defects.is_empty());
        assert!(route(AnthropicMessages).billable);
    }

    #[test]
    fn compatible_servers_state_what_they_know_where_they_know_it() {
        let start = |usage: &str| {
            format!("data: {{\"type\":\"message_start\",\"message\":{{\"usage\":{usage}}}}}\n\n")
        };
        let delta = |usage: &str| format!("data: {{\"type\":\"message_delta\",\"usage\":{usage}}}\n\n");
        for (first, last) in [
            (r#"{"input_tokens":0,"output_tokens":0}"#, r#"{"input_tokens":12,"output_tokens":9}"#),
            (r#"{"input_tokens":12,"output_tokens":1}"#, r#"{"input_tokens":0,"output_tokens":9}"#),
            ("null", r#"{"input_tokens":"12","output_tokens":9,"cache_read_input_tokens":null}"#),
            (r#"{"input_tokens":12}"#, r#"{"output_tokens":9}"#),
        ] {
            let body = [start(first), delta(last), STOP.to_owned()].concat();
            let (finding, _) = Sample::stream(AnthropicMessages, &body).read();

            assert_eq!(
                (finding.usage.input_tokens, finding.usage.output_tokens),
                (Some(12), Some(9)),
                "{first}"
            );
            assert!(finding.defects.is_empty());
        }
    }

    #[test]
    fn speed_and_place_are_tiers_of_their_own() {
        let tier = |terms: &str| {
            let body = format!(
                r#"{{"usage":{{"input_tokens":1,"output_tokens":1,"service_tier":"standard",{terms}}}}}"#
            );
            Sample::document(AnthropicMessages, &body).read().0.service_tier.unwrap()
        };

        assert_eq!(tier(r#""speed":"fast","inference_geo":"us""#), "fast");
        assert_eq!(tier(r#""speed":"standard","inference_geo":"us""#), "us");
        assert_eq!(tier(r#""speed":"us","inference_geo":"global""#), "standard");
    }
}
