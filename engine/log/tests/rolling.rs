//! When a new segment is begun, what is written for the next start, and what is synced.

mod support;

use naru_log::{LeaderEpochCache, Log, LogConfig, Storage, snapshots, time_index};
use naru_trace::TraceKind;
use support::*;

const HOUR_MS: i64 = 60 * 60 * 1000;

fn bases(bench: &Bench) -> Vec<i64> {
    bench.log.segments().iter().map(|segment| segment.base_offset).collect()
}

/// Time is what the records say: the first batch's against the next one's, whatever the clock on the wall says.
#[test]
fn a_segment_is_rolled_by_the_time_of_its_records() {
    let mut bench = Bench::new(LogConfig { segment_ms: HOUR_MS, ..LogConfig::default() });
    for timestamp in [0, HOUR_MS, 5, HOUR_MS + 1, 2 * HOUR_MS + 1, 2 * HOUR_MS + 2] {
        bench.append(&batch_at(&["a"], timestamp));
    }
    assert_eq!(bases(&bench), [0, 3, 5]);
    let because = bench.events().iter().filter_map(|event| match &event.kind {
        TraceKind::SegmentRolled { because, .. } => Some(because.as_ref()),
        _ => None,
    });
    assert_eq!(because.collect::<Vec<_>>(), ["segment.ms", "segment.ms"]);
    // The first batch is found again after a restart.
    let mut bench = bench.restart();
    bench.append(&batch_at(&["a"], 3 * HOUR_MS + 2));
    assert_eq!(bases(&bench), [0, 3, 5]);
    bench.append(&batch_at(&["a"], 3 * HOUR_MS + 3));
    assert_eq!(bases(&bench), [0, 3, 5, 7]);
}

#[test]
fn without_timestamps_the_clock_on_the_wall_counts() {
    let mut bench = Bench::new(LogConfig { segment_ms: HOUR_MS, ..LogConfig::default() });
    for now_ms in [1_000, HOUR_MS, HOUR_MS + 1] {
        bench.now_ms = now_ms;
        bench.append(&batch_at(&["a"], -1));
    }
    assert_eq!(bases(&bench), [0, 2]);
}

/// Jitter takes less than itself off, the same for a segment whenever it is asked, another for other segments.
#[test]
fn jitter_spreads_the_segments_of_many_partitions() {
    let config = LogConfig { segment_ms: HOUR_MS, segment_jitter_ms: HOUR_MS / 2, ..LogConfig::default() };
    let mut ages = Vec::new();
    let mut bench = Bench::new(config);
    let mut start = 0;
    while ages.len() < 20 {
        let segments = bases(&bench).len();
        let rolled = (0..).map(|minute| minute * 60_000).find(|age| {
            bench.append(&batch_at(&["a"], start + age));
            bases(&bench).len() > segments
        });
        ages.push(rolled.unwrap());
        start += rolled.unwrap();
    }
    assert!(ages.iter().all(|age| (HOUR_MS / 2..=HOUR_MS + 60_000).contains(age)), "{ages:?}");
    ages.sort_unstable();
    ages.dedup();
    assert!(ages.len() > 10, "{ages:?}");
}

/// The last entry of a closed segment's time index is its largest timestamp; so is that of a log that was closed.
#[test]
fn the_time_index_ends_with_the_largest_timestamp() {
    let mut bench = Bench::new(LogConfig { segment_bytes: 400, index_interval_bytes: 100, ..LogConfig::default() });
    for timestamp in [10, 30, 20, 25, 40, 35, 5, 50, 45] {
        bench.append(&batch_at(&["a"], timestamp));
    }
    assert_eq!(bases(&bench), [0, 5]);
    let times = |bench: &Bench, base: i64| -> Vec<(i64, u32)> {
        let bytes = bench.disk.contents(&format!("orders-0/{base:020}.timeindex")).unwrap();
        time_index::entries(&bytes).map(|entry| (entry.timestamp, entry.relative_offset)).collect()
    };
    bench.commit();
    assert_eq!((times(&bench, 0), times(&bench, 5)), (vec![(30, 1), (40, 4)], vec![(50, 2)]));
    let maxima: Vec<i64> = bench.log.segments().iter().map(|segment| segment.max_timestamp_ms).collect();
    assert_eq!(maxima, [40, 50]);
    // Both kinds of start find the same.
    let bench = bench.crash().restart();
    assert_eq!((times(&bench, 0), times(&bench, 5)), (vec![(30, 1), (40, 4)], vec![(50, 2)]));
    let again: Vec<i64> = bench.log.segments().iter().map(|segment| segment.max_timestamp_ms).collect();
    assert_eq!(again, maxima);
}

/// ListOffsets by time with a time index in between: the same answers as looking at every record.
#[test]
fn semantics_22_the_time_index_changes_no_answer() {
    let mut bench = Bench::new(LogConfig { segment_bytes: 2_000, index_interval_bytes: 150, ..LogConfig::default() });
    // Timestamps that go up and down.
    for index in 0..200_i64 {
        bench.append(&batch_at(&["a", "b"], 1_000 + index * 10 + (index * 7_919) % 300));
    }
    for reopened in 0..3 {
        let records = bench.records();
        for timestamp in (900..3_500).step_by(13) {
            let expected = records.iter().find(|record| record.timestamp >= timestamp);
            let found = bench.log.offset_for_timestamp(timestamp, &bench.storage).unwrap();
            let found = found.map(|found| (found.offset, found.timestamp));
            assert_eq!(found, expected.map(|record| (record.offset, record.timestamp)), "{timestamp}, {reopened}");
        }
        let max = records.iter().map(|record| record.timestamp).max().unwrap();
        let first = records.iter().find(|record| record.timestamp == max).unwrap();
        let found = bench.log.offset_of_max_timestamp(&bench.storage).unwrap().unwrap();
        assert_eq!((found.offset, found.timestamp), (first.offset, max));
        bench.commit();
        bench = if reopened == 0 { bench.restart() } else { bench.crash() };
    }
}

#[test]
fn a_roll_leaves_a_snapshot_and_asks_for_a_sync() {
    let mut bench = Bench::new(small());
    assert_eq!(bench.log.begin_flush(1_000), None);
    while bases(&bench).len() == 1 {
        let sequence = bench.log.log_end_offset() as i32;
        bench.append(&batch_by(7, 1, sequence, 1));
    }
    bench.commit();
    let base = bases(&bench)[1];
    let snapshot = bench.disk.contents(&format!("orders-0/{base:020}.snapshot")).unwrap();
    let producers = snapshots::decode(&snapshot).unwrap();
    let entry = producers.entry(7).unwrap();
    assert_eq!((entry.epoch(), i64::from(entry.last_sequence())), (1, base - 1));
    let flush = bench.log.begin_flush(1_000).unwrap();
    assert_eq!((flush.up_to, flush.because, flush.files.len()), (base, "segment rolled", 3));
    assert_eq!(bench.log.begin_flush(1_000), None, "it is handed out once");
    assert_eq!(bench.log.recovery_point(), 0);
    bench.log.flushed(flush.up_to, flush.because, &mut bench.trace);
    assert_eq!(bench.log.recovery_point(), base);
    let last = bench.events().last().unwrap();
    assert!(matches!(&last.kind, TraceKind::LogFlushed { recovery_point, because, .. }
        if *recovery_point == base && because == "segment rolled"));
}

#[test]
fn flush_messages_and_flush_ms_ask_for_syncs() {
    let mut bench = Bench::new(LogConfig { flush_messages: 3, flush_ms: 500, ..LogConfig::default() });
    bench.put(&["a", "b"]);
    assert_eq!((bench.log.begin_flush(1_499), bench.log.flush_deadline_ms()), (None, Some(1_500)));
    bench.put(&["c"]);
    let flush = bench.log.begin_flush(1_000).unwrap();
    assert_eq!((flush.up_to, flush.because), (3, "flush.messages"));
    assert_eq!(bench.log.flush_deadline_ms(), None);
    bench.now_ms = 2_000;
    bench.put(&["d"]);
    assert_eq!(bench.log.begin_flush(2_499), None);
    let late = bench.log.begin_flush(2_500).unwrap();
    assert_eq!((late.up_to, late.because), (4, "flush.ms"));
    // The second is on disk before the first; then the first says nothing new.
    bench.log.flushed(late.up_to, late.because, &mut bench.trace);
    bench.log.flushed(flush.up_to, flush.because, &mut bench.trace);
    assert_eq!(bench.log.recovery_point(), 4);
}

/// OffsetForLeaderEpoch: the largest epoch that is not larger, and where it ended.
#[test]
fn semantics_24_the_end_of_an_epoch() {
    let mut epochs = LeaderEpochCache::default();
    assert_eq!(epochs.end_offset_for(3, 50), (-1, -1));
    assert!(epochs.assign(2, 10) && epochs.assign(5, 20) && epochs.assign(6, 40) && !epochs.assign(6, 45));
    let asked: Vec<(i32, i64)> = [-1, 0, 2, 3, 5, 6, 7].iter().map(|epoch| epochs.end_offset_for(*epoch, 50)).collect();
    assert_eq!(asked, [(-1, -1), (0, 10), (2, 20), (2, 20), (5, 40), (6, 50), (-1, -1)]);
    let mut from_end = epochs.clone();
    assert!(from_end.truncate_from_end(40) && !from_end.truncate_from_end(40));
    assert_eq!(from_end.end_offset_for(5, 40), (5, 40));
    assert!(epochs.truncate_from_start(25) && !epochs.truncate_from_start(25));
    assert_eq!(epochs.text(), "0\n2\n5 25\n6 40\n");
    assert_eq!(LeaderEpochCache::parse(&epochs.text()), Some(epochs.clone()));
    // The newest leader is right, also about the past.
    assert!(epochs.assign(7, 30));
    assert_eq!(epochs.text(), "0\n2\n5 25\n7 30\n");
}

#[test]
fn leader_epochs_are_written_down_and_read_from_the_log_if_need_be() {
    let mut bench = Bench::new(small());
    for (epoch, count) in [(0, 3), (4, 30), (5, 1)] {
        for _ in 0..count {
            bench.log.append(&batch(&["a"]), epoch, 1_000, &mut bench.storage, &mut bench.trace).unwrap();
        }
    }
    bench.commit();
    let path = "orders-0/leader-epoch-checkpoint";
    let text = "0\n3\n0 0\n4 3\n5 33\n";
    let epochs = |disk: &naru_log::MemoryStorage| String::from_utf8(disk.contents(path).unwrap()).unwrap();
    assert_eq!(epochs(&bench.disk), text);
    for damaged in [Some("0\n2\n0 0\n4 3\n"), Some("garbage"), Some("0\n1\n9 9\n4 3\n"), Some(""), None] {
        match damaged {
            Some(damaged) => bench.disk.put(path, damaged.as_bytes()),
            None => bench.disk.clone().remove_file(path).unwrap(),
        }
        let again = Bench::on(bench.disk.clone(), small(), false).unwrap();
        assert_eq!((again.log.leader_epochs().text().as_str(), epochs(&bench.disk).as_str()), (text, text));
    }
    // After a power failure an older file may be there, of a history that was cut off since, or a beginning of the newest.
    for stale in ["0\n3\n0 0\n4 20\n5 33\n", "0\n3\n0 0\n4 3\n8 12\n", "0\n2\n0 0\n5 3"] {
        bench.disk.put(path, stale.as_bytes());
        let again = Bench::on(bench.disk.clone(), small(), false).unwrap();
        assert_eq!((again.log.leader_epochs().text().as_str(), epochs(&bench.disk).as_str()), (text, text), "{stale}");
    }
    assert_eq!(LeaderEpochCache::parse("0\n1\n4 3"), None, "the last line is not whole: it may have been 4 33");
    // What is not in the log (any more) is not in the epochs.
    bench.disk.put(path, b"0\n4\n0 0\n4 3\n5 33\n6 34\n");
    let log: Log = Bench::on(bench.disk.clone(), small(), false).unwrap().log;
    assert_eq!(log.leader_epochs().latest().unwrap().epoch, 5);
}
