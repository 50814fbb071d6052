//! AlterPartition, by the tests of Kafka's `ReplicationControlManagerTest`, KIP-497, KIP-704, KIP-841 and KIP-903.

use super::*;
use crate::record::BrokerRegistrationChangeRecord;
use crate::test_cluster::{ORDERS, TestCluster, epoch};
use alloc::{format, string::String, vec};
use naru_wire::{
    encode_response,
    messages::{AlterPartitionResponse, alter_partition_request::TopicData as WantedTopic},
};
use uuid::Uuid;

/// Partition 0 at leader epoch 0 and partition epoch 0 with this ISR, every member at its registered epoch.
fn wanted(isr: &[i32]) -> Wanted {
    let state = |id: &i32| BrokerState::default().with_broker_id(BrokerId(*id)).with_broker_epoch(epoch(*id));
    Wanted::default().with_new_isr_with_epochs(isr.iter().map(state).collect())
}

fn request(broker: i32, partition: Wanted) -> AlterPartitionRequest {
    let topic = WantedTopic::default().with_topic_id(ORDERS).with_partitions(vec![partition]);
    AlterPartitionRequest::default()
        .with_broker_id(BrokerId(broker))
        .with_broker_epoch(epoch(broker))
        .with_topics(vec![topic])
}

/// The answer for the only partition; what was decided is taken over.
fn answer(cluster: &mut TestCluster, request: &AlterPartitionRequest) -> PartitionData {
    let decision = alter_partition(&cluster.image, &cluster.settings, request).unwrap();
    cluster.take(decision)[0].partitions[0].clone()
}

fn error(cluster: &mut TestCluster, broker: i32, partition: Wanted) -> ErrorCode {
    let before = cluster.image.clone();
    let answer = answer(cluster, &request(broker, partition));
    assert_eq!(cluster.image, before, "what is refused changes nothing");
    ErrorCode::from_code(answer.error_code)
}

#[test]
fn semantics_26_the_leader_shrinks_and_expands_what_is_in_sync() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3]]);
    let shrunk = answer(&mut cluster, &request(1, wanted(&[1, 3])));
    assert_eq!((shrunk.error_code, shrunk.leader_id.0, shrunk.leader_epoch, shrunk.partition_epoch), (0, 1, 0, 1));
    assert_eq!(cluster.show(0), "leader 1 isr [1, 3] epoch 0 partition epoch 1");
    let expanded = answer(&mut cluster, &request(1, wanted(&[1, 3, 2]).with_partition_epoch(1)));
    assert_eq!((expanded.partition_epoch, expanded.isr.len()), (2, 3));
}

#[test]
fn what_a_leader_knows_too_late_or_too_early_is_refused() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3]]);
    answer(&mut cluster, &request(1, wanted(&[1, 3])));
    assert_eq!(error(&mut cluster, 1, wanted(&[1, 2])), ErrorCode::InvalidUpdateVersion);
    assert_eq!(error(&mut cluster, 1, wanted(&[1]).with_partition_epoch(2)), ErrorCode::NotController);
    assert_eq!(error(&mut cluster, 1, wanted(&[1]).with_leader_epoch(1)), ErrorCode::NotController);
    assert_eq!(error(&mut cluster, 2, wanted(&[2]).with_partition_epoch(1)), ErrorCode::InvalidRequest);
    let records = crate::fence_broker(&cluster.image, &cluster.settings, 1);
    cluster.replay(&records);
    assert_eq!(error(&mut cluster, 1, wanted(&[1]).with_partition_epoch(1)), ErrorCode::FencedLeaderEpoch);
}

#[test]
fn what_cannot_be_in_sync_is_refused() {
    let mut cluster = TestCluster::of(&[1, 2, 3, 4]).orders(&[&[1, 2, 3]]);
    assert_eq!(error(&mut cluster, 1, wanted(&[1, 4])), ErrorCode::InvalidRequest, "no replica");
    assert_eq!(error(&mut cluster, 1, wanted(&[2, 3])), ErrorCode::InvalidRequest, "without the leader");
    assert_eq!(error(&mut cluster, 1, wanted(&[1, 2, 2])), ErrorCode::InvalidRequest, "twice");
    assert_eq!(error(&mut cluster, 1, wanted(&[])), ErrorCode::InvalidRequest, "nobody");
    assert_eq!(error(&mut cluster, 1, wanted(&[1]).with_partition_index(7)), ErrorCode::UnknownTopicOrPartition);
    let recovering = wanted(&[1]).with_leader_recovery_state(RECOVERING);
    assert_eq!(error(&mut cluster, 1, recovering), ErrorCode::InvalidRequest, "it was not elected uncleanly");
}

#[test]
fn kip_841_a_fenced_or_stopping_broker_is_not_let_in() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3]]);
    answer(&mut cluster, &request(1, wanted(&[1])));
    cluster.set_fenced(2, true);
    cluster.begin_shutdown(3);
    for other in [2, 3] {
        assert_eq!(error(&mut cluster, 1, wanted(&[1, other]).with_partition_epoch(1)), ErrorCode::IneligibleReplica);
    }
}

#[test]
fn kip_903_a_broker_of_another_incarnation_is_not_let_in() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let mut stale = wanted(&[1, 2]);
    stale.new_isr_with_epochs[1].broker_epoch = epoch(2) - 1;
    assert_eq!(error(&mut cluster, 1, stale.clone()), ErrorCode::IneligibleReplica);
    stale.new_isr_with_epochs[1].broker_epoch = -1;
    assert_eq!(answer(&mut cluster, &request(1, stale)).error_code, 0, "-1: the leader does not know");
}

#[test]
fn kip_704_a_leader_that_has_recovered_says_so() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]).config("unclean.leader.election.enable", "true");
    answer(&mut cluster, &request(1, wanted(&[1])));
    let records = crate::fence_broker(&cluster.image, &cluster.settings, 1);
    cluster.replay(&records);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 2 recovering");
    cluster.set_fenced(1, false);
    let at = |partition: Wanted, epoch| partition.with_leader_epoch(1).with_partition_epoch(epoch);
    let both = at(wanted(&[2, 1]), 2).with_leader_recovery_state(RECOVERING);
    assert_eq!(error(&mut cluster, 2, both), ErrorCode::InvalidRequest, "first it recovers, alone");
    answer(&mut cluster, &request(2, at(wanted(&[2]), 2)));
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 3");
}

#[test]
fn kip_455_a_leader_that_reassigns_itself_away_hears_of_the_new_leader() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2]]);
    let reassigning = crate::record::PartitionChangeRecord {
        topic_id: ORDERS,
        replicas: Some(vec![2, 3, 1]),
        adding_replicas: Some(vec![3]),
        removing_replicas: Some(vec![1]),
        directories: Some([2, 3, 1].map(crate::test_cluster::directory).to_vec()),
        ..Default::default()
    };
    cluster.replay(&[MetadataRecord::PartitionChange(reassigning)]);
    let done = answer(&mut cluster, &request(1, wanted(&[1, 2, 3]).with_partition_epoch(1)));
    assert_eq!(ErrorCode::from_code(done.error_code), ErrorCode::NewLeaderElected);
    assert_eq!(cluster.show(0), "leader 2 isr [2, 3] epoch 1 partition epoch 2");
    assert_eq!(cluster.partition(0).replicas, [2, 3]);
}

#[test]
fn a_request_that_names_a_partition_twice_or_an_unknown_topic_gets_an_answer_for_each() {
    let cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let mut request = request(1, wanted(&[1]));
    request.topics[0].partitions.push(wanted(&[1]));
    request.topics.push(request.topics[0].clone().with_topic_id(Uuid::from_u128(3)));
    let decision = alter_partition(&cluster.image, &cluster.settings, &request).unwrap();
    let codes: Vec<String> = decision
        .response
        .iter()
        .flat_map(|topic| &topic.partitions)
        .map(|partition| format!("{}", ErrorCode::from_code(partition.error_code)))
        .collect();
    assert_eq!(codes, ["NONE", "INVALID_REQUEST", "UNKNOWN_TOPIC_ID", "UNKNOWN_TOPIC_ID"]);
    assert_eq!(decision.records.len(), 1);
    for version in 2..=3 {
        let response = AlterPartitionResponse::default().with_topics(decision.response.clone());
        encode_response(1, version, &response.into()).unwrap();
    }
    let stale = request.with_broker_epoch(1);
    assert_eq!(alter_partition(&cluster.image, &cluster.settings, &stale), Err(ErrorCode::StaleBrokerEpoch));
}

/// KIP-858. A disk was replaced: whoever has caught up on the new one may lead again.
#[test]
fn a_replica_that_has_caught_up_on_another_disk_is_known_to_be_there() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3]]);
    answer(&mut cluster, &request(1, wanted(&[1, 2])));
    let new = Uuid::from_u128(0x7777_0000_0000);
    cluster.replay(&[MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
        broker_id: 3,
        broker_epoch: epoch(3),
        fenced: 0,
        in_controlled_shutdown: 0,
        log_dirs: vec![new],
    })]);
    let joined = wanted(&[1, 2, 3]).with_partition_epoch(cluster.partition(0).partition_epoch);
    assert_eq!(answer(&mut cluster, &request(1, joined)).error_code, 0);
    assert_eq!(cluster.partition(0).directory_of(3), new);
}
