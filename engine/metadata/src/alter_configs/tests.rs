//! What the transcripts of `naru-broker` (`semantics_48_alter_configs`) do not show: the records that a decision writes.

use super::*;
use crate::record::TopicRecord;
use alloc::vec;
use uuid::Uuid;

fn image(configs: &[(&str, &str)]) -> Image {
    let mut image = Image::default();
    let topic = TopicRecord { name: "orders".into(), topic_id: Uuid::from_u128(1) };
    image.replay(&MetadataRecord::Topic(topic)).unwrap();
    for (name, value) in configs {
        image.replay(&record(name, Some(value))).unwrap();
    }
    image
}

fn record(name: &str, value: Option<&str>) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: RESOURCE_TOPIC,
        resource_name: "orders".into(),
        name: name.into(),
        value: value.map(Into::into),
    })
}

fn change(changes: &[(&str, i8, &str)]) -> Alteration {
    let change = |(key, operation, value): &(&str, i8, &str)| Change {
        key: (*key).into(),
        operation: *operation,
        value: Some((*value).into()),
    };
    Alteration {
        resource_type: RESOURCE_TOPIC,
        resource_name: "orders".to_string().into(),
        changes: changes.iter().map(change).collect(),
        replaces: false,
    }
}

fn records(before: &[(&str, &str)], alteration: Alteration) -> Vec<MetadataRecord> {
    decide_all(&image(before), &Settings::stand_alone(1), vec![alteration], false).records
}

#[test]
fn only_what_differs_is_written() {
    let before = [("retention.ms", "1000"), ("segment.ms", "5000")];
    let same = change(&[("retention.ms", operation::SET, "1000"), ("flush.ms", operation::DELETE, "")]);
    assert_eq!(records(&before, same), []);
    let other = change(&[("retention.ms", operation::SET, "7"), ("segment.ms", operation::DELETE, "")]);
    assert_eq!(records(&before, other), [record("segment.ms", None), record("retention.ms", Some("7"))]);
}

#[test]
fn replacing_resets_what_is_not_named() {
    let before = [("retention.ms", "1000"), ("segment.ms", "5000")];
    let replaced = Alteration { replaces: true, ..change(&[("segment.ms", operation::SET, "6000")]) };
    assert_eq!(records(&before, replaced), [record("retention.ms", None), record("segment.ms", Some("6000"))]);
}

#[test]
fn a_refused_resource_or_a_question_writes_nothing() {
    let wrong = change(&[("retention.ms", operation::SET, "7"), ("segment.ms", operation::SET, "never")]);
    assert_eq!(records(&[], wrong), []);
    let asked = vec![change(&[("retention.ms", operation::SET, "7")])];
    let decision = decide_all(&image(&[]), &Settings::stand_alone(1), asked, true);
    assert_eq!((decision.records.len(), &decision.response[0].refused), (0, &None));
}

#[test]
fn semantics_48_lists_are_edited_in_their_order() {
    let append = change(&[("cleanup.policy", operation::APPEND, "compact,delete")]);
    assert_eq!(records(&[], append), [record("cleanup.policy", Some("delete,compact"))]);
    let subtract = change(&[("cleanup.policy", operation::SUBTRACT, " delete ")]);
    let before = [("cleanup.policy", "compact, delete")];
    assert_eq!(records(&before, subtract), [record("cleanup.policy", Some("compact"))]);
}

/// What a broker is asked to change of itself reaches the controller, which is another broker.
#[test]
fn the_controller_changes_the_configuration_of_every_broker_that_is_registered() {
    let cluster = crate::test_cluster::TestCluster::of(&[1, 3]);
    let of_broker = |name: &'static str| Alteration {
        resource_type: RESOURCE_BROKER,
        resource_name: name.to_string().into(),
        ..change(&[("log.retention.ms", operation::SET, "7")])
    };
    let decide = |name| decide(&cluster.image, &cluster.settings, &of_broker(name)).map_err(|error| error.message);
    assert_eq!(decide("3").map(|records| records.len()), Ok(1));
    assert_eq!(decide("").map(|records| records.len()), Ok(1));
    assert_eq!(decide("7"), Err("Unexpected broker id, expected 1, but received 7".to_string()));
}

/// `ReassignPartitionsCommand --verify` lifts throttles, whether there are any or not.
#[test]
fn a_throttle_that_was_never_set_is_lifted_and_none_is_set() {
    let cluster = crate::test_cluster::TestCluster::of(&[1]);
    let ask = |operation| {
        let alteration = Alteration {
            resource_type: RESOURCE_BROKER,
            resource_name: "1".to_string().into(),
            ..change(&[("leader.replication.throttled.rate", operation, "1000")])
        };
        decide(&cluster.image, &cluster.settings, &alteration).map_err(|error| error.message)
    };
    assert_eq!(ask(operation::DELETE), Ok(vec![]));
    let refusal = "Cannot update these configs dynamically: leader.replication.throttled.rate";
    assert_eq!(ask(operation::SET), Err(refusal.to_string()));
}
