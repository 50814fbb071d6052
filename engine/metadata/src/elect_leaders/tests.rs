//! Elections that somebody asks for, by the tests of Kafka's `ReplicationControlManagerTest` and KIP-460.

use super::*;
use crate::test_cluster::{ORDERS, TestCluster};
use alloc::{string::String, vec};
use naru_wire::{
    encode_response,
    messages::{ElectLeadersResponse, elect_leaders_request::TopicPartitions},
};

fn request(election_type: i8, partitions: &[i32]) -> ElectLeadersRequest {
    let topic = TopicPartitions::default().with_topic(TopicName("orders".into())).with_partitions(partitions.to_vec());
    ElectLeadersRequest::default().with_election_type(election_type).with_topic_partitions(Some(vec![topic]))
}

fn answers(cluster: &mut TestCluster, request: &ElectLeadersRequest) -> Vec<String> {
    let decision = elect_leaders(&cluster.image, &cluster.settings, request).unwrap();
    let results = cluster.take(decision);
    let results = results.iter().flat_map(|topic| &topic.partition_result);
    results.map(|result| format!("{} {}", result.partition_id, ErrorCode::from_code(result.error_code))).collect()
}

fn fence(cluster: &mut TestCluster, broker: i32) {
    let records = crate::fence_broker(&cluster.image, &cluster.settings, broker);
    cluster.replay(&records);
}

fn in_sync(cluster: &mut TestCluster, isr: &[i32]) {
    let record =
        crate::record::PartitionChangeRecord { topic_id: ORDERS, isr: Some(isr.to_vec()), ..Default::default() };
    cluster.replay(&[MetadataRecord::PartitionChange(record)]);
}

#[test]
fn semantics_28_a_preferred_election_says_why_it_is_not_done() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3], &[2, 3]]);
    fence(&mut cluster, 1);
    assert_eq!(
        answers(&mut cluster, &request(PREFERRED, &[0, 1, 2])),
        ["0 PREFERRED_LEADER_NOT_AVAILABLE", "1 ELECTION_NOT_NEEDED", "2 UNKNOWN_TOPIC_OR_PARTITION"]
    );
    cluster.set_fenced(1, false);
    assert_eq!(answers(&mut cluster, &request(PREFERRED, &[0])), ["0 PREFERRED_LEADER_NOT_AVAILABLE"], "not in sync");
    in_sync(&mut cluster, &[2, 3, 1]);
    assert_eq!(answers(&mut cluster, &request(PREFERRED, &[0, 0])), ["0 NONE", "0 ELECTION_NOT_NEEDED"]);
    assert_eq!(cluster.show(0), "leader 1 isr [2, 3, 1] epoch 2 partition epoch 3");
}

#[test]
fn semantics_28_an_unclean_election_is_for_partitions_without_a_leader() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    assert_eq!(answers(&mut cluster, &request(UNCLEAN, &[0])), ["0 ELECTION_NOT_NEEDED"]);
    fence(&mut cluster, 2);
    fence(&mut cluster, 1);
    assert_eq!(answers(&mut cluster, &request(UNCLEAN, &[0])), ["0 ELIGIBLE_LEADERS_NOT_AVAILABLE"]);
    cluster.set_fenced(2, false);
    assert_eq!(answers(&mut cluster, &request(UNCLEAN, &[0])), ["0 NONE"]);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 2 partition epoch 3 recovering");
}

#[test]
fn all_partitions_are_asked_for_with_null_and_those_at_rest_are_left_out() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2], &[2, 1]]);
    fence(&mut cluster, 1);
    cluster.set_fenced(1, false);
    in_sync(&mut cluster, &[2, 1]);
    let all = request(PREFERRED, &[]).with_topic_partitions(None);
    assert_eq!(answers(&mut cluster, &all), ["0 NONE"]);
    let wrong = elect_leaders(&cluster.image, &cluster.settings, &request(7, &[0])).unwrap_err();
    assert_eq!(wrong.code, ErrorCode::InvalidRequest);
}

#[test]
fn answers_can_be_sent_in_every_version() {
    let cluster = TestCluster::of(&[1]).orders(&[&[1]]);
    let results = elect_leaders(&cluster.image, &cluster.settings, &request(PREFERRED, &[0, 5])).unwrap().response;
    for version in 0..=2 {
        let response = ElectLeadersResponse::default().with_replica_election_results(results.clone());
        encode_response(1, version, &response.into()).unwrap();
    }
}

#[test]
fn leaders_go_back_where_they_are_preferred_when_too_many_are_elsewhere() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2], &[1, 2], &[1, 2], &[1, 2], &[2, 1]]);
    let records = cluster_with_partition_0_elsewhere();
    cluster.replay(&records);
    let balance = |cluster: &TestCluster, percentage| balance_leaders(&cluster.image, &cluster.settings, percentage);
    assert_eq!(balance(&cluster, 25), vec![], "one of four is 25 percent, and not more");
    let records = balance(&cluster, 24);
    cluster.replay(&records);
    assert_eq!(cluster.show(0), "leader 1 isr [1, 2] epoch 2 partition epoch 2");
    assert_eq!(balance(&cluster, 0), vec![]);
}

/// The only record: partition 0 is led by broker 2, and all are in sync.
fn cluster_with_partition_0_elsewhere() -> Vec<MetadataRecord> {
    let record = crate::record::PartitionChangeRecord { topic_id: ORDERS, leader: Some(2), ..Default::default() };
    vec![MetadataRecord::PartitionChange(record)]
}
