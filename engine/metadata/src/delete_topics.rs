//! DeleteTopics: decides which topics to delete.

use crate::{Decision, Image, Settings};
use alloc::vec::Vec;
use naru_wire::messages::{DeleteTopicsRequest, delete_topics_response::DeletableTopicResult};

/// Decides on every topic of a request, by name (`topic_names`, up to version 5) or by name or id (`topics`, version 6).
pub fn delete_topics(
    _image: &Image,
    _settings: &Settings,
    _request: &DeleteTopicsRequest,
) -> Decision<Vec<DeletableTopicResult>> {
    todo!()
}
