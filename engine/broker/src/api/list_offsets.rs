//! ListOffsets (2): where a partition begins and ends, and what was written at a given time.
//!
//! Negative timestamps are questions (KIP-79, KIP-734, KIP-405, KIP-1005); each needs a version that knows it.

use crate::{
    connections::RequestContext,
    replication::Role,
    reply::Reply,
    topics::{Partition, TopicRef},
    turn::Turn,
};
use alloc::vec::Vec;
use naru_log::{LogError, OffsetAndTimestamp};
use naru_trace::SortedSet;
use naru_trace::TraceKind;
use naru_wire::ErrorCode;
use naru_wire::messages::list_offsets_request::ListOffsetsPartition;
use naru_wire::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use naru_wire::messages::{ListOffsetsRequest, ListOffsetsResponse};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

/// `OFFSET_NOT_AVAILABLE` is understood from this version on.
const FIRST_VERSION_WITH_NOT_AVAILABLE: i16 = 5;

/// What was found; -1 for what there is not.
#[derive(Debug, Clone, Copy)]
struct Found {
    offset: i64,
    timestamp: i64,
    leader_epoch: i32,
}

const NOT_FOUND: Found = Found { offset: -1, timestamp: -1, leader_epoch: -1 };

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: ListOffsetsRequest) -> Reply {
    // Read the request.
    let duplicates = duplicates(&request);
    let is_follower = request.replica_id.0 >= 0;
    // Decide.
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let topic_ref = TopicRef::Name(topic.name.0.clone());
        let mut response = ListOffsetsTopicResponse::default().with_name(topic.name);
        for asked in &topic.partitions {
            let found = match duplicates.contains(&(topic_ref.clone(), asked.partition_index)) {
                true => Err(ErrorCode::InvalidRequest),
                false => look_up(turn, &topic_ref, asked, (context.version, is_follower)),
            };
            response.partitions.push(partition_response(asked, found, context.version));
        }
        topics.push(response);
    }
    // Answer.
    Reply::Now(ListOffsetsResponse::default().with_topics(topics).into())
}

/// Partitions that a request names twice: a mistake of the client (KafkaApis).
fn duplicates(request: &ListOffsetsRequest) -> SortedSet<(TopicRef, i32)> {
    let mut seen = SortedSet::new();
    let named = request.topics.iter().flat_map(|topic| {
        let topic_ref = TopicRef::Name(topic.name.0.clone());
        topic.partitions.iter().map(move |partition| (topic_ref.clone(), partition.partition_index))
    });
    named.filter(|partition| !seen.insert(partition.clone())).collect()
}

fn look_up(
    turn: &mut Turn<'_>,
    topic: &TopicRef,
    asked: &ListOffsetsPartition,
    (version, is_follower): (i16, bool),
) -> Result<Found, ErrorCode> {
    if !is_supported(asked.timestamp, version) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let key = turn.state.topics.find(topic, asked.partition_index)?;
    let partition = turn.state.topics.partition(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader_epoch(asked.current_leader_epoch)?;
    partition.check_leads()?;
    let found = search(partition, asked.timestamp, is_follower, turn).map_err(|error| match error {
        // Older clients know another error that has them ask again.
        ErrorCode::OffsetNotAvailable if version < FIRST_VERSION_WITH_NOT_AVAILABLE => ErrorCode::LeaderNotAvailable,
        error => error,
    })?;
    let timestamp = asked.timestamp;
    turn.out.trace.emit_then(|| TraceKind::OffsetLookedUp {
        topic: turn.state.topics.name(key.topic).into(),
        partition: key.partition,
        timestamp,
        offset: found.offset,
    });
    Ok(found)
}

fn search(partition: &Partition, timestamp: i64, is_follower: bool, turn: &Turn<'_>) -> Result<Found, ErrorCode> {
    let log = partition.log().ok_or(ErrorCode::KafkaStorageError)?;
    let leader_epoch = partition.leader_epoch;
    let readable = if is_follower { log.log_end_offset() } else { partition.high_watermark };
    let at = |offset| Found { offset, timestamp: -1, leader_epoch };
    // A new leader does not know yet how far the one before it has let consumers read (KIP-207).
    let is_new = |role: &Role| matches!(role, Role::Leader(leadership) if leadership.epoch_start > readable);
    let known = if is_new(&partition.role) { Err(ErrorCode::OffsetNotAvailable) } else { Ok(()) };
    let by_time = |found: Result<Option<OffsetAndTimestamp>, LogError>| match found {
        // What consumers may not read yet, they are not told of.
        Ok(Some(found)) if found.offset < readable => {
            Ok(Found { offset: found.offset, timestamp: found.timestamp, leader_epoch })
        }
        Ok(_) => known.map(|()| NOT_FOUND),
        Err(_) => Err(ErrorCode::KafkaStorageError),
    };
    match timestamp {
        // Under read_committed this is the last stable offset: the same, as long as there are no transactions.
        LATEST => known.map(|()| at(readable)),
        EARLIEST | EARLIEST_LOCAL => Ok(at(log.log_start_offset())),
        LATEST_TIERED => Ok(NOT_FOUND),
        MAX_TIMESTAMP => by_time(log.offset_of_max_timestamp(turn.storage)),
        time => by_time(log.offset_for_timestamp(time, turn.storage)),
    }
}

/// Which version knows which question (`KafkaApis.timestampMinSupportedVersion`).
fn is_supported(timestamp: i64, version: i16) -> bool {
    match timestamp {
        LATEST | EARLIEST => version >= 1,
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        other => other >= 0,
    }
}

fn partition_response(
    asked: &ListOffsetsPartition,
    found: Result<Found, ErrorCode>,
    version: i16,
) -> ListOffsetsPartitionResponse {
    let error = found.err().unwrap_or(ErrorCode::None);
    let found = found.unwrap_or(NOT_FOUND);
    ListOffsetsPartitionResponse::default()
        .with_partition_index(asked.partition_index)
        .with_error_code(error as i16)
        .with_timestamp(found.timestamp)
        .with_offset(found.offset)
        .with_leader_epoch(if version >= 4 { found.leader_epoch } else { -1 })
}
