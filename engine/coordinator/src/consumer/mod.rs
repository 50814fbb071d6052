//! Groups of KIP-848: the coordinator assigns, and each member moves from what it has to what it is to have at its own pace.
//!
//! ```text
//! group epoch  ─► target assignment (assignment epoch) ─► each member: gives back ─► waits ─► gets ─► member epoch
//! something changed     server-side assignor                 revoke before assign (reconciliation)
//! ```
//!
//! | state | what it means |
//! |---|---|
//! | Empty | no members |
//! | Assigning | the group has a newer epoch than its target assignment |
//! | Reconciling | members are on their way to their targets |
//! | Stable | every member has what it is to have |
//!
//! Everything here is durable: a handler returns records, and [`ConsumerGroup::replay`] is what changes the group.

mod assignor;
mod describe;
mod heartbeat;
mod interop;
mod reconcile;

use crate::{
    config::GroupConfig,
    record::{ConsumerRecord, CurrentAssignment, MemberMetadata, MemberStateCode, Record, RegexValue},
    timers::{TimerKind, Timers},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{GroupMemberView, GroupView, Micros, SortedMap, SortedSet};
use naru_wire::ErrorCode;
use uuid::Uuid;

/// Partitions by topic id.
pub(crate) type Partitions = SortedMap<Uuid, Vec<i32>>;

/// From this version on, OffsetCommit knows members' epochs.
const FIRST_COMMIT_WITH_EPOCH: i16 = 9;

/// Where a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsumerState {
    Empty,
    Assigning,
    Reconciling,
    Stable,
}

impl ConsumerState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            ConsumerState::Empty => "Empty",
            ConsumerState::Assigning => "Assigning",
            ConsumerState::Reconciling => "Reconciling",
            ConsumerState::Stable => "Stable",
        }
    }
}

/// One group.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConsumerGroup {
    pub(crate) epoch: i32,
    pub(crate) assignment_epoch: i32,
    pub(crate) members: SortedMap<String, MemberMetadata>,
    pub(crate) targets: SortedMap<String, Partitions>,
    pub(crate) current: SortedMap<String, CurrentAssignment>,
    pub(crate) regexes: SortedMap<String, RegexValue>,
    /// The topics that members want, as they were when the target was computed: id and number of partitions. Not durable:
    /// when it is not known, the next heartbeat finds out.
    pub(crate) seen: SortedMap<String, (Uuid, i32)>,
    /// Names of topics, for people.
    pub(crate) names: SortedMap<Uuid, String>,
}

impl ConsumerGroup {
    /// Takes in a record.
    pub(crate) fn replay(&mut self, record: ConsumerRecord) {
        match record {
            ConsumerRecord::Epoch(epoch) => self.epoch = epoch.unwrap_or_default(),
            ConsumerRecord::TargetEpoch(epoch) => self.assignment_epoch = epoch.unwrap_or_default(),
            ConsumerRecord::Member { member, value } => put(&mut self.members, member, value),
            ConsumerRecord::Target { member, value } => put(&mut self.targets, member, value),
            ConsumerRecord::Current { member, value } => put(&mut self.current, member, value),
            ConsumerRecord::Regex { expression, value } => put(&mut self.regexes, expression, value),
        }
    }

    pub(crate) fn state(&self) -> ConsumerState {
        let is_there = |(id, current): (&String, &CurrentAssignment)| {
            let nothing = Partitions::new();
            current.state == MemberStateCode::Stable
                && current.epoch == self.assignment_epoch
                && current.assigned == *self.targets.get(id).unwrap_or(&nothing)
        };
        if self.members.is_empty() {
            ConsumerState::Empty
        } else if self.epoch > self.assignment_epoch {
            ConsumerState::Assigning
        } else if self.current.len() == self.members.len() && self.current.iter().all(is_there) {
            ConsumerState::Stable
        } else {
            ConsumerState::Reconciling
        }
    }

    /// The assignor that most members ask for; `uniform` if none does.
    pub(crate) fn assignor(&self) -> String {
        let mut votes: SortedMap<&str, u32> = SortedMap::new();
        for name in self.members.values().filter_map(|member| member.server_assignor.as_deref()) {
            *votes.entry(name).or_default() += 1;
        }
        let most = votes.into_iter().max_by_key(|(_, count)| *count);
        most.map_or("uniform", |(name, _)| name).to_string()
    }

    /// What other members have, or have not given back yet.
    pub(crate) fn owned_by_others(&self, member_id: &str) -> SortedSet<(Uuid, i32)> {
        let others = self.current.iter().filter(|(id, _)| *id != member_id);
        let theirs = others.flat_map(|(_, current)| current.assigned.iter().chain(current.revoking.iter()));
        theirs.flat_map(|(topic, numbers)| numbers.iter().map(|number| (*topic, *number))).collect()
    }

    /// A topic's name, or its id where nobody knows the name any more.
    pub(crate) fn name(&self, id: &Uuid) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.hyphenated().to_string())
    }

    pub(crate) fn subscribed_topics(&self) -> SortedSet<String> {
        let named = self.members.values().flat_map(|member| member.subscribed_topics.iter().cloned());
        let described = self.regexes.values().flat_map(|regex| regex.topics.iter().cloned());
        named.chain(described).collect()
    }

    /// Whether whoever commits may: members by their epoch, others only while there are no members.
    pub(crate) fn check_commit(&self, version: i16, member_id: &str, epoch: i32) -> Result<(), ErrorCode> {
        if epoch < 0 && self.members.is_empty() {
            return Ok(());
        }
        let current = self.current.get(member_id).ok_or(ErrorCode::UnknownMemberId)?;
        let is_classic = self.members.get(member_id).is_some_and(|member| member.classic.is_some());
        if is_classic {
            return if epoch == current.epoch { Ok(()) } else { Err(ErrorCode::IllegalGeneration) };
        }
        // Before version 9 a client would not understand what a stale epoch is.
        if version < FIRST_COMMIT_WITH_EPOCH {
            return Err(ErrorCode::UnsupportedVersion);
        }
        if epoch == current.epoch { Ok(()) } else { Err(ErrorCode::StaleMemberEpoch) }
    }

    pub(crate) fn check_fetch(&self, member_id: &str, epoch: i32) -> Result<(), ErrorCode> {
        if member_id.is_empty() && epoch < 0 {
            return Ok(());
        }
        let current = self.current.get(member_id).ok_or(ErrorCode::UnknownMemberId)?;
        if epoch == current.epoch { Ok(()) } else { Err(ErrorCode::StaleMemberEpoch) }
    }

    /// Tombstones for all that is written of it.
    pub(crate) fn tombstones(&self, id: &str, records: &mut Vec<Record>) {
        let mut forget = |record| records.push(Record::Consumer { group: id.to_string(), record });
        for member in self.members.keys() {
            forget(ConsumerRecord::Current { member: member.clone(), value: None });
            forget(ConsumerRecord::Target { member: member.clone(), value: None });
            forget(ConsumerRecord::Member { member: member.clone(), value: None });
        }
        for expression in self.regexes.keys() {
            forget(ConsumerRecord::Regex { expression: expression.clone(), value: None });
        }
        forget(ConsumerRecord::TargetEpoch(None));
        forget(ConsumerRecord::Epoch(None));
    }

    pub(crate) fn restart_sessions(&self, id: &str, config: &GroupConfig, now: Micros, timers: &mut Timers) {
        for (member_id, member) in &self.members {
            let session_ms = member.classic.as_ref().map_or(config.consumer_session_timeout_ms, |(ms, _)| *ms);
            let after_us = |ms: i32| now.plus(u64::try_from(ms).unwrap_or(0) * 1_000);
            timers.set(id, TimerKind::Member(member_id.clone()), after_us(session_ms));
            let is_revoking = self.current.get(member_id).is_some_and(|current| !current.revoking.is_empty());
            if is_revoking {
                let at = after_us(member.rebalance_timeout_ms);
                timers.set(id, TimerKind::Revocation(member_id.clone()), at);
            }
        }
    }

    fn named(&self, current: Option<&CurrentAssignment>) -> Vec<(String, Vec<i32>)> {
        let assigned = current.into_iter().flat_map(|current| &current.assigned);
        let mut named: Vec<_> = assigned.map(|(id, numbers)| (self.name(id), numbers.clone())).collect();
        named.sort();
        named
    }

    /// Learns the names of its topics.
    pub(crate) fn learn_names(&mut self, topics: &dyn crate::coordinator::Topics) {
        let assigned = self.current.values().flat_map(|current| current.assigned.keys().copied());
        let ids: SortedSet<Uuid> = assigned.chain(self.targets.values().flat_map(|it| it.keys().copied())).collect();
        for id in ids {
            if let Some(info) = topics.by_id(id) {
                self.names.insert(id, info.name);
            }
        }
    }

    pub(crate) fn view(&self) -> GroupView {
        let member = |(id, member): (&String, &MemberMetadata)| {
            let view = GroupMemberView {
                client_id: member.client_id.clone(),
                instance_id: member.instance_id.clone(),
                epoch: self.current.get(id).map_or(0, |current| current.epoch),
                partitions: self.named(self.current.get(id)),
            };
            (id.clone(), view)
        };
        GroupView {
            state: self.state().name().into(),
            generation: self.epoch,
            protocol: self.assignor(),
            leader: String::new(),
            members: self.members.iter().map(member).collect(),
            offsets: SortedMap::new(),
        }
    }
}

fn put<V>(map: &mut SortedMap<String, V>, key: String, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
