//! Committed offsets: where each group has come to in each partition (KIP-211, KIP-709; `OffsetMetadataManager.java`).
//!
//! A commit is taken from a member of the group's current generation, or from anybody while the group has no members. It is
//! refused while the leader computes the assignment: whoever commits then may no longer own what it commits.

use crate::{
    classic::{CONSUMER, ClassicState},
    coordinator::{Client, Coordinator, Group, Io, Outcome, check_group_id},
    record::{OffsetValue, Record},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{SortedMap, SortedSet, TraceKind};
use naru_wire::{
    ErrorCode, StrBytes, TopicName,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
        offset_commit_request::OffsetCommitRequestPartition,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
        offset_fetch_request::OffsetFetchRequestGroup,
        offset_fetch_response::{OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics},
    },
};

/// From this version on, groups that are not there are said to be not there.
const FIRST_VERSION_WITH_MEMBER_EPOCH: i16 = 9;
/// No offset was committed.
const NOTHING: i64 = -1;

/// What a group has committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupOffsets {
    topics: SortedMap<String, SortedMap<i32, OffsetValue>>,
}

impl GroupOffsets {
    pub(crate) fn insert(&mut self, topic: &str, partition: i32, value: OffsetValue) {
        match self.topics.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, value);
            }
            None => {
                self.topics.insert(topic.into(), SortedMap::from([(partition, value)]));
            }
        }
    }

    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&OffsetValue> {
        self.topics.get(topic)?.get(&partition)
    }

    pub(crate) fn remove(&mut self, topic: &str, partition: i32) {
        let Some(partitions) = self.topics.get_mut(topic) else { return };
        partitions.remove(&partition);
        if partitions.is_empty() {
            self.topics.remove(topic);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i32, &OffsetValue)> {
        self.topics.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(move |(partition, value)| (topic.as_str(), *partition, value))
        })
    }

    /// The offsets alone, as the picture shows them.
    pub(crate) fn view(&self) -> SortedMap<String, SortedMap<i32, i64>> {
        let offsets = |partitions: &SortedMap<i32, OffsetValue>| {
            partitions.iter().map(|(partition, value)| (*partition, value.offset)).collect()
        };
        self.topics.iter().map(|(topic, partitions)| (topic.clone(), offsets(partitions))).collect()
    }
}

impl Coordinator {
    /// Answers OffsetCommit (8).
    pub fn commit_offsets(&mut self, io: &mut Io<'_>, client: &Client<'_>, request: &OffsetCommitRequest) -> Outcome {
        let mut outcome = Outcome::default();
        let refused = self.check_commit(io, client.waiter.version, request, &mut outcome).err();
        let mut response = OffsetCommitResponse::default();
        for topic in &request.topics {
            let mut answers = Vec::new();
            for asked in &topic.partitions {
                let committed = match refused {
                    Some(error) => Err(error),
                    None => self.commit_one(io, request, &topic.name, asked, &mut outcome.records),
                };
                let error = committed.err().unwrap_or(ErrorCode::None);
                answers.push(
                    OffsetCommitResponsePartition::default()
                        .with_partition_index(asked.partition_index)
                        .with_error_code(error.code()),
                );
            }
            response.topics.push(
                OffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_topic_id(topic.topic_id)
                    .with_partitions(answers),
            );
        }
        outcome.reply(client, response);
        outcome
    }

    /// Whether whoever commits may.
    fn check_commit(
        &mut self,
        io: &mut Io<'_>,
        version: i16,
        request: &OffsetCommitRequest,
        outcome: &mut Outcome,
    ) -> Result<(), ErrorCode> {
        let (id, generation) = (request.group_id.as_str(), request.generation_id_or_member_epoch);
        let member_id = request.member_id.as_str();
        match self.groups.get(id) {
            None if generation >= 0 && version >= FIRST_VERSION_WITH_MEMBER_EPOCH => {
                return Err(ErrorCode::GroupIdNotFound);
            }
            None if generation >= 0 => return Err(ErrorCode::IllegalGeneration),
            None => {
                self.make_classic(id, io);
                return Ok(());
            }
            Some(Group::Consumer(group)) => return group.check_commit(version, member_id, generation),
            Some(Group::Classic(_)) => {}
        }
        let Some(mut work) = self.classic(id, io, outcome) else { return Err(ErrorCode::UnknownServerError) };
        if generation < 0 && work.group.members.is_empty() {
            return Ok(());
        }
        let instance_id = request.group_instance_id.as_deref();
        work.group.check_member(member_id, instance_id)?;
        if generation != work.group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if work.group.state == ClassicState::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        work.restart_session(member_id);
        Ok(())
    }

    fn commit_one(
        &self,
        io: &mut Io<'_>,
        request: &OffsetCommitRequest,
        topic: &TopicName,
        asked: &OffsetCommitRequestPartition,
        records: &mut Vec<Record>,
    ) -> Result<(), ErrorCode> {
        let partition = asked.partition_index;
        let known = io.topics.by_name(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if !(0..known.partitions).contains(&partition) {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let metadata = asked.committed_metadata.as_deref().unwrap_or_default();
        if metadata.len() > self.config.offset_metadata_max_bytes {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        let wall_ms = io.now.wall_ms;
        let has_retention = request.retention_time_ms >= 0;
        let expire_timestamp_ms =
            if has_retention { wall_ms.saturating_add(request.retention_time_ms) } else { NOTHING };
        let value = OffsetValue {
            offset: asked.committed_offset,
            leader_epoch: asked.committed_leader_epoch,
            metadata: metadata.into(),
            commit_timestamp_ms: wall_ms,
            expire_timestamp_ms,
        };
        let group = request.group_id.to_string();
        let asked_for_it = io.trace.cause();
        io.trace.emit_then(|| TraceKind::OffsetCommitted {
            group: group.clone(),
            member: request.member_id.to_string(),
            topic: topic.to_string(),
            partition,
            offset: asked.committed_offset,
        });
        io.trace.because(asked_for_it);
        records.push(Record::Offset { group, topic: topic.to_string(), partition, value: Some(value) });
        Ok(())
    }

    /// Answers one group of OffsetFetch (9). Nothing committed is no error.
    pub fn fetch_offsets(&self, asked: &OffsetFetchRequestGroup) -> OffsetFetchResponseGroup {
        let id = asked.group_id.as_str();
        let response = OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone());
        let member_id = asked.member_id.as_deref().unwrap_or_default();
        if let Some(Group::Consumer(group)) = self.groups.get(id)
            && let Err(error) = group.check_fetch(member_id, asked.member_epoch)
        {
            return response.with_error_code(error.code());
        }
        let nothing = GroupOffsets::default();
        let offsets = self.offsets.get(id).unwrap_or(&nothing);
        let topics = match &asked.topics {
            None => all_offsets(offsets),
            Some(topics) => {
                let topic = |topic: &naru_wire::messages::offset_fetch_request::OffsetFetchRequestTopics| {
                    let answer = |partition: &i32| fetched(*partition, offsets.get(&topic.name, *partition));
                    OffsetFetchResponseTopics::default()
                        .with_name(topic.name.clone())
                        .with_topic_id(topic.topic_id)
                        .with_partitions(topic.partition_indexes.iter().map(answer).collect())
                };
                topics.iter().map(topic).collect()
            }
        };
        response.with_topics(topics)
    }

    /// Answers OffsetDelete (47, KIP-496).
    pub fn delete_offsets(&mut self, io: &mut Io<'_>, client: &Client<'_>, request: &OffsetDeleteRequest) -> Outcome {
        let mut outcome = Outcome::default();
        let response = match self.offsets_in_use(&request.group_id) {
            Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
            Ok(in_use) => {
                let mut response = OffsetDeleteResponse::default();
                for topic in &request.topics {
                    let mut answers = Vec::new();
                    for asked in &topic.partitions {
                        let partition = asked.partition_index;
                        let error = self.delete_one(io, &request.group_id, (&topic.name, partition), &in_use);
                        if error == ErrorCode::None {
                            let group = request.group_id.to_string();
                            let topic = topic.name.to_string();
                            outcome.records.push(Record::Offset { group, topic, partition, value: None });
                        }
                        let answer = OffsetDeleteResponsePartition::default().with_partition_index(partition);
                        answers.push(answer.with_error_code(error.code()));
                    }
                    let answer = OffsetDeleteResponseTopic::default().with_name(topic.name.clone());
                    response.topics.push(answer.with_partitions(answers));
                }
                response
            }
        };
        outcome.reply(client, response);
        outcome
    }

    fn delete_one(
        &self,
        io: &mut Io<'_>,
        group: &str,
        (topic, partition): (&str, i32),
        in_use: &SortedSet<String>,
    ) -> ErrorCode {
        if !io.topics.by_name(topic).is_some_and(|known| (0..known.partitions).contains(&partition)) {
            return ErrorCode::UnknownTopicOrPartition;
        }
        if in_use.contains(topic) {
            return ErrorCode::GroupSubscribedToTopic;
        }
        if self.offsets.get(group).and_then(|offsets| offsets.get(topic, partition)).is_some() {
            trace_forgotten(io, group, topic, partition, "deleted");
        }
        ErrorCode::None
    }

    /// The topics whose offsets must stay because members read them.
    fn offsets_in_use(&self, group: &str) -> Result<SortedSet<String>, ErrorCode> {
        check_group_id(group)?;
        match self.groups.get(group).ok_or(ErrorCode::GroupIdNotFound)? {
            Group::Consumer(group) => Ok(group.subscribed_topics()),
            Group::Classic(group) if group.members.is_empty() => Ok(SortedSet::new()),
            Group::Classic(group) if group.protocol_type.as_deref() == Some(CONSUMER) => {
                group.subscribed_topics().ok_or(ErrorCode::NonEmptyGroup)
            }
            Group::Classic(_) => Err(ErrorCode::NonEmptyGroup),
        }
    }

    /// Lets offsets expire that nobody needs any more, and groups that have neither members nor offsets (KIP-211).
    pub fn expire_offsets(&mut self, io: &mut Io<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let ids: Vec<String> = self.groups.keys().cloned().collect();
        let ticked = io.trace.cause();
        for id in ids {
            io.trace.because(ticked);
            let expired = self.expired_offsets(&id, io.now.wall_ms);
            let count = self.offsets.get(&id).map_or(0, |offsets| offsets.iter().count());
            let all_expired = expired.len() == count;
            for (topic, partition) in expired {
                trace_forgotten(io, &id, &topic, partition, "expired");
                let group = id.clone();
                outcome.records.push(Record::Offset { group, topic, partition, value: None });
            }
            if all_expired && self.is_deletable(&id) {
                self.delete_group_records(&id, &mut outcome.records);
                self.forget_group(&id, "expired", io);
            }
        }
        outcome
    }

    /// When the offsets' time begins to run depends on the group: since it has no members; for one that never had any,
    /// since each commit; for one with members, only where nobody reads the topic.
    fn expired_offsets(&self, id: &str, wall_ms: i64) -> Vec<(String, i32)> {
        let Some(offsets) = self.offsets.get(id) else { return Vec::new() };
        let retention_ms = i64::from(self.config.offsets_retention_minutes) * 60_000;
        let (since_ms, in_use) = match self.groups.get(id) {
            Some(Group::Classic(group)) if group.members.is_empty() && group.protocol_type.is_some() => {
                (group.state_since_ms, Some(SortedSet::new()))
            }
            Some(Group::Classic(group)) if group.members.is_empty() => (None, Some(SortedSet::new())),
            Some(Group::Classic(group)) if group.state == ClassicState::Stable => (None, group.subscribed_topics()),
            Some(Group::Consumer(group)) => (None, Some(group.subscribed_topics())),
            _ => return Vec::new(),
        };
        let Some(in_use) = in_use else { return Vec::new() };
        let is_over = |value: &OffsetValue| match value.expire_timestamp_ms {
            NOTHING => wall_ms >= since_ms.unwrap_or(value.commit_timestamp_ms).saturating_add(retention_ms),
            at_ms => wall_ms >= at_ms,
        };
        let expired = offsets.iter().filter(|(topic, _, value)| !in_use.contains(*topic) && is_over(value));
        expired.map(|(topic, partition, _)| (topic.to_string(), partition)).collect()
    }

    /// A topic is gone: so are its offsets.
    pub fn on_topic_deleted(&mut self, topic: &str, io: &mut Io<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        for (group, offsets) in &self.offsets {
            for (_, partition, _) in offsets.iter().filter(|(of, _, _)| *of == topic) {
                trace_forgotten(io, group, topic, partition, "its topic was deleted");
                let (group, topic) = (group.clone(), topic.to_string());
                outcome.records.push(Record::Offset { group, topic, partition, value: None });
            }
        }
        outcome
    }

    /// Tombstones for all offsets of a group.
    pub(crate) fn delete_offsets_of(&self, id: &str, records: &mut Vec<Record>) {
        for (topic, partition, _) in self.offsets.get(id).iter().flat_map(|offsets| offsets.iter()) {
            let (group, topic) = (id.to_string(), topic.to_string());
            records.push(Record::Offset { group, topic, partition, value: None });
        }
    }
}

fn all_offsets(offsets: &GroupOffsets) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
    for (topic, partition, value) in offsets.iter() {
        if topics.last().is_none_or(|last| last.name.as_str() != topic) {
            let name = TopicName(StrBytes::from_string(topic.into()));
            topics.push(OffsetFetchResponseTopics::default().with_name(name));
        }
        if let Some(last) = topics.last_mut() {
            last.partitions.push(fetched(partition, Some(value)));
        }
    }
    topics
}

fn fetched(partition: i32, value: Option<&OffsetValue>) -> OffsetFetchResponsePartitions {
    let response = OffsetFetchResponsePartitions::default().with_partition_index(partition);
    match value {
        Some(value) => response
            .with_committed_offset(value.offset)
            .with_committed_leader_epoch(value.leader_epoch)
            .with_metadata(Some(StrBytes::from_string(value.metadata.clone()))),
        None => response
            .with_committed_offset(NOTHING)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(StrBytes::default())),
    }
}

#[track_caller]
pub(crate) fn trace_forgotten(io: &mut Io<'_>, group: &str, topic: &str, partition: i32, because: &'static str) {
    let cause = io.trace.cause();
    io.trace.emit_then(|| TraceKind::OffsetForgotten {
        group: group.into(),
        topic: topic.into(),
        partition,
        because: because.into(),
    });
    io.trace.because(cause);
}
