//! AlterPartition: a leader says who is in sync with it, and the controller agrees or not (KIP-497).
//!
//! The partition epoch makes it a compare-and-set: a leader whose knowledge is old changes nothing. In Kafka this is
//! `ReplicationControlManager.alterPartition`.

use crate::{
    Decision, Image, MetadataRecord, Partition, Settings, Topic,
    cluster::Cluster,
    heartbeat::check_broker_epoch,
    partition_change::{PartitionChange, RECOVERED, RECOVERING},
};
use alloc::vec::Vec;
use naru_trace::SortedSet;
use naru_wire::{
    BrokerId, ErrorCode,
    messages::{
        AlterPartitionRequest,
        alter_partition_request::{BrokerState, PartitionData as Wanted},
        alter_partition_response::{PartitionData, TopicData},
    },
};

/// Decides on every partition of a request. The error is `STALE_BROKER_EPOCH`: then none of them was looked at.
pub fn alter_partition(
    image: &Image,
    settings: &Settings,
    request: &AlterPartitionRequest,
) -> Result<Decision<Vec<TopicData>>, ErrorCode> {
    let broker = request.broker_id.0;
    check_broker_epoch(image, broker, request.broker_epoch)?;
    let cluster = Cluster { image, settings };
    let mut records = Vec::new();
    let mut response = Vec::new();
    let mut seen = SortedSet::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for wanted in &topic.partitions {
            let is_first = seen.insert((topic.topic_id, wanted.partition_index));
            let decided = match image.topic_by_id(topic.topic_id) {
                None => Err(ErrorCode::UnknownTopicId),
                Some(_) if !is_first => Err(ErrorCode::InvalidRequest),
                Some(topic) => decide(cluster, broker, topic, wanted, &mut records),
            };
            let refused = |error: ErrorCode| PartitionData::default().with_error_code(error as i16);
            partitions.push(decided.unwrap_or_else(refused).with_partition_index(wanted.partition_index));
        }
        response.push(TopicData::default().with_topic_id(topic.topic_id).with_partitions(partitions));
    }
    Ok(Decision { records, response })
}

fn decide(
    cluster: Cluster<'_>,
    broker: i32,
    topic: &Topic,
    wanted: &Wanted,
    records: &mut Vec<MetadataRecord>,
) -> Result<PartitionData, ErrorCode> {
    let partition = topic.partition(wanted.partition_index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let isr = in_sync(wanted);
    check_epochs(broker, partition, wanted)?;
    check_isr(partition, wanted, &isr)?;
    if isr.iter().any(|state| !is_eligible(cluster, state)) {
        return Err(ErrorCode::IneligibleReplica);
    }
    let may_lead = |id| cluster.is_active(id);
    let mut change = PartitionChange::new(cluster, topic, wanted.partition_index, partition, &may_lead);
    change.isr = isr.iter().map(|state| state.broker_id.0).collect();
    // Who has caught up has its copy in a directory that works, whichever it had before its disk was replaced. Kafka's brokers
    // say which (AssignReplicasToDirs, KIP-858); as long as ours do not, it is concluded from there.
    let has_moved = |id: &i32| !partition.isr.contains(id) && !cluster.has_online_directory(*id, partition);
    let moved = change.isr.iter().copied().filter(|id| has_moved(id));
    change.directories = moved.map(|id| (id, cluster.default_directory(id))).collect();
    change.leader_recovery_state = wanted.leader_recovery_state;
    let Some(record) = change.build() else { return Ok(state_of(partition)) };
    let changed = partition.changed(&record);
    records.push(MetadataRecord::PartitionChange(record));
    // What the leader asks for may complete a reassignment that takes away the leader itself.
    if changed.leader != broker { Err(ErrorCode::NewLeaderElected) } else { Ok(state_of(&changed)) }
}

/// Who the leader says is in sync, with broker epochs since version 3 (KIP-903).
fn in_sync(wanted: &Wanted) -> Vec<BrokerState> {
    let without_epoch = |id: &BrokerId| BrokerState::default().with_broker_id(*id).with_broker_epoch(-1);
    match wanted.new_isr_with_epochs.is_empty() {
        true => wanted.new_isr.iter().map(without_epoch).collect(),
        false => wanted.new_isr_with_epochs.clone(),
    }
}

fn check_epochs(broker: i32, partition: &Partition, wanted: &Wanted) -> Result<(), ErrorCode> {
    // A leader that knows more than this controller has heard of a newer one.
    if wanted.leader_epoch > partition.leader_epoch || wanted.partition_epoch > partition.partition_epoch {
        return Err(ErrorCode::NotController);
    }
    if wanted.leader_epoch < partition.leader_epoch {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if broker != partition.leader {
        return Err(ErrorCode::InvalidRequest);
    }
    if wanted.partition_epoch < partition.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    Ok(())
}

fn check_isr(partition: &Partition, wanted: &Wanted, isr: &[BrokerState]) -> Result<(), ErrorCode> {
    let distinct: SortedSet<i32> = isr.iter().map(|state| state.broker_id.0).collect();
    let are_replicas = distinct.iter().all(|id| partition.replicas.contains(id));
    let has_leader = distinct.contains(&partition.leader);
    let recovering = wanted.leader_recovery_state == RECOVERING;
    let known_state = recovering || wanted.leader_recovery_state == RECOVERED;
    let recovers_again = recovering && partition.leader_recovery_state == RECOVERED;
    let valid = distinct.len() == isr.len() && are_replicas && has_leader && known_state;
    match valid && !recovers_again && !(recovering && isr.len() > 1) {
        true => Ok(()),
        false => Err(ErrorCode::InvalidRequest),
    }
}

/// A broker that is fenced, about to stop, or of another incarnation than the leader knows, is not let in (KIP-841, KIP-903).
fn is_eligible(cluster: Cluster<'_>, state: &BrokerState) -> bool {
    let registration = cluster.image.broker(state.broker_id.0);
    registration.is_some_and(|registration| {
        registration.is_active() && (state.broker_epoch == -1 || state.broker_epoch == registration.epoch)
    })
}

fn state_of(partition: &Partition) -> PartitionData {
    PartitionData::default()
        .with_leader_id(BrokerId(partition.leader))
        .with_leader_epoch(partition.leader_epoch)
        .with_isr(partition.isr.iter().map(|id| BrokerId(*id)).collect())
        .with_leader_recovery_state(partition.leader_recovery_state)
        .with_partition_epoch(partition.partition_epoch)
}

#[cfg(test)]
mod tests;
