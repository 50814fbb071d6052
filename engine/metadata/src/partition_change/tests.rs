//! What no other test looks at, by the tests of Kafka's `PartitionChangeBuilderTest`.

use super::*;
use crate::test_cluster::TestCluster;

#[test]
fn a_change_that_changes_nothing_is_no_record() {
    let cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let topic = cluster.image.topic("orders").unwrap();
    let context = Cluster { image: &cluster.image, settings: &cluster.settings };
    assert_eq!(PartitionChange::new(context, topic, 0, cluster.partition(0), &|_| true).build(), None);
}

/// A replica in a directory that failed does not lead, although its broker lives (KIP-858).
#[test]
fn a_replica_in_a_lost_directory_does_not_lead() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let lost = PartitionChangeRecord {
        topic_id: crate::test_cluster::ORDERS,
        directories: Some(vec![crate::cluster::DIRECTORY_LOST, crate::test_cluster::directory(2)]),
        ..Default::default()
    };
    cluster.replay(&[crate::MetadataRecord::PartitionChange(lost)]);
    let topic = cluster.image.topic("orders").unwrap();
    let context = Cluster { image: &cluster.image, settings: &cluster.settings };
    let record = PartitionChange::new(context, topic, 0, cluster.partition(0), &|_| true).build().unwrap();
    assert_eq!(record.leader, Some(2));
}

/// A preferred election that cannot have the preferred replica leaves the leader as it is.
#[test]
fn a_preferred_election_prefers_and_does_not_insist() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let records = crate::fence_broker(&cluster.image, &cluster.settings, 1);
    cluster.replay(&records);
    let elect = |cluster: &TestCluster, isr: &[i32]| {
        let topic = cluster.image.topic("orders").unwrap();
        let context = Cluster { image: &cluster.image, settings: &cluster.settings };
        let mut change = PartitionChange::new(context, topic, 0, cluster.partition(0), &|_| true);
        change.election = Election::Preferred;
        change.isr = isr.to_vec();
        change.build().and_then(|record| record.leader)
    };
    assert_eq!(elect(&cluster, &[2]), None);
    assert_eq!(elect(&cluster, &[2, 1]), Some(1));
}
