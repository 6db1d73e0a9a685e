//! Rank files: a line for each token, its bytes in base64 and its rank.
//!
//! Owns reading `.tiktoken` files and Llama's `tokenizer.model`. Refuses to guess how text is cut, which they do not say.

use super::{FileError, base64};
use crate::tokenizer::pattern::Pattern;
use crate::tokenizer::text_tokenizer::Tokenizer;

pub(super) fn read(name: String, content: &[u8], pattern: Option<Pattern>) -> Result<Tokenizer, FileError> {
    let mut ranks = Vec::new();
    for (line, number) in content.split(|&byte| byte == b'\n').zip(1..) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let refused = if ranks.is_empty() { FileError::Unrecognised } else { FileError::Line(number) };
        ranks.push(token(line).ok_or(refused)?);
    }
    if ranks.is_empty() {
        return Err(FileError::Unrecognised);
    }
    let pattern = pattern.ok_or(FileError::PatternNeeded)?;
    Ok(Tokenizer::from_ranks(name, pattern, ranks, Vec::new())?)
}

fn token(line: &[u8]) -> Option<(Vec<u8>, u32)> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let rank = std::str::from_utf8(&line[space + 1..]).ok()?.parse().ok()?;
    Some((base64::decode(&line[..space])?, rank))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn bytes() -> String {
        (0..=255u8).fold(String::new(), |mut file, byte| {
            writeln!(file, "{} {byte}", base64::encode_byte(byte)).unwrap();
            file
        })
    }

    #[test]
    fn a_rank_file_with_a_pattern_is_a_tokenizer() {
        let file = bytes() + "YWI= 256\r\n\n";
        let tokenizer = read("own".to_owned(), file.as_bytes(), Some(Pattern::Llama3)).unwrap();

        assert_eq!(tokenizer.encode(b"abc"), [256, 99]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |file: &str, pattern| read("own".to_owned(), file.as_bytes(), pattern).unwrap_err();

        assert_eq!(refused(&bytes(), None), FileError::PatternNeeded);
        assert_eq!(refused(&(bytes() + "YWI= x"), Some(Pattern::Llama3)), FileError::Line(257));
        assert_eq!(refused("YWI 256", Some(Pattern::Llama3)), FileError::Unrecognised);
        assert!(matches!(refused("YWI= 256", Some(Pattern::Llama3)), FileError::Vocabulary(_)));
    }
}
