//! ElectLeaders (43): an election because somebody asks for one.
//!
//! Who can lead is decided in `naru_metadata::elect_leaders`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::elect_leaders;
use naru_wire::ErrorCode;
use naru_wire::messages::{ElectLeadersRequest, ElectLeadersResponse};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &ElectLeadersRequest) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController);
    }
    // Decide.
    let decision = match elect_leaders(turn.state.metadata.image(), &turn.state.settings, request) {
        Ok(decision) => decision,
        Err(error) => return refused(error.code),
    };
    // Answer.
    let response = ElectLeadersResponse::default().with_replica_election_results(decision.response);
    match super::commit(turn, decision.records, "somebody asked for an election".into()) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(_) => refused(ErrorCode::NotController),
    }
}

fn refused(error: ErrorCode) -> Reply {
    Reply::Now(ElectLeadersResponse::default().with_error_code(error as i16).into())
}
