//! Which requests are model calls: by host, path and method. It refuses to look at bodies.

use std::sync::Arc;

use crate::dialect::Dialect;

pub use crate::headers::Headers;

/// What was asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Chat completions.
    Chat,
    /// Legacy text completions.
    Completions,
    /// Embeddings.
    Embeddings,
    /// The Responses API.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Counting tokens without generating.
    CountTokens,
    /// Speech to text.
    Transcription,
    /// Text to speech.
    Speech,
    /// Image generation and editing.
    Images,
    /// Moderations.
    Moderations,
    /// Batch jobs.
    Batches,
    /// Realtime sessions.
    Realtime,
    /// Lists, files and other calls that generate nothing.
    Admin,
    /// A path that is not known.
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
            Self::Transcription => "transcription",
            Self::Speech => "speech",
            Self::Images => "images",
            Self::Moderations => "moderations",
            Self::Batches => "batches",
            Self::Realtime => "realtime",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
        }
    }
}

/// Whose API a host speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// OpenAI's, and every compatible server's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

/// A host whose traffic is metered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// Exact name in lower case or, with a leading dot, a suffix.
    pub host: String,
    /// Only this port; any when None.
    pub port: Option<u16>,
    /// Provider name.
    pub provider: String,
    /// Whose API it speaks where the path does not tell.
    pub family: Family,
}

impl HostRule {
    fn built_in(host: &str, provider: &str, family: Family) -> Self {
        Self { host: host.to_owned(), port: None, provider: provider.to_owned(), family }
    }

    fn matches(&self, host: &str, port: Option<u16>) -> bool {
        let named = match self.host.strip_prefix('.') {
            Some(_) => host.len() > self.host.len() && host.ends_with(&self.host),
            None => host == self.host,
        };
        named && (self.port.is_none() || port.is_none() || self.port == port)
    }
}

/// What kind of call a request is, and how to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Who serves.
    pub provider: Arc<str>,
    /// What was asked.
    pub operation: Operation,
    /// How bodies are written.
    pub dialect: Dialect,
    /// Whether a success costs money.
    pub billable: bool,
    /// Whether it reads a response that was created earlier.
    pub poll: bool,
}

/// Knows the metered hosts and the paths of their APIs.
pub struct Detector {
    rules: Vec<(HostRule, Arc<str>)>,
}

impl Detector {
    /// Knows the built-in hosts and `extra` ones, which come first.
    pub fn new(extra: Vec<HostRule>) -> Self {
        let built_in = [
            HostRule::built_in("api.openai.com", "openai", Family::OpenAi),
            HostRule::built_in(".api.openai.com", "openai", Family::OpenAi),
            HostRule::built_in("api.anthropic.com", "anthropic", Family::Anthropic),
        ];
        let rules = extra.into_iter().chain(built_in);
        Self {
            rules: rules
                .map(|mut rule| {
                    rule.host = canonical(&rule.host).to_ascii_lowercase();
                    let provider = Arc::from(rule.provider.as_str());
                    (rule, provider)
                })
                .collect(),
        }
    }

    /// The metered hosts.
    pub fn hosts(&self) -> impl Iterator<Item = &HostRule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// Whether traffic to this host is metered; `host` may carry a port or a trailing dot, in any case.
    pub fn knows_host(&self, host: &str, port: Option<u16>) -> bool {
        self.rule(host, port).is_some()
    }

    /// What kind of call this is; None when the host is not metered.
    pub fn detect(
        &self,
        method: &str,
        host: &str,
        port: Option<u16>,
        path: &str,
        headers: Headers<'_>,
    ) -> Option<Route> {
        let (rule, provider) = self.rule(host, port)?;
        let family = if headers.get("anthropic-version").is_some() { Family::Anthropic } else { rule.family };
        let (operation, dialect, cost) = operation(method, path, family);
        Some(Route {
            provider: Arc::clone(provider),
            operation,
            dialect,
            billable: cost != Cost::Free,
            poll: cost == Cost::Poll,
        })
    }

    fn rule(&self, host: &str, port: Option<u16>) -> Option<&(HostRule, Arc<str>)> {
        let stated = host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
        let port = stated.and_then(|(_, port)| port.parse().ok()).or(port);
        let host = canonical(host).to_ascii_lowercase();
        self.rules.iter().find(|(rule, _)| rule.matches(&host, port))
    }
}

/// The host without port, brackets and trailing dot.
fn canonical(host: &str) -> &str {
    let bare = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or(bracketed),
        // More than one colon and no brackets: an IPv6 address without a port.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or(host),
        None => host,
    };
    bare.strip_suffix('.').unwrap_or(bare)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cost {
    /// Costs nothing.
    Free,
    /// Costs what its usage says.
    Billed,
    /// Costs what its usage says, once for all reads.
    Poll,
}

/// Classifies by the path's end, so that any prefix (`/v1`, a gateway's, none) will do.
fn operation(method: &str, path: &str, family: Family) -> (Operation, Dialect, Cost) {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let post = method.eq_ignore_ascii_case("POST");
    let reads = method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD");
    let last =
        |count: usize| segments.len().checked_sub(count).and_then(|from| segments.get(from..)).unwrap_or(&[]);
    match (last(1), last(2), last(3)) {
        (_, ["chat", "completions"], _) if post => (Operation::Chat, Dialect::OpenAiChat, Cost::Billed),
        (["completions"], ..) if post => (Operation::Completions, Dialect::OpenAiCompletions, Cost::Billed),
        (["embeddings"], ..) if post => (Operation::Embeddings, Dialect::OpenAiEmbeddings, Cost::Billed),
        (["responses"], ..) | (_, ["responses", "compact"], _) if post => {
            (Operation::Responses, Dialect::OpenAiResponses, Cost::Billed)
        }
        (_, ["responses", "input_tokens"], _) | (_, ["messages", "count_tokens"], _) if post => {
            (Operation::CountTokens, Dialect::Opaque, Cost::Free)
        }
        (_, ["responses", _], _) if reads => (Operation::Responses, Dialect::OpenAiResponses, Cost::Poll),
        (_, ["responses", _], _) | (_, _, ["responses", _, _]) => free(Operation::Admin),
        (["messages"], ..)
            if post && family == Family::Anthropic || is_versioned_messages(&segments) && post =>
        {
            (Operation::Messages, Dialect::AnthropicMessages, Cost::Billed)
        }
        (_, ["audio", "transcriptions" | "translations"], _) if post => {
            (Operation::Transcription, Dialect::OpenAiTranscription, Cost::Billed)
        }
        (_, ["audio", "speech"], _) if post => (Operation::Speech, Dialect::Opaque, Cost::Billed),
        (_, ["images", "generations" | "edits" | "variations"], _) if post => {
            (Operation::Images, Dialect::Opaque, Cost::Billed)
        }
        (["moderations"], ..) => free(Operation::Moderations),
        (["batches"], ..) | (_, ["batches", _], _) | (_, _, ["batches", _, _]) => free(Operation::Batches),
        (["realtime"], ..) | (_, ["realtime", _], _) => (Operation::Realtime, Dialect::Opaque, Cost::Billed),
        _ if segments.iter().any(|segment| ADMIN_PATHS.contains(segment)) => free(Operation::Admin),
        _ if reads && segments.len() <= 1 => free(Operation::Admin),
        _ => (Operation::Unknown, Dialect::Opaque, Cost::Billed),
    }
}

/// Collections that are listed, stored or deleted, and generate nothing.
const ADMIN_PATHS: [&str; 8] = [
    "models",
    "files",
    "uploads",
    "vector_stores",
    "organization",
    "organizations",
    "containers",
    "conversations",
];

const fn free(operation: Operation) -> (Operation, Dialect, Cost) {
    (operation, Dialect::Opaque, Cost::Free)
}

/// `/v1/messages` on a server that otherwise speaks OpenAI; `/threads/{id}/messages` is something else.
fn is_versioned_messages(segments: &[&str]) -> bool {
    matches!(segments, [.., "v1", "messages"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector() -> Detector {
        let local = HostRule {
            host: "LLM.internal".into(),
            port: Some(8000),
            provider: "vllm".into(),
            family: Family::OpenAi,
        };
        Detector::new(vec![local])
    }

    fn route(method: &str, host: &str, path: &str) -> Option<Route> {
        detector().detect(method, host, Some(443), path, Headers(&[]))
    }

    #[test]
    fn hosts_are_known_in_any_spelling_and_only_whole() {
        let detector = detector();
        for host in ["api.openai.com", "API.OpenAI.com:443", "api.openai.com.", "us.api.openai.com"] {
            assert!(detector.knows_host(host, None), "{host}");
        }
        for host in
            ["openai.com", "evil-api.openai.com.example", "xapi.openai.com", "", ".api.openai.com", "[::1]"]
        {
            assert!(!detector.knows_host(host, Some(443)), "{host}");
        }
        assert!(detector.knows_host("llm.internal", Some(8000)));
        assert!(detector.knows_host("llm.internal:8000", Some(443)));
        assert!(!detector.knows_host("llm.internal", Some(443)));
    }

    #[test]
    fn paths_tell_the_operation_under_any_prefix() {
        let cases = [
            ("POST", "/v1/chat/completions", "chat", true),
            ("POST", "/openai/v1/chat/completions/?api-version=1", "chat", true),
            ("POST", "/chat/completions", "chat", true),
            ("GET", "/v1/chat/completions", "unknown", true),
            ("POST", "/v1/completions", "completions", true),
            ("POST", "/v1/embeddings", "embeddings", true),
            ("POST", "/v1/responses", "responses", true),
            ("GET", "/v1/responses/resp_1?include=x", "responses", true),
            ("POST", "/v1/responses/resp_1/cancel", "admin", false),
            ("POST", "/v1/responses/input_tokens", "count_tokens", false),
            ("GET", "/v1/models/gpt-4o", "admin", false),
            ("POST", "/v1/moderations", "moderations", false),
            ("POST", "/v1/audio/transcriptions", "transcription", true),
            ("POST", "/v1/messages", "messages", true),
            ("POST", "/v1/threads/t/messages", "unknown", true),
            ("GET", "/", "admin", false),
            ("POST", "/v1/new/thing", "unknown", true),
        ];
        for (method, path, operation, billable) in cases {
            let route = route(method, "api.openai.com", path).unwrap();
            assert_eq!((route.operation.as_str(), route.billable), (operation, billable), "{method} {path}");
        }
    }

    #[test]
    fn anthropic_counting_is_free_and_messages_are_not() {
        let messages = route("POST", "api.anthropic.com", "/v1/messages?beta=true").unwrap();
        assert_eq!((messages.dialect, messages.billable), (Dialect::AnthropicMessages, true));
        let counting = route("POST", "api.anthropic.com", "/v1/messages/count_tokens").unwrap();
        assert_eq!((counting.operation, counting.billable), (Operation::CountTokens, false));
        let polled = route("GET", "api.openai.com", "/v1/responses/r").unwrap();
        assert!(polled.poll);
    }

    #[test]
    fn another_host_is_not_detected() {
        assert_eq!(route("POST", "example.org", "/v1/chat/completions"), None);
    }
}
