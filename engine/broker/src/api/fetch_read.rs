//! The reading half of Fetch: which bytes of which partitions, within the request's limits.
//!
//! Deliberately knows nothing of sessions and of waiting: the same reads happen before a fetch waits and after.

use crate::{
    fetch_sessions::Wanted,
    replication::{Role, leadership::FollowerFetch},
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::vec::Vec;
use naru_log::{FileRange, Log, LogError, Slice};
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
    /// The epoch of that broker; -1 if it does not say.
    pub(crate) replica_epoch: i64,
    /// Whether a consumer may read from a follower.
    pub(crate) any_replica: bool,
    /// Whether this is the request's first read. What a follower has is noted once, not again after it has waited.
    pub(crate) is_first: bool,
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
    /// Where the other side's log parts from this one: the largest epoch not after its own, and where that ends.
    pub(crate) diverging: Option<(i32, i64)>,
    /// The replica to read from instead; -1 for none.
    pub(crate) preferred_replica: i32,
}

/// Whether a look-up may wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It may not: it says what is missing.
    Cached,
    /// It may.
    Waiting,
}

/// What has to be in memory first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing {
    pub(crate) key: PartitionKey,
    pub(crate) range: FileRange,
}

/// Reads partitions in order until the bytes of the request are used up. The answer is as long as `wanted`.
pub(crate) fn read_partitions(
    turn: &mut Turn<'_>,
    wanted: &[Wanted],
    limits: &ReadLimits,
    reading: Reading,
) -> Result<Vec<PartitionRead>, Missing> {
    let mut left = limits.max_bytes;
    let mut at_least_one = true;
    let mut reads = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let read = match turn.state.topics.find(&wanted.topic, wanted.partition) {
            Err(error) => PartitionRead::failed(None, error),
            Ok(key) => {
                let limits = ReadLimits { max_bytes: left, ..*limits };
                read_partition(turn, key, wanted, &limits, (at_least_one, reading))?
            }
        };
        at_least_one &= read.bytes == 0;
        left = left.saturating_sub(read.bytes);
        reads.push(read);
    }
    Ok(reads)
}

fn read_partition(
    turn: &mut Turn<'_>,
    key: PartitionKey,
    wanted: &Wanted,
    limits: &ReadLimits,
    (at_least_one, reading): (bool, Reading),
) -> Result<PartitionRead, Missing> {
    let topics = &turn.state.topics;
    let (Some(partition), Some(topic)) = (topics.partition(key), topics.get(key.topic)) else {
        return Ok(PartitionRead::failed(None, ErrorCode::UnknownTopicOrPartition));
    };
    let zstd = topic.settings.compression == Some(Compression::Zstd);
    let broker_epoch = turn.state.cluster().broker(limits.replica_id).map(|broker| broker.epoch);
    if let Err(error) = check(partition, wanted, limits, zstd, broker_epoch) {
        return Ok(PartitionRead::failed(Some(key), error));
    }
    let Some(log) = partition.log() else { return Ok(PartitionRead::failed(Some(key), ErrorCode::KafkaStorageError)) };
    let (high_watermark, log_start_offset) = (partition.high_watermark, log.log_start_offset());
    match divergence(log, wanted) {
        Ok(None) => {}
        Ok(diverging) => {
            return Ok(PartitionRead { diverging, ..PartitionRead::nothing(key, high_watermark, log_start_offset) });
        }
        Err(error) => return Ok(PartitionRead::failed(Some(key), error)),
    }
    let max_bytes = (wanted.max_bytes.max(0) as u32).min(limits.max_bytes);
    let readable = if limits.is_follower() { log.log_end_offset() } else { high_watermark };
    if let Err(error) = check_known(partition, log, wanted, limits) {
        return Ok(PartitionRead::failed(Some(key), error));
    }
    let offset = wanted.fetch_offset;
    let read = match reading {
        Reading::Cached => log.read_cached(offset, max_bytes, readable, at_least_one, turn.storage),
        Reading::Waiting => log.read(offset, max_bytes, readable, at_least_one, turn.storage),
    };
    Ok(match read {
        Ok(read) => {
            let read = PartitionRead {
                records: u32::try_from(read.next_offset - read.first_offset).unwrap_or(0),
                slices: read.slices,
                bytes: read.bytes,
                next_offset: read.next_offset,
                ..PartitionRead::nothing(key, high_watermark, log_start_offset)
            };
            note_follower(turn, key, wanted, limits);
            read
        }
        Err(LogError::NotCached(range)) => return Err(Missing { key, range }),
        Err(LogError::OffsetOutOfRange { .. }) => PartitionRead::failed(Some(key), ErrorCode::OffsetOutOfRange),
        Err(error) => {
            turn.on_log_error(key, &error);
            let is_damage = matches!(error, LogError::Corrupt { .. });
            let code = if is_damage { ErrorCode::CorruptMessage } else { ErrorCode::KafkaStorageError };
            PartitionRead::failed(Some(key), code)
        }
    })
}

fn check(
    partition: &Partition,
    wanted: &Wanted,
    limits: &ReadLimits,
    zstd: bool,
    broker_epoch: Option<i64>,
) -> Result<(), ErrorCode> {
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    if limits.is_follower() {
        partition.check_leads()?;
        // A broker that has been started anew since, or has never been a replica (KIP-903).
        let is_stale = limits.replica_epoch >= 0 && broker_epoch.is_some_and(|epoch| epoch > limits.replica_epoch);
        if is_stale || !partition.replicas.contains(&limits.replica_id) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
    } else if !(limits.any_replica && partition.is_online()) {
        partition.check_leads()?;
    }
    if zstd && !limits.zstd {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    Ok(())
}

/// A follower does not know yet whether records behind its high watermark are there to be read (KIP-392).
fn check_known(partition: &Partition, log: &Log, wanted: &Wanted, limits: &ReadLimits) -> Result<(), ErrorCode> {
    let is_leader = matches!(partition.role, Role::Leader(_));
    let unknown = partition.high_watermark + 1..=log.log_end_offset();
    match !is_leader && !limits.is_follower() && unknown.contains(&wanted.fetch_offset) {
        true => Err(ErrorCode::OffsetNotAvailable),
        false => Ok(()),
    }
}

/// Whether the other side's last record is of an epoch that this log does not have there (KIP-320, KIP-595).
fn divergence(log: &Log, wanted: &Wanted) -> Result<Option<(i32, i64)>, ErrorCode> {
    if wanted.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let (epoch, end_offset) = log.leader_epochs().end_offset_for(wanted.last_fetched_epoch, log.log_end_offset());
    if epoch < 0 || end_offset < 0 || wanted.fetch_offset < log.log_start_offset() {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let parts = epoch < wanted.last_fetched_epoch || end_offset < wanted.fetch_offset;
    Ok(parts.then_some((epoch, end_offset)))
}

fn note_follower(turn: &mut Turn<'_>, key: PartitionKey, wanted: &Wanted, limits: &ReadLimits) {
    if !limits.is_follower() || !limits.is_first {
        return;
    }
    let Some(leader_end_offset) = turn.log(key).map(Log::log_end_offset) else { return };
    let fetch = FollowerFetch {
        offset: wanted.fetch_offset,
        log_start_offset: wanted.log_start_offset,
        leader_end_offset,
        at: turn.now.monotonic,
        broker_epoch: limits.replica_epoch,
    };
    turn.on_follower_fetch(key, limits.replica_id, &fetch);
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
            diverging: None,
            preferred_replica: -1,
        }
    }

    fn nothing(key: PartitionKey, high_watermark: i64, log_start_offset: i64) -> Self {
        PartitionRead { high_watermark, log_start_offset, ..PartitionRead::failed(Some(key), ErrorCode::None) }
    }

    /// Another replica is to be asked; there are no records here.
    pub(crate) fn redirect(&mut self, replica: i32) {
        self.preferred_replica = replica;
        self.slices.clear();
        (self.bytes, self.records) = (0, 0);
    }
}
