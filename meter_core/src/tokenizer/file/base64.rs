//! Base64 as rank files write it.
//!
//! Owns decoding the standard alphabet. Refuses anything else.

/// The bytes of padded base64; `None` for anything that is not.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    if !text.len().is_multiple_of(4) || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let word = group.iter().try_fold(0u32, |word, &digit| Some(word << 6 | u32::from(value(digit)?)))?;
        let [_, word @ ..] = (word << (6 * (4 - group.len()))).to_be_bytes();
        bytes.extend_from_slice(&word[..group.len() - 1]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// One byte, for the files of tests.
#[cfg(test)]
pub(super) fn encode_byte(byte: u8) -> String {
    let digit = |value: u8| {
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[usize::from(value)])
    };
    format!("{}{}==", digit(byte >> 2), digit((byte & 3) << 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        for (text, bytes) in
            [("", &b""[..]), ("IQ==", b"!"), ("IHQ=", b" t"), ("aW5n", b"ing"), ("+/+/", b"\xfb\xff\xbf")]
        {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["I", "IQ", "IQ=", "I===", "I-==", "====", "aW5n\n"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
