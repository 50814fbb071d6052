//! CreatePartitions against the answers of Apache Kafka 4.1.1 on a single broker, word for word.

use super::*;
use crate::{record::TopicRecord, test_cluster::TestCluster};
use alloc::{string::String, string::ToString, vec};
use naru_wire::{
    BrokerId, TopicName, encode_response,
    messages::{CreatePartitionsResponse, create_partitions_request::CreatePartitionsAssignment},
};
use uuid::Uuid;

/// `orders` with three partitions.
fn image() -> Image {
    let mut image = TestCluster::of(&[1]).image;
    let topic_id = Uuid::from_u128(1);
    image.replay(&MetadataRecord::Topic(TopicRecord { name: "orders".into(), topic_id })).unwrap();
    for id in 0..3 {
        let cluster = Cluster { image: &image, settings: &Settings::stand_alone(1) };
        let record = placement::new_partition(cluster, topic_id, id, vec![1]).unwrap();
        image.replay(&MetadataRecord::Partition(record)).unwrap();
    }
    image
}

fn topic(name: &str, count: i32) -> CreatePartitionsTopic {
    CreatePartitionsTopic::default()
        .with_name(TopicName(name.to_string().into()))
        .with_count(count)
        .with_assignments(None)
}

fn assigned(count: i32, assignments: &[&[i32]]) -> CreatePartitionsTopic {
    let assignment = |brokers: &&[i32]| {
        let brokers = brokers.iter().map(|broker| BrokerId(*broker)).collect();
        CreatePartitionsAssignment::default().with_broker_ids(brokers)
    };
    topic("orders", count).with_assignments(Some(assignments.iter().map(assignment).collect()))
}

fn create(topics: Vec<CreatePartitionsTopic>) -> Decision<Vec<CreatePartitionsTopicResult>> {
    let request = CreatePartitionsRequest::default().with_topics(topics);
    create_partitions(&image(), &Settings::stand_alone(1), &request)
}

fn answer(topic: CreatePartitionsTopic) -> String {
    let decision = create(vec![topic]);
    let [result] = &decision.response[..] else { panic!("one topic, one answer") };
    match (result.error_code, decision.records.len()) {
        (0, records) => format!("{records} more"),
        (code, 0) => {
            format!("{}: {}", ErrorCode::from_code(code), result.error_message.as_ref().unwrap().as_str())
        }
        _ => panic!("what is refused leaves no records"),
    }
}

#[test]
fn semantics_48_answers_are_kafkas_word_for_word() {
    let cases = [
        (topic("orders", 5), "2 more"),
        (topic("orders", 3), "INVALID_PARTITIONS: Topic already has 3 partition(s)."),
        (
            topic("orders", 1),
            "INVALID_PARTITIONS: The topic orders currently has 3 partition(s); 1 would not be an increase.",
        ),
        (
            topic("orders", -7),
            "INVALID_PARTITIONS: The topic orders currently has 3 partition(s); -7 would not be an increase.",
        ),
        (topic("nope", 3), "UNKNOWN_TOPIC_OR_PARTITION: This server does not host this topic-partition."),
        (topic("orders", i32::MAX), "POLICY_VIOLATION: Excessively large number of partitions per request."),
        (assigned(5, &[&[1], &[1]]), "2 more"),
        (
            assigned(5, &[&[1]]),
            "INVALID_REPLICA_ASSIGNMENT: Attempted to add 2 additional partition(s), but only 1 assignment(s) were \
             specified.",
        ),
        (
            assigned(4, &[&[1, 1]]),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes the broker 1 more than once.",
        ),
        (
            assigned(4, &[&[]]),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes an empty replica list.",
        ),
    ];
    for (topic, expected) in cases {
        let context = format!("{topic:?}");
        assert_eq!(answer(topic), expected, "{context}");
    }
}

#[test]
fn new_partitions_follow_the_old_ones() {
    let mut image = image();
    create(vec![topic("orders", 5)]).records.iter().for_each(|record| image.replay(record).unwrap());
    assert_eq!(image.topic("orders").unwrap().partitions.len(), 5);
}

#[test]
fn a_topic_that_is_there_twice_is_refused_once() {
    let decision = create(vec![topic("orders", 5), topic("orders", 6)]);
    assert_eq!(decision.response.len(), 1);
    assert_eq!(decision.response[0].error_message.as_ref().unwrap().as_str(), "Duplicate topic name.");
}

#[test]
fn validate_only_writes_nothing() {
    let request = CreatePartitionsRequest::default().with_topics(vec![topic("orders", 5)]).with_validate_only(true);
    let decision = create_partitions(&image(), &Settings::stand_alone(1), &request);
    assert_eq!((decision.response[0].error_code, decision.records.len()), (0, 0));
}

#[test]
fn answers_can_be_sent_in_every_version() {
    let response = create(vec![topic("orders", 5), topic("nope", 2)]).response;
    let response = CreatePartitionsResponse::default().with_results(response);
    for version in 0..=3 {
        encode_response(1, version, &response.clone().into()).unwrap();
    }
}
