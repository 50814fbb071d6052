//! Building batches: the producer's side.

use crate::{Compression, Header};
use bytes::Bytes;

/// A batch being filled.
#[derive(Debug, Clone)]
pub struct BatchBuilder {}

impl BatchBuilder {
    /// An empty batch.
    pub fn new(_compression: Compression) -> Self {
        todo!()
    }
    /// Written by an idempotent producer.
    pub fn producer(self, _producer_id: i64, _producer_epoch: i16, _base_sequence: i32) -> Self {
        todo!()
    }
    /// As [`BatchBuilder::producer`], for a batch that is already being filled: sequence numbers are given when a batch
    /// is sent, not when it is begun.
    pub fn set_producer(&mut self, _producer_id: i64, _producer_epoch: i16, _base_sequence: i32) {
        todo!()
    }
    /// Adds a record.
    pub fn append(&mut self, _timestamp: i64, _key: Option<&[u8]>, _value: Option<&[u8]>, _headers: &[Header]) {
        todo!()
    }
    /// Length in bytes that the batch would have uncompressed.
    pub fn size_estimate(&self) -> usize {
        todo!()
    }
    /// Number of records.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The finished batch. A producer passes base offset 0 and leader epoch -1: both are the leader's to fill in.
    pub fn build(self, _base_offset: i64, _leader_epoch: i32) -> Bytes {
        todo!()
    }
}
