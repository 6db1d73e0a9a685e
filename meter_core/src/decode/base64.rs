//! Base64 (RFC 4648, section 4) in pieces: text goes in as it arrives, bytes come out. Nothing is buffered but an unfinished group.
//!
//! It refuses to know where the text stands. White space is no part of it; padding may be missing, as some writers leave it out.

/// Bytes handed on at once.
const PIECE_BYTES: usize = 510;
/// Bytes of a group of four characters.
const GROUP_BYTES: usize = 3;
/// What no character stands for.
const NO_SEXTET: u8 = 0xff;
/// What each byte stands for as a character.
const SEXTETS: [u8; 256] = sextets();

const fn sextets() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut sextets = [NO_SEXTET; 256];
    let mut sextet = 0;
    while sextet < 64 {
        sextets[alphabet[sextet as usize] as usize] = sextet;
        sextet += 1;
    }
    sextets
}

/// The bytes of a whole group; None if one of its characters is padding or none of the alphabet.
fn decoded(group: [u8; 4]) -> Option<[u8; GROUP_BYTES]> {
    let [a, b, c, d] = group;
    let sextet = |byte: u8| SEXTETS[usize::from(byte)];
    let (a, b, c, d) = (sextet(a), sextet(b), sextet(c), sextet(d));
    let bits = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
    let [_, bytes @ ..] = bits.to_be_bytes();
    ((a | b | c | d) & 0xc0 == 0).then_some(bytes)
}

/// Decoder of one text; [`Base64::reset`] starts the next.
#[derive(Debug, Default)]
pub(crate) struct Base64 {
    /// The sextets of the unfinished group, and how many they are.
    bits: u32,
    sextets: u8,
    /// Padding was seen: nothing but more of it may follow.
    padded: bool,
    broken: bool,
}

impl Base64 {
    /// Forgets the current text and stands before the next.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether a character was none of the alphabet or stood where none may; nothing behind it is decoded.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Decodes the next characters, cut anywhere, into `out`.
    pub(crate) fn feed(&mut self, text: &[u8], out: &mut dyn FnMut(&[u8])) {
        let mut piece = [0; PIECE_BYTES];
        let mut filled = 0;
        let mut rest = text;
        while !self.broken {
            let whole = self.sextets == 0 && !self.padded;
            // Whole groups at once, where they are nothing but that.
            while let Some((group, behind)) = rest.split_first_chunk().filter(|_| whole)
                && let Some(bytes) = decoded(*group)
            {
                if let Some(slot) = piece.get_mut(filled..filled + GROUP_BYTES) {
                    slot.copy_from_slice(&bytes);
                }
                filled += GROUP_BYTES;
                rest = behind;
                if filled == PIECE_BYTES {
                    out(&piece);
                    filled = 0;
                }
            }
            let Some((byte, behind)) = rest.split_first() else { break };
            rest = behind;
            if let Some(bytes) = self.character(*byte) {
                if filled > 0 {
                    out(piece.get(..filled).unwrap_or_default());
                    filled = 0;
                }
                out(&bytes);
            }
        }
        if filled > 0 {
            out(piece.get(..filled).unwrap_or_default());
        }
    }

    /// Takes one character; the bytes of the group that it completes.
    fn character(&mut self, byte: u8) -> Option<[u8; GROUP_BYTES]> {
        let sextet = SEXTETS[usize::from(byte)];
        if byte == b'=' {
            self.padded = true;
            return None;
        }
        if self.padded || sextet == NO_SEXTET {
            self.broken = true;
            return None;
        }
        self.bits = self.bits << 6 | u32::from(sextet);
        self.sextets += 1;
        if self.sextets < 4 {
            return None;
        }
        let [_, group @ ..] = self.bits.to_be_bytes();
        (self.bits, self.sextets) = (0, 0);
        Some(group)
    }

    /// Says that the text is complete, which completes its last group.
    pub(crate) fn end(&mut self, out: &mut dyn FnMut(&[u8])) {
        let [_, first, second, _] = (self.bits << (6 * (4 - u32::from(self.sextets.min(4))))).to_be_bytes();
        match self.sextets {
            _ if self.broken => {}
            2 => out(&[first]),
            3 => out(&[first, second]),
            1 => self.broken = true,
            _ => {}
        }
        (self.bits, self.sextets) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    fn encoded(bytes: &[u8], padded: bool) -> String {
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - group.len()));
            for place in 0..=group.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
            }
            text.push_str(&"="[..usize::from(padded && group.len() < 3)].repeat(3 - group.len()));
        }
        text
    }

    fn decoded(text: &[u8], size: usize) -> (Vec<u8>, bool) {
        let mut base64 = Base64::default();
        let mut bytes = Vec::new();
        for piece in text.chunks(size.max(1)) {
            base64.feed(piece, &mut |out| bytes.extend_from_slice(out));
        }
        base64.end(&mut |out| bytes.extend_from_slice(out));
        (bytes, base64.is_broken())
    }

    #[test]
    fn the_published_vectors_decode() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg", "foob"),
            ("Zm9vYmE=", "fooba"),
        ] {
            assert_eq!(decoded(text.as_bytes(), 64), (bytes.as_bytes().to_vec(), false), "{text}");
        }
    }

    #[test]
    fn what_is_no_base64_ends_the_text() {
        for (text, bytes) in
            [("Zm9v Zm9v", "foo"), ("Zg==Zg", ""), ("Zm9vZ", "foo"), ("Zm9v-_", "foo"), ("\u{e9}", "")]
        {
            assert_eq!(decoded(text.as_bytes(), 64), (bytes.as_bytes().to_vec(), true), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_at_any_split(
            bytes in proptest::collection::vec(any::<u8>(), 0..1200), padded in any::<bool>(), size in 1usize..700,
        ) {
            let text = encoded(&bytes, padded);

            prop_assert_eq!(decoded(text.as_bytes(), size), (bytes, false));
        }

        #[test]
        fn any_text_is_read_alike_at_any_split(text in "[A-Za-z0-9+/= .\\n]{0,40}", size in 1usize..7) {
            prop_assert_eq!(decoded(text.as_bytes(), size), decoded(text.as_bytes(), 64));
        }
    }
}
