//! JoinGroup: a member says what it could work with, and waits until everybody has.
//!
//! A new member first gets an id and has to come again with it, so that a client that is gone leaves no member behind
//! (KIP-394). A static member comes back under its `group.instance.id`, gets a new id, and nobody has to rebalance if it wants
//! what it wanted before (KIP-345, KIP-814).

use super::{ClassicState, ClassicWork, Member, NEW_MEMBER_JOIN_TIMEOUT_MS};
use crate::{
    coordinator::{Client, Coordinator, Group, Io, Outcome, Waiter, check_group_id},
    record::Record,
    timers::TimerKind,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use naru_trace::TraceKind;
use naru_wire::{
    ErrorCode, StrBytes,
    messages::{JoinGroupRequest, JoinGroupResponse, join_group_response::JoinGroupResponseMember},
};

/// From this version on, a new member has to come again with the id it was given (KIP-394).
const FIRST_VERSION_WITH_REQUIRED_ID: i16 = 4;
/// From this version on, a leader can be told that there is nothing to assign (KIP-814).
const FIRST_VERSION_TO_SKIP_ASSIGNMENT: i16 = 9;
/// From this version on, there may be no protocol's name.
const FIRST_VERSION_WITHOUT_NAME: i16 = 7;

/// What a member says when it joins.
pub(crate) struct Joining {
    pub(crate) member: Member,
    pub(crate) protocol_type: String,
    pub(crate) waiter: Waiter,
    pub(crate) because: &'static str,
}

impl Coordinator {
    /// Answers JoinGroup (11).
    pub fn join_group(&mut self, io: &mut Io<'_>, client: &Client<'_>, request: &JoinGroupRequest) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err((error, member_id)) = self.try_join(io, client, request, &mut outcome) {
            outcome.reply(client, refusal(client.waiter, error, &member_id));
        }
        outcome
    }

    fn try_join(
        &mut self,
        io: &mut Io<'_>,
        client: &Client<'_>,
        request: &JoinGroupRequest,
        outcome: &mut Outcome,
    ) -> Result<(), (ErrorCode, String)> {
        let (id, member_id) = (request.group_id.as_str(), request.member_id.as_str());
        let refuse = |error| (error, member_id.to_string());
        check_group_id(id).map_err(refuse)?;
        let sessions = self.config.min_session_timeout_ms..=self.config.max_session_timeout_ms;
        if !sessions.contains(&request.session_timeout_ms) {
            return Err(refuse(ErrorCode::InvalidSessionTimeout));
        }
        if !self.groups.contains_key(id) && !member_id.is_empty() {
            return Err(refuse(ErrorCode::UnknownMemberId));
        }
        let joining = joining(client, request);
        if let Some(Group::Consumer(group)) = self.groups.get(id)
            && group.members.is_empty()
        {
            // Nobody is in it: it becomes a classic group.
            group.tombstones(id, &mut outcome.records);
            self.groups.remove(id);
        }
        if let Some(Group::Consumer(_)) = self.groups.get(id) {
            return self.join_consumer_group_classically(io, client, request, joining, outcome);
        }
        self.make_classic(id, io);
        let Some(mut work) = self.classic(id, io, outcome) else { return Err(refuse(ErrorCode::UnknownServerError)) };
        if !work.has_room_for(member_id) {
            work.group.members.contains_key(member_id).then(|| work.remove_member(member_id, "the group is full"));
            return Err((ErrorCode::GroupMaxSizeReached, String::new()));
        }
        if !work.group.supports(&joining.protocol_type, &joining.member.protocols) {
            return Err(refuse(ErrorCode::InconsistentGroupProtocol));
        }
        match member_id.is_empty() {
            true => work.join_new(client, joining),
            false => work.join_known(member_id, joining).map_err(refuse),
        }
    }
}

fn joining(client: &Client<'_>, request: &JoinGroupRequest) -> Joining {
    let protocol = |(name, metadata): (&StrBytes, &Bytes)| (name.to_string(), Bytes::copy_from_slice(metadata));
    let protocols = request.protocols.iter().map(|protocol_| protocol((&protocol_.name, &protocol_.metadata)));
    // Version 0 has one timeout for both.
    let rebalance_timeout_ms = match request.rebalance_timeout_ms {
        ..0 => request.session_timeout_ms,
        timeout_ms => timeout_ms,
    };
    let member = Member {
        instance_id: request.group_instance_id.as_ref().map(ToString::to_string),
        client_id: client.id.into(),
        client_host: client.host.into(),
        rebalance_timeout_ms,
        session_timeout_ms: request.session_timeout_ms,
        protocols: protocols.collect(),
        ..Member::default()
    };
    Joining { member, protocol_type: request.protocol_type.to_string(), waiter: client.waiter, because: "joined" }
}

impl ClassicWork<'_, '_> {
    /// `group.max.size`: whoever is in stays in.
    fn has_room_for(&self, member_id: &str) -> bool {
        let group = &*self.group;
        let max_size = self.config.max_size;
        let known = group.members.get(member_id);
        match group.state {
            ClassicState::Empty => true,
            ClassicState::PreparingRebalance => {
                known.is_some_and(|member| member.awaiting_join.is_some()) || group.awaiting_join() < max_size
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                known.is_some() || group.members.len() < max_size
            }
        }
    }

    fn join_new(&mut self, client: &Client<'_>, joining: Joining) -> Result<(), (ErrorCode, String)> {
        let uuid = (self.io.new_uuid)();
        let prefix = joining.member.instance_id.as_deref().unwrap_or(client.id);
        let member_id = format!("{prefix}-{}", uuid.hyphenated());
        let instance_id = joining.member.instance_id.clone();
        match instance_id {
            Some(instance_id) => match self.group.static_members.get(&instance_id).cloned() {
                Some(before) => self.replace_static(&before, member_id, joining),
                None => self.add_member(member_id, joining),
            },
            None if client.waiter.version >= FIRST_VERSION_WITH_REQUIRED_ID => {
                let session_timeout_ms = joining.member.session_timeout_ms;
                self.group.pending_join.insert(member_id.clone());
                self.set_timer(TimerKind::Member(member_id.clone()), session_timeout_ms);
                return Err((ErrorCode::MemberIdRequired, member_id));
            }
            None => self.add_member(member_id, joining),
        }
        Ok(())
    }

    fn join_known(&mut self, member_id: &str, joining: Joining) -> Result<(), ErrorCode> {
        if self.group.pending_join.contains(member_id) && joining.member.instance_id.is_none() {
            self.add_member(member_id.into(), joining);
            return Ok(());
        }
        self.group.check_member(member_id, joining.member.instance_id.as_deref())?;
        let wants_the_same =
            self.group.members.get(member_id).is_some_and(|member| member.protocols == joining.member.protocols);
        let is_leader = self.group.is_leader(member_id);
        match self.group.state {
            ClassicState::Empty => return Err(ErrorCode::UnknownMemberId),
            // Its answer was lost, and it asks again.
            ClassicState::CompletingRebalance if wants_the_same => {
                let response = self.joined(member_id, is_leader);
                self.reply(joining.waiter, response);
            }
            // A follower that missed nothing, or forgot: it can have what is in force.
            ClassicState::Stable if wants_the_same && !is_leader => {
                let response = self.joined(member_id, false);
                self.reply(joining.waiter, response);
            }
            _ => self.update_member(member_id, joining),
        }
        Ok(())
    }

    /// A member that was not there before.
    fn add_member(&mut self, member_id: String, joining: Joining) {
        let group = &mut *self.group;
        if group.state == ClassicState::PreparingRebalance && group.initial.is_some() {
            group.new_member_added = true;
        }
        if group.members.is_empty() {
            group.protocol_type = Some(joining.protocol_type);
        }
        let leads_those_who_wait = group.leader.is_none() && group.state == ClassicState::PreparingRebalance;
        group.leader.get_or_insert_with(|| member_id.clone());
        group.pending_join.remove(&member_id);
        let epoch = group.generation;
        let member = Member { awaiting_join: Some(joining.waiter), is_new: true, epoch, ..joining.member };
        if let Some(instance_id) = &member.instance_id {
            group.static_members.insert(instance_id.clone(), member_id.clone());
        }
        self.io.trace.emit_then(|| TraceKind::MemberJoined {
            group: self.id.into(),
            member: member_id.clone(),
            client_id: member.client_id.clone(),
            instance_id: member.instance_id.clone(),
            epoch,
        });
        group.members.insert(member_id.clone(), member);
        if leads_those_who_wait {
            self.trace_state("it has a leader again");
        }
        // It cannot send heartbeats before it has its first answer.
        self.set_timer(TimerKind::Member(member_id), NEW_MEMBER_JOIN_TIMEOUT_MS);
        self.rebalance_or_complete(joining.because);
    }

    /// A member joins again: perhaps it wants something else.
    fn update_member(&mut self, member_id: &str, joining: Joining) {
        self.put_member(member_id, joining);
        self.rebalance_or_complete("a member joined again");
    }

    fn put_member(&mut self, member_id: &str, joining: Joining) {
        let Some(member) = self.group.members.get_mut(member_id) else { return };
        let before = member.awaiting_join.replace(joining.waiter);
        member.protocols = joining.member.protocols;
        member.rebalance_timeout_ms = joining.member.rebalance_timeout_ms;
        member.session_timeout_ms = joining.member.session_timeout_ms;
        member.client_id = joining.member.client_id;
        member.client_host = joining.member.client_host;
        if let Some(before) = before {
            // It asked twice. Whoever still waits for the first answer need not.
            self.reply(before, refusal(before, ErrorCode::RebalanceInProgress, member_id));
        }
    }

    /// A static member is back, perhaps as another process: the one before is fenced.
    fn replace_static(&mut self, before: &str, member_id: String, joining: Joining) {
        let Some(mut member) = self.group.members.remove(before) else { return };
        let old_leader = self.group.leader.clone().unwrap_or_default();
        self.fence(before, &mut member);
        if self.group.is_leader(before) {
            self.group.leader = Some(member_id.clone());
        }
        if self.group.pending_sync.remove(before) {
            self.group.pending_sync.insert(member_id.clone());
        }
        let instance_id = member.instance_id.clone().unwrap_or_default();
        self.group.static_members.insert(instance_id, member_id.clone());
        self.cancel_timer(TimerKind::Member(before.into()));
        let (waiter, assignment) = (joining.waiter, member.assignment.clone());
        self.group.members.insert(member_id.clone(), member);
        self.trace_replaced(before, &member_id, &joining.member);
        self.trace_assignment(&member_id, &assignment);
        self.put_member(&member_id, joining);
        self.restart_session(&member_id);
        let same_protocol = self.group.select_protocol() == self.group.protocol;
        if self.group.state == ClassicState::Stable && same_protocol {
            self.answer_unchanged(&member_id, old_leader, waiter);
        } else {
            self.rebalance_or_complete("a static member came back with another subscription");
        }
    }

    /// Nothing changes for the others: the member takes over what it had.
    fn answer_unchanged(&mut self, member_id: &str, old_leader: String, waiter: Waiter) {
        if let Some(member) = self.group.members.get_mut(member_id) {
            member.awaiting_join = None;
        }
        self.trace_state("a static member came back");
        let group = String::from(self.id);
        self.outcome.records.push(Record::Classic { group, value: Some(self.group.value()) });
        let is_leader = self.group.is_leader(member_id);
        let can_skip = waiter.version >= FIRST_VERSION_TO_SKIP_ASSIGNMENT;
        let mut response = self.joined(member_id, is_leader && can_skip);
        if can_skip {
            response.skip_assignment = is_leader;
        } else {
            // An old client that is told that it leads would assign. It is told of the leader that is no more.
            response.leader = StrBytes::from_string(old_leader);
        }
        self.reply(waiter, response);
    }

    fn fence(&mut self, member_id: &str, member: &mut Member) {
        if let Some(waiter) = member.awaiting_join.take() {
            self.reply(waiter, refusal(waiter, ErrorCode::FencedInstanceId, member_id));
        }
        if let Some(waiter) = member.awaiting_sync.take() {
            self.reply(waiter, super::sync::refusal(ErrorCode::FencedInstanceId));
        }
    }

    fn trace_replaced(&mut self, before: &str, member_id: &str, member: &Member) {
        self.io.trace.emit_then(|| TraceKind::MemberLeft {
            group: self.id.into(),
            member: before.into(),
            because: "replaced".into(),
        });
        self.io.trace.emit_then(|| TraceKind::MemberJoined {
            group: self.id.into(),
            member: member_id.into(),
            client_id: member.client_id.clone(),
            instance_id: member.instance_id.clone(),
            epoch: self.group.generation,
        });
    }

    /// What a member that has joined is told.
    pub(crate) fn joined(&self, member_id: &str, with_members: bool) -> JoinGroupResponse {
        let group = &*self.group;
        let name = |text: &Option<String>| text.clone().map(StrBytes::from_string);
        JoinGroupResponse::default()
            .with_generation_id(group.generation)
            .with_protocol_type(name(&group.protocol_type))
            .with_protocol_name(Some(name(&group.protocol).unwrap_or_default()))
            .with_leader(name(&group.leader).unwrap_or_default())
            .with_member_id(StrBytes::from_string(member_id.into()))
            .with_members(if with_members { self.metadata_of_all() } else { Vec::new() })
    }

    /// What the leader needs to assign: everybody's metadata for the protocol that was chosen.
    fn metadata_of_all(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.group.protocol.as_deref().unwrap_or_default();
        let member = |(member_id, member): (&String, &Member)| {
            JoinGroupResponseMember::default()
                .with_member_id(StrBytes::from_string(member_id.clone()))
                .with_group_instance_id(member.instance_id.clone().map(StrBytes::from_string))
                .with_metadata(member.metadata(protocol))
        };
        self.group.members.iter().map(member).collect()
    }
}

/// JoinGroup's answer when it is refused.
pub(crate) fn refusal(waiter: Waiter, error: ErrorCode, member_id: &str) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_protocol_name((waiter.version < FIRST_VERSION_WITHOUT_NAME).then(StrBytes::default))
        .with_member_id(StrBytes::from_string(member_id.into()))
}
