//! Which encoding a model uses.
//!
//! Owns reading the table of models, `data/tokenizers.txt`, which describes itself. Refuses to guess: a model whose tokenizer
//! is not embedded has none.

use std::iter::successors;
use std::sync::OnceLock;

use crate::name_pattern::Pattern;

static TABLE: &str = include_str!("../../data/tokenizers.txt");
/// In place of an encoding: none.
const NONE: &str = "-";

/// The table, read once.
struct Table {
    strip: Vec<&'static str>,
    rules: Vec<Rule>,
}

struct Rule {
    pattern: Pattern,
    encoding: &'static str,
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| {
        let mut table = Table { strip: Vec::new(), rules: Vec::new() };
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("strip"), first) => table.strip.extend(first.into_iter().chain(words)),
                (Some(pattern), Some(encoding)) => {
                    table.rules.push(Rule { pattern: pattern.to_owned().into(), encoding });
                }
                _ => {}
            }
        }
        table
    })
}

/// The name of the encoding of a model, as providers and routers write it: in any case, with or without a date, after a path
/// (`openai/`, `accounts/fireworks/models/`), a region and a vendor (`us.mistral.`), or as a fine-tune's base
/// (`ft:gpt-4o-mini:...`); `None` when there is no embedded tokenizer.
///
/// A fine-tune has the encoding of its base model. (tiktoken 0.14 matches `ft:gpt-4` first and so gives `ft:gpt-4.1` the
/// encoding of GPT-4.)
pub fn encoding_for_model(model: &str) -> Option<&'static str> {
    let lower = model.to_ascii_lowercase();
    let name = names(&lower).last()?;
    let rule = table().rules.iter().find(|rule| rule.pattern.fits(name))?;
    (rule.encoding != NONE).then_some(rule.encoding)
}

/// What a model is called: `lower` as it is written, then without each of the things that are put before it, to its bare name.
pub(super) fn names(lower: &str) -> impl Iterator<Item = &str> {
    successors(Some(lower), |name| {
        if let Some((_, rest)) = name.split_once('/') {
            return Some(rest);
        }
        if let Some(tuned) = name.strip_prefix("ft:") {
            return tuned.split(':').next();
        }
        table().strip.iter().find_map(|prefix| name.strip_prefix(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::ENCODINGS;

    #[test]
    fn models_have_the_encoding_tiktoken_gives_them() {
        for (model, encoding) in [
            ("gpt-4o-2024-05-13", "o200k_base"),
            ("gpt-4.1-nano", "o200k_base"),
            ("gpt-5.2-codex", "o200k_base"),
            ("gpt-5", "o200k_base"),
            ("o3-mini", "o200k_base"),
            ("o4-mini-2025-04-16", "o200k_base"),
            ("gpt-4-32k", "cl100k_base"),
            ("gpt-3.5-turbo", "cl100k_base"),
            ("text-embedding-3-small", "cl100k_base"),
            ("ft:gpt-4o-mini:acme::id", "o200k_base"),
            ("ft:gpt-4:acme", "cl100k_base"),
            ("ft:gpt-4.1-mini-2025-04-14:acme::id", "o200k_base"),
            ("ft:davinci-002:acme", "cl100k_base"),
            ("openai/gpt-oss-120b", "o200k_harmony"),
            ("gpt-oss:20b", "o200k_harmony"),
            ("gpt2", "r50k_base"),
            ("text-davinci-edit-001", "p50k_edit"),
        ] {
            assert_eq!(encoding_for_model(model), Some(encoding), "{model}");
        }
    }

    #[test]
    fn other_models_have_none() {
        for model in [
            "",
            "ft:",
            "/",
            "gpt",
            "claude-3-opus",
            "gemini-2.5-pro",
            "o4",
            "llama-3",
            "qwen3.5-plus",
            "accounts/fireworks/models/qwen3p5-397b",
            "codeqwen1.5-7b",
            "deepseek-v2.5",
            "deepseek-coder-33b-instruct",
            "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
            "deepseek-r1:8b",
            "open-mistral-7b",
            "mixtral-8x7b-instruct",
            "mistral-large-2407",
            "mistral.mistral-large-2402-v1:0",
            "mistral-small-2409",
            "codestral-2405",
            "pixtral-large-2411",
        ] {
            assert_eq!(encoding_for_model(model), None, "{model}");
        }
    }

    #[test]
    fn open_models_are_found_as_every_provider_calls_them() {
        for (model, encoding) in [
            ("Qwen/Qwen2.5-72B-Instruct-Turbo", "qwen"),
            ("qwen-max", "qwen"),
            ("qwen3-coder-plus", "qwen"),
            ("qwen.qwen3-32b-v1:0", "qwen"),
            ("QwQ-32B", "qwen"),
            ("deepseek-r1-distill-qwen-32b", "qwen"),
            ("deepseek-r1:14b", "qwen"),
            ("accounts/fireworks/models/qwen2p5-72b-instruct", "qwen"),
            ("accounts/fireworks/models/deepseek-v3p1", "deepseek"),
            ("deepseek-ai/DeepSeek-V3.2-Exp", "deepseek"),
            ("deepseek/deepseek-r1:free", "deepseek"),
            ("us.deepseek.r1-v1:0", "deepseek"),
            ("deepseek-chat", "deepseek"),
            ("DeepSeek-V4-Pro", "deepseek"),
            ("open-mistral-nemo-2407", "tekken"),
            ("ministral-8b-2410", "tekken"),
            ("mistral-small-latest", "tekken"),
            ("mistralai/Mistral-Small-24B-Instruct-2501", "tekken"),
            ("mistral-large-2512", "tekken"),
            ("mistral.mistral-large-3-675b-instruct", "tekken"),
            ("codestral-2508", "tekken"),
            ("devstral-small-2507", "tekken"),
            ("magistral-medium-latest", "tekken"),
            ("openai.gpt-oss-120b-1:0", "o200k_harmony"),
            ("GPT-4o", "o200k_base"),
        ] {
            assert_eq!(encoding_for_model(model), Some(encoding), "{model}");
        }
    }

    #[test]
    fn every_line_names_an_encoding() {
        for rule in &table().rules {
            assert!(rule.encoding == "-" || ENCODINGS.contains(&rule.encoding), "{}", rule.encoding);
        }
    }
}
