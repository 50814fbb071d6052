//! What holds for compaction whatever is written, whenever it is cleaned, and wherever a crash interrupts it:
//!
//! - the last record of each key survives, unless it is a tombstone whose horizon has passed;
//! - every record that is there was written, at that offset, with that key, value, headers and time; in this order;
//! - the log ends where it ended, and reading on from any offset finds the next record that is left.

mod support;

use naru_log::{
    CleanupPolicy, LogConfig, MemoryStorage, Opening, Storage,
    clean::{CleanError, Cleaner, CleanerOptions},
};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, Header, Record};
use proptest::{collection::vec, option, prelude::*, sample::select};
use std::collections::BTreeMap;
use support::{
    cleaning::{FailingStorage, OPTIONS, clean, drive},
    *,
};

const DELETE_RETENTION_MS: i64 = 500;

#[derive(Debug, Clone)]
enum Act {
    /// Key and value of each record; the producer's id, if it has one; the codec.
    Put(Vec<(u8, Option<u8>)>, Option<u8>, Compression),
    Roll,
    Flush,
    Wait(i64),
    Clean,
    Restart,
    Crash,
}

fn act() -> impl Strategy<Value = Act> {
    let records = vec((0..6_u8, option::weighted(0.8, any::<u8>())), 1..5);
    let put = (records, option::of(0..3_u8), select(&[Compression::None, Compression::Lz4][..]))
        .prop_map(|(records, producer, codec)| Act::Put(records, producer, codec));
    prop_oneof![
        10 => put,
        3 => Just(Act::Roll),
        1 => Just(Act::Flush),
        2 => (1..400_i64).prop_map(Act::Wait),
        3 => Just(Act::Clean),
        1 => Just(Act::Restart),
        1 => Just(Act::Crash),
    ]
}

fn config() -> LogConfig {
    LogConfig {
        cleanup: CleanupPolicy { delete: false, compact: true },
        segment_bytes: 600,
        index_interval_bytes: 150,
        delete_retention_ms: DELETE_RETENTION_MS,
        ..LogConfig::default()
    }
}

/// A log, and all that was ever written to it.
struct Model {
    bench: Bench,
    written: BTreeMap<i64, Record>,
    sequences: BTreeMap<u8, i32>,
    /// When a cleaning first reached the offset.
    cleaned_at: BTreeMap<i64, i64>,
    checkpoint: Option<i64>,
    now_ms: i64,
}

impl Model {
    fn new() -> Model {
        Model {
            bench: Bench::new(config()),
            written: BTreeMap::new(),
            sequences: BTreeMap::new(),
            cleaned_at: BTreeMap::new(),
            checkpoint: None,
            now_ms: 1_000,
        }
    }

    fn act(mut self, act: &Act, options: CleanerOptions, budget_bytes: u32) -> Model {
        match act {
            Act::Put(records, producer, codec) => self.put(records, *producer, *codec),
            Act::Roll => {
                self.bench.log.roll("test", self.bench.now_ms, &mut self.bench.storage, &mut self.bench.trace).unwrap()
            }
            Act::Flush => self.flush(),
            Act::Wait(ms) => self.now_ms += ms,
            Act::Clean => self.clean(options, budget_bytes),
            Act::Restart => self.bench = self.bench.restart(),
            Act::Crash => self.bench = self.bench.crash(),
        }
        self
    }

    fn put(&mut self, records: &[(u8, Option<u8>)], producer: Option<u8>, codec: Compression) {
        let mut builder = BatchBuilder::new(codec);
        if let Some(producer) = producer {
            let sequence = self.sequences.entry(producer).or_default();
            builder.set_producer(producer.into(), 0, *sequence);
            *sequence += records.len() as i32;
        }
        for (key, value) in records {
            let header = Header { key: "h".into(), value: value.map(|value| vec![value].into()) };
            let value = value.as_ref().map(core::slice::from_ref);
            builder.append(self.now_ms, Some(&[*key]), value, &[header]);
        }
        let batch = Batch::parse(builder.build(0, -1)).unwrap();
        let appended = self.bench.append(&batch);
        self.bench.commit();
        let records = batch.records(DecompressLimit::default()).unwrap();
        let numbered = |record: Record| Record { offset: appended.base_offset + record.offset, ..record };
        self.written.extend(records.into_iter().map(numbered).map(|record| (record.offset, record)));
    }

    fn flush(&mut self) {
        for file in self.bench.log.flush_files() {
            self.bench.storage.sync(file).unwrap();
        }
        let end = self.bench.log.log_end_offset();
        self.bench.log.flushed(end, "test", &mut self.bench.trace);
    }

    fn cleanable(&self) -> naru_log::clean::Cleanable {
        let log = &self.bench.log;
        log.cleanable(self.checkpoint, log.log_end_offset(), self.now_ms, &self.bench.storage).unwrap()
    }

    fn note_cleaning(&mut self, end: i64) {
        let reached = self.written.range(..end).map(|(offset, _)| *offset);
        for offset in reached {
            self.cleaned_at.entry(offset).or_insert(self.now_ms);
        }
    }

    fn clean(&mut self, options: CleanerOptions, budget_bytes: u32) {
        let cleanable = self.cleanable();
        self.note_cleaning(cleanable.first_uncleanable_offset);
        let cleaned = clean(&mut self.bench, &cleanable, (options, budget_bytes), self.now_ms).unwrap();
        assert!(cleaned.first_dirty_offset <= cleanable.first_uncleanable_offset.max(cleanable.first_dirty_offset));
        let has_dirt = cleanable.dirty_bytes > 0;
        assert!(!has_dirt || cleaned.first_dirty_offset > cleanable.first_dirty_offset, "each cleaning gets further");
        self.checkpoint = Some(cleaned.first_dirty_offset);
    }

    fn check(&self) {
        let end = self.written.last_key_value().map_or(0, |(offset, _)| offset + 1);
        assert_eq!(self.bench.log.log_end_offset(), end);
        self.check_before(end);
        // Reading on from anywhere finds what comes next.
        let left = self.bench.records();
        for from in 0..end {
            let next = left.iter().map(|record| record.offset).find(|offset| *offset >= from);
            assert_eq!(self.next_record(from), next, "from {from}");
        }
    }

    /// As a consumer finds it: batch by batch. A batch may have no record at or after the offset.
    fn next_record(&self, from: i64) -> Option<i64> {
        let mut position = from;
        while position < self.bench.log.log_end_offset() {
            let result = self.bench.read(position, 1).unwrap();
            let batches = contents(&result);
            let records = batches.iter().flat_map(|batch| batch.records(DecompressLimit::default()).unwrap());
            if let Some(record) = records.into_iter().find(|record| record.offset >= from) {
                return Some(record.offset);
            }
            if result.bytes == 0 {
                return None;
            }
            assert!(result.next_offset > position, "a read gets further");
            position = result.next_offset;
        }
        None
    }

    /// The properties, for what was on disk before `end`: of each key the last record before it is there, or one that came
    /// after it.
    fn check_before(&self, end: i64) {
        let records = self.bench.records();
        assert!(records.is_sorted_by(|a, b| a.offset < b.offset));
        for record in &records {
            assert_eq!(Some(record), self.written.get(&record.offset), "nothing is made up");
        }
        let last: BTreeMap<_, i64> =
            self.written.range(..end).map(|(offset, record)| (record.key.clone(), *offset)).collect();
        for (key, last) in last {
            let is_there = records.iter().any(|record| record.key == key && record.offset >= last);
            let newest = self.written.range(last..).filter(|(_, record)| record.key == key).map(|(_, record)| record);
            assert!(is_there || newest.into_iter().any(|record| self.may_be_gone(record)), "lost: {key:?} at {last}");
        }
    }

    /// A tombstone whose horizon has passed.
    fn may_be_gone(&self, record: &Record) -> bool {
        let cleaned_at = self.cleaned_at.get(&record.offset).filter(|_| record.value.is_none());
        cleaned_at.is_some_and(|cleaned_at| self.now_ms >= cleaned_at + DELETE_RETENTION_MS)
    }

    fn check_sequences(&self) {
        for (producer, sequence) in &self.sequences {
            let entry = self.bench.log.producers().entry(i64::from(*producer)).expect("its last batch is there");
            assert_eq!(entry.last_sequence(), sequence - 1);
        }
    }
}

fn options() -> impl Strategy<Value = CleanerOptions> {
    (2..200_usize).prop_map(|slots| CleanerOptions { dedupe_buffer_bytes: slots * 24, ..OPTIONS })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_last_record_of_each_key_survives(
        acts in vec(act(), 1..60),
        options in options(),
        budget_bytes in 1..2_000_u32,
    ) {
        let mut model = Model::new();
        for act in &acts {
            model = model.act(act, options, budget_bytes);
            model.check();
            model.check_sequences();
        }
    }

}

proptest! {
    // Each case is as many runs as a cleaning has operations.
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The process or the machine stops at each operation of a cleaning in turn. What the next start finds has the same
    /// properties, as far as the log was on disk.
    #[test]
    fn a_crash_anywhere_in_a_cleaning_loses_nothing(
        acts in vec(act(), 5..40),
        options in options(),
        seed: u64,
    ) {
        let mut power = 0;
        for changes in 0.. {
            let mut model = Model::new();
            for act in &acts {
                model = model.act(act, options, 1_000);
            }
            let synced = model.bench.log.recovery_point();
            let cleanable = model.cleanable();
            model.note_cleaning(cleanable.first_uncleanable_offset);
            let mut storage = FailingStorage { disk: model.bench.disk.clone(), changes_left: changes };
            let (log, trace) = (&model.bench.log, &mut model.bench.trace);
            let mut cleaner = Cleaner::start(log, &cleanable, options, model.now_ms, trace);
            let result = drive(&mut cleaner, &mut model.bench, 300, &mut storage);
            let end = model.bench.log.log_end_offset();
            power = (power + 1) % 3;
            let mut chance = seed.wrapping_add(u64::from(changes));
            match power {
                0 => model.bench.disk.crash(),
                1 => model.bench.disk.lose_power(None),
                _ => model.bench.disk.lose_power(Some(&mut |bound| {
                    chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (chance >> 33) % bound
                })),
            }
            // With and without a recovery point, before which segments are trusted.
            let recovery_point = if changes % 2 == 0 { synced } else { 0 };
            let opening = Opening { recovery_point, ..Opening::unclean() };
            model.bench = Bench::opened(model.bench.disk, config(), opening).unwrap();
            let left = model.bench.log.log_end_offset();
            prop_assert!(left <= end && left >= synced, "{left} of {end}, {synced} were synced");
            prop_assert!(power != 0 || left == end);
            model.check_before(if power == 0 { end } else { synced });
            prop_assert!(!leftovers(&model.bench.disk), "a start tidies up");
            if result.is_ok() {
                break;
            }
            prop_assert!(matches!(result, Err(CleanError::Storage(_) | CleanError::Swap(_))), "{result:?}");
        }
    }
}

fn leftovers(disk: &MemoryStorage) -> bool {
    disk.entries().iter().any(|entry| entry.path.ends_with(".cleaned") || entry.path.ends_with(".swap"))
}
