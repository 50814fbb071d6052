//! Whatever an image is: its snapshot, replayed, and through bytes, is the same image.

use super::*;
use crate::{
    create_topics, fence_broker, record::BrokerRegistrationChangeRecord, record::PartitionChangeRecord,
    record::RemoveTopicRecord, test_cluster::TestCluster,
};
use alloc::{format, vec};
use core::time::Duration;
use naru_trace::Trace;
use naru_wire::{
    TopicName,
    messages::{CreateTopicsRequest, create_topics_request::CreatableTopic},
};

fn replayed(image: &Image) -> Image {
    let mut copy = Image::default();
    for record in image.snapshot() {
        let read = MetadataRecord::decode(&record.encode()).unwrap();
        assert_eq!(read, record);
        copy.replay(&read).unwrap();
    }
    copy
}

#[test]
fn an_empty_image_is_no_records() {
    assert_eq!(Image::default().snapshot(), vec![]);
}

/// Records of every kind, in any order that fits.
fn record(image: &Image, kind: u8, which: u8) -> Vec<MetadataRecord> {
    let settings = crate::Settings::stand_alone(1);
    let name = ["a.b", "orders", "notes", "x_y"][usize::from(which % 4)];
    let id = image.topic(name).map(|topic| topic.id).unwrap_or_default();
    let (broker_id, broker_epoch) = (i32::from(which % 3) + 1, 100 + i64::from(which % 3) + 1);
    match kind % 9 {
        0 | 1 => {
            let topic = CreatableTopic::default()
                .with_name(TopicName(String::from(name).into()))
                .with_num_partitions(i32::from(which / 4 % 4) + 1)
                .with_replication_factor(i16::from(which % 2) + 1);
            let mut next = 7_000;
            let mut new_id = || {
                next += 1;
                Uuid::from_u128(next)
            };
            let request = CreateTopicsRequest::default().with_topics(vec![topic]);
            create_topics(image, &settings, &request, &mut new_id, &mut Trace::default()).records
        }
        2 => vec![MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: id })],
        3 => vec![config(RESOURCE_TOPIC, name, "retention.ms", "5")],
        4 => vec![config(4, ["", "1", "2"][usize::from(which % 3)], "log.retention.ms", &format!("{which}"))],
        5 => fence_broker(image, &settings, broker_id),
        6 => vec![MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
            broker_id,
            broker_epoch,
            fenced: -1,
            in_controlled_shutdown: i8::from(which > 128),
            log_dirs: vec![],
        })],
        7 => vec![MetadataRecord::PartitionChange(PartitionChangeRecord {
            partition_id: i32::from(which / 4 % 4),
            topic_id: id,
            isr: Some(vec![]),
            leader: Some(-1),
            elr: Some(vec![1]),
            last_known_elr: Some(vec![2]),
            adding_replicas: Some(vec![3]),
            removing_replicas: Some(vec![1]),
            leader_recovery_state: Some(1),
            ..Default::default()
        })],
        _ => vec![MetadataRecord::ProducerIds(ProducerIdsRecord {
            broker_id,
            broker_epoch,
            next_producer_id: image.next_producer_id() + 1_000,
        })],
    }
}

#[test]
fn kip_630_a_snapshot_replayed_is_the_same_image() {
    bolero::check!().with_test_time(Duration::from_millis(800)).with_type::<Vec<(u8, u8)>>().for_each(|choices| {
        let mut image = TestCluster::with_elr(&[1, 2, 3]).image;
        for (kind, which) in choices {
            for record in record(&image, *kind, *which) {
                let _ = image.replay(&record);
            }
        }
        assert_eq!(replayed(&image), image);
    });
}
