//! CreatePartitions: decides whether topics may grow.
//!
//! A topic can never shrink, because the records of a partition would be lost; and a topic that grows sends a key's later
//! records to another partition than its earlier ones. In Kafka this is `ReplicationControlManager.createPartitions`.

use crate::{ApiError, Decision, Image, MetadataRecord, Settings, Topic, cluster::Cluster, placement};
use alloc::{format, vec::Vec};
use naru_trace::SortedMap;
use naru_wire::{
    ErrorCode,
    messages::{
        CreatePartitionsRequest, create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
    },
};

/// Decides on every topic of a request.
pub fn create_partitions(
    image: &Image,
    settings: &Settings,
    request: &CreatePartitionsRequest,
) -> Decision<Vec<CreatePartitionsTopicResult>> {
    let mut times: SortedMap<&str, u32> = SortedMap::new();
    for topic in &request.topics {
        *times.entry(topic.name.as_str()).or_default() += 1;
    }
    let mut records = Vec::new();
    let mut response = Vec::new();
    for topic in &request.topics {
        let Some(times) = times.remove(topic.name.as_str()) else { continue };
        let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        let room = placement::PARTITIONS_PER_REQUEST_MAX - records.len() as i64;
        response.push(match decide(image, settings, topic, times, room) {
            Ok(mut accepted) => {
                records.append(&mut accepted);
                result.with_error_message(None)
            }
            Err(error) => result.with_error_code(error.code.code()).with_error_message(Some(error.message.into())),
        });
    }
    if request.validate_only {
        records.clear();
    }
    Decision { records, response }
}

/// The records of the partitions to add; at most `room` of them.
fn decide(
    image: &Image,
    settings: &Settings,
    request: &CreatePartitionsTopic,
    times: u32,
    room: i64,
) -> Result<Vec<MetadataRecord>, ApiError> {
    if times > 1 {
        return Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."));
    }
    let topic = image.topic(&request.name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let additional = additional(topic, request.count)?;
    if i64::from(additional) > room {
        return Err(placement::excessive());
    }
    let first = topic.partitions.len() as i32;
    let cluster = Cluster { image, settings };
    let replicas = replicas(cluster, topic, request, additional)?;
    let partition = |(replicas, id)| {
        let record = placement::new_partition(cluster, topic.id, id, replicas);
        record.map(MetadataRecord::Partition).ok_or_else(|| nobody_in_sync(id))
    };
    replicas.into_iter().zip(first..).map(partition).collect()
}

/// Every replica of a partition would be on a broker that cannot lead.
fn nobody_in_sync(partition: i32) -> ApiError {
    let message = format!(
        "All brokers specified in the manual partition assignment for partition {partition} are fenced or in controlled \
         shutdown."
    );
    ApiError::new(ErrorCode::InvalidReplicaAssignment, message)
}

fn additional(topic: &Topic, count: i32) -> Result<i32, ApiError> {
    let present = topic.partitions.len() as i32;
    let invalid = |message| Err(ApiError::new(ErrorCode::InvalidPartitions, message));
    if count == present {
        return invalid(format!("Topic already has {present} partition(s)."));
    }
    if count < present {
        return invalid(format!(
            "The topic {} currently has {present} partition(s); {count} would not be an increase.",
            topic.name
        ));
    }
    Ok(count - present)
}

fn replicas(
    cluster: Cluster<'_>,
    topic: &Topic,
    request: &CreatePartitionsTopic,
    additional: i32,
) -> Result<Vec<Vec<i32>>, ApiError> {
    let factor = topic.partitions[0].replicas.len();
    let Some(assignments) = &request.assignments else {
        return placement::place(cluster, topic.id, topic.partitions.len() as i32, additional, factor as i16);
    };
    if assignments.len() != additional as usize {
        let message = format!(
            "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
            assignments.len()
        );
        return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    }
    let valid = |brokers: &Vec<_>| placement::validate_manual(cluster, brokers, Some(factor));
    assignments.iter().map(|assignment| valid(&assignment.broker_ids)).collect()
}

#[cfg(test)]
mod tests;
