//! Fetch, at the leader: what a follower or an observer asks for tells how far it has come, and the answer is what comes
//! next: records; or where the two logs part (DivergingEpoch); or a snapshot, where the log does not reach back so far.
//!
//! A fetch that finds nothing new waits: for records, for a higher high watermark than it knows (KIP-1166, version 18), or
//! for its time to be over. (KafkaRaftClient.tryCompleteFetchRequest, ReplicatedLog.validateOffsetAndEpoch.)

use crate::{
    Io, Raft, RaftOutput, RaftReply, SnapshotId, TOPIC, TOPIC_ID, check, replication::ReplicationState, role::Role,
};
use alloc::{vec, vec::Vec};
use bytes::Bytes;
use naru_log::Storage;
use naru_trace::Micros;
use naru_wire::{ErrorCode, Response, StrBytes, TopicName, messages as kp};
use uuid::Uuid;

/// What a fetch asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fetch {
    replica: i32,
    directory_id: Uuid,
    epoch: i32,
    offset: i64,
    last_epoch: i32,
    /// What the follower takes for the high watermark; it is answered when it is a higher one.
    high_watermark: i64,
    max_bytes: u32,
    version: i16,
}

/// A fetch that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    token: u64,
    fetch: Fetch,
    pub(crate) until: Micros,
}

/// What comes next in a follower's log.
enum Next {
    Records(Bytes),
    Diverging { epoch: i32, end_offset: i64 },
    Snapshot(SnapshotId),
}

impl Raft {
    /// Answers a Fetch of the metadata log, or lets it wait.
    pub(crate) fn on_fetch(
        &mut self,
        request: &kp::FetchRequest,
        version: i16,
        token: u64,
        io: &mut Io<'_>,
    ) -> RaftReply {
        let refuse = |error: ErrorCode| {
            RaftReply::Now(Response::Fetch(kp::FetchResponse::default().with_error_code(error as i16)))
        };
        if let Err(error) = self.check_cluster(request.cluster_id.as_ref()) {
            return refuse(error);
        }
        let ours = |topic: &kp::fetch_request::FetchTopic| {
            check::is_metadata_topic(&topic.topic) || check::is_metadata_topic_id(topic.topic_id)
        };
        let Some(asked) = check::only(&request.topics, ours, |topic| &topic.partitions) else {
            return refuse(ErrorCode::InvalidRequest);
        };
        let replica = if version >= 15 { request.replica_state.replica_id.0 } else { request.replica_id.0 };
        let fetch = Fetch {
            replica,
            directory_id: asked.replica_directory_id,
            epoch: asked.current_leader_epoch,
            offset: asked.fetch_offset,
            last_epoch: asked.last_fetched_epoch,
            high_watermark: asked.high_watermark,
            max_bytes: request.max_bytes.min(asked.partition_max_bytes).max(0) as u32,
            version,
        };
        if request.max_wait_ms < 0 || fetch.offset < 0 || fetch.last_epoch < 0 || fetch.epoch < 0 {
            return RaftReply::Now(self.fetch_error(&fetch, ErrorCode::InvalidRequest));
        }
        let now = io.now.monotonic;
        match self.answer_fetch(&fetch, true, io) {
            Some(response) => RaftReply::Now(response),
            None if request.max_wait_ms == 0 => {
                RaftReply::Now(self.fetch_response(&fetch, Ok(Next::Records(Bytes::new()))))
            }
            None => {
                let until = now.plus(1000 * request.max_wait_ms as u64);
                self.parked.push(Parked { token, fetch, until });
                RaftReply::Wait { until }
            }
        }
    }

    /// The answer to a fetch, if there is something to say. `is_new`: it has just come, and tells how far its sender is.
    fn answer_fetch(&mut self, fetch: &Fetch, is_new: bool, io: &mut Io<'_>) -> Option<Response> {
        if let Err(error) = self.check_leader_request(fetch.epoch) {
            return Some(self.fetch_error(fetch, error));
        }
        let next = match self.next_for(fetch, io.storage) {
            Ok(next) => next,
            Err(error) => return Some(self.fetch_error(fetch, error)),
        };
        if is_new && matches!(next, Next::Records(_)) {
            self.note_fetch(fetch, io);
        }
        let is_news = match &next {
            Next::Records(bytes) => !bytes.is_empty() || self.high_watermark > fetch.high_watermark,
            Next::Diverging { .. } | Next::Snapshot(_) => true,
        };
        is_news.then(|| self.fetch_response(fetch, Ok(next)))
    }

    fn next_for(&self, fetch: &Fetch, storage: &dyn Storage) -> Result<Next, ErrorCode> {
        let (start, end) = (self.log.log_start_offset(), self.log.log_end_offset());
        let is_fresh = start == 0 && fetch.offset == 0 && fetch.last_epoch == 0;
        if !is_fresh {
            if let Some(snapshot) = self.latest_snapshot().filter(|snapshot| self.needs_snapshot(fetch, *snapshot)) {
                return Ok(Next::Snapshot(snapshot));
            }
            let (epoch, end_offset) = self.end_of_epoch(fetch.last_epoch);
            if epoch != fetch.last_epoch || end_offset < fetch.offset {
                return Ok(Next::Diverging { epoch, end_offset });
            }
        }
        let read = self.read_bytes(fetch.offset, end, fetch.max_bytes.min(self.config.fetch_max_bytes), storage);
        read.map(|(bytes, _)| Next::Records(bytes)).map_err(|_| ErrorCode::KafkaStorageError)
    }

    fn needs_snapshot(&self, fetch: &Fetch, snapshot: SnapshotId) -> bool {
        let start = self.log.log_start_offset();
        fetch.offset < start
            || (start > 0
                && fetch.offset == start
                && snapshot.end_offset == start
                && snapshot.epoch != fetch.last_epoch)
            || (start > 0 && fetch.last_epoch < self.first_epoch())
    }

    /// The epoch of what is just before the log's first record, or of that itself.
    fn first_epoch(&self) -> i32 {
        let first = self.log.leader_epochs().entries().first().map(|first| first.epoch);
        let at_start = self.snapshots.iter().find(|id| id.end_offset == self.log.log_start_offset());
        at_start.map(|id| id.epoch).or(first).unwrap_or(0)
    }

    /// The largest epoch with records that is not larger than `epoch`, and where it ended.
    pub(crate) fn end_of_epoch(&self, epoch: i32) -> (i32, i64) {
        let (found, end_offset) = self.log.leader_epochs().end_offset_for(epoch, self.log.log_end_offset());
        match self.snapshots.iter().rev().find(|id| id.epoch == epoch && id.end_offset == self.log.log_start_offset()) {
            // Its records are in the snapshot only.
            Some(snapshot) if found < 0 || end_offset < snapshot.end_offset => (epoch, snapshot.end_offset),
            _ if found >= 0 => (found, end_offset),
            _ => (self.last_epoch(), self.log.log_end_offset()),
        }
    }

    /// The epoch of the last record there is, in the log or in the newest snapshot; 0 if there is none.
    pub(crate) fn last_epoch(&self) -> i32 {
        let in_log = self.log.leader_epochs().latest().map(|latest| latest.epoch);
        in_log.or(self.latest_snapshot().map(|snapshot| snapshot.epoch)).unwrap_or(0)
    }

    /// Its sender has all before the offset it asks for, on its disk.
    fn note_fetch(&mut self, fetch: &Fetch, io: &mut Io<'_>) {
        if fetch.replica < 0 || fetch.replica == self.config.node_id {
            return;
        }
        let key = crate::ReplicaKey { id: fetch.replica, directory_id: fetch.directory_id };
        let voter = self.voters().get(&fetch.replica).map(|voter| voter.directory_id);
        let is_voter =
            voter.is_some_and(|directory_id| crate::ReplicaKey { id: fetch.replica, directory_id }.fits(&key));
        let end = self.log.log_end_offset();
        let times = (io.now.monotonic, io.now.wall_ms);
        let Role::Leader(leader) = &mut self.role else { return };
        let known = if is_voter { &mut leader.voters } else { &mut leader.observers };
        let state = known.entry(fetch.replica).or_insert_with(ReplicationState::new);
        state.directory_id = fetch.directory_id;
        state.on_fetch(fetch.offset, end, times);
        if is_voter {
            self.note_fetched(fetch.replica, io);
            self.maybe_commit(io);
        }
    }

    /// Something has changed: answers the fetches that it is news for, and those whose time is over.
    pub(crate) fn release_parked(&mut self, io: &mut Io<'_>) {
        let now = io.now.monotonic;
        for parked in core::mem::take(&mut self.parked) {
            let answer = self.answer_fetch(&parked.fetch, false, io);
            let answer = match answer {
                None if parked.until <= now => {
                    Some(self.fetch_response(&parked.fetch, Ok(Next::Records(Bytes::new()))))
                }
                answer => answer,
            };
            match answer {
                Some(response) => self.outputs.push(RaftOutput::Reply { token: parked.token, response }),
                None => self.parked.push(parked),
            }
        }
    }

    /// Nobody waits for that answer any more: its connection is gone.
    pub fn forget_waiting(&mut self, token: u64) {
        self.parked.retain(|parked| parked.token != token);
        self.changes.retain(|change| change.token() != token);
    }

    fn fetch_error(&self, fetch: &Fetch, error: ErrorCode) -> Response {
        self.fetch_response(fetch, Err(error))
    }

    fn fetch_response(&self, fetch: &Fetch, next: Result<Next, ErrorCode>) -> Response {
        let version = fetch.version;
        let leader = self.election.leader.unwrap_or(-1);
        let mut data = kp::fetch_response::PartitionData::default()
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_records(Some(Bytes::new()));
        if version >= 12 {
            let known = kp::fetch_response::LeaderIdAndEpoch::default()
                .with_leader_id(leader.into())
                .with_leader_epoch(self.election.epoch);
            data = data.with_current_leader(known);
        }
        let data = match next {
            Err(error) => data.with_error_code(error as i16),
            Ok(next) => self.fetched(data, next, version),
        };
        let mut topic = kp::fetch_response::FetchableTopicResponse::default().with_partitions(vec![data]);
        if version >= 13 {
            topic = topic.with_topic_id(TOPIC_ID);
        } else {
            topic = topic.with_topic(TopicName(StrBytes::from_static_str(TOPIC)));
        }
        let mut response = kp::FetchResponse::default().with_responses(vec![topic]);
        if let Some((id, host, port)) = self.leader_endpoint().filter(|_| version >= 17) {
            let endpoint = kp::fetch_response::NodeEndpoint::default();
            let endpoint = endpoint.with_node_id(id.into()).with_host(host).with_port(i32::from(port));
            response = response.with_node_endpoints(vec![endpoint]);
        }
        Response::Fetch(response)
    }

    fn fetched(
        &self,
        data: kp::fetch_response::PartitionData,
        next: Next,
        version: i16,
    ) -> kp::fetch_response::PartitionData {
        let mut data = data.with_high_watermark(self.high_watermark).with_last_stable_offset(self.high_watermark);
        if version >= 5 {
            data = data.with_log_start_offset(self.log.log_start_offset());
        }
        match next {
            Next::Records(bytes) => data.with_records(Some(bytes)),
            Next::Diverging { epoch, end_offset } => {
                let at = kp::fetch_response::EpochEndOffset::default().with_epoch(epoch).with_end_offset(end_offset);
                data.with_diverging_epoch(at)
            }
            Next::Snapshot(id) => {
                let id = kp::fetch_response::SnapshotId::default().with_end_offset(id.end_offset).with_epoch(id.epoch);
                data.with_snapshot_id(id)
            }
        }
    }

    /// When the first of the waiting fetches has waited long enough.
    pub(crate) fn parked_deadline(&self) -> Option<Micros> {
        self.parked.iter().map(|parked| parked.until).min()
    }

    /// Where the leader is reached, if that is known.
    pub(crate) fn leader_endpoint(&self) -> Option<(i32, StrBytes, u16)> {
        let leader = self.election.leader?;
        let voter = self.voters().get(&leader)?;
        Some((leader, StrBytes::from_string(voter.host.clone()), voter.port))
    }

    pub(crate) fn cluster_id(&self) -> Option<StrBytes> {
        let id = &self.config.cluster_id;
        (!id.is_empty()).then(|| StrBytes::from_string(id.clone()))
    }

    /// What a leader knows of those that fetch from it: voters, then observers. Empty for anybody else.
    pub fn replicas(&self) -> Vec<(i32, ReplicationState)> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        leader.voters.iter().chain(leader.observers.iter()).map(|(id, state)| (*id, state.clone())).collect()
    }
}
