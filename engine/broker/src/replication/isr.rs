//! Who is in sync, as the leader wants to have it: it notices, and the controller decides (AlterPartition, KIP-497).
//!
//! | what happens | what is asked for |
//! |---|---|
//! | a follower fetches from the high watermark or later, and has all that was there when the epoch began | the ISR with it |
//! | a member was not caught up for `replica.lag.time.max.ms` | the ISR without it |
//!
//! One request at a time is on its way, for all partitions together, and of each partition one question at a time. Until it is
//! decided, the larger of the two ISRs counts. Whether the question was about the present state is for the controller to see:
//! it compares partition and leader epochs, and the epochs of the brokers (KIP-903). (AlterPartitionManager.scala)

use super::{Role, cluster::is_eligible, leadership::FollowerFetch, leadership::PendingIsr};
use crate::{
    peers::{Asked, Lane, PeerError},
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::{format, vec::Vec};
use naru_trace::{Deadline, Micros, SortedMap, SortedSet, TraceKind};
use naru_wire::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use naru_wire::messages::alter_partition_response::PartitionData as Answer;
use naru_wire::messages::{AlterPartitionRequest, AlterPartitionResponse, BrokerId};
use naru_wire::{ErrorCode, Response};
use uuid::Uuid;

/// How long to wait before the controller is asked again after it could not be reached, in milliseconds.
const RETRY_MS: u64 = 50;

/// What the controller is to be asked, and when members that lag are looked for.
#[derive(Debug, Default)]
pub(crate) struct IsrChanges {
    /// Partitions with a question that is not on its way.
    unsent: SortedSet<PartitionKey>,
    /// The partitions of the request that is on its way, with the leader epochs they had.
    in_flight: Option<Vec<(PartitionKey, i32)>>,
    retry_at: Option<Micros>,
    /// When members that lag are looked for; `None` as long as no follower can.
    check_at: Option<Micros>,
}

impl IsrChanges {
    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let check = self.check_at.map(|at| Deadline { at, reason: "replica.lag.time.max.ms" });
        let waits = !self.unsent.is_empty() && self.in_flight.is_none();
        let retry = self.retry_at.filter(|_| waits).map(|at| Deadline { at, reason: "AlterPartition again" });
        check.into_iter().chain(retry).min()
    }
}

impl Turn<'_> {
    /// A follower asks for records: so it has all before.
    pub(crate) fn on_follower_fetch(&mut self, key: PartitionKey, follower: i32, fetch: &FollowerFetch) {
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        let Role::Leader(leadership) = &mut partition.role else { return };
        let Some(state) = leadership.followers.get_mut(&follower) else { return };
        let before = state.view();
        state.on_fetch(fetch);
        let view = state.view();
        let fetched = self.out.trace.cause();
        if view != before {
            self.out.trace.emit_then(|| TraceKind::FollowerFetched {
                topic: self.state.topics.name(key.topic).into(),
                partition: key.partition,
                follower,
                offset: view.log_end_offset,
                caught_up: view.caught_up,
            });
        }
        self.maybe_expand_isr(key, follower, fetch.broker_epoch);
        self.advance_high_watermark(key);
        self.advance_low_watermark(key);
        self.out.trace.because(fetched);
    }

    /// The smallest log start offset of the leader and all followers that live.
    pub(crate) fn low_watermark(&self, key: PartitionKey) -> Result<i64, ErrorCode> {
        let partition = self.state.topics.partition(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let Role::Leader(leadership) = &partition.role else { return Err(ErrorCode::NotLeaderOrFollower) };
        let log_start_offset = partition.log().ok_or(ErrorCode::KafkaStorageError)?.log_start_offset();
        Ok(leadership.low_watermark(log_start_offset, |id| self.is_alive(id)))
    }

    /// Followers have deleted records, or nobody will know any more whether they have.
    pub(crate) fn advance_low_watermark(&mut self, key: PartitionKey) {
        let low_watermark = self.low_watermark(key);
        let cause = self.out.trace.cause();
        let free = self.state.purgatory.deleted(key, low_watermark);
        self.state.ready.extend(free.into_iter().map(|id| (id, cause)));
    }

    /// The partition has followers: they may lag from now on.
    pub(crate) fn watch_followers(&mut self) {
        let at = self.now.monotonic.plus(self.state.config.replication.lag_time_max() / 2);
        self.state.replication.isr.check_at.get_or_insert(at);
    }

    /// Looks for members of an ISR that lag, every half of `replica.lag.time.max.ms`.
    pub(crate) fn maybe_shrink_isrs(&mut self) {
        let now = self.now.monotonic;
        if self.state.replication.isr.check_at.is_none_or(|at| at > now) {
            return;
        }
        self.state.replication.isr.check_at = None;
        let ticked = self.out.trace.cause();
        for key in self.partitions() {
            let Some(partition) = self.state.topics.partition(key) else { continue };
            let Role::Leader(leadership) = &partition.role else { continue };
            if leadership.followers.is_empty() {
                continue;
            }
            let late = self.late_members(partition);
            self.watch_followers();
            if !late.is_empty() {
                let isr = self.state.topics.partition(key).map(|partition| partition.isr.clone()).unwrap_or_default();
                let isr = isr.into_iter().filter(|id| !late.contains(id)).collect();
                self.ask_for_isr(key, isr, late, "replica.lag.time.max.ms");
            }
            self.out.trace.because(ticked);
        }
    }

    fn late_members(&self, partition: &Partition) -> Vec<i32> {
        let Role::Leader(leadership) = &partition.role else { return Vec::new() };
        let Some(log) = partition.log().filter(|_| leadership.pending.is_none()) else { return Vec::new() };
        let lag_max = self.state.config.replication.lag_time_max();
        leadership.out_of_sync(&partition.isr, log.log_end_offset(), self.now.monotonic, lag_max)
    }

    fn maybe_expand_isr(&mut self, key: PartitionKey, follower: i32, broker_epoch: i64) {
        let Some(partition) = self.state.topics.partition(key) else { return };
        let Role::Leader(leadership) = &partition.role else { return };
        let may_join = leadership.pending.is_none()
            && !partition.isr.contains(&follower)
            && leadership.is_in_sync(follower, partition.high_watermark)
            && is_eligible(self.state.cluster(), follower, broker_epoch);
        if may_join {
            let mut isr = partition.isr.clone();
            isr.push(follower);
            self.ask_for_isr(key, isr, alloc::vec![follower], "caught up");
        }
    }

    fn ask_for_isr(&mut self, key: PartitionKey, isr: Vec<i32>, replicas: Vec<i32>, because: &'static str) {
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        let Role::Leader(leadership) = &mut partition.role else { return };
        assert!(isr.contains(&partition.leader), "a leader never leaves its own ISR");
        leadership.pending = Some(PendingIsr { isr: isr.clone(), sent: false });
        self.state.replication.isr.unsent.insert(key);
        self.out.trace.emit_then(|| TraceKind::IsrChangeAsked {
            topic: self.state.topics.name(key.topic).into(),
            partition: key.partition,
            isr,
            because: because.into(),
            replicas,
        });
    }

    /// Sends what the controller is to be asked, if nothing is on its way. Returns whether there was something.
    pub(crate) fn send_isr_changes(&mut self) -> bool {
        let changes = &self.state.replication.isr;
        let is_too_soon = changes.retry_at.is_some_and(|at| at > self.now.monotonic);
        if changes.unsent.is_empty() || changes.in_flight.is_some() || is_too_soon {
            return false;
        }
        let keys = core::mem::take(&mut self.state.replication.isr.unsent);
        let mut topics: SortedMap<Uuid, Vec<PartitionData>> = SortedMap::new();
        let mut in_flight = Vec::new();
        for key in keys.iter().copied() {
            let Some((topic_id, leader_epoch, question)) = self.question(key) else { continue };
            topics.entry(topic_id).or_default().push(question);
            in_flight.push((key, leader_epoch));
        }
        if in_flight.is_empty() {
            return false;
        }
        let topic = |(id, partitions)| TopicData::default().with_topic_id(id).with_partitions(partitions);
        let request = AlterPartitionRequest::default()
            .with_broker_id(BrokerId(self.state.config.node_id))
            .with_broker_epoch(self.state.broker_epoch)
            .with_topics(topics.into_iter().map(topic).collect());
        self.state.replication.isr.in_flight = Some(in_flight);
        self.state.replication.isr.retry_at = None;
        self.ask_controller(Lane::Controller, request.into(), Asked::AlterPartition);
        true
    }

    fn question(&mut self, key: PartitionKey) -> Option<(Uuid, i32, PartitionData)> {
        let (me, my_epoch) = (self.state.config.node_id, self.state.broker_epoch);
        let topic_id = self.state.topics.get(key.topic)?.id;
        let partition = self.state.topics.partition_mut(key)?;
        let (leader_epoch, partition_epoch) = (partition.leader_epoch, partition.partition_epoch);
        let Role::Leader(leadership) = &mut partition.role else { return None };
        let pending = leadership.pending.as_mut()?;
        pending.sent = true;
        let epoch_of = |id: i32| match leadership.followers.get(&id) {
            _ if id == me => my_epoch,
            Some(follower) => follower.broker_epoch,
            None => -1,
        };
        let member = |id: &i32| BrokerState::default().with_broker_id(BrokerId(*id)).with_broker_epoch(epoch_of(*id));
        let question = PartitionData::default()
            .with_partition_index(key.partition)
            .with_leader_epoch(leader_epoch)
            .with_new_isr_with_epochs(pending.isr.iter().map(member).collect())
            .with_partition_epoch(partition_epoch);
        Some((topic_id, leader_epoch, question))
    }

    /// The controller has decided, or could not be asked.
    pub(crate) fn on_alter_partition_answer(&mut self, result: Result<Response, PeerError>) {
        let Some(asked) = self.state.replication.isr.in_flight.take() else { return };
        let response = match result {
            Ok(Response::AlterPartition(response)) if response.error_code == 0 => response,
            Ok(Response::AlterPartition(response)) => {
                let error = ErrorCode::from_code(response.error_code).name();
                self.out.warnings.push(format!("the controller refused AlterPartition: {error}"));
                return self.ask_again(asked);
            }
            _ => return self.ask_again(asked),
        };
        let answered = self.out.trace.cause();
        let mut left: SortedMap<PartitionKey, i32> = asked.into_iter().collect();
        for (key, answer) in self.isr_answers(response) {
            if let Some(leader_epoch) = left.remove(&key) {
                self.on_isr_answer(key, leader_epoch, &answer);
                self.out.trace.because(answered);
            }
        }
        // What the answer does not mention was not decided.
        self.ask_again(left.into_iter().collect());
    }

    fn isr_answers(&self, response: AlterPartitionResponse) -> Vec<(PartitionKey, Answer)> {
        let of_topic = |topic: naru_wire::messages::alter_partition_response::TopicData| {
            let id = topic.topic_id;
            topic.partitions.into_iter().map(move |answer| (id, answer))
        };
        let answers = response.topics.into_iter().flat_map(of_topic);
        answers
            .filter_map(|(id, answer)| Some((self.state.partition_key(id, answer.partition_index)?, answer)))
            .collect()
    }

    /// The same questions, a little later, where they are still of interest.
    fn ask_again(&mut self, asked: Vec<(PartitionKey, i32)>) {
        for (key, leader_epoch) in asked {
            let Some(partition) = self.state.topics.partition_mut(key) else { continue };
            let is_same = partition.leader_epoch == leader_epoch;
            let Role::Leader(leadership) = &mut partition.role else { continue };
            if let Some(pending) = leadership.pending.as_mut().filter(|_| is_same) {
                pending.sent = false;
                self.state.replication.isr.unsent.insert(key);
                self.state.replication.isr.retry_at = Some(self.now.monotonic.plus(RETRY_MS * 1_000));
            }
        }
    }

    fn on_isr_answer(&mut self, key: PartitionKey, leader_epoch: i32, answer: &Answer) {
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        let is_same = partition.leader_epoch == leader_epoch;
        let Role::Leader(leadership) = &mut partition.role else { return };
        if !is_same || leadership.pending.is_none() {
            return;
        }
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                if answer.leader_epoch == leader_epoch && answer.partition_epoch >= partition.partition_epoch {
                    leadership.pending = None;
                    partition.isr = answer.isr.iter().map(|id| id.0).collect();
                    partition.partition_epoch = answer.partition_epoch;
                    self.trace_role(key);
                    self.advance_high_watermark(key);
                }
            }
            // It was not tried, or a member cannot be one now: the ISR is what it was.
            ErrorCode::OperationNotAttempted | ErrorCode::IneligibleReplica => leadership.pending = None,
            // Something else was decided meanwhile, and will be published.
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::InvalidUpdateVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::NewLeaderElected => {}
            _ => self.ask_again(alloc::vec![(key, leader_epoch)]),
        }
    }
}
