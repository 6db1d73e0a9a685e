//! Mistral's `tekken.json`.
//!
//! Owns reading its ranks, of which a model uses only as many as the file states. Refuses to know how Mistral frames
//! messages.

use serde::Deserialize;

use super::{FileError, base64};
use crate::tokenizer::pattern::Pattern;
use crate::tokenizer::text_tokenizer::Tokenizer;

#[derive(Deserialize)]
struct File {
    config: Config,
    vocab: Vec<Token>,
    #[serde(default)]
    special_tokens: Option<Vec<Special>>,
}

#[derive(Deserialize)]
struct Config {
    pattern: String,
    default_vocab_size: u32,
    default_num_special_tokens: u32,
}

#[derive(Deserialize)]
struct Token {
    rank: u32,
    token_bytes: String,
}

#[derive(Deserialize)]
struct Special {
    rank: u32,
    token_str: String,
}

pub(super) fn read(name: String, content: &[u8], pattern: Option<Pattern>) -> Result<Tokenizer, FileError> {
    let file: File = serde_json::from_slice(content).map_err(|error| FileError::Json(error.to_string()))?;
    let Config { pattern: expression, default_vocab_size: size, default_num_special_tokens: first_id } =
        file.config;
    let pattern = pattern.or_else(|| Pattern::from_expression(&expression));
    let pattern = pattern.ok_or(FileError::Unsupported { field: "`config.pattern`", found: expression })?;
    let used = size.saturating_sub(first_id);
    let mut ranks = Vec::new();
    for token in file.vocab.into_iter().filter(|token| token.rank < used) {
        let bytes = base64::decode(token.token_bytes.as_bytes());
        let bytes = bytes.ok_or_else(|| {
            FileError::Inconsistent(format!("`token_bytes` of rank {} is not base64", token.rank))
        })?;
        ranks.push((bytes, token.rank));
    }
    let specials = file.special_tokens.unwrap_or_default();
    let specials = specials.into_iter().map(|special| (special.token_str.into_bytes(), special.rank));
    Ok(Tokenizer::from_ranks(name, pattern, ranks, specials.collect())?.with_first_id(first_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: &str = r"[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    fn file(pattern: &str, last: &str) -> String {
        let singles = (0..=255u8)
            .map(|byte| format!(r#"{{"rank":{byte},"token_bytes":"{}"}},"#, base64::encode_byte(byte)));
        let singles: String = singles.collect();
        format!(
            r#"{{"config":{{"pattern":"{pattern}","default_vocab_size":267,"default_num_special_tokens":10}},
               "special_tokens":[{{"rank":3,"token_str":"[INST]","is_control":true}}],
               "vocab":[{singles}{{"rank":256,"token_bytes":"{last}"}},{{"rank":257,"token_bytes":"YWJj"}}]}}"#
        )
    }

    #[test]
    fn ids_begin_behind_the_special_ones_and_end_where_the_model_does() {
        let tokenizer = read("own".to_owned(), file(PATTERN, "YWI=").as_bytes(), None).unwrap();

        assert_eq!(tokenizer.encode(b"abc"), [266, 109]);
        assert_eq!(tokenizer.encode_with_special(b"[INST]a"), [3, 107]);
        assert_eq!(tokenizer.decode(&[3, 266]).unwrap(), b"[INST]ab");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |file: String| read("own".to_owned(), file.as_bytes(), None).unwrap_err().to_string();

        assert_eq!(refused(file("x+", "YWI=")), "`config.pattern` is not supported: x+");
        assert!(refused(file(PATTERN, "YWI")).contains("rank 256"));
        assert!(refused(r#"{"config":{}}"#.to_owned()).contains("pattern"));
    }
}
