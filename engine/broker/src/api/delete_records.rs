//! DeleteRecords (21): everything before an offset is gone (KIP-107, SEMANTICS 40).
//!
//! Nothing is cut out of files: the log start offset moves, and whole segments before it are deleted later. So it is only
//! for topics that are allowed to lose old records; compaction alone never deletes by position. The answer waits until the
//! followers that live have followed.

use crate::{
    connections::RequestContext,
    purgatory::{DeletionWait, DeletionWant, Until},
    reply::Reply,
    topics::{PartitionKey, TopicRef},
    turn::Turn,
};
use alloc::{boxed::Box, vec::Vec};
use naru_trace::Micros;
use naru_wire::messages::delete_records_request::DeleteRecordsPartition;
use naru_wire::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use naru_wire::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use naru_wire::{ErrorCode, TopicName};

/// What a client says when it means the high watermark (`DeleteRecordsRequest.HIGH_WATERMARK`).
const HIGH_WATERMARK: i64 = -1;
/// What an answer says where there is no low watermark to tell.
const INVALID_LOW_WATERMARK: i64 = -1;

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &DeleteRecordsRequest) -> Reply {
    // Read the request.
    let received = turn.out.trace.cause();
    let mut response = DeleteRecordsResponse::default();
    let mut wants = Vec::new();
    for topic in &request.topics {
        let mut result = DeleteRecordsTopicResult::default().with_name(topic.name.clone());
        for asked in &topic.partitions {
            // Decide.
            turn.out.trace.because(received);
            let deleted = delete(turn, &topic.name, asked);
            // Answer.
            let place = (response.topics.len(), result.partitions.len());
            let answer = DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
            result.partitions.push(match deleted {
                Ok(deleted) if deleted.low_watermark >= deleted.log_start_offset => {
                    answer.with_low_watermark(deleted.low_watermark)
                }
                Ok(Deleted { key, log_start_offset, .. }) => {
                    wants.push(DeletionWant { key, log_start_offset, place, outcome: None });
                    answer.with_low_watermark(INVALID_LOW_WATERMARK)
                }
                Err(error) => answer.with_low_watermark(INVALID_LOW_WATERMARK).with_error_code(error as i16),
            });
        }
        response.topics.push(result);
    }
    if wants.is_empty() {
        return Reply::Now(response.into());
    }
    let deadline = turn.now.monotonic.plus(Micros::from_millis(request.timeout_ms.max(0) as u64).0);
    let wait = DeletionWait { wants, response: Box::new(response) };
    Reply::Park { until: Until::Deleted(Box::new(wait)), deadline: Some(deadline) }
}

/// Answers a request that has waited for followers (DelayedDeleteRecords).
pub(crate) fn resume(wait: DeletionWait) -> DeleteRecordsResponse {
    let mut response = *wait.response;
    for want in &wait.wants {
        let (topic, partition) = want.place;
        let answer = response.topics.get_mut(topic).and_then(|topic| topic.partitions.get_mut(partition));
        let Some(answer) = answer else { continue };
        match want.outcome.unwrap_or(Err(ErrorCode::RequestTimedOut)) {
            Ok(low_watermark) => answer.low_watermark = low_watermark,
            Err(error) => answer.error_code = error as i16,
        }
    }
    response
}

/// What was deleted on the leader.
struct Deleted {
    key: PartitionKey,
    log_start_offset: i64,
    /// The smallest log start offset of all replicas that live.
    low_watermark: i64,
}

fn delete(turn: &mut Turn<'_>, topic: &TopicName, asked: &DeleteRecordsPartition) -> Result<Deleted, ErrorCode> {
    let key = turn.state.topics.find(&TopicRef::Name(topic.0.clone()), asked.partition_index)?;
    let offset = checked_offset(turn, key, asked.offset)?;
    let partition = turn.state.topics.partition_mut(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let log = partition.log_mut().ok_or(ErrorCode::KafkaStorageError)?;
    let deleted = log.delete_records_before(offset, turn.now.wall_ms, turn.storage, &mut turn.out.trace);
    let log_start_offset = log.log_start_offset();
    if let Err(error) = deleted {
        turn.on_log_error(key, &error);
        return Err(ErrorCode::KafkaStorageError);
    }
    turn.state.upkeep.remove_files_by(turn.now.monotonic);
    // Records that a client was told are gone do not come back.
    turn.write_checkpoints_now().map_err(|_| ErrorCode::KafkaStorageError)?;
    let low_watermark = turn.low_watermark(key)?;
    Ok(Deleted { key, log_start_offset, low_watermark })
}

/// The offset to delete up to (`Partition.deleteRecordsOnLeader`).
fn checked_offset(turn: &Turn<'_>, key: PartitionKey, offset: i64) -> Result<i64, ErrorCode> {
    let topic = turn.state.topics.get(key.topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = turn.state.topics.partition(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leads()?;
    if !topic.settings.log.cleanup.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let offset = if offset == HIGH_WATERMARK { partition.high_watermark } else { offset };
    if !(0..=partition.high_watermark).contains(&offset) {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok(offset)
}
