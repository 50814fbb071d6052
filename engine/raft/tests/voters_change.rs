//! Who votes, changed while the quorum runs (KIP-853).

mod harness;

use harness::World;
use naru_raft::{RaftReply, TOPIC};
use naru_wire::{ErrorCode, Request, Response, StrBytes, messages as kp};

const SECOND: u64 = 1_000_000;

fn settle(world: &mut World) -> i32 {
    world.run_until(20 * SECOND, |world| world.settled().is_some()).expect("somebody is elected");
    world.run(SECOND);
    world.settled().expect("one leads")
}

fn add(id: i32) -> Request {
    let listener = kp::add_raft_voter_request::Listener::default()
        .with_name(StrBytes::from_static_str("CONTROLLER"))
        .with_host(StrBytes::from_static_str("localhost"))
        .with_port(9000 + id as u16);
    kp::AddRaftVoterRequest::default()
        .with_cluster_id(None)
        .with_timeout_ms(3_000)
        .with_voter_id(id)
        .with_listeners(vec![listener])
        .into()
}

fn remove(id: i32) -> Request {
    kp::RemoveRaftVoterRequest::default().with_cluster_id(None).with_voter_id(id).into()
}

fn error_of(response: &Response) -> ErrorCode {
    ErrorCode::from_code(match response {
        Response::AddRaftVoter(response) => response.error_code,
        Response::RemoveRaftVoter(response) => response.error_code,
        Response::UpdateRaftVoter(response) => response.error_code,
        other => panic!("{other:?}"),
    })
}

/// The error at once, or `None` if it waits.
fn ask(world: &mut World, id: i32, request: &Request) -> Option<ErrorCode> {
    match world.with(id, |raft, io| raft.on_request(request, 0, u64::MAX, io)) {
        RaftReply::Now(response) => Some(error_of(&response)),
        RaftReply::Wait { .. } => None,
    }
}

fn with_voters_in_log(world: &mut World) -> i32 {
    let leader = settle(world);
    world.with(leader, |raft, io| raft.put_voters_into_log(io)).expect("it leads");
    world.run(SECOND);
    leader
}

#[test]
fn kip_853_configured_voters_cannot_be_changed() {
    let mut world = World::new(1, 3, 1);
    let leader = settle(&mut world);
    assert_eq!(ask(&mut world, leader, &add(4)), Some(ErrorCode::UnsupportedVersion));
    assert_eq!(ask(&mut world, leader, &remove(2)), Some(ErrorCode::UnsupportedVersion));
    let follower = [1, 2, 3].into_iter().find(|id| *id != leader).expect("there are three");
    assert_eq!(ask(&mut world, follower, &remove(2)), Some(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn kip_853_an_observer_becomes_a_voter() {
    let mut world = World::new(2, 3, 1);
    let leader = with_voters_in_log(&mut world);
    assert_eq!(ask(&mut world, leader, &add(2)), Some(ErrorCode::DuplicateVoter));
    assert_eq!(ask(&mut world, leader, &add(9)), Some(ErrorCode::RequestTimedOut), "nobody knows node 9");
    assert_eq!(ask(&mut world, leader, &add(4)), None, "it waits until the new set is committed");
    assert_eq!(world.raft(leader).voters().len(), 4, "the new set counts at once");
    assert_eq!(ask(&mut world, leader, &remove(2)), Some(ErrorCode::RequestTimedOut), "one change at a time");
    world.run(SECOND);
    for id in 1..=4 {
        assert_eq!(world.raft(id).voters().keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
    // Three of four are a majority, two are not.
    world.stop(leader, true);
    settle(&mut world);
    let second = world.settled().expect("one leads");
    world.stop(second, true);
    world.run(20 * SECOND);
    assert!(world.leaders().is_empty(), "two of four elect nobody");
    world.start(leader);
    assert_eq!(world.raft(leader).voters().len(), 4, "it is in the log");
    settle(&mut world);
}

#[test]
fn kip_853_a_leader_that_is_removed_commits_that_and_goes() {
    let mut world = World::new(3, 3, 0);
    let leader = with_voters_in_log(&mut world);
    assert_eq!(ask(&mut world, leader, &remove(9)), Some(ErrorCode::VoterNotFound));
    assert_eq!(ask(&mut world, leader, &remove(leader)), None);
    assert!(world.raft(leader).is_leader(), "it leads until that is committed");
    world.run_until(10 * SECOND, |world| world.settled().is_some_and(|id| id != leader)).expect("another leads");
    assert!(world.run_until(10 * SECOND, World::caught_up).is_some());
    assert_eq!(world.raft(leader).role_name(), "observer");
    world.write().expect("the newest leads");
    assert!(world.run_until(10 * SECOND, World::caught_up).is_some(), "it watches from now on");
}

#[test]
fn kip_853_a_set_that_was_not_committed_is_undone_with_its_record() {
    let mut world = World::new(4, 3, 1);
    let leader = with_voters_in_log(&mut world);
    world.isolate(leader);
    assert_eq!(ask(&mut world, leader, &add(4)), None);
    assert_eq!(world.raft(leader).voters().len(), 4);
    world.run(20 * SECOND);
    world.heal();
    assert!(world.run_until(20 * SECOND, World::caught_up).is_some());
    assert_eq!(world.raft(leader).voters().len(), 3);
    world.checks.logs_match(4, &world.nodes);
}

#[test]
fn kip_853_where_a_voter_is_reached_can_change() {
    let mut world = World::new(5, 3, 0);
    let leader = with_voters_in_log(&mut world);
    let listener = kp::update_raft_voter_request::Listener::default()
        .with_host(StrBytes::from_static_str("elsewhere"))
        .with_port(19_092);
    let mut update = kp::UpdateRaftVoterRequest::default()
        .with_cluster_id(None)
        .with_current_leader_epoch(world.raft(leader).epoch() - 1)
        .with_voter_id(2)
        .with_listeners(vec![listener]);
    assert_eq!(ask(&mut world, leader, &update.clone().into()), Some(ErrorCode::FencedLeaderEpoch));
    update.current_leader_epoch += 1;
    assert_eq!(ask(&mut world, leader, &update.into()), None);
    world.run(SECOND);
    for id in 1..=3 {
        let voter = &world.raft(id).voters()[&2];
        assert_eq!((voter.host.as_str(), voter.port), ("elsewhere", 19_092), "node {id}");
    }
}

#[test]
fn kip_853_a_snapshot_knows_who_votes() {
    let mut world = World::new(6, 3, 1);
    let leader = with_voters_in_log(&mut world);
    assert_eq!(ask(&mut world, leader, &add(4)), None);
    world.run(SECOND);
    let behind = (1..=3).find(|id| *id != leader).expect("there are three");
    world.wipe(behind);
    let end = world.raft(leader).high_watermark();
    world
        .with(leader, |raft, io| raft.write_snapshot(end, &[bytes::Bytes::from_static(b"all")], io))
        .expect("it writes");
    world.start(behind);
    assert!(world.run_until(20 * SECOND, World::caught_up).is_some());
    assert_eq!(world.raft(behind).voters().len(), 4);
    world.stop(behind, true);
    world.start(behind);
    assert_eq!(world.raft(behind).voters().len(), 4, "after a restart as well");
}

#[test]
fn describe_quorum_says_who_votes_and_how_far_each_is() {
    let mut world = World::new(7, 3, 1);
    let leader = settle(&mut world);
    world.write();
    world.run(SECOND);
    let partition = kp::describe_quorum_request::PartitionData::default();
    let topic = kp::describe_quorum_request::TopicData::default()
        .with_topic_name(naru_wire::TopicName(StrBytes::from_static_str(TOPIC)))
        .with_partitions(vec![partition]);
    let request: Request = kp::DescribeQuorumRequest::default().with_topics(vec![topic]).into();
    let reply = world.with(leader, |raft, io| raft.on_request(&request, 2, 0, io));
    let RaftReply::Now(Response::DescribeQuorum(described)) = reply else { panic!("{reply:?}") };
    let partition = &described.topics[0].partitions[0];
    assert_eq!((partition.leader_id.0, partition.high_watermark), (leader, 2));
    assert_eq!(partition.current_voters.iter().map(|it| it.replica_id.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(partition.observers.iter().map(|it| it.replica_id.0).collect::<Vec<_>>(), [4]);
    for state in partition.current_voters.iter().chain(&partition.observers) {
        assert_eq!(state.log_end_offset, 2);
        assert!(state.last_caught_up_timestamp > 1_700_000_000_000 && state.last_fetch_timestamp > 0, "{state:?}");
    }
    assert_eq!(described.nodes.len(), 3);
    let follower = (1..=3).find(|id| *id != leader).expect("there are three");
    let reply = world.with(follower, |raft, io| raft.on_request(&request, 2, 0, io));
    let RaftReply::Now(Response::DescribeQuorum(described)) = reply else { panic!("{reply:?}") };
    let error = ErrorCode::from_code(described.topics[0].partitions[0].error_code);
    assert_eq!(error, ErrorCode::NotLeaderOrFollower);
}
