//! Opening a log: which files are there, what in them is whole, and what they say about producers.
//!
//! ```text
//!   trusted, not read                          checked, batch by batch
//!   [ segment 0    )[ segment 40 )[ segment 71 )[ segment 93 )[ active segment 120  )
//!                                                    ^ recovery point
//! ```
//!
//! Everything before the recovery point was synced. So after a crash only the segment that holds it and those after it are
//! read; the log is cut at the first batch that is torn or damaged, their indexes are built anew, and what the batches say
//! of producers is added to the newest snapshot. After a stop in good order nothing is read but the end of the active
//! segment: starting takes no longer when there is more data. (LogLoader.scala, LogSegment.recover; SEMANTICS 41.)
//!
//! So damage in an old segment is not found here, and, as in Kafka, it is served as it is: every batch has a CRC, which
//! consumers check. What is never done is to throw such a segment away. The exception is a segment whose index is missing or
//! cannot be one: it is read to build it again, and if it is damaged its partition stays offline.
//!
//! Files with names that this crate does not make are left alone. `files` says what becomes of leftovers, `trust` what is
//! believed, `check` what is cut, `replay` what is added up.

mod check;
mod files;
mod replay;
mod trust;

use crate::{
    LeaderEpochCache, Log, LogConfig, LogError, Opening, ProducerState, Storage, StorageError, TopicPartition,
    clean::swap, recent::RecentBatches, segment::Segment,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use files::Files;
use naru_records::RecordsError;
use naru_trace::{Trace, TraceKind};

/// What opening a log finds.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Oldest first, at least one.
    pub segments: Vec<Segment>,
    /// The newest batches.
    pub recent: RecentBatches,
    /// What the batches say about their producers.
    pub producers: ProducerState,
    /// The offsets of the producer snapshots that are there.
    pub snapshots: Vec<i64>,
    /// Which leader epoch began where.
    pub leader_epochs: LeaderEpochCache,
    /// Whether that is not what the file says.
    pub epochs_changed: bool,
    /// The first offset to be seen.
    pub log_start_offset: i64,
    /// What was cut off, in a sentence.
    pub cut: Option<String>,
}

/// Opens the files of a log.
pub fn recover(
    id: &TopicPartition,
    directory: String,
    config: &LogConfig,
    opening: &Opening,
    storage: &mut dyn Storage,
    trace: &mut Trace,
) -> Result<Recovered, LogError> {
    storage.create_dir(&directory)?;
    swap::complete(&directory, storage)?;
    let files = Files::settle(&directory, storage)?;
    let index_interval_bytes = config.index_interval_bytes;
    let (opening, compacted, found) = (*opening, config.cleanup.compact, Recovered::default());
    let mut recovery = Recovery { directory, index_interval_bytes, compacted, opening, files, found };
    if let Some(cut) = recovery.open_segments(storage)? {
        recovery.trace_cut(id, &cut, trace);
    }
    recovery.settle_start(id, storage, trace)?;
    recovery.replay(storage)?;
    Ok(recovery.found)
}

/// What the batches of a log that was cut say about producers, and which snapshots are believed.
pub fn producers_of(log: &Log, storage: &dyn Storage) -> Result<(ProducerState, Vec<i64>), StorageError> {
    let files = Files::of_snapshots(log.snapshots.clone());
    let found = Recovered { segments: log.segments.clone(), ..Recovered::default() };
    let mut recovery = Recovery {
        directory: log.directory.clone(),
        index_interval_bytes: log.config.index_interval_bytes,
        compacted: log.config.cleanup.compact,
        opening: Opening::clean(),
        files,
        found,
    };
    let from = recovery.load_snapshot(storage)?;
    recovery.remember_retries(from, storage)?;
    for segment in log.segments.iter().filter(|segment| segment.next_offset > from) {
        recovery.replay_segment(segment, (from, i64::MAX), storage)?;
    }
    Ok((recovery.found.producers, recovery.found.snapshots))
}

/// A log being opened.
struct Recovery {
    directory: String,
    index_interval_bytes: u32,
    /// Whether the log is compacted.
    compacted: bool,
    opening: Opening,
    files: Files,
    found: Recovered,
}

/// What was cut off.
struct Cut {
    bytes: u64,
    reason: String,
}

impl Cut {
    fn because(bytes: u64, reason: &RecordsError) -> Cut {
        Cut { bytes, reason: reason.to_string() }
    }
}

impl Recovery {
    /// Opens all segments. Those behind a cut are removed.
    fn open_segments(&mut self, storage: &mut dyn Storage) -> Result<Option<Cut>, LogError> {
        let bases = core::mem::take(&mut self.files.bases);
        let first_checked = match self.opening.clean {
            true => bases.len(),
            false => bases.partition_point(|base| *base <= self.opening.recovery_point).saturating_sub(1),
        };
        for (number, base_offset) in bases.iter().enumerate() {
            if number > first_checked && self.is_behind_hole(*base_offset) {
                let reason =
                    format!("the records from offset {} to {} are missing", self.next_offset(), base_offset - 1);
                let bytes = self.remove_segments(&bases[number..], storage)?;
                return Ok(Some(Cut { bytes, reason }));
            }
            let next_base = bases.get(number + 1).copied();
            let cut = match number < first_checked {
                true => self.open_trusted(*base_offset, next_base, storage)?,
                false => self.open_checked(*base_offset, next_base, storage)?,
            };
            if let Some(cut) = cut {
                let later = self.remove_segments(&bases[number + 1..], storage)?;
                return Ok(Some(Cut { bytes: cut.bytes + later, ..cut }));
            }
        }
        Ok(None)
    }

    /// Whether a segment has records, and those before it are missing. When the power fails, a segment may have reached the
    /// disk, and the end of the one before it may not. That is the same as a torn end, although no batch was torn: what is
    /// behind it goes, so that a log is always a beginning of what it was. Only compaction leaves holes in good order: they
    /// stay when the topic is no longer compacted.
    fn is_behind_hole(&self, base_offset: i64) -> bool {
        let is_hole = self.found.segments.last().is_some_and(|last| base_offset > last.next_offset);
        let is_compacted = self.compacted || base_offset <= self.opening.compacted_up_to;
        is_hole && !is_compacted && self.files.log_bytes(base_offset) > 0
    }

    /// Keeps a segment that was opened, or not.
    fn keep(&mut self, segment: Segment, storage: &mut dyn Storage) -> Result<(), LogError> {
        if self.is_worth_keeping(&segment) {
            self.found.segments.push(segment);
            return Ok(());
        }
        segment.close(storage)?;
        Ok(self.files.remove_segment(&self.directory, segment.base_offset, storage)?)
    }

    /// An empty segment goes if it begins before the last one ends, and also if it begins later and the process crashed:
    /// it was begun after batches that never reached the disk, and their offsets are free again. But where the records
    /// before it were synced, or compaction may have taken them, they are not: then it says where the log ends.
    fn is_worth_keeping(&self, segment: &Segment) -> bool {
        let Some(last) = self.found.segments.last() else { return true };
        let is_end = self.opening.clean || self.compacted || segment.base_offset <= self.opening.recovery_point;
        segment.size > 0
            || segment.base_offset == last.next_offset
            || (is_end && segment.base_offset > last.next_offset)
    }

    /// Makes a first segment where there is none, and finds out where the log starts.
    fn settle_start(
        &mut self,
        id: &TopicPartition,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        let asked_for = self.opening.log_start_offset.max(0);
        if !self.found.segments.is_empty() && asked_for > self.next_offset() {
            // Records were deleted that were never synced, and then the power failed. Their offsets are not used again.
            let bytes = self.found.segments.iter().map(|segment| u64::from(segment.size)).sum();
            let reason = "all records are before the log start offset of the checkpoint".to_string();
            for segment in core::mem::take(&mut self.found.segments) {
                segment.close(storage)?;
                self.files.remove_segment(&self.directory, segment.base_offset, storage)?;
            }
            self.found.segments.push(self.open_segment(asked_for, storage)?);
            self.trace_cut(id, &Cut { bytes, reason }, trace);
        }
        if self.found.segments.is_empty() {
            self.found.segments.push(self.open_segment(asked_for, storage)?);
        }
        self.found.log_start_offset = asked_for.max(self.found.segments[0].base_offset);
        Ok(())
    }

    fn open_segment(&self, base_offset: i64, storage: &mut dyn Storage) -> Result<Segment, StorageError> {
        let now_ms = self.opening.now_ms;
        let segment = Segment::open(&self.directory, base_offset, storage)?;
        Ok(Segment { created_ms: now_ms, touched_ms: now_ms, ..segment })
    }

    fn next_offset(&self) -> i64 {
        self.found.segments.last().map_or(0, |segment| segment.next_offset)
    }

    /// Removes the segments behind a cut. Returns how many bytes of records went with them.
    fn remove_segments(&mut self, bases: &[i64], storage: &mut dyn Storage) -> Result<u64, StorageError> {
        let mut bytes = 0;
        for base_offset in bases {
            bytes += self.files.log_bytes(*base_offset);
            self.files.remove_segment(&self.directory, *base_offset, storage)?;
        }
        // Otherwise a power failure could bring them back, behind what is written from now on.
        if !bases.is_empty() {
            storage.sync_dir(&self.directory)?;
        }
        Ok(bytes)
    }

    fn trace_cut(&mut self, id: &TopicPartition, cut: &Cut, trace: &mut Trace) {
        let (bytes, reason, to_offset) = (cut.bytes, &cut.reason, self.next_offset());
        self.found.cut = Some(format!("{id}: {bytes} bytes were cut off, and it ends at offset {to_offset}: {reason}"));
        trace.emit(|| TraceKind::LogTruncated {
            topic: id.topic.clone(),
            partition: id.partition,
            to_offset,
            bytes,
            reason: cut.reason.clone(),
            segments: self.found.segments.iter().map(Segment::view).collect(),
        });
    }
}
