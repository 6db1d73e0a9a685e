//! Which tokenizer a model's text is counted with: one that a user gave for it, else the embedded one.
//!
//! Owns the order in which they are asked. Refuses to know how a model's name is taken apart, which is `model`.

use super::model::names;
use super::registry;
use super::shared::SharedTokenizer;
use crate::name_pattern::Pattern;

/// Tokenizers that a user gave, by model, before those that are embedded.
#[derive(Clone, Debug, Default)]
pub struct Tokenizers {
    /// Patterns are in lower case.
    given: Vec<(Pattern, SharedTokenizer)>,
}

impl Tokenizers {
    /// Embedded tokenizers, and before them those of `given`: the first whose pattern fits. A pattern is the name of a model,
    /// in which `*` stands for any text, in any case. It fits a name as it is written, or without any of what providers and
    /// routers put before it.
    pub fn new(given: impl IntoIterator<Item = (String, SharedTokenizer)>) -> Self {
        let line = |(pattern, tokenizer): (String, _)| (pattern.to_ascii_lowercase().into(), tokenizer);
        Self { given: given.into_iter().map(line).collect() }
    }

    /// The tokenizer of a model; `None` when nobody gave one and none is embedded.
    pub fn for_model(&self, model: &str) -> Option<SharedTokenizer> {
        self.given_for(model).cloned().or_else(|| registry::for_model(model).map(SharedTokenizer::from))
    }

    fn given_for(&self, model: &str) -> Option<&SharedTokenizer> {
        if self.given.is_empty() {
            return None;
        }
        let lower = model.to_ascii_lowercase();
        let fits = |pattern: &Pattern| names(&lower).any(|name| pattern.fits(name));
        self.given.iter().find(|(pattern, _)| fits(pattern)).map(|(_, tokenizer)| tokenizer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::get;

    /// Each pattern with another tokenizer, known by its name.
    fn chosen(patterns: &[&str], model: &str) -> Option<String> {
        let stand_ins = ["tekken", "qwen", "deepseek"].map(|name| get(name).unwrap());
        let given =
            patterns.iter().map(|pattern| (*pattern).to_owned()).zip(stand_ins.map(SharedTokenizer::from));
        Tokenizers::new(given).for_model(model).map(|found| found.name().to_owned())
    }

    #[test]
    fn a_pattern_fits_a_name_behind_whatever_is_put_before_it() {
        for (pattern, model) in [
            ("llama-3*", "llama-3.1-8b"),
            ("llama-3*", "Llama-3"),
            ("LLAMA-3*", "accounts/fireworks/models/llama-3p1-8b"),
            ("llama3*", "us.meta.llama3-1-8b-instruct-v1:0"),
            ("gemma-3-27b-it", "google/gemma-3-27b-it"),
            ("meta-llama/*", "meta-llama/Llama-3.1-8B"),
            ("meta-llama/*", "openrouter/meta-llama/llama-4-scout"),
            ("us.meta.*", "us.meta.llama3-1-8b-instruct-v1:0"),
            ("my-base", "ft:my-base:acme::1"),
            ("*llama*", "codellama-7b"),
            ("*", "anything"),
        ] {
            assert_eq!(chosen(&[pattern], model).as_deref(), Some("tekken"), "{pattern} {model}");
        }
    }

    #[test]
    fn a_pattern_is_the_whole_name() {
        for (pattern, model) in [
            ("llama-3", "llama-3.1-8b"),
            ("llama-3*", "codellama-3"),
            ("meta-llama/*", "meta-llama"),
            ("meta-llama/*", "llama-3.1-8b"),
            ("", "llama"),
        ] {
            assert_eq!(chosen(&[pattern], model), None, "{pattern} {model}");
        }
    }

    #[test]
    fn the_first_that_fits_comes_before_the_embedded() {
        assert_eq!(chosen(&["llama-4*", "llama*", "*"], "llama-3").as_deref(), Some("qwen"));
        assert_eq!(chosen(&["gpt-4*"], "gpt-4o").as_deref(), Some("tekken"));
        assert_eq!(chosen(&["llama*"], "gpt-4o").as_deref(), Some("o200k_base"));
        assert_eq!(chosen(&["llama*"], "claude-sonnet-4-5"), None);
    }
}
