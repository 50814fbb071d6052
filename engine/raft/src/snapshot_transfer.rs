//! FetchSnapshot: a leader serves a snapshot in pieces, a follower puts them together (KIP-630).
//!
//! The pieces go into a file `.part`, which gets the snapshot's name only when it is whole and synced: so a snapshot that is
//! there can be believed. Then the log begins anew behind it.

use crate::{
    Io, Raft, RaftOutput, SnapshotId, TOPIC, check,
    requests::Asked,
    role::Role,
    snapshot::{self, Download},
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
};
use bytes::Bytes;
use naru_log::{OpenMode, Storage, StorageError};
use naru_wire::{ErrorCode, StrBytes, TopicName, messages as kp};

/// A piece of a snapshot.
struct Piece {
    size: i64,
    bytes: Bytes,
}

impl Raft {
    /// Answers a FetchSnapshot request.
    pub(crate) fn on_fetch_snapshot(
        &mut self,
        request: &kp::FetchSnapshotRequest,
        io: &mut Io<'_>,
    ) -> kp::FetchSnapshotResponse {
        if let Err(error) = self.check_cluster(request.cluster_id.as_ref()) {
            return kp::FetchSnapshotResponse::default().with_error_code(error as i16);
        }
        let ours = |topic: &kp::fetch_snapshot_request::TopicSnapshot| check::is_metadata_topic(&topic.name);
        let Some(asked) = check::only(&request.topics, ours, |topic| &topic.partitions) else {
            return kp::FetchSnapshotResponse::default().with_error_code(ErrorCode::InvalidRequest as i16);
        };
        let piece = self.check_leader_request(asked.current_leader_epoch).and_then(|()| {
            self.note_snapshot_fetch(request.replica_id.0, io);
            let id = SnapshotId { end_offset: asked.snapshot_id.end_offset, epoch: asked.snapshot_id.epoch };
            self.read_piece(id, asked.position, request.max_bytes.max(0) as u32, io.storage)
        });
        self.snapshot_response(asked, piece)
    }

    /// A voter that fetches a snapshot is there, although it says nothing of its log.
    fn note_snapshot_fetch(&mut self, replica: i32, io: &Io<'_>) {
        if replica != self.config.node_id && self.voters().contains_key(&replica) {
            self.note_fetched(replica, io);
        }
    }

    fn read_piece(
        &self,
        id: SnapshotId,
        position: i64,
        max_bytes: u32,
        storage: &mut dyn Storage,
    ) -> Result<Piece, ErrorCode> {
        if !self.snapshots.contains(&id) {
            return Err(ErrorCode::SnapshotNotFound);
        }
        let path = format!("{}/{}", self.log.directory(), id.file_name());
        let length = max_bytes.min(self.config.fetch_max_bytes).max(1);
        let mut read = || -> Result<(u64, Bytes), StorageError> {
            let file = storage.open(&path, OpenMode::Existing)?;
            let size = storage.len(file);
            let bytes = storage.read(file, position.max(0) as u64, length);
            storage.close(file)?;
            Ok((size?, bytes?))
        };
        let (size, bytes) = read().map_err(|_| ErrorCode::KafkaStorageError)?;
        match (0..size as i64).contains(&position) {
            true => Ok(Piece { size: size as i64, bytes }),
            false => Err(ErrorCode::PositionOutOfRange),
        }
    }

    fn snapshot_response(
        &self,
        asked: &kp::fetch_snapshot_request::PartitionSnapshot,
        piece: Result<Piece, ErrorCode>,
    ) -> kp::FetchSnapshotResponse {
        let id = kp::fetch_snapshot_response::SnapshotId::default()
            .with_end_offset(asked.snapshot_id.end_offset)
            .with_epoch(asked.snapshot_id.epoch);
        let leader = kp::fetch_snapshot_response::LeaderIdAndEpoch::default()
            .with_leader_id(self.election.leader.unwrap_or(-1).into())
            .with_leader_epoch(self.election.epoch);
        let partition = kp::fetch_snapshot_response::PartitionSnapshot::default()
            .with_index(0)
            .with_snapshot_id(id)
            .with_current_leader(leader)
            .with_position(asked.position);
        let partition = match piece {
            Ok(piece) => partition.with_size(piece.size).with_unaligned_records(piece.bytes),
            Err(error) => partition.with_error_code(error as i16),
        };
        let topic = kp::fetch_snapshot_response::TopicSnapshot::default()
            .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        kp::FetchSnapshotResponse::default().with_topics(vec![topic])
    }

    /// The leader's log does not reach back to where this one ends: its snapshot has to be fetched.
    pub(crate) fn begin_download(&mut self, id: SnapshotId, io: &mut Io<'_>) -> Result<(), String> {
        if id.end_offset < self.high_watermark {
            return Err("the leader offers a snapshot of less than is committed here".to_string());
        }
        let path = self.part_path(id);
        let file = io.storage.open(&path, OpenMode::CreateOrOpen).map_err(|error| self.fail_with(error))?;
        let emptied = io.storage.truncate(file, 0);
        let closed = io.storage.close(file);
        emptied.and(closed).map_err(|error| self.fail_with(error))?;
        if let Role::Follower(follower) = &mut self.role {
            follower.snapshot = Some(Download { id, position: 0 });
        }
        Ok(())
    }

    fn part_path(&self, id: SnapshotId) -> String {
        format!("{}/{}.part", self.log.directory(), id.file_name())
    }

    /// A piece has come.
    pub(crate) fn on_snapshot_answer(&mut self, from: i32, response: &kp::FetchSnapshotResponse, io: &mut Io<'_>) {
        let ours = |topic: &kp::fetch_snapshot_response::TopicSnapshot| check::is_metadata_topic(&topic.name);
        let answer = check::only(&response.topics, ours, |topic| &topic.partitions);
        let Some(answer) = answer.filter(|_| response.error_code == 0) else {
            return self.ask_later(from, Asked::FetchSnapshot, io);
        };
        let leader = Some(answer.current_leader.leader_id.0).filter(|leader| *leader >= 0);
        if self.learn(answer.current_leader.leader_epoch, leader, io) {
            return;
        }
        let deadline = self.fetch_deadline(io);
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(download) = follower.snapshot.clone() else { return };
        let is_continued = answer.position == download.position
            && (answer.snapshot_id.end_offset, answer.snapshot_id.epoch) == (download.id.end_offset, download.id.epoch);
        if answer.error_code != 0 || !is_continued || from != follower.leader || answer.unaligned_records.is_empty() {
            // It may have a newer one by now: the next fetch tells.
            follower.snapshot = None;
            return self.ask_later(from, Asked::FetchSnapshot, io);
        }
        follower.fetch_deadline = deadline;
        if let Err(error) = self.take_piece(download, &answer.unaligned_records, answer.size, io) {
            self.fail(error);
        }
    }

    fn take_piece(
        &mut self,
        download: Download,
        bytes: &Bytes,
        size: i64,
        io: &mut Io<'_>,
    ) -> Result<(), StorageError> {
        let position = download.position + bytes.len() as i64;
        let file = io.storage.open(&self.part_path(download.id), OpenMode::Existing)?;
        let mut written = io.storage.append(file, bytes.clone());
        if position >= size {
            written = written.and_then(|()| io.storage.sync(file));
        }
        let closed = io.storage.close(file);
        written.and(closed)?;
        if position >= size {
            return self.install(download.id, io);
        }
        if let Role::Follower(follower) = &mut self.role {
            follower.snapshot = Some(Download { position, ..download });
        }
        Ok(())
    }

    /// All pieces are there.
    fn install(&mut self, id: SnapshotId, io: &mut Io<'_>) -> Result<(), StorageError> {
        if let Role::Follower(follower) = &mut self.role {
            follower.snapshot = None;
        }
        let part = self.part_path(id);
        let Ok(contents) = snapshot::decode(io.storage.read_file(&part)?) else {
            // What came is damaged: it is fetched again.
            return io.storage.remove_file(&part);
        };
        drop(contents);
        io.storage.rename(&part, &format!("{}/{}", self.log.directory(), id.file_name()))?;
        io.storage.sync_dir(self.log.directory())?;
        self.snapshots.push(id);
        // Failures are remembered by those that notice them.
        if self.restart_log_at(id, io).and_then(|()| self.settle_snapshots(io)).is_ok() {
            self.trace_snapshot_loaded(id, io);
            self.trace_voters(io);
            self.outputs.push(RaftOutput::SnapshotInstalled { id });
            self.outputs.push(RaftOutput::Committed { end_offset: id.end_offset });
        }
        Ok(())
    }
}
