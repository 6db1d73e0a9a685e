//! The symbol tables of an executable. Their sections are read whole: an executable may have some hundred thousand symbols, and a
//! look at the file for the name of each takes a second.

use object::elf::{SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, Sym64};
use object::read::elf::{ElfFile64, FileHeader, SectionHeader, Sym};
use object::{Endianness, ReadCache, StringTable, pod};

/// Calls `found` with the name and the address of each symbol that is defined: the exported ones first, then all others of a file
/// that is not stripped. What is broken is left out.
pub(crate) fn each<'data, R: object::ReadCacheOps>(
    elf: &ElfFile64<'data, Endianness, &'data ReadCache<R>>,
    cache: &'data ReadCache<R>,
    found: &mut dyn FnMut(&[u8], u64),
) {
    let endian = elf.endian();
    let Ok(sections) = elf.elf_header().sections(endian, cache) else { return };
    for kind in [SHT_DYNSYM, SHT_SYMTAB] {
        for section in sections.iter().filter(|section| section.sh_type(endian) == kind) {
            let names = sections.section(object::SectionIndex(section.link(endian).0));
            let (Ok(entries), Ok(names)) =
                (section.data(endian, cache), names.and_then(|names| names.data(endian, cache)))
            else {
                continue;
            };
            let Ok(entries) = pod::slice_from_all_bytes::<Sym64<Endianness>>(entries) else { continue };
            let strings = StringTable::new(names, 0, u64::try_from(names.len()).unwrap_or(0));
            for symbol in entries.iter().filter(|symbol| symbol.st_shndx(endian) != SHN_UNDEF) {
                if let Ok(name) = symbol.name(endian, strings) {
                    found(name, symbol.st_value(endian));
                }
            }
        }
    }
}
