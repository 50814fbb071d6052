//! Finding records by their time.
//!
//! Each segment knows its largest timestamp, the time index says from where on a segment can have later records, and each
//! batch header has its own largest timestamp; so only the batch that has the answer is decompressed.

use crate::{
    Log, LogError, OffsetAndTimestamp, Storage,
    scan::{Located, read_batch},
    segment::Segment,
};
use alloc::vec::Vec;
use naru_records::{DecompressLimit, Record};

impl Log {
    /// The first record whose timestamp is `timestamp` or later, and which is not before the log's start. Looks inside
    /// the batch: the answer is a record's offset, not its batch's.
    pub fn offset_for_timestamp(
        &self,
        timestamp: i64,
        storage: &dyn Storage,
    ) -> Result<Option<OffsetAndTimestamp>, LogError> {
        let log_start_offset = self.log_start_offset();
        let wanted = |record: &Record| record.timestamp >= timestamp && record.offset >= log_start_offset;
        for segment in &self.segments {
            if segment.newest.is_none_or(|newest| newest.timestamp < timestamp) {
                continue;
            }
            let mut position = Self::first_position_for(segment, timestamp, storage)?;
            let late_enough = |batch: &Located| {
                batch.header.max_timestamp >= timestamp && batch.header.last_offset() >= log_start_offset
            };
            while let Some(batch) = self.first_batch_where(segment, position, storage, late_enough)? {
                let records = self.records_of(segment, &batch, storage)?;
                if let Some(record) = records.into_iter().find(wanted) {
                    return Ok(Some(OffsetAndTimestamp { offset: record.offset, timestamp: record.timestamp }));
                }
                position = batch.end();
            }
        }
        Ok(None)
    }

    /// The record with the largest timestamp, the first of them if there are several (KIP-734).
    pub fn offset_of_max_timestamp(&self, storage: &dyn Storage) -> Result<Option<OffsetAndTimestamp>, LogError> {
        let mut best: Option<(&Segment, Located)> = None;
        for segment in &self.segments {
            let timestamp = segment.newest.map_or(i64::MIN, |newest| newest.timestamp);
            if best.is_some_and(|(_, batch)| batch.header.max_timestamp >= timestamp) {
                continue;
            }
            best = self.newest_batch_of(segment, storage)?.map(|batch| (segment, batch)).or(best);
        }
        let Some((segment, batch)) = best else { return Ok(None) };
        let mut found: Option<OffsetAndTimestamp> = None;
        for record in self.records_of(segment, &batch, storage)? {
            let is_visible = record.offset >= self.log_start_offset();
            if is_visible && found.is_none_or(|found| record.timestamp > found.timestamp) {
                found = Some(OffsetAndTimestamp { offset: record.offset, timestamp: record.timestamp });
            }
        }
        Ok(found)
    }

    /// The batch with the segment's largest timestamp; of the records that are left, if its first ones were deleted.
    fn newest_batch_of(&self, segment: &Segment, storage: &dyn Storage) -> Result<Option<Located>, LogError> {
        let Some(newest) = segment.newest else { return Ok(None) };
        if newest.offset >= self.log_start_offset() {
            let found = self.locate_in(segment, newest.offset, storage)?;
            if let Some(batch) = found.filter(|batch| batch.header.max_timestamp == newest.timestamp) {
                return Ok(Some(batch));
            }
        }
        let mut best: Option<Located> = None;
        let mut from = self.locate_in(segment, self.log_start_offset(), storage)?;
        while let Some(batch) = from {
            if best.is_none_or(|best| batch.header.max_timestamp > best.header.max_timestamp) {
                best = Some(batch);
            }
            from = self.first_batch_where(segment, batch.end(), storage, |_| true)?;
        }
        Ok(best)
    }

    /// Records from before this position are all earlier than `timestamp`, says the time index.
    fn first_position_for(segment: &Segment, timestamp: i64, storage: &dyn Storage) -> Result<u32, LogError> {
        let entry = segment.time_index.last_where(storage, |entry| entry.timestamp < timestamp)?;
        let Some(entry) = entry else { return Ok(0) };
        let before = |index: crate::index::IndexEntry| index.relative_offset <= entry.relative_offset;
        Ok(segment.indexed_position(storage, before)?)
    }

    fn records_of(&self, segment: &Segment, batch: &Located, storage: &dyn Storage) -> Result<Vec<Record>, LogError> {
        let path = || self.path_of(segment);
        let whole = read_batch(storage, segment.log, batch).map_err(|error| error.at(path, batch.position))?;
        let damaged = |source| LogError::Corrupt { path: path(), position: u64::from(batch.position), source };
        whole.records(DecompressLimit::default()).map_err(damaged)
    }
}
