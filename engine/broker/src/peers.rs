//! Connections to other nodes: what this node asks of them, and what comes back.
//!
//! There is one connection for each node and [`Lane`], dialled when it is first needed. A node answers what comes on one
//! connection in order, and some requests wait there for something to happen (a Fetch): lanes keep those from holding up the
//! others. Kafka has a channel for each of these purposes, too.
//!
//! Deliberately no retries: whoever asks hears once what came of it, and knows best what to do then. Nodes of one cluster run
//! the same program, so requests go out in the highest version that it knows; a node that does not know that version closes
//! the connection.

use crate::{
    effect::{Effect, Frame},
    input::ConnectionId,
    replication::following::Bound,
    topics::PartitionKey,
    turn::Turn,
};
use alloc::{collections::VecDeque, format, string::String, vec::Vec};
use bytes::Bytes;
use naru_log::Slice;
use naru_trace::{Deadline, MessageLabel, MessageWay, Micros, Name, SortedMap};
use naru_wire::{ApiKey, Request, RequestHeader, correlation_id, decode_response, encode_request};

/// How long a node is left alone after a connection to it could not be made, in milliseconds.
const REDIAL_MS: u64 = 50;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Votes and their outcome: answered at once.
    Quorum,
    /// Fetching the metadata log.
    Metadata,
    /// What a broker has to say to the controller: answered at once, or when the quorum has committed it.
    Controller,
    /// Heartbeats: never behind anything else.
    Heartbeat,
    /// Clients' requests that only the controller can answer.
    Forward,
    /// Fetching partitions.
    Replication,
    /// Other questions to leaders of partitions.
    Leaders,
}

/// Who asked, and wants to hear the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The quorum's state machine.
    Raft(naru_raft::Tag),
    /// This broker wants to be registered.
    Registration,
    /// This broker is alive.
    Heartbeat,
    /// A leader wants other in-sync replicas.
    AlterPartition,
    /// Producer ids are needed.
    ProducerIds,
    /// A client's request was passed on; the parked reply waits for the answer.
    Forward { parked: u64 },
    /// Nobody waits for the answer.
    Nobody,
    /// Replication fetches partitions.
    ReplicaFetch,
    /// Replication asks where a leader's log ends or begins.
    LogBound { key: PartitionKey, bound: Bound },
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerError {
    /// The node cannot be reached, or nobody knows where it is.
    Unreachable,
    /// The connection ended.
    ConnectionLost,
    /// The answer did not come in time.
    TimedOut,
    /// The answer was not understood.
    Malformed,
    /// Nobody knows who the active controller is.
    NoController,
}

/// All connections that this node dialled.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    connections: SortedMap<ConnectionId, Peer>,
    lanes: SortedMap<(i32, Lane), ConnectionId>,
    /// Nodes that could not be reached lately: not dialled before.
    redial_at: SortedMap<i32, Micros>,
    next_connection: u64,
    next_correlation_id: i32,
    /// Questions that were in vain from the start. Whoever asked hears it before the step ends.
    refused: VecDeque<(i32, Asked, PeerError)>,
}

#[derive(Debug)]
struct Peer {
    node: i32,
    lane: Lane,
    is_open: bool,
    /// Asked, in this order, and not answered.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    deadline: Micros,
    asked: Asked,
    /// The request, until the connection is open.
    unsent: Option<(Bytes, Option<MessageLabel>)>,
}

impl Peers {
    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let waiting = self.connections.values().flat_map(|peer| peer.waiting.iter().map(|waiting| waiting.deadline));
        waiting.min().map(|at| Deadline { at, reason: "request.timeout.ms" })
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Peer> {
        let peer = self.connections.remove(&id)?;
        self.lanes.remove(&(peer.node, peer.lane));
        Some(peer)
    }
}

impl Turn<'_> {
    /// Asks another node, or this one by way of the network, as Kafka's nodes do.
    pub(crate) fn ask(&mut self, node: i32, lane: Lane, request: Request, asked: Asked) {
        let timeout_ms = match lane {
            Lane::Quorum | Lane::Metadata => self.state.config.cluster.quorum_request_timeout_ms,
            Lane::Heartbeat => self.state.config.cluster.heartbeat_interval_ms.max(100) * 2,
            _ => self.state.config.cluster.request_timeout_ms,
        };
        let Some(connection) = self.connection_to(node, lane) else {
            self.state.peers.refused.push_back((node, asked, PeerError::Unreachable));
            return;
        };
        let api = request.api();
        let version = api.versions().max;
        let peers = &mut self.state.peers;
        peers.next_correlation_id = peers.next_correlation_id.wrapping_add(1) & i32::MAX;
        let correlation_id = peers.next_correlation_id;
        let client_id = format!("broker-{}", self.state.config.node_id).into();
        let header = RequestHeader { api, version, correlation_id, client_id };
        let frame = match encode_request(&header, &request) {
            Ok(frame) => frame,
            Err(error) => {
                self.out.warnings.push(format!("a request to node {node} was not sent: {error}"));
                peers.refused.push_back((node, asked, PeerError::Malformed));
                return;
            }
        };
        let label = self.out.trace.is_on().then(|| request_label(api));
        let deadline = self.now.monotonic.plus(timeout_ms * 1_000);
        let Some(peer) = peers.connections.get_mut(&connection) else { return };
        let unsent = match peer.is_open {
            true => {
                let cause = self.out.trace.cause();
                let frame = Frame { chunks: alloc::vec![Slice::Bytes(frame)] };
                self.out.effects.push(Effect::Send { connection, frame, label, cause });
                None
            }
            false => Some((frame, label)),
        };
        peer.waiting.push_back(Waiting { api, version, correlation_id, deadline, asked, unsent });
    }

    /// Asks the active controller, if anybody knows who that is.
    pub(crate) fn ask_controller(&mut self, lane: Lane, request: Request, asked: Asked) {
        match self.state.metadata.active_controller() {
            Some(node) => self.ask(node, lane, request, asked),
            None => self.state.peers.refused.push_back((-1, asked, PeerError::NoController)),
        }
    }

    /// The answer to [`Effect::Dial`]: everything that waited for it goes out.
    pub(crate) fn on_dialled(&mut self, connection: ConnectionId) {
        let Some(peer) = self.state.peers.connections.get_mut(&connection) else { return };
        peer.is_open = true;
        let cause = self.out.trace.cause();
        for (frame, label) in peer.waiting.iter_mut().filter_map(|waiting| waiting.unsent.take()) {
            let frame = Frame { chunks: alloc::vec![Slice::Bytes(frame)] };
            self.out.effects.push(Effect::Send { connection, frame, label, cause });
        }
        let node = peer.node;
        self.state.peers.redial_at.remove(&node);
    }

    /// An answer arrived.
    pub(crate) fn on_peer_frame(&mut self, connection: ConnectionId, frame: Bytes) {
        self.out.trace.about(None);
        let Some(peer) = self.state.peers.connections.get_mut(&connection) else { return };
        let node = peer.node;
        let is_next = |waiting: &Waiting| correlation_id(&frame) == Some(waiting.correlation_id);
        let Some(waiting) = peer.waiting.pop_front_if(|waiting| is_next(waiting)) else {
            return self.close_peer(connection, PeerError::Malformed, "an answer to what was not asked");
        };
        match decode_response(waiting.api, waiting.version, frame) {
            Ok((_, response)) => self.on_answer(node, waiting.asked, Ok(response)),
            Err(error) => {
                let reason = format!("an answer of node {node} is not understood: {error}");
                self.out.warnings.push(reason);
                self.close_peer(connection, PeerError::Malformed, "malformed answer");
                self.on_answer(node, waiting.asked, Err(PeerError::Malformed));
            }
        }
    }

    /// A connection that this node dialled is no more, or never was.
    pub(crate) fn on_peer_lost(&mut self, connection: ConnectionId) {
        let Some(peer) = self.state.peers.remove(connection) else { return };
        let error = if peer.is_open { PeerError::ConnectionLost } else { PeerError::Unreachable };
        if !peer.is_open {
            let redial_at = self.now.monotonic.plus(REDIAL_MS * 1_000);
            self.state.peers.redial_at.insert(peer.node, redial_at);
        }
        let cause = self.out.trace.cause();
        for waiting in peer.waiting {
            self.out.trace.because(cause);
            self.on_answer(peer.node, waiting.asked, Err(error));
        }
    }

    /// Gives up what was not answered in time. A late answer could be taken for another's, so the connection goes.
    pub(crate) fn expire_peers(&mut self) {
        let now = self.now.monotonic;
        let late = |peer: &Peer| peer.waiting.iter().any(|waiting| waiting.deadline <= now);
        let late = self.state.peers.connections.iter().filter(|(_, peer)| late(peer));
        for connection in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.close_peer(connection, PeerError::TimedOut, "no answer in time");
        }
    }

    /// Tells whoever asked in vain. Returns whether there was somebody.
    pub(crate) fn refuse_questions(&mut self) -> bool {
        let Some((node, asked, error)) = self.state.peers.refused.pop_front() else { return false };
        self.on_answer(node, asked, Err(error));
        true
    }

    /// Ends every connection that this node dialled; nobody is answered any more.
    pub(crate) fn close_peers(&mut self) {
        let peers = core::mem::take(&mut self.state.peers.connections);
        self.state.peers.lanes.clear();
        self.state.peers.refused.clear();
        let reason = || Name::Borrowed("the broker is shutting down");
        self.out.effects.extend(peers.into_keys().map(|connection| Effect::Close { connection, reason: reason() }));
    }

    fn close_peer(&mut self, connection: ConnectionId, error: PeerError, reason: &'static str) {
        let Some(peer) = self.state.peers.remove(connection) else { return };
        self.out.effects.push(Effect::Close { connection, reason: Name::Borrowed(reason) });
        for waiting in peer.waiting {
            self.on_answer(peer.node, waiting.asked, Err(error));
        }
    }

    fn connection_to(&mut self, node: i32, lane: Lane) -> Option<ConnectionId> {
        if let Some(connection) = self.state.peers.lanes.get(&(node, lane)) {
            return Some(*connection);
        }
        if self.state.peers.redial_at.get(&node).is_some_and(|at| *at > self.now.monotonic) {
            return None;
        }
        let (host, port) = self.dial_address(node)?;
        let peers = &mut self.state.peers;
        peers.next_connection += 1;
        let connection = ConnectionId(ConnectionId::DIALLED | peers.next_connection);
        let peer = Peer { node, lane, is_open: false, waiting: VecDeque::new() };
        peers.connections.insert(connection, peer);
        peers.lanes.insert((node, lane), connection);
        self.out.effects.push(Effect::Dial { connection, host, port });
        Some(connection)
    }

    /// Where a node is dialled: as the configuration says, or as the node itself has announced.
    fn dial_address(&self, node: i32) -> Option<(String, u16)> {
        let cluster = &self.state.config.cluster;
        let configured = cluster.peer_addresses.get(&node).or_else(|| cluster.voters.get(&node));
        if let Some(address) = configured {
            return Some((address.host.clone(), address.port));
        }
        let registration = self.state.metadata.committed().broker(node)?;
        registration.end_points.first().map(|endpoint| (endpoint.host.clone(), endpoint.port))
    }
}

fn request_label(api: ApiKey) -> MessageLabel {
    MessageLabel {
        way: MessageWay::Request,
        api: Name::Borrowed(api.name()),
        topic: None,
        partition: None,
        records: 0,
        error: None,
    }
}
