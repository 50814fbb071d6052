//! DeleteTopics (20): topics with all their records, by name or since version 6 by id.
//!
//! Which topics may go is decided in `naru_metadata::delete_topics`. Their directories go when the decision is safely on
//! disk, see [`crate::publish`].

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::delete_topics;
use naru_wire::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use naru_wire::{ErrorCode, StrBytes};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &DeleteTopicsRequest) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    // Decide.
    let decision = delete_topics(turn.state.metadata.image(), &turn.state.settings, request);
    // Answer.
    let mut response = DeleteTopicsResponse::default().with_responses(decision.response);
    match turn.commit_decision(decision.records) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(reason) => {
            for topic in response.responses.iter_mut().filter(|topic| topic.error_code == 0) {
                topic.error_code = ErrorCode::KafkaStorageError as i16;
                topic.error_message = Some(StrBytes::from_string(reason.clone()));
            }
            Reply::Now(response.into())
        }
    }
}
