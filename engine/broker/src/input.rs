//! What can happen to a broker. The list is closed: nothing else ever changes its state.

use alloc::string::String;
use bytes::Bytes;
use naru_log::{FileId, StorageError};

/// A connection's number, never used twice in one run. The driver chooses it when it accepts a socket, below
/// [`ConnectionId::DIALLED`]; the broker chooses it when it dials, from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The bit that the numbers of dialled connections have.
    pub const DIALLED: u64 = 1 << 63;

    /// Whether the broker dialled it, so that it is the one who asks.
    pub fn is_dialled(self) -> bool {
        self.0 & Self::DIALLED != 0
    }
}

/// Something that happened to a broker.
#[derive(Debug, Clone)]
pub enum Input {
    /// A client connected.
    Connected {
        /// The number the driver gave it.
        connection: ConnectionId,
        /// The client's address, for people.
        peer: String,
    },
    /// The answer to [`crate::Effect::Dial`]: the connection is there, and frames may be sent on it. The other answer is
    /// [`Input::Disconnected`].
    Dialled {
        /// The number that the broker gave it.
        connection: ConnectionId,
    },
    /// A whole frame arrived. The driver has already refused frames longer than `socket.request.max.bytes`.
    Frame {
        /// Where it came from.
        connection: ConnectionId,
        /// Its bytes, without the four bytes of length before it.
        frame: Bytes,
    },
    /// A connection ended, by the client's will or the network's.
    Disconnected {
        /// Which one.
        connection: ConnectionId,
    },
    /// The answer to [`crate::Effect::Sync`]: the files are safely on disk, or could not be brought there.
    Synced {
        /// The ticket of the effect.
        ticket: u64,
        /// What came of it.
        result: Result<(), StorageError>,
    },
    /// The answer to [`crate::Effect::Load`]: the bytes are in memory, or cannot be read. Whoever wanted them finds out.
    Loaded {
        /// The ticket of the effect.
        ticket: u64,
    },
    /// A buffered write to this file failed when the driver committed it.
    StorageFailed {
        /// The file.
        file: FileId,
        /// What the storage said.
        error: StorageError,
    },
    /// Time passed: the deadline that [`crate::Broker::next_deadline`] named is over.
    Tick,
    /// Stop taking new work; the driver calls [`crate::Broker::close`] when the last effects are performed.
    Shutdown,
}
