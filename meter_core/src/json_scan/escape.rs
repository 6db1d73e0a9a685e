//! Undoes the escapes of a string many at a time, as far as they are whole; what is cut or broken is left to the scanner.

use memchr::memchr2;

use super::special::{WORD, plain};

/// Bytes that are undone in one go.
pub(super) const ROOM: usize = 1024;
/// Plain bytes behind which more are looked for in one search.
const LONG: usize = 4 * WORD;
/// What no digit stands for.
const NO_DIGIT: u8 = 0xff;
/// What each byte stands for behind a backslash; 0 where it is more than a byte, or nothing.
const PLAIN: [u8; 256] = plain_escapes();
/// What each byte stands for as a hexadecimal digit.
const DIGITS: [u8; 256] = digits();

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
    let (mut taken, mut written, mut run) = (0, 0, 0);
    while let (Some(rest), Some(room)) = (bytes.get(taken..), out.get_mut(written..)) {
        // A word is copied whole, and as much of it kept as is plain.
        if let (Some(word), Some(slot)) = (rest.first_chunk::<WORD>(), room.first_chunk_mut::<WORD>()) {
            *slot = *word;
            let plain = plain(*word);
            (taken, written, run) = (taken + plain, written + plain, run + plain);
            if plain == WORD {
                if run >= LONG {
                    let copied = copy(bytes, taken, out, written);
                    (taken, written) = (taken + copied, written + copied);
                }
                continue;
            }
        } else {
            let (Some(byte), Some(slot)) = (rest.first(), room.first_mut()) else { break };
            if !matches!(byte, b'"' | b'\\') {
                *slot = *byte;
                (taken, written) = (taken + 1, written + 1);
                continue;
            }
        }
        run = 0;
        let escape = bytes.get(taken..).unwrap_or_default();
        // Most escapes stand for one byte.
        if let ([b'\\', kind, ..], Some(slot)) = (escape, out.get_mut(written))
            && let plain @ 1.. = PLAIN[usize::from(*kind)]
        {
            *slot = plain;
            (taken, written) = (taken + 2, written + 1);
            continue;
        }
        let Some((character, length)) = character(escape) else { break };
        // The longest character has four bytes.
        let Some(slot) = out.get_mut(written..written + 4) else { break };
        written += character.encode_utf8(slot).len();
        taken += length;
    }
    Undone { taken, written }
}

/// Copies the plain bytes from `taken` on, as far as there is room; how many.
fn copy(bytes: &[u8], taken: usize, out: &mut [u8; ROOM], written: usize) -> usize {
    let (rest, room) = (bytes.get(taken..).unwrap_or_default(), out.get_mut(written..).unwrap_or_default());
    let rest = rest.get(..room.len()).unwrap_or(rest);
    let length = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
    if let (Some(slot), Some(plain)) = (room.get_mut(..length), rest.get(..length)) {
        slot.copy_from_slice(plain);
    }
    length
}

/// The character that the escape `\uXXXX` or the pair of them at the start of `bytes` stands for, and its length.
fn character(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = unit(bytes)?;
    if !(0xd800..=0xdbff).contains(&unit) {
        return Some((char::from_u32(unit)?, 6));
    }
    let low = unit_of_pair(bytes)?;
    Some((char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low)?, 12))
}

/// The second half of a pair of escapes, less its base.
fn unit_of_pair(bytes: &[u8]) -> Option<u32> {
    let low = unit(bytes.get(6..)?)?;
    low.checked_sub(0xdc00).filter(|low| *low < 0x400)
}

/// The code unit of the escape `\uXXXX` at the start of `bytes`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let [b'\\', b'u', a, b, c, d, ..] = bytes else { return None };
    let digit = |byte: &u8| DIGITS[usize::from(*byte)];
    let (a, b, c, d) = (digit(a), digit(b), digit(c), digit(d));
    let unit = u32::from(a & 15) << 12 | u32::from(b & 15) << 8 | u32::from(c & 15) << 4 | u32::from(d & 15);
    (a | b | c | d != NO_DIGIT).then_some(unit)
}

const fn plain_escapes() -> [u8; 256] {
    let mut plain = [0; 256];
    let mut at = 0;
    while at < 8 {
        plain[b"\"\\/bfnrt"[at] as usize] = b"\"\\/\x08\x0c\n\r\t"[at];
        at += 1;
    }
    plain
}

const fn digits() -> [u8; 256] {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digits[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
        digit += 1;
    }
    digits
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
