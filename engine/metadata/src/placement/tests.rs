//! Placement, by the tests of Kafka's `StripedReplicaPlacerTest`.

use super::*;
use crate::test_cluster::{ORDERS, TestCluster};

fn placed(cluster: &TestCluster, count: i32, factor: i16) -> Result<Vec<Vec<i32>>, ApiError> {
    place(Cluster { image: &cluster.image, settings: &cluster.settings }, ORDERS, 0, count, factor)
}

fn rack(broker: i32) -> i32 {
    (broker - 1) % 3
}

#[test]
fn replicas_are_in_as_many_racks_as_there_are() {
    let cluster = TestCluster::of(&[1, 2, 3, 4, 5, 6]);
    for replicas in placed(&cluster, 60, 3).unwrap() {
        let mut racks: Vec<i32> = replicas.iter().map(|id| rack(*id)).collect();
        racks.sort_unstable();
        assert_eq!(racks, [0, 1, 2], "{replicas:?}");
    }
}

#[test]
fn leaders_and_replicas_are_spread_evenly() {
    let cluster = TestCluster::of(&[1, 2, 3, 4, 5, 6]);
    let placed = placed(&cluster, 60, 2).unwrap();
    for broker in 1..=6 {
        let leads = placed.iter().filter(|replicas| replicas[0] == broker).count();
        let holds = placed.iter().filter(|replicas| replicas.contains(&broker)).count();
        // Within a rack it is chance who leads between two shuffles: Kafka's stripes are even in racks, and nearly in brokers.
        assert!((5..=15).contains(&leads), "broker {broker} leads {leads} of 60");
        assert!((15..=25).contains(&holds), "broker {broker} holds {holds} of 120");
    }
    for wanted in 0..3 {
        let leads = placed.iter().filter(|replicas| rack(replicas[0]) == wanted).count();
        assert_eq!(leads, 20, "rack {wanted}");
    }
}

#[test]
fn a_fenced_broker_does_not_lead_and_one_that_stops_gets_nothing() {
    let mut cluster = TestCluster::of(&[1, 2, 3, 4]);
    cluster.set_fenced(2, true);
    cluster.begin_shutdown(3);
    let all = placed(&cluster, 20, 3).unwrap();
    assert!(all.iter().all(|replicas| replicas[0] != 2 && !replicas.contains(&3)), "{all:?}");
    assert!(all.iter().all(|replicas| replicas.contains(&2)), "it is needed for three replicas");
    let error = placed(&cluster, 1, 4).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidReplicationFactor);
    for id in [1, 2, 4] {
        cluster.set_fenced(id, true);
    }
    assert_eq!(placed(&cluster, 1, 1).unwrap_err().message, "All brokers are currently fenced.");
}

#[test]
fn more_replicas_than_brokers_cannot_be() {
    let error = placed(&TestCluster::of(&[1, 2]), 1, 3).unwrap_err();
    assert_eq!(
        error.message,
        "The target replication factor of 3 cannot be reached because only 2 broker(s) are registered."
    );
}

#[test]
fn no_replica_is_twice_on_a_broker_and_the_same_topic_is_placed_alike() {
    for brokers in 1..=7 {
        let ids: Vec<i32> = (1..=brokers).collect();
        let cluster = TestCluster::of(&ids);
        for factor in 1..=brokers {
            let all = placed(&cluster, 25, factor as i16).unwrap();
            for replicas in &all {
                let mut distinct = replicas.clone();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!(distinct.len(), factor as usize, "{replicas:?}");
            }
            assert_eq!(all, placed(&cluster, 25, factor as i16).unwrap());
        }
    }
}

#[test]
fn a_new_partition_is_in_sync_where_brokers_are_active() {
    let mut cluster = TestCluster::of(&[1, 2, 3]);
    cluster.set_fenced(1, true);
    let context = Cluster { image: &cluster.image, settings: &cluster.settings };
    let record = new_partition(context, ORDERS, 0, vec![1, 2, 3]).unwrap();
    assert_eq!((record.leader, &record.isr[..], &record.replicas[..]), (2, &[2, 3][..], &[1, 2, 3][..]));
    assert_eq!(record.directories, [1, 2, 3].map(crate::test_cluster::directory));
    assert_eq!(new_partition(context, ORDERS, 0, vec![1]), None);
}
