//! The functions of a Go program: where they begin and where they return.
//!
//! Only programs of Go 1.18 and newer: before that, functions take their arguments elsewhere.

use std::borrow::Cow;

use object::elf::{R_AARCH64_RELATIVE, R_X86_64_RELATIVE};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ReadRef, RelocationFlags};

use crate::gopclntab::FunctionTable;
use crate::image::{Function, Places};
use crate::limits::{FUNCTION_BYTES_MAX, FUNCTION_TABLE_BYTES_MAX, MODULE_BYTES_MAX};
use crate::returns::returns;

/// The functions with these names that are understood; none if the file is no Go program.
pub(crate) fn functions<'data, R: ReadRef<'data>>(
    elf: &ElfFile64<'data, Endianness, R>,
    data: R,
    places: &Places,
    names: &[&str],
) -> Vec<Function> {
    let Some(bytes) = table(elf) else { return Vec::new() };
    let Some(table) = FunctionTable::search(&bytes) else { return Vec::new() };
    let extents = table.find(names);
    if extents.is_empty() {
        return Vec::new();
    }
    let module = section(elf, MODULE_BYTES_MAX, |name| name == ".go.module").unwrap_or_default();
    let Some(text) = table.text(&module) else { return Vec::new() };
    let function = |begin: u32, end: u32| {
        let offset = places.offset(text.checked_add(u64::from(begin))?)?;
        let size = u64::from(end.checked_sub(begin)?);
        if size > FUNCTION_BYTES_MAX {
            return None;
        }
        let code = data.read_bytes_at(offset, size).ok()?;
        let returns = returns(elf.architecture(), code)?.into_iter().map(|at| offset + at).collect();
        Some((offset, returns))
    };
    extents
        .into_iter()
        .filter_map(|extent| {
            let (offset, returns) = function(extent.begin, extent.end)?;
            Some(Function { name: extent.name.to_owned(), offset, returns })
        })
        .collect()
}

/// What the table is in: its own section, or, if another linker than Go's put it there, the data that is constant after relocation.
fn table<'data, R: ReadRef<'data>>(elf: &ElfFile64<'data, Endianness, R>) -> Option<Cow<'data, [u8]>> {
    let own = section(elf, FUNCTION_TABLE_BYTES_MAX, |name| name.ends_with(".gopclntab"));
    own.or_else(|| {
        elf.section_by_name(".go.buildinfo")?;
        section(elf, FUNCTION_TABLE_BYTES_MAX, |name| name == ".data.rel.ro")
    })
}

/// A section with the addresses that are written into it when it is loaded: some linkers leave their places empty.
fn section<'data, R: ReadRef<'data>>(
    elf: &ElfFile64<'data, Endianness, R>,
    bytes_max: u64,
    is: impl Fn(&str) -> bool,
) -> Option<Cow<'data, [u8]>> {
    let found = elf.sections().find(|section| section.name().is_ok_and(&is))?;
    if found.size() > bytes_max {
        return None;
    }
    let mut bytes = Cow::Borrowed(found.data().ok()?);
    for (address, relocation) in elf.dynamic_relocations().into_iter().flatten() {
        let RelocationFlags::Elf { r_type: R_X86_64_RELATIVE | R_AARCH64_RELATIVE } = relocation.flags()
        else {
            continue;
        };
        let Some(at) = address.checked_sub(found.address()).and_then(|at| usize::try_from(at).ok()) else {
            continue;
        };
        if at.checked_add(8).is_some_and(|end| end <= bytes.len()) {
            bytes.to_mut()[at..at + 8].copy_from_slice(&relocation.addend().to_le_bytes());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use proptest::prelude::*;

    use crate::Image;

    const NAMES: [&str; 2] = ["main.first", "main.second"];
    /// `second` has the bytes of a return instruction in a constant.
    const SOURCE: &str = "package main
import \"os\"
//go:noinline
func first(n int) int { if n > 3 { return n * 7 }; println(n); return n }
//go:noinline
func second(n uint32) uint32 { return n ^ 0xc3c3c3c3 }
func main() { os.Exit(first(len(os.Args)) + int(second(1)) & 1) }
";

    /// A program, built with these arguments; None if Go is not installed.
    fn built(folder: &Path, name: &str, arguments: &[&str]) -> Option<PathBuf> {
        std::fs::create_dir_all(folder).unwrap();
        let source = folder.join("main.go");
        std::fs::write(&source, SOURCE).unwrap();
        let program = folder.join(name);
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .args(arguments)
            .arg(&source)
            .envs([("GO111MODULE", "off"), ("GOOS", "linux"), ("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local")])
            .status();
        match built {
            Ok(status) => assert!(status.success(), "{arguments:?}"),
            Err(_) => return None,
        }
        Some(program)
    }

    /// Where symbols say that functions are; file offsets are what `Image` finds for names that are not Go's to it.
    fn by_symbol(program: &Path) -> Vec<(String, u64)> {
        let image = Image::open(program, &NAMES, &[]).unwrap();
        let mut found: Vec<_> =
            image.functions().iter().map(|found| (found.name.clone(), found.offset)).collect();
        found.sort();
        found
    }

    /// Headers of segments and sections that anybody may have written are read, or refused.
    fn damaged(folder: &Path, bytes: &[u8]) {
        let file = folder.join("damaged");
        let changes = proptest::collection::vec((0_usize..4096, any::<u8>()), 1..6);
        proptest!(ProptestConfig::with_cases(64), |(changes in changes)| {
            let mut bytes = bytes.to_vec();
            for (at, to) in changes {
                bytes[at] = to;
            }
            std::fs::write(&file, &bytes).unwrap();
            for function in Image::open(&file, &["main"], &NAMES).iter().flat_map(Image::functions) {
                for at in &function.returns {
                    prop_assert!(*at < bytes.len() as u64);
                }
            }
        });
    }

    #[test]
    fn functions_are_found_with_and_without_symbols_and_where_they_return() {
        let folder = std::env::temp_dir().join(format!("tracer-go-{}", std::process::id()));
        for (name, mode) in [("plain", "exe"), ("pie", "pie")] {
            let mode = format!("-buildmode={mode}");
            let Some(program) = built(&folder, name, &[&mode]) else {
                eprintln!("skipped: go is not installed");
                return;
            };
            let image = Image::open(&program, &[], &NAMES).unwrap();
            let found: Vec<_> =
                image.functions().iter().map(|found| (found.name.clone(), found.offset)).collect();
            assert_eq!(found, by_symbol(&program));
            assert_eq!(found.len(), 2);
            let stripped = built(&folder, "stripped", &[&mode, "-ldflags=-s -w"]).unwrap();
            assert_eq!(by_symbol(&stripped), []);
            let bytes = std::fs::read(&stripped).unwrap();
            let image = Image::open(&stripped, &[], &NAMES).unwrap();
            let [first, second] = image.functions() else { panic!("{image:?}") };
            assert!(first.returns.len() >= 2, "{first:?}");
            assert_eq!(second.returns.len(), 1);
            for at in first.returns.iter().chain(&second.returns) {
                assert_eq!(bytes[usize::try_from(*at).unwrap()], 0xc3);
            }
            damaged(&folder, &bytes);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_program_of_another_language_has_no_functions_of_go() {
        let this = std::env::current_exe().unwrap();
        assert_eq!(Image::open(&this, &[], &["main"]).unwrap().functions(), []);
    }
}
