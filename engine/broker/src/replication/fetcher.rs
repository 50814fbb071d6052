//! Fetching from leaders: one fetch at a time to each node that leads partitions which this broker follows, all of them in one
//! fetch session (KIP-227), so that an idle partition costs nothing.
//!
//! ```text
//! send ─► Fetch to node 2 ... answer ─► append or cut ─► send ─► ...
//!              no answer ─► wait replica.fetch.backoff.ms ─┘
//! ```
//!
//! A fetch that finds nothing new waits at the leader, at most `replica.fetch.wait.max.ms`.
//! (ReplicaFetcherThread, RemoteLeaderEndPoint, FetchSessionHandler.)

use super::{
    Role,
    following::{Bound, FetchPosition},
};
use crate::{
    peers::{Asked, Lane, PeerError},
    topics::{Partition, PartitionKey},
    turn::{State, Turn},
};
use alloc::vec::Vec;
use naru_trace::{Deadline, Micros, SortedMap};
use naru_wire::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic, ReplicaState};
use naru_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use naru_wire::messages::{BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest, TopicName};
use naru_wire::{ErrorCode, Response};
use uuid::Uuid;

/// A question for where a log ends, and one for where it begins on the leader's own disk.
const LATEST: i64 = -1;
const EARLIEST_LOCAL: i64 = -4;

/// What is fetched from one node.
#[derive(Debug, Default)]
pub(crate) struct Fetcher {
    /// The partitions that this broker follows there.
    partitions: Vec<PartitionKey>,
    session_id: i32,
    /// The epoch of the next request in the session; 0 begins one.
    session_epoch: i32,
    /// What the session knows to be asked for.
    in_session: SortedMap<PartitionKey, FetchPosition>,
    is_waiting: bool,
    backoff_until: Option<Micros>,
}

impl Fetcher {
    fn end_session(&mut self) {
        (self.session_id, self.session_epoch) = (0, 0);
        self.in_session = SortedMap::new();
    }
}

impl State {
    /// When something is due for replicas that waits for a time, and not for an answer.
    pub(crate) fn next_replication_deadline(&self) -> Option<Deadline> {
        let idle = self.replication.fetchers.values().filter(|fetcher| !fetcher.is_waiting);
        let due = |fetcher: &Fetcher| {
            let delays = fetcher.partitions.iter().filter_map(|key| {
                let partition = self.topics.partition(*key)?;
                let Role::Follower(following) = &partition.role else { return None };
                following.delayed_until.filter(|_| partition.is_online())
            });
            delays.min().max(fetcher.backoff_until)
        };
        let fetch = idle.filter_map(due).min().map(|at| Deadline { at, reason: "replica.fetch.backoff.ms" });
        fetch.into_iter().chain(self.replication.isr.next_deadline()).min()
    }
}

impl Turn<'_> {
    /// A partition follows `node` from now on, or nobody.
    pub(crate) fn follow(&mut self, key: PartitionKey, node: Option<i32>) {
        let fetchers = &mut self.state.replication.fetchers;
        for fetcher in fetchers.values_mut() {
            fetcher.partitions.retain(|other| *other != key);
        }
        fetchers.retain(|id, fetcher| Some(*id) == node || fetcher.is_waiting || !fetcher.partitions.is_empty());
        if let Some(node) = node {
            fetchers.entry(node).or_default().partitions.push(key);
        }
    }

    /// Asks every leader that is not being asked, and that there is something to ask.
    fn fetch_from_leaders(&mut self) -> bool {
        if self.state.replication.fetchers.is_empty() || self.state.stopping {
            return false;
        }
        let now = self.now.monotonic;
        let is_free = |fetcher: &Fetcher| !fetcher.is_waiting && fetcher.backoff_until.is_none_or(|until| until <= now);
        let fetchers = self.state.replication.fetchers.iter().filter(|(_, fetcher)| is_free(fetcher));
        let mut asked = false;
        for node in fetchers.map(|(node, _)| *node).collect::<Vec<_>>() {
            asked |= self.fetch_from(node);
            asked |= self.ask_bounds(node);
        }
        asked
    }

    /// Returns whether there was something to ask.
    fn fetch_from(&mut self, node: i32) -> bool {
        let Some(fetcher) = self.state.replication.fetchers.get(&node) else { return false };
        let topics = &self.state.topics;
        let position = |key: &PartitionKey| Some((*key, topics.partition(*key)?.fetch_position(self.now.monotonic)?));
        let ready: SortedMap<PartitionKey, FetchPosition> = fetcher.partitions.iter().filter_map(position).collect();
        if ready.is_empty() {
            return false;
        }
        let is_known = |key: &PartitionKey, position: &FetchPosition| {
            fetcher.session_epoch > 0 && fetcher.in_session.get(key) == Some(position)
        };
        let changed = ready.iter().filter(|(key, position)| !is_known(key, position));
        let mut named: SortedMap<Uuid, Vec<FetchPartition>> = SortedMap::new();
        for (key, position) in changed {
            let Some(topic) = topics.get(key.topic) else { continue };
            named.entry(topic.id).or_default().push(self.fetch_partition(key.partition, position));
        }
        let mut forgotten: SortedMap<Uuid, Vec<i32>> = SortedMap::new();
        let has_session = fetcher.session_epoch > 0;
        for key in fetcher.in_session.keys().filter(|key| has_session && !ready.contains_key(*key)) {
            // A topic that is deleted is unknown to the leader, too, sooner or later.
            let Some(topic) = topics.get(key.topic) else { continue };
            forgotten.entry(topic.id).or_default().push(key.partition);
        }
        let request = self.fetch_request((fetcher.session_id, fetcher.session_epoch), named, forgotten);
        let Some(fetcher) = self.state.replication.fetchers.get_mut(&node) else { return false };
        fetcher.in_session = ready;
        fetcher.is_waiting = true;
        fetcher.backoff_until = None;
        self.ask(node, Lane::Replication, request.into(), Asked::ReplicaFetch);
        true
    }

    fn fetch_request(
        &self,
        (session_id, session_epoch): (i32, i32),
        named: SortedMap<Uuid, Vec<FetchPartition>>,
        forgotten: SortedMap<Uuid, Vec<i32>>,
    ) -> FetchRequest {
        let config = &self.state.config.replication;
        let replica = ReplicaState::default()
            .with_replica_id(BrokerId(self.state.config.node_id))
            .with_replica_epoch(self.state.broker_epoch);
        let topic = |(id, partitions)| FetchTopic::default().with_topic_id(id).with_partitions(partitions);
        let forget = |(id, partitions)| ForgottenTopic::default().with_topic_id(id).with_partitions(partitions);
        FetchRequest::default()
            .with_replica_state(replica)
            .with_max_wait_ms(config.fetch_wait_max_ms)
            .with_min_bytes(config.fetch_min_bytes)
            .with_max_bytes(config.fetch_response_max_bytes)
            .with_session_id(session_id)
            .with_session_epoch(session_epoch)
            .with_topics(named.into_iter().map(topic).collect())
            .with_forgotten_topics_data(forgotten.into_iter().map(forget).collect())
    }

    fn fetch_partition(&self, index: i32, position: &FetchPosition) -> FetchPartition {
        FetchPartition::default()
            .with_partition(index)
            .with_current_leader_epoch(position.leader_epoch)
            .with_fetch_offset(position.offset)
            .with_last_fetched_epoch(position.last_fetched_epoch)
            .with_log_start_offset(position.log_start_offset)
            .with_partition_max_bytes(self.state.config.replication.fetch_max_bytes)
    }

    /// A leader has answered, or will not.
    pub(crate) fn on_replica_fetch_answer(&mut self, node: i32, result: Result<Response, PeerError>) {
        let backoff = self.state.config.replication.fetch_backoff_ms.max(1).saturating_mul(1_000);
        let Some(fetcher) = self.state.replication.fetchers.get_mut(&node) else { return };
        fetcher.is_waiting = false;
        match result {
            Ok(Response::Fetch(response)) if response.error_code == 0 => {
                fetcher.session_id = response.session_id;
                fetcher.session_epoch = match response.session_id {
                    0 => 0,
                    _ if fetcher.session_epoch == i32::MAX => 1,
                    _ => fetcher.session_epoch + 1,
                };
                let asked = fetcher.in_session.clone();
                self.on_replica_fetch(asked, response);
            }
            Ok(Response::Fetch(response)) => {
                // The session is gone at the leader: a new one begins at once. After any other error, a little later.
                fetcher.end_session();
                let is_gone = [ErrorCode::FetchSessionIdNotFound, ErrorCode::InvalidFetchSessionEpoch];
                if !is_gone.contains(&ErrorCode::from_code(response.error_code)) {
                    fetcher.backoff_until = Some(self.now.monotonic.plus(backoff));
                }
            }
            _ => {
                fetcher.end_session();
                fetcher.backoff_until = Some(self.now.monotonic.plus(backoff));
            }
        }
        let fetchers = &mut self.state.replication.fetchers;
        fetchers.retain(|_, fetcher| fetcher.is_waiting || !fetcher.partitions.is_empty());
    }

    fn on_replica_fetch(&mut self, asked: SortedMap<PartitionKey, FetchPosition>, response: FetchResponse) {
        let answered = self.out.trace.cause();
        for topic in response.responses {
            for answer in topic.partitions {
                let key = self.state.partition_key(topic.topic_id, answer.partition_index);
                let Some(position) = key.and_then(|key| asked.get(&key)) else { continue };
                let Some(key) = key else { continue };
                self.on_fetched(key, position, answer);
                self.out.trace.because(answered);
            }
        }
    }

    /// Asks a leader where logs end or begin, for the partitions that do not know where to go on.
    fn ask_bounds(&mut self, node: i32) -> bool {
        let Some(fetcher) = self.state.replication.fetchers.get(&node) else { return false };
        let mut any = false;
        for key in fetcher.partitions.clone() {
            let Some(partition) = self.state.topics.partition_mut(key) else { continue };
            let leader_epoch = partition.leader_epoch;
            let Some(following) = partition.following_mut() else { continue };
            let (bound, timestamp) = match following.asking {
                Some(Bound::End { sent: false }) => (Bound::End { sent: true }, LATEST),
                Some(Bound::Start { sent: false }) => (Bound::Start { sent: true }, EARLIEST_LOCAL),
                _ => continue,
            };
            following.asking = Some(bound);
            let Some(topic) = self.state.topics.get(key.topic) else { continue };
            let asked = ListOffsetsPartition::default()
                .with_partition_index(key.partition)
                .with_current_leader_epoch(leader_epoch)
                .with_timestamp(timestamp);
            let topic = ListOffsetsTopic::default()
                .with_name(TopicName(topic.name.clone()))
                .with_partitions(alloc::vec![asked]);
            let request = ListOffsetsRequest::default()
                .with_replica_id(BrokerId(self.state.config.node_id))
                .with_topics(alloc::vec![topic]);
            self.ask(node, Lane::Leaders, request.into(), Asked::LogBound { key, bound });
            any = true;
        }
        any
    }

    /// A leader has said where a log ends or begins.
    pub(crate) fn on_log_bound(&mut self, key: PartitionKey, bound: Bound, result: Result<Response, PeerError>) {
        let answer = match result {
            Ok(Response::ListOffsets(response)) => {
                response.topics.into_iter().flat_map(|topic| topic.partitions).find(|it| it.error_code == 0)
            }
            _ => None,
        };
        self.on_bound(key, bound, answer.map(|answer| answer.offset));
    }

    /// What time asks of replicas.
    pub(crate) fn replication_tick(&mut self) {
        if self.state.stopping {
            return;
        }
        self.maybe_shrink_isrs();
        let now = self.now.monotonic;
        let followed: Vec<PartitionKey> =
            self.state.replication.fetchers.values().flat_map(|fetcher| fetcher.partitions.clone()).collect();
        for key in followed {
            let following = self.state.topics.partition_mut(key).and_then(Partition::following_mut);
            if let Some(following) = following.filter(|it| it.delayed_until.is_some_and(|until| until <= now)) {
                following.delayed_until = None;
            }
        }
    }

    /// At the end of a step: whatever is to be asked of other nodes. Returns whether something was.
    pub(crate) fn send_replication(&mut self) -> bool {
        let asked_isr = self.send_isr_changes();
        let asked_leaders = self.fetch_from_leaders();
        asked_isr || asked_leaders
    }
}
