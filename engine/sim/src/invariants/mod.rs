//! What must always be true, whatever the seed. One file per property; each names where the promise comes from.
//!
//! They look at events and at the bytes on the disks, never at the engine's own structures: a broker that is wrong about
//! itself is found out. Not here: that the picture equals the state ([`crate::World::try_check`]), and what only whoever
//! wrote the records can know ([`crate::soak`]).

mod acknowledged;
mod assignments;
#[cfg(test)]
mod cluster_tests;
mod committed;
mod compaction;
mod disk;
mod high_watermark;
mod idempotence;
mod log_start;
mod logs_agree;
mod offsets;
mod one_leader;
mod quorum;
mod reading;
mod retention;
mod synced_survives;
#[cfg(test)]
mod tests;

pub(crate) use disk::read_log;

use crate::World;
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::fmt;
use naru_trace::SortedMap;
use naru_trace::{Actor, Seq, TraceEvent, TraceKind};

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The property's name: its file in `invariants/`, or `fold`, or `liveness`.
    pub property: &'static str,
    /// What is wrong.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(property: &'static str, message: String) -> Self {
        Violation { property, message }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the property \"{}\" does not hold: {}", self.property, self.message)
    }
}

/// A replica of a partition: broker, topic, partition.
pub(crate) type Replica = (i32, String, i32);

/// What earlier events told, and later ones are judged by.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Topics' settings, by broker, topic and key.
    settings: SortedMap<(i32, String), SortedMap<String, String>>,
    /// The last power failure of each broker, or the loss of its disk.
    power_lost: SortedMap<i32, Seq>,
    /// Messages of brokers on their way: who sent them, and the event of their being sent.
    on_the_way: SortedMap<u64, (i32, Seq)>,
    /// By the event of the arrival: who sent it, and the event of its being sent.
    arrived: SortedMap<Seq, (i32, Seq)>,
    /// Who leads what.
    assignments: assignments::Assignments,
    /// By how much each broker's wall clock is ahead, in milliseconds.
    ahead_ms: SortedMap<i32, i64>,
}

/// One property.
pub(crate) trait Invariant {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Looks at one event.
    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String>;
    /// Looks at the disks.
    fn check_disks(&self, world: &World) -> Result<(), String> {
        let _ = world;
        Ok(())
    }
}

/// All properties, and how far they have looked.
#[derive(Default)]
pub(crate) struct Checker {
    seen: usize,
    known: Known,
    invariants: Vec<Box<dyn Invariant>>,
}

impl Checker {
    /// `wall_ms` is the wall clock at the beginning of the run.
    pub(crate) fn new(wall_ms: i64) -> Self {
        Checker {
            seen: 0,
            known: Known::default(),
            invariants: vec![
                Box::new(offsets::Offsets::default()),
                Box::new(high_watermark::HighWatermark::default()),
                Box::new(acknowledged::Acknowledged::default()),
                Box::new(idempotence::Idempotence),
                Box::new(reading::Reading::default()),
                Box::new(synced_survives::SyncedSurvives::default()),
                Box::new(log_start::LogStart::default()),
                Box::new(retention::Retention::new(wall_ms)),
                Box::new(compaction::Compaction::default()),
                Box::new(one_leader::OneLeader::default()),
                Box::new(committed::Committed::default()),
                Box::new(quorum::Quorum::default()),
                Box::new(logs_agree::LogsAgree::default()),
            ],
        }
    }

    /// Looks at the events that are new.
    pub(crate) fn observe(&mut self, events: &[TraceEvent]) -> Result<(), Violation> {
        for event in &events[self.seen..] {
            self.seen += 1;
            self.known.observe(event);
            // A log that could not be opened tells nothing of what is on the disk.
            if matches!(&event.kind, TraceKind::PartitionOpened { view, .. } if !view.online) {
                continue;
            }
            for invariant in &mut self.invariants {
                if let Err(message) = invariant.observe(event, &self.known) {
                    let message = alloc::format!("{message} (event {}: {:?})", event.seq, event.kind);
                    return Err(Violation::new(invariant.name(), message));
                }
            }
        }
        Ok(())
    }

    /// Whether nothing is promised of `topic-0`, because every replica in sync once lost something from its disk.
    pub(crate) fn promises_nothing(&self, place: &str) -> bool {
        let assignments = &self.known.assignments;
        let mut replicas = assignments.iter().filter(|((_, topic, partition), _)| {
            place.rsplit_once('-').is_some_and(|(name, number)| name == topic && number.parse() == Ok(*partition))
        });
        replicas.any(|(replica, _)| assignments.id(replica).is_some_and(|id| assignments.is_void(&id)))
    }

    pub(crate) fn check_disks(&self, world: &World) -> Result<(), Violation> {
        let mut invariants = self.invariants.iter();
        invariants.try_for_each(|i| i.check_disks(world).map_err(|message| Violation::new(i.name(), message)))
    }
}

impl Known {
    fn observe(&mut self, event: &TraceEvent) {
        self.assignments.observe(event);
        match &event.kind {
            TraceKind::MessageSent { message, from: Actor::Broker(broker), .. } => {
                self.on_the_way.insert(*message, (*broker, event.seq));
            }
            TraceKind::MessageArrived { message } => {
                if let Some(sent) = self.on_the_way.remove(message) {
                    self.arrived.insert(event.seq, sent);
                }
            }
            TraceKind::MessageLost { message, .. } => {
                self.on_the_way.remove(message);
            }
            TraceKind::PowerLost { broker, .. } | TraceKind::DiskLost { broker, .. } => {
                self.power_lost.insert(*broker, event.seq);
            }
            TraceKind::ClockSkewed { broker, wall_ms, .. } => {
                self.ahead_ms.insert(*broker, *wall_ms);
            }
            kind => self.observe_settings(event.actor, kind),
        }
    }

    fn observe_settings(&mut self, actor: Actor, kind: &TraceKind) {
        let Actor::Broker(broker) = actor else { return };
        match kind {
            TraceKind::TopicConfigChanged { topic, key, value } => {
                let settings = self.settings.entry((broker, topic.clone())).or_default();
                match value {
                    Some(value) => settings.insert(key.to_string(), value.clone()),
                    None => settings.remove(&**key),
                };
            }
            TraceKind::TopicDeleted { topic } => {
                self.settings.remove(&(broker, topic.clone()));
            }
            _ => {}
        }
    }

    /// A topic's own setting; `None` if it has none.
    pub(crate) fn setting(&self, broker: i32, topic: &str, key: &str) -> Option<&str> {
        self.settings.get(&(broker, topic.to_string()))?.get(key).map(String::as_str)
    }

    /// Whether a topic is compacted on that broker.
    pub(crate) fn is_compacted(&self, broker: i32, topic: &str) -> bool {
        self.setting(broker, topic, "cleanup.policy").is_some_and(|policy| policy.contains("compact"))
    }

    /// Whether a broker said something before its disk last lost something: it was true then.
    pub(crate) fn is_outlived(&self, broker: i32, sent: Seq) -> bool {
        self.power_lost.get(&broker).is_some_and(|lost| *lost > sent)
    }

    /// The broker whose message directly caused the event, and the event of that message's being sent.
    pub(crate) fn sent(&self, event: &TraceEvent) -> Option<(i32, Seq)> {
        self.arrived.get(&event.cause?).copied()
    }
}

/// The replica that a broker's event is about.
pub(crate) fn replica(event: &TraceEvent, topic: &str, partition: i32) -> Option<Replica> {
    match event.actor {
        Actor::Broker(broker) => Some((broker, topic.to_string(), partition)),
        _ => None,
    }
}
