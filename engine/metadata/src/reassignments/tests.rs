//! Reassignments, by the tests of Kafka's `ReplicationControlManagerTest`, `PartitionReassignmentReplicasTest` and KIP-455.

use super::*;
use crate::{
    alter_partition,
    test_cluster::{ORDERS, TestCluster, directory, epoch},
};
use alloc::{
    string::{String, ToString},
    vec,
};
use naru_wire::{
    encode_response,
    messages::{
        AlterPartitionReassignmentsResponse, AlterPartitionRequest, ListPartitionReassignmentsResponse,
        alter_partition_reassignments_request::ReassignableTopic,
        alter_partition_request::{BrokerState, PartitionData, TopicData},
        list_partition_reassignments_request::ListPartitionReassignmentsTopics,
    },
};

fn request(replicas: Option<&[i32]>) -> AlterPartitionReassignmentsRequest {
    let replicas = replicas.map(|ids| ids.iter().map(|id| BrokerId(*id)).collect());
    let partition = ReassignablePartition::default().with_partition_index(0).with_replicas(replicas);
    let topic = ReassignableTopic::default().with_name(TopicName("orders".into())).with_partitions(vec![partition]);
    AlterPartitionReassignmentsRequest::default().with_topics(vec![topic])
}

/// `ok`, or the error's name and sentence.
fn ask(cluster: &mut TestCluster, request: &AlterPartitionReassignmentsRequest) -> String {
    let decision = alter_partition_reassignments(&cluster.image, &cluster.settings, request);
    let response = cluster.take(decision);
    let result = &response[0].partitions[0];
    match &result.error_message {
        None => "ok".into(),
        Some(message) => format!("{}: {}", ErrorCode::from_code(result.error_code), message.as_str()),
    }
}

/// The leader says who is in sync.
fn in_sync(cluster: &mut TestCluster, isr: &[i32]) {
    let state = |id: &i32| BrokerState::default().with_broker_id(BrokerId(*id)).with_broker_epoch(epoch(*id));
    let partition = cluster.partition(0);
    let wanted = PartitionData::default()
        .with_leader_epoch(partition.leader_epoch)
        .with_partition_epoch(partition.partition_epoch)
        .with_new_isr_with_epochs(isr.iter().map(state).collect());
    let topic = TopicData::default().with_topic_id(ORDERS).with_partitions(vec![wanted]);
    let request = AlterPartitionRequest::default()
        .with_broker_id(BrokerId(partition.leader))
        .with_broker_epoch(epoch(partition.leader))
        .with_topics(vec![topic]);
    let decision = alter_partition(&cluster.image, &cluster.settings, &request).unwrap();
    cluster.take(decision);
}

fn replicas(cluster: &TestCluster) -> &[i32] {
    &cluster.partition(0).replicas
}

#[test]
fn kip_455_replicas_move_and_the_old_ones_go_when_the_new_ones_are_in_sync() {
    let mut cluster = TestCluster::of(&[1, 2, 3, 4]).orders(&[&[1, 2]]);
    assert_eq!(ask(&mut cluster, &request(Some(&[3, 4]))), "ok");
    assert_eq!(replicas(&cluster), [3, 4, 1, 2]);
    assert_eq!(cluster.show(0), "leader 1 isr [1, 2] epoch 0 partition epoch 1 adding [3, 4] removing [1, 2]");
    assert_eq!(cluster.partition(0).directories, [3, 4, 1, 2].map(directory));
    in_sync(&mut cluster, &[1, 2, 3]);
    assert_eq!(replicas(&cluster), [3, 4, 1, 2], "4 is missing");
    in_sync(&mut cluster, &[1, 2, 3, 4]);
    assert_eq!(cluster.show(0), "leader 3 isr [3, 4] epoch 1 partition epoch 3");
    assert_eq!(replicas(&cluster), [3, 4]);
    assert_eq!(cluster.partition(0).directories, [3, 4].map(directory));
}

#[test]
fn another_order_or_fewer_replicas_are_there_at_once() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3]]);
    assert_eq!(ask(&mut cluster, &request(Some(&[2, 1, 3]))), "ok");
    assert_eq!(replicas(&cluster), [2, 1, 3]);
    assert_eq!(cluster.show(0), "leader 1 isr [1, 2, 3] epoch 0 partition epoch 1");
    assert_eq!(ask(&mut cluster, &request(Some(&[2, 3]))), "ok");
    assert_eq!(cluster.show(0), "leader 2 isr [2, 3] epoch 1 partition epoch 2");
    assert_eq!(ask(&mut cluster, &request(Some(&[2, 3]))), "ok", "nothing is left to do");
    assert_eq!(cluster.show(0), "leader 2 isr [2, 3] epoch 1 partition epoch 2");
}

#[test]
fn kip_455_a_reassignment_is_cancelled() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2]]);
    assert_eq!(
        ask(&mut cluster, &request(None)),
        "NO_REASSIGNMENT_IN_PROGRESS: No partition reassignment is in progress."
    );
    ask(&mut cluster, &request(Some(&[2, 3])));
    assert_eq!(ask(&mut cluster, &request(None)), "ok");
    assert_eq!(replicas(&cluster), [2, 1]);
    assert_eq!(cluster.show(0), "leader 1 isr [1, 2] epoch 1 partition epoch 2", "3 must not go on fetching");
}

#[test]
fn a_cancellation_that_would_lose_records_is_refused_unless_that_is_allowed() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1]]);
    ask(&mut cluster, &request(Some(&[2, 3])));
    let only_new = crate::record::PartitionChangeRecord {
        topic_id: ORDERS,
        isr: Some(vec![2]),
        leader: Some(2),
        ..Default::default()
    };
    cluster.replay(&[MetadataRecord::PartitionChange(only_new)]);
    assert_eq!(
        ask(&mut cluster, &request(None)),
        "INVALID_REPLICA_ASSIGNMENT: Unable to revert partition assignment for orders:0 because it would require an \
         unclean leader election."
    );
    let mut cluster = cluster.config("unclean.leader.election.enable", "true");
    assert_eq!(ask(&mut cluster, &request(None)), "ok");
    assert_eq!((replicas(&cluster), cluster.partition(0).leader), (&[1][..], 1));
}

#[test]
fn a_reassignment_replaces_one_that_is_on_its_way() {
    let mut cluster = TestCluster::of(&[1, 2, 3, 4]).orders(&[&[1, 2]]);
    ask(&mut cluster, &request(Some(&[2, 3])));
    assert_eq!(ask(&mut cluster, &request(Some(&[3, 4]))), "ok");
    assert_eq!(replicas(&cluster), [3, 4, 1, 2]);
    assert!(cluster.show(0).ends_with("adding [3, 4] removing [1, 2]"), "{}", cluster.show(0));
    assert_eq!(ask(&mut cluster, &request(Some(&[1, 2]))), "ok", "back again");
    assert_eq!(replicas(&cluster), [1, 2]);
    assert!(!cluster.partition(0).is_reassigning());
}

#[test]
fn what_cannot_be_is_refused_with_kafkas_errors() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2]]);
    let mut unknown = request(Some(&[1]));
    unknown.topics[0].name = TopicName("nope".into());
    let mut beyond = request(Some(&[1]));
    beyond.topics[0].partitions[0].partition_index = 7;
    let fixed = request(Some(&[1, 2, 3])).with_allow_replication_factor_change(false);
    let cases = [
        (unknown, "UNKNOWN_TOPIC_OR_PARTITION: Unable to find a topic named nope."),
        (beyond, "UNKNOWN_TOPIC_OR_PARTITION: Unable to find partition orders:7."),
        (
            request(Some(&[1, 9])),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes broker 9, but no such broker is \
             registered.",
        ),
        (
            request(Some(&[1, 1])),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes the broker 1 more than once.",
        ),
        (
            request(Some(&[])),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes an empty replica list.",
        ),
        (fixed, "INVALID_REPLICATION_FACTOR: The replication factor is changed from 2 to 3"),
    ];
    for (request, expected) in cases {
        assert_eq!(ask(&mut cluster, &request), expected);
    }
    assert_eq!(cluster.show(0), "leader 1 isr [1, 2] epoch 0 partition epoch 0");
}

#[test]
fn what_is_on_its_way_is_listed() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2], &[1]]);
    ask(&mut cluster, &request(Some(&[2, 3])));
    let list = |topics| {
        let request = ListPartitionReassignmentsRequest::default().with_topics(topics);
        list_partition_reassignments(&cluster.image, &request)
    };
    let asked = |name: &str, ids: &[i32]| {
        let name = TopicName(name.to_string().into());
        Some(vec![ListPartitionReassignmentsTopics::default().with_name(name).with_partition_indexes(ids.to_vec())])
    };
    let ongoing = list(None);
    let [topic] = &ongoing[..] else { panic!("one topic: {ongoing:?}") };
    let [partition] = &topic.partitions[..] else { panic!("one partition: {topic:?}") };
    assert_eq!(partition.replicas, [2, 3, 1].map(BrokerId));
    assert_eq!(
        (&partition.adding_replicas[..], &partition.removing_replicas[..]),
        (&[BrokerId(3)][..], &[BrokerId(1)][..])
    );
    assert_eq!(list(asked("orders", &[0, 1, 9])), ongoing);
    assert_eq!(list(asked("orders", &[1])), vec![]);
    assert_eq!(list(asked("nope", &[0])), vec![]);
    let response = ListPartitionReassignmentsResponse::default().with_topics(ongoing);
    encode_response(1, 0, &response.into()).unwrap();
    for version in 0..=1 {
        encode_response(1, version, &AlterPartitionReassignmentsResponse::default().into()).unwrap();
    }
}
