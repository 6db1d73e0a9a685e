//! Tokenizers from files a user has.
//!
//! Owns telling the formats apart and saying what is wrong with a file. Refuses to open anything: it is given bytes.

mod base64;
mod bpe_model;
mod hugging_face;
mod rank_file;
mod tekken;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::pattern::Pattern;
use super::text_tokenizer::Tokenizer;
use super::vocabulary::VocabularyError;
use crate::limits::TOKENIZER_FILE_BYTES_MAX;

/// Why a file is not a usable tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    /// It has more bytes than any known tokenizer.
    TooLarge,
    /// It is of no known format.
    Unrecognised,
    /// It is JSON, but neither of the known kinds, or breaks off; what the parser says.
    Json(String),
    /// A line of a rank file is not a token and its rank.
    Line(usize),
    /// A rank file does not say how text is cut, and neither did the caller.
    PatternNeeded,
    /// The file asks for something that is not done here: where, and what.
    Unsupported {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: String,
    },
    /// A token, a merge or a byte is missing or malformed: which.
    Inconsistent(String),
    /// The ranks are not those of a byte-pair vocabulary.
    Vocabulary(VocabularyError),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it is larger than {} MiB", TOKENIZER_FILE_BYTES_MAX >> 20),
            Self::Unrecognised => f.write_str(
                "it is neither a rank file (lines of base64 and rank), a tekken.json nor a tokenizer.json; of models in \
                 SentencePiece's own format, use the tokenizer.json beside it",
            ),
            Self::Json(error) => {
                write!(f, "it is not a tekken.json or a tokenizer.json with a BPE model: {error}")
            }
            Self::Line(line) => write!(f, "line {line} is not a token in base64 and its rank"),
            Self::PatternNeeded => {
                let names: Vec<_> = Pattern::names().collect();
                write!(f, "a rank file does not say how text is cut: name its pattern, one of {}", names.join(", "))
            }
            Self::Unsupported { field, found } => write!(f, "{field} is not supported: {found}"),
            Self::Inconsistent(what) => f.write_str(what),
            Self::Vocabulary(error) => write!(f, "its ranks cannot be used: {error}"),
        }
    }
}

impl std::error::Error for FileError {}

impl From<VocabularyError> for FileError {
    fn from(error: VocabularyError) -> Self {
        Self::Vocabulary(error)
    }
}

/// What tells the two kinds of JSON apart.
#[derive(Deserialize)]
struct Outline {
    model: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
}

impl Tokenizer {
    /// Builds the tokenizer that a file describes: a rank file (`.tiktoken`, Llama's `tokenizer.model`), Mistral's
    /// `tekken.json`, or Hugging Face's `tokenizer.json` with a BPE model. `pattern` says how text is cut: necessary for a rank
    /// file, and otherwise in place of what the file says.
    pub fn from_file_content(
        name: String,
        content: &[u8],
        pattern: Option<Pattern>,
    ) -> Result<Self, FileError> {
        if content.len() > TOKENIZER_FILE_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        if content.trim_ascii_start().first() != Some(&b'{') {
            return rank_file::read(name, content, pattern);
        }
        let outline: Outline =
            serde_json::from_slice(content).map_err(|error| FileError::Json(error.to_string()))?;
        match outline {
            Outline { model: Some(_), .. } => hugging_face::read(name, content, pattern),
            Outline { config: Some(_), .. } => tekken::read(name, content, pattern),
            Outline { .. } => Err(FileError::Json("it has neither `model` nor `config`".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(content: &[u8]) -> String {
        Tokenizer::from_file_content("x".to_owned(), content, None).unwrap_err().to_string()
    }

    #[test]
    fn a_file_that_is_none_says_what_would_be() {
        assert!(error(b"\n\x0e\n\x05<unk>").contains("SentencePiece"));
        assert!(error(b"").contains("rank file"));
        assert!(error(b"{}").contains("neither `model` nor `config`"));
        assert!(error(b"{\"model\":").contains("EOF"));
        assert!(error(&vec![b' '; TOKENIZER_FILE_BYTES_MAX + 1]).contains("larger than"));
    }
}
