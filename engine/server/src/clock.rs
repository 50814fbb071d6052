//! The real clock, read here and nowhere else: the engine is told the time.

use naru_trace::{Micros, Now};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that started at zero with the process.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts at zero.
    pub fn start() -> Self {
        Clock { start: Instant::now() }
    }

    /// The time, as the engine wants to be told it.
    pub fn now(&self) -> Now {
        let monotonic = Micros(self.start.elapsed().as_micros() as u64);
        // A wall clock set before 1970 reads as 1970.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { monotonic, wall_ms: wall.as_millis() as i64 }
    }

    /// When `at` is, for whoever waits for it.
    pub fn instant(&self, at: Micros) -> Instant {
        // Rounded up to the next timer tick by the waiter; a deadline is never missed by being early.
        self.start + Duration::from_micros(at.0.min(u64::from(u32::MAX) * 1_000_000))
    }

    /// Milliseconds since the start.
    pub fn millis(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}
