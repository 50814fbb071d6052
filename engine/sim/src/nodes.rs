//! Driving the machines: brokers and clients, by the contracts printed on their types, and what happens to their processes.

use crate::{
    Action, ClientId,
    disks::DiskState,
    faults::{Clock, Pending},
    network::End,
    world::{Happening, QueueKey, World},
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use bytes::{BufMut, Bytes, BytesMut};
use naru_broker::{Broker, BrokerConfig, ConnectionId, Effect, Frame, Input};
use naru_client::{Admin, ClientEffect, ClientInput, ClientOutbox, Consumer, Machine, Producer};
use naru_log::{FileId, MemoryStorage, ReadAt, Slice, Storage};
use naru_trace::{Actor, BrokerState, BrokerView, ClientView, Deadline, MessageLabel, Now, Seq, TraceKind};

/// A broker's place in the world: it outlives the broker's process.
pub(crate) struct BrokerSlot {
    pub(crate) config: BrokerConfig,
    pub(crate) disk: MemoryStorage,
    pub(crate) disk_state: DiskState,
    pub(crate) broker: Option<Broker<MemoryStorage>>,
    /// How it looked when it ended.
    ended: Option<BrokerView>,
    /// How often it was started: what was asked for by an earlier process is not answered to a later one.
    pub(crate) life: u32,
    pub(crate) clock: Clock,
    /// What waits for its process while that is suspended; `None` while it is not.
    pub(crate) pending: Option<Vec<Pending>>,
    tick: Option<QueueKey>,
}

/// A response, or a request to another broker, that waits for the disk.
#[derive(Debug)]
pub(crate) struct Response {
    broker: i32,
    life: u32,
    link: u64,
    to: End,
    bytes: Bytes,
    label: Option<MessageLabel>,
    cause: Option<Seq>,
}

/// A client's place in the world.
pub(crate) struct ClientSlot {
    pub(crate) name: String,
    pub(crate) client: Client,
    tick: Option<QueueKey>,
}

/// Any of the clients.
pub(crate) enum Client {
    Producer(Producer),
    Consumer(Consumer),
    Admin(Admin),
}

impl Machine for Client {
    fn step(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox) {
        match self {
            Client::Producer(producer) => producer.step(now, input, out),
            Client::Consumer(consumer) => consumer.step(now, input, out),
            Client::Admin(admin) => admin.step(now, input, out),
        }
    }

    fn next_deadline(&self) -> Option<Deadline> {
        match self {
            Client::Producer(producer) => producer.next_deadline(),
            Client::Consumer(consumer) => consumer.next_deadline(),
            Client::Admin(admin) => admin.next_deadline(),
        }
    }

    fn view(&self) -> ClientView {
        match self {
            Client::Producer(producer) => producer.view(),
            Client::Consumer(consumer) => consumer.view(),
            Client::Admin(admin) => admin.view(),
        }
    }
}

impl BrokerSlot {
    pub(crate) fn new(config: BrokerConfig) -> Self {
        let (disk, disk_state) = (MemoryStorage::new(), DiskState::default());
        let (clock, pending) = (Clock::default(), None);
        BrokerSlot { config, disk, disk_state, broker: None, ended: None, life: 0, clock, pending, tick: None }
    }

    pub(crate) fn is_at(&self, host: &str, port: u16) -> bool {
        self.config.advertised_host == host && self.config.advertised_port == port
    }

    /// How it looks, or looked when it ended; `None` if it never started.
    pub(crate) fn view(&self) -> Option<BrokerView> {
        self.disk.unseen(|| self.broker.as_ref().map(Broker::view)).or_else(|| self.ended.clone())
    }

    /// The process is gone; its place remembers how it looked.
    pub(crate) fn end_process(&mut self) {
        self.remember(BrokerState::Crashed);
        self.pending = None;
        drop(self.broker.take().map(Broker::into_storage));
    }

    fn remember(&mut self, state: BrokerState) {
        let Some(broker) = &self.broker else { return };
        let mut view = self.disk.unseen(|| broker.view());
        view.state = state;
        view.connections.clear();
        view.parked.clear();
        self.ended = Some(view);
    }
}

impl World {
    /// Starts a broker's process on the disk that is there. It may end at once: a full disk is a reason.
    pub(crate) fn start_broker(&mut self, id: i32, cause: Option<Seq>) {
        let now = self.now_of(id);
        let slot = self.brokers.get_mut(&id).expect("the broker has a place");
        if slot.broker.is_some() {
            return;
        }
        slot.life += 1;
        self.wake_disk(id);
        let slot = self.brokers.get_mut(&id).expect("the broker has a place");
        let (config, disk) = (slot.config.clone(), slot.disk.clone());
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        self.broker_out.trace.enter(Actor::Broker(id), self.now, cause);
        let opened = Broker::open(config, disk, now, &mut self.broker_out);
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        match opened {
            Ok(broker) => slot.broker = Some(broker),
            Err(_) => return self.on_failed_start(id),
        }
        self.finish_broker_turn(id);
    }

    fn on_failed_start(&mut self, id: i32) {
        self.broker_out.effects.clear();
        let cause = self.trace.cause();
        self.trace.enter(Actor::World, self.now, cause);
        self.trace.emit(|| TraceKind::BrokerCrashed { broker: id });
        self.tell_of_disk(id, cause);
        // What it had shown before it ended is all there is to say: there is no process any more that could be asked.
        let shown = self.folded().brokers.get(&id).cloned();
        let slot = self.brokers.get_mut(&id).expect("the broker has a place");
        slot.disk.crash();
        slot.ended = shown;
    }

    /// Gives a broker an input, if it runs.
    pub(crate) fn step_broker(&mut self, id: i32, input: Input, cause: Option<Seq>) {
        let now = self.now_of(id);
        self.wake_disk(id);
        let Some(slot) = self.brokers.get_mut(&id) else { return };
        if let Some(pending) = &mut slot.pending {
            return pending.push(Pending::Input(input, cause));
        }
        let Some(broker) = &mut slot.broker else { return };
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        self.broker_out.trace.enter(Actor::Broker(id), self.now, cause);
        broker.step(now, input, &mut self.broker_out);
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        self.finish_broker_turn(id);
    }

    /// Steps 2 to 4 of the contract on [`Broker`]: commit, perform, note the deadline.
    fn finish_broker_turn(&mut self, id: i32) {
        let now = self.now_of(id);
        self.touched.insert(Actor::Broker(id));
        self.tell_of_disk(id, self.trace.cause());
        let slot = self.brokers.get_mut(&id).expect("the broker has a place");
        let Some(broker) = &mut slot.broker else { return };
        let failed = broker.storage_mut().commit();
        let storage_failed = !failed.is_empty();
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        for (file, error) in failed {
            let cause = self.broker_out.trace.cause();
            self.broker_out.trace.enter(Actor::Broker(id), self.now, cause);
            broker.step(now, Input::StorageFailed { file, error }, &mut self.broker_out);
        }
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        self.tell_of_disk(id, self.trace.cause());
        let waited_us = self.pay_for_trips(id);
        let effects = core::mem::take(&mut self.broker_out.effects);
        for effect in effects {
            match effect {
                // What it says may be untrue: the records it is about were not written.
                Effect::Send { connection, .. } if storage_failed => {
                    if let Some((link, to)) = self.link_of_broker(id, connection) {
                        self.close_link(link, to.other(), None);
                    }
                    self.step_broker(id, Input::Disconnected { connection }, None);
                }
                effect => self.perform_for_broker(id, effect, waited_us),
            }
        }
        self.note_broker_deadline(id);
        self.note_write_back(id);
    }

    /// `waited_us` is how long the turn waited for the disk: what it has to say is said so much later.
    pub(crate) fn perform_for_broker(&mut self, id: i32, effect: Effect, waited_us: u64) {
        match effect {
            Effect::Send { connection, frame, label, cause } => {
                let Some(broker) = self.broker(id) else { return };
                let bytes = flatten(&frame, broker.storage());
                let Some((link, to)) = self.link_of_broker(id, connection) else { return };
                let at = self.leaves_at(link, to, waited_us);
                if at <= self.now {
                    return self.transmit(link, to, bytes, label, cause);
                }
                let life = self.brokers[&id].life;
                let response = Response { broker: id, life, link, to, bytes, label, cause };
                self.enqueue(at, Happening::Respond(Box::new(response)));
            }
            Effect::Close { connection, .. } => {
                let cause = self.trace.cause();
                if let Some((link, to)) = self.link_of_broker(id, connection) {
                    self.close_link(link, to.other(), cause);
                }
            }
            Effect::Sync { ticket, files } => {
                let (low, high) = self.config.sync_us;
                let slot = &self.brokers[&id];
                let at = self.now.plus(self.rng.between(low, high) + slot.disk_state.slow_us);
                let (life, cause) = (slot.life, self.trace.cause());
                self.enqueue(at, Happening::Synced { broker: id, life, ticket, files, cause });
            }
            // Disks of a world are asked at once: what that costs is paid with the answer.
            Effect::Load { ticket, range } => {
                let Some(broker) = self.broker(id) else { return };
                drop(broker.storage().read(range.file, range.position, range.length));
                self.step_broker(id, Input::Loaded { ticket }, None);
            }
            Effect::Dial { connection, host, port } => {
                assert!(connection.is_dialled(), "broker {id} dials with a number that its driver gives to others");
                let cause = self.trace.cause();
                self.dial(Actor::Broker(id), connection.0, (&host, port), cause);
            }
        }
    }

    /// A broker's connection by its own number, and the end that it talks to there.
    fn link_of_broker(&self, broker: i32, connection: ConnectionId) -> Option<(u64, End)> {
        match connection.is_dialled() {
            true => Some((self.network.dialled_by(Actor::Broker(broker), connection.0)?, End::Acceptor)),
            false => Some((connection.0, End::Dialler)),
        }
    }

    pub(crate) fn note_broker_deadline(&mut self, id: i32) {
        let Some(slot) = self.brokers.get_mut(&id) else { return };
        let awake = slot.broker.as_ref().filter(|_| slot.pending.is_none());
        let wanted = awake.and_then(Broker::next_deadline).map(|deadline| slot.clock.when(deadline.at).max(self.now));
        if slot.tick.map(|(at, _)| at) == wanted {
            return;
        }
        let old = core::mem::take(&mut slot.tick);
        if let Some(key) = old {
            self.dequeue(key);
        }
        let key = wanted.map(|at| self.enqueue(at, Happening::BrokerTick { broker: id }));
        if let Some(slot) = self.brokers.get_mut(&id) {
            slot.tick = key;
        }
    }

    pub(crate) fn on_broker_tick(&mut self, id: i32) {
        let Some(slot) = self.brokers.get_mut(&id) else { return };
        slot.tick = None;
        // A process that is suspended does not know that time passes.
        if slot.pending.is_none() {
            self.step_broker(id, Input::Tick, None);
        }
    }

    /// What waited for the disk leaves, if its broker is still there.
    pub(crate) fn on_respond(&mut self, response: Response) {
        let slot = self.brokers.get_mut(&response.broker);
        let Some(slot) = slot.filter(|slot| slot.life == response.life && slot.broker.is_some()) else { return };
        if let Some(pending) = &mut slot.pending {
            return pending.push(Pending::Response(response));
        }
        let Response { link, to, bytes, label, cause, .. } = response;
        self.transmit(link, to, bytes, label, cause);
    }

    pub(crate) fn on_synced(&mut self, id: i32, (life, ticket): (u32, u64), files: Vec<FileId>, cause: Option<Seq>) {
        self.wake_disk(id);
        let Some(slot) = self.brokers.get_mut(&id).filter(|slot| slot.life == life) else { return };
        let Some(broker) = &mut slot.broker else { return };
        let storage = broker.storage_mut();
        let result = files.into_iter().try_for_each(|file| storage.sync(file));
        self.tell_of_disk(id, cause);
        self.step_broker(id, Input::Synced { ticket, result }, None);
    }

    /// The process ends without warning; the operating system keeps what was committed.
    fn crash(&mut self, id: i32, cause: Option<Seq>) {
        let Some(slot) = self.brokers.get_mut(&id).filter(|slot| slot.broker.is_some()) else { return };
        slot.end_process();
        slot.disk.crash();
        self.end_of_process(id, cause);
    }

    /// Tells that a process ended without warning, and closes what it had open.
    pub(crate) fn end_of_process(&mut self, id: i32, cause: Option<Seq>) {
        self.trace.enter(Actor::World, self.now, cause);
        let crashed = self.trace.emit(|| TraceKind::BrokerCrashed { broker: id });
        self.touched.insert(Actor::Broker(id));
        self.note_broker_deadline(id);
        self.close_links_of(id, crashed);
    }

    fn stop(&mut self, id: i32, cause: Option<Seq>) {
        let now = self.now_of(id);
        if let Some(pending) = self.brokers.get_mut(&id).and_then(|slot| slot.pending.as_mut()) {
            return pending.push(Pending::Stop(cause));
        }
        self.step_broker(id, Input::Shutdown, cause);
        let Some(slot) = self.brokers.get_mut(&id).filter(|slot| slot.broker.is_some()) else { return };
        slot.remember(BrokerState::Stopped);
        let broker = slot.broker.take().expect("just looked");
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        self.broker_out.trace.enter(Actor::Broker(id), self.now, cause);
        drop(broker.close(now, &mut self.broker_out));
        core::mem::swap(&mut self.trace, &mut self.broker_out.trace);
        // Its host closes all connections just below; there is nothing else left that a process could ask for.
        self.broker_out.effects.clear();
        slot.disk.crash();
        self.tell_of_disk(id, self.trace.cause());
        self.touched.insert(Actor::Broker(id));
        self.note_broker_deadline(id);
        self.close_links_of(id, cause);
    }

    pub(crate) fn act(&mut self, action: &Action, cause: Option<Seq>) {
        if self.act_on_links_and_machines(action, cause) {
            return;
        }
        match *action {
            Action::Crash { broker } => self.crash(broker, cause),
            Action::Stop { broker } => self.stop(broker, cause),
            Action::Restart { broker } if self.brokers.contains_key(&broker) => self.start_broker(broker, cause),
            Action::Restart { .. } => {}
            Action::DiskFull { broker, full } => self.set_disk_fault(broker, cause, |slot| {
                slot.disk.set_capacity(full.then(|| slot.disk.used()));
                slot.disk_state.full = full;
            }),
            Action::PowerLoss { broker, torn } => self.lose_power(broker, torn, cause),
            Action::DropCaches { broker } => self.drop_caches(broker, cause),
            Action::SlowDisk { broker, extra_us } => {
                self.set_disk_fault(broker, cause, |slot| slot.disk_state.slow_us = extra_us);
            }
            Action::FailSync { broker, on } => self.set_disk_fault(broker, cause, |slot| {
                slot.disk.set_sync_fails(on);
                slot.disk_state.sync_fails = on;
            }),
            Action::EditByte { broker, ref path, position, value } => {
                self.edit_byte(broker, (path, position, value), cause);
            }
            _ => {} // Done above.
        }
    }

    pub(crate) fn add_client(
        &mut self,
        name: &str,
        make: impl FnOnce(u32, Now, &mut ClientOutbox) -> Client,
    ) -> ClientId {
        let id = self.clients.keys().next_back().map_or(1, |last| last + 1);
        let now = self.now();
        core::mem::swap(&mut self.trace, &mut self.client_out.trace);
        self.client_out.trace.enter(Actor::Client(id), self.now, None);
        let client = make(id, now, &mut self.client_out);
        core::mem::swap(&mut self.trace, &mut self.client_out.trace);
        self.clients.insert(id, ClientSlot { name: name.to_string(), client, tick: None });
        self.finish_client_turn(id);
        ClientId(id)
    }

    /// Lets a client do something, and performs what it asks for.
    pub(crate) fn with_client<R>(
        &mut self,
        id: u32,
        cause: Option<Seq>,
        f: impl FnOnce(&mut Client, Now, &mut ClientOutbox) -> R,
    ) -> R {
        let now = self.now();
        let slot = self.clients.get_mut(&id).expect("there is no such client");
        core::mem::swap(&mut self.trace, &mut self.client_out.trace);
        self.client_out.trace.enter(Actor::Client(id), self.now, cause);
        let result = f(&mut slot.client, now, &mut self.client_out);
        core::mem::swap(&mut self.trace, &mut self.client_out.trace);
        self.finish_client_turn(id);
        result
    }

    pub(crate) fn step_client(&mut self, id: u32, input: ClientInput, cause: Option<Seq>) {
        self.with_client(id, cause, |client, now, out| client.step(now, input, out));
    }

    fn finish_client_turn(&mut self, id: u32) {
        self.touched.insert(Actor::Client(id));
        let last_cause = self.trace.cause();
        let effects = core::mem::take(&mut self.client_out.effects);
        for effect in effects {
            match effect {
                ClientEffect::Dial { connection, host, port } => {
                    self.dial(Actor::Client(id), connection.0, (&host, port), last_cause);
                }
                ClientEffect::Send { connection, frame, label, cause } => {
                    if let Some(link) = self.network.dialled_by(Actor::Client(id), connection.0) {
                        self.transmit(link, End::Acceptor, frame, label, cause);
                    }
                }
                ClientEffect::Close { connection } => {
                    if let Some(link) = self.network.dialled_by(Actor::Client(id), connection.0) {
                        self.close_link(link, End::Dialler, last_cause);
                    }
                }
            }
        }
        self.note_client_deadline(id);
    }

    fn note_client_deadline(&mut self, id: u32) {
        let Some(slot) = self.clients.get_mut(&id) else { return };
        let wanted = slot.client.next_deadline().map(|deadline| deadline.at.max(self.now));
        if slot.tick.map(|(at, _)| at) == wanted {
            return;
        }
        let old = core::mem::take(&mut slot.tick);
        if let Some(key) = old {
            self.dequeue(key);
        }
        let key = wanted.map(|at| self.enqueue(at, Happening::ClientTick { client: id }));
        if let Some(slot) = self.clients.get_mut(&id) {
            slot.tick = key;
        }
    }

    pub(crate) fn on_client_tick(&mut self, id: u32) {
        if let Some(slot) = self.clients.get_mut(&id) {
            slot.tick = None;
        }
        self.step_client(id, ClientInput::Tick, None);
    }
}

/// One piece of memory with all of a frame. A socket would send the chunks as they are.
fn flatten(frame: &Frame, storage: &MemoryStorage) -> Bytes {
    if let [Slice::Bytes(bytes)] = frame.chunks.as_slice() {
        return bytes.clone();
    }
    let mut all = BytesMut::with_capacity(frame.len());
    for chunk in &frame.chunks {
        match chunk {
            Slice::Bytes(bytes) => all.put_slice(bytes),
            Slice::File(range) => {
                let bytes = storage.read(range.file, range.position, range.length);
                all.put_slice(&bytes.expect("the broker was just told what is there"));
            }
        }
    }
    all.freeze()
}
