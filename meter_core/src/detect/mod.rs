//! Says which provider a request goes to and what it asks for, from its host, method and path alone.
//!
//! It owns the host rules and the shapes of the paths. It refuses to know bodies: what is inside is a dialect's business.
//! A provider is added by one line in `built_in` and, if its paths are its own, one file beside the others.

mod bedrock_paths;
mod built_in;
mod cohere_paths;
mod coverage;
mod google_paths;
mod host;
mod openai_paths;
mod operation;
mod path_ends;
mod places;
mod request_line;
mod self_hosted_paths;
mod shape;

use std::sync::Arc;

pub(crate) use built_in::states_usage_on_request;
pub use coverage::{COVERAGE, Coverage, Knowledge};
pub use host::{Family, HostRule, Reasoning};
pub use operation::Operation;
pub use path_ends::PATH_ENDS;

use crate::dialect::Dialect;
use crate::headers::Headers;
use host::split_port;
use request_line::RequestLine;
use shape::Shape;

/// Where one request goes and how its bodies are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own about host or path")]
pub struct Route {
    /// The provider's name.
    pub provider: Arc<str>,
    /// What was asked.
    pub operation: Operation,
    /// The wire format of both bodies.
    pub dialect: Dialect,
    /// Whether a successful answer can cost money.
    pub billable: bool,
    /// A read of work asked for earlier: the same usage may have been booked before, under the id of its result.
    pub poll: bool,
    /// The path asks for a stream.
    pub stream: bool,
    /// The model that the path names.
    pub model: Option<String>,
    /// The id of what holds the results that the path reads, where it names one.
    pub result: Option<String>,
    /// Where the provider's chat counts reasoning.
    pub reasoning: Reasoning,
    /// It runs on hardware of the user's own.
    pub self_hosted: bool,
    /// Nobody named the host: the path alone looks like this, and the body has to agree.
    pub guessed: bool,
}

/// The hosts that we meter: the configured ones first, then the built-in ones.
#[derive(Clone, Debug)]
pub struct Detector {
    rules: Vec<(HostRule, Arc<str>)>,
}

impl Detector {
    /// A detector that knows `extra` besides the built-in hosts; an extra rule wins over a built-in one.
    pub fn new(extra: Vec<HostRule>) -> Self {
        let named = extra.into_iter().chain(built_in::rules()).map(|rule| {
            let provider = Arc::from(rule.provider.as_str());
            (rule, provider)
        });
        Self { rules: named.collect() }
    }

    /// Whether traffic to `host` is metered. `host` may carry a port, upper case and a trailing dot.
    pub fn knows_host(&self, host: &str, port: Option<u16>) -> bool {
        self.rule(host, port).is_some()
    }

    /// Whether a request that can be read, to whatever host, looks like one to a model.
    pub fn knows_path(&self, method: &str, path: &str) -> bool {
        shape::recognised(&RequestLine::new(method, path)).is_some()
    }

    /// All rules, in the order they are tried.
    pub fn hosts(&self) -> impl Iterator<Item = &HostRule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// The host names and leading-dot suffixes that the rules stand for, without those that stand for every host.
    pub fn names(&self) -> Vec<String> {
        self.hosts().flat_map(|rule| places::names(&rule.host)).collect()
    }

    /// The route of one request; `None` if its host is not metered and its path does not look like a model's. `path` may carry a
    /// query or be an absolute URL.
    pub fn detect(
        &self,
        method: &str,
        host: &str,
        port: Option<u16>,
        path: &str,
        headers: Headers<'_>,
    ) -> Option<Route> {
        let line = RequestLine::new(method, path);
        let Some((rule, provider)) = self.rule(host, port) else {
            let (family, shape) = shape::recognised(&line)?;
            let provider = Arc::from(format!("{}-compatible", family.as_str()));
            return Some(route(provider, shape, Reasoning::ByTotal, true));
        };
        let shape = shape::shape_of(&line, rule.family);
        let shape = if upgrades(method, headers) { shape.into_session() } else { shape.asked_by(&line) };
        Some(Route {
            self_hosted: rule.self_hosted,
            ..route(Arc::clone(provider), shape, rule.reasoning, false)
        })
    }

    fn rule(&self, host: &str, port: Option<u16>) -> Option<&(HostRule, Arc<str>)> {
        let (name, stated) = split_port(host);
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let port = port.or(stated);
        self.rules.iter().find(|(rule, _)| rule.matches(&name, port))
    }
}

fn route(provider: Arc<str>, shape: Shape, reasoning: Reasoning, guessed: bool) -> Route {
    let Shape { operation, dialect, billable, poll, stream, model, result } = shape;
    Route {
        provider,
        operation,
        dialect,
        billable,
        poll,
        stream,
        model,
        result,
        reasoning,
        self_hosted: false,
        guessed,
    }
}

/// Whether the request opens a `WebSocket`. Only a GET can: on any other the field is ignored by everybody.
fn upgrades(method: &str, headers: Headers<'_>) -> bool {
    method.eq_ignore_ascii_case("GET")
        && headers.get("upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(method: &str, host: &str, path: &str) -> Option<Route> {
        let extra = vec![
            HostRule::new("LLM.internal:8000", "vllm", Family::OpenAi),
            HostRule::new(".gateway.example", "gateway", Family::OpenAi),
            HostRule::new("[::1]:11434", "local", Family::OpenAi),
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
            assert!(detect("POST", host, "/v1/brand/new").is_none(), "{host}");
        }
    }

    #[test]
    fn what_costs_money_is_posted_save_reads_of_results() {
        let cases = [
            ("POST", "/v1/chat/completions", true, false),
            ("GET", "/v1/chat/completions", false, false),
            ("GET", "/v1/messages", false, false),
            ("GET", "/v1/responses/r", true, true),
            ("DELETE", "/v1/responses/r", false, false),
            ("GET", "/v1/realtime", false, false),
        ];
        for (method, path, billable, poll) in cases {
            let route = detect(method, "api.openai.com", path).unwrap();
            assert_eq!((route.billable, route.poll), (billable, poll), "{method} {path}");
        }
    }

    #[test]
    fn an_unknown_host_is_metered_where_the_path_cannot_be_mistaken() {
        let cases = [
            ("/v1/chat/completions", Some("openai-compatible")),
            ("/v1/embeddings", Some("openai-compatible")),
            ("/embeddings", None),
            ("/v1/messages", Some("anthropic-compatible")),
            ("/messages", None),
            ("/v1beta/models/gemini-2.5-flash:generateContent", Some("gemini-compatible")),
            ("/model/amazon.nova-micro-v1:0/converse", Some("bedrock-compatible")),
            ("/api/chat", Some("ollama-compatible")),
            ("/generate_stream", Some("huggingface-compatible")),
            ("/v1/files", None),
            ("/", None),
        ];
        for (path, provider) in cases {
            let route = detect("POST", "service.internal", path);
            assert_eq!(route.as_ref().map(|route| &*route.provider), provider, "{path}");
            assert!(route.is_none_or(|route| route.guessed), "{path}");
            assert_eq!(detect("GET", "service.internal", path), None, "{path}");
        }
    }

    #[test]
    fn the_names_of_the_metered_hosts_have_no_star() {
        let names = Detector::new(Vec::new()).names();

        assert!(names.iter().all(|name| !name.contains('*')));
        for name in ["api.openai.com", ".openai.azure.com", "bedrock-runtime.us-east-1.amazonaws.com"] {
            assert!(names.iter().any(|known| known == name), "{name}");
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
