//! What there is to clean of a log, and whether it is time (LogCleanerManager.scala, LogToClean).

use crate::{Log, LogError, Storage, segment::Segment};
use naru_records::{BATCH_OVERHEAD, BatchHeader};

/// What a cleaning of a log would be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleanable {
    /// The first offset that no cleaning has reached yet.
    pub first_dirty_offset: i64,
    /// Where cleaning has to stop: the base offset of a segment. After a crash it may be before the first dirty offset.
    pub first_uncleanable_offset: i64,
    /// Length in bytes of the segments before the first dirty offset.
    pub clean_bytes: u64,
    /// Length in bytes of the segments that would be cleaned for the first time.
    pub dirty_bytes: u64,
    /// Some of them are older than `max.compaction.lag.ms`.
    pub is_overdue: bool,
}

impl Cleanable {
    /// Which part of what a cleaning would read is dirty, in millionths.
    pub fn dirty_ppm(&self) -> u32 {
        let total = self.clean_bytes + self.dirty_bytes;
        if total == 0 {
            return 0;
        }
        (u128::from(self.dirty_bytes) * 1_000_000 / u128::from(total)) as u32
    }

    /// Whether it is worth while, by `min.cleanable.dirty.ratio`, or has to be, by `max.compaction.lag.ms`.
    pub fn is_due(&self, min_cleanable_dirty_ppm: u32) -> bool {
        self.dirty_bytes > 0 && (self.is_overdue || self.dirty_ppm() > min_cleanable_dirty_ppm)
    }
}

impl Log {
    /// What could be cleaned now.
    ///
    /// `checkpoint` is the first dirty offset as the last cleaning left it; one that lies outside the log counts for
    /// nothing. `last_stable_offset` is up to where records are decided: no open transaction, nothing unreplicated.
    pub fn cleanable(
        &self,
        checkpoint: Option<i64>,
        last_stable_offset: i64,
        now_ms: i64,
        storage: &dyn Storage,
    ) -> Result<Cleanable, LogError> {
        let log_start_offset = self.log_start_offset();
        let first_dirty_offset =
            checkpoint.filter(|offset| (log_start_offset..=self.log_end_offset()).contains(offset));
        let first_dirty_offset = first_dirty_offset.unwrap_or(log_start_offset);
        let first_uncleanable_offset = self.first_uncleanable_offset(first_dirty_offset, last_stable_offset, now_ms);
        let bytes = |dirty: bool| -> u64 {
            let wanted = |segment: &&Segment| {
                segment.base_offset < first_uncleanable_offset
                    && (self.range_end(segment) > first_dirty_offset) == dirty
            };
            self.segments.iter().filter(wanted).map(|segment| u64::from(segment.size)).sum()
        };
        let (clean_bytes, dirty_bytes) = (bytes(false), bytes(true));
        let mut cleanable =
            Cleanable { first_dirty_offset, first_uncleanable_offset, clean_bytes, dirty_bytes, is_overdue: false };
        cleanable.is_overdue = self.has_overdue(&cleanable, now_ms, storage)?;
        Ok(cleanable)
    }

    /// The active segment, records that are not decided yet and, with `min.compaction.lag.ms`, segments with young records
    /// are left alone; and what lies behind them, so that a key's newest record is never missed.
    fn first_uncleanable_offset(&self, first_dirty_offset: i64, last_stable_offset: i64, now_ms: i64) -> i64 {
        let lag_ms = self.config.min_compaction_lag_ms.max(0);
        let is_young = |segment: &Segment| {
            let newest = segment.newest.map_or(-1, |newest| newest.timestamp);
            lag_ms > 0 && newest > now_ms.saturating_sub(lag_ms)
        };
        let (active, closed) = self.segments.split_last().expect("a log has at least one segment");
        let is_dirty = |segment: &&Segment| self.range_end(segment) > first_dirty_offset;
        let stops = |segment: &&Segment| self.range_end(segment) > last_stable_offset || is_young(segment);
        let first = closed.iter().filter(is_dirty).find(stops).unwrap_or(active);
        first.base_offset
    }

    fn has_overdue(&self, cleanable: &Cleanable, now_ms: i64, storage: &dyn Storage) -> Result<bool, LogError> {
        let lag_ms = self.config.max_compaction_lag_ms;
        if lag_ms == i64::MAX {
            return Ok(false);
        }
        let limit = now_ms.saturating_sub(lag_ms.max(0));
        let dirty = self.segments.iter().filter(|segment| {
            segment.base_offset < cleanable.first_uncleanable_offset
                && self.range_end(segment) > cleanable.first_dirty_offset
        });
        for segment in dirty {
            let bytes = storage.read(segment.log, 0, BATCH_OVERHEAD as u32)?;
            // A segment that cannot be read is found out when it is cleaned.
            let Ok(header) = BatchHeader::parse(&bytes) else { continue };
            if header.max_timestamp > 0 && header.max_timestamp < limit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The offset after the last one that a segment stands for: where the next one begins. Its own last record may be
    /// earlier, when compaction removed the later ones.
    pub(super) fn range_end(&self, segment: &Segment) -> i64 {
        let next = self.segments.get(self.segment_number(segment.base_offset) + 1);
        next.map_or(segment.next_offset, |next| next.base_offset)
    }
}
