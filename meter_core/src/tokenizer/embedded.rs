//! The vocabularies inside the binary.
//!
//! Owns the blobs that the build script wrote from `data/vocab`. Refuses to know encodings.

use super::tables::Tables;
use super::vocabulary::Vocabulary;

/// The tables of one vocabulary: read-only data, which nothing unpacks and processes share.
pub(super) type Blob = &'static Aligned<[u8]>;

/// Begins where a line of the processor's cache does.
#[repr(C, align(64))]
pub(super) struct Aligned<T: ?Sized>(T);

macro_rules! embed {
    ($name:literal) => {
        &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".tables")))
    };
}

pub(super) static R50K: Blob = embed!("r50k_base");
pub(super) static P50K: Blob = embed!("p50k_base");
pub(super) static CL100K: Blob = embed!("cl100k_base");
pub(super) static O200K: Blob = embed!("o200k_base");
pub(super) static TEKKEN: Blob = embed!("tekken");
pub(super) static QWEN: Blob = embed!("qwen");
pub(super) static DEEPSEEK: Blob = embed!("deepseek");

impl Aligned<[u8]> {
    /// The vocabulary in a blob; `None` only if the blob is damaged.
    pub(super) fn vocabulary(&'static self) -> Option<Vocabulary> {
        Tables::from_blob(&self.0).map(Vocabulary::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::vocabulary::TOKENS_MAX;
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
        for (blob, expected) in [
            (R50K, "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"),
            (P50K, "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"),
            (CL100K, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
            (O200K, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
            (TEKKEN, "64a081edb3cbb8639a4eea9a7135ab9a0467c50676c672b217ba655f4d50e127"),
            (QWEN, "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"),
            (DEEPSEEK, "b2a3b2f7d58ed7df406e299b7f1fd79044a9842dab01c81fd9990212e1aadf74"),
        ] {
            let vocabulary = blob.vocabulary().unwrap();
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
        let specials = |blob: Blob| blob.vocabulary().unwrap().specials().collect::<Vec<_>>();

        assert_eq!(specials(R50K), []);
        assert_eq!(specials(QWEN)[1], (b"<|im_start|>".to_vec(), 151_644));
        assert_eq!(specials(TEKKEN).len(), 20);
        assert_eq!(specials(DEEPSEEK).len(), 1283);
    }
}
