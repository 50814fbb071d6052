//! Fetch, at a follower: ask, append, sync, and only then ask on, because the next offset tells the leader what is on this
//! node's disk.
//!
//! ```text
//! Fetch(offset = end) ─► records ─► append ─► sync ─► Fetch(offset = the new end)
//!                     └► diverging epoch: truncate   └► snapshot: FetchSnapshot until it is whole
//! ```

use crate::{Io, Raft, RaftOutput, TOPIC, TOPIC_ID, check, requests::Asked, role::Role, snapshot::SnapshotId};
use alloc::{format, string::String, string::ToString, vec, vec::Vec};
use bytes::Bytes;
use naru_records::{Batch, batches};
use naru_trace::{Micros, Trace};
use naru_wire::{Request, StrBytes, TopicName, messages as kp};

impl Raft {
    pub(crate) fn fetch_deadline(&self, io: &Io<'_>) -> Micros {
        io.now.monotonic.plus(1000 * self.config.fetch_timeout_ms)
    }

    /// Sends the next fetch, if nothing speaks against it.
    pub(crate) fn maybe_fetch(&mut self, io: &mut Io<'_>) {
        let is_all_synced = self.durability.synced == self.log.log_end_offset();
        let Some(to) = self.fetch_from().filter(|_| is_all_synced) else { return };
        if !self.requests.may_ask(to, Asked::Fetch, io.now.monotonic) {
            return;
        }
        let downloading = match &self.role {
            Role::Follower(follower) if follower.leader == to => follower.snapshot.clone(),
            _ => None,
        };
        match downloading {
            Some(download) => {
                let request = self.fetch_snapshot_request(&download);
                self.ask(to, Asked::FetchSnapshot, Request::FetchSnapshot(request), io);
            }
            None => {
                let request = self.fetch_request();
                self.ask(to, Asked::Fetch, Request::Fetch(request), io);
            }
        }
    }

    /// Whom to fetch from: the leader. An observer that knows none asks any of the voters, who say who leads.
    fn fetch_from(&mut self) -> Option<i32> {
        let me = self.config.node_id;
        match &self.role {
            Role::Follower(follower) if !follower.ask_others => Some(follower.leader),
            Role::Follower(_) | Role::Unattached(_) if !self.is_voter() => {
                let others: Vec<i32> = self.voters().keys().copied().filter(|id| *id != me).collect();
                let chosen = self.random.below(others.len() as u64);
                others.get(chosen as usize).copied()
            }
            Role::Follower(follower) => Some(follower.leader),
            _ => None,
        }
    }

    fn fetch_request(&self) -> kp::FetchRequest {
        let partition = kp::fetch_request::FetchPartition::default()
            .with_partition(0)
            .with_current_leader_epoch(self.election.epoch)
            .with_fetch_offset(self.log.log_end_offset())
            .with_last_fetched_epoch(self.last_epoch())
            .with_log_start_offset(self.log.log_start_offset())
            .with_partition_max_bytes(self.config.fetch_max_bytes as i32)
            .with_replica_directory_id(self.config.directory_id)
            .with_high_watermark(self.high_watermark);
        // The version decides which of the two names goes over the wire.
        let topic = kp::fetch_request::FetchTopic::default().with_topic_id(TOPIC_ID).with_partitions(vec![partition]);
        let state = kp::fetch_request::ReplicaState::default().with_replica_id(self.config.node_id.into());
        kp::FetchRequest::default()
            .with_cluster_id(self.cluster_id())
            .with_replica_state(state)
            .with_max_wait_ms(self.config.fetch_max_wait_ms as i32)
            .with_max_bytes(self.config.fetch_max_bytes as i32)
            .with_topics(vec![topic])
    }

    /// The leader has answered, or somebody who was taken for it.
    pub(crate) fn on_fetch_answer(&mut self, from: i32, response: &kp::FetchResponse, io: &mut Io<'_>) {
        let ours = |topic: &kp::fetch_response::FetchableTopicResponse| {
            check::is_metadata_topic(&topic.topic) || check::is_metadata_topic_id(topic.topic_id)
        };
        let answer = check::only(&response.responses, ours, |topic| &topic.partitions);
        let Some(answer) = answer.filter(|_| response.error_code == 0) else {
            return self.ask_later(from, Asked::Fetch, io);
        };
        let leader = Some(answer.current_leader.leader_id.0).filter(|leader| *leader >= 0);
        if self.learn(answer.current_leader.leader_epoch, leader, io) {
            return;
        }
        let deadline = self.fetch_deadline(io);
        let Role::Follower(follower) = &mut self.role else {
            return self.ask_later(from, Asked::Fetch, io);
        };
        if answer.error_code != 0 || from != follower.leader {
            follower.ask_others = false;
            return self.ask_later(from, Asked::Fetch, io);
        }
        follower.fetch_deadline = deadline;
        follower.has_fetched = true;
        let taken = if answer.diverging_epoch.epoch >= 0 && answer.diverging_epoch.end_offset >= 0 {
            self.truncate_to_end_of(answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset, io)
        } else if answer.snapshot_id.end_offset >= 0 && answer.snapshot_id.epoch >= 0 {
            let id = SnapshotId { end_offset: answer.snapshot_id.end_offset, epoch: answer.snapshot_id.epoch };
            self.begin_download(id, io)
        } else {
            self.append_fetched(answer.records.clone().unwrap_or_default(), answer.high_watermark, io)
        };
        if let Err(_reason) = taken {
            self.ask_later(from, Asked::Fetch, io);
        }
    }

    /// Appends what the leader has. An error is a sentence: what came was not what was asked for.
    fn append_fetched(&mut self, records: Bytes, high_watermark: i64, io: &mut Io<'_>) -> Result<(), String> {
        let (base_offset, changed_at) = (self.log.log_end_offset(), self.members.changed_at());
        let mut appended = Ok(());
        for batch in batches(records) {
            let batch = batch.map_err(|error| error.to_string());
            appended = batch.and_then(|batch| self.append_one(&batch, io));
            if appended.is_err() {
                break;
            }
        }
        let end_offset = self.log.log_end_offset();
        if end_offset > base_offset {
            self.trace_replicated(base_offset, end_offset, io);
            if self.members.changed_at() != changed_at {
                self.on_voters_changed(io);
            }
            self.request_sync();
        }
        if let Role::Follower(follower) = &mut self.role {
            follower.leader_high_watermark = follower.leader_high_watermark.max(high_watermark);
        }
        self.follow_high_watermark(io);
        appended
    }

    fn append_one(&mut self, batch: &Batch, io: &mut Io<'_>) -> Result<(), String> {
        let header = batch.header();
        let (offset, epoch) = (header.base_offset, header.partition_leader_epoch);
        if header.next_offset() <= self.log.log_end_offset() {
            return Ok(());
        }
        let fits = offset == self.log.log_end_offset() && (self.last_epoch()..=self.election.epoch).contains(&epoch);
        if !fits {
            return Err(format!("a batch of epoch {epoch} at offset {offset} does not continue the log"));
        }
        batch.verify_crc().map_err(|error| error.to_string())?;
        let now_ms = io.now.wall_ms;
        let appended = self.log.append_as_follower(batch, now_ms, io.storage, &mut Trace::default());
        if let Err(error) = appended {
            self.fail(&error);
            return Err(error.to_string());
        }
        self.note_batch(batch)
    }

    /// A follower's high watermark is the leader's, as far as its own disk reaches.
    pub(crate) fn follow_high_watermark(&mut self, io: &mut Io<'_>) {
        if let Role::Follower(follower) = &self.role {
            let offset = follower.leader_high_watermark;
            self.advance_high_watermark(offset, io);
        }
    }

    /// The leader's log parts from this one: of `epoch`, the leader has nothing from `end_offset` on.
    /// (ReplicatedLog.truncateToEndOffset.)
    fn truncate_to_end_of(&mut self, epoch: i32, end_offset: i64, io: &mut Io<'_>) -> Result<(), String> {
        let (own_epoch, own_end) = self.end_of_epoch(epoch);
        let target = if own_epoch == epoch { own_end.min(end_offset) } else { own_end };
        if target >= self.log.log_end_offset() {
            return Err("the leader says that the logs part where this one has ended already".to_string());
        }
        if target < self.high_watermark {
            let reason = format!(
                "the leader has other records from offset {target} on, but all before {} are committed",
                self.high_watermark
            );
            self.fail(&reason);
            return Err(reason);
        }
        let (now_ms, trace) = (io.now.wall_ms, &mut Trace::default());
        let truncated = self.log.truncate_to(target, "diverging epoch", now_ms, io.storage, trace);
        let end_offset = truncated.map_err(|error| self.fail(&error)).map_err(|_| "the disk failed".to_string())?;
        self.durability.truncate(end_offset);
        let changed_at = self.members.changed_at();
        self.members.truncate(end_offset);
        if self.members.changed_at() != changed_at {
            self.on_voters_changed(io);
        }
        self.recent.retain(|record| record.offset < end_offset);
        self.trace_truncated(end_offset, io);
        self.outputs.push(RaftOutput::Truncated { end_offset });
        self.request_sync();
        Ok(())
    }

    fn fetch_snapshot_request(&self, download: &crate::snapshot::Download) -> kp::FetchSnapshotRequest {
        let id = kp::fetch_snapshot_request::SnapshotId::default()
            .with_end_offset(download.id.end_offset)
            .with_epoch(download.id.epoch);
        let partition = kp::fetch_snapshot_request::PartitionSnapshot::default()
            .with_partition(0)
            .with_current_leader_epoch(self.election.epoch)
            .with_snapshot_id(id)
            .with_position(download.position)
            .with_replica_directory_id(self.config.directory_id);
        let topic = kp::fetch_snapshot_request::TopicSnapshot::default()
            .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        kp::FetchSnapshotRequest::default()
            .with_cluster_id(self.cluster_id())
            .with_replica_id(self.config.node_id.into())
            .with_max_bytes(self.config.fetch_max_bytes as i32)
            .with_topics(vec![topic])
    }
}
