//! A `.log` file, batch by batch.

use super::{
    Stop,
    item::{BatchItem, Item, RecordItem},
    print::Printer,
    unreadable,
};
use bytes::Bytes;
use naru_log::dump::base_offset;
use naru_records::{BATCH_OVERHEAD, Batch, BatchHeader, DecompressLimit, LOG_OVERHEAD, RecordsError};
use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
};

/// How much of a file is held at a time to check what is not shown.
const CHUNK_BYTES: usize = 64 * 1024;
/// Batches larger than this are checked, but their records are not shown.
const SHOWN_BATCH_MAX: u32 = 128 << 20;
/// What the CRC covers begins with the attributes.
const CRC_FROM: u64 = LOG_OVERHEAD as u64 + 9;

/// All batches of a segment, and what is wrong with them.
pub fn dump<W: Write>(
    path: &Path,
    file: &File,
    length: u64,
    records: bool,
    printer: &mut Printer<W>,
) -> Result<(), Stop> {
    let log = LogFile { path, file, length };
    let mut headers = Headers::new(file, length);
    let mut expected_offset = base_offset(&path.to_string_lossy());
    while let Some(next) = headers.next() {
        let (position, header) = match next.map_err(|error| log.failed(error))? {
            Ok(located) => located,
            Err(error) => return log.dump_damage(headers.position, &error, printer),
        };
        let computed = log.checksum(position, &header)?;
        printer.item(&Item::Batch(BatchItem::new(&header, position, computed == header.crc)))?;
        if computed != header.crc {
            let error = RecordsError::CrcMismatch { stored: header.crc, computed };
            printer.problem(position, error.to_string())?;
        }
        if header.base_offset < expected_offset {
            let sentence = format!("its offset is {}, but {expected_offset} was to come next", header.base_offset);
            printer.problem(position, sentence)?;
        }
        expected_offset = expected_offset.max(header.next_offset());
        if records {
            log.dump_records(position, &header, printer)?;
        }
    }
    Ok(())
}

/// An open segment.
struct LogFile<'a> {
    path: &'a Path,
    file: &'a File,
    length: u64,
}

impl LogFile<'_> {
    fn failed(&self, error: io::Error) -> Stop {
        unreadable(self.path, &error)
    }

    /// Says what follows where no batch can be read.
    fn dump_damage<W: Write>(&self, position: u64, error: &RecordsError, printer: &mut Printer<W>) -> Result<(), Stop> {
        let left = self.length - position;
        let zeros = only_zeros(self.file, position, self.length).map_err(|error| self.failed(error))?;
        let sentence = if zeros {
            format!("{left} zero bytes, where nothing was written")
        } else {
            format!("{error}; {left} bytes from here on cannot be read")
        };
        printer.problem(position, sentence)
    }

    fn dump_records<W: Write>(
        &self,
        position: u64,
        header: &BatchHeader,
        printer: &mut Printer<W>,
    ) -> Result<(), Stop> {
        let size = header.size_in_bytes();
        if size > SHOWN_BATCH_MAX {
            return printer.problem(position, format!("its {size} bytes are too many to show its records"));
        }
        let mut bytes = vec![0; size as usize];
        self.file.read_exact_at(&mut bytes, position).map_err(|error| self.failed(error))?;
        let limit = DecompressLimit(SHOWN_BATCH_MAX as usize);
        match Batch::parse(Bytes::from(bytes)).and_then(|batch| batch.iter(limit)) {
            Err(error) => printer.problem(position, error.to_string()),
            Ok(mut records) => records.try_for_each(|record| match record {
                Ok(record) => printer.item(&Item::Record(RecordItem::new(header, record))),
                Err(error) => printer.problem(position, error.to_string()),
            }),
        }
    }

    /// The CRC-32C of a batch, without holding it.
    fn checksum(&self, position: u64, header: &BatchHeader) -> Result<u32, Stop> {
        let (mut at, end) = (position + CRC_FROM, position + u64::from(header.size_in_bytes()));
        let mut chunk = [0; CHUNK_BYTES];
        let mut crc = 0;
        while at < end {
            let length = (end - at).min(CHUNK_BYTES as u64) as usize;
            self.file.read_exact_at(&mut chunk[..length], at).map_err(|error| self.failed(error))?;
            crc = crc32c::crc32c_append(crc, &chunk[..length]);
            at += length as u64;
        }
        Ok(crc)
    }
}

/// Whether all bytes from `position` to `end` are 0.
pub fn only_zeros(file: &File, mut position: u64, end: u64) -> io::Result<bool> {
    let mut chunk = [0; CHUNK_BYTES];
    while position < end {
        let length = (end - position).min(CHUNK_BYTES as u64) as usize;
        file.read_exact_at(&mut chunk[..length], position)?;
        if chunk[..length].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        position += length as u64;
    }
    Ok(true)
}

/// The headers of a segment's whole batches, one after the other. Ends after the first damage.
pub struct Headers<'a> {
    file: &'a File,
    /// Where the next batch begins.
    pub position: u64,
    end: u64,
    damaged: bool,
}

impl<'a> Headers<'a> {
    /// From the beginning of the file.
    pub fn new(file: &'a File, length: u64) -> Self {
        Headers { file, position: 0, end: length, damaged: false }
    }

    fn read(&self) -> io::Result<Result<BatchHeader, RecordsError>> {
        header_at(self.file, self.position, self.end)
    }
}

impl Iterator for Headers<'_> {
    type Item = io::Result<Result<(u64, BatchHeader), RecordsError>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.damaged || self.position >= self.end {
            return None;
        }
        let position = self.position;
        Some(match self.read() {
            Ok(Ok(header)) => {
                self.position += u64::from(header.size_in_bytes());
                Ok(Ok((position, header)))
            }
            other => {
                self.damaged = true;
                other.map(|damage| damage.map(|header| (position, header)))
            }
        })
    }
}

/// The header of the batch that begins at `position` and must end before `end`.
pub fn header_at(file: &File, position: u64, end: u64) -> io::Result<Result<BatchHeader, RecordsError>> {
    let mut fixed = [0; BATCH_OVERHEAD];
    let left = end.saturating_sub(position);
    let length = (BATCH_OVERHEAD as u64).min(left) as usize;
    file.read_exact_at(&mut fixed[..length], position)?;
    Ok(BatchHeader::parse(&fixed[..length]).and_then(|header| {
        let needed = u64::from(header.size_in_bytes());
        if needed > left { Err(RecordsError::CutOff { needed, available: left }) } else { Ok(header) }
    }))
}
