//! BrokerHeartbeat: what a broker may do, decided by what it says of itself every two seconds.
//!
//! ```text
//!              caught up                  wants to stop, leads something
//!   fenced ────────────────► unfenced ──────────────────────────────────► controlled shutdown
//!     ▲  ▲  wants to be fenced  │ │ wants to stop, leads nothing                  │ all leaders moved,
//!     │  └──────────────────────┘ ▼                                               ▼ everybody knows
//!     └──────────────────────── should shut down ◄────────────────────────────────┘
//! ```
//! In Kafka these are `BrokerHeartbeatManager.calculateNextBrokerState` and
//! `ReplicationControlManager.processBrokerHeartbeat`.

use crate::{
    Decision, Image, Liveness, Registration, Settings,
    cluster::Cluster,
    fencing::{begin_controlled_shutdown, directories_failed, fence_broker, has_leaderships, unfence_broker},
};
use naru_trace::Micros;
use naru_wire::{ErrorCode, messages::BrokerHeartbeatRequest};

/// The answer to a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whether the broker has applied the metadata log at least as far as its own registration.
    pub is_caught_up: bool,
    /// Whether it is fenced from now on.
    pub is_fenced: bool,
    /// Whether it may stop now.
    pub should_shut_down: bool,
    /// Whether its leaders are on their way elsewhere. Whoever commits the decision calls [`Liveness::begin_shutdown`] with
    /// the last offset of the metadata log.
    pub in_controlled_shutdown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutDownNow,
}

/// Decides on a heartbeat, and notes in `liveness` that it came. The error is `STALE_BROKER_EPOCH`, also for a broker that is
/// not a member.
pub fn broker_heartbeat(
    image: &Image,
    settings: &Settings,
    liveness: &mut Liveness,
    request: &BrokerHeartbeatRequest,
    now: Micros,
) -> Result<Decision<Heartbeat>, ErrorCode> {
    let cluster = Cluster { image, settings };
    let (broker, epoch) = (request.broker_id.0, request.broker_epoch);
    let registration = check_broker_epoch(image, broker, epoch)?;
    liveness.touch(broker, epoch, request.current_metadata_offset, now);
    // The epoch is the offset at which the decision to register the broker begins. A decision is one batch, and arrives whole.
    let is_caught_up = request.current_metadata_offset >= registration.epoch;
    let state = State::of(registration);
    let mut next = next_state(state, request, is_caught_up, image, liveness);
    let failed = directories_failed(cluster, broker, &request.offline_log_dirs);
    if !failed.is_empty() && !matches!(next, State::Fenced | State::ShutDownNow) {
        // One thing after the other: what the next heartbeat asks for is decided on what the failure has left.
        next = state;
    }
    let records = match next {
        _ if next == state => failed,
        State::Unfenced => unfence_broker(cluster, broker, epoch),
        State::ControlledShutdown => begin_controlled_shutdown(cluster, broker, epoch),
        State::Fenced | State::ShutDownNow if registration.fenced => failed,
        State::Fenced | State::ShutDownNow => fence_broker(image, settings, broker),
    };
    if next == State::ShutDownNow {
        // It was let go: its next start need not wait until this session is over.
        liveness.forget(broker);
    }
    let response = Heartbeat {
        is_caught_up,
        is_fenced: matches!(next, State::Fenced | State::ShutDownNow),
        should_shut_down: next == State::ShutDownNow,
        in_controlled_shutdown: next == State::ControlledShutdown,
    };
    Ok(Decision { records, response })
}

/// Whether a request comes from the incarnation of a broker that is registered (`ClusterControlManager.checkBrokerEpoch`).
pub(crate) fn check_broker_epoch(image: &Image, broker: i32, epoch: i64) -> Result<&Registration, ErrorCode> {
    match image.broker(broker) {
        Some(registration) if registration.epoch == epoch => Ok(registration),
        Some(_) | None => Err(ErrorCode::StaleBrokerEpoch),
    }
}

fn next_state(
    state: State,
    request: &BrokerHeartbeatRequest,
    is_caught_up: bool,
    image: &Image,
    liveness: &Liveness,
) -> State {
    let broker = request.broker_id.0;
    match state {
        State::Fenced if request.want_shut_down => State::ShutDownNow,
        State::Fenced if request.want_fence || !is_caught_up => State::Fenced,
        State::Fenced => State::Unfenced,
        State::Unfenced if request.want_fence && request.want_shut_down => State::ShutDownNow,
        State::Unfenced if request.want_fence => State::Fenced,
        State::Unfenced if request.want_shut_down && has_leaderships(image, broker) => State::ControlledShutdown,
        State::Unfenced if request.want_shut_down => State::ShutDownNow,
        State::Unfenced => State::Unfenced,
        State::ControlledShutdown if has_leaderships(image, broker) => State::ControlledShutdown,
        State::ControlledShutdown if liveness.may_shut_down(image, broker) => State::ShutDownNow,
        State::ControlledShutdown => State::ControlledShutdown,
        State::ShutDownNow => unreachable!("a broker that may stop is fenced"),
    }
}

impl State {
    fn of(registration: &Registration) -> Self {
        match (registration.fenced, registration.in_controlled_shutdown) {
            (true, _) => State::Fenced,
            (false, true) => State::ControlledShutdown,
            (false, false) => State::Unfenced,
        }
    }
}

#[cfg(test)]
mod tests;
