//! The reading half of Fetch: which bytes of which partitions, within the request's limits.
//!
//! Deliberately knows nothing of sessions and of waiting: the same reads happen before a fetch waits and after.

use crate::{
    fetch_sessions::Wanted,
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::vec::Vec;
use naru_log::{LogError, Slice};
use naru_records::Compression;
use naru_wire::ErrorCode;

/// What holds for all partitions of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadLimits {
    /// The most bytes of the whole answer; the first batch may be larger (KIP-74).
    pub(crate) max_bytes: u32,
    /// Only what is committed. There are no transactions yet, so that is everything below the high watermark.
    pub(crate) read_committed: bool,
    /// Whether the client can be sent zstd.
    pub(crate) zstd: bool,
    /// A follower's `node.id`; negative for a consumer.
    pub(crate) replica_id: i32,
}

impl ReadLimits {
    /// Whether a follower asks: it may read what is not replicated yet.
    pub(crate) fn is_follower(&self) -> bool {
        self.replica_id >= 0
    }
}

/// What was found in one partition.
#[derive(Debug)]
pub(crate) struct PartitionRead {
    /// The partition, if it is here.
    pub(crate) key: Option<PartitionKey>,
    pub(crate) error: ErrorCode,
    pub(crate) high_watermark: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) slices: Vec<Slice>,
    pub(crate) bytes: u32,
    pub(crate) records: u32,
    pub(crate) next_offset: i64,
}

/// Reads partitions in order until the bytes of the request are used up. The answer is as long as `wanted`.
pub(crate) fn read_partitions(turn: &mut Turn<'_>, wanted: &[Wanted], limits: &ReadLimits) -> Vec<PartitionRead> {
    let mut left = limits.max_bytes;
    let mut at_least_one = true;
    let mut reads = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let read = match turn.state.topics.find(&wanted.topic, wanted.partition) {
            Err(error) => PartitionRead::failed(None, error),
            Ok(key) => read_partition(turn, key, wanted, &ReadLimits { max_bytes: left, ..*limits }, at_least_one),
        };
        at_least_one &= read.bytes == 0;
        left = left.saturating_sub(read.bytes);
        reads.push(read);
    }
    reads
}

fn read_partition(
    turn: &mut Turn<'_>,
    key: PartitionKey,
    wanted: &Wanted,
    limits: &ReadLimits,
    at_least_one: bool,
) -> PartitionRead {
    let topics = &turn.state.topics;
    let (Some(partition), Some(topic)) = (topics.partition(key), topics.get(key.topic)) else {
        return PartitionRead::failed(None, ErrorCode::UnknownTopicOrPartition);
    };
    if let Err(error) = check(partition, wanted, limits, topic.settings.compression == Some(Compression::Zstd)) {
        return PartitionRead::failed(Some(key), error);
    }
    let Some(log) = partition.log() else { return PartitionRead::failed(Some(key), ErrorCode::KafkaStorageError) };
    let max_bytes = (wanted.max_bytes.max(0) as u32).min(limits.max_bytes);
    let high_watermark = partition.high_watermark;
    match log.read(wanted.fetch_offset, max_bytes, high_watermark, at_least_one, turn.storage) {
        Ok(read) => PartitionRead {
            key: Some(key),
            error: ErrorCode::None,
            high_watermark,
            log_start_offset: log.log_start_offset(),
            records: u32::try_from(read.next_offset - read.first_offset).unwrap_or(0),
            slices: read.slices,
            bytes: read.bytes,
            next_offset: read.next_offset,
        },
        Err(LogError::OffsetOutOfRange { .. }) => PartitionRead::failed(Some(key), ErrorCode::OffsetOutOfRange),
        Err(error) => {
            turn.on_log_error(key, &error);
            let is_damage = matches!(error, LogError::Corrupt { .. });
            let code = if is_damage { ErrorCode::CorruptMessage } else { ErrorCode::KafkaStorageError };
            PartitionRead::failed(Some(key), code)
        }
    }
}

fn check(partition: &Partition, wanted: &Wanted, limits: &ReadLimits, zstd: bool) -> Result<(), ErrorCode> {
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    if limits.replica_id >= 0 && !partition.replicas.contains(&limits.replica_id) {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    if zstd && !limits.zstd {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    Ok(())
}

impl PartitionRead {
    fn failed(key: Option<PartitionKey>, error: ErrorCode) -> Self {
        PartitionRead {
            key,
            error,
            high_watermark: -1,
            log_start_offset: -1,
            slices: Vec::new(),
            bytes: 0,
            records: 0,
            next_offset: -1,
        }
    }
}
