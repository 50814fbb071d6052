//! What all clients share: connections to brokers, which versions they speak, requests in flight, metadata.
//!
//! The model is Kafka's `NetworkClient`: the owner asks whether a broker is [`Network::ready`], which dials it if need be,
//! sends a request with a tag of its own choice, and later gets an [`Answer`] with that tag, exactly one, be it a response
//! or a failure. Requests on one connection are answered in order.
//!
//! Not here: what is in the requests, and which of them are tried again. The owners know that.

use crate::{
    ClientEffect, ClientError, ClientInput, ClientOutbox, ConnectionId, NetworkConfig,
    backoff::{Chance, retry_at},
    metadata::Metadata,
};
use alloc::{
    collections::VecDeque,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use bytes::Bytes;
use naru_trace::SortedMap;
use naru_trace::{Deadline, MessageLabel, MessageWay, Micros, Name, Now};
use naru_wire::{
    ApiKey, ErrorCode, Request, RequestHeader, Response, StrBytes, correlation_id, decode_response, encode_request,
    messages::{ApiVersionsRequest, ApiVersionsResponse},
};

/// Whom to talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    /// A broker by its `node.id`, known from metadata.
    Broker(i32),
    /// An address from `bootstrap.servers`: which broker it is turns out later.
    Bootstrap(usize),
}

/// The end of one request.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    /// What the owner gave with the request.
    pub(crate) tag: T,
    /// The version of request and response.
    pub(crate) version: i16,
    /// The response; or why there is none: the connection was lost, or time is up. Both may pass.
    pub(crate) result: Result<Response, ErrorCode>,
}

/// A request that is to be sent.
pub(crate) struct Outgoing<T> {
    pub(crate) request: Request,
    pub(crate) version: i16,
    /// `None`: there will be no response (acks=0), and no answer either.
    pub(crate) tag: Option<T>,
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    pub(crate) records: u32,
}

#[derive(Debug)]
enum Purpose<T> {
    ApiVersions,
    Metadata,
    Owner(T),
}

#[derive(Debug)]
struct InFlight<T> {
    correlation_id: i32,
    api: ApiKey,
    version: i16,
    deadline: Micros,
    purpose: Purpose<T>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    Dialling,
    Negotiating,
    Ready,
}

#[derive(Debug)]
struct Connection<T> {
    node: Node,
    state: ConnectionState,
    /// While it is not ready: when to give up.
    setup_deadline: Micros,
    /// What the broker speaks, by API key.
    versions: SortedMap<i16, (i16, i16)>,
    in_flight: VecDeque<InFlight<T>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Reconnect {
    failures: u32,
    not_before: Micros,
    /// Somebody waits for it.
    wanted: bool,
}

/// Connections, requests in flight, metadata.
#[derive(Debug)]
pub(crate) struct Network<T> {
    client_id: StrBytes,
    bootstrap: Vec<(String, u16)>,
    config: NetworkConfig,
    auto_create_topics: bool,
    pub(crate) metadata: Metadata,
    pub(crate) chance: Chance,
    connections: SortedMap<ConnectionId, Connection<T>>,
    reconnects: SortedMap<Node, Reconnect>,
    next_connection: u64,
    next_correlation_id: i32,
    closed: bool,
}

/// The highest version of ApiVersions: what a connection begins with.
const API_VERSIONS_MAX: i16 = ApiKey::ApiVersions.versions().max;

impl<T> Network<T> {
    pub(crate) fn new(
        client_id: &str,
        bootstrap: Vec<(String, u16)>,
        config: NetworkConfig,
        auto_create_topics: bool,
        seed: u64,
    ) -> Self {
        Network {
            client_id: StrBytes::from_string(client_id.to_string()),
            bootstrap,
            config,
            auto_create_topics,
            metadata: Metadata::default(),
            chance: Chance::new(seed),
            connections: SortedMap::new(),
            reconnects: SortedMap::new(),
            next_connection: 1,
            next_correlation_id: 0,
            closed: false,
        }
    }

    /// Whether a request can be sent to `node` now. If there is no connection, dials it, unless it is too early for that.
    pub(crate) fn ready(&mut self, now: Now, node: Node, out: &mut ClientOutbox) -> bool {
        if self.closed {
            return false;
        }
        if let Some((_, connection)) = self.connection(node) {
            return connection.state == ConnectionState::Ready;
        }
        let reconnect = self.reconnects.entry(node).or_default();
        if now.monotonic < reconnect.not_before {
            reconnect.wanted = true;
            return false;
        }
        self.dial(now, node, out);
        false
    }

    /// A node that is ready, whichever; the least busy one. If there is none, dials one.
    pub(crate) fn any_ready(&mut self, now: Now, out: &mut ClientOutbox) -> Option<Node> {
        let ready = self.connections.values().filter(|connection| connection.state == ConnectionState::Ready);
        if let Some(connection) = ready.min_by_key(|connection| connection.in_flight.len()) {
            return Some(connection.node);
        }
        if self.closed || !self.connections.is_empty() {
            return None; // One is being set up.
        }
        let known = self.metadata.brokers.keys().map(|id| Node::Broker(*id));
        let candidates: Vec<Node> = known.chain((0..self.bootstrap.len()).map(Node::Bootstrap)).collect();
        if candidates.is_empty() {
            return None;
        }
        let first = self.chance.below(candidates.len() as u64) as usize;
        let in_turn = (0..candidates.len()).map(|i| candidates[(first + i) % candidates.len()]);
        let free = |node: &Node| self.reconnects.get(node).is_none_or(|r| now.monotonic >= r.not_before);
        match in_turn.clone().find(free) {
            Some(node) => self.dial(now, node, out),
            None => in_turn.for_each(|node| self.reconnects.entry(node).or_default().wanted = true),
        }
        None
    }

    /// How many requests to this node were not answered yet.
    pub(crate) fn in_flight(&self, node: Node) -> usize {
        self.connection(node).map_or(0, |(_, connection)| connection.in_flight.len())
    }

    /// The highest version of `api`, at most `cap`, that this side and `node` both speak.
    pub(crate) fn version(&self, node: Node, api: ApiKey, cap: i16) -> Result<i16, ClientError> {
        let ours = api.versions();
        let theirs = self.connection(node).and_then(|(_, connection)| connection.versions.get(&api.key()).copied());
        let Some((min, max)) = theirs else {
            return Err(unsupported(format!("The broker does not support {}.", api.name())));
        };
        let version = max.min(ours.max).min(cap);
        if version < min || version < ours.min {
            let range = format!("{min} to {max}, this client {} to {}", ours.min, ours.max.min(cap));
            return Err(unsupported(format!("The broker speaks {} in versions {range}.", api.name())));
        }
        Ok(version)
    }

    /// Sends a request to a node that is ready.
    pub(crate) fn send(
        &mut self,
        now: Now,
        node: Node,
        outgoing: Outgoing<T>,
        out: &mut ClientOutbox,
    ) -> Result<(), ClientError> {
        let (id, _) = self.connection(node).expect("the owner asked whether the node is ready");
        let purpose = outgoing.tag.map(Purpose::Owner);
        let label = RequestLabel { topic: outgoing.topic, partition: outgoing.partition, records: outgoing.records };
        self.transmit(now, id, (outgoing.request, outgoing.version), purpose, label, out)
    }

    /// Takes an input; gives the requests that ended by it.
    pub(crate) fn on_input(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox) -> Vec<Answer<T>> {
        match input {
            ClientInput::Connected { connection } => self.on_connected(now, connection, out),
            ClientInput::Frame { connection, frame } => return self.on_frame(now, connection, frame, out),
            ClientInput::Disconnected { connection, .. } => {
                return self.on_lost(now, connection, ErrorCode::NetworkException);
            }
            ClientInput::Tick => {}
        }
        Vec::new()
    }

    /// Gives up what took too long, and refreshes metadata when it is due. To be called after every input.
    pub(crate) fn maintain(&mut self, now: Now, out: &mut ClientOutbox) -> Vec<Answer<T>> {
        let answers = self.expire(now, out);
        for reconnect in self.reconnects.values_mut() {
            reconnect.wanted &= now.monotonic < reconnect.not_before;
        }
        if !self.closed && self.metadata.is_due(now.monotonic, self.config.metadata_max_age_ms) {
            self.refresh_metadata(now, out);
        }
        answers
    }

    /// When something is to be done next. What is due already and was not done waits for something else to happen first: for a
    /// connection that is being set up, say, whose own deadline must not be hidden by that.
    pub(crate) fn next_deadline(&self, now: Micros) -> Option<Deadline> {
        let requests = self.connections.values().map(|connection| match connection.in_flight.front() {
            Some(request) if connection.state == ConnectionState::Ready => {
                Some(Deadline { at: request.deadline, reason: "request.timeout.ms" })
            }
            _ if connection.state == ConnectionState::Ready => None,
            _ => Some(Deadline { at: connection.setup_deadline, reason: "socket.connection.setup.timeout.ms" }),
        });
        let reconnects = self.reconnects.values().filter(|reconnect| reconnect.wanted);
        let reconnects = reconnects.map(|r| Deadline { at: r.not_before, reason: "reconnect.backoff.ms" });
        let refresh = self.metadata.deadline();
        let refresh = refresh.map(|at| Deadline { at, reason: "retry.backoff.ms of metadata" });
        requests.flatten().chain(reconnects).chain(refresh).filter(|deadline| deadline.at > now).min()
    }

    /// Closes all connections. Nothing is answered any more.
    pub(crate) fn close(&mut self, out: &mut ClientOutbox) {
        self.closed = true;
        for connection in core::mem::take(&mut self.connections).into_keys() {
            out.effects.push(ClientEffect::Close { connection });
        }
        self.reconnects.clear();
    }

    /// The leader of a partition as a node. Asks for metadata if there is none.
    pub(crate) fn leader(&mut self, topic: &str, partition: i32) -> Option<(Node, i32)> {
        self.metadata.want(topic);
        match self.metadata.leader(topic, partition) {
            Some(found) => Some((Node::Broker(found.leader), found.epoch)),
            None => {
                self.metadata.request_update();
                None
            }
        }
    }

    fn connection(&self, node: Node) -> Option<(ConnectionId, &Connection<T>)> {
        self.connections.iter().find(|(_, connection)| connection.node == node).map(|(id, found)| (*id, found))
    }

    fn address(&self, node: Node) -> Option<(String, u16)> {
        match node {
            Node::Bootstrap(index) => self.bootstrap.get(index).cloned(),
            Node::Broker(id) => self.metadata.brokers.get(&id).cloned(),
        }
    }

    fn dial(&mut self, now: Now, node: Node, out: &mut ClientOutbox) {
        let Some((host, port)) = self.address(node) else { return };
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            node,
            state: ConnectionState::Dialling,
            setup_deadline: now.monotonic.plus(u64::from(self.config.connection_setup_timeout_ms) * 1_000),
            versions: SortedMap::new(),
            in_flight: VecDeque::new(),
        };
        self.connections.insert(id, connection);
        out.effects.push(ClientEffect::Dial { connection: id, host, port });
    }

    fn on_connected(&mut self, now: Now, id: ConnectionId, out: &mut ClientOutbox) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.state = ConnectionState::Negotiating;
        self.ask_versions(now, id, API_VERSIONS_MAX, out);
    }

    fn ask_versions(&mut self, now: Now, id: ConnectionId, version: i16, out: &mut ClientOutbox) {
        let mut request = ApiVersionsRequest::default();
        if version >= 3 {
            request = request.with_client_software_name(StrBytes::from_static_str("naru-client"));
            request = request.with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        }
        let purpose = Some(Purpose::ApiVersions);
        let sent = self.transmit(now, id, (request.into(), version), purpose, RequestLabel::default(), out);
        sent.expect("an ApiVersions request can be encoded in every version");
    }

    fn on_frame(&mut self, now: Now, id: ConnectionId, frame: Bytes, out: &mut ClientOutbox) -> Vec<Answer<T>> {
        let Some(connection) = self.connections.get_mut(&id) else { return Vec::new() };
        let expected = connection.in_flight.front().map(|request| request.correlation_id);
        let decoded = match connection.in_flight.front() {
            Some(request) if correlation_id(&frame) == expected => {
                decode_response(request.api, request.version, frame).ok()
            }
            _ => None,
        };
        let Some((_, response)) = decoded else {
            // The broker speaks nonsense: nothing that comes after can be trusted.
            out.effects.push(ClientEffect::Close { connection: id });
            return self.on_lost(now, id, ErrorCode::NetworkException);
        };
        let request = connection.in_flight.pop_front().expect("looked at just above");
        match request.purpose {
            Purpose::Owner(tag) => return vec![Answer { tag, version: request.version, result: Ok(response) }],
            Purpose::ApiVersions => {
                let Response::ApiVersions(response) = response else { unreachable!("decoded as asked") };
                self.on_versions(now, id, response, out);
            }
            Purpose::Metadata => {
                let Response::Metadata(response) = response else { unreachable!("decoded as asked") };
                self.metadata.on_response(now.monotonic, response, &self.config, &mut self.chance);
                self.adopt_bootstrap();
            }
        }
        Vec::new()
    }

    fn on_versions(&mut self, now: Now, id: ConnectionId, response: ApiVersionsResponse, out: &mut ClientOutbox) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let versions = response.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version)));
        connection.versions = versions.collect();
        if ErrorCode::from_code(response.error_code) == ErrorCode::UnsupportedVersion {
            // KIP-511: the answer has the highest version that the broker knows; ask again with that.
            let theirs = connection.versions.get(&ApiKey::ApiVersions.key()).map_or(0, |(_, max)| *max);
            return self.ask_versions(now, id, theirs.clamp(0, API_VERSIONS_MAX - 1), out);
        }
        connection.state = ConnectionState::Ready;
        let node = connection.node;
        self.reconnects.remove(&node);
    }

    /// Once it is known which broker a bootstrap address is, its connection serves for that broker.
    fn adopt_bootstrap(&mut self) {
        for (id, address) in &self.metadata.brokers {
            let taken = self.connections.values().any(|connection| connection.node == Node::Broker(*id));
            let found = self.connections.values_mut().find(|connection| match connection.node {
                Node::Bootstrap(index) => self.bootstrap.get(index) == Some(address),
                Node::Broker(_) => false,
            });
            if let (false, Some(connection)) = (taken, found) {
                connection.node = Node::Broker(*id);
            }
        }
    }

    fn on_lost(&mut self, now: Now, id: ConnectionId, error: ErrorCode) -> Vec<Answer<T>> {
        let Some(connection) = self.connections.remove(&id) else { return Vec::new() };
        let reconnect = self.reconnects.entry(connection.node).or_default();
        reconnect.failures += 1;
        let (first, max) = (self.config.reconnect_backoff_ms, self.config.reconnect_backoff_max_ms);
        reconnect.not_before = retry_at(now.monotonic, reconnect.failures, first, max, &mut self.chance);
        let mut answers = Vec::new();
        if connection.state != ConnectionState::Ready || !connection.in_flight.is_empty() {
            self.metadata.request_update(); // Another broker may lead by now.
        }
        for request in connection.in_flight {
            match request.purpose {
                Purpose::Owner(tag) => answers.push(Answer { tag, version: request.version, result: Err(error) }),
                Purpose::Metadata => self.metadata.on_failure(now.monotonic, &self.config, &mut self.chance),
                Purpose::ApiVersions => {}
            }
        }
        answers
    }

    fn expire(&mut self, now: Now, out: &mut ClientOutbox) -> Vec<Answer<T>> {
        let late = |connection: &Connection<T>| match connection.state {
            ConnectionState::Ready => connection.in_flight.front().is_some_and(|r| r.deadline <= now.monotonic),
            _ => connection.setup_deadline <= now.monotonic,
        };
        let late: Vec<ConnectionId> = self.connections.iter().filter(|(_, c)| late(c)).map(|(id, _)| *id).collect();
        let mut answers = Vec::new();
        for id in late {
            // An answer that is late may still come: only a new connection cannot be confused by it.
            out.effects.push(ClientEffect::Close { connection: id });
            answers.extend(self.on_lost(now, id, ErrorCode::RequestTimedOut));
        }
        answers
    }

    fn refresh_metadata(&mut self, now: Now, out: &mut ClientOutbox) {
        let Some(node) = self.any_ready(now, out) else { return };
        let Ok(version) = self.version(node, ApiKey::Metadata, i16::MAX) else { return };
        let Some((id, _)) = self.connection(node) else { return };
        let request = self.metadata.request(version, self.auto_create_topics);
        let topic = request.topics.as_ref().and_then(|topics| topics.first()?.name.clone());
        let label = RequestLabel { topic: topic.map(|name| name.to_string()), ..RequestLabel::default() };
        let sent = self.transmit(now, id, (request.into(), version), Some(Purpose::Metadata), label, out);
        if sent.is_err() {
            self.metadata.on_failure(now.monotonic, &self.config, &mut self.chance);
        }
    }

    fn transmit(
        &mut self,
        now: Now,
        id: ConnectionId,
        (request, version): (Request, i16),
        purpose: Option<Purpose<T>>,
        label: RequestLabel,
        out: &mut ClientOutbox,
    ) -> Result<(), ClientError> {
        let api = request.api();
        let correlation_id = self.next_correlation_id;
        let header = RequestHeader { api, version, correlation_id, client_id: self.client_id.clone() };
        let frame = encode_request(&header, &request).map_err(|error| {
            ClientError::new("INVALID_REQUEST", format!("{} v{version}: {}", api.name(), error.reason))
        })?;
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1) & i32::MAX;
        let connection = self.connections.get_mut(&id).expect("the connection was just looked up");
        if let Some(purpose) = purpose {
            let deadline = now.monotonic.plus(u64::from(self.config.request_timeout_ms) * 1_000);
            connection.in_flight.push_back(InFlight { correlation_id, api, version, deadline, purpose });
        }
        let (label, cause) = if out.trace.is_on() { (Some(label.of(api)), out.trace.cause()) } else { (None, None) };
        out.effects.push(ClientEffect::Send { connection: id, frame, label, cause });
        Ok(())
    }
}

/// What stands beside a request on the stage.
#[derive(Default)]
struct RequestLabel {
    topic: Option<String>,
    partition: Option<i32>,
    records: u32,
}

impl RequestLabel {
    fn of(self, api: ApiKey) -> MessageLabel {
        MessageLabel {
            way: MessageWay::Request,
            api: Name::Borrowed(api.name()),
            topic: self.topic,
            partition: self.partition,
            records: self.records,
            error: None,
        }
    }
}

fn unsupported(message: String) -> ClientError {
    ClientError::of(ErrorCode::UnsupportedVersion, Some(&message))
}
