//! Reading what is committed: payloads with their offsets, as the owner wrote them.

use crate::{
    Raft,
    control::{ControlRecord, control_records},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::{Bytes, BytesMut};
use naru_log::{LogError, Slice, Storage, StorageError};
use naru_records::{Batch, DecompressLimit, batches};

/// How many bytes are read at once.
const READ_BYTES: u32 = 1 << 20;

/// Data records, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Offsets and payloads. Control records are left out.
    pub records: Vec<(i64, Bytes)>,
    /// Where the next read goes on.
    pub next_offset: i64,
}

impl Raft {
    /// Committed data records from `from` on: about a mebibyte of them. There are no more when `next_offset` is the high
    /// watermark. What lies before [`Raft::start_offset`] is in the newest snapshot.
    pub fn read_committed(&self, from: i64, storage: &dyn Storage) -> Result<Records, String> {
        let mut records = Vec::new();
        let (read, next_offset) = self.read_batches(from, self.high_watermark, storage)?;
        for batch in read.iter().filter(|batch| !batch.header().is_control()) {
            let decoded = batch.records(DecompressLimit::default());
            for record in decoded.map_err(|error| format!("batch at {}: {error}", batch.header().base_offset))? {
                if record.offset >= from {
                    records.push((record.offset, record.value.unwrap_or_default()));
                }
            }
        }
        Ok(Records { records, next_offset })
    }

    /// Batches from `from` on that end before `up_to`, and where the next read goes on.
    pub(crate) fn read_batches(
        &self,
        from: i64,
        up_to: i64,
        storage: &dyn Storage,
    ) -> Result<(Vec<Batch>, i64), String> {
        let (bytes, next_offset) = self.read_bytes(from, up_to, READ_BYTES, storage).map_err(|it| it.to_string())?;
        let read: Result<Vec<Batch>, _> = batches(bytes).collect();
        Ok((read.map_err(|error| error.to_string())?, next_offset))
    }

    pub(crate) fn read_bytes(
        &self,
        from: i64,
        up_to: i64,
        max_bytes: u32,
        storage: &dyn Storage,
    ) -> Result<(Bytes, i64), LogError> {
        let read = self.log.read(from, max_bytes, up_to, true, storage)?;
        Ok((gather(&read.slices, storage)?, read.next_offset))
    }

    /// Reads the whole log for what the quorum has written into it about itself, and for the picture.
    pub(crate) fn replay_records(&mut self, storage: &dyn Storage) -> Result<(), String> {
        let mut from = self.log.log_start_offset();
        while from < self.log.log_end_offset() {
            let (read, next_offset) = self.read_batches(from, self.log.log_end_offset(), storage)?;
            for batch in &read {
                self.note_batch(batch)?;
            }
            assert!(next_offset > from, "a read before the end of a log makes progress");
            from = next_offset;
        }
        Ok(())
    }

    /// A batch is in the log: control records count at once.
    pub(crate) fn note_batch(&mut self, batch: &Batch) -> Result<(), String> {
        self.remember(batch);
        let controls: Vec<(i64, ControlRecord)> = control_records(batch).map_err(|error| error.to_string())?;
        for (offset, record) in &controls {
            self.members.on_record(*offset, record);
        }
        Ok(())
    }
}

/// The bytes of slices, wherever they are.
pub(crate) fn gather(slices: &[Slice], storage: &dyn Storage) -> Result<Bytes, StorageError> {
    if let [Slice::Bytes(bytes)] = slices {
        return Ok(bytes.clone());
    }
    let mut gathered = BytesMut::new();
    for slice in slices {
        match slice {
            Slice::Bytes(bytes) => gathered.extend_from_slice(bytes),
            Slice::File(range) => {
                gathered.extend_from_slice(&storage.read(range.file, range.position, range.length)?)
            }
        }
    }
    Ok(gathered.freeze())
}
