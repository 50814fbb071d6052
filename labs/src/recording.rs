//! What is asked of a run, and what comes back: a [`RunRequest`] and a [`Recording`].
//!
//! A run is a pure function of its request: same lab, script, seed and actions, same recording, natively and in WASM.
//! So a permalink holds a request, and everything on screen is drawn from a recording. How a run is made is in
//! [`crate::runner`]; how a recording is played is in [`crate::player`].

use crate::text::Text;
use naru_sim::{Action, DiskJournal};
use naru_trace::SortedMap;
use naru_trace::{Micros, Seq, TraceEvent};
use serde::{Deserialize, Serialize};

/// The version of [`Recording`]'s JSON. It changes when an older player could no longer read it.
pub const RECORDING_VERSION: u32 = 1;

/// What is to be run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The lab: its number (`"01"`) or its slug (`"what-a-broker-is"`).
    pub lab: String,
    /// The learner's script.
    pub script: String,
    /// The seed of the simulation; the lab's own when it is `None`.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The learner's predictions: the id of a prediction, and the id of the choice.
    #[serde(default)]
    pub predictions: SortedMap<String, String>,
    /// Faults injected by hand, in order of time.
    #[serde(default)]
    pub actions: Vec<InjectedAction>,
    /// How much the run may cost.
    #[serde(default)]
    pub budget: Budget,
}

/// A fault injected by hand at a time of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectedAction {
    /// When, on the run's clock.
    pub at: Micros,
    /// The event that was on screen when it was injected.
    #[serde(default)]
    pub after: Option<Seq>,
    /// What happens.
    pub action: Action,
}

/// How much a run may cost before it is stopped. Each limit that is reached is named in [`ScriptError::budget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// Steps of the script: statements, calls, turns of a loop.
    pub operations_max: u64,
    /// How deep functions may call functions.
    pub call_depth_max: usize,
    /// Length of a string, of an array and of a map.
    pub data_size_max: usize,
    /// Events of the simulation.
    pub events_max: u64,
    /// Records that the script's producers may send.
    pub records_max: u64,
    /// Bytes of keys and values that the script's producers may send.
    pub record_bytes_max: u64,
    /// Records that the script's consumers may read, counted every time.
    pub deliveries_max: u64,
    /// Producers, consumers and admin clients.
    pub clients_max: u32,
    /// Simulated time, in milliseconds.
    pub simulated_ms_max: u64,
    /// Lines that the script may print.
    pub prints_max: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            operations_max: 2_000_000,
            call_depth_max: 48,
            data_size_max: 1 << 20,
            events_max: 250_000,
            records_max: 20_000,
            record_bytes_max: 16 << 20,
            deliveries_max: 200_000,
            clients_max: 64,
            simulated_ms_max: 3_600_000,
            prints_max: 2_000,
        }
    }
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// [`RECORDING_VERSION`].
    pub version: u32,
    /// Which engine made it: a hash of its source, 16 hexadecimal digits.
    pub engine: String,
    /// The lab's number.
    pub lab: String,
    /// The seed that was used.
    pub seed: u64,
    /// The script that was run.
    pub script: String,
    /// The faults that were injected.
    pub actions: Vec<InjectedAction>,
    /// All that happened, in order. `events[i].seq == i`.
    pub events: Vec<TraceEvent>,
    /// What the script printed.
    pub printed: Vec<PrintedLine>,
    /// The naming templates that the script made with `template(..)`, in order and without repeats.
    #[serde(default)]
    pub templates: Vec<String>,
    /// How the goals stand.
    pub goals: Vec<GoalResult>,
    /// How the predictions stand.
    pub predictions: Vec<PredictionResult>,
    /// Why the script ended early, if it did.
    pub error: Option<ScriptError>,
    /// The hash of the events: 16 hexadecimal digits.
    pub hash: String,
    /// What was in which file at which event, in a lab that shows its disk. It is not part of the JSON: whoever wants it
    /// runs the request again.
    #[serde(skip)]
    pub journal: DiskJournal,
}

impl Recording {
    /// Whether the script ran to its end and all goals are met.
    pub fn passed(&self) -> bool {
        self.error.is_none() && self.goals.iter().all(|goal| goal.met)
    }
}

/// One printed line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintedLine {
    /// The event that stands for it.
    pub seq: Option<Seq>,
    /// The script's line that printed it.
    pub script_line: Option<u32>,
    /// What it printed.
    pub text: String,
}

/// How one goal stands at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalResult {
    /// The goal's id, unique in its lab.
    pub id: String,
    /// What is to be reached.
    pub title: Text,
    /// Whether it was.
    pub met: bool,
    /// What the engine saw, with numbers: "reader-b read 2 of 5 records".
    pub detail: Text,
    /// What to try next. Only when it is not met.
    pub hint: Option<Text>,
}

/// How one prediction stands at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictionResult {
    /// The prediction's id, unique in its lab.
    pub id: String,
    /// The question.
    pub question: Text,
    /// The choice that the learner made, by its id.
    pub chosen: Option<String>,
    /// What the engine measured in this run; `None` while the run does not tell.
    pub measured: Option<String>,
    /// The choice that names what was measured, by its id.
    pub correct: Option<String>,
    /// Whether the learner was right; `None` without a choice or without a measurement.
    pub right: Option<bool>,
    /// What to say: to the choice that was made if there is one, else to the correct one. Empty while nothing was
    /// measured.
    pub reply: Text,
}

/// Why a script ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptError {
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column, from 1.
    pub column: Option<u32>,
    /// What happened, in one or two sentences.
    pub message: Text,
    /// What to try.
    pub help: Option<Text>,
    /// Kafka's name of the error, when a broker refused something.
    pub kafka: Option<String>,
    /// The name of the budget that was used up, when one was: a field of [`Budget`].
    pub budget: Option<String>,
}
