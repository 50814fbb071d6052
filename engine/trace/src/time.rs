//! Time as a value. Nothing in the engine reads a clock: whoever drives it says what time it is.

use serde::{Deserialize, Serialize};

/// Microseconds on a clock that never goes back. Zero is the start of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// Whole milliseconds as microseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Micros(millis * 1_000)
    }

    /// The whole milliseconds in this time, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// This time, `micros` later. Saturates at the end of time instead of wrapping.
    pub const fn plus(self, micros: u64) -> Self {
        Micros(self.0.saturating_add(micros))
    }

    /// How long from `earlier` to this time, in microseconds; zero if `earlier` is later.
    pub const fn since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The time, as the driver tells it at every step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines and durations. Never goes back.
    pub monotonic: Micros,
    /// For record timestamps: milliseconds since 1970-01-01 UTC. May jump, like any wall clock.
    pub wall_ms: i64,
}

/// When a state machine next wants to be woken, and why. The reason is for people: traces, debuggers, tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// Wake at this time or later.
    pub at: Micros,
    /// What is waiting, in a few words: `"fetch.max.wait"`, `"linger.ms"`.
    pub reason: &'static str,
}
