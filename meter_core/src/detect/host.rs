//! The hosts that are metered: how a rule names them and what it says of the provider behind. Refuses to know paths.

/// Whose paths and shapes a host speaks where a path alone does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The shapes of the `OpenAI` API.
    OpenAi,
    /// The shapes of the Anthropic API.
    Anthropic,
    /// Gemini and Vertex.
    Google,
    /// Amazon Bedrock.
    Bedrock,
    /// Cohere.
    Cohere,
    /// Mistral: `OpenAI`'s shapes and a few of its own.
    Mistral,
    /// Ollama's own API beside `OpenAI`'s shapes.
    Ollama,
    /// Text Generation Inference and Hugging Face endpoints.
    HuggingFace,
}

impl Family {
    /// All families, in the order the documentation lists them.
    pub const ALL: [Self; 8] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Google,
        Self::Bedrock,
        Self::Cohere,
        Self::Mistral,
        Self::Ollama,
        Self::HuggingFace,
    ];

    /// The word of the configuration's `dialect` key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Google => "gemini",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
            Self::Mistral => "mistral",
            Self::Ollama => "ollama",
            Self::HuggingFace => "huggingface",
        }
    }
}

/// Where a provider of `OpenAI`'s chat shape counts hidden reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reasoning {
    /// Inside the completion, unless the stated total proves that it stands beside it.
    #[default]
    ByTotal,
    /// Beside the completion, and the total does not contain it either.
    Beside,
    /// In the total alone: what total and parts differ by.
    InTotal,
}

/// A host that we meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// Host name in lower case; a leading dot stands for any names before it, a `*` for anything inside one label, and `*`
    /// alone for every host.
    pub host: String,
    /// Only this port, or any.
    pub port: Option<u16>,
    /// The provider's name in ledger and metrics.
    pub provider: String,
    /// What its ambiguous paths are taken for.
    pub family: Family,
    /// Where its chat counts reasoning.
    pub reasoning: Reasoning,
    /// It runs on hardware of the user's own: without a configured rate it costs nothing.
    pub self_hosted: bool,
}

impl HostRule {
    /// A rule for `host` on any port, whose provider is like the others of its family.
    pub fn new(host: &str, provider: &str, family: Family) -> Self {
        let (name, port) = split_port(host);
        Self {
            host: name.trim_end_matches('.').to_ascii_lowercase(),
            port,
            provider: provider.to_owned(),
            family,
            reasoning: Reasoning::ByTotal,
            self_hosted: false,
        }
    }

    /// Whether the rule is for `host`, in lower case and without port, on `port`.
    pub(super) fn matches(&self, host: &str, port: Option<u16>) -> bool {
        // Every request asks rule after rule, and nearly all differ in their last few letters.
        (self.port.is_none() || self.port == port) && ends_alike(&self.host, host) && names(&self.host, host)
    }
}

/// Whether `host` ends as `pattern` does behind its last star.
fn ends_alike(pattern: &str, host: &str) -> bool {
    let tail = pattern.bytes().rev().take_while(|byte| *byte != b'*');
    tail.zip(host.bytes().rev()).all(|(wanted, found)| wanted == found)
}

/// Whether `pattern` stands for `host`.
fn names(pattern: &str, host: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (wanted, below) = match pattern.strip_prefix('.') {
        Some(suffix) => (suffix, true),
        None => (pattern, false),
    };
    let mut labels = host.rsplit('.');
    let met = wanted.rsplit('.').all(|wanted| labels.next().is_some_and(|label| is_label(wanted, label)));
    let rest = labels.next();
    met && if below { rest.is_some_and(|label| !label.is_empty()) } else { rest.is_none() }
}

/// Whether one label of a pattern, which may have a `*`, stands for `label`.
fn is_label(wanted: &str, label: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == label,
        Some((head, tail)) => {
            let inside = label.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            inside.is_some_and(|inside| !inside.is_empty())
        }
    }
}

/// Splits `host:port` and `[v6]:port`; a bare IPv6 address has no port.
pub(super) fn split_port(host: &str) -> (&str, Option<u16>) {
    if let Some(rest) = host.strip_prefix('[') {
        let (name, tail) = rest.split_once(']').unwrap_or((rest, ""));
        return (name, tail.strip_prefix(':').and_then(|digits| digits.parse().ok()));
    }
    match host.split_once(':') {
        Some((name, digits)) if !digits.contains(':') => (name, digits.parse().ok()),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_what_its_star_and_dot_say() {
        let cases = [
            ("api.openai.com", "api.openai.com", true),
            ("api.openai.com", "xapi.openai.com", false),
            (".openai.azure.com", "res.openai.azure.com", true),
            (".openai.azure.com", "openai.azure.com", false),
            ("bedrock-runtime.*.amazonaws.com", "bedrock-runtime.us-east-1.amazonaws.com", true),
            ("bedrock-runtime.*.amazonaws.com", "bedrock-runtime.a.b.amazonaws.com", false),
            ("bedrock-runtime.*.amazonaws.com", "bedrock-runtime..amazonaws.com", false),
            ("*-aiplatform.googleapis.com", "us-central1-aiplatform.googleapis.com", true),
            ("*-aiplatform.googleapis.com", "aiplatform.googleapis.com", false),
            ("*-aiplatform.googleapis.com", "evil.com-aiplatform.googleapis.com", false),
            (
                ".bedrock-runtime.*.vpce.amazonaws.com",
                "vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                true,
            ),
            (".bedrock-runtime.*.vpce.amazonaws.com", "bedrock-runtime.us-east-1.vpce.amazonaws.com", false),
            (".openai.azure.com", ".openai.azure.com", false),
            ("*", "anything", true),
        ];
        for (pattern, host, expected) in cases {
            assert_eq!(names(pattern, host), expected, "{pattern} {host}");
            assert!(ends_alike(pattern, host) || !expected, "{pattern} {host}");
        }
    }

    #[test]
    fn a_rule_takes_its_port_from_its_host() {
        let rule = HostRule::new("LLM.internal.:8000", "vllm", Family::OpenAi);

        assert_eq!((rule.host.as_str(), rule.port), ("llm.internal", Some(8000)));
        assert!(rule.matches("llm.internal", Some(8000)) && !rule.matches("llm.internal", Some(80)));
        assert_eq!(HostRule::new("[::1]:11434", "local", Family::Ollama).host, "::1");
    }
}
