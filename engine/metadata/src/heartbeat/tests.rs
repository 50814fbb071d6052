//! Heartbeats, by the tests of Kafka's `BrokerHeartbeatManagerTest` and `ReplicationControlManagerTest`.

use super::*;
use crate::test_cluster::{TestCluster, epoch};
use alloc::{vec, vec::Vec};
use naru_wire::BrokerId;

const NOW: Micros = Micros(1_000_000);

fn heartbeat(broker: i32) -> BrokerHeartbeatRequest {
    BrokerHeartbeatRequest::default()
        .with_broker_id(BrokerId(broker))
        .with_broker_epoch(epoch(broker))
        .with_current_metadata_offset(200)
}

fn beat(cluster: &mut TestCluster, liveness: &mut Liveness, request: &BrokerHeartbeatRequest) -> Heartbeat {
    let decision = broker_heartbeat(&cluster.image, &cluster.settings, liveness, request, NOW).unwrap();
    cluster.take(decision)
}

#[test]
fn a_broker_is_unfenced_when_it_has_caught_up_with_its_registration() {
    let mut cluster = TestCluster::of(&[2]);
    cluster.register(1);
    let mut liveness = Liveness::new(9_000);
    let behind = heartbeat(1).with_current_metadata_offset(epoch(1) - 1);
    let answer = beat(&mut cluster, &mut liveness, &behind);
    assert_eq!((answer.is_caught_up, answer.is_fenced), (false, true));
    let answer = beat(&mut cluster, &mut liveness, &heartbeat(1).with_want_fence(true));
    assert_eq!((answer.is_caught_up, answer.is_fenced), (true, true), "it does not want to yet");
    let answer = beat(&mut cluster, &mut liveness, &heartbeat(1));
    assert_eq!((answer.is_caught_up, answer.is_fenced), (true, false));
    assert!(!cluster.image.broker(1).unwrap().fenced);
}

#[test]
fn a_broker_of_another_epoch_or_none_is_stale() {
    let cluster = TestCluster::of(&[1]);
    let mut liveness = Liveness::new(9_000);
    let mut error = |request: &BrokerHeartbeatRequest| {
        broker_heartbeat(&cluster.image, &cluster.settings, &mut liveness, request, NOW).unwrap_err()
    };
    assert_eq!(error(&heartbeat(1).with_broker_epoch(100)), ErrorCode::StaleBrokerEpoch);
    assert_eq!(error(&heartbeat(2)), ErrorCode::StaleBrokerEpoch);
    assert!(!liveness.has_session(1, 100, NOW), "a stale heartbeat keeps nobody alive");
}

#[test]
fn semantics_28_a_broker_stops_when_its_leaders_are_elsewhere_and_all_know() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3]]);
    let mut liveness = Liveness::new(9_000);
    let stopping = heartbeat(1).with_want_shut_down(true);
    for other in [2, 3] {
        beat(&mut cluster, &mut liveness, &heartbeat(other));
    }
    let answer = beat(&mut cluster, &mut liveness, &stopping);
    assert!(answer.in_controlled_shutdown && !answer.should_shut_down && !answer.is_fenced);
    assert_eq!(cluster.partition(0).leader, 2);
    liveness.begin_shutdown(1, 300);

    beat(&mut cluster, &mut liveness, &heartbeat(2).with_current_metadata_offset(300));
    assert!(!beat(&mut cluster, &mut liveness, &stopping).should_shut_down, "3 has not heard of it");
    beat(&mut cluster, &mut liveness, &heartbeat(3).with_current_metadata_offset(300));
    let answer = beat(&mut cluster, &mut liveness, &stopping);
    assert!(answer.should_shut_down && answer.is_fenced);
    assert!(cluster.image.broker(1).unwrap().fenced);
    assert!(!liveness.has_session(1, epoch(1), NOW), "its next start need not wait");
}

#[test]
fn a_broker_that_leads_nothing_or_is_fenced_stops_at_once() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[2, 1]]);
    let mut liveness = Liveness::new(9_000);
    let answer = beat(&mut cluster, &mut liveness, &heartbeat(1).with_want_shut_down(true));
    assert!(answer.should_shut_down && answer.is_fenced);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 0 partition epoch 1");
    let before = cluster.image.clone();
    let answer = beat(&mut cluster, &mut liveness, &heartbeat(1).with_want_shut_down(true));
    assert!(answer.should_shut_down);
    assert_eq!(cluster.image, before);
}

#[test]
fn a_broker_that_wants_to_be_fenced_is() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let mut liveness = Liveness::new(9_000);
    assert!(beat(&mut cluster, &mut liveness, &heartbeat(1).with_want_fence(true)).is_fenced);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 1");
}

#[test]
fn sessions_expire_one_timeout_after_the_last_heartbeat() {
    let mut cluster = TestCluster::of(&[1, 2]);
    let mut liveness = Liveness::new(9_000);
    liveness.reset(&cluster.image, NOW);
    let at = |micros: u64| NOW.plus(micros);
    assert_eq!(liveness.next_expiry(&cluster.image), Some(at(9_000_000)));
    let later =
        broker_heartbeat(&cluster.image, &cluster.settings, &mut liveness, &heartbeat(2), at(2_000_000)).unwrap();
    cluster.take(later);
    assert_eq!(liveness.expired(&cluster.image, at(8_999_999)), Vec::<i32>::new());
    assert_eq!(liveness.expired(&cluster.image, at(9_000_000)), vec![1]);
    cluster.set_fenced(1, true);
    assert_eq!(liveness.expired(&cluster.image, at(9_000_000)), Vec::<i32>::new(), "it is fenced already");
    assert_eq!(liveness.next_expiry(&cluster.image), Some(at(11_000_000)));
    let own = liveness.watched_by(2);
    assert_eq!(own.next_expiry(&cluster.image), None, "who watches is alive");
    assert_eq!(own.expired(&cluster.image, at(99_000_000)), Vec::<i32>::new());
}

#[test]
fn a_directory_fails_before_the_broker_is_unfenced() {
    let mut cluster = TestCluster::of(&[2]).orders(&[&[2]]);
    cluster.register(1);
    let mut liveness = Liveness::new(9_000);
    let request = heartbeat(1).with_offline_log_dirs(vec![crate::test_cluster::directory(1)]);
    let decision = broker_heartbeat(&cluster.image, &cluster.settings, &mut liveness, &request, NOW).unwrap();
    assert_eq!(decision.records.len(), 1, "nothing of it is left to say: {:?}", decision.records);
}

#[test]
fn a_broker_that_was_never_heard_of_gets_a_whole_session() {
    let cluster = TestCluster::of(&[1]);
    let mut liveness = Liveness::new(9_000);
    assert_eq!(liveness.next_expiry(&cluster.image), Some(Micros(0)));
    liveness.notice(&cluster.image, NOW);
    liveness.notice(&cluster.image, NOW.plus(5_000_000));
    assert_eq!(liveness.next_expiry(&cluster.image), Some(NOW.plus(9_000_000)));
}
