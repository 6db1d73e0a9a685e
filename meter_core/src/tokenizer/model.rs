//! Which encoding a model uses.
//!
//! Owns the table of `OpenAI` models, that of tiktoken 0.14. Refuses to guess: a model whose tokenizer is not public has none.

const MODELS: &[(&str, &str)] = &[
    ("o1", "o200k_base"),
    ("o3", "o200k_base"),
    ("o4-mini", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4o", "o200k_base"),
    ("gpt-4", "cl100k_base"),
    ("gpt-3.5-turbo", "cl100k_base"),
    ("gpt-3.5", "cl100k_base"),
    ("gpt-35-turbo", "cl100k_base"),
    ("davinci-002", "cl100k_base"),
    ("babbage-002", "cl100k_base"),
    ("text-embedding-ada-002", "cl100k_base"),
    ("text-embedding-3-small", "cl100k_base"),
    ("text-embedding-3-large", "cl100k_base"),
    ("text-davinci-003", "p50k_base"),
    ("text-davinci-002", "p50k_base"),
    ("text-davinci-001", "r50k_base"),
    ("text-curie-001", "r50k_base"),
    ("text-babbage-001", "r50k_base"),
    ("text-ada-001", "r50k_base"),
    ("davinci", "r50k_base"),
    ("curie", "r50k_base"),
    ("babbage", "r50k_base"),
    ("ada", "r50k_base"),
    ("code-davinci-002", "p50k_base"),
    ("code-davinci-001", "p50k_base"),
    ("code-cushman-002", "p50k_base"),
    ("code-cushman-001", "p50k_base"),
    ("davinci-codex", "p50k_base"),
    ("cushman-codex", "p50k_base"),
    ("text-davinci-edit-001", "p50k_edit"),
    ("code-davinci-edit-001", "p50k_edit"),
    ("text-similarity-davinci-001", "r50k_base"),
    ("text-similarity-curie-001", "r50k_base"),
    ("text-similarity-babbage-001", "r50k_base"),
    ("text-similarity-ada-001", "r50k_base"),
    ("text-search-davinci-doc-001", "r50k_base"),
    ("text-search-curie-doc-001", "r50k_base"),
    ("text-search-babbage-doc-001", "r50k_base"),
    ("text-search-ada-doc-001", "r50k_base"),
    ("code-search-babbage-code-001", "r50k_base"),
    ("code-search-ada-code-001", "r50k_base"),
    ("gpt2", "r50k_base"),
    ("gpt-2", "r50k_base"),
];

const PREFIXES: &[(&str, &str)] = &[
    ("o1-", "o200k_base"),
    ("o3-", "o200k_base"),
    ("o4-mini-", "o200k_base"),
    ("gpt-5", "o200k_base"),
    ("gpt-4.5-", "o200k_base"),
    ("gpt-4.1-", "o200k_base"),
    ("chatgpt-4o-", "o200k_base"),
    ("gpt-4o-", "o200k_base"),
    ("gpt-4-", "cl100k_base"),
    ("gpt-3.5-turbo-", "cl100k_base"),
    ("gpt-35-turbo-", "cl100k_base"),
    ("gpt-oss", "o200k_harmony"),
];

/// The name of the encoding of an `OpenAI` model, with or without a date, an `openai/` in front (as routers write it) or a
/// fine-tune around it (`ft:gpt-4o-mini:...`); `None` when there is no public tokenizer.
///
/// A fine-tune has the encoding of its base model. (tiktoken 0.14 matches `ft:gpt-4` first and so gives `ft:gpt-4.1` the
/// encoding of GPT-4.)
pub fn encoding_for_model(model: &str) -> Option<&'static str> {
    let model = model.strip_prefix("openai/").unwrap_or(model);
    let model = match model.strip_prefix("ft:") {
        Some(tuned) => tuned.split(':').next().unwrap_or(tuned),
        None => model,
    };
    let named = MODELS.iter().find(|(name, _)| *name == model);
    let found = named.or_else(|| PREFIXES.iter().find(|(prefix, _)| model.starts_with(prefix)));
    found.map(|(_, encoding)| *encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for model in ["", "ft:", "gpt", "claude-3-opus", "gemini-2.5-pro", "o4", "llama-3"] {
            assert_eq!(encoding_for_model(model), None, "{model}");
        }
    }
}
