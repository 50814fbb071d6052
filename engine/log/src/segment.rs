//! One segment: a `.log` file and its two indexes, named after the segment's base offset in twenty digits.
//!
//! Only the last segment of a log, the active one, is written to. A segment knows no policy: when to begin a new one is
//! for [`crate::roll`] to say, what is whole after a crash for [`crate::recovery`].

use crate::{
    FileId, OpenMode, ReadAt, Storage, StorageError,
    index::{IndexEntry, OffsetIndex},
    scan::Located,
    time_index::{TimeEntry, TimeIndex},
};
use alloc::{format, string::String, vec, vec::Vec};
use naru_records::{BATCH_OVERHEAD, BatchHeader};
use naru_trace::SegmentView;

/// Positions in a segment are Kafka's `int32`.
pub const SEGMENT_BYTES_MAX: u32 = i32::MAX as u32;
/// What the names of a segment's files end with. A `.txnindex` is only there when transactions were aborted.
pub const SUFFIXES: [&str; 4] = [".log", ".index", ".timeindex", ".txnindex"];

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// No record in it has a smaller offset.
    pub base_offset: i64,
    /// The `.log` file.
    pub log: FileId,
    /// The `.index` file.
    pub index: OffsetIndex,
    /// The `.timeindex` file.
    pub time_index: TimeIndex,
    /// Length of the `.log` file in bytes.
    pub size: u32,
    /// The offset after its last record, or a later one up to the next segment; the base offset while it is empty.
    pub next_offset: i64,
    /// How many bytes were appended since (and with) the batch of the last index entry.
    pub bytes_since_index_entry: u32,
    /// The largest timestamp.
    pub newest: Option<Newest>,
    /// The largest timestamp of its first batch, if that is known: what `segment.ms` is counted from.
    pub first_timestamp: Option<i64>,
    /// When it was made or opened, milliseconds since 1970: what `segment.ms` is counted from if there are no timestamps.
    pub created_ms: i64,
    /// When it was made, opened or last appended to: what `retention.ms` is counted from if there are no timestamps.
    pub touched_ms: i64,
}

/// Where the largest timestamp of a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The timestamp.
    pub timestamp: i64,
    /// The last offset of the first batch that holds it.
    pub offset: i64,
}

impl Segment {
    /// Opens or makes the files of a segment. What they hold is for the caller to find out.
    pub fn open(directory: &str, base_offset: i64, storage: &mut dyn Storage) -> Result<Segment, StorageError> {
        Segment::open_as(directory, base_offset, "", storage)
    }

    /// The same with names that end with `ending`, as compaction's files have them.
    pub fn open_as(
        directory: &str,
        base_offset: i64,
        ending: &str,
        storage: &mut dyn Storage,
    ) -> Result<Segment, StorageError> {
        let mut open = |suffix: &str| {
            storage.open(&format!("{directory}/{base_offset:020}{suffix}{ending}"), OpenMode::CreateOrOpen)
        };
        let (log, index, time_index) = (open(".log")?, open(".index")?, open(".timeindex")?);
        Ok(Segment {
            base_offset,
            log,
            index: OffsetIndex { file: index, count: 0 },
            time_index: TimeIndex { file: time_index, count: 0, last: None },
            size: 0,
            next_offset: base_offset,
            bytes_since_index_entry: 0,
            newest: None,
            first_timestamp: None,
            created_ms: 0,
            touched_ms: 0,
        })
    }

    /// Takes a batch that was appended to the file, or found in it, into account.
    pub fn on_batch(&mut self, batch: Located) {
        assert_eq!(batch.position, self.size, "batches follow each other without gaps");
        assert!(batch.header.base_offset >= self.next_offset, "offsets never go back");
        if self.size == 0 {
            self.first_timestamp = Some(batch.header.max_timestamp);
        }
        self.size = batch.end();
        self.next_offset = batch.header.next_offset();
        self.bytes_since_index_entry = self.bytes_since_index_entry.saturating_add(batch.header.size_in_bytes());
        self.newest = Some(self.newest_with(&batch));
    }

    /// The largest timestamp once `batch` is in the segment.
    pub fn newest_with(&self, batch: &Located) -> Newest {
        let of_batch = Newest { timestamp: batch.header.max_timestamp, offset: batch.header.last_offset() };
        self.newest.filter(|newest| newest.timestamp >= of_batch.timestamp).unwrap_or(of_batch)
    }

    /// As a strip of the picture.
    pub fn view(&self) -> SegmentView {
        SegmentView {
            base_offset: self.base_offset,
            bytes: u64::from(self.size),
            max_timestamp_ms: self.newest.map_or(-1, |newest| newest.timestamp.max(-1)),
        }
    }

    /// Whether an index entry can hold `offset`.
    pub fn can_hold_offset(&self, offset: i64) -> bool {
        (0..=i64::from(i32::MAX)).contains(&(offset - self.base_offset))
    }

    /// The index entry that finds `batch`.
    pub fn index_entry_for(&self, batch: &Located) -> IndexEntry {
        IndexEntry { relative_offset: self.relative(batch.header.last_offset()), position: batch.position }
    }

    /// The position in the last index entry for which `before` holds; 0 if there is none. An index is a matter of speed: 0
    /// also if the entry is not true, because the file was damaged while nobody looked.
    pub fn indexed_position(
        &self,
        storage: &dyn ReadAt,
        before: impl Fn(IndexEntry) -> bool,
    ) -> Result<u32, StorageError> {
        let Some(entry) = self.index.last_where(storage, before)? else { return Ok(0) };
        Ok(if self.is_true(entry, storage)? { entry.position } else { 0 })
    }

    /// Whether an index entry is that of the batch where it points.
    pub fn is_true(&self, entry: IndexEntry, storage: &dyn ReadAt) -> Result<bool, StorageError> {
        if entry.position >= self.size {
            return Ok(false);
        }
        let bytes = storage.read(self.log, u64::from(entry.position), BATCH_OVERHEAD as u32)?;
        let Ok(header) = BatchHeader::parse(&bytes) else { return Ok(false) };
        Ok(header.last_offset() - self.base_offset == i64::from(entry.relative_offset))
    }

    /// The time index's entry for a largest timestamp.
    pub fn time_entry_for(&self, newest: Newest) -> TimeEntry {
        TimeEntry { timestamp: newest.timestamp, relative_offset: self.relative(newest.offset) }
    }

    /// Nothing is appended any more, for now or for ever: the time index gets its last entry. Returns it if it was missing.
    pub fn finish_time_index(&mut self, storage: &mut dyn Storage) -> Result<Option<TimeEntry>, StorageError> {
        let Some(newest) = self.newest else { return Ok(None) };
        let entry = self.time_entry_for(newest);
        Ok(self.time_index.maybe_append(storage, entry)?.then_some(entry))
    }

    /// Its files.
    pub fn files(&self) -> Vec<FileId> {
        vec![self.log, self.index.file, self.time_index.file]
    }

    /// Whether `file` is one of its files.
    pub fn owns_file(&self, file: FileId) -> bool {
        [self.log, self.index.file, self.time_index.file].contains(&file)
    }

    /// Closes its files: all of them even when one fails; the first failure is returned.
    pub fn close(&self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        let mut result = Ok(());
        for file in self.files() {
            let closed = storage.close(file);
            result = result.and(closed);
        }
        result
    }

    fn relative(&self, offset: i64) -> u32 {
        let relative = u32::try_from(offset - self.base_offset);
        relative.expect("a segment is rolled before an offset is too far from its base")
    }
}

/// `orders-0/00000000000000000042.log`.
pub fn log_path(directory: &str, base_offset: i64) -> String {
    format!("{directory}/{base_offset:020}.log")
}

/// The base offset in the name of a `.log` file; `None` for every other file.
pub fn base_offset_of(name: &str) -> Option<i64> {
    offset_in(name, ".log")
}

/// The offset in a name of twenty digits and `suffix`; `None` for every other name.
pub fn offset_in(name: &str, suffix: &str) -> Option<i64> {
    let digits = name.strip_suffix(suffix)?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}
