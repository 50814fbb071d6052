//! The 61 bytes in front of every batch.

use crate::{Compression, RecordsError};

/// Length of a v2 header, up to and with the number of records.
pub const BATCH_OVERHEAD: usize = 61;
/// Length of the base offset and the length field, which the length field does not count.
pub const LOG_OVERHEAD: usize = 12;

/// Whose clock a batch's timestamps are from: attribute bit 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's, per record.
    CreateTime,
    /// The broker's: all records have the batch's maximum timestamp.
    LogAppendTime,
}

/// A parsed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct BatchHeader {
    pub base_offset: i64,
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

impl BatchHeader {
    /// Parses and checks the header at the start of `bytes`.
    pub fn parse(_bytes: &[u8]) -> Result<BatchHeader, RecordsError> {
        todo!()
    }
    /// The whole batch's length in bytes.
    pub fn size_in_bytes(&self) -> u32 {
        todo!()
    }
    /// The offset of the last record.
    pub fn last_offset(&self) -> i64 {
        todo!()
    }
    /// The offset after the last record.
    pub fn next_offset(&self) -> i64 {
        todo!()
    }
    /// The last record's sequence number; wraps at 2^31-1. -1 without a sequence.
    pub fn last_sequence(&self) -> i32 {
        todo!()
    }
    /// Whether an idempotent producer wrote it.
    pub fn has_producer_id(&self) -> bool {
        todo!()
    }
    /// The codec.
    pub fn compression(&self) -> Result<Compression, RecordsError> {
        todo!()
    }
    /// Attribute bit 4.
    pub fn is_transactional(&self) -> bool {
        todo!()
    }
    /// Attribute bit 5.
    pub fn is_control(&self) -> bool {
        todo!()
    }
    /// Attribute bit 3.
    pub fn timestamp_type(&self) -> TimestampType {
        todo!()
    }
    /// What a leader checks of a producer's batch before it gives it offsets: at least one record, and as many as the
    /// offset range says (LogValidator.validateBatch).
    pub fn validate_for_append(&self) -> Result<(), RecordsError> {
        todo!()
    }
}
