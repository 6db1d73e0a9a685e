//! Undoes content codings as bytes arrive: identity, gzip, deflate, br, zstd, and any stack of them.
//!
//! It owns the order of the codings and the bounds on what comes out. It refuses to know what the bytes mean. Where a coding is
//! broken, what was decoded before the break has been handed on and nothing follows; how much that is may depend on the
//! cuts of the input, the defect does not.

pub(crate) mod base64;
mod gzip;
mod stage;

use crate::limits;
use crate::usage::{Defect, Defects};
use stage::Stage;

/// Push decoder of one body.
pub struct Decoder {
    /// Innermost coding last applied comes first: the order of undoing.
    stages: Vec<Bounded>,
    defects: Defects,
    /// Nothing more comes out after an unknown or broken coding or a reached limit.
    shut: bool,
}

impl Decoder {
    /// A decoder for the value of a `content-encoding` header; `None` is identity. An unknown coding gives no output and the
    /// defect `Undecodable`.
    pub fn new(content_encoding: Option<&[u8]>) -> Self {
        let mut decoder = Self { stages: Vec::new(), defects: Defects::default(), shut: false };
        let codings =
            content_encoding.unwrap_or_default().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        for coding in codings.rev() {
            if coding.is_empty() || coding.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            match Stage::new(coding) {
                Some(stage) if decoder.stages.len() < limits::CODINGS_MAX => {
                    decoder.stages.push(Bounded::new(stage));
                }
                _ => decoder.close(Defect::Undecodable),
            }
        }
        decoder
    }

    /// Whether bytes pass unchanged.
    pub fn is_identity(&self) -> bool {
        self.stages.is_empty() && !self.shut
    }

    /// Decodes `chunk`; `out` gets the decoded bytes in pieces of at most [`limits::DECODE_PIECE_BYTES`], or `chunk` itself under
    /// identity.
    pub fn feed(&mut self, chunk: &[u8], out: &mut dyn FnMut(&[u8])) {
        if self.shut {
            return;
        }
        if let Err(defect) = run(&mut self.stages, None, chunk, out) {
            self.close(defect);
        }
    }

    /// Says that no more bytes come; a coding that stands in its middle is `Truncated`.
    pub fn end(&mut self) {
        if !self.shut && self.stages.iter().any(|bounded| !bounded.stage.may_end()) {
            self.close(Defect::Truncated);
        }
    }

    /// What was wrong so far.
    pub fn defects(&self) -> Defects {
        self.defects
    }

    fn close(&mut self, defect: Defect) {
        self.defects.insert(defect);
        self.shut = true;
    }
}

/// One coding and what went through it, in bytes.
struct Bounded {
    stage: Stage,
    read: u64,
    written: u64,
    /// What one step writes into.
    piece: Vec<u8>,
}

impl Bounded {
    fn new(stage: Stage) -> Self {
        Self { stage, read: 0, written: 0, piece: vec![0; limits::DECODE_PIECE_BYTES] }
    }
}

/// Decodes `chunk` by all of `stages`. `wire` is what the outermost of all codings has read, `None` for itself: bombs that are
/// nested multiply, so each is held against the bytes that somebody had to send.
fn run(
    stages: &mut [Bounded],
    wire: Option<u64>,
    chunk: &[u8],
    out: &mut dyn FnMut(&[u8]),
) -> Result<(), Defect> {
    let Some((first, rest)) = stages.split_first_mut() else {
        out(chunk);
        return Ok(());
    };
    let mut input = chunk;
    loop {
        let step = first.stage.step(input, &mut first.piece);
        input = input.get(step.read..).unwrap_or_default();
        first.read += step.read as u64;
        first.written += step.written as u64;
        let wire = wire.unwrap_or(first.read);
        let decoded = first.piece.get(..step.written).unwrap_or_default();
        if !decoded.is_empty() {
            run(rest, Some(wire), decoded, out)?;
        }
        if first.written > limits::DECODED_BYTES_MAX
            || first.written.saturating_sub(limits::DECODE_RATIO_GRACE_BYTES)
                > wire.saturating_mul(limits::DECODE_RATIO_MAX)
        {
            return Err(Defect::DecodeLimit);
        }
        if step.broken {
            return Err(Defect::Undecodable);
        }
        // A full buffer may hide more output; an idle step on spent input has none.
        if input.is_empty() && step.written < first.piece.len() {
            return Ok(());
        }
        if step.read == 0 && step.written == 0 {
            return Err(Defect::Undecodable);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn encode(coding: &str, data: &[u8]) -> Vec<u8> {
        match coding {
            "gzip" => gzip(data),
            "members" => {
                let (left, right) = data.split_at(data.len() / 2);
                [gzip(left), gzip(right)].concat()
            }
            "zlib" => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            "raw" => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            "zstd" => zstd::stream::encode_all(data, 3).unwrap(),
            "frames" => {
                let (left, right) = data.split_at(data.len() / 2);
                [zstd::stream::encode_all(left, 1).unwrap(), zstd::stream::encode_all(right, 1).unwrap()]
                    .concat()
            }
            "zstd of gzip" => zstd::stream::encode_all(&*gzip(data), 3).unwrap(),
            // One stored block: enough to drive the brotli stage without an encoder.
            "br" => stored_brotli(data),
            _ => data.to_vec(),
        }
    }

    /// A brotli stream of uncompressed meta-blocks of at most 65,536 bytes (RFC 7932 section 9.2).
    fn stored_brotli(data: &[u8]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        let push = |bits: &mut Vec<bool>, value: usize, count: usize| {
            bits.extend((0..count).map(|bit| value >> bit & 1 == 1));
        };
        push(&mut bits, 0, 1); // window of 16 bits
        for block in data.chunks(1 << 16) {
            push(&mut bits, 0, 1); // not last
            push(&mut bits, 0, 2); // length in four nibbles
            push(&mut bits, block.len() - 1, 16);
            push(&mut bits, 1, 1); // uncompressed
            while !bits.len().is_multiple_of(8) {
                bits.push(false);
            }
            for byte in block {
                push(&mut bits, usize::from(*byte), 8);
            }
        }
        push(&mut bits, 3, 2); // last, empty
        while !bits.len().is_multiple_of(8) {
            bits.push(false);
        }
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |acc, bit| acc << 1 | u8::from(*bit))).collect()
    }

    const CODINGS: [(&str, &str); 9] = [
        ("gzip", "gzip"),
        ("members", "x-gzip"),
        ("zlib", "deflate"),
        ("raw", "deflate"),
        ("zstd", "zstd"),
        ("frames", "ZSTD"),
        ("zstd of gzip", "gzip, zstd"),
        ("br", "br"),
        ("plain", "identity"),
    ];

    fn decode(header: &str, encoded: &[u8], cuts: &[usize]) -> (Vec<u8>, Defects) {
        let mut decoder = Decoder::new(Some(header.as_bytes()));
        let mut out = Vec::new();
        let mut from = 0;
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (encoded.len() + 1)).collect();
        ends.sort_unstable();
        ends.push(encoded.len());
        for end in ends {
            decoder.feed(&encoded[from..end], &mut |piece| out.extend_from_slice(piece));
            from = end;
        }
        decoder.end();
        (out, decoder.defects())
    }

    proptest! {
        #[test]
        fn any_split_decodes_to_the_same_bytes(
            data in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..2000),
                proptest::collection::vec(0u8..4, 0..100_000),
            ],
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            for (coding, header) in CODINGS {
                let encoded = encode(coding, &data);

                let (out, defects) = decode(header, &encoded, &cuts);

                prop_assert!(out == data, "{coding}");
                prop_assert!(defects.is_empty(), "{coding}");
            }
        }

        #[test]
        fn a_cut_body_gives_a_prefix_and_says_so(data in proptest::collection::vec(any::<u8>(), 1..500), cut in any::<usize>()) {
            for (coding, header) in &CODINGS[..8] {
                if matches!(*coding, "members" | "frames") {
                    continue;
                }
                let encoded = encode(coding, &data);
                let kept = 1 + cut % (encoded.len() - 1);

                let (out, defects) = decode(header, &encoded[..kept], &[]);
                let (bytewise, _) = decode(header, &encoded[..kept], &(0..kept).collect::<Vec<_>>());

                prop_assert!(data.starts_with(&out), "{coding}");
                prop_assert_eq!(&out, &bytewise);
                prop_assert!(defects.contains(Defect::Truncated), "{coding} {kept}");
            }
        }

        #[test]
        fn any_bytes_are_accepted(data in proptest::collection::vec(any::<u8>(), 0..300), which in 0..CODINGS.len()) {
            decode(CODINGS[which].1, &data, &[7, 13]);
        }
    }

    #[test]
    fn broken_codings_are_named() {
        let mut flipped = gzip(b"some text to be broken");
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        for (header, body) in [
            ("gzip", b"plain text".to_vec()),
            ("gzip", flipped),
            ("br", vec![0xff; 40]),
            ("zstd", b"plain text".to_vec()),
            ("lzma", b"anything".to_vec()),
            ("gzip,gzip,gzip,gzip,gzip", gzip(b"")),
        ] {
            let (_, defects) = decode(header, &body, &[]);
            assert!(defects.contains(Defect::Undecodable), "{header}");
        }
        assert!(decode("gzip", b"", &[]).1.is_empty());
    }

    #[test]
    fn zero_padding_after_the_last_member_is_no_flaw() {
        let body = [gzip(b"abc"), vec![0; 8]].concat();

        assert_eq!(decode("gzip", &body, &[]), (b"abc".to_vec(), Defects::default()));
    }

    #[test]
    fn a_bomb_is_stopped_early() {
        let zeros = vec![0; 64 << 20];
        for (coding, header) in [("gzip", "gzip"), ("zstd", "zstd")] {
            let bomb = encode(coding, &zeros);

            let mut decoder = Decoder::new(Some(header.as_bytes()));
            let mut written = 0;
            decoder.feed(&bomb, &mut |piece| written += piece.len());

            assert!(decoder.defects().contains(Defect::DecodeLimit), "{coding}");
            assert!(written < 40 << 20, "{coding}: {written}");
        }
    }
}
