//! Quorums without faults, and with one fault at a time.

mod harness;

use harness::{Faults, World};

const SECOND: u64 = 1_000_000;

#[test]
fn three_voters_elect_one_and_commit() {
    let mut world = World::new(1, 3, 1);
    let took = world.run_until(5 * SECOND, |world| world.settled().is_some()).expect("somebody is elected");
    assert!(took < 3 * SECOND, "{took}");
    for _ in 0..20 {
        world.write().expect("it leads");
        world.run(10_000);
    }
    assert!(world.run_until(SECOND, World::caught_up).is_some(), "all nodes have all of it");
    world.checks.all_there(1, &world.nodes);
    let leader = world.settled().expect("one leads");
    assert_eq!(world.raft(leader).end_offset(), 21);
    // All are told at once, not when a fetch has waited long enough.
    assert_eq!(world.leaders().len(), 1);
}

#[test]
fn a_quorum_at_rest_says_little() {
    let mut world = World::new(2, 3, 1);
    world.run_until(5 * SECOND, |world| world.settled().is_some()).expect("somebody is elected");
    world.run(SECOND);
    world.sent.clear();
    let epoch = world.leaders();
    world.run(60 * SECOND);
    assert_eq!(world.leaders(), epoch, "nothing disturbs it");
    assert_eq!(world.sent.keys().copied().collect::<Vec<_>>(), ["Fetch"]);
    // Two followers and an observer, a fetch each half second.
    assert!((300..=400).contains(&world.sent["Fetch"]), "{:?}", world.sent);
}

#[test]
fn when_the_leader_loses_power_another_one_goes_on() {
    let mut world = World::new(3, 3, 0);
    let leader = settle(&mut world);
    world.write();
    world.run(SECOND);
    world.stop(leader, true);
    let took = world.run_until(10 * SECOND, |world| world.settled().is_some()).expect("another is elected");
    assert!(took < 5 * SECOND, "{took} us");
    world.write().expect("it leads");
    world.start(leader);
    assert!(world.run_until(5 * SECOND, World::caught_up).is_some());
    world.checks.all_there(3, &world.nodes);
}

#[test]
fn a_leader_that_resigns_is_followed_at_once() {
    let mut world = World::new(4, 3, 0);
    let leader = settle(&mut world);
    let epoch = world.raft(leader).epoch();
    world.with(leader, |raft, io| raft.resign(io));
    let took = world.run_until(5 * SECOND, |world| world.leaders().iter().any(|(later, _)| *later > epoch));
    assert!(took.expect("another is elected") < SECOND / 2, "{took:?} us, and no timeout is as short");
}

#[test]
fn kip_996_a_node_that_was_cut_off_does_not_disturb() {
    for seed in 0..20 {
        let mut world = World::new(seed, 3, 0);
        let leader = settle(&mut world);
        let epoch = world.raft(leader).epoch();
        let follower = world.voters.iter().copied().find(|id| *id != leader).expect("there are three");
        world.isolate(follower);
        world.run(30 * SECOND);
        assert_eq!(world.raft(follower).epoch(), epoch, "seed {seed}: it asks, and does not count up epochs");
        world.heal();
        world.run(5 * SECOND);
        assert_eq!(world.leaders(), [(epoch, leader)], "seed {seed}");
        assert!(world.caught_up(), "seed {seed}");
    }
}

#[test]
fn kip_996_one_that_only_cannot_fetch_does_not_disturb_either() {
    for seed in 0..20 {
        let mut world = World::new(seed, 3, 0);
        let leader = settle(&mut world);
        let epoch = world.raft(leader).epoch();
        let follower = world.voters.iter().copied().find(|id| *id != leader).expect("there are three");
        world.cut_both(leader, follower);
        world.run(30 * SECOND);
        assert_eq!(world.leaders(), [(epoch, leader)], "seed {seed}: the third hears from the leader");
    }
}

#[test]
fn a_leader_from_which_no_majority_fetches_resigns() {
    let mut world = World::new(5, 3, 0);
    let leader = settle(&mut world);
    world.isolate(leader);
    let took = world.run_until(10 * SECOND, |world| !world.raft(leader).is_leader()).expect("it resigns");
    assert!((3 * SECOND - SECOND..=3 * SECOND + SECOND).contains(&took), "{took}: 1.5 fetch timeouts are 3 s");
}

#[test]
fn what_was_not_committed_is_cut_when_the_leader_comes_back() {
    let mut world = World::new(6, 3, 0);
    let old = settle(&mut world);
    world.isolate(old);
    // It does not know yet that it is alone.
    for _ in 0..3 {
        world.write();
    }
    world.run(SECOND);
    let lonely_end = world.raft(old).end_offset();
    let others = |world: &World| world.leaders().iter().any(|(_, id)| *id != old);
    world.run_until(20 * SECOND, others).expect("the others elect one");
    world.run(SECOND);
    world.write().expect("the newest leads");
    world.run(SECOND);
    world.heal();
    assert!(world.run_until(10 * SECOND, World::caught_up).is_some());
    world.checks.all_there(6, &world.nodes);
    world.checks.logs_match(6, &world.nodes);
    assert!(world.raft(old).end_offset() < lonely_end + 2, "its three records are gone");
}

#[test]
fn a_voter_whose_disk_was_lost_gets_everything_again() {
    let mut world = World::new(7, 3, 0);
    let leader = settle(&mut world);
    for _ in 0..5 {
        world.write();
    }
    world.run(SECOND);
    let follower = world.voters.iter().copied().find(|id| *id != leader).expect("there are three");
    world.wipe(follower);
    world.run(SECOND);
    world.start(follower);
    assert!(world.run_until(10 * SECOND, World::caught_up).is_some());
    world.checks.all_there(7, &world.nodes);
}

#[test]
fn a_leader_whose_disk_was_lost_is_not_the_leader() {
    let mut world = World::new(8, 3, 0);
    let leader = settle(&mut world);
    world.write();
    world.run(SECOND);
    world.wipe(leader);
    world.start(leader);
    assert!(world.run_until(20 * SECOND, World::caught_up).is_some());
    world.checks.all_there(8, &world.nodes);
}

#[test]
fn kip_630_a_snapshot_takes_the_place_of_a_log_that_is_gone() {
    let mut world = World::new(9, 3, 1);
    world.configure = |config| config.fetch_max_bytes = 300;
    for id in [1, 2, 3, 4] {
        world.stop(id, true);
        world.start(id);
    }
    let leader = settle(&mut world);
    let behind = world.voters.iter().copied().find(|id| *id != leader).expect("there are three");
    world.stop(behind, true);
    for _ in 0..30 {
        world.write();
    }
    world.run(3 * SECOND);
    let end = world.raft(leader).high_watermark();
    let payloads = vec![bytes::Bytes::from_static(b"all there was"); 40];
    let id = world.with(leader, |raft, io| raft.write_snapshot(end, &payloads, io)).expect("it writes").expect("new");
    assert_eq!(world.raft(leader).start_offset(), end);
    world.write();
    world.wipe(4);
    world.start(4);
    world.start(behind);
    assert!(world.run_until(20 * SECOND, World::caught_up).is_some());
    for node in [behind, 4] {
        assert_eq!(world.nodes[&node].snapshots_installed, 1, "node {node}");
        let contents = world.raft(node).load_snapshot(id, &world.nodes[&node].storage).expect("it is whole");
        assert_eq!(contents.payloads, payloads);
        assert_eq!(world.raft(node).start_offset(), end);
    }
    // And it is still there after a restart.
    world.stop(behind, true);
    world.start(behind);
    assert_eq!(world.raft(behind).start_offset(), end);
    assert_eq!(world.raft(behind).latest_snapshot(), Some(id));
    assert!(world.run_until(20 * SECOND, World::caught_up).is_some());
    world.stop(leader, true);
    assert!(world.run_until(20 * SECOND, World::caught_up).is_some(), "and it may vote and lead with it");
}

#[test]
fn an_observer_finds_the_new_leader() {
    let mut world = World::new(10, 3, 2);
    let leader = settle(&mut world);
    world.stop(leader, false);
    assert!(world.run_until(20 * SECOND, World::caught_up).is_some());
    assert_eq!(world.raft(4).role_name(), "observer");
}

#[test]
fn five_voters_survive_the_loss_of_two() {
    let mut world = World::new(11, 5, 0);
    let leader = settle(&mut world);
    world.stop(leader, true);
    let other = world.voters.iter().copied().find(|id| *id != leader).expect("there are five");
    world.stop(other, true);
    world.run_until(20 * SECOND, |world| world.settled().is_some()).expect("three of five are a majority");
    world.write().expect("it leads");
    assert!(world.run_until(SECOND, World::caught_up).is_some());
    let third = world.settled().expect("one leads");
    world.stop(third, true);
    world.run(20 * SECOND);
    assert!(world.leaders().is_empty(), "two of five elect nobody");
}

fn settle(world: &mut World) -> i32 {
    world.faults = Faults::NONE;
    world.run_until(10 * SECOND, |world| world.settled().is_some()).expect("somebody is elected");
    world.run(100_000);
    world.settled().expect("one leads")
}
