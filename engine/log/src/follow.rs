//! A follower's log: it is the leader's, batch for batch, with the leader's offsets and epochs. And where it is not, because
//! this broker wrote what the leader never got, it is cut back to where the two agree (KIP-101, SEMANTICS 24).
//!
//! ```text
//!   leader    | epoch 0 | epoch 1      | epoch 3 ...
//!   follower  | epoch 0 | epoch 1 | epoch 2 |
//!                                 ^ cut here, then fetched again
//! ```
//!
//! Deciding where to cut is the broker's; here it is done. (UnifiedLog.appendAsFollower, truncateTo, truncateFullyAndStartAt.)

use crate::{
    Appended, Log, LogError, Storage, StorageErrorKind,
    index::IndexEntry,
    recovery,
    scan::{LOOKUP_CHUNK_BYTES, Scan},
    segment::{Newest, Segment},
    snapshots,
};
use alloc::string::String;
use naru_records::{Batch, RecordsError};
use naru_trace::{CELLS_MAX, Trace, TraceKind};

impl Log {
    /// Appends a batch that was fetched from the leader: its offsets and its leader's epoch stay as they are. There may be a
    /// gap before it, which compaction has left in the leader's log.
    ///
    /// The CRC is checked, because a network lay between. `Corrupt` also for a batch that begins before the end of the log.
    pub fn append_as_follower(
        &mut self,
        batch: &Batch,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<Appended, LogError> {
        let header = *batch.header();
        let base_offset = header.base_offset;
        let is_next = base_offset >= self.log_end_offset() && header.last_offset_delta >= 0;
        let wrong = RecordsError::InvalidField { field: "baseOffset", value: base_offset };
        let checked = if is_next { batch.verify_crc() } else { Err(wrong) };
        checked.map_err(|source| self.corrupt_at_end(source))?;
        self.maybe_roll(&header, now_ms, storage, trace)?;
        if !self.active().can_hold_offset(header.last_offset()) {
            return Err(self.corrupt_at_end(RecordsError::InvalidField { field: "baseOffset", value: base_offset }));
        }
        self.store(batch, header, now_ms, storage, trace)
    }

    /// A new leader begins here: epoch `epoch` starts at the end of the log. It is written down with its first batch, from
    /// which a start would read it again.
    pub fn begin_epoch(&mut self, epoch: i32, trace: &mut Trace) {
        let is_known = self.leader_epochs.latest().is_some_and(|latest| latest.epoch >= epoch);
        if is_known || epoch < 0 {
            return;
        }
        self.leader_epochs.assign(epoch, self.log_end_offset());
        self.epochs_unwritten = true;
        self.trace_epoch(epoch, self.log_end_offset(), trace);
    }

    /// Cuts off all batches that reach `offset` or lie behind it, and returns the new end of the log: `offset`, or less if a
    /// batch lay across it. What is left is on disk when this returns: a power failure must not bring back what was cut,
    /// because other records come in its place.
    pub fn truncate_to(
        &mut self,
        offset: i64,
        reason: &str,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<i64, LogError> {
        if offset < self.log_start_offset() {
            self.truncate_fully_at(offset, now_ms, storage, trace)?;
            return Ok(offset);
        }
        if offset >= self.log_end_offset() {
            let end = self.log_end_offset();
            // An epoch that got no records here may still go.
            if self.forget_epochs_from(end, storage)? {
                self.trace_truncated(end, 0, reason.into(), trace);
            }
            return Ok(end);
        }
        self.pin_cells(storage, trace);
        let bytes_before = self.size();
        let kept = self.segments.partition_point(|segment| segment.base_offset < offset).max(1);
        let gone = self.segments.split_off(kept);
        let any_is_gone = !gone.is_empty();
        // The last one first, so that a crash in between leaves a beginning of the log.
        for segment in gone.into_iter().rev() {
            self.set_aside(segment, now_ms, storage)?;
        }
        if any_is_gone {
            storage.sync_dir(&self.directory)?;
        }
        self.cut_active(offset, storage)?;
        let end = self.log_end_offset();
        self.forget_after(end, storage)?;
        let bytes = bytes_before - self.size();
        self.trace_truncated(end, bytes, reason.into(), trace);
        Ok(end)
    }

    /// Everything goes, and the log begins anew at `offset`, which may lie behind its old end: the leader's oldest records
    /// are newer than all there are here.
    pub fn truncate_fully_at(
        &mut self,
        offset: i64,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        while let Some(segment) = self.segments.pop() {
            self.set_aside(segment, now_ms, storage)?;
        }
        let segment = Segment::open(&self.directory, offset, storage)?;
        self.segments.push(Segment { created_ms: now_ms, touched_ms: now_ms, ..segment });
        storage.sync_dir(&self.directory)?;
        self.recent = crate::recent::RecentBatches::default();
        self.producers = crate::ProducerState::default();
        self.log_start_offset = offset;
        self.cells_from = offset;
        (self.recovery_point, self.flushing, self.flush_before) = (offset, offset, offset);
        self.unflushed_since_ms = None;
        self.remove_snapshots(|_| true, storage)?;
        self.forget_epochs_from(0, storage)?;
        trace.emit(|| TraceKind::LogRestarted {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            at_offset: offset,
        });
        Ok(())
    }

    /// Cuts the active segment and its indexes.
    fn cut_active(&mut self, offset: i64, storage: &mut dyn Storage) -> Result<(), LogError> {
        let first = self.locate_in(self.active(), offset, storage)?;
        let segment = self.active_mut();
        let Some(first) = first else {
            segment.next_offset = if segment.size == 0 { segment.base_offset } else { offset };
            return Ok(());
        };
        segment.size = first.position;
        segment.next_offset = first.header.base_offset.min(offset);
        if segment.size == 0 {
            segment.next_offset = segment.base_offset;
            segment.first_timestamp = None;
        }
        storage.truncate(segment.log, u64::from(segment.size))?;
        storage.sync(segment.log)?;
        let (size, end, base) = (segment.size, segment.next_offset, segment.base_offset);
        segment.index.truncate(storage, |entry| entry.position < size)?;
        segment.time_index.truncate(storage, |entry| base + i64::from(entry.relative_offset) < end)?;
        let last_position = segment.index.last(storage)?.map_or(0, |entry| entry.position);
        segment.bytes_since_index_entry = size - last_position;
        let newest = newest_of(self.active(), storage);
        let newest = newest.map_err(|error| error.at(|| self.path_of(self.active()), size))?;
        self.active_mut().newest = newest;
        Ok(())
    }

    /// What was known of batches behind the new end.
    fn forget_after(&mut self, end: i64, storage: &mut dyn Storage) -> Result<(), LogError> {
        let (base_offset, size) = (self.active().base_offset, self.active().size);
        self.recent.truncate(base_offset, size);
        self.recovery_point = self.recovery_point.min(end);
        self.flushing = self.flushing.min(end);
        self.flush_before = self.flush_before.min(base_offset);
        self.remove_snapshots(|offset| offset > end, storage)?;
        self.forget_epochs_from(end, storage)?;
        if !self.producers.is_empty() {
            (self.producers, self.snapshots) = recovery::producers_of(self, storage)?;
        }
        Ok(())
    }

    /// Returns whether there were such epochs.
    fn forget_epochs_from(&mut self, end: i64, storage: &mut dyn Storage) -> Result<bool, LogError> {
        let changed = self.leader_epochs.truncate_from_end(end);
        if changed {
            self.epochs_unwritten = false;
            self.write_leader_epochs(storage)?;
        }
        Ok(changed)
    }

    fn remove_snapshots(&mut self, is_gone: impl Fn(i64) -> bool, storage: &mut dyn Storage) -> Result<(), LogError> {
        for offset in self.snapshots.iter().copied().filter(|offset| is_gone(*offset)) {
            match storage.remove_file(&snapshots::path(&self.directory, offset)) {
                Err(error) if error.kind != StorageErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        self.snapshots.retain(|offset| !is_gone(*offset));
        Ok(())
    }

    /// The picture does not get older records in the place of those that are cut off.
    fn pin_cells(&mut self, storage: &dyn Storage, trace: &Trace) {
        if trace.is_on() {
            let first = self.cells(CELLS_MAX, storage).first().map(|cell| cell.offset);
            self.cells_from = first.unwrap_or_else(|| self.log_end_offset());
        }
    }

    fn corrupt_at_end(&self, source: RecordsError) -> LogError {
        let active = self.active();
        LogError::Corrupt { path: self.path_of(active), position: u64::from(active.size), source }
    }

    fn trace_truncated(&self, to_offset: i64, bytes: u64, reason: String, trace: &mut Trace) {
        trace.emit(|| TraceKind::LogTruncated {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            to_offset,
            bytes,
            reason,
            segments: self.segments(),
        });
    }
}

/// The largest timestamp of a segment that was cut: what the time index says, and what lies behind its last entry.
fn newest_of(segment: &Segment, storage: &dyn Storage) -> Result<Option<Newest>, crate::scan::ScanError> {
    let indexed = segment.time_index.last.map(|entry| Newest {
        timestamp: entry.timestamp,
        offset: segment.base_offset + i64::from(entry.relative_offset),
    });
    let from = indexed.map_or(segment.base_offset, |newest| newest.offset);
    let before = |entry: IndexEntry| segment.base_offset + i64::from(entry.relative_offset) <= from;
    let start = segment.indexed_position(storage, before)?;
    let mut scan = Scan::new(storage, segment.log, (start, segment.size), LOOKUP_CHUNK_BYTES);
    let mut seen = Segment { newest: indexed, ..segment.clone() };
    while let Some(batch) = scan.next_batch()? {
        seen.newest = Some(seen.newest_with(&batch));
    }
    Ok(seen.newest)
}
