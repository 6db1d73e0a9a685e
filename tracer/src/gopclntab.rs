//! The table of functions that each Go program carries for its own use, also when its symbols are stripped. As of Go 1.18.
//!
//! Owns its layout. Refuses to know where in a file it is, and what the code of a function does. The bytes may be anybody's.

/// What the table begins with, by version: Go 1.18, and Go 1.20 and newer.
const MAGICS: [u32; 2] = [0xffff_fff0, 0xffff_fff1];
/// Bytes of its head: the magic number, sizes, and eight words.
const HEAD_BYTES: usize = 72;
/// Bytes in an entry of the list of functions: where it begins, and where its description is.
const ENTRY_BYTES: usize = 8;

/// A function, as addresses behind the beginning of the program's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent<'n> {
    pub(crate) name: &'n str,
    pub(crate) begin: u32,
    /// Where the next function begins.
    pub(crate) end: u32,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FunctionTable<'a> {
    /// Address of the program's code as the table says it; the linker of Go 1.26 leaves it out.
    text: Option<u64>,
    names: &'a [u8],
    /// Descriptions of functions, behind the list of them.
    descriptions: &'a [u8],
    entries: &'a [u8],
    end: u32,
}

impl<'a> FunctionTable<'a> {
    /// Reads a table that begins with these bytes; None if it does not.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let magic = word(bytes, 0)?;
        let &[_, _, _, _, 0, 0, _, 8, ..] = bytes else { return None };
        if !MAGICS.contains(&magic) || bytes.len() < HEAD_BYTES {
            return None;
        }
        let field = |number: usize| {
            let at = 8 + 8 * number;
            Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
        };
        let place = |number: usize| usize::try_from(field(number)?).ok();
        let names = bytes.get(place(3)?..place(4)?)?;
        let descriptions = bytes.get(place(7)?..)?;
        let entries = descriptions.get(..place(0)?.checked_mul(ENTRY_BYTES)?)?;
        let end = word(descriptions, entries.len())?;
        Some(Self { text: field(2).filter(|text| *text != 0), names, descriptions, entries, end })
    }

    /// Looks for a table among other data.
    pub(crate) fn search(bytes: &'a [u8]) -> Option<Self> {
        let starts = (0..bytes.len()).step_by(8);
        starts.filter_map(|at| bytes.get(at..)).find_map(Self::parse)
    }

    /// Address of the program's code, taken from the description of its module if the table does not say it: there, the
    /// addresses of the first function, of the end of the last one, and of the code follow each other.
    pub(crate) fn text(&self, module: &[u8]) -> Option<u64> {
        let first = u64::from(word(self.entries, 0)?);
        self.text.or_else(|| {
            let words: Vec<u64> = module.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
            words.windows(3).find_map(|window| {
                let &[lowest, highest, text] = window else { return None };
                let fits =
                    lowest.checked_sub(text)? == first && highest.checked_sub(text)? == u64::from(self.end);
                (fits && text != 0).then_some(text)
            })
        })
    }

    /// The functions that have one of these names.
    pub(crate) fn find<'n>(&self, wanted: &[&'n str]) -> Vec<Extent<'n>> {
        let mut places: Vec<(usize, &'n str)> = Vec::new();
        let mut at = 0;
        for name in self.names.split(|byte| *byte == 0) {
            if let Some(found) = wanted.iter().find(|wanted| wanted.as_bytes() == name) {
                // Each name is there once, and a hostile table is not worth more.
                if places.iter().all(|(_, known)| known != found) {
                    places.push((at, found));
                }
            }
            at += name.len() + 1;
        }
        if places.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Extent<'n>> = Vec::new();
        for at in (0..self.entries.len()).step_by(ENTRY_BYTES) {
            let Some((place, extent)) = self.entry(at) else { continue };
            let Some(&(_, name)) = places.iter().find(|(known, _)| *known == place) else { continue };
            if found.iter().all(|known| known.name != name) {
                found.push(Extent { name, ..extent });
            }
            if found.len() == wanted.len() {
                break;
            }
        }
        found
    }

    /// Place of the name of a function, and its extent.
    fn entry(&self, at: usize) -> Option<(usize, Extent<'static>)> {
        let begin = word(self.entries, at)?;
        let description = usize::try_from(word(self.entries, at + 4)?).ok()?;
        let name = usize::try_from(word(self.descriptions, description.checked_add(4)?)?).ok()?;
        // Behind the last entry is the end of the code, alone.
        let end = word(self.descriptions, at + ENTRY_BYTES)?;
        (begin < end).then_some((name, Extent { name: "", begin, end }))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table of functions of 16 bytes each, the first of them `first` bytes behind the beginning of the code.
    fn table(names: &[&str], text: u64, first: u32) -> Vec<u8> {
        let mut joined = Vec::new();
        let mut places = Vec::new();
        for name in names {
            places.push(u32::try_from(joined.len()).unwrap());
            joined.extend(name.bytes());
            joined.push(0);
        }
        let list = HEAD_BYTES + joined.len();
        let mut bytes = MAGICS[1].to_le_bytes().to_vec();
        bytes.extend([0, 0, 1, 8]);
        for field in [names.len() as u64, 0, text, HEAD_BYTES as u64, list as u64, 0, 0, list as u64] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(joined);
        let described = u32::try_from(8 * names.len() + 4).unwrap();
        let mut begin = first;
        for number in 0..u32::try_from(names.len()).unwrap() {
            bytes.extend(begin.to_le_bytes());
            bytes.extend((described + 8 * number).to_le_bytes());
            begin += 16;
        }
        bytes.extend(begin.to_le_bytes());
        for place in places {
            bytes.extend([0; 4]);
            bytes.extend(place.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn functions_are_found_by_their_whole_names() {
        let bytes = table(&["a.b", "a.bc", "c"], 0x1000, 32);
        let table = FunctionTable::parse(&bytes).unwrap();
        assert_eq!(
            table.find(&["c", "a.b", "a", "bc"]),
            [Extent { name: "a.b", begin: 32, end: 48 }, Extent { name: "c", begin: 64, end: 80 }]
        );
        assert_eq!(table.text(&[]), Some(0x1000));
    }

    #[test]
    fn the_module_says_where_the_code_is_if_the_table_does_not() {
        let bytes = table(&["a", "b"], 0, 32);
        let table = FunctionTable::parse(&bytes).unwrap();
        let module: Vec<u8> =
            [9_u64, 0x1020, 0x1040, 0x1000, 7].iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(table.text(&module), Some(0x1000));
        assert_eq!(table.text(&module[8..24]), None);
    }

    #[test]
    fn a_table_is_found_among_other_data() {
        let mut bytes = vec![0xf1; 24];
        bytes.extend(table(&["a"], 0x1000, 0));
        assert_eq!(FunctionTable::search(&bytes).unwrap().find(&["a"]).len(), 1);
        assert!(FunctionTable::search(&bytes[4..]).is_none());
    }

    #[test]
    fn older_tables_are_none() {
        let mut bytes = table(&["a"], 0x1000, 0);
        bytes[0] = 0xfa;
        assert!(FunctionTable::parse(&bytes).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_behind_a_head_are_read_within(
            fields in proptest::collection::vec(prop_oneof![0_u64..200, any::<u64>()], 8),
            rest in proptest::collection::vec(any::<u8>(), 0..300),
            module in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut bytes = MAGICS[0].to_le_bytes().to_vec();
            bytes.extend([0, 0, 1, 8]);
            bytes.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
            bytes.extend(rest);
            if let Some(table) = FunctionTable::search(&bytes) {
                let _ = table.text(&module);
                for extent in table.find(&["", "a"]) {
                    prop_assert!(extent.begin < extent.end);
                }
            }
        }

        #[test]
        fn a_table_with_a_changed_or_missing_byte_is_read_within(at in 0_usize..200, to in any::<u8>(), cut in 0_usize..200) {
            let mut bytes = table(&["a.b", "a.bc", "c"], 0x1000, 32);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = to;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Some(table) = FunctionTable::parse(&bytes) {
                for extent in table.find(&["a.b", "a.bc", "c"]) {
                    prop_assert!(extent.begin < extent.end);
                }
            }
        }
    }
}
