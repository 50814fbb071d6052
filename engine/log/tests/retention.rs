//! How the beginning of a log moves: retention by time and by size, DeleteRecords, and what becomes of the files.

mod support;

use naru_log::{CleanupPolicy, Fault, LogConfig, LogError, Opening, Storage};
use naru_trace::TraceKind;
use support::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Segments of three batches of one record each, a second apart.
fn filled(config: LogConfig, batches: i64) -> Bench {
    let size = batch(&["value"]).bytes().len() as u32;
    let mut bench = Bench::new(LogConfig { segment_bytes: 3 * size, ..config });
    for index in 0..batches {
        bench.append(&batch_at(&["value"], index * 1_000));
    }
    bench.commit();
    bench
}

fn retain(bench: &mut Bench, now_ms: i64, high_watermark: i64) -> usize {
    let deleted = bench.log.apply_retention(now_ms, high_watermark, &mut bench.storage, &mut bench.trace).unwrap();
    bench.log.check_invariants();
    deleted
}

fn bases(bench: &Bench) -> Vec<i64> {
    bench.log.segments().iter().map(|segment| segment.base_offset).collect()
}

fn files(bench: &Bench, wanted: &str) -> Vec<String> {
    let paths = bench.disk.entries().into_iter().map(|entry| entry.path);
    paths.filter(|path| path.contains(wanted)).collect()
}

/// What the events say that happened to the log's beginning.
fn story(bench: &Bench) -> Vec<String> {
    let tell = |kind: &TraceKind| match kind {
        TraceKind::LogStartOffsetAdvanced { log_start_offset, because, .. } => {
            Some(format!("start {log_start_offset}, {because}"))
        }
        TraceKind::SegmentDeleted { base_offset, because, .. } => Some(format!("segment {base_offset}, {because}")),
        TraceKind::SegmentRolled { base_offset, because, .. } if because == "retention" => {
            Some(format!("rolled {base_offset}"))
        }
        _ => None,
    };
    bench.events().iter().filter_map(|event| tell(&event.kind)).collect()
}

/// A segment is as old as its newest record: one late record keeps the early ones.
#[test]
fn semantics_40_a_segment_goes_when_its_largest_timestamp_is_too_old() {
    let mut bench = filled(LogConfig { retention_ms: 10_000, ..LogConfig::default() }, 9);
    assert_eq!(bases(&bench), [0, 3, 6]);
    assert_eq!(retain(&mut bench, 12_000, 9), 0, "the newest record of the first segment is just not too old");
    assert_eq!(retain(&mut bench, 12_001, 9), 1);
    assert_eq!((bases(&bench), bench.log.log_start_offset()), (vec![3, 6], 3));
    assert_eq!(story(&bench), ["start 3, retention.ms", "segment 0, retention.ms"]);
    assert!(matches!(bench.read(2, 100), Err(LogError::OffsetOutOfRange { log_start_offset: 3, .. })));
    assert_eq!(bench.bases(&bench.read(3, 1).unwrap()), [3]);
}

#[test]
fn semantics_40_an_expired_active_segment_is_rolled_first() {
    let mut bench = filled(LogConfig { retention_ms: 10_000, ..LogConfig::default() }, 5);
    assert_eq!(retain(&mut bench, DAY_MS, 5), 2);
    assert_eq!((bases(&bench), bench.log.log_start_offset(), bench.log.log_end_offset()), (vec![5], 5, 5));
    let expected = ["rolled 5", "start 5, retention.ms", "segment 0, retention.ms", "segment 3, retention.ms"];
    assert_eq!(story(&bench), expected);
    assert_eq!(retain(&mut bench, 2 * DAY_MS, 5), 0, "an empty log stays");
    assert_eq!(bench.put(&["next"]).base_offset, 5);
}

#[test]
fn semantics_40_nothing_goes_that_reaches_beyond_the_high_watermark() {
    let mut bench = filled(LogConfig { retention_ms: 0, ..LogConfig::default() }, 9);
    for (high_watermark, start) in [(2, 0), (3, 3), (5, 3), (8, 6)] {
        retain(&mut bench, DAY_MS, high_watermark);
        assert_eq!(bench.log.log_start_offset(), start, "high watermark {high_watermark}");
    }
}

/// The log never becomes shorter than `retention.bytes` by it.
#[test]
fn retention_by_size_takes_the_oldest_segments() {
    let mut bench = filled(LogConfig::default(), 10);
    let (size, segment) = (bench.log.size() as i64, bench.log.segments()[0].bytes as i64);
    let with = |retention_bytes| LogConfig { retention_bytes, ..*bench.log.config() };
    let configs = [with(size - segment + 1), with(size - segment), with(size - 3 * segment), with(0)];
    let mut starts = Vec::new();
    for config in configs {
        bench.log.set_config(config);
        retain(&mut bench, 0, 10);
        starts.push(bench.log.log_start_offset());
    }
    assert_eq!(starts, [0, 3, 9, 10]);
    assert_eq!(story(&bench)[..2], ["start 3, retention.bytes", "segment 0, retention.bytes"]);
}

#[test]
fn without_the_policy_nothing_expires() {
    let compact = CleanupPolicy { delete: false, compact: true };
    let mut bench = filled(LogConfig { retention_ms: 0, retention_bytes: 0, cleanup: compact, ..small() }, 9);
    assert_eq!(retain(&mut bench, DAY_MS, 9), 0);
    let mut bench = filled(LogConfig { retention_ms: -1, ..LogConfig::default() }, 9);
    assert_eq!(retain(&mut bench, i64::MAX, 9), 0);
}

/// Records without a timestamp are as old as the segment has not been written to.
#[test]
fn records_without_timestamps_expire_by_the_brokers_clock() {
    let mut bench = Bench::new(LogConfig { retention_ms: 10_000, ..LogConfig::default() });
    bench.now_ms = 50_000;
    bench.append(&batch_at(&["when?"], -1));
    assert_eq!(retain(&mut bench, 60_000, 1), 0);
    assert_eq!(retain(&mut bench, 60_001, 1), 1);
}

/// DeleteRecords moves the start into a segment; whole segments before it go, and their files later.
#[test]
fn semantics_40_records_are_deleted_before_an_offset() {
    let mut bench = filled(LogConfig { file_delete_delay_ms: 60_000, ..LogConfig::default() }, 9);
    let all = bench.read(0, u32::MAX).unwrap();
    bench.log.delete_records_before(4, 1_000, &mut bench.storage, &mut bench.trace).unwrap();
    bench.log.check_invariants();
    assert_eq!((bases(&bench), bench.log.log_start_offset(), bench.log.first_base_offset()), (vec![3, 6], 4, 3));
    assert_eq!(story(&bench), ["start 4, DeleteRecords", "segment 0, log start offset"]);
    assert!(bench.read(3, 100).is_err());
    assert_eq!(bench.log.cells(256, &bench.storage).first().unwrap().offset, 4);
    assert_eq!(bench.log.offset_for_timestamp(0, &bench.storage).unwrap().unwrap().offset, 4);
    // An earlier offset changes nothing.
    bench.log.delete_records_before(2, 1_000, &mut bench.storage, &mut bench.trace).unwrap();
    assert_eq!(bench.log.log_start_offset(), 4);
    // Answers on their way still read the files; then those go.
    assert_eq!(contents(&all).len(), 9);
    let gone = files(&bench, ".deleted");
    assert_eq!(gone.len(), 3, "{gone:?}");
    assert_eq!(bench.log.removal_deadline_ms(1_000), Some(61_000));
    bench.log.remove_deleted_files(60_999, &mut bench.storage);
    assert_eq!(files(&bench, ".deleted"), gone);
    bench.log.remove_deleted_files(61_000, &mut bench.storage);
    assert_eq!(files(&bench, "00000000000000000000"), Vec::<String>::new());
    assert_eq!(bench.log.removal_deadline_ms(61_000), None);
}

/// The first offset that a log shows is in a checkpoint of its log directory; the segment still has the earlier records.
#[test]
fn semantics_40_the_log_start_offset_is_kept_over_a_restart() {
    let mut bench = filled(LogConfig::default(), 9);
    bench.log.delete_records_before(4, 0, &mut bench.storage, &mut bench.trace).unwrap();
    let disk = bench.disk.clone();
    bench.log.close(&mut bench.storage).unwrap();
    let open = |log_start_offset| {
        let opening = Opening { log_start_offset, ..Opening::clean() };
        Bench::opened(disk.clone(), LogConfig::default(), opening).unwrap().log
    };
    assert_eq!(open(4).log_start_offset(), 4);
    assert_eq!(open(0).log_start_offset(), 3, "without the checkpoint it is where the first segment begins");
    let epochs = disk.contents("orders-0/leader-epoch-checkpoint").unwrap();
    assert_eq!(String::from_utf8(epochs).unwrap(), "0\n1\n3 4\n");
}

/// Records were deleted, the checkpoint was synced, and then the power failed: the log ends before it starts. Offsets are not
/// given twice.
#[test]
fn a_log_that_ends_before_its_start_begins_anew_there() {
    let bench = filled(LogConfig::default(), 5);
    let opening = Opening { log_start_offset: 7, ..Opening::unclean() };
    let mut bench = Bench::opened(bench.disk.clone(), LogConfig::default(), opening).unwrap();
    assert_eq!((bench.log.log_start_offset(), bench.log.log_end_offset(), bases(&bench)), (7, 7, vec![7]));
    assert!(bench.log.cut_when_opened().unwrap().contains("log start offset"));
    assert_eq!(bench.put(&["next"]).base_offset, 7);
}

/// What a crash between renaming and removing leaves.
#[test]
fn semantics_41_leftovers_of_deleted_segments_are_removed_at_start() {
    let mut bench = filled(LogConfig::default(), 9);
    bench.log.delete_records_before(7, 0, &mut bench.storage, &mut bench.trace).unwrap();
    bench.commit();
    assert_eq!(files(&bench, ".deleted").len(), 7, "two segments, and a snapshot");
    bench.disk.put("orders-0/00000000000000000003.index", b"an index without its log");
    let bench = bench.crash();
    assert_eq!((files(&bench, ".deleted").len(), files(&bench, "003.index").len()), (0, 0));
    assert_eq!((bench.log.log_start_offset(), bench.log.log_end_offset()), (6, 9));
}

/// A disk that fails while a segment is deleted: the error is reported, and the log says what is true of it.
#[test]
fn a_failure_while_deleting_is_reported() {
    let mut bench = filled(LogConfig { retention_ms: 0, ..LogConfig::default() }, 9);
    bench.disk.set_fault("orders-0/00000000000000000003.log", Some(Fault::Write));
    let failed = bench.log.apply_retention(DAY_MS, 9, &mut bench.storage, &mut bench.trace);
    assert!(matches!(failed, Err(LogError::Storage(_))));
    let in_events = story(&bench).iter().filter(|line| line.starts_with("segment")).count();
    assert_eq!((in_events, bases(&bench)), (2, vec![6, 9]), "the events tell of what is gone");
}

/// No record that is left is another one because of what went.
#[test]
fn what_is_left_is_the_same_after_a_restart() {
    let mut bench = filled(LogConfig { retention_ms: 10_000, ..LogConfig::default() }, 20);
    retain(&mut bench, 20_500, 20);
    let (start, records) = (bench.log.log_start_offset(), bench.records());
    assert!(start > 0 && records[0].offset == start);
    bench.commit();
    let bench = bench.crash().restart();
    assert_eq!((bench.log.log_start_offset(), bench.records()), (start, records));
    assert_eq!(bench.storage.clone().commit(), []);
}
