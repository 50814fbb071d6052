//! LeaveGroup: members go, and say so. From version 3 on several at once, by id or by `group.instance.id`.

use super::ClassicWork;
use crate::{
    coordinator::{Client, Coordinator, Group, Io, Outcome, check_group_id},
    timers::TimerKind,
};
use alloc::{string::ToString, vec::Vec};
use naru_wire::{
    ErrorCode,
    messages::{
        LeaveGroupRequest, LeaveGroupResponse, leave_group_request::MemberIdentity,
        leave_group_response::MemberResponse,
    },
};

/// From this version on, a request names several members.
const FIRST_VERSION_WITH_MEMBERS: i16 = 3;

impl Coordinator {
    /// Answers LeaveGroup (13).
    pub fn leave_group(&mut self, io: &mut Io<'_>, client: &Client<'_>, request: &LeaveGroupRequest) -> Outcome {
        let mut outcome = Outcome::default();
        let response = match self.try_leave(io, client.waiter.version, request, &mut outcome) {
            Ok(response) => response,
            Err(error) => LeaveGroupResponse::default().with_error_code(error.code()),
        };
        outcome.reply(client, response);
        outcome
    }

    fn try_leave(
        &mut self,
        io: &mut Io<'_>,
        version: i16,
        request: &LeaveGroupRequest,
        outcome: &mut Outcome,
    ) -> Result<LeaveGroupResponse, ErrorCode> {
        let id = request.group_id.as_str();
        check_group_id(id)?;
        let lone = [MemberIdentity::default().with_member_id(request.member_id.clone())];
        let leaving = if version < FIRST_VERSION_WITH_MEMBERS { &lone[..] } else { &request.members };
        let answer = |member: &MemberIdentity, error: ErrorCode| {
            MemberResponse::default()
                .with_member_id(member.member_id.clone())
                .with_group_instance_id(member.group_instance_id.clone())
                .with_error_code(error.code())
        };
        let mut answers = Vec::new();
        for member in leaving {
            let left = match self.groups.get(id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(Group::Consumer(_)) => self.leave_consumer_group_classically(io, id, member, outcome),
                Some(Group::Classic(_)) => {
                    let mut work = self.classic(id, io, outcome).ok_or(ErrorCode::UnknownMemberId)?;
                    work.leave(member)
                }
            };
            answers.push(answer(member, left.err().unwrap_or(ErrorCode::None)));
        }
        if version < FIRST_VERSION_WITH_MEMBERS {
            let error_code = answers.first().map_or(0, |answer| answer.error_code);
            return Ok(LeaveGroupResponse::default().with_error_code(error_code));
        }
        Ok(LeaveGroupResponse::default().with_members(answers))
    }
}

impl ClassicWork<'_, '_> {
    fn leave(&mut self, leaving: &MemberIdentity) -> Result<(), ErrorCode> {
        let member_id = leaving.member_id.as_str();
        let instance_id = leaving.group_instance_id.as_deref();
        if member_id.is_empty() {
            // An administrator removes a static member whose id nobody knows.
            let current = instance_id.and_then(|instance_id| self.group.static_members.get(instance_id));
            let current = current.ok_or(ErrorCode::UnknownMemberId)?.to_string();
            self.remove_member(&current, "it was removed");
            return Ok(());
        }
        if self.group.pending_join.remove(member_id) {
            self.cancel_timer(TimerKind::Member(member_id.into()));
            self.maybe_complete_join();
            return Ok(());
        }
        self.group.check_member(member_id, instance_id)?;
        self.remove_member(member_id, "it left");
        Ok(())
    }
}
