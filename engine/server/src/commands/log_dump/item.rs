//! What a dump finds, one thing at a time. The names in JSON are those of Kafka's formats.

use naru_log::dump::text;
use naru_records::{BatchHeader, Compression, Record, TimestampType, header::increment_sequence};
use serde::Serialize;
use std::fmt;

/// Something found in a file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// A file begins: what it is, and its length.
    File { kind: &'static str, bytes: u64 },
    /// A batch, by its header.
    Batch(BatchItem),
    /// A record of the batch before it.
    Record(RecordItem),
    /// An entry of a `.index`.
    OffsetEntry { offset: i64, position: u32 },
    /// An entry of a `.timeindex`.
    TimeEntry { timestamp: i64, offset: i64 },
    /// An entry of a `.txnindex`.
    AbortedTransaction(AbortedItem),
    /// An entry of a `.snapshot`.
    Producer(ProducerItem),
    /// A line of a text file.
    Line { name: &'static str, value: String },
    /// Bytes that are no entries: an index is made longer than it is filled.
    Unused { bytes: u64 },
    /// Something damaged, and where in the file.
    Problem { position: u64, sentence: String },
}

/// A batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItem {
    pub base_offset: i64,
    pub last_offset: i64,
    pub count: i32,
    pub base_sequence: i32,
    pub last_sequence: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub partition_leader_epoch: i32,
    pub is_transactional: bool,
    pub is_control: bool,
    pub delete_horizon_ms: Option<i64>,
    pub position: u64,
    pub timestamp_type: &'static str,
    pub max_timestamp: i64,
    pub size: u32,
    pub magic: i8,
    pub compression: &'static str,
    pub crc: u32,
    pub is_valid: bool,
}

/// A record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordItem {
    pub offset: i64,
    pub timestamp: i64,
    pub sequence: i32,
    pub key: Option<Payload>,
    pub value: Option<Payload>,
    pub headers: Vec<HeaderItem>,
}

/// A record's header.
#[derive(Debug, Serialize)]
pub struct HeaderItem {
    pub key: String,
    pub value: Option<Payload>,
}

/// Bytes of a key or value: text where they are text.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Payload {
    Text(String),
    Hex(String),
}

/// A transaction that was aborted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortedItem {
    pub producer_id: i64,
    pub first_offset: i64,
    pub last_offset: i64,
    pub last_stable_offset: i64,
}

/// What a snapshot says of a producer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerItem {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    /// -1: no transaction is open.
    pub current_txn_first_offset: i64,
}

impl BatchItem {
    /// A batch whose header is at `position`.
    pub fn new(header: &BatchHeader, position: u64, is_valid: bool) -> Self {
        BatchItem {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            count: header.records_count,
            base_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            partition_leader_epoch: header.partition_leader_epoch,
            is_transactional: header.is_transactional(),
            is_control: header.is_control(),
            delete_horizon_ms: header.delete_horizon_ms(),
            position,
            timestamp_type: match header.timestamp_type() {
                TimestampType::CreateTime => "CreateTime",
                TimestampType::LogAppendTime => "LogAppendTime",
            },
            max_timestamp: header.max_timestamp,
            size: header.size_in_bytes(),
            magic: header.magic,
            compression: header.compression().map_or("unknown", Compression::name),
            crc: header.crc,
            is_valid,
        }
    }
}

impl RecordItem {
    /// A record of the batch with this header.
    pub fn new(header: &BatchHeader, record: Record) -> Self {
        let sequence = match header.base_sequence {
            -1 => -1,
            base => increment_sequence(base, (record.offset - header.base_offset) as i32),
        };
        let header_item = |header: naru_records::Header| HeaderItem {
            key: header.key,
            value: header.value.map(|value| Payload::new(&value)),
        };
        RecordItem {
            offset: record.offset,
            timestamp: record.timestamp,
            sequence,
            key: record.key.map(|key| Payload::new(&key)),
            value: record.value.map(|value| Payload::new(&value)),
            headers: record.headers.into_iter().map(header_item).collect(),
        }
    }
}

impl Payload {
    fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Payload::Text(text.to_owned()),
            Err(_) => Payload::Hex(text::hex(bytes)),
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Escaped, so that no record can move the cursor or colour the terminal.
            Payload::Text(text) => write!(f, "{text:?}"),
            Payload::Hex(hex) => write!(f, "0x{hex}"),
        }
    }
}

fn or_null(payload: Option<&Payload>) -> String {
    payload.map_or_else(|| "null".to_owned(), Payload::to_string)
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::File { kind, bytes } => write!(f, "{kind}, {bytes} bytes"),
            Item::Batch(batch) => batch.fmt(f),
            Item::Record(record) => record.fmt(f),
            Item::OffsetEntry { offset, position } => write!(f, "offset {offset} at byte {position}"),
            Item::TimeEntry { timestamp, offset } => write!(f, "time {} up to offset {offset}", text::time(*timestamp)),
            Item::AbortedTransaction(aborted) => write!(
                f,
                "producer {} aborted offsets {}..{}, last stable offset {}",
                aborted.producer_id, aborted.first_offset, aborted.last_offset, aborted.last_stable_offset
            ),
            Item::Producer(producer) => producer.fmt(f),
            Item::Line { name, value } if value.starts_with(name) => write!(f, "{}", value.escape_debug()),
            Item::Line { name, value } => write!(f, "{name}: {}", value.escape_debug()),
            Item::Unused { bytes } => write!(f, "{bytes} bytes are not in use"),
            Item::Problem { position, sentence } => write!(f, "PROBLEM at byte {position}: {sentence}"),
        }
    }
}

impl fmt::Display for BatchItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch at byte {}: offsets {}..{}", self.position, self.base_offset, self.last_offset)?;
        write!(f, ", {} records in {} bytes, {}", self.count, self.size, self.compression)?;
        write!(f, ", {} {}", self.timestamp_type, text::time(self.max_timestamp))?;
        write!(f, ", leader epoch {}", self.partition_leader_epoch)?;
        if self.producer_id >= 0 {
            write!(f, ", producer {} epoch {}", self.producer_id, self.producer_epoch)?;
            write!(f, " sequence {}..{}", self.base_sequence, self.last_sequence)?;
        }
        if self.is_transactional {
            f.write_str(", transactional")?;
        }
        if self.is_control {
            f.write_str(", control")?;
        }
        if let Some(horizon) = self.delete_horizon_ms {
            write!(f, ", delete horizon {}", text::time(horizon))?;
        }
        write!(f, ", crc {:#010x}", self.crc)?;
        if self.is_valid { Ok(()) } else { f.write_str(" DOES NOT FIT") }
    }
}

impl fmt::Display for RecordItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  offset {}, {}", self.offset, text::time(self.timestamp))?;
        if self.sequence >= 0 {
            write!(f, ", sequence {}", self.sequence)?;
        }
        for header in &self.headers {
            write!(f, ", header {:?}={}", header.key, or_null(header.value.as_ref()))?;
        }
        write!(f, ", key {}, value {}", or_null(self.key.as_ref()), or_null(self.value.as_ref()))
    }
}

impl fmt::Display for ProducerItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "producer {} epoch {}", self.producer_id, self.producer_epoch)?;
        write!(f, ": last sequence {} at offset {}", self.last_sequence, self.last_offset)?;
        write!(f, ", {} records, {}", i64::from(self.offset_delta) + 1, text::time(self.last_timestamp))?;
        match self.current_txn_first_offset {
            -1 => Ok(()),
            first => write!(f, ", a transaction is open since offset {first}"),
        }
    }
}
