//! Who is in sync.

use super::Cluster;
use naru_wire::ErrorCode;

/// SEMANTICS 26: who was not caught up for replica.lag.time.max.ms leaves; who has caught up joins.
#[test]
fn semantics_26_the_isr_shrinks_and_expands() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.isolate(3);
    let sent = cluster.produce(1, 1, "b");
    assert!(cluster.produced(sent).is_some());
    assert_eq!(cluster.ends(1), (2, 1));
    cluster.pass(29_000);
    assert_eq!(cluster.isr(1), [1, 2, 3], "not yet");
    cluster.pass(17_000);
    assert_eq!(cluster.isr(1), [1, 2]);
    assert_eq!(cluster.ends(1), (2, 2), "and the others go on");
    cluster.rejoin(3);
    cluster.tell();
    cluster.run();
    cluster.pass(2_000);
    assert_eq!(cluster.isr(1), [1, 2, 3]);
    assert_eq!(cluster.asked_isrs, [vec(&[1, 2]), vec(&[1, 2, 3])]);
}

/// An idle partition has nothing to lag behind with, even if a follower is away: until something is written.
#[test]
fn semantics_26_a_follower_that_has_all_there_is_stays_in_the_isr() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.isolate(2);
    cluster.pass(120_000);
    assert_eq!(cluster.isr(1), [1, 2]);
}

/// KIP-497: until the controller has answered, both ISRs count.
#[test]
fn semantics_26_an_isr_that_is_not_decided_counts_as_the_larger_one() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.controller_answers = false;
    cluster.isolate(3);
    let sent = cluster.produce(1, -1, "b");
    cluster.pass(46_000);
    assert_eq!(cluster.isr(1), [1, 2, 3]);
    assert_eq!(cluster.ends(1), (2, 1), "3 may still be in it");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::RequestTimedOut, 1)));
}

/// A leader that was replaced asks in vain.
#[test]
fn semantics_26_an_old_leader_changes_no_isr() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.isolate(1);
    cluster.elect(2, &[2, 3]);
    let sent = cluster.produce(1, 1, "b");
    assert!(cluster.produced(sent).is_some());
    cluster.pass(60_000);
    assert!(cluster.asked_isrs.is_empty());
    assert_eq!(cluster.isr(1), [1, 2, 3], "it believes what it was told last");
    assert_eq!(cluster.ends(1), (2, 1), "and can promise nothing to anybody");
}

fn vec(isr: &[i32]) -> alloc::vec::Vec<i32> {
    isr.to_vec()
}
