//! Requests that are wrong, late, or from somewhere else: each gets Kafka's own error, and changes nothing that it must not.

mod harness;

use harness::World;
use naru_raft::{RaftReply, TOPIC, TOPIC_ID};
use naru_wire::{ErrorCode, Request, Response, StrBytes, TopicName, messages as kp};

const SECOND: u64 = 1_000_000;

fn settled(seed: u64) -> (World, i32, i32) {
    let mut world = World::new(seed, 3, 0);
    world.run_until(20 * SECOND, |world| world.settled().is_some()).expect("somebody is elected");
    world.run(SECOND);
    let leader = world.settled().expect("one leads");
    let follower = (1..=3).find(|id| *id != leader).expect("there are three");
    (world, leader, follower)
}

fn topic_name() -> TopicName {
    TopicName(StrBytes::from_static_str(TOPIC))
}

fn cluster(name: &'static str) -> Option<StrBytes> {
    Some(StrBytes::from_static_str(name))
}

struct Vote {
    candidate: i32,
    epoch: i32,
    last: (i32, i64),
    pre_vote: bool,
}

fn vote(vote: &Vote, to: i32) -> kp::VoteRequest {
    let partition = kp::vote_request::PartitionData::default()
        .with_replica_epoch(vote.epoch)
        .with_replica_id(vote.candidate.into())
        .with_last_offset_epoch(vote.last.0)
        .with_last_offset(vote.last.1)
        .with_pre_vote(vote.pre_vote);
    let topic = kp::vote_request::TopicData::default().with_topic_name(topic_name()).with_partitions(vec![partition]);
    kp::VoteRequest::default()
        .with_cluster_id(cluster("test-cluster"))
        .with_voter_id(to.into())
        .with_topics(vec![topic])
}

fn ask(world: &mut World, to: i32, request: impl Into<Request>) -> Response {
    let request = request.into();
    let version = request.api().versions().max;
    match world.with(to, |raft, io| raft.on_request(&request, version, 7, io)) {
        RaftReply::Now(response) => response,
        RaftReply::Wait { .. } => panic!("it waits"),
    }
}

/// The error, and whether the vote was granted.
fn ask_vote(world: &mut World, to: i32, asked: &Vote) -> (ErrorCode, bool) {
    let Response::Vote(response) = ask(world, to, vote(asked, to)) else { panic!("not a Vote response") };
    let partition = &response.topics[0].partitions[0];
    (ErrorCode::from_code(partition.error_code), partition.vote_granted)
}

fn fetch(replica: i32, epoch: i32, offset: i64, last_epoch: i32) -> kp::FetchRequest {
    let partition = kp::fetch_request::FetchPartition::default()
        .with_current_leader_epoch(epoch)
        .with_fetch_offset(offset)
        .with_last_fetched_epoch(last_epoch)
        .with_partition_max_bytes(1 << 20);
    let topic = kp::fetch_request::FetchTopic::default().with_topic_id(TOPIC_ID).with_partitions(vec![partition]);
    kp::FetchRequest::default()
        .with_replica_state(kp::fetch_request::ReplicaState::default().with_replica_id(replica.into()))
        .with_cluster_id(cluster("test-cluster"))
        .with_topics(vec![topic])
}

fn ask_fetch(world: &mut World, to: i32, request: kp::FetchRequest) -> kp::fetch_response::PartitionData {
    let Response::Fetch(response) = ask(world, to, request) else { panic!("not a Fetch response") };
    response.responses[0].partitions[0].clone()
}

#[test]
fn another_cluster_is_refused_by_every_request() {
    let (mut world, leader, follower) = settled(1);
    let foreign = || cluster("another-cluster");
    let asked = Vote { candidate: follower, epoch: 90, last: (80, 900), pre_vote: false };
    let requests: [Request; 5] = [
        vote(&asked, leader).with_cluster_id(foreign()).into(),
        fetch(follower, 1, 0, 0).with_cluster_id(foreign()).into(),
        kp::BeginQuorumEpochRequest::default().with_cluster_id(foreign()).into(),
        kp::EndQuorumEpochRequest::default().with_cluster_id(foreign()).into(),
        kp::FetchSnapshotRequest::default().with_cluster_id(foreign()).into(),
    ];
    for request in requests {
        let code = match ask(&mut world, leader, request) {
            Response::Vote(response) => response.error_code,
            Response::Fetch(response) => response.error_code,
            Response::BeginQuorumEpoch(response) => response.error_code,
            Response::EndQuorumEpoch(response) => response.error_code,
            Response::FetchSnapshot(response) => response.error_code,
            other => panic!("{other:?}"),
        };
        assert_eq!(ErrorCode::from_code(code), ErrorCode::InconsistentClusterId);
    }
    assert!(world.raft(leader).is_leader(), "a foreign epoch does not count");
}

#[test]
fn votes_of_the_past_and_of_nobody_are_refused() {
    let (mut world, _, follower) = settled(2);
    let epoch = world.raft(follower).epoch();
    let end = world.raft(follower).end_offset();
    for (asked, error) in [
        (Vote { candidate: 9, epoch: epoch - 1, last: (0, 0), pre_vote: false }, ErrorCode::FencedLeaderEpoch),
        (Vote { candidate: -1, epoch: epoch + 1, last: (0, 0), pre_vote: false }, ErrorCode::InvalidRequest),
        (Vote { candidate: 9, epoch: epoch + 1, last: (epoch + 1, end), pre_vote: false }, ErrorCode::InvalidRequest),
        (Vote { candidate: 9, epoch: epoch + 1, last: (0, -1), pre_vote: false }, ErrorCode::InvalidRequest),
    ] {
        assert_eq!(ask_vote(&mut world, follower, &asked), (error, false));
        assert_eq!(world.raft(follower).epoch(), epoch, "and nothing has changed");
    }
    let mine = Vote { candidate: 9, epoch: epoch + 1, last: (epoch, end), pre_vote: false };
    let Response::Vote(response) = ask(&mut world, follower, vote(&mine, 77)) else { panic!("not a Vote response") };
    let error = ErrorCode::from_code(response.topics[0].partitions[0].error_code);
    assert_eq!(error, ErrorCode::InvalidVoterKey, "it is meant for another voter");
    let Response::Vote(response) = ask(&mut world, follower, kp::VoteRequest::default()) else { panic!("not a Vote") };
    assert_eq!(ErrorCode::from_code(response.error_code), ErrorCode::InvalidRequest, "it is about no partition");
}

#[test]
fn one_vote_in_an_epoch_also_after_a_power_failure() {
    let (mut world, leader, follower) = settled(3);
    let (epoch, end) = (world.raft(follower).epoch() + 1, world.raft(follower).end_offset());
    (1..=3).filter(|id| *id != follower).for_each(|id| world.stop(id, true));
    let first = Vote { candidate: leader, epoch, last: (epoch - 1, end), pre_vote: false };
    let third = (1..=3).find(|id| *id != leader && *id != follower).expect("there are three");
    let second = Vote { candidate: third, epoch, last: (epoch - 1, end + 5), pre_vote: false };
    assert_eq!(ask_vote(&mut world, follower, &first), (ErrorCode::None, true));
    assert_eq!(ask_vote(&mut world, follower, &second), (ErrorCode::None, false));
    world.stop(follower, true);
    world.start(follower);
    assert_eq!(ask_vote(&mut world, follower, &second), (ErrorCode::None, false), "it has not forgotten");
    assert_eq!(ask_vote(&mut world, follower, &first), (ErrorCode::None, true), "the same vote may be asked for again");
}

#[test]
fn whoever_is_behind_gets_no_vote_and_a_pre_vote_binds_nobody() {
    let (mut world, _, follower) = settled(4);
    let (epoch, end) = (world.raft(follower).epoch(), world.raft(follower).end_offset());
    (1..=3).filter(|id| *id != follower).for_each(|id| world.stop(id, true));
    // It has heard from the leader in this epoch.
    let pre_vote = Vote { candidate: 9, epoch, last: (epoch, end), pre_vote: true };
    assert_eq!(ask_vote(&mut world, follower, &pre_vote), (ErrorCode::None, false), "it has a leader");
    world.run_until(10 * SECOND, |world| world.raft(follower).role_name() == "prospective").expect("no leader answers");
    assert_eq!(ask_vote(&mut world, follower, &pre_vote), (ErrorCode::None, true));
    assert_eq!(world.raft(follower).epoch(), epoch);
    let behind = Vote { candidate: 9, epoch: epoch + 1, last: (epoch, end - 1), pre_vote: false };
    assert_eq!(ask_vote(&mut world, follower, &behind), (ErrorCode::None, false));
    let good = Vote { candidate: 8, epoch: epoch + 1, last: (epoch, end), pre_vote: false };
    assert_eq!(ask_vote(&mut world, follower, &good), (ErrorCode::None, true));
}

#[test]
fn fetches_in_the_wrong_epoch_or_place_get_kafka_s_errors() {
    let (mut world, leader, follower) = settled(5);
    let epoch = world.raft(leader).epoch();
    for (to, request, error) in [
        (leader, fetch(follower, epoch - 1, 0, 0), ErrorCode::FencedLeaderEpoch),
        (leader, fetch(follower, epoch + 1, 0, 0), ErrorCode::UnknownLeaderEpoch),
        (follower, fetch(leader, epoch, 0, 0), ErrorCode::NotLeaderOrFollower),
        (leader, fetch(follower, epoch, -1, 0), ErrorCode::InvalidRequest),
        (leader, fetch(follower, epoch, 0, -1), ErrorCode::InvalidRequest),
    ] {
        let answer = ask_fetch(&mut world, to, request);
        assert_eq!(ErrorCode::from_code(answer.error_code), error);
        assert_eq!((answer.current_leader.leader_id.0, answer.current_leader.leader_epoch), (leader, epoch));
    }
    // Beyond the end, or of an epoch that the leader does not know: this is where the logs part.
    let answer = ask_fetch(&mut world, leader, fetch(follower, epoch, 50, epoch));
    assert_eq!((answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset), (epoch, 1));
    assert_eq!(answer.records.map(|records| records.len()), Some(0));
    // The same from an old client of the protocol: no error, and none of the fields that its version lacks.
    let topic = kp::fetch_request::FetchTopic::default().with_topic(topic_name()).with_partitions(vec![
        kp::fetch_request::FetchPartition::default().with_current_leader_epoch(epoch).with_last_fetched_epoch(0),
    ]);
    let old: Request = kp::FetchRequest::default().with_topics(vec![topic]).into();
    let RaftReply::Now(response) = world.with(leader, |raft, io| raft.on_request(&old, 11, 0, io)) else {
        panic!("it waits")
    };
    naru_wire::encode_response(1, 11, &response).expect("version 11 can hold it");
}

#[test]
fn all_answers_can_be_encoded_in_their_version() {
    let (mut world, leader, follower) = settled(6);
    let epoch = world.raft(leader).epoch();
    let asked = Vote { candidate: follower, epoch, last: (0, 0), pre_vote: false };
    for version in 0..=2 {
        let request: Request = vote(&asked, leader).into();
        let RaftReply::Now(response) = world.with(leader, |raft, io| raft.on_request(&request, version, 0, io)) else {
            panic!("it waits")
        };
        naru_wire::encode_response(1, version, &response).expect("it can be encoded");
    }
    for version in 12..=18 {
        let request: Request = fetch(follower, epoch, 0, 0).into();
        let RaftReply::Now(response) = world.with(leader, |raft, io| raft.on_request(&request, version, 0, io)) else {
            panic!("it waits")
        };
        naru_wire::encode_response(1, version, &response).expect("it can be encoded");
    }
}

#[test]
fn a_second_leader_of_one_epoch_is_refused() {
    let (mut world, leader, follower) = settled(7);
    let begun = kp::begin_quorum_epoch_request::PartitionData::default()
        .with_leader_id(99.into())
        .with_leader_epoch(world.raft(follower).epoch());
    let topic =
        kp::begin_quorum_epoch_request::TopicData::default().with_topic_name(topic_name()).with_partitions(vec![begun]);
    let request = kp::BeginQuorumEpochRequest::default().with_voter_id(follower.into()).with_topics(vec![topic]);
    let Response::BeginQuorumEpoch(answer) = ask(&mut world, follower, request) else { panic!("another response") };
    assert_eq!(ErrorCode::from_code(answer.topics[0].partitions[0].error_code), ErrorCode::InvalidRequest);
    assert_eq!(world.raft(follower).leader(), Some(leader));
}

#[test]
fn snapshots_that_are_not_there_get_kafka_s_errors() {
    let (mut world, leader, follower) = settled(8);
    world.write();
    world.run(SECOND);
    let end = world.raft(leader).high_watermark();
    let epoch = world.raft(leader).epoch();
    let payloads = [bytes::Bytes::from_static(b"all")];
    let written = world.with(leader, |raft, io| raft.write_snapshot(end, &payloads, io)).expect("it writes");
    let there = written.expect("it is new");
    for (id, epoch_asked, position, error) in [
        ((there.end_offset + 1, there.epoch), epoch, 0, ErrorCode::SnapshotNotFound),
        ((there.end_offset, there.epoch), epoch, 1 << 40, ErrorCode::PositionOutOfRange),
        ((there.end_offset, there.epoch), epoch, -1, ErrorCode::PositionOutOfRange),
        ((there.end_offset, there.epoch), epoch - 1, 0, ErrorCode::FencedLeaderEpoch),
        ((there.end_offset, there.epoch), epoch, 0, ErrorCode::None),
    ] {
        let id = kp::fetch_snapshot_request::SnapshotId::default().with_end_offset(id.0).with_epoch(id.1);
        let partition = kp::fetch_snapshot_request::PartitionSnapshot::default()
            .with_current_leader_epoch(epoch_asked)
            .with_snapshot_id(id)
            .with_position(position);
        let topic = kp::fetch_snapshot_request::TopicSnapshot::default()
            .with_name(topic_name())
            .with_partitions(vec![partition]);
        let request = kp::FetchSnapshotRequest::default().with_replica_id(follower.into()).with_topics(vec![topic]);
        let Response::FetchSnapshot(answer) = ask(&mut world, leader, request) else { panic!("another response") };
        assert_eq!(ErrorCode::from_code(answer.topics[0].partitions[0].error_code), error);
    }
}
