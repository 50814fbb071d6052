//! Group coordination at this broker: a [`naru_coordinator::Coordinator`] for each partition of `__consumer_offsets` that it
//! leads, and the way of what they decide through that partition's log.
//!
//! ```text
//! request ─► which partition? ─► coordinator decides ─► append ─► replay ─► below the high watermark ─► answers
//!             │ another leads it: NOT_COORDINATOR
//!             └ it is being read: COORDINATOR_LOAD_IN_PROGRESS
//! ```
//!
//! Leadership is looked up at the end of each step: whatever made this broker a leader, or ended that, needs to know nothing of
//! groups. What an answer may have seen has to be committed before it goes out, answers of reads included.

mod answer;
mod find;
mod run;
mod shard;

use find::offsets_partition;

use crate::{topics::PartitionKey, turn::Turn};
use alloc::{string::String, vec::Vec};
use naru_coordinator::GroupConfig;
use naru_metadata::topic_name::CONSUMER_OFFSETS;
use naru_trace::{Deadline, GroupView, Micros, Seq, SortedMap};
use naru_wire::{ErrorCode, Response};
use shard::{Shard, Stage};

/// Whether groups are coordinated. In the browser they are not: no lab has one yet, and readers wait for every byte.
const ARE_HERE: bool = cfg!(not(target_arch = "wasm32"));

/// `offsets.topic.*`, with Kafka's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetsTopicConfig {
    /// `offsets.topic.num.partitions`.
    pub num_partitions: i32,
    /// `offsets.topic.replication.factor`: a broker that stands alone can only give 1.
    pub replication_factor: i16,
    /// `offsets.topic.segment.bytes`.
    pub segment_bytes: u32,
}

impl Default for OffsetsTopicConfig {
    fn default() -> Self {
        OffsetsTopicConfig { num_partitions: 50, replication_factor: 3, segment_bytes: 100 << 20 }
    }
}

/// An answer that waits until what it may have seen is committed.
#[derive(Debug)]
struct Pending {
    response: Response,
    /// What the high watermark has to reach, by partition of `__consumer_offsets`.
    waits: SortedMap<i32, i64>,
}

/// All coordinators of this broker.
#[derive(Debug)]
pub(crate) struct Groups {
    config: GroupConfig,
    shards: SortedMap<i32, Shard>,
    next_token: u64,
    /// Answers by the number of who waits for them.
    pending: SortedMap<u64, Pending>,
    expire_at: Micros,
}

impl Groups {
    pub(crate) fn new(config: GroupConfig, now: Micros) -> Self {
        let expire_at = after(now, config.offsets_retention_check_ms);
        Groups { config, shards: SortedMap::new(), next_token: 0, pending: SortedMap::new(), expire_at }
    }

    /// A number for somebody who may have to wait.
    pub(crate) fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        if !ARE_HERE {
            return None;
        }
        let shards = self.shards.values().filter_map(Shard::next_deadline).min();
        let expiry = (!self.shards.is_empty())
            .then_some(Deadline { at: self.expire_at, reason: "offsets.retention.check.interval.ms" });
        [shards, expiry].into_iter().flatten().min()
    }

    /// All groups, as the picture shows them.
    pub(crate) fn views(&self) -> SortedMap<String, GroupView> {
        if !ARE_HERE {
            return SortedMap::new();
        }
        self.shards.values().filter_map(Shard::coordinator).flat_map(|coordinator| coordinator.views()).collect()
    }

    /// The coordinators that are at work.
    pub(crate) fn active(&self) -> impl Iterator<Item = (i32, &naru_coordinator::Coordinator)> {
        self.shards.iter().filter_map(|(index, shard)| Some((*index, shard.coordinator()?)))
    }

    /// Whether some partition is still being read.
    pub(crate) fn is_loading(&self) -> bool {
        self.shards.values().any(|shard| shard.coordinator().is_none())
    }
}

impl Turn<'_> {
    /// Does what is due for groups: reads on, lets sessions end, lets offsets expire.
    pub(crate) fn tick_groups(&mut self) {
        if !ARE_HERE {
            return;
        }
        let now = self.now.monotonic;
        let ticked = self.out.trace.cause();
        for index in self.shard_numbers() {
            self.out.trace.because(ticked);
            self.load_shard(index);
            while self.state.groups.shards.get(&index).is_some_and(|shard| shard.is_due(now)) {
                self.out.trace.because(ticked);
                self.on_coordinator(index, |coordinator, io| coordinator.tick(io).unwrap_or_default());
            }
        }
        if self.state.groups.expire_at <= now {
            self.state.groups.expire_at = after(now, self.state.groups.config.offsets_retention_check_ms);
            for index in self.shard_numbers() {
                self.out.trace.because(ticked);
                self.on_coordinator(index, |coordinator, io| coordinator.expire_offsets(io));
            }
        }
    }

    /// The end of a step: follows leadership, and answers what is committed by now. Returns whether there is more to do.
    pub(crate) fn settle_groups(&mut self) -> bool {
        if !ARE_HERE {
            return false;
        }
        self.follow_leadership();
        self.answer_committed()
    }

    /// A topic is deleted: its offsets are nobody's any more.
    pub(crate) fn forget_offsets_of(&mut self, topic: &str) {
        if !ARE_HERE {
            return;
        }
        for index in self.shard_numbers() {
            self.on_coordinator(index, |coordinator, io| coordinator.on_topic_deleted(topic, io));
        }
    }

    /// No new work: whoever waits for a group hears that its coordinator is elsewhere.
    pub(crate) fn stop_groups(&mut self) {
        if !ARE_HERE {
            return;
        }
        let cause = self.out.trace.cause();
        for id in self.state.purgatory.waiting_for_groups() {
            self.refuse_waiting(id, ErrorCode::NotCoordinator, cause);
        }
    }

    fn shard_numbers(&self) -> Vec<i32> {
        self.state.groups.shards.keys().copied().collect()
    }

    /// Begins with partitions that this broker leads now, and ends with those that it does not lead any more.
    fn follow_leadership(&mut self) {
        let topic = self.state.topics.by_name(CONSUMER_OFFSETS);
        if topic.is_none() && self.state.groups.shards.is_empty() {
            return;
        }
        let is_over = |turn: &Self, shard: &Shard| Some(shard.epoch) != turn.leader_epoch(shard.key);
        let over: Vec<i32> = {
            let shards = self.state.groups.shards.iter();
            shards.filter(|(_, shard)| is_over(self, shard)).map(|(index, _)| *index).collect()
        };
        for index in over {
            self.end_shard(index);
        }
        let Some(topic) = topic.filter(|_| !self.state.stopping) else { return };
        let count = self.state.topics.get(topic).map_or(0, |topic| topic.partitions.len() as i32);
        for index in 0..count {
            let key = PartitionKey { topic, partition: index };
            let Some(epoch) = self.leader_epoch(key) else { continue };
            if !self.state.groups.shards.contains_key(&index) {
                self.begin_shard(index, key, epoch);
            }
        }
    }

    /// In which epoch this broker leads a partition that works, if it does.
    fn leader_epoch(&self, key: PartitionKey) -> Option<i32> {
        let partition = self.state.topics.partition(key)?;
        let leads = matches!(partition.role, crate::replication::Role::Leader(_)) && partition.is_online();
        leads.then_some(partition.leader_epoch)
    }

    fn begin_shard(&mut self, index: i32, key: PartitionKey, epoch: i32) {
        let Some(log) = self.log(key) else { return };
        let (from, end) = (log.log_start_offset(), log.log_end_offset());
        let shard = Shard::new(key, epoch, (from, end), self.state.groups.config.clone());
        self.state.groups.shards.insert(index, shard);
        if from >= end {
            self.load_shard(index);
        }
    }

    /// Another broker coordinates these groups now. Nobody learns here what became of what is not committed.
    fn end_shard(&mut self, index: i32) {
        let Some(shard) = self.state.groups.shards.remove(&index) else { return };
        let cause = self.out.trace.cause();
        if let Stage::Active(coordinator) = shard.stage {
            coordinator.unload(&mut self.out.trace);
        }
        let groups = &mut self.state.groups;
        let lost = groups.pending.iter().filter(|(_, pending)| pending.waits.contains_key(&index));
        for token in lost.map(|(token, _)| *token).collect::<Vec<_>>() {
            self.state.groups.pending.remove(&token);
        }
        for id in self.state.purgatory.waiting_for_groups_of(index) {
            self.refuse_waiting(id, ErrorCode::NotCoordinator, cause);
        }
    }

    /// Answers with an error whoever waits for a group.
    fn refuse_waiting(&mut self, id: u64, error: ErrorCode, cause: Option<Seq>) {
        let Some((token, context)) = self.state.purgatory.group_waiter(id) else { return };
        self.state.groups.pending.remove(&token);
        let response = answer::refusal(context.api, context.version, error);
        self.state.purgatory.answer_group(token, response);
        self.state.ready.push_back((id, cause));
    }

    /// Answers that waited for records to be committed, and do not any more.
    fn answer_committed(&mut self) -> bool {
        if self.state.groups.pending.is_empty() {
            return false;
        }
        let mut free = Vec::new();
        let tokens: Vec<u64> = self.state.groups.pending.keys().copied().collect();
        for token in tokens {
            let Some(pending) = self.state.groups.pending.get(&token) else { continue };
            if pending.waits.iter().all(|(index, end_offset)| self.is_committed(*index, *end_offset)) {
                free.push(token);
            }
        }
        let cause = self.out.trace.cause();
        let mut any = false;
        for token in free {
            let Some(pending) = self.state.groups.pending.remove(&token) else { continue };
            if let Some(id) = self.state.purgatory.answer_group(token, pending.response) {
                self.state.ready.push_back((id, cause));
                any = true;
            }
        }
        any
    }

    fn is_committed(&self, index: i32, end_offset: i64) -> bool {
        let Some(shard) = self.state.groups.shards.get(&index) else { return true };
        self.state.topics.partition(shard.key).is_none_or(|partition| partition.high_watermark >= end_offset)
    }
}

fn after(now: Micros, milliseconds: u64) -> Micros {
    now.plus(milliseconds.saturating_mul(1_000))
}
