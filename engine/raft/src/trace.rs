//! What a learner sees of all this: events, and the picture that they add up to.

use crate::{Io, Raft, ReplicaKey, SnapshotId, control::control_records};
use alloc::{boxed::Box, collections::VecDeque, vec::Vec};
use naru_records::{Batch, DecompressLimit};
use naru_trace::{METADATA_CELLS_MAX, MetadataCell, Name, QuorumView, TraceKind};

impl Raft {
    /// The picture, if there is one to see: a quorum of one shows nothing that its broker does not.
    pub fn shown_view(&self) -> Option<QuorumView> {
        self.is_shown.then(|| self.view())
    }

    /// Whether there is more than one node in it.
    pub(crate) fn is_worth_showing(&self) -> bool {
        !self.is_voter() || self.voters().len() > 1
    }

    /// The picture.
    pub fn view(&self) -> QuorumView {
        QuorumView {
            state: Name::Borrowed(self.role_name()),
            epoch: self.election.epoch,
            leader: self.election.leader.unwrap_or(-1),
            high_watermark: self.high_watermark,
            log_end_offset: self.log.log_end_offset(),
            voters: self.voters().keys().copied().collect(),
            records: self.recent.clone(),
        }
    }

    /// Says what is there, once: after the node started.
    pub fn trace_opened(&self, io: &mut Io<'_>) {
        self.tell(io, || TraceKind::QuorumOpened { view: Box::new(self.view()) });
    }

    /// An event, and what follows is because of it.
    #[track_caller]
    fn tell(&self, io: &mut Io<'_>, kind: impl FnOnce() -> TraceKind) {
        if self.is_shown {
            io.trace.emit_then(kind);
        }
    }

    /// Remembers the newest records for the picture.
    pub(crate) fn remember(&mut self, batch: &Batch) {
        let epoch = batch.header().partition_leader_epoch;
        let named = self.names_of(batch);
        self.recent.extend(named.into_iter().map(|(offset, name)| MetadataCell { offset, epoch, name }));
        let excess = self.recent.len().saturating_sub(METADATA_CELLS_MAX);
        self.recent.drain(..excess);
    }

    fn names_of(&self, batch: &Batch) -> Vec<(i64, Name)> {
        if batch.header().is_control() {
            let controls = control_records(batch).unwrap_or_default();
            return controls.into_iter().map(|(offset, record)| (offset, record.name())).collect();
        }
        let records = batch.records(DecompressLimit::default()).unwrap_or_default();
        let name = |value: Option<bytes::Bytes>| (self.config.name_of)(&value.unwrap_or_default());
        records.into_iter().map(|record| (record.offset, name(record.value))).collect()
    }

    pub(crate) fn trace_state(&self, io: &mut Io<'_>) {
        self.tell(io, || TraceKind::QuorumStateChanged {
            state: Name::Borrowed(self.role_name()),
            epoch: self.election.epoch,
            leader: self.election.leader.unwrap_or(-1),
        });
    }

    pub(crate) fn trace_vote_asked(&self, voter: i32, pre_vote: bool, io: &mut Io<'_>) {
        let (candidate, epoch) = (self.config.node_id, self.election.epoch);
        self.tell(io, || TraceKind::VoteAsked { voter, candidate, epoch, pre_vote });
    }

    pub(crate) fn trace_vote_given(
        &self,
        candidate: &ReplicaKey,
        pre_vote: bool,
        granted: bool,
        because: &'static str,
        io: &mut Io<'_>,
    ) {
        let (candidate, epoch) = (candidate.id, self.election.epoch);
        let because = Name::Borrowed(because);
        self.tell(io, || TraceKind::VoteGiven { candidate, epoch, pre_vote, granted, because });
    }

    pub(crate) fn trace_appended(&self, batch: &Batch, io: &mut Io<'_>) {
        self.tell(io, || TraceKind::MetadataAppended {
            base_offset: batch.header().base_offset,
            records: self.names_of(batch).into_iter().map(|(_, name)| name).collect(),
        });
    }

    pub(crate) fn trace_replicated(&self, base_offset: i64, end_offset: i64, io: &mut Io<'_>) {
        let new = |record: &&MetadataCell| record.offset >= base_offset;
        self.tell(io, || TraceKind::MetadataReplicated {
            base_offset,
            end_offset,
            records: self.recent.iter().filter(new).cloned().collect(),
        });
    }

    pub(crate) fn trace_high_watermark(&self, io: &mut Io<'_>) {
        let high_watermark = self.high_watermark;
        self.tell(io, || TraceKind::QuorumHighWatermarkAdvanced { high_watermark });
    }

    pub(crate) fn trace_truncated(&self, end_offset: i64, io: &mut Io<'_>) {
        self.tell(io, || TraceKind::MetadataTruncated { end_offset });
    }

    pub(crate) fn trace_snapshot_written(&self, id: SnapshotId, io: &mut Io<'_>) {
        self.tell(io, || TraceKind::SnapshotWritten { end_offset: id.end_offset, epoch: id.epoch });
    }

    pub(crate) fn trace_snapshot_loaded(&self, id: SnapshotId, io: &mut Io<'_>) {
        self.tell(io, || TraceKind::SnapshotLoaded { end_offset: id.end_offset, epoch: id.epoch });
    }

    /// Other nodes vote. A quorum that was of one node may be worth showing now; it stays shown.
    pub(crate) fn trace_voters(&mut self, io: &mut Io<'_>) {
        if !self.is_shown && self.is_worth_showing() {
            self.is_shown = true;
            return self.trace_opened(io);
        }
        self.tell(io, || TraceKind::VotersChanged { voters: self.voters().keys().copied().collect() });
        // Whether a follower is an observer depends on it.
        self.trace_state(io);
    }
}

/// The newest records, oldest first.
pub(crate) type RecentRecords = VecDeque<MetadataCell>;
