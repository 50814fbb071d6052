//! Stories of a log, with its files and events. `UPDATE_EXPECT=1 cargo test -p naru-log` rewrites what is expected.

mod support;

use expect_test::{Expect, expect};
use naru_trace::{TraceEvent, TraceKind};
use std::fmt::Write as _;
use support::*;

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

/// The events in short, one a line.
fn events(events: &[TraceEvent]) -> String {
    let mut out = String::new();
    for event in events {
        match &event.kind {
            TraceKind::BatchAppended { segment, position, bytes, records, log_end_offset, .. } => {
                let offsets: Vec<String> = records.iter().map(|record| record.offset.to_string()).collect();
                let offsets = offsets.join(",");
                write!(out, "batch     segment {segment:>2}  position {position:>4}  bytes {bytes:>4}").unwrap();
                writeln!(out, "  offsets {offsets}  log end {log_end_offset}").unwrap();
            }
            TraceKind::SegmentRolled { base_offset, because, .. } => {
                writeln!(out, "segment   {base_offset}, because of {because}").unwrap();
            }
            TraceKind::IndexEntryAdded { offset, position, .. } => {
                writeln!(out, "index     offset {offset} -> position {position}").unwrap();
            }
            TraceKind::TimeIndexEntryAdded { timestamp_ms, offset, .. } => {
                writeln!(out, "times     up to offset {offset}, nothing is later than {timestamp_ms}").unwrap();
            }
            TraceKind::LogTruncated { to_offset, bytes, reason, .. } => {
                writeln!(out, "truncated to offset {to_offset}, {bytes} bytes: {reason}").unwrap();
            }
            // A story of one leader.
            TraceKind::LeaderEpochStarted { .. } => {}
            other => panic!("a log does not emit {other:?}"),
        }
    }
    out
}

/// Segments of 400 bytes, an index entry every 100 bytes at most.
#[test]
fn appends_roll_segments_and_add_index_entries() {
    let mut config = small();
    config.segment_bytes = 400;
    config.index_interval_bytes = 100;
    let mut bench = Bench::new(config);
    for values in [&["a"][..], &["b", "c"], &["d"], &["e"], &["f", "g", "h"], &["i"]] {
        bench.put(values);
    }
    bench.commit();
    check(
        &events(bench.events()),
        &expect![[r#"
            batch     segment  0  position    0  bytes   72  offsets 0  log end 1
            batch     segment  0  position   72  bytes   83  offsets 1,2  log end 3
            batch     segment  0  position  155  bytes   72  offsets 3  log end 4
            index     offset 3 -> position 155
            times     up to offset 2, nothing is later than 1001
            batch     segment  0  position  227  bytes   72  offsets 4  log end 5
            batch     segment  0  position  299  bytes   94  offsets 5,6,7  log end 8
            index     offset 7 -> position 299
            times     up to offset 7, nothing is later than 1002
            segment   8, because of segment.bytes
            batch     segment  8  position    0  bytes   72  offsets 8  log end 9
        "#]],
    );
    let files: Vec<String> =
        bench.disk.entries().iter().map(|entry| format!("{} {}", entry.path, entry.length)).collect();
    check(
        &files.join("\n"),
        &expect![[r#"
            orders-0 0
            orders-0/00000000000000000000.index 16
            orders-0/00000000000000000000.log 393
            orders-0/00000000000000000000.timeindex 24
            orders-0/00000000000000000008.index 0
            orders-0/00000000000000000008.log 72
            orders-0/00000000000000000008.snapshot 10
            orders-0/00000000000000000008.timeindex 0
            orders-0/leader-epoch-checkpoint 8"#]],
    );
    check(
        &hex(&bench.disk.contents(&format!("{FIRST}.index")).unwrap()),
        &expect![[r#"
        00 00 00 03 00 00 00 9b
        00 00 00 07 00 00 01 2b"#]],
    );
}

fn hex(bytes: &[u8]) -> String {
    let row = |row: &[u8]| row.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(8).map(row).collect::<Vec<_>>().join("\n")
}

/// A crash loses what was not committed; a torn batch at the end is cut off; the rest is there again.
#[test]
fn a_crash_in_the_middle_of_a_batch() {
    let mut bench = Bench::new(small());
    bench.put(&["kept"]);
    bench.put(&["kept, too"]);
    bench.commit();
    bench.put(&["never committed"]);
    assert_eq!(bench.log.log_end_offset(), 3);
    let bench = bench.crash();
    check(&events(bench.events()), &expect![[r#""#]]);
    assert_eq!(bench.log.log_end_offset(), 2);

    let path = format!("{FIRST}.log");
    let mut torn = bench.disk.contents(&path).unwrap();
    torn.truncate(torn.len() - 1);
    bench.disk.put(&path, &torn);
    let mut bench = bench.crash();
    check(
        &events(bench.events()),
        &expect![[r#"
        truncated to offset 1, 79 bytes: the batch is cut off: 80 bytes are needed, 79 are there
    "#]],
    );
    assert_eq!(bench.put(&["next"]).base_offset, 1);
    let values: Vec<_> = bench.records().into_iter().filter_map(|record| record.value).collect();
    assert_eq!(values, ["kept", "next"]);
}

/// What recovery says about different kinds of damage in the first of three segments.
#[test]
fn recovery_in_words() {
    let mut bench = Bench::new(small());
    (0..30).for_each(|_| _ = bench.put(&["value"]));
    bench.commit();
    assert_eq!(bench.log.segments().len(), 3);
    let path = format!("{FIRST}.log");
    let good = bench.disk.contents(&path).unwrap();
    let second = 76;
    let mut said = String::new();
    let mut say = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let disk = naru_log::MemoryStorage::new();
        for entry in bench.disk.entries().iter().filter(|entry| !entry.is_dir) {
            disk.put(&entry.path, &bench.disk.contents(&entry.path).unwrap());
        }
        let mut bytes = good.clone();
        change(&mut bytes);
        disk.put(&path, &bytes);
        let bench = Bench::on(disk, small(), false).unwrap();
        write!(said, "{what}\n  {}", events(bench.events())).unwrap();
        let files: Vec<String> = bench.disk.entries().iter().map(|entry| entry.path.replace("orders-0/", "")).collect();
        writeln!(said, "  left: {}", files[1..].join(" ")).unwrap();
    };
    say("zeroes from the second batch on", &|bytes| bytes[second..].fill(0));
    say("the second batch's format is v1", &|bytes| bytes[second + 16] = 1);
    say("the second batch's length is too long", &|bytes| bytes[second + 10] = 0x7f);
    say("the second batch's offset goes back", &|bytes| bytes[second + 7] = 0);
    say("the second batch's value has changed", &|bytes| bytes[second + 70] ^= 1);
    say("the file ends in the second batch", &|bytes| bytes.truncate(second + 40));
    say("the file is empty", &|bytes| bytes.clear());
    check(
        &said,
        &expect![[r#"
            zeroes from the second batch on
              truncated to offset 1, 2204 bytes: the batch has magic 0; only record format v2 is supported
              left: 00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex leader-epoch-checkpoint
            the second batch's format is v1
              truncated to offset 1, 2204 bytes: the batch has magic 1; only record format v2 is supported
              left: 00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex leader-epoch-checkpoint
            the second batch's length is too long
              truncated to offset 1, 2204 bytes: the batch is cut off: 32588 bytes are needed, 912 are there
              left: 00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex leader-epoch-checkpoint
            the second batch's offset goes back
              truncated to offset 1, 2204 bytes: invalid batch header: baseOffset is 0
              left: 00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex leader-epoch-checkpoint
            the second batch's value has changed
              truncated to offset 1, 2204 bytes: the batch's CRC-32C is 0xabf9e556, but its header says 0x44c98e4f
              left: 00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex leader-epoch-checkpoint
            the file ends in the second batch
              truncated to offset 1, 1332 bytes: the batch is cut off: 61 bytes are needed, 40 are there
              left: 00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex leader-epoch-checkpoint
            the file is empty
              truncated to offset 0, 1292 bytes: the records from offset 0 to 12 are missing
              left: 00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex leader-epoch-checkpoint
        "#]],
    );
}
