//! DescribeGroups (15), ConsumerGroupDescribe (69), ListGroups (16), DeleteGroups (42): groups as administrators see them.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use alloc::vec::Vec;
use naru_coordinator::Outcome;
use naru_wire::{
    ErrorCode, GroupId, StrBytes,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DeleteGroupsRequest, DeleteGroupsResponse,
        DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse,
        delete_groups_response::DeletableGroupResult, describe_groups_response::DescribedGroup,
    },
};

/// Nobody asked which operations are allowed.
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// Answers DescribeGroups.
pub(crate) fn describe(turn: &mut Turn<'_>, context: &RequestContext, request: &DescribeGroupsRequest) -> Reply {
    let mut shards = Vec::new();
    let one = |id: &GroupId| match turn.shard_of(id) {
        Ok(index) => {
            shards.push(index);
            turn.coordinator(index).map(|it| it.describe_group(id, context.version)).unwrap_or_default()
        }
        Err(error) => DescribedGroup::default()
            .with_group_id(id.clone())
            .with_error_code(error.code())
            .with_group_state(StrBytes::default())
            .with_authorized_operations(OPERATIONS_NOT_ASKED),
    };
    let groups = request.groups.iter().map(one).collect();
    turn.reply_when_committed(DescribeGroupsResponse::default().with_groups(groups).into(), &shards)
}

/// Answers ConsumerGroupDescribe.
pub(crate) fn describe_consumer(
    turn: &mut Turn<'_>,
    _context: &RequestContext,
    request: &ConsumerGroupDescribeRequest,
) -> Reply {
    let mut shards = Vec::new();
    let one = |id: &GroupId| match turn.shard_of(id) {
        Ok(index) => {
            shards.push(index);
            turn.coordinator(index).map(|it| it.describe_consumer_group(id)).unwrap_or_default()
        }
        Err(error) => naru_wire::messages::consumer_group_describe_response::DescribedGroup::default()
            .with_group_id(id.clone())
            .with_error_code(error.code())
            .with_authorized_operations(OPERATIONS_NOT_ASKED),
    };
    let groups = request.group_ids.iter().map(one).collect();
    turn.reply_when_committed(ConsumerGroupDescribeResponse::default().with_groups(groups).into(), &shards)
}

/// Answers ListGroups: the groups whose coordinator is here.
pub(crate) fn list(turn: &mut Turn<'_>, _context: &RequestContext, request: &ListGroupsRequest) -> Reply {
    if turn.state.groups.is_loading() {
        let error = ErrorCode::CoordinatorLoadInProgress;
        return Reply::Now(ListGroupsResponse::default().with_error_code(error.code()).into());
    }
    let (mut shards, mut groups) = (Vec::new(), Vec::new());
    for (index, coordinator) in turn.state.groups.active() {
        shards.push(index);
        groups.extend(coordinator.list_groups(&request.states_filter, &request.types_filter));
    }
    turn.reply_when_committed(ListGroupsResponse::default().with_groups(groups).into(), &shards)
}

/// Answers DeleteGroups.
pub(crate) fn delete(turn: &mut Turn<'_>, _context: &RequestContext, request: &DeleteGroupsRequest) -> Reply {
    let (mut shards, mut results) = (Vec::new(), Vec::new());
    let received = turn.out.trace.cause();
    for id in &request.groups_names {
        turn.out.trace.because(received);
        let error = match turn.shard_of(id) {
            Err(error) => error,
            Ok(index) => {
                shards.push(index);
                delete_one(turn, index, id)
            }
        };
        results.push(DeletableGroupResult::default().with_group_id(id.clone()).with_error_code(error.code()));
    }
    turn.reply_when_committed(DeleteGroupsResponse::default().with_results(results).into(), &shards)
}

fn delete_one(turn: &mut Turn<'_>, index: i32, id: &GroupId) -> ErrorCode {
    let mut answer = ErrorCode::None;
    turn.on_coordinator(index, |coordinator, io| match coordinator.delete_group(io, id) {
        Ok(records) => Outcome { records, ..Outcome::default() },
        Err(error) => {
            answer = error;
            Outcome::default()
        }
    });
    answer
}
