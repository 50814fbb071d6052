//! The producer: records are partitioned, gathered into batches, sent to the leaders, sent again where that may help, and
//! reported, each exactly once.
//!
//! This file holds what the application sees. Read on in `partitioning` (which partition), `accumulator` (batches
//! and sequence numbers), `sender` (requests, answers, retries), which is the way of a record.

mod accumulator;
mod partitioning;
mod sender;

use crate::{
    Acks, ClientError, ClientInput, ClientOutbox, Machine, ProducerConfig,
    network::{Answer, Network},
};
use accumulator::Accumulator;
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use bytes::Bytes;
use naru_records::{Compression, Header};
use naru_trace::SortedMap;
use naru_trace::{ClientRole, ClientView, Deadline, Micros, Name, Now, Seq, TraceKind};
use partitioning::{Sticky, Unassigned, WaitingRoom};
use sender::{Identity, Tag};

/// A record to be sent.
#[derive(Debug, Clone, Default)]
pub struct ProducerRecord {
    /// Its topic.
    pub topic: String,
    /// Its partition; `None` to let the partitioner choose.
    pub partition: Option<i32>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<Header>,
    /// Milliseconds since 1970; `None` for now.
    pub timestamp: Option<i64>,
}

/// Where a record went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset; -1 with `acks=0`.
    pub offset: i64,
}

/// The end of one record's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// What [`Producer::send`] returned.
    pub ticket: u64,
    /// Where the record is, or why it is nowhere (that the producer knows of).
    pub result: Result<RecordMetadata, ClientError>,
}

/// Sends records.
#[derive(Debug)]
pub struct Producer {
    config: ProducerConfig,
    client: u32,
    network: Network<Tag>,
    accumulator: Accumulator,
    sticky: SortedMap<String, Sticky>,
    /// Records whose topic is not known yet, in order.
    unassigned: WaitingRoom,
    identity: Identity,
    flushing: bool,
    closed: bool,
    next_ticket: u64,
    /// Which node's partitions come first in the next request: all get their turn.
    turn: usize,
    reports: Vec<DeliveryReport>,
    deadline: Option<Deadline>,
    view: ClientView,
}

impl Producer {
    /// A producer, number `client` in its world. It connects when it has something to do.
    ///
    /// Idempotence is switched off, as by the Java client, where the other settings do not allow it: it needs `acks=all`,
    /// retries, and at most five requests in flight.
    pub fn new(mut config: ProducerConfig, client: u32, _now: Now, out: &mut ClientOutbox) -> Self {
        let allowed = config.acks == Acks::All && config.retries > 0 && config.max_in_flight_requests <= 5;
        config.enable_idempotence &= allowed;
        config.max_in_flight_requests = config.max_in_flight_requests.max(1);
        let view = ClientView::new(config.client_id.clone(), ClientRole::Producer, settings(&config));
        let (name, settings) = (view.name.clone(), view.settings.clone());
        out.trace.emit(|| TraceKind::ClientStarted { client, name, role: ClientRole::Producer, settings });
        let bootstrap = config.bootstrap.clone();
        Producer {
            network: Network::new(&config.client_id, bootstrap, config.network.clone(), true, config.seed),
            accumulator: Accumulator::default(),
            sticky: SortedMap::new(),
            unassigned: WaitingRoom::default(),
            identity: if config.enable_idempotence { Identity::Unknown } else { Identity::NotNeeded },
            flushing: false,
            closed: false,
            next_ticket: 0,
            turn: 0,
            reports: Vec::new(),
            deadline: None,
            config,
            client,
            view,
        }
    }

    /// Hands a record over. Returns its ticket: the number that its [`DeliveryReport`] will carry.
    ///
    /// An error here is the end of the record: there will be no report.
    pub fn send(&mut self, now: Now, record: ProducerRecord, out: &mut ClientOutbox) -> Result<u64, ClientError> {
        if self.closed {
            return Err(ClientError::new("CLIENT_CLOSED", "The producer is closed."));
        }
        let size = accumulator::serialized_size(&record);
        if size > self.config.max_request_size as usize {
            let error = too_large(size, self.config.max_request_size);
            self.refuse(&record.topic, &error, out);
            return Err(error);
        }
        if self.accumulator.bytes() + self.unassigned.bytes() + size > self.config.buffer_memory as usize {
            let message = format!("More than buffer.memory={} bytes wait to be sent.", self.config.buffer_memory);
            return Err(ClientError::new("BUFFER_EXHAUSTED", message));
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if self.accept(now, ticket, record, out) {
            self.drive(now, out);
        }
        Ok(ticket)
    }

    /// Everything handed over so far is sent now, whatever `linger.ms` says. Done when [`Producer::is_idle`].
    pub fn flush(&mut self, now: Now, out: &mut ClientOutbox) {
        self.flushing = true;
        self.drive(now, out);
    }

    /// Takes the reports that have come in since the last call.
    pub fn reports(&mut self) -> Vec<DeliveryReport> {
        core::mem::take(&mut self.reports)
    }

    /// Whether every record was acknowledged or failed.
    pub fn is_idle(&self) -> bool {
        self.unassigned.is_empty() && self.accumulator.is_empty()
    }

    /// Ends it: what waits fails, connections are closed. Flush first to lose nothing.
    pub fn close(&mut self, _now: Now, out: &mut ClientOutbox) {
        if self.closed {
            return;
        }
        self.closed = true;
        let error = ClientError::new("CLIENT_CLOSED", "The producer was closed before the record was acknowledged.");
        for record in self.unassigned.take() {
            self.give_up(record, error.clone(), out);
        }
        for (topic, partition, batch) in self.accumulator.drain() {
            self.fail_batch(&topic, partition, batch, error.clone(), out);
        }
        self.network.close(out);
        self.deadline = None;
        self.view.closed = true;
        let client = self.client;
        out.trace.emit(|| TraceKind::ClientClosed { client });
    }

    /// Does all that can be done now, and finds out when there will be more.
    fn drive(&mut self, now: Now, out: &mut ClientOutbox) {
        if self.closed {
            return;
        }
        for answer in self.network.maintain(now, out) {
            self.on_answer(now, answer, out);
        }
        self.assign_waiting(now, out);
        self.expire(now, out);
        self.flushing &= !self.is_idle();
        self.send_ready(now, out);
        self.flushing &= !self.is_idle();
        self.deadline = self.find_deadline(now.monotonic);
    }

    /// Only what is still to come counts: what is due and was not done waits for something else to happen first.
    fn find_deadline(&self, now: Micros) -> Option<Deadline> {
        let config = &self.config;
        let timeout = |at: Micros, ms: u32| at.plus(u64::from(ms) * 1_000);
        let unassigned = self.unassigned.first();
        let unassigned =
            unassigned.map(|r| Deadline { at: timeout(r.queued_at, config.max_block_ms), reason: "max.block.ms" });
        let identity = self.identity.deadline();
        self.accumulator
            .deadlines(config)
            .chain(unassigned)
            .chain(identity)
            .chain(self.network.next_deadline(now))
            .filter(|deadline| deadline.at > now)
            .min()
    }

    fn refuse(&mut self, topic: &str, error: &ClientError, out: &mut ClientOutbox) {
        self.view.failed += 1;
        let (topic, error) = (topic.to_string(), error.clone());
        out.trace.emit(|| TraceKind::RecordRefused { topic, error: error.error, message: error.message });
    }

    fn give_up(&mut self, record: Unassigned, error: ClientError, out: &mut ClientOutbox) {
        let before = out.trace.because(record.cause);
        self.refuse(&record.record.topic, &error, out);
        out.trace.because(before);
        self.reports.push(DeliveryReport { ticket: record.ticket, result: Err(error) });
    }
}

impl Machine for Producer {
    fn step(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox) {
        let answers: Vec<Answer<Tag>> = self.network.on_input(now, input, out);
        for answer in answers {
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

fn settings(config: &ProducerConfig) -> Vec<(Name, String)> {
    let mut settings = vec![
        (Name::Borrowed("acks"), config.acks.as_str().to_string()),
        (Name::Borrowed("enable.idempotence"), config.enable_idempotence.to_string()),
        (Name::Borrowed("linger.ms"), config.linger_ms.to_string()),
        (Name::Borrowed("batch.size"), config.batch_size.to_string()),
    ];
    if config.compression != Compression::None {
        settings.push((Name::Borrowed("compression.type"), config.compression.name().to_string()));
    }
    settings
}

/// The sentence is that of the Java client's `RecordTooLargeException`.
fn too_large(size: usize, limit: u32) -> ClientError {
    let message = format!(
        "The message is {size} bytes when serialized which is larger than {limit}, which is the value of the \
         max.request.size configuration."
    );
    ClientError::new("MESSAGE_TOO_LARGE", message)
}

/// The event that an event of a later step goes back to.
type Cause = Option<Seq>;
