//! AlterPartitionReassignments and ListPartitionReassignments: replicas move to other brokers (KIP-455).
//!
//! ```text
//!   replicas [1, 2]         to [2, 3]                        3 is in sync
//!   ────────────────► replicas [2, 3, 1], adding [3], removing [1] ────────────────► replicas [2, 3]
//!                                   │ cancelled
//!                                   └──────────► replicas [2, 1]
//! ```
//! A partition whose replicas move has all of them, the old and the new, until the new ones are in sync. What completes it is
//! the AlterPartition in which the leader says so ([`crate::partition_change`]). In Kafka this is in
//! `ReplicationControlManager`, `PartitionReassignmentReplicas` and `PartitionReassignmentRevert`.

use crate::{
    ApiError, Decision, Image, MetadataRecord, Partition, Settings, Topic, cluster::Cluster,
    partition_change::PartitionChange, placement,
};
use alloc::{format, vec::Vec};
use naru_trace::SortedSet;
use naru_wire::{
    BrokerId, ErrorCode, TopicName,
    messages::{
        AlterPartitionReassignmentsRequest, ListPartitionReassignmentsRequest,
        alter_partition_reassignments_request::ReassignablePartition,
        alter_partition_reassignments_response::{ReassignablePartitionResponse, ReassignableTopicResponse},
        list_partition_reassignments_response::{OngoingPartitionReassignment, OngoingTopicReassignment},
    },
};

/// Decides on every partition of a request.
pub fn alter_partition_reassignments(
    image: &Image,
    settings: &Settings,
    request: &AlterPartitionReassignmentsRequest,
) -> Decision<Vec<ReassignableTopicResponse>> {
    let cluster = Cluster { image, settings };
    let mut records = Vec::new();
    let mut response = Vec::new();
    let mut seen = SortedSet::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for target in &topic.partitions {
            let decided = match seen.insert((topic.name.clone(), target.partition_index)) {
                true => decide(cluster, &topic.name, target, request.allow_replication_factor_change),
                false => Err(ApiError::new(ErrorCode::InvalidRequest, "The partition is there twice.")),
            };
            let result = ReassignablePartitionResponse::default().with_partition_index(target.partition_index);
            partitions.push(match decided {
                Ok(record) => {
                    records.extend(record);
                    result.with_error_message(None)
                }
                Err(error) => result.with_error_code(error.code as i16).with_error_message(Some(error.message.into())),
            });
        }
        response.push(ReassignableTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions));
    }
    Decision { records, response }
}

/// What is on its way: of the topics of a request, or of all. Partitions at rest, and such as there are not, are left out.
pub fn list_partition_reassignments(
    image: &Image,
    request: &ListPartitionReassignmentsRequest,
) -> Vec<OngoingTopicReassignment> {
    let every = |topic: &Topic| -> Vec<i32> { (0..topic.partitions.len() as i32).collect() };
    let asked: Vec<(&Topic, Vec<i32>)> = match &request.topics {
        None => image.topics().map(|topic| (topic, every(topic))).collect(),
        Some(topics) => {
            let known = topics.iter().filter_map(|asked| Some((image.topic(&asked.name)?, asked)));
            known.map(|(topic, asked)| (topic, asked.partition_indexes.clone())).collect()
        }
    };
    let mut ongoing = Vec::new();
    for (topic, ids) in asked {
        let partitions = ids.into_iter().filter_map(|id| Some((id, topic.partition(id)?)));
        let partitions: Vec<_> = partitions
            .filter(|(_, partition)| partition.is_reassigning())
            .map(|(id, partition)| ongoing_partition(id, partition))
            .collect();
        if !partitions.is_empty() {
            let name = TopicName(topic.name.clone().into());
            ongoing.push(OngoingTopicReassignment::default().with_name(name).with_partitions(partitions));
        }
    }
    ongoing
}

fn ongoing_partition(id: i32, partition: &Partition) -> OngoingPartitionReassignment {
    let ids = |ids: &[i32]| ids.iter().map(|id| BrokerId(*id)).collect();
    OngoingPartitionReassignment::default()
        .with_partition_index(id)
        .with_replicas(ids(&partition.replicas))
        .with_adding_replicas(ids(&partition.adding_replicas))
        .with_removing_replicas(ids(&partition.removing_replicas))
}

fn decide(
    cluster: Cluster<'_>,
    name: &TopicName,
    target: &ReassignablePartition,
    may_change_factor: bool,
) -> Result<Option<MetadataRecord>, ApiError> {
    let unknown = |message| ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
    let (topic, id) = (cluster.image.topic(name), target.partition_index);
    let topic = topic.ok_or_else(|| unknown(format!("Unable to find a topic named {}.", name.as_str())))?;
    let partition = topic.partition(id);
    let partition = partition.ok_or_else(|| unknown(format!("Unable to find partition {}:{id}.", name.as_str())))?;
    let may_lead = |id| cluster.is_active(id);
    let mut change = PartitionChange::new(cluster, topic, id, partition, &may_lead);
    match &target.replicas {
        None => cancel(cluster, topic, id, partition, &mut change)?,
        Some(replicas) => {
            let replicas = placement::validate_manual(cluster, replicas, None)?;
            if !may_change_factor {
                check_factor(partition, &replicas)?;
            }
            begin(partition, &replicas, &mut change);
        }
    }
    Ok(change.build().map(MetadataRecord::PartitionChange))
}

/// The target's replicas, and behind them those that are to go.
fn begin(partition: &Partition, target: &[i32], change: &mut PartitionChange<'_>) {
    let mut removing: Vec<i32> = partition.replicas.iter().copied().filter(|id| !target.contains(id)).collect();
    removing.sort_unstable();
    // What an earlier reassignment has begun to add, and this one still wants, is still to come.
    let is_new = |id: &i32| !partition.replicas.contains(id) || partition.adding_replicas.contains(id);
    let mut adding: Vec<i32> = target.iter().copied().filter(is_new).collect();
    adding.sort_unstable();
    change.replicas = [target, &removing].concat();
    change.removing = removing;
    change.adding = adding;
}

/// Whoever was to come stays away, whoever was to go stays.
fn cancel(
    cluster: Cluster<'_>,
    topic: &Topic,
    id: i32,
    partition: &Partition,
    change: &mut PartitionChange<'_>,
) -> Result<(), ApiError> {
    if !partition.is_reassigning() {
        return Err(ErrorCode::NoReassignmentInProgress.into());
    }
    let invalid = |message| ApiError::new(ErrorCode::InvalidReplicaAssignment, message);
    change.replicas.retain(|id| !partition.adding_replicas.contains(id));
    change.isr.retain(|id| !partition.adding_replicas.contains(id));
    let Some(first) = change.replicas.first().copied() else {
        return Err(invalid("Invalid replica assignment: addingReplicas contains all replicas.".into()));
    };
    if change.isr.is_empty() {
        // Only those who were to come are in sync. To go back is to lose what only they know.
        if !cluster.allows_unclean_election(topic) {
            return Err(invalid(format!(
                "Unable to revert partition assignment for {}:{id} because it would require an unclean leader election.",
                topic.name
            )));
        }
        change.isr.push(first);
    }
    change.adding.clear();
    change.removing.clear();
    Ok(())
}

fn check_factor(partition: &Partition, target: &[i32]) -> Result<(), ApiError> {
    let stay = partition.replicas.iter().filter(|id| !partition.removing_replicas.contains(id)).count();
    if stay == target.len() {
        return Ok(());
    }
    let message = format!("The replication factor is changed from {stay} to {}", target.len());
    Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message))
}

#[cfg(test)]
mod tests;
