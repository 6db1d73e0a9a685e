//! Special tokens: control words outside the ranks.
//!
//! Owns their names and finding them in a text. Refuses to decide whether a text may contain them.

use rustc_hash::{FxHashMap, FxHashSet};

/// The special tokens of one encoding.
#[derive(Default)]
pub(super) struct Specials {
    ids: FxHashMap<Box<[u8]>, u32>,
    names: FxHashMap<u32, Box<[u8]>>,
    /// Lengths that occur, longest first.
    lengths: Vec<usize>,
    /// First bytes of names.
    starts: FxHashSet<u8>,
}

impl Specials {
    pub(super) fn new(tokens: impl IntoIterator<Item = (Vec<u8>, u32)>) -> Self {
        let mut specials = Self::default();
        for (name, id) in tokens {
            let Some(&first) = name.first() else { continue };
            specials.starts.insert(first);
            specials.lengths.push(name.len());
            specials.ids.insert(name.as_slice().into(), id);
            specials.names.insert(id, name.into());
        }
        specials.lengths.sort_unstable_by(|a, b| b.cmp(a));
        specials.lengths.dedup();
        specials
    }

    /// The first special token in `text` from `from` on: where it starts and ends, and its id. The longest name wins
    /// where several start.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize, u32)> {
        let starts = text.iter().enumerate().skip(from).filter(|(_, byte)| self.starts.contains(byte));
        for (start, _) in starts {
            for &length in &self.lengths {
                let found = text.get(start..start + length).and_then(|name| self.ids.get(name));
                if let Some(&id) = found {
                    return Some((start, start + length, id));
                }
            }
        }
        None
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Bytes of the longest name.
    pub(super) fn bytes_max(&self) -> usize {
        self.lengths.first().copied().unwrap_or(0)
    }

    /// The text of a special token.
    pub(super) fn name(&self, id: u32) -> Option<&[u8]> {
        self.names.get(&id).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_and_longest() {
        let specials = Specials::new([(b"<|a|>".to_vec(), 7), (b"<|a|>b".to_vec(), 8), (b"".to_vec(), 9)]);

        assert_eq!(specials.find(b"<<|a|> <|a|>b", 0), Some((1, 6, 7)));
        assert_eq!(specials.find(b"<<|a|> <|a|>b", 6), Some((7, 13, 8)));
        assert_eq!(specials.find(b"<|a|", 0), None);
        assert_eq!(specials.name(8), Some(&b"<|a|>b"[..]));
        assert_eq!(specials.name(9), None);
    }
}
