//! Connections, and the order of answers.
//!
//! As in Apache Kafka, a connection has one request in work at a time: what arrives meanwhile waits here, unread. Answers
//! therefore leave in the order of the requests, even when one waits in the [`crate::purgatory`] (SEMANTICS 45), and a client
//! that sends faster than it is answered only makes itself wait.
//!
//! Deliberately not sockets: bytes are cut into frames by the driver.

use crate::{config::BrokerConfig, input::ConnectionId};
use alloc::{collections::VecDeque, string::String};
use bytes::Bytes;
use naru_trace::SortedMap;
use naru_trace::{ConnectionView, RequestRef, Seq};
use naru_wire::ApiKey;

/// A request in work: where its answer goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext {
    pub(crate) connection: ConnectionId,
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    /// The envelope that the request came in, if another broker passed it on (KIP-590).
    pub(crate) envelope: Option<Envelope>,
}

/// What has to be known of an envelope to put the answer into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
}

impl RequestContext {
    /// Its name in the trace.
    pub(crate) fn reference(&self) -> RequestRef {
        RequestRef { connection: self.connection.0, correlation_id: self.correlation_id }
    }
}

/// A frame that waits until the request before it is answered.
#[derive(Debug)]
pub(crate) struct QueuedFrame {
    pub(crate) frame: Bytes,
    /// The event that brought it.
    pub(crate) cause: Option<Seq>,
}

/// One client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    peer: String,
    client_id: String,
    last_api: Option<ApiKey>,
    requests: u64,
    /// The reply that waits, if one does.
    pub(crate) parked: Option<u64>,
    queue: VecDeque<QueuedFrame>,
    queued_bytes: usize,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    connections: SortedMap<ConnectionId, Connection>,
}

/// A connection has more waiting than the configuration allows.
#[derive(Debug)]
pub(crate) struct QueueFull;

impl Connections {
    pub(crate) fn open(&mut self, id: ConnectionId, peer: String) {
        let connection = Connection {
            peer,
            client_id: String::new(),
            last_api: None,
            requests: 0,
            parked: None,
            queue: VecDeque::new(),
            queued_bytes: 0,
        };
        let before = self.connections.insert(id, connection);
        assert!(before.is_none(), "connection {} was opened twice", id.0);
    }

    /// Forgets a connection, with the frames that wait on it.
    pub(crate) fn close(&mut self, id: ConnectionId) -> Option<Connection> {
        self.connections.remove(&id)
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.connections.iter().map(|(id, connection)| (*id, connection))
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }
}

impl Connection {
    /// Whether frames wait, or have to.
    pub(crate) fn is_busy(&self) -> bool {
        self.parked.is_some() || !self.queue.is_empty()
    }

    /// Lets a frame wait.
    pub(crate) fn enqueue(&mut self, frame: QueuedFrame, config: &BrokerConfig) -> Result<(), QueueFull> {
        if self.queue.len() >= config.queued_requests_max || self.queued_bytes >= config.queued_bytes_max {
            return Err(QueueFull);
        }
        self.queued_bytes += frame.frame.len();
        self.queue.push_back(frame);
        Ok(())
    }

    /// The next frame, if nothing is before it.
    pub(crate) fn dequeue(&mut self) -> Option<QueuedFrame> {
        if self.parked.is_some() {
            return None;
        }
        let frame = self.queue.pop_front()?;
        self.queued_bytes -= frame.frame.len();
        Some(frame)
    }

    /// Whether the driver should read on: well before the limits, at which the connection would be closed.
    pub(crate) fn wants_frames(&self, config: &BrokerConfig) -> bool {
        self.queue.len() < config.queued_requests_max / 2 && self.queued_bytes < config.queued_bytes_max / 2
    }

    /// Notes a request. The name is copied: it must not hold on to the memory of a whole frame.
    pub(crate) fn note_request(&mut self, api: ApiKey, client_id: &str) {
        self.requests += 1;
        self.last_api = Some(api);
        if self.client_id != client_id {
            self.client_id = client_id.into();
        }
    }

    pub(crate) fn view(&self) -> ConnectionView {
        ConnectionView {
            peer: self.peer.clone(),
            client_id: self.client_id.clone(),
            last_api: self.last_api.map_or("", ApiKey::name).into(),
            requests: self.requests,
        }
    }
}
