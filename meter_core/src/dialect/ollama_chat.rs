//! Ollama's own chat and generate: lines of JSON, the last of which counts tokens; one document where no stream was wanted.
//!
//! The prompt's count is left out where the server had all of the prompt in its cache, which says nothing about its length.

use super::envelope::first;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Usage;

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Chat {
    input: Option<u64>,
    output: Option<u64>,
    ended: bool,
}

impl Reader for Chat {
    fn heeds(&self, path: &str) -> bool {
        matches!(
            first(path),
            "context"
                | "done"
                | "eval_count"
                | "logprobs"
                | "message"
                | "prompt_eval_count"
                | "response"
                | "thinking"
        )
    }

    fn enter(&mut self, path: &str) -> Interest {
        match path {
            "message.tool_calls.#.function.arguments" => Interest::Raw,
            // The state of the conversation as token ids, and probabilities.
            "context" | "logprobs" => Interest::Skip,
            _ => Interest::Walk,
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "message.content"
            | "message.thinking"
            | "message.tool_calls.#.function.name"
            | "response"
            | "thinking" => Take::Text,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        match path {
            "prompt_eval_count" => self.input = value.count().or(self.input),
            "eval_count" => self.output = value.count().or(self.output),
            "done" => self.ended |= value == Scalar::Bool(true),
            _ => {}
        }
    }

    fn outcome(&self) -> Outcome {
        let stated = self.input.is_some() || self.output.is_some();
        let usage = Usage { input_tokens: self.input, output_tokens: self.output, ..Usage::default() };
        Outcome { usage: stated.then_some(usage), ended: self.ended, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "messages.#" => Part::Message,
        "tools.#" => Part::Tool,
        "messages.#.tool_calls.#.function.arguments" => Part::Json,
        "images.#" | "messages.#.images.#" => Part::Media,
        "options.num_predict" => Part::MaxOutput,
        "prompt"
        | "suffix"
        | "system"
        // The state that an earlier reply handed out, as token ids.
        | "context.#"
        | "messages.#.content"
        | "messages.#.thinking"
        | "messages.#.tool_name"
        | "messages.#.tool_calls.#.function.name" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OllamaChat;
    use crate::dialect::sample::{Sample, route};
    use crate::dialect::{RequestFacts, read_request};
    use crate::headers::Headers;
    use crate::usage::{Defect, Provenance};

    const LINES: &str = r#"{"model":"qwen3","created_at":"t","message":{"role":"assistant","content":"","thinking":"hm "},"done":false}
{"model":"qwen3","created_at":"t","message":{"role":"assistant","content":"yes"},"done":false}
{"model":"qwen3","created_at":"t","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a": [1]}}}]},"done":false}
"#;
    const LAST: &str = r#"{"model":"qwen3","created_at":"t","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"total_duration":9,"prompt_eval_count":26,"eval_count":12}
"#;

    fn lines(body: &str) -> Sample<'_> {
        Sample {
            headers: vec![(b"content-type", b"application/x-ndjson")],
            ..Sample::document(OllamaChat, body)
        }
    }

    #[test]
    fn the_last_line_counts() {
        let body = [LINES, LAST].concat();
        let (finding, text) = lines(&body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(26), Some(12)));
        assert_eq!(
            (text.as_str(), finding.response_model.as_deref()),
            ("hm yesf{\"a\": [1]}", Some("qwen3"))
        );
        assert!(finding.finished && finding.streamed && finding.defects.is_empty());
    }

    #[test]
    fn a_stream_without_its_last_line_is_cut() {
        let (finding, _) = lines(LINES).read();

        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::Truncated, Defect::NoUsage]);
    }

    #[test]
    fn a_cached_prompt_is_not_stated() {
        let body =
            r#"{"model":"m","response":"yes","thinking":"hm","done":true,"context":[1,2,3],"eval_count":5}"#;
        let (finding, text) = Sample::document(OllamaChat, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (None, Some(5)));
        assert_eq!((finding.provenance, text.as_str()), (Provenance::Reported, "yeshm"));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn errors_are_text() {
        let body = [LINES, "{\"error\":\"an error was encountered while running the model\"}\n"].concat();
        let (finding, _) = lines(&body).read();

        assert!(finding.defects.contains(Defect::StreamError));
        let refused =
            Sample { status: 404, ..Sample::document(OllamaChat, r#"{"error":"model not found"}"#) };
        assert!(refused.read().0.defects.is_empty());
    }

    fn asked(body: &str) -> RequestFacts {
        read_request(&route(OllamaChat), Headers(&[]), body.as_bytes())
    }

    #[test]
    fn requests_stream_unless_they_say_otherwise() {
        let chat = asked(
            r#"{"model":"m","messages":[{"role":"system","content":"sys"},{"role":"user","content":"look","images":["AAAA","BBBB"]},
            {"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},{"role":"tool","tool_name":"f","content":"r"}],
            "tools":[{"type":"function","function":{"name":"f"}}],"options":{"num_predict":9,"temperature":0}}"#,
        );
        assert_eq!(
            chat.prompt.texts().collect::<Vec<_>>(),
            ["sys", "look", "f", r#"{"a":1}"#, "f", "r", r#"{"type":"function","function":{"name":"f"}}"#]
        );
        assert_eq!((chat.prompt.messages, chat.prompt.media, chat.prompt.tools), (4, 2, 1));
        assert_eq!((chat.stream, chat.max_output_tokens), (true, Some(9)));

        let generate = asked(
            r#"{"model":"m","prompt":"p","system":"s","stream":false,"context":[1,2],"options":{"num_predict":-1}}"#,
        );
        assert_eq!((generate.stream, generate.max_output_tokens), (false, None));
        assert_eq!(
            (generate.prompt.texts().collect::<Vec<_>>(), generate.prompt.token_ids),
            (vec!["p", "s"], 2)
        );
    }
}
