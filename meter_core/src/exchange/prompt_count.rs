//! How many input tokens a prompt will be billed for, before the provider says so.
//!
//! Exact where the vocabulary and the framing of messages are public; elsewhere an estimate that says so. It owns the sum and
//! the headroom. It refuses to know models and dialects: what differs between them is `prompt_rules`, and what was learned
//! of them is `calibration`.

use super::calibration::Correction;
use crate::detect::Operation;
use crate::dialect::{Image, Prompt};
use crate::message_cache::MessageCache;
use crate::prompt_rules::{Factor, Fitting, PromptRules, ToolRule};
use crate::tokenizer::{self, SharedTokenizer, Tokenizer};

/// What an estimate may be short of the truth: a share of it, and framing that nobody documents. For holds only.
const HEADROOM: Factor = (3, 10);
const HEADROOM_TOKENS: u64 = 128;

/// Counts of texts that earlier prompts had, too.
pub(crate) type CountedTexts = MessageCache<Manner>;

/// How a text is counted: as text, or as the definition of a tool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manner {
    tokenizer: SharedTokenizer,
    tool: Option<ToolRule>,
}

/// A count of input tokens and how far to trust it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptCount {
    /// Best value.
    pub tokens: u64,
    /// Whether the provider will state the same.
    pub exact: bool,
    /// What the truth may lie above it, media of unusual length and what the provider adds itself aside.
    margin: u64,
    /// The uncorrected count of all but media.
    text: u64,
    /// The count of media, and what they may lie above it.
    media: u64,
    media_margin: u64,
}

impl PromptCount {
    /// Counts `prompt` of a request to do `operation`, with `own`, which is the tokenizer of `model`, or a stand-in. `whole`
    /// tells whether it is all of the prompt. What is in `known` is not counted again.
    pub(crate) fn of(
        operation: Operation,
        model: Option<&str>,
        own: Option<&SharedTokenizer>,
        prompt: &Prompt,
        whole: bool,
        known: &CountedTexts,
    ) -> Self {
        let Some(tokenizer) = own.cloned().or_else(stand_in) else { return Self::default() };
        let rules = PromptRules::embedded().fitting(operation.as_str(), model);
        // A model's own tokens need no factor.
        let (up, down) = own.map_or(rules.factor, |_| (1, 1));
        let text =
            plain(&tokenizer, prompt, known) + tools(&rules, &tokenizer, prompt, known) + prompt.token_ids;
        let added = if prompt.tools > 0 { rules.tools.instructions(prompt.tool_forced) } else { 0 };
        let text = text * up / down + framing(&rules, prompt) + added;
        let (media, media_most) = media(&rules, prompt);
        let messages = u64::from(prompt.messages);
        // More texts than messages are parts, calls of tools or schemas, whose framing is not public.
        let plain = messages == 0 || prompt.texts().count() as u64 <= messages;
        // The server of a model whose vocabulary a user gave frames its prompts as it likes.
        let public = rules.public && own.is_some_and(SharedTokenizer::is_embedded);
        let exact = public && plain && whole && prompt.tools == 0 && media_most == 0;
        let media_margin = media_most.saturating_sub(media);
        let count = Self { tokens: 0, exact, margin: 0, text, media, media_margin };
        count.corrected(None)
    }

    /// The same count by what was learned of its model; an exact one stays as it is.
    #[must_use]
    pub(super) fn corrected(self, learned: Option<Correction>) -> Self {
        let (share, of) = HEADROOM;
        let (text, most) = match learned {
            _ if self.exact => (self.text, self.text),
            Some(correction) => {
                let most = correction.most(self.text).saturating_add(HEADROOM_TOKENS);
                (correction.best(self.text), most)
            }
            None => (self.text, self.text + self.text * share / of + HEADROOM_TOKENS),
        };
        let tokens = text + self.media;
        Self { tokens, margin: most.saturating_sub(text) + self.media_margin, ..self }
    }

    /// The number to hold for: never below the truth if the count is exact, with headroom if it is not.
    pub const fn held(self) -> u64 {
        self.tokens + self.margin
    }

    /// The uncorrected count, if the truth can teach how to correct it: an estimate of text alone.
    pub(super) fn teachable(self) -> Option<u64> {
        (!self.exact && self.media == 0 && self.media_margin == 0).then_some(self.text)
    }
}

/// Tokens of the texts that are no tool definitions.
fn plain(tokenizer: &SharedTokenizer, prompt: &Prompt, known: &CountedTexts) -> u64 {
    let kind = known.kind(&Manner { tokenizer: tokenizer.clone(), tool: None });
    prompt.plain_texts().map(|text| known.count(kind, text, || tokens(tokenizer, text))).sum()
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> u64 {
    tokenizer.count_str(text) as u64
}

/// Tokens around messages.
fn framing(rules: &Fitting<'_>, prompt: &Prompt) -> u64 {
    let rule = rules.framing;
    if prompt.messages == 0 {
        return 0;
    }
    let messages = i64::from(prompt.messages) * (rule.message + rule.role);
    u64::try_from(messages + i64::from(prompt.names) * rule.name + rule.primer).unwrap_or(0)
}

/// Tokens of tool definitions and of what frames them.
fn tools(rules: &Fitting<'_>, tokenizer: &SharedTokenizer, prompt: &Prompt, known: &CountedTexts) -> u64 {
    let kind = known.kind(&Manner { tokenizer: tokenizer.clone(), tool: Some(*rules.tools) });
    let count = |text: &str| tokens(tokenizer, text);
    let signature = rules.tools.signature.as_ref();
    let each = |json| {
        let documented = signature.and_then(|signature| signature.tokens(json, &count));
        documented.unwrap_or_else(|| count(json) + rules.tools.each)
    };
    let end = signature.filter(|_| prompt.tools > 0).map_or(0, |signature| signature.end);
    prompt.tool_texts().map(|json| known.count(kind, json, || each(json))).sum::<u64>() + end
}

/// Tokens of media: the best value, and what a hold must cover.
fn media(rules: &Fitting<'_>, prompt: &Prompt) -> (u64, u64) {
    let others = u64::from(prompt.media);
    let clip = rules.other_media;
    // Pictures beyond those that are looked at are among the others.
    let clip_most = clip.most.max(rules.images.most(crate::prompt_rules::Detail::Auto));
    let start = (others * clip.tokens, others * clip_most);
    prompt.images.iter().fold(start, |(best, most), Image { size, detail }| {
        let tokens = rules.images.tokens(size.unwrap_or(rules.unknown_size), *detail);
        let held = if size.is_some() { tokens } else { rules.images.most(*detail) };
        (best + tokens.min(held), most + held)
    })
}

/// The tokenizer used for models whose own is not public.
pub(super) fn stand_in() -> Option<SharedTokenizer> {
    tokenizer::get("o200k_base").map(SharedTokenizer::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Detector;
    use crate::dialect::read_request;
    use crate::headers::Headers;
    use crate::tokenizer::{Pattern, Tokenizers};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn count(path: &str, body: &str) -> PromptCount {
        let host = if path == "/v1/messages" { "api.anthropic.com" } else { "api.openai.com" };
        let route = Detector::new(Vec::new()).detect("POST", host, None, path, Headers(&[])).unwrap();
        let facts = read_request(&route, Headers(&[]), body.as_bytes());
        let own = facts.model.as_deref().and_then(|model| Tokenizers::default().for_model(model));
        let model = facts.model.as_deref();
        PromptCount::of(route.operation, model, own.as_ref(), &facts.prompt, true, &nothing_known())
    }

    fn nothing_known() -> CountedTexts {
        CountedTexts::new(b"k", 64)
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
        let own = Tokenizers::default().for_model("gpt-4o");
        let (nothing, known) = (Prompt::default(), nothing_known());
        let count = |whole| {
            PromptCount::of(Operation::Completions, Some("gpt-4o"), own.as_ref(), &nothing, whole, &known)
        };

        assert!(count(true).exact && !count(false).exact);
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
    fn a_given_vocabulary_counts_as_it_is_and_is_never_exact() {
        let bytes = (0..=255u8).map(|byte| (vec![byte], u32::from(byte))).collect();
        let given = Tokenizer::from_ranks("own".to_owned(), Pattern::Llama3, bytes, vec![]).unwrap();
        let given = SharedTokenizer::from(Arc::new(given));
        let route =
            Detector::new(Vec::new()).detect("POST", "api.openai.com", None, "/v1/completions", Headers(&[]));
        let facts = read_request(&route.unwrap(), Headers(&[]), br#"{"model":"gpt-4","prompt":"hello"}"#);
        let count = |model| {
            let prompt = &facts.prompt;
            PromptCount::of(Operation::Completions, Some(model), Some(&given), prompt, true, &nothing_known())
        };

        for model in ["davinci-002", "llama-3.1-8b", "claude-sonnet-4-5"] {
            assert_eq!((count(model).tokens, count(model).exact), (5, false), "{model}");
            assert!(count(model).held() > 5);
        }
    }

    #[test]
    fn a_picture_of_unknown_size_is_held_at_the_largest() {
        let body = |model: &str| {
            let picture = r#"{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}"#;
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":[{picture}]}}]}}"#)
        };
        for (model, most) in
            [("gpt-4o-mini", 48_169), ("gpt-5-nano", 3779), ("gpt-5-mini", 2489), ("gpt-4o", 1445)]
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

        assert!(tooled.tokens > plain.tokens + 346);
    }

    #[test]
    fn a_picture_of_known_size_is_held_at_that() {
        let part = r#"{"type":"image_url","image_url":{"url":"data:image/gif;base64,R0lGODlhQAHIAA"}}"#;
        let body = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":[{part}]}}]}}"#);
        let count = count("/v1/chat/completions", &body);

        // 320 x 200 is one tile: 85 + 170; a message and the primer are seven.
        assert_eq!(
            (count.tokens, count.exact, count.held()),
            (255 + 7, false, 255 + 7 + 2 + HEADROOM_TOKENS)
        );
        assert_eq!(count.teachable(), None);
    }

    /// A text of a prompt and whether it is the definition of a tool; few of them, so that they come again.
    fn text() -> impl Strategy<Value = (String, bool)> {
        let function = |n: usize| {
            let about = "What it does. ".repeat(20 + n);
            format!(r#"{{"type":"function","function":{{"name":"f{n}","description":"{about}"}}}}"#)
        };
        let prose = |n: usize| "It is so, and it was so before. 它是这样的。\n".repeat(6 + n);
        let strange =
            |n: usize| format!(r#"{{"type":"web_search{n}","about":"{}"}}"#, "many words ".repeat(30));
        (0_usize..6, 0..3).prop_flat_map(move |(n, what)| {
            let text = match what {
                0 => function(n),
                1 => prose(n),
                _ => strange(n),
            };
            (Just(text), any::<bool>())
        })
    }

    proptest! {
        #[test]
        fn what_is_known_changes_no_count(
            requests in prop::collection::vec((0_usize..5, prop::collection::vec(text(), 0..8)), 1..12), room in 0_usize..24,
        ) {
            let known = CountedTexts::new(b"k", room);
            for (model, texts) in requests {
                let model = Some(["gpt-4o", "gpt-4", "deepseek-chat", "claude-sonnet-4-5", "gpt-5-nano"][model]);
                let own = model.and_then(|model| Tokenizers::default().for_model(model));
                let prompt = Prompt::of_texts(texts.iter().map(|(text, tool)| (text.as_str(), *tool)));
                let count = |known: &CountedTexts| {
                    PromptCount::of(Operation::Chat, model, own.as_ref(), &prompt, true, known)
                };

                prop_assert_eq!(count(&known), count(&CountedTexts::new(b"k", 0)));
                prop_assert_eq!(count(&known), count(&known));
            }
        }
    }

    #[test]
    fn what_was_learned_corrects_an_estimate_and_shrinks_its_headroom() {
        let mut calibrations = super::super::calibration::Calibrations::default();
        (0..200).for_each(|at| calibrations.learn_input("p", "m", 1000, 1100 + at % 30));
        let learned = calibrations.input("p", "m");
        let estimate = chat("gpt-5-nano", r#","tools":[{"type":"function","function":{"name":"f"}}]"#);
        let corrected = estimate.corrected(learned);
        let exact = chat("gpt-4o", "");

        assert_eq!(corrected.tokens, estimate.tokens * 223 / 200);
        assert!(corrected.held() < estimate.held() + estimate.tokens * 15 / 100);
        assert_eq!(corrected.corrected(None), estimate);
        assert_eq!((exact.corrected(learned), exact.teachable()), (exact, None));
        assert_eq!(estimate.teachable(), Some(estimate.tokens));
    }
}
