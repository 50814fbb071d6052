//! The sparse time index: a `.timeindex` file beside each `.log` file.
//!
//! ```text
//! entry:  | largest timestamp so far, i64 | offset less the segment's base offset, i32 |
//! ```
//!
//! "So far" is up to the offset, which is the last offset of the batch that brought the timestamp: no record up to there is
//! later. An entry is written together with one of the offset index, if the timestamp has grown since the last one; and once
//! more when the segment is closed, so that the last entry of a closed segment is its largest timestamp (TimeIndex.java,
//! LogSegment.onBecomeInactiveSegment). That is what retention asks for.

use crate::{FileId, ReadAt, Storage, StorageError, index::search};
use bytes::Bytes;

/// Length of an entry in bytes.
pub const ENTRY_BYTES: u32 = 12;
/// Records without a timestamp have this one. It is never in an index.
const NO_TIMESTAMP: i64 = -1;

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeEntry {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The last offset of the batch that holds it, less the segment's base offset.
    pub relative_offset: u32,
}

impl TimeEntry {
    /// As in the file.
    pub fn to_bytes(self) -> [u8; ENTRY_BYTES as usize] {
        let mut bytes = [0; ENTRY_BYTES as usize];
        bytes[..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&self.relative_offset.to_be_bytes());
        bytes
    }

    /// From the file.
    pub fn from_bytes(bytes: [u8; ENTRY_BYTES as usize]) -> Self {
        let [a, b, c, d, e, f, g, h, offset @ ..] = bytes;
        TimeEntry {
            timestamp: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            relative_offset: u32::from_be_bytes(offset),
        }
    }
}

/// The whole entries in a file's bytes.
pub fn entries(bytes: &[u8]) -> impl Iterator<Item = TimeEntry> {
    bytes.as_chunks().0.iter().map(|entry| TimeEntry::from_bytes(*entry))
}

/// The time index of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeIndex {
    /// The file.
    pub file: FileId,
    /// How many entries it has.
    pub count: u32,
    /// The last of them.
    pub last: Option<TimeEntry>,
}

impl TimeIndex {
    /// Adds an entry at the end if its timestamp is larger than that of the last one. Returns whether it was.
    pub fn maybe_append(&mut self, storage: &mut dyn Storage, entry: TimeEntry) -> Result<bool, StorageError> {
        if !self.takes(&entry) {
            return Ok(false);
        }
        storage.append(self.file, Bytes::copy_from_slice(&entry.to_bytes()))?;
        self.count += 1;
        self.last = Some(entry);
        Ok(true)
    }

    /// Forgets the entries at the end for which `keep` does not hold.
    pub fn truncate(
        &mut self,
        storage: &mut dyn Storage,
        keep: impl Fn(TimeEntry) -> bool,
    ) -> Result<(), StorageError> {
        while self.last.is_some_and(|last| !keep(last)) {
            self.count -= 1;
            self.last = self.count.checked_sub(1).map_or(Ok(None), |number| self.entry(storage, number))?;
        }
        storage.truncate(self.file, u64::from(self.count) * u64::from(ENTRY_BYTES))
    }

    /// Whether the entry would be appended. Timestamps and offsets only grow.
    pub fn takes(&self, entry: &TimeEntry) -> bool {
        let last = self.last.unwrap_or(TimeEntry { timestamp: NO_TIMESTAMP, relative_offset: 0 });
        entry.timestamp > last.timestamp && entry.relative_offset >= last.relative_offset
    }

    /// The last entry for which `before` holds; it must hold for the first so many entries and for no others.
    pub fn last_where(
        &self,
        storage: &dyn ReadAt,
        before: impl Fn(TimeEntry) -> bool,
    ) -> Result<Option<TimeEntry>, StorageError> {
        search(self.count, |number| self.entry(storage, number), before)
    }

    /// Entry number `number`; `None` if the file has become shorter than it was.
    pub fn entry(&self, storage: &dyn ReadAt, number: u32) -> Result<Option<TimeEntry>, StorageError> {
        let bytes = storage.read(self.file, u64::from(number) * u64::from(ENTRY_BYTES), ENTRY_BYTES)?;
        Ok(entries(&bytes).next())
    }
}
