//! CreateTopics: decides whether topics may be created, and with what.

use crate::{Decision, Image, Settings};
use alloc::vec::Vec;
use naru_trace::Trace;
use naru_wire::messages::{CreateTopicsRequest, create_topics_response::CreatableTopicResult};
use uuid::Uuid;

/// Decides on every topic of a request. Emits `TopicRejected` for those that are refused.
///
/// `new_topic_id` gives ids that no topic has had; this crate has no entropy of its own.
pub fn create_topics(
    _image: &Image,
    _settings: &Settings,
    _request: &CreateTopicsRequest,
    _new_topic_id: &mut dyn FnMut() -> Uuid,
    _trace: &mut Trace,
) -> Decision<Vec<CreatableTopicResult>> {
    todo!()
}
