//! Connections and what is on its way on them.
//!
//! A connection keeps the order of what is sent on it, as TCP does; nothing else keeps any order, so that messages on two
//! connections overtake each other. Messages are objects: they can be held, delayed, and lost with their connection.
//!
//! TCP neither loses, doubles nor reorders what it carries. So the network here never does that to a single message: what a cut
//! link swallows waits to be sent again, and arrives when the link is healed, or is lost with its connection, which gives up
//! after [`crate::TcpConfig::give_up_us`]. A request that is carried out twice is one that a client sent again. Not here: what
//! brokers and clients make of it ([`crate::nodes`]), and who cuts links ([`crate::faults`]).

use crate::world::{Happening, QueueKey, World};
use alloc::{format, string::ToString, vec::Vec};
use bytes::Bytes;
use naru_broker::{ConnectionId as BrokerConnection, Input};
use naru_client::{ClientInput, ConnectionId};
use naru_trace::{Actor, MessageLabel, MessageView, Micros, Name, Seq, TraceKind};
use naru_trace::{SortedMap, SortedSet};

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Who asked for it: a client, or another broker.
    Dialler,
    /// Who was asked: a broker.
    Acceptor,
}

/// A connection. Its number is the number that the broker who accepted it has for it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) dialler: Actor,
    /// The dialler's own number for it.
    pub(crate) dialler_connection: u64,
    pub(crate) acceptor: i32,
    open_at_dialler: bool,
    open_at_acceptor: bool,
    /// When what was sent last arrives: at the acceptor, at the dialler. What is sent later does not arrive earlier.
    clear_at: [Micros; 2],
    /// When each end has sent what waits for its disk: to the acceptor, to the dialler. What it says later leaves later.
    leaves_at: [Micros; 2],
    /// When the dialler gives up waiting for an answer to its wish to connect.
    pub(crate) connects_until: Micros,
    /// Whether nothing gets through on it any more, whatever becomes of the link it runs over.
    pub(crate) dropped: bool,
    /// When it gives up, because something sent on it was not confirmed.
    pub(crate) gives_up: Option<QueueKey>,
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) link: u64,
    to: End,
    frame: Bytes,
    /// `None` while it is held.
    key: Option<QueueKey>,
    sent: Option<Seq>,
    sent_at: Micros,
    /// When it would arrive, as announced when it was sent.
    arrives_at: Micros,
    pub(crate) from: Actor,
    pub(crate) receiver: Actor,
    label: MessageLabel,
}

/// All connections, and all messages on their way.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) links: SortedMap<u64, Link>,
    pub(crate) messages: SortedMap<u64, Message>,
    next_link: u64,
    next_message: u64,
    /// Messages from one to the other stop where they are.
    pub(crate) held: SortedSet<(Actor, Actor)>,
    /// Nothing gets through from one to the other.
    pub(crate) cuts: SortedSet<(Actor, Actor)>,
    /// Microseconds more, from one to the other.
    pub(crate) delays: SortedMap<(Actor, Actor), u64>,
    pub(crate) tamper: Option<fn(bool, &mut Vec<u8>)>,
}

impl Message {
    pub(crate) fn view(&self) -> MessageView {
        MessageView {
            from: self.from,
            to: self.receiver,
            label: self.label.clone(),
            bytes: self.frame.len() as u32,
            sent_at: self.sent_at,
            arrives_at: self.arrives_at,
        }
    }
}

impl Link {
    pub(crate) fn is_open_at(&self, end: End) -> bool {
        match end {
            End::Dialler => self.open_at_dialler,
            End::Acceptor => self.open_at_acceptor,
        }
    }

    fn close_at(&mut self, end: End) {
        match end {
            End::Dialler => self.open_at_dialler = false,
            End::Acceptor => self.open_at_acceptor = false,
        }
    }

    /// Who is there.
    pub(crate) fn node(&self, end: End) -> Actor {
        match end {
            End::Dialler => self.dialler,
            End::Acceptor => Actor::Broker(self.acceptor),
        }
    }

    /// Sender and receiver of what goes to an end.
    pub(crate) fn way(&self, to: End) -> (Actor, Actor) {
        (self.node(to.other()), self.node(to))
    }

    /// Whether it runs between these two.
    pub(crate) fn is_between(&self, a: Actor, b: Actor) -> bool {
        [(a, b), (b, a)].contains(&self.way(End::Acceptor))
    }
}

impl End {
    pub(crate) fn other(self) -> End {
        match self {
            End::Dialler => End::Acceptor,
            End::Acceptor => End::Dialler,
        }
    }

    fn lane(self) -> usize {
        match self {
            End::Acceptor => 0,
            End::Dialler => 1,
        }
    }
}

impl Network {
    /// Whether something is cut between the ends of a connection. Then nothing on it is confirmed: neither what is sent
    /// nor, if only one direction is cut, its arrival.
    pub(crate) fn is_broken(&self, link: &Link) -> bool {
        link.dropped || [End::Dialler, End::Acceptor].iter().any(|to| self.cuts.contains(&link.way(*to)))
    }

    /// Whether what is sent to that end stays where it is.
    fn is_blocked(&self, link: &Link, to: End) -> bool {
        let way = link.way(to);
        link.dropped || self.held.contains(&way) || self.cuts.contains(&way)
    }

    /// The connection that a node has dialled under that number, while it is open there.
    pub(crate) fn dialled_by(&self, dialler: Actor, connection: u64) -> Option<u64> {
        let mut links = self.links.iter().filter(|(_, link)| link.open_at_dialler);
        links.find(|(_, l)| l.dialler == dialler && l.dialler_connection == connection).map(|(id, _)| *id)
    }
}

impl World {
    /// A node dials. Names of hosts are known at once.
    pub(crate) fn dial(&mut self, dialler: Actor, connection: u64, (host, port): (&str, u16), cause: Option<Seq>) {
        let found = self.brokers.iter().find(|(_, slot)| slot.is_at(host, port)).map(|(broker, _)| *broker);
        self.network.next_link += 1;
        let id = self.network.next_link;
        let link = Link {
            dialler,
            dialler_connection: connection,
            acceptor: found.unwrap_or(-1),
            open_at_dialler: true,
            open_at_acceptor: false,
            clear_at: [self.now; 2],
            leaves_at: [self.now; 2],
            connects_until: self.now.plus(self.config.tcp.connect_us),
            dropped: false,
            gives_up: None,
        };
        self.network.links.insert(id, link);
        match found {
            Some(_) => {
                let at = self.arrival(id, End::Acceptor, 0);
                self.enqueue(at, Happening::Dial { link: id, cause });
            }
            None => {
                self.enqueue(self.now, Happening::Dialled { link: id, accepted: false, cause });
            }
        }
    }

    /// A wish to connect arrives, unless the link is cut: then it is sent again, and at some time nobody waits any more.
    pub(crate) fn on_dial(&mut self, id: u64, cause: Option<Seq>) {
        let Some(link) = self.network.links.get(&id).filter(|link| link.open_at_dialler) else { return };
        if self.network.is_broken(link) {
            let again = self.now.plus(SENT_AGAIN_US);
            let happening = match again < link.connects_until {
                true => Happening::Dial { link: id, cause },
                false => Happening::Dialled { link: id, accepted: false, cause },
            };
            self.enqueue(again, happening);
            return;
        }
        let (broker, dialler) = (link.acceptor, link.dialler);
        let accepted = self.brokers[&broker].broker.is_some();
        self.network.links.get_mut(&id).expect("just looked").open_at_acceptor = accepted;
        if accepted {
            let peer = format!("{}:{}", self.host_of(dialler), 40_000 + id % 20_000);
            self.step_broker(broker, Input::Connected { connection: BrokerConnection(id), peer }, cause);
        }
        if self.network.links.contains_key(&id) {
            let at = self.arrival(id, End::Dialler, 0);
            self.enqueue(at, Happening::Dialled { link: id, accepted, cause });
        }
    }

    fn host_of(&self, node: Actor) -> &str {
        match node {
            Actor::Client(client) => &self.clients[&client].name,
            Actor::Broker(broker) => &self.brokers[&broker].config.advertised_host,
            Actor::World => "nowhere",
        }
    }

    pub(crate) fn on_dialled(&mut self, id: u64, accepted: bool, cause: Option<Seq>) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        let (dialler, connection, open) = (link.dialler, link.dialler_connection, link.open_at_dialler);
        let reason = if self.now < link.connects_until { "connection refused" } else { "connection timed out" };
        if !open {
            return;
        }
        if !accepted {
            self.network.links.remove(&id);
        }
        match (dialler, accepted) {
            (Actor::Client(client), true) => {
                let connection = ConnectionId(connection);
                self.step_client(client, ClientInput::Connected { connection }, cause);
            }
            (Actor::Broker(broker), true) => {
                let connection = BrokerConnection(connection);
                self.step_broker(broker, Input::Dialled { connection }, cause);
            }
            (_, false) => self.tell_disconnected((dialler, connection), Name::Borrowed(reason), cause),
            (Actor::World, true) => {}
        }
    }

    /// A node learns that a connection is no more, by its own number for it.
    fn tell_disconnected(&mut self, (node, connection): (Actor, u64), reason: Name, cause: Option<Seq>) {
        match node {
            Actor::Client(client) => {
                let connection = ConnectionId(connection);
                self.step_client(client, ClientInput::Disconnected { connection, reason }, cause);
            }
            Actor::Broker(broker) => {
                let connection = BrokerConnection(connection);
                self.step_broker(broker, Input::Disconnected { connection }, cause);
            }
            Actor::World => {}
        }
    }

    /// Puts a message on a connection. `frame` has its length field.
    pub(crate) fn transmit(
        &mut self,
        link: u64,
        to: End,
        frame: Bytes,
        label: Option<MessageLabel>,
        cause: Option<Seq>,
    ) {
        let Some(found) = self.network.links.get(&link) else { return };
        if !found.is_open_at(to.other()) {
            return; // Closed by its sender within this very step.
        }
        let (from, receiver) = found.way(to);
        let arrives_at = self.arrival(link, to, frame.len() as u64);
        self.network.next_message += 1;
        let id = self.network.next_message;
        let label = label.unwrap_or_else(unlabelled);
        self.trace.enter(Actor::World, self.now, cause);
        let (bytes, shown) = (frame.len() as u32, label.clone());
        let sent = self.trace.emit(|| TraceKind::MessageSent {
            message: id,
            from,
            to: receiver,
            label: shown,
            bytes,
            arrives_at,
        });
        let blocked = self.network.is_blocked(&self.network.links[&link], to);
        let key = (!blocked).then(|| self.enqueue(arrives_at, Happening::Deliver { message: id }));
        let sent_at = self.now;
        let message = Message { link, to, frame, key, sent, sent_at, arrives_at, from, receiver, label };
        self.network.messages.insert(id, message);
        self.note_unconfirmed(link);
    }

    /// When something leaves whose turn waited so long for the disk: not before what was to leave before it.
    pub(crate) fn leaves_at(&mut self, link: u64, to: End, waited_us: u64) -> Micros {
        let at = self.now.plus(waited_us);
        let Some(link) = self.network.links.get_mut(&link) else { return at };
        let leaves_at = &mut link.leaves_at[to.lane()];
        *leaves_at = at.max(*leaves_at);
        *leaves_at
    }

    pub(crate) fn on_deliver(&mut self, id: u64) {
        let Some(message) = self.network.messages.remove(&id) else { return };
        let open = self.network.links.get(&message.link).filter(|link| link.is_open_at(message.to));
        self.trace.enter(Actor::World, self.now, message.sent);
        let Some(link) = open else {
            self.trace.emit(|| TraceKind::MessageLost { message: id, reason: CLOSED });
            return;
        };
        let (dialler, connection, broker) = (link.dialler, link.dialler_connection, link.acceptor);
        let arrived = self.trace.emit(|| TraceKind::MessageArrived { message: id });
        let mut frame = message.frame.slice(4..);
        if let Some(tamper) = self.network.tamper {
            let mut bytes = frame.to_vec();
            tamper(message.to == End::Acceptor, &mut bytes);
            frame = bytes.into();
        }
        match (message.to, dialler) {
            (End::Acceptor, _) => self.deliver_to_broker(broker, message.link, frame, arrived),
            (End::Dialler, Actor::Client(client)) => {
                let connection = ConnectionId(connection);
                self.step_client(client, ClientInput::Frame { connection, frame }, arrived);
            }
            (End::Dialler, Actor::Broker(broker)) => {
                let connection = BrokerConnection(connection);
                self.step_broker(broker, Input::Frame { connection, frame }, arrived);
            }
            (End::Dialler, Actor::World) => {}
        }
    }

    fn deliver_to_broker(&mut self, broker: i32, link: u64, frame: Bytes, arrived: Option<Seq>) {
        let connection = BrokerConnection(link);
        // The driver's duty: a frame that is too long never reaches the broker.
        if frame.len() as u64 > u64::from(self.brokers[&broker].config.socket_request_max_bytes) {
            self.close_link(link, End::Acceptor, arrived);
            return self.step_broker(broker, Input::Disconnected { connection }, arrived);
        }
        self.step_broker(broker, Input::Frame { connection, frame }, arrived);
    }

    /// One end closes a connection: what is on its way to it is lost, and the other end learns of it after all that was
    /// sent before; where the link is cut, when it is healed or the connection gives up.
    pub(crate) fn close_link(&mut self, id: u64, by: End, cause: Option<Seq>) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        link.close_at(by);
        let other = by.other();
        let informs = link.is_open_at(other);
        self.lose(cause, CLOSED, |message| message.link == id && message.to == by);
        if informs {
            let at = self.arrival(id, other, 0);
            let until = Some(self.now.plus(self.config.tcp.give_up_us));
            self.enqueue(at, Happening::Gone { link: id, end: other, until, cause });
        } else {
            self.forget_link(id);
        }
    }

    /// One end learns that a connection is no more. `until`: how long the other end's word may be stopped by a cut link.
    pub(crate) fn on_gone(&mut self, id: u64, end: End, until: Option<Micros>, cause: Option<Seq>) {
        let Some(link) = self.network.links.get(&id) else { return };
        let again = self.now.plus(SENT_AGAIN_US);
        let way_is_cut = link.dropped || self.network.cuts.contains(&link.way(end));
        if way_is_cut && until.is_some_and(|until| again < until) {
            self.enqueue(again, Happening::Gone { link: id, end, until, cause });
            return;
        }
        let link = self.network.links.get_mut(&id).expect("just looked");
        let was_open = link.is_open_at(end);
        link.close_at(end);
        let connection = if end == End::Acceptor { id } else { link.dialler_connection };
        let node = link.node(end);
        if !link.open_at_dialler && !link.open_at_acceptor {
            self.forget_link(id);
            self.lose(cause, CLOSED, |message| message.link == id);
        }
        if was_open {
            self.tell_disconnected((node, connection), Name::Borrowed("closed by the broker"), cause);
        }
    }

    fn forget_link(&mut self, id: u64) {
        let gives_up = self.network.links.remove(&id).and_then(|link| link.gives_up);
        if let Some(key) = gives_up {
            self.dequeue(key);
        }
    }

    /// The connections between the two break: what is on its way is lost, and both learn of it.
    pub(crate) fn cut(&mut self, a: Actor, b: Actor, cause: Option<Seq>) {
        let links = self.network.links.iter().filter(|(_, link)| link.is_between(a, b));
        let links: Vec<u64> = links.map(|(id, _)| *id).collect();
        for id in links {
            self.lose(cause, CLOSED, |message| message.link == id);
            for end in [End::Acceptor, End::Dialler] {
                let at = self.arrival(id, end, 0);
                self.enqueue(at, Happening::Gone { link: id, end, until: None, cause });
            }
        }
    }

    /// Something is on a connection of which nothing is confirmed: it gives up, some time from now.
    pub(crate) fn note_unconfirmed(&mut self, id: u64) {
        let Some(link) = self.network.links.get(&id) else { return };
        if link.gives_up.is_some() || !self.network.is_broken(link) {
            return;
        }
        let at = self.now.plus(self.config.tcp.give_up_us);
        let key = self.enqueue(at, Happening::GivesUp { link: id });
        self.network.links.get_mut(&id).expect("just looked").gives_up = Some(key);
    }

    /// TCP gives a connection up: what waits on it is lost, and both ends learn of it.
    pub(crate) fn on_gives_up(&mut self, id: u64) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        link.gives_up = None;
        self.lose(None, TIMED_OUT, |message| message.link == id);
        for end in [End::Acceptor, End::Dialler] {
            let at = self.arrival(id, end, 0);
            self.enqueue(at, Happening::Gone { link: id, end, until: None, cause: None });
        }
    }

    /// A broker's process is gone: its host closes all connections. What it sent before still arrives.
    pub(crate) fn close_links_of(&mut self, broker: i32, cause: Option<Seq>) {
        for id in self.network.links.keys().copied().collect::<Vec<_>>() {
            for end in [End::Acceptor, End::Dialler] {
                let link = self.network.links.get(&id);
                if link.is_some_and(|link| link.node(end) == Actor::Broker(broker) && link.is_open_at(end)) {
                    self.close_link(id, end, cause);
                }
            }
        }
    }

    /// What may not move any more stops where it is.
    pub(crate) fn stop_blocked(&mut self) {
        for id in self.network.messages.keys().copied().collect::<Vec<_>>() {
            let message = &self.network.messages[&id];
            let link = self.network.links.get(&message.link);
            let (on, is_blocked) = (message.link, link.is_some_and(|link| self.network.is_blocked(link, message.to)));
            if !is_blocked {
                continue;
            }
            if let Some(key) = self.network.messages.get_mut(&id).and_then(|message| message.key.take()) {
                self.dequeue(key);
            }
            self.note_unconfirmed(on);
        }
    }

    /// What may move again does, in the order in which it was sent.
    pub(crate) fn move_free(&mut self) {
        for id in self.network.messages.keys().copied().collect::<Vec<_>>() {
            let message = &self.network.messages[&id];
            let link = self.network.links.get(&message.link);
            let is_blocked = link.is_some_and(|link| self.network.is_blocked(link, message.to));
            if message.key.is_none() && !is_blocked {
                let (link, to, length) = (message.link, message.to, message.frame.len() as u64);
                let at = self.arrival(link, to, length);
                let key = self.enqueue(at, Happening::Deliver { message: id });
                self.network.messages.get_mut(&id).expect("just listed").key = Some(key);
            }
        }
    }

    /// When something sent now on a connection arrives: after its latency, and after what was sent before it.
    fn arrival(&mut self, link: u64, to: End, length: u64) -> Micros {
        let (low, high) = self.config.latency_us;
        let latency = self.rng.between(low, high) + length / self.config.bytes_per_us.max(1);
        let found = self.network.links.get_mut(&link);
        let extra = found.as_ref().and_then(|link| self.network.delays.get(&link.way(to))).copied().unwrap_or(0);
        let at = self.now.plus(latency + extra);
        match found {
            Some(link) => {
                let at = at.max(link.clear_at[to.lane()]);
                link.clear_at[to.lane()] = at;
                at
            }
            None => at,
        }
    }

    fn lose(&mut self, cause: Option<Seq>, reason: Name, which: impl Fn(&Message) -> bool) {
        let lost: Vec<u64> = self.messages().filter(|(_, message)| which(message)).map(|(id, _)| *id).collect();
        for id in lost {
            let message = self.network.messages.remove(&id).expect("just listed");
            if let Some(key) = message.key {
                self.dequeue(key);
            }
            self.trace.enter(Actor::World, self.now, cause.or(message.sent));
            let reason = reason.clone();
            self.trace.emit(|| TraceKind::MessageLost { message: id, reason });
        }
    }
}

const CLOSED: Name = Name::Borrowed("connection closed");
const TIMED_OUT: Name = Name::Borrowed("connection timed out");
/// After how long TCP sends again what was not confirmed. (It begins with a fifth of a second and doubles that each time; one
/// time between is enough here.)
const SENT_AGAIN_US: u64 = 500_000;

/// Messages have no label when nobody records: then nobody reads it either.
fn unlabelled() -> MessageLabel {
    MessageLabel {
        way: naru_trace::MessageWay::Request,
        api: Name::Owned("unknown".to_string()),
        topic: None,
        partition: None,
        records: 0,
        error: None,
    }
}
