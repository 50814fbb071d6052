//! The consumer: reads the partitions it is assigned, each from its own position.
//!
//! It asks for records only while the application asks for them: a fetch goes out when [`Consumer::poll`] came back empty,
//! and the answer is kept until the next poll. Reading takes nothing away from the broker.
//!
//! This file holds what the application sees. Read on in `fetching`. Group membership is deliberately not here yet.

mod fetching;

use crate::{ClientError, ClientInput, ClientOutbox, ConsumerConfig, Machine, OffsetReset, network::Network};
use alloc::{
    collections::VecDeque,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use bytes::Bytes;
use fetching::Tag;
use naru_records::Header;
use naru_trace::SortedMap;
use naru_trace::{CellView, ClientRole, ClientView, Deadline, Micros, Name, Now, Preview, Seq, TraceKind};

/// Where to begin reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// At the first record there is.
    Earliest,
    /// After the last record there is.
    Latest,
    /// At this offset.
    Offset(i64),
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<Header>,
}

/// How far reading a partition has come:
///
/// ```text
///            ListOffsets                   OFFSET_OUT_OF_RANGE, with a reset policy
/// Resetting -------------> Reading ------------------------------------------------> Resetting
///                             |  OFFSET_OUT_OF_RANGE without one
///                             +------------------------------------------------------> Stopped
/// seek: from anywhere to Resetting (Earliest, Latest) or Reading (an offset)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The offset to begin at is not known: it is being asked for.
    Resetting(StartAt),
    Reading,
    /// The application was told why, and has to seek.
    Stopped,
}

/// A fetched record, with the first offset of its batch.
#[derive(Debug)]
struct Fetched {
    batch: i64,
    record: naru_records::Record,
}

/// One assigned partition.
#[derive(Debug)]
struct Assigned {
    progress: Progress,
    /// The next offset that the application gets; -1 before it is known.
    position: i64,
    /// The next offset to fetch: behind everything that is buffered.
    fetch_offset: i64,
    buffered: VecDeque<Fetched>,
    /// As told by the last fetch from the current position.
    high_watermark: Option<i64>,
    /// A request about it is on its way. Its number, so that an answer from before a seek is not taken for news.
    asked: Option<u64>,
    failures: u32,
    not_before: Micros,
    /// The event that brought what is buffered.
    cause: Option<Seq>,
    told_missing: bool,
}

/// Reads records.
#[derive(Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    client: u32,
    network: Network<Tag>,
    assigned: SortedMap<String, SortedMap<i32, Assigned>>,
    /// Topics that [`Consumer::partitions_of`] was asked about.
    watched: Vec<String>,
    /// Until when the application is taken to wait for records.
    wanted_until: Option<Micros>,
    next_request: u64,
    /// Where the next poll begins, so that no partition waits for ever behind a busy one.
    turn: usize,
    closed: bool,
    errors: Vec<ClientError>,
    deadline: Option<Deadline>,
    view: ClientView,
}

/// For how long after a poll that came back empty records are fetched. An application that waits polls again and again; one
/// that went away should not go on reading.
const INTEREST_MS: u64 = 1_000;

impl Consumer {
    /// A consumer, number `client` in its world. It connects when it has something to do.
    pub fn new(config: ConsumerConfig, client: u32, _now: Now, out: &mut ClientOutbox) -> Self {
        let reset = match config.auto_offset_reset {
            OffsetReset::Earliest => "earliest",
            OffsetReset::Latest => "latest",
            OffsetReset::None => "none",
        };
        let settings = vec![(Name::Borrowed("auto.offset.reset"), reset.to_string())];
        let view = ClientView::new(config.client_id.clone(), ClientRole::Consumer, settings);
        let (name, settings) = (view.name.clone(), view.settings.clone());
        out.trace.emit(|| TraceKind::ClientStarted { client, name, role: ClientRole::Consumer, settings });
        let bootstrap = config.bootstrap.clone();
        let auto_create = config.allow_auto_create_topics;
        Consumer {
            network: Network::new(&config.client_id, bootstrap, config.network.clone(), auto_create, config.seed),
            assigned: SortedMap::new(),
            watched: Vec::new(),
            wanted_until: None,
            next_request: 0,
            turn: 0,
            closed: false,
            errors: Vec::new(),
            deadline: None,
            config,
            client,
            view,
        }
    }

    /// Reads these partitions, and no others, from now on. One that was assigned before starts again where it is told to.
    pub fn assign(&mut self, now: Now, partitions: Vec<(String, i32, StartAt)>, out: &mut ClientOutbox) {
        for (topic, partition) in self.assignment() {
            if !partitions.iter().any(|(t, p, _)| *t == topic && *p == partition) {
                self.unassign(&topic, partition, out);
            }
        }
        for (topic, partition, start) in partitions {
            self.network.metadata.want(&topic);
            let assigned = Assigned::new();
            self.assigned.entry(topic.clone()).or_default().insert(partition, assigned);
            self.show_position(&topic, partition, -1);
            let name = topic.clone();
            out.trace.emit(|| TraceKind::PartitionAssigned { topic: name, partition });
            self.start_at(&topic, partition, start, out);
        }
        self.drive(now, out);
    }

    /// Moves to another place in an assigned partition. Buffered records of it are dropped.
    pub fn seek(
        &mut self,
        now: Now,
        topic: &str,
        partition: i32,
        to: StartAt,
        out: &mut ClientOutbox,
    ) -> Result<(), ClientError> {
        if self.assigned(topic, partition).is_none() {
            let message = format!("No current assignment for partition {topic}-{partition}");
            return Err(ClientError::new("ILLEGAL_STATE", message));
        }
        if matches!(to, StartAt::Offset(..0)) {
            return Err(ClientError::new("INVALID_OFFSET", "seek offset must not be a negative number"));
        }
        self.start_at(topic, partition, to, out);
        self.drive(now, out);
        Ok(())
    }

    /// Takes at most `max` records that have been fetched, in order within each partition. Never waits: when it gives
    /// nothing, step the machine and call it again.
    pub fn poll(&mut self, now: Now, max: usize, out: &mut ClientOutbox) -> Vec<ConsumerRecord> {
        let mut records = Vec::new();
        let mut partitions = self.assignment();
        if !partitions.is_empty() {
            self.turn = (self.turn + 1) % partitions.len();
            partitions.rotate_left(self.turn);
        }
        for (topic, partition) in partitions {
            if records.len() < max {
                self.deliver(&topic, partition, max - records.len(), &mut records, out);
            }
        }
        // Whoever got records is busy with them.
        let interested = records.is_empty() && !self.assigned.is_empty();
        self.wanted_until = interested.then(|| now.monotonic.plus(INTEREST_MS * 1_000));
        self.drive(now, out);
        records
    }

    /// Records are fetched in the background for this long, without a poll: for an application that waits by looking at
    /// [`Consumer::buffered`]. 0 ends it.
    pub fn wait_for_records(&mut self, now: Now, at_most_us: u64, out: &mut ClientOutbox) {
        self.wanted_until = Some(now.monotonic.plus(at_most_us));
        self.drive(now, out);
    }

    /// Where `auto.offset.reset` has a partition begin that nobody says anything else about; `none` is taken for `latest`.
    pub fn reset_policy(&self) -> StartAt {
        match self.config.auto_offset_reset {
            OffsetReset::Earliest => StartAt::Earliest,
            OffsetReset::Latest | OffsetReset::None => StartAt::Latest,
        }
    }

    /// How many records [`Consumer::poll`] could return now.
    pub fn buffered(&self) -> usize {
        self.all().map(|(_, _, assigned)| assigned.buffered.len()).sum()
    }

    /// The offset of the next record that [`Consumer::poll`] returns; `None` before it is known.
    pub fn position(&self, topic: &str, partition: i32) -> Option<i64> {
        let assigned = self.assigned.get(topic)?.get(&partition)?;
        (assigned.position >= 0).then_some(assigned.position)
    }

    /// The partitions it reads.
    pub fn assignment(&self) -> Vec<(String, i32)> {
        self.all().map(|(topic, partition, _)| (topic.clone(), partition)).collect()
    }

    /// Whether every assigned partition was read to the high watermark that the last fetch of it told.
    pub fn is_at_end(&self) -> bool {
        self.all().all(|(_, _, assigned)| {
            let at_end = assigned.high_watermark.is_some_and(|end| assigned.position >= end);
            assigned.progress == Progress::Stopped || (assigned.buffered.is_empty() && at_end)
        })
    }

    /// The high watermark that the last fetch of a partition told; `None` before one came back since it was assigned or
    /// sought.
    pub fn high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        self.assigned.get(topic)?.get(&partition)?.high_watermark
    }

    /// How many partitions a topic has. `None` while it is being asked for: step, and call again.
    ///
    /// A topic that does not exist is an error here only when the broker said so after it was asked; with
    /// `allow.auto.create.topics` it usually exists a moment later.
    pub fn partitions_of(&mut self, now: Now, topic: &str, out: &mut ClientOutbox) -> Option<Result<i32, ClientError>> {
        if !self.watched.iter().any(|watched| watched == topic) {
            self.watched.push(topic.to_string());
        }
        self.network.metadata.want(topic);
        let answer = self.network.metadata.topic(topic).map(|known| match known.error {
            Some(error) => Err(ClientError::of(error, None)),
            None => Ok(known.partitions.len() as i32),
        });
        self.drive(now, out);
        answer
    }

    /// Takes the errors that the application should know of: offsets out of range without a reset policy, topics that
    /// do not exist, damaged batches.
    pub fn errors(&mut self) -> Vec<ClientError> {
        core::mem::take(&mut self.errors)
    }

    /// Ends it.
    pub fn close(&mut self, _now: Now, out: &mut ClientOutbox) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.network.close(out);
        self.deadline = None;
        self.wanted_until = None;
        self.view.closed = true;
        let client = self.client;
        out.trace.emit(|| TraceKind::ClientClosed { client });
    }

    fn drive(&mut self, now: Now, out: &mut ClientOutbox) {
        if self.closed {
            return;
        }
        for answer in self.network.maintain(now, out) {
            self.on_answer(now, answer, out);
        }
        if self.wanted_until.is_some_and(|until| now.monotonic >= until) {
            self.wanted_until = None;
        }
        self.look_up_offsets(now, out);
        self.fetch(now, out);
        self.deadline = self.find_deadline(now.monotonic);
    }

    fn find_deadline(&self, now: Micros) -> Option<Deadline> {
        let retries = self.all().map(|(_, _, assigned)| assigned.not_before);
        let retries = retries.map(|at| Deadline { at, reason: "retry.backoff.ms" });
        let network = self.network.next_deadline(now);
        retries.chain(network).filter(|deadline| deadline.at > now).min()
    }

    fn all(&self) -> impl Iterator<Item = (&String, i32, &Assigned)> {
        self.assigned.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(move |(partition, assigned)| (topic, *partition, assigned))
        })
    }

    fn assigned(&mut self, topic: &str, partition: i32) -> Option<&mut Assigned> {
        self.assigned.get_mut(topic)?.get_mut(&partition)
    }

    fn start_at(&mut self, topic: &str, partition: i32, start: StartAt, out: &mut ClientOutbox) {
        let Some(assigned) = self.assigned(topic, partition) else { return };
        *assigned = Assigned { position: assigned.position, ..Assigned::new() };
        match start {
            StartAt::Offset(offset) => self.set_position(topic, partition, offset, out),
            to => assigned.progress = Progress::Resetting(to),
        }
    }

    /// The position moves without a record being read.
    fn set_position(&mut self, topic: &str, partition: i32, offset: i64, out: &mut ClientOutbox) {
        let Some(assigned) = self.assigned(topic, partition) else { return };
        assigned.progress = Progress::Reading;
        assigned.position = offset;
        assigned.fetch_offset = offset;
        self.show_position(topic, partition, offset);
        let topic = topic.to_string();
        out.trace.emit(|| TraceKind::PositionSet { topic, partition, offset });
    }

    fn show_position(&mut self, topic: &str, partition: i32, offset: i64) {
        match self.view.positions.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, offset);
            }
            None => {
                self.view.positions.insert(topic.to_string(), SortedMap::from([(partition, offset)]));
            }
        }
    }

    fn unassign(&mut self, topic: &str, partition: i32, out: &mut ClientOutbox) {
        remove(&mut self.assigned, topic, partition);
        remove(&mut self.view.positions, topic, partition);
        let name = topic.to_string();
        out.trace.emit(|| TraceKind::PartitionUnassigned { topic: name, partition });
        let (assigned, watched) = (&self.assigned, &self.watched);
        self.network.metadata.retain(|topic| assigned.contains_key(topic) || watched.iter().any(|w| w == topic));
    }

    /// Gives buffered records of one partition to the application.
    fn deliver(
        &mut self,
        topic: &str,
        partition: i32,
        max: usize,
        records: &mut Vec<ConsumerRecord>,
        out: &mut ClientOutbox,
    ) {
        let Some(assigned) = self.assigned(topic, partition) else { return };
        let count = assigned.buffered.len().min(max);
        if count == 0 {
            return;
        }
        let is_on = out.trace.is_on();
        let mut cells = Vec::with_capacity(if is_on { count } else { 0 });
        records.reserve(count);
        for fetched in assigned.buffered.drain(..count) {
            if is_on {
                cells.push(cell(&fetched));
            }
            let record = fetched.record;
            assigned.position = record.offset + 1;
            let topic = topic.to_string();
            let naru_records::Record { offset, timestamp, key, value, headers } = record;
            records.push(ConsumerRecord { topic, partition, offset, timestamp, key, value, headers });
        }
        if assigned.buffered.is_empty() {
            assigned.position = assigned.fetch_offset; // Behind what a batch holds besides records.
        }
        let (next_offset, cause) = (assigned.position, assigned.cause);
        self.show_position(topic, partition, next_offset);
        self.view.delivered += count as u64;
        let before = out.trace.because(cause.or(out.trace.cause()));
        let topic = topic.to_string();
        out.trace.emit(|| TraceKind::RecordsDelivered { topic, partition, records: cells, next_offset });
        out.trace.because(before);
    }
}

impl Assigned {
    fn new() -> Self {
        Assigned {
            progress: Progress::Resetting(StartAt::Earliest),
            position: -1,
            fetch_offset: -1,
            buffered: VecDeque::new(),
            high_watermark: None,
            asked: None,
            failures: 0,
            not_before: Micros(0),
            cause: None,
            told_missing: false,
        }
    }
}

impl Machine for Consumer {
    fn step(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox) {
        for answer in self.network.on_input(now, input, out) {
            self.on_answer(now, answer, out);
        }
        self.drive(now, out);
    }

    fn next_deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn view(&self) -> ClientView {
        self.view.clone()
    }
}

fn cell(fetched: &Fetched) -> CellView {
    CellView {
        offset: fetched.record.offset,
        batch: fetched.batch,
        key: fetched.record.key.as_deref().map(Preview::of),
        value: fetched.record.value.as_deref().map(Preview::of),
        timestamp_ms: fetched.record.timestamp,
    }
}

fn remove<T>(map: &mut SortedMap<String, SortedMap<i32, T>>, topic: &str, partition: i32) {
    let Some(partitions) = map.get_mut(topic) else { return };
    partitions.remove(&partition);
    if partitions.is_empty() {
        map.remove(topic);
    }
}
