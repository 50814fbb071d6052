//! What stays of a batch (Cleaner.checkBatchRetention and shouldRetainRecord in LogCleaner.scala).
//!
//! | a record | stays |
//! |---|---|
//! | after the last offset in the map | yes: a newer one may follow that nobody has seen |
//! | without a key | no |
//! | whose key has a later offset in the map | no |
//! | a tombstone past its batch's delete horizon | no |
//! | any other | yes |
//!
//! | a batch of which no record stays | is |
//! |---|---|
//! | the last one of its producer | kept, empty: the producer's sequence number is in it |
//! | any other | gone |

use super::OffsetMap;
use crate::ProducerState;
use naru_records::{Batch, BatchHeader, Filtered, KeyedRecord, RecordsError};

/// By what a batch is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub map: &'a OffsetMap,
    pub producers: &'a ProducerState,
    /// The time at which the cleaning began, milliseconds since 1970.
    pub now_ms: i64,
    /// `delete.retention.ms`.
    pub delete_retention_ms: i64,
}

/// What becomes of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Retained {
    /// It stays as it is.
    Unchanged,
    /// This stands in its place.
    Changed(Batch),
    /// It goes.
    Nothing,
}

impl Rules<'_> {
    /// What becomes of a batch with this body.
    pub fn apply(&self, batch: &Batch, body: &[u8]) -> Result<Retained, RecordsError> {
        let header = batch.header();
        // Markers are told apart from data when transactions come; until then nothing may be lost of them.
        if header.is_control() {
            return Ok(Retained::Unchanged);
        }
        let horizon = self.now_ms.saturating_add(self.delete_retention_ms);
        let filtered = batch.filter(body, horizon, |record| self.retains(header, record))?;
        Ok(match filtered {
            Filtered::Unchanged => Retained::Unchanged,
            Filtered::Rebuilt(batch) => Retained::Changed(batch),
            Filtered::NothingLeft if !self.is_last_of_its_producer(header) => Retained::Nothing,
            Filtered::NothingLeft if header.records_count == 0 => Retained::Unchanged,
            Filtered::NothingLeft => Retained::Changed(batch.without_records()),
        })
    }

    fn retains(&self, batch: &BatchHeader, record: &KeyedRecord<'_>) -> bool {
        if record.offset > self.map.latest_offset() {
            return true;
        }
        let Some(key) = record.key else { return false };
        let is_newest = self.map.offset_of(key).is_none_or(|newest| record.offset >= newest);
        let may_go = || batch.delete_horizon_ms().is_some_and(|horizon| self.now_ms >= horizon);
        is_newest && (record.has_value || !may_go())
    }

    fn is_last_of_its_producer(&self, batch: &BatchHeader) -> bool {
        let entry = self.producers.entry(batch.producer_id).filter(|_| batch.has_producer_id());
        entry.is_some_and(|entry| entry.last_offset() == Some(batch.last_offset()))
    }
}
