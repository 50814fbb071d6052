//! Requests that only the active controller can answer, passed on to it in an envelope (KIP-590).
//!
//! ```text
//! client ─► broker ── Envelope(request as it came) ─► active controller: decides, commits
//!        ◄─        ◄─ Envelope(answer)             ◄─
//! ```
//!
//! A broker that does not find the controller, or finds that it is no longer the one, tries again until the request has
//! waited too long. Clients never see which node decided.

use crate::{
    api,
    connections::{Envelope, RequestContext},
    peers::{Asked, Lane, PeerError},
    purgatory::Until,
    quorum,
    reply::{Reply, Summary},
    turn::Turn,
};
use alloc::vec::Vec;
use bytes::{BufMut, Bytes, BytesMut};
use naru_log::Slice;
use naru_trace::{Deadline, Micros};
use naru_wire::messages::{EnvelopeRequest, EnvelopeResponse};
use naru_wire::{ApiKey, EncodeError, ErrorCode, Response, decode_request, encode_response};

/// How long after a failure a request is passed on again, in milliseconds (`retry.backoff.ms`).
const RETRY_MS: u64 = 50;

/// What waits to be passed on again.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    retries: Vec<(Micros, u64)>,
}

impl Forwarding {
    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        self.retries.iter().map(|(at, _)| Deadline { at: *at, reason: "retry.backoff.ms" }).min()
    }
}

/// Whether only the active controller answers it.
pub(crate) const fn is_for_controller(api: ApiKey) -> bool {
    matches!(
        api,
        ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::CreatePartitions
            | ApiKey::AlterConfigs
            | ApiKey::IncrementalAlterConfigs
            | ApiKey::ElectLeaders
            | ApiKey::AlterPartitionReassignments
            | ApiKey::ListPartitionReassignments
            | ApiKey::UpdateFeatures
            | ApiKey::UnregisterBroker
            | ApiKey::DescribeQuorum
            | ApiKey::AddRaftVoter
            | ApiKey::RemoveRaftVoter
    )
}

/// An answer as the envelope's: a frame with its length.
pub(crate) fn in_envelope(
    context: &RequestContext,
    envelope: Envelope,
    response: &Response,
) -> Result<Bytes, EncodeError> {
    let frame = encode_response(context.correlation_id, context.version, response)?;
    let answer = EnvelopeResponse::default().with_response_data(Some(frame.slice(4..)));
    encode_response(envelope.correlation_id, envelope.version, &answer.into())
}

/// "Ask another": the answer of a node that is not the active controller (any more).
pub(crate) fn not_controller() -> EnvelopeResponse {
    EnvelopeResponse::default().with_error_code(ErrorCode::NotController as i16)
}

impl Turn<'_> {
    /// Passes a request on. Its answer waits.
    pub(crate) fn forward(&mut self, original: Bytes) -> Reply {
        let deadline = self.now.monotonic.plus(self.state.config.cluster.request_timeout_ms * 1_000);
        Reply::Park { until: Until::Forwarded { original, answer: None }, deadline: Some(deadline) }
    }

    /// Brings a request that was parked on its way to the controller.
    pub(crate) fn pass_on(&mut self, parked: u64) {
        let Some(waiting) = self.state.purgatory.get_mut(parked) else { return };
        let Until::Forwarded { original, .. } = &waiting.until else { return };
        let request = EnvelopeRequest::default()
            .with_request_data(original.clone())
            .with_request_principal(None)
            .with_client_host_address(Bytes::from_static(&[127, 0, 0, 1]));
        self.ask_controller(Lane::Forward, request.into(), Asked::Forward { parked });
    }

    /// The controller has answered, or somebody else in its place, or nobody.
    pub(crate) fn on_forwarded(&mut self, parked: u64, result: Result<Response, PeerError>) {
        let answer = match result {
            Ok(Response::Envelope(EnvelopeResponse { error_code: 0, response_data: Some(answer), .. })) => answer,
            _ => {
                let at = self.now.monotonic.plus(RETRY_MS * 1_000);
                self.state.forwarding.retries.push((at, parked));
                return;
            }
        };
        let Some(waiting) = self.state.purgatory.get_mut(parked) else { return };
        if let Until::Forwarded { answer: place, .. } = &mut waiting.until {
            *place = Some(answer);
            let cause = self.out.trace.cause();
            self.state.ready.push_back((parked, cause));
        }
    }

    /// Passes on again what waited long enough.
    pub(crate) fn retry_forwarding(&mut self) {
        let now = self.now.monotonic;
        let (due, later) =
            core::mem::take(&mut self.state.forwarding.retries).into_iter().partition(|(at, _)| *at <= now);
        self.state.forwarding.retries = later;
        let due: Vec<(Micros, u64)> = due;
        due.into_iter().for_each(|(_, parked)| self.pass_on(parked));
    }

    /// Gives a client the controller's answer.
    pub(crate) fn send_forwarded(&mut self, context: &RequestContext, answer: Bytes) {
        let mut length = BytesMut::with_capacity(4);
        length.put_u32(answer.len() as u32);
        let chunks = alloc::vec![Slice::Bytes(length.freeze()), Slice::Bytes(answer)];
        self.send(context, chunks, None, Summary::default());
    }

    /// Answers what another broker passed on. A node that is not the active controller says so: then nothing is in the answer.
    pub(crate) fn open_envelope(&mut self, context: &RequestContext, envelope: &EnvelopeRequest) -> Reply {
        if !self.is_active_controller() {
            return Reply::Now(not_controller().into());
        }
        let Ok((header, request)) = decode_request(envelope.request_data.clone()) else {
            let refusal = EnvelopeResponse::default().with_error_code(ErrorCode::InvalidRequest as i16);
            return Reply::Now(refusal.into());
        };
        if !is_for_controller(header.api) {
            let refusal = EnvelopeResponse::default().with_error_code(ErrorCode::InvalidRequest as i16);
            return Reply::Now(refusal.into());
        }
        let inner = RequestContext {
            connection: context.connection,
            api: header.api,
            version: header.version,
            correlation_id: header.correlation_id,
            envelope: Some(Envelope { version: context.version, correlation_id: context.correlation_id }),
        };
        let reply = match quorum::is_for_quorum(&request) {
            true => self.ask_quorum(&inner, &request),
            false => api::handle(self, &inner, request),
        };
        self.finish(&inner, reply);
        Reply::Nothing
    }
}
