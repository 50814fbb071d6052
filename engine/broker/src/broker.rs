//! The broker itself: the one way in, and the rules for driving it.

use crate::{config::BrokerConfig, effect::Outbox, input::ConnectionId, input::Input, metrics::Metrics};
use crate::{
    controller,
    peers::{Asked, PeerError},
};
use crate::{
    flushing, start,
    topics::Partition,
    turn::{State, Turn},
};
use alloc::string::String;
use core::fmt;
use naru_log::{Log, Storage, StorageError};
use naru_trace::{BrokerView, Deadline, Now};
use naru_wire::Response;

/// A broker. See the crate's documentation for what it is not.
///
/// How to drive it, for ever in this order:
///
/// 1. `step` with one input. It runs to completion and never blocks.
/// 2. `storage_mut().commit()`: buffered appends reach the operating system, one vectored write per file. For every file that
///    failed, `step` with [`Input::StorageFailed`], and close the connections that were to be sent something in this turn
///    instead: what they would be told may be untrue.
/// 3. Perform the effects in [`Outbox::effects`], in order, and clear them.
/// 4. Wait for the next input, or until [`Broker::next_deadline`], which is an [`Input::Tick`]. Go to 1.
///
/// Several inputs may share one turn (step, step, step, commit, perform): that is how many small appends become one write.
pub struct Broker<S> {
    storage: S,
    state: State,
}

/// Why a broker did not start. One sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    /// The sentence.
    pub message: String,
}

impl StartError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        StartError { message: message.into() }
    }
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
    pub fn open(config: BrokerConfig, mut storage: S, now: Now, out: &mut Outbox) -> Result<Self, StartError> {
        let state = start::open(config, &mut storage, now, out)?;
        Ok(Broker { storage, state })
    }

    /// One input, to completion. The only way in.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let mut turn = Turn { state: &mut self.state, storage: &mut self.storage, now, out };
        match input {
            Input::Connected { connection, peer } => turn.on_connected(connection, peer),
            Input::Dialled { connection } => turn.on_dialled(connection),
            Input::Frame { connection, frame } => turn.on_frame(connection, frame),
            Input::Disconnected { connection } => turn.on_disconnected(connection),
            Input::Synced { ticket, result } => turn.on_ticket(ticket, result),
            Input::Loaded { ticket } => turn.on_loaded(ticket),
            Input::StorageFailed { file, error } => turn.on_storage_failed(file, &error),
            Input::Tick => {
                turn.clean_logs();
                turn.keep_up();
                turn.keep_in_touch();
                turn.replication_tick();
                turn.tick_groups();
            }
            Input::Shutdown => turn.on_shutdown(),
        }
        turn.settle();
        self.state.retired.remove_due(now.monotonic, &mut self.storage);
    }

    /// When it wants to be woken, and why.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let state = &self.state;
        let upkeep = state.upkeep.next_deadline().filter(|_| !state.stopping);
        let groups = state.groups.next_deadline().filter(|_| !state.stopping);
        let own = [
            state.purgatory.next_deadline(),
            state.retired.next_deadline(),
            state.cleaning.next_deadline(),
            upkeep,
            groups,
        ];
        let replication = state.next_replication_deadline().filter(|_| !state.stopping);
        let of_cluster = [
            state.metadata.raft.next_deadline(),
            state.peers.next_deadline(),
            state.membership.next_deadline(),
            state.forwarding.next_deadline(),
        ];
        let controller = controller::next_deadline(state).filter(|_| !state.stopping);
        own.into_iter().chain(of_cluster).chain([replication, controller]).flatten().min()
    }

    /// Whether the driver should go on reading from this connection's socket. `false` while frames queue up behind a parked
    /// reply; a driver that goes on all the same sees the connection closed when the limits of the configuration are passed.
    pub fn wants_frames(&self, connection: ConnectionId) -> bool {
        self.state.connections.get(connection).is_some_and(|connection| connection.wants_frames(&self.state.config))
    }

    /// Whether clients are served: its cluster knows the broker, and has lifted its fence. A lone broker is ready at once.
    pub fn is_ready(&self) -> bool {
        self.state.membership.is_ready() || !self.state.config.cluster.roles.broker
    }

    /// Whether nothing is left to answer: after [`Input::Shutdown`], the moment for [`Broker::close`].
    pub fn is_drained(&self) -> bool {
        self.state.stopping && self.state.connections.len() == 0
    }

    /// Stops the process if the state contradicts itself. The simulation calls it after every step.
    pub fn check_invariants(&self) {
        self.state.check_invariants();
    }

    /// The broker's state as a picture, read straight from the engine. Equal to the fold of its events.
    pub fn view(&self) -> BrokerView {
        self.state.view(&self.storage)
    }

    /// The log directories that cannot be used, with the reasons.
    pub fn failed_log_dirs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.state.dirs.iter().filter_map(|dir| Some((dir.path.as_str(), dir.failed.as_deref()?)))
    }

    /// Counters and sizes.
    pub fn metrics(&self) -> Metrics {
        self.state.metrics()
    }

    /// The cluster's id, as clients see it.
    pub fn cluster_id(&self) -> &str {
        &self.state.cluster_id
    }

    /// The configuration it runs with.
    pub fn config(&self) -> &BrokerConfig {
        &self.state.config
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
        let Broker { mut storage, state } = self;
        start::close(state, &mut storage, now, out);
        storage
    }

    /// A step of a test: for decisions of a controller that is not there.
    #[cfg(test)]
    pub(crate) fn with_turn(&mut self, now: Now, out: &mut Outbox, act: impl FnOnce(&mut Turn<'_>)) {
        let mut turn = Turn { state: &mut self.state, storage: &mut self.storage, now, out };
        act(&mut turn);
        turn.settle();
    }

    /// Stops without a word, as a process that is killed. What was committed stays.
    pub fn into_storage(self) -> S {
        self.storage
    }
}

impl Turn<'_> {
    /// What time asks of a member of a cluster. A lone broker has nobody to keep in touch with.
    fn keep_in_touch(&mut self) {
        // Others may have joined a broker that is its own quorum.
        controller::tick(self);
        if self.state.is_lone() {
            return;
        }
        let ticked = self.out.trace.cause();
        self.tick_quorum();
        self.out.trace.because(ticked);
        self.expire_peers();
        self.out.trace.because(ticked);
        self.keep_membership();
        self.out.trace.because(ticked);
        self.retry_forwarding();
        self.out.trace.because(ticked);
    }

    /// Another node has answered, or will not.
    pub(crate) fn on_answer(&mut self, node: i32, asked: Asked, result: Result<Response, PeerError>) {
        match asked {
            Asked::Raft(tag) => self.on_quorum_answer(node, tag, result),
            Asked::Registration => self.on_registered(result),
            Asked::Heartbeat => self.on_heartbeat_answered(result),
            Asked::ProducerIds => self.on_producer_ids(result),
            Asked::Forward { parked } => self.on_forwarded(parked, result),
            Asked::AlterPartition => self.on_alter_partition_answer(result),
            Asked::ReplicaFetch => self.on_replica_fetch_answer(node, result),
            Asked::LogBound { key, bound } => self.on_log_bound(key, bound, result),
            Asked::Nobody => {}
        }
    }

    /// Files are on disk, or could not be brought there: who has asked for it?
    fn on_ticket(&mut self, ticket: u64, result: Result<(), StorageError>) {
        if (flushing::TICKET..flushing::TICKET_END).contains(&ticket) {
            if !self.on_checkpoint_synced(ticket, &result) {
                self.on_flushed(ticket, &result);
            }
        } else if !self.on_cleaning_synced(ticket, &result) {
            self.on_synced(ticket, result);
        }
    }
}

impl State {
    fn metrics(&self) -> Metrics {
        let partitions = || self.topics.iter().flat_map(|topic| &topic.partitions);
        let log_bytes: u64 = partitions().filter_map(Partition::log).map(Log::size).sum();
        Metrics {
            connections: self.connections.len() as u64,
            parked: self.purgatory.len() as u64,
            fetch_sessions: self.sessions.len() as u64,
            topics: self.topics.len() as u64,
            partitions: partitions().count() as u64,
            partitions_offline: partitions().filter(|partition| partition.is_offline()).count() as u64,
            log_bytes: log_bytes + self.metadata.size(),
            ..self.counters.metrics()
        }
    }

    fn check_invariants(&self) {
        assert!(self.ready.is_empty(), "a step ends when everything that is free is answered");
        self.topics.check_invariants();
        self.metadata.check_invariants();
        self.purgatory.check_invariants();
        let waiting = self.connections.iter().filter(|(_, connection)| connection.parked.is_some()).count();
        assert_eq!(
            waiting,
            self.purgatory.len(),
            "a parked reply belongs to a connection, and a connection has one at most"
        );
        for (id, parked) in self.purgatory.iter() {
            let connection = self.connections.get(parked.context.connection);
            let parked_there = connection.and_then(|connection| connection.parked);
            assert_eq!(parked_there, Some(id), "a connection knows the reply it waits for");
        }
    }
}
