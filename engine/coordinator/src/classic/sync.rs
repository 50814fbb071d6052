//! SyncGroup and Heartbeat: the leader hands in the assignment, everybody takes their own, and stays in touch.

use super::{ClassicState, ClassicWork};
use crate::{
    coordinator::{Client, Coordinator, Group, Io, Outcome, check_group_id},
    record::Record,
    timers::TimerKind,
};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use naru_trace::{SortedMap, TraceKind};
use naru_wire::{
    ErrorCode, StrBytes,
    messages::{HeartbeatRequest, HeartbeatResponse, SyncGroupRequest, SyncGroupResponse},
};

impl Coordinator {
    /// Answers SyncGroup (14).
    pub fn sync_group(&mut self, io: &mut Io<'_>, client: &Client<'_>, request: &SyncGroupRequest) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = self.try_sync(io, client, request, &mut outcome) {
            outcome.reply(client, refusal(error));
        }
        outcome
    }

    /// Answers Heartbeat (12).
    pub fn heartbeat(&mut self, io: &mut Io<'_>, client: &Client<'_>, request: &HeartbeatRequest) -> Outcome {
        let mut outcome = Outcome::default();
        let error = self.try_heartbeat(io, request, &mut outcome).err().unwrap_or(ErrorCode::None);
        outcome.reply(client, HeartbeatResponse::default().with_error_code(error.code()));
        outcome
    }

    fn try_sync(
        &mut self,
        io: &mut Io<'_>,
        client: &Client<'_>,
        request: &SyncGroupRequest,
        outcome: &mut Outcome,
    ) -> Result<(), ErrorCode> {
        let id = request.group_id.as_str();
        check_group_id(id)?;
        if let Some(Group::Consumer(_)) = self.groups.get(id) {
            return self.sync_consumer_group_classically(io, client, request, outcome);
        }
        let mut work = self.classic(id, io, outcome).ok_or(ErrorCode::UnknownMemberId)?;
        let member_id = request.member_id.as_str();
        work.group.check_member(member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != work.group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs = |asked: &Option<StrBytes>, is: &Option<String>| {
            asked.as_ref().zip(is.as_ref()).is_some_and(|(asked, is)| asked.as_str() != is)
        };
        if differs(&request.protocol_type, &work.group.protocol_type)
            || differs(&request.protocol_name, &work.group.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        match work.group.state {
            ClassicState::Empty => Err(ErrorCode::UnknownMemberId),
            ClassicState::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            ClassicState::CompletingRebalance => {
                work.wait_for_assignment(client, request);
                Ok(())
            }
            ClassicState::Stable => {
                work.stop_waiting_for(member_id);
                let response = work.assignment_of(member_id);
                work.reply(client.waiter, response);
                work.restart_session(member_id);
                Ok(())
            }
        }
    }

    fn try_heartbeat(
        &mut self,
        io: &mut Io<'_>,
        request: &HeartbeatRequest,
        outcome: &mut Outcome,
    ) -> Result<(), ErrorCode> {
        let id = request.group_id.as_str();
        check_group_id(id)?;
        if let Some(Group::Consumer(_)) = self.groups.get(id) {
            return self.heartbeat_consumer_group_classically(io, request);
        }
        let mut work = self.classic(id, io, outcome).ok_or(ErrorCode::UnknownMemberId)?;
        let member_id = request.member_id.as_str();
        work.group.check_member(member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != work.group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        match work.group.state {
            ClassicState::Empty => Err(ErrorCode::UnknownMemberId),
            ClassicState::PreparingRebalance => {
                work.restart_session(member_id);
                Err(ErrorCode::RebalanceInProgress)
            }
            // It may be ahead of its own SyncGroup.
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                work.restart_session(member_id);
                Ok(())
            }
        }
    }
}

impl ClassicWork<'_, '_> {
    fn wait_for_assignment(&mut self, client: &Client<'_>, request: &SyncGroupRequest) {
        let member_id = request.member_id.as_str();
        self.stop_waiting_for(member_id);
        let before =
            self.group.members.get_mut(member_id).and_then(|member| member.awaiting_sync.replace(client.waiter));
        if let Some(before) = before {
            self.reply(before, refusal(ErrorCode::RebalanceInProgress));
        }
        if !self.group.is_leader(member_id) {
            return;
        }
        let given = request.assignments.iter().map(|given| (given.member_id.as_str(), &given.assignment));
        let given: SortedMap<&str, &Bytes> = given.collect();
        for (member_id, member) in self.group.members.iter_mut() {
            // Not the bytes themselves: they would hold on to the whole request.
            let assignment = given.get(member_id.as_str());
            member.assignment = assignment.map(|assignment| Bytes::copy_from_slice(assignment)).unwrap_or_default();
        }
        self.change_state(ClassicState::Stable, "the leader has assigned");
        let group = String::from(self.id);
        self.outcome.records.push(Record::Classic { group, value: Some(self.group.value()) });
        self.hand_out();
    }

    /// Everybody who waits gets its assignment.
    fn hand_out(&mut self) {
        let members: Vec<(String, Bytes)> =
            self.group.members.iter().map(|(id, member)| (id.clone(), member.assignment.clone())).collect();
        let decided = self.io.trace.cause();
        for (member_id, assignment) in members {
            self.io.trace.because(decided);
            self.trace_assignment(&member_id, &assignment);
            let waiter = self.group.members.get_mut(&member_id).and_then(|member| member.awaiting_sync.take());
            if let Some(waiter) = waiter {
                let response = self.assignment_of(&member_id);
                self.reply(waiter, response);
                self.restart_session(&member_id);
            }
        }
    }

    #[track_caller]
    pub(crate) fn trace_assignment(&mut self, member_id: &str, assignment: &Bytes) {
        if let Some(member) = self.group.members.get_mut(member_id) {
            member.epoch = self.group.generation;
        }
        let group = &*self.group;
        self.io.trace.emit_then(|| TraceKind::AssignmentGiven {
            group: self.id.into(),
            member: member_id.into(),
            epoch: group.generation,
            partitions: group.readable_assignment(assignment),
        });
    }

    /// A member has asked for its assignment. When all have, nobody is waited for any more.
    fn stop_waiting_for(&mut self, member_id: &str) {
        if self.group.pending_sync.remove(member_id) && self.group.pending_sync.is_empty() {
            self.cancel_timer(TimerKind::Sync);
        }
    }

    fn assignment_of(&self, member_id: &str) -> SyncGroupResponse {
        let group = &*self.group;
        let assignment = group.members.get(member_id).map(|member| member.assignment.clone()).unwrap_or_default();
        SyncGroupResponse::default()
            .with_protocol_type(group.protocol_type.clone().map(StrBytes::from_string))
            .with_protocol_name(group.protocol.clone().map(StrBytes::from_string))
            .with_assignment(assignment)
    }
}

/// SyncGroup's answer when it is refused.
pub(crate) fn refusal(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse::default().with_error_code(error.code())
}
