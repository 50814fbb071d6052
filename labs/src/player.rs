//! Plays a recording: any moment of it as a picture, any stretch of it as sentences, any event with its reasons.

use crate::{
    recording::{GoalResult, PredictionResult, PrintedLine, Recording, ScriptError},
    sentence::Importance,
    text::Locale,
};
use naru_trace::{Actor, ClusterView, Micros, Seq, Site};
use serde::{Deserialize, Serialize};

/// A recording that can be shown at any of its moments.
pub struct Player {
    recording: Recording,
}

/// A run in short: everything but the events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The lab's number.
    pub lab: String,
    /// The seed that was used.
    pub seed: u64,
    /// The engine's hash.
    pub engine: String,
    /// The events' hash.
    pub hash: String,
    /// How many events there are.
    pub events: usize,
    /// The time of the last one.
    pub ends_at: Micros,
    /// Whether the script ran to its end and all goals are met.
    pub passed: bool,
    /// What the script printed.
    pub printed: Vec<PrintedLine>,
    /// How the goals stand.
    pub goals: Vec<GoalResult>,
    /// How the predictions stand.
    pub predictions: Vec<PredictionResult>,
    /// Why the script ended early, if it did.
    pub error: Option<ScriptError>,
    /// The moments worth a mark on the timeline, in order.
    pub marks: Vec<Mark>,
}

/// One moment: the picture after the first `index` events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// How many events have happened: from 0 (nothing yet) to `total`.
    pub index: usize,
    /// How many events there are in all.
    pub total: usize,
    /// The time of the newest event that has happened.
    pub at: Micros,
    /// The picture.
    pub view: ClusterView,
    /// The newest event that has happened; `None` at index 0.
    pub current: Option<EventRow>,
    /// The script's line that was running.
    pub script_line: Option<u32>,
    /// The engine's line that emitted the newest event.
    pub site: Option<Site>,
    /// The index of the previous headline, if there is one: where "back" goes.
    pub previous_headline: Option<usize>,
    /// The index of the next headline, if there is one: where "forward" goes.
    pub next_headline: Option<usize>,
}

/// One event in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its number. The picture right after it is frame `seq + 1`.
    pub seq: Seq,
    /// When.
    pub at: Micros,
    /// The sentence.
    pub text: String,
    /// The name of its kind: `"batch_appended"`.
    pub kind: String,
    /// Who did it.
    pub actor: Actor,
    /// Who did it, for people: `"broker 1"`, `"writer"`.
    pub actor_name: String,
    /// The event that made it happen.
    pub cause: Option<Seq>,
    /// The script's line that was running.
    pub script_line: Option<u32>,
    /// The engine's line that emitted it.
    pub site: Site,
    /// How much it matters.
    pub importance: Importance,
}

/// A moment worth a mark on the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The frame to go to.
    pub index: usize,
    /// When.
    pub at: Micros,
    /// What kind of moment.
    pub kind: MarkKind,
}

/// Kinds of moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A topic was created, or got partitions.
    Topic,
    /// Records were appended.
    Appended,
    /// Records reached a consumer's application.
    Delivered,
    /// A broker refused something, or something failed.
    Refused,
    /// A broker started, stopped or crashed.
    Broker,
    /// The script printed a line.
    Printed,
    /// A person injected a fault.
    Injected,
}

/// A line of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// What it counts: `"orders"`, `"reader-a"`.
    pub name: String,
    /// What kind of thing it counts.
    pub kind: SeriesKind,
    /// Time in microseconds, and the count at that time. Neither ever falls.
    pub points: Vec<(u64, u64)>,
}

/// What a line of a chart counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesKind {
    /// Records appended to a topic.
    Appended,
    /// Records delivered to a consumer.
    Delivered,
}

impl Player {
    /// Reads the recording once and remembers the picture every few hundred events.
    pub fn new(recording: Recording) -> Self {
        Player { recording }
    }

    /// The recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Everything but the events.
    pub fn summary(&self) -> RunSummary {
        todo!()
    }

    /// The picture after the first `index` events. An index past the end is the end.
    pub fn frame(&mut self, _index: usize, _locale: Locale) -> Frame {
        todo!()
    }

    /// The events `from..to` (by number) of at least this importance.
    pub fn rows(&self, _from: usize, _to: usize, _least: Importance, _locale: Locale) -> Vec<EventRow> {
        todo!()
    }

    /// Why an event happened: the chain of causes that leads to it, oldest first, the event itself last.
    pub fn why(&self, _seq: Seq, _locale: Locale) -> Vec<EventRow> {
        todo!()
    }

    /// What an event led to directly: the events that name it as their cause.
    pub fn consequences(&self, _seq: Seq, _locale: Locale) -> Vec<EventRow> {
        todo!()
    }

    /// The frame right after the next event of this importance, after `index`.
    pub fn next_of(&self, _index: usize, _least: Importance) -> Option<usize> {
        todo!()
    }

    /// The frame right after the previous event of this importance, before `index`.
    pub fn previous_of(&self, _index: usize, _least: Importance) -> Option<usize> {
        todo!()
    }

    /// The frame at a time: after every event up to and including it.
    pub fn index_at(&self, _at: Micros) -> usize {
        todo!()
    }

    /// Records appended and delivered over time, at most `points_max` points a line.
    pub fn series(&self, _points_max: usize) -> Vec<Series> {
        todo!()
    }
}
