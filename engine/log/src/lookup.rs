//! Finding records by their time.
//!
//! Each segment knows its largest timestamp, each batch header has its own; so only the batch that has the answer is
//! decompressed. Not here yet: the time index, which saves scanning the headers of one segment.

use crate::{
    Log, LogError, OffsetAndTimestamp, Storage,
    scan::{Located, read_batch},
    segment::Segment,
};
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
        let late_enough = |batch: &Located| batch.header.max_timestamp >= timestamp;
        for segment in &self.segments {
            let mut position = match segment.newest {
                Some(newest) if newest.timestamp >= timestamp => 0,
                _ => continue,
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
        let mut best: Option<(&Segment, Located, i64)> = None;
        for segment in &self.segments {
            let Some(newest) = segment.newest else { continue };
            if best.is_none_or(|(_, _, timestamp)| newest.timestamp > timestamp) {
                best = Some((segment, newest.batch, newest.timestamp));
            }
        }
        let Some((segment, batch, _)) = best else { return Ok(None) };
        let mut found: Option<OffsetAndTimestamp> = None;
        for record in self.records_of(segment, &batch, storage)? {
            if found.is_none_or(|found| record.timestamp > found.timestamp) {
                found = Some(OffsetAndTimestamp { offset: record.offset, timestamp: record.timestamp });
            }
        }
        Ok(found)
    }

    fn records_of(
        &self,
        segment: &Segment,
        batch: &Located,
        storage: &dyn Storage,
    ) -> Result<alloc::vec::Vec<Record>, LogError> {
        let path = || self.path_of(segment);
        let whole = read_batch(storage, segment.log, batch).map_err(|error| error.at(path, batch.position))?;
        let damaged = |source| LogError::Corrupt { path: path(), position: u64::from(batch.position), source };
        whole.records(DecompressLimit::default()).map_err(damaged)
    }
}
