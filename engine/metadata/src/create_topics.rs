//! CreateTopics: decides whether topics may be created, and with what.
//!
//! In Kafka this is `ControllerApis.createTopics` and `ReplicationControlManager.createTopics`. The order of the checks is
//! Kafka's, because a topic that is wrong in two ways has to be refused with the same sentence.

use crate::{
    ApiError, Decision, Image, MetadataRecord, Settings,
    cluster::Cluster,
    image::RESOURCE_TOPIC,
    placement,
    record::{ConfigRecord, TopicRecord},
    topic_config, topic_name,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::SortedMap;
use naru_trace::{Trace, TraceKind};
use naru_wire::{
    ErrorCode, StrBytes, TopicName,
    messages::{
        CreateTopicsRequest,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
    },
};
use uuid::Uuid;

/// Decides on every topic of a request. Emits `TopicRejected` for those that are refused.
///
/// `new_topic_id` gives ids that no topic has had; this crate has no entropy of its own.
pub fn create_topics(
    image: &Image,
    settings: &Settings,
    request: &CreateTopicsRequest,
    new_topic_id: &mut dyn FnMut() -> Uuid,
    trace: &mut Trace,
) -> Decision<Vec<CreatableTopicResult>> {
    let mut records = Vec::new();
    let mut response = Vec::new();
    for item in Items::of(settings, request).0 {
        let decided = item.refused.map_or(Ok(()), Err);
        let decided = decided.and_then(|()| decide(image, settings, item.topic, unused(image, new_topic_id)));
        match decided {
            Ok(mut accepted) => {
                records.append(&mut accepted.records);
                response.push(accepted.response);
            }
            Err(error) => {
                reject(&item.topic.name, &error, trace);
                response.push(refusal(&item.topic.name, error));
            }
        }
    }
    if request.validate_only {
        records.clear();
    }
    Decision { records, response }
}

/// The topics of a request that get an answer each, with the errors that need no look at the topic itself.
struct Items<'a>(Vec<Item<'a>>);

struct Item<'a> {
    topic: &'a CreatableTopic,
    refused: Option<ApiError>,
}

impl<'a> Items<'a> {
    /// A name that is there twice gets one answer, at its first place.
    fn of(settings: &Settings, request: &'a CreateTopicsRequest) -> Self {
        let mut times: SortedMap<&str, u32> = SortedMap::new();
        for topic in &request.topics {
            *times.entry(topic.name.as_str()).or_default() += 1;
        }
        let excessive = partitions_asked_for(settings, request) > placement::PARTITIONS_PER_REQUEST_MAX;
        let mut items = Vec::new();
        for topic in &request.topics {
            let Some(times) = times.remove(topic.name.as_str()) else { continue };
            let refused = if excessive { Some(placement::excessive()) } else { refused_by_name(&topic.name, times) };
            items.push(Item { topic, refused });
        }
        Items(items)
    }
}

fn refused_by_name(name: &str, times: u32) -> Option<ApiError> {
    if times > 1 {
        return Some(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."));
    }
    (name == topic_name::CLUSTER_METADATA).then(|| {
        let message = format!("Creation of internal topic {} is prohibited.", topic_name::CLUSTER_METADATA);
        ApiError::new(ErrorCode::InvalidRequest, message)
    })
}

fn partitions_asked_for(settings: &Settings, request: &CreateTopicsRequest) -> i64 {
    let partitions = |topic: &CreatableTopic| match topic.num_partitions {
        _ if !topic.assignments.is_empty() => topic.assignments.len() as i64,
        -1 => settings.num_partitions.into(),
        count => count.max(0).into(),
    };
    request.topics.iter().map(partitions).sum()
}

fn unused(image: &Image, new_topic_id: &mut dyn FnMut() -> Uuid) -> Uuid {
    loop {
        let id = new_topic_id();
        if !id.is_nil() && image.topic_by_id(id).is_none() {
            return id;
        }
    }
}

fn decide(
    image: &Image,
    settings: &Settings,
    topic: &CreatableTopic,
    topic_id: Uuid,
) -> Result<Decision<CreatableTopicResult>, ApiError> {
    check_name(image, &topic.name)?;
    let configs = configs(topic)?;
    topic_config::validate(&configs)?;
    let cluster = Cluster { image, settings };
    let partitions = partitions(cluster, topic, topic_id)?;

    let name = topic.name.to_string();
    let mut records = Vec::with_capacity(1 + configs.len() + partitions.len());
    records.push(MetadataRecord::Topic(TopicRecord { name: name.clone(), topic_id }));
    records.extend(configs.iter().map(|(key, value)| config_record(&name, key, value)));
    let response = CreatableTopicResult::default()
        .with_name(topic.name.clone())
        .with_topic_id(topic_id)
        .with_error_message(None)
        .with_num_partitions(partitions.len() as i32)
        .with_replication_factor(partitions[0].len() as i16)
        .with_configs(Some(config_echo(settings, &configs)));
    for (replicas, id) in partitions.into_iter().zip(0..) {
        let partition = placement::new_partition(cluster, topic_id, id, replicas);
        records.push(MetadataRecord::Partition(partition.ok_or_else(|| nobody_in_sync(topic, id))?));
    }
    Ok(Decision { records, response })
}

/// Every replica of a partition would be on a broker that cannot lead.
fn nobody_in_sync(topic: &CreatableTopic, partition: i32) -> ApiError {
    if topic.assignments.is_empty() {
        let message = format!(
            "Unable to replicate the partition {} time(s): All brokers are currently fenced or in controlled shutdown.",
            topic.replication_factor
        );
        return ApiError::new(ErrorCode::InvalidReplicationFactor, message);
    }
    let message = format!(
        "All brokers specified in the manual partition assignment for partition {partition} are fenced or in controlled \
         shutdown."
    );
    ApiError::new(ErrorCode::InvalidReplicaAssignment, message)
}

/// A name that is taken wins over everything that is wrong with the name itself; Kafka asks in the same order.
fn check_name(image: &Image, name: &str) -> Result<(), ApiError> {
    let invalid = |message| Err(ApiError::new(ErrorCode::InvalidTopicException, message));
    if image.topic(name).is_some() {
        return Err(ApiError::new(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
    }
    if let Some(other) = image.colliding(name) {
        return invalid(format!("Topic '{name}' collides with existing topic: {other}"));
    }
    topic_name::validate(name).or_else(invalid)
}

fn configs(topic: &CreatableTopic) -> Result<SortedMap<String, String>, ApiError> {
    let nulls: Vec<&str> =
        topic.configs.iter().filter(|config| config.value.is_none()).map(|config| config.name.as_str()).collect();
    if !nulls.is_empty() {
        let message = format!("Null value not supported for topic configs: {}", nulls.join(","));
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    let pair = |config: &naru_wire::messages::create_topics_request::CreatableTopicConfig| {
        Some((config.name.to_string(), config.value.as_ref()?.to_string()))
    };
    Ok(topic.configs.iter().filter_map(pair).collect())
}

/// The replicas of every partition: as the client says, or so many as it says.
fn partitions(cluster: Cluster<'_>, topic: &CreatableTopic, topic_id: Uuid) -> Result<Vec<Vec<i32>>, ApiError> {
    let settings = cluster.settings;
    if !topic.assignments.is_empty() {
        return manual_partitions(cluster, topic);
    }
    if topic.replication_factor < -1 || topic.replication_factor == 0 {
        let message = "Replication factor must be larger than 0, or -1 to use the default value.";
        return Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
    }
    if topic.num_partitions < -1 || topic.num_partitions == 0 {
        let message = "Number of partitions was set to an invalid non-positive value.";
        return Err(ApiError::new(ErrorCode::InvalidPartitions, message));
    }
    let count = if topic.num_partitions == -1 { settings.num_partitions } else { topic.num_partitions };
    let factor =
        if topic.replication_factor == -1 { settings.default_replication_factor } else { topic.replication_factor };
    placement::place(cluster, topic_id, 0, count.max(1), factor).map_err(|error| {
        ApiError::new(error.code, format!("Unable to replicate the partition {factor} time(s): {}", error.message))
    })
}

fn manual_partitions(cluster: Cluster<'_>, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, ApiError> {
    let wrong_request = |field: &str| {
        let message = format!("A manual partition assignment was specified, but {field} was not set to -1.");
        Err(ApiError::new(ErrorCode::InvalidRequest, message))
    };
    if topic.replication_factor != -1 {
        return wrong_request("replication factor");
    }
    if topic.num_partitions != -1 {
        return wrong_request("numPartitions");
    }
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidReplicaAssignment, message);
    let mut partitions: SortedMap<i32, Vec<i32>> = SortedMap::new();
    let mut factor = None;
    for assignment in &topic.assignments {
        let index = assignment.partition_index;
        if partitions.contains_key(&index) {
            return Err(invalid(format!("Found multiple manual partition assignments for partition {index}")));
        }
        let replicas = placement::validate_manual(cluster, &assignment.broker_ids, factor)?;
        factor = Some(replicas.len());
        partitions.insert(index, replicas);
    }
    if !partitions.keys().copied().eq(0..partitions.len() as i32) {
        return Err(invalid("partitions should be a consecutive 0-based integer sequence".into()));
    }
    Ok(partitions.into_values().collect())
}

fn config_record(topic: &str, key: &str, value: &str) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: RESOURCE_TOPIC,
        resource_name: topic.into(),
        name: key.into(),
        value: Some(value.into()),
    })
}

/// Every configuration key with what it will be: the client need not ask again (KIP-525).
fn config_echo(settings: &Settings, configs: &SortedMap<String, String>) -> Vec<CreatableTopicConfigs> {
    let shown = topic_config::TOPIC_CONFIGS.iter().filter(|config| config.is_shown(configs));
    let echo = |config: &'static topic_config::TopicConfig| {
        let (value, source) = topic_config::effective(config, configs, settings);
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(config.name))
            .with_value(Some(value.into()))
            .with_read_only(false)
            .with_config_source(source as i8)
    };
    shown.map(echo).collect()
}

fn refusal(name: &TopicName, error: ApiError) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .with_name(name.clone())
        .with_error_code(error.code.code())
        .with_error_message(Some(error.message.into()))
}

#[track_caller]
fn reject(name: &TopicName, error: &ApiError, trace: &mut Trace) {
    trace.emit(|| TraceKind::TopicRejected {
        topic: name.to_string(),
        error: error.code.name().into(),
        message: error.message.clone(),
    });
}

#[cfg(test)]
mod tests;
