//! Hugging Face's `tokenizer.json` with a BPE model.
//!
//! Owns what the file says about cutting text, and its added tokens. Refuses every step it cannot do exactly, by name. The
//! post-processor is not read: it adds tokens around a text, which are no part of it.

use serde::Deserialize;
use serde_json::Value;

use super::FileError;
use super::bpe_model::{self, Model};
use crate::tokenizer::normal_form::Form;
use crate::tokenizer::pattern::Pattern;
use crate::tokenizer::special::Specials;
use crate::tokenizer::text_tokenizer::Tokenizer;

/// The expression of a `ByteLevel` step that cuts text itself.
const BYTE_LEVEL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    model: Model,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the file's own fields")]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
}

/// What happens to a text before it is merged.
enum Before {
    /// It is composed or not, and cut by a pattern; its bytes are merged.
    Bytes(Form, Pattern),
    /// Spaces become marks; its characters are merged.
    Characters,
}

pub(super) fn read(name: String, content: &[u8], pattern: Option<Pattern>) -> Result<Tokenizer, FileError> {
    let file: File = serde_json::from_slice(content).map_err(|error| FileError::Json(error.to_string()))?;
    let before = before(&steps(&file.normalizer, "normalizers"), &file.pre_tokenizer, pattern)?;

    // What the vocabulary has and no merge makes is text, like `\n\n` or `<table>` in Gemma's; the others are control words.
    let inline = |added: &&Added| !added.special && file.model.vocab.get(&added.content) == Some(&added.id);
    if let Some(added) = file.added_tokens.iter().filter(inline).find(|added| added.strips()) {
        let found = format!("{:?} with single_word, lstrip or rstrip", added.content);
        return Err(FileError::Unsupported { field: "`added_tokens`", found });
    }
    let named = |added: &Added| (added.content.clone().into_bytes(), added.id);
    let inline = Specials::new(file.added_tokens.iter().filter(inline).map(named));
    let specials = Specials::new(file.added_tokens.iter().map(named));

    let tokenizer = match before {
        Before::Bytes(form, pattern) => {
            let merging = bpe_model::over_bytes(&file.model)?;
            Tokenizer::new(name, Some(pattern), merging, specials).with_form(form)
        }
        Before::Characters => Tokenizer::new(name, None, bpe_model::over_characters(&file.model)?, specials),
    };
    Ok(tokenizer.with_inline(inline))
}

impl Added {
    fn strips(&self) -> bool {
        self.single_word || self.lstrip || self.rstrip
    }
}

fn before(
    normalizers: &[&Value],
    pre_tokenizer: &Value,
    given: Option<Pattern>,
) -> Result<Before, FileError> {
    let pre_tokenizers = steps(pre_tokenizer, "pretokenizers");
    let form = match normalizers {
        [] => Form::AsWritten,
        [one] if kind(one) == "NFC" => Form::Composed,
        [one] if is_space_mark(one) && pre_tokenizers.iter().all(|step| is_split_at_space(step)) => {
            return match given {
                None => Ok(Before::Characters),
                Some(_) => Err(FileError::Unsupported {
                    field: "a pattern",
                    found: "the model is over characters and cuts text nowhere".to_owned(),
                }),
            };
        }
        _ => return Err(unsupported("`normalizer`", normalizers)),
    };
    let Some((last, splits)) = pre_tokenizers.split_last() else {
        return Err(unsupported("`pre_tokenizer`", &pre_tokenizers));
    };
    let flag = |key: &str, absent: bool| last.get(key).and_then(Value::as_bool).unwrap_or(absent);
    if kind(last) != "ByteLevel" || flag("add_prefix_space", true) {
        return Err(unsupported("`pre_tokenizer`", &pre_tokenizers));
    }
    let mut expressions: Vec<&str> = splits.iter().filter_map(|step| expression(step)).collect();
    if expressions.len() != splits.len() {
        return Err(unsupported("`pre_tokenizer`", &pre_tokenizers));
    }
    if flag("use_regex", true) {
        expressions.push(BYTE_LEVEL);
    }
    let pattern = given.or_else(|| Pattern::from_expressions(&expressions));
    let pattern = pattern.ok_or_else(|| unsupported("`pre_tokenizer`", &pre_tokenizers))?;
    Ok(Before::Bytes(form, pattern))
}

/// The steps of a field: none, one, or a sequence.
fn steps<'a>(field: &'a Value, list: &str) -> Vec<&'a Value> {
    match field {
        Value::Null => Vec::new(),
        _ if kind(field) == "Sequence" => {
            field.get(list).and_then(Value::as_array).into_iter().flatten().collect()
        }
        _ => vec![field],
    }
}

fn kind(step: &Value) -> &str {
    step.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The regular expression of a step whose matches, and what stands between them, are pieces.
fn expression(step: &Value) -> Option<&str> {
    let isolated = step.get("behavior")? == "Isolated" && step.get("invert")? == false;
    if kind(step) == "Split" && isolated { step.get("pattern")?.get("Regex")?.as_str() } else { None }
}

/// Whether a step writes the mark of a space in place of each space.
fn is_space_mark(step: &Value) -> bool {
    let pattern = step.get("pattern").and_then(|pattern| pattern.get("String"));
    kind(step) == "Replace"
        && pattern.is_some_and(|pattern| pattern == " ")
        && step.get("content").is_some_and(|content| content == "\u{2581}")
}

/// Whether a step cuts at spaces, of which a normalizer has left none.
fn is_split_at_space(step: &Value) -> bool {
    let pattern = step.get("pattern").and_then(|pattern| pattern.get("String"));
    kind(step) == "Split" && pattern.is_some_and(|pattern| pattern == " ")
}

fn unsupported(field: &'static str, steps: &[&Value]) -> FileError {
    let found = steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    FileError::Unsupported { field, found: if found.is_empty() { "none".to_owned() } else { found } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::file::bpe_model::byte_letters;
    use serde_json::json;

    fn bytes_file(pre_tokenizer: &Value) -> Value {
        let mut vocab: serde_json::Map<String, Value> =
            byte_letters().map(|(letter, byte)| (letter.to_string(), json!(byte))).collect();
        vocab.insert("ab".to_owned(), json!(256));
        json!({
            "normalizer": {"type": "NFC"},
            "pre_tokenizer": pre_tokenizer,
            "model": {"type": "BPE", "vocab": vocab, "merges": ["a b"]},
            "added_tokens": [{"id": 300, "content": "<x>", "special": false}],
        })
    }

    fn characters_file() -> Value {
        let mut vocab: serde_json::Map<String, Value> =
            (0..256).map(|byte| (format!("<0x{byte:02X}>"), json!(byte))).collect();
        for (token, id) in ["a", "b", "\u{2581}", "\u{2581}a", "<b>"].iter().zip(256..) {
            vocab.insert((*token).to_owned(), json!(id));
        }
        json!({
            "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"},
            "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
            "model": {"type": "BPE", "byte_fallback": true, "vocab": vocab, "merges": [["\u{2581}", "a"]]},
            "added_tokens": [{"id": 260, "content": "<b>", "special": false}],
        })
    }

    fn load(file: &Value, pattern: Option<Pattern>) -> Result<Tokenizer, FileError> {
        read("own".to_owned(), file.to_string().as_bytes(), pattern)
    }

    fn refused(file: &Value) -> String {
        load(file, None).unwrap_err().to_string()
    }

    #[test]
    fn bytes_are_merged_in_pieces() {
        let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true});
        let tokenizer = load(&bytes_file(&byte_level), None).unwrap();

        assert_eq!(tokenizer.encode(b"ab ab"), [256, 32, 256]);
        assert_eq!(tokenizer.encode("e\u{301}".as_bytes()), [0xC3, 0xA9]);
        assert_eq!(tokenizer.encode(b"<x>").len(), 3);
        assert_eq!(tokenizer.encode_with_special(b"a<x>"), [97, 300]);
    }

    #[test]
    fn characters_are_merged_whole() {
        let tokenizer = load(&characters_file(), None).unwrap();

        assert_eq!(tokenizer.encode("b a<b>é".as_bytes()), [257, 259, 260, 0xC3, 0xA9]);
        assert_eq!(tokenizer.decode(&[257, 259, 0xC3, 0xA9]).unwrap(), "b aé".as_bytes());
        assert!(load(&characters_file(), Some(Pattern::Llama3)).is_err());
    }

    #[test]
    fn a_given_pattern_stands_in_for_an_unknown_one() {
        let split =
            json!({"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Isolated", "invert": false});
        let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
        let file = bytes_file(&json!({"type": "Sequence", "pretokenizers": [split, byte_level]}));

        assert!(refused(&file).starts_with("`pre_tokenizer` is not supported: {"));
        assert!(load(&file, Some(Pattern::Qwen)).is_ok());
    }

    #[test]
    fn what_cannot_be_done_is_named() {
        let prefix = bytes_file(&json!({"type": "ByteLevel", "add_prefix_space": true}));
        assert!(refused(&prefix).contains("`pre_tokenizer`"));
        assert_eq!(refused(&bytes_file(&Value::Null)), "`pre_tokenizer` is not supported: none");

        let mut prepended = characters_file();
        prepended["normalizer"] = json!({"type": "Prepend", "prepend": "\u{2581}"});
        assert!(refused(&prepended).contains("`normalizer` is not supported: {\"type\":\"Prepend\""));
        let mut stripping = characters_file();
        stripping["added_tokens"][0]["lstrip"] = json!(true);
        assert!(refused(&stripping).contains("`added_tokens`"));
    }
}
