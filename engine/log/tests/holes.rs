//! A log is always a beginning of what it was: when the end of a segment is missing, so is what came after it.

mod support;

use naru_log::{CleanupPolicy, LogConfig, Opening};
use naru_trace::TraceKind;
use support::{Bench, FIRST, small};

const COMPACT: CleanupPolicy = CleanupPolicy { delete: false, compact: true };

/// Three segments, of which the first has lost its last batch: it ends where another batch ended, so nothing is torn.
fn with_hole(config: LogConfig) -> Bench {
    let mut bench = Bench::new(config);
    let value = "x".repeat(300);
    let ends: Vec<u64> = (0..8)
        .map(|_| {
            bench.put(&[&value]);
            bench.commit();
            bench.disk.contents(&format!("{FIRST}.log")).unwrap().len() as u64
        })
        .collect();
    assert_eq!(ends.iter().filter(|end| **end == ends[7]).count(), 7, "two batches to a segment");
    let (path, contents) = (format!("{FIRST}.log"), bench.disk.contents(&format!("{FIRST}.log")).unwrap());
    bench.disk.put(&path, &contents[..ends[0] as usize]);
    bench.crash()
}

#[test]
fn what_is_behind_a_hole_is_cut_off() {
    let mut bench = with_hole(small());
    assert_eq!(bench.records().iter().map(|record| record.offset).collect::<Vec<_>>(), [0]);
    let cut = bench.trace.events().iter().find_map(|event| match &event.kind {
        TraceKind::LogTruncated { to_offset, bytes, reason, .. } => Some((*to_offset, *bytes > 1_000, reason.clone())),
        _ => None,
    });
    assert_eq!(cut, Some((1, true, "the records from offset 1 to 1 are missing".to_string())));
    assert_eq!(bench.put(&["next"]).base_offset, 1);
    let logs = bench.disk.entries().into_iter().filter(|entry| entry.path.ends_with(".log"));
    assert_eq!(logs.count(), 1);
}

/// Its policy was changed; the holes stay, and what is behind them must.
#[test]
fn a_log_that_was_compacted_once_has_holes_in_good_order() {
    let opened = |compacted_up_to| {
        let disk = with_hole(LogConfig { cleanup: COMPACT, ..small() }).disk;
        disk.crash();
        let bench = Bench::opened(disk, small(), Opening { compacted_up_to, ..Opening::unclean() }).unwrap();
        bench.records().iter().map(|record| record.offset).collect::<Vec<_>>()
    };
    assert_eq!(opened(6), [0, 2, 3, 4, 5, 6, 7]);
    assert_eq!(opened(0), [0]);
}

#[test]
fn a_compacted_log_has_holes_in_good_order() {
    let bench = with_hole(LogConfig { cleanup: COMPACT, ..small() });
    let offsets: Vec<i64> = bench.records().iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [0, 2, 3, 4, 5, 6, 7]);
}

/// The power failed after a compaction, and the active segment had nothing on the disk yet.
#[test]
fn an_empty_segment_tells_where_a_compacted_log_ends() {
    let cleanup = CleanupPolicy { delete: false, compact: true };
    let bench = with_hole(LogConfig { cleanup, ..small() });
    for entry in bench.disk.entries() {
        if entry.path.ends_with(".log") && !entry.path.starts_with(FIRST) {
            bench.disk.put(&entry.path, b"");
        }
    }
    let mut bench = bench.crash();
    assert_eq!(bench.put(&["next"]).base_offset, 6, "offsets that somebody may have read are not used again");
    let bench = with_hole(small()).crash();
    assert_eq!(bench.log.log_end_offset(), 1);
}
