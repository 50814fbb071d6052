//! Everything beside segments and their indexes: snapshots of producers, aborted transactions, text files.

use super::{
    Stop,
    item::{AbortedItem, Item, ProducerItem},
    print::Printer,
    unreadable,
};
use naru_log::dump::fields;
use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

/// No checkpoint is as long: a hundred bytes for each of ten thousands of partitions.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// `.snapshot`: version, CRC, number of entries, entries.
pub fn dump_producers<W: Write>(path: &Path, file: File, length: u64, printer: &mut Printer<W>) -> Result<(), Stop> {
    let mut reader = Numbers::new(path, file, length);
    if length < 10 {
        return printer.problem(0, "it is too short for a snapshot");
    }
    let version: [u8; 2] = reader.take()?;
    let version = i16::from_be_bytes(version);
    if version != 1 {
        return printer.problem(0, format!("version {version} is unknown"));
    }
    let stored = u32::from_be_bytes(reader.take()?);
    reader.crc = 0;
    let count = i32::from_be_bytes(reader.take()?);
    for _ in 0..count.max(0) {
        if reader.left < 46 {
            let sentence = format!("it is cut off: {count} producers are promised");
            return printer.problem(reader.position(), sentence);
        }
        let producer = ProducerItem {
            producer_id: i64::from_be_bytes(reader.take()?),
            producer_epoch: i16::from_be_bytes(reader.take()?),
            last_sequence: i32::from_be_bytes(reader.take()?),
            last_offset: i64::from_be_bytes(reader.take()?),
            offset_delta: i32::from_be_bytes(reader.take()?),
            last_timestamp: i64::from_be_bytes(reader.take()?),
            coordinator_epoch: i32::from_be_bytes(reader.take()?),
            current_txn_first_offset: i64::from_be_bytes(reader.take()?),
        };
        printer.item(&Item::Producer(producer))?;
    }
    if reader.left > 0 {
        return printer.problem(reader.position(), format!("{} bytes follow the last producer", reader.left));
    }
    if reader.crc != stored {
        printer.problem(2, format!("its CRC-32C is {:#010x}, but it says {stored:#010x}", reader.crc))?;
    }
    Ok(())
}

/// `.txnindex`.
pub fn dump_transactions<W: Write>(path: &Path, file: File, length: u64, printer: &mut Printer<W>) -> Result<(), Stop> {
    let mut reader = Numbers::new(path, file, length);
    while reader.left >= 34 {
        let position = reader.position();
        let version = i16::from_be_bytes(reader.take()?);
        let aborted = AbortedItem {
            producer_id: i64::from_be_bytes(reader.take()?),
            first_offset: i64::from_be_bytes(reader.take()?),
            last_offset: i64::from_be_bytes(reader.take()?),
            last_stable_offset: i64::from_be_bytes(reader.take()?),
        };
        if version != 0 {
            printer.problem(position, format!("version {version} is unknown"))?;
        }
        if aborted.last_offset < aborted.first_offset {
            printer.problem(position, "the transaction ends before it begins")?;
        }
        printer.item(&Item::AbortedTransaction(aborted))?;
    }
    if reader.left > 0 {
        printer.problem(reader.position(), format!("{} bytes, which are no whole entry", reader.left))?;
    }
    Ok(())
}

/// A text file, line by line.
pub fn dump_lines<W: Write>(path: &Path, file: File, length: u64, printer: &mut Printer<W>) -> Result<(), Stop> {
    if length > TEXT_BYTES_MAX {
        return printer.problem(0, "it is much too long for such a file");
    }
    let mut bytes = Vec::new();
    file.take(TEXT_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    for field in fields(&path.to_string_lossy(), &bytes) {
        if field.length > 0 {
            printer.item(&Item::Line { name: field.name, value: field.value })?;
        }
        if let Some(error) = field.error {
            printer.problem(u64::from(field.start), error)?;
        }
    }
    Ok(())
}

/// Reads numbers one after the other, and their CRC-32C.
struct Numbers<'a> {
    path: &'a Path,
    reader: BufReader<File>,
    length: u64,
    left: u64,
    crc: u32,
}

impl<'a> Numbers<'a> {
    fn new(path: &'a Path, file: File, length: u64) -> Self {
        Numbers { path, reader: BufReader::new(file), length, left: length, crc: 0 }
    }

    fn position(&self) -> u64 {
        self.length - self.left
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        let failed = |error: io::Error| unreadable(self.path, &error);
        self.reader.read_exact(&mut bytes).map_err(failed)?;
        self.left = self.left.saturating_sub(N as u64);
        self.crc = crc32c::crc32c_append(self.crc, &bytes);
        Ok(bytes)
    }
}
