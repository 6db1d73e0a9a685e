//! Writes the tables of the vocabularies that ship, so that the library finds them ready in its own read-only data.
//!
//! Owns which files are read and written. Refuses to know what a table is: the library's own code builds them.

#[path = "src/tokenizer/packed.rs"]
mod packed;
#[path = "src/tokenizer/tables/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the library reads what is written here, and is read by others")]
mod tables;

use std::error::Error;
use std::fs;
use std::path::Path;

use packed::Packed;
use tables::Tables;

const VOCABULARIES: [&str; 7] =
    ["r50k_base", "p50k_base", "cl100k_base", "o200k_base", "tekken", "qwen", "deepseek"];

#[expect(clippy::disallowed_methods, reason = "a program that reads and writes files")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tokenizer/packed.rs");
    println!("cargo::rerun-if-changed=src/tokenizer/tables");
    let out = std::env::var("OUT_DIR")?;
    for name in VOCABULARIES {
        let file = format!("data/vocab/{name}.zst");
        println!("cargo::rerun-if-changed={file}");
        let Packed { tokens, specials } = packed::unpack(&fs::read(file)?)?;
        let mut tables = Tables::build(tokens)?;
        tables.specials = specials.into_iter().map(|byte| [byte]).collect();
        fs::write(Path::new(&out).join(format!("{name}.tables")), tables.to_blob())?;
    }
    Ok(())
}
