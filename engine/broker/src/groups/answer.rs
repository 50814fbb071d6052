//! Answers that say no: made for a request that still waits, or out of an answer that must not be given any more.

use naru_wire::{
    ApiKey, ErrorCode, Response, StrBytes,
    messages::{
        ConsumerGroupHeartbeatResponse, HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, ListGroupsResponse,
        OffsetCommitResponse, OffsetDeleteResponse, OffsetFetchResponse, SyncGroupResponse,
    },
};

/// The answer to a request of which only its API is known any more.
pub(super) fn refusal(api: ApiKey, version: i16, error: ErrorCode) -> Response {
    let code = error.code();
    match api {
        ApiKey::JoinGroup => JoinGroupResponse::default()
            .with_error_code(code)
            .with_generation_id(-1)
            .with_protocol_name((version < 7).then(StrBytes::default))
            .into(),
        ApiKey::SyncGroup => SyncGroupResponse::default().with_error_code(code).into(),
        ApiKey::Heartbeat => HeartbeatResponse::default().with_error_code(code).into(),
        ApiKey::LeaveGroup => LeaveGroupResponse::default().with_error_code(code).into(),
        ApiKey::ListGroups => ListGroupsResponse::default().with_error_code(code).into(),
        ApiKey::OffsetFetch => OffsetFetchResponse::default().with_error_code(code).into(),
        ApiKey::OffsetDelete => OffsetDeleteResponse::default().with_error_code(code).into(),
        ApiKey::ConsumerGroupHeartbeat => ConsumerGroupHeartbeatResponse::default().with_error_code(code).into(),
        // The others name what they are about; nothing in it is a client that asks again.
        _ => OffsetCommitResponse::default().into(),
    }
}

/// Turns an answer into its refusal: whatever it promised is not so.
pub(super) fn fail(response: &mut Response, error: ErrorCode) {
    let code = error.code();
    match response {
        Response::JoinGroup(body) => {
            body.error_code = code;
            body.members.clear();
        }
        Response::SyncGroup(body) => {
            body.error_code = code;
            body.assignment = Default::default();
        }
        Response::Heartbeat(body) => body.error_code = code,
        Response::LeaveGroup(body) => body.error_code = code,
        Response::OffsetCommit(body) => {
            let partitions = body.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            partitions.for_each(|partition| partition.error_code = code);
        }
        Response::OffsetDelete(body) => {
            body.error_code = code;
            body.topics.clear();
        }
        Response::DeleteGroups(body) => body.results.iter_mut().for_each(|result| result.error_code = code),
        Response::ConsumerGroupHeartbeat(body) => {
            body.error_code = code;
            body.assignment = None;
        }
        _ => {}
    }
}
