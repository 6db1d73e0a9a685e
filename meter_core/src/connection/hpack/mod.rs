//! Header blocks of HTTP/2 (HPACK, RFC 7541), of one direction of one connection.
//!
//! It owns the dynamic table. A reader that came late, or missed a block, does not know what the older entries of the table
//! are: they are unknown fields, never wrong ones, because later entries stand in front of them. The crates that decode HPACK
//! take such a block for an error, which is why this one exists. It refuses to know frames and what fields mean.

mod codes;
mod huffman;
mod static_table;
mod table;

use huffman::HUFFMAN;
use static_table::FIELDS;
use table::Table;

use crate::limits;

/// Name and value of a field; what could not be known of it is `None`.
pub(super) type Field = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Decoder of the blocks of one direction.
#[derive(Debug)]
pub(super) struct Decoder {
    table: Table,
}

/// A block that is no HPACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Decoder {
    pub(super) fn new() -> Self {
        Self { table: Table::new() }
    }

    /// A block was not seen: what the table holds is no longer known.
    pub(super) fn forget(&mut self) {
        self.table.clear();
    }

    /// The fields of a whole block, as many as fit in `limits::HTTP_HEAD_BYTES_MAX`. Of a broken block nothing is known.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Vec<Field>, Broken> {
        let mut fields = Vec::new();
        let result = self.read(block, &mut fields);
        if result.is_err() {
            self.forget();
        }
        result.map(|()| fields)
    }

    fn read(&mut self, block: &[u8], fields: &mut Vec<Field>) -> Result<(), Broken> {
        let mut rest = block;
        let mut room = limits::HTTP_HEAD_BYTES_MAX;
        while let Some(first) = rest.first().copied() {
            let field = match first {
                0x80.. => self.at(integer(&mut rest, 7)?)?,
                0x40..0x80 => {
                    let field = self.literal(&mut rest, 6)?;
                    self.table.insert(field.clone());
                    field
                }
                0x20..0x40 => {
                    self.table.resize(integer(&mut rest, 5)?);
                    continue;
                }
                _ => self.literal(&mut rest, 4)?,
            };
            // An index of one byte stands for a field of thousands: what is kept is bounded by what it is, not by its block.
            let size = table::size(&field);
            if let Some(left) = room.checked_sub(size) {
                room = left;
                fields.push(field);
            }
        }
        Ok(())
    }

    fn at(&self, index: usize) -> Result<Field, Broken> {
        let place = index.checked_sub(1).ok_or(Broken)?;
        if let Some((name, value)) = FIELDS.get(place) {
            return Ok((Some(name.to_vec()), Some(value.to_vec())));
        }
        Ok(self.table.get(place.saturating_sub(FIELDS.len())).cloned().unwrap_or_default())
    }

    /// A field that is spelled out, save perhaps its name.
    fn literal(&self, rest: &mut &[u8], prefix: u8) -> Result<Field, Broken> {
        let name = match integer(rest, prefix)? {
            0 => Some(string(rest)?),
            index => self.at(index)?.0,
        };
        Ok((name, Some(string(rest)?)))
    }
}

/// Takes a string.
fn string(rest: &mut &[u8]) -> Result<Vec<u8>, Broken> {
    let coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer(rest, 7)?;
    let (bytes, behind) = rest.split_at_checked(length).ok_or(Broken)?;
    *rest = behind;
    if !coded {
        return Ok(bytes.to_vec());
    }
    let mut out = Vec::with_capacity(length.saturating_mul(8) / 5);
    if HUFFMAN.decode(bytes, &mut out) { Ok(out) } else { Err(Broken) }
}

/// Takes an integer whose first byte lends it `prefix` bits. No size of a table has more than 32.
fn integer(rest: &mut &[u8], prefix: u8) -> Result<usize, Broken> {
    let (first, mut behind) = rest.split_first().ok_or(Broken)?;
    let mask = (1_u64 << prefix) - 1;
    let mut value = u64::from(*first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (byte, next) = behind.split_first().ok_or(Broken)?;
            behind = next;
            if shift > 28 {
                return Err(Broken);
            }
            value += u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *rest = behind;
    usize::try_from(value).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(fields: Vec<Field>) -> Vec<(String, String)> {
        let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap_or(b"?".to_vec())).unwrap();
        fields.into_iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The requests of appendix C.4 of the standard.
    const FIRST: &[u8] = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
    const SECOND: &[u8] = b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf";
    const THIRD: &[u8] =
        b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf";

    #[test]
    fn the_requests_of_the_standard_are_read() {
        let mut decoder = Decoder::new();
        let common = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
        let host = (":authority", "www.example.com");

        assert_eq!(known(decoder.decode(FIRST).unwrap()), pairs(&[&common[..], &[host]].concat()));
        let second = [&common[..], &[host, ("cache-control", "no-cache")]].concat();
        assert_eq!(known(decoder.decode(SECOND).unwrap()), pairs(&second));
        let third = [
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/index.html"),
            host,
            ("custom-key", "custom-value"),
        ];
        assert_eq!(known(decoder.decode(THIRD).unwrap()), pairs(&third));
    }

    #[test]
    fn what_was_before_is_unknown_and_what_comes_then_is_not_taken_for_it() {
        let mut decoder = Decoder::new();
        let second = known(decoder.decode(SECOND).unwrap());
        assert_eq!(second[3], ("?".to_owned(), "?".to_owned()));
        assert_eq!(second[4], ("cache-control".to_owned(), "no-cache".to_owned()));
        let third = known(decoder.decode(THIRD).unwrap());
        assert_eq!(third[3], ("?".to_owned(), "?".to_owned()), "one behind the only known entry");
    }

    #[test]
    fn a_broken_block_makes_the_table_unknown() {
        for block in
            [b"\x80".as_slice(), b"\x40", b"\x41\x05ab", b"\xff\xff\xff\xff\xff\xff\x7f", b"\x41\x81\xff"]
        {
            let mut decoder = Decoder::new();
            decoder.decode(FIRST).unwrap();
            assert_eq!(decoder.decode(block), Err(Broken), "{block:?}");
            assert_eq!(known(decoder.decode(b"\xbe").unwrap()), pairs(&[("?", "?")]));
        }
    }

    #[test]
    fn a_block_of_indices_is_not_a_bomb() {
        let mut decoder = Decoder::new();
        let mut block = b"\x40\x01a\x7f\x81\x1e".to_vec();
        block.extend([b'x'; 4000]);
        let whole = block.len();
        // 127 + 0x81 & 0x7f + 0x1e << 7 is the length of the value.
        assert_eq!(127 + 1 + (0x1e << 7), 3968);
        block.truncate(whole - 32);
        block.extend(std::iter::repeat_n(0xbe, 60_000));
        let fields = decoder.decode(&block).unwrap();

        let kept: usize = fields.iter().map(table::size).sum();
        assert!(kept <= limits::HTTP_HEAD_BYTES_MAX && fields.len() > 1);
    }

    proptest! {
        #[test]
        fn no_block_is_unacceptable(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8)) {
            let mut decoder = Decoder::new();
            for block in blocks {
                let _ = decoder.decode(&block);
                prop_assert!(decoder.table.bytes() <= limits::HPACK_TABLE_BYTES_MAX);
            }
        }
    }
}
