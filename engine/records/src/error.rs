//! What can be wrong with a batch. Each case is a sentence that a person can act on; where Kafka's own broker has one that
//! reaches clients (LogValidator.java), it is that sentence.

use alloc::string::String;

/// What is wrong with bytes that should be record batches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// Fewer bytes than the header or its length field promise.
    #[error("the batch is cut off: {needed} bytes are needed, {available} are there")]
    CutOff {
        /// How many bytes should be there.
        needed: u64,
        /// How many are.
        available: u64,
    },
    /// More bytes than one batch.
    #[error("{extra} bytes follow the batch where exactly one batch was expected")]
    TrailingBytes {
        /// How many bytes too many.
        extra: u64,
    },
    /// The length field is smaller than a header.
    #[error("the batch's length field says {batch_length}, but a v2 header alone takes 49 bytes after it")]
    LengthTooSmall {
        /// What the field says.
        batch_length: i32,
    },
    /// A format other than v2.
    #[error("the batch has magic {magic}; only record format v2 is supported")]
    UnsupportedMagic {
        /// The magic byte.
        magic: i8,
    },
    /// The CRC-32C does not fit the bytes.
    #[error("the batch's CRC-32C is {computed:#010x}, but its header says {stored:#010x}")]
    CrcMismatch {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// Attribute bits 0-2 name no codec.
    #[error("compression type {id} does not exist")]
    UnknownCompression {
        /// The bits.
        id: u8,
    },
    /// A header field has a value that no writer produces.
    #[error("invalid batch header: {field} is {value}")]
    InvalidField {
        /// The field's name.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// A client's batch without records.
    #[error("Invalid reported count for record batch: {records_count}")]
    InvalidCount {
        /// The header's number of records.
        records_count: i32,
    },
    /// The header's number of records and its range of offsets disagree.
    #[error("Inconsistent batch offset range [{base_offset}, {last_offset}] and count of records {records_count}")]
    CountMismatch {
        /// The header's base offset.
        base_offset: i64,
        /// The last offset that follows from it.
        last_offset: i64,
        /// The header's number of records.
        records_count: i32,
    },
    /// A producer id without a sequence number.
    #[error("Invalid sequence number {base_sequence} in record batch with producerId {producer_id}")]
    InvalidSequence {
        /// The header's first sequence number.
        base_sequence: i32,
        /// The header's producer id.
        producer_id: i64,
    },
    /// Only brokers write control records.
    #[error("Clients are not allowed to write control records")]
    ControlFromClient,
    /// A record inside the batch is malformed.
    #[error("record {index} of the batch is malformed: {reason}")]
    InvalidRecord {
        /// Which one, from 0.
        index: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The records are followed by bytes that belong to none of them.
    #[error("Incorrect declared batch size, records still remaining in file: {extra} bytes follow the last record")]
    BytesAfterRecords {
        /// How many.
        extra: u64,
    },
    /// Compressed records cannot be decompressed.
    #[error("the {codec} data of the batch is damaged: {reason}")]
    Decompress {
        /// The codec's name.
        codec: &'static str,
        /// What the codec says.
        reason: String,
    },
    /// Decompressed records would take more memory than the caller allows.
    #[error("the records take more than {limit} bytes when decompressed")]
    TooLargeDecompressed {
        /// The caller's limit in bytes.
        limit: u64,
    },
}
