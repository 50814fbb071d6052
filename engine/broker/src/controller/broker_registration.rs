//! BrokerRegistration (62): a broker wants to be a member of the cluster.
//!
//! What is asked of it is decided in `naru_metadata::broker_registration`.

use crate::{
    connections::RequestContext,
    reply::Reply,
    turn::{State, Turn},
};
use naru_metadata::{Registering, broker_registration};
use naru_wire::ErrorCode;
use naru_wire::messages::{BrokerRegistrationRequest, BrokerRegistrationResponse};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: &BrokerRegistrationRequest) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController);
    }
    // Decide.
    let State { metadata, settings, controller, cluster_id, .. } = &mut *turn.state;
    let about = Registering {
        cluster_id,
        version: context.version,
        next_offset: metadata.end_offset(),
        now: turn.now.monotonic,
    };
    let decision = match broker_registration(metadata.image(), settings, &mut controller.liveness, request, &about) {
        Ok(decision) => decision,
        Err(error) => {
            let (broker, code, message) = (request.broker_id.0, error.code, error.message);
            turn.warn_once(alloc::format!("broker {broker} was not registered: {code}: {message}"));
            return refused(code);
        }
    };
    // Answer.
    let response = BrokerRegistrationResponse::default().with_broker_epoch(decision.response);
    match super::commit(turn, decision.records, "it has started".into()) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(_) => refused(ErrorCode::NotController),
    }
}

fn refused(error: ErrorCode) -> Reply {
    Reply::Now(BrokerRegistrationResponse::default().with_error_code(error as i16).with_broker_epoch(-1).into())
}
