//! Which client library or agent sent a request, by its `user-agent` and the fields of generated SDKs. The names are a bounded
//! list; a version is kept only where it looks like one.

use memchr::memmem;

use crate::headers::Headers;
use crate::limits;

/// What a lower-case `user-agent` contains, and the name of what sends it; the first that fits counts, so programs stand
/// before the libraries that they use.
const KNOWN: [(&str, &str); 51] = [
    ("claude-cli", "claude-cli"),
    ("codex", "codex"),
    ("geminicli", "gemini-cli"),
    ("gemini-cli", "gemini-cli"),
    ("opencode", "opencode"),
    ("aider", "aider"),
    ("agents/python", "openai-agents"),
    ("agents/js", "openai-agents"),
    ("litellm", "litellm"),
    ("langchain", "langchain"),
    ("llama-index", "llama-index"),
    ("llamaindex", "llama-index"),
    ("pydantic-ai", "pydantic-ai"),
    ("semantic-kernel", "semantic-kernel"),
    ("spring-ai", "spring-ai"),
    ("google-genai-sdk", "google-genai"),
    ("genai-js", "google-genai"),
    ("ai-sdk/", "vercel-ai"),
    ("openai/python", "openai-python"),
    ("openai/js", "openai-node"),
    ("openai/go", "openai-go"),
    ("openai/java", "openai-java"),
    ("openai/kotlin", "openai-java"),
    ("openai/ruby", "openai-ruby"),
    ("openai/", "openai-dotnet"),
    ("anthropic/python", "anthropic-python"),
    ("anthropicbedrock/python", "anthropic-python"),
    ("anthropicvertex/python", "anthropic-python"),
    ("anthropic/js", "anthropic-node"),
    ("anthropic/go", "anthropic-go"),
    ("anthropic/java", "anthropic-java"),
    ("anthropic/ruby", "anthropic-ruby"),
    ("mistral-client", "mistral"),
    ("mistralai", "mistral"),
    ("cohere", "cohere"),
    ("groq/", "groq"),
    ("ollama", "ollama"),
    ("boto3", "boto3"),
    ("aws-cli", "aws-cli"),
    ("aws-sdk", "aws-sdk"),
    ("botocore", "boto3"),
    ("python-httpx", "httpx"),
    ("python-requests", "requests"),
    ("aiohttp", "aiohttp"),
    ("axios", "axios"),
    ("undici", "undici"),
    ("node", "node"),
    ("go-http-client", "go"),
    ("okhttp", "okhttp"),
    ("faraday", "faraday"),
    ("curl", "curl"),
];
/// What nobody on the list sends.
const OTHER: &str = "other";

/// `name/version`, or `name` where no version is told; None where nothing says.
pub(super) fn of(headers: Headers<'_>) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| std::str::from_utf8(value).ok());
    let agent = text("user-agent").unwrap_or_default().to_ascii_lowercase();
    let found = KNOWN.iter().find_map(|(part, name)| {
        // Half a hundred searches of one line: std's takes longer to set up than to search.
        let at = memmem::find(agent.as_bytes(), part.as_bytes())?;
        Some((*name, agent.get(at + part.len()..).unwrap_or_default()))
    });
    let package = text("x-stainless-package-version");
    let (name, behind) = match found {
        Some(found) => found,
        None if agent.is_empty() && package.is_none() => return None,
        None => return Some(OTHER.to_owned()),
    };
    // A program's own version stands in its user-agent; beside it, the package is that of the library it uses.
    let version = version(behind).or_else(|| package.and_then(version));
    Some(version.map_or_else(|| name.to_owned(), |version| format!("{name}/{version}")))
}

/// The version that `text` begins with, after what sets it off from a name.
fn version(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(['/', ' ', 'v', '#']);
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    let end = text.find(|c| !inside(c)).unwrap_or(text.len());
    let version = text.get(..end)?;
    let plausible = version.starts_with(|c: char| c.is_ascii_digit()) && end <= limits::VERSION_BYTES_MAX;
    plausible.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &[(&str, &str)]) -> Option<String> {
        let pairs: Vec<(&[u8], &[u8])> =
            fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        of(Headers(&pairs))
    }

    #[test]
    fn known_clients_are_named_with_their_version() {
        for (agent, name) in [
            ("OpenAI/Python 2.54.0", "openai-python/2.54.0"),
            ("AsyncOpenAI/Python 1.3", "openai-python/1.3"),
            ("AzureOpenAI/Python", "openai-python"),
            ("Anthropic/JS 0.60.1", "anthropic-node/0.60.1"),
            ("claude-cli/2.1.270 (external, cli)", "claude-cli/2.1.270"),
            ("Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1", "boto3/1.44.5"),
            ("aws-sdk-js/3.1 os/linux", "aws-sdk"),
            ("google-genai-sdk/3.4.0 gl-python/3.12", "google-genai/3.4.0"),
            ("ai/5.0.1 ai-sdk/openai/2.0", "vercel-ai"),
            ("curl/8.5.0", "curl/8.5.0"),
            ("secret-project/1.0", "other"),
            ("\u{e9}", "other"),
        ] {
            assert_eq!(sent(&[("User-Agent", agent)]).as_deref(), Some(name), "{agent}");
        }
    }

    #[test]
    fn a_generated_sdk_states_its_version_beside_and_silence_is_unknown() {
        let fields = [("user-agent", "AsyncAnthropic/Python"), ("x-stainless-package-version", "0.125.0")];

        assert_eq!(sent(&[]), None);
        assert_eq!(sent(&[("x-stainless-package-version", "1.0")]).as_deref(), Some("other"));
        assert_eq!(sent(&fields).as_deref(), Some("anthropic-python/0.125.0"));
        assert_eq!(sent(&[("user-agent", "curl/8.5.0; rm\r\n")]).as_deref(), Some("curl/8.5.0"));
        assert_eq!(sent(&[("user-agent", &format!("curl/{}", "1".repeat(200)))]).as_deref(), Some("curl"));
    }
}
