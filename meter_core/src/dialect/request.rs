//! Reads a request's body: what was asked for and the prompt; refuses to know which dialect puts it where.

use memchr::memmem;
use serde_json::Value;

use super::piece::Piece;
use super::{Dialect, Prompt, form, name};
use crate::decode::Decoder;
use crate::detect::Route;
use crate::headers::Headers;
use crate::json_scan::{Interest, Scalar, Scanner, Take, Visitor};
use crate::usage::{Defect, Defects};

/// What stands at a path of a request, as far as counting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text the model reads; a number here is a token id.
    Text,
    /// One prompt of several, each answered on its own: text, a token id or an array of them.
    Prompt,
    /// A message; walked.
    Message,
    /// Text that stands for a message.
    LoneMessage,
    /// A participant's name; text.
    Name,
    /// A tool definition; its JSON is text.
    Tool,
    /// An object whose JSON is text; a string is text as well.
    Json,
    /// The type of a content part, which may be media: the dialect's word or a media type.
    Kind,
    /// A picture, as a link, a data URL or base64.
    Picture,
    /// How closely to look at a picture.
    Detail,
    /// Whether a source's data is plain text.
    SourceKind,
    /// Data of a source: text or base64.
    SourceData,
    /// Media, as an object or as text that nobody reads here.
    Media,
    /// The most tokens that one choice may generate.
    MaxOutput,
    /// How many choices are asked for.
    Choices,
    /// Nothing to count.
    Other,
}

/// Short strings that are read whatever the dialect.
const KEPT: [&str; 12] = [
    "model",
    "service_tier",
    "serviceTier",
    "user",
    "safety_identifier",
    "metadata.session_id",
    "tool_choice",
    "tool_choice.type",
    "previous_response_id",
    "conversation",
    "conversation.id",
    "prompt.id",
];
/// Anthropic's name of the end user.
const USER_ID: &str = "metadata.user_id";
/// The longer lifetime of a cache write, as Anthropic and Bedrock spell it.
const LONG_CACHE: &str = "1h";

/// Whether the lifetime of a cache write stands at `path`.
fn is_cache_lifetime(path: &str) -> bool {
    path.ends_with("cache_control.ttl") || path.ends_with("cachePoint.ttl")
}

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a request says or does not")]
pub struct RequestFacts {
    /// The model asked for.
    pub model: Option<String>,
    /// The reply is to be streamed.
    pub stream: bool,
    /// The most tokens that one choice may generate, if limited.
    pub max_output_tokens: Option<u64>,
    /// How many replies are generated (`n` or `best_of`, times the prompts of a completion); at least 1.
    pub choices: u32,
    /// The tier asked for.
    pub service_tier: Option<String>,
    /// The end user named in the body (`user`, `safety_identifier`, Anthropic's `metadata.user_id` without its session).
    pub user: Option<String>,
    /// The session named in the body (`metadata.session_id`, or inside `metadata.user_id`).
    pub session: Option<String>,
    /// The response is to be worked out in the background and read later.
    pub background: bool,
    /// Some of the prompt may be written to a cache that lives one hour.
    pub long_cache: bool,
    /// The provider adds what it keeps: an earlier response, a conversation, a stored prompt.
    pub continues: bool,
    /// What the model reads.
    pub prompt: Prompt,
    /// What was wrong with the body.
    pub defects: Defects,
}

impl RequestFacts {
    /// Whether the body bears out that it is for a model: JSON that gives it something to read.
    pub fn asks_a_model(&self) -> bool {
        let prompt = &self.prompt;
        let media = prompt.media > 0 || !prompt.images.is_empty();
        let read = prompt.text_bytes() > 0 || prompt.token_ids > 0 || media;
        read && self.defects.is_empty()
    }
}

/// Reads the body of a request on `route`. Any bytes are accepted; a content coding is undone.
pub fn read_request(route: &Route, headers: Headers<'_>, body: &[u8]) -> RequestFacts {
    let mut reading = Reading {
        dialect: route.dialect,
        facts: RequestFacts {
            model: route.model.clone(),
            stream: route.stream || route.dialect.streams_unasked(),
            choices: 1,
            ..RequestFacts::default()
        },
        completion_tokens: None,
        n: 1,
        prompts: 0,
        plain_source: false,
        piece: Piece::default(),
    };
    let content_type = headers.get("content-type").unwrap_or_default();
    if headers.media_type().is_some_and(|media| media.starts_with("multipart/")) {
        for (name, value) in form::fields(content_type, body) {
            reading.field(name, value);
        }
        return reading.finish();
    }
    if body.is_empty() {
        return reading.finish();
    }
    let mut decoder = Decoder::new(headers.get("content-encoding"));
    let mut scanner = Scanner::new();
    decoder.feed(body, &mut |piece| scanner.feed(piece, &mut reading));
    decoder.end();
    scanner.end(&mut reading);
    let mut facts = reading.finish();
    facts.defects.extend(decoder.defects());
    facts.defects.extend(scanner.defects());
    if !scanner.is_complete() && !scanner.is_broken() && !scanner.is_blank() {
        facts.defects.insert(Defect::RequestIncomplete);
    }
    facts
}

struct Reading {
    dialect: Dialect,
    facts: RequestFacts,
    /// The newer spelling of chat's limit, which wins.
    completion_tokens: Option<u64>,
    n: u32,
    prompts: u32,
    /// The source in progress is plain text.
    plain_source: bool,
    /// The content part in progress.
    piece: Piece,
}

/// A user's id without the session that one coding client packs into it, which would make every session a user: after
/// `_session_`, or both as members of a JSON object.
fn user_and_session(id: &str) -> (Option<String>, Option<String>) {
    if let Ok(Value::Object(members)) = serde_json::from_str(id) {
        let member = |key: &str| members.get(key).and_then(Value::as_str).and_then(name);
        let user = ["account_uuid", "user_id", "device_id"].into_iter().find_map(member);
        return (user, member("session_id"));
    }
    let (user, session) = id.split_once("_session_").unwrap_or((id, ""));
    (name(user), name(session))
}

impl Reading {
    fn begin_text(&mut self) -> Take {
        self.facts.prompt.end();
        Take::Text
    }

    /// Takes a number of choices; the largest one counts.
    fn choose(&mut self, value: Scalar<'_>) {
        let count = value.count().and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        self.n = self.n.max(count);
    }

    /// A field of a form, which says everything as text.
    fn field(&mut self, name: &str, value: &str) {
        if self.string(name) == Take::Text {
            self.text(name, value);
            return self.text_end(name);
        }
        let scalar = match value {
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Scalar::Number(digits),
            text => Scalar::String(text),
        };
        self.value(name, scalar);
    }

    fn finish(mut self) -> RequestFacts {
        self.piece.finish(&mut self.facts.prompt);
        let Self { mut facts, completion_tokens, n, prompts, .. } = self;
        facts.prompt.end();
        facts.max_output_tokens = completion_tokens.or(facts.max_output_tokens);
        facts.choices = n.saturating_mul(prompts.max(1));
        // Tool definitions are kept as text: one that says so somewhere is taken at its word.
        let says_so = |text: &str| memmem::find(text.as_bytes(), b"\"1h\"").is_some();
        facts.long_cache |= facts.prompt.tool_texts().any(says_so);
        facts
    }
}

impl Visitor for Reading {
    fn enter(&mut self, path: &str) -> Interest {
        match self.dialect.request_part(path) {
            Part::Message => self.facts.prompt.messages += 1,
            Part::Prompt => self.prompts += 1,
            Part::Media => self.facts.prompt.media += 1,
            Part::Tool => {
                self.begin_text();
                self.facts.prompt.begin_tool();
                return Interest::Raw;
            }
            Part::Json => {
                self.begin_text();
                return Interest::Raw;
            }
            _ if path.ends_with(".source") => self.plain_source = false,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if path.ends_with(".#") {
            self.piece.finish(&mut self.facts.prompt);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        let user = path == USER_ID && self.dialect.is_messages();
        if user || KEPT.contains(&path) || is_cache_lifetime(path) {
            return Take::Value;
        }
        match self.dialect.request_part(path) {
            Part::Text | Part::Json => self.begin_text(),
            Part::Prompt => {
                self.prompts += 1;
                self.begin_text()
            }
            Part::LoneMessage => {
                self.facts.prompt.messages += 1;
                self.begin_text()
            }
            Part::Name => {
                self.facts.prompt.names += 1;
                self.begin_text()
            }
            Part::Media => {
                self.facts.prompt.media += 1;
                Take::Skip
            }
            Part::SourceData if self.plain_source => self.begin_text(),
            Part::SourceData | Part::Picture => {
                self.piece.begin();
                Take::Text
            }
            Part::Kind | Part::SourceKind | Part::Detail => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let text = value.text();
        let facts = &mut self.facts;
        match path {
            // Google's bodies repeat it with a prefix (`models/`).
            "model" if facts.model.is_some() && self.dialect.names_model_in_path() => {}
            "model" => facts.model = text.and_then(name).or(facts.model.take()),
            "service_tier" | "serviceTier" => facts.service_tier = text.and_then(name),
            "user" => facts.user = text.and_then(name).or(facts.user.take()),
            "safety_identifier" => facts.user = facts.user.take().or_else(|| text.and_then(name)),
            USER_ID => {
                let (user, session) = text.map(user_and_session).unwrap_or_default();
                facts.user = user;
                facts.session = session.or(facts.session.take());
            }
            "metadata.session_id" => facts.session = text.and_then(name).or(facts.session.take()),
            "tool_choice" => facts.prompt.tool_forced |= text == Some("required"),
            "tool_choice.type" => {
                facts.prompt.tool_forced |=
                    text.is_some_and(|kind| matches!(kind, "any" | "tool" | "function"));
            }
            "previous_response_id" | "conversation" | "conversation.id" | "prompt.id" => {
                facts.continues |= text.is_some();
            }
            "stream" => facts.stream = value == Scalar::Bool(true),
            "background" => facts.background = value == Scalar::Bool(true),
            "max_completion_tokens" => self.completion_tokens = value.count(),
            "max_tokens" | "max_output_tokens" => facts.max_output_tokens = value.count(),
            "n" | "best_of" => self.choose(value),
            _ if is_cache_lifetime(path) => facts.long_cache |= text == Some(LONG_CACHE),
            _ => match self.dialect.request_part(path) {
                Part::Kind => self.piece.is(text),
                Part::Detail => self.piece.looked_at(text),
                Part::SourceKind => self.plain_source = text == Some("text"),
                Part::MaxOutput => facts.max_output_tokens = value.count(),
                Part::Choices => self.choose(value),
                Part::Text | Part::Prompt if matches!(value, Scalar::Number(_)) => {
                    facts.prompt.token_ids += 1;
                }
                _ => {}
            },
        }
    }

    fn text(&mut self, _: &str, piece: &str) {
        if self.piece.is_reading() {
            self.piece.push(piece);
        } else if !self.facts.prompt.push(piece) {
            self.facts.defects.insert(Defect::RequestIncomplete);
        }
    }

    fn text_end(&mut self, _: &str) {
        if self.piece.is_reading() {
            return self.piece.end();
        }
        self.facts.prompt.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::prompt::{Image, ImageSize};
    use crate::dialect::sample::route;
    use crate::prompt_rules::Detail;

    fn read(dialect: Dialect, body: &str) -> RequestFacts {
        read_request(&route(dialect), Headers(&[]), body.as_bytes())
    }

    fn texts(facts: &RequestFacts) -> Vec<&str> {
        facts.prompt.texts().collect()
    }

    #[test]
    fn a_cache_write_of_one_hour_is_seen_wherever_it_is_asked_for() {
        let long = r#"{"type":"ephemeral","ttl":"1h"}"#;
        for (body, expected) in [
            (format!(r#"{{"system":[{{"type":"text","text":"a","cache_control":{long}}}]}}"#), true),
            (
                format!(
                    r#"{{"messages":[{{"content":[{{"type":"text","text":"a","cache_control":{long}}}]}}]}}"#
                ),
                true,
            ),
            (format!(r#"{{"tools":[{{"name":"t","cache_control":{long}}}]}}"#), true),
            (r#"{"system":[{"text":"\"1h\"","cache_control":{"ttl":"5m"}}]}"#.to_owned(), false),
            (r#"{"system":[{"text":"\"1h\""}],"tools":[{"name":"t"}]}"#.to_owned(), false),
        ] {
            assert_eq!(read(Dialect::AnthropicMessages, &body).long_cache, expected, "{body}");
        }
    }

    #[test]
    fn a_chat_request_is_read() {
        let facts = read(
            Dialect::OpenAiChat,
            r#"{"model":"m","stream":true,"n":3,"max_tokens":9,
            "max_completion_tokens":7,"user":"u","safety_identifier":"s","service_tier":"flex","messages":[
            {"role":"system","content":"be \u00e9"},{"role":"user","name":"ann","content":[{"type":"text","text":"look"},
            {"type":"image_url","image_url":{"url":"data:image/gif;base64,R0lGODlhQAHIAA","detail":"low"}},
            {"type":"input_audio","input_audio":{"data":"BBBB"}},{"type":"file","file":{"file_data":"CCCC"}}]},
            {"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}],
            "tools":[{"type":"function","function":{"name":"f"}}]}"#,
        );

        assert_eq!(
            texts(&facts),
            ["be \u{e9}", "ann", "look", "f", r#"{"a":1}"#, r#"{"type":"function","function":{"name":"f"}}"#]
        );
        assert_eq!(
            (facts.prompt.messages, facts.prompt.names, facts.prompt.tools, facts.prompt.media),
            (3, 1, 1, 2)
        );
        let seen = Image { size: Some(ImageSize { wide: 320, high: 200 }), detail: Detail::Low };
        assert_eq!(facts.prompt.images, [seen]);
        assert_eq!((facts.stream, facts.choices, facts.long_cache), (true, 3, false));
        assert_eq!(facts.max_output_tokens, Some(7));
        assert_eq!((facts.model.as_deref(), facts.user.as_deref()), (Some("m"), Some("u")));
        assert_eq!(facts.service_tier.as_deref(), Some("flex"));
        assert!(facts.defects.is_empty());
    }

    #[test]
    fn an_anthropic_request_counts_text_but_not_base64() {
        let facts = read(
            Dialect::AnthropicMessages,
            r#"{"model":"m","max_tokens":5,"metadata":{"user_id":"user_1_session_2"},"system":[{"type":"text","text":"sys"}],
            "messages":[{"role":"user","content":[
            {"type":"image","source":{"type":"base64","data":"AAAA"}},
            {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"}},
            {"type":"document","source":{"data":"BBBB","type":"base64"}},
            {"type":"tool_result","content":[{"type":"text","text":"found"},{"type":"image","source":{"data":"CC"}}]}]},
            {"role":"assistant","content":[{"type":"tool_use","name":"f","input":{"a":[1]}}]}]}"#,
        );

        assert_eq!(texts(&facts), ["sys", "plain", "found", "f", r#"{"a":[1]}"#]);
        assert_eq!((facts.prompt.messages, facts.prompt.images.len(), facts.prompt.media), (2, 2, 2));
        assert_eq!((facts.user.as_deref(), facts.session.as_deref()), (Some("user_1"), Some("2")));
        assert_eq!(facts.max_output_tokens, Some(5));
    }

    #[test]
    fn a_session_is_told_from_its_user_in_every_form() {
        let said = |metadata: &str| {
            let facts = read(Dialect::AnthropicMessages, &format!(r#"{{"metadata":{metadata}}}"#));
            (facts.user, facts.session)
        };
        let text = |name: &str| Some(name.to_owned());

        assert_eq!(said(r#"{"user_id":"ana"}"#), (text("ana"), None));
        assert_eq!(said(r#"{"user_id":"ana_session_7"}"#), (text("ana"), text("7")));
        assert_eq!(
            said(r#"{"user_id":"{\"account_uuid\":\"\",\"device_id\":\"d\",\"session_id\":\"s\"}"}"#),
            (text("d"), text("s"))
        );
        assert_eq!(said(r#"{"session_id":"s","user_id":"ana"}"#), (text("ana"), text("s")));
        assert_eq!(said(r#"{"user_id":""}"#), (None, None));
    }

    #[test]
    fn a_picture_is_measured_whatever_the_order_of_its_members() {
        let gif = "R0lGODlhQAHIAA";
        let size = Some(ImageSize { wide: 320, high: 200 });
        let chat =
            |part: String| read(Dialect::OpenAiChat, &format!(r#"{{"messages":[{{"content":[{part}]}}]}}"#));
        let cases = [
            (
                chat(format!(
                    r#"{{"image_url":{{"url":"data:image/gif;base64,{gif}"}},"type":"image_url"}}"#
                )),
                size,
            ),
            (
                chat(r#"{"type":"image_url","image_url":{"url":"https://example.org/a.gif"}}"#.to_owned()),
                None,
            ),
            (
                read(
                    Dialect::OpenAiResponses,
                    &format!(
                        r#"{{"input":[{{"content":[{{"image_url":"data:image/gif;base64,{gif}","type":"input_image"}}]}}]}}"#
                    ),
                ),
                size,
            ),
            (
                read(
                    Dialect::AnthropicMessages,
                    &format!(
                        r#"{{"messages":[{{"content":[{{"type":"tool_result","content":[
                        {{"source":{{"data":"{gif}","type":"base64"}},"type":"image"}}]}}]}}]}}"#
                    ),
                ),
                size,
            ),
        ];
        for (facts, expected) in cases {
            let found: Vec<_> = facts.prompt.images.iter().map(|image| image.size).collect();
            assert_eq!((found, facts.prompt.media), (vec![expected], 0));
        }
    }

    #[test]
    fn what_the_provider_adds_itself_and_a_forced_tool_are_seen() {
        let chat = |rest: &str| read(Dialect::OpenAiResponses, &format!(r#"{{"input":"a"{rest}}}"#));
        for (rest, continues, forced) in [
            ("", false, false),
            (r#","previous_response_id":null,"tool_choice":"auto""#, false, false),
            (r#","previous_response_id":"r","tool_choice":"required""#, true, true),
            (r#","conversation":{"id":"c"},"tool_choice":{"type":"any"}"#, true, true),
        ] {
            let facts = chat(rest);
            assert_eq!((facts.continues, facts.prompt.tool_forced), (continues, forced), "{rest}");
        }
    }

    #[test]
    fn a_responses_request_is_text_or_items() {
        let text =
            read(Dialect::OpenAiResponses, r#"{"instructions":"i","input":"hello","background":true}"#);
        let items = read(
            Dialect::OpenAiResponses,
            r#"{"max_output_tokens":4,"input":[{"role":"user","content":[{"type":"input_text","text":"a"},
            {"type":"input_image","image_url":"data:image/png;base64,AA"}]},
            {"type":"function_call_output","output":"b"}]}"#,
        );

        assert_eq!((texts(&text), text.prompt.messages, text.background), (vec!["i", "hello"], 1, true));
        assert_eq!((texts(&items), items.prompt.messages, items.prompt.images.len()), (vec!["a", "b"], 2, 1));
        assert_eq!(items.max_output_tokens, Some(4));
    }

    #[test]
    fn prompts_of_a_completion_multiply_its_choices() {
        let cases = [
            (r#"{"prompt":"a","n":2}"#, 2, 0, 1),
            (r#"{"prompt":["a","b"],"n":2,"best_of":3}"#, 6, 0, 2),
            (r#"{"prompt":[1,2,3]}"#, 1, 3, 0),
            (r#"{"prompt":[[1,2],[3]]}"#, 2, 3, 0),
            ("{}", 1, 0, 0),
        ];
        for (body, choices, ids, count) in cases {
            let facts = read(Dialect::OpenAiCompletions, body);
            assert_eq!(
                (facts.choices, facts.prompt.token_ids, texts(&facts).len()),
                (choices, ids, count),
                "{body}"
            );
        }
    }

    #[test]
    fn embeddings_take_text_and_token_ids() {
        let texts_in = read(Dialect::OpenAiEmbeddings, r#"{"input":["a","b"]}"#);
        let ids_in = read(Dialect::OpenAiEmbeddings, r#"{"input":[[1,2],[3]]}"#);

        assert_eq!((texts(&texts_in), texts_in.choices), (vec!["a", "b"], 1));
        assert_eq!(ids_in.prompt.token_ids, 3);
    }

    #[test]
    fn a_form_is_read_like_json() {
        let pairs: [(&[u8], &[u8]); 1] = [(b"content-type", b"multipart/form-data; boundary=b")];
        let part = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n")
        };
        let body = [part("model", "m"), part("stream", "true"), part("n", "2"), part("prompt", "p")].concat()
            + "--b--";
        let facts = read_request(&route(Dialect::OpenAiMedia), Headers(&pairs), body.as_bytes());

        assert_eq!((facts.model.as_deref(), facts.stream, facts.choices), (Some("m"), true, 2));
        assert_eq!(texts(&facts), ["p"]);
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named() {
        let cases = [
            ("", None),
            ("{}", None),
            (r#"{"model":"m""#, Some(Defect::RequestIncomplete)),
            ("model=m", Some(Defect::Malformed)),
        ];
        for (body, defect) in cases {
            let facts = read(Dialect::OpenAiChat, body);
            assert_eq!(facts.defects.iter().next(), defect, "{body}");
        }
        let pairs: [(&[u8], &[u8]); 1] = [(b"content-encoding", b"gzip")];
        let facts = read_request(&route(Dialect::OpenAiChat), Headers(&pairs), b"{}");
        assert!(facts.defects.contains(Defect::Undecodable));
    }

    #[test]
    fn an_encoded_body_is_decoded_and_long_names_are_cut() {
        let body = format!(r#"{{"model":"{}"}}"#, "\u{e9}".repeat(200));
        let encoded = zstd::stream::encode_all(body.as_bytes(), 1).unwrap();
        let pairs: [(&[u8], &[u8]); 1] = [(b"Content-Encoding", b"zstd")];
        let facts = read_request(&route(Dialect::OpenAiChat), Headers(&pairs), &encoded);

        assert_eq!(facts.model, Some("\u{e9}".repeat(64)));
    }

    #[test]
    fn a_prompt_is_never_printed() {
        let facts = read(Dialect::OpenAiChat, r#"{"messages":[{"content":"secret"}]}"#);

        assert!(!format!("{facts:?}").contains("secret"));
    }
}
