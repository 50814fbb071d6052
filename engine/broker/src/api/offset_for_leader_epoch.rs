//! OffsetForLeaderEpoch (23): where an epoch ended in the leader's log (KIP-101, KIP-320).
//!
//! The answer is the largest epoch that is not larger than the one asked for, and the offset after its last record: whoever
//! has more of that epoch has what the leader never got (SEMANTICS 24).

use crate::{connections::RequestContext, reply::Reply, topics::TopicRef, turn::Turn};
use naru_wire::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use naru_wire::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use naru_wire::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use naru_wire::{ErrorCode, TopicName};

/// Answers a request.
pub(crate) fn handle(turn: &Turn<'_>, _context: &RequestContext, request: &OffsetForLeaderEpochRequest) -> Reply {
    // Read the request.
    let mut response = OffsetForLeaderEpochResponse::default();
    for topic in &request.topics {
        let mut result = OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone());
        for asked in &topic.partitions {
            // Decide.
            let found = end_of_epoch(turn, &topic.topic, asked);
            // Answer.
            let answer = EpochEndOffset::default().with_partition(asked.partition);
            result.partitions.push(match found {
                Ok((epoch, end_offset)) => answer.with_leader_epoch(epoch).with_end_offset(end_offset),
                Err(error) => answer.with_leader_epoch(-1).with_end_offset(-1).with_error_code(error as i16),
            });
        }
        response.topics.push(result);
    }
    Reply::Now(response.into())
}

fn end_of_epoch(turn: &Turn<'_>, topic: &TopicName, asked: &OffsetForLeaderPartition) -> Result<(i32, i64), ErrorCode> {
    let key = turn.state.topics.find(&TopicRef::Name(topic.0.clone()), asked.partition)?;
    let partition = turn.state.topics.partition(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader_epoch(asked.current_leader_epoch)?;
    partition.check_leads()?;
    let log = partition.log().ok_or(ErrorCode::KafkaStorageError)?;
    Ok(log.leader_epochs().end_offset_for(asked.leader_epoch, log.log_end_offset()))
}
