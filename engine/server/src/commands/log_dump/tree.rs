//! Which files there are under a path, and which of the readers reads them.

use super::{Stop, index, item::Item, print::Printer, segment, small, unreadable};
use naru_log::dump::FileKind;
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

/// What has a name that everybody in Kafka's world knows, but holds nothing to show.
const KNOWN_NAMES: [(&str, &str); 4] = [
    (".lock", "the lock of the broker that uses the directory"),
    (".kafka_cleanshutdown", "the mark that the last broker stopped in good order"),
    ("quorum-state", "what a voter of the metadata quorum remembers"),
    ("bootstrap.checkpoint", "record batches: the first metadata"),
];

/// Dumps a file, or all files of a directory and of the directories in it.
pub fn dump<W: Write>(path: &Path, records: bool, printer: &mut Printer<W>) -> Result<(), Stop> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        return dump_file(path, records, printer);
    }
    for (name, is_dir) in names(path)? {
        let inner = path.join(&name);
        if !is_dir {
            dump_file(&inner, records, printer)?;
            continue;
        }
        for (name, is_dir) in names(&inner)? {
            let file = inner.join(&name);
            if is_dir {
                printer.file(file.display().to_string(), "a directory within a directory, left alone", 0)?;
            } else {
                dump_file(&file, records, printer)?;
            }
        }
    }
    Ok(())
}

/// What is in a directory, by name, and whether it is a directory too.
fn names(path: &Path) -> Result<Vec<(String, bool)>, Stop> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let entry = entry.map_err(|error| unreadable(path, &error))?;
        let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
        names.push((entry.file_name().to_string_lossy().into_owned(), kind.is_dir()));
    }
    names.sort();
    Ok(names)
}

fn dump_file<W: Write>(path: &Path, records: bool, printer: &mut Printer<W>) -> Result<(), Stop> {
    let shown = path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        return printer.file(shown, "neither a file nor a directory, left alone", 0);
    }
    let length = metadata.len();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = FileKind::of(&name);
    let known = KNOWN_NAMES.iter().find(|(known, _)| *known == name).map(|(_, what)| *what);
    printer.file(shown, known.unwrap_or(described(kind)), length)?;
    let open = || File::open(path).map_err(|error| unreadable(path, &error));
    match kind {
        FileKind::Log => segment::dump(path, &open()?, length, records, printer),
        FileKind::OffsetIndex => index::dump_offsets(path, open()?, length, printer),
        FileKind::TimeIndex => index::dump_times(path, open()?, length, printer),
        FileKind::TransactionIndex => small::dump_transactions(path, open()?, length, printer),
        FileKind::ProducerSnapshot => small::dump_producers(path, open()?, length, printer),
        FileKind::Unknown => Ok(()),
        _ => small::dump_lines(path, open()?, length, printer),
    }
}

fn described(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Log => "record batches",
        FileKind::OffsetIndex => "offset index",
        FileKind::TimeIndex => "time index",
        FileKind::TransactionIndex => "index of aborted transactions",
        FileKind::ProducerSnapshot => "snapshot of producers",
        FileKind::LeaderEpochs => "leader epochs and their first offsets",
        FileKind::Offsets => "an offset for each partition",
        FileKind::PartitionMetadata => "the id of the partition's topic",
        FileKind::Properties => "whose directory it is",
        FileKind::Unknown => "unknown, left alone",
    }
}

/// Prints the lines for entries that are not in use.
pub fn unused<W: Write>(bytes: u64, printer: &mut Printer<W>) -> Result<(), Stop> {
    if bytes > 0 { printer.item(&Item::Unused { bytes }) } else { Ok(()) }
}
