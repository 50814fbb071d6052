//! Which bytes survive a power failure, and when they are brought to disk.
//!
//! ```text
//!   log start          recovery point               log end offset
//!   |  safely on disk  |  in the operating system's  |
//!                         memory, for the moment
//! ```
//!
//! Nobody waits here: the log says which files have to be synced, the caller sees to it and says when it is done. That is so
//! when a segment is rolled, and with `flush.messages` and `flush.ms`, which are not set by default: Kafka leaves the rest
//! to the operating system and to replication. (UnifiedLog.flush, LogManager.flushDirtyLogs.)

use crate::{FileId, Log, segment::Segment};
use alloc::{borrow::Cow, vec::Vec};
use naru_trace::{Trace, TraceKind};

/// Files that have to be synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flush {
    /// Everything before this offset is then safely on disk.
    pub up_to: i64,
    /// The files.
    pub files: Vec<FileId>,
    /// Why: `"flush.messages"`, `"flush.ms"`, `"segment rolled"`.
    pub because: &'static str,
}

impl Log {
    /// What has to be synced now, if anything. Each flush is handed out once; when its files are synced, say so with
    /// [`Log::flushed`].
    pub fn begin_flush(&mut self, now_ms: i64) -> Option<Flush> {
        let end = self.log_end_offset();
        let asked_for = self.recovery_point.max(self.flushing);
        if end > asked_for && end - asked_for >= self.config.flush_messages {
            return Some(self.flush_up_to(end, "flush.messages"));
        }
        if end > asked_for && self.flush_deadline_ms().is_some_and(|deadline| deadline <= now_ms) {
            return Some(self.flush_up_to(end, "flush.ms"));
        }
        if self.flush_before > asked_for {
            return Some(self.flush_up_to(self.flush_before, "segment rolled"));
        }
        None
    }

    /// When `flush.ms` asks for a flush, milliseconds since 1970.
    pub fn flush_deadline_ms(&self) -> Option<i64> {
        let flush_ms = Some(self.config.flush_ms).filter(|flush_ms| *flush_ms < i64::MAX)?;
        Some(self.unflushed_since_ms?.saturating_add(flush_ms))
    }

    /// The files that must be synced so that everything before the log end offset survives a power failure. Tell the log
    /// with [`Log::flushed`] when that is done.
    pub fn flush_files(&self) -> Vec<FileId> {
        self.unflushed().flat_map(Segment::files).collect()
    }

    /// Everything before `offset` is safely on the disk.
    pub fn flushed(&mut self, offset: i64, because: &'static str, trace: &mut Trace) {
        let recovery_point = offset.min(self.log_end_offset());
        if recovery_point <= self.recovery_point {
            return;
        }
        self.recovery_point = recovery_point;
        trace.emit(|| TraceKind::LogFlushed {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            recovery_point,
            because: Cow::Borrowed(because),
        });
    }

    /// Everything before this offset is known to be safely on the disk.
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point
    }

    fn flush_up_to(&mut self, up_to: i64, because: &'static str) -> Flush {
        self.flushing = up_to;
        if up_to == self.log_end_offset() {
            self.unflushed_since_ms = None;
        }
        // Not only what no other flush is about: that one may still fail.
        let unflushed = self.unflushed().filter(|segment| segment.base_offset < up_to);
        let mut files: Vec<FileId> = unflushed.flat_map(Segment::files).collect();
        if files.is_empty() {
            // All that was to be synced has been deleted since. A power failure must not bring it back, for it would be
            // believed: syncing the new segment makes the names in the directory safe.
            files.extend(self.active().files());
        }
        Flush { up_to, files, because }
    }

    /// The segments that hold records at or after the recovery point.
    pub(crate) fn unflushed(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.next_offset > self.recovery_point)
    }
}
