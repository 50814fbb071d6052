//! Records against the bytes that Apache Kafka 4.1.1 writes for them, and against bytes that nobody wrote.

use super::*;
use alloc::vec;
use core::time::Duration;

const TOPIC: Uuid = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
const DIRECTORY: Uuid = Uuid::from_u128(0x1112_1314_1516_1718_191a_1b1c_1d1e_1f20);

fn partition() -> PartitionRecord {
    PartitionRecord {
        partition_id: 2,
        topic_id: TOPIC,
        replicas: vec![1, 2],
        isr: vec![1],
        removing_replicas: vec![],
        adding_replicas: vec![],
        leader: 1,
        leader_recovery_state: 0,
        leader_epoch: 3,
        partition_epoch: 4,
        directories: vec![DIRECTORY, DIRECTORY],
        elr: vec![],
        last_known_elr: vec![],
    }
}

fn config(value: Option<&str>) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: 2,
        resource_name: "orders".into(),
        name: "retention.ms".into(),
        value: value.map(Into::into),
    })
}

fn registration() -> RegisterBrokerRecord {
    RegisterBrokerRecord {
        broker_id: 1,
        is_migrating_zk_broker: false,
        incarnation_id: TOPIC,
        broker_epoch: 5,
        end_points: vec![BrokerEndpoint {
            name: "PLAINTEXT".into(),
            host: "localhost".into(),
            port: 65535,
            security_protocol: 0,
        }],
        features: vec![BrokerFeature {
            name: "metadata.version".into(),
            min_supported_version: 7,
            max_supported_version: 27,
        }],
        rack: None,
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: vec![DIRECTORY],
    }
}

/// A record of every kind, and the bytes that Kafka's `MetadataRecordSerde` makes of it.
fn golden() -> Vec<(MetadataRecord, &'static str)> {
    vec![
        (
            MetadataRecord::Topic(TopicRecord { name: "orders".into(), topic_id: TOPIC }),
            "01 02 00 | 07 6f7264657273 | 0102030405060708090a0b0c0d0e0f10 | 00",
        ),
        (
            MetadataRecord::Partition(partition()),
            "01 03 02 | 00000002 | 0102030405060708090a0b0c0d0e0f10 | 03 00000001 00000002 | 02 00000001 | 01 | 01 | \
             00000001 | 00000003 | 00000004 | 03 1112131415161718191a1b1c1d1e1f20 1112131415161718191a1b1c1d1e1f20 | 00",
        ),
        (
            MetadataRecord::PartitionChange(PartitionChangeRecord {
                partition_id: 1,
                topic_id: TOPIC,
                isr: Some(vec![1, 3]),
                leader: Some(3),
                directories: Some(vec![DIRECTORY]),
                ..Default::default()
            }),
            "01 05 02 | 00000001 | 0102030405060708090a0b0c0d0e0f10 | 03 | 00 09 03 00000001 00000003 | 01 04 00000003 | \
             08 11 02 1112131415161718191a1b1c1d1e1f20",
        ),
        (
            MetadataRecord::Partition(PartitionRecord { elr: vec![2], last_known_elr: vec![3], ..partition() }),
            "01 03 02 | 00000002 | 0102030405060708090a0b0c0d0e0f10 | 03 00000001 00000002 | 02 00000001 | 01 | 01 | \
             00000001 | 00000003 | 00000004 | 03 1112131415161718191a1b1c1d1e1f20 1112131415161718191a1b1c1d1e1f20 | \
             02 | 01 05 02 00000002 | 02 05 02 00000003",
        ),
        (
            MetadataRecord::PartitionChange(PartitionChangeRecord {
                partition_id: 1,
                topic_id: TOPIC,
                isr: Some(vec![]),
                leader: Some(-1),
                replicas: Some(vec![1, 2]),
                removing_replicas: Some(vec![]),
                adding_replicas: Some(vec![2]),
                leader_recovery_state: Some(1),
                elr: Some(vec![1]),
                last_known_elr: Some(vec![3]),
                directories: None,
            }),
            "01 05 02 | 00000001 | 0102030405060708090a0b0c0d0e0f10 | 08 | 00 01 01 | 01 04 ffffffff | \
             02 09 03 00000001 00000002 | 03 01 01 | 04 05 02 00000002 | 05 01 01 | 06 05 02 00000001 | 07 05 02 00000003",
        ),
        (config(Some("1000")), "01 04 00 | 02 | 07 6f7264657273 | 0d 726574656e74696f6e2e6d73 | 05 31303030 | 00"),
        (config(None), "01 04 00 | 02 | 07 6f7264657273 | 0d 726574656e74696f6e2e6d73 | 00 | 00"),
        (
            MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: TOPIC }),
            "01 09 00 | 0102030405060708090a0b0c0d0e0f10 | 00",
        ),
        (
            MetadataRecord::FeatureLevel(FeatureLevelRecord { name: "metadata.version".into(), feature_level: 27 }),
            "01 0c 00 | 11 6d657461646174612e76657273696f6e | 001b | 00",
        ),
        (
            MetadataRecord::ProducerIds(ProducerIdsRecord { broker_id: 1, broker_epoch: 8, next_producer_id: 1000 }),
            "01 0f 00 | 00000001 | 0000000000000008 | 00000000000003e8 | 00",
        ),
        (MetadataRecord::NoOp, "01 14 00 | 00"),
        (
            MetadataRecord::UnregisterBroker(UnregisterBrokerRecord { broker_id: 1, broker_epoch: 8 }),
            "01 01 00 | 00000001 | 0000000000000008 | 00",
        ),
        (
            MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
                broker_id: 1,
                broker_epoch: 8,
                fenced: -1,
                in_controlled_shutdown: 0,
                log_dirs: vec![DIRECTORY],
            }),
            "01 11 02 | 00000001 | 0000000000000008 | 02 | 00 01 ff | 02 11 02 1112131415161718191a1b1c1d1e1f20",
        ),
        (
            MetadataRecord::RegisterBroker(registration()),
            "01 00 03 | 00000001 | 00 | 0102030405060708090a0b0c0d0e0f10 | 0000000000000005 | \
             02 0a 504c41494e54455854 0a 6c6f63616c686f7374 ffff 0000 00 | \
             02 11 6d657461646174612e76657273696f6e 0007 001b 00 | 00 | 01 | 00 | \
             01 | 00 11 02 1112131415161718191a1b1c1d1e1f20",
        ),
    ]
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn records_are_kafkas_byte_for_byte() {
    for (record, hex) in golden() {
        assert_eq!(record.encode()[..], bytes(hex)[..], "{}", record.name());
    }
}

#[test]
fn records_that_kafka_wrote_are_read() {
    for (record, hex) in golden() {
        assert_eq!(MetadataRecord::decode(&bytes(hex)), Ok(record));
    }
}

/// What later versions of Kafka add in tagged fields is passed over.
#[test]
fn tagged_fields_that_are_not_known_are_passed_over() {
    let hex = "01 03 02 | 00000000 | 0102030405060708090a0b0c0d0e0f10 | 02 00000001 | 02 00000001 | 01 | 01 | 00000001 | \
               00000000 | 00000000 | 02 1112131415161718191a1b1c1d1e1f20 | 01 09 05 02 00000001";
    let Ok(MetadataRecord::Partition(record)) = MetadataRecord::decode(&bytes(hex)) else { panic!("not read") };
    assert_eq!((record.partition_id, record.leader), (0, 1));
}

#[test]
fn older_versions_are_read() {
    // PartitionRecord version 1, recovering from an unclean election, and version 0, which has no directories.
    let recovering = "01 03 01 | 00000000 | 0102030405060708090a0b0c0d0e0f10 | 02 00000001 | 02 00000001 | 01 | 01 | \
                      00000001 | 00000000 | 00000000 | 02 1112131415161718191a1b1c1d1e1f20 | 01 00 01 01";
    let Ok(MetadataRecord::Partition(record)) = MetadataRecord::decode(&bytes(recovering)) else { panic!("v1") };
    assert_eq!((record.leader_recovery_state, record.directories.len()), (1, 1));
    let oldest = "01 03 00 | 00000000 | 0102030405060708090a0b0c0d0e0f10 | 02 00000001 | 02 00000001 | 01 | 01 | \
                  00000001 | 00000000 | 00000000 | 00";
    let Ok(MetadataRecord::Partition(record)) = MetadataRecord::decode(&bytes(oldest)) else { panic!("v0") };
    assert!(record.directories.is_empty());
}

#[test]
fn what_is_not_understood_is_named() {
    let error = |hex| alloc::string::ToString::to_string(&MetadataRecord::decode(&bytes(hex)).unwrap_err());
    assert_eq!(error("02 02 00"), "a metadata record with frame version 2; only 1 is known");
    assert_eq!(error("01 63 00"), "a metadata record of unknown kind 99, version 0");
    assert_eq!(error("01 02 01"), "a metadata record of unknown kind 2, version 1");
    assert_eq!(error("01 02 00 07 6f72"), "TopicRecord is cut off or damaged at name");
    assert_eq!(error("01 02 00 00"), "TopicRecord is cut off or damaged at name");
    assert_eq!(error(""), "a metadata record is cut off or damaged at frame version");
}

#[test]
fn a_truncated_record_is_refused_or_shorter_but_never_a_panic() {
    for (record, hex) in golden() {
        let bytes = bytes(hex);
        for length in 0..bytes.len() {
            if let Ok(read) = MetadataRecord::decode(&bytes[..length]) {
                // Only the (empty) tagged fields at the end may be missing.
                assert_eq!((read, length), (record.clone(), bytes.len() - 1));
            }
        }
    }
}

#[test]
fn a_hostile_length_reserves_nothing() {
    // Four billion replicas.
    let hex = "01 03 02 | 00000000 | 0102030405060708090a0b0c0d0e0f10 | ff ff ff ff 0f";
    let error = RecordError::Malformed { record: "PartitionRecord", field: "replicas" };
    assert_eq!(MetadataRecord::decode(&bytes(hex)), Err(error));
}

#[test]
fn garbage_never_panics() {
    bolero::check!().with_test_time(Duration::from_millis(800)).with_type::<(u8, u8, Vec<u8>)>().for_each(
        |(kind, version, body)| {
            let bytes = [&[1, kind % 21, version % 4], &body[..]].concat();
            if let Ok(record) = MetadataRecord::decode(&bytes) {
                assert_eq!(MetadataRecord::decode(&record.encode()), Ok(record), "what was read can be written");
            }
        },
    );
}
