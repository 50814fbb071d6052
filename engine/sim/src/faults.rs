//! What can be wrong with links and with the machines that brokers run on, and how it is done to them.
//!
//! Disks have their own file ([`crate::disks`]), and so has what TCP makes of a link that is cut ([`crate::network`]).

use crate::{
    Action,
    network::End,
    nodes::{BrokerSlot, Response},
    world::World,
};
use alloc::{format, string::String, vec::Vec};
use naru_broker::Input;
use naru_log::{DiskChange, MemoryStorage};
use naru_trace::{Actor, ClockView, FaultsView, LinkView, Micros, Now, Seq, TraceKind};

/// How patient the hosts' TCP is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpConfig {
    /// How long a dialler waits for an answer, in microseconds. (Linux gives up after some two minutes; Kafka's clients do
    /// after `socket.connection.setup.timeout.ms`, by themselves.)
    pub connect_us: u64,
    /// How long something sent may stay without confirmation until the connection is given up, in microseconds. (Linux:
    /// `tcp_retries2`, a quarter of an hour; machines with keep-alive or a user timeout do so in seconds.)
    pub give_up_us: u64,
}

impl Default for TcpConfig {
    /// Half a minute to connect, 20 seconds to give up: short enough to be seen.
    fn default() -> Self {
        TcpConfig { connect_us: 30_000_000, give_up_us: 20_000_000 }
    }
}

/// A broker's clocks. They agree with the world's until somebody changes them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    view: ClockView,
    /// When the drift began, by the world's clock and by its own.
    since: (Micros, Micros),
}

impl Clock {
    /// What it shows.
    pub(crate) fn read(&self, world: Now) -> Now {
        let passed = world.monotonic.since(self.since.0);
        let monotonic = self.since.1.plus(scaled(passed, MILLION + i64::from(self.view.drift_ppm), MILLION));
        // The wall clock of a machine runs as fast as its oscillator does.
        let ahead_ms = (monotonic.0 as i64 - world.monotonic.0 as i64) / 1_000;
        Now { monotonic, wall_ms: world.wall_ms + self.view.wall_ms + ahead_ms }
    }

    /// When it will show that, by the world's clock: not earlier.
    pub(crate) fn when(&self, shows: Micros) -> Micros {
        let pace = MILLION + i64::from(self.view.drift_ppm);
        let passed = scaled(shows.since(self.since.1), MILLION, pace);
        let rounding = u64::from(self.view.drift_ppm != 0);
        self.since.0.plus(passed + rounding)
    }

    fn set(&mut self, world: Now, view: ClockView) {
        self.since = (world.monotonic, self.read(world).monotonic);
        self.view = view;
    }
}

const MILLION: i64 = 1_000_000;
/// The most that a clock may drift, in millionths: a twentieth.
const DRIFT_PPM_MAX: i32 = 50_000;

fn scaled(us: u64, by: i64, of: i64) -> u64 {
    (i128::from(us) * i128::from(by) / i128::from(of)) as u64
}

/// What waits for a process that is suspended.
#[derive(Debug)]
pub(crate) enum Pending {
    /// What its host took for it.
    Input(Input, Option<Seq>),
    /// What it was about to send.
    Response(Response),
    /// A request to stop (SIGTERM).
    Stop(Option<Seq>),
}

impl World {
    /// What is wrong with links and machines, read from the state.
    pub(crate) fn faults_view(&self) -> FaultsView {
        let mut view = FaultsView::default();
        for (from, to) in self.network.cuts.iter() {
            view.set_link(*from, *to, |link: &mut LinkView| link.cut = true);
        }
        for ((from, to), extra) in self.network.delays.iter() {
            view.set_link(*from, *to, |link| link.extra_us = *extra);
        }
        for (id, slot) in self.brokers.iter() {
            view.set_clock(*id, slot.clock.view);
            if slot.pending.is_some() {
                view.paused.insert(*id);
            }
        }
        view
    }

    /// The time by a broker's own clocks.
    pub(crate) fn now_of(&self, broker: i32) -> Now {
        let now = self.now();
        self.brokers.get(&broker).map_or(now, |slot| slot.clock.read(now))
    }

    /// Does what concerns links or machines. `false` if it is something else.
    pub(crate) fn act_on_links_and_machines(&mut self, action: &Action, cause: Option<Seq>) -> bool {
        match *action {
            Action::Cut { client, broker } => self.cut(Actor::Client(client), Actor::Broker(broker), cause),
            Action::Delay { client, broker, extra_us } => {
                let (client, broker) = (Actor::Client(client), Actor::Broker(broker));
                self.delay((client, broker), extra_us, cause);
                self.delay((broker, client), extra_us, cause);
            }
            Action::Hold { client, broker } => self.hold(client, broker, true),
            Action::Release { client, broker } => self.hold(client, broker, false),
            Action::CutLink { from, to, both } => self.cut_link(from, to, both, cause),
            Action::HealLink { from, to, both } => self.heal_link(from, to, both, cause),
            Action::DelayLink { from, to, extra_us } => self.delay((from, to), extra_us, cause),
            Action::DropConnections { from, to } => self.drop_connections(from, to),
            Action::BreakConnections { from, to } => self.cut(from, to, cause),
            Action::Pause { broker } => self.pause(broker, cause),
            Action::Resume { broker } => self.resume(broker, cause),
            Action::SkewClock { broker, wall_ms, drift_ppm } => self.skew_clock(broker, (wall_ms, drift_ppm), cause),
            Action::LoseDisk { broker, formatted } => self.lose_disk(broker, formatted, cause),
            _ => return false,
        }
        true
    }

    fn tell(&mut self, cause: Option<Seq>, kind: TraceKind) -> Option<Seq> {
        self.trace.enter(Actor::World, self.now, cause);
        self.touched.insert(Actor::World);
        self.trace.emit(|| kind)
    }

    fn delay(&mut self, (from, to): (Actor, Actor), extra_us: u64, cause: Option<Seq>) {
        match extra_us {
            0 => self.network.delays.remove(&(from, to)),
            extra => self.network.delays.insert((from, to), extra),
        };
        self.tell(cause, TraceKind::LinkDelayed { from, to, extra_us });
    }

    fn hold(&mut self, client: u32, broker: i32, on: bool) {
        let (client, broker) = (Actor::Client(client), Actor::Broker(broker));
        for way in [(client, broker), (broker, client)] {
            match on {
                true => self.network.held.insert(way),
                false => self.network.held.remove(&way),
            };
        }
        if on { self.stop_blocked() } else { self.move_free() }
    }

    fn cut_link(&mut self, from: Actor, to: Actor, both: bool, cause: Option<Seq>) {
        for (from, to) in ways(from, to, both) {
            if self.network.cuts.insert((from, to)) {
                self.tell(cause, TraceKind::LinkCut { from, to });
            }
        }
        self.stop_blocked();
    }

    fn heal_link(&mut self, from: Actor, to: Actor, both: bool, cause: Option<Seq>) {
        for (from, to) in ways(from, to, both) {
            if self.network.cuts.remove(&(from, to)) {
                self.tell(cause, TraceKind::LinkHealed { from, to });
            }
        }
        // What was not confirmed is sent again, and confirmed now.
        let links = self.network.links.iter().filter(|(_, link)| link.is_between(from, to));
        let healed: Vec<u64> = links.filter(|(_, link)| !self.network.is_broken(link)).map(|(id, _)| *id).collect();
        for id in healed {
            let key = self.network.links.get_mut(&id).and_then(|link| link.gives_up.take());
            if let Some(key) = key {
                self.dequeue(key);
            }
        }
        self.move_free();
    }

    /// The connections that are open between the two carry nothing any more, and give up in the end. Those that are opened
    /// later work. (A router in between forgot them, for example.)
    fn drop_connections(&mut self, from: Actor, to: Actor) {
        let ids: Vec<u64> = self.network.links.keys().copied().collect();
        for id in ids {
            let link = self.network.links.get_mut(&id).expect("just listed");
            if link.is_between(from, to) && [End::Dialler, End::Acceptor].iter().all(|end| link.is_open_at(*end)) {
                link.dropped = true;
                self.note_unconfirmed(id);
            }
        }
        self.stop_blocked();
    }

    fn pause(&mut self, broker: i32, cause: Option<Seq>) {
        let slot = self.brokers.get_mut(&broker).filter(|slot| slot.broker.is_some() && slot.pending.is_none());
        let Some(slot) = slot else { return };
        slot.pending = Some(Vec::new());
        self.tell(cause, TraceKind::BrokerPaused { broker });
    }

    fn resume(&mut self, broker: i32, cause: Option<Seq>) {
        let pending = self.brokers.get_mut(&broker).and_then(|slot| slot.pending.take());
        let Some(pending) = pending else { return };
        let resumed = self.tell(cause, TraceKind::BrokerResumed { broker });
        for waiting in pending {
            match waiting {
                Pending::Input(input, cause) => self.step_broker(broker, input, cause.or(resumed)),
                Pending::Response(response) => self.on_respond(response),
                Pending::Stop(cause) => self.act(&Action::Stop { broker }, cause.or(resumed)),
            }
        }
        // Deadlines that passed are due now.
        self.note_broker_deadline(broker);
    }

    fn skew_clock(&mut self, broker: i32, (wall_ms, drift_ppm): (i64, i32), cause: Option<Seq>) {
        let (now, drift_ppm) = (self.now(), drift_ppm.clamp(-DRIFT_PPM_MAX, DRIFT_PPM_MAX));
        let Some(slot) = self.brokers.get_mut(&broker) else { return };
        slot.clock.set(now, ClockView { wall_ms, drift_ppm });
        self.tell(cause, TraceKind::ClockSkewed { broker, wall_ms, drift_ppm });
        self.note_broker_deadline(broker);
    }

    /// The disk of a broker is gone with all that was on it, and so is its process. An empty one is in its place.
    fn lose_disk(&mut self, broker: i32, formatted: bool, cause: Option<Seq>) {
        let Some(slot) = self.brokers.get_mut(&broker) else { return };
        let was_up = slot.broker.is_some();
        slot.end_process();
        let meta = formatted.then(|| slot.disk.contents(META_PROPERTIES)).flatten();
        let old_key = slot.replace_disk(MemoryStorage::new());
        // What its process draws by lot must not be what it drew before, or the new disk would be taken for the old one.
        slot.config.seed = self.disk_rng.next_u64();
        if let Some(key) = old_key {
            self.dequeue(key);
        }
        self.set_up_disk(broker);
        self.touched.insert(Actor::Broker(broker));
        let lost = self.tell(cause, TraceKind::DiskLost { broker, formatted });
        if let Some(seq) = lost.filter(|_| self.config.show_disk) {
            self.journal.push(seq, broker, DiskChange::PowerLost { files: Default::default() });
        }
        if let Some(meta) = meta {
            self.format(broker, &meta);
            self.tell_of_disk(broker, lost);
        }
        if was_up {
            self.end_of_process(broker, lost);
        }
    }

    /// What `kafka-storage format` leaves on an empty disk: whose it is, and a directory id that was never there before.
    fn format(&mut self, broker: i32, old: &[u8]) {
        let id = self.disk_rng.next_u64();
        let slot: &BrokerSlot = &self.brokers[&broker];
        let text: String = String::from_utf8_lossy(old)
            .lines()
            .map(|line| match line.starts_with("directory.id=") {
                true => format!("directory.id={}\n", directory_id(id)),
                false => format!("{line}\n"),
            })
            .collect();
        slot.disk.put(META_PROPERTIES, text.as_bytes());
    }
}

const META_PROPERTIES: &str = "meta.properties";

fn ways(from: Actor, to: Actor, both: bool) -> impl Iterator<Item = (Actor, Actor)> {
    [(from, to), (to, from)].into_iter().take(1 + usize::from(both))
}

/// An id as Kafka writes it, 22 characters, of which 64 bits are by chance.
fn directory_id(bits: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = (0..10).map(|index| char::from(LETTERS[(bits >> (6 * index)) as usize & 63]));
    // The last letter has only two bits; that of zero is right.
    letters.chain(core::iter::repeat_n('B', 11)).chain(['A']).collect()
}
