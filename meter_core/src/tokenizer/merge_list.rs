//! Merging by a list of merges, as Hugging Face's library does it.
//!
//! Owns vocabularies whose merges are not the ones their ids imply, and those over characters instead of bytes. Refuses to
//! know patterns. Slower than [`merge`](super::merge) and as exact.
//!
//! Over characters there is no pattern: a text is merged whole. No token spans two neighbouring characters that are neighbours
//! in no token, so a text may be cut there without changing an answer, and that is where it is cut.

use rustc_hash::{FxHashMap, FxHashSet};

use super::queued::{self, Merge};

/// In a vocabulary over characters, what stands for a space.
const SPACE_MARK: char = '\u{2581}';

/// What a piece is before the first merge.
pub(super) enum Alphabet {
    /// A token for each byte.
    Bytes(Box<[u32; 256]>),
    /// A token for each known character, and for the bytes of every other one.
    Characters { ids: FxHashMap<char, u32>, bytes: Box<[u32; 256]> },
}

/// Tokens and their merges.
pub(super) struct MergeList {
    alphabet: Alphabet,
    merges: FxHashMap<(u32, u32), Merge>,
    tokens: FxHashMap<u32, Box<[u8]>>,
    /// Pieces that are a token before any merge.
    whole: FxHashMap<Box<[u8]>, u32>,
    /// Characters that are neighbours in a token.
    adjacent: FxHashSet<(char, char)>,
    bytes_max: usize,
}

impl MergeList {
    /// From token bytes by id, and merges (left, right, made) in order of preference.
    pub(super) fn new(
        alphabet: Alphabet,
        tokens: FxHashMap<u32, Box<[u8]>>,
        merges: impl IntoIterator<Item = (u32, u32, u32)>,
    ) -> Self {
        let merges: FxHashMap<(u32, u32), Merge> =
            (0..).zip(merges).map(|(rank, (left, right, id))| ((left, right), Merge { rank, id })).collect();
        // A mark is three bytes and decodes to one.
        let bytes_max = 3 * tokens.values().map(|token| token.len()).max().unwrap_or(1);
        let mut adjacent = FxHashSet::default();
        if matches!(alphabet, Alphabet::Characters { .. }) {
            for token in merges.values().filter_map(|merge| tokens.get(&merge.id)) {
                let token = String::from_utf8_lossy(token);
                adjacent.extend(token.chars().zip(token.chars().skip(1)));
            }
        }
        Self { alphabet, merges, tokens, whole: FxHashMap::default(), adjacent, bytes_max }
    }

    /// With every token a piece of its own, whatever its bytes merge into.
    pub(super) fn with_whole_tokens(mut self) -> Self {
        self.whole = self.tokens.iter().map(|(&id, token)| (token.clone(), id)).collect();
        self
    }

    /// The bytes of a token.
    pub(super) fn token(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(&id).map(AsRef::as_ref)
    }

    /// At least the bytes of text that the longest token stands for.
    pub(super) fn token_bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The end of what merges independently of the rest of the text, from `start` on.
    pub(super) fn piece_end(&self, text: &str, start: usize) -> usize {
        let rest = &text[start..];
        let spaced = |char: char| if char == SPACE_MARK { ' ' } else { char };
        let pairs = rest.char_indices().zip(rest.chars().skip(1));
        for ((at, left), right) in pairs {
            if !self.adjacent.contains(&(spaced(left), spaced(right))) {
                return start + at + left.len_utf8();
            }
        }
        text.len()
    }

    /// Appends the tokens of a piece of any length.
    pub(super) fn encode(&self, piece: &[u8], tokens: &mut Vec<u32>) {
        if let Some(&id) = self.whole.get(piece) {
            tokens.push(id);
            return;
        }
        let merge_of = |left, right| self.merges.get(&(left, right)).copied();
        match &self.alphabet {
            Alphabet::Bytes(ids) => {
                queued::merge(piece.iter().map(|&byte| ids[usize::from(byte)]), merge_of, tokens);
            }
            Alphabet::Characters { ids, bytes } => {
                let text = String::from_utf8_lossy(piece);
                let mut initial = Vec::with_capacity(piece.len());
                for char in text.chars().map(|char| if char == ' ' { SPACE_MARK } else { char }) {
                    if let Some(&id) = ids.get(&char) {
                        initial.push(id);
                    } else {
                        let mut buffer = [0; 4];
                        let fallback = char.encode_utf8(&mut buffer).bytes();
                        initial.extend(fallback.map(|byte| bytes[usize::from(byte)]));
                    }
                }
                queued::merge(initial.into_iter(), merge_of, tokens);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens over letters: a, b, c and the mark, then what merges make.
    fn letters(merges: &[(&str, &str)]) -> MergeList {
        let mut names: Vec<String> = ["a", "b", "c", "\u{2581}"].map(String::from).into();
        names.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
        names.dedup();
        let id = |name: &str| u32::try_from(names.iter().position(|known| known == name).unwrap()).unwrap();
        let ids = "abc\u{2581}".chars().map(|char| (char, id(&char.to_string()))).collect();
        let bytes = Box::new(std::array::from_fn(|byte| 1000 + u32::try_from(byte).unwrap()));
        let tokens = names.iter().map(|name| (id(name), name.replace('\u{2581}', " ").into_bytes().into()));
        let listed = merges.iter().map(|(left, right)| (id(left), id(right), id(&format!("{left}{right}"))));
        MergeList::new(Alphabet::Characters { ids, bytes }, tokens.collect(), listed)
    }

    fn encode(list: &MergeList, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        list.encode(text.as_bytes(), &mut tokens);
        tokens
    }

    #[test]
    fn the_list_decides_and_the_leftmost_on_a_tie() {
        let list = letters(&[("b", "c"), ("a", "b"), ("a", "a")]);

        assert_eq!(encode(&list, "abc"), [0, 4]);
        assert_eq!(encode(&list, "aaa"), [6, 0]);
        assert!(encode(&list, "").is_empty());
    }

    #[test]
    fn unknown_characters_are_bytes_and_spaces_marks() {
        let list = letters(&[("\u{2581}", "a")]);

        assert_eq!(encode(&list, " aé\u{2581}a"), [4, 1000 + 0xC3, 1000 + 0xA9, 4]);
        assert_eq!(list.token(4), Some(&b" a"[..]));
    }

    #[test]
    fn pieces_end_where_no_token_spans() {
        let list = letters(&[("\u{2581}", "a"), ("a", "b")]);
        let text = "ab abc\u{2581}aé";
        let mut ends = vec![0];
        while *ends.last().unwrap() < text.len() {
            ends.push(list.piece_end(text, *ends.last().unwrap()));
        }

        assert_eq!(ends, [0, 2, 5, 6, 10, 12]);
    }

    #[test]
    fn whole_tokens_need_no_merge() {
        let list = letters(&[("a", "b"), ("b", "c"), ("a", "bc")]);

        assert_eq!(encode(&list, "abc"), [4, 2]);
        assert_eq!(encode(&list.with_whole_tokens(), "abc"), [6]);
    }
}
