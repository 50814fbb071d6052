//! CreateTopics (19): topics with their partitions and configuration.
//!
//! Which topics may be made, and with what, is decided in `naru_metadata::create_topics`. Here: writing the decision down,
//! and answering when it is safely on disk.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::create_topics;
use naru_wire::messages::{CreateTopicsRequest, CreateTopicsResponse};
use naru_wire::{ErrorCode, StrBytes};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &CreateTopicsRequest) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    // Decide.
    let state = &mut *turn.state;
    let random = &mut state.random;
    let image = state.metadata.image();
    let mut new_id = || random.uuid();
    let decision = create_topics(image, &state.settings, request, &mut new_id, &mut turn.out.trace);
    // Answer.
    let mut response = CreateTopicsResponse::default().with_topics(decision.response);
    match turn.commit_decision(decision.records) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(reason) => {
            for topic in response.topics.iter_mut().filter(|topic| topic.error_code == 0) {
                topic.error_code = ErrorCode::KafkaStorageError as i16;
                topic.error_message = Some(StrBytes::from_string(reason.clone()));
            }
            Reply::Now(response.into())
        }
    }
}
