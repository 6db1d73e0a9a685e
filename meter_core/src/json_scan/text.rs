//! Unescapes the inside of one JSON string that arrives in pieces. Broken escapes and broken UTF-8 become U+FFFD.

use memchr::memchr2;

/// Bytes gathered before a piece is handed on.
const PIECE_BYTES: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    escape: Escape,
    high_surrogate: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Escape {
    #[default]
    None,
    Started,
    Unicode {
        digits: u8,
        value: u32,
    },
}

/// What a piece of a string came to.
pub(super) enum Progress {
    /// All of it belongs to the string.
    All,
    /// The string ended; this many bytes were used, its quote included.
    Ended(usize),
}

impl Text {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.escape = Escape::None;
        self.high_surrogate = None;
    }

    /// Takes what belongs to the string. With `keep` false the content is only skipped.
    pub(super) fn feed(&mut self, input: &[u8], keep: bool) -> Progress {
        let mut at = 0;
        while let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) {
            if !matches!(self.escape, Escape::None) {
                self.escaped(rest[0], keep);
                at += 1;
                continue;
            }
            let plain = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            if keep && plain > 0 {
                self.flush_surrogate();
                self.bytes.extend_from_slice(&rest[..plain]);
            }
            match rest.get(plain) {
                Some(b'"') => {
                    self.flush_surrogate();
                    return Progress::Ended(at + plain + 1);
                }
                Some(_) => self.escape = Escape::Started,
                None => {}
            }
            at += plain + 1;
        }
        Progress::All
    }

    fn escaped(&mut self, byte: u8, keep: bool) {
        let (digits, value) = match self.escape {
            Escape::Started if byte == b'u' => {
                self.escape = Escape::Unicode { digits: 0, value: 0 };
                return;
            }
            Escape::Unicode { digits, value } => (digits, value),
            Escape::Started | Escape::None => {
                self.escape = Escape::None;
                if keep {
                    self.flush_surrogate();
                    self.bytes.push(simple(byte));
                }
                return;
            }
        };
        let value = value << 4 | char::from(byte).to_digit(16).unwrap_or(0xfffd);
        self.escape = if digits == 3 { Escape::None } else { Escape::Unicode { digits: digits + 1, value } };
        if digits == 3 && keep {
            self.code_unit(value & 0xffff);
        }
    }

    fn code_unit(&mut self, unit: u32) {
        match (self.high_surrogate.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                self.push(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
            }
            (pending, 0xd800..=0xdbff) => {
                if pending.is_some() {
                    self.push(0xfffd);
                }
                self.high_surrogate = Some(unit);
            }
            (pending, unit) => {
                if pending.is_some() {
                    self.push(0xfffd);
                }
                self.push(unit);
            }
        }
    }

    fn flush_surrogate(&mut self) {
        if self.high_surrogate.take().is_some() {
            self.push(0xfffd);
        }
    }

    fn push(&mut self, code_point: u32) {
        let character = char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Hands on what is gathered, but for a character that may still be incomplete.
    pub(super) fn drain(&mut self, last: bool, mut sink: impl FnMut(&str)) {
        if !last && self.bytes.len() < PIECE_BYTES {
            return;
        }
        let whole = if last { self.bytes.len() } else { whole_characters(&self.bytes) };
        if whole > 0 {
            sink(&String::from_utf8_lossy(&self.bytes[..whole]));
        }
        self.bytes.drain(..whole);
    }

    pub(super) fn as_str(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// Length of the longest prefix that does not end inside a UTF-8 character.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    for at in (tail..bytes.len()).rev() {
        let needed = match bytes[at] {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            0x80..=0xbf => continue,
            _ => return bytes.len(),
        };
        return if bytes.len() - at < needed { at } else { bytes.len() };
    }
    bytes.len()
}

fn simple(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        other => other,
    }
}
