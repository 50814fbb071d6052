//! Writing: batches go into the log, the log goes to the disk, and what a majority has there is committed.
//!
//! ```text
//! append ─► RaftOutput::Sync ─► on_synced ─► high watermark (majority of synced ends) ─► RaftOutput::Committed
//! ```

use crate::{
    AppendError, Io, Raft, RaftOutput,
    replication::majority_offset,
    role::{Leader, Role},
};
use alloc::{collections::VecDeque, vec::Vec};
use bytes::Bytes;
use naru_log::StorageError;
use naru_records::{Batch, BatchBuilder, Compression};
use naru_trace::Trace;

/// What is on the disk, and what is on its way there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Durability {
    /// All before this offset is on the disk.
    pub(crate) synced: i64,
    pending: VecDeque<PendingSync>,
    next_ticket: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PendingSync {
    ticket: u64,
    up_to: i64,
}

impl Durability {
    /// The log was cut: what is synced of it ends there too, also when a sync that is on its way ends later.
    pub(crate) fn truncate(&mut self, end_offset: i64) {
        self.synced = self.synced.min(end_offset);
        self.pending.iter_mut().for_each(|pending| pending.up_to = pending.up_to.min(end_offset));
    }

    /// The log begins anew, empty.
    pub(crate) fn restart(&mut self, at_offset: i64) {
        self.synced = at_offset;
        self.pending.clear();
    }

    fn asked_up_to(&self) -> i64 {
        self.pending.back().map_or(self.synced, |pending| pending.up_to)
    }
}

impl Raft {
    /// Appends data records as one batch, if this node leads. Returns the end offset: they are decided when that is
    /// committed. The event that says so is for the owner to write, who knows what the decision was for.
    pub fn append(&mut self, payloads: &[Bytes], io: &mut Io<'_>) -> Result<i64, AppendError> {
        assert!(!payloads.is_empty(), "a decision without records needs no log");
        if let Some(reason) = &self.failed {
            return Err(AppendError::Failed(reason.clone()));
        }
        if !self.is_leader() {
            return Err(AppendError::NotLeader);
        }
        let mut builder = BatchBuilder::new(Compression::None);
        for payload in payloads {
            builder.append(io.now.wall_ms, None, Some(payload), &[]);
        }
        self.append_batch(builder.build(0, -1), io)
    }

    /// Appends a batch in the current epoch. Returns the end offset.
    pub(crate) fn append_batch(&mut self, batch: Bytes, io: &mut Io<'_>) -> Result<i64, AppendError> {
        let batch = Batch::parse(batch).expect("a batch that was just built is well-formed");
        // The log's own events would say the same again in bytes.
        let trace = &mut Trace::default();
        let appended = self.log.append(&batch, self.election.epoch, io.now.wall_ms, io.storage, trace);
        let appended = appended.map_err(|error| self.fail(error))?;
        let [prefix, rest] = batch.with_prefix(appended.base_offset, self.election.epoch);
        let written = Batch::parse([prefix, rest].concat().into()).expect("only its first bytes are other ones");
        let changed_at = self.members.changed_at();
        self.note_batch(&written).map_err(|reason| self.fail(reason))?;
        if written.header().is_control() {
            self.trace_appended(&written, io);
        }
        if self.members.changed_at() != changed_at {
            self.on_voters_changed(io);
        }
        self.request_sync();
        self.release_parked(io);
        Ok(appended.last_offset + 1)
    }

    /// Asks for the end of the log to be synced, unless that was asked for.
    pub(crate) fn request_sync(&mut self) {
        let up_to = self.log.log_end_offset();
        if up_to <= self.durability.asked_up_to() {
            return;
        }
        let (ticket, files) = (self.durability.next_ticket, self.log.flush_files());
        self.durability.next_ticket += 1;
        self.durability.pending.push_back(PendingSync { ticket, up_to });
        self.outputs.push(RaftOutput::Sync { ticket, files });
    }

    /// The answer to [`RaftOutput::Sync`]: the files are on the disk.
    pub fn on_synced(&mut self, ticket: u64, io: &mut Io<'_>) {
        let Some(position) = self.durability.pending.iter().position(|pending| pending.ticket == ticket) else {
            return;
        };
        // Files are synced whole: with this sync, all that was asked for before it is done as well.
        let done: Vec<PendingSync> = self.durability.pending.drain(..=position).collect();
        let up_to = done.last().map_or(0, |pending| pending.up_to);
        self.advance_synced(up_to, io);
    }

    /// The other answer to [`RaftOutput::Sync`]. Nobody knows what is on the disk: this node promises nothing any more.
    pub fn on_sync_failed(&mut self, _ticket: u64, error: &StorageError) {
        self.fail(error);
        self.durability.pending.clear();
    }

    /// Syncs the log at once, which only a node that is starting may do.
    pub fn sync_now(&mut self, io: &mut Io<'_>) -> Result<(), StorageError> {
        self.sync_files(io)?;
        self.durability.pending.clear();
        self.outputs.retain(|output| !matches!(output, RaftOutput::Sync { .. }));
        self.advance_synced(self.log.log_end_offset(), io);
        Ok(())
    }

    pub(crate) fn sync_files(&mut self, io: &mut Io<'_>) -> Result<(), StorageError> {
        for file in self.log.flush_files() {
            io.storage.sync(file)?;
        }
        let end = self.log.log_end_offset();
        self.log.flushed(end, "metadata", &mut Trace::default());
        self.durability.synced = end;
        Ok(())
    }

    fn advance_synced(&mut self, up_to: i64, io: &mut Io<'_>) {
        self.durability.synced = self.durability.synced.max(up_to);
        self.log.flushed(self.durability.synced, "metadata", &mut Trace::default());
        self.maybe_commit(io);
        self.follow_high_watermark(io);
        self.drive(io);
    }

    /// A leader commits what a majority of the voters has on the disk, but nothing before a record of its own epoch is
    /// (Raft, section 5.4.2; LeaderState.maybeUpdateHighWatermark).
    pub(crate) fn maybe_commit(&mut self, io: &mut Io<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let offset = majority_offset(self.voters().keys().map(|id| self.end_of(*id, leader)).collect());
        if offset > leader.epoch_start {
            self.advance_high_watermark(offset, io);
        }
    }

    fn end_of(&self, voter: i32, leader: &Leader) -> i64 {
        match voter == self.config.node_id {
            true => self.durability.synced,
            false => leader.voters.get(&voter).map_or(-1, |state| state.end_offset),
        }
    }

    /// All before `offset` is decided, as far as it is on this node's disk.
    pub(crate) fn advance_high_watermark(&mut self, offset: i64, io: &mut Io<'_>) {
        let offset = offset.min(self.durability.synced);
        if offset <= self.high_watermark {
            return;
        }
        self.high_watermark = offset;
        self.trace_high_watermark(io);
        self.outputs.push(RaftOutput::Committed { end_offset: offset });
        self.release_parked(io);
        self.finish_changes(io);
    }
}
