//! One partition of `__consumer_offsets` that this broker leads: read first, a bounded piece at a time, then at work.

use crate::{topics::PartitionKey, turn::Turn};
use alloc::{boxed::Box, format, vec::Vec};
use bytes::{Bytes, BytesMut};
use naru_coordinator::{Coordinator, GroupConfig, Record};
use naru_log::{Slice, Storage, StorageError};
use naru_records::{DecompressLimit, batches};
use naru_trace::{Deadline, Micros};

/// How much of the log is read in one step.
const STEP_BYTES: u32 = 1 << 20;

/// A partition's coordinator.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) key: PartitionKey,
    /// The leader epoch in which it was begun: another one begins anew.
    pub(super) epoch: i32,
    pub(super) stage: Stage,
}

/// Whether it is at work yet.
#[derive(Debug)]
pub(super) enum Stage {
    /// Its log is being read.
    Loading { coordinator: Box<Coordinator>, next_offset: i64, end_offset: i64 },
    /// It answers.
    Active(Box<Coordinator>),
    /// It is in the middle of something, or cannot be read.
    Out,
}

impl Shard {
    pub(super) fn new(key: PartitionKey, epoch: i32, (from, end): (i64, i64), config: GroupConfig) -> Self {
        let coordinator = Box::new(Coordinator::new(config));
        Shard { key, epoch, stage: Stage::Loading { coordinator, next_offset: from, end_offset: end } }
    }

    pub(super) fn coordinator(&self) -> Option<&Coordinator> {
        match &self.stage {
            Stage::Active(coordinator) => Some(coordinator),
            Stage::Loading { .. } | Stage::Out => None,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Deadline> {
        match &self.stage {
            Stage::Active(coordinator) => coordinator.next_deadline(),
            Stage::Loading { .. } => Some(Deadline { at: Micros(0), reason: "__consumer_offsets is read" }),
            Stage::Out => None,
        }
    }

    pub(super) fn is_due(&self, now: Micros) -> bool {
        let deadline = self.coordinator().and_then(Coordinator::next_deadline);
        deadline.is_some_and(|deadline| deadline.at <= now)
    }
}

impl Turn<'_> {
    /// Reads on, if the partition is not read to its end yet.
    pub(super) fn load_shard(&mut self, index: i32) {
        let Some(shard) = self.state.groups.shards.get_mut(&index) else { return };
        if !matches!(shard.stage, Stage::Loading { .. }) {
            return;
        }
        let key = shard.key;
        let stage = core::mem::replace(&mut shard.stage, Stage::Out);
        let Stage::Loading { mut coordinator, next_offset, end_offset } = stage else { return };
        let read = match next_offset < end_offset {
            true => self.read_records(key, next_offset, end_offset),
            false => Ok((Vec::new(), end_offset)),
        };
        let stage = match read {
            Ok((records, next_offset)) => {
                records.into_iter().for_each(|record| coordinator.replay(record));
                match next_offset < end_offset {
                    true => Stage::Loading { coordinator, next_offset, end_offset },
                    false => {
                        self.with_io(|io| coordinator.finish_loading(io));
                        Stage::Active(coordinator)
                    }
                }
            }
            Err(reason) => {
                let warning = format!("the groups of __consumer_offsets-{index} cannot be read: {reason}");
                self.out.warnings.push(warning);
                Stage::Out
            }
        };
        if let Some(shard) = self.state.groups.shards.get_mut(&index) {
            shard.stage = stage;
        }
    }

    /// Some records from an offset on, and the offset behind them. What is not understood is passed over.
    fn read_records(
        &mut self,
        key: PartitionKey,
        from: i64,
        end: i64,
    ) -> Result<(Vec<Record>, i64), alloc::string::String> {
        let log = self.log(key).ok_or("its log is gone")?;
        let read = log.read(from, STEP_BYTES, end, true, self.storage).map_err(|error| format!("{error}"))?;
        let bytes = gather(&read.slices, self.storage).map_err(|error| format!("{error}"))?;
        let mut records = Vec::new();
        for batch in batches(bytes) {
            let batch = batch.map_err(|error| format!("{error}"))?;
            if batch.header().is_control() {
                continue;
            }
            for record in batch.records(DecompressLimit::default()).map_err(|error| format!("{error}"))? {
                let Some(key) = record.key.as_ref() else { continue };
                match Record::decode(key, record.value.as_deref()) {
                    Ok(decoded) => records.extend(decoded),
                    Err(error) => {
                        let offset = record.offset;
                        self.out.warnings.push(format!("a record of __consumer_offsets at offset {offset}: {error}"));
                    }
                }
            }
        }
        // Compaction may have taken all that was left.
        let next_offset = if read.next_offset > from { read.next_offset } else { end };
        Ok((records, next_offset))
    }
}

fn gather(slices: &[Slice], storage: &dyn Storage) -> Result<Bytes, StorageError> {
    let mut gathered = BytesMut::new();
    for slice in slices {
        match slice {
            Slice::Bytes(bytes) => gathered.extend_from_slice(bytes),
            Slice::File(range) => {
                gathered.extend_from_slice(&storage.read(range.file, range.position, range.length)?);
            }
        }
    }
    Ok(gathered.freeze())
}
