//! Content codings: any cut decodes to the same, within the limits.

use meter_core::decode::Decoder;
use meter_core::limits;
use meter_core::usage::{Defect, Defects};

use super::input::{Input, pieces};

const CODINGS: [&str; 10] = [
    "gzip",
    "deflate",
    "br",
    "zstd",
    "gzip, zstd",
    "zstd, gzip",
    "br, deflate, gzip",
    "gzip, gzip, gzip, gzip",
    "identity",
    "gzip, gzip, gzip, gzip, gzip",
];

/// Any bytes under any coding.
pub fn decode(data: &[u8]) {
    let mut input = Input::new(data);
    let coding = *input.pick(&CODINGS);
    let cuts = input.byte();
    let body = input.rest();

    let (whole, whole_defects) = run(coding, std::iter::once(body));
    let (split, split_defects) = run(coding, pieces(body, cuts));

    assert_eq!(whole_defects, split_defects, "defects of {coding}");
    // How much comes out in front of a break may depend on the cuts.
    if !whole_defects.contains(Defect::Undecodable) && !whole_defects.contains(Defect::DecodeLimit) {
        assert_eq!(whole, split, "content of {coding}");
    }
    let bound = limits::DECODE_RATIO_GRACE_BYTES
        + limits::DECODE_RATIO_MAX * body.len() as u64
        + limits::DECODE_PIECE_BYTES as u64;
    assert!(coding == "identity" || whole.0 <= bound, "{} bytes out of {}", whole.0, body.len());
}

/// Length and a digest of what comes out, and the defects.
fn run<'a>(coding: &str, bodies: impl Iterator<Item = &'a [u8]>) -> ((u64, u64), Defects) {
    let mut decoder = Decoder::new(Some(coding.as_bytes()));
    let (mut length, mut digest) = (0, 0_u64);
    for piece in bodies {
        decoder.feed(piece, &mut |decoded| {
            assert!(decoder_piece_fits(coding, decoded));
            length += decoded.len() as u64;
            for byte in decoded {
                digest = digest.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte);
            }
        });
    }
    decoder.end();
    ((length, digest), decoder.defects())
}

fn decoder_piece_fits(coding: &str, decoded: &[u8]) -> bool {
    coding == "identity" || (1..=limits::DECODE_PIECE_BYTES).contains(&decoded.len())
}
