//! `cargo generate`: writes everything that follows from the catalog.

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let root = Path::new(synth::WORKSPACE);
    let written = synth::stale(root).and_then(|files| {
        for file in &files {
            file.write(root)?;
            println!("{}", file.path);
        }
        Ok(())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
