//! The beginning of the log moves: old segments go, whole, when they are too old or the log is too large; and records go
//! when somebody asks for it (DeleteRecords).
//!
//! ```text
//!   [ segment 0 )[ segment 40 )[ segment 71 )[ active segment 93   )
//!      expired       expired      ^ the new log start offset
//! ```
//!
//! A segment is as old as its newest record (SEMANTICS 40): one late record keeps all the earlier ones. No segment goes that
//! reaches beyond the high watermark. If even the active segment has expired, it is rolled first, so that a log always has
//! one. (UnifiedLog.deleteOldSegments.)
//!
//! Files are renamed to `.deleted` at once and removed after `file.delete.delay.ms`: answers on their way still read from
//! them.

use crate::{
    Log, LogError, Storage, StorageError, StorageErrorKind,
    clean::swap::DELETED,
    segment::{SUFFIXES, Segment},
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use naru_trace::{Trace, TraceKind};

/// A segment that is no longer part of the log, with files that are still open.
#[derive(Debug)]
pub(crate) struct DeletedSegment {
    pub(crate) segment: Segment,
    pub(crate) paths: Vec<String>,
    /// Milliseconds since 1970; `None` if its time is counted from the next look on.
    pub(crate) remove_at_ms: Option<i64>,
}

impl Log {
    /// Lets go what `retention.ms` and `retention.bytes` no longer keep, if the policy is to delete, and what lies before
    /// the log start offset in any case. Returns how many segments went.
    pub fn apply_retention(
        &mut self,
        now_ms: i64,
        high_watermark: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<usize, LogError> {
        let mut deleted = self.delete_before_log_start(now_ms, storage, trace)?;
        if self.config.cleanup.delete {
            deleted += self.apply_retention_bytes(now_ms, high_watermark, storage, trace)?;
            deleted += self.apply_retention_ms(now_ms, high_watermark, storage, trace)?;
        }
        Ok(deleted)
    }

    /// Records before `offset` are gone from now on (DeleteRecords). Segments that hold no others go as well. The caller has
    /// seen that `offset` is not larger than the high watermark.
    pub fn delete_records_before(
        &mut self,
        offset: i64,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        self.start_at(offset, "DeleteRecords", now_ms, (storage, trace))
    }

    /// A leader has no records before `offset` any more: its followers let them go, too.
    pub fn follow_log_start(
        &mut self,
        offset: i64,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        self.start_at(offset, "the leader's log start offset", now_ms, (storage, trace))
    }

    fn start_at(
        &mut self,
        offset: i64,
        because: &'static str,
        now_ms: i64,
        (storage, trace): (&mut dyn Storage, &mut Trace),
    ) -> Result<(), LogError> {
        assert!(offset <= self.log_end_offset(), "{}: a log starts before it ends", self.id);
        self.advance_log_start(offset, because, storage, trace)?;
        self.delete_before_log_start(now_ms, storage, trace)?;
        Ok(())
    }

    /// When the next files are to be removed, milliseconds since 1970.
    pub fn removal_deadline_ms(&mut self, now_ms: i64) -> Option<i64> {
        let counted_from_now = now_ms.saturating_add(self.config.file_delete_delay_ms);
        self.deleted.iter_mut().map(|deleted| *deleted.remove_at_ms.get_or_insert(counted_from_now)).min()
    }

    /// Removes the files of segments that were deleted long enough ago. What cannot be removed is left for the next start.
    pub fn remove_deleted_files(&mut self, now_ms: i64, storage: &mut dyn Storage) {
        let is_due = |deleted: &DeletedSegment| deleted.remove_at_ms.is_some_and(|at| at <= now_ms);
        let (due, later): (Vec<_>, Vec<_>) = core::mem::take(&mut self.deleted).into_iter().partition(is_due);
        self.deleted = later;
        for deleted in due {
            let closed = deleted.segment.close(storage);
            let removed = deleted.paths.iter().map(|path| storage.remove_file(path)).fold(Ok(()), Result::and);
            // Either may fail when the disk has failed; the files' names tell the next start to try again.
            drop((closed, removed));
        }
    }

    /// Files of a segment that is no longer in the log: they get another name now and are removed later.
    pub(crate) fn set_aside(
        &mut self,
        segment: Segment,
        now_ms: i64,
        storage: &mut dyn Storage,
    ) -> Result<(), StorageError> {
        let remove_at_ms = Some(now_ms.saturating_add(self.config.file_delete_delay_ms));
        let mut paths = Vec::new();
        let renamed = rename_deleted(&self.directory, segment.base_offset, &mut paths, storage);
        self.deleted.push(DeletedSegment { segment, paths, remove_at_ms });
        renamed
    }

    fn delete_before_log_start(
        &mut self,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<usize, LogError> {
        let log_start_offset = self.log_start_offset;
        let next_bases = self.segments.iter().skip(1).map(|segment| segment.base_offset);
        let count = next_bases.take_while(|next| *next <= log_start_offset).count();
        self.delete_oldest(count, "log start offset", now_ms, storage, trace)?;
        Ok(count)
    }

    fn apply_retention_bytes(
        &mut self,
        now_ms: i64,
        high_watermark: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<usize, LogError> {
        let Ok(most) = u64::try_from(self.config.retention_bytes) else { return Ok(0) };
        let mut excess = self.size().saturating_sub(most);
        let count = self.count_deletable(high_watermark, |segment| match excess.checked_sub(u64::from(segment.size)) {
            Some(left) if excess > 0 => {
                excess = left;
                true
            }
            _ => false,
        });
        self.delete_expired(count, "retention.bytes", now_ms, storage, trace)
    }

    fn apply_retention_ms(
        &mut self,
        now_ms: i64,
        high_watermark: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<usize, LogError> {
        let retention_ms = self.config.retention_ms;
        if retention_ms < 0 {
            return Ok(0);
        }
        let count = self.count_deletable(high_watermark, |segment| {
            let newest = segment.newest.map_or(-1, |newest| newest.timestamp);
            let newest = if newest >= 0 { newest } else { segment.touched_ms };
            now_ms.saturating_sub(newest) > retention_ms
        });
        self.delete_expired(count, "retention.ms", now_ms, storage, trace)
    }

    /// How many of the oldest segments may go and should. An empty active segment stays.
    fn count_deletable(&self, high_watermark: i64, mut should_go: impl FnMut(&Segment) -> bool) -> usize {
        let ends = self.segments.iter().skip(1).map(|segment| segment.base_offset).chain([self.log_end_offset()]);
        let last = self.segments.len() - 1;
        let may_go = |(number, (segment, end)): &(usize, (&Segment, i64))| {
            *end <= high_watermark && (*number < last || segment.size > 0)
        };
        let oldest = self.segments.iter().zip(ends).enumerate().take_while(may_go);
        oldest.take_while(|(_, (segment, _))| should_go(segment)).count()
    }

    fn delete_expired(
        &mut self,
        count: usize,
        because: &'static str,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<usize, LogError> {
        if count == 0 {
            return Ok(0);
        }
        if count == self.segments.len() {
            self.roll("retention", now_ms, storage, trace)?;
        }
        self.advance_log_start(self.segments[count].base_offset, because, storage, trace)?;
        self.delete_oldest(count, because, now_ms, storage, trace)?;
        Ok(count)
    }

    fn advance_log_start(
        &mut self,
        offset: i64,
        because: &'static str,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        if offset <= self.log_start_offset {
            return Ok(());
        }
        self.log_start_offset = offset;
        trace.emit(|| TraceKind::LogStartOffsetAdvanced {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            log_start_offset: offset,
            because: Cow::Borrowed(because),
        });
        if self.leader_epochs.truncate_from_start(offset) {
            self.write_leader_epochs(storage)?;
        }
        Ok(())
    }

    /// Takes the oldest segments out of the log; the caller has moved the log start offset behind them.
    fn delete_oldest(
        &mut self,
        count: usize,
        because: &'static str,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        assert!(count < self.segments.len(), "{}: a log has at least one segment", self.id);
        for _ in 0..count {
            let segment = self.segments.remove(0);
            let (base_offset, bytes) = (segment.base_offset, u64::from(segment.size));
            self.recent.forget_segments_before(self.segments[0].base_offset);
            self.snapshots.retain(|offset| *offset != base_offset);
            trace.emit(|| TraceKind::SegmentDeleted {
                topic: self.id.topic.clone(),
                partition: self.id.partition,
                base_offset,
                bytes,
                because: Cow::Borrowed(because),
            });
            self.set_aside(segment, now_ms, storage)?;
        }
        Ok(())
    }
}

/// Renames all files of a segment that are there. `renamed` gets their new names.
fn rename_deleted(
    directory: &str,
    base_offset: i64,
    renamed: &mut Vec<String>,
    storage: &mut dyn Storage,
) -> Result<(), StorageError> {
    for suffix in SUFFIXES.iter().chain(&[".snapshot"]) {
        let from = format!("{directory}/{base_offset:020}{suffix}");
        let to = format!("{from}{DELETED}");
        match storage.rename(&from, &to) {
            Ok(()) => renamed.push(to),
            Err(error) if error.kind == StorageErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
