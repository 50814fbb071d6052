//! DeleteTopics against the rules of Kafka's `ControllerApis.deleteTopics`.

use super::*;
use crate::record::TopicRecord;
use alloc::{string::String, string::ToString, vec};
use naru_wire::{encode_response, messages::DeleteTopicsResponse};

const ORDERS: Uuid = Uuid::from_u128(1);

fn image() -> Image {
    let mut image = Image::default();
    for (name, topic_id) in [("orders", ORDERS), ("notes", Uuid::from_u128(2))] {
        image.replay(&MetadataRecord::Topic(TopicRecord { name: name.into(), topic_id })).unwrap();
    }
    image
}

fn by_name(name: &str) -> DeleteTopicState {
    DeleteTopicState::default().with_name(Some(TopicName(name.to_string().into())))
}

fn by_id(id: Uuid) -> DeleteTopicState {
    DeleteTopicState::default().with_name(None).with_topic_id(id)
}

fn delete(topics: Vec<DeleteTopicState>) -> (Vec<String>, usize) {
    let request = DeleteTopicsRequest::default().with_topics(topics);
    let decision = delete_topics(&image(), &Settings::stand_alone(1), &request);
    let answer = |result: &DeletableTopicResult| match result.error_code {
        0 => "ok".to_string(),
        _ => result.error_message.as_ref().unwrap().to_string(),
    };
    (decision.response.iter().map(answer).collect(), decision.records.len())
}

fn answers(expected: &[&str]) -> Vec<String> {
    expected.iter().map(ToString::to_string).collect()
}

#[test]
fn topics_are_deleted_by_name_and_by_id() {
    assert_eq!(delete(vec![by_id(ORDERS), by_name("notes")]), (answers(&["ok", "ok"]), 2));
}

#[test]
fn what_does_not_exist_or_is_named_badly_is_refused() {
    let both = by_name("orders").with_topic_id(ORDERS);
    let topics = vec![by_name("nope"), by_id(Uuid::from_u128(9)), by_id(Uuid::nil()), both];
    let expected = answers(&[
        "This server does not host this topic-partition.",
        "This server does not host this topic ID.",
        "Neither topic name nor id were specified.",
        "You may not specify both topic name and topic id.",
    ]);
    assert_eq!(delete(topics), (expected, 0));
}

#[test]
fn a_topic_named_twice_is_refused() {
    let twice = vec![by_name("orders"), by_name("orders")];
    assert_eq!(delete(twice), (answers(&["Duplicate topic name."]), 0));
    let twice = vec![by_id(ORDERS), by_id(ORDERS)];
    assert_eq!(delete(twice), (answers(&["Duplicate topic id."]), 0));
    let (answers, records) = delete(vec![by_id(ORDERS), by_name("orders")]);
    assert_eq!(answers[1], "The provided topic name maps to an ID that was already supplied.");
    assert_eq!(records, 1);
}

#[test]
fn nothing_is_deleted_where_delete_topic_enable_is_off() {
    let settings = Settings { delete_topic_enable: false, ..Settings::stand_alone(1) };
    let request = DeleteTopicsRequest::default().with_topic_names(vec![TopicName("orders".to_string().into())]);
    let decision = delete_topics(&image(), &settings, &request);
    assert!(decision.records.is_empty());
    assert_eq!(decision.response[0].error_code, ErrorCode::TopicDeletionDisabled.code());
}

#[test]
fn answers_can_be_sent_in_every_version() {
    let names = ["orders", "nope"].map(|name| TopicName(name.to_string().into()));
    let request = DeleteTopicsRequest::default().with_topic_names(names.to_vec());
    let decision = delete_topics(&image(), &Settings::stand_alone(1), &request);
    let response = DeleteTopicsResponse::default().with_responses(decision.response);
    for version in 1..=6 {
        encode_response(1, version, &response.clone().into()).unwrap();
    }
}
