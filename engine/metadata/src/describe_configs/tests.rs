//! DescribeConfigs: values, sources and synonyms as Apache Kafka 4.1.1 shows them.

use super::*;
use crate::{
    MetadataRecord,
    record::{ConfigRecord, TopicRecord},
};
use naru_wire::{encode_response, messages::DescribeConfigsResponse};
use uuid::Uuid;

fn image() -> Image {
    let mut image = Image::default();
    let topic = TopicRecord { name: "t7".into(), topic_id: Uuid::from_u128(1) };
    image.replay(&MetadataRecord::Topic(topic)).unwrap();
    for (name, value) in [("cleanup.policy", "compact"), ("retention.ms", " 1000 ")] {
        let record = ConfigRecord {
            resource_type: RESOURCE_TOPIC,
            resource_name: "t7".into(),
            name: name.into(),
            value: Some(value.into()),
        };
        image.replay(&MetadataRecord::Config(record)).unwrap();
    }
    image
}

fn describe(settings: &Settings, resource_type: i8, name: &str) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(resource_type)
        .with_resource_name(name.to_string().into())
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]).with_include_synonyms(true);
    describe_configs(&image(), settings, &request).remove(0)
}

/// `value source [synonym=value source, ...]`
fn shown(result: &DescribeConfigsResult, key: &str) -> String {
    let config = result.configs.iter().find(|config| config.name.as_str() == key).expect("the key is shown");
    let value = |value: &Option<StrBytes>| value.as_ref().expect("a value").to_string();
    let synonym = |synonym: &DescribeConfigsSynonym| {
        format!("{}={} {}", synonym.name.as_str(), value(&synonym.value), synonym.source)
    };
    let synonyms: Vec<String> = config.synonyms.iter().map(synonym).collect();
    format!("{} {} [{}]", value(&config.value), config.config_source, synonyms.join(", "))
}

fn error(result: &DescribeConfigsResult) -> String {
    let message = result.error_message.as_ref().map(|text| text.to_string()).unwrap_or_default();
    format!("{}: {message}", ErrorCode::from_code(result.error_code))
}

#[test]
fn semantics_48_a_topics_configuration_with_sources_and_synonyms() {
    let result = describe(&Settings::stand_alone(1), RESOURCE_TOPIC, "t7");
    assert_eq!(result.configs.len(), 33, "as many as Kafka 4.1.1 shows");
    assert_eq!(shown(&result, "cleanup.policy"), "compact 1 [cleanup.policy=compact 1, log.cleanup.policy=delete 5]");
    assert_eq!(shown(&result, "retention.ms"), "1000 1 [retention.ms=1000 1]");
    assert_eq!(shown(&result, "segment.bytes"), "1073741824 5 [log.segment.bytes=1073741824 5]");
    assert_eq!(shown(&result, "segment.ms"), "604800000 5 []");
    assert_eq!(shown(&result, "leader.replication.throttled.replicas"), " 5 []");
}

#[test]
fn semantics_48_the_brokers_own_settings_are_the_topics_defaults() {
    let static_configs = [("log.segment.bytes".to_string(), "2000000".to_string())].into();
    let settings = Settings { static_configs, ..Settings::stand_alone(1) };
    let result = describe(&settings, RESOURCE_TOPIC, "t7");
    assert_eq!(
        shown(&result, "segment.bytes"),
        "2000000 4 [log.segment.bytes=2000000 4, log.segment.bytes=1073741824 5]"
    );
    let result = describe(&settings, RESOURCE_BROKER, "1");
    assert_eq!(
        shown(&result, "log.segment.bytes"),
        "2000000 4 [log.segment.bytes=2000000 4, log.segment.bytes=1073741824 5]"
    );
    assert_eq!(shown(&result, "log.retention.hours"), "168 5 [log.retention.hours=168 5]");
    let read_only = |key: &str| result.configs.iter().find(|config| config.name.as_str() == key).unwrap().read_only;
    assert!(!read_only("log.segment.bytes") && read_only("log.retention.hours"));
}

/// As Apache Kafka 4.1.1 answers after `log.roll.ms` was set for all brokers, and before.
#[test]
fn semantics_48_what_is_set_while_brokers_run_is_told_apart() {
    let set = |value: &str| [("log.roll.ms".to_string(), value.to_string())].into();
    let all = Settings { dynamic_default_configs: set("700000"), ..Settings::stand_alone(1) };
    assert_eq!(
        shown(&describe(&all, RESOURCE_TOPIC, "t7"), "segment.ms"),
        "700000 3 [log.roll.ms=700000 3, log.roll.hours=168 5]"
    );
    assert_eq!(shown(&describe(&all, RESOURCE_BROKER, ""), "log.roll.ms"), "700000 3 [log.roll.ms=700000 3]");
    let one = Settings { dynamic_configs: set("5000"), ..all };
    assert_eq!(
        shown(&describe(&one, RESOURCE_TOPIC, "t7"), "segment.ms"),
        "5000 2 [log.roll.ms=5000 2, log.roll.ms=700000 3, log.roll.hours=168 5]"
    );
}

#[test]
fn what_cannot_be_described_is_refused() {
    let settings = Settings::stand_alone(1);
    assert_eq!(error(&describe(&settings, RESOURCE_TOPIC, "nope")), "UNKNOWN_TOPIC_OR_PARTITION: ");
    assert_eq!(
        error(&describe(&settings, RESOURCE_TOPIC, "")),
        "INVALID_TOPIC_EXCEPTION: Topic name is invalid: the empty string is not allowed"
    );
    assert_eq!(
        error(&describe(&settings, RESOURCE_BROKER, "9")),
        "INVALID_REQUEST: Unexpected broker id, expected 1, but received 9"
    );
    assert_eq!(error(&describe(&settings, 77, "x")), "INVALID_REQUEST: Unsupported resource type: 77");
}

#[test]
fn only_the_keys_asked_for_are_shown() {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(RESOURCE_TOPIC)
        .with_resource_name("t7".to_string().into())
        .with_configuration_keys(Some(vec!["segment.ms".to_string().into()]));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]).with_include_documentation(true);
    let result = describe_configs(&image(), &Settings::stand_alone(1), &request).remove(0);
    assert_eq!(result.configs.len(), 1);
    assert!(result.configs[0].synonyms.is_empty());
    let documentation = result.configs[0].documentation.as_ref().unwrap();
    assert_eq!(documentation.contains("segment"), cfg!(feature = "documentation"));
}

#[test]
fn answers_can_be_sent_in_every_version() {
    let result = describe(&Settings::stand_alone(1), RESOURCE_TOPIC, "t7");
    let response = DescribeConfigsResponse::default().with_results(vec![result]);
    for version in 1..=4 {
        encode_response(1, version, &response.clone().into()).unwrap();
    }
}
