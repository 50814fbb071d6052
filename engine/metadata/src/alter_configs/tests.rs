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
