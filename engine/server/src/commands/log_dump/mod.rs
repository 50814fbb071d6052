//! `naru log dump`: what is in the files of a log, and whether it is whole.
//!
//! It reads a file, a partition's directory or a data directory, Naru's or Apache Kafka's, and changes nothing. It holds one
//! batch at a time, however large the files are. Everything found is an [`item::Item`], printed as a line for people or as a
//! line of JSON. Whatever is damaged is one of them, and then the exit code is 1.
//!
//! Read `tree.rs` next (which files there are), then `segment.rs`, `index.rs` and `small.rs` (what is in them).

mod index;
mod item;
mod print;
mod segment;
mod small;
mod tree;

use crate::{cli::LogDumpArgs, failure::Failure};
use print::Printer;
use std::{io, process::ExitCode};

/// Prints all, and fails if something is damaged.
pub fn run(args: &LogDumpArgs) -> Result<ExitCode, Failure> {
    let mut printer = Printer::new(io::BufWriter::new(io::stdout().lock()), args.json);
    let mut result = Ok(());
    for path in &args.paths {
        result = result.and_then(|()| tree::dump(path, args.records, &mut printer));
    }
    match result.and_then(|()| printer.flush().map_err(Stop::Output)) {
        // Who reads the output has seen enough.
        Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        Err(Stop::Output(error)) => return Err(Failure::new(format!("cannot print: {error}"))),
        Err(Stop::Unreadable(sentence)) => return Err(Failure::new(sentence)),
        Ok(()) => {}
    }
    match printer.problems() {
        (0, _) => Ok(ExitCode::SUCCESS),
        (1, first) => Err(Failure::new(first)),
        (count, first) => Err(Failure::new(format!("damaged in {count} places, the first: {first}"))),
    }
}

/// Why a dump ends early.
#[derive(Debug)]
pub enum Stop {
    /// The output cannot be written.
    Output(io::Error),
    /// A file cannot be read; a sentence with its path.
    Unreadable(String),
}

/// The failure to read `path`.
fn unreadable(path: &std::path::Path, error: &io::Error) -> Stop {
    Stop::Unreadable(format!("cannot read {}: {error}", path.display()))
}
