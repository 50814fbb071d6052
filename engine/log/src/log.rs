//! The log itself: what a broker sees of it. Writing is in `append.rs` and `roll.rs`, reading in `read.rs`, look-ups by time
//! in `lookup.rs`, opening in `recovery`, the way to the disk in `flush.rs`, the way out in `retention.rs`.

use crate::{
    FileId, LeaderEpochCache, LogConfig, LogError, OpenMode, ProducerState, Slice, Storage,
    recent::RecentBatches,
    recovery,
    retention::DeletedSegment,
    scan::Located,
    segment::{Segment, log_path},
    snapshots,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{SegmentView, Trace};

/// Which partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
}

impl TopicPartition {
    /// Where its files are in a log directory that is mounted at `parent`: `orders-0`, `dir1/orders-0`.
    pub fn directory_in(&self, parent: &str) -> String {
        match parent {
            "" => self.to_string(),
            parent => alloc::format!("{parent}/{self}"),
        }
    }
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
    /// Whole batches, in order; nothing between them. One slice for each segment.
    pub slices: Vec<Slice>,
    /// Their length in bytes.
    pub bytes: u32,
    /// The base offset of the first batch, which may be smaller than the offset asked for; that offset if there is none.
    pub first_offset: i64,
    /// Where the next read goes on: after the last record; the offset asked for if there is none.
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

/// What the caller of [`Log::open`] knows from elsewhere: how the last process ended, and what the checkpoint files say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The last process stopped in good order.
    pub clean: bool,
    /// Everything before this offset is known to be safely on the disk; 0 if nothing is known.
    pub recovery_point: i64,
    /// No record before this offset is to be seen, although its segment may still be there; 0 if nothing is known.
    pub log_start_offset: i64,
    /// Compaction has reached up to here, and may have left holes; 0 if nothing is known.
    pub compacted_up_to: i64,
    /// The time now, milliseconds since 1970.
    pub now_ms: i64,
}

impl Opening {
    /// After a stop in good order, with nothing known of the log.
    pub fn clean() -> Self {
        Opening { clean: true, recovery_point: 0, log_start_offset: 0, compacted_up_to: 0, now_ms: 0 }
    }

    /// After a crash, with nothing known of the log.
    pub fn unclean() -> Self {
        Opening { clean: false, ..Opening::clean() }
    }
}

/// One partition's log.
#[derive(Debug)]
pub struct Log {
    pub(crate) id: TopicPartition,
    pub(crate) config: LogConfig,
    /// `orders-0`, or where its log directory is mounted and that.
    pub(crate) directory: String,
    /// Oldest first; the last is the active one. Never empty.
    pub(crate) segments: Vec<Segment>,
    pub(crate) recent: RecentBatches,
    /// The picture has no older records than this: when compaction removes some, it does not get older ones instead.
    pub(crate) cells_from: i64,
    pub(crate) producers: ProducerState,
    pub(crate) leader_epochs: LeaderEpochCache,
    /// An epoch has begun that has no batch yet, and is not in `leader-epoch-checkpoint`.
    pub(crate) epochs_unwritten: bool,
    /// No record before this one is to be seen, although its segment may still be there.
    pub(crate) log_start_offset: i64,
    /// The offsets for which there are producer snapshots, ascending.
    pub(crate) snapshots: Vec<i64>,
    /// Segments that are no longer part of the log, and whose files are still there.
    pub(crate) deleted: Vec<DeletedSegment>,
    /// What was cut off when the log was opened, in a sentence.
    pub(crate) cut: Option<String>,
    /// Everything before this offset is safely on disk.
    pub(crate) recovery_point: i64,
    /// Everything before this offset is on its way there.
    pub(crate) flushing: i64,
    /// Everything before this offset should be on its way there, because its segment is closed.
    pub(crate) flush_before: i64,
    /// When the first batch was appended that is not on its way there.
    pub(crate) unflushed_since_ms: Option<i64>,
}

impl Log {
    /// Opens the log of `id`, in the directory of that name; makes it if there is none.
    ///
    /// After a stop in good order the files are trusted and not read, except for the end of the active segment. Otherwise
    /// the same holds for the segments before the recovery point; from there on every batch's CRC is checked, and the log is
    /// cut at the first one that is torn or damaged.
    pub fn open(
        id: &TopicPartition,
        config: LogConfig,
        opening: Opening,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<Log, LogError> {
        Log::open_in("", id, config, opening, storage, trace)
    }

    /// The same, in a log directory that is mounted at `parent` in the storage; `""` is the storage itself.
    pub fn open_in(
        parent: &str,
        id: &TopicPartition,
        config: LogConfig,
        opening: Opening,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<Log, LogError> {
        let directory = id.directory_in(parent);
        let recovered = recovery::recover(id, directory.clone(), &config, &opening, storage, trace)?;
        let log_end_offset = recovered.segments.last().map_or(0, |active| active.next_offset);
        // What a process that crashed had not synced may still be only in the operating system's memory.
        let recovery_point = if opening.clean { log_end_offset } else { opening.recovery_point.min(log_end_offset) };
        let mut log = Log {
            id: id.clone(),
            config,
            directory,
            segments: recovered.segments,
            recent: recovered.recent,
            cells_from: 0,
            producers: recovered.producers,
            leader_epochs: recovered.leader_epochs,
            epochs_unwritten: false,
            log_start_offset: recovered.log_start_offset,
            snapshots: recovered.snapshots,
            deleted: Vec::new(),
            cut: recovered.cut,
            recovery_point,
            flushing: recovery_point,
            flush_before: 0,
            unflushed_since_ms: (recovery_point < log_end_offset).then_some(opening.now_ms),
        };
        if recovered.epochs_changed {
            log.write_leader_epochs(storage)?;
        }
        log.flush_before = log.active().base_offset;
        Ok(log)
    }

    /// Where its files are, in the storage.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Which partition this is the log of.
    pub fn id(&self) -> &TopicPartition {
        &self.id
    }

    /// Its settings.
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Other settings, from the next append on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// The first offset there is.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// The base offset of the first segment: the log start offset, or a smaller one after DeleteRecords.
    pub fn first_base_offset(&self) -> i64 {
        self.segments[0].base_offset
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> i64 {
        self.active().next_offset
    }

    /// The segments, oldest first; the last is the active one.
    pub fn segments(&self) -> Vec<SegmentView> {
        self.segments.iter().map(Segment::view).collect()
    }

    /// Length of all segments in bytes.
    pub fn size(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.size)).sum()
    }

    /// What is known of idempotent producers.
    pub fn producers(&self) -> &ProducerState {
        &self.producers
    }

    /// The same, to let some expire.
    pub fn producers_mut(&mut self) -> &mut ProducerState {
        &mut self.producers
    }

    /// What was cut off when the log was opened, in a sentence; `None` if it was whole.
    pub fn cut_when_opened(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// Which leader epoch began where.
    pub fn leader_epochs(&self) -> &LeaderEpochCache {
        &self.leader_epochs
    }

    /// Whether `file` is one of this log's: then its partition goes offline when it fails.
    pub fn owns_file(&self, file: FileId) -> bool {
        self.all_segments().any(|segment| segment.owns_file(file))
    }

    /// Notes what the next start wants to know, syncs and closes all files. Closes them all even when something fails; the
    /// first failure is returned, and then the next start must not take the log for one that was closed in good order.
    pub fn close(mut self, storage: &mut dyn Storage) -> Result<(), LogError> {
        let mut result = self.finish(storage);
        for file in self.flush_files() {
            result = result.and(storage.sync(file).map_err(LogError::Storage));
        }
        for segment in self.all_segments() {
            let closed = segment.close(storage).map_err(LogError::Storage);
            result = result.and(closed);
        }
        result
    }

    /// The last entry of the time index, and what is known of producers: so that the next start need not read the log.
    fn finish(&mut self, storage: &mut dyn Storage) -> Result<(), LogError> {
        self.active_mut().finish_time_index(storage)?;
        let end = self.log_end_offset();
        let is_new = end > self.log_start_offset && self.snapshots.last().is_none_or(|last| *last < end);
        if !is_new {
            return Ok(());
        }
        self.take_snapshot(storage)?;
        let file = storage.open(&snapshots::path(&self.directory, end), OpenMode::Existing)?;
        let synced = storage.sync(file);
        Ok(storage.close(file).and(synced)?)
    }

    /// Closes all files and removes the directory.
    pub fn delete(self, storage: &mut dyn Storage) -> Result<(), LogError> {
        for segment in self.all_segments() {
            segment.close(storage)?;
        }
        Ok(storage.remove_dir_all(&self.directory)?)
    }

    /// Panics if the log contradicts itself. The simulation calls it after every step.
    pub fn check_invariants(&self) {
        let first = self.segments[0].base_offset;
        assert!(first <= self.log_start_offset, "{}: it starts in a segment that is not there", self.id);
        assert!(self.log_start_offset <= self.log_end_offset(), "{}: it ends before it starts", self.id);
        assert!(self.recovery_point <= self.log_end_offset(), "{}: synced what is not there", self.id);
        for segment in &self.segments {
            assert!(segment.base_offset <= segment.next_offset, "{}: {segment:?}", self.id);
            assert!(segment.size > 0 || segment.next_offset == segment.base_offset, "{}: {segment:?}", self.id);
            let last = segment.time_index.last.map_or(-1, |entry| entry.timestamp);
            let newest = segment.newest.map_or(-1, |newest| newest.timestamp);
            assert!(last <= newest, "{}: the time index knows a later record: {segment:?}", self.id);
            assert_eq!(segment.time_index.count == 0, segment.time_index.last.is_none(), "{}: {segment:?}", self.id);
        }
        for (a, b) in self.segments.iter().zip(self.segments.iter().skip(1)) {
            assert!(a.next_offset <= b.base_offset, "{}: segments overlap: {a:?}, {b:?}", self.id);
        }
        self.recent.check_invariants();
        if let Some(newest) = self.recent.newest_first().next() {
            let last = self.segments.iter().rev().find(|segment| segment.size > 0).expect("a batch is in a segment");
            assert_eq!((newest.segment, newest.position + newest.size), (last.base_offset, last.size), "{}", self.id);
        }
        assert!(self.snapshots.is_sorted(), "{}: snapshots {:?}", self.id, self.snapshots);
        self.leader_epochs.check_invariants();
        self.producers.check_invariants();
    }

    /// Those of the log, and those that are about to be removed.
    fn all_segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().chain(self.deleted.iter().map(|deleted| &deleted.segment))
    }

    pub(crate) fn active(&self) -> &Segment {
        self.segments.last().expect("a log has at least one segment")
    }

    pub(crate) fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has at least one segment")
    }

    /// A batch is at the end of the active segment.
    pub(crate) fn on_batch(&mut self, batch: Located) {
        let segment = self.active_mut();
        segment.on_batch(batch);
        let base_offset = segment.base_offset;
        self.recent.push(base_offset, &batch);
        self.producers.on_appended(&batch.header);
    }

    /// The number of the segment whose range holds `offset`.
    pub(crate) fn segment_number(&self, offset: i64) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    pub(crate) fn segment_with_base(&self, base_offset: i64) -> &Segment {
        &self.segments[self.segment_number(base_offset)]
    }

    pub(crate) fn path_of(&self, segment: &Segment) -> String {
        log_path(&self.directory, segment.base_offset)
    }
}
