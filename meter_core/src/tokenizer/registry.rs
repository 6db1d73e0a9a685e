//! The encodings by name.
//!
//! Owns the list of encodings, their special tokens, and loading each one once, on first use. Refuses to know models
//! beyond asking which encoding one has.

use std::sync::{Arc, OnceLock};

use super::embedded::{self, Blob};
use super::merging::Merging;
use super::model::encoding_for_model;
use super::normal_form::Form;
use super::pattern::Pattern;
use super::special::Specials;
use super::text_tokenizer::Tokenizer;
use super::vocabulary::Vocabulary;

/// Names of the encodings [`get`] knows; it also knows `gpt2`, another name of `r50k_base`.
pub const ENCODINGS: [&str; 9] = [
    "r50k_base",
    "p50k_base",
    "p50k_edit",
    "cl100k_base",
    "o200k_base",
    "o200k_harmony",
    "tekken",
    "qwen",
    "deepseek",
];

const END_OF_TEXT: &str = "<|endoftext|>";
const FILL_IN: [&str; 3] = ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"];
const END_OF_PROMPT: &str = "<|endofprompt|>";
const HARMONY: [(&str, u32); 9] = [
    ("<|startoftext|>", 199_998),
    ("<|return|>", 200_002),
    ("<|constrain|>", 200_003),
    ("<|channel|>", 200_005),
    ("<|start|>", 200_006),
    ("<|end|>", 200_007),
    ("<|message|>", 200_008),
    ("<|call|>", 200_012),
    (END_OF_PROMPT, 200_018),
];
/// Harmony's other ids from 200,000 on are reserved, up to this one. 200,018 is so named as well.
const HARMONY_END: u32 = 201_088;

/// Mistral's special tokens take the ids below the ranks.
const TEKKEN_FIRST_ID: u32 = 1000;
/// Three of DeepSeek's special tokens have the ids below the ranks.
const DEEPSEEK_FIRST_ID: u32 = 3;

/// The tokenizer of an encoding, put together on first use, which takes no time: its tables lie ready in the binary; `None` for an unknown name.
pub fn get(name: &str) -> Option<&'static Tokenizer> {
    static R50K: Lazy = Lazy::new();
    static P50K: Lazy = Lazy::new();
    static P50K_EDIT: Lazy = Lazy::new();
    static CL100K: Lazy = Lazy::new();
    static O200K: Lazy = Lazy::new();
    static HARMONY: Lazy = Lazy::new();
    static TEKKEN: Lazy = Lazy::new();
    static QWEN: Lazy = Lazy::new();
    static DEEPSEEK: Lazy = Lazy::new();
    static R50K_RANKS: Ranks = Ranks::new(embedded::R50K);
    static P50K_RANKS: Ranks = Ranks::new(embedded::P50K);
    static CL100K_RANKS: Ranks = Ranks::new(embedded::CL100K);
    static O200K_RANKS: Ranks = Ranks::new(embedded::O200K);
    static TEKKEN_RANKS: Ranks = Ranks::new(embedded::TEKKEN);
    static QWEN_RANKS: Ranks = Ranks::new(embedded::QWEN);
    static DEEPSEEK_RANKS: Ranks = Ranks::new(embedded::DEEPSEEK);

    let end_of_text = |id| [(END_OF_TEXT.to_owned(), id)];
    match name {
        "r50k_base" | "gpt2" => R50K.get("r50k_base", Pattern::R50k, &R50K_RANKS, end_of_text(50_256)),
        "p50k_base" => P50K.get(name, Pattern::R50k, &P50K_RANKS, end_of_text(50_256)),
        "p50k_edit" => P50K_EDIT.get(
            name,
            Pattern::R50k,
            &P50K_RANKS,
            end_of_text(50_256).into_iter().chain(fill_in(50_281)),
        ),
        "cl100k_base" => {
            let specials = end_of_text(100_257).into_iter().chain(fill_in(100_258));
            let specials = specials.chain([(END_OF_PROMPT.to_owned(), 100_276)]);
            CL100K.get(name, Pattern::Cl100k, &CL100K_RANKS, specials)
        }
        "o200k_base" => {
            let specials = end_of_text(199_999).into_iter().chain([(END_OF_PROMPT.to_owned(), 200_018)]);
            O200K.get(name, Pattern::O200k, &O200K_RANKS, specials)
        }
        "o200k_harmony" => {
            let specials = end_of_text(199_999).into_iter().chain(harmony());
            HARMONY.get(name, Pattern::O200k, &O200K_RANKS, specials)
        }
        "tekken" => TEKKEN.get_packed(name, Pattern::Tekken, &TEKKEN_RANKS, TEKKEN_FIRST_ID, Form::AsWritten),
        "qwen" => QWEN.get_packed(name, Pattern::Qwen, &QWEN_RANKS, 0, Form::Composed),
        "deepseek" => {
            DEEPSEEK.get_packed(name, Pattern::DeepSeek, &DEEPSEEK_RANKS, DEEPSEEK_FIRST_ID, Form::AsWritten)
        }
        _ => None,
    }
}

/// The tokenizer of a model, by the table of models; `None` when none is embedded, or the model's is not public.
pub fn for_model(model: &str) -> Option<&'static Tokenizer> {
    get(encoding_for_model(model)?)
}

fn fill_in(first: u32) -> impl Iterator<Item = (String, u32)> {
    FILL_IN.into_iter().map(str::to_owned).zip(first..)
}

fn harmony() -> impl Iterator<Item = (String, u32)> {
    let reserved = (200_000..HARMONY_END)
        .filter(|id| *id == 200_018 || HARMONY.iter().all(|(_, named)| named != id))
        .map(|id| (format!("<|reserved_{id}|>"), id));
    reserved.chain(HARMONY.into_iter().map(|(name, id)| (name.to_owned(), id)))
}

/// Ranks that several encodings may share.
struct Ranks {
    blob: Blob,
    shared: OnceLock<Option<Arc<Vocabulary>>>,
}

impl Ranks {
    const fn new(blob: Blob) -> Self {
        Self { blob, shared: OnceLock::new() }
    }

    fn get(&self) -> Option<Arc<Vocabulary>> {
        self.shared.get_or_init(|| self.blob.vocabulary().map(Arc::new)).clone()
    }
}

/// An encoding, put together once.
struct Lazy {
    tokenizer: OnceLock<Option<Tokenizer>>,
}

impl Lazy {
    const fn new() -> Self {
        Self { tokenizer: OnceLock::new() }
    }

    fn get(
        &'static self,
        name: &str,
        pattern: Pattern,
        ranks: &Ranks,
        specials: impl IntoIterator<Item = (String, u32)>,
    ) -> Option<&'static Tokenizer> {
        let build = || {
            let specials = specials.into_iter().map(|(name, id)| (name.into_bytes(), id));
            let merging = Merging::Ranked(ranks.get()?);
            Some(Tokenizer::new(name.to_owned(), Some(pattern), merging, Specials::new(specials)))
        };
        self.tokenizer.get_or_init(build).as_ref()
    }

    /// With the special tokens that were packed with the ranks, and ids that begin at `first_id`.
    fn get_packed(
        &'static self,
        name: &str,
        pattern: Pattern,
        ranks: &Ranks,
        first_id: u32,
        form: Form,
    ) -> Option<&'static Tokenizer> {
        let build = || {
            let vocabulary = ranks.get()?;
            let specials = Specials::new(vocabulary.specials());
            let merging = Merging::Ranked(vocabulary);
            let tokenizer = Tokenizer::new(name.to_owned(), Some(pattern), merging, specials);
            Some(tokenizer.with_first_id(first_id).with_form(form))
        };
        self.tokenizer.get_or_init(build).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_loads_under_its_name() {
        for name in ENCODINGS {
            assert_eq!(get(name).map(Tokenizer::name), Some(name));
        }
        assert_eq!(get("gpt2").map(Tokenizer::name), Some("r50k_base"));
        assert!(get("gpt-4o").is_none());
    }

    #[test]
    fn models_find_their_encoding() {
        assert_eq!(for_model("gpt-4o").map(Tokenizer::name), Some("o200k_base"));
        assert_eq!(for_model("Qwen/QwQ-32B").map(Tokenizer::name), Some("qwen"));
        assert!(for_model("claude-opus-4").is_none());
    }
}
