//! DescribeLogDirs (35): which partitions lie in which log directory, how large they are, and how much room is left
//! (KIP-113, KIP-827).

use crate::{
    connections::RequestContext, log_dirs::LogDir, reply::Reply, topics::Partition, topics::Topic, turn::Turn,
};
use alloc::vec::Vec;
use naru_log::Log;
use naru_wire::messages::describe_log_dirs_request::DescribableLogDirTopic;
use naru_wire::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use naru_wire::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use naru_wire::{ErrorCode, StrBytes, TopicName};

/// What an answer says where the size of a disk is not known (`DescribeLogDirsResponse.UNKNOWN_VOLUME_BYTES`).
const UNKNOWN_BYTES: i64 = -1;

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &DescribeLogDirsRequest) -> Reply {
    // Read the request.
    let asked = request.topics.as_deref();
    // Decide.
    let dirs = turn.state.dirs.iter().zip(0..).map(|(dir, index)| match dir.failed {
        None => describe_dir(turn, dir, index, asked),
        Some(_) => named(dir)
            .with_error_code(ErrorCode::KafkaStorageError as i16)
            .with_total_bytes(UNKNOWN_BYTES)
            .with_usable_bytes(UNKNOWN_BYTES),
    });
    // Answer.
    Reply::Now(DescribeLogDirsResponse::default().with_results(dirs.collect()).into())
}

fn describe_dir(
    turn: &Turn<'_>,
    dir: &LogDir,
    index: usize,
    asked: Option<&[DescribableLogDirTopic]>,
) -> DescribeLogDirsResult {
    let topics = turn.state.topics.iter().filter_map(|topic| describe_topic(topic, index, asked));
    let (total, usable) = match turn.storage.space(&dir.mount) {
        Some(space) => (clamped(space.total_bytes), clamped(space.usable_bytes)),
        None => (UNKNOWN_BYTES, UNKNOWN_BYTES),
    };
    named(dir).with_topics(topics.collect()).with_total_bytes(total).with_usable_bytes(usable)
}

fn named(dir: &LogDir) -> DescribeLogDirsResult {
    DescribeLogDirsResult::default().with_log_dir(StrBytes::from_string(dir.path.clone()))
}

/// A topic's partitions in a directory, those that were asked for: all of them, if the request names no topics at all.
fn describe_topic(topic: &Topic, dir: usize, asked: Option<&[DescribableLogDirTopic]>) -> Option<DescribeLogDirsTopic> {
    let is_asked_for = |partition: i32| {
        asked.is_none_or(|asked| {
            asked.iter().any(|other| other.topic.as_str() == &*topic.name && other.partitions.contains(&partition))
        })
    };
    let here = topic.partitions.iter().zip(0..).filter(|(partition, _)| partition.dir == Some(dir));
    let partitions = here.filter(|(_, index)| is_asked_for(*index));
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
