//! Which brokers hold a new partition.
//!
//! Kafka spreads partitions over racks and brokers, starting anywhere (`StripedReplicaPlacer.java`). Here they go round the
//! brokers in order, starting with the partition's number, which is as even and is the same in every run.

use crate::{ApiError, Settings, record::PartitionRecord};
use alloc::{format, vec, vec::Vec};
use naru_wire::{BrokerId, ErrorCode};
use uuid::Uuid;

/// How many partitions one request may create. Kafka's limit, so that a batch of metadata records stays small.
pub(crate) const PARTITIONS_PER_REQUEST_MAX: i64 = 10_000;

/// The error for more than [`PARTITIONS_PER_REQUEST_MAX`].
pub(crate) fn excessive() -> ApiError {
    ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.")
}

/// Chooses the replicas of `count` partitions, the first of which has the number `start`. The error is the second half of a
/// sentence: what a caller puts in front of it depends on the request.
pub(crate) fn place(settings: &Settings, start: i32, count: i32, factor: i16) -> Result<Vec<Vec<i32>>, ApiError> {
    let brokers = &settings.brokers;
    let invalid = |message| Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
    if factor <= 0 {
        return invalid(format!("Invalid replication factor {factor}: the replication factor must be positive."));
    }
    let factor = factor as usize;
    if factor > brokers.len() {
        return invalid(format!(
            "The target replication factor of {factor} cannot be reached because only {} broker(s) are registered.",
            brokers.len()
        ));
    }
    let replicas = |partition: i32| {
        let first = partition as usize;
        (first..first + factor).map(|index| brokers[index % brokers.len()]).collect()
    };
    Ok((start..start + count).map(replicas).collect())
}

/// Checks replicas that the client chose. `factor` is how many there have to be, if that is known.
pub(crate) fn validate_manual(
    settings: &Settings,
    brokers: &[BrokerId],
    factor: Option<usize>,
) -> Result<Vec<i32>, ApiError> {
    let invalid = |message| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    if brokers.is_empty() {
        return invalid("The manual partition assignment includes an empty replica list.".into());
    }
    let mut sorted: Vec<i32> = brokers.iter().map(|broker| broker.0).collect();
    sorted.sort_unstable();
    for (index, broker) in sorted.iter().enumerate() {
        if !settings.brokers.contains(broker) {
            return invalid(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is registered."
            ));
        }
        if index > 0 && sorted[index - 1] == *broker {
            return invalid(format!("The manual partition assignment includes the broker {broker} more than once."));
        }
    }
    match factor {
        Some(factor) if factor != brokers.len() => invalid(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with \
             previous partitions, which have {factor} replica(s).",
            brokers.len()
        )),
        _ => Ok(brokers.iter().map(|broker| broker.0).collect()),
    }
}

/// The record of a new partition: everybody is in sync, and the first replica leads.
pub(crate) fn new_partition(
    settings: &Settings,
    topic_id: Uuid,
    partition_id: i32,
    replicas: Vec<i32>,
) -> PartitionRecord {
    PartitionRecord {
        partition_id,
        topic_id,
        isr: replicas.clone(),
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        leader: replicas[0],
        leader_recovery_state: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![settings.directory_id; replicas.len()],
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        replicas,
    }
}
