//! Snapshots: what the log's beginning adds up to, in a file, so that the beginning can go (KIP-630).
//!
//! ```text
//! 00000000000000001234-0000000007.checkpoint      all before offset 1234; the last of it is of epoch 7
//!
//! | control batch:             | data batches  | control batch:   |
//! | SnapshotHeader (and voters) | payloads      | SnapshotFooter   |
//! ```
//!
//! A snapshot without its footer is not whole and is not believed. (Snapshots.java, RecordsSnapshotWriter.java.)

use crate::{
    Io, Raft,
    control::{ControlRecord, control_batch, control_records, voters_record},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::{Bytes, BytesMut};
use naru_log::{Storage, StorageError};
use naru_records::{BatchBuilder, Compression, DecompressLimit, batches};
use naru_trace::{SortedMap, Trace};
use naru_wire::messages as kp;

/// Which snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// It holds all before this offset.
    pub end_offset: i64,
    /// The epoch of the last record in it.
    pub epoch: i32,
}

const SUFFIX: &str = ".checkpoint";

impl SnapshotId {
    /// The file's name.
    pub fn file_name(self) -> String {
        format!("{:020}-{:010}{SUFFIX}", self.end_offset, self.epoch)
    }

    /// The snapshot with this name; `None` for every other file.
    pub fn parse(name: &str) -> Option<Self> {
        let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(offset, 20) || !is_number(epoch, 10) {
            return None;
        }
        Some(SnapshotId { end_offset: offset.parse().ok()?, epoch: epoch.parse().ok()? })
    }
}

/// A snapshot on its way from the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Download {
    pub(crate) id: SnapshotId,
    pub(crate) position: i64,
}

/// The snapshots in a directory, oldest first.
pub fn list(directory: &str, storage: &dyn Storage) -> Result<Vec<SnapshotId>, StorageError> {
    let mut found: Vec<SnapshotId> =
        storage.list(directory)?.iter().filter_map(|entry| SnapshotId::parse(&entry.name)).collect();
    found.sort_unstable();
    Ok(found)
}

/// What is in a snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    /// The owner's records.
    pub payloads: Vec<Bytes>,
    /// Who voted at its end, if voters are in the log.
    pub voters: Option<SortedMap<i32, crate::Voter>>,
    pub(crate) controls: Vec<ControlRecord>,
}

/// How many bytes of payloads one batch of a snapshot holds at most, as long as one payload is not larger.
const BATCH_BYTES: usize = 512 << 10;

impl Raft {
    /// Writes a snapshot of all before `end_offset`, which has to be committed: `payloads` add up to the same as those
    /// records. The log then starts there. `None` if there is one already that reaches as far.
    pub fn write_snapshot(
        &mut self,
        end_offset: i64,
        payloads: &[Bytes],
        io: &mut Io<'_>,
    ) -> Result<Option<SnapshotId>, String> {
        assert!(end_offset <= self.high_watermark, "only what is committed is summed up");
        if self.latest_snapshot().is_some_and(|latest| latest.end_offset >= end_offset) || end_offset == 0 {
            return Ok(None);
        }
        let (read, _) = self.read_batches(end_offset - 1, self.high_watermark, io.storage)?;
        let last = read.first().ok_or("the record before the end of the snapshot is not there")?;
        let (epoch, timestamp) = (last.header().partition_leader_epoch, last.header().max_timestamp);
        let id = SnapshotId { end_offset, epoch };
        let controls = self.members.at(end_offset).map(|voters| {
            let version = kp::KRaftVersionRecord::default().with_k_raft_version(self.members.kraft_version());
            [ControlRecord::KRaftVersion(version), voters_record(voters, "CONTROLLER")]
        });
        let bytes = encode(id, payloads, controls.into_iter().flatten(), timestamp);
        let path = format!("{}/{}", self.log.directory(), id.file_name());
        io.storage.replace_file(&path, &bytes).map_err(|error| self.fail_with(error))?;
        self.trace_snapshot_written(id, io);
        self.adopt_snapshot(id, io)?;
        Ok(Some(id))
    }

    /// A snapshot is there: the log starts where it ends, and older ones go.
    fn adopt_snapshot(&mut self, id: SnapshotId, io: &mut Io<'_>) -> Result<(), String> {
        for older in core::mem::take(&mut self.snapshots).into_iter().filter(|older| *older != id) {
            // One that cannot be removed is left for the next start.
            drop(io.storage.remove_file(&format!("{}/{}", self.log.directory(), older.file_name())));
        }
        self.snapshots.push(id);
        let trace = &mut Trace::default();
        let (offset, now_ms) = (id.end_offset, io.now.wall_ms);
        let is_in_log = (self.log.log_start_offset()..=self.log.log_end_offset()).contains(&offset);
        if is_in_log {
            let moved = self.log.delete_records_before(offset, now_ms, io.storage, trace);
            return moved.map_err(|error| self.fail_with(error));
        }
        Ok(())
    }

    /// What a snapshot holds.
    pub fn load_snapshot(&self, id: SnapshotId, storage: &dyn Storage) -> Result<Contents, String> {
        let path = format!("{}/{}", self.log.directory(), id.file_name());
        let bytes = storage.read_file(&path).map_err(|error| error.to_string())?;
        decode(bytes).map_err(|reason| format!("{path}: {reason}"))
    }

    /// At start: the newest snapshot that is whole counts, and a log that does not reach to its end, or is of another
    /// history, begins anew behind it. (ReplicatedLog.truncateToLatestSnapshot.)
    pub(crate) fn settle_snapshots(&mut self, io: &mut Io<'_>) -> Result<(), String> {
        let Some(id) = self.latest_snapshot() else { return Ok(()) };
        let contents = self.load_snapshot(id, io.storage)?;
        let in_log = self.log.leader_epochs().latest().map_or(-1, |latest| latest.epoch);
        if (id.epoch, id.end_offset) > (in_log, self.log.log_end_offset()) {
            self.restart_log_at(id, io)?;
        }
        self.adopt_snapshot(id, io)?;
        contents.controls.iter().for_each(|record| self.members.on_record(id.end_offset - 1, record));
        self.high_watermark = id.end_offset;
        Ok(())
    }

    pub(crate) fn restart_log_at(&mut self, id: SnapshotId, io: &mut Io<'_>) -> Result<(), String> {
        let trace = &mut Trace::default();
        let restarted = self.log.truncate_fully_at(id.end_offset, io.now.wall_ms, io.storage, trace);
        restarted.map_err(|error| self.fail_with(error))?;
        self.durability.restart(id.end_offset);
        self.members.reset();
        self.recent.clear();
        Ok(())
    }

    /// As [`Raft::fail`], for those who need the sentence.
    pub(crate) fn fail_with(&mut self, error: impl ToString) -> String {
        let reason = error.to_string();
        self.fail(&reason);
        reason
    }
}

/// A snapshot's bytes.
fn encode(id: SnapshotId, payloads: &[Bytes], controls: impl Iterator<Item = ControlRecord>, timestamp: i64) -> Bytes {
    let mut out = BytesMut::new();
    let header = kp::SnapshotHeaderRecord::default().with_last_contained_log_timestamp(timestamp);
    let head: Vec<ControlRecord> = [ControlRecord::SnapshotHeader(header)].into_iter().chain(controls).collect();
    out.extend_from_slice(&control_batch(&head, 0, id.epoch, timestamp));
    let mut offset = head.len() as i64;
    let mut rest = payloads;
    while !rest.is_empty() {
        let mut builder = BatchBuilder::new(Compression::None);
        let mut count = 0;
        while let Some(payload) = rest.get(count) {
            if count > 0 && builder.size_estimate() + payload.len() > BATCH_BYTES {
                break;
            }
            builder.append(timestamp, None, Some(payload), &[]);
            count += 1;
        }
        out.extend_from_slice(&builder.build(offset, id.epoch));
        offset += count as i64;
        rest = &rest[count..];
    }
    let footer = ControlRecord::SnapshotFooter(kp::SnapshotFooterRecord::default());
    out.extend_from_slice(&control_batch(&[footer], offset, id.epoch, timestamp));
    out.freeze()
}

/// Reads a whole snapshot. An error is a sentence.
pub(crate) fn decode(bytes: Bytes) -> Result<Contents, String> {
    let total = bytes.len();
    let (mut contents, mut read, mut is_whole) = (Contents::default(), 0, false);
    for batch in batches(bytes) {
        let batch = batch.map_err(|error| error.to_string())?;
        batch.verify_crc().map_err(|error| error.to_string())?;
        read += batch.bytes().len();
        let controls = control_records(&batch).map_err(|error| error.to_string())?;
        is_whole = controls.iter().any(|(_, record)| matches!(record, ControlRecord::SnapshotFooter(_)));
        for (_, record) in controls {
            if let ControlRecord::Voters(voters) = &record {
                contents.voters = Some(crate::control::voters_of(voters));
            }
            contents.controls.push(record);
        }
        if !batch.header().is_control() {
            let records = batch.records(DecompressLimit::default()).map_err(|error| error.to_string())?;
            contents.payloads.extend(records.into_iter().map(|record| record.value.unwrap_or_default()));
        }
    }
    let begins = matches!(contents.controls.first(), Some(ControlRecord::SnapshotHeader(_)));
    match begins && is_whole && read == total {
        true => Ok(contents),
        false => Err("the snapshot is not whole".to_string()),
    }
}
