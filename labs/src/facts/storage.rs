//! What happened on brokers' disks, and to logs as a whole: bytes that changed, processes that ended and what was left when
//! they came back, reads that found their pages in memory or did not.

use naru_trace::{Actor, ClusterView, Micros, Seq, TraceEvent, TraceKind};
use naru_trace::{SortedMap, SortedSet};

/// Everything about storage that goals ask about.
#[derive(Debug, Default)]
pub struct StorageFacts {
    /// Bytes changed on purpose, in order.
    pub edits: Vec<Edit>,
    /// What each partition lost or kept, each time its broker came back.
    pub restarts: Vec<Restart>,
    /// What consumers read, from one seek to the next.
    pub readings: Vec<Reading>,
    /// The base offsets of all segments that a partition ever had.
    pub segments: SortedMap<(String, i32), SortedSet<i64>>,
    /// Segments that went, in order.
    pub deleted: Vec<Deleted>,
    /// Each time a client had the beginning of a log moved.
    pub records_deleted: Vec<RecordsDeleted>,
    /// Logs that were compacted, with the number of records that went.
    pub cleanings: Vec<(String, i32, u64)>,
    /// Batches that were refused: topic and error.
    pub refused: Vec<(String, String)>,
    /// Pages of each topic that were read since records of it last came to a reader, and how many of these were not in memory.
    pages_read: SortedMap<String, (u64, u64)>,
    /// How the broker's process ended last, and how its partitions were then.
    ended: Option<Ended>,
    /// The offset behind the last acknowledged record, of each partition.
    acknowledged: SortedMap<(String, i32), i64>,
    /// When the last acknowledgement came.
    acknowledged_at: Micros,
}

/// A byte that changed.
#[derive(Debug, Clone)]
pub struct Edit {
    /// When.
    pub seq: Seq,
    /// The file.
    pub path: String,
    /// Where in it.
    pub position: u64,
}

/// A segment that went.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// When.
    pub at: Micros,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Its base offset.
    pub base_offset: i64,
    /// The setting that was obeyed.
    pub because: String,
    /// The topic's `retention.ms` then, if it has its own.
    pub retention_ms: Option<u64>,
}

/// A log whose beginning a client had moved.
#[derive(Debug, Clone)]
pub struct RecordsDeleted {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that can be read.
    pub start: i64,
    /// The base offset of the first segment that was left.
    pub first_segment: i64,
}

/// How a broker's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In good order.
    Stop,
    /// Without warning; the machine went on.
    Crash,
    /// Together with its machine.
    PowerLoss,
}

/// A partition before and after its broker was away.
#[derive(Debug, Clone)]
pub struct Restart {
    /// How the process ended.
    pub how: Ending,
    /// When it ended.
    pub ended: Seq,
    /// When the partition was opened again.
    pub opened: Seq,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// How long before the end the last acknowledgement came, in microseconds.
    pub idle_us: u64,
    /// The log end offset before.
    pub end_before: i64,
    /// The offset behind the last record that a producer had an acknowledgement for.
    pub acknowledged: i64,
    /// The log end offset after.
    pub end: i64,
}

/// What a consumer read of a topic from one seek to the next.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The consumer.
    pub client: u32,
    /// The topic.
    pub topic: String,
    /// When its position was set.
    pub began: Micros,
    /// When the last records came.
    pub ended: Micros,
    /// The offsets it got, first and last.
    pub offsets: Option<(i64, i64)>,
    /// How many records it got.
    pub records: u64,
    /// How many pages were read for it.
    pub pages: u64,
    /// How many of these had to come from the disk.
    pub misses: u64,
    /// How its records came: when, and how many there were then.
    pub steps: Vec<(Micros, u64)>,
}

impl Reading {
    /// How long it took, in microseconds.
    pub fn took_us(&self) -> u64 {
        self.ended.since(self.began)
    }
}

#[derive(Debug)]
struct Ended {
    how: Ending,
    seq: Seq,
    idle_us: u64,
    ends: SortedMap<(String, i32), i64>,
}

impl StorageFacts {
    /// Takes note of an event. `view` is the picture with it.
    pub fn learn(&mut self, event: &TraceEvent, view: &ClusterView) {
        match &event.kind {
            TraceKind::ByteEdited { path, position, .. } => {
                self.edits.push(Edit { seq: event.seq, path: path.clone(), position: *position });
            }
            TraceKind::BrokerStopped { .. } => self.end(Ending::Stop, event, view),
            TraceKind::BrokerCrashed { .. } => self.end(Ending::Crash, event, view),
            TraceKind::PowerLost { .. } => self.end(Ending::PowerLoss, event, view),
            TraceKind::BatchAcknowledged { topic, partition, base_offset, records } if *base_offset >= 0 => {
                let end = self.acknowledged.entry((topic.clone(), *partition)).or_default();
                *end = (*end).max(base_offset + i64::from(*records));
                self.acknowledged_at = event.at;
            }
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                let bases = self.segments.entry((topic.clone(), *partition)).or_default();
                bases.extend(view.segments.iter().map(|segment| segment.base_offset));
                self.opened(event.seq, (topic, *partition), view.log_end_offset);
            }
            _ => {
                self.learn_cleaning(event, view);
                self.learn_reading(event);
            }
        }
    }

    fn learn_cleaning(&mut self, event: &TraceEvent, view: &ClusterView) {
        match &event.kind {
            TraceKind::SegmentRolled { topic, partition, base_offset, .. } => {
                self.segments.entry((topic.clone(), *partition)).or_default().insert(*base_offset);
            }
            TraceKind::SegmentDeleted { topic, partition, base_offset, because, .. } => {
                let configs = view.brokers.values().find_map(|broker| broker.topics.get(topic)).map(|it| &it.configs);
                self.deleted.push(Deleted {
                    at: event.at,
                    topic: topic.clone(),
                    partition: *partition,
                    base_offset: *base_offset,
                    because: because.to_string(),
                    retention_ms: configs.and_then(|all| all.get("retention.ms")).and_then(|ms| ms.parse().ok()),
                });
            }
            TraceKind::LogStartOffsetAdvanced { topic, partition, log_start_offset, because }
                if because == "DeleteRecords" =>
            {
                let topics = view.brokers.values().filter_map(|broker| broker.topics.get(topic));
                let it = topics.filter_map(|topic| topic.partitions.get(partition)).next();
                let first_segment = it.and_then(|it| it.segments.first()).map_or(0, |segment| segment.base_offset);
                let (topic, partition, start) = (topic.clone(), *partition, *log_start_offset);
                self.records_deleted.push(RecordsDeleted { topic, partition, start, first_segment });
            }
            TraceKind::CleaningFinished { topic, partition, records_removed, .. } => {
                self.cleanings.push((topic.clone(), *partition, *records_removed));
            }
            TraceKind::BatchRejected { topic, error, .. } => self.refused.push((topic.clone(), error.to_string())),
            _ => {}
        }
    }

    fn end(&mut self, how: Ending, event: &TraceEvent, view: &ClusterView) {
        // A power failure ends the process, too: that is one end, told of twice.
        if let Some(ended) = &mut self.ended {
            ended.how = if how == Ending::PowerLoss { how } else { ended.how };
            return;
        }
        let topics = view.brokers.values().flat_map(|broker| &broker.topics);
        let ends = topics.flat_map(|(topic, it)| {
            it.partitions.iter().map(|(number, partition)| ((topic.clone(), *number), partition.log_end_offset))
        });
        self.ended =
            Some(Ended { how, seq: event.seq, idle_us: event.at.since(self.acknowledged_at), ends: ends.collect() });
    }

    fn opened(&mut self, seq: Seq, (topic, partition): (&str, i32), end: i64) {
        let place = (topic.to_owned(), partition);
        let Some(ended) = &mut self.ended else { return };
        let Some(end_before) = ended.ends.remove(&place) else { return };
        let acknowledged = self.acknowledged.get(&place).copied().unwrap_or(0);
        self.restarts.push(Restart {
            how: ended.how,
            ended: ended.seq,
            idle_us: ended.idle_us,
            opened: seq,
            topic: place.0.clone(),
            partition,
            end_before,
            acknowledged,
            end,
        });
        if ended.ends.is_empty() {
            self.ended = None;
        }
        // What is lost is lost once.
        self.acknowledged.insert(place, acknowledged.min(end));
    }

    fn learn_reading(&mut self, event: &TraceEvent) {
        match (&event.kind, event.actor) {
            (TraceKind::PositionSet { topic, .. }, Actor::Client(client)) => {
                let reading = Reading {
                    client,
                    topic: topic.clone(),
                    began: event.at,
                    ended: event.at,
                    offsets: None,
                    records: 0,
                    pages: 0,
                    misses: 0,
                    steps: Vec::new(),
                };
                self.readings.push(reading);
                self.pages_read.remove(topic);
            }
            (TraceKind::PagesRead { path, pages, misses, .. }, _) if path.ends_with(".log") => {
                let topic = path.rsplit_once('/').and_then(|(directory, _)| directory.rsplit_once('-'));
                let Some((topic, _)) = topic else { return };
                let read = self.pages_read.entry(topic.to_owned()).or_default();
                *read = (read.0 + u64::from(*pages), read.1 + u64::from(*misses));
            }
            (TraceKind::RecordsDelivered { topic, records, .. }, Actor::Client(client)) => {
                let mine = |it: &&mut Reading| it.client == client && it.topic == *topic;
                let Some(reading) = self.readings.iter_mut().rfind(mine) else { return };
                let (Some(first), Some(last)) = (records.first(), records.last()) else { return };
                let first = reading.offsets.map_or(first.offset, |(first, _)| first);
                reading.offsets = Some((first, last.offset));
                reading.records += records.len() as u64;
                let (pages, misses) = self.pages_read.remove(topic).unwrap_or_default();
                (reading.pages, reading.misses) = (reading.pages + pages, reading.misses + misses);
                reading.ended = event.at;
                reading.steps.push((event.at, reading.records));
            }
            _ => {}
        }
    }
}
