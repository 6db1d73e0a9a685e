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

/// Equal are clones, whatever their vocabularies.
impl PartialEq for SharedTokenizer {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(&raw const **self, &raw const **other)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{Pattern, get};

    #[test]
    fn clones_are_the_same_tokenizer_and_a_given_one_goes_with_its_last_holder() {
        let bytes: Vec<_> = (0..=255u8).map(|byte| (vec![byte], u32::from(byte))).collect();
        let given = Tokenizer::from_ranks("own".to_owned(), Pattern::Llama3, bytes.clone(), vec![]).unwrap();
        let given = Arc::new(given);
        let alive = Arc::downgrade(&given);
        let shared = SharedTokenizer::from(given);
        let clone = shared.clone();

        let twin = Tokenizer::from_ranks("own".to_owned(), Pattern::Llama3, bytes, vec![]).unwrap();
        assert!(!clone.is_embedded() && clone == shared && shared != Arc::new(twin).into());
        drop((shared, clone));
        assert!(alive.upgrade().is_none());
        assert!(SharedTokenizer::from(get("qwen").unwrap()).is_embedded());
    }
}
