//! Each of these invariants can fail: stories that break a promise are found out, and those that keep it are not.

use super::Checker;
use alloc::{boxed::Box, string::ToString, vec, vec::Vec};
use naru_trace::{Actor, CellView, Micros, PartitionView, Preview, SegmentView, Trace, TraceKind};

const WALL_MS: i64 = 1_000_000;

fn cell(offset: i64, value: &str) -> CellView {
    let value = Some(Preview::of(value.as_bytes()));
    CellView { offset, batch: offset, key: None, value, timestamp_ms: WALL_MS }
}

fn opened(cells: Vec<CellView>) -> TraceKind {
    let log_end_offset = cells.last().map_or(0, |cell| cell.offset + 1);
    let segments = vec![SegmentView { base_offset: 0, bytes: 100, max_timestamp_ms: WALL_MS }];
    let cells = cells.into();
    let (leader, replicas, isr) = (1, vec![1], vec![1]);
    let view = PartitionView { leader, online: true, log_end_offset, segments, cells, ..PartitionView::default() };
    let view = PartitionView { replicas, isr, role: "leader".into(), ..view };
    TraceKind::PartitionOpened { topic: "t".into(), topic_id: "id".into(), partition: 0, view: Box::new(view) }
}

fn appended(offset: i64, value: &str) -> TraceKind {
    let (topic, records) = ("t".into(), vec![cell(offset, value)]);
    TraceKind::BatchAppended {
        topic,
        partition: 0,
        segment: 0,
        position: 0,
        bytes: 70,
        records,
        log_end_offset: offset + 1,
        max_timestamp_ms: WALL_MS,
    }
}

fn flushed(recovery_point: i64) -> TraceKind {
    TraceKind::LogFlushed { topic: "t".into(), partition: 0, recovery_point, because: "flush.ms".into() }
}

fn power_lost() -> TraceKind {
    TraceKind::PowerLost { broker: 1, disk: Box::default() }
}

fn started_at(log_start_offset: i64) -> TraceKind {
    TraceKind::LogStartOffsetAdvanced { topic: "t".into(), partition: 0, log_start_offset, because: "x".into() }
}

fn configured(key: &'static str, value: &str) -> TraceKind {
    TraceKind::TopicConfigChanged { topic: "t".into(), key: key.into(), value: Some(value.into()) }
}

fn rolled(base_offset: i64) -> TraceKind {
    TraceKind::SegmentRolled { topic: "t".into(), partition: 0, base_offset, because: "segment.bytes".into() }
}

fn deleted(base_offset: i64, because: &'static str) -> TraceKind {
    TraceKind::SegmentDeleted { topic: "t".into(), partition: 0, base_offset, bytes: 1, because: because.into() }
}

/// Broker 1 tells this story, an event a second. Which property does it break?
fn broken(story: impl IntoIterator<Item = TraceKind>) -> Option<&'static str> {
    let mut trace = Trace::recording();
    for (second, kind) in story.into_iter().enumerate() {
        let actor = if matches!(kind, TraceKind::PowerLost { .. }) { Actor::World } else { Actor::Broker(1) };
        trace.enter(actor, Micros(second as u64 * 1_000_000), None);
        trace.emit(|| kind);
    }
    Checker::new(WALL_MS).observe(trace.events()).err().map(|violation| {
        assert!(!violation.to_string().is_empty());
        violation.property
    })
}

#[test]
fn what_was_flushed_must_survive_and_nothing_else() {
    let before = |flush| [opened(vec![]), appended(0, "a"), appended(1, "b"), flushed(flush), power_lost()];
    let after = |cells: Vec<CellView>| [opened(cells)];
    assert_eq!(broken(before(1).into_iter().chain(after(vec![]))), Some("synced_survives"));
    assert_eq!(broken(before(1).into_iter().chain(after(vec![cell(0, "a")]))), None);
    assert_eq!(broken(before(2).into_iter().chain(after(vec![cell(0, "a")]))), Some("synced_survives"));
    assert_eq!(broken(before(1).into_iter().chain(after(vec![cell(0, "x")]))), Some("synced_survives"));
    assert_eq!(broken(before(1).into_iter().chain(after(vec![cell(0, "a"), cell(1, "b")]))), None);
    assert_eq!(broken([opened(vec![]), appended(0, "a"), flushed(2)]), Some("synced_survives"));
}

#[test]
fn a_log_has_no_hole_after_a_power_failure() {
    let story = [opened(vec![]), appended(0, "a"), appended(1, "b"), appended(2, "c"), power_lost()];
    let hole = opened(vec![cell(0, "a"), cell(2, "c")]);
    assert_eq!(broken(story.clone().into_iter().chain([hole.clone()])), Some("synced_survives"));
    let compacted = [configured("cleanup.policy", "compact")];
    assert_eq!(broken(compacted.into_iter().chain(story).chain([hole])), None);
}

#[test]
fn the_log_start_goes_forward_up_to_the_high_watermark() {
    let up_to = |high_watermark| TraceKind::HighWatermarkAdvanced { topic: "t".into(), partition: 0, high_watermark };
    let begin = || [opened(vec![]), appended(0, "a"), appended(1, "b"), up_to(2)];
    assert_eq!(broken(begin().into_iter().chain([started_at(1), started_at(2)])), None);
    assert_eq!(broken(begin().into_iter().chain([started_at(2), started_at(1)])), Some("log_start"));
    assert_eq!(broken(begin().into_iter().chain([started_at(3)])), Some("log_start"));
}

#[test]
fn retention_removes_only_what_its_policy_names() {
    let old = |setting, then: Vec<TraceKind>| {
        [setting, opened(vec![cell(0, "a")]), rolled(1), appended(1, "b")].into_iter().chain(then)
    };
    let by_time = |ms: &str, because| broken(old(configured("retention.ms", ms), vec![deleted(0, because)]));
    assert_eq!(by_time("1000", "retention.ms"), None);
    assert_eq!(by_time("60000", "retention.ms"), Some("retention"), "it is not that old");
    assert_eq!(by_time("-1", "retention.ms"), Some("retention"), "it is kept for ever");
    assert_eq!(by_time("1000", "retention.bytes"), Some("retention"), "no size was set");
    assert_eq!(by_time("1000", "a whim"), Some("retention"));
    let by_size = |bytes: &str| broken(old(configured("retention.bytes", bytes), vec![deleted(0, "retention.bytes")]));
    assert_eq!((by_size("70"), by_size("71")), (None, Some("retention")), "70 bytes are left");
    let active = old(configured("retention.ms", "0"), vec![deleted(0, "retention.ms"), deleted(1, "retention.ms")]);
    assert_eq!(broken(active), Some("retention"), "the active segment stays");
    let by_start = broken(old(configured("x", "x"), vec![deleted(0, "log start offset")]));
    assert_eq!(by_start, Some("retention"), "the log still begins in it");
}

#[test]
fn compaction_removes_only_what_was_replaced() {
    let keyed = |offset, key: &str, value: Option<&str>| {
        let mut kind = appended(offset, "");
        if let TraceKind::BatchAppended { records, .. } = &mut kind {
            records[0].key = Some(Preview::of(key.as_bytes()));
            records[0].value = value.map(|value| Preview::of(value.as_bytes()));
        }
        kind
    };
    let cleaned = |removed: &[i64]| {
        let segment = |base_offset| SegmentView { base_offset, bytes: 100, max_timestamp_ms: WALL_MS };
        let segments = vec![segment(0), segment(4)];
        TraceKind::SegmentsReplaced { topic: "t".into(), partition: 0, segments, removed: removed.to_vec() }
    };
    let story = |removed| {
        let policy = configured("cleanup.policy", "compact");
        let written =
            [keyed(0, "a", Some("1")), keyed(1, "a", Some("2")), keyed(2, "b", None), keyed(3, "c", Some("1"))];
        let active = [rolled(4), keyed(4, "c", Some("2")), keyed(5, "c", Some("3"))];
        [policy, opened(vec![])].into_iter().chain(written).chain(active).chain([cleaned(removed)])
    };
    assert_eq!(broken(story(&[0])), None);
    assert_eq!(broken(story(&[0, 2, 3])), None, "a tombstone, and a record that one in the active segment replaced");
    assert_eq!(broken(story(&[1])), Some("compaction"));
    assert_eq!(broken(story(&[0, 4])), Some("compaction"));
}
