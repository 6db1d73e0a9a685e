//! The packed vocabularies inside the binary.
//!
//! Owns the packed format (described in `scripts/vocabularies.py`) and the embedded files. Refuses to know what a
//! vocabulary is used for.

use super::split::Split;
use super::vocabulary::{TOKENS_MAX, Vocabulary, VocabularyError};

pub(super) static R50K: &[u8] = include_bytes!("../../data/vocab/r50k_base.zst");
pub(super) static P50K: &[u8] = include_bytes!("../../data/vocab/p50k_base.zst");
pub(super) static CL100K: &[u8] = include_bytes!("../../data/vocab/cl100k_base.zst");
pub(super) static O200K: &[u8] = include_bytes!("../../data/vocab/o200k_base.zst");
pub(super) static TEKKEN: &[u8] = include_bytes!("../../data/vocab/tekken.zst");
pub(super) static QWEN: &[u8] = include_bytes!("../../data/vocab/qwen.zst");
pub(super) static DEEPSEEK: &[u8] = include_bytes!("../../data/vocab/deepseek.zst");

const BYTES: usize = 256;
const PLANES: usize = 6;
const SPECIALS_BYTES_MAX: usize = 1 << 20;
const UNPACKED_BYTES_MAX: usize = 4 + BYTES + PLANES * TOKENS_MAX + SPECIALS_BYTES_MAX;
const HOLE: u32 = 0xFF_FFFF;

/// What one file holds.
pub(super) struct Packed {
    pub(super) vocabulary: Vocabulary,
    /// Names and ids.
    pub(super) specials: Vec<(Vec<u8>, u32)>,
}

/// Reads one packed vocabulary.
pub(super) fn unpack(frame: &[u8]) -> Result<Packed, VocabularyError> {
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
    let vocabulary = Vocabulary::from_merges(singles, splits)?;
    Ok(Packed { vocabulary, specials: unpack_specials(specials).ok_or(VocabularyError::Unreadable)? })
}

/// Lines of id, tab, name.
fn unpack_specials(lines: &[u8]) -> Option<Vec<(Vec<u8>, u32)>> {
    let line = |line: &str| {
        let (id, name) = line.split_once('\t')?;
        Some((name.as_bytes().to_vec(), id.parse().ok()?))
    };
    std::str::from_utf8(lines).ok()?.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::fmt::Write;

    fn base64(bytes: &[u8], out: &mut String) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for chunk in bytes.chunks(3) {
            let word =
                chunk.iter().fold(0, |word, &byte| word << 8 | usize::from(byte)) << (8 * (3 - chunk.len()));
            for digit in 0..4 {
                let symbol = char::from(ALPHABET[word >> (18 - 6 * digit) & 63]);
                out.push(if digit > chunk.len() { '=' } else { symbol });
            }
        }
    }

    #[test]
    fn every_vocabulary_is_the_rank_file_its_publisher_states() {
        for (frame, expected) in [
            (R50K, "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"),
            (P50K, "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"),
            (CL100K, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
            (O200K, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
            (TEKKEN, "64a081edb3cbb8639a4eea9a7135ab9a0467c50676c672b217ba655f4d50e127"),
            (QWEN, "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"),
            (DEEPSEEK, "b2a3b2f7d58ed7df406e299b7f1fd79044a9842dab01c81fd9990212e1aadf74"),
        ] {
            let vocabulary = unpack(frame).unwrap().vocabulary;
            let mut file = String::new();
            for id in 0..u32::try_from(TOKENS_MAX).unwrap() {
                if let Some(token) = vocabulary.token(id) {
                    base64(token, &mut file);
                    writeln!(file, " {id}").unwrap();
                }
            }
            let digest = Sha256::digest(file)
                .iter()
                .fold(String::new(), |digest, byte| digest + &format!("{byte:02x}"));
            assert_eq!(digest, expected);
        }
    }

    #[test]
    fn special_tokens_come_along() {
        let specials = |frame| unpack(frame).unwrap().specials;

        assert_eq!(specials(R50K), []);
        assert_eq!(specials(QWEN)[1], (b"<|im_start|>".to_vec(), 151_644));
        assert_eq!(specials(TEKKEN).len(), 20);
        assert_eq!(specials(DEEPSEEK).len(), 1283);
    }

    #[test]
    fn a_broken_frame_is_refused() {
        assert!(unpack(b"nonsense").is_err());
        assert!(unpack(&R50K[..R50K.len() / 2]).is_err());
        assert!(unpack(&zstd::bulk::compress(&[0; 300], 1).unwrap()).is_err());
    }
}
