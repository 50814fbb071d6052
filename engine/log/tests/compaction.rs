//! Compaction as stories: what is written, and what is left of it. `UPDATE_EXPECT=1 cargo test -p naru-log` rewrites what is
//! expected.
//!
//! ```text
//! put a=1 b=2 c=          a batch of three records, the last one a tombstone; `=1` has no key
//! put 7/0/3 a=1           the same by producer 7 in epoch 0, with sequence number 3
//! roll                    a new segment begins
//! clean 5000              the log is compacted, at this time
//! crash, restart          the process ends without warning, or in good order
//! ```

mod support;

use expect_test::{Expect, expect};
use naru_log::{
    CleanupPolicy, LogConfig, Storage, StorageErrorKind,
    clean::{CleanError, Cleanable, Cleaned, CleanerOptions},
};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit};
use std::fmt::Write as _;
use support::{
    cleaning::{OPTIONS, clean},
    *,
};

fn config() -> LogConfig {
    let cleanup = CleanupPolicy { delete: false, compact: true };
    LogConfig { cleanup, delete_retention_ms: 1_000, index_interval_bytes: 100, ..LogConfig::default() }
}

/// A log, and how far it was cleaned.
struct Story {
    bench: Bench,
    checkpoint: Option<i64>,
    options: CleanerOptions,
    timestamp: i64,
    out: String,
}

impl Story {
    fn new(config: LogConfig) -> Story {
        let bench = Bench::new(config);
        Story { bench, checkpoint: None, options: OPTIONS, timestamp: 0, out: String::new() }
    }

    fn tell(mut self, lines: &str) -> Story {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self = self.act(line);
        }
        self
    }

    fn act(mut self, line: &str) -> Story {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "put" => self.put(rest),
            "roll" => {
                self.bench.log.roll("test", self.bench.now_ms, &mut self.bench.storage, &mut self.bench.trace).unwrap()
            }
            "clean" => self.clean(rest.parse().unwrap()),
            "crash" => self.bench = self.bench.crash(),
            "restart" => self.bench = self.bench.restart(),
            _ => panic!("nobody knows how to {line}"),
        }
        self
    }

    fn put(&mut self, words: &str) {
        let mut builder = BatchBuilder::new(Compression::None);
        for word in words.split_whitespace() {
            match word.split_once('=') {
                Some((key, value)) => {
                    self.timestamp += 1;
                    let key = (!key.is_empty()).then_some(key.as_bytes());
                    let value = (!value.is_empty()).then_some(value.as_bytes());
                    builder.append(self.timestamp, key, value, &[]);
                }
                None => {
                    let numbers: Vec<i32> = word.split('/').map(|number| number.parse().unwrap()).collect();
                    builder.set_producer(numbers[0].into(), numbers[1] as i16, numbers[2]);
                }
            }
        }
        self.bench.append(&Batch::parse(builder.build(0, -1)).unwrap());
        self.bench.commit();
    }

    fn cleanable(&self, now_ms: i64) -> Cleanable {
        let bench = &self.bench;
        bench.log.cleanable(self.checkpoint, bench.log.log_end_offset(), now_ms, &bench.storage).unwrap()
    }

    fn clean(&mut self, now_ms: i64) {
        let cleanable = self.cleanable(now_ms);
        let (first, end) = (cleanable.first_dirty_offset, cleanable.first_uncleanable_offset);
        match clean(&mut self.bench, &cleanable, (self.options, 1), now_ms) {
            Ok(cleaned) => {
                self.checkpoint = Some(cleaned.first_dirty_offset);
                let Cleaned { first_dirty_offset, records_kept, records_removed, .. } = cleaned;
                writeln!(self.out, "dirty {first}, up to {end}: {records_kept} kept, {records_removed} removed")
                    .unwrap();
                if first_dirty_offset != end {
                    writeln!(self.out, "still dirty from {first_dirty_offset}").unwrap();
                }
            }
            Err(error) => writeln!(self.out, "{error}").unwrap(),
        }
    }

    /// What was told so far, and what is in the log now.
    fn check(&mut self, expected: &Expect) {
        let mut out = core::mem::take(&mut self.out);
        let bases: Vec<i64> = self.bench.log.segments().iter().map(|segment| segment.base_offset).collect();
        let all = self.bench.read(self.bench.log.log_start_offset(), u32::MAX).unwrap();
        let batches = contents(&all);
        for (number, base) in bases.iter().enumerate() {
            let end = bases.get(number + 1).copied().unwrap_or(i64::MAX);
            writeln!(out, "segment {base}").unwrap();
            for batch in batches.iter().filter(|batch| (*base..end).contains(&batch.header().base_offset)) {
                writeln!(out, "    {}", line_of(batch)).unwrap();
            }
        }
        expected.assert_eq(&out);
    }
}

/// `2..4 | 3 a=1 | 4 b= | by 7/0/3 | deletes from 6000`
fn line_of(batch: &Batch) -> String {
    let header = batch.header();
    let mut line = format!("{}..{}", header.base_offset, header.last_offset());
    for record in batch.records(DecompressLimit::default()).unwrap() {
        let text = |bytes: Option<bytes::Bytes>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        write!(line, " | {} {}={}", record.offset, text(record.key), text(record.value)).unwrap();
    }
    if header.has_producer_id() {
        write!(line, " | by {}/{}/{}", header.producer_id, header.producer_epoch, header.base_sequence).unwrap();
    }
    if let Some(horizon) = header.delete_horizon_ms() {
        write!(line, " | deletes from {horizon}").unwrap();
    }
    line
}

#[test]
fn semantics_39_the_newest_record_of_a_key_stays_at_its_offset() {
    let mut story = Story::new(config()).tell(
        "put a=1 b=1
         put a=2
         put c=1 a=3 =lost
         roll
         put b=2
         roll
         put a=active
         clean 5000",
    );
    story.check(&expect![[r#"
        dirty 0, up to 7: 3 kept, 4 removed
        segment 0
            3..5 | 3 c=1 | 4 a=3
            6..6 | 6 b=2
        segment 7
            7..7 | 7 a=active
    "#]]);
}

#[test]
fn semantics_39_the_active_segment_is_never_compacted() {
    let mut story = Story::new(config()).tell(
        "put a=1
         put a=2
         clean 5000",
    );
    story.check(&expect![[r#"
        dirty 0, up to 0: 0 kept, 0 removed
        segment 0
            0..0 | 0 a=1
            1..1 | 1 a=2
    "#]]);
}

#[test]
fn semantics_39_tombstones_stay_until_their_delete_horizon() {
    let mut story = Story::new(config()).tell(
        "put a=1 b=1
         put a=
         roll
         clean 5000",
    );
    story.check(&expect![[r#"
        dirty 0, up to 3: 2 kept, 1 removed
        segment 0
            0..1 | 1 b=1
            2..2 | 2 a= | deletes from 6000
        segment 3
    "#]]);
    let mut story = story.tell(
        "put x=1
         roll
         clean 5999",
    );
    story.check(&expect![[r#"
        dirty 3, up to 4: 3 kept, 0 removed
        segment 0
            0..1 | 1 b=1
            2..2 | 2 a= | deletes from 6000
            3..3 | 3 x=1
        segment 4
    "#]]);
    let mut story = story.tell(
        "put x=2
         roll
         clean 6000",
    );
    story.check(&expect![[r#"
        dirty 4, up to 5: 2 kept, 2 removed
        segment 0
            0..1 | 1 b=1
            4..4 | 4 x=2
        segment 5
    "#]]);
}

#[test]
fn semantics_39_the_last_batch_of_a_producer_stays_even_without_records() {
    let mut story = Story::new(config()).tell(
        "put 7/0/0 a=1
         put 7/0/1 a=2 b=1
         put 8/0/0 a=3 b=2
         roll
         clean 5000
         crash",
    );
    assert_eq!(story.bench.log.producers().entry(7).unwrap().last_sequence(), 2);
    story.check(&expect![[r#"
        dirty 0, up to 5: 2 kept, 3 removed
        segment 0
            1..2 | by 7/0/1
            3..4 | 3 a=3 | 4 b=2 | by 8/0/0
        segment 5
    "#]]);
}

/// SEMANTICS 42: once more, a batch without records is a batch.
#[test]
fn semantics_42_batches_without_records_are_cleaned_again() {
    let mut story = Story::new(config()).tell(
        "put 7/0/0 a=1
         put a=2
         roll
         clean 5000
         put a=3
         roll
         clean 5001",
    );
    story.check(&expect![[r#"
        dirty 0, up to 2: 1 kept, 1 removed
        dirty 2, up to 3: 1 kept, 1 removed
        segment 0
            0..0 | by 7/0/0
            2..2 | 2 a=3
        segment 3
    "#]]);
    // Its producer wrote again: the empty batch is not its last one any more.
    let mut story = story.tell(
        "put 7/0/1 b=1
         roll
         clean 5002",
    );
    story.check(&expect![[r#"
        dirty 3, up to 4: 2 kept, 0 removed
        segment 0
            2..2 | 2 a=3
            3..3 | 3 b=1 | by 7/0/1
        segment 4
    "#]]);
}

#[test]
fn small_segments_become_one() {
    let one = 70;
    let mut config = config();
    config.segment_bytes = 3 * one;
    let mut story = Story::new(config).tell(
        "put a=1
         put b=1
         put c=1
         put a=2
         put b=2
         put c=2
         put d=1
         put e=1
         clean 5000
         put a=3
         put f=1
         put g=1
         put h=1
         clean 5000",
    );
    story.check(&expect![[r#"
        dirty 0, up to 6: 3 kept, 3 removed
        dirty 6, up to 9: 5 kept, 1 removed
        segment 0
            4..4 | 4 b=2
            5..5 | 5 c=2
        segment 6
            6..6 | 6 d=1
            7..7 | 7 e=1
            8..8 | 8 a=3
        segment 9
            9..9 | 9 f=1
            10..10 | 10 g=1
            11..11 | 11 h=1
    "#]]);
    // Producer snapshots go with the segments that they were taken for.
    let paths = story.bench.disk.entries().into_iter().map(|entry| entry.path);
    let snapshots: Vec<String> = paths.filter(|path| path.ends_with(".snapshot")).collect();
    assert_eq!(snapshots, [6, 9].map(|base| format!("orders-0/{base:020}.snapshot")));
}

/// A map that is full ends the first part; the next cleaning goes on there.
#[test]
fn a_log_with_more_keys_than_the_map_holds_is_cleaned_bit_by_bit() {
    let mut story = Story::new(config());
    story.options.dedupe_buffer_bytes = 3 * 24;
    let mut story = story.tell(
        "put a=1 b=1 a=2 c=1 d=1 a=3 b=2
         roll
         clean 5000",
    );
    story.check(&expect![[r#"
        dirty 0, up to 7: 6 kept, 1 removed
        still dirty from 3
        segment 0
            0..6 | 1 b=1 | 2 a=2 | 3 c=1 | 4 d=1 | 5 a=3 | 6 b=2
        segment 7
    "#]]);
    let mut story = story.tell("clean 5000");
    story.check(&expect![[r#"
        dirty 3, up to 7: 6 kept, 0 removed
        still dirty from 5
        segment 0
            0..6 | 1 b=1 | 2 a=2 | 3 c=1 | 4 d=1 | 5 a=3 | 6 b=2
        segment 7
    "#]]);
}

/// `min.compaction.lag.ms`: nothing from the first segment with a young record on.
#[test]
fn young_segments_are_left_alone() {
    let mut config = config();
    config.min_compaction_lag_ms = 100;
    let mut story = Story::new(config).tell(
        "put a=1
         put a=2
         roll
         put a=3
         put a=4
         roll
         clean 103",
    );
    story.check(&expect![[r#"
        dirty 0, up to 2: 1 kept, 1 removed
        segment 0
            1..1 | 1 a=2
        segment 2
            2..2 | 2 a=3
            3..3 | 3 a=4
        segment 4
    "#]]);
}

#[test]
fn semantics_39_dirty_enough_or_overdue() {
    let mut story = Story::new(config()).tell("put a=1\n put a=2\n roll");
    assert!(story.cleanable(5_000).is_due(999_999), "nothing is clean yet");
    story = story.tell("clean 5000\n put a=3\n roll");
    let cleanable = story.cleanable(5_000);
    assert_eq!((cleanable.clean_bytes, cleanable.dirty_bytes, cleanable.dirty_ppm()), (70, 70, 500_000));
    assert!(!cleanable.is_due(500_000), "the ratio has to be exceeded");
    assert!(cleanable.is_due(499_999));
    // max.compaction.lag.ms: the record of time 3 is older than 4997 ms only after 5000.
    let mut config = *story.bench.log.config();
    config.max_compaction_lag_ms = 4_997;
    story.bench.log.set_config(config);
    assert!(!story.cleanable(5_000).is_due(500_000));
    assert!(story.cleanable(5_001).is_due(500_000));
}

#[test]
fn a_checkpoint_outside_the_log_counts_for_nothing() {
    let mut story = Story::new(config()).tell("put a=1\n put a=2\n roll");
    for checkpoint in [None, Some(-1), Some(3), Some(0)] {
        story.checkpoint = checkpoint;
        assert_eq!(story.cleanable(5_000).first_dirty_offset, 0, "{checkpoint:?}");
    }
    story.checkpoint = Some(2);
    assert_eq!(story.cleanable(5_000).dirty_bytes, 0);
}

/// The power failed, the segments behind what was clean are gone, and the last clean one is the active one now.
#[test]
fn a_clean_segment_can_be_the_active_one_again() {
    let mut story = Story::new(config()).tell(
        "put a=1 b=1
         put a=2",
    );
    story.checkpoint = Some(3);
    let cleanable = story.cleanable(5_000);
    assert_eq!((cleanable.dirty_bytes, cleanable.is_due(0)), (0, false));
    let mut story = story.tell(
        "clean 5000
         put b=2
         roll
         clean 5000",
    );
    story.check(&expect![[r#"
        dirty 3, up to 0: 0 kept, 0 removed
        still dirty from 3
        dirty 3, up to 4: 3 kept, 1 removed
        segment 0
            0..1 | 0 a=1
            2..2 | 2 a=2
            3..3 | 3 b=2
        segment 4
    "#]]);
}

#[test]
fn damage_is_found_and_nothing_is_lost() {
    let mut story = Story::new(config()).tell("put a=1\n put a=2\n roll");
    let file = format!("{FIRST}.log");
    let mut bytes = story.bench.storage.read_file(&file).unwrap().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    story.bench.storage.replace_file(&file, &bytes).unwrap();
    // Opened again in good order, sealed segments are believed.
    let mut story = story.tell("restart\n clean 5000");
    let before = story.bench.storage.read_file(&file).unwrap();
    assert_eq!(before, bytes);
    expect![[r#"
        orders-0/00000000000000000000.log, byte 70: the batch's CRC-32C is 0xd21a0ff6, but its header says 0x20718cf5.
    "#]]
    .assert_eq(&story.out);
    story.out.clear();
    assert!(!story.bench.disk.entries().iter().any(|entry| entry.path.contains(".cleaned")));
}

#[test]
fn a_full_disk_ends_the_cleaning_and_takes_nothing() {
    let mut story = Story::new(config()).tell("put a=1 b=1\n put a=2\n roll");
    story.bench.commit();
    story.bench.disk.set_capacity(Some(story.bench.disk.used() + 10));
    let cleanable = story.cleanable(5_000);
    let failed = clean(&mut story.bench, &cleanable, (OPTIONS, 1), 5_000).unwrap_err();
    assert!(matches!(&failed, CleanError::Storage(error) if error.kind == StorageErrorKind::Full), "{failed}");
    assert!(!story.bench.disk.entries().iter().any(|entry| entry.path.contains(".cleaned")));
    story.bench.disk.set_capacity(None);
    let mut story = story.tell("clean 5000");
    story.check(&expect![[r#"
        dirty 0, up to 3: 2 kept, 1 removed
        segment 0
            0..1 | 1 b=1
            2..2 | 2 a=2
        segment 3
    "#]]);
}
