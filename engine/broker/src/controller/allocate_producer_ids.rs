//! AllocateProducerIds (67): a broker wants a block of ids that no producer has had (KIP-730).
//!
//! Which is the next is decided in `naru_metadata::producer_ids`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::allocate_for_broker;
use naru_wire::ErrorCode;
use naru_wire::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse, ProducerId};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &AllocateProducerIdsRequest) -> Reply {
    // Read the request.
    let (broker, epoch) = (request.broker_id.0, request.broker_epoch);
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController);
    }
    // Decide.
    let decision = match allocate_for_broker(turn.state.metadata.image(), broker, epoch) {
        Ok(decision) => decision,
        Err(error) => return refused(error),
    };
    // Answer.
    let response = AllocateProducerIdsResponse::default()
        .with_producer_id_start(ProducerId(decision.response.first))
        .with_producer_id_len(decision.response.length);
    match super::commit(turn, decision.records, "a broker wants producer ids".into()) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(_) => refused(ErrorCode::NotController),
    }
}

fn refused(error: ErrorCode) -> Reply {
    Reply::Now(AllocateProducerIdsResponse::default().with_error_code(error as i16).into())
}
