//! One picture of many brokers: their streams of events, put in order.
//!
//! Each broker numbers its own events, and its events come in its own order. All processes of the cluster read one clock with
//! one zero (`Clock::since`), so the time of an event says where it belongs among those of other brokers. Streams arrive a
//! little apart; so events are held for [`HOLD`], then those that are due leave by their time, numbered anew from 0. An event
//! that comes later than that leaves late: never before another of the same broker, but perhaps behind one that happened after
//! it elsewhere.
//!
//! What caused an event is known within a broker only: no process can say what another's message will cause.

use naru_trace::{Actor, BrokerState, BrokerView, ClusterView, Micros, Seq, Site, TraceEvent, TraceKind};
use std::collections::BTreeMap;

/// How long events are held for those of others that happened before them, in microseconds.
pub const HOLD: u64 = 20_000;
/// Of how many events of a broker it is remembered which number they got.
const REMEMBERED_MAX: usize = 20_000;

/// The merged picture, and what is about to change it.
#[derive(Default)]
pub struct Merger {
    view: ClusterView,
    next: Seq,
    /// The numbers that a broker's events have got here, by their own.
    numbers: BTreeMap<i32, BTreeMap<Seq, Seq>>,
    /// Events that wait for their turn, in the order of their coming.
    held: Vec<TraceEvent>,
}

impl Merger {
    /// The picture as it is, after all events that were taken.
    pub fn view(&self) -> &ClusterView {
        &self.view
    }

    /// A broker begins to tell: how it looks now. What it told before is in that.
    pub fn on_snapshot(&mut self, broker: i32, snapshot: ClusterView) {
        self.held.retain(|event| event.actor != Actor::Broker(broker));
        self.numbers.remove(&broker);
        self.view.at = self.view.at.max(snapshot.at);
        if let Some(view) = snapshot.brokers.get(&broker) {
            self.view.brokers.insert(broker, view.clone());
        }
    }

    /// A broker of which nothing can be heard.
    pub fn on_absent(&mut self, broker: i32, state: BrokerState, port: u16) {
        match self.view.brokers.get_mut(&broker) {
            Some(view) => {
                view.state = state;
                view.connections.clear();
                view.parked.clear();
            }
            None => drop(self.view.brokers.insert(broker, BrokerView { state, port, ..BrokerView::default() })),
        }
    }

    /// A broker tells an event.
    pub fn on_event(&mut self, event: TraceEvent) {
        self.held.push(event);
    }

    /// Something was done to the cluster from outside.
    #[track_caller]
    pub fn on_world(&mut self, at: Micros, kind: TraceKind) {
        let site = Site::here();
        let (actor, cause, request, script_line) = (Actor::World, None, None, None);
        self.held.push(TraceEvent { seq: 0, actor, at, cause, request, script_line, site, kind });
    }

    /// The events up to a moment, in order, folded into the picture.
    pub fn take(&mut self, until: Micros) -> Vec<TraceEvent> {
        // Stable: events of one broker at one moment stay in their order.
        self.held.sort_by_key(|event| event.at);
        let due = self.held.partition_point(|event| event.at <= until);
        let mut events: Vec<TraceEvent> = self.held.drain(..due).collect();
        for event in &mut events {
            self.number(event);
            self.view.apply(event);
        }
        events
    }

    /// Gives an event its number here, and its cause the one that it has got.
    fn number(&mut self, event: &mut TraceEvent) {
        let number = self.next;
        self.next += 1;
        if let Actor::Broker(broker) = event.actor {
            let numbers = self.numbers.entry(broker).or_default();
            event.cause = event.cause.and_then(|cause| numbers.get(&cause).copied());
            numbers.insert(event.seq, number);
            if numbers.len() > REMEMBERED_MAX {
                numbers.pop_first();
            }
        }
        event.seq = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(broker: i32, seq: Seq, at: u64, cause: Option<Seq>) -> TraceEvent {
        TraceEvent {
            seq,
            actor: Actor::Broker(broker),
            at: Micros(at),
            cause,
            request: None,
            script_line: None,
            site: Site::here(),
            kind: TraceKind::TopicCreated {
                topic: format!("made-by-{broker}-{seq}"),
                topic_id: String::new(),
                partitions: 0,
            },
        }
    }

    fn snapshot(broker: i32) -> ClusterView {
        let mut view = ClusterView::default();
        view.brokers.insert(broker, BrokerView::default());
        view
    }

    #[test]
    fn events_leave_by_their_time_with_numbers_and_causes_of_their_own() {
        let mut merger = Merger::default();
        merger.on_snapshot(1, snapshot(1));
        merger.on_snapshot(2, snapshot(2));
        merger.on_event(event(1, 40, 100, None));
        merger.on_event(event(1, 41, 300, Some(40)));
        merger.on_event(event(2, 7, 200, Some(6)));
        merger.on_event(event(2, 8, 900, None));
        let told: Vec<_> =
            merger.take(Micros(500)).into_iter().map(|event| (event.actor, event.seq, event.cause)).collect();
        let (one, two) = (Actor::Broker(1), Actor::Broker(2));
        assert_eq!(told, [(one, 0, None), (two, 1, None), (one, 2, Some(0))]);
        assert!(merger.take(Micros(500)).is_empty(), "the fourth is held");
        assert_eq!(merger.take(Micros(1000))[0].seq, 3);
        assert_eq!(merger.view().brokers[&2].topics.len(), 2);
    }

    #[test]
    fn a_killed_broker_is_shown_as_crashed_until_it_tells_again() {
        let mut merger = Merger::default();
        merger.on_snapshot(1, snapshot(1));
        merger.on_absent(2, BrokerState::Stopped, 9093);
        assert_eq!((merger.view().brokers[&2].state, merger.view().brokers[&2].port), (BrokerState::Stopped, 9093));
        merger.on_world(Micros(5), TraceKind::BrokerCrashed { broker: 1 });
        merger.take(Micros(5));
        assert_eq!(merger.view().brokers[&1].state, BrokerState::Crashed);
        merger.on_event(event(1, 3, 6, None));
        merger.on_snapshot(1, snapshot(1));
        assert!(merger.take(Micros(10)).is_empty(), "what was told before the snapshot is in it");
        assert_eq!(merger.view().brokers[&1].state, BrokerState::Running);
    }
}
