//! The sink, the fold and the hash, each by the smallest run that shows it.

use naru_trace::*;
use std::collections::BTreeMap;

/// A partition of broker 1 with one empty segment.
fn opened() -> TraceKind {
    let segments = vec![SegmentView { base_offset: 0, bytes: 0, max_timestamp_ms: -1 }];
    let view = PartitionView { leader: 1, online: true, segments, ..PartitionView::default() };
    TraceKind::PartitionOpened { topic: "t".into(), topic_id: "id".into(), partition: 0, view: Box::new(view) }
}

fn cell(offset: i64) -> CellView {
    CellView { offset, batch: offset, key: Some(Preview::of(b"k")), value: None, timestamp_ms: 0 }
}

fn appended(offset: i64) -> TraceKind {
    TraceKind::BatchAppended {
        topic: "t".into(),
        partition: 0,
        segment: 0,
        position: 0,
        bytes: 70,
        records: vec![cell(offset)],
        max_timestamp_ms: 0,
        log_end_offset: offset + 1,
    }
}

/// The events that `write` emits while broker 1 acts.
fn broker_events(write: impl FnOnce(&mut Trace)) -> Vec<TraceEvent> {
    let mut trace = Trace::recording();
    trace.enter(Actor::Broker(1), Micros(5), None);
    trace.emit(|| TraceKind::BrokerStarted { broker: 1, port: 9092 });
    write(&mut trace);
    trace.take()
}

fn fold(events: &[TraceEvent]) -> ClusterView {
    let mut view = ClusterView::default();
    events.iter().for_each(|event| view.apply(event));
    view
}

#[test]
fn a_trace_that_is_off_makes_nothing() {
    let mut trace = Trace::default();
    assert_eq!(trace.emit(|| unreachable!("not called while the trace is off")), None);
    assert_eq!((trace.events().len(), trace.next_seq()), (0, 0));
}

#[test]
fn an_event_knows_its_line_its_cause_its_request_and_the_script_line() {
    let mut trace = Trace::recording();
    let request = RequestRef { connection: 3, correlation_id: 7 };
    trace.enter(Actor::Client(2), Micros(9), None);
    trace.set_script_line(Some(4));
    let first = trace.emit_then(|| TraceKind::ClientClosed { client: 2 });
    trace.about(Some(request));
    let line = line!() + 1;
    trace.emit(|| TraceKind::ClientClosed { client: 2 });
    let event = &trace.events()[1];
    assert_eq!((event.site.line, event.cause, event.request), (line, first, Some(request)));
    assert!(event.site.file.ends_with("tests/trace.rs"), "{}", event.site.file);
    assert_eq!((event.script_line, event.actor, event.at, event.seq), (Some(4), Actor::Client(2), Micros(9), 1));
}

#[test]
fn taking_events_out_does_not_start_the_numbers_again() {
    let mut trace = Trace::recording();
    trace.emit(|| TraceKind::BrokerStopped { broker: 1 });
    assert_eq!(trace.take().len(), 1);
    assert_eq!(trace.emit(|| TraceKind::BrokerStopped { broker: 1 }), Some(1));
}

#[test]
fn appending_moves_the_end_grows_the_segment_and_adds_the_cell() {
    let view = fold(&broker_events(|trace| {
        trace.emit(opened);
        trace.emit(|| appended(0));
    }));
    let partition = &view.brokers[&1].topics["t"].partitions[&0];
    assert_eq!((partition.log_end_offset, partition.segments[0].bytes), (1, 70));
    assert_eq!(partition.cells.iter().map(|cell| cell.offset).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_partition_keeps_its_newest_cells_only() {
    let view = fold(&broker_events(|trace| {
        trace.emit(opened);
        for offset in 0..CELLS_MAX as i64 + 3 {
            trace.emit(|| appended(offset));
        }
    }));
    let cells = &view.brokers[&1].topics["t"].partitions[&0].cells;
    assert_eq!((cells.len(), cells[0].offset), (CELLS_MAX, 3));
}

#[test]
fn a_crash_ends_connections_and_waiting_but_keeps_the_log_in_the_picture() {
    let mut events = broker_events(|trace| {
        trace.emit(opened);
        trace.emit(|| TraceKind::ConnectionOpened { connection: 1, peer: "client".into() });
        trace.about(Some(RequestRef { connection: 1, correlation_id: 0 }));
        let until = ParkCondition::Durable { offset: 3 };
        trace.emit(|| TraceKind::ReplyParked { parked: 0, until, deadline: None });
    });
    assert_eq!(fold(&events).brokers[&1].parked.len(), 1);
    let mut trace = Trace::recording();
    trace.emit(|| TraceKind::BrokerCrashed { broker: 1 });
    events.extend(trace.take());
    let broker = &fold(&events).brokers[&1];
    assert_eq!(broker.state, BrokerState::Crashed);
    assert_eq!((broker.connections.len(), broker.parked.len(), broker.topics.len()), (0, 0, 1));
}

#[test]
fn a_closed_connection_takes_its_waiting_replies_with_it() {
    let view = fold(&broker_events(|trace| {
        trace.emit(|| TraceKind::ConnectionOpened { connection: 1, peer: "client".into() });
        trace.about(Some(RequestRef { connection: 1, correlation_id: 0 }));
        let until = ParkCondition::Durable { offset: 3 };
        trace.emit(|| TraceKind::ReplyParked { parked: 0, until, deadline: None });
        trace.emit(|| TraceKind::ConnectionClosed { connection: 1, reason: "end of stream".into() });
    }));
    assert!(view.brokers[&1].parked.is_empty());
}

#[test]
fn events_about_what_the_view_does_not_know_change_nothing_but_the_time() {
    let mut trace = Trace::recording();
    trace.enter(Actor::Broker(9), Micros(1), None);
    trace.emit(|| appended(0));
    let view = fold(&trace.take());
    assert_eq!(view, ClusterView { at: Micros(1), ..ClusterView::default() });
}

#[test]
fn a_consumer_counts_what_it_got_and_moves_its_position() {
    let mut trace = Trace::recording();
    trace.enter(Actor::Client(0), Micros(0), None);
    let (name, role) = ("reader".to_owned(), ClientRole::Consumer);
    trace.emit(|| TraceKind::ClientStarted { client: 0, name, role, settings: vec![] });
    let records = vec![cell(4), cell(5)];
    trace.emit(|| TraceKind::RecordsDelivered { topic: "t".into(), partition: 2, records, next_offset: 6 });
    let view = &fold(&trace.take()).clients[&0];
    assert_eq!(view.delivered, 2);
    assert_eq!(view.positions, BTreeMap::from([("t".to_owned(), BTreeMap::from([(2, 6)]))]));
}

#[test]
fn a_view_and_its_events_survive_json() {
    let events = broker_events(|trace| {
        trace.emit(opened);
        trace.emit(|| appended(0));
    });
    let text = serde_json::to_string(&events).expect("events are JSON");
    let back: Vec<TraceEvent> = serde_json::from_str(&text).expect("and back");
    assert_eq!(back, events);
    let view = fold(&events);
    let text = serde_json::to_string(&view).expect("a view is JSON");
    assert_eq!(serde_json::from_str::<ClusterView>(&text).expect("and back"), view);
}

#[test]
fn the_hash_sees_every_field_and_is_the_same_on_every_machine() {
    let event = |line: u32, cause: Option<u64>| TraceEvent {
        seq: 1,
        actor: Actor::Broker(1),
        at: Micros(7),
        cause,
        request: None,
        script_line: None,
        site: Site { file: "engine/x.rs".into(), line },
        kind: TraceKind::BrokerStopped { broker: 1 },
    };
    let base = event_hash(&[event(1, None)]);
    // A fixed figure: lengths and discriminants must not depend on the width of the machine's words.
    assert_eq!(base, 0xe395_a02e_6578_902f, "{base:#018x}");
    assert_ne!(base, event_hash(&[event(2, None)]));
    assert_ne!(base, event_hash(&[event(1, Some(0))]));
    assert_ne!(base, event_hash(&[event(1, None), event(1, None)]));
    assert_eq!(event_hash(&[]), 0xcbf2_9ce4_8422_2325);
}

#[test]
fn a_preview_is_cut_by_characters_and_remembers_the_length() {
    let korean = "가".repeat(100);
    let preview = Preview::of(korean.as_bytes());
    assert_eq!((preview.text.chars().count(), preview.length), (Preview::CHARS_MAX, 300));
    assert_eq!(Preview::of(&[0xff, b'a']).text, "\u{fffd}a");
}
