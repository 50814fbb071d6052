//! CreateTopics against the answers of Apache Kafka 4.1.1 on a single broker, word for word.

use super::*;
use crate::test_cluster::TestCluster;
use alloc::vec;
use naru_wire::{
    BrokerId, encode_response,
    messages::{
        CreateTopicsResponse,
        create_topics_request::{CreatableReplicaAssignment, CreatableTopicConfig},
    },
};

fn topic(name: &str, partitions: i32, factor: i16) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(TopicName(name.to_string().into()))
        .with_num_partitions(partitions)
        .with_replication_factor(factor)
}

fn configured(name: &str, configs: &[(&str, Option<&str>)]) -> CreatableTopic {
    let config = |(key, value): &(&str, Option<&str>)| {
        let value = value.map(|value| value.to_string().into());
        CreatableTopicConfig::default().with_name(key.to_string().into()).with_value(value)
    };
    topic(name, 1, 1).with_configs(configs.iter().map(config).collect())
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignment = |(index, brokers): &(i32, &[i32])| {
        let brokers = brokers.iter().map(|broker| BrokerId(*broker)).collect();
        CreatableReplicaAssignment::default().with_partition_index(*index).with_broker_ids(brokers)
    };
    topic(name, -1, -1).with_assignments(assignments.iter().map(assignment).collect())
}

fn create(image: &Image, request: &CreateTopicsRequest) -> Decision<Vec<CreatableTopicResult>> {
    let mut next = 100;
    let mut ids = || {
        next += 1;
        Uuid::from_u128(next)
    };
    create_topics(image, &Settings::stand_alone(1), request, &mut ids, &mut Trace::default())
}

fn request(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest::default().with_topics(topics)
}

fn image_with(topics: Vec<CreatableTopic>) -> Image {
    let mut image = TestCluster::of(&[1]).image;
    let decision = create(&image, &request(topics));
    assert!(decision.response.iter().all(|result| result.error_code == 0), "{:?}", decision.response);
    decision.records.iter().for_each(|record| image.replay(record).unwrap());
    image
}

/// The answer to one topic: `ok`, or the error's name and sentence.
fn answer(image: &Image, topic: CreatableTopic) -> String {
    let decision = create(image, &request(vec![topic]));
    let [result] = &decision.response[..] else { panic!("one topic, one answer") };
    if result.error_code == 0 {
        return "ok".into();
    }
    assert!(decision.records.is_empty(), "what is refused leaves no records");
    let code = ErrorCode::from_code(result.error_code);
    format!("{code}: {}", result.error_message.as_ref().unwrap().as_str())
}

#[test]
fn semantics_47_and_48_refusals_are_kafkas_word_for_word() {
    let image = image_with(vec![topic("orders", 3, 1), topic("a.b", 1, 1)]);
    let cases = [
        (topic("orders", 3, 1), "TOPIC_ALREADY_EXISTS: Topic 'orders' already exists."),
        (configured("orders", &[("x", Some("y"))]), "TOPIC_ALREADY_EXISTS: Topic 'orders' already exists."),
        (topic("", 1, 1), "INVALID_TOPIC_EXCEPTION: Topic name is invalid: the empty string is not allowed"),
        (topic("..", 1, 1), "INVALID_TOPIC_EXCEPTION: Topic name is invalid: '..' is not allowed"),
        (
            topic("a_b c", 1, 1),
            "INVALID_TOPIC_EXCEPTION: Topic name is invalid: 'a_b c' contains one or more characters other than \
             ASCII alphanumerics, '.', '_' and '-'",
        ),
        (topic("a_b", 1, 1), "INVALID_TOPIC_EXCEPTION: Topic 'a_b' collides with existing topic: a.b"),
        (
            topic("__cluster_metadata", 1, 1),
            "INVALID_REQUEST: Creation of internal topic __cluster_metadata is prohibited.",
        ),
        (topic("__consumer_offsets", 1, 1), "ok"),
        (
            topic("t", 1, 2),
            "INVALID_REPLICATION_FACTOR: Unable to replicate the partition 2 time(s): The target replication factor of \
             2 cannot be reached because only 1 broker(s) are registered.",
        ),
        (
            topic("t", 1, 0),
            "INVALID_REPLICATION_FACTOR: Replication factor must be larger than 0, or -1 to use the default value.",
        ),
        (topic("t", 0, 1), "INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value."),
        (topic("t", -2, 1), "INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value."),
        (topic("t", 10_000, 1), "ok"),
        (topic("t", 20_000, 1), "POLICY_VIOLATION: Excessively large number of partitions per request."),
        (topic("t", i32::MAX, 1), "POLICY_VIOLATION: Excessively large number of partitions per request."),
        (
            configured("t", &[("retention.ms", Some("abc"))]),
            "INVALID_CONFIG: Invalid value abc for configuration retention.ms: Not a number of type LONG",
        ),
        (configured("t", &[("foo", Some("abc"))]), "INVALID_CONFIG: Unknown topic config name: foo"),
        (
            configured("t", &[("retention.ms", None), ("segment.ms", None)]),
            "INVALID_CONFIG: Null value not supported for topic configs: retention.ms,segment.ms",
        ),
    ];
    for (topic, expected) in cases {
        let context = format!("{topic:?}");
        assert_eq!(answer(&image, topic), expected, "{context}");
    }
}

#[test]
fn semantics_48_manual_assignments_are_checked_as_kafka_does() {
    let cases = [
        (assigned("t", &[(0, &[1]), (1, &[1])]), "ok"),
        (
            assigned("t", &[(0, &[1]), (2, &[1])]),
            "INVALID_REPLICA_ASSIGNMENT: partitions should be a consecutive 0-based integer sequence",
        ),
        (
            assigned("t", &[(0, &[9])]),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes broker 9, but no such broker is \
             registered.",
        ),
        (
            assigned("t", &[(0, &[])]),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes an empty replica list.",
        ),
        (
            assigned("t", &[(0, &[1, 1])]),
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes the broker 1 more than once.",
        ),
        (
            assigned("t", &[(0, &[1]), (0, &[1])]),
            "INVALID_REPLICA_ASSIGNMENT: Found multiple manual partition assignments for partition 0",
        ),
        (
            assigned("t", &[(0, &[1])]).with_replication_factor(1),
            "INVALID_REQUEST: A manual partition assignment was specified, but replication factor was not set to -1.",
        ),
        (
            assigned("t", &[(0, &[1])]).with_num_partitions(1),
            "INVALID_REQUEST: A manual partition assignment was specified, but numPartitions was not set to -1.",
        ),
    ];
    for (topic, expected) in cases {
        let context = format!("{topic:?}");
        assert_eq!(answer(&TestCluster::of(&[1]).image, topic), expected, "{context}");
    }
}

#[test]
fn semantics_48_minus_one_means_the_brokers_default() {
    let settings = Settings { num_partitions: 4, ..Settings::stand_alone(1) };
    let request = request(vec![topic("t", -1, -1)]);
    let mut ids = || Uuid::from_u128(9);
    let decision = create_topics(&TestCluster::of(&[1]).image, &settings, &request, &mut ids, &mut Trace::default());
    assert_eq!((decision.response[0].num_partitions, decision.response[0].replication_factor), (4, 1));
    assert_eq!(decision.records.len(), 1 + 4);
}

#[test]
fn semantics_48_validate_only_answers_as_if_and_writes_nothing() {
    let request = request(vec![topic("t", 5, 1)]).with_validate_only(true);
    let decision = create(&TestCluster::of(&[1]).image, &request);
    assert_eq!(decision.response[0].num_partitions, 5);
    assert!(decision.records.is_empty());
}

#[test]
fn semantics_48_the_answer_echoes_the_configuration() {
    let decision =
        create(&TestCluster::of(&[1]).image, &request(vec![configured("t", &[("segment.ms", Some("5000"))])]));
    let configs = decision.response[0].configs.as_ref().unwrap();
    let find = |name: &str| configs.iter().find(|config| config.name.as_str() == name).unwrap();
    let value = |name| (find(name).value.as_ref().unwrap().to_string(), find(name).config_source);
    assert_eq!(value("segment.ms"), ("5000".into(), 1));
    assert_eq!(value("retention.ms"), ("604800000".into(), 5));
    assert_eq!(configs.len(), 33, "as many as Kafka 4.1.1 echoes");
}

#[test]
fn records_come_in_kafkas_order_topic_then_configuration_then_partitions() {
    let decision =
        create(&TestCluster::of(&[1]).image, &request(vec![configured("t", &[("segment.ms", Some("5000"))])]));
    let names: Vec<_> = decision.records.iter().map(MetadataRecord::name).collect();
    assert_eq!(names, ["TopicRecord", "ConfigRecord", "PartitionRecord"]);
}

#[test]
fn a_name_that_is_there_twice_is_refused_once_and_the_others_are_created() {
    let topics = vec![topic("twice", 1, 1), topic("once", 1, 1), topic("twice", 2, 1)];
    let decision = create(&TestCluster::of(&[1]).image, &request(topics));
    let answers: Vec<_> = decision
        .response
        .iter()
        .map(|result| (result.name.to_string(), result.error_message.as_ref().map(|text| text.to_string())))
        .collect();
    assert_eq!(answers, [("twice".into(), Some("Duplicate topic name.".into())), ("once".into(), None)]);
    assert_eq!(decision.records.len(), 2);
}

#[test]
fn an_id_that_a_topic_has_already_is_not_given_again() {
    let image = image_with(vec![topic("orders", 1, 1)]);
    let taken = image.topic("orders").unwrap().id;
    let mut ids = [Uuid::nil(), taken, Uuid::from_u128(7)].into_iter();
    let mut next = || ids.next().unwrap();
    let request = request(vec![topic("t", 1, 1)]);
    let decision = create_topics(&image, &Settings::stand_alone(1), &request, &mut next, &mut Trace::default());
    assert_eq!(decision.response[0].topic_id, Uuid::from_u128(7));
}

#[test]
fn a_refusal_is_an_event_with_its_sentence() {
    let mut trace = Trace::recording();
    let request = request(vec![topic("..", 1, 1)]);
    create_topics(&TestCluster::of(&[1]).image, &Settings::stand_alone(1), &request, &mut Uuid::max, &mut trace);
    let expected = TraceKind::TopicRejected {
        topic: "..".into(),
        error: "INVALID_TOPIC_EXCEPTION".into(),
        message: "Topic name is invalid: '..' is not allowed".into(),
    };
    assert_eq!(trace.events()[0].kind, expected);
    assert!(trace.events()[0].site.file.ends_with("engine/metadata/src/create_topics.rs"));
}

#[test]
fn answers_can_be_sent_in_every_version() {
    let decision = create(&TestCluster::of(&[1]).image, &request(vec![topic("t", 1, 1), topic(".", 1, 1)]));
    let response = CreateTopicsResponse::default().with_topics(decision.response);
    for version in 2..=7 {
        encode_response(1, version, &response.clone().into()).unwrap();
    }
}
