//! Reads one request: what admission must know of it, and the texts that will be billed as input.

use super::{Dialect, Prompt};
use crate::decode::Decoder;
use crate::detect::{Headers, Route};
use crate::json_scan::{Scalar, Scanner, Visitor};
use crate::limits;
use crate::usage::{Defect, Defects};

/// Output tokens of a legacy completion that does not say.
const COMPLETIONS_MAX_TOKENS: u64 = 16;

/// What admission knows of a request.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// Model asked for.
    pub model: Option<String>,
    /// Whether a streamed reply was asked for.
    pub stream: bool,
    /// Whether a stream was asked to state its usage.
    pub asked_usage: bool,
    /// Output tokens allowed for each choice.
    pub max_output_tokens: Option<u64>,
    /// Choices generated for each prompt.
    pub choices: u32,
    /// Service tier asked for.
    pub service_tier: Option<String>,
    /// What is counted as input.
    pub prompt: Prompt,
    /// What was wrong.
    pub defects: Defects,
}

/// Reads the body of a request on `route`; any bytes are acceptable.
pub fn read_request(route: &Route, headers: Headers<'_>, body: &[u8]) -> RequestFacts {
    let mut facts = RequestFacts { choices: 1, ..RequestFacts::default() };
    if body.is_empty() {
        return facts;
    }
    if headers.get("content-type").is_some_and(|kind| kind.starts_with(b"multipart/form-data")) {
        facts.model = form_field(body, "model");
        facts.stream = form_field(body, "stream").as_deref() == Some("true");
        return facts;
    }
    if route.dialect == Dialect::OpenAiCompletions {
        facts.max_output_tokens = Some(COMPLETIONS_MAX_TOKENS);
    }
    let mut decoder = Decoder::new(headers.get("content-encoding"));
    let mut scanner = Scanner::default();
    let mut reading = Reading { dialect: route.dialect, facts: &mut facts };
    decoder.feed(body, |bytes| scanner.feed(bytes, &mut reading));
    scanner.end(&mut reading);
    if route.dialect != Dialect::Opaque {
        facts.defects.extend(decoder.defects());
        facts.defects.extend(scanner.defects());
        if facts.defects.contains(Defect::Truncated) {
            facts.defects = Defects::default();
            facts.defects.insert(Defect::RequestIncomplete);
        }
    }
    facts
}

struct Reading<'a> {
    dialect: Dialect,
    facts: &'a mut RequestFacts,
}

impl Visitor for Reading<'_> {
    fn wants_text(&mut self, path: &str) -> bool {
        match self.dialect {
            Dialect::OpenAiChat => {
                path.strip_prefix("messages.#.").is_some_and(is_chat_text) || is_tool_text(path)
            }
            Dialect::OpenAiResponses => {
                path == "input"
                    || path == "instructions"
                    || is_tool_text(path)
                    || path.strip_prefix("input.#.").is_some_and(is_item_text)
            }
            Dialect::AnthropicMessages => {
                matches!(path, "system" | "system.#.text")
                    || is_tool_text(path)
                    || path.strip_prefix("messages.#.").is_some_and(is_block_text)
            }
            Dialect::OpenAiCompletions => matches!(path, "prompt" | "prompt.#" | "suffix"),
            Dialect::OpenAiEmbeddings => matches!(path, "input" | "input.#"),
            Dialect::OpenAiTranscription | Dialect::Opaque => false,
        }
    }

    fn text(&mut self, _path: &str, piece: &str) {
        self.facts.prompt.push(piece);
    }

    fn text_end(&mut self, path: &str) {
        self.facts.prompt.end();
        if path == "messages.#.name" {
            self.facts.prompt.names += 1;
        }
    }

    fn scalar(&mut self, path: &str, value: Scalar<'_>) {
        let facts = &mut *self.facts;
        match (path, value) {
            ("model", Scalar::Text(model)) if !model.is_empty() => {
                facts.model = Some(model[..model.floor_char_boundary(limits::NAME_BYTES_MAX)].to_owned());
            }
            ("stream", Scalar::Bool(stream)) => facts.stream = stream,
            ("stream_options.include_usage", Scalar::Bool(asked)) => facts.asked_usage = asked,
            ("service_tier", Scalar::Text(tier)) => facts.service_tier = Some(tier.to_owned()),
            ("max_tokens" | "max_completion_tokens" | "max_output_tokens", value) => {
                facts.max_output_tokens = value.count().or(facts.max_output_tokens);
            }
            ("n" | "best_of", value) => {
                let choices = value.count().and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
                facts.choices = facts.choices.max(choices);
            }
            ("prompt.#" | "prompt.#.#" | "input.#" | "input.#.#", Scalar::Number(_)) => {
                facts.prompt.token_ids += 1;
            }
            (path, Scalar::Text(kind)) if path.ends_with("content.#.type") && is_media(kind) => {
                facts.prompt.media += 1;
            }
            _ => {}
        }
    }

    fn open(&mut self, path: &str) {
        match path {
            "messages.#" | "input.#" if self.dialect != Dialect::OpenAiEmbeddings => {
                self.facts.prompt.messages += 1
            }
            "tools.#" | "functions.#" => self.facts.prompt.tools += 1,
            _ => {}
        }
    }
}

/// Strings of one chat message that become tokens; its role does too.
fn is_chat_text(path: &str) -> bool {
    matches!(
        path,
        "role"
            | "name"
            | "content"
            | "content.#.text"
            | "refusal"
            | "function_call.name"
            | "function_call.arguments"
            | "tool_calls.#.function.name"
            | "tool_calls.#.function.arguments"
    )
}

/// Strings of one item of a Responses input.
fn is_item_text(path: &str) -> bool {
    matches!(path, "role" | "content" | "content.#.text" | "output" | "arguments" | "name" | "summary.#.text")
}

/// Strings of one Anthropic message, tool calls and their results included.
fn is_block_text(path: &str) -> bool {
    matches!(
        path,
        "content" | "content.#.text" | "content.#.name" | "content.#.thinking" | "content.#.content"
    ) || path.starts_with("content.#.input.")
        || path == "content.#.content.#.text"
}

/// Definitions of tools are prompt text too: names, descriptions and schemas.
fn is_tool_text(path: &str) -> bool {
    path.starts_with("tools.#.") || path.starts_with("functions.#.")
}

fn is_media(kind: &str) -> bool {
    matches!(kind, "image_url" | "input_image" | "image" | "input_audio" | "file" | "input_file" | "document")
}

/// The value of one short field of a multipart form.
fn form_field(body: &[u8], name: &str) -> Option<String> {
    let marker = format!("name=\"{name}\"");
    let at = memchr::memmem::find(body, marker.as_bytes())? + marker.len();
    let rest = &body[at..body.len().min(at + limits::JSON_SCALAR_BYTES_MAX)];
    let start = memchr::memmem::find(rest, b"\r\n\r\n")? + 4;
    let value = &rest[start..];
    let end = memchr::memchr(b'\r', value)?;
    let text = std::str::from_utf8(&value[..end]).ok()?.trim();
    (!text.is_empty() && text.len() <= limits::NAME_BYTES_MAX).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Detector;

    fn read(path: &str, body: &str) -> RequestFacts {
        let headers = Headers(&[]);
        let route = Detector::new(vec![]).detect("POST", "api.openai.com", None, path, headers).unwrap();
        read_request(&route, headers, body.as_bytes())
    }

    #[test]
    fn a_chat_request_tells_what_may_be_billed() {
        let facts = read(
            "/v1/chat/completions",
            r#"{"model":"gpt-4o","messages":[{"role":"system","content":"be brief"},{"role":"user","name":"ana","content":[
            {"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],
            "tools":[{"type":"function","function":{"name":"look","description":"looks"}}],
            "n":2,"max_completion_tokens":50,"stream":true,"stream_options":{"include_usage":true}}"#,
        );

        assert_eq!(facts.model.as_deref(), Some("gpt-4o"));
        assert_eq!((facts.stream, facts.asked_usage, facts.choices), (true, true, 2));
        assert_eq!(facts.max_output_tokens, Some(50));
        let prompt = &facts.prompt;
        assert_eq!((prompt.messages, prompt.names, prompt.tools, prompt.media), (2, 1, 1, 1));
        let texts: Vec<&str> = prompt.texts().collect();
        assert_eq!(
            texts,
            ["system", "be brief", "user", "ana", "what is this?", "function", "look", "looks"]
        );
        assert!(facts.defects.is_empty());
    }

    #[test]
    fn token_ids_are_counted_and_not_read_as_text() {
        let one = read("/v1/embeddings", r#"{"model":"m","input":[1,2,3]}"#);
        let many = read("/v1/completions", r#"{"model":"m","prompt":[[1,2],[3]],"best_of":3}"#);
        let texts = read("/v1/embeddings", r#"{"model":"m","input":["a","b"]}"#);

        assert_eq!((one.prompt.token_ids, many.prompt.token_ids, many.choices), (3, 3, 3));
        assert_eq!(many.max_output_tokens, Some(COMPLETIONS_MAX_TOKENS));
        assert_eq!((texts.prompt.texts().count(), texts.prompt.messages), (2, 0));
    }

    #[test]
    fn a_form_names_its_model() {
        let route = Detector::new(vec![])
            .detect("POST", "api.openai.com", None, "/v1/audio/transcriptions", Headers(&[]))
            .unwrap();
        let headers = [(&b"Content-Type"[..], &b"multipart/form-data; boundary=x"[..])];
        let body = b"--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--";

        assert_eq!(read_request(&route, Headers(&headers), body).model.as_deref(), Some("whisper-1"));
    }

    #[test]
    fn a_cut_off_request_is_incomplete_and_still_names_its_model() {
        let facts = read("/v1/chat/completions", r#"{"model":"gpt-4o","messages":[{"role":"us"#);

        assert_eq!(facts.model.as_deref(), Some("gpt-4o"));
        assert!(facts.defects.contains(Defect::RequestIncomplete));
    }
}
