//! DeleteTopics: decides which topics to delete.
//!
//! In Kafka this is `ControllerApis.deleteTopics`. A topic may be named by its name or (since version 6) by its id, but only
//! once: deleting by two names what is one topic is a mistake that must not go unnoticed.

use crate::{ApiError, Decision, Image, MetadataRecord, Settings, record::RemoveTopicRecord};
use alloc::vec::Vec;
use naru_trace::SortedMap;
use naru_wire::{
    ErrorCode, TopicName,
    messages::{
        DeleteTopicsRequest, delete_topics_request::DeleteTopicState, delete_topics_response::DeletableTopicResult,
    },
};
use uuid::Uuid;

/// Decides on every topic of a request, by name (`topic_names`, up to version 5) or by name or id (`topics`, version 6).
pub fn delete_topics(
    image: &Image,
    settings: &Settings,
    request: &DeleteTopicsRequest,
) -> Decision<Vec<DeletableTopicResult>> {
    let named = request.topic_names.iter().map(|name| Target { name: Some(name.clone()), id: Uuid::nil() });
    let targets: Vec<Target> = named.chain(request.topics.iter().map(Target::of)).collect();
    let mut times: SortedMap<&Target, u32> = SortedMap::new();
    for target in &targets {
        *times.entry(target).or_default() += 1;
    }
    let mut records: Vec<MetadataRecord> = Vec::new();
    let mut response = Vec::new();
    for target in &targets {
        let Some(times) = times.remove(target) else { continue };
        let decided = if settings.delete_topic_enable {
            target.decide(image, times, &records)
        } else {
            Err(ErrorCode::TopicDeletionDisabled.into())
        };
        match decided {
            Ok((name, topic_id)) => {
                records.push(MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id }));
                response.push(DeletableTopicResult::default().with_name(Some(name)).with_topic_id(topic_id));
            }
            Err(error) => response.push(target.refusal(error)),
        }
    }
    Decision { records, response }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    name: Option<TopicName>,
    id: Uuid,
}

impl Target {
    fn of(state: &DeleteTopicState) -> Self {
        Target { name: state.name.clone(), id: state.topic_id }
    }

    /// The name and id of the topic to delete. `records` is what was decided before.
    fn decide(&self, image: &Image, times: u32, records: &[MetadataRecord]) -> Result<(TopicName, Uuid), ApiError> {
        let invalid = |message| Err(ApiError::new(ErrorCode::InvalidRequest, message));
        let topic = match &self.name {
            None if self.id.is_nil() => return invalid("Neither topic name nor id were specified."),
            Some(_) if !self.id.is_nil() => return invalid("You may not specify both topic name and topic id."),
            None if times > 1 => return invalid("Duplicate topic id."),
            Some(_) if times > 1 => return invalid("Duplicate topic name."),
            None => image.topic_by_id(self.id).ok_or(ErrorCode::UnknownTopicId)?,
            Some(name) => image.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)?,
        };
        let removal = MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: topic.id });
        if records.contains(&removal) {
            return invalid("The provided topic name maps to an ID that was already supplied.");
        }
        Ok((TopicName(topic.name.clone().into()), topic.id))
    }

    fn refusal(&self, error: ApiError) -> DeletableTopicResult {
        DeletableTopicResult::default()
            .with_name(self.name.clone())
            .with_topic_id(self.id)
            .with_error_code(error.code.code())
            .with_error_message(Some(error.message.into()))
    }
}

#[cfg(test)]
mod tests;
