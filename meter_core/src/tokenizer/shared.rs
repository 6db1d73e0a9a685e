//! A tokenizer that many hold at once.
//!
//! Owns what embedded tokenizers and those of a user have in common: they are cheap to hand on. Refuses to know whose texts they
//! count.

use std::ops::Deref;
use std::sync::Arc;

use super::text_tokenizer::Tokenizer;

/// An embedded tokenizer, which lives as long as the program, or one that a user gave, which lives as long as its holders.
/// Clones are the same tokenizer.
#[derive(Clone, Debug)]
pub enum SharedTokenizer {
    /// Of a vocabulary that ships with the program.
    Embedded(&'static Tokenizer),
    /// Of a vocabulary that a user gave.
    Given(Arc<Tokenizer>),
}

impl SharedTokenizer {
    /// Whether its vocabulary ships with the program.
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }
}

impl Deref for SharedTokenizer {
    type Target = Tokenizer;

    fn deref(&self) -> &Tokenizer {
        match self {
            Self::Embedded(tokenizer) => tokenizer,
            Self::Given(tokenizer) => tokenizer,
        }
    }
}

impl From<&'static Tokenizer> for SharedTokenizer {
    fn from(tokenizer: &'static Tokenizer) -> Self {
        Self::Embedded(tokenizer)
    }
}

impl From<Arc<Tokenizer>> for SharedTokenizer {
    fn from(tokenizer: Arc<Tokenizer>) -> Self {
        Self::Given(tokenizer)
    }
}
