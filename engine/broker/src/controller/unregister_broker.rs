//! UnregisterBroker (64): a broker that will not come back is forgotten.
//!
//! What becomes of its partitions is decided in `naru_metadata::fencing`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::{ApiError, unregister_broker};
use naru_wire::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};
use naru_wire::{ErrorCode, StrBytes};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &UnregisterBrokerRequest) -> Reply {
    // Read the request.
    let broker = request.broker_id.0;
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController.into());
    }
    // Decide.
    let decision = match unregister_broker(turn.state.metadata.image(), &turn.state.settings, broker) {
        Ok(decision) => decision,
        Err(error) => return refused(error),
    };
    // Answer.
    match super::commit(turn, decision.records, "it is unregistered".into()) {
        Ok(end_offset) => {
            turn.state.controller.liveness.forget(broker);
            turn.reply_when_durable(end_offset, UnregisterBrokerResponse::default().with_error_message(None).into())
        }
        Err(reason) => refused(ApiError::new(ErrorCode::NotController, reason)),
    }
}

fn refused(error: ApiError) -> Reply {
    let response = UnregisterBrokerResponse::default()
        .with_error_code(error.code as i16)
        .with_error_message(Some(StrBytes::from_string(error.message)));
    Reply::Now(response.into())
}
