//! The sparse offset index: a `.index` file beside each `.log` file.
//!
//! ```text
//! entry:  | offset less the segment's base offset, i32 | position in the .log file, i32 |
//! ```
//!
//! An entry is written for the first batch after `index.interval.bytes`; its offset is the batch's *last* offset, its
//! position where the batch begins (LogSegment.append, OffsetIndex.java). So to find offset `o`, take the last entry
//! whose offset is not larger than `o`, and scan from there.
//!
//! Entries are read through the storage when they are needed: memory does not grow with the log. Kafka allocates the file
//! in full and maps it into memory; Naru appends to it. Read [`crate::time_index`] next.

use crate::{FileId, ReadAt, Storage, StorageError};
use bytes::Bytes;

/// Length of an entry in bytes.
pub const ENTRY_BYTES: u32 = 8;

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The last offset of the batch at `position`, less the segment's base offset.
    pub relative_offset: u32,
    /// Where in the segment's file that batch begins.
    pub position: u32,
}

impl IndexEntry {
    /// As in the file.
    pub fn to_bytes(self) -> [u8; ENTRY_BYTES as usize] {
        let mut bytes = [0; ENTRY_BYTES as usize];
        bytes[..4].copy_from_slice(&self.relative_offset.to_be_bytes());
        bytes[4..].copy_from_slice(&self.position.to_be_bytes());
        bytes
    }

    /// From the file.
    pub fn from_bytes(bytes: [u8; ENTRY_BYTES as usize]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        IndexEntry { relative_offset: u32::from_be_bytes([a, b, c, d]), position: u32::from_be_bytes([e, f, g, h]) }
    }
}

/// The whole entries in a file's bytes.
pub fn entries(bytes: &[u8]) -> impl Iterator<Item = IndexEntry> {
    bytes.as_chunks().0.iter().map(|entry| IndexEntry::from_bytes(*entry))
}

/// The index of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetIndex {
    /// The file.
    pub file: FileId,
    /// How many entries it has.
    pub count: u32,
}

impl OffsetIndex {
    /// The last entry for which `before` holds; it must hold for the first so many entries and for no others.
    pub fn last_where(
        &self,
        storage: &dyn ReadAt,
        before: impl Fn(IndexEntry) -> bool,
    ) -> Result<Option<IndexEntry>, StorageError> {
        search(self.count, |number| self.entry(storage, number), before)
    }

    /// The last entry.
    pub fn last(&self, storage: &dyn ReadAt) -> Result<Option<IndexEntry>, StorageError> {
        self.count.checked_sub(1).map_or(Ok(None), |number| self.entry(storage, number))
    }

    /// Entry number `number`; `None` if the file has become shorter than it was.
    fn entry(&self, storage: &dyn ReadAt, number: u32) -> Result<Option<IndexEntry>, StorageError> {
        let bytes = storage.read(self.file, u64::from(number) * u64::from(ENTRY_BYTES), ENTRY_BYTES)?;
        Ok(entries(&bytes).next())
    }

    /// Forgets the entries at the end for which `keep` does not hold.
    pub fn truncate(
        &mut self,
        storage: &mut dyn Storage,
        keep: impl Fn(IndexEntry) -> bool,
    ) -> Result<(), StorageError> {
        while self.last(storage)?.is_some_and(|last| !keep(last)) {
            self.count -= 1;
        }
        storage.truncate(self.file, u64::from(self.count) * u64::from(ENTRY_BYTES))
    }

    /// Adds an entry at the end.
    pub fn append(&mut self, storage: &mut dyn Storage, entry: IndexEntry) -> Result<(), StorageError> {
        storage.append(self.file, Bytes::copy_from_slice(&entry.to_bytes()))?;
        self.count += 1;
        Ok(())
    }
}

/// The last of `count` entries for which `before` holds; it must hold for the first so many entries and for no others.
pub fn search<E: Copy>(
    count: u32,
    entry: impl Fn(u32) -> Result<Option<E>, StorageError>,
    before: impl Fn(E) -> bool,
) -> Result<Option<E>, StorageError> {
    // Invariant: `before` holds for all entries in front of `low` and for none from `high` on.
    let (mut low, mut high) = (0, count);
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        match entry(middle)? {
            Some(entry) if before(entry) => {
                found = Some(entry);
                low = middle + 1;
            }
            _ => high = middle,
        }
    }
    Ok(found)
}
