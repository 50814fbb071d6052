//! What clients did and saw, as a list that can be written down, and whether a log of Kafka's kind can explain it.
//!
//! It is in the manner of Jepsen's workload for Kafka and its kin: every record has a value of its own, and nothing is looked
//! at but what producers and consumers were told. So a history that was recorded from real processes is judged by the same
//! code as one from the simulation: `naru sim check-history FILE`.
//!
//! A history is a file of JSON lines, one [`Entry`] each, in the order in which each client did them:
//!
//! ```text
//! {"at_us":10,"client":"p0","send":{"value":"p0#0","topic":"t","acks":-1,"idempotent":true}}
//! {"at_us":95,"client":"p0","acknowledged":{"value":"p0#0","topic":"t","partition":1,"offset":0}}
//! {"at_us":99,"client":"c0","positioned":{"topic":"t","partition":1,"offset":0}}
//! {"at_us":120,"client":"c0","polled":{"topic":"t","partition":1,"records":[[0,"p0#0"]]}}
//! {"at_us":400,"client":"c0","at_end":{"topic":"t","partition":1,"offset":1}}
//! ```
//!
//! Topics in it are neither compacted nor deleted from, or records that are rightly gone count as lost.
//!
//! Source: Jepsen, `jepsen.tests.kafka` (lost write, unseen, duplicate, inconsistent offsets, nonmonotonic and skipped polls,
//! nonmonotonic sends, aborted read). Not here: transactions. Read `check` next.

mod check;
#[cfg(test)]
mod tests;

pub use check::{Anomaly, check};

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// One thing that a client did or was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in microseconds since the history began. Only for people: the order in the file counts.
    pub at_us: u64,
    /// The client's name.
    pub client: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What a client did or was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A producer was handed a record.
    Send {
        /// The record's value, which no other record has.
        value: String,
        /// Its topic.
        topic: String,
        /// The producer's `acks`: 0, 1, or -1 for all.
        acks: i8,
        /// `enable.idempotence`.
        idempotent: bool,
    },
    /// A record is in the log, the producer was told.
    Acknowledged {
        /// The record's value.
        value: String,
        /// Its topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Where it is; -1 if that was not said (acks=0).
        offset: i64,
    },
    /// A producer gave a record up.
    Failed {
        /// The record's value.
        value: String,
        /// Kafka's name for the error.
        error: String,
        /// Whether it may be in the log all the same: a request was lost, or its answer.
        maybe: bool,
    },
    /// A consumer begins to read somewhere.
    Positioned {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The first offset it will read; -1 if that is not known yet (the beginning or the end).
        offset: i64,
    },
    /// Records reached a consumer's application.
    Polled {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Offsets and values, in order.
        records: Vec<(i64, String)>,
    },
    /// A consumer that began at the beginning has read everything: the partition ended there when nobody wrote any more.
    AtEnd {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset after the last record.
        offset: i64,
    },
}
