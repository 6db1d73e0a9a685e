//! How many input tokens a prompt will be billed for, before the provider says so.
//!
//! Exact where the vocabulary and the framing of messages are public (OpenAI text); elsewhere an estimate that says so.
//! Overhead rules and factors: OpenAI's counting cookbook; the Claude factor is the upper end of published comparisons.

use crate::dialect::{Dialect, Prompt};
use crate::tokenizer::{self, Tokenizer};

/// Tokens that frame each chat message, its role included.
const MESSAGE_TOKENS: u64 = 4;
/// Tokens that prime the reply of a chat.
const PRIMER_TOKENS: u64 = 3;
/// Tokens of one image or document page where its size is not looked at: a 2048 x 4096 image on tile models.
const MEDIA_TOKENS: u64 = 1105;
/// Tokens that frame one tool definition, beside its text.
const TOOL_TOKENS: u64 = 12;
/// Tokens of the instructions that Anthropic adds to a request with tools.
const CLAUDE_TOOLS_TOKENS: u64 = 346;
/// A ratio of token counts: numerator and denominator.
pub(super) type Factor = (u64, u64);
/// Claude's tokens per o200k token: its vocabulary is not public.
const CLAUDE_FACTOR: Factor = (27, 20);
/// What an estimate may be short of the truth: a share of it, and framing that nobody documents. For holds only.
const HEADROOM: Factor = (3, 10);
const HEADROOM_TOKENS: u64 = 128;
/// Encodings of OpenAI's models.
const OPENAI: [&str; 6] =
    ["r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony"];
/// Models of OpenAI whose framing of messages is public; newer ones add or save a token here and there.
const PUBLIC_FRAMING: [&str; 3] = ["gpt-3.5-turbo", "gpt-4", "chatgpt-4o"];
/// Variants of them that read more than the messages.
const OWN_FRAMING: [&str; 3] = ["search", "audio", "realtime"];
/// The most tokens of one picture at full size, by a part of the model's name; the first that fits counts. Small models are
/// billed by the tile or patch at a multiple.
const MEDIA_TOKENS_MAX: [(&str, u64); 4] = [("4o-mini", 36_835), ("nano", 3779), ("mini", 2642), ("", 1600)];

/// A count of input tokens and how far to trust it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptCount {
    /// Best value.
    pub tokens: u64,
    /// Whether the provider will state the same.
    pub exact: bool,
    /// What the truth may lie above it, media of unusual size and what the provider adds itself aside.
    margin: u64,
}

impl PromptCount {
    /// Counts `prompt` as `dialect` frames it, with the tokenizer of `model` or a stand-in. `whole` tells whether it is all
    /// of the prompt.
    pub fn of(dialect: Dialect, model: Option<&str>, prompt: &Prompt, whole: bool) -> Self {
        let own = model.and_then(tokenizer::for_model);
        let Some(tokenizer) = own.or_else(stand_in) else { return Self::default() };
        let text: u64 = prompt.texts().map(|text| tokenizer.count(text.as_bytes()) as u64).sum();
        let text = text + prompt.token_ids;
        let messages = u64::from(prompt.messages);
        let framing = match dialect {
            Dialect::OpenAiChat | Dialect::OpenAiResponses => {
                messages * MESSAGE_TOKENS + u64::from(prompt.names) + PRIMER_TOKENS
            }
            Dialect::AnthropicMessages => messages * MESSAGE_TOKENS,
            Dialect::OpenAiCompletions
            | Dialect::OpenAiEmbeddings
            | Dialect::OpenAiMedia
            | Dialect::Opaque => 0,
        };
        let media = u64::from(prompt.media);
        let extras = u64::from(prompt.tools) * TOOL_TOKENS + media * MEDIA_TOKENS;
        let (up, down) = factor(dialect, own);
        let claude = dialect == Dialect::AnthropicMessages;
        let added = if prompt.tools > 0 && claude { CLAUDE_TOOLS_TOKENS } else { 0 };
        let tokens = (text + framing + extras) * up / down + added;
        let public = match dialect {
            // More texts than messages are parts, calls of tools or schemas, whose framing is not public.
            Dialect::OpenAiChat => {
                prompt.texts().count() as u64 <= messages && model.is_some_and(frames_publicly)
            }
            Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => true,
            _ => false,
        };
        let exact = public && whole && own.is_some_and(is_openai) && extras == 0;
        let (share, of) = HEADROOM;
        let margin = if exact { 0 } else { tokens * share / of + HEADROOM_TOKENS };
        Self { tokens, exact, margin: margin + media * (media_tokens_max(model) - MEDIA_TOKENS) }
    }

    /// The number to hold for: never below the truth if the count is exact, with headroom if it is not.
    pub const fn held(self) -> u64 {
        self.tokens + self.margin
    }
}

/// Whether a text alone is billed as its own tokens. Servers of open models may put a token before or behind it.
fn is_openai(tokenizer: &Tokenizer) -> bool {
    OPENAI.contains(&tokenizer.name())
}

fn frames_publicly(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    PUBLIC_FRAMING.iter().any(|family| name.starts_with(family))
        && !OWN_FRAMING.iter().any(|variant| name.contains(variant))
}

fn media_tokens_max(model: Option<&str>) -> u64 {
    let name = model.unwrap_or_default();
    MEDIA_TOKENS_MAX.iter().find(|(part, _)| name.contains(part)).map_or(MEDIA_TOKENS, |(_, most)| *most)
}

/// The tokens of the models of `dialect` per token of the tokenizer that counts for them: their `own`, or a stand-in.
pub(super) fn factor(dialect: Dialect, own: Option<&Tokenizer>) -> Factor {
    if dialect == Dialect::AnthropicMessages && own.is_none() { CLAUDE_FACTOR } else { (1, 1) }
}

/// The tokenizer used for models whose own is not public.
pub(super) fn stand_in() -> Option<&'static Tokenizer> {
    tokenizer::get("o200k_base")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Detector;
    use crate::dialect::read_request;
    use crate::headers::Headers;

    fn count(path: &str, body: &str) -> PromptCount {
        let host = if path == "/v1/messages" { "api.anthropic.com" } else { "api.openai.com" };
        let route = Detector::new(Vec::new()).detect("POST", host, None, path, Headers(&[])).unwrap();
        let facts = read_request(&route, Headers(&[]), body.as_bytes());
        PromptCount::of(route.dialect, facts.model.as_deref(), &facts.prompt, true)
    }

    fn chat(model: &str, rest: &str) -> PromptCount {
        let messages = r#"[{"role":"user","content":"hello there"},{"role":"assistant","content":"hi"}]"#;
        count("/v1/chat/completions", &format!(r#"{{"model":"{model}","messages":{messages}{rest}}}"#))
    }

    #[test]
    fn plain_messages_to_documented_models_are_exact_and_held_as_counted() {
        for model in
            ["gpt-4o", "gpt-4o-mini-2024-07-18", "gpt-4.1", "ft:gpt-4o-mini:acme::1", "openai/gpt-4o"]
        {
            let count = chat(model, "");
            assert_eq!((count.tokens, count.exact, count.held()), (2 + 1 + 4 + 4 + 3, true, 14), "{model}");
        }
        let embedding =
            count("/v1/embeddings", r#"{"model":"text-embedding-3-small","input":["a b",[1,2,3]]}"#);
        assert_eq!((embedding.tokens, embedding.exact), (5, true));
    }

    #[test]
    fn what_is_framed_in_secret_is_held_with_headroom() {
        let schema = r#","response_format":{"type":"json_schema","json_schema":{"name":"x"}}"#;
        let tools = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
        let cases = [
            chat("gpt-5-nano", ""),
            chat("gpt-4o-search-preview", ""),
            chat("gpt-4o", schema),
            chat("gpt-4o", tools),
            count("/v1/responses", r#"{"model":"gpt-4o","input":"hello"}"#),
            count(
                "/v1/messages",
                r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hello"}]}"#,
            ),
        ];
        for count in cases {
            assert!(!count.exact && count.held() > count.tokens + HEADROOM_TOKENS, "{count:?}");
        }
    }

    #[test]
    fn part_of_a_prompt_is_no_exact_count() {
        assert!(
            !PromptCount::of(Dialect::OpenAiCompletions, Some("gpt-4o"), &Prompt::default(), false).exact
        );
    }

    #[test]
    fn open_models_count_with_their_own_tokenizer_and_are_framed_by_their_server() {
        let prompt = |model: &str| format!(r#"{{"model":"{model}","prompt":"hello world"}}"#);
        let counted = count("/v1/completions", &prompt("deepseek-chat"));
        assert!(!counted.exact && counted.tokens == 2, "{counted:?}");
        assert!(count("/v1/completions", &prompt("davinci-002")).exact);

        let messages = |model: &str| {
            let hello = "hello ".repeat(100);
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{hello}"}}]}}"#)
        };
        let own = count("/v1/messages", &messages("deepseek-chat")).tokens;
        assert!(own < count("/v1/messages", &messages("claude-sonnet-4-5")).tokens, "{own}");
    }

    #[test]
    fn a_picture_is_held_at_its_full_size() {
        let body = |model: &str| {
            let picture = r#"{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}"#;
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":[{picture}]}}]}}"#)
        };
        for (model, most) in
            [("gpt-4o-mini", 36_835), ("gpt-5-nano", 3779), ("gpt-5-mini", 2642), ("gpt-4o", 1600)]
        {
            let count = count("/v1/chat/completions", &body(model));
            assert!((most..most + 600).contains(&count.held()), "{model} {count:?}");
        }
    }

    #[test]
    fn tools_of_claude_bring_instructions_along() {
        let body = |tools: &str| {
            format!(r#"{{"model":"claude-sonnet-4-5","messages":[{{"role":"user","content":"hi"}}]{tools}}}"#)
        };
        let (plain, tooled) = (
            count("/v1/messages", &body("")),
            count("/v1/messages", &body(r#","tools":[{"name":"f","input_schema":{}}]"#)),
        );

        assert!(tooled.tokens > plain.tokens + CLAUDE_TOOLS_TOKENS);
    }
}
