//! What a prompt costs beside its text, by model: dated rules of `data/prompt/rules.json`, parsed once.
//!
//! It owns the tables and which rule fits a model. It refuses to know dialects, tokenizers and what a prompt says: a new
//! dialect needs nothing here, because the last rule of each table fits everything.

mod image;
mod tools;

use std::sync::OnceLock;

use serde::Deserialize;

pub use image::{Detail, ImageRule, Size};
pub use tools::{Signature, ToolRule};

use crate::name_pattern::Pattern;

const RULES: &str = include_str!("../../data/prompt/rules.json");
/// The shape of rules that this file reads.
const FORMAT: u64 = 1;

/// A ratio of token counts: numerator and denominator.
pub type Factor = (u64, u64);

/// All tables.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PromptRules {
    format: u64,
    text: Vec<Line<TextRule>>,
    framing: Vec<Line<Framing>>,
    tools: Vec<Line<ToolRule>>,
    images: Vec<Line<ImageRule>>,
    other_media: MediaRule,
    unknown_size: (u32, u32),
}

/// One line of a table: whom it is for, and its rule.
#[derive(Debug, Deserialize)]
struct Line<T> {
    models: Vec<Pattern>,
    #[serde(default)]
    operations: Vec<String>,
    rule: T,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct TextRule {
    factor: Factor,
}

/// Tokens around messages.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Framing {
    /// Around each message.
    pub message: i64,
    /// For the role of each message.
    pub role: i64,
    /// For each participant's name, beside its text.
    pub name: i64,
    /// Once, before the reply, where there are messages.
    pub primer: i64,
    /// Operations whose framing is documented.
    public: Vec<String>,
}

/// Tokens of one clip or document.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct MediaRule {
    /// Best value.
    pub tokens: u64,
    /// What a hold must cover.
    pub most: u64,
}

/// The rules that fit one request.
#[derive(Clone, Copy, Debug)]
pub struct Fitting<'a> {
    /// The model's tokens per token of its stand-in.
    pub factor: Factor,
    /// Around messages.
    pub framing: &'a Framing,
    /// For tools.
    pub tools: &'a ToolRule,
    /// For pictures.
    pub images: &'a ImageRule,
    /// For one clip or document.
    pub other_media: MediaRule,
    /// The size taken for a picture whose own is not known.
    pub unknown_size: Size,
    /// Whether a plain prompt of this operation is counted exactly, if the vocabulary is public.
    pub public: bool,
}

impl PromptRules {
    /// The rules that ship with the program.
    pub fn embedded() -> &'static Self {
        static PARSED: OnceLock<PromptRules> = OnceLock::new();
        // A file of another shape would not pass this folder's tests.
        PARSED.get_or_init(|| Self::parse(RULES).unwrap_or_default())
    }

    /// Rules from their JSON; None if it has another shape.
    fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().filter(|rules: &Self| rules.format == FORMAT)
    }

    /// The rules for a request to do `operation` with `model`.
    pub fn fitting(&self, operation: &str, model: Option<&str>) -> Fitting<'_> {
        static NO_FRAMING: OnceLock<Framing> = OnceLock::new();
        static NO_TOOLS: ToolRule = ToolRule::NONE;
        static NO_IMAGES: ImageRule = ImageRule::NONE;
        let name = bare(model.unwrap_or_default());
        let framing = find(&self.framing, operation, &name);
        let listed = |operations: &[String]| operations.iter().any(|known| known == operation);
        let (wide, high) = self.unknown_size;
        Fitting {
            factor: find(&self.text, operation, &name).map_or((1, 1), |rule| rule.factor),
            framing: framing.unwrap_or_else(|| NO_FRAMING.get_or_init(Framing::default)),
            tools: find(&self.tools, operation, &name).unwrap_or(&NO_TOOLS),
            images: find(&self.images, operation, &name).unwrap_or(&NO_IMAGES),
            other_media: self.other_media,
            unknown_size: Size { wide, high },
            public: framing.is_some_and(|framing| listed(&framing.public)),
        }
    }
}

fn find<'a, T>(table: &'a [Line<T>], operation: &str, name: &str) -> Option<&'a T> {
    let fits = |line: &&Line<T>| {
        let named = line.models.iter().any(|pattern| pattern.fits(name));
        named || line.operations.iter().any(|known| known == operation)
    };
    table.iter().find(fits).map(|line| &line.rule)
}

/// A model's name without what routers and fine-tunes put before it, in lower case.
fn bare(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.strip_prefix("ft:").unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(operation: &str, model: Option<&str>) -> Factor {
        PromptRules::embedded().fitting(operation, model).factor
    }

    #[test]
    fn the_embedded_rules_are_whole() {
        let rules = PromptRules::parse(RULES).unwrap();
        let plain: serde_json::Value = serde_json::from_str(RULES).unwrap();

        for table in ["text", "framing", "tools", "images"] {
            let lines = plain[table].as_array().unwrap();
            assert_eq!(lines.last().unwrap()["models"], serde_json::json!(["*"]), "{table}");
            for line in lines {
                let source = line["source"].as_str().unwrap();
                assert!(plain["sources"][source].is_string(), "{table}: {line}");
            }
        }
        assert!(rules.text.iter().all(|line| line.rule.factor.1 > 0));
        assert!(rules.images.iter().all(|line| line.rule.is_whole()));
    }

    #[test]
    fn another_shape_is_no_rules_and_no_rules_fit_nothing() {
        assert!(PromptRules::parse("{}").is_none() && PromptRules::parse("[").is_none());
        let none = PromptRules::default();
        let fitting = none.fitting("chat", Some("gpt-4o"));

        assert_eq!((fitting.factor, fitting.public, fitting.framing.message), ((1, 1), false, 0));
    }

    #[test]
    fn a_model_is_found_behind_routers_and_without_a_name_by_what_is_asked() {
        assert_eq!(factor("chat", Some("anthropic/Claude-Sonnet-4.5")), (27, 20));
        assert_eq!(factor("chat", Some("us.anthropic.claude-opus-4-7-v1:0")), (7, 4));
        assert_eq!(factor("messages", None), (27, 20));
        assert_eq!(factor("messages", Some("deepseek-chat")), (1, 1));
        assert_eq!(factor("messages", Some("house-model")), (27, 20));
        assert_eq!(factor("chat", Some("house-model")), (1, 1));
    }

    #[test]
    fn only_documented_framing_is_public() {
        let public = |model| PromptRules::embedded().fitting("chat", Some(model)).public;

        assert!(
            ["gpt-4o", "ft:gpt-4o-mini:acme::1", "openai/gpt-4.1", "gpt-3.5-turbo-0301"].map(public)
                == [true; 4]
        );
        assert!(["gpt-4o-search-preview", "gpt-5-nano", "claude-3", "llama"].map(public) == [false; 4]);
        let fitting = |operation, model| PromptRules::embedded().fitting(operation, Some(model)).public;
        assert!(
            fitting("embeddings", "text-embedding-3-small")
                && fitting("completions", "gpt-3.5-turbo-instruct")
        );
        assert!(!fitting("responses", "gpt-4o") && !fitting("completions", "qwen3-8b"));
    }
}
