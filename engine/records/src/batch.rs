//! One batch as a view over its bytes.

use crate::{BatchHeader, DecompressLimit, Record, RecordIterator, RecordsError};
use alloc::vec::Vec;
use bytes::Bytes;

/// One whole batch, header parsed, records untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// Exactly one batch. Checks every length and the magic byte, not the CRC.
    pub fn parse(_bytes: Bytes) -> Result<Batch, RecordsError> {
        todo!()
    }
    /// The parsed header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }
    /// The whole batch, as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// The CRC-32C of the bytes that it covers: from the attributes to the end.
    pub fn computed_crc(&self) -> u32 {
        todo!()
    }
    /// Whether the CRC in the header fits the bytes.
    pub fn verify_crc(&self) -> Result<(), RecordsError> {
        todo!()
    }
    /// All records, decompressed.
    pub fn records(&self, _limit: DecompressLimit) -> Result<Vec<Record>, RecordsError> {
        todo!()
    }
    /// The records one by one: decompressed at once, parsed as they are asked for.
    pub fn iter(&self, _limit: DecompressLimit) -> Result<RecordIterator, RecordsError> {
        todo!()
    }
    /// The batch with another base offset and leader epoch: 16 new bytes (offset, length, epoch), and the rest uncopied.
    pub fn with_prefix(&self, _base_offset: i64, _leader_epoch: i32) -> [Bytes; 2] {
        todo!()
    }
    /// A copy with another producer id, epoch and first sequence number, and the CRC that goes with them.
    pub fn with_producer(&self, _producer_id: i64, _producer_epoch: i16, _base_sequence: i32) -> Batch {
        todo!()
    }
    /// A copy that carries the broker's time (`message.timestamp.type=LogAppendTime`), and the CRC that goes with it.
    pub fn with_log_append_time(&self, _timestamp_ms: i64) -> Batch {
        todo!()
    }
}

/// The batches in `bytes`, one after the other. Ends silently at a partial last batch, as consumers do.
pub fn batches(_bytes: Bytes) -> impl Iterator<Item = Result<Batch, RecordsError>> {
    core::iter::once_with(|| todo!())
}
