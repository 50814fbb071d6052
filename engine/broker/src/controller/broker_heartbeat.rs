//! BrokerHeartbeat (63): a broker is alive, and asks whether it may lead, or stop.
//!
//! What it may is decided in `naru_metadata::heartbeat`.

use crate::{
    connections::RequestContext,
    reply::Reply,
    turn::{State, Turn},
};
use naru_metadata::broker_heartbeat;
use naru_wire::ErrorCode;
use naru_wire::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &BrokerHeartbeatRequest) -> Reply {
    // Read the request.
    let broker = request.broker_id.0;
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController);
    }
    // Decide.
    let State { metadata, settings, controller, .. } = &mut *turn.state;
    let now = turn.now.monotonic;
    let decision = match broker_heartbeat(metadata.image(), settings, &mut controller.liveness, request, now) {
        Ok(decision) => decision,
        Err(error) => return refused(error),
    };
    // Answer.
    let heartbeat = decision.response;
    let Ok(end_offset) = super::commit(turn, decision.records, "it asked for it".into()) else {
        return refused(ErrorCode::NotController);
    };
    if heartbeat.in_controlled_shutdown {
        let last_offset = turn.state.metadata.end_offset() - 1;
        turn.state.controller.liveness.begin_shutdown(broker, last_offset);
    }
    let response = BrokerHeartbeatResponse::default()
        .with_is_caught_up(heartbeat.is_caught_up)
        .with_is_fenced(heartbeat.is_fenced)
        .with_should_shut_down(heartbeat.should_shut_down);
    turn.reply_when_durable(end_offset, response.into())
}

fn refused(error: ErrorCode) -> Reply {
    Reply::Now(BrokerHeartbeatResponse::default().with_error_code(error as i16).with_is_fenced(true).into())
}
