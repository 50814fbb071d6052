//! Rolling: the active segment is closed and a new one begun.
//!
//! | because of | when |
//! |---|---|
//! | `segment.bytes` | the batch does not fit any more |
//! | `segment.ms` | the batch is so much later than the segment's first one |
//! | `segment.index.bytes` | one of the indexes is full |
//! | relative offset overflow | the batch's offset is too far from the segment's base offset |
//! | `retention` | every record of the log has expired (see [`crate::retention`]) |
//!
//! (LogSegment.shouldRoll, UnifiedLog.roll.) Time is what batches say it is: a log of old records rolls by their timestamps,
//! however quickly they are written. Only where they have none, the broker's clock counts.

use crate::{Log, LogError, Storage, index, segment::SEGMENT_BYTES_MAX, segment::Segment, snapshots, time_index};
use alloc::borrow::Cow;
use naru_records::BatchHeader;
use naru_trace::{Trace, TraceKind};

impl Log {
    pub(crate) fn segment_bytes(&self) -> u32 {
        self.config.segment_bytes.min(SEGMENT_BYTES_MAX)
    }

    /// Begins a new segment if the active one cannot take the batch.
    pub(crate) fn maybe_roll(
        &mut self,
        header: &BatchHeader,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        match self.reason_to_roll(header, now_ms) {
            Some(because) => self.roll(because, now_ms, storage, trace),
            None => Ok(()),
        }
    }

    /// Closes the active segment and begins a new one, unless it has just begun. The closed one is to be synced soon: see
    /// [`Log::begin_flush`].
    pub fn roll(
        &mut self,
        because: &'static str,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        if self.active().size == 0 {
            return Ok(());
        }
        let base_offset = self.log_end_offset();
        let closed = self.active_mut();
        let closed_base = closed.base_offset;
        let last_entry = closed.finish_time_index(storage)?;
        let segment =
            Segment { created_ms: now_ms, touched_ms: now_ms, ..Segment::open(&self.directory, base_offset, storage)? };
        assert_eq!(storage.len(segment.log)?, 0, "opening the log would have found this segment");
        self.segments.push(segment);
        self.flush_before = base_offset;
        if let Some(entry) = last_entry {
            self.trace_time_entry(closed_base, entry, trace);
        }
        trace.emit(|| TraceKind::SegmentRolled {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            base_offset,
            because: Cow::Borrowed(because),
        });
        self.take_snapshot(storage)
    }

    /// Writes what is known of producers, unless nothing was appended since the last time.
    pub(crate) fn take_snapshot(&mut self, storage: &mut dyn Storage) -> Result<(), LogError> {
        let offset = self.log_end_offset();
        if self.snapshots.last().is_some_and(|last| *last >= offset) {
            return Ok(());
        }
        snapshots::write(&self.directory, offset, &self.producers, storage)?;
        self.snapshots.push(offset);
        Ok(())
    }

    fn reason_to_roll(&self, header: &BatchHeader, now_ms: i64) -> Option<&'static str> {
        let active = self.active();
        if active.size == 0 {
            return None;
        }
        if header.size_in_bytes() > self.segment_bytes().saturating_sub(active.size) {
            return Some("segment.bytes");
        }
        if self.waited_ms(header, now_ms) > self.config.segment_ms.saturating_sub(self.jitter_ms()) {
            return Some("segment.ms");
        }
        if self.is_index_full() {
            return Some("segment.index.bytes");
        }
        (!active.can_hold_offset(header.last_offset())).then_some("relative offset overflow")
    }

    /// How much later than the segment's first batch this one is (LogSegment.timeWaitedForRoll).
    fn waited_ms(&self, header: &BatchHeader, now_ms: i64) -> i64 {
        let active = self.active();
        match active.first_timestamp {
            Some(first) if first >= 0 => header.max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(active.created_ms),
        }
    }

    /// What is taken off `segment.ms` for the active segment: less than `segment.jitter.ms`, the same for a segment at all
    /// times, and different for different segments. Kafka throws dice; a hash of the segment's name does as well.
    fn jitter_ms(&self) -> i64 {
        let most = self.config.segment_jitter_ms.min(self.config.segment_ms);
        if most <= 0 {
            return 0;
        }
        // FNV-1a.
        let base_offset = self.active().base_offset.to_be_bytes();
        let hash =
            self.directory.bytes().chain(base_offset).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        ((hash >> 1) % most as u64) as i64
    }

    /// A place is kept for the time index's last entry (TimeIndex.isFull).
    fn is_index_full(&self) -> bool {
        let (active, bytes) = (self.active(), self.config.segment_index_bytes);
        active.index.count >= bytes / index::ENTRY_BYTES
            || active.time_index.count >= (bytes / time_index::ENTRY_BYTES).saturating_sub(1)
    }
}
