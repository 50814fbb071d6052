//! When a coordinator does something by itself. A timer has a name, and setting it again moves it.

use alloc::string::String;
use naru_trace::{Micros, SortedMap, SortedSet};

/// What is to happen to a group when time has passed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKind {
    /// The group waits for members to join.
    Join,
    /// The group waits for members to ask for their assignment.
    Sync,
    /// A member was not heard of.
    Member(String),
    /// A member did not give its partitions back (KIP-848).
    Revocation(String),
}

type Key = (String, TimerKind);

/// All timers of a coordinator.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    at: SortedMap<Key, Micros>,
    queue: SortedSet<(Micros, Key)>,
}

impl Timers {
    /// Sets a timer, wherever it was before.
    pub(crate) fn set(&mut self, group: &str, kind: TimerKind, at: Micros) {
        let key = (String::from(group), kind);
        if let Some(before) = self.at.insert(key.clone(), at) {
            self.queue.remove(&(before, key.clone()));
        }
        self.queue.insert((at, key));
    }

    pub(crate) fn cancel(&mut self, group: &str, kind: TimerKind) {
        let key = (String::from(group), kind);
        if let Some(at) = self.at.remove(&key) {
            self.queue.remove(&(at, key));
        }
    }

    /// Forgets all timers of a group.
    pub(crate) fn cancel_group(&mut self, group: &str) {
        let keys = self.at.keys().filter(|(of, _)| of == group).cloned();
        for (group, kind) in keys.collect::<alloc::vec::Vec<_>>() {
            self.cancel(&group, kind);
        }
    }

    /// Takes out a timer that is due.
    pub(crate) fn take_due(&mut self, now: Micros) -> Option<(String, TimerKind)> {
        let (at, key) = self.queue.first().filter(|(at, _)| *at <= now)?.clone();
        self.queue.remove(&(at, key.clone()));
        self.at.remove(&key);
        Some(key)
    }

    pub(crate) fn next(&self) -> Option<Micros> {
        self.queue.first().map(|(at, _)| *at)
    }
}
