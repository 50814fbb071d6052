//! What is wrong with the links between nodes, and with the machines that brokers run on: their part of the picture.
//!
//! All of it is done to the world from outside and told by the world. What a fault makes of messages and replies is told by
//! whoever they happen to. Not here: faults of disks, in [`crate::disk`].

use crate::{
    event::Actor,
    kind::TraceKind,
    sorted::{SortedMap, SortedSet},
};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One direction between two nodes, when something is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LinkView {
    /// Who sends.
    pub from: Actor,
    /// Who is to get it.
    pub to: Actor,
    /// Whether nothing gets through.
    pub cut: bool,
    /// How much longer than usual everything takes, in microseconds.
    pub extra_us: u64,
}

/// A broker's clock, when it is not the world's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClockView {
    /// How far its wall clock is ahead, in milliseconds.
    pub wall_ms: i64,
    /// How much faster its monotonic clock runs, in millionths.
    pub drift_ppm: i32,
}

/// What is wrong with links and machines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultsView {
    /// Links with a fault, by sender and receiver.
    #[serde(default)]
    pub links: Vec<LinkView>,
    /// Brokers whose process is suspended, by `node.id`.
    #[serde(default)]
    pub paused: SortedSet<i32>,
    /// Clocks that are wrong, by the broker's `node.id`.
    #[serde(default)]
    pub clocks: SortedMap<i32, ClockView>,
}

impl FaultsView {
    /// Whether everything works.
    pub fn is_empty(&self) -> bool {
        *self == FaultsView::default()
    }

    /// Changes what is wrong with one direction.
    pub fn set_link(&mut self, from: Actor, to: Actor, set: impl FnOnce(&mut LinkView)) {
        let place = self.links.binary_search_by_key(&(from, to), |link| (link.from, link.to));
        let index = place.unwrap_or_else(|index| {
            self.links.insert(index, LinkView { from, to, cut: false, extra_us: 0 });
            index
        });
        set(&mut self.links[index]);
        if !self.links[index].cut && self.links[index].extra_us == 0 {
            self.links.remove(index);
        }
    }

    /// Changes a clock.
    pub fn set_clock(&mut self, broker: i32, clock: ClockView) {
        if clock == ClockView::default() {
            self.clocks.remove(&broker);
        } else {
            self.clocks.insert(broker, clock);
        }
    }

    /// Folds an event. Events about anything else change nothing.
    pub(crate) fn apply(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::LinkCut { from, to } => self.set_link(*from, *to, |link| link.cut = true),
            TraceKind::LinkHealed { from, to } => self.set_link(*from, *to, |link| link.cut = false),
            TraceKind::LinkDelayed { from, to, extra_us } => {
                self.set_link(*from, *to, |link| link.extra_us = *extra_us);
            }
            TraceKind::BrokerPaused { broker } => {
                self.paused.insert(*broker);
            }
            TraceKind::BrokerResumed { broker } | TraceKind::BrokerCrashed { broker } => {
                self.paused.remove(broker);
            }
            TraceKind::ClockSkewed { broker, wall_ms, drift_ppm } => {
                self.set_clock(*broker, ClockView { wall_ms: *wall_ms, drift_ppm: *drift_ppm });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(kinds: impl IntoIterator<Item = TraceKind>) -> FaultsView {
        let mut view = FaultsView::default();
        kinds.into_iter().for_each(|kind| view.apply(&kind));
        view
    }

    #[test]
    fn a_link_is_shown_while_something_is_wrong_with_it() {
        let (from, to) = (Actor::Broker(2), Actor::Broker(1));
        let cut = TraceKind::LinkCut { from, to };
        let delayed = |extra_us| TraceKind::LinkDelayed { from: to, to: from, extra_us };
        let view = folded([cut.clone(), delayed(5)]);
        let links: Vec<_> = view.links.iter().map(|link| (link.from, link.cut, link.extra_us)).collect();
        assert_eq!(links, [(to, false, 5), (from, true, 0)], "sorted by sender");
        assert!(folded([cut, delayed(5), TraceKind::LinkHealed { from, to }, delayed(0)]).is_empty());
    }

    #[test]
    fn a_process_that_ends_is_suspended_no_more() {
        let paused = TraceKind::BrokerPaused { broker: 1 };
        assert_eq!(folded([paused.clone()]).paused, SortedSet::from([1]));
        assert!(folded([paused.clone(), TraceKind::BrokerResumed { broker: 1 }]).is_empty());
        assert!(folded([paused, TraceKind::BrokerCrashed { broker: 1 }]).is_empty());
    }

    #[test]
    fn a_clock_that_is_right_again_is_not_shown() {
        let skewed = |wall_ms, drift_ppm| TraceKind::ClockSkewed { broker: 1, wall_ms, drift_ppm };
        assert_eq!(folded([skewed(-5, 200)]).clocks[&1], ClockView { wall_ms: -5, drift_ppm: 200 });
        assert!(folded([skewed(-5, 200), skewed(0, 0)]).is_empty());
    }
}
