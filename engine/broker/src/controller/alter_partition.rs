//! AlterPartition (56): leaders say who is in sync with them.
//!
//! Whether that may be is decided in `naru_metadata::alter_partition`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::alter_partition;
use naru_wire::ErrorCode;
use naru_wire::messages::{AlterPartitionRequest, AlterPartitionResponse};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &AlterPartitionRequest) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController);
    }
    // Decide.
    let decision = match alter_partition(turn.state.metadata.image(), &turn.state.settings, request) {
        Ok(decision) => decision,
        Err(error) => return refused(error),
    };
    // Answer.
    let response = AlterPartitionResponse::default().with_topics(decision.response);
    match super::commit(turn, decision.records, "the leader asked for it".into()) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(_) => refused(ErrorCode::NotController),
    }
}

fn refused(error: ErrorCode) -> Reply {
    Reply::Now(AlterPartitionResponse::default().with_error_code(error as i16).into())
}
