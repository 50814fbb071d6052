//! Those who watch: each gets the picture once, then every event that changes it.
//!
//! The broker's thread never waits for a watcher. One that cannot keep up is dropped; it notices, subscribes again, and gets a
//! fresh picture. The trace is on only while somebody watches, so a broker that nobody watches pays nothing for the picture.

use naru_trace::{ClusterView, TraceEvent};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Turns' worth of events that a watcher may be behind.
const TURNS_BEHIND_MAX: usize = 256;

/// A watcher's end: the picture, then the events from there on, without gap or overlap.
pub struct Subscription {
    /// Its number, for unsubscribing.
    pub subscriber: u64,
    /// The picture when it subscribed.
    pub snapshot: ClusterView,
    /// What happened since, turn by turn. Ends when the watcher is too slow, or the broker stops.
    pub events: mpsc::Receiver<Arc<Vec<TraceEvent>>>,
}

/// All watchers; owned by the broker's thread.
#[derive(Default)]
pub struct Watchers {
    next: u64,
    list: Vec<(u64, mpsc::Sender<Arc<Vec<TraceEvent>>>)>,
}

impl Watchers {
    /// Whether somebody watches.
    pub fn any(&self) -> bool {
        !self.list.is_empty()
    }

    /// One more. `snapshot` is the picture now: after all events published so far, before all that follow.
    pub fn subscribe(&mut self, snapshot: ClusterView) -> Subscription {
        let (sender, receiver) = mpsc::channel(TURNS_BEHIND_MAX);
        let subscriber = self.next;
        self.next += 1;
        self.list.push((subscriber, sender));
        Subscription { subscriber, snapshot, events: receiver }
    }

    /// One less.
    pub fn unsubscribe(&mut self, subscriber: u64) {
        self.list.retain(|(number, _)| *number != subscriber);
    }

    /// Hands a turn's events to all. Who has no room for them is dropped.
    pub fn publish(&mut self, events: Vec<TraceEvent>) {
        if events.is_empty() || self.list.is_empty() {
            return;
        }
        let events = Arc::new(events);
        self.list.retain(|(_, sender)| sender.try_send(events.clone()).is_ok());
    }
}
