//! Building batches: the producer's side.

use crate::{
    BATCH_OVERHEAD, BatchHeader, Compression, Header, batch, codec,
    header::{CONTROL_FLAG, MAGIC_V2, NO_PRODUCER_ID, NO_SEQUENCE, TRANSACTIONAL_FLAG},
    record::write_record,
};
use alloc::{vec, vec::Vec};
use bytes::Bytes;

/// A batch being filled.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    compression: Compression,
    flags: i16,
    producer: (i64, i16, i32),
    /// Room for the header, then the records, uncompressed.
    bytes: Vec<u8>,
    records_count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl BatchBuilder {
    /// An empty batch.
    pub fn new(compression: Compression) -> Self {
        BatchBuilder {
            compression,
            flags: 0,
            producer: (NO_PRODUCER_ID, -1, NO_SEQUENCE),
            bytes: vec![0; BATCH_OVERHEAD],
            records_count: 0,
            base_timestamp: -1,
            max_timestamp: -1,
        }
    }

    /// Written by an idempotent producer.
    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        self.set_producer(producer_id, producer_epoch, base_sequence);
        self
    }

    /// As [`BatchBuilder::producer`], for a batch that is already being filled: sequence numbers are given when a batch
    /// is sent, not when it is begun.
    pub fn set_producer(&mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) {
        self.producer = (producer_id, producer_epoch, base_sequence);
    }

    /// Part of a transaction.
    pub fn transactional(mut self) -> Self {
        self.flags |= TRANSACTIONAL_FLAG;
        self
    }

    /// Holds control records: a broker's, never a client's.
    pub fn control(mut self) -> Self {
        self.flags |= CONTROL_FLAG;
        self
    }

    /// Adds a record.
    pub fn append(&mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header]) {
        if self.records_count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let deltas = (timestamp.wrapping_sub(self.base_timestamp), self.records_count);
        write_record(&mut self.bytes, deltas, (key, value), headers);
        self.records_count += 1;
    }

    /// Length in bytes that the batch would have uncompressed.
    pub fn size_estimate(&self) -> usize {
        self.bytes.len()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records_count as usize
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records_count == 0
    }

    /// The finished batch. A producer passes base offset 0 and leader epoch -1: both are the leader's to fill in.
    pub fn build(self, base_offset: i64, leader_epoch: i32) -> Bytes {
        let (producer_id, producer_epoch, base_sequence) = self.producer;
        let header = BatchHeader {
            base_offset,
            batch_length: 0,
            partition_leader_epoch: leader_epoch,
            magic: MAGIC_V2,
            crc: 0,
            attributes: self.flags | self.compression as i16,
            last_offset_delta: (self.records_count - 1).max(0),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id,
            producer_epoch,
            base_sequence,
            records_count: self.records_count,
        };
        let mut bytes = match self.compression {
            Compression::None => self.bytes,
            compression => {
                let mut bytes = vec![0; BATCH_OVERHEAD];
                codec::compress(compression, &self.bytes[BATCH_OVERHEAD..], &mut bytes);
                bytes
            }
        };
        batch::seal(&mut bytes, header);
        Bytes::from(bytes)
    }
}
