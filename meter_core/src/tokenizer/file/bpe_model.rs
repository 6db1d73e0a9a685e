//! The BPE model of a `tokenizer.json`.
//!
//! Owns turning its vocabulary and merges into tables, the fast ones where they give the same answers. Refuses options that
//! would change an answer and are not implemented.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::FileError;
use crate::tokenizer::merge;
use crate::tokenizer::merge_list::{Alphabet, MergeList};
use crate::tokenizer::merging::Merging;
use crate::tokenizer::split::{Split, last_merge};
use crate::tokenizer::vocabulary::{TOKENS_MAX, Vocabulary};

/// First of the letters that stand for unprintable bytes.
const UNPRINTABLE: u32 = 0x100;

#[derive(Deserialize)]
pub(super) struct Model {
    /// Older files leave it out.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    pub(super) vocab: BTreeMap<String, u32>,
    merges: Vec<Pair>,
    #[serde(default)]
    dropout: Option<serde_json::Number>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
}

/// Two tokens that merge, as newer and older files write them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Both([String; 2]),
    Spaced(String),
}

impl Pair {
    fn sides(&self) -> Option<(&str, &str)> {
        match self {
            Self::Both([left, right]) => Some((left, right)),
            Self::Spaced(both) => both.split_once(' '),
        }
    }
}

/// A merge: left, right, and the token they make.
type Made = (u32, u32, u32);

/// The model of a vocabulary that spells bytes as letters.
pub(super) fn over_bytes(model: &Model) -> Result<Merging, FileError> {
    model.check()?;
    let letters: FxHashMap<char, u8> = byte_letters().collect();
    let spelled =
        |token: &str| token.chars().map(|letter| letters.get(&letter).copied()).collect::<Option<_>>();
    // What spells no bytes is a special token, which no merge makes.
    let tokens: BTreeMap<u32, Vec<u8>> =
        model.vocab.iter().filter_map(|(token, &id)| Some((id, spelled(token)?))).collect();
    let merges = model.made()?;
    let mut singles = Box::new([None; 256]);
    for (&id, token) in &tokens {
        if let [byte] = token[..] {
            singles[usize::from(byte)] = Some(id);
        }
    }
    if let Some(vocabulary) = ranked(&tokens, &merges, model.ignore_merges) {
        return Ok(Merging::Ranked(vocabulary.into()));
    }
    let bytes = Box::new(complete(&singles, |byte| format!("byte 0x{byte:02X}"))?);
    let tokens = tokens.into_iter().map(|(id, token)| (id, token.into())).collect();
    let list = MergeList::new(Alphabet::Bytes(bytes), tokens, merges);
    Ok(Merging::Listed(if model.ignore_merges { list.with_whole_tokens() } else { list }))
}

/// The model of a vocabulary over characters, in which unknown ones are spelled by the tokens of their bytes.
pub(super) fn over_characters(model: &Model) -> Result<Merging, FileError> {
    model.check()?;
    if !model.byte_fallback || model.ignore_merges {
        let found = format!("byte_fallback {}, ignore_merges {}", model.byte_fallback, model.ignore_merges);
        return Err(FileError::Unsupported { field: "`model`", found });
    }
    let merges = model.made()?;
    let (mut ids, mut tokens) = (FxHashMap::default(), FxHashMap::default());
    for (token, &id) in &model.vocab {
        let mut chars = token.chars();
        if let (Some(char), None) = (chars.next(), chars.next()) {
            ids.insert(char, id);
        }
        tokens.insert(id, token.replace('\u{2581}', " ").into_bytes().into_boxed_slice());
    }
    let mut singles = Box::new([None; 256]);
    for byte in 0..=255u8 {
        let id = model.vocab.get(&format!("<0x{byte:02X}>")).copied();
        singles[usize::from(byte)] = id;
        tokens.extend(id.map(|id| (id, vec![byte].into_boxed_slice())));
    }
    let bytes = Box::new(complete(&singles, |byte| format!("<0x{byte:02X}>"))?);
    Ok(Merging::Listed(MergeList::new(Alphabet::Characters { ids, bytes }, tokens, merges)))
}

impl Model {
    /// Refuses what would change an answer.
    fn check(&self) -> Result<(), FileError> {
        let unsupported = |field, found: String| Err(FileError::Unsupported { field, found });
        let is_set = |option: &Option<String>| option.as_ref().is_some_and(|text| !text.is_empty());
        match &self.kind {
            Some(kind) if kind != "BPE" => return unsupported("`model.type`", kind.clone()),
            _ => {}
        }
        if self.dropout.is_some() {
            return unsupported("`model.dropout`", "tokens at random".to_owned());
        }
        if is_set(&self.continuing_subword_prefix) || is_set(&self.end_of_word_suffix) {
            return unsupported("`model`", "a prefix or suffix of words".to_owned());
        }
        match self.vocab.values().find(|&&id| id as usize >= TOKENS_MAX) {
            Some(id) => Err(FileError::Inconsistent(format!("token id {id} is out of range"))),
            None => Ok(()),
        }
    }

    /// The merges by id.
    fn made(&self) -> Result<Vec<Made>, FileError> {
        let made = |pair: &Pair| {
            let (left, right) = pair.sides()?;
            let id = |token: &str| self.vocab.get(token).copied();
            Some((id(left)?, id(right)?, id(&format!("{left}{right}"))?))
        };
        let numbered = self.merges.iter().zip(1..);
        numbered
            .map(|(pair, number)| {
                let what =
                    || FileError::Inconsistent(format!("merge {number} is of tokens the vocabulary lacks"));
                made(pair).ok_or_else(what)
            })
            .collect()
    }
}

/// The letters that stand for bytes: printable ones for themselves, the others from U+0100 on.
pub(super) fn byte_letters() -> impl Iterator<Item = (char, u8)> {
    let is_printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let printable = (0..=255u8).filter(move |&byte| is_printable(byte)).map(|byte| (char::from(byte), byte));
    let others = (0..=255u8).filter(move |&byte| !is_printable(byte));
    printable.chain((UNPRINTABLE..).filter_map(char::from_u32).zip(others))
}

fn complete(singles: &[Option<u32>; 256], name: impl Fn(usize) -> String) -> Result<[u32; 256], FileError> {
    if let Some(byte) = singles.iter().position(Option::is_none) {
        return Err(FileError::Inconsistent(format!("the vocabulary lacks {}", name(byte))));
    }
    Ok(singles.map(Option::unwrap_or_default))
}

/// The fast tables, if they give the answers of the list; tokens that merging does not make are found only if `whole` pieces
/// are looked up first.
///
/// A list is what the ids imply as ranks if it goes through the tokens in the order of their ids and has, for each, either the
/// one merge that its own bytes end in, or all ways to put it together; of those only that one ever comes up.
fn ranked(tokens: &BTreeMap<u32, Vec<u8>>, merges: &[Made], whole: bool) -> Option<Vocabulary> {
    if !merges.is_sorted_by_key(|merge| merge.2) {
        return None;
    }
    let ranks: FxHashMap<&[u8], u32> = tokens.iter().map(|(&id, token)| (token.as_slice(), id)).collect();
    let mut listed: FxHashMap<u32, FxHashSet<(u32, u32)>> = FxHashMap::default();
    for &(left, right, id) in merges {
        listed.entry(id).or_default().insert((left, right));
    }
    let mut used = Vec::with_capacity(tokens.len());
    let is_complete = listed.values().any(|ways| ways.len() > 1);
    for (&id, token) in tokens {
        let ways = listed.get(&id);
        let listed_ways = ways.map_or(0, FxHashSet::len);
        if is_complete && listed_ways != ways_to_split(token, &ranks) {
            return None;
        }
        let split = match ways.filter(|_| !is_complete).and_then(|ways| ways.iter().next()) {
            Some(&(left, right)) => Some(Split { left, right }),
            None => last_merge(token, &ranks),
        };
        let is_made = listed_ways > 0 && split.is_some();
        if token.len() == 1 || whole || is_made {
            used.push((token.as_slice(), id, split.filter(|_| is_made)));
        }
    }
    let vocabulary = Vocabulary::from_splits(used.into_iter()).ok()?;
    let makes = |id| {
        let mut tokens = Vec::new();
        merge::encode(&vocabulary, vocabulary.token(id).unwrap_or_default(), &mut tokens);
        tokens == [id]
    };
    listed.keys().all(|&id| is_complete || makes(id)).then_some(vocabulary)
}

fn ways_to_split(token: &[u8], ranks: &FxHashMap<&[u8], u32>) -> usize {
    let is_token = |part: &[u8]| ranks.contains_key(part);
    (1..token.len()).filter(|&at| is_token(&token[..at]) && is_token(&token[at..])).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(merges: &[&str], more: &[&str], ignore_merges: bool) -> Model {
        let mut vocab: BTreeMap<String, u32> =
            byte_letters().map(|(letter, byte)| (letter.to_string(), u32::from(byte))).collect();
        for merge in merges {
            let next = u32::try_from(vocab.len()).unwrap();
            vocab.entry(merge.replace(' ', "")).or_insert(next);
        }
        for token in more {
            vocab.insert((*token).to_owned(), u32::try_from(vocab.len()).unwrap());
        }
        let merges = merges.iter().map(|merge| Pair::Spaced((*merge).to_owned())).collect();
        Model {
            kind: Some("BPE".to_owned()),
            vocab,
            merges,
            dropout: None,
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
            byte_fallback: false,
            ignore_merges,
        }
    }

    fn encode(merging: &Merging, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        merging.encode(text.as_bytes(), 0, text.len(), &mut tokens);
        tokens
    }

    #[test]
    fn merges_in_the_order_of_ids_are_ranks() {
        let merging = over_bytes(&model(&["a b", "ab c"], &["xyz"], false)).unwrap();

        assert!(matches!(merging, Merging::Ranked(_)));
        assert_eq!(encode(&merging, "abc"), [257]);
        assert_eq!(encode(&merging, "xyz").len(), 3);
        assert_eq!(encode(&over_bytes(&model(&["a b"], &["xyz"], true)).unwrap(), "xyz"), [257]);
    }

    #[test]
    fn all_ways_to_each_token_are_ranks() {
        let merging = over_bytes(&model(&["a b", "b c", "ab c", "a bc"], &[], false)).unwrap();

        assert!(matches!(merging, Merging::Ranked(_)));
        assert_eq!(encode(&merging, "abc"), [258]);
        assert_eq!(encode(&merging, "bcabc"), [257, 258]);
    }

    #[test]
    fn other_merges_stay_a_list() {
        // Not every way to a token; a token its own bytes do not merge into; an order that is not that of the ids.
        for merges in [
            &["a b", "b c", "c d", "ab c", "a bc", "ab cd"][..],
            &["b c", "a b", "ab c"],
            &["a b", "b c", "a b"],
        ] {
            let merging = over_bytes(&model(merges, &[], false)).unwrap();

            assert!(matches!(merging, Merging::Listed(_)), "{merges:?}");
        }
        assert_eq!(
            encode(&over_bytes(&model(&["b c", "a b", "ab c"], &[], false)).unwrap(), "abc"),
            [97, 256]
        );
        assert_eq!(encode(&over_bytes(&model(&["b c", "a b", "ab c"], &[], true)).unwrap(), "abc"), [258]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |model: &Model| over_bytes(model).err().unwrap().to_string();
        let mut lacking = model(&["a b"], &[], false);
        lacking.vocab.remove("ab");
        assert_eq!(error(&lacking), "merge 1 is of tokens the vocabulary lacks");
        let mut lacking = model(&["a b"], &[], false);
        lacking.vocab.remove("c");
        assert_eq!(error(&lacking), "the vocabulary lacks byte 0x63");
        let mut other = model(&[], &[], false);
        other.kind = Some("Unigram".to_owned());
        assert_eq!(error(&other), "`model.type` is not supported: Unigram");
        assert!(over_characters(&model(&[], &[], false)).is_err());
    }
}
