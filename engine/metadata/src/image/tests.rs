//! Replaying records: what they add up to, and that a record that does not fit changes nothing.

use super::*;
use crate::record::{ConfigRecord, TopicRecord};
use alloc::{vec, vec::Vec};
use core::time::Duration;

const ORDERS: Uuid = Uuid::from_u128(1);
const NOTES: Uuid = Uuid::from_u128(2);

fn topic(name: &str, topic_id: Uuid) -> MetadataRecord {
    MetadataRecord::Topic(TopicRecord { name: name.into(), topic_id })
}

fn partition(topic_id: Uuid, partition_id: i32) -> MetadataRecord {
    MetadataRecord::Partition(PartitionRecord {
        partition_id,
        topic_id,
        replicas: vec![1],
        isr: vec![1],
        removing_replicas: vec![],
        adding_replicas: vec![],
        leader: 1,
        leader_recovery_state: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![],
        elr: vec![],
        last_known_elr: vec![],
    })
}

fn config(topic: &str, name: &str, value: Option<&str>) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: RESOURCE_TOPIC,
        resource_name: topic.into(),
        name: name.into(),
        value: value.map(Into::into),
    })
}

fn image(records: &[MetadataRecord]) -> Image {
    let mut image = Image::default();
    records.iter().for_each(|record| image.replay(record).unwrap());
    image
}

fn error(image: &mut Image, record: &MetadataRecord) -> String {
    let before = image.clone();
    let error = image.replay(record).unwrap_err();
    assert_eq!(*image, before, "a record that does not fit changes nothing");
    error.reason
}

#[test]
fn a_topic_is_found_by_name_and_by_id() {
    let image = image(&[topic("orders", ORDERS), partition(ORDERS, 0), partition(ORDERS, 1)]);
    assert_eq!(image.topic("orders").unwrap().id, ORDERS);
    assert_eq!(image.topic_by_id(ORDERS).unwrap().name, "orders");
    assert_eq!(image.topic("orders").unwrap().partitions.len(), 2);
    assert_eq!(image.partition("orders", 1).unwrap().leader, 1);
    assert_eq!(image.partition("orders", 2), None);
    assert_eq!(image.partition("orders", -1), None);
}

#[test]
fn removing_a_topic_leaves_nothing_of_it() {
    let mut image = image(&[topic("a.b", ORDERS), partition(ORDERS, 0), config("a.b", "retention.ms", Some("5"))]);
    assert_eq!(image.colliding("a_b"), Some("a.b"));
    image.replay(&MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: ORDERS })).unwrap();
    assert_eq!(image, Image::default());
}

#[test]
fn a_topic_that_is_created_again_has_no_configuration_left_over() {
    let remove = MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: ORDERS });
    let image =
        image(&[topic("orders", ORDERS), config("orders", "retention.ms", Some("5")), remove, topic("orders", NOTES)]);
    assert!(image.topic("orders").unwrap().configs.is_empty());
    assert!(image.topic_by_id(ORDERS).is_none());
}

#[test]
fn a_configuration_is_set_and_reset() {
    let mut image = image(&[topic("orders", ORDERS), config("orders", "retention.ms", Some("5"))]);
    assert_eq!(image.topic("orders").unwrap().configs["retention.ms"], "5");
    image.replay(&config("orders", "retention.ms", None)).unwrap();
    assert!(image.topic("orders").unwrap().configs.is_empty());
}

/// A new leader, even if it is the old one, begins a new leader epoch; any change counts the partition epoch up.
#[test]
fn epochs_count_leaders_and_changes() {
    let mut image = image(&[topic("orders", ORDERS), partition(ORDERS, 0)]);
    let change = PartitionChangeRecord { partition_id: 0, topic_id: ORDERS, ..Default::default() };
    let shrink = PartitionChangeRecord { isr: Some(vec![]), leader: Some(-1), ..change.clone() };
    image.replay(&MetadataRecord::PartitionChange(shrink)).unwrap();
    image.replay(&MetadataRecord::PartitionChange(change)).unwrap();
    let partition = image.partition("orders", 0).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch, partition.partition_epoch), (-1, 1, 2));
    assert!(partition.isr.is_empty());
}

#[test]
fn records_that_do_not_fit_are_refused_with_a_reason() {
    let mut image = image(&[topic("orders", ORDERS), partition(ORDERS, 0)]);
    let cases = [
        (topic("orders", NOTES), "TopicRecord for 'orders', which exists already"),
        (topic("notes", ORDERS), "TopicRecord for 'notes' with the id of 'orders'"),
        (partition(ORDERS, 2), "PartitionRecord for partition 2 of 'orders', which has 1 partition(s)"),
        (partition(ORDERS, -1), "PartitionRecord for partition -1 of 'orders', which has 1 partition(s)"),
        (config("notes", "a", None), "ConfigRecord for topic 'notes', which does not exist"),
        (
            MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: NOTES }),
            "RemoveTopicRecord for topic id 00000000-0000-0000-0000-000000000002, which does not exist",
        ),
        (
            MetadataRecord::UnregisterBroker(UnregisterBrokerRecord { broker_id: 4, broker_epoch: 0 }),
            "UnregisterBrokerRecord for broker 4, which is not registered",
        ),
    ];
    for (record, expected) in cases {
        assert_eq!(error(&mut image, &record), expected);
    }
}

/// Whatever records come, in whatever order: an error changes nothing, and both ways to a topic agree.
#[test]
fn any_sequence_of_records_keeps_names_and_ids_together() {
    bolero::check!().with_test_time(Duration::from_millis(800)).with_type::<Vec<(u8, u8)>>().for_each(|choices| {
        let mut image = Image::default();
        for (kind, which) in choices {
            let id = Uuid::from_u128(u128::from(which % 4));
            let name = ["a.b", "a_b", "c", "d"][usize::from(which / 4 % 4)];
            let record = match kind % 5 {
                0 => topic(name, id),
                1 => partition(id, i32::from(which / 64)),
                2 => MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: id }),
                3 => config(name, "retention.ms", (which % 3 > 0).then_some("1")),
                _ => MetadataRecord::NoOp,
            };
            let before = image.clone();
            if image.replay(&record).is_err() {
                assert_eq!(image, before);
            }
            for topic in image.topics() {
                assert_eq!(image.topic_by_id(topic.id), Some(topic));
                assert_eq!(image.colliding(&topic.name).is_some(), topic.name.contains(['.', '_']));
            }
            assert_eq!(image.names.len(), image.topics.len());
        }
    });
}
