//! Members of the classic protocol who come to a group of KIP-848: they are refused. Apache Kafka lets both kinds be in one group
//! while its members are upgraded one by one; here a group has members of one kind.

use crate::{
    classic::Joining,
    coordinator::{Client, Coordinator, Io, Outcome},
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
}
