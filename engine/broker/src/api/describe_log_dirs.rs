//! DescribeLogDirs (35): which partitions lie in which log directory, how large they are, and how much room is left
//! (KIP-113, KIP-827).

use crate::{connections::RequestContext, reply::Reply, topics::Partition, topics::Topic, turn::Turn};
use alloc::{vec, vec::Vec};
use naru_log::Log;
use naru_wire::messages::describe_log_dirs_request::DescribableLogDirTopic;
use naru_wire::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use naru_wire::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use naru_wire::{StrBytes, TopicName};

/// What an answer says where the size of a disk is not known (`DescribeLogDirsResponse.UNKNOWN_VOLUME_BYTES`).
const UNKNOWN_BYTES: i64 = -1;

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &DescribeLogDirsRequest) -> Reply {
    // Read the request.
    let asked = request.topics.as_deref();
    // Decide.
    let topics = turn.state.topics.iter().filter_map(|topic| describe_topic(topic, asked)).collect();
    let (total, usable) = match turn.storage.space("") {
        Some(space) => (clamped(space.total_bytes), clamped(space.usable_bytes)),
        None => (UNKNOWN_BYTES, UNKNOWN_BYTES),
    };
    // Answer.
    let directory = DescribeLogDirsResult::default()
        .with_log_dir(StrBytes::from_string(turn.state.config.log_dir.clone()))
        .with_topics(topics)
        .with_total_bytes(total)
        .with_usable_bytes(usable);
    Reply::Now(DescribeLogDirsResponse::default().with_results(vec![directory]).into())
}

/// A topic's partitions, those that were asked for: all of them, if the request names no topics at all.
fn describe_topic(topic: &Topic, asked: Option<&[DescribableLogDirTopic]>) -> Option<DescribeLogDirsTopic> {
    let is_asked_for = |partition: i32| {
        asked.is_none_or(|asked| {
            asked.iter().any(|other| other.topic.as_str() == &*topic.name && other.partitions.contains(&partition))
        })
    };
    let partitions = topic.partitions.iter().zip(0..).filter(|(_, index)| is_asked_for(*index));
    let partitions: Vec<DescribeLogDirsPartition> = partitions.filter_map(describe_partition).collect();
    let named = DescribeLogDirsTopic::default().with_name(TopicName(topic.name.clone()));
    (!partitions.is_empty()).then(|| named.with_partitions(partitions))
}

fn describe_partition((partition, index): (&Partition, i32)) -> Option<DescribeLogDirsPartition> {
    let size = partition.log().map(Log::size)?;
    Some(DescribeLogDirsPartition::default().with_partition_index(index).with_partition_size(clamped(size)))
}

fn clamped(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
