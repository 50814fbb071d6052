//! What is left of partitions when brokers go, by the tests of Kafka's `ReplicationControlManagerTest` and KIP-966.

use super::*;
use crate::test_cluster::{TestCluster, directory, epoch};
use alloc::vec;

fn fence(cluster: &mut TestCluster, broker: i32) {
    let records = fence_broker(&cluster.image, &cluster.settings, broker);
    cluster.replay(&records);
    assert!(cluster.image.broker(broker).unwrap().fenced);
}

fn unfence(cluster: &mut TestCluster, broker: i32) {
    let records = unfence_broker(Cluster { image: &cluster.image, settings: &cluster.settings }, broker, epoch(broker));
    cluster.replay(&records);
}

#[test]
fn semantics_27_a_leader_is_elected_from_the_in_sync_replicas_that_live() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3], &[2, 3, 1], &[3, 1]]);
    fence(&mut cluster, 1);
    assert_eq!(cluster.show(0), "leader 2 isr [2, 3] epoch 1 partition epoch 1");
    assert_eq!(cluster.show(1), "leader 2 isr [2, 3] epoch 0 partition epoch 1", "whoever leads goes on");
    assert_eq!(cluster.show(2), "leader 3 isr [3] epoch 0 partition epoch 1");
}

#[test]
fn semantics_27_the_last_in_sync_replica_stays_and_leads_again_when_it_is_back() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    fence(&mut cluster, 2);
    fence(&mut cluster, 1);
    assert_eq!(cluster.show(0), "leader -1 isr [1] epoch 1 partition epoch 2");
    // Broker 2 lives again, and knows less than was acknowledged: nobody leads.
    unfence(&mut cluster, 2);
    assert_eq!(cluster.show(0), "leader -1 isr [1] epoch 1 partition epoch 2");
    unfence(&mut cluster, 1);
    assert_eq!(cluster.show(0), "leader 1 isr [1] epoch 2 partition epoch 3");
}

#[test]
fn kip_704_an_unclean_election_is_marked_and_only_done_where_it_is_allowed() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]).config("unclean.leader.election.enable", "true");
    fence(&mut cluster, 2);
    unfence(&mut cluster, 2);
    fence(&mut cluster, 1);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 2 recovering");
}

#[test]
fn kip_966_without_enough_in_sync_replicas_who_was_in_sync_stays_eligible() {
    let mut cluster = TestCluster::with_elr(&[1, 2, 3]).orders(&[&[1, 2, 3]]).config("min.insync.replicas", "2");
    fence(&mut cluster, 3);
    assert_eq!(cluster.show(0), "leader 1 isr [1, 2] epoch 0 partition epoch 1");
    fence(&mut cluster, 2);
    assert_eq!(cluster.show(0), "leader 1 isr [1] epoch 0 partition epoch 2 elr [2]");
    fence(&mut cluster, 1);
    assert_eq!(cluster.show(0), "leader -1 isr [] epoch 1 partition epoch 3 elr [1, 2] last known [1]");
    unfence(&mut cluster, 3);
    assert_eq!(cluster.partition(0).leader, -1, "3 is not eligible");
    unfence(&mut cluster, 2);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 2 partition epoch 4 elr [1]");
}

#[test]
fn kip_966_who_did_not_stop_in_good_order_is_not_eligible() {
    let mut cluster = TestCluster::with_elr(&[1, 2]).orders(&[&[1, 2]]).config("min.insync.replicas", "2");
    fence(&mut cluster, 1);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 1 elr [1]");
    let records = incarnation_ended(Cluster { image: &cluster.image, settings: &cluster.settings }, 1, false);
    cluster.replay(&records);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 2");
}

#[test]
fn kip_966_the_last_known_leader_is_elected_when_nobody_is_eligible() {
    let mut cluster = TestCluster::with_elr(&[1, 2]).orders(&[&[1, 2]]).config("min.insync.replicas", "2");
    fence(&mut cluster, 2);
    fence(&mut cluster, 1);
    for broker in [1, 2] {
        let records = incarnation_ended(Cluster { image: &cluster.image, settings: &cluster.settings }, broker, false);
        cluster.replay(&records);
    }
    assert_eq!(cluster.show(0), "leader -1 isr [] epoch 1 partition epoch 4 last known [1]");
    unfence(&mut cluster, 2);
    assert_eq!(cluster.partition(0).leader, -1);
    unfence(&mut cluster, 1);
    assert_eq!(cluster.show(0), "leader 1 isr [1] epoch 2 partition epoch 5 recovering");
}

#[test]
fn controlled_shutdown_moves_leaders_first() {
    let mut cluster = TestCluster::of(&[1, 2, 3]).orders(&[&[1, 2, 3], &[2, 1], &[1]]);
    let records =
        begin_controlled_shutdown(Cluster { image: &cluster.image, settings: &cluster.settings }, 1, epoch(1));
    cluster.replay(&records);
    assert_eq!(cluster.show(0), "leader 2 isr [2, 3] epoch 1 partition epoch 1");
    assert_eq!(cluster.show(1), "leader 2 isr [2] epoch 0 partition epoch 1");
    assert_eq!(cluster.show(2), "leader -1 isr [1] epoch 1 partition epoch 1", "its only replica: nobody can lead");
    assert!(cluster.image.broker(1).unwrap().in_controlled_shutdown);
    assert!(!has_leaderships(&cluster.image, 1));
}

#[test]
fn a_broker_that_is_unregistered_is_gone_and_leads_nothing() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let decision = unregister_broker(&cluster.image, &cluster.settings, 1).unwrap();
    cluster.take(decision);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 1");
    let error = unregister_broker(&cluster.image, &cluster.settings, 1).unwrap_err();
    assert_eq!(error.code, ErrorCode::BrokerIdNotRegistered);
    assert_eq!(error.message, "Broker ID 1 is not currently registered");
}

#[test]
fn kip_858_a_directory_that_failed_takes_only_its_partitions_along() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let other = Uuid::from_u128(7_777);
    let two_directories = BrokerRegistrationChangeRecord {
        broker_id: 1,
        broker_epoch: epoch(1),
        fenced: 0,
        in_controlled_shutdown: 0,
        log_dirs: vec![directory(1), other],
    };
    cluster.replay(&[MetadataRecord::BrokerRegistrationChange(two_directories)]);
    let failed = |cluster: &TestCluster, id| {
        directories_failed(Cluster { image: &cluster.image, settings: &cluster.settings }, 1, &[id])
    };
    assert_eq!(failed(&cluster, Uuid::from_u128(9)), vec![]);
    assert_eq!(failed(&cluster, other).len(), 1, "nothing is in it");
    let records = failed(&cluster, directory(1));
    cluster.replay(&records);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 1");
    assert_eq!(cluster.image.broker(1).unwrap().log_dirs, [other]);
}
