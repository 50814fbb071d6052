//! The one interface of all clients: inputs, effects, and the contract with whoever drives them.
//!
//! Not here: what the clients do (see [`crate::producer`], [`crate::consumer`], [`crate::admin`]).

use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use naru_trace::{ClientView, Deadline, MessageLabel, Name, Now, Seq, Trace};

/// A connection, numbered by the client that dials it. Never used twice by one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What can happen to a client.
#[derive(Debug, Clone)]
pub enum ClientInput {
    /// A connection that it dialled stands.
    Connected {
        /// Which.
        connection: ConnectionId,
    },
    /// A whole frame came.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// The frame, without its length field.
        frame: Bytes,
    },
    /// A connection ended, or could not be made.
    Disconnected {
        /// Which.
        connection: ConnectionId,
        /// Why, in a few words.
        reason: Name,
    },
    /// Time passed: at least to [`Machine::next_deadline`].
    Tick,
}

/// What a client wants done.
#[derive(Debug, Clone)]
pub enum ClientEffect {
    /// Connect. Answered by `Connected` or `Disconnected`.
    Dial {
        /// The number that the connection gets.
        connection: ConnectionId,
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Send a frame.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// The frame, with its length field.
        frame: Bytes,
        /// What it carries, for people. Present when the trace is on.
        label: Option<MessageLabel>,
        /// The event that made the client send it.
        cause: Option<Seq>,
    },
    /// Close a connection. No `Disconnected` follows.
    Close {
        /// Which.
        connection: ConnectionId,
    },
}

/// Where a client leaves its effects and its events.
///
/// The driver has one [`Trace`] for its whole world: it swaps it in before a step and out after it.
#[derive(Debug, Default)]
pub struct ClientOutbox {
    /// To be performed in order, and removed, after each step.
    pub effects: Vec<ClientEffect>,
    /// Where events go.
    pub trace: Trace,
}

/// A client, as its driver sees it.
///
/// The contract of the driver:
/// 1. Call `trace.enter(Actor::Client(number), ..)`, then [`Machine::step`] or one of the client's own methods.
/// 2. Perform all of `out.effects`, in order, and empty it.
/// 3. Wait for the next input or for [`Machine::next_deadline`], whichever is first; then begin again.
pub trait Machine {
    /// Takes one input. Runs to its end.
    fn step(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox);
    /// When the client wants a `Tick`, if nothing comes before.
    fn next_deadline(&self) -> Option<Deadline>;
    /// The client's picture, read from its state. Equals the fold of its events.
    fn view(&self) -> ClientView;
}
