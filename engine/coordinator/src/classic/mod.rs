//! Groups of the classic protocol: the members agree on a protocol, one of them assigns, and the coordinator passes on what it
//! cannot read (KIP-62, KIP-345, KIP-394, KIP-429; `ClassicGroup.java`).
//!
//! | state | what it means | left when |
//! |---|---|---|
//! | Empty | no members; there may be offsets | a member joins: PreparingRebalance |
//! | PreparingRebalance | everybody is asked to join again | all have, or time is up: CompletingRebalance, or Empty |
//! | CompletingRebalance | the leader computes the assignment | it arrives: Stable; somebody joins or leaves: PreparingRebalance |
//! | Stable | everybody knows what to read | somebody joins, leaves or is silent: PreparingRebalance |
//!
//! Kafka's fifth state, Dead, is here a group that is not there any more.

mod join;
mod leave;
mod rebalance;
mod sync;

pub(crate) use join::Joining;

use crate::{
    config::GroupConfig,
    coordinator::{Io, Outcome, Waiter},
    record::{ClassicMemberValue, ClassicValue},
    timers::{TimerKind, Timers},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use naru_trace::{GroupMemberView, Name, SortedMap, SortedSet, TraceKind};
use naru_wire::{
    ErrorCode, Response,
    consumer_protocol::{Assignment, Subscription, TopicPartitions},
};

/// How long a member that joined may wait for its first answer before it is taken for gone.
pub(crate) const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 5 * 60 * 1_000;
/// The protocol type of consumers: their metadata can be read.
pub(crate) const CONSUMER: &str = "consumer";

/// Where a group is between two assignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClassicState {
    /// No members.
    #[default]
    Empty,
    /// Members are joining.
    PreparingRebalance,
    /// The leader assigns.
    CompletingRebalance,
    /// All is assigned.
    Stable,
}

impl ClassicState {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            ClassicState::Empty => "Empty",
            ClassicState::PreparingRebalance => "PreparingRebalance",
            ClassicState::CompletingRebalance => "CompletingRebalance",
            ClassicState::Stable => "Stable",
        }
    }
}

/// One member.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    /// What it could work with, the best first.
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) assignment: Bytes,
    /// The generation in which it joined, or got its assignment.
    pub(crate) epoch: i32,
    /// It has had no answer yet, and can give no sign of life.
    pub(crate) is_new: bool,
    pub(crate) awaiting_join: Option<Waiter>,
    pub(crate) awaiting_sync: Option<Waiter>,
}

impl Member {
    /// Its metadata for a protocol.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }
}

/// The first wait of a group that was empty, which every new member prolongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InitialDelay {
    pub(crate) delay_ms: i32,
    pub(crate) remaining_ms: i32,
}

/// One group.
#[derive(Debug, Default)]
pub(crate) struct ClassicGroup {
    pub(crate) state: ClassicState,
    /// It was empty before this rebalance: its first members are waited for.
    pub(crate) initial: Option<InitialDelay>,
    pub(crate) new_member_added: bool,
    /// Since when it is in its state, milliseconds since 1970; `None` for unknown.
    pub(crate) state_since_ms: Option<i64>,
    pub(crate) generation: i32,
    /// `None` while nobody has ever joined: a group that only keeps offsets.
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: Option<String>,
    pub(crate) members: SortedMap<String, Member>,
    /// `group.instance.id` to member id.
    pub(crate) static_members: SortedMap<String, String>,
    /// Ids that were given out and not used yet (KIP-394).
    pub(crate) pending_join: SortedSet<String>,
    /// Who has joined and not asked for its assignment yet.
    pub(crate) pending_sync: SortedSet<String>,
    /// Whether a record of it is in the log.
    pub(crate) is_stored: bool,
}

impl ClassicGroup {
    /// A group as its record describes it. Its members get a new session from whoever loads it.
    pub(crate) fn from_value(value: ClassicValue) -> Self {
        let mut group = ClassicGroup {
            state: if value.members.is_empty() { ClassicState::Empty } else { ClassicState::Stable },
            state_since_ms: Some(value.current_state_timestamp_ms).filter(|since| *since >= 0),
            generation: value.generation,
            protocol_type: Some(value.protocol_type).filter(|protocol_type| !protocol_type.is_empty()),
            protocol: value.protocol,
            leader: value.leader,
            is_stored: true,
            ..ClassicGroup::default()
        };
        let protocol = group.protocol.clone().unwrap_or_default();
        for member in value.members {
            if let Some(instance_id) = &member.instance_id {
                group.static_members.insert(instance_id.clone(), member.member_id.clone());
            }
            let loaded = Member {
                instance_id: member.instance_id,
                client_id: member.client_id,
                client_host: member.client_host,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                protocols: alloc::vec![(protocol.clone(), member.subscription)],
                assignment: member.assignment,
                epoch: group.generation,
                ..Member::default()
            };
            group.members.insert(member.member_id, loaded);
        }
        group
    }

    /// What is written of it, with the assignments that are in force.
    pub(crate) fn value(&self) -> ClassicValue {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let member = |(member_id, member): (&String, &Member)| ClassicMemberValue {
            member_id: member_id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(protocol),
            assignment: member.assignment.clone(),
        };
        ClassicValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp_ms: self.state_since_ms.unwrap_or(-1),
            members: self.members.iter().map(member).collect(),
        }
    }

    /// Whether a member of this kind would fit: same type, and a protocol that everybody knows.
    pub(crate) fn supports(&self, protocol_type: &str, protocols: &[(String, Bytes)]) -> bool {
        if self.members.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|(name, _)| self.is_known_to_all(name))
    }

    /// The protocol that most members like best among those that all know (KIP-62).
    pub(crate) fn select_protocol(&self) -> Option<String> {
        let mut votes: SortedMap<&str, u32> = SortedMap::new();
        for member in self.members.values() {
            let vote = member.protocols.iter().find(|(name, _)| self.is_known_to_all(name));
            if let Some((name, _)) = vote {
                *votes.entry(name.as_str()).or_default() += 1;
            }
        }
        let mut best: Option<(&str, u32)> = None;
        for (name, count) in votes {
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((name, count));
            }
        }
        best.map(|(name, _)| name.to_string())
    }

    fn is_known_to_all(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.protocols.iter().any(|(name, _)| name == protocol))
    }

    pub(crate) fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    pub(crate) fn awaiting_join(&self) -> usize {
        self.members.values().filter(|member| member.awaiting_join.is_some()).count()
    }

    pub(crate) fn all_joined(&self) -> bool {
        self.pending_join.is_empty() && self.awaiting_join() == self.members.len()
    }

    /// How long a rebalance waits: as long as its most patient member (KIP-62).
    pub(crate) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    /// Whether a request may speak for this member (KIP-345).
    pub(crate) fn check_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(current) if current != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// The topics that its members read, if they are consumers and say so in a form that can be read.
    pub(crate) fn subscribed_topics(&self) -> Option<SortedSet<String>> {
        let protocol = self.protocol.as_deref().filter(|_| self.protocol_type.as_deref() == Some(CONSUMER))?;
        let mut topics = SortedSet::new();
        for member in self.members.values() {
            topics.extend(Subscription::decode(&member.metadata(protocol))?.topics);
        }
        Some(topics)
    }

    pub(crate) fn member_views(&self) -> SortedMap<String, GroupMemberView> {
        let view = |(id, member): (&String, &Member)| {
            let view = GroupMemberView {
                client_id: member.client_id.clone(),
                instance_id: member.instance_id.clone(),
                epoch: member.epoch,
                partitions: self.readable_assignment(&member.assignment),
            };
            (id.clone(), view)
        };
        self.members.iter().map(view).collect()
    }

    /// An assignment, for people. Empty when it is not a consumer's.
    pub(crate) fn readable_assignment(&self, assignment: &Bytes) -> TopicPartitions {
        if self.protocol_type.as_deref() != Some(CONSUMER) {
            return Vec::new();
        }
        Assignment::decode(assignment).map(|assignment| assignment.partitions).unwrap_or_default()
    }
}

/// A group at work: itself, and all that it may touch.
pub(crate) struct ClassicWork<'a, 'io> {
    pub(crate) id: &'a str,
    pub(crate) group: &'a mut ClassicGroup,
    pub(crate) timers: &'a mut Timers,
    pub(crate) config: &'a GroupConfig,
    pub(crate) io: &'a mut Io<'io>,
    pub(crate) outcome: &'a mut Outcome,
}

impl ClassicWork<'_, '_> {
    pub(crate) fn reply(&mut self, waiter: Waiter, response: impl Into<Response>) {
        self.outcome.replies.push((waiter.id, response.into()));
    }

    /// Sets a timer so many milliseconds from now.
    pub(crate) fn set_timer(&mut self, kind: TimerKind, in_ms: i32) {
        let at = self.io.now.monotonic.plus(u64::try_from(in_ms).unwrap_or(0) * 1_000);
        self.timers.set(self.id, kind, at);
    }

    pub(crate) fn cancel_timer(&mut self, kind: TimerKind) {
        self.timers.cancel(self.id, kind);
    }

    /// A member was heard of.
    pub(crate) fn restart_session(&mut self, member_id: &str) {
        let Some(member) = self.group.members.get(member_id) else { return };
        let timeout_ms = member.session_timeout_ms;
        self.set_timer(TimerKind::Member(member_id.into()), timeout_ms);
    }

    #[track_caller]
    pub(crate) fn change_state(&mut self, state: ClassicState, because: impl Into<Name>) {
        self.group.state = state;
        self.group.state_since_ms = Some(self.io.now.wall_ms);
        self.trace_state(because);
    }

    /// Tells of the group's state, generation, protocol and leader as they are now.
    #[track_caller]
    pub(crate) fn trace_state(&mut self, because: impl Into<Name>) {
        let group = &*self.group;
        self.io.trace.emit_then(|| TraceKind::GroupStateChanged {
            group: self.id.into(),
            state: group.state.name().into(),
            generation: group.generation,
            protocol: group.protocol.clone().unwrap_or_default(),
            leader: group.leader.clone().unwrap_or_default(),
            because: because.into(),
        });
    }
}
