//! Reads whose place is not in memory: the broker asks its driver to bring it there, and serves everybody else meanwhile.

mod harness;

use harness::Harness;
use naru_broker::BrokerConfig;
use naru_trace::{ParkCondition, TraceKind};

/// So many batches that the oldest are looked up in files, in several segments.
const BATCHES: usize = 600;

/// A broker with a long topic, `old`, that is on the disk only, and a topic `hot`.
fn with_a_cold_topic() -> Harness {
    let mut harness = Harness::new(BrokerConfig::default());
    // To compare the picture is to read the log.
    harness.folds = false;
    harness.command("connect a");
    harness.command("connect b");
    harness.command("a create old:1 internal.segment.bytes=20000 index.interval.bytes=300");
    harness.command("a create hot:1");
    for _ in 0..BATCHES {
        harness.command("a produce old-0 k:v");
    }
    harness.storage.write_back(u64::MAX);
    harness.storage.drop_caches();
    harness.storage.set_tells_cached(true);
    harness
}

fn load_all(harness: &mut Harness) -> usize {
    let mut loads = 0;
    while !harness.loads.is_empty() {
        harness.load_one();
        loads += 1;
    }
    loads
}

#[test]
fn a_cold_read_does_not_hold_up_a_hot_connection() {
    let mut harness = with_a_cold_topic();
    // The test itself looks at the end of the log to find out the topic's id.
    drop(harness.broker.as_ref().unwrap().view());
    let misses = harness.storage.counters().misses;
    assert_eq!(harness.command("a fetch old-0:100 max=200"), [""; 0], "it waits");
    let until = |kind: &TraceKind| match kind {
        TraceKind::ReplyParked { until, .. } => Some(until.clone()),
        _ => None,
    };
    let parked = harness.events.iter().rev().find_map(|event| until(&event.kind));
    assert_eq!(parked, Some(ParkCondition::Loaded { topic: "old".into(), partition: 0 }));
    assert_eq!(harness.storage.counters().misses, misses, "the broker has not gone to the disk itself");

    assert_eq!(harness.command("b produce hot-0 k:v"), ["b hot-0 offset=0"], "others are served");
    assert_eq!(harness.command("b fetch hot-0:0"), ["b hot-0 hw=1 0=k:v"]);

    let loads = load_all(&mut harness);
    assert!((1..=16).contains(&loads), "{loads} parts of files were asked for");
    let answer = harness.happened();
    assert_eq!(answer.len(), 1);
    assert!(answer[0].starts_with("a old-0 hw=600 100=k:v 101=k:v"), "{answer:?}");
    assert_eq!(harness.command("a fetch old-0:102 max=70").len(), 1, "what is in memory is answered at once");
}

#[test]
fn what_cannot_be_brought_into_memory_is_read_all_the_same() {
    let mut harness = with_a_cold_topic();
    assert_eq!(harness.command("a fetch old-0:100 max=200"), [""; 0]);
    for _ in 0..16 {
        // The pages go as soon as they have come.
        let (ticket, _) = harness.loads.pop_front().expect("it asks again");
        harness.storage.drop_caches();
        harness.step(naru_broker::Input::Loaded { ticket });
    }
    assert!(harness.loads.is_empty(), "it has asked often enough");
    assert!(harness.happened()[0].starts_with("a old-0 hw=600 100=k:v"));
}

#[test]
fn who_is_gone_when_the_disk_answers_is_not_answered() {
    let mut harness = with_a_cold_topic();
    harness.command("a fetch old-0:100");
    harness.command("disconnect a");
    harness.load_one();
    assert_eq!(harness.happened(), [""; 0]);
    assert!(harness.loads.is_empty());
}

#[test]
fn a_broker_that_stops_answers_who_waits_for_the_disk() {
    let mut harness = with_a_cold_topic();
    harness.command("a fetch old-0:100 max=100");
    let told = harness.command("shutdown");
    assert!(told.iter().any(|line| line.starts_with("a old-0 hw=600 100=k:v")), "{told:?}");
}
