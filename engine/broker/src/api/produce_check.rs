//! What a batch has to be before it gets its offsets (`ProduceRequest.validateRecords`, `UnifiedLog.append`,
//! `LogValidator`): the checks, in Kafka's order, and Kafka's sentences.

use crate::{
    api::produce::ProduceRules,
    topic_settings::TopicSettings,
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::{format, string::String, string::ToString, vec::Vec};
use bytes::Bytes;
use naru_log::LogError;
use naru_records::{Batch, Compression, DecompressLimit, LOG_OVERHEAD, RecordsError, TimestampType};
use naru_trace::TraceKind;
use naru_wire::ErrorCode;

/// zstd may be sent from this version on (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;
/// The largest format byte there is; anything above is damage, not history.
const MAGIC_V2: i8 = 2;
/// Where the format byte is in every record format.
const MAGIC_POSITION: usize = 16;

/// Why a batch is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: ErrorCode,
    pub(crate) message: String,
    /// The records that are at fault, by their place in the batch (KIP-467).
    pub(crate) records: Vec<(i32, String)>,
    /// The partition's log start offset, where Kafka tells it with this error; else -1.
    pub(crate) log_start_offset: i64,
}

impl Refusal {
    pub(crate) fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Refusal { error, message: message.into(), records: Vec::new(), log_start_offset: -1 }
    }

    /// What a client is told when the log itself refused or failed.
    pub(crate) fn from_log(error: LogError) -> Self {
        let code = match &error {
            LogError::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
            LogError::RecordListTooLarge { .. } => ErrorCode::RecordListTooLarge,
            LogError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            LogError::Corrupt { .. } | LogError::Storage(_) | LogError::NotCached(_) => ErrorCode::KafkaStorageError,
        };
        Refusal::new(code, error.to_string())
    }

    /// What a client is told about records that are not what they should be.
    pub(crate) fn from_records(error: RecordsError) -> Self {
        refuse(error)
    }
}

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Self {
        Refusal::new(error, error.message())
    }
}

/// Checks everything but the sequence number. Emits `BatchValidated`.
pub(crate) fn check_batch(
    turn: &mut Turn<'_>,
    rules: &ProduceRules,
    key: PartitionKey,
    records: Bytes,
) -> Result<Batch, Refusal> {
    let topics = &turn.state.topics;
    let topic = topics.get(key.topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topics.partition(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let batch = one_batch(records, rules.version)?;
    let header = *batch.header();
    let place = Place { topic: topic.name.as_str(), partition: key.partition };
    check_partition(partition, &topic.settings, rules, &place)?;
    let checked = check_size(&batch, &topic.settings, &place)
        .and_then(|()| check_crc(&batch, &place))
        .and_then(|()| check_header(&batch))
        .and_then(|()| check_timestamps(&batch, &topic.settings, rules.wall_ms))
        .and_then(|()| check_keys(&batch, &topic.settings));
    let log_start_offset = partition.log().map_or(-1, |log| log.log_start_offset());
    checked.map_err(|refusal| Refusal { log_start_offset, ..refusal })?;
    turn.out.trace.emit_then(|| TraceKind::BatchValidated {
        topic: topic.name.as_str().into(),
        partition: key.partition,
        records: header.records_count as u32,
        bytes: header.size_in_bytes(),
        crc: header.crc,
        producer: header.has_producer_id().then_some((header.producer_id, header.base_sequence)),
    });
    Ok(batch)
}

/// Which partition, for sentences.
struct Place<'a> {
    topic: &'a str,
    partition: i32,
}

impl core::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// Produce carries exactly one v2 batch for each partition (SEMANTICS 7).
fn one_batch(records: Bytes, version: i16) -> Result<Batch, Refusal> {
    let wrong = |what: &str| {
        let message = format!("Produce requests with version {version} {what}");
        Err(Refusal::new(ErrorCode::InvalidRecord, message))
    };
    let Some(first_length) = first_batch_length(&records)? else {
        return wrong("must have at least one record batch per partition");
    };
    // What follows is refused if it is a whole second batch; the stump of one is ignored, as in Kafka.
    if first_batch_length(&records.slice(first_length..))?.is_some() {
        return wrong("are only allowed to contain exactly one record batch per partition");
    }
    let magic = records.get(MAGIC_POSITION).map_or(0, |byte| *byte as i8);
    if (0..MAGIC_V2).contains(&magic) {
        return wrong("are only allowed to contain record batches with magic version 2");
    }
    let batch = Batch::parse(records.slice(..first_length)).map_err(refuse)?;
    let compression = batch.header().compression().map_err(refuse)?;
    if compression == Compression::Zstd && version < FIRST_VERSION_WITH_ZSTD {
        let message = format!("Produce requests with version {version} are not allowed to use ZStandard compression");
        return Err(Refusal::new(ErrorCode::UnsupportedCompressionType, message));
    }
    Ok(batch)
}

/// The length of the first batch in `bytes`, or `None` if no whole batch is there (`ByteBufferLogInputStream`).
fn first_batch_length(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    let Some(field) = bytes.get(8..LOG_OVERHEAD).filter(|_| bytes.len() > MAGIC_POSITION) else { return Ok(None) };
    let size = i32::from_be_bytes(field.try_into().expect("four bytes"));
    /// The smallest record of the oldest format (`LegacyRecord.RECORD_OVERHEAD_V0`).
    const SMALLEST: i32 = 14;
    if size < SMALLEST {
        let message = format!("Record size {size} is less than the minimum record overhead ({SMALLEST})");
        return Err(Refusal::new(ErrorCode::CorruptMessage, message));
    }
    let magic = bytes[MAGIC_POSITION] as i8;
    if !(0..=MAGIC_V2).contains(&magic) {
        return Err(Refusal::new(ErrorCode::CorruptMessage, format!("Invalid magic found in record: {magic}")));
    }
    let length = LOG_OVERHEAD + size as usize;
    Ok((bytes.len() >= length).then_some(length))
}

fn check_partition(
    partition: &Partition,
    settings: &TopicSettings,
    rules: &ProduceRules,
    place: &Place<'_>,
) -> Result<(), Refusal> {
    partition.check_leads()?;
    // A topic with fewer replicas than min.insync.replicas needs only all of them (Partition.effectiveMinIsr).
    let in_sync = partition.isr.len() as i32;
    let min_in_sync = settings.min_insync_replicas.min(partition.replicas.len() as i32);
    if rules.acks == -1 && in_sync < min_in_sync {
        let message = format!(
            "The size of the current ISR : {in_sync} is insufficient to satisfy the min.isr requirement of {min_in_sync} for \
             partition {place}"
        );
        return Err(Refusal::new(ErrorCode::NotEnoughReplicas, message));
    }
    Ok(())
}

fn check_size(batch: &Batch, settings: &TopicSettings, place: &Place<'_>) -> Result<(), Refusal> {
    let header = batch.header();
    if header.base_offset != 0 {
        let message = format!(
            "The baseOffset of the record batch in the append to {place} should be 0, but it is {}",
            header.base_offset
        );
        return Err(Refusal::new(ErrorCode::InvalidRecord, message));
    }
    let (size, max) = (header.size_in_bytes(), settings.log.max_message_bytes);
    if size > max {
        let message = format!(
            "The record batch size in the append to {place} is {size} bytes which exceeds the maximum configured value \
             of {max}."
        );
        return Err(Refusal::new(ErrorCode::MessageTooLarge, message));
    }
    let segment_bytes = settings.log.segment_bytes;
    if size > segment_bytes {
        let message = format!(
            "Message batch size is {size} bytes in append to partition {place}, which exceeds the maximum configured \
             segment size of {segment_bytes}."
        );
        return Err(Refusal::new(ErrorCode::RecordListTooLarge, message));
    }
    Ok(())
}

fn check_crc(batch: &Batch, place: &Place<'_>) -> Result<(), Refusal> {
    batch.verify_crc().map_err(|error| {
        let message = format!("Record is corrupt in topic partition {place}: {error}");
        Refusal::new(ErrorCode::CorruptMessage, message)
    })
}

fn check_header(batch: &Batch) -> Result<(), Refusal> {
    batch.header().validate_for_append().map_err(refuse)?;
    if batch.header().is_transactional() {
        // There is no transaction coordinator yet, so no transaction can be going on.
        return Err(ErrorCode::InvalidTxnState.into());
    }
    batch.check_records_count().map_err(refuse)
}

/// KIP-937. The batch's header tells the largest timestamp, so records are looked at only to say which ones lie outside, and
/// where the past has a bound (by default it has none).
fn check_timestamps(batch: &Batch, settings: &TopicSettings, wall_ms: i64) -> Result<(), Refusal> {
    if settings.timestamp_type == TimestampType::LogAppendTime {
        return Ok(());
    }
    let earliest = wall_ms.saturating_sub(settings.timestamp_before_max_ms);
    let latest = wall_ms.saturating_add(settings.timestamp_after_max_ms);
    let is_allowed = |timestamp: i64| timestamp == -1 || (earliest..=latest).contains(&timestamp);
    let header = batch.header();
    let has_past_bound = settings.timestamp_before_max_ms < i64::MAX;
    let looks_allowed = is_allowed(header.base_timestamp) && is_allowed(header.max_timestamp);
    if looks_allowed && !has_past_bound {
        return Ok(());
    }
    let mut outside = Vec::new();
    for (index, record) in batch.iter(DecompressLimit::default()).map_err(refuse)?.enumerate() {
        let record = record.map_err(refuse)?;
        if !is_allowed(record.timestamp) {
            let message = format!(
                "Timestamp {} of message with offset {} is out of range. The timestamp should be within [{earliest}, \
                 {latest}]",
                record.timestamp, record.offset
            );
            outside.push((index as i32, message));
        }
    }
    if outside.is_empty() && looks_allowed {
        return Ok(());
    }
    if outside.is_empty() {
        // The first record's timestamp is the batch's, so it is the largest one that is not what the header says.
        let message = format!("The batch's largest timestamp {} is not that of a record", header.max_timestamp);
        return Err(Refusal::new(ErrorCode::InvalidTimestamp, message));
    }
    let message = "One or more records have been rejected due to invalid timestamp";
    Err(Refusal { records: outside, ..Refusal::new(ErrorCode::InvalidTimestamp, message) })
}

/// A record without a key could never be compacted away (SEMANTICS 8). The one check that looks at every record.
fn check_keys(batch: &Batch, settings: &TopicSettings) -> Result<(), Refusal> {
    if !settings.compacted {
        return Ok(());
    }
    let mut without_key = Vec::new();
    for (index, record) in batch.iter(DecompressLimit::default()).map_err(refuse)?.enumerate() {
        if record.map_err(refuse)?.key.is_none() {
            let message = "Compacted topic cannot accept message without key in topic partition.".into();
            without_key.push((index as i32, message));
        }
    }
    if without_key.is_empty() {
        return Ok(());
    }
    let message = format!(
        "One or more records have been rejected due to {} record errors in total, and only showing the first three \
         errors at most: {}",
        without_key.len(),
        first_three(&without_key)
    );
    Err(Refusal { records: without_key, ..Refusal::new(ErrorCode::InvalidRecord, message) })
}

fn first_three(errors: &[(i32, String)]) -> String {
    let shown: Vec<String> = errors
        .iter()
        .take(3)
        .map(|(index, message)| format!("RecordError(batchIndex={index}, message='{message}')"))
        .collect();
    format!("[{}]", shown.join(", "))
}

fn refuse(error: RecordsError) -> Refusal {
    let code = match &error {
        RecordsError::CutOff { .. }
        | RecordsError::TrailingBytes { .. }
        | RecordsError::LengthTooSmall { .. }
        | RecordsError::CrcMismatch { .. }
        | RecordsError::UnknownCompression { .. } => ErrorCode::CorruptMessage,
        RecordsError::UnsupportedMagic { .. } => ErrorCode::UnsupportedForMessageFormat,
        _ => ErrorCode::InvalidRecord,
    };
    Refusal::new(code, error.to_string())
}
