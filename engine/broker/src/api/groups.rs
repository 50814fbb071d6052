//! JoinGroup (11), Heartbeat (12), LeaveGroup (13), SyncGroup (14), OffsetCommit (8), OffsetFetch (9), OffsetDelete (47),
//! ConsumerGroupHeartbeat (68), FindCoordinator (10): members of groups, and where their groups are.
//!
//! What is decided is decided in `naru-coordinator`; which of its coordinators is asked, and when its answer goes out, in
//! [`crate::groups`].

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use alloc::{string::ToString, vec::Vec};
use naru_wire::{
    BrokerId, ErrorCode, GroupId, StrBytes,
    messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, FindCoordinatorRequest, FindCoordinatorResponse,
        HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
        LeaveGroupResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
        OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse,
        find_coordinator_response::Coordinator,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        offset_fetch_response::{OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic},
    },
};

/// From this version on, several coordinators are asked for at once.
const FIRST_FIND_WITH_KEYS: i16 = 4;
/// From this version on, offsets of several groups are asked for at once.
const FIRST_FETCH_WITH_GROUPS: i16 = 8;
/// From this version on, an error may be about the whole group.
const FIRST_FETCH_WITH_ERROR: i16 = 2;
/// From this version on, there may be no protocol's name.
const FIRST_JOIN_WITHOUT_NAME: i16 = 7;
/// Nobody.
const NOBODY: BrokerId = BrokerId(-1);
/// The kind of coordinator that groups have.
const KEY_TYPE_GROUP: i8 = 0;

/// Answers JoinGroup.
pub(crate) fn join(turn: &mut Turn<'_>, context: &RequestContext, request: &JoinGroupRequest) -> Reply {
    let version = context.version;
    let refuse = |error: ErrorCode| {
        JoinGroupResponse::default()
            .with_error_code(error.code())
            .with_generation_id(-1)
            .with_protocol_name((version < FIRST_JOIN_WITHOUT_NAME).then(StrBytes::default))
            .with_member_id(request.member_id.clone())
            .into()
    };
    turn.on_group(context, &request.group_id, refuse, |coordinator, io, client| {
        coordinator.join_group(io, client, request)
    })
}

/// Answers SyncGroup.
pub(crate) fn sync(turn: &mut Turn<'_>, context: &RequestContext, request: &SyncGroupRequest) -> Reply {
    let refuse = |error: ErrorCode| SyncGroupResponse::default().with_error_code(error.code()).into();
    turn.on_group(context, &request.group_id, refuse, |coordinator, io, client| {
        coordinator.sync_group(io, client, request)
    })
}

/// Answers Heartbeat.
pub(crate) fn heartbeat(turn: &mut Turn<'_>, context: &RequestContext, request: &HeartbeatRequest) -> Reply {
    let refuse = |error: ErrorCode| HeartbeatResponse::default().with_error_code(error.code()).into();
    turn.on_group(context, &request.group_id, refuse, |coordinator, io, client| {
        coordinator.heartbeat(io, client, request)
    })
}

/// Answers LeaveGroup.
pub(crate) fn leave(turn: &mut Turn<'_>, context: &RequestContext, request: &LeaveGroupRequest) -> Reply {
    let refuse = |error: ErrorCode| LeaveGroupResponse::default().with_error_code(error.code()).into();
    turn.on_group(context, &request.group_id, refuse, |coordinator, io, client| {
        coordinator.leave_group(io, client, request)
    })
}

/// Answers ConsumerGroupHeartbeat.
pub(crate) fn consumer_heartbeat(
    turn: &mut Turn<'_>,
    context: &RequestContext,
    request: &ConsumerGroupHeartbeatRequest,
) -> Reply {
    let refuse = |error: ErrorCode| ConsumerGroupHeartbeatResponse::default().with_error_code(error.code()).into();
    turn.on_group(context, &request.group_id, refuse, |coordinator, io, client| {
        coordinator.consumer_heartbeat(io, client, request)
    })
}

/// Answers OffsetCommit.
pub(crate) fn commit(turn: &mut Turn<'_>, context: &RequestContext, request: &OffsetCommitRequest) -> Reply {
    let refuse = |error: ErrorCode| {
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                OffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(error.code())
            });
            OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
        });
        OffsetCommitResponse::default().with_topics(topics.collect()).into()
    };
    turn.on_group(context, &request.group_id, refuse, |coordinator, io, client| {
        coordinator.commit_offsets(io, client, request)
    })
}

/// Answers OffsetDelete.
pub(crate) fn delete_offsets(turn: &mut Turn<'_>, context: &RequestContext, request: &OffsetDeleteRequest) -> Reply {
    let refuse = |error: ErrorCode| OffsetDeleteResponse::default().with_error_code(error.code()).into();
    turn.on_group(context, &request.group_id, refuse, |coordinator, io, client| {
        coordinator.delete_offsets(io, client, request)
    })
}

/// Answers OffsetFetch.
pub(crate) fn fetch_offsets(turn: &mut Turn<'_>, context: &RequestContext, request: &OffsetFetchRequest) -> Reply {
    // Read the request.
    let several = context.version >= FIRST_FETCH_WITH_GROUPS;
    let asked = if several { request.groups.clone() } else { alloc::vec![lone_group(request)] };
    // Decide.
    let mut shards = Vec::new();
    let fetched = asked.iter().map(|group| match turn.shard_of(&group.group_id) {
        Ok(index) => {
            shards.push(index);
            turn.coordinator(index).map(|coordinator| coordinator.fetch_offsets(group)).unwrap_or_default()
        }
        Err(error) => refuse_fetch(group, error),
    });
    let mut groups: Vec<OffsetFetchResponseGroup> = fetched.collect();
    // Answer.
    let response = match several {
        true => OffsetFetchResponse::default().with_groups(groups),
        false => one_group(groups.pop().unwrap_or_default(), context.version),
    };
    turn.reply_when_committed(response.into(), &shards)
}

/// Answers FindCoordinator.
pub(crate) fn find(turn: &mut Turn<'_>, context: &RequestContext, request: &FindCoordinatorRequest) -> Reply {
    let several = context.version >= FIRST_FIND_WITH_KEYS;
    let keys = if several { request.coordinator_keys.clone() } else { alloc::vec![request.key.clone()] };
    let coordinators = keys.into_iter().map(|key| find_one(turn, key, request.key_type));
    let mut coordinators: Vec<Coordinator> = coordinators.collect();
    if several {
        return Reply::Now(FindCoordinatorResponse::default().with_coordinators(coordinators).into());
    }
    let lone = coordinators.pop().unwrap_or_default();
    let response = FindCoordinatorResponse::default()
        .with_error_code(lone.error_code)
        .with_error_message(lone.error_message)
        .with_node_id(lone.node_id)
        .with_host(lone.host)
        .with_port(lone.port);
    Reply::Now(response.into())
}

fn find_one(turn: &mut Turn<'_>, key: StrBytes, key_type: i8) -> Coordinator {
    let found = match key_type {
        KEY_TYPE_GROUP => turn.find_coordinator(&key),
        // Transactions and share groups have coordinators of other kinds, which are not here.
        _ => Err(ErrorCode::InvalidRequest),
    };
    let coordinator = Coordinator::default().with_key(key);
    match found {
        Ok(found) => coordinator.with_node_id(BrokerId(found.node_id)).with_host(found.host).with_port(found.port),
        Err(error) => coordinator
            .with_node_id(NOBODY)
            .with_port(-1)
            .with_error_code(error.code())
            .with_error_message(Some(StrBytes::from_string(error.message().to_string()))),
    }
}

/// A request of before version 8 as one of after.
fn lone_group(request: &OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.as_ref().map(|topics| {
        let topic = |topic: &naru_wire::messages::offset_fetch_request::OffsetFetchRequestTopic| {
            OffsetFetchRequestTopics::default()
                .with_name(topic.name.clone())
                .with_partition_indexes(topic.partition_indexes.clone())
        };
        topics.iter().map(topic).collect()
    });
    let group_id: GroupId = request.group_id.clone();
    OffsetFetchRequestGroup::default().with_group_id(group_id).with_member_epoch(-1).with_topics(topics)
}

fn one_group(group: OffsetFetchResponseGroup, version: i16) -> OffsetFetchResponse {
    let error_code = group.error_code;
    let topics = group.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_committed_offset(partition.committed_offset)
                .with_committed_leader_epoch(partition.committed_leader_epoch)
                .with_metadata(partition.metadata)
                .with_error_code(if version >= FIRST_FETCH_WITH_ERROR { partition.error_code } else { error_code })
        });
        OffsetFetchResponseTopic::default().with_name(topic.name).with_partitions(partitions.collect())
    });
    let response = OffsetFetchResponse::default().with_topics(topics.collect());
    if version >= FIRST_FETCH_WITH_ERROR { response.with_error_code(error_code) } else { response }
}

fn refuse_fetch(group: &OffsetFetchRequestGroup, error: ErrorCode) -> OffsetFetchResponseGroup {
    OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone()).with_error_code(error.code())
}
