//! What a broker asks its driver to do. The list is closed, and its order within one step is the order to perform it in.

use crate::input::ConnectionId;
use alloc::{string::String, vec::Vec};
use naru_log::{FileId, FileRange, Slice};
use naru_trace::{MessageLabel, Name, Seq, Trace};

/// A message for the network: chunks that follow each other, the four bytes of length included.
///
/// Record data in it is still where the log has it: memory that is shared, or a range of a file that the driver sends
/// itself. Nothing was copied to make the frame.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The parts, in order.
    pub chunks: Vec<Slice>,
}

/// Something the driver must do after a step.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send a response.
    Send {
        /// To whom.
        connection: ConnectionId,
        /// The bytes.
        frame: Frame,
        /// What it carries, for the picture. Only made when the trace is on.
        label: Option<MessageLabel>,
        /// The event that made it: the `ResponseSent`.
        cause: Option<Seq>,
    },
    /// Close a connection. What was sent on it before still goes out.
    Close {
        /// Which one.
        connection: ConnectionId,
        /// Why, for people and for the log.
        reason: Name,
    },
    /// Open a connection to another broker. Answered by [`crate::Input::Dialled`] or [`crate::Input::Disconnected`]. (A lone
    /// broker never asks for it.)
    Dial {
        /// The number that the connection will have, with the bit [`ConnectionId::DIALLED`].
        connection: ConnectionId,
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Bring these files safely to disk, then answer with [`crate::Input::Synced`].
    Sync {
        /// Goes back with the answer.
        ticket: u64,
        /// Which files.
        files: Vec<FileId>,
    },
    /// Read this part of a file, so that the operating system has it in memory, then answer with [`crate::Input::Loaded`]. May
    /// take as long as the disk does; the broker goes on meanwhile.
    Load {
        /// Goes back with the answer.
        ticket: u64,
        /// Which part.
        range: FileRange,
    },
}

/// What one or more steps left behind: effects for the driver, events for whoever watches.
#[derive(Debug, Default)]
pub struct Outbox {
    /// To be performed in order, and drained.
    pub effects: Vec<Effect>,
    /// Where the broker writes what it does.
    pub trace: Trace,
    /// Sentences for whoever runs the broker: what was cut, what is ignored. To be drained.
    pub warnings: Vec<String>,
}

impl Frame {
    /// Length in bytes, with the length field.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(Slice::len).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
