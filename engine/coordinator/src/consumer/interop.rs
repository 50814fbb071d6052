//! Members of the classic protocol in a group of KIP-848.

use crate::{
    classic::Joining,
    coordinator::{Client, Coordinator, Io, Outcome},
    timers::TimerKind,
};
use alloc::string::{String, ToString};
use naru_wire::{
    ErrorCode,
    messages::{HeartbeatRequest, JoinGroupRequest, SyncGroupRequest, leave_group_request::MemberIdentity},
};

impl Coordinator {
    pub(crate) fn join_consumer_group_classically(
        &mut self,
        _io: &mut Io<'_>,
        _client: &Client<'_>,
        request: &JoinGroupRequest,
        _joining: Joining,
        _outcome: &mut Outcome,
    ) -> Result<(), (ErrorCode, String)> {
        Err((ErrorCode::InconsistentGroupProtocol, request.member_id.to_string()))
    }

    pub(crate) fn sync_consumer_group_classically(
        &mut self,
        _io: &mut Io<'_>,
        _client: &Client<'_>,
        _request: &SyncGroupRequest,
        _outcome: &mut Outcome,
    ) -> Result<(), ErrorCode> {
        Err(ErrorCode::UnknownMemberId)
    }

    pub(crate) fn heartbeat_consumer_group_classically(
        &mut self,
        _io: &mut Io<'_>,
        _request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        Err(ErrorCode::UnknownMemberId)
    }

    pub(crate) fn leave_consumer_group_classically(
        &mut self,
        _io: &mut Io<'_>,
        _id: &str,
        _leaving: &MemberIdentity,
        _outcome: &mut Outcome,
    ) -> Result<(), ErrorCode> {
        Err(ErrorCode::UnknownMemberId)
    }

    pub(crate) fn on_consumer_timer(
        &mut self,
        _group: &str,
        _kind: TimerKind,
        _io: &mut Io<'_>,
        _outcome: &mut Outcome,
    ) {
    }
}
