//! A quorum of nodes in one thread: in-memory disks, a network that loses, delays, reorders and doubles what is sent, and
//! machines that lose power. All chance comes from a seed.
//!
//! Deliberately simpler than the simulation of whole brokers: there are no connections, and a request that is lost is
//! reported as lost after a while, as the owner of a real node would.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod checks;

use bytes::Bytes;
use checks::Checks;
use naru_log::{Log, LogConfig, MemoryStorage, Opening, TopicPartition};
use naru_raft::{Io, Raft, RaftConfig, RaftOutput, RaftReply, Tag, Voter};
use naru_trace::{Micros, Now, QuorumView, SortedMap, Trace, TraceKind};
use naru_wire::{Request, Response};
use std::collections::{BTreeMap, BTreeSet};

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(99))
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How bad the world is.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub loss_percent: u64,
    pub double_percent: u64,
    pub delay_us_max: u64,
    pub sync_us_max: u64,
}

impl Faults {
    pub const NONE: Faults = Faults { loss_percent: 0, double_percent: 0, delay_us_max: 2_000, sync_us_max: 2_000 };
    pub const SOME: Faults = Faults { loss_percent: 8, double_percent: 5, delay_us_max: 60_000, sync_us_max: 80_000 };
}

enum Event {
    Request { to: i32, from: i32, request: Request, life: u64, tag: Tag },
    Answer { to: i32, from: i32, tag: Tag, answer: Result<Response, ()>, life: u64 },
    Synced { node: i32, ticket: u64, life: u64 },
}

pub struct Node {
    pub raft: Option<Raft>,
    pub storage: MemoryStorage,
    /// Which life of the process this is.
    life: u64,
    /// Requests that wait: who asked, with which tag, in which of its lives.
    waiting: BTreeMap<u64, (i32, Tag, u64)>,
    pub trace: Trace,
    pub view: Option<QuorumView>,
    /// Committed payloads as this life has read them.
    pub read_up_to: i64,
    pub snapshots_installed: u32,
    /// Whether its owner was told that it leads.
    pub told_to_lead: bool,
}

pub struct World {
    pub now: u64,
    pub nodes: BTreeMap<i32, Node>,
    pub voters: Vec<i32>,
    pub faults: Faults,
    pub dice: Dice,
    /// Directed links that carry nothing.
    pub cut: BTreeSet<(i32, i32)>,
    pub checks: Checks,
    pub seed: u64,
    events: BTreeMap<(u64, u64), Event>,
    next_event: u64,
    next_token: u64,
    pub written: u64,
    pub sent: BTreeMap<&'static str, u64>,
    pub configure: fn(&mut RaftConfig),
}

impl World {
    /// `voters` voters with ids from 1, and `observers` observers behind them.
    pub fn new(seed: u64, voters: i32, observers: i32) -> Self {
        let mut world = World {
            now: 1_000_000,
            nodes: BTreeMap::new(),
            voters: (1..=voters).collect(),
            faults: Faults::NONE,
            dice: Dice::new(seed),
            cut: BTreeSet::new(),
            checks: Checks::default(),
            seed,
            events: BTreeMap::new(),
            next_event: 0,
            next_token: 0,
            written: 0,
            sent: BTreeMap::new(),
            configure: |_| {},
        };
        for id in 1..=voters + observers {
            let node = Node {
                raft: None,
                storage: MemoryStorage::new(),
                life: 0,
                waiting: BTreeMap::new(),
                trace: Trace::recording(),
                view: None,
                read_up_to: 0,
                snapshots_installed: 0,
                told_to_lead: false,
            };
            world.nodes.insert(id, node);
            world.start(id);
        }
        world
    }

    pub fn config(&self, id: i32) -> RaftConfig {
        let mut config = RaftConfig::new(id);
        config.cluster_id = "test-cluster".into();
        let voter = |id: &i32| (*id, Voter { host: "localhost".into(), port: 9000 + *id as u16, ..Voter::default() });
        config.voters = self.voters.iter().map(voter).collect::<SortedMap<_, _>>();
        config.seed = self.seed;
        (self.configure)(&mut config);
        config
    }

    pub fn start(&mut self, id: i32) {
        let config = self.config(id);
        let now = self.time();
        let node = self.nodes.get_mut(&id).expect("the node exists");
        node.life += 1;
        let partition = TopicPartition { topic: naru_raft::TOPIC.into(), partition: 0 };
        let storage = &mut node.storage;
        let log = Log::open(&partition, LogConfig::default(), Opening::unclean(), storage, &mut Trace::default());
        let mut io = Io { now, storage, trace: &mut node.trace };
        let raft = Raft::open(config, log.expect("its log opens"), &mut io).expect("it opens");
        raft.trace_opened(&mut io);
        node.read_up_to = raft.high_watermark();
        node.told_to_lead = false;
        node.raft = Some(raft);
        node.waiting.clear();
        self.after(id);
        self.tick(id);
    }

    fn time(&self) -> Now {
        Now { monotonic: Micros(self.now), wall_ms: 1_700_000_000_000 + (self.now / 1000) as i64 }
    }

    /// The process ends; with `power`, so does what was not synced.
    pub fn stop(&mut self, id: i32, power: bool) {
        let node = self.nodes.get_mut(&id).expect("the node exists");
        if node.raft.take().is_none() {
            return;
        }
        match power {
            true => {
                let dice = &mut self.dice;
                node.storage.lose_power(Some(&mut |length| dice.below(length)));
            }
            false => node.storage.crash(),
        }
        // Whoever waits for its answers hears that the connection is gone.
        let waiting = std::mem::take(&mut node.waiting);
        for (asker, tag, life) in waiting.into_values() {
            self.schedule(1_000, Event::Answer { to: asker, from: id, tag, answer: Err(()), life });
        }
    }

    pub fn wipe(&mut self, id: i32) {
        self.stop(id, true);
        self.nodes.get_mut(&id).expect("the node exists").storage = MemoryStorage::new();
        self.checks.wiped.insert(id);
    }

    pub fn is_up(&self, id: i32) -> bool {
        self.nodes[&id].raft.is_some()
    }

    pub fn raft(&self, id: i32) -> &Raft {
        self.nodes[&id].raft.as_ref().expect("it is up")
    }

    pub fn with<R>(&mut self, id: i32, step: impl FnOnce(&mut Raft, &mut Io<'_>) -> R) -> R {
        let now = self.time();
        let node = self.nodes.get_mut(&id).expect("the node exists");
        let raft = node.raft.as_mut().expect("it is up");
        let result = step(raft, &mut Io { now, storage: &mut node.storage, trace: &mut node.trace });
        self.after(id);
        result
    }

    fn tick(&mut self, id: i32) {
        self.with(id, |raft, io| raft.tick(io));
    }

    fn schedule(&mut self, delay: u64, event: Event) {
        self.events.insert((self.now + delay, self.next_event), event);
        self.next_event += 1;
    }

    fn delay(&mut self) -> u64 {
        200 + self.dice.below(self.faults.delay_us_max)
    }

    /// After a step of a node: what it wants, and whether it still keeps all promises.
    fn after(&mut self, id: i32) {
        let Some(raft) = self.nodes.get_mut(&id).and_then(|node| node.raft.as_mut()) else { return };
        let outputs = raft.outputs();
        let node = self.nodes.get_mut(&id).expect("the node exists");
        // The driver hands what was appended to the operating system at the end of each turn.
        node.storage.unseen(|| ());
        assert!(naru_log::Storage::commit(&mut node.storage).is_empty());
        for event in node.trace.take() {
            tell(self.now, id, &event.kind);
            match (&event.kind, &mut node.view) {
                (TraceKind::QuorumOpened { view }, _) => node.view = Some((**view).clone()),
                (kind, Some(view)) => view.apply(kind),
                _ => {}
            }
        }
        let raft = node.raft.as_ref().expect("it is up");
        if raft.failed().is_none() {
            raft.check_invariants();
            assert_eq!(node.view.as_ref(), Some(&raft.view()), "seed {}: the picture of {id} lies", self.seed);
        }
        for output in outputs {
            self.perform(id, output);
        }
        let node = &self.nodes[&id];
        let leads = node.raft.as_ref().is_some_and(Raft::is_leader);
        assert_eq!(node.told_to_lead, leads, "seed {}: the owner of {id} is told whether it leads", self.seed);
        self.checks.after_step(self.seed, id, &self.nodes);
    }

    fn perform(&mut self, id: i32, output: RaftOutput) {
        match output {
            RaftOutput::Send { to, request, tag, .. } => {
                *self.sent.entry(request.api().name()).or_default() += 1;
                let life = self.nodes[&id].life;
                self.carry((id, to), tag, life, |from, to| Event::Request {
                    to,
                    from,
                    request: request.clone(),
                    life,
                    tag,
                });
            }
            RaftOutput::Reply { token, response } => self.answer(id, token, response),
            RaftOutput::Sync { ticket, .. } => {
                let (life, delay) = (self.nodes[&id].life, 50 + self.dice.below(self.faults.sync_us_max));
                self.schedule(delay, Event::Synced { node: id, ticket, life });
            }
            RaftOutput::Committed { end_offset } => self.checks.committed(self.seed, id, end_offset, &self.nodes),
            RaftOutput::SnapshotInstalled { .. } => {
                self.nodes.get_mut(&id).expect("the node exists").snapshots_installed += 1;
            }
            RaftOutput::LeaderChanged { is_self, .. } => {
                self.nodes.get_mut(&id).expect("the node exists").told_to_lead = is_self;
            }
            RaftOutput::Truncated { .. } => {}
        }
    }

    fn answer(&mut self, id: i32, token: u64, response: Response) {
        let Some((asker, tag, life)) = self.nodes.get_mut(&id).and_then(|node| node.waiting.remove(&token)) else {
            return;
        };
        self.carry_answer((id, asker), tag, life, response);
    }

    fn carry_answer(&mut self, (from, to): (i32, i32), tag: Tag, life: u64, response: Response) {
        let lost = self.cut.contains(&(from, to)) || self.dice.chance(self.faults.loss_percent);
        let answer = if lost { Err(()) } else { Ok(response) };
        let delay = if lost { 100_000 + self.dice.below(400_000) } else { self.delay() };
        if self.dice.chance(self.faults.double_percent) {
            let late = self.delay() + 5_000;
            self.schedule(late, Event::Answer { to, from, tag, answer: answer.clone(), life });
        }
        self.schedule(delay, Event::Answer { to, from, tag, answer, life });
    }

    /// A request goes over a link, perhaps twice, or is lost; then its sender hears so after a while.
    fn carry(&mut self, (from, to): (i32, i32), tag: Tag, life: u64, event: impl Fn(i32, i32) -> Event) {
        let lost = self.cut.contains(&(from, to)) || self.dice.chance(self.faults.loss_percent);
        if lost {
            let delay = 100_000 + self.dice.below(400_000);
            return self.schedule(delay, Event::Answer { to: from, from: to, tag, answer: Err(()), life });
        }
        let copies = 1 + u64::from(self.dice.chance(self.faults.double_percent));
        for _ in 0..copies {
            let delay = self.delay();
            self.schedule(delay, event(from, to));
        }
    }

    /// Runs for so many microseconds.
    pub fn run(&mut self, us: u64) {
        let end = self.now + us;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `done` holds; returns how long it took, or `None` if it does not within `us`.
    pub fn run_until(&mut self, us: u64, mut done: impl FnMut(&World) -> bool) -> Option<u64> {
        let (start, end) = (self.now, self.now + us);
        while !done(self) {
            if !self.step(end) {
                self.now = end;
                return done(self).then_some(us);
            }
        }
        Some(self.now - start)
    }

    /// The next thing that happens before `end`.
    fn step(&mut self, end: u64) -> bool {
        let event_at = self.events.keys().next().map_or(u64::MAX, |key| key.0);
        let deadlines = self.nodes.iter().filter_map(|(id, node)| {
            let deadline = node.raft.as_ref()?.next_deadline()?;
            Some((deadline.at.0.max(self.now), *id))
        });
        let (tick_at, node) = deadlines.min().unwrap_or((u64::MAX, 0));
        if event_at.min(tick_at) > end {
            return false;
        }
        if tick_at < event_at {
            assert!(tick_at > self.now || self.nodes[&node].raft.is_some());
            // A node that is woken and stays due would stop the world.
            self.now = tick_at;
            self.tick(node);
            let next = self.nodes[&node].raft.as_ref().and_then(Raft::next_deadline);
            assert!(next.is_none_or(|next| next.at.0 > self.now), "seed {}: {node} is still due: {next:?}", self.seed);
            return true;
        }
        let ((at, _), event) = self.events.pop_first().expect("there is one");
        self.now = at;
        self.happen(event);
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Request { to, from, request, life, tag } => self.receive(to, from, &request, life, tag),
            Event::Answer { to, from, tag, answer, life } => {
                if self.is_up(to) && self.nodes[&to].life == life {
                    self.with(to, |raft, io| raft.on_answer(from, tag, answer, io));
                }
            }
            Event::Synced { node, ticket, life } => {
                if self.is_up(node) && self.nodes[&node].life == life {
                    self.sync(node);
                    self.with(node, |raft, io| raft.on_synced(ticket, io));
                }
            }
        }
    }

    /// What the driver does for [`RaftOutput::Sync`].
    fn sync(&mut self, id: i32) {
        let node = self.nodes.get_mut(&id).expect("the node exists");
        let files = node.raft.as_ref().expect("it is up").log().flush_files();
        for file in files {
            naru_log::Storage::sync(&mut node.storage, file).expect("it syncs");
        }
    }

    fn receive(&mut self, to: i32, from: i32, request: &Request, life: u64, tag: Tag) {
        if !self.is_up(to) {
            return self.schedule(2_000, Event::Answer { to: from, from: to, tag, answer: Err(()), life });
        }
        let token = self.next_token;
        self.next_token += 1;
        let version = request.api().versions().max;
        let reply = self.with_waiting(to, token, (from, tag, life), request, version);
        if let RaftReply::Now(response) = reply {
            self.nodes.get_mut(&to).expect("the node exists").waiting.remove(&token);
            self.carry_answer((to, from), tag, life, response);
        }
    }

    fn with_waiting(
        &mut self,
        to: i32,
        token: u64,
        waiting: (i32, Tag, u64),
        request: &Request,
        version: i16,
    ) -> RaftReply {
        self.nodes.get_mut(&to).expect("the node exists").waiting.insert(token, waiting);
        self.with(to, |raft, io| raft.on_request(request, version, token, io))
    }

    /// The leaders that think they are, newest epoch last.
    pub fn leaders(&self) -> Vec<(i32, i32)> {
        let up = self.nodes.iter().filter_map(|(id, node)| Some((node.raft.as_ref()?, *id)));
        let mut leaders: Vec<(i32, i32)> =
            up.filter(|(raft, _)| raft.is_leader()).map(|(raft, id)| (raft.epoch(), id)).collect();
        leaders.sort_unstable();
        leaders
    }

    /// A leader that is ready and that all running nodes follow.
    pub fn settled(&self) -> Option<i32> {
        let (epoch, id) = *self.leaders().last()?;
        let agrees =
            |node: &Node| node.raft.as_ref().is_none_or(|raft| raft.epoch() == epoch && raft.leader() == Some(id));
        (self.raft(id).is_ready() && self.nodes.values().all(agrees)).then_some(id)
    }

    /// Whether all running nodes have committed the same, and all of it.
    pub fn caught_up(&self) -> bool {
        let Some(leader) = self.settled() else { return false };
        let end = self.raft(leader).end_offset();
        self.nodes.values().all(|node| node.raft.as_ref().is_none_or(|raft| raft.high_watermark() == end))
    }

    /// Writes a record at the newest leader, if there is one. Returns its payload's number.
    pub fn write(&mut self) -> Option<u64> {
        let (_, id) = *self.leaders().last()?;
        let number = self.written;
        let payload = Bytes::from(format!("record {number}"));
        let end = self.append(id, &[payload])?;
        self.written += 1;
        let _ = end;
        Some(number)
    }

    pub fn append(&mut self, id: i32, payloads: &[Bytes]) -> Option<i64> {
        let payloads = payloads.to_vec();
        self.with(id, |raft, io| {
            let end = raft.append(&payloads, io).ok()?;
            io.trace.emit(|| TraceKind::MetadataAppended {
                base_offset: end - payloads.len() as i64,
                records: payloads.iter().map(|_| "Record".into()).collect(),
            });
            Some(end)
        })
    }

    pub fn cut_both(&mut self, a: i32, b: i32) {
        self.cut.insert((a, b));
        self.cut.insert((b, a));
    }

    /// Cuts a node off from all others.
    pub fn isolate(&mut self, id: i32) {
        let others: Vec<i32> = self.nodes.keys().copied().filter(|other| *other != id).collect();
        others.into_iter().for_each(|other| self.cut_both(id, other));
    }

    /// Who is what, for messages.
    pub fn describe(&self) -> String {
        let one = |(id, node): (&i32, &Node)| match &node.raft {
            Some(raft) => format!(
                "{id} {} epoch {} leader {:?} start {} hw {} synced {} end {} failed {:?}",
                raft.role_name(),
                raft.epoch(),
                raft.leader(),
                raft.start_offset(),
                raft.high_watermark(),
                raft.synced_offset(),
                raft.end_offset(),
                raft.failed(),
            ),
            None => format!("{id} down"),
        };
        self.nodes.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    pub fn heal(&mut self) {
        self.cut.clear();
    }
}

/// Prints what happens, for whoever looks for a mistake: `NARU_RAFT_TRACE=1`.
fn tell(now: u64, id: i32, kind: &TraceKind) {
    if std::env::var_os("NARU_RAFT_TRACE").is_some() {
        println!("{:>10} {id}: {kind:?}", now);
    }
}
