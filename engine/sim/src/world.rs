//! The world: its clock, its queue of what happens next, and what can be done to it.
//!
//! One thing happens at a time. What is due at the same time happens in the order in which it was put into the queue, so
//! a run is a pure function of the seed and of what is done from outside.

use crate::{
    Action, DiskConfig, DiskJournal, Rng, TcpConfig, disks,
    invariants::{Checker, Violation},
    network::{Message, Network},
    nodes::{BrokerSlot, Client, ClientSlot, Response},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_broker::{Address, Broker, BrokerConfig, ConfigError, Outbox};
use naru_client::{Admin, AdminConfig, ClientOutbox, Consumer, ConsumerConfig, Machine, Producer, ProducerConfig};
use naru_log::{FileId, MemoryStorage};
use naru_trace::{Actor, BrokerView, ClusterView, Micros, Now, Seq, Trace, TraceEvent, TraceKind};
use naru_trace::{SortedMap, SortedSet};

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
    /// How long a message takes, least and most, besides what its length costs.
    pub latency_us: (u64, u64),
    /// How patient the hosts' TCP is.
    pub tcp: TcpConfig,
    /// How many bytes a connection carries in a microsecond: 125 is a gigabit in a second.
    pub bytes_per_us: u64,
    /// How long it takes to bring files safely to disk, least and most.
    pub sync_us: (u64, u64),
    /// The wall clock at the beginning, in milliseconds since 1970.
    pub wall_ms: i64,
    /// How many events a run may have. Past that, [`World::step`] does nothing more.
    pub events_max: usize,
    /// Whether events are recorded. Without them there is nothing to see and nothing to check.
    pub record: bool,
    /// How disks work. By default memory is as large as they are, and they take no time but for syncing.
    pub disk: DiskConfig,
    /// Whether events tell of files and pages, and the world keeps a journal of what is in them.
    pub show_disk: bool,
}

/// The id of the clusters that [`WorldConfig::cluster`] makes: the letters are as good as any.
const CLUSTER_ID: &str = "naru-simulated-cluster";

/// How [`World::run_until`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// What was waited for is the case.
    Done,
    /// Time is up.
    TimedOut,
    /// Nothing is left that could happen. Time has passed all the same.
    Quiet,
    /// The budget of events is used up.
    OutOfEvents,
}

/// What is in the queue.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A wish to connect reaches the broker's host.
    Dial { link: u64, cause: Option<Seq> },
    /// The answer to that reaches who asked.
    Dialled { link: u64, accepted: bool, cause: Option<Seq> },
    /// A message reaches its receiver.
    Deliver { message: u64 },
    /// One end learns that a connection is no more.
    Gone { link: u64, end: crate::network::End, until: Option<Micros>, cause: Option<Seq> },
    /// TCP gives up a connection on which something was not confirmed.
    GivesUp { link: u64 },
    /// A broker's deadline.
    BrokerTick { broker: i32 },
    /// A client's deadline.
    ClientTick { client: u32 },
    /// Files are safely on disk.
    Synced { broker: i32, life: u32, ticket: u64, files: Vec<FileId>, cause: Option<Seq> },
    /// A response that waited for the disk leaves.
    Respond(Box<Response>),
    /// The operating system of a broker's machine writes old dirty pages to the disk.
    WriteBack { broker: i32 },
    /// Somebody does something.
    Act(Action),
}

/// When something happens, and its place among what happens at the same time.
pub(crate) type QueueKey = (Micros, u64);

/// A simulated world.
pub struct World {
    pub(crate) config: WorldConfig,
    pub(crate) now: Micros,
    pub(crate) rng: Rng,
    queue: SortedMap<QueueKey, Happening>,
    queued: u64,
    pub(crate) trace: Trace,
    pub(crate) broker_out: Outbox,
    pub(crate) client_out: ClientOutbox,
    pub(crate) brokers: SortedMap<i32, BrokerSlot>,
    pub(crate) clients: SortedMap<u32, ClientSlot>,
    pub(crate) network: Network,
    fold: ClusterView,
    folded_events: usize,
    /// Who may have changed since the last check.
    pub(crate) touched: SortedSet<Actor>,
    /// Made when the world is first checked: a lab in the browser never is, and downloads no invariants.
    pub(crate) checker: Option<Checker>,
    pub(crate) disk_rng: Rng,
    pub(crate) journal: DiskJournal,
}

impl WorldConfig {
    /// A world of this many stand-alone brokers with Kafka's default configuration: `node.id` 1, 2, ...
    pub fn new(seed: u64, brokers: i32) -> Self {
        let brokers = (1..=brokers).map(|node_id| BrokerConfig { node_id, ..BrokerConfig::default() });
        WorldConfig {
            seed,
            brokers: brokers.collect(),
            latency_us: (300, 900),
            tcp: TcpConfig::default(),
            bytes_per_us: 125,
            sync_us: (1_000, 4_000),
            wall_ms: 1_767_225_600_000, // 2026-01-01T00:00:00Z
            events_max: 1_000_000,
            record: true,
            disk: DiskConfig::default(),
            show_disk: false,
        }
    }
}

impl WorldConfig {
    /// A world of one cluster: nodes 1 to `nodes`, brokers all, of which the first three are the controllers' quorum. They stand in
    /// `racks` racks in turn; 0: in none.
    pub fn cluster(seed: u64, nodes: i32, racks: i32) -> Self {
        let mut config = WorldConfig::new(seed, nodes);
        let voter = |id: i32| (id, Address { host: format!("broker-{id}"), port: 9092 });
        let voters: SortedMap<i32, Address> = (1..=nodes.min(3)).map(voter).collect();
        for broker in &mut config.brokers {
            broker.cluster_id = CLUSTER_ID.to_string();
            broker.cluster.roles.controller = voters.contains_key(&broker.node_id);
            broker.cluster.voters.clone_from(&voters);
            broker.cluster.rack = (racks > 0).then(|| format!("rack-{}", (broker.node_id - 1) % racks + 1));
        }
        config
    }

    /// The same with these settings for every broker, by Kafka's keys.
    pub fn with_settings(mut self, settings: &SortedMap<String, String>) -> Result<Self, ConfigError> {
        for broker in &mut self.brokers {
            let mut config = BrokerConfig::from_properties(settings)?;
            config.node_id = broker.node_id;
            // Its place in its cluster is the world's to say.
            config.cluster_id.clone_from(&broker.cluster_id);
            config.cluster.roles = broker.cluster.roles;
            config.cluster.voters.clone_from(&broker.cluster.voters);
            config.cluster.rack.clone_from(&broker.cluster.rack);
            *broker = config;
        }
        Ok(self)
    }
}

impl World {
    /// A world, with its brokers started.
    pub fn new(config: WorldConfig) -> Self {
        let trace = if config.record { Trace::recording() } else { Trace::default() };
        let mut world = World {
            now: Micros(0),
            rng: Rng::new(config.seed),
            queue: SortedMap::new(),
            queued: 0,
            trace,
            broker_out: Outbox::default(),
            client_out: ClientOutbox::default(),
            brokers: SortedMap::new(),
            clients: SortedMap::new(),
            network: Network::default(),
            fold: ClusterView::default(),
            folded_events: 0,
            touched: SortedSet::new(),
            checker: None,
            disk_rng: disks::rng(config.seed),
            journal: DiskJournal::default(),
            config,
        };
        for broker in core::mem::take(&mut world.config.brokers) {
            world.add_broker(broker);
        }
        world
    }

    /// The time.
    pub fn now(&self) -> Now {
        Now { monotonic: self.now, wall_ms: self.config.wall_ms + self.now.as_millis() as i64 }
    }

    /// The seed it began with.
    pub fn seed(&self) -> u64 {
        self.config.seed
    }

    /// Lets the next thing happen. `false` if nothing is left, or the budget of events is used up.
    pub fn step(&mut self) -> bool {
        if self.is_out_of_events() {
            return false;
        }
        let Some(((at, _), happening)) = self.queue.pop_first() else { return false };
        assert!(at >= self.now, "time never goes back");
        self.now = at;
        self.happen(happening);
        true
    }

    /// Steps until `done` says so (it is asked before the first step and after each), for at most `at_most_us`.
    pub fn run_until(&mut self, mut done: impl FnMut(&mut World) -> bool, at_most_us: u64) -> Outcome {
        let deadline = self.now.plus(at_most_us);
        loop {
            if done(self) {
                return Outcome::Done;
            }
            if self.is_out_of_events() {
                return Outcome::OutOfEvents;
            }
            match self.queue.first_key_value() {
                Some(((at, _), _)) if *at <= deadline => {}
                next => {
                    let outcome = if next.is_none() { Outcome::Quiet } else { Outcome::TimedOut };
                    self.now = deadline;
                    return outcome;
                }
            }
            self.step();
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, us: u64) -> Outcome {
        self.run_until(|_| false, us)
    }

    /// Starts one more broker, on an empty disk. Returns its `node.id`. Panics if it cannot start.
    pub fn add_broker(&mut self, mut config: BrokerConfig) -> i32 {
        let broker = config.node_id;
        assert!(!self.brokers.contains_key(&broker), "there is a broker {broker} already");
        config.advertised_host = format!("broker-{broker}");
        config.advertised_port = 9092;
        config.seed = self.rng.next_u64();
        self.brokers.insert(broker, BrokerSlot::new(config));
        self.set_up_disk(broker);
        self.start_broker(broker, None);
        assert!(self.is_up(broker), "broker {broker} does not start on an empty disk: its configuration is wrong");
        broker
    }

    /// Starts a producer. An empty `config.bootstrap` becomes the first broker, or all of its cluster; `name` becomes its `client.id`.
    pub fn add_producer(&mut self, name: &str, mut config: ProducerConfig) -> ClientId {
        self.complete(name, &mut config.client_id, &mut config.bootstrap, &mut config.seed);
        self.add_client(name, |client, now, out| Client::Producer(Producer::new(config, client, now, out)))
    }

    /// Starts a consumer. As [`World::add_producer`].
    pub fn add_consumer(&mut self, name: &str, mut config: ConsumerConfig) -> ClientId {
        self.complete(name, &mut config.client_id, &mut config.bootstrap, &mut config.seed);
        self.add_client(name, |client, now, out| Client::Consumer(Consumer::new(config, client, now, out)))
    }

    /// Starts an admin client. As [`World::add_producer`].
    pub fn add_admin(&mut self, name: &str, mut config: AdminConfig) -> ClientId {
        self.complete(name, &mut config.client_id, &mut config.bootstrap, &mut config.seed);
        self.add_client(name, |client, now, out| Client::Admin(Admin::new(config, client, now, out)))
    }

    /// Lets the producer do something; what it asks for is performed afterwards. Panics if `id` is not a producer.
    pub fn with_producer<R>(&mut self, id: ClientId, f: impl FnOnce(&mut Producer, Now, &mut ClientOutbox) -> R) -> R {
        self.with_client(id.0, None, |client, now, out| match client {
            Client::Producer(producer) => f(producer, now, out),
            _ => panic!("client {} is not a producer", id.0),
        })
    }

    /// Lets the consumer do something. Panics if `id` is not a consumer.
    pub fn with_consumer<R>(&mut self, id: ClientId, f: impl FnOnce(&mut Consumer, Now, &mut ClientOutbox) -> R) -> R {
        self.with_client(id.0, None, |client, now, out| match client {
            Client::Consumer(consumer) => f(consumer, now, out),
            _ => panic!("client {} is not a consumer", id.0),
        })
    }

    /// Lets the admin client do something. Panics if `id` is not one.
    pub fn with_admin<R>(&mut self, id: ClientId, f: impl FnOnce(&mut Admin, Now, &mut ClientOutbox) -> R) -> R {
        self.with_client(id.0, None, |client, now, out| match client {
            Client::Admin(admin) => f(admin, now, out),
            _ => panic!("client {} is not an admin client", id.0),
        })
    }

    /// The producer, to look at.
    pub fn producer(&self, id: ClientId) -> &Producer {
        match &self.clients[&id.0].client {
            Client::Producer(producer) => producer,
            _ => panic!("client {} is not a producer", id.0),
        }
    }

    /// The consumer, to look at.
    pub fn consumer(&self, id: ClientId) -> &Consumer {
        match &self.clients[&id.0].client {
            Client::Consumer(consumer) => consumer,
            _ => panic!("client {} is not a consumer", id.0),
        }
    }

    /// Does something to the world, now. Returns the event that says so.
    pub fn inject(&mut self, action: Action) -> Option<Seq> {
        self.trace.enter(Actor::World, self.now, None);
        let described = action.describe();
        let after = self.trace.next_seq().checked_sub(1);
        let cause = self.trace.emit(|| TraceKind::ActionInjected { action: described, after });
        self.act(&action, cause);
        cause
    }

    /// Does something to the world at that time; at once if that is over.
    pub fn schedule(&mut self, at: Micros, action: Action) {
        self.enqueue(at.max(self.now), Happening::Act(action));
    }

    /// The script is at this line: events that follow carry it.
    pub fn set_script_line(&mut self, line: Option<u32>) {
        self.trace.set_script_line(line);
    }

    /// The script printed something.
    pub fn print(&mut self, text: &str) {
        self.trace.enter(Actor::World, self.now, None);
        self.trace.emit(|| TraceKind::ScriptPrinted { text: text.to_string() });
    }

    /// The events so far.
    pub fn events(&self) -> &[TraceEvent] {
        self.trace.events()
    }

    /// Takes the world apart and keeps its events. [`World::take_journal`] comes before.
    pub fn into_events(mut self) -> Vec<TraceEvent> {
        self.trace.take()
    }

    /// The picture, read straight from the state of brokers, clients and network.
    pub fn view(&self) -> ClusterView {
        let at = self.events().last().map_or(Micros(0), |event| event.at);
        let brokers = self.brokers.iter().filter_map(|(id, slot)| Some((*id, slot.view()?)));
        let clients = self.clients.iter().map(|(id, slot)| (*id, slot.client.view()));
        let in_flight = self.network.messages.iter().map(|(id, message)| (*id, message.view()));
        let disks = self.brokers.iter().filter_map(|(id, slot)| Some((*id, slot.disk_view()?)));
        ClusterView {
            at,
            brokers: brokers.collect(),
            clients: clients.collect(),
            in_flight: in_flight.collect(),
            disks: disks.collect(),
            faults: self.faults_view(),
        }
    }

    /// The picture, folded from the events.
    pub fn folded(&mut self) -> &ClusterView {
        let events = self.trace.events();
        for event in &events[self.folded_events..] {
            self.fold.apply(event);
        }
        self.folded_events = events.len();
        &self.fold
    }

    /// Stops the process unless the two pictures are equal and every invariant holds.
    ///
    /// Looks at those who took part in something since the last check, so that it is cheap enough for every step. Call
    /// [`World::check_all`] at the end.
    pub fn check(&mut self) {
        if let Err(violation) = self.try_check() {
            panic!("{violation}");
        }
    }

    /// As [`World::check`], with everybody and with all that is on the disks.
    pub fn check_all(&mut self) {
        if let Err(violation) = self.try_check_all() {
            panic!("{violation}");
        }
    }

    /// As [`World::check`], as a value. A broker's own assertions still stop the process.
    pub fn try_check(&mut self) -> Result<(), Violation> {
        if !self.config.record {
            return Ok(());
        }
        self.folded();
        let touched = core::mem::take(&mut self.touched);
        for actor in touched {
            self.compare(actor)?;
        }
        if self.fold.in_flight.len() != self.network.messages.len() {
            return Err(Violation::new("fold", "the picture and the network differ in what is on its way".to_string()));
        }
        let mut checker = self.take_checker();
        let result = checker.observe(self.events());
        self.checker = Some(checker);
        result
    }

    /// As [`World::check_all`], as a value.
    pub fn try_check_all(&mut self) -> Result<(), Violation> {
        self.touched.extend(self.brokers.keys().map(|broker| Actor::Broker(*broker)));
        self.touched.extend(self.clients.keys().map(|client| Actor::Client(*client)));
        self.try_check()?;
        if !self.config.record {
            return Ok(());
        }
        let (view, fold) = (self.view(), &self.fold);
        if view != *fold {
            return Err(Violation::new("fold", "the picture folded from events differs from the state".to_string()));
        }
        let checker = self.take_checker();
        let result = checker.check_disks(self);
        self.checker = Some(checker);
        result
    }

    /// Whether nothing is promised of `topic-0` any more.
    pub(crate) fn promises_nothing(&self, place: &str) -> bool {
        self.checker.as_ref().is_some_and(|checker| checker.promises_nothing(place))
    }

    /// It goes through all events by itself, so it may come late.
    fn take_checker(&mut self) -> Checker {
        self.checker.take().unwrap_or_else(|| Checker::new(self.config.wall_ms))
    }

    /// Whether the broker runs.
    pub fn is_up(&self, broker: i32) -> bool {
        self.broker(broker).is_some()
    }

    /// A running broker, to look at.
    pub fn broker(&self, broker: i32) -> Option<&Broker<MemoryStorage>> {
        self.brokers.get(&broker)?.broker.as_ref()
    }

    /// A running broker as a picture, read from its state. The page cache takes no notice.
    pub fn broker_view(&self, broker: i32) -> Option<BrokerView> {
        let slot = self.brokers.get(&broker)?;
        slot.disk.unseen(|| slot.broker.as_ref().map(Broker::view))
    }

    /// Whether a broker runs and serves clients.
    pub fn is_ready(&self, broker: i32) -> bool {
        self.broker(broker).is_some_and(Broker::is_ready)
    }

    /// The `node.id`s of all brokers, running or not.
    pub fn brokers(&self) -> Vec<i32> {
        self.brokers.keys().copied().collect()
    }

    /// A broker's disk, running or not.
    pub fn disk(&self, broker: i32) -> &MemoryStorage {
        &self.brokers[&broker].disk
    }

    /// `broker-1:9092`, as client configurations want it.
    pub fn address(&self, broker: i32) -> (String, u16) {
        let config = &self.brokers[&broker].config;
        (config.advertised_host.clone(), config.advertised_port)
    }

    /// Every frame passes through `tamper` before it is delivered: for tests that want to see an invariant fail.
    #[doc(hidden)]
    pub fn tamper_with(&mut self, tamper: fn(to_broker: bool, frame: &mut Vec<u8>)) {
        self.network.tamper = Some(tamper);
    }

    pub(crate) fn enqueue(&mut self, at: Micros, happening: Happening) -> QueueKey {
        let key = (at, self.queued);
        self.queued += 1;
        self.queue.insert(key, happening);
        key
    }

    pub(crate) fn dequeue(&mut self, key: QueueKey) {
        self.queue.remove(&key);
    }

    fn is_out_of_events(&self) -> bool {
        self.events().len() >= self.config.events_max
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Dial { link, cause } => self.on_dial(link, cause),
            Happening::Dialled { link, accepted, cause } => self.on_dialled(link, accepted, cause),
            Happening::Deliver { message } => self.on_deliver(message),
            Happening::Gone { link, end, until, cause } => self.on_gone(link, end, until, cause),
            Happening::GivesUp { link } => self.on_gives_up(link),
            Happening::BrokerTick { broker } => self.on_broker_tick(broker),
            Happening::ClientTick { client } => self.on_client_tick(client),
            Happening::Synced { broker, life, ticket, files, cause } => {
                self.on_synced(broker, (life, ticket), files, cause);
            }
            Happening::Respond(response) => self.on_respond(*response),
            Happening::WriteBack { broker } => self.on_write_back(broker),
            Happening::Act(action) => {
                self.inject(action);
            }
        }
    }

    fn complete(&mut self, name: &str, id: &mut String, bootstrap: &mut Vec<(String, u16)>, seed: &mut u64) {
        *id = name.to_string();
        if bootstrap.is_empty() {
            // The brokers of one cluster serve each other's clients; those that stand alone do not.
            let brokers = self.brokers();
            let is_lone = |broker: &i32| self.brokers[broker].config.cluster.is_lone(*broker);
            let known = if brokers.first().is_some_and(is_lone) { 1 } else { brokers.len() };
            bootstrap.extend(brokers.iter().take(known).map(|broker| self.address(*broker)));
        }
        if *seed == 0 {
            *seed = self.rng.next_u64();
        }
    }

    fn compare(&self, actor: Actor) -> Result<(), Violation> {
        let differ = |what: String, state: String, fold: String| {
            Err(Violation::new("fold", format!("{what} is\n{state}\nand the picture shows\n{fold}")))
        };
        match actor {
            Actor::World => {
                let (state, fold) = (self.faults_view(), &self.fold.faults);
                if state != *fold {
                    return differ("what is wrong".to_string(), format!("{state:?}"), format!("{fold:?}"));
                }
            }
            Actor::Client(id) => {
                let (state, fold) = (self.clients[&id].client.view(), self.fold.clients.get(&id));
                if Some(&state) != fold {
                    return differ(format!("client {id}"), format!("{state:?}"), format!("{fold:?}"));
                }
            }
            Actor::Broker(id) => {
                if let Some(broker) = &self.brokers[&id].broker {
                    broker.check_invariants();
                }
                let (state, fold) = (self.brokers[&id].view(), self.fold.brokers.get(&id));
                if state.as_ref() != fold {
                    return differ(format!("broker {id}"), format!("{state:?}"), format!("{fold:?}"));
                }
                let (state, fold) = (self.brokers[&id].disk_view(), self.fold.disks.get(&id));
                if state.as_ref() != fold {
                    return differ(format!("the disk of broker {id}"), format!("{state:?}"), format!("{fold:?}"));
                }
            }
        }
        Ok(())
    }

    /// The messages on their way, oldest first.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (&u64, &Message)> {
        self.network.messages.iter()
    }
}
