//! The log itself: what a broker sees of it.

use crate::{FileId, LogConfig, LogError, ProducerState, Slice, Storage};
use alloc::{string::String, vec::Vec};
use naru_records::Batch;
use naru_trace::{CellView, SegmentView, Trace};

/// Which partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
}

impl core::fmt::Display for TopicPartition {
    /// As the directory is called: `orders-0`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record.
    pub base_offset: i64,
    /// The offset of its last record.
    pub last_offset: i64,
    /// Its length in bytes.
    pub bytes: u32,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadResult {
    /// Whole batches, in order; nothing between them.
    pub slices: Vec<Slice>,
    /// Their length in bytes.
    pub bytes: u32,
    /// The base offset of the first batch, which may be smaller than the offset asked for; that offset if there is none.
    pub first_offset: i64,
    /// The offset after the last record; the offset asked for if there is none.
    pub next_offset: i64,
}

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetAndTimestamp {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp, milliseconds since 1970.
    pub timestamp: i64,
}

/// One partition's log.
#[derive(Debug)]
pub struct Log {}

impl Log {
    /// Opens the log of `id`, in the directory of that name; makes it if there is none.
    ///
    /// `clean` says that the last process stopped in good order: then the files are trusted, except for the end of the
    /// active segment, which is always checked. Otherwise every batch's CRC is checked, and the log is cut at the first
    /// one that is torn or damaged.
    pub fn open(
        _id: &TopicPartition,
        _config: LogConfig,
        _clean: bool,
        _storage: &mut dyn Storage,
        _trace: &mut Trace,
    ) -> Result<Log, LogError> {
        todo!()
    }
    /// Appends a producer's batch: gives it the next offsets and the leader's epoch, and changes nothing else in it.
    ///
    /// The caller has checked the CRC, the header's consistency and [`ProducerState::check`].
    pub fn append(
        &mut self,
        _batch: &Batch,
        _leader_epoch: i32,
        _storage: &mut dyn Storage,
        _trace: &mut Trace,
    ) -> Result<Appended, LogError> {
        todo!()
    }
    /// Whole batches from the one that holds `from`, at most `max_bytes` of them, none that reaches to `up_to_offset` or
    /// beyond. With `at_least_one`, the first may be larger than `max_bytes` (KIP-74).
    pub fn read(
        &self,
        _from: i64,
        _max_bytes: u32,
        _up_to_offset: i64,
        _at_least_one: bool,
        _storage: &dyn Storage,
    ) -> Result<ReadResult, LogError> {
        todo!()
    }
    /// About how many bytes lie between two offsets, without touching the storage: exact for recent batches, else the
    /// length of whole segments. For `fetch.min.bytes`.
    pub fn bytes_available(&self, _from: i64, _up_to_offset: i64) -> u64 {
        todo!()
    }
    /// Which partition this is the log of.
    pub fn id(&self) -> &TopicPartition {
        todo!()
    }
    /// Its settings.
    pub fn config(&self) -> &LogConfig {
        todo!()
    }
    /// Other settings, from the next append on.
    pub fn set_config(&mut self, _config: LogConfig) {
        todo!()
    }
    /// The first offset there is.
    pub fn log_start_offset(&self) -> i64 {
        todo!()
    }
    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> i64 {
        todo!()
    }
    /// The segments, oldest first; the last is the active one.
    pub fn segments(&self) -> Vec<SegmentView> {
        todo!()
    }
    /// Length of all segments in bytes.
    pub fn size(&self) -> u64 {
        todo!()
    }
    /// The first record whose timestamp is `timestamp` or later; looks inside the batch.
    pub fn offset_for_timestamp(
        &self,
        _timestamp: i64,
        _storage: &dyn Storage,
    ) -> Result<Option<OffsetAndTimestamp>, LogError> {
        todo!()
    }
    /// The record with the largest timestamp, the first of them if there are several (KIP-734).
    pub fn offset_of_max_timestamp(&self, _storage: &dyn Storage) -> Result<Option<OffsetAndTimestamp>, LogError> {
        todo!()
    }
    /// The newest records, at most `max`, oldest first: for a view.
    pub fn cells(&self, _max: usize, _storage: &dyn Storage) -> Vec<CellView> {
        todo!()
    }
    /// What is known of idempotent producers.
    pub fn producers(&self) -> &ProducerState {
        todo!()
    }
    /// The same, to let some expire.
    pub fn producers_mut(&mut self) -> &mut ProducerState {
        todo!()
    }
    /// The files that must be synced so that everything before the log end offset survives a power failure. Tell the log
    /// with [`Log::flushed`] when that is done.
    pub fn flush_files(&self) -> Vec<FileId> {
        todo!()
    }
    /// Everything before `offset` is safely on the disk.
    pub fn flushed(&mut self, _offset: i64) {
        todo!()
    }
    /// Everything before this offset is known to be safely on the disk.
    pub fn recovery_point(&self) -> i64 {
        todo!()
    }
    /// Whether `file` is one of this log's: then its partition goes offline when it fails.
    pub fn owns_file(&self, _file: FileId) -> bool {
        todo!()
    }
    /// Syncs and closes all files.
    pub fn close(self, _storage: &mut dyn Storage) -> Result<(), LogError> {
        todo!()
    }
    /// Closes all files and removes the directory.
    pub fn delete(self, _storage: &mut dyn Storage) -> Result<(), LogError> {
        todo!()
    }
    /// Panics if the log contradicts itself. The simulation calls it after every step.
    pub fn check_invariants(&self) {
        todo!()
    }
}
