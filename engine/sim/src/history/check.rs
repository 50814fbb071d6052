//! Looking for what no log can explain.
//!
//! First all that anybody was told is put together into one log for each partition; where two were told different things,
//! that is an anomaly already. Then each client's own story is compared with it.

use super::{Entry, What};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use naru_trace::{SortedMap, SortedSet};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anomaly {
    /// Two clients were told of different records at the same offset.
    InconsistentOffsets {
        /// Topic and partition.
        place: String,
        /// The offset.
        offset: i64,
        /// The values.
        values: (String, String),
    },
    /// A record that its producer (acks=all) was told is safe is not there, and what came later is.
    LostWrite {
        /// Topic and partition.
        place: String,
        /// Where it was.
        offset: i64,
        /// Its value.
        value: String,
    },
    /// An idempotent producer's record is in the log more than once.
    Duplicate {
        /// Its value.
        value: String,
        /// Where: topic and partition, offset.
        places: Vec<(String, i64)>,
    },
    /// A record that certainly failed was read.
    AbortedRead {
        /// Topic and partition.
        place: String,
        /// Where it was read.
        offset: i64,
        /// Its value.
        value: String,
    },
    /// A record was read that nobody ever sent.
    UnknownRecord {
        /// Topic and partition.
        place: String,
        /// Where it was read.
        offset: i64,
        /// Its value.
        value: String,
    },
    /// A consumer went back without being told to.
    NonMonotonicPoll {
        /// The consumer.
        client: String,
        /// Topic and partition.
        place: String,
        /// The offset it had read.
        before: i64,
        /// The one it got then.
        after: i64,
    },
    /// A consumer went over records that are in the log.
    SkippedPoll {
        /// The consumer.
        client: String,
        /// Topic and partition.
        place: String,
        /// The first offset that it did not get.
        offset: i64,
        /// The record there.
        value: String,
    },
    /// An idempotent producer's records are in a partition in another order than that in which it sent them.
    NonMonotonicSend {
        /// The producer.
        client: String,
        /// Topic and partition.
        place: String,
        /// The earlier record and its offset.
        earlier: (String, i64),
        /// The later one and its offset.
        later: (String, i64),
    },
    /// A record was acknowledged, and nobody read as far. Nothing is wrong with that, but nobody looked either.
    Unseen {
        /// Topic and partition.
        place: String,
        /// Where it is.
        offset: i64,
        /// Its value.
        value: String,
    },
}

impl Anomaly {
    /// Its name, as Jepsen has it.
    pub fn name(&self) -> &'static str {
        match self {
            Anomaly::InconsistentOffsets { .. } => "inconsistent-offsets",
            Anomaly::LostWrite { .. } => "lost-write",
            Anomaly::Duplicate { .. } => "duplicate",
            Anomaly::AbortedRead { .. } => "aborted-read",
            Anomaly::UnknownRecord { .. } => "unknown-record",
            Anomaly::NonMonotonicPoll { .. } => "nonmonotonic-poll",
            Anomaly::SkippedPoll { .. } => "poll-skip",
            Anomaly::NonMonotonicSend { .. } => "nonmonotonic-send",
            Anomaly::Unseen { .. } => "unseen",
        }
    }

    /// Where it was found: topics and partitions.
    pub fn places(&self) -> Vec<&str> {
        match self {
            Anomaly::Duplicate { places, .. } => places.iter().map(|(place, _)| place.as_str()).collect(),
            Anomaly::InconsistentOffsets { place, .. }
            | Anomaly::LostWrite { place, .. }
            | Anomaly::AbortedRead { place, .. }
            | Anomaly::UnknownRecord { place, .. }
            | Anomaly::NonMonotonicPoll { place, .. }
            | Anomaly::SkippedPoll { place, .. }
            | Anomaly::NonMonotonicSend { place, .. }
            | Anomaly::Unseen { place, .. } => [place.as_str()].into(),
        }
    }

    /// Whether a promise was broken. The others are worth knowing.
    pub fn is_error(&self) -> bool {
        !matches!(self, Anomaly::Unseen { .. })
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match self {
            Anomaly::InconsistentOffsets { place, offset, values: (one, other) } => {
                write!(f, "{place} has {one} and {other} at offset {offset}")
            }
            Anomaly::LostWrite { place, offset, value } => {
                write!(f, "{value} was acknowledged at offset {offset} of {place}, and is gone")
            }
            Anomaly::Duplicate { value, places } => write!(f, "{value} is in the log more than once: {places:?}"),
            Anomaly::AbortedRead { place, offset, value } => {
                write!(f, "{value} had failed, and was read at offset {offset} of {place}")
            }
            Anomaly::UnknownRecord { place, offset, value } => {
                write!(f, "nobody sent {value}, which was read at offset {offset} of {place}")
            }
            Anomaly::NonMonotonicPoll { client, place, before, after } => {
                write!(f, "{client} had read offset {before} of {place}, and got {after} next")
            }
            Anomaly::SkippedPoll { client, place, offset, value } => {
                write!(f, "{client} was not given {value} at offset {offset} of {place}")
            }
            Anomaly::NonMonotonicSend { client, place, earlier, later } => {
                write!(f, "{client} sent {earlier:?} before {later:?}, and {place} has them the other way round")
            }
            Anomaly::Unseen { place, offset, value } => {
                write!(f, "{value} was acknowledged at offset {offset} of {place}, and nobody read as far")
            }
        }
    }
}

/// All anomalies of a history, sorted.
pub fn check(history: &[Entry]) -> Vec<Anomaly> {
    let mut checked = Checked::default();
    history.iter().for_each(|entry| checked.put_together(entry));
    checked.look_for_lost();
    checked.look_for_duplicates();
    checked.look_at_what_was_read();
    checked.look_at_polls(history);
    checked.look_at_sends(history);
    checked.found.into_iter().collect()
}

/// A record as its producer knows it.
#[derive(Debug, Default)]
struct Sent {
    client: String,
    acks: i8,
    idempotent: bool,
    failed_for_sure: bool,
}

#[derive(Debug, Default)]
struct Partition {
    /// What was told of each offset by those who read, and by acknowledgements that promise to stay.
    log: SortedMap<i64, String>,
    /// What was read, by offset.
    read: SortedMap<i64, SortedSet<String>>,
    /// What producers with acks=all were told.
    promised: SortedMap<i64, String>,
    /// Up to where it was read.
    end: i64,
}

#[derive(Debug, Default)]
struct Checked {
    sent: SortedMap<String, Sent>,
    partitions: SortedMap<String, Partition>,
    /// By value: where it is, from all that was told.
    places: SortedMap<String, SortedSet<(String, i64)>>,
    /// Producers that gave up a record of which nobody knows whether it is there. Their next epoch begins with it, and what
    /// was behind it is numbered anew and may come twice (KIP-360): they promise no more than others.
    uncertain: SortedSet<String>,
    found: SortedSet<Anomaly>,
}

impl Checked {
    fn put_together(&mut self, entry: &Entry) {
        match &entry.what {
            What::Send { value, acks, idempotent, .. } => {
                let (client, acks, idempotent) = (entry.client.clone(), *acks, *idempotent);
                let sent = Sent { client, acks, idempotent, failed_for_sure: false };
                self.sent.insert(value.clone(), sent);
            }
            What::Failed { value, maybe, .. } => {
                if *maybe {
                    self.uncertain.insert(entry.client.clone());
                }
                if let Some(sent) = self.sent.get_mut(value) {
                    sent.failed_for_sure |= !maybe;
                }
            }
            What::Acknowledged { value, topic, partition, offset } if *offset >= 0 => {
                // What only the leader had may be lost with it, and its offset is given again.
                let promises = self.sent.get(value).is_some_and(|sent| sent.acks == -1);
                let place = place(topic, *partition);
                if promises {
                    let known = self.partitions.entry(place.clone()).or_default();
                    known.promised.insert(*offset, value.clone());
                    self.learn(place, *offset, value);
                }
            }
            What::Polled { topic, partition, records } => {
                for (offset, value) in records {
                    let place = place(topic, *partition);
                    let known = self.partitions.entry(place.clone()).or_default();
                    known.read.entry(*offset).or_default().insert(value.clone());
                    known.end = known.end.max(offset + 1);
                    self.learn(place, *offset, value);
                }
            }
            What::AtEnd { topic, partition, offset } => {
                let known = self.partitions.entry(place(topic, *partition)).or_default();
                known.end = known.end.max(*offset);
            }
            What::Acknowledged { .. } | What::Positioned { .. } => {}
        }
    }

    /// Somebody was told that this value is there.
    fn learn(&mut self, place: String, offset: i64, value: &str) {
        self.places.entry(value.to_string()).or_default().insert((place.clone(), offset));
        let log = &mut self.partitions.entry(place.clone()).or_default().log;
        match log.get(&offset) {
            Some(known) if known != value => {
                let values = (known.clone(), value.to_string());
                self.found.insert(Anomaly::InconsistentOffsets { place, offset, values });
            }
            Some(_) => {}
            None => {
                log.insert(offset, value.to_string());
            }
        }
    }

    fn look_for_lost(&mut self) {
        for (place, partition) in &self.partitions {
            for (offset, value) in &partition.promised {
                let was_read = partition.read.get(offset).is_some_and(|values| values.contains(value));
                let (place, offset, value) = (place.clone(), *offset, value.clone());
                if was_read {
                    continue;
                }
                self.found.insert(match offset < partition.end {
                    true => Anomaly::LostWrite { place, offset, value },
                    false => Anomaly::Unseen { place, offset, value },
                });
            }
        }
    }

    fn look_for_duplicates(&mut self) {
        for (value, places) in self.places.iter().filter(|(_, places)| places.len() > 1) {
            let sent = self.sent.get(value);
            if sent.is_some_and(|sent| sent.idempotent && !self.uncertain.contains(&sent.client)) {
                let places = places.iter().cloned().collect();
                self.found.insert(Anomaly::Duplicate { value: value.clone(), places });
            }
        }
    }

    fn look_at_what_was_read(&mut self) {
        for (place, partition) in &self.partitions {
            for (offset, value) in partition.read.iter().flat_map(|(at, values)| values.iter().map(move |v| (at, v))) {
                let (place, offset, value) = (place.clone(), *offset, value.clone());
                match self.sent.get(&value) {
                    None => self.found.insert(Anomaly::UnknownRecord { place, offset, value }),
                    Some(sent) if sent.failed_for_sure => {
                        self.found.insert(Anomaly::AbortedRead { place, offset, value })
                    }
                    Some(_) => false,
                };
            }
        }
    }

    /// Each consumer gets every record once, in order, from where it was told to begin.
    fn look_at_polls(&mut self, history: &[Entry]) {
        // The next offset of each consumer and partition.
        let mut next: SortedMap<(&str, String), i64> = SortedMap::new();
        for entry in history {
            match &entry.what {
                What::Positioned { topic, partition, offset } => {
                    next.insert((&entry.client, place(topic, *partition)), *offset);
                }
                What::Polled { topic, partition, records } => {
                    let place = place(topic, *partition);
                    let next = next.entry((&entry.client, place.clone())).or_insert(-1);
                    for (offset, _) in records {
                        self.compare_poll(&entry.client, &place, *next, *offset);
                        *next = offset + 1;
                    }
                }
                _ => {}
            }
        }
    }

    fn compare_poll(&mut self, client: &str, place: &str, next: i64, offset: i64) {
        if next < 0 || offset == next {
            return;
        }
        let (client, place) = (client.to_string(), place.to_string());
        if offset < next {
            self.found.insert(Anomaly::NonMonotonicPoll { client, place, before: next - 1, after: offset });
            return;
        }
        let skipped = self.partitions.get(&place).and_then(|known| known.log.range(next..offset).next());
        if let Some((offset, value)) = skipped {
            let (offset, value) = (*offset, value.clone());
            self.found.insert(Anomaly::SkippedPoll { client, place, offset, value });
        }
    }

    /// An idempotent producer's acknowledged records are in each partition in the order in which it sent them.
    fn look_at_sends(&mut self, history: &[Entry]) {
        let acknowledged = history.iter().filter_map(|entry| match &entry.what {
            What::Acknowledged { value, topic, partition, offset } if *offset >= 0 => {
                Some((value.as_str(), (place(topic, *partition), *offset)))
            }
            _ => None,
        });
        let acknowledged: SortedMap<&str, (String, i64)> = acknowledged.collect();
        let mut last: SortedMap<(&str, &str), (&str, i64)> = SortedMap::new();
        for entry in history {
            let What::Send { value, idempotent: true, .. } = &entry.what else { continue };
            if self.uncertain.contains(&entry.client) {
                continue;
            }
            let Some((place, offset)) = acknowledged.get(value.as_str()) else { continue };
            let before = last.insert((&entry.client, place), (value, *offset));
            if let Some((earlier, at)) = before.filter(|(_, at)| at >= offset) {
                let (earlier, later) = ((earlier.to_string(), at), (value.clone(), *offset));
                let (client, place) = (entry.client.clone(), place.clone());
                self.found.insert(Anomaly::NonMonotonicSend { client, place, earlier, later });
            }
        }
    }
}

fn place(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}
