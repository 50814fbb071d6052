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

    /// Was at zero when the system's monotonic clock showed `origin` microseconds: processes of one machine that share an
    /// origin tell the same time.
    pub fn since(origin: u64) -> Self {
        let now = Instant::now();
        let passed = Duration::from_micros(system_micros().saturating_sub(origin));
        Clock { start: now.checked_sub(passed).unwrap_or(now) }
    }

    /// When this clock was at zero, for [`Clock::since`] in another process.
    pub fn origin(&self) -> u64 {
        system_micros().saturating_sub(self.start.elapsed().as_micros() as u64)
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

    /// Milliseconds since zero.
    pub fn millis(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

/// The system's monotonic clock, in microseconds.
fn system_micros() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn clocks_of_one_origin_tell_the_same_time() {
        let clock = Clock::start();
        let other = Clock::since(clock.origin());
        let before = clock.now().monotonic.0;
        let between = other.now().monotonic.0;
        let after = clock.now().monotonic.0;
        // Each reading is rounded by a microsecond or two.
        assert!(before <= between + 3 && between <= after + 3, "{before} {between} {after}");
    }
}
