//! Who may read what, and where.

use super::{Cluster, TOPIC, TOPIC_ID};
use alloc::{string::ToString, vec, vec::Vec};
use naru_wire::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use naru_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use naru_wire::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use naru_wire::messages::{BrokerId, FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest, TopicName};
use naru_wire::{ErrorCode, Response, StrBytes};

fn fetch(partition: FetchPartition) -> FetchRequest {
    let partition = partition.with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic_id(TOPIC_ID).with_partitions(vec![partition]);
    FetchRequest::default().with_max_bytes(1 << 20).with_session_epoch(-1).with_topics(vec![topic])
}

fn answered(response: Response) -> naru_wire::messages::fetch_response::PartitionData {
    let Response::Fetch(response) = response else { panic!("an answer to Fetch") };
    response.responses[0].partitions[0].clone()
}

/// KIP-392: a consumer reads from a follower, as far as that knows that it may.
#[test]
fn semantics_23_followers_serve_consumers_up_to_their_own_high_watermark() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    assert_eq!(cluster.consume(1, 0), (ErrorCode::None, 1, ["a".to_string()].into()));
    assert_eq!(cluster.consume(2, 0), (ErrorCode::None, 0, Vec::new()), "its high watermark lags");
    assert_eq!(cluster.consume(2, 1).0, ErrorCode::OffsetNotAvailable);
    assert_eq!(cluster.consume(2, 2).0, ErrorCode::OffsetOutOfRange);
    cluster.pass(600);
    assert_eq!(cluster.consume(2, 0), (ErrorCode::None, 1, ["a".to_string()].into()));
}

/// KIP-392: the leader sends a consumer that names its rack to the replica there.
#[test]
fn semantics_23_a_consumer_is_sent_to_the_replica_in_its_rack() {
    let mut cluster = Cluster::with(&[1, 2, 3], |config| {
        config.cluster.rack = Some(if config.node_id == 3 { "west" } else { "east" }.into());
        config.replication.selector_class = "org.apache.kafka.common.replica.RackAwareReplicaSelector".into();
    });
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    let from = |rack: &'static str| {
        fetch(FetchPartition::default().with_current_leader_epoch(-1).with_last_fetched_epoch(-1))
            .with_rack_id(StrBytes::from_static_str(rack))
    };
    let west = answered(cluster.ask(1, 17, from("west")));
    assert_eq!((west.preferred_read_replica.0, west.records.unwrap_or_default().len()), (3, 0));
    for rack in ["east", "north", ""] {
        let here = answered(cluster.ask(1, 17, from(rack)));
        assert_eq!(here.preferred_read_replica.0, -1, "{rack}");
        assert!(!here.records.unwrap_or_default().is_empty());
    }
}

/// SEMANTICS 21: old epochs are fenced, newer ones unknown; and an epoch that ended elsewhere is told.
#[test]
fn semantics_21_epochs_are_checked_and_divergence_is_told_to_clients() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.elect(2, &[1, 2]);
    cluster.pass(1_100);
    let sent = cluster.produce(2, -1, "b");
    assert!(cluster.produced(sent).is_some());
    let at = |epoch: i32, offset: i64, last: i32| {
        fetch(
            FetchPartition::default()
                .with_current_leader_epoch(epoch)
                .with_fetch_offset(offset)
                .with_last_fetched_epoch(last),
        )
    };
    let fenced = answered(cluster.ask(2, 17, at(0, 0, -1)));
    assert_eq!(ErrorCode::from_code(fenced.error_code), ErrorCode::FencedLeaderEpoch);
    assert_eq!((fenced.current_leader.leader_id.0, fenced.current_leader.leader_epoch), (2, 1));
    let unknown = answered(cluster.ask(2, 17, at(2, 0, -1)));
    assert_eq!(ErrorCode::from_code(unknown.error_code), ErrorCode::UnknownLeaderEpoch);
    // A client that has read up to offset 5 in epoch 0 has read what is not there any more.
    let parted = answered(cluster.ask(2, 17, at(1, 2, 0)));
    assert_eq!((parted.diverging_epoch.epoch, parted.diverging_epoch.end_offset), (0, 1));
}

#[test]
fn semantics_24_offset_for_leader_epoch_returns_the_largest_epoch_not_after_the_one_asked_for() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.elect(1, &[1, 2]);
    cluster.elect(1, &[1, 2]);
    cluster.pass(1_100);
    let sent = cluster.produce(1, -1, "b");
    assert!(cluster.produced(sent).is_some());
    let mut ask = |node: i32, epoch: i32| {
        let partition = OffsetForLeaderPartition::default().with_current_leader_epoch(-1).with_leader_epoch(epoch);
        let topic = OffsetForLeaderTopic::default()
            .with_topic(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
        let Response::OffsetForLeaderEpoch(response) = cluster.ask(node, 4, request) else { panic!("an answer") };
        let answer = &response.topics[0].partitions[0];
        (ErrorCode::from_code(answer.error_code), answer.leader_epoch, answer.end_offset)
    };
    assert_eq!(ask(1, 0), (ErrorCode::None, 0, 1));
    assert_eq!(ask(1, 2), (ErrorCode::None, 2, 2));
    assert_eq!(ask(1, 3), (ErrorCode::None, -1, -1));
    assert_eq!(ask(2, 0), (ErrorCode::NotLeaderOrFollower, -1, -1));
}

/// SEMANTICS 22, KIP-207: only the leader says where the log ends, and only when it knows.
#[test]
fn semantics_22_a_new_leader_does_not_know_the_latest_offset_yet() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    let ask = |cluster: &mut Cluster, node: i32, version: i16| {
        let partition = ListOffsetsPartition::default().with_current_leader_epoch(-1).with_timestamp(-1);
        let topic = ListOffsetsTopic::default()
            .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        let Response::ListOffsets(response) = cluster.ask(node, version, request) else { panic!("an answer") };
        let answer = &response.topics[0].partitions[0];
        (ErrorCode::from_code(answer.error_code), answer.offset)
    };
    assert_eq!(ask(&mut cluster, 1, 7), (ErrorCode::None, 1));
    assert_eq!(ask(&mut cluster, 2, 7), (ErrorCode::NotLeaderOrFollower, -1));
    cluster.kill(1);
    cluster.isolate(3);
    cluster.elect(2, &[2, 3]);
    assert_eq!(ask(&mut cluster, 2, 7), (ErrorCode::OffsetNotAvailable, -1));
    assert_eq!(ask(&mut cluster, 2, 4), (ErrorCode::LeaderNotAvailable, -1));
    cluster.rejoin(3);
    cluster.tell();
    cluster.run();
    cluster.pass(1_100);
    assert_eq!(ask(&mut cluster, 2, 7), (ErrorCode::None, 1));
}

/// KIP-903: a broker that has been started anew since does not count as what it was.
#[test]
fn semantics_26_a_follower_with_an_old_broker_epoch_is_refused() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let as_follower = |id: i32, epoch: i64| {
        let replica = ReplicaState::default().with_replica_id(BrokerId(id)).with_replica_epoch(epoch);
        fetch(FetchPartition::default().with_current_leader_epoch(0).with_last_fetched_epoch(-1))
            .with_replica_state(replica)
    };
    let stale = answered(cluster.ask(1, 17, as_follower(2, 0)));
    assert_eq!(ErrorCode::from_code(stale.error_code), ErrorCode::NotLeaderOrFollower);
    let stranger = answered(cluster.ask(1, 17, as_follower(9, 0)));
    assert_eq!(ErrorCode::from_code(stranger.error_code), ErrorCode::NotLeaderOrFollower);
}

/// SEMANTICS 40: DeleteRecords is answered when the followers that live have followed.
#[test]
fn semantics_40_delete_records_waits_for_followers() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    for value in ["a", "b", "c"] {
        let sent = cluster.produce(1, -1, value);
        assert!(cluster.produced(sent).is_some());
    }
    cluster.pass(600);
    let sent = cluster.send_delete_records(1, 2);
    assert_eq!(cluster.deleted(sent), None);
    cluster.pass(1_100);
    assert_eq!(cluster.deleted(sent), Some((ErrorCode::None, 2)));
    assert_eq!(cluster.consume(2, 1).0, ErrorCode::OffsetOutOfRange, "gone there, too");
    cluster.isolate(2);
    let sent = cluster.send_delete_records(1, 3);
    cluster.pass(5_000);
    assert_eq!(cluster.deleted(sent), Some((ErrorCode::RequestTimedOut, -1)));
}
