//! The tables of one vocabulary, as they lie in the binary.
//!
//! Owns their names, how they are built from tokens, and the blob that holds them all. Refuses to know texts, patterns and
//! special tokens.
//!
//! The build script compiles this folder too, and writes the tables of every vocabulary that ships; so nothing here uses
//! anything outside of it. A table is rows of bytes, little-endian, that are read in place: borrowed from the binary, or owned
//! where a vocabulary is given at run time. Reading either is the same code.

pub(crate) mod bytes;
pub(crate) mod characters;
pub(crate) mod pairs;
mod perfect;
pub(crate) mod pieces;
pub(crate) mod split;
mod tokens;

use std::borrow::Cow;

pub use tokens::VocabularyError;
pub(crate) use tokens::{TOKENS_MAX, Tokens};

use pairs::NONE;
use pieces::{LongPieces, Pieces};

/// Rows of `N` bytes.
pub(crate) type Table<const N: usize> = Cow<'static, [[u8; N]]>;

/// Tables begin at a multiple of this in a blob, as does the blob itself: a line of the processor's cache.
const ALIGNMENT: usize = 64;

/// Declares the tables, and that a blob holds them in this order.
macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $row:literal,)*) => {
        /// Every table of a vocabulary.
        #[derive(Default)]
        pub(crate) struct Tables {
            $($(#[$doc])* pub(crate) $name: Table<$row>,)*
        }

        impl Tables {
            /// All tables as one blob.
            #[allow(dead_code, reason = "the build script writes, the library reads")]
            pub(crate) fn to_blob(&self) -> Vec<u8> {
                to_blob(&[$(self.$name.as_flattened(),)*])
            }

            /// The tables in a blob, in place.
            pub(crate) fn from_blob(blob: &'static [u8]) -> Option<Self> {
                let mut sections = Sections::new(blob, [$(stringify!($name),)*].len())?;
                Some(Self { $($name: sections.table()?,)* })
            }
        }
    };
}

tables! {
    /// Numbers about the vocabulary; see [`Fact`].
    facts: 4,
    /// The bytes of all tokens, in the order of their ids.
    token_bytes: 1,
    /// By id: where the token ends in `token_bytes`; it starts where the one before ends. An unused id is empty.
    token_ends: 4,
    /// By id: where in `pair_slots` the merge is that makes it; [`NONE`] for a single byte, and for a token that merging does not
    /// make.
    made_at: 4,
    /// By byte: its token.
    singles: 4,
    /// By two bytes: the token they merge into. The first merges of a piece are found without hashing.
    byte_pairs: 4,
    /// By character of up to three bytes: what it may be merged into before anything else; see [`characters`]. Empty where a token
    /// is made of later ones.
    characters: 4,
    /// Which of the possible places each group of merges has; see [`pairs`].
    pair_pilots: 1,
    /// The merges, hashed.
    pair_slots: 8,
    /// Tokens that merging makes, in the order of their bytes.
    sorted: 4,
    /// By two bytes: where in `sorted` the tokens start that are not below them.
    sorted_starts: 4,
    /// Of the perfect hash of tokens of up to 15 bytes.
    piece_pilots: 1,
    /// By place: the token, zero-padded, with its length on top.
    piece_keys: 16,
    /// By place: its id.
    piece_ids: 4,
    /// Of the perfect hash of longer tokens.
    long_pilots: 1,
    /// By place: the id of a longer token.
    long_ids: 4,
    /// Special tokens that are published with the ranks: lines of id, tab, name.
    specials: 1,
}

/// What `facts` holds, by place.
#[derive(Clone, Copy)]
pub(crate) enum Fact {
    /// 1 if no token is made of a later one.
    Ordered,
    /// Chooses the hash of `pair_slots`.
    PairSeed,
    /// The seed of the hash of short tokens.
    PieceSeed,
    /// The seed of the hash of long ones.
    LongSeed,
    /// Bytes of the longest token.
    TokenBytesMax,
    /// How many facts there are.
    Count,
}

impl Tables {
    /// Which pieces are tokens.
    #[inline]
    pub(crate) fn pieces(&self) -> Pieces<'_> {
        let long = LongPieces {
            pilots: &self.long_pilots,
            ids: &self.long_ids,
            seed: self.fact(Fact::LongSeed),
            bytes_max: self.fact(Fact::TokenBytesMax) as usize,
        };
        Pieces {
            pilots: &self.piece_pilots,
            keys: &self.piece_keys,
            ids: &self.piece_ids,
            seed: self.fact(Fact::PieceSeed),
            long,
        }
    }

    /// The tables of some tokens.
    pub(crate) fn build(tokens: Tokens) -> Result<Self, VocabularyError> {
        let mut facts = [0; Fact::Count as usize];
        facts[Fact::Ordered as usize] = u32::from(tokens.is_ordered());
        let (singles, byte_pairs) = bytes::build(&tokens)?;
        let (sorted, sorted_starts) = bytes::sort(&tokens);
        let pairs = pairs::build(&tokens.splits);
        facts[Fact::PairSeed as usize] = pairs.seed;
        let pieces = pieces::build(&tokens);
        facts[Fact::PieceSeed as usize] = pieces.seed;
        facts[Fact::LongSeed as usize] = pieces.long_seed;
        facts[Fact::TokenBytesMax as usize] = u32::try_from(pieces.bytes_max).unwrap_or(NONE);
        Ok(Self {
            facts: rows(facts),
            characters: rows(characters::build(&tokens, &singles)),
            singles: rows(singles),
            byte_pairs: rows(byte_pairs),
            made_at: rows(pairs.made_at),
            pair_pilots: pairs.pilots.into_iter().map(|pilot| [pilot]).collect(),
            pair_slots: pairs.slots.into_iter().map(u64::to_le_bytes).collect(),
            piece_pilots: pieces.pilots.into_iter().map(|pilot| [pilot]).collect(),
            piece_keys: pieces.keys.into(),
            piece_ids: rows(pieces.ids),
            long_pilots: pieces.long_pilots.into_iter().map(|pilot| [pilot]).collect(),
            long_ids: rows(pieces.long_ids),
            sorted: rows(sorted),
            sorted_starts: rows(sorted_starts),
            specials: Cow::default(),
            token_ends: rows(tokens.ends),
            token_bytes: tokens.bytes.into_iter().map(|byte| [byte]).collect(),
        })
    }

    pub(crate) fn fact(&self, fact: Fact) -> u32 {
        number(&self.facts, fact as usize)
    }
}

/// A number of a table; [`NONE`] beyond its end.
#[inline]
pub(crate) fn number(table: &[[u8; 4]], at: usize) -> u32 {
    table.get(at).map_or(NONE, |row| u32::from_le_bytes(*row))
}

fn rows(numbers: impl IntoIterator<Item = u32>) -> Table<4> {
    numbers.into_iter().map(u32::to_le_bytes).collect()
}

/// The bytes of each table as a little-endian u32, then each table; all at multiples of [`ALIGNMENT`].
#[allow(dead_code, reason = "the build script writes, the library reads")]
fn to_blob(tables: &[&[u8]]) -> Vec<u8> {
    let length = |table: &&[u8]| u32::try_from(table.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut blob: Vec<u8> = tables.iter().flat_map(length).collect();
    for table in tables {
        blob.resize(blob.len().next_multiple_of(ALIGNMENT), 0);
        blob.extend_from_slice(table);
    }
    blob
}

/// The tables of a blob that are still to be read.
struct Sections {
    lengths: &'static [[u8; 4]],
    rest: &'static [u8],
}

impl Sections {
    fn new(blob: &'static [u8], count: usize) -> Option<Self> {
        let lengths = blob.as_chunks().0.get(..count)?;
        Some(Self { lengths, rest: blob.get((4 * count).next_multiple_of(ALIGNMENT)..)? })
    }

    fn table<const N: usize>(&mut self) -> Option<Table<N>> {
        let (length, lengths) = self.lengths.split_first()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (table, broken) = self.rest.get(..length)?.as_chunks();
        self.lengths = lengths;
        self.rest = self.rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        broken.is_empty().then_some(Cow::Borrowed(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Tables {
        let singles = (0..=255u8).map(|byte| (vec![byte], u32::from(byte)));
        Tables::build(Tokens::from_ranks(singles.chain([(b"ab".to_vec(), 300)]).collect()).unwrap()).unwrap()
    }

    #[test]
    fn a_blob_holds_every_table() {
        let tables = tables();
        let blob: &'static [u8] = tables.to_blob().leak();
        let read = Tables::from_blob(blob).unwrap();

        assert!(matches!(read.made_at, Cow::Borrowed(_)));
        assert_eq!(read.to_blob(), blob);
        assert_eq!(read.made_at, tables.made_at);
        assert_eq!(read.fact(Fact::Ordered), 1);
    }

    #[test]
    fn a_cut_blob_is_refused() {
        let blob: &'static [u8] = tables().to_blob().leak();

        for length in [0, 3, 40, 64, 1000, blob.len() / 2] {
            assert!(Tables::from_blob(&blob[..length]).is_none(), "{length}");
        }
    }
}
