//! An executable or library on disk: where its functions begin, as offsets in the file, which is what probes are attached to.

use std::fmt;
use std::path::{Path, PathBuf};

use object::read::elf::ElfFile64;
use object::{Object, ObjectSegment, ReadCache};

use crate::{go, symbols};

/// A function and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Symbol name.
    pub name: String,
    /// Offset of its first instruction in the file.
    pub offset: u64,
    /// Offsets of its return instructions; looked for in functions of Go only.
    pub returns: Vec<u64>,
}

/// Why a file cannot be looked into.
#[derive(Debug)]
pub struct ImageError {
    file: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ImageError {
    fn new(file: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { file: file.to_owned(), source: source.into() }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.file.display(), self.source)
    }
}

impl std::error::Error for ImageError {}

/// What of a file is mapped where: addresses, sizes and offsets in the file.
pub(crate) struct Places(Vec<(u64, u64, u64)>);

impl Places {
    /// Offset in the file of what is mapped to an address.
    pub(crate) fn offset(&self, address: u64) -> Option<u64> {
        self.0.iter().find_map(|&(start, size, offset)| {
            let within = address.checked_sub(start).filter(|within| *within < size)?;
            offset.checked_add(within)
        })
    }
}

/// The functions of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    functions: Vec<Function>,
}

impl Image {
    /// Looks for functions by name, among the exported ones and, unless the file is stripped, all others; those of Go in the
    /// table that a program of Go has.
    pub fn open(path: &Path, names: &[&str], go: &[&str]) -> Result<Self, ImageError> {
        let file = std::fs::File::open(path).map_err(|error| ImageError::new(path, error))?;
        // Parts are read as they are asked for: an executable may have hundreds of megabytes.
        let cache = ReadCache::new(file);
        let elf: ElfFile64<'_, object::Endianness, _> =
            ElfFile64::parse(&cache).map_err(|error| ImageError::new(path, error))?;
        let places = Places(
            elf.segments()
                .map(|segment| {
                    let (offset, size) = segment.file_range();
                    (segment.address(), size, offset)
                })
                .collect(),
        );
        let mut functions = go::functions(&elf, &cache, &places, go);
        symbols::each(&elf, &cache, &mut |name, address| {
            let wanted = names.iter().find(|wanted| wanted.as_bytes() == name);
            let Some(name) = wanted.filter(|wanted| functions.iter().all(|known| known.name != **wanted))
            else {
                return;
            };
            if let Some(offset) = places.offset(address) {
                functions.push(Function { name: (*name).to_owned(), offset, returns: Vec::new() });
            }
        });
        Ok(Self { functions })
    }

    /// What was found.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_is_an_error_that_names_the_file() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = Image::open(&file, &["SSL_write"], &[]).unwrap_err().to_string();
        assert!(error.contains("Cargo.toml"), "{error}");
        assert!(Image::open(Path::new("/nonexistent"), &[], &[]).is_err());
    }

    #[test]
    fn the_functions_of_this_program_are_where_its_symbols_say() {
        let this = std::env::current_exe().unwrap();
        let image = Image::open(&this, &["main", "no such function"], &[]).unwrap();
        let [main] = image.functions() else { panic!("{image:?}") };
        let bytes = std::fs::read(this).unwrap();
        // An entry point begins with an instruction, not with padding.
        assert_ne!(bytes[usize::try_from(main.offset).unwrap()], 0);
    }
}
