//! InitProducerId (22): an id for an idempotent producer (KIP-98), under which its sequence numbers count.
//!
//! Transactional producers need a transaction coordinator, which comes later.

use crate::{connections::RequestContext, producer_ids::NoProducerId, reply::Reply, turn::Turn};
use naru_trace::TraceKind;
use naru_wire::ErrorCode;
use naru_wire::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

/// "No id" and "no epoch" of a producer that has none yet.
const NONE: i64 = -1;

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &InitProducerIdRequest) -> Reply {
    // Read the request.
    let transactional_id = request.transactional_id.as_ref().map(|id| id.as_str());
    let has_id = request.producer_id.0 != NONE;
    let has_epoch = i64::from(request.producer_epoch) != NONE;
    // Decide.
    if has_id != has_epoch || transactional_id == Some("") {
        return failed(ErrorCode::InvalidRequest);
    }
    if transactional_id.is_some() {
        return failed(ErrorCode::CoordinatorNotAvailable);
    }
    let allocated = match turn.allocate_producer_id() {
        Ok(allocated) => allocated,
        Err(NoProducerId::Soon) => return failed(ErrorCode::CoordinatorLoadInProgress),
        Err(NoProducerId::Failed(_)) => return failed(ErrorCode::KafkaStorageError),
    };
    let producer_id = allocated.producer_id;
    turn.out.trace.emit_then(|| TraceKind::ProducerIdAssigned { producer_id, producer_epoch: 0 });
    // Answer.
    let response = InitProducerIdResponse::default().with_producer_id(ProducerId(producer_id)).with_producer_epoch(0);
    turn.reply_when_durable(allocated.durable_at, response.into())
}

fn failed(error: ErrorCode) -> Reply {
    let response = InitProducerIdResponse::default()
        .with_error_code(error as i16)
        .with_producer_id(ProducerId(NONE))
        .with_producer_epoch(NONE as i16);
    Reply::Now(response.into())
}
