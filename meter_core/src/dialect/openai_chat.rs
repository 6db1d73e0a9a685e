//! `OpenAI` chat completions: usage at the top or in the last chunk, text in `message` or `delta`.

use super::choices::{Choices, FINISH_REASON};
use super::openai_usage::OpenAiUsage;
use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Scalar, Take};

/// Reader of a chat completion or of its chunks.
#[derive(Debug, Default)]
pub(super) struct Chat {
    choices: Choices,
    /// A stream was asked for: its chunks carry deltas, and what some of them repeat of the whole message is no text.
    deltas: bool,
    /// Some servers send the same reasoning under two names; only the first one seen is text.
    reasoning: Option<Reasoning>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reasoning {
    Content,
    Plain,
}

impl Chat {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        let deltas = head.facts.stream || head.route.stream;
        Self { choices: Choices::new(head), deltas, reasoning: None }
    }

    fn reasoning(&mut self, name: Reasoning) -> Take {
        if *self.reasoning.get_or_insert(name) == name { Take::Text } else { Take::Skip }
    }
}

impl Reader for Chat {
    fn heeds(&self, path: &str) -> bool {
        let message =
            || ["choices.#.delta.", "choices.#.message."].iter().any(|place| path.starts_with(place));
        path == "object" || path == FINISH_REASON || OpenAiUsage::heeds(path) || message()
    }

    fn string(&mut self, path: &str) -> Take {
        if path == "object" || path == FINISH_REASON {
            return Take::Value;
        }
        let Some(choice) = path.strip_prefix("choices.#.") else { return Take::Skip };
        let whole = || choice.strip_prefix("message.").filter(|_| !self.deltas);
        let Some(message) = choice.strip_prefix("delta.").or_else(whole) else { return Take::Skip };
        match message {
            "reasoning_content" => self.reasoning(Reasoning::Content),
            "reasoning" => self.reasoning(Reasoning::Plain),
            "content"
            | "content.#.text"
            | "content.#.thinking"
            | "content.#.thinking.#.text"
            | "refusal"
            | "audio.transcript"
            | "tool_calls.#.function.name"
            | "tool_calls.#.function.arguments"
            | "tool_calls.#.custom.name"
            | "tool_calls.#.custom.input"
            | "function_call.name"
            | "function_call.arguments" => Take::Text,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if path == "object" {
            // Whoever was asked for a stream may answer at once.
            self.deltas &= value != Scalar::String("chat.completion");
        }
        self.choices.value(path, value);
    }

    fn outcome(&self) -> Outcome {
        self.choices.outcome()
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "messages.#" => Part::Message,
        "tools.#" | "functions.#" => Part::Tool,
        "response_format.json_schema" => Part::Json,
        "messages.#.name" => Part::Name,
        "messages.#.content.#.type" => Part::Kind,
        "messages.#.content.#.image_url" | "messages.#.content.#.image_url.url" => Part::Picture,
        "messages.#.content.#.image_url.detail" => Part::Detail,
        "messages.#.content"
        | "messages.#.content.#.text"
        | "messages.#.content.#.refusal"
        | "messages.#.refusal"
        | "messages.#.reasoning_content"
        | "messages.#.tool_calls.#.function.name"
        | "messages.#.tool_calls.#.function.arguments"
        | "messages.#.tool_calls.#.custom.input"
        | "messages.#.function_call.name"
        | "messages.#.function_call.arguments" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiChat;
    use crate::dialect::sample::Sample;
    use crate::money::Nano;
    use crate::usage::{Defect, Provenance};

    const CHUNKS: &str = "data: {\"id\":\"c1\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n\
        data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"he\"}}],\"usage\":null}\n\n\
        data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"delta\":{\"content\":\"llo\"},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
    const USAGE: &str = "data: {\"id\":\"c1\",\"model\":\"m-1\",\"service_tier\":\"flex\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\
        \"completion_tokens\":2,\"total_tokens\":11,\"cost\":0.0025}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn a_stream_that_was_asked_states_usage_last() {
        let body = [CHUNKS, USAGE, DONE].concat();
        let (finding, text) = Sample::stream(OpenAiChat, &body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(9), Some(2)));
        assert_eq!((finding.provenance, text.as_str()), (Provenance::Reported, "hello"));
        assert_eq!(
            (finding.response_model.as_deref(), finding.response_id.as_deref()),
            (Some("m-1"), Some("c1"))
        );
        assert_eq!(
            (finding.service_tier.as_deref(), finding.stated_cost),
            (Some("flex"), Some(Nano::new(2_500_000)))
        );
        assert!(finding.finished && finding.streamed && finding.text_seen && finding.defects.is_empty());
    }

    #[test]
    fn a_stream_that_was_not_asked_has_no_usage() {
        let body = [CHUNKS, DONE].concat();
        let (finding, _) = Sample::stream(OpenAiChat, &body).read();

        assert_eq!((finding.provenance, finding.usage.output_tokens), (Provenance::None, None));
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage]);
        assert!(finding.finished);
    }

    #[test]
    fn the_end_is_done_or_a_stop_and_a_clean_close() {
        let mut stopped = Sample::stream(OpenAiChat, CHUNKS);
        assert!(stopped.read().0.finished);

        stopped.complete = false;
        let (finding, text) = stopped.read();
        assert!(!finding.finished && finding.defects.contains(Defect::Truncated));
        assert_eq!(text, "hello");
    }

    #[test]
    fn an_error_inside_a_stream_is_named() {
        let body =
            [CHUNKS, "data: {\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"code\":null}}\n\n"]
                .concat();
        let (finding, _) = Sample::stream(OpenAiChat, &body).read();

        assert_eq!(finding.error_code.as_deref(), Some("server_error"));
        assert!(
            finding.defects.contains(Defect::StreamError) && !finding.defects.contains(Defect::Truncated)
        );
    }

    #[test]
    fn a_document_gives_text_tool_arguments_and_one_reasoning() {
        let body = r#"{"model":"m","choices":[{"finish_reason":"tool_calls","message":{"reasoning_content":"think","reasoning":"think",
            "content":"say","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}],"audio":{"data":"AAAA"}}}],
            "usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,
            "completion_tokens_details":{"reasoning_tokens":3}}}"#;
        let (finding, text) = Sample::document(OpenAiChat, body).read();

        assert_eq!(text, "thinksayf{\"a\":1}");
        assert_eq!(finding.usage.reasoning_tokens, Some(3));
        assert!(finding.finished && !finding.streamed && finding.defects.is_empty());
    }

    #[test]
    fn an_error_answer_costs_nothing() {
        let body = r#"{"error":{"message":"no","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
        let refused = Sample { status: 429, ..Sample::document(OpenAiChat, body) };
        let (finding, text) = refused.read();

        assert_eq!(
            (finding.provenance, finding.error_code.as_deref()),
            (Provenance::None, Some("insufficient_quota"))
        );
        assert!(finding.defects.is_empty() && text.is_empty() && finding.finished);
    }

    #[test]
    fn chunks_that_repeat_the_message_so_far_count_once_and_their_last_usage_holds() {
        let chunk = |so_far: &str, piece: &str, tokens: u32| {
            format!(
                "data: {{\"model\":\"sonar\",\"usage\":{{\"prompt_tokens\":4,\"completion_tokens\":{tokens},\"total_tokens\":{},\
                \"search_context_size\":\"low\",\"cost\":{{\"request_cost\":0.005,\"total_cost\":0.00{tokens}}}}},\
                \"object\":\"chat.completion.chunk\",\"choices\":[{{\"message\":{{\"content\":\"{so_far}\"}},\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n",
                4 + tokens
            )
        };
        let body = [chunk("he", "he", 1), chunk("hello", "llo", 2), DONE.to_owned()].concat();
        let mut sample = Sample::stream(OpenAiChat, &body);
        sample.route.stream = true;
        let (finding, text) = sample.read();

        assert_eq!((text.as_str(), finding.usage.output_tokens), ("hello", Some(2)));
        assert_eq!(finding.stated_cost, Some(Nano::new(2_000_000)));
        assert!(finding.defects.is_empty());

        let document = r#"{"object":"chat.completion","choices":[{"message":{"content":"whole"}}],"usage":{"prompt_tokens":1}}"#;
        let unstreamed = Sample { body: document.as_bytes(), ..sample.clone() };
        assert_eq!(unstreamed.read().1, "whole");
    }

    #[test]
    fn usage_stands_where_each_server_puts_it() {
        let stop = r#""choices":[{"delta":{},"finish_reason":"stop"}]"#;
        for (field, cached) in [
            (
                r#""x_groq":{"id":"r","usage":{"queue_time":0.1,"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
                None,
            ),
            (r#""timings":{"cache_n":3,"prompt_n":6,"prompt_ms":1.5,"predicted_n":2}"#, Some(3)),
            (
                r#""usage":{"prompt_tokens":"9","completion_tokens":"2","total_tokens":"11","cached_tokens":"1"}"#,
                Some(1),
            ),
            (
                r#""usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":null,
                "prompt_audio_seconds":{},"num_cached_tokens":4}"#,
                Some(4),
            ),
        ] {
            let body = format!("data: {{{stop},{}}}\n\n{DONE}", field.replace('\n', ""));
            let (finding, _) = Sample::stream(OpenAiChat, &body).read();

            assert_eq!(
                (finding.usage.input_tokens, finding.usage.output_tokens),
                (Some(9), Some(2)),
                "{field}"
            );
            assert_eq!(finding.usage.cache_read_tokens, cached, "{field}");
            assert!(finding.finished && finding.defects.is_empty(), "{field}");
        }
    }

    #[test]
    fn more_cached_than_read_is_cut_and_named() {
        let body = r#"{"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":1,"total_tokens":21,
            "prompt_tokens_details":{"cached_tokens":164},"completion_tokens_details":{"reasoning_tokens":12}}}"#;
        let (finding, _) = Sample::document(OpenAiChat, body).read();

        assert_eq!((finding.usage.cache_read_tokens, finding.usage.output_tokens), (Some(8), Some(13)));
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::Contradiction]);
    }
}
