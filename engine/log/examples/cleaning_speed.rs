//! How fast a log is compacted: `cargo run --release -p naru-log --example cleaning_speed`.
//!
//! One thread, a disk in memory, records of 100 bytes in batches of 16 KiB. Printed for each codec: what share of the records
//! is superseded, how many MB of segments a second cleans (they are read twice), and how long a step takes on average. Where
//! the operating system tells it, time is that of the processor, so that others on the machine do not count.

use naru_log::{
    Log, LogConfig, MemoryStorage, Opening, Storage, TopicPartition,
    clean::{Cleaner, CleanerOptions, DigestSecret, Progress},
};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit};
use naru_trace::Trace;
use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

const RECORDS: u64 = 1_500_000;
const VALUE: [u8; 80] = [b'v'; 80];
const BATCH_BYTES: usize = 16 << 10;
const STEP_BYTES: u32 = 256 << 10;

fn main() {
    for codec in [Compression::None, Compression::Lz4, Compression::Zstd] {
        for keys in [100_000, 1_000_000] {
            measure(codec, keys);
        }
    }
}

fn measure(codec: Compression, keys: u64) {
    let mut storage = MemoryStorage::new();
    let mut log = filled(codec, keys, &mut storage);
    let cleanable = log.cleanable(None, log.log_end_offset(), 0, &storage).expect("a readable log");
    let options = CleanerOptions {
        dedupe_buffer_bytes: 128 << 20,
        load_percent: 90,
        secret: DigestSecret(1, 2),
        decompress_limit: DecompressLimit::default(),
    };
    let mut trace = Trace::default();
    let mut cleaner = Cleaner::start(&log, &cleanable, options, 0, &mut trace);
    let (started, mut steps) = (time(), 0);
    let cleaned = loop {
        let progress = cleaner.step(STEP_BYTES, &mut log, &mut storage, &mut trace).expect("a cleaning");
        assert!(storage.commit().is_empty());
        steps += 1;
        match progress {
            Progress::Working => {}
            Progress::Sync(_) => cleaner.on_synced(),
            Progress::Done(cleaned) => break cleaned,
        }
    };
    let busy = time() - started;
    let megabytes = cleaned.bytes_before as f64 / 1e6;
    let removed = 100 * cleaned.records_removed / (cleaned.records_kept + cleaned.records_removed).max(1);
    println!(
        "{:>4}, {keys:>7} keys: {removed:>2} % removed, {megabytes:>5.0} MB at {:>4.0} MB/s, {:.2?} a step",
        codec.name(),
        megabytes / busy.as_secs_f64(),
        busy / steps,
    );
}

/// The time that this thread has had the processor, or that has passed where nobody knows it.
fn time() -> Duration {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    let passed = STARTED.elapsed();
    let on_the_processor =
        || std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok();
    on_the_processor().map_or(passed, Duration::from_nanos)
}

/// A log of random keys, all of it dirty but the active segment.
fn filled(codec: Compression, keys: u64, storage: &mut MemoryStorage) -> Log {
    let id = TopicPartition { topic: "state".into(), partition: 0 };
    let config = LogConfig { segment_bytes: 64 << 20, ..LogConfig::default() };
    let mut trace = Trace::default();
    let mut log = Log::open(&id, config, Opening::clean(), storage, &mut trace).expect("an empty log");
    let mut chance = 1_u64;
    let mut builder = BatchBuilder::new(codec);
    for number in 0..RECORDS {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let key = format!("user-{:012}", (chance >> 33) % keys);
        builder.append(number as i64, Some(key.as_bytes()), Some(&VALUE), &[]);
        if builder.size_estimate() >= BATCH_BYTES || number + 1 == RECORDS {
            let full = std::mem::replace(&mut builder, BatchBuilder::new(codec));
            let batch = Batch::parse(full.build(0, -1)).expect("a batch");
            log.append(&batch, 0, 0, storage, &mut trace).expect("room");
            assert!(storage.commit().is_empty());
        }
    }
    log.roll("measurement", 0, storage, &mut trace).expect("a new segment");
    log
}
