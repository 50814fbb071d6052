//! What a producer is promised.

use super::{Cluster, batch, first_produced, produce_request};
use naru_wire::{ErrorCode, Response};

/// acks=all is answered when all in sync have the record, and not before.
#[test]
fn acks_all_waits_for_the_isr() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 0)), "followers fetch at once, and then again");
    assert_eq!(cluster.ends(1), (1, 1));
    assert_eq!(cluster.log_values(3), ["a"]);
    cluster.isolate(3);
    let sent = cluster.produce(1, -1, "b");
    assert_eq!(cluster.produced(sent), None, "3 is still in the ISR");
    assert_eq!(cluster.ends(1), (2, 1));
    let quick = cluster.produce(1, 1, "c");
    assert_eq!(cluster.produced(quick), Some((ErrorCode::None, 2)), "acks=1 waits for nobody");
}

/// SEMANTICS 3: a Produce that is not replicated in time is an error, and its record stays.
#[test]
fn semantics_03_a_timed_out_produce_stays_in_the_log() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    cluster.isolate(2);
    let sent = cluster.produce(1, -1, "a");
    cluster.pass(4_999);
    assert_eq!(cluster.produced(sent), None);
    cluster.pass(1);
    assert_eq!(cluster.produced(sent), Some((ErrorCode::RequestTimedOut, 0)));
    assert_eq!(cluster.log_values(1), ["a"]);
    cluster.rejoin(2);
    cluster.pass(1_100);
    assert_eq!(cluster.ends(1), (1, 1), "and is replicated after all");
    assert_eq!(cluster.log_values(2), ["a"]);
}

/// SEMANTICS 2: before the append, when too few are in sync.
#[test]
fn semantics_02_not_enough_replicas_before_the_append() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[("min.insync.replicas", "2")]);
    cluster.isolate(2);
    cluster.isolate(3);
    cluster.elect(1, &[1]);
    let sent = cluster.produce(1, -1, "a");
    assert_eq!(cluster.produced(sent).map(|(error, _)| error), Some(ErrorCode::NotEnoughReplicas));
    assert_eq!(cluster.ends(1), (0, 0), "nothing was written");
    let sent = cluster.produce(1, 1, "b");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 0)), "acks=1 does not ask how many there are");
    assert_eq!(cluster.ends(1), (1, 0), "but nobody gets to read what too few have (KIP-966)");
    for id in [2, 3] {
        cluster.rejoin(id);
    }
    cluster.tell();
    cluster.run();
    cluster.pass(2_000);
    assert_eq!((cluster.isr(1).len(), cluster.ends(1)), (3, (1, 1)));
}

/// SEMANTICS 2: after the append, when the ISR has shrunk while the record was on its way.
#[test]
fn semantics_02_not_enough_replicas_after_the_append() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[("min.insync.replicas", "3")]);
    cluster.isolate(3);
    let sent = cluster.produce(1, -1, "a");
    assert_eq!(cluster.produced(sent), None);
    cluster.elect(1, &[1, 2]);
    let told = cluster.look(1, |state| {
        let topic = state.topics.by_name(super::TOPIC).unwrap();
        state.error_after_append(crate::topics::PartitionKey { topic, partition: 0 })
    });
    assert_eq!(told, ErrorCode::NotEnoughReplicasAfterAppend, "what it would be told if it were replicated");
    // Since KIP-966 it is not: the high watermark does not move as long as too few are in sync.
    cluster.pass(5_000);
    assert_eq!(cluster.produced(sent), Some((ErrorCode::RequestTimedOut, 0)));
    assert_eq!(cluster.ends(1), (1, 0));
}

/// A leader that loses its office cannot keep its promises.
#[test]
fn semantics_23_who_waits_hears_that_the_leader_is_another_and_which() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    cluster.isolate(3);
    let sent = cluster.produce(1, -1, "a");
    assert_eq!(cluster.produced(sent), None);
    cluster.elect(2, &[1, 2]);
    let response = cluster.answer(sent).unwrap();
    let answer = first_produced(&response);
    assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::NotLeaderOrFollower);
    assert_eq!((answer.current_leader.leader_id.0, answer.current_leader.leader_epoch), (2, 1));
    let Response::Produce(response) = response else { panic!("an answer to Produce") };
    assert_eq!(response.node_endpoints[0].port, 9_002);
    // So does everybody who asks now.
    let sent = cluster.produce(1, 1, "b");
    assert_eq!(cluster.produced(sent).map(|(error, _)| error), Some(ErrorCode::NotLeaderOrFollower));
}

/// SEMANTICS 10: a new leader knows the producers, and recognises their retries.
#[test]
fn semantics_10_a_new_leader_does_not_append_a_retry_again() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.send(1, 12, produce_request(-1, batch("a", Some((7, 0)))));
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 0)));
    cluster.kill(1);
    cluster.elect(2, &[2]);
    let retry = cluster.send(2, 12, produce_request(-1, batch("a", Some((7, 0)))));
    assert_eq!(cluster.produced(retry), Some((ErrorCode::None, 0)), "it has the offset that it had");
    assert_eq!(cluster.ends(2).0, 1);
    let next = cluster.send(2, 12, produce_request(-1, batch("b", Some((7, 1)))));
    assert_eq!(cluster.produced(next), Some((ErrorCode::None, 1)));
}

/// A duplicate is in the log, but perhaps nowhere else yet: it waits like the first.
#[test]
fn a_duplicate_waits_for_the_isr_too() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    cluster.isolate(2);
    let first = cluster.send(1, 12, produce_request(-1, batch("a", Some((7, 0)))));
    let retry = cluster.send(1, 12, produce_request(-1, batch("a", Some((7, 0)))));
    assert_eq!((cluster.produced(first), cluster.produced(retry)), (None, None));
    cluster.rejoin(2);
    cluster.pass(1_100);
    assert_eq!(cluster.produced(first), Some((ErrorCode::None, 0)));
    assert_eq!(cluster.produced(retry), Some((ErrorCode::None, 0)));
}
