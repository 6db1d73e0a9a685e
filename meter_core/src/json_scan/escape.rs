//! Undoes the escapes of a string many at a time, as far as they are whole; what is cut or broken is left to the scanner.

use memchr::memchr2;

/// Bytes that are undone in one go.
pub(super) const ROOM: usize = 1024;
/// The longest character in UTF-8.
const CHARACTER_BYTES_MAX: usize = 4;

/// How far one go came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undone {
    /// Bytes of the string that are done with.
    pub(super) taken: usize,
    /// Bytes written for them.
    pub(super) written: usize,
}

/// Undoes the escapes of `bytes` into `out`, plain bytes in between included. Stops at the closing quote, at an escape that is cut
/// or broken, at half a surrogate pair, and where `out` is full.
pub(super) fn undo(bytes: &[u8], out: &mut [u8; ROOM]) -> Undone {
    let mut taken = 0;
    let mut written = 0;
    while let Some(rest) = bytes.get(taken..) {
        let room = ROOM - written;
        let plain = memchr2(b'"', b'\\', rest.get(..room.min(rest.len())).unwrap_or_default());
        let run = rest.get(..plain.unwrap_or(room.min(rest.len()))).unwrap_or_default();
        let Some(slot) = out.get_mut(written..written + run.len()) else { break };
        slot.copy_from_slice(run);
        taken += run.len();
        written += run.len();
        let escape = rest.get(run.len()..).unwrap_or_default();
        if ROOM - written < CHARACTER_BYTES_MAX || escape.first() != Some(&b'\\') {
            break;
        }
        let Some((character, length)) = character(escape) else { break };
        let Some(slot) = out.get_mut(written..written + CHARACTER_BYTES_MAX) else { break };
        written += character.encode_utf8(slot).len();
        taken += length;
    }
    Undone { taken, written }
}

/// The character that the escape at the start of `bytes` stands for, and the escape's length.
fn character(bytes: &[u8]) -> Option<(char, usize)> {
    let plain = match bytes.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = unit(bytes)?;
            if !(0xd800..=0xdbff).contains(&unit) {
                return Some((char::from_u32(unit)?, 6));
            }
            let low = unit_of_pair(bytes)?;
            return Some((char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low)?, 12));
        }
        _ => return None,
    };
    Some((plain, 2))
}

/// The second half of a pair of escapes, less its base.
fn unit_of_pair(bytes: &[u8]) -> Option<u32> {
    let second = bytes.get(6..)?;
    let low = unit(second.strip_prefix(b"\\u").map(|_| second)?)?;
    low.checked_sub(0xdc00).filter(|low| *low < 0x400)
}

/// The code unit of the escape `\uXXXX` at the start of `bytes`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let [_, _, a, b, c, d, ..] = bytes else { return None };
    [a, b, c, d].into_iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn undone(bytes: &[u8]) -> (usize, String) {
        let mut out = [0; ROOM];
        let Undone { taken, written } = undo(bytes, &mut out);
        (taken, String::from_utf8_lossy(&out[..written]).into_owned())
    }

    #[test]
    fn escapes_are_undone_up_to_what_is_cut_or_broken() {
        let cases: [(&str, usize, &str); 11] = [
            (r#"\n\"a\\b"rest"#, 8, "\n\"a\\b"),
            (r"\u00e9\u4e2d", 12, "\u{e9}\u{4e2d}"),
            (r"\ud83d\ude00!", 13, "\u{1f600}!"),
            (r"\u00e", 0, ""),
            (r"a\", 1, "a"),
            (r"\ud83d", 0, ""),
            (r"\ud83dx", 0, ""),
            (r"\ud83d\u0041", 0, ""),
            (r"\ude00", 0, ""),
            (r"\x", 0, ""),
            ("", 0, ""),
        ];
        for (escaped, taken, plain) in cases {
            assert_eq!(undone(escaped.as_bytes()), (taken, plain.to_owned()), "{escaped}");
        }
    }

    proptest! {
        #[test]
        fn what_is_whole_is_undone_as_json_says(text in "(\\PC{0,40}|[a-z\"\\\\\n\t]{0,40}){0,60}") {
            let quoted = serde_json::to_string(&text).unwrap();
            let inside = &quoted.as_bytes()[1..quoted.len() - 1];
            let mut plain = Vec::new();
            let mut rest = inside;
            while !rest.is_empty() {
                let mut out = [0; ROOM];
                let Undone { taken, written } = undo(rest, &mut out);
                prop_assert!(taken > 0);
                plain.extend_from_slice(&out[..written]);
                rest = &rest[taken..];
            }
            prop_assert_eq!(String::from_utf8(plain).unwrap(), text);
        }
    }
}
