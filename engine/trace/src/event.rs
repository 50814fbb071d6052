//! One event: when, where in the source, who, why, and what.

use crate::{kind::Name, kind::TraceKind, time::Micros};
use alloc::borrow::Cow;
use serde::{Deserialize, Serialize};

/// The number of an event within one run. Events are numbered from 0 without gaps.
pub type Seq = u64;

/// Who emitted an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The world around the machines: network, faults, the lab's script.
    World,
    /// A broker, by its `node.id`.
    Broker(i32),
    /// A client, by the number it was given when it started.
    Client(u32),
}

/// The place in the engine's source that emitted an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Site {
    /// Path from the workspace's root: `engine/log/src/segment.rs`.
    pub file: Name,
    /// Line, from 1.
    pub line: u32,
}

impl Site {
    /// The caller's place in the source. A helper around this must be `#[track_caller]` too.
    #[track_caller]
    pub fn here() -> Self {
        let location = core::panic::Location::caller();
        Site { file: Cow::Borrowed(location.file()), line: location.line() }
    }
}

/// Which request an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestRef {
    /// The connection, numbered by the broker that accepted it.
    pub connection: u64,
    /// The correlation id that the client chose.
    pub correlation_id: i32,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TraceEvent {
    /// Its number in the run.
    pub seq: Seq,
    /// Who did it.
    pub actor: Actor,
    /// When, on the run's monotonic clock.
    pub at: Micros,
    /// The event that made it happen, possibly on another node. `None` for what nothing in the run caused.
    pub cause: Option<Seq>,
    /// The request it belongs to, where there is one.
    pub request: Option<RequestRef>,
    /// The line of the lab's script that was running, from 1.
    pub script_line: Option<u32>,
    /// The line of the engine that emitted it.
    pub site: Site,
    /// What happened.
    pub kind: TraceKind,
}
