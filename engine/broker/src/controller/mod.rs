//! The active controller's APIs, one file for each, and what it does by the clock.
//!
//! Every handler has the three parts of those in [`crate::api`]. What is decided stands in `naru-metadata`; here it is
//! announced as events, committed, and answered when the quorum has it. A node that is not the active controller answers
//! `NOT_CONTROLLER`, and whoever asked finds out who is.

pub(crate) mod alter_partition;
mod announce;
pub(crate) mod broker_heartbeat;
pub(crate) mod broker_registration;
pub(crate) mod unregister_broker;

use crate::{
    config::BrokerConfig,
    turn::{State, Turn},
};
use alloc::{string::String, vec::Vec};
use naru_metadata::{Image, Liveness, MetadataRecord, fence_broker};
use naru_trace::{Deadline, Micros, Name};

/// What the active controller keeps in memory only.
#[derive(Debug)]
pub(crate) struct Controller {
    pub(crate) liveness: Liveness,
}

impl Controller {
    pub(crate) fn new(config: &BrokerConfig, image: &Image, now: Micros) -> Self {
        let mut liveness = Liveness::new(config.cluster.session_timeout_ms).watched_by(config.node_id);
        liveness.reset(image, now);
        Controller { liveness }
    }
}

/// This node decides from now on. It has heard of no heartbeats, so everybody gets a whole session's time.
pub(crate) fn take_office(turn: &mut Turn<'_>) {
    let State { config, metadata, controller, .. } = &mut *turn.state;
    *controller = Controller::new(config, metadata.image(), turn.now.monotonic);
}

/// This node does not decide any more.
pub(crate) fn leave_office(turn: &mut Turn<'_>) {
    let State { config, controller, .. } = &mut *turn.state;
    *controller = Controller::new(config, &Image::default(), turn.now.monotonic);
}

/// Time has passed: brokers of which nothing was heard for too long are fenced.
pub(crate) fn tick(turn: &mut Turn<'_>) {
    if turn.state.stopping || !turn.is_active_controller() {
        return;
    }
    let ticked = turn.out.trace.cause();
    let expired = turn.state.controller.liveness.expired(turn.state.metadata.image(), turn.now.monotonic);
    for broker in expired {
        turn.out.trace.because(ticked);
        let records = fence_broker(turn.state.metadata.image(), &turn.state.settings, broker);
        if commit(turn, records, "its session has expired".into()).is_err() {
            return;
        }
    }
    turn.out.trace.because(ticked);
}

/// When the controller wants to be woken.
pub(crate) fn next_deadline(state: &State) -> Option<Deadline> {
    if !state.metadata.is_active_controller() || state.metadata.failed().is_some() {
        return None;
    }
    let expiry = state.controller.liveness.next_expiry(state.metadata.image());
    expiry.map(|at| Deadline { at, reason: "broker.session.timeout.ms" })
}

/// Announces a decision and brings it on its way. `because` is the reason where the records themselves do not tell. Returns
/// the offset to wait for; an error is a sentence, and then nothing was changed.
pub(crate) fn commit(turn: &mut Turn<'_>, records: Vec<MetadataRecord>, because: Name) -> Result<i64, String> {
    if let Some(reason) = turn.state.metadata.failed() {
        return Err(reason.into());
    }
    announce::announce(turn.state.metadata.image(), &records, because, &mut turn.out.trace);
    turn.commit_decision(records)
}
