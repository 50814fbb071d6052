//! What the page asks the Worker, and what comes back. JSON, one message each way.

use naru_labs::{DiskBytes, EventRow, Frame, Importance, Locale, RunRequest, RunSummary, Series};
use naru_trace::{Seq, TraceKind};
use serde::{Deserialize, Serialize};

/// A question with its number.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    /// The answer carries the same number.
    pub id: u32,
    /// The question.
    pub question: Question,
}

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Run a script and keep the recording.
    Run(Box<RunRequest>),
    /// The picture after so many events.
    Frame {
        /// How many events.
        index: usize,
        /// The language of its sentence.
        locale: Locale,
    },
    /// Sentences.
    Rows {
        /// The first event.
        from: usize,
        /// The event after the last.
        to: usize,
        /// How important they are at least.
        least: Importance,
        /// Their language.
        locale: Locale,
    },
    /// The causes of an event.
    Why {
        /// The event.
        seq: Seq,
        /// The language.
        locale: Locale,
    },
    /// Bytes of a file on a broker's disk, as they were.
    Disk {
        /// After how many events.
        index: usize,
        /// The broker's `node.id`.
        broker: i32,
        /// The file.
        path: String,
        /// The first byte.
        position: u64,
        /// How many.
        length: u64,
    },
    /// Where a record is in its segment's file.
    Record {
        /// After how many events.
        index: usize,
        /// The broker's `node.id`.
        broker: i32,
        /// The segment's file.
        path: String,
        /// The record's offset.
        offset: i64,
    },
}

/// An answer with the number of its question.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    /// The question's number.
    pub id: u32,
    /// The answer.
    pub answer: Answer,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The script ran (to its end or to its error).
    Ran(Box<Ran>),
    /// A picture.
    Frame(Box<Shot>),
    /// Sentences.
    Rows(Vec<EventRow>),
    /// Bytes; `None` if there was no such file.
    Disk(Option<Box<DiskBytes>>),
    /// A position in a file; `None` if the record is not in it.
    Position(Option<u64>),
    /// There is no recording yet.
    Nothing,
}

/// A run, and what the page has to know of all of its events at once: little.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// The run in short.
    pub summary: RunSummary,
    /// The time of every event, in microseconds.
    pub times: Vec<u64>,
    /// The numbers of the headline events.
    pub headlines: Vec<usize>,
    /// Keys in order of appearance: they decide the colours.
    pub keys: Vec<String>,
    /// For the chart.
    pub series: Vec<Series>,
}

/// A picture, and the event that led to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shot {
    /// The picture.
    pub frame: Frame,
    /// The newest event.
    pub kind: Option<TraceKind>,
}
