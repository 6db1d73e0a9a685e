//! Says which provider a request goes to and what it asks for, from its host, method and path alone.
//!
//! It owns the host rules and the shapes of the paths. It refuses to know bodies: what is inside is a dialect's business.
//! A provider is added by one line in `built_in` and, if its paths differ, one arm in `known_shape`.

use std::sync::Arc;

use crate::dialect::Dialect;
use crate::headers::Headers;

/// What was asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Chat completions.
    Chat,
    /// Legacy text completions.
    Completions,
    /// Embedding vectors.
    Embeddings,
    /// The Responses API.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Counting tokens without generating; free.
    CountTokens,
    /// Content moderation; free.
    Moderations,
    /// Uploaded files; priced by storage, not by exchange.
    Files,
    /// Image generation, edits and variations.
    Images,
    /// Text to speech.
    Speech,
    /// Speech to text, translated or not.
    Transcription,
    /// Creating and reading batches.
    Batches,
    /// A bidirectional session over a `WebSocket`.
    Realtime,
    /// Listing, reading and deleting things (models, stored responses, vector stores); free.
    Admin,
    /// A path that we do not know on a host that we meter.
    Unknown,
}

impl Operation {
    /// The word used in the ledger, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Moderations => "moderations",
            Self::Files => "files",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
            Self::Batches => "batches",
            Self::Realtime => "realtime",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
        }
    }
}

/// Whose paths and shapes a host speaks by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The shapes of the `OpenAI` API.
    OpenAi,
    /// The shapes of the Anthropic API.
    Anthropic,
}

/// A host that we meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// Exact host name in lower case, or a suffix with a leading dot.
    pub host: String,
    /// Only this port, or any.
    pub port: Option<u16>,
    /// The provider's name in ledger and metrics.
    pub provider: String,
    /// What its unknown paths are taken for.
    pub family: Family,
}

impl HostRule {
    fn matches(&self, host: &str, port: Option<u16>) -> bool {
        let named = match self.host.strip_prefix('.') {
            Some(_) => host.len() > self.host.len() && host.ends_with(&self.host),
            None => host == self.host,
        };
        named && (self.port.is_none() || self.port == port)
    }
}

/// Where one request goes and how its bodies are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The provider's name.
    pub provider: Arc<str>,
    /// What was asked.
    pub operation: Operation,
    /// The wire format of both bodies.
    pub dialect: Dialect,
    /// Whether a successful answer can cost money.
    pub billable: bool,
    /// A read of a response created earlier: the same usage may have been booked before, under the response's id.
    pub poll: bool,
}

/// The hosts that we meter: the configured ones first, then the built-in ones.
#[derive(Clone, Debug)]
pub struct Detector {
    rules: Vec<(HostRule, Arc<str>)>,
}

impl Detector {
    /// A detector that knows `extra` besides the built-in hosts; an extra rule wins over a built-in one.
    pub fn new(extra: Vec<HostRule>) -> Self {
        let normal = extra.into_iter().map(|mut rule| {
            let (name, port) = split_port(&rule.host);
            rule.port = rule.port.or(port);
            rule.host = name.trim_end_matches('.').to_ascii_lowercase();
            rule
        });
        let named = normal.chain(built_in()).map(|rule| {
            let provider = Arc::from(rule.provider.as_str());
            (rule, provider)
        });
        Self { rules: named.collect() }
    }

    /// Whether traffic to `host` is metered. `host` may carry a port, upper case and a trailing dot.
    pub fn knows_host(&self, host: &str, port: Option<u16>) -> bool {
        self.rule(host, port).is_some()
    }

    /// All rules, in the order they are tried.
    pub fn hosts(&self) -> impl Iterator<Item = &HostRule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// The route of one request; `None` if the host is not metered. `path` may carry a query or be an absolute URL.
    pub fn detect(
        &self,
        method: &str,
        host: &str,
        port: Option<u16>,
        path: &str,
        headers: Headers<'_>,
    ) -> Option<Route> {
        let (rule, provider) = self.rule(host, port)?;
        let shape = if upgrades(method, headers) { REALTIME } else { shape_of(method, path, rule.family) };
        Some(Route {
            provider: Arc::clone(provider),
            operation: shape.operation,
            dialect: shape.dialect,
            billable: shape.billable,
            poll: shape.poll,
        })
    }

    fn rule(&self, host: &str, port: Option<u16>) -> Option<&(HostRule, Arc<str>)> {
        let (name, stated) = split_port(host);
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let port = port.or(stated);
        self.rules.iter().find(|(rule, _)| rule.matches(&name, port))
    }
}

fn built_in() -> impl Iterator<Item = HostRule> {
    [
        ("api.openai.com", "openai", Family::OpenAi),
        (".api.openai.com", "openai", Family::OpenAi),
        ("api.anthropic.com", "anthropic", Family::Anthropic),
    ]
    .into_iter()
    .map(|(host, provider, family)| HostRule {
        host: host.to_owned(),
        port: None,
        provider: provider.to_owned(),
        family,
    })
}

/// Splits `host:port` and `[v6]:port`; a bare IPv6 address has no port.
fn split_port(host: &str) -> (&str, Option<u16>) {
    if let Some(rest) = host.strip_prefix('[') {
        let (name, tail) = rest.split_once(']').unwrap_or((rest, ""));
        return (name, tail.strip_prefix(':').and_then(|digits| digits.parse().ok()));
    }
    match host.split_once(':') {
        Some((name, digits)) if !digits.contains(':') => (name, digits.parse().ok()),
        _ => (host, None),
    }
}

/// Whether the request opens a `WebSocket`. Only a GET can: on any other the field is ignored by everybody.
fn upgrades(method: &str, headers: Headers<'_>) -> bool {
    method.eq_ignore_ascii_case("GET")
        && headers.get("upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
}

/// What a method and path alone say.
#[derive(Clone, Copy)]
struct Shape {
    operation: Operation,
    dialect: Dialect,
    billable: bool,
    poll: bool,
}

const REALTIME: Shape = paid(Operation::Realtime, Dialect::Opaque);

const fn paid(operation: Operation, dialect: Dialect) -> Shape {
    Shape { operation, dialect, billable: true, poll: false }
}

const fn free(operation: Operation) -> Shape {
    Shape { operation, dialect: Dialect::Opaque, billable: false, poll: false }
}

/// Path segments that start a known shape. What stands before (`v1`, `openai/v1`, a gateway's prefix) does not matter.
const ROOTS: [&str; 22] = [
    "assistants",
    "audio",
    "batches",
    "chat",
    "complete",
    "completions",
    "containers",
    "conversations",
    "embeddings",
    "evals",
    "files",
    "fine_tuning",
    "images",
    "messages",
    "models",
    "moderations",
    "organization",
    "organizations",
    "realtime",
    "responses",
    "threads",
    "vector_stores",
];
/// Segments looked at; longer paths are nobody's API.
const SEGMENTS_MAX: usize = 12;

fn shape_of(method: &str, path: &str, family: Family) -> Shape {
    let path =
        path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, rest)| rest));
    let bare = path.split(['?', '#']).next().unwrap_or(path);
    let mut segments = [""; SEGMENTS_MAX];
    let mut count = 0;
    let from_root =
        bare.split('/').filter(|segment| !segment.is_empty()).skip_while(|segment| !ROOTS.contains(segment));
    for (slot, segment) in segments.iter_mut().zip(from_root) {
        *slot = segment;
        count += 1;
    }
    let post = method.eq_ignore_ascii_case("POST");
    let shape = known_shape(method, segments.get(..count).unwrap_or_default(), family);
    if shape.billable && !post && !shape.poll && shape.operation != Operation::Realtime {
        return free(Operation::Admin);
    }
    shape
}

fn known_shape(method: &str, segments: &[&str], family: Family) -> Shape {
    let get = method.eq_ignore_ascii_case("GET");
    match segments {
        ["chat", "completions"] => paid(Operation::Chat, Dialect::OpenAiChat),
        ["completions"] => paid(Operation::Completions, Dialect::OpenAiCompletions),
        ["complete"] if family == Family::Anthropic => paid(Operation::Completions, Dialect::Opaque),
        ["embeddings"] => paid(Operation::Embeddings, Dialect::OpenAiEmbeddings),
        ["responses" | "messages", "input_tokens" | "count_tokens"] => free(Operation::CountTokens),
        ["responses"] | ["responses", "compact"] => paid(Operation::Responses, Dialect::OpenAiResponses),
        ["responses", _id] if get => {
            Shape { poll: true, ..paid(Operation::Responses, Dialect::OpenAiResponses) }
        }
        ["messages"] => paid(Operation::Messages, Dialect::AnthropicMessages),
        ["messages", "batches", ..] | ["batches", ..] => free(Operation::Batches),
        ["images", "generations" | "edits" | "variations"] => paid(Operation::Images, Dialect::OpenAiMedia),
        ["audio", "speech"] => paid(Operation::Speech, Dialect::OpenAiMedia),
        ["audio", "transcriptions" | "translations"] => paid(Operation::Transcription, Dialect::OpenAiMedia),
        ["realtime"] => REALTIME,
        ["moderations"] => free(Operation::Moderations),
        ["files", ..] => free(Operation::Files),
        // Assistant runs cost money that only their polls show.
        ["threads", .., "runs" | "submit_tool_outputs"] => free(Operation::Unknown),
        [
            "chat" | "completions" | "responses" | "realtime" | "models" | "threads" | "assistants"
            | "vector_stores" | "conversations" | "containers" | "evals" | "fine_tuning" | "organization"
            | "organizations",
            ..,
        ] => free(Operation::Admin),
        _ => free(Operation::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(method: &str, host: &str, path: &str) -> Option<Route> {
        let rule = |host: &str, port, provider: &str, family| HostRule {
            host: host.to_owned(),
            port,
            provider: provider.to_owned(),
            family,
        };
        let extra = vec![
            rule("LLM.internal", Some(8000), "vllm", Family::OpenAi),
            rule(".gateway.example", None, "gateway", Family::OpenAi),
            rule("::1", Some(11434), "local", Family::OpenAi),
        ];
        Detector::new(extra).detect(method, host, None, path, Headers(&[]))
    }

    #[test]
    fn only_a_get_can_open_a_session() {
        let detector = Detector::new(Vec::new());
        let fields: [(&[u8], &[u8]); 1] = [(b"upgrade", b"websocket")];
        let operation = |method| {
            let route =
                detector.detect(method, "api.openai.com", None, "/v1/chat/completions", Headers(&fields));
            route.unwrap().operation
        };

        assert_eq!((operation("GET"), operation("POST")), (Operation::Realtime, Operation::Chat));
    }

    #[test]
    fn hosts_match_by_name_port_and_suffix() {
        let known = [
            ("api.openai.com", "openai"),
            ("API.OpenAI.com.", "openai"),
            ("api.openai.com:443", "openai"),
            ("eu.api.openai.com", "openai"),
            ("api.anthropic.com", "anthropic"),
            ("llm.internal:8000", "vllm"),
            ("a.gateway.example", "gateway"),
            ("[::1]:11434", "local"),
        ];
        for (host, provider) in known {
            let route = detect("POST", host, "/v1/chat/completions").unwrap();
            assert_eq!((&*route.provider, route.operation), (provider, Operation::Chat), "{host}");
        }
        for host in [
            "openai.com",
            "xapi.openai.com.evil",
            "evilapi.openai.com",
            "llm.internal",
            "gateway.example",
            "",
        ] {
            assert!(detect("POST", host, "/v1/chat/completions").is_none(), "{host}");
        }
    }

    #[test]
    fn paths_say_the_operation_whatever_their_prefix() {
        use Operation as Op;
        let cases = [
            ("POST", "/v1/chat/completions", Op::Chat, true),
            ("POST", "/chat/completions/", Op::Chat, true),
            ("POST", "/openai/v1/chat/completions?api-version=1", Op::Chat, true),
            ("POST", "http://llm.internal:8000/v1//responses", Op::Responses, true),
            ("post", "/v1/responses/compact", Op::Responses, true),
            ("POST", "/v1/responses/input_tokens", Op::CountTokens, false),
            ("GET", "/v1/responses/resp_1", Op::Responses, true),
            ("DELETE", "/v1/responses/resp_1", Op::Admin, false),
            ("GET", "/v1/responses/resp_1/input_items", Op::Admin, false),
            ("GET", "/v1/chat/completions", Op::Admin, false),
            ("GET", "/v1/chat/completions/chat_1", Op::Admin, false),
            ("POST", "/v1/messages", Op::Messages, true),
            ("POST", "/v1/messages/count_tokens?beta=true", Op::CountTokens, false),
            ("POST", "/v1/messages/batches", Op::Batches, false),
            ("POST", "/v1/embeddings", Op::Embeddings, true),
            ("POST", "/v1/completions", Op::Completions, true),
            ("POST", "/v1/images/generations", Op::Images, true),
            ("POST", "/v1/audio/speech", Op::Speech, true),
            ("POST", "/v1/audio/translations", Op::Transcription, true),
            ("GET", "/v1/realtime?model=x", Op::Realtime, true),
            ("POST", "/v1/realtime/client_secrets", Op::Admin, false),
            ("GET", "/v1/models", Op::Admin, false),
            ("POST", "/v1/moderations", Op::Moderations, false),
            ("POST", "/v1/files", Op::Files, false),
            ("POST", "/v1/threads/t/runs", Op::Unknown, false),
            ("POST", "/v1/threads/t/messages", Op::Admin, false),
            ("GET", "/", Op::Unknown, false),
            ("POST", "/v1/brand/new", Op::Unknown, false),
            ("GET", "/v1/messages", Op::Admin, false),
        ];
        for (method, path, operation, billable) in cases {
            let route = detect(method, "api.openai.com", path).unwrap();
            assert_eq!((route.operation, route.billable), (operation, billable), "{method} {path}");
            assert_eq!(route.poll, path == "/v1/responses/resp_1" && method == "GET", "{method} {path}");
        }
    }

    #[test]
    fn a_configured_host_speaks_both_families() {
        let anthropic = detect("POST", "llm.internal:8000", "/v1/messages").unwrap();
        let openai = detect("POST", "api.anthropic.com", "/v1/chat/completions").unwrap();

        assert_eq!(anthropic.dialect, Dialect::AnthropicMessages);
        assert_eq!(openai.dialect, Dialect::OpenAiChat);
    }

    #[test]
    fn a_websocket_is_a_realtime_session() {
        let pairs: [(&[u8], &[u8]); 1] = [(b"Upgrade", b"WebSocket")];
        let route = Detector::new(Vec::new())
            .detect("GET", "api.openai.com", Some(443), "/v1/responses", Headers(&pairs))
            .unwrap();

        assert_eq!((route.operation, route.billable), (Operation::Realtime, true));
    }
}
