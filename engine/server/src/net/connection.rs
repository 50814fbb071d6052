//! One connection: a reader and a writer that share a socket and a task.
//!
//! Whichever ends first ends both: a client that closes its side gets no more responses, and a writer that was told to close
//! stops the reader.

use super::{Shared, read, write};
use crate::engine::{
    inbox::Message,
    outlet::{Flow, Outlet},
};
use naru_broker::ConnectionId;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::net::TcpStream;

/// What reader and writer of one connection share.
pub struct Socket {
    /// The connection's number.
    pub connection: ConnectionId,
    /// The socket itself. Both halves only ever try; neither blocks.
    pub stream: Arc<TcpStream>,
    /// How much is under way.
    pub flow: Arc<Flow>,
    /// When bytes last moved, in milliseconds of the process's clock.
    pub last_moved: AtomicU64,
}

/// Who wanted a connection. `peer` is the other end, for people.
pub enum Opened {
    /// A client, or another broker.
    Accepted { peer: String },
    /// This broker.
    Dialled { peer: String },
}

/// Why a connection ended.
#[derive(Debug)]
pub enum Ended {
    /// The client closed it between two frames, or the broker asked for it.
    InOrder,
    /// The client closed it in the middle of a frame.
    Truncated { missing: usize },
    /// A frame's length cannot be.
    BadLength { length: i32, max: u32 },
    /// Nothing moved for `connections.max.idle.ms`.
    Idle,
    /// A frame began and did not end in time.
    SlowFrame,
    /// The operating system said so.
    Io(std::io::Error),
    /// The broker has stopped.
    BrokerGone,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::InOrder => write!(f, "closed in order"),
            Ended::Truncated { missing } => {
                write!(f, "the client closed it {missing} bytes before the end of a request")
            }
            Ended::BadLength { length, max } => {
                write!(f, "a request of {length} bytes; socket.request.max.bytes allows 0 to {max}")
            }
            Ended::Idle => write!(f, "nothing moved for connections.max.idle.ms"),
            Ended::SlowFrame => write!(f, "a request began and did not end in time"),
            Ended::Io(error) => write!(f, "{error}"),
            Ended::BrokerGone => write!(f, "the broker stopped"),
        }
    }
}

/// Serves a connection until it ends.
pub async fn run(connection: ConnectionId, stream: TcpStream, opened: Opened, shared: Arc<Shared>) {
    let flow = Arc::new(Flow::default());
    let stream = Arc::new(stream);
    let (outlet, queue) = Outlet::new(flow.clone(), stream.clone());
    let last_moved = AtomicU64::new(shared.clock.millis());
    let socket = Socket { connection, stream, flow, last_moved };
    let (peer, message) = match opened {
        Opened::Accepted { peer } => (peer.clone(), Message::Connected { connection, peer, outlet }),
        Opened::Dialled { peer } => (peer, Message::Dialled { connection, outlet }),
    };
    if shared.inbox.tell(message).is_err() {
        return;
    }
    let ended = tokio::select! {
        ended = read::frames(&socket, &shared) => ended,
        ended = write::responses(&socket, &shared, queue) => ended,
    };
    if !matches!(ended, Ended::InOrder | Ended::BrokerGone) {
        crate::log::debug(format_args!("connection {} with {peer} ended: {ended}", connection.0));
    }
    let _ = shared.inbox.tell(Message::Disconnected { connection });
}

impl Socket {
    /// Bytes moved just now.
    pub fn moved(&self, shared: &Shared) {
        self.last_moved.store(shared.clock.millis(), Ordering::Relaxed);
    }
}
