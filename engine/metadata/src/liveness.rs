//! Which brokers were heard of lately. Only the active controller knows, and only in memory: the metadata log would be
//! nothing but heartbeats otherwise.
//!
//! In Kafka these are `BrokerHeartbeatTracker` and `BrokerHeartbeatManager`. A controller that has just become active knows
//! of no heartbeats, and gives everybody a whole session's time ([`Liveness::reset`]).

use crate::{Image, Registration};
use alloc::vec::Vec;
use naru_trace::{Micros, SortedMap};

/// When the active controller heard of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Liveness {
    session_timeout: u64,
    /// The node that watches. It need not be told that it is alive.
    own: Option<i32>,
    brokers: SortedMap<i32, Contact>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Contact {
    /// The broker's epoch: an earlier incarnation's heartbeats say nothing of this one.
    epoch: i64,
    last: Micros,
    /// The last offset of the metadata log that the broker says it has applied; -1 before it has said any.
    metadata_offset: i64,
    /// A broker that is about to stop may do so when all others have come as far as this offset.
    shutdown_offset: Option<i64>,
}

impl Liveness {
    /// Nobody was heard of yet. `session_timeout_ms` is `broker.session.timeout.ms`.
    pub fn new(session_timeout_ms: u64) -> Self {
        Liveness { session_timeout: session_timeout_ms.saturating_mul(1_000), own: None, brokers: SortedMap::new() }
    }

    /// The same, watched by this node: as long as it watches, it is alive.
    pub fn watched_by(self, node: i32) -> Self {
        Liveness { own: Some(node), ..self }
    }

    /// This controller has just become active: every broker counts as heard of now.
    pub fn reset(&mut self, image: &Image, now: Micros) {
        self.brokers.clear();
        for (broker, registration) in image.brokers() {
            self.touch(broker, registration.epoch, -1, now);
        }
    }

    /// A broker was heard of.
    pub fn touch(&mut self, broker: i32, epoch: i64, metadata_offset: i64, now: Micros) {
        let before = self.brokers.get(&broker).filter(|contact| contact.epoch == epoch);
        let shutdown_offset = before.and_then(|contact| contact.shutdown_offset);
        self.brokers.insert(broker, Contact { epoch, last: now, metadata_offset, shutdown_offset });
    }

    /// A broker's leaders were moved away by the records before `offset`: it may stop when all others know.
    pub fn begin_shutdown(&mut self, broker: i32, offset: i64) {
        if let Some(contact) = self.brokers.get_mut(&broker) {
            contact.shutdown_offset.get_or_insert(offset);
        }
    }

    /// A broker is fenced, or gone: what it wanted does not count any more.
    pub fn forget(&mut self, broker: i32) {
        self.brokers.remove(&broker);
    }

    /// Whether this incarnation of a broker was heard of within its session timeout.
    pub fn has_session(&self, broker: i32, epoch: i64, now: Micros) -> bool {
        let contact = self.brokers.get(&broker).filter(|contact| contact.epoch == epoch);
        contact.is_some_and(|contact| now < contact.last.plus(self.session_timeout))
    }

    /// Brokers that nothing was ever heard of count as heard of now.
    pub fn notice(&mut self, image: &Image, now: Micros) {
        let known = |id: i32, epoch| self.brokers.get(&id).is_some_and(|contact| contact.epoch == epoch);
        let unknown = self.watched(image).filter(|(id, registration)| !known(*id, registration.epoch));
        let unknown: Vec<(i32, i64)> = unknown.map(|(id, registration)| (id, registration.epoch)).collect();
        unknown.into_iter().for_each(|(id, epoch)| self.touch(id, epoch, -1, now));
    }

    /// Brokers that are not fenced, and of which nothing was heard for too long.
    pub fn expired(&self, image: &Image, now: Micros) -> Vec<i32> {
        let is_over = |id: i32, epoch| !self.has_session(id, epoch, now);
        self.watched(image).filter(|(id, registration)| is_over(*id, registration.epoch)).map(|(id, _)| id).collect()
    }

    /// When the next session will end if nothing is heard until then; at once for brokers that are to be noticed.
    pub fn next_expiry(&self, image: &Image) -> Option<Micros> {
        let ends = |(id, registration): (i32, &Registration)| {
            let contact = self.brokers.get(&id).filter(|contact| contact.epoch == registration.epoch);
            contact.map_or(Micros(0), |contact| contact.last.plus(self.session_timeout))
        };
        self.watched(image).map(ends).min()
    }

    /// Those whose sessions can end: all who are not fenced.
    fn watched<'a>(&self, image: &'a Image) -> impl Iterator<Item = (i32, &'a Registration)> {
        let own = self.own;
        image.brokers().filter(move |(id, registration)| !registration.fenced && Some(*id) != own)
    }

    /// Whether a broker that is about to stop has been waited for by all who stay.
    pub(crate) fn may_shut_down(&self, image: &Image, broker: i32) -> bool {
        let Some(offset) = self.brokers.get(&broker).and_then(|contact| contact.shutdown_offset) else { return false };
        let active = image.brokers().filter(|(id, registration)| *id != broker && registration.is_active());
        let known = |id: i32| self.brokers.get(&id).map_or(-1, |contact| contact.metadata_offset);
        active.map(|(id, _)| known(id)).all(|known| known >= offset)
    }
}
