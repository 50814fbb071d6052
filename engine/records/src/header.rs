//! The 61 bytes in front of every batch.
//!
//! ```text
//! byte  0        8      12     16 17    21   23      27       35       43      51 53    57     61
//!       | base   | length| leader| |CRC | attr| last   | base    | max     | producer|ep| base | records
//!       | offset |       | epoch | |    |     | offset | time-   | time-   | id      |oc| se-  | count
//!       | i64    | i32   | i32   | |u32 | i16 | delta  | stamp   | stamp   | i64     |h | quen.| i32
//!                               magic i8 = 2
//!                |<- counted by length ------------------------------------------------------...
//!                                      |<- covered by CRC-32C -------------------------------...
//! ```
//!
//! Base offset and leader epoch are the leader's to write, so the CRC leaves them out: a broker patches sixteen bytes and
//! stores the rest as the producer made it. (DefaultRecordBatch.java; KIP-98.)

use crate::{Compression, RecordsError};

/// Length of a v2 header, up to and with the number of records.
pub const BATCH_OVERHEAD: usize = 61;
/// Length of the base offset and the length field, which the length field does not count.
pub const LOG_OVERHEAD: usize = 12;

const LENGTH_OFFSET: usize = 8;
const LEADER_EPOCH_OFFSET: usize = LOG_OVERHEAD;
pub(crate) const MAGIC_OFFSET: usize = LEADER_EPOCH_OFFSET + 4;
pub(crate) const CRC_OFFSET: usize = MAGIC_OFFSET + 1;
pub(crate) const ATTRIBUTES_OFFSET: usize = CRC_OFFSET + 4;
const LAST_OFFSET_DELTA_OFFSET: usize = ATTRIBUTES_OFFSET + 2;
const BASE_TIMESTAMP_OFFSET: usize = LAST_OFFSET_DELTA_OFFSET + 4;
const MAX_TIMESTAMP_OFFSET: usize = BASE_TIMESTAMP_OFFSET + 8;
const PRODUCER_ID_OFFSET: usize = MAX_TIMESTAMP_OFFSET + 8;
const PRODUCER_EPOCH_OFFSET: usize = PRODUCER_ID_OFFSET + 8;
const BASE_SEQUENCE_OFFSET: usize = PRODUCER_EPOCH_OFFSET + 2;
const RECORDS_COUNT_OFFSET: usize = BASE_SEQUENCE_OFFSET + 4;
const _: () = assert!(RECORDS_COUNT_OFFSET + 4 == BATCH_OVERHEAD);

/// The only format there is.
pub const MAGIC_V2: i8 = 2;
/// Instead of a producer id: not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;
/// Instead of a sequence number: not idempotent, or a control batch.
pub const NO_SEQUENCE: i32 = -1;

pub(crate) const COMPRESSION_MASK: i16 = 0b111;
pub(crate) const LOG_APPEND_TIME_FLAG: i16 = 1 << 3;
pub(crate) const TRANSACTIONAL_FLAG: i16 = 1 << 4;
pub(crate) const CONTROL_FLAG: i16 = 1 << 5;
pub(crate) const DELETE_HORIZON_FLAG: i16 = 1 << 6;

/// Whose clock a batch's timestamps are from: attribute bit 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's, per record.
    CreateTime,
    /// The broker's: all records have the batch's maximum timestamp.
    LogAppendTime,
}

/// A parsed header. The fields are as on the wire, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record. Producers send 0; the leader overwrites it.
    pub base_offset: i64,
    /// Length in bytes of all that follows this field.
    pub batch_length: i32,
    /// The epoch of the leader that appended the batch; -1 from a producer.
    pub partition_leader_epoch: i32,
    /// The format: 2.
    pub magic: i8,
    /// CRC-32C of all that follows this field.
    pub crc: u32,
    /// Bits 0-2 compression, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon.
    pub attributes: i16,
    /// The last record's offset less the base offset. Compaction keeps it even when it removes that record.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to, milliseconds since 1970; the delete horizon if attribute bit 6 is
    /// set.
    pub base_timestamp: i64,
    /// The largest timestamp in the batch.
    pub max_timestamp: i64,
    /// The idempotent producer's id, or -1.
    pub producer_id: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// The first record's sequence number, or -1.
    pub base_sequence: i32,
    /// How many records the batch holds; 0 after compaction took them all.
    pub records_count: i32,
}

impl BatchHeader {
    /// Parses and checks the header at the start of `bytes`. Says nothing about the records after it.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, RecordsError> {
        // A batch of format v0 or v1 may be shorter than a v2 header: look at the magic byte first.
        let magic = bytes.get(MAGIC_OFFSET).map(|byte| *byte as i8);
        if let Some(magic) = magic.filter(|magic| *magic != MAGIC_V2) {
            return Err(RecordsError::UnsupportedMagic { magic });
        }
        let Some(fixed) = bytes.first_chunk::<BATCH_OVERHEAD>() else {
            return Err(RecordsError::CutOff { needed: BATCH_OVERHEAD as u64, available: bytes.len() as u64 });
        };
        let header = BatchHeader::read(fixed);
        header.check()?;
        Ok(header)
    }

    fn read(fixed: &[u8; BATCH_OVERHEAD]) -> BatchHeader {
        BatchHeader {
            base_offset: i64::from_be_bytes(field(fixed, 0)),
            batch_length: i32::from_be_bytes(field(fixed, LENGTH_OFFSET)),
            partition_leader_epoch: i32::from_be_bytes(field(fixed, LEADER_EPOCH_OFFSET)),
            magic: i8::from_be_bytes(field(fixed, MAGIC_OFFSET)),
            crc: u32::from_be_bytes(field(fixed, CRC_OFFSET)),
            attributes: i16::from_be_bytes(field(fixed, ATTRIBUTES_OFFSET)),
            last_offset_delta: i32::from_be_bytes(field(fixed, LAST_OFFSET_DELTA_OFFSET)),
            base_timestamp: i64::from_be_bytes(field(fixed, BASE_TIMESTAMP_OFFSET)),
            max_timestamp: i64::from_be_bytes(field(fixed, MAX_TIMESTAMP_OFFSET)),
            producer_id: i64::from_be_bytes(field(fixed, PRODUCER_ID_OFFSET)),
            producer_epoch: i16::from_be_bytes(field(fixed, PRODUCER_EPOCH_OFFSET)),
            base_sequence: i32::from_be_bytes(field(fixed, BASE_SEQUENCE_OFFSET)),
            records_count: i32::from_be_bytes(field(fixed, RECORDS_COUNT_OFFSET)),
        }
    }

    /// What must hold so that the arithmetic on offsets and lengths below cannot overflow.
    fn check(&self) -> Result<(), RecordsError> {
        if (self.batch_length as i64) < (BATCH_OVERHEAD - LOG_OVERHEAD) as i64 {
            return Err(RecordsError::LengthTooSmall { batch_length: self.batch_length });
        }
        let invalid = |field, value| Err(RecordsError::InvalidField { field, value });
        if self.last_offset_delta < 0 {
            return invalid("lastOffsetDelta", i64::from(self.last_offset_delta));
        }
        if self.base_offset < 0 || self.base_offset > i64::MAX - i64::from(i32::MAX) - 1 {
            return invalid("baseOffset", self.base_offset);
        }
        if self.records_count < 0 {
            return invalid("recordsCount", i64::from(self.records_count));
        }
        Ok(())
    }

    /// The header as bytes.
    pub fn to_bytes(&self) -> [u8; BATCH_OVERHEAD] {
        let mut fixed = [0; BATCH_OVERHEAD];
        put(&mut fixed, 0, self.base_offset.to_be_bytes());
        put(&mut fixed, LENGTH_OFFSET, self.batch_length.to_be_bytes());
        put(&mut fixed, LEADER_EPOCH_OFFSET, self.partition_leader_epoch.to_be_bytes());
        put(&mut fixed, MAGIC_OFFSET, self.magic.to_be_bytes());
        put(&mut fixed, CRC_OFFSET, self.crc.to_be_bytes());
        put(&mut fixed, ATTRIBUTES_OFFSET, self.attributes.to_be_bytes());
        put(&mut fixed, LAST_OFFSET_DELTA_OFFSET, self.last_offset_delta.to_be_bytes());
        put(&mut fixed, BASE_TIMESTAMP_OFFSET, self.base_timestamp.to_be_bytes());
        put(&mut fixed, MAX_TIMESTAMP_OFFSET, self.max_timestamp.to_be_bytes());
        put(&mut fixed, PRODUCER_ID_OFFSET, self.producer_id.to_be_bytes());
        put(&mut fixed, PRODUCER_EPOCH_OFFSET, self.producer_epoch.to_be_bytes());
        put(&mut fixed, BASE_SEQUENCE_OFFSET, self.base_sequence.to_be_bytes());
        put(&mut fixed, RECORDS_COUNT_OFFSET, self.records_count.to_be_bytes());
        fixed
    }

    /// The first sixteen bytes: all that a leader changes in a batch.
    pub fn prefix(base_offset: i64, batch_length: i32, leader_epoch: i32) -> [u8; MAGIC_OFFSET] {
        let mut prefix = [0; MAGIC_OFFSET];
        prefix[..LENGTH_OFFSET].copy_from_slice(&base_offset.to_be_bytes());
        prefix[LENGTH_OFFSET..LEADER_EPOCH_OFFSET].copy_from_slice(&batch_length.to_be_bytes());
        prefix[LEADER_EPOCH_OFFSET..].copy_from_slice(&leader_epoch.to_be_bytes());
        prefix
    }

    /// The whole batch's length in bytes.
    pub fn size_in_bytes(&self) -> u32 {
        self.batch_length as u32 + LOG_OVERHEAD as u32
    }

    /// The offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// The offset after the last record.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// The last record's sequence number; -1 without a sequence.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }

    /// Whether an idempotent producer wrote it.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The codec.
    pub fn compression(&self) -> Result<Compression, RecordsError> {
        Compression::from_id((self.attributes & COMPRESSION_MASK) as u8)
    }

    /// Part of a transaction: attribute bit 4.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_FLAG != 0
    }

    /// Holds control records (transaction markers, KRaft's own), not data: attribute bit 5.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_FLAG != 0
    }

    /// From when on compaction may remove the tombstones in this batch, or a transaction's marker (KIP-534): attribute
    /// bit 6, and then the base timestamp. `None` until the batch was cleaned for the first time.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON_FLAG != 0).then_some(self.base_timestamp)
    }

    /// Attribute bit 3.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME_FLAG != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// What a leader checks of a client's batch before it gives it offsets, as far as the header tells
    /// (LogValidator.validateBatch): at least one record, as many as the offset range says, a known codec, no control
    /// records, and a sequence number if there is a producer id.
    pub fn validate_for_append(&self) -> Result<(), RecordsError> {
        if self.records_count == 0 {
            return Err(RecordsError::InvalidCount { records_count: self.records_count });
        }
        if i64::from(self.records_count) != i64::from(self.last_offset_delta) + 1 {
            return Err(RecordsError::CountMismatch {
                base_offset: self.base_offset,
                last_offset: self.last_offset(),
                records_count: self.records_count,
            });
        }
        if self.has_producer_id() && self.base_sequence < 0 {
            return Err(RecordsError::InvalidSequence {
                base_sequence: self.base_sequence,
                producer_id: self.producer_id,
            });
        }
        if self.is_control() {
            return Err(RecordsError::ControlFromClient);
        }
        self.compression().map(|_| ())
    }
}

/// The sequence number `increment` records after `sequence`: after 2^31-1 comes 0 (DefaultRecordBatch.incrementSequence).
pub fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    ((i64::from(sequence) + i64::from(increment)) & i64::from(i32::MAX)) as i32
}

/// The sequence number `decrement` records before `sequence`: before 0 comes 2^31-1.
pub fn decrement_sequence(sequence: i32, decrement: i32) -> i32 {
    ((i64::from(sequence) - i64::from(decrement)) & i64::from(i32::MAX)) as i32
}

fn field<const N: usize>(fixed: &[u8; BATCH_OVERHEAD], offset: usize) -> [u8; N] {
    *fixed[offset..].first_chunk::<N>().expect("header fields lie within the header")
}

fn put<const N: usize>(fixed: &mut [u8; BATCH_OVERHEAD], offset: usize, value: [u8; N]) {
    fixed[offset..offset + N].copy_from_slice(&value);
}
