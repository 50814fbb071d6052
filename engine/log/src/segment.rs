//! One segment: a `.log` file and its index, named after the segment's base offset in twenty digits.
//!
//! Only the last segment of a log, the active one, is written to. A segment knows no policy: when to begin a new one is
//! for [`crate::append`] to say, what is whole after a crash for [`crate::recovery`].

use crate::{
    FileId, OpenMode, Storage, StorageError,
    index::{IndexEntry, OffsetIndex},
    scan::Located,
};
use alloc::{format, string::String, vec, vec::Vec};

/// Positions in a segment are Kafka's `int32`.
pub const SEGMENT_BYTES_MAX: u32 = i32::MAX as u32;

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// No record in it has a smaller offset.
    pub base_offset: i64,
    /// The `.log` file.
    pub log: FileId,
    /// The `.index` file.
    pub index: OffsetIndex,
    /// Length of the `.log` file in bytes.
    pub size: u32,
    /// The offset after its last record; the base offset while it is empty.
    pub next_offset: i64,
    /// How many bytes were appended since (and with) the batch of the last index entry.
    pub bytes_since_index_entry: u32,
    /// The batch with the largest timestamp, the first of them if there are several.
    pub newest: Option<Newest>,
}

/// Where the largest timestamp of a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The timestamp.
    pub timestamp: i64,
    /// The batch that holds it.
    pub batch: Located,
}

impl Segment {
    /// Opens or makes the two files of a segment. What they hold is for the caller to find out.
    pub fn open(directory: &str, base_offset: i64, storage: &mut dyn Storage) -> Result<Segment, StorageError> {
        Segment::open_as(directory, base_offset, "", storage)
    }

    /// The same for files that have another name for the time being: `suffix` is added to both.
    pub fn open_as(
        directory: &str,
        base_offset: i64,
        suffix: &str,
        storage: &mut dyn Storage,
    ) -> Result<Segment, StorageError> {
        let log = storage.open(&(log_path(directory, base_offset) + suffix), OpenMode::CreateOrOpen)?;
        let index = storage.open(&(index_path(directory, base_offset) + suffix), OpenMode::CreateOrOpen)?;
        Ok(Segment {
            base_offset,
            log,
            index: OffsetIndex { file: index, count: 0 },
            size: 0,
            next_offset: base_offset,
            bytes_since_index_entry: 0,
            newest: None,
        })
    }

    /// Takes a batch that was appended to the file, or found in it, into account.
    pub fn on_batch(&mut self, batch: Located) {
        assert_eq!(batch.position, self.size, "batches follow each other without gaps");
        assert!(batch.header.base_offset >= self.next_offset, "offsets never go back");
        self.size = batch.end();
        self.next_offset = batch.header.next_offset();
        self.bytes_since_index_entry = self.bytes_since_index_entry.saturating_add(batch.header.size_in_bytes());
        let timestamp = batch.header.max_timestamp;
        if self.newest.is_none_or(|newest| timestamp > newest.timestamp) {
            self.newest = Some(Newest { timestamp, batch });
        }
    }

    /// Whether an index entry can hold `offset`.
    pub fn can_hold_offset(&self, offset: i64) -> bool {
        (0..=i64::from(i32::MAX)).contains(&(offset - self.base_offset))
    }

    /// The index entry that finds `batch`.
    pub fn index_entry_for(&self, batch: &Located) -> IndexEntry {
        let relative_offset = u32::try_from(batch.header.last_offset() - self.base_offset)
            .expect("a segment is rolled before an offset is too far from its base");
        IndexEntry { relative_offset, position: batch.position }
    }

    /// All its files.
    pub fn files(&self) -> Vec<FileId> {
        vec![self.log, self.index.file]
    }

    /// Closes both files.
    pub fn close(&self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        let log = storage.close(self.log);
        storage.close(self.index.file).and(log)
    }
}

/// `orders-0/00000000000000000042.log`.
pub fn log_path(directory: &str, base_offset: i64) -> String {
    format!("{directory}/{base_offset:020}.log")
}

/// `orders-0/00000000000000000042.index`.
pub fn index_path(directory: &str, base_offset: i64) -> String {
    format!("{directory}/{base_offset:020}.index")
}

/// The base offset in a `.log` file's name; `None` for every other file.
pub fn base_offset_of(name: &str) -> Option<i64> {
    let digits = name.strip_suffix(".log")?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}
