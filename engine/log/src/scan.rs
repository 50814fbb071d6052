//! Walking through a segment's file from batch to batch, by their headers.

use crate::{FileId, LogError, ReadAt, StorageError};
use bytes::Bytes;
use naru_records::{BATCH_OVERHEAD, Batch, BatchHeader, RecordsError};

/// How many bytes a look-up reads at a time: about what lies between two index entries.
pub const LOOKUP_CHUNK_BYTES: u32 = 4 << 10;
/// How many bytes opening a log reads at a time.
pub const OPEN_CHUNK_BYTES: u32 = 64 << 10;

/// A batch's header, and where in the file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// Where the batch begins.
    pub position: u32,
    /// Its header.
    pub header: BatchHeader,
}

impl Located {
    /// Where the batch ends.
    pub fn end(&self) -> u32 {
        self.position + self.header.size_in_bytes()
    }
}

/// What ends a scan before the end of the file.
#[derive(Debug)]
pub enum ScanError {
    /// There is no whole batch at the position where one should begin.
    Damaged(RecordsError),
    /// The storage failed.
    Storage(StorageError),
}

impl From<StorageError> for ScanError {
    fn from(error: StorageError) -> Self {
        ScanError::Storage(error)
    }
}

impl ScanError {
    /// For those for whom damage is an error like any other.
    pub fn at(self, path: impl FnOnce() -> alloc::string::String, position: u32) -> LogError {
        match self {
            ScanError::Damaged(source) => LogError::Corrupt { path: path(), position: u64::from(position), source },
            ScanError::Storage(error) => LogError::Storage(error),
        }
    }
}

/// Batch headers one after the other. Reads in chunks, and skips what a long batch holds.
pub struct Scan<'a> {
    storage: &'a dyn ReadAt,
    file: FileId,
    /// Where the next batch begins.
    pub position: u32,
    end: u32,
    chunk_bytes: u32,
    chunk: Bytes,
    chunk_start: u32,
}

impl<'a> Scan<'a> {
    /// From the batch at `position` to the batch that ends at `end`.
    pub fn new(storage: &'a dyn ReadAt, file: FileId, (position, end): (u32, u32), chunk_bytes: u32) -> Self {
        assert!(position <= end, "a scan from {position} to {end}");
        Scan { storage, file, position, end, chunk_bytes, chunk: Bytes::new(), chunk_start: position }
    }

    /// The next header, or `None` at the end. On an error the position stays where it was.
    pub fn next_batch(&mut self) -> Result<Option<Located>, ScanError> {
        if self.position == self.end {
            return Ok(None);
        }
        let position = self.position;
        let header = BatchHeader::parse(self.header_bytes()?).map_err(ScanError::Damaged)?;
        let (needed, available) = (u64::from(header.size_in_bytes()), u64::from(self.end - position));
        if needed > available {
            return Err(ScanError::Damaged(RecordsError::CutOff { needed, available }));
        }
        self.position = position + header.size_in_bytes();
        Ok(Some(Located { position, header }))
    }

    /// The bytes from the position on: at least a header, if the file has as many.
    fn header_bytes(&mut self) -> Result<&[u8], StorageError> {
        let wanted = (BATCH_OVERHEAD as u32).min(self.end - self.position);
        let chunk_end = self.chunk_start + self.chunk.len() as u32;
        if self.position < self.chunk_start || self.position + wanted > chunk_end {
            let length = self.chunk_bytes.max(BATCH_OVERHEAD as u32).min(self.end - self.position);
            self.chunk = self.storage.read(self.file, u64::from(self.position), length)?;
            self.chunk_start = self.position;
        }
        Ok(&self.chunk[(self.position - self.chunk_start) as usize..])
    }
}

/// Reads a whole batch that a scan has found.
pub fn read_batch(storage: &dyn ReadAt, file: FileId, located: &Located) -> Result<Batch, ScanError> {
    let bytes = storage.read(file, u64::from(located.position), located.header.size_in_bytes())?;
    Batch::parse(bytes).map_err(ScanError::Damaged)
}
