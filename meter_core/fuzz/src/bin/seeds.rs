//! Writes the seeds of every target into `DIRECTORY/TARGET/`, as files that a fuzzing engine begins with.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let directory = std::env::args_os().nth(1).expect("usage: seeds DIRECTORY");
    for (target, _) in meter_core_fuzz::TARGETS {
        let folder = Path::new(&directory).join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in meter_core_fuzz::seeds(target).into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
    }
    Ok(())
}
