//! Undoes the content coding of a body piece by piece, within bounds. It refuses to know what the bytes mean.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::limits;
use crate::usage::{Defect, Defects};

/// Encoded bytes decoded at a time: what a bomb can make of them before the bounds are looked at stays small.
const STEP_BYTES: usize = 512;
/// Bytes of the window through which brotli hands its output on.
const BROTLI_BUFFER_BYTES: usize = 4096;

/// Decodes one body. After the first defect nothing more comes out, whatever goes in.
pub struct Decoder {
    /// In the order in which they must be undone.
    stages: Vec<Stage>,
    encoded: u64,
    decoded: u64,
    defects: Defects,
}

enum Stage {
    Gzip(MultiGzDecoder<Vec<u8>>),
    /// `deflate` before it is known whether a zlib header leads it.
    Deflate,
    Zlib(ZlibDecoder<Vec<u8>>),
    Raw(DeflateDecoder<Vec<u8>>),
    Brotli(Box<DecompressorWriter<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Vec<u8>>>),
}

impl Decoder {
    /// A decoder for the value of a `content-encoding` field; no field is identity.
    pub fn new(content_encoding: Option<&[u8]>) -> Self {
        let mut decoder = Self { stages: Vec::new(), encoded: 0, decoded: 0, defects: Defects::default() };
        let names = content_encoding.unwrap_or_default().split(|byte| *byte == b',');
        for name in names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            match Stage::named(name).filter(|_| decoder.stages.len() < limits::CODINGS_MAX) {
                Some(stage) => decoder.stages.insert(0, stage),
                None => decoder.defects.insert(Defect::Undecodable),
            }
        }
        decoder
    }

    /// Whether the bytes come as they are.
    pub fn is_identity(&self) -> bool {
        self.stages.is_empty() && self.defects.is_empty()
    }

    /// What was wrong so far.
    pub const fn defects(&self) -> Defects {
        self.defects
    }

    /// Hands what `chunk` decodes to on to `sink`, in pieces.
    pub fn feed(&mut self, chunk: &[u8], mut sink: impl FnMut(&[u8])) {
        if !self.defects.is_empty() {
            return;
        }
        if self.stages.is_empty() {
            self.account(chunk.len(), chunk.len());
            if self.defects.is_empty() {
                sink(chunk);
            }
            return;
        }
        for step in chunk.chunks(STEP_BYTES) {
            match self.step(step) {
                Ok(decoded) => {
                    self.account(step.len(), decoded.len());
                    if !self.defects.is_empty() {
                        return;
                    }
                    sink(&decoded);
                }
                Err(_) => {
                    self.defects.insert(Defect::Undecodable);
                    return;
                }
            }
        }
    }

    fn step(&mut self, encoded: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = encoded.to_vec();
        for stage in &mut self.stages {
            bytes = stage.decode(&bytes)?;
        }
        Ok(bytes)
    }

    fn account(&mut self, encoded: usize, decoded: usize) {
        self.encoded += encoded as u64;
        self.decoded += decoded as u64;
        let bomb = self.decoded > limits::DECODE_RATIO_GRACE_BYTES
            && self.decoded / limits::DECODE_RATIO_MAX > self.encoded;
        if bomb || self.decoded > limits::DECODED_BYTES_MAX {
            self.defects.insert(Defect::DecodeLimit);
        }
    }
}

impl Stage {
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip(MultiGzDecoder::new(Vec::new()))),
            b"deflate" => Some(Self::Deflate),
            b"br" => Some(Self::Brotli(Box::new(DecompressorWriter::new(Vec::new(), BROTLI_BUFFER_BYTES)))),
            b"zstd" => {
                zstd::stream::write::Decoder::new(Vec::new()).ok().map(|inner| Self::Zstd(Box::new(inner)))
            }
            _ => None,
        }
    }

    fn decode(&mut self, encoded: &[u8]) -> io::Result<Vec<u8>> {
        if let (Self::Deflate, Some(first)) = (&*self, encoded.first()) {
            // A zlib header names method 8 in its low bits; raw deflate that starts so is not made by any encoder in use.
            *self = if first & 0x0f == 8 {
                Self::Zlib(ZlibDecoder::new(Vec::new()))
            } else {
                Self::Raw(DeflateDecoder::new(Vec::new()))
            };
        }
        match self {
            Self::Gzip(inner) => push(inner, encoded, MultiGzDecoder::get_mut),
            Self::Deflate => Ok(Vec::new()),
            Self::Zlib(inner) => push(inner, encoded, ZlibDecoder::get_mut),
            Self::Raw(inner) => push(inner, encoded, DeflateDecoder::get_mut),
            Self::Brotli(inner) => push(&mut **inner, encoded, DecompressorWriter::get_mut),
            Self::Zstd(inner) => push(&mut **inner, encoded, zstd::stream::write::Decoder::get_mut),
        }
    }
}

fn push<W: Write>(
    decoder: &mut W,
    encoded: &[u8],
    output: fn(&mut W) -> &mut Vec<u8>,
) -> io::Result<Vec<u8>> {
    decoder.write_all(encoded)?;
    decoder.flush()?;
    Ok(std::mem::take(output(decoder)))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    /// `hello, hello, hello` in brotli.
    const BROTLI: &[u8] = b"\x0b\x09\x80hello, hello, hello\x03";

    fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        match coding {
            "gzip" => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "zlib" => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "raw" => {
                let mut encoder = DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            _ => zstd::encode_all(plain, 3).unwrap(),
        }
    }

    fn decode(coding: &str, encoded: &[u8], piece: usize) -> (Vec<u8>, Defects) {
        let mut decoder = Decoder::new(Some(coding.as_bytes()));
        let mut plain = Vec::new();
        for chunk in encoded.chunks(piece.max(1)) {
            decoder.feed(chunk, |bytes| plain.extend_from_slice(bytes));
        }
        (plain, decoder.defects())
    }

    proptest! {
        #[test]
        fn any_split_of_a_coded_body_decodes_to_the_same(
            plain in proptest::collection::vec(any::<u8>(), 0..3000), piece in 1_usize..700,
        ) {
            for (coding, name) in [("gzip", "gzip"), ("zlib", "deflate"), ("raw", "deflate"), ("zstd", "zstd")] {
                prop_assert_eq!(decode(name, &encode(coding, &plain), piece), (plain.clone(), Defects::default()));
            }
        }

        #[test]
        fn any_bytes_are_acceptable(noise in proptest::collection::vec(any::<u8>(), 0..600), piece in 1_usize..50) {
            for name in ["gzip", "deflate", "zstd", "br", "gzip, br"] {
                decode(name, &noise, piece);
            }
        }
    }

    #[test]
    fn members_and_stacked_codings_are_undone() {
        let two = [encode("gzip", b"one "), encode("gzip", b"two")].concat();
        assert_eq!(decode("GZIP", &two, 3).0, b"one two");
        let stacked = encode("zstd", &encode("gzip", b"inner"));
        assert_eq!(decode("gzip, zstd", &stacked, 5).0, b"inner");
        assert_eq!(decode("br", BROTLI, 1).0, b"hello, hello, hello");
    }

    #[test]
    fn a_bomb_is_a_defect_and_stays_small() {
        let bomb = encode("gzip", &vec![0; 64 << 20]);

        let (plain, defects) = decode("gzip", &bomb, 4096);

        assert!(defects.contains(Defect::DecodeLimit));
        assert!(plain.len() < 12 << 20);
    }

    #[test]
    fn an_unknown_coding_yields_nothing() {
        assert_eq!(
            decode("snappy", b"x", 1),
            (Vec::new(), {
                let mut defects = Defects::default();
                defects.insert(Defect::Undecodable);
                defects
            })
        );
    }
}
