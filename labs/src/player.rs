//! Plays a recording: any moment of it as a picture, any stretch of it as sentences, any event with its reasons.

use crate::{
    disk::{self, DiskBytes},
    recording::{GoalResult, PredictionResult, PrintedLine, Recording, ScriptError},
    sentence::{Importance, Names, importance, kind_name, sentence},
    text::Locale,
};
use bytes::Bytes;
use naru_trace::SortedMap;
use naru_trace::{Actor, ClusterView, Micros, Seq, Site, TraceKind};
use serde::{Deserialize, Serialize};

/// A recording that can be shown at any of its moments.
///
/// The picture is remembered every few hundred events, so that any frame is a short fold away; going forward step by
/// step folds one event at a time.
pub struct Player {
    recording: Recording,
    names: Names,
    /// `checkpoints[n]` is the picture after `n * spacing` events.
    checkpoints: Vec<ClusterView>,
    spacing: usize,
    /// The picture that was shown last, and how many events it has seen.
    cursor: (usize, ClusterView),
    /// The frames right after a headline, in order.
    headlines: Vec<usize>,
    marks: Vec<Mark>,
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

/// How many bytes of a file are told at once, at most.
const DISK_BYTES_MAX: u64 = 4096;
/// How many events lie between two remembered pictures, at least.
const SPACING_MIN: usize = 256;
/// How many pictures are remembered, at most: a long recording gets fewer per event, not more memory.
const CHECKPOINTS_MAX: usize = 256;

impl Player {
    /// Reads the recording once and remembers the picture every few hundred events.
    pub fn new(recording: Recording) -> Self {
        let spacing = recording.events.len().div_ceil(CHECKPOINTS_MAX).max(SPACING_MIN);
        let mut view = ClusterView::default();
        let (mut names, mut checkpoints) = (Names::default(), vec![view.clone()]);
        let (mut headlines, mut marks) = (Vec::new(), Vec::new());
        for (number, event) in recording.events.iter().enumerate() {
            let index = number + 1;
            view.apply(event);
            names.learn(event);
            if index % spacing == 0 {
                checkpoints.push(view.clone());
            }
            if importance(&event.kind) == Importance::Headline {
                headlines.push(index);
            }
            if let Some(kind) = mark_of(&event.kind) {
                marks.push(Mark { index, at: event.at, kind });
            }
        }
        Player { recording, names, checkpoints, spacing, cursor: (0, ClusterView::default()), headlines, marks }
    }

    /// The recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Everything but the events.
    pub fn summary(&self) -> RunSummary {
        let recording = &self.recording;
        RunSummary {
            lab: recording.lab.clone(),
            seed: recording.seed,
            engine: recording.engine.clone(),
            hash: recording.hash.clone(),
            events: recording.events.len(),
            ends_at: recording.events.last().map_or(Micros(0), |event| event.at),
            passed: recording.passed(),
            printed: recording.printed.clone(),
            goals: recording.goals.clone(),
            predictions: recording.predictions.clone(),
            error: recording.error.clone(),
            marks: self.marks.clone(),
        }
    }

    /// The picture after the first `index` events. An index past the end is the end.
    pub fn frame(&mut self, index: usize, locale: Locale) -> Frame {
        let index = index.min(self.recording.events.len());
        self.move_cursor(index);
        let current = index.checked_sub(1).map(|newest| self.row(newest, locale));
        Frame {
            index,
            total: self.recording.events.len(),
            at: current.as_ref().map_or(Micros(0), |row| row.at),
            view: self.cursor.1.clone(),
            script_line: current.as_ref().and_then(|row| row.script_line),
            site: current.as_ref().map(|row| row.site.clone()),
            current,
            previous_headline: self.previous_of(index, Importance::Headline),
            next_headline: self.next_of(index, Importance::Headline),
        }
    }

    /// The events `from..to` (by number) of at least this importance.
    pub fn rows(&self, from: usize, to: usize, least: Importance, locale: Locale) -> Vec<EventRow> {
        let to = to.min(self.recording.events.len());
        let wanted = |number: &usize| importance(&self.recording.events[*number].kind) >= least;
        (from.min(to)..to).filter(wanted).map(|number| self.row(number, locale)).collect()
    }

    /// Why an event happened: the chain of causes that leads to it, oldest first, the event itself last.
    pub fn why(&self, seq: Seq, locale: Locale) -> Vec<EventRow> {
        let mut chain = Vec::new();
        let mut next = self.number_of(seq);
        while let Some(number) = next {
            chain.push(number);
            let cause = self.recording.events[number].cause.and_then(|cause| self.number_of(cause));
            // A cause is always older than what it causes. A recording that says otherwise was tampered with; it must
            // not loop.
            next = cause.filter(|cause| *cause < number);
        }
        chain.into_iter().rev().map(|number| self.row(number, locale)).collect()
    }

    /// What an event led to directly: the events that name it as their cause.
    pub fn consequences(&self, seq: Seq, locale: Locale) -> Vec<EventRow> {
        let Some(number) = self.number_of(seq) else { return Vec::new() };
        let later = number + 1..self.recording.events.len();
        let caused = later.filter(|later| self.recording.events[*later].cause == Some(seq));
        caused.map(|number| self.row(number, locale)).collect()
    }

    /// Bytes of a file on a broker's disk after the first `index` events; `None` if there was no such file.
    pub fn disk_bytes(&self, index: usize, broker: i32, path: &str, position: u64, length: u64) -> Option<DiskBytes> {
        let file = self.file_at(index, broker, path)?;
        Some(DiskBytes::cut(path, &file, 0, file.len() as u64, position, length.min(DISK_BYTES_MAX)))
    }

    /// Where the record of that offset is in a segment's file after the first `index` events.
    pub fn record_position(&self, index: usize, broker: i32, path: &str, offset: i64) -> Option<u64> {
        disk::record_at(path, &self.file_at(index, broker, path)?, offset)
    }

    fn file_at(&self, index: usize, broker: i32, path: &str) -> Option<Bytes> {
        let newest = index.min(self.recording.events.len()).checked_sub(1)?;
        let seq = self.recording.events[newest].seq;
        self.recording.journal.image_at(broker, seq).read(path, 0, u64::MAX)
    }

    /// The frame right after the next event of this importance, after `index`.
    pub fn next_of(&self, index: usize, least: Importance) -> Option<usize> {
        match least {
            Importance::Detail => (index < self.recording.events.len()).then_some(index + 1),
            Importance::Headline => {
                self.headlines.get(self.headlines.partition_point(|headline| *headline <= index)).copied()
            }
        }
    }

    /// The frame right after the previous event of this importance, before `index`.
    pub fn previous_of(&self, index: usize, least: Importance) -> Option<usize> {
        match least {
            Importance::Detail => index.checked_sub(1).filter(|previous| *previous > 0),
            Importance::Headline => {
                let before = self.headlines.partition_point(|headline| *headline < index);
                before.checked_sub(1).map(|at| self.headlines[at])
            }
        }
    }

    /// The frame at a time: after every event up to and including it.
    pub fn index_at(&self, at: Micros) -> usize {
        self.recording.events.partition_point(|event| event.at <= at)
    }

    /// Records appended and delivered over time, at most `points_max` points a line.
    pub fn series(&self, points_max: usize) -> Vec<Series> {
        let mut counts: SortedMap<(SeriesKind, String), Vec<(u64, u64)>> = SortedMap::new();
        for event in &self.recording.events {
            let (kind, name, records) = match &event.kind {
                TraceKind::BatchAppended { topic, records, .. } => (SeriesKind::Appended, topic.clone(), records),
                TraceKind::RecordsDelivered { records, .. } => {
                    (SeriesKind::Delivered, self.names.of(event.actor, Locale::En), records)
                }
                _ => continue,
            };
            let points = counts.entry((kind, name)).or_insert_with(|| vec![(0, 0)]);
            let total = points.last().map_or(0, |(_, total)| *total) + records.len() as u64;
            points.push((event.at.0, total));
        }
        let line = |((kind, name), points): ((SeriesKind, String), Vec<(u64, u64)>)| Series {
            name,
            kind,
            points: thinned(points, points_max),
        };
        counts.into_iter().map(line).collect()
    }

    /// Brings the cursor to `index`, from where it is or from the nearest remembered picture.
    fn move_cursor(&mut self, index: usize) {
        let remembered = index / self.spacing;
        if self.cursor.0 > index || self.cursor.0 < remembered * self.spacing {
            self.cursor = (remembered * self.spacing, self.checkpoints[remembered].clone());
        }
        for event in &self.recording.events[self.cursor.0..index] {
            self.cursor.1.apply(event);
        }
        self.cursor.0 = index;
    }

    fn row(&self, number: usize, locale: Locale) -> EventRow {
        let event = &self.recording.events[number];
        EventRow {
            seq: event.seq,
            at: event.at,
            text: sentence(event, &self.names, locale),
            kind: kind_name(&event.kind),
            actor: event.actor,
            actor_name: self.names.of(event.actor, locale),
            cause: event.cause,
            script_line: event.script_line,
            site: event.site.clone(),
            importance: importance(&event.kind),
        }
    }

    /// Where an event is. Events are numbered without gaps, so usually `seq` itself.
    fn number_of(&self, seq: Seq) -> Option<usize> {
        let events = &self.recording.events;
        let first = events.first()?.seq;
        let number = usize::try_from(seq.checked_sub(first)?).ok()?;
        events.get(number).filter(|event| event.seq == seq).map(|_| number)
    }
}

fn mark_of(kind: &TraceKind) -> Option<MarkKind> {
    Some(match kind {
        TraceKind::TopicCreated { .. } | TraceKind::TopicDeleted { .. } | TraceKind::TopicConfigChanged { .. } => {
            MarkKind::Topic
        }
        TraceKind::BatchAppended { .. } => MarkKind::Appended,
        TraceKind::RecordsDelivered { .. } => MarkKind::Delivered,
        TraceKind::TopicRejected { .. }
        | TraceKind::BatchRejected { .. }
        | TraceKind::FetchRejected { .. }
        | TraceKind::BatchFailed { .. }
        | TraceKind::RecordRefused { .. }
        | TraceKind::MessageLost { .. }
        | TraceKind::PartitionOffline { .. } => MarkKind::Refused,
        TraceKind::BrokerStarted { .. } | TraceKind::BrokerStopped { .. } | TraceKind::BrokerCrashed { .. } => {
            MarkKind::Broker
        }
        TraceKind::ScriptPrinted { .. } => MarkKind::Printed,
        TraceKind::ActionInjected { .. } => MarkKind::Injected,
        _ => return None,
    })
}

/// Every n-th point, and always the last: a chart is a few hundred pixels wide.
fn thinned(points: Vec<(u64, u64)>, points_max: usize) -> Vec<(u64, u64)> {
    let step = points.len().div_ceil(points_max.max(2) - 1).max(1);
    let last = points.len().saturating_sub(1);
    let keep = |(number, _): &(usize, (u64, u64))| number % step == 0 || *number == last;
    points.into_iter().enumerate().filter(keep).map(|(_, point)| point).collect()
}
