//! The size of a picture from its first bytes: PNG, GIF, WebP and JPEG, plain or in base64. Pure; nothing is fetched and no
//! pixel is decoded. It refuses to know where in a request a picture stands.

use super::prompt::ImageSize;
use crate::limits;

/// Characters of base64 that are looked at, with room for the prefix of a data URL.
pub(super) const HEAD_CHARS_MAX: usize = limits::IMAGE_HEAD_BYTES_MAX / 3 * 4 + limits::NAME_BYTES_MAX;

/// What the picture's format is called in a data URL, by the bytes that it begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8";

/// The size of the picture that a `data:` URL or the base64 of a source begins with; None if it is neither or no picture.
pub(super) fn of_text(text: &str) -> Option<ImageSize> {
    let base64 = match text.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("data:") => {
            let (head, data) = text.split_once(',')?;
            head.to_ascii_lowercase().ends_with(";base64").then_some(data)?
        }
        _ => text,
    };
    of_bytes(&decoded(base64))
}

/// The size of the picture that begins with `bytes`.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<ImageSize> {
    let size = if bytes.starts_with(PNG) {
        png(bytes)
    } else if bytes.starts_with(b"GIF8") {
        Some((u32::from(le16(bytes, 6)?), u32::from(le16(bytes, 8)?)))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        webp(bytes)
    } else if bytes.starts_with(JPEG) {
        jpeg(bytes)
    } else {
        None
    };
    let (wide, high) = size.filter(|(wide, high)| *wide > 0 && *high > 0)?;
    Some(ImageSize { wide, high })
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(12..16) != Some(b"IHDR") {
        return None;
    }
    Some((be32(bytes, 16)?, be32(bytes, 20)?))
}

/// The three kinds of `WebP`: lossy, lossless, extended.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " if bytes.get(23..26) == Some(&[0x9d, 0x01, 0x2a]) => {
            Some((u32::from(le16(bytes, 26)? & 0x3fff), u32::from(le16(bytes, 28)? & 0x3fff)))
        }
        b"VP8L" if bytes.get(20) == Some(&0x2f) => {
            let bits = u32::from(le16(bytes, 21)?) | u32::from(le16(bytes, 23)?) << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((le24(bytes, 24)? + 1, le24(bytes, 27)? + 1)),
        _ => None,
    }
}

/// Walks the segments up to the one that starts the frame. Previews in other segments are stepped over with them.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    while let Some(marker) = bytes.get(at..at + 2) {
        match marker {
            // Any number of fill bytes may stand before a marker.
            [0xff, 0xff] => at += 1,
            // Markers without a segment.
            [0xff, 0x01 | 0xd0..=0xd8] => at += 2,
            // Start of frame, of whatever coding; three numbers in the range mean something else.
            [0xff, code @ 0xc0..=0xcf] if !matches!(code, 0xc4 | 0xc8 | 0xcc) => {
                return Some((u32::from(be16(bytes, at + 7)?), u32::from(be16(bytes, at + 5)?)));
            }
            // The picture itself, or its end.
            [0xff, 0xd9 | 0xda] => return None,
            [0xff, _] => at += 2 + usize::from(be16(bytes, at + 2)?).max(2),
            _ => return None,
        }
    }
    None
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(le16(bytes, at)?) | u32::from(*bytes.get(at + 2)?) << 16)
}

/// The bytes of base64 (either alphabet) up to the first character that is none, at most
/// [`limits::IMAGE_HEAD_BYTES_MAX`]. White space is passed over.
fn decoded(base64: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for character in base64.bytes() {
        let sextet = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' | b' ' | b'\t' => continue,
            _ => break,
        };
        bits = bits << 6 | u32::from(sextet);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
            if bytes.len() == limits::IMAGE_HEAD_BYTES_MAX {
                break;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PNG_HEAD: &str = "iVBORw0KGgoAAAANSUhEUgAAA+gAAAH0CAYAAAD";

    const fn size(wide: u32, high: u32) -> ImageSize {
        ImageSize { wide, high }
    }

    /// A JPEG whose frame starts after a segment of `before` bytes that contains another picture's frame.
    fn photo(before: usize) -> Vec<u8> {
        let mut segment = vec![0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1];
        segment.resize(before, 0);
        let length = u16::try_from(before + 2).unwrap().to_be_bytes();
        let frame = [0xff, 0xc2, 0, 17, 8, 0x0b, 0xd0, 0x0f, 0xc0, 3];
        [&[0xff, 0xd8, 0xff, 0xe1][..], &length, &segment, &[0xff, 0xff], &frame[1..]].concat()
    }

    #[test]
    fn every_format_states_its_size_near_its_beginning() {
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\x10\0\0\x9d\x01\x2a\x80\x42\x40\x01";
        let lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x2b\xc1\x95\x00";
        let extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\xe7\x03\x00\xf3\x01\x00";

        assert_eq!(of_text(PNG_HEAD), Some(size(1000, 500)));
        assert_eq!(of_bytes(b"GIF89a\x40\x01\xc8\x00"), Some(size(320, 200)));
        assert_eq!(of_bytes(lossy), Some(size(640, 320)));
        assert_eq!(of_bytes(lossless), Some(size(300, 600)));
        assert_eq!(of_bytes(extended), Some(size(1000, 500)));
        assert_eq!(of_bytes(&photo(9)), Some(size(4032, 3024)));
        assert_eq!(of_bytes(&photo(60_000)), Some(size(4032, 3024)));
    }

    #[test]
    fn a_data_url_is_read_in_any_spelling_and_anything_else_is_no_picture() {
        assert_eq!(of_text(&format!("data:image/png;base64,{PNG_HEAD}")), Some(size(1000, 500)));
        assert_eq!(of_text(&format!("DATA:image/png;charset=x;BASE64,{PNG_HEAD}")), Some(size(1000, 500)));
        for text in [
            "",
            "https://example.org/a.png",
            "data:image/png,plain",
            "data:image/png;base64",
            "JVBERi0xLjQK",
            "é",
            &PNG_HEAD[..24],
        ] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_frame_beyond_the_bound_is_not_looked_for() {
        let two = [photo(65_000), photo(9)[2..].to_vec()].concat();

        assert_eq!(of_bytes(&two), Some(size(4032, 3024)));
        assert_eq!(decoded(&"A".repeat(200_000)).len(), limits::IMAGE_HEAD_BYTES_MAX);
        assert_eq!(of_bytes(b"GIF89a\0\0\xc8\0"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(
            start in prop::sample::select(vec![PNG, JPEG, b"GIF8", b"RIFF\0\0\0\0WEBPVP8X", b"RIFF\0\0\0\0WEBPVP8L", b""]),
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xff), Just(0xd8)], 0..80),
        ) {
            let size = of_bytes(&[start, &bytes].concat());
            prop_assert!(size.is_none_or(|size| size.wide > 0 && size.high > 0));
        }
    }
}
