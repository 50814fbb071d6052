//! The thread that owns the broker.
//!
//! It is the driver that [`naru_broker::Broker`] describes, around a real clock, real files and real sockets. One turn: take
//! what is queued, step the broker with each, commit the storage once, perform the effects in order, wait. Many small appends
//! become one write that way, and the busier the broker is, the larger its turns are.
//!
//! Nothing here blocks except the wait: sockets are written by the connections' own tasks ([`outlet`]), files are synced on a
//! thread that may block. This is deliberately the only place that touches the broker; everybody else sends a message
//! ([`inbox`]). Read [`EngineThread::turn`] first.

pub mod inbox;
pub mod live;
pub mod outlet;

use self::{
    inbox::{Inbox, InboxReceiver, Message, Report},
    live::Watchers,
    outlet::{Chunk, Outlet},
};
use crate::{clock::Clock, net::dial::Dialler, storage::FileStorage};
use naru_broker::{Broker, BrokerConfig, ConnectionId, Effect, Frame, Input, Outbox, StartError};
use naru_log::{FileId, FileRange, Slice, Storage, StorageError};
use naru_trace::{Actor, ClusterView, Now};
use std::{
    collections::{BTreeSet, HashMap},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{runtime::Handle as Runtime, sync::oneshot, task::AbortHandle};

/// The name of the broker's thread.
pub const THREAD_NAME: &str = "broker";

/// Messages that one turn takes at most, so that responses do not wait for ever behind new requests.
const TURN_MESSAGES_MAX: usize = 256;
/// Bytes of requests that one turn takes at most, for the same reason.
const TURN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// In turns of at most so many messages, this thread writes small responses itself: the shortest way. In larger ones there
/// is enough to do for everybody.
const QUIET_TURN_MESSAGES: usize = 4;
/// How long a stopping broker waits for files that are still being synced.
const STOP_SYNC_WAIT: Duration = Duration::from_secs(10);
/// How long a stopping broker goes on until it has handed over what it leads and answered what it was asked.
const STOP_DRAIN_WAIT: Duration = Duration::from_secs(10);

/// The thread's state.
struct EngineThread {
    broker: Broker<FileStorage>,
    node_id: i32,
    clock: Clock,
    out: Outbox,
    receiver: InboxReceiver,
    /// For the answers of threads that sync files.
    inbox: Inbox,
    runtime: Runtime,
    connections: HashMap<ConnectionId, Outlet>,
    dialler: Dialler,
    /// Connections to other brokers that are not there yet.
    dialling: HashMap<ConnectionId, AbortHandle>,
    /// Connections that the broker wants no frames of for now.
    held: BTreeSet<ConnectionId>,
    watchers: Watchers,
    syncs_under_way: usize,
    /// Told to stop: when to do so at the latest.
    stopping: Option<Instant>,
    /// Told when clients are served, once.
    ready: Option<oneshot::Sender<()>>,
    /// How much longer the disk takes than it does: for those who want to see what comes of it.
    disk_delay: Duration,
    /// Whether this turn is a small one.
    quiet: bool,
    turns: u64,
    busy: Duration,
    turn_max: Duration,
    sends_dropped: u64,
    /// How many log directories are known to have failed.
    failed_dirs: usize,
}

/// A broker's thread that runs.
pub struct Started {
    /// Ends when the broker has stopped.
    pub thread: JoinHandle<()>,
    /// Told once clients are served: at once by a lone broker, else when its cluster has let it in.
    pub ready: oneshot::Receiver<()>,
}

/// Opens the broker on the calling thread, so that a failure to start is the caller's to report, then gives it a thread.
pub fn start(
    config: BrokerConfig,
    storage: FileStorage,
    clock: Clock,
    (inbox, receiver): (Inbox, InboxReceiver),
    dialler: Dialler,
) -> Result<Started, StartError> {
    let (ready, when_ready) = oneshot::channel();
    let mut out = Outbox::default();
    let node_id = config.node_id;
    let now = clock.now();
    out.trace.enter(Actor::Broker(node_id), now.monotonic, None);
    let broker = Broker::open(config, storage, now, &mut out);
    out.warnings.drain(..).for_each(|warning| crate::log::warn(format_args!("{warning}")));
    let broker = broker?;
    let mut engine = EngineThread {
        broker,
        node_id,
        clock,
        out,
        receiver,
        inbox,
        runtime: Runtime::current(),
        connections: HashMap::new(),
        dialler,
        dialling: HashMap::new(),
        held: BTreeSet::new(),
        watchers: Watchers::default(),
        syncs_under_way: 0,
        stopping: None,
        ready: Some(ready),
        disk_delay: Duration::ZERO,
        quiet: true,
        turns: 0,
        busy: Duration::ZERO,
        turn_max: Duration::ZERO,
        sends_dropped: 0,
        failed_dirs: 0,
    };
    engine.tell_of_failed_dirs();
    // What opening asked for.
    engine.finish_turn();
    let thread = std::thread::Builder::new().name(THREAD_NAME.into());
    let thread = thread
        .spawn(move || engine.run())
        .map_err(|error| StartError { message: format!("cannot start a thread: {error}") })?;
    Ok(Started { thread, ready: when_ready })
}

impl EngineThread {
    fn run(mut self) {
        while !self.is_over() {
            let deadline = self.broker.next_deadline().map(|deadline| self.clock.instant(deadline.at));
            let deadline = [deadline, self.stopping].into_iter().flatten().min();
            let first = self.receiver.wait(deadline);
            self.turn(first);
        }
        self.stop();
    }

    /// Whether it was told to stop and nothing is left to do, or it took too long.
    fn is_over(&self) -> bool {
        self.stopping.is_some_and(|at_latest| self.broker.is_drained() || at_latest <= Instant::now())
    }

    /// One turn: steps, one commit, effects.
    fn turn(&mut self, first: Option<Message>) {
        let started = Instant::now();
        let (mut messages, mut bytes) = (0, 0);
        let mut next = first;
        while let Some(message) = next {
            bytes += self.take(message);
            messages += 1;
            // Asked only when there is room for one more: a message taken out of the queue has to be handled.
            let room = messages < TURN_MESSAGES_MAX && bytes < TURN_BYTES_MAX;
            next = if room { self.receiver.queued() } else { None };
        }
        self.quiet = messages <= QUIET_TURN_MESSAGES;
        let now = self.clock.now();
        if self.broker.next_deadline().is_some_and(|deadline| deadline.at <= now.monotonic) {
            self.step(now, Input::Tick);
        }
        self.finish_turn();
        self.out.warnings.drain(..).for_each(|warning| crate::log::warn(format_args!("{warning}")));
        let took = started.elapsed();
        self.turns += 1;
        self.busy += took;
        self.turn_max = self.turn_max.max(took);
    }

    /// One message. Returns how many bytes of request it held.
    fn take(&mut self, message: Message) -> usize {
        let now = self.clock.now();
        match message {
            Message::Connected { connection, peer, outlet } => {
                self.connections.insert(connection, outlet);
                self.step(now, Input::Connected { connection, peer });
            }
            Message::Frame { connection, frame } => return self.take_frame(now, connection, frame),
            Message::Dialled { connection, outlet } => {
                // The broker may have closed it meanwhile: without an outlet its task ends.
                if self.dialling.remove(&connection).is_some() {
                    self.connections.insert(connection, outlet);
                    self.step(now, Input::Dialled { connection });
                }
            }
            Message::Disconnected { connection } => {
                self.connections.remove(&connection);
                self.dialling.remove(&connection);
                self.held.remove(&connection);
                self.step(now, Input::Disconnected { connection });
            }
            Message::Synced { ticket, result } => {
                self.syncs_under_way -= 1;
                self.step(now, Input::Synced { ticket, result });
            }
            Message::Loaded { ticket } => self.step(now, Input::Loaded { ticket }),
            Message::View { answer } => drop(answer.send(self.view(now))),
            Message::Report { answer } => drop(answer.send(self.report())),
            Message::Subscribe { answer } => self.subscribe(now, answer),
            Message::Unsubscribe { subscriber } => {
                self.watchers.unsubscribe(subscriber);
                self.out.trace.set_on(self.watchers.any());
            }
            Message::SlowDisk { delay } => self.disk_delay = delay,
            Message::Stop => {
                // Told twice: at once.
                let wait = if self.stopping.is_some() { Duration::ZERO } else { STOP_DRAIN_WAIT };
                if self.stopping.replace(Instant::now() + wait).is_none() {
                    self.step(now, Input::Shutdown);
                }
            }
        }
        0
    }

    fn take_frame(&mut self, now: Now, connection: ConnectionId, frame: bytes::Bytes) -> usize {
        let length = frame.len();
        // A connection that the broker closed may have frames in the queue still: they are nobody's.
        let Some(outlet) = self.connections.get(&connection) else { return length };
        outlet.flow().frame_taken(length);
        self.step(now, Input::Frame { connection, frame });
        // On a connection that it dialled, the broker itself says how much it asks for.
        if !connection.is_dialled()
            && !self.broker.wants_frames(connection)
            && let Some(outlet) = self.connections.get(&connection)
        {
            outlet.flow().set_held(true);
            self.held.insert(connection);
        }
        length
    }

    fn step(&mut self, now: Now, input: Input) {
        self.out.trace.enter(Actor::Broker(self.node_id), now.monotonic, None);
        self.broker.step(now, input, &mut self.out);
    }

    /// Commit, effects, events: what follows the steps of a turn.
    fn finish_turn(&mut self) {
        if !self.disk_delay.is_zero() && self.broker.storage().has_uncommitted() {
            std::thread::sleep(self.disk_delay);
        }
        let failed = self.broker.storage_mut().commit();
        if !failed.is_empty() {
            self.on_commit_failed(failed);
        }
        let mut effects = std::mem::take(&mut self.out.effects);
        for effect in effects.drain(..) {
            self.perform(effect);
        }
        self.out.effects = effects;
        self.broker.storage_mut().end_turn();
        self.release_held();
        if self.broker.failed_log_dirs().count() > self.failed_dirs {
            self.tell_of_failed_dirs();
        }
        if self.ready.is_some()
            && self.broker.is_ready()
            && let Some(ready) = self.ready.take()
        {
            let _ = ready.send(());
        }
        if self.out.trace.is_on() {
            self.watchers.publish(self.out.trace.take());
            self.out.trace.set_on(self.watchers.any());
        }
    }

    /// A directory that fails is not used again by this process. Its operator has to hear of it.
    fn tell_of_failed_dirs(&mut self) {
        self.failed_dirs = self.broker.failed_log_dirs().count();
        for (path, reason) in self.broker.failed_log_dirs() {
            crate::log::warn(format_args!("the data directory {path} is offline: {reason}"));
        }
    }

    /// Bytes did not reach the operating system. No answer that may rest on them leaves: every connection that was to get one
    /// in this turn is closed instead, and its client will ask again.
    fn on_commit_failed(&mut self, failed: Vec<(FileId, StorageError)>) {
        for effect in &mut self.out.effects {
            if let Effect::Send { connection, .. } = effect {
                self.sends_dropped += 1;
                *effect = Effect::Close { connection: *connection, reason: "a write to disk failed".into() };
            }
        }
        let now = self.clock.now();
        for (file, error) in failed {
            eprintln!("naru: {error}; its partition is offline until the broker is started again");
            self.step(now, Input::StorageFailed { file, error });
        }
        for (_, error) in self.broker.storage_mut().commit() {
            eprintln!("naru: {error}");
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send { connection, frame, .. } => self.send(connection, frame),
            Effect::Close { connection, reason } => {
                self.held.remove(&connection);
                if let Some(dialling) = self.dialling.remove(&connection) {
                    dialling.abort();
                }
                if let Some(outlet) = self.connections.remove(&connection) {
                    crate::log::connection_closed(connection, &reason);
                    outlet.close();
                }
            }
            Effect::Dial { connection, host, port } => {
                let dialling = self.dialler.dial(connection, host, port);
                self.dialling.insert(connection, dialling);
            }
            Effect::Sync { ticket, files } => self.sync(ticket, &files),
            Effect::Load { ticket, range } => self.load(ticket, range),
        }
    }

    fn send(&mut self, connection: ConnectionId, frame: Frame) {
        let Some(outlet) = self.connections.get(&connection) else { return };
        let storage = self.broker.storage();
        let chunk = |slice| match slice {
            Slice::Bytes(bytes) => Some(Chunk::Bytes(bytes)),
            Slice::File(range) => storage.handle(range.file).map(|handle| Chunk::File {
                handle,
                position: range.position,
                length: range.length,
            }),
        };
        match frame.chunks.into_iter().map(chunk).collect::<Option<Vec<Chunk>>>() {
            Some(chunks) => outlet.send(chunks, self.quiet),
            // The file is gone between the step and now. A response with a hole would be a lie.
            None => outlet.close(),
        }
    }

    /// Reads a part of a file on a thread that may block, for its bytes to be in the page cache.
    fn load(&mut self, ticket: u64, range: FileRange) {
        let handle = self.broker.storage().handle(range.file);
        let inbox = self.inbox.clone();
        self.runtime.spawn_blocking(move || {
            // Whoever wants the bytes finds out what is wrong with them.
            let _ = handle.map(|handle| handle.load(range.position, range.length));
            let _ = inbox.tell(Message::Loaded { ticket });
        });
    }

    fn sync(&mut self, ticket: u64, files: &[FileId]) {
        let storage = self.broker.storage();
        let handles: Vec<_> = files.iter().filter_map(|file| storage.handle(*file)).collect();
        let (inbox, delay) = (self.inbox.clone(), self.disk_delay);
        self.syncs_under_way += 1;
        self.runtime.spawn_blocking(move || {
            if !delay.is_zero() {
                std::thread::sleep(delay);
            }
            let result = handles.iter().try_for_each(crate::storage::Handle::sync_for_engine);
            let _ = inbox.tell(Message::Synced { ticket, result });
        });
    }

    /// Connections whose frames piled up behind a reply may go on once the broker wants them again.
    fn release_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let (broker, connections) = (&self.broker, &self.connections);
        self.held.retain(|connection| {
            let hold = !broker.wants_frames(*connection);
            if !hold && let Some(outlet) = connections.get(connection) {
                outlet.flow().set_held(false);
            }
            hold
        });
    }

    fn subscribe(&mut self, now: Now, answer: oneshot::Sender<live::Subscription>) {
        // Events of steps earlier in this turn are in the picture already; those who watched before still get them.
        let events = self.out.trace.take();
        self.watchers.publish(events);
        let snapshot = self.view(now);
        let subscription = self.watchers.subscribe(snapshot);
        self.out.trace.set_on(true);
        if let Err(refused) = answer.send(subscription) {
            self.watchers.unsubscribe(refused.subscriber);
            self.out.trace.set_on(self.watchers.any());
        }
    }

    fn view(&self, now: Now) -> ClusterView {
        let mut view = ClusterView { at: now.monotonic, ..ClusterView::default() };
        view.brokers.insert(self.node_id, self.broker.view());
        view
    }

    fn report(&self) -> Report {
        Report {
            broker: self.broker.metrics(),
            turns: self.turns,
            busy: self.busy,
            turn_max: self.turn_max,
            sends_dropped: self.sends_dropped,
        }
    }

    /// Good order: what is under way is finished and synced, then the broker closes its files and says so on disk.
    fn stop(mut self) {
        let give_up = Instant::now() + STOP_SYNC_WAIT;
        while self.syncs_under_way > 0 {
            match self.receiver.wait(Some(give_up)) {
                None => break,
                Some(message @ (Message::Synced { .. } | Message::Disconnected { .. })) => {
                    self.take(message);
                    self.finish_turn();
                }
                // No new work.
                Some(_) => {}
            }
        }
        let now = self.clock.now();
        self.out.trace.enter(Actor::Broker(self.node_id), now.monotonic, None);
        let EngineThread { broker, mut out, connections, mut watchers, .. } = self;
        let mut storage = broker.close(now, &mut out);
        for (_, error) in storage.commit() {
            eprintln!("naru: {error}");
        }
        watchers.publish(out.trace.take());
        // Every outlet that is dropped here ends its connection, after what was queued in it.
        drop(connections);
    }
}
