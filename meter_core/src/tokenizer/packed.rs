//! The packed vocabularies that the build script reads.
//!
//! Owns the packed format (described in `scripts/vocabularies.py`). Refuses to know files and tables.

use super::tables::split::Split;
use super::tables::{TOKENS_MAX, Tokens, VocabularyError};

const BYTES: usize = 256;
const PLANES: usize = 6;
const SPECIALS_BYTES_MAX: usize = 1 << 20;
const UNPACKED_BYTES_MAX: usize = 4 + BYTES + PLANES * TOKENS_MAX + SPECIALS_BYTES_MAX;
const HOLE: u32 = 0xFF_FFFF;

/// What one file holds.
pub(crate) struct Packed {
    pub(crate) tokens: Tokens,
    /// Lines of id, tab, name.
    pub(crate) specials: Vec<u8>,
}

/// Reads one packed vocabulary.
pub(crate) fn unpack(frame: &[u8]) -> Result<Packed, VocabularyError> {
    let packed =
        zstd::bulk::decompress(frame, UNPACKED_BYTES_MAX).map_err(|_| VocabularyError::Unreadable)?;
    let (count, rest) = packed.split_first_chunk().ok_or(VocabularyError::Unreadable)?;
    let (singles, planes) = rest.split_first_chunk::<BYTES>().ok_or(VocabularyError::Unreadable)?;
    let count = usize::try_from(u32::from_le_bytes(*count)).map_err(|_| VocabularyError::Unreadable)?;
    if count == 0 {
        return Err(VocabularyError::Unreadable);
    }
    let (planes, specials) = planes.split_at_checked(PLANES * count).ok_or(VocabularyError::Unreadable)?;
    let mut planes = planes.chunks_exact(count);
    let mut side = || {
        let mut plane = || planes.next().unwrap_or_default().iter();
        let (low, middle, high) = (plane(), plane(), plane());
        low.zip(middle).zip(high).map(|((&low, &middle), &high)| u32::from_le_bytes([low, middle, high, 0]))
    };
    let (left, right) = (side(), side());
    let splits = left.zip(right).map(|(left, right)| (left != HOLE).then_some(Split { left, right }));
    let tokens = Tokens::from_merges(singles, splits)?;
    Ok(Packed { tokens, specials: specials.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::tables::Tables;

    const R50K: &[u8] = include_bytes!("../../data/vocab/r50k_base.zst");

    #[test]
    fn a_broken_frame_is_refused() {
        let Packed { tokens, specials } = unpack(R50K).unwrap();
        assert!(Tables::build(tokens).is_ok() && specials.is_empty());
        assert!(unpack(b"nonsense").is_err());
        assert!(unpack(&R50K[..R50K.len() / 2]).is_err());
        assert!(unpack(&zstd::bulk::compress(&[0; 300], 1).unwrap()).is_err());
    }
}
