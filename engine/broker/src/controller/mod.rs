//! The active controller's APIs, one file for each, and what it does by the clock.
//!
//! Every handler has the three parts of those in [`crate::api`]. What is decided stands in `naru-metadata`; here it is
//! announced as events, committed, and answered when the quorum has it. A node that is not the active controller answers
//! `NOT_CONTROLLER`, and whoever asked finds out who is.

pub(crate) mod allocate_producer_ids;
pub(crate) mod alter_partition;
mod announce;
pub(crate) mod broker_heartbeat;
pub(crate) mod broker_registration;
pub(crate) mod elect_leaders;
pub(crate) mod reassign;
pub(crate) mod unregister_broker;
pub(crate) mod update_features;

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
    /// When leaders are balanced next (`leader.imbalance.check.interval.seconds`); `None` if they are not.
    balance_at: Option<Micros>,
}

impl Controller {
    pub(crate) fn new(config: &BrokerConfig, image: &Image, now: Micros) -> Self {
        let mut liveness = Liveness::new(config.cluster.session_timeout_ms).watched_by(config.node_id);
        liveness.reset(image, now);
        let balance_at = config.cluster.auto_leader_rebalance.then(|| next_balance(config, now));
        Controller { liveness, balance_at }
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

/// Time has passed: brokers of which nothing was heard for too long are fenced, and leaders go back where they are preferred.
pub(crate) fn tick(turn: &mut Turn<'_>) {
    if turn.state.stopping || !turn.is_active_controller() {
        return;
    }
    let ticked = turn.out.trace.cause();
    expire_sessions(turn);
    turn.out.trace.because(ticked);
    balance_leaders(turn);
    turn.out.trace.because(ticked);
}

fn expire_sessions(turn: &mut Turn<'_>) {
    let ticked = turn.out.trace.cause();
    turn.state.controller.liveness.notice(turn.state.metadata.image(), turn.now.monotonic);
    let expired = turn.state.controller.liveness.expired(turn.state.metadata.image(), turn.now.monotonic);
    for broker in expired {
        turn.out.trace.because(ticked);
        let records = fence_broker(turn.state.metadata.image(), &turn.state.settings, broker);
        if commit(turn, records, "its session has expired".into()).is_err() {
            return;
        }
    }
}

fn balance_leaders(turn: &mut Turn<'_>) {
    let now = turn.now.monotonic;
    let State { config, metadata, settings, controller, .. } = &mut *turn.state;
    if controller.balance_at.is_none_or(|at| at > now) {
        return;
    }
    controller.balance_at = Some(next_balance(config, now));
    let records =
        naru_metadata::balance_leaders(metadata.image(), settings, config.cluster.leader_imbalance_percentage);
    // A log that cannot be written is known to whoever runs the broker; the next balancing comes all the same.
    let _ = commit(turn, records, "leaders are balanced".into());
}

fn next_balance(config: &BrokerConfig, now: Micros) -> Micros {
    now.plus(config.cluster.leader_imbalance_check_seconds.saturating_mul(1_000_000))
}

/// When the controller wants to be woken.
pub(crate) fn next_deadline(state: &State) -> Option<Deadline> {
    if !state.metadata.is_active_controller() || state.metadata.failed().is_some() {
        return None;
    }
    let expiry = state.controller.liveness.next_expiry(state.metadata.image());
    let expiry = expiry.map(|at| Deadline { at, reason: "broker.session.timeout.ms" });
    // A broker that is alone leads whatever can be led.
    let has_others = state.metadata.image().brokers().nth(1).is_some();
    let balance = state.controller.balance_at.filter(|_| has_others);
    let balance = balance.map(|at| Deadline { at, reason: "leader.imbalance.check.interval.seconds" });
    expiry.into_iter().chain(balance).min()
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

#[cfg(test)]
mod tests;
