//! What must always be true, whatever the seed. One file per property; each names where the promise comes from.
//!
//! They look at events and at the bytes on the disks, never at the engine's own structures: a broker that is wrong about
//! itself is found out. Not here: that the picture equals the state ([`crate::World::try_check`]), and what only whoever
//! wrote the records can know ([`crate::soak`]).

mod acknowledged;
mod disk;
mod high_watermark;
mod idempotence;
mod offsets;
mod reading;

pub(crate) use disk::read_log;

use crate::World;
use alloc::{
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::fmt;
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

/// Which broker's message an event of a client goes back to.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    on_the_way: BTreeMap<u64, (i32, Seq)>,
    /// By the event of the arrival: who sent it, and the event of its being sent.
    arrived: BTreeMap<Seq, (i32, Seq)>,
}

/// One property.
pub(crate) trait Invariant {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Looks at one event.
    fn observe(&mut self, event: &TraceEvent, origins: &Origins) -> Result<(), String>;
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
    origins: Origins,
    invariants: Vec<Box<dyn Invariant>>,
}

impl Checker {
    pub(crate) fn new() -> Self {
        Checker {
            seen: 0,
            origins: Origins::default(),
            invariants: vec![
                Box::new(offsets::Offsets::default()),
                Box::new(high_watermark::HighWatermark::default()),
                Box::new(acknowledged::Acknowledged::default()),
                Box::new(idempotence::Idempotence),
                Box::new(reading::Reading::default()),
            ],
        }
    }

    /// Looks at the events that are new.
    pub(crate) fn observe(&mut self, events: &[TraceEvent]) -> Result<(), Violation> {
        for event in &events[self.seen..] {
            self.seen += 1;
            self.origins.observe(event);
            for invariant in &mut self.invariants {
                if let Err(message) = invariant.observe(event, &self.origins) {
                    let message = alloc::format!("{message} (event {}: {:?})", event.seq, event.kind);
                    return Err(Violation::new(invariant.name(), message));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn check_disks(&self, world: &World) -> Result<(), Violation> {
        let mut invariants = self.invariants.iter();
        invariants.try_for_each(|i| i.check_disks(world).map_err(|message| Violation::new(i.name(), message)))
    }
}

impl Origins {
    fn observe(&mut self, event: &TraceEvent) {
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
            _ => {}
        }
    }

    /// The broker whose message directly caused the event.
    pub(crate) fn broker(&self, event: &TraceEvent) -> Option<i32> {
        self.sent(event).map(|(broker, _)| broker)
    }

    /// The same, with the event of the message's being sent.
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
