//! The broker itself: the one way in, and the rules for driving it.

use crate::{config::BrokerConfig, effect::Outbox, input::ConnectionId, input::Input, metrics::Metrics};
use alloc::string::String;
use core::fmt;
use naru_log::Storage;
use naru_trace::{BrokerView, Deadline, Now};

/// A broker. See the crate's documentation for what it is not.
///
/// How to drive it, for ever in this order:
///
/// 1. `step` with one input. It runs to completion and never blocks.
/// 2. `storage_mut().commit()`: buffered appends reach the operating system, one vectored write per file. For every file that
///    failed, `step` with [`Input::StorageFailed`] and do not perform the `Send`s of this turn.
/// 3. Perform the effects in [`Outbox::effects`], in order, and clear them.
/// 4. Wait for the next input, or until [`Broker::next_deadline`], which is an [`Input::Tick`]. Go to 1.
///
/// Several inputs may share one turn (step, step, step, commit, perform): that is how many small appends become one write.
pub struct Broker<S> {
    storage: S,
}

/// Why a broker did not start. One sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    /// The sentence.
    pub message: String,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for StartError {}

impl<S: Storage> Broker<S> {
    /// Opens a data directory, recovers what is in it, and is ready for the first input.
    ///
    /// The driver calls `out.trace.enter(Actor::Broker(node_id), ..)` first, as before every step.
    pub fn open(config: BrokerConfig, storage: S, now: Now, out: &mut Outbox) -> Result<Self, StartError> {
        let _ = (config, now, out);
        let _ = Broker { storage };
        todo!()
    }

    /// One input, to completion. The only way in.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let _ = (now, input, out);
        todo!()
    }

    /// When it wants to be woken, and why.
    pub fn next_deadline(&self) -> Option<Deadline> {
        todo!()
    }

    /// Whether the driver should go on reading from this connection's socket. `false` while frames queue up behind a parked
    /// reply; a driver that goes on all the same sees the connection closed when the limits of the configuration are passed.
    pub fn wants_frames(&self, connection: ConnectionId) -> bool {
        let _ = connection;
        todo!()
    }

    /// Stops the process if the state contradicts itself. The simulation calls it after every step.
    pub fn check_invariants(&self) {
        todo!()
    }

    /// The broker's state as a picture, read straight from the engine. Equal to the fold of its events.
    pub fn view(&self) -> BrokerView {
        todo!()
    }

    /// Counters and sizes.
    pub fn metrics(&self) -> Metrics {
        todo!()
    }

    /// The cluster's id, as clients see it.
    pub fn cluster_id(&self) -> &str {
        todo!()
    }

    /// The configuration it runs with.
    pub fn config(&self) -> &BrokerConfig {
        todo!()
    }

    /// The storage, to look at.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// The storage, to commit.
    pub fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    /// Stops in good order: connections closed, files synced, `.kafka_cleanshutdown` written.
    pub fn close(self, now: Now, out: &mut Outbox) -> S {
        let _ = (now, out);
        self.storage
    }

    /// Stops without a word, as a process that is killed. What was committed stays.
    pub fn into_storage(self) -> S {
        self.storage
    }
}
