//! The world and its clock.

use crate::Action;
use alloc::{string::String, vec::Vec};
use naru_broker::{Broker, BrokerConfig};
use naru_client::{
    Admin, AdminConfig, ClientOutbox, Consumer, ConsumerConfig, Producer, ProducerConfig,
};
use naru_log::MemoryStorage;
use naru_trace::{ClusterView, Micros, Now, Seq, TraceEvent};

/// A client's number in its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

/// How a world begins.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Where all chance comes from.
    pub seed: u64,
    /// The brokers to start with. Their advertised address becomes `broker-<node.id>:9092`.
    pub brokers: Vec<BrokerConfig>,
    /// How long a message takes, least and most.
    pub latency_us: (u64, u64),
    /// How long it takes to bring files safely to disk, least and most.
    pub sync_us: (u64, u64),
    /// The wall clock at the beginning, in milliseconds since 1970.
    pub wall_ms: i64,
    /// How many events a run may have. Past that, [`World::step`] does nothing more.
    pub events_max: usize,
    /// Whether events are recorded.
    pub record: bool,
}

/// How [`World::run_until`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// What was waited for is the case.
    Done,
    /// Time is up.
    TimedOut,
    /// Nothing is left that could happen.
    Quiet,
    /// The budget of events is used up.
    OutOfEvents,
}

/// A simulated world.
pub struct World {}

impl WorldConfig {
    /// A world of this many stand-alone brokers with Kafka's default configuration: `node.id` 1, 2, ...
    pub fn new(seed: u64, brokers: i32) -> Self {
        let _ = (seed, brokers);
        todo!()
    }
}

impl World {
    /// A world, with its brokers started.
    pub fn new(config: WorldConfig) -> Self {
        let _ = config;
        todo!()
    }
    /// The time.
    pub fn now(&self) -> Now {
        todo!()
    }
    /// The seed it began with.
    pub fn seed(&self) -> u64 {
        todo!()
    }
    /// Lets the next thing happen. `false` if nothing is left, or the budget of events is used up.
    pub fn step(&mut self) -> bool {
        todo!()
    }
    /// Steps until `done` says so (it is asked before the first step and after each), for at most `at_most_us`.
    pub fn run_until(&mut self, done: impl FnMut(&mut World) -> bool, at_most_us: u64) -> Outcome {
        let _ = (done, at_most_us);
        todo!()
    }
    /// Lets time pass.
    pub fn run_for(&mut self, us: u64) {
        let _ = us;
        todo!()
    }

    /// Starts one more broker. Returns its `node.id`.
    pub fn add_broker(&mut self, config: BrokerConfig) -> i32 {
        let _ = config;
        todo!()
    }
    /// Starts a producer. `config.bootstrap` may be empty: then it is all brokers; an empty `client_id` becomes `name`.
    pub fn add_producer(&mut self, name: &str, config: ProducerConfig) -> ClientId {
        let _ = (name, config);
        todo!()
    }
    /// Starts a consumer. As [`World::add_producer`].
    pub fn add_consumer(&mut self, name: &str, config: ConsumerConfig) -> ClientId {
        let _ = (name, config);
        todo!()
    }
    /// Starts an admin client. As [`World::add_producer`].
    pub fn add_admin(&mut self, name: &str, config: AdminConfig) -> ClientId {
        let _ = (name, config);
        todo!()
    }
    /// Lets the producer do something; what it asks for is performed afterwards. Panics if `id` is not a producer.
    pub fn with_producer<R>(&mut self, id: ClientId, f: impl FnOnce(&mut Producer, Now, &mut ClientOutbox) -> R) -> R {
        let _ = (id, f);
        todo!()
    }
    /// Lets the consumer do something. Panics if `id` is not a consumer.
    pub fn with_consumer<R>(&mut self, id: ClientId, f: impl FnOnce(&mut Consumer, Now, &mut ClientOutbox) -> R) -> R {
        let _ = (id, f);
        todo!()
    }
    /// Lets the admin client do something. Panics if `id` is not one.
    pub fn with_admin<R>(&mut self, id: ClientId, f: impl FnOnce(&mut Admin, Now, &mut ClientOutbox) -> R) -> R {
        let _ = (id, f);
        todo!()
    }
    /// The producer, to look at.
    pub fn producer(&self, id: ClientId) -> &Producer {
        let _ = id;
        todo!()
    }
    /// The consumer, to look at.
    pub fn consumer(&self, id: ClientId) -> &Consumer {
        let _ = id;
        todo!()
    }

    /// Does something to the world, now. Returns the event that says so.
    pub fn inject(&mut self, action: Action) -> Option<Seq> {
        let _ = action;
        todo!()
    }
    /// Does something to the world at that time.
    pub fn schedule(&mut self, at: Micros, action: Action) {
        let _ = (at, action);
        todo!()
    }
    /// The script is at this line: events that follow carry it.
    pub fn set_script_line(&mut self, line: Option<u32>) {
        let _ = line;
        todo!()
    }
    /// The script printed something.
    pub fn print(&mut self, text: &str) {
        let _ = text;
        todo!()
    }

    /// The events so far.
    pub fn events(&self) -> &[TraceEvent] {
        todo!()
    }
    /// Takes the world apart and keeps its events.
    pub fn into_events(self) -> Vec<TraceEvent> {
        todo!()
    }
    /// The picture, read straight from the state of brokers, clients and network.
    pub fn view(&self) -> ClusterView {
        todo!()
    }
    /// The picture, folded from the events.
    pub fn folded(&mut self) -> &ClusterView {
        todo!()
    }
    /// Stops the process unless the two pictures are equal and every invariant holds.
    pub fn check(&mut self) {
        todo!()
    }
    /// Whether the broker runs.
    pub fn is_up(&self, broker: i32) -> bool {
        let _ = broker;
        todo!()
    }
    /// A running broker, to look at.
    pub fn broker(&self, broker: i32) -> Option<&Broker<MemoryStorage>> {
        let _ = broker;
        todo!()
    }
    /// The `node.id`s of all brokers, running or not.
    pub fn brokers(&self) -> Vec<i32> {
        todo!()
    }
    /// A broker's disk, running or not.
    pub fn disk(&self, broker: i32) -> &MemoryStorage {
        let _ = broker;
        todo!()
    }
    /// `broker-1:9092`, as client configurations want it.
    pub fn address(&self, broker: i32) -> (String, u16) {
        let _ = broker;
        todo!()
    }
}
