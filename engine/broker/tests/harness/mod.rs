//! A driver for one broker on a disk in memory: it follows the contract on [`Broker`], folds the events of every step and
//! compares them with the broker's own view after each.
//!
//! Deliberately not the simulation: no network, no latency, one thing at a time.

#![allow(dead_code, reason = "every test binary uses a part of it")]

pub mod command;
pub mod render;
pub mod transcript;

use bytes::Bytes;
use naru_broker::{Broker, BrokerConfig, ConnectionId, Effect, Input, Outbox};
use naru_log::{FileRange, MemoryStorage, ReadAt, Slice, Storage};
use naru_trace::{Actor, ClusterView, Micros, Now, Trace, TraceEvent, TraceKind};
use naru_wire::{ApiKey, Request, RequestHeader, Response, StrBytes, decode_response, encode_request};
use std::collections::{BTreeMap, VecDeque};

/// 2026-01-01 00:00 UTC: what the wall clock says when a test begins.
pub const START_WALL_MS: i64 = 1_767_225_600_000;

/// One broker and its driver.
pub struct Harness {
    pub broker: Option<Broker<MemoryStorage>>,
    pub storage: MemoryStorage,
    pub config: BrokerConfig,
    pub now: Now,
    pub out: Outbox,
    pub folded: ClusterView,
    /// All events so far.
    pub events: Vec<TraceEvent>,
    /// Whether syncs are answered at once.
    pub sync_at_once: bool,
    pub tickets: VecDeque<u64>,
    /// Parts of files that the broker wants in memory.
    pub loads: VecDeque<(u64, FileRange)>,
    /// What was sent and not yet looked at, in order.
    pub sent: VecDeque<(ConnectionId, Bytes)>,
    pub closed: VecDeque<(ConnectionId, String)>,
    /// The requests that every connection waits for, oldest first.
    pub waiting: BTreeMap<ConnectionId, VecDeque<(ApiKey, i16, i32)>>,
    /// Whether events are folded and compared, and invariants checked: not when the trace is off, or time is measured.
    pub folds: bool,
    /// Topic ids of another broker, when requests are made for it.
    pub foreign_ids: Option<BTreeMap<String, uuid::Uuid>>,
    /// How many events a transcript has shown.
    pub events_shown: usize,
    /// The last fetch session that was answered.
    pub last_session: Option<i32>,
    next_correlation_id: i32,
}

impl Harness {
    /// A broker on an empty disk.
    pub fn new(config: BrokerConfig) -> Self {
        let mut harness = Self::unopened(config);
        harness.open().unwrap();
        harness
    }

    /// A disk, and no broker yet.
    pub fn unopened(config: BrokerConfig) -> Self {
        Harness {
            broker: None,
            storage: MemoryStorage::new(),
            config,
            now: Now { monotonic: Micros(0), wall_ms: START_WALL_MS },
            out: Outbox { trace: Trace::recording(), ..Outbox::default() },
            folded: ClusterView::default(),
            events: Vec::new(),
            sync_at_once: true,
            tickets: VecDeque::new(),
            loads: VecDeque::new(),
            sent: VecDeque::new(),
            closed: VecDeque::new(),
            waiting: BTreeMap::new(),
            folds: true,
            foreign_ids: None,
            events_shown: 0,
            last_session: None,
            next_correlation_id: 0,
        }
    }

    /// Starts the broker on what is on the disk.
    pub fn open(&mut self) -> Result<(), String> {
        self.enter();
        let opened = Broker::open(self.config.clone(), self.storage.clone(), self.now, &mut self.out);
        let mut broker = opened.map_err(|error| error.to_string())?;
        assert!(broker.storage_mut().commit().is_empty());
        self.broker = Some(broker);
        self.after_step();
        Ok(())
    }

    /// Stops the broker in good order.
    pub fn close(&mut self) {
        self.enter();
        let broker = self.broker.take().expect("a broker");
        broker.close(self.now, &mut self.out);
        self.waiting.clear();
        self.after_step();
    }

    /// The process ends without warning.
    pub fn crash(&mut self) {
        self.broker = None;
        self.storage.crash();
        self.waiting.clear();
        self.tickets.clear();
        self.out.trace.enter(Actor::World, self.now.monotonic, None);
        let broker = self.config.node_id;
        self.out.trace.emit(|| TraceKind::BrokerCrashed { broker });
        self.after_step();
    }

    pub fn connect(&mut self, connection: u64) {
        let connection = ConnectionId(connection);
        self.waiting.insert(connection, VecDeque::new());
        self.step(Input::Connected { connection, peer: format!("client-{}", connection.0) });
    }

    /// Sends a request.
    pub fn send(&mut self, connection: u64, version: i16, request: &Request) {
        let connection = ConnectionId(connection);
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id += 1;
        let client_id = StrBytes::from_static_str("test");
        let header = RequestHeader { api: request.api(), version, correlation_id, client_id };
        let framed = encode_request(&header, request).expect("an encodable request");
        let has_answer = !matches!(request, Request::Produce(produce) if produce.acks == 0);
        if has_answer {
            self.waiting.entry(connection).or_default().push_back((request.api(), version, correlation_id));
        }
        self.step(Input::Frame { connection, frame: framed.slice(4..) });
    }

    /// Sends a request and takes its answer, which must be there.
    pub fn ask(&mut self, connection: u64, version: i16, request: impl Into<Request>) -> Response {
        self.send(connection, version, &request.into());
        self.answer().expect("an answer")
    }

    /// The next answer. Checks that it is the one that its connection waits for.
    pub fn answer(&mut self) -> Option<Response> {
        let (connection, framed) = self.sent.pop_front()?;
        let (api, version, expected) = self.waiting.get_mut(&connection)?.pop_front().expect("a request waits");
        let length = u32::from_be_bytes(framed[..4].try_into().unwrap());
        assert_eq!(length as usize, framed.len() - 4, "a frame is as long as it says");
        let (correlation_id, response) =
            decode_response(api, version, framed.slice(4..)).expect("a decodable response");
        assert_eq!(correlation_id, expected, "answers come in the order of the requests");
        Some(response)
    }

    /// Time passes; every deadline on the way is kept.
    pub fn pass(&mut self, millis: u64) {
        let until = self.now.monotonic.plus(millis * 1_000);
        while let Some(deadline) = self.broker.as_ref().and_then(Broker::next_deadline).filter(|next| next.at <= until)
        {
            self.set_time(deadline.at.max(self.now.monotonic));
            self.step(Input::Tick);
        }
        self.set_time(until);
        self.step(Input::Tick);
    }

    /// Answers the oldest sync that was asked for.
    pub fn sync_one(&mut self) {
        let ticket = self.tickets.pop_front().expect("a sync was asked for");
        self.step(Input::Synced { ticket, result: Ok(()) });
    }

    /// Brings in the part of a file that was asked for first.
    pub fn load_one(&mut self) {
        let (ticket, range) = self.loads.pop_front().expect("a part of a file was asked for");
        drop(self.storage.read(range.file, range.position, range.length));
        self.step(Input::Loaded { ticket });
    }

    /// One turn of the driver, as the contract has it.
    pub fn step(&mut self, input: Input) {
        self.enter();
        let broker = self.broker.as_mut().expect("a broker");
        broker.step(self.now, input, &mut self.out);
        let failures = broker.storage_mut().commit();
        let failed = !failures.is_empty();
        for (file, error) in failures {
            broker.step(self.now, Input::StorageFailed { file, error }, &mut self.out);
        }
        self.after_step();
        self.perform(failed);
        if self.sync_at_once {
            while !self.tickets.is_empty() {
                self.sync_one();
            }
        }
    }

    fn perform(&mut self, failed: bool) {
        for effect in std::mem::take(&mut self.out.effects) {
            match effect {
                Effect::Send { connection, frame, label, cause } => {
                    assert_eq!(label.is_some(), self.out.trace.is_on());
                    assert_eq!(cause.is_some(), self.out.trace.is_on());
                    if failed {
                        // What it says may be untrue: the records it is about were not written.
                        self.closed.push_back((connection, "a write failed".into()));
                        self.step(Input::Disconnected { connection });
                        continue;
                    }
                    let chunks = frame.chunks.iter().map(|slice| self.read(slice));
                    self.sent.push_back((connection, chunks.collect::<Vec<_>>().concat().into()));
                }
                Effect::Close { connection, reason } => {
                    self.closed.push_back((connection, reason.into_owned()));
                }
                Effect::Sync { ticket, .. } => self.tickets.push_back(ticket),
                Effect::Load { ticket, range } => self.loads.push_back((ticket, range)),
                Effect::Dial { .. } => panic!("a lone broker dials nobody"),
            }
        }
    }

    fn read(&self, slice: &Slice) -> Bytes {
        match slice {
            Slice::Bytes(bytes) => bytes.clone(),
            Slice::File(range) => self.storage.read(range.file, range.position, range.length).expect("readable"),
        }
    }

    fn set_time(&mut self, at: Micros) {
        self.now.wall_ms = START_WALL_MS + at.as_millis() as i64;
        self.now.monotonic = at;
    }

    fn enter(&mut self) {
        self.out.trace.enter(Actor::Broker(self.config.node_id), self.now.monotonic, None);
    }

    /// The picture cannot lie: the fold of the events is the broker's own state.
    fn after_step(&mut self) {
        for event in self.out.trace.take() {
            self.folded.apply(&event);
            self.events.push(event);
        }
        let Some(broker) = &self.broker else { return };
        if !self.folds {
            return;
        }
        broker.check_invariants();
        assert_eq!(self.folded.brokers.get(&self.config.node_id), Some(&broker.view()), "fold and view differ");
    }
}
