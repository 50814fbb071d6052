//! CreatePartitions (37): more partitions for topics that exist. There is no way back.
//!
//! Whether a topic may grow is decided in `naru_metadata::create_partitions`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::create_partitions;
use naru_wire::messages::{CreatePartitionsRequest, CreatePartitionsResponse};
use naru_wire::{ErrorCode, StrBytes};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &CreatePartitionsRequest) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    // Decide.
    let decision = create_partitions(turn.state.metadata.image(), &turn.state.settings, request);
    // Answer.
    let mut response = CreatePartitionsResponse::default().with_results(decision.response);
    match turn.commit_decision(decision.records) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(reason) => {
            for topic in response.results.iter_mut().filter(|topic| topic.error_code == 0) {
                topic.error_code = ErrorCode::KafkaStorageError as i16;
                topic.error_message = Some(StrBytes::from_string(reason.clone()));
            }
            Reply::Now(response.into())
        }
    }
}
