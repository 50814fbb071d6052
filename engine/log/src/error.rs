//! What can go wrong with a log.

use crate::{FileRange, StorageError};
use alloc::string::String;
use naru_records::RecordsError;

/// Why a log refused, or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Kafka's `OFFSET_OUT_OF_RANGE`.
    #[error(
        "Received request for offset {offset} for partition {partition}, but we only have log segments in the range \
         {log_start_offset} to {log_end_offset}."
    )]
    OffsetOutOfRange {
        /// `topic-partition`.
        partition: String,
        /// The offset asked for.
        offset: i64,
        /// The first offset there is.
        log_start_offset: i64,
        /// The offset that the next record gets.
        log_end_offset: i64,
    },
    /// Kafka's `MESSAGE_TOO_LARGE`: larger than `max.message.bytes`.
    #[error(
        "The record batch size in the append to {partition} is {size} bytes which exceeds the maximum configured value \
         of {max}."
    )]
    MessageTooLarge {
        /// `topic-partition`.
        partition: String,
        /// The batch's length in bytes.
        size: u32,
        /// The limit.
        max: u32,
    },
    /// Kafka's `RECORD_LIST_TOO_LARGE`: larger than a segment.
    #[error(
        "Message batch size is {size} bytes in append to partition {partition}, which exceeds the maximum configured \
         segment size of {segment_bytes}."
    )]
    RecordListTooLarge {
        /// `topic-partition`.
        partition: String,
        /// The batch's length in bytes.
        size: u32,
        /// `segment.bytes`.
        segment_bytes: u32,
    },
    /// A batch in the log cannot be understood.
    #[error("{path}, byte {position}: {source}")]
    Corrupt {
        /// The segment's file.
        path: String,
        /// Where in it.
        position: u64,
        /// What is wrong.
        source: RecordsError,
    },
    /// The answer needs bytes that are not in memory, and whoever asked does not wait ([`crate::Log::read_cached`]).
    #[error("bytes of a file have to be read from the disk first")]
    NotCached(FileRange),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
