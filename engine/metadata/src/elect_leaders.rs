//! ElectLeaders: an election because somebody asks for one (KIP-460), and the balancing of leaders by the clock.
//!
//! In Kafka these are `ReplicationControlManager.electLeaders` and `maybeBalancePartitionLeaders`.

use crate::{
    ApiError, Decision, Image, MetadataRecord, Partition, Settings, Topic,
    cluster::Cluster,
    partition_change::{Election, NO_LEADER, PartitionChange},
};
use alloc::{format, vec::Vec};
use naru_trace::{SortedMap, SortedSet};
use naru_wire::{
    ErrorCode, TopicName,
    messages::{
        ElectLeadersRequest,
        elect_leaders_response::{PartitionResult, ReplicaElectionResult},
    },
};

/// `election_type` of the request: the preferred replica.
const PREFERRED: i8 = 0;
/// Anybody who lives, if nobody in sync does.
const UNCLEAN: i8 = 1;
/// How many leaders one balancing moves at most (`MAX_ELECTIONS_PER_IMBALANCE`).
const ELECTIONS_MAX: usize = 1_000;

/// Decides on every partition of a request, or on all there are: then those that need no election get no answer. The error
/// is about the whole request.
pub fn elect_leaders(
    image: &Image,
    settings: &Settings,
    request: &ElectLeadersRequest,
) -> Result<Decision<Vec<ReplicaElectionResult>>, ApiError> {
    let cluster = Cluster { image, settings };
    let election = match request.election_type {
        PREFERRED => Election::Preferred,
        UNCLEAN => Election::Unclean,
        other => {
            let message = format!("Value {other} must be one of [0, 1]");
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
    };
    let mut records = Vec::new();
    let mut response = Vec::new();
    let mut seen = SortedSet::new();
    let mut decide = |name: &TopicName, id: i32| match seen.insert((name.clone(), id)) {
        true => decide(cluster, election, name, id, &mut records),
        false => Err(ErrorCode::ElectionNotNeeded.into()),
    };
    match &request.topic_partitions {
        Some(topics) => {
            for topic in topics {
                let results = topic.partitions.iter().map(|id| result(*id, decide(&topic.topic, *id))).collect();
                response.push(answer(&topic.topic, results));
            }
        }
        None => {
            for topic in image.topics() {
                let name = TopicName(topic.name.clone().into());
                let results = (0..topic.partitions.len() as i32).map(|id| result(id, decide(&name, id)));
                let results: Vec<_> =
                    results.filter(|result| result.error_code != ErrorCode::ElectionNotNeeded as i16).collect();
                if !results.is_empty() {
                    response.push(answer(&name, results));
                }
            }
        }
    }
    Ok(Decision { records, response })
}

/// Gives partitions back to their preferred leaders, for every broker that could lead more of those that prefer it than it
/// does: more than `percentage` of a hundred are led by others (`leader.imbalance.per.broker.percentage`).
pub fn balance_leaders(image: &Image, settings: &Settings, percentage: u64) -> Vec<MetadataRecord> {
    let cluster = Cluster { image, settings };
    let mut preferring: SortedMap<i32, (u64, u64)> = SortedMap::new();
    for partition in image.topics().flat_map(|topic| &topic.partitions) {
        let Some(preferred) = partition.replicas.first() else { continue };
        let (all, elsewhere) = preferring.entry(*preferred).or_default();
        *all += 1;
        *elsewhere += u64::from(partition.leader != *preferred);
    }
    let is_imbalanced = |broker: i32| {
        preferring.get(&broker).is_some_and(|(all, elsewhere)| elsewhere * 100 > all.saturating_mul(percentage))
    };
    let mut records = Vec::new();
    for topic in image.topics() {
        for (partition, id) in topic.partitions.iter().zip(0..) {
            let moves = partition.replicas.first().is_some_and(|first| is_imbalanced(*first));
            if moves && !has_preferred_leader(partition) && records.len() < ELECTIONS_MAX {
                records.extend(elect(cluster, topic, id, partition, Election::Preferred));
            }
        }
    }
    records
}

fn decide(
    cluster: Cluster<'_>,
    election: Election,
    name: &TopicName,
    id: i32,
    records: &mut Vec<MetadataRecord>,
) -> Result<(), ApiError> {
    let unknown = |message| ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
    let topic = cluster.image.topic(name);
    let topic = topic.ok_or_else(|| unknown(format!("No such topic as {}", name.as_str())))?;
    let partition = topic.partition(id);
    let partition = partition.ok_or_else(|| unknown(format!("No such partition as {}-{id}", name.as_str())))?;
    let (is_there, missing) = match election {
        Election::Preferred => (has_preferred_leader(partition), ErrorCode::PreferredLeaderNotAvailable),
        _ => (partition.leader != NO_LEADER, ErrorCode::EligibleLeadersNotAvailable),
    };
    if is_there {
        return Err(ErrorCode::ElectionNotNeeded.into());
    }
    records.push(elect(cluster, topic, id, partition, election).ok_or(missing)?);
    Ok(())
}

fn elect(
    cluster: Cluster<'_>,
    topic: &Topic,
    id: i32,
    partition: &Partition,
    election: Election,
) -> Option<MetadataRecord> {
    let may_lead = |id| cluster.is_active(id);
    let mut change = PartitionChange::new(cluster, topic, id, partition, &may_lead);
    change.election = election;
    change.build().map(MetadataRecord::PartitionChange)
}

fn has_preferred_leader(partition: &Partition) -> bool {
    partition.replicas.first() == Some(&partition.leader)
}

fn result(id: i32, decided: Result<(), ApiError>) -> PartitionResult {
    let result = PartitionResult::default().with_partition_id(id);
    match decided {
        Ok(()) => result.with_error_message(None),
        Err(error) => result.with_error_code(error.code as i16).with_error_message(Some(error.message.into())),
    }
}

fn answer(name: &TopicName, results: Vec<PartitionResult>) -> ReplicaElectionResult {
    ReplicaElectionResult::default().with_topic(name.clone()).with_partition_result(results)
}

#[cfg(test)]
mod tests;
