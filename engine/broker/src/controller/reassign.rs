//! AlterPartitionReassignments (45) and ListPartitionReassignments (46): replicas move to other brokers.
//!
//! Whether they may is decided in `naru_metadata::reassignments`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::{ApiError, alter_partition_reassignments, list_partition_reassignments};
use naru_wire::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
};
use naru_wire::{ErrorCode, StrBytes};

/// Answers a request to move replicas.
pub(crate) fn handle_alter(
    turn: &mut Turn<'_>,
    context: &RequestContext,
    request: &AlterPartitionReassignmentsRequest,
) -> Reply {
    // Read the request. Before version 1 it could not forbid another number of replicas (KIP-860).
    let mut request = request.clone();
    request.allow_replication_factor_change |= context.version < 1;
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController.into());
    }
    // Decide.
    let decision = alter_partition_reassignments(turn.state.metadata.image(), &turn.state.settings, &request);
    // Answer.
    let response = AlterPartitionReassignmentsResponse::default()
        .with_allow_replication_factor_change(request.allow_replication_factor_change)
        .with_error_message(None)
        .with_responses(decision.response);
    match super::commit(turn, decision.records, "its replicas move".into()) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(reason) => refused(ApiError::new(ErrorCode::NotController, reason)),
    }
}

/// Answers a request for what is on its way.
pub(crate) fn handle_list(
    turn: &mut Turn<'_>,
    _context: &RequestContext,
    request: &ListPartitionReassignmentsRequest,
) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    let response = ListPartitionReassignmentsResponse::default();
    if !turn.is_active_controller() {
        return Reply::Now(response.with_error_code(ErrorCode::NotController as i16).into());
    }
    // Decide.
    let topics = list_partition_reassignments(turn.state.metadata.committed(), request);
    // Answer.
    Reply::Now(response.with_error_message(None).with_topics(topics).into())
}

fn refused(error: ApiError) -> Reply {
    let response = AlterPartitionReassignmentsResponse::default()
        .with_error_code(error.code as i16)
        .with_error_message(Some(StrBytes::from_string(error.message)));
    Reply::Now(response.into())
}
