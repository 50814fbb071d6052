//! Connections and what is on its way on them.
//!
//! A connection keeps the order of what is sent on it, as TCP does; nothing else keeps any order. Messages are objects: they
//! can be held, delayed, and lost with their connection. Not here: what brokers and clients make of it ([`crate::nodes`]).

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
    Client,
    Broker,
}

/// A connection between a client and a broker. Its number is the broker's number for it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: u32,
    pub(crate) client_connection: ConnectionId,
    pub(crate) broker: i32,
    open_at_client: bool,
    open_at_broker: bool,
    /// When what was sent last arrives: to the broker, to the client. What is sent later does not arrive earlier.
    clear_at: [Micros; 2],
    /// When the broker has sent what waits for its disk. What it says later leaves later.
    responds_at: Micros,
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Message {
    link: u64,
    to: End,
    frame: Bytes,
    /// `None` while it is held.
    key: Option<QueueKey>,
    sent: Option<Seq>,
    sent_at: Micros,
    /// When it would arrive, as announced when it was sent.
    arrives_at: Micros,
    from: Actor,
    receiver: Actor,
    label: MessageLabel,
}

/// All connections, and all messages on their way.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) links: SortedMap<u64, Link>,
    pub(crate) messages: SortedMap<u64, Message>,
    next_link: u64,
    next_message: u64,
    held: SortedSet<(u32, i32)>,
    delays: SortedMap<(u32, i32), u64>,
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
    fn is_open_at(&self, end: End) -> bool {
        match end {
            End::Client => self.open_at_client,
            End::Broker => self.open_at_broker,
        }
    }

    fn close_at(&mut self, end: End) {
        match end {
            End::Client => self.open_at_client = false,
            End::Broker => self.open_at_broker = false,
        }
    }

    fn pair(&self) -> (u32, i32) {
        (self.client, self.broker)
    }
}

impl End {
    fn other(self) -> End {
        match self {
            End::Client => End::Broker,
            End::Broker => End::Client,
        }
    }

    fn lane(self) -> usize {
        match self {
            End::Broker => 0,
            End::Client => 1,
        }
    }
}

impl World {
    /// A client dials. Names of hosts are known at once.
    pub(crate) fn dial(&mut self, client: u32, connection: ConnectionId, host: &str, port: u16, cause: Option<Seq>) {
        let found = self.brokers.iter().find(|(_, slot)| slot.is_at(host, port)).map(|(broker, _)| *broker);
        self.network.next_link += 1;
        let id = self.network.next_link;
        let link = Link {
            client,
            client_connection: connection,
            broker: found.unwrap_or(-1),
            open_at_client: true,
            open_at_broker: false,
            clear_at: [self.now; 2],
            responds_at: self.now,
        };
        self.network.links.insert(id, link);
        match found {
            Some(_) => {
                let at = self.arrival(id, End::Broker, 0);
                self.enqueue(at, Happening::Dial { link: id, cause });
            }
            None => {
                self.enqueue(self.now, Happening::Dialled { link: id, accepted: false, cause });
            }
        }
    }

    pub(crate) fn on_dial(&mut self, id: u64, cause: Option<Seq>) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        let broker = link.broker;
        let accepted = self.brokers[&broker].broker.is_some();
        link.open_at_broker = accepted;
        if accepted {
            let client = link.client;
            let peer = format!("{}:{}", self.clients[&client].name, 40_000 + id % 20_000);
            self.step_broker(broker, Input::Connected { connection: BrokerConnection(id), peer }, cause);
        }
        if self.network.links.contains_key(&id) {
            let at = self.arrival(id, End::Client, 0);
            self.enqueue(at, Happening::Dialled { link: id, accepted, cause });
        }
    }

    pub(crate) fn on_dialled(&mut self, id: u64, accepted: bool, cause: Option<Seq>) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        let (client, connection, open) = (link.client, link.client_connection, link.open_at_client);
        if !open {
            return;
        }
        let input = if accepted {
            ClientInput::Connected { connection }
        } else {
            self.network.links.remove(&id);
            ClientInput::Disconnected { connection, reason: Name::Borrowed("connection refused") }
        };
        self.step_client(client, input, cause);
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
        let pair = found.pair();
        let ends = (Actor::Client(found.client), Actor::Broker(found.broker));
        let (from, receiver) = if to == End::Broker { ends } else { (ends.1, ends.0) };
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
        let held = self.network.held.contains(&pair);
        let key = (!held).then(|| self.enqueue(arrives_at, Happening::Deliver { message: id }));
        let sent_at = self.now;
        let message = Message { link, to, frame, key, sent, sent_at, arrives_at, from, receiver, label };
        self.network.messages.insert(id, message);
    }

    /// When a response leaves whose turn waited so long for the disk: not before those that were to leave before it.
    pub(crate) fn leaves_at(&mut self, link: u64, waited_us: u64) -> Micros {
        let at = self.now.plus(waited_us);
        let Some(link) = self.network.links.get_mut(&link) else { return at };
        link.responds_at = link.responds_at.max(at);
        link.responds_at
    }

    pub(crate) fn on_deliver(&mut self, id: u64) {
        let Some(message) = self.network.messages.remove(&id) else { return };
        let open = self.network.links.get(&message.link).filter(|link| link.is_open_at(message.to));
        self.trace.enter(Actor::World, self.now, message.sent);
        let Some(link) = open else {
            self.trace.emit(|| TraceKind::MessageLost { message: id, reason: CLOSED });
            return;
        };
        let (client, connection, broker) = (link.client, link.client_connection, link.broker);
        let arrived = self.trace.emit(|| TraceKind::MessageArrived { message: id });
        let mut frame = message.frame.slice(4..);
        if let Some(tamper) = self.network.tamper {
            let mut bytes = frame.to_vec();
            tamper(message.to == End::Broker, &mut bytes);
            frame = bytes.into();
        }
        match message.to {
            End::Client => self.step_client(client, ClientInput::Frame { connection, frame }, arrived),
            End::Broker => self.deliver_to_broker(broker, message.link, frame, arrived),
        }
    }

    fn deliver_to_broker(&mut self, broker: i32, link: u64, frame: Bytes, arrived: Option<Seq>) {
        let connection = BrokerConnection(link);
        // The driver's duty: a frame that is too long never reaches the broker.
        if frame.len() as u64 > u64::from(self.brokers[&broker].config.socket_request_max_bytes) {
            self.close_link(link, End::Broker, arrived);
            return self.step_broker(broker, Input::Disconnected { connection }, arrived);
        }
        self.step_broker(broker, Input::Frame { connection, frame }, arrived);
    }

    /// One end closes a connection: what is on its way to it is lost, and the other end learns of it after all that was
    /// sent before.
    pub(crate) fn close_link(&mut self, id: u64, by: End, cause: Option<Seq>) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        link.close_at(by);
        let other = by.other();
        let informs = link.is_open_at(other);
        self.lose(cause, |message| message.link == id && message.to == by);
        if informs {
            let at = self.arrival(id, other, 0);
            self.enqueue(at, Happening::Gone { link: id, end: other, cause });
        } else {
            self.network.links.remove(&id);
        }
    }

    pub(crate) fn on_gone(&mut self, id: u64, end: End, cause: Option<Seq>) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        let was_open = link.is_open_at(end);
        link.close_at(end);
        let (client, connection, broker) = (link.client, link.client_connection, link.broker);
        if !link.open_at_client && !link.open_at_broker {
            self.network.links.remove(&id);
            self.lose(cause, |message| message.link == id);
        }
        match end {
            _ if !was_open => {}
            End::Client => {
                let reason = Name::Borrowed("closed by the broker");
                self.step_client(client, ClientInput::Disconnected { connection, reason }, cause);
            }
            End::Broker => {
                self.step_broker(broker, Input::Disconnected { connection: BrokerConnection(id) }, cause);
            }
        }
    }

    /// The connections between the two break: what is on its way is lost, and both learn of it.
    pub(crate) fn cut(&mut self, client: u32, broker: i32, cause: Option<Seq>) {
        let links = self.network.links.iter().filter(|(_, link)| link.pair() == (client, broker));
        let links: Vec<u64> = links.map(|(id, _)| *id).collect();
        for id in links {
            self.lose(cause, |message| message.link == id);
            for end in [End::Broker, End::Client] {
                let at = self.arrival(id, end, 0);
                self.enqueue(at, Happening::Gone { link: id, end, cause });
            }
        }
    }

    /// A broker's process is gone: its host closes all connections. What it sent before still arrives.
    pub(crate) fn close_links_of(&mut self, broker: i32, cause: Option<Seq>) {
        let links = self.network.links.iter().filter(|(_, link)| link.broker == broker && link.open_at_broker);
        let links: Vec<u64> = links.map(|(id, _)| *id).collect();
        for id in links {
            self.close_link(id, End::Broker, cause);
        }
    }

    pub(crate) fn hold(&mut self, client: u32, broker: i32) {
        self.network.held.insert((client, broker));
        for id in self.messages_between(client, broker) {
            let message = self.network.messages.get_mut(&id).expect("just listed");
            if let Some(key) = message.key.take() {
                self.dequeue(key);
            }
        }
    }

    pub(crate) fn release(&mut self, client: u32, broker: i32) {
        self.network.held.remove(&(client, broker));
        for id in self.messages_between(client, broker) {
            let message = &self.network.messages[&id];
            if message.key.is_none() {
                let (link, to, length) = (message.link, message.to, message.frame.len() as u64);
                let at = self.arrival(link, to, length);
                let key = self.enqueue(at, Happening::Deliver { message: id });
                self.network.messages.get_mut(&id).expect("just listed").key = Some(key);
            }
        }
    }

    pub(crate) fn delay(&mut self, client: u32, broker: i32, extra_us: u64) {
        match extra_us {
            0 => self.network.delays.remove(&(client, broker)),
            extra => self.network.delays.insert((client, broker), extra),
        };
    }

    /// When something sent now on a connection arrives: after its latency, and after what was sent before it.
    fn arrival(&mut self, link: u64, to: End, length: u64) -> Micros {
        let (low, high) = self.config.latency_us;
        let latency = self.rng.between(low, high) + length / self.config.bytes_per_us.max(1);
        let found = self.network.links.get_mut(&link);
        let extra = found.as_ref().and_then(|link| self.network.delays.get(&link.pair())).copied().unwrap_or(0);
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

    fn messages_between(&self, client: u32, broker: i32) -> Vec<u64> {
        let between = |message: &Message| {
            self.network.links.get(&message.link).is_some_and(|link| link.pair() == (client, broker))
        };
        self.messages().filter(|(_, message)| between(message)).map(|(id, _)| *id).collect()
    }

    fn lose(&mut self, cause: Option<Seq>, which: impl Fn(&Message) -> bool) {
        let lost: Vec<u64> = self.messages().filter(|(_, message)| which(message)).map(|(id, _)| *id).collect();
        for id in lost {
            let message = self.network.messages.remove(&id).expect("just listed");
            if let Some(key) = message.key {
                self.dequeue(key);
            }
            self.trace.enter(Actor::World, self.now, cause.or(message.sent));
            self.trace.emit(|| TraceKind::MessageLost { message: id, reason: CLOSED });
        }
    }
}

const CLOSED: Name = Name::Borrowed("connection closed");

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
