//! The pre-tokenizer patterns: how a text is cut into pieces.
//!
//! Owns the patterns, their names, and which regular expressions have a scanner here. Refuses to know tokens. A scanner equals
//! its expression; it decides a piece from its start alone and reads each character at most a few times, so a text is scanned
//! in linear time.

/// A way to cut text into pieces, named after the first encoding that used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// GPT-2, r50k and p50k.
    R50k,
    /// GPT-3.5 and GPT-4.
    Cl100k,
    /// Llama 3.
    Llama3,
    /// Qwen 1 to 3.
    Qwen,
    /// GPT-4o and later, and Llama 4.
    O200k,
    /// Mistral's tekken.
    Tekken,
    /// DeepSeek V3 and later: three expressions, each cutting what the one before left.
    DeepSeek,
}

/// Names a user may give a pattern by.
const NAMES: [(&str, Pattern); 9] = [
    ("r50k", Pattern::R50k),
    ("gpt2", Pattern::R50k),
    ("cl100k", Pattern::Cl100k),
    ("llama3", Pattern::Llama3),
    ("qwen", Pattern::Qwen),
    ("o200k", Pattern::O200k),
    ("llama4", Pattern::O200k),
    ("tekken", Pattern::Tekken),
    ("deepseek", Pattern::DeepSeek),
];

const R50K: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s";
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const GPT2_BARE: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const CL100K: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const DEEPSEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    "[\u{4e00}-\u{9fa5}\u{3040}-\u{309f}\u{30a0}-\u{30ff}]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
];

impl Pattern {
    /// The pattern whose scanner is equal to this regular expression, as its publishers write it; `None` for any other.
    pub fn from_expression(expression: &str) -> Option<Self> {
        match expression {
            R50K | GPT2 | GPT2_BARE => Some(Self::R50k),
            CL100K => Some(Self::Cl100k),
            LLAMA3 => Some(Self::Llama3),
            QWEN => Some(Self::Qwen),
            O200K => Some(Self::O200k),
            TEKKEN => Some(Self::Tekken),
            _ => None,
        }
    }

    /// The pattern of expressions that are applied one after the other, each to what the one before left.
    pub(super) fn from_expressions(expressions: &[&str]) -> Option<Self> {
        match expressions {
            [one] => Self::from_expression(one),
            _ => (expressions == DEEPSEEK).then_some(Self::DeepSeek),
        }
    }

    /// The pattern a user calls `name`: `r50k` (or `gpt2`), `cl100k`, `llama3`, `qwen`, `o200k` (or `llama4`), `tekken`,
    /// `deepseek`.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|&(_, pattern)| pattern)
    }

    /// What [`from_name`](Self::from_name) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|&(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_name_their_scanner() {
        assert_eq!(Pattern::from_expression(O200K), Some(Pattern::O200k));
        assert_eq!(Pattern::from_expression(CL100K), Some(Pattern::Cl100k));
        assert_eq!(Pattern::from_expression(R50K), Some(Pattern::R50k));
        assert_eq!(Pattern::from_expressions(&[QWEN]), Some(Pattern::Qwen));
        assert_eq!(Pattern::from_expressions(&DEEPSEEK), Some(Pattern::DeepSeek));
        assert_eq!(Pattern::from_expressions(&DEEPSEEK[..2]), None);
        assert_eq!(Pattern::from_expression(r"\s+"), None);
    }

    #[test]
    fn names_name_their_scanner() {
        assert_eq!(Pattern::from_name("llama4"), Some(Pattern::O200k));
        assert_eq!(Pattern::from_name("LLAMA4"), None);
        assert!(Pattern::names().all(|name| Pattern::from_name(name).is_some()));
    }
}
