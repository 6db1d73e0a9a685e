//! Strings of HPACK in its Huffman code. It refuses to know what the strings are.

use std::sync::LazyLock;

use super::codes::CODES;

/// Bits of the longest code.
const BITS_MAX: u8 = 30;

/// Made of the codes once.
pub(super) static HUFFMAN: LazyLock<Huffman> = LazyLock::new(Huffman::new);

/// The code in canonical form: codes of one length follow each other, in the order of their symbols.
#[derive(Debug)]
pub(super) struct Huffman {
    /// For each length, the first code of it, where its symbols begin, and how many there are.
    lengths: [(u32, u16, u16); BITS_MAX as usize + 1],
    /// Symbols in order of length, then of code.
    symbols: Vec<u16>,
}

impl Huffman {
    fn new() -> Self {
        let mut symbols: Vec<u16> = (0..=256).collect();
        let code = |symbol: u16| CODES.get(usize::from(symbol)).copied().unwrap_or_default();
        symbols.sort_by_key(|symbol| (code(*symbol).1, code(*symbol).0));
        let mut lengths = [(0, 0, 0); BITS_MAX as usize + 1];
        for (at, symbol) in (0_u16..).zip(&symbols) {
            let (code, bits) = code(*symbol);
            if let Some(length) = lengths.get_mut(usize::from(bits)) {
                if length.2 == 0 {
                    *length = (code, at, 0);
                }
                length.2 += 1;
            }
        }
        Self { lengths, symbols }
    }

    /// Appends what `coded` stands for to `out`. False if it is not a string in this code.
    pub(super) fn decode(&self, coded: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut code, mut bits) = (0_u32, 0_u8);
        for byte in coded {
            for shift in (0..8).rev() {
                code = code << 1 | u32::from(byte >> shift & 1);
                bits += 1;
                let Some((first, at, count)) = self.lengths.get(usize::from(bits)).copied() else {
                    return false;
                };
                let Some(rank) = code.checked_sub(first).filter(|rank| *rank < u32::from(count)) else {
                    continue;
                };
                let place = usize::from(at) + usize::try_from(rank).unwrap_or(usize::MAX);
                match self.symbols.get(place).and_then(|symbol| u8::try_from(*symbol).ok()) {
                    Some(byte) => out.push(byte),
                    // The end of a string, which no string may hold.
                    None => return false,
                }
                (code, bits) = (0, 0);
            }
        }
        // Less than a byte of ones, the beginning of the end-of-string symbol, fills the last byte.
        bits < 8 && code == (1 << bits) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        Huffman::new().decode(coded, &mut out).then_some(out)
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let cases: [(&[u8], &[u8]); 4] = [
            (b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff", b"www.example.com"),
            (b"\xa8\xeb\x10\x64\x9c\xbf", b"no-cache"),
            (b"\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf", b"custom-value"),
            (b"", b""),
        ];
        for (coded, plain) in cases {
            assert_eq!(decoded(coded).as_deref(), Some(plain));
        }
    }

    #[test]
    fn every_byte_is_read_from_its_code() {
        for symbol in 0..=255_u8 {
            let (code, bits) = CODES[usize::from(symbol)];
            let padded = (u64::from(code) << (64 - bits)) | (u64::MAX >> bits);
            let bytes = padded.to_be_bytes();
            let coded = &bytes[..usize::from(bits).div_ceil(8)];
            assert_eq!(decoded(coded), Some(vec![symbol]));
        }
    }

    #[test]
    fn what_is_no_string_in_the_code_is_refused() {
        // A byte of padding, padding with a zero, the end of a string itself.
        for coded in [b"\xff".as_slice(), b"\xf0", b"\xff\xff\xff\xff", b"\x00"] {
            assert_eq!(decoded(coded), None, "{coded:?}");
        }
    }
}
