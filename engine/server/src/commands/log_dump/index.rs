//! The indexes of a segment, checked against its `.log` file.
//!
//! What is checked is what look-ups rely on, as Apache Kafka's own tool does: an entry of the offset index leads to a batch that
//! ends with its offset; an entry of the time index says the largest timestamp up to its offset.

use super::{
    Stop,
    item::Item,
    print::Printer,
    segment::{Headers, header_at, only_zeros},
    tree::unused,
    unreadable,
};
use naru_log::dump::base_offset;
use naru_records::BatchHeader;
use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    iter::Peekable,
    path::{Path, PathBuf},
};

/// `.index`.
pub fn dump_offsets<W: Write>(path: &Path, file: File, length: u64, printer: &mut Printer<W>) -> Result<(), Stop> {
    let base = base_offset(&path.to_string_lossy());
    let log = Segment::beside(path, ".index", printer)?;
    let mut last = None;
    entries::<8, W>(path, file, length, printer, |position, entry, printer| {
        let offset = base.saturating_add(i64::from(number::<4>(entry, 0) as i32));
        let points_to = number::<4>(entry, 4) as u32;
        printer.item(&Item::OffsetEntry { offset, position: points_to })?;
        if last.is_some_and(|(last_offset, last_position)| offset <= last_offset || points_to <= last_position) {
            printer.problem(position, "the entry is not larger than the one before")?;
        }
        last = Some((offset, points_to));
        let Some(log) = &log else { return Ok(()) };
        let header = header_at(&log.file, u64::from(points_to), log.length);
        match header.map_err(|error| unreadable(&log.path, &error))? {
            Ok(header) if header.last_offset() == offset => Ok(()),
            Ok(header) => printer.problem(
                position,
                format!("the batch at byte {points_to} ends with offset {}, not {offset}", header.last_offset()),
            ),
            Err(error) => printer.problem(position, format!("there is no batch at byte {points_to}: {error}")),
        }
    })
}

/// `.timeindex`.
pub fn dump_times<W: Write>(path: &Path, file: File, length: u64, printer: &mut Printer<W>) -> Result<(), Stop> {
    let base = base_offset(&path.to_string_lossy());
    let log = Segment::beside(path, ".timeindex", printer)?;
    let mut batches = log.as_ref().map(Times::new);
    let mut last = None;
    entries::<12, W>(path, file, length, printer, |position, entry, printer| {
        let timestamp = number::<8>(entry, 0);
        let offset = base.saturating_add(i64::from(number::<4>(entry, 8) as i32));
        printer.item(&Item::TimeEntry { timestamp, offset })?;
        if last.is_some_and(|(last_time, last_offset)| timestamp < last_time || offset < last_offset) {
            printer.problem(position, "the entry is smaller than the one before")?;
        }
        last = Some((timestamp, offset));
        let (Some(batches), Some(log)) = (&mut batches, &log) else { return Ok(()) };
        match batches.largest_up_to(offset).map_err(|error| unreadable(&log.path, &error))? {
            Some(largest) if largest == timestamp => Ok(()),
            Some(largest) => {
                let sentence = format!("the largest timestamp up to offset {offset} is {largest}, not {timestamp}");
                printer.problem(position, sentence)
            }
            None => printer.problem(position, format!("there is no offset {offset} in the segment")),
        }
    })
}

/// Reads entries of `N` bytes up to the end, or to where only zeros follow.
fn entries<const N: usize, W: Write>(
    path: &Path,
    file: File,
    length: u64,
    printer: &mut Printer<W>,
    mut entry: impl FnMut(u64, &[u8; N], &mut Printer<W>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let failed = |error: io::Error| unreadable(path, &error);
    let other = file.try_clone().map_err(failed)?;
    let (mut reader, mut position, width) = (BufReader::new(file), 0, N as u64);
    let mut bytes = [0; N];
    // Looked for once: after that, zeros are entries like any other.
    let mut may_be_unused = true;
    while position + width <= length {
        reader.read_exact(&mut bytes).map_err(failed)?;
        let is_only_entry = length == width;
        if may_be_unused && bytes.iter().all(|byte| *byte == 0) && !is_only_entry {
            if only_zeros(&other, position, length).map_err(failed)? {
                return unused(length - position, printer);
            }
            may_be_unused = false;
        }
        entry(position, &bytes, printer)?;
        position += width;
    }
    if position < length {
        printer.problem(position, format!("{} bytes, which are no whole entry", length - position))?;
    }
    Ok(())
}

/// The big-endian number of `N` bytes at `at`.
fn number<const N: usize>(entry: &[u8], at: usize) -> i64 {
    entry[at..at + N].iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
}

/// The `.log` file that an index belongs to.
struct Segment {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Segment {
    /// `None` if it is not there, which is said.
    fn beside<W: Write>(index: &Path, ending: &str, printer: &mut Printer<W>) -> Result<Option<Segment>, Stop> {
        let name = index.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = index.with_file_name(name.replacen(ending, ".log", 1));
        let opened = File::open(&path).and_then(|file| file.metadata().map(|metadata| (file, metadata.len())));
        match opened {
            Ok((file, length)) => Ok(Some(Segment { path, file, length })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                printer.problem(0, "its .log file is not there, so its entries cannot be checked")?;
                Ok(None)
            }
            Err(error) => Err(unreadable(&path, &error)),
        }
    }
}

/// The timestamps of a segment, in step with its time index.
struct Times<'a> {
    headers: Peekable<Headers<'a>>,
    largest: i64,
    last_offset: i64,
}

impl<'a> Times<'a> {
    fn new(log: &'a Segment) -> Self {
        Times { headers: Headers::new(&log.file, log.length).peekable(), largest: i64::MIN, last_offset: -1 }
    }

    /// The largest timestamp of the batches that begin at or before `offset`. `None` if the segment ends before it.
    fn largest_up_to(&mut self, offset: i64) -> io::Result<Option<i64>> {
        let begins_before = |next: &io::Result<Result<(u64, BatchHeader), _>>| match next {
            Ok(Ok((_, header))) => header.base_offset <= offset,
            Ok(Err(_)) => false,
            Err(_) => true,
        };
        while let Some(next) = self.headers.next_if(begins_before) {
            if let Ok((_, header)) = next? {
                self.largest = self.largest.max(header.max_timestamp);
                self.last_offset = header.last_offset();
            }
        }
        Ok((offset <= self.last_offset).then_some(self.largest))
    }
}
