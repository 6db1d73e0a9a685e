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
/// What an estimate may be short of the truth; used for holds only.
const HEADROOM: Factor = (13, 10);

/// A count of input tokens and how far to trust it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptCount {
    /// Best value.
    pub tokens: u64,
    /// Whether the provider will state the same.
    pub exact: bool,
}

impl PromptCount {
    /// Counts `prompt` as `dialect` frames it, with the tokenizer of `model` or a stand-in. `whole` tells whether it is all
    /// of the prompt.
    pub fn of(dialect: Dialect, model: Option<&str>, prompt: &Prompt, whole: bool) -> Self {
        let own = model.and_then(tokenizer::for_model);
        let Some(tokenizer) = own.or_else(stand_in) else { return Self::default() };
        let text: u64 = prompt.texts().map(|text| tokenizer.count(text.as_bytes()) as u64).sum();
        let text = text + prompt.token_ids;
        let framing = match dialect {
            Dialect::OpenAiChat | Dialect::OpenAiResponses => {
                u64::from(prompt.messages) * MESSAGE_TOKENS + u64::from(prompt.names) + PRIMER_TOKENS
            }
            Dialect::AnthropicMessages => u64::from(prompt.messages) * MESSAGE_TOKENS,
            Dialect::OpenAiCompletions
            | Dialect::OpenAiEmbeddings
            | Dialect::OpenAiMedia
            | Dialect::Opaque => 0,
        };
        let extras = u64::from(prompt.tools) * TOOL_TOKENS + u64::from(prompt.media) * MEDIA_TOKENS;
        let public_framing =
            matches!(dialect, Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings);
        let tokens = text + framing + extras;
        let (up, down) = factor(dialect);
        let added =
            if prompt.tools > 0 && dialect == Dialect::AnthropicMessages { CLAUDE_TOOLS_TOKENS } else { 0 };
        let exact = whole && own.is_some() && public_framing && extras == 0;
        Self { tokens: tokens * up / down + added, exact }
    }

    /// The number to hold for: never below the truth if the count is exact, with headroom if it is not.
    pub fn held(self) -> u64 {
        let (up, down) = if self.exact { (1, 1) } else { HEADROOM };
        self.tokens * up / down
    }
}

/// The tokens of the models of `dialect` per token of the tokenizer that counts for them.
pub(super) const fn factor(dialect: Dialect) -> Factor {
    if matches!(dialect, Dialect::AnthropicMessages) { CLAUDE_FACTOR } else { (1, 1) }
}

/// The tokenizer used for models whose own is not public.
pub(super) fn stand_in() -> Option<&'static Tokenizer> {
    tokenizer::get("o200k_base")
}
