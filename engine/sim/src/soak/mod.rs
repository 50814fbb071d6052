//! Looking for a seed where something that must be true is not: random worlds, with random faults, by the thousand.
//!
//! [`run`] makes up a world from its seed, lets clients and faults loose on it, repairs it, and then asks that everything
//! comes to rest (liveness) and that everybody got what they were promised. [`scenario`] has the same with one kind of
//! fault each, by name. A failure names its property and the command that replays it.

mod cluster;
mod driver;
mod ledger;
mod options;
mod random;

pub use options::{Faults, SCENARIOS, Scenario, SoakOptions, scenario};

use crate::{Violation, World};
use alloc::{format, string::String, vec::Vec};
use core::fmt;
use naru_trace::{TraceEvent, event_hash};

/// What a soak that found nothing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoakReport {
    /// Its seed.
    pub seed: u64,
    /// Things that happened.
    pub steps: u64,
    /// Events recorded.
    pub events: u64,
    /// The hash of all events: equal runs have equal ones.
    pub event_hash: u64,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// Faults injected.
    pub faults: u64,
    /// Records handed to producers.
    pub sent: u64,
    /// Records acknowledged.
    pub acknowledged: u64,
    /// Records that failed for good.
    pub failed: u64,
    /// Records that consumers got, each as often as they got it.
    pub delivered: u64,
}

/// What a soak found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoakFailure {
    /// The seed.
    pub seed: u64,
    /// The property: `liveness`, `fold`, or a file in `invariants/`.
    pub property: &'static str,
    /// What is wrong.
    pub message: String,
    /// After how many steps it was found.
    pub step: u64,
    /// The last events before that.
    pub tail: Vec<TraceEvent>,
    /// The command that shows it again.
    pub replay: String,
}

/// How many events a failure shows.
const TAIL: usize = 40;

impl SoakFailure {
    /// The exit code that says so: 128 for liveness, 129 for a property violated. (127 is for a process that crashed.)
    pub fn exit_code(&self) -> u8 {
        if self.property == "liveness" { 128 } else { 129 }
    }
}

impl fmt::Display for SoakFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, step {}: the property \"{}\" does not hold", self.seed, self.step, self.property)?;
        writeln!(f, "{}", self.message)?;
        for event in &self.tail {
            writeln!(f, "  {:>6} {:>10} µs {:?} {:?}", event.seq, event.at.0, event.actor, event.kind)?;
        }
        write!(f, "replay: {}", self.replay)
    }
}

impl core::error::Error for SoakFailure {}

/// One soak, from its seed.
pub fn run(seed: u64, options: &SoakOptions) -> Result<SoakReport, SoakFailure> {
    simulate(seed, options).1
}

/// One soak, and the world that it left behind, with its events.
pub fn simulate(seed: u64, options: &SoakOptions) -> (World, Result<SoakReport, SoakFailure>) {
    let (result, (world, steps, counts)) = if options.nodes_max > 0 {
        let mut driver = cluster::ClusterDriver::new(seed, options);
        (driver.run(), driver.finish())
    } else {
        let mut driver = driver::Driver::new(seed, options);
        (driver.run(), driver.finish())
    };
    let result = match result {
        Ok(()) => Ok(SoakReport {
            seed,
            steps,
            events: world.events().len() as u64,
            event_hash: event_hash(world.events()),
            simulated_ms: world.now().monotonic.as_millis(),
            ..counts
        }),
        Err(violation) => Err(failure(seed, options, steps, violation, world.events())),
    };
    (world, result)
}

fn failure(seed: u64, options: &SoakOptions, step: u64, violation: Violation, events: &[TraceEvent]) -> SoakFailure {
    let tail = events[events.len().saturating_sub(TAIL)..].to_vec();
    let replay = match options.scenario {
        Some(name) => format!("naru sim run {name} --seed {seed} --events"),
        None => format!("naru sim soak --seeds {seed}..{seed}"),
    };
    SoakFailure { seed, property: violation.property, message: violation.message, step, tail, replay }
}
