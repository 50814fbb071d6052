//! A log on a disk in memory, and short words for what tests do with it. Not tests themselves.
#![allow(dead_code)]

pub mod cleaning;

use naru_log::{
    Appended, Log, LogConfig, LogError, MemoryStorage, Opening, ReadResult, Slice, Storage, TopicPartition,
};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, Record, batches};
use naru_trace::{Trace, TraceEvent};

pub const FIRST: &str = "orders-0/00000000000000000000";

pub struct Bench {
    pub disk: MemoryStorage,
    pub storage: MemoryStorage,
    pub trace: Trace,
    pub config: LogConfig,
    pub log: Log,
    /// The broker's time.
    pub now_ms: i64,
}

pub fn id() -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition: 0 }
}

/// Small segments and a dense index, so that a few batches show everything.
pub fn small() -> LogConfig {
    LogConfig { segment_bytes: 1_000, index_interval_bytes: 200, ..LogConfig::default() }
}

impl Bench {
    pub fn new(config: LogConfig) -> Bench {
        Bench::on(MemoryStorage::new(), config, true).unwrap()
    }

    pub fn on(disk: MemoryStorage, config: LogConfig, clean: bool) -> Result<Bench, LogError> {
        Bench::opened(disk, config, Opening { clean, ..Opening::clean() })
    }

    pub fn opened(disk: MemoryStorage, config: LogConfig, opening: Opening) -> Result<Bench, LogError> {
        let (mut storage, mut trace) = (disk.clone(), Trace::recording());
        let log = Log::open(&id(), config, opening, &mut storage, &mut trace)?;
        log.check_invariants();
        Ok(Bench { disk, storage, trace, config, log, now_ms: 1_000 })
    }

    pub fn append(&mut self, batch: &Batch) -> Appended {
        let appended = self.log.append(batch, 3, self.now_ms, &mut self.storage, &mut self.trace).unwrap();
        self.log.check_invariants();
        appended
    }

    /// Appends a batch of the given values.
    pub fn put(&mut self, values: &[&str]) -> Appended {
        self.append(&batch(values))
    }

    pub fn read(&self, from: i64, max_bytes: u32) -> Result<ReadResult, LogError> {
        self.log.read(from, max_bytes, i64::MAX, true, &self.storage)
    }

    /// The base offsets of the batches that a read returns.
    pub fn bases(&self, result: &ReadResult) -> Vec<i64> {
        contents(result).iter().map(|batch| batch.header().base_offset).collect()
    }

    /// Every record of the log.
    pub fn records(&self) -> Vec<Record> {
        let all = self.log.read(self.log.log_start_offset(), u32::MAX, i64::MAX, true, &self.storage).unwrap();
        contents(&all).iter().flat_map(|batch| batch.records(DecompressLimit::default()).unwrap()).collect()
    }

    /// The process ends without warning, and another opens the log.
    pub fn crash(self) -> Bench {
        self.disk.crash();
        Bench::on(self.disk, self.config, false).unwrap()
    }

    /// The process ends in good order, and another opens the log.
    pub fn restart(self) -> Bench {
        let mut storage = self.storage;
        self.log.close(&mut storage).unwrap();
        Bench::on(self.disk, self.config, true).unwrap()
    }

    pub fn commit(&mut self) {
        assert_eq!(self.storage.commit(), []);
    }

    pub fn events(&self) -> &[TraceEvent] {
        self.trace.events()
    }
}

/// The batches that a read returns. Panics if they are not whole.
pub fn contents(result: &ReadResult) -> Vec<Batch> {
    let bytes: Vec<u8> = result.slices.iter().flat_map(|slice| bytes_of(slice).to_vec()).collect();
    assert_eq!(bytes.len(), result.bytes as usize);
    let found: Vec<Batch> = batches(bytes.clone().into()).collect::<Result<_, _>>().unwrap();
    assert_eq!(found.iter().map(|batch| batch.bytes().len()).sum::<usize>(), bytes.len(), "whole batches only");
    found.iter().for_each(|batch| batch.verify_crc().unwrap());
    found
}

pub fn bytes_of(slice: &Slice) -> bytes::Bytes {
    match slice {
        Slice::Bytes(bytes) => bytes.clone(),
        Slice::File(range) => panic!("a disk in memory has its bytes in memory, not {range:?}"),
    }
}

pub fn batch(values: &[&str]) -> Batch {
    batch_at(values, 1_000)
}

/// A batch whose records are a millisecond apart.
pub fn batch_at(values: &[&str], timestamp: i64) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None);
    for (value, timestamp) in values.iter().zip(timestamp..) {
        builder.append(timestamp, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    Batch::parse(builder.build(0, -1)).unwrap()
}

/// A batch of `count` records by an idempotent producer.
pub fn batch_by(producer_id: i64, epoch: i16, sequence: i32, count: usize) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None).producer(producer_id, epoch, sequence);
    for _ in 0..count {
        builder.append(1_000, None, Some(b"value"), &[]);
    }
    Batch::parse(builder.build(0, -1)).unwrap()
}
