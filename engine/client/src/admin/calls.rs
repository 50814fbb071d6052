//! What each admin call asks, and how its answer is read.

use super::{
    AdminResult, BrokerDescription, ConfigChanges, ConfigDescription, ConfigSource, LogDirDescription, NewTopic,
    PartitionDescription, ReplicaSize, ResourceType, TopicDescription,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use naru_wire::{
    ApiKey, ErrorCode, Request, Response, StrBytes, TopicName,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
        DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicsRequest, DeleteTopicsResponse, DescribeClusterRequest,
        DescribeClusterResponse, DescribeConfigsRequest, DescribeConfigsResponse, DescribeLogDirsRequest,
        DescribeLogDirsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, MetadataRequest,
        MetadataResponse,
        create_partitions_request::CreatePartitionsTopic,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        delete_topics_request::DeleteTopicState,
        describe_configs_request::DescribeConfigsResource,
        describe_log_dirs_response::DescribeLogDirsResult,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        metadata_request::MetadataRequestTopic,
        metadata_response::MetadataResponseTopic,
    },
};

/// One admin call.
#[derive(Debug)]
pub(super) enum Call {
    CreateTopic(NewTopic),
    DeleteTopic(String),
    CreatePartitions(String, i32),
    DescribeCluster,
    DescribeTopics(Option<Vec<String>>),
    DescribeConfigs(ResourceType, String),
    AlterConfigs(ResourceType, String, ConfigChanges),
    DeleteRecords { topic: String, partition: i32, before_offset: i64 },
    DescribeLogDirs,
}

type Read = Result<AdminResult, (ErrorCode, Option<String>)>;

impl Call {
    pub(super) fn api(&self) -> ApiKey {
        match self {
            Call::CreateTopic(_) => ApiKey::CreateTopics,
            Call::DeleteTopic(_) => ApiKey::DeleteTopics,
            Call::CreatePartitions(..) => ApiKey::CreatePartitions,
            Call::DescribeCluster => ApiKey::DescribeCluster,
            Call::DescribeTopics(_) => ApiKey::Metadata,
            Call::DescribeConfigs(..) => ApiKey::DescribeConfigs,
            Call::AlterConfigs(..) => ApiKey::IncrementalAlterConfigs,
            Call::DeleteRecords { .. } => ApiKey::DeleteRecords,
            Call::DescribeLogDirs => ApiKey::DescribeLogDirs,
        }
    }

    /// What it is about, in a word.
    pub(super) fn subject(&self) -> String {
        match self {
            Call::CreateTopic(topic) => topic.name.clone(),
            Call::DeleteTopic(topic) | Call::CreatePartitions(topic, _) => topic.clone(),
            Call::DescribeCluster => "cluster".to_string(),
            Call::DescribeTopics(Some(topics)) => topics.join(", "),
            Call::DescribeTopics(None) => "all topics".to_string(),
            Call::DescribeConfigs(kind, name) | Call::AlterConfigs(kind, name, _) => match kind {
                ResourceType::Topic => name.clone(),
                ResourceType::Broker => format!("broker {name}"),
            },
            Call::DeleteRecords { topic, partition, .. } => format!("{topic}-{partition}"),
            Call::DescribeLogDirs => "log directories".to_string(),
        }
    }

    /// The topic it is about, if it is about one.
    pub(super) fn topic(&self) -> Option<String> {
        match self {
            Call::CreateTopic(topic) => Some(topic.name.clone()),
            Call::DeleteTopic(topic) | Call::CreatePartitions(topic, _) => Some(topic.clone()),
            Call::DescribeConfigs(kind, name) | Call::AlterConfigs(kind, name, _) => {
                (*kind == ResourceType::Topic).then(|| name.clone())
            }
            Call::DeleteRecords { topic, .. } => Some(topic.clone()),
            Call::DescribeTopics(topics) => topics.as_ref()?.first().cloned(),
            Call::DescribeCluster | Call::DescribeLogDirs => None,
        }
    }

    pub(super) fn request(&self, version: i16, timeout_ms: i32) -> Request {
        match self {
            Call::CreateTopic(topic) => create_topic(topic, version, timeout_ms).into(),
            Call::DeleteTopic(topic) => {
                let request = DeleteTopicsRequest::default().with_timeout_ms(timeout_ms);
                match version {
                    6.. => request
                        .with_topics(vec![DeleteTopicState::default().with_name(Some(TopicName(text(topic))))])
                        .into(),
                    _ => request.with_topic_names(vec![TopicName(text(topic))]).into(),
                }
            }
            Call::CreatePartitions(topic, total) => {
                let entry = CreatePartitionsTopic::default()
                    .with_name(TopicName(text(topic)))
                    .with_count(*total)
                    .with_assignments(None);
                CreatePartitionsRequest::default().with_topics(vec![entry]).with_timeout_ms(timeout_ms).into()
            }
            Call::DescribeCluster => DescribeClusterRequest::default().into(),
            Call::DescribeTopics(topics) => describe_topics(topics.as_deref(), version).into(),
            Call::DescribeConfigs(kind, name) => {
                let entry = DescribeConfigsResource::default()
                    .with_resource_type(resource_type(*kind))
                    .with_resource_name(text(name))
                    .with_configuration_keys(None);
                DescribeConfigsRequest::default().with_resources(vec![entry]).into()
            }
            Call::AlterConfigs(kind, name, changes) => alter_configs(*kind, name, changes).into(),
            Call::DeleteRecords { topic, partition, before_offset } => {
                let partition =
                    DeleteRecordsPartition::default().with_partition_index(*partition).with_offset(*before_offset);
                let topic =
                    DeleteRecordsTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![partition]);
                DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(timeout_ms).into()
            }
            Call::DescribeLogDirs => DescribeLogDirsRequest::default().with_topics(None).into(),
        }
    }

    /// Reads the response to [`Call::request`].
    pub(super) fn read(&self, response: Response) -> Read {
        match (self, response) {
            (Call::CreateTopic(_), Response::CreateTopics(response)) => topic_created(response),
            (Call::DeleteTopic(topic), Response::DeleteTopics(response)) => topic_deleted(topic, response),
            (Call::CreatePartitions(topic, total), Response::CreatePartitions(response)) => {
                partitions_created(topic, *total, response)
            }
            (Call::DescribeCluster, Response::DescribeCluster(response)) => cluster(response),
            (Call::DescribeTopics(_), Response::Metadata(response)) => topics(response),
            (Call::DescribeConfigs(..), Response::DescribeConfigs(response)) => configs(response),
            (Call::AlterConfigs(_, name, _), Response::IncrementalAlterConfigs(response)) => {
                configs_altered(name, response)
            }
            (Call::DeleteRecords { topic, partition, .. }, Response::DeleteRecords(response)) => {
                records_deleted(topic, *partition, response)
            }
            (Call::DescribeLogDirs, Response::DescribeLogDirs(response)) => log_dirs(response),
            (call, _) => unreachable!("a response is decoded as its request: {call:?}"),
        }
    }
}

fn create_topic(topic: &NewTopic, version: i16, timeout_ms: i32) -> CreateTopicsRequest {
    // Before version 4 brokers have no defaults to offer (KIP-464).
    let default = if version >= 4 { -1 } else { 1 };
    let configs = topic
        .configs
        .iter()
        .map(|(name, value)| CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value))));
    let entry = CreatableTopic::default()
        .with_name(TopicName(text(&topic.name)))
        .with_num_partitions(topic.partitions.unwrap_or(default))
        .with_replication_factor(topic.replication_factor.unwrap_or(default as i16))
        .with_configs(configs.collect());
    CreateTopicsRequest::default()
        .with_topics(vec![entry])
        .with_timeout_ms(timeout_ms)
        .with_validate_only(topic.validate_only)
}

fn describe_topics(topics: Option<&[String]>, version: i16) -> MetadataRequest {
    let topics = topics.map(|topics| {
        topics.iter().map(|name| MetadataRequestTopic::default().with_name(Some(TopicName(text(name))))).collect()
    });
    // Version 0 has no null: there, an empty list means all (SEMANTICS 46).
    let topics = if version == 0 { Some(topics.unwrap_or_default()) } else { topics };
    let request = MetadataRequest::default().with_topics(topics);
    request.with_allow_auto_topic_creation(version < 4)
}

fn alter_configs(kind: ResourceType, name: &str, changes: &ConfigChanges) -> IncrementalAlterConfigsRequest {
    /// `AlterConfigOp.OpType`
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    let config = |(key, value): &(String, Option<String>)| {
        AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(if value.is_some() { SET } else { DELETE })
            .with_value(value.as_deref().map(text))
    };
    let resource = AlterConfigsResource::default()
        .with_resource_type(resource_type(kind))
        .with_resource_name(text(name))
        .with_configs(changes.iter().map(config).collect());
    IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
}

fn topic_created(response: CreateTopicsResponse) -> Read {
    let topic = response.topics.into_iter().next().ok_or((ErrorCode::UnknownServerError, None))?;
    check(topic.error_code, topic.error_message)?;
    Ok(AdminResult::TopicCreated {
        topic: topic.name.to_string(),
        topic_id: topic.topic_id.to_string(),
        partitions: topic.num_partitions,
    })
}

fn topic_deleted(topic: &str, response: DeleteTopicsResponse) -> Read {
    let result = response.responses.into_iter().next().ok_or((ErrorCode::UnknownServerError, None))?;
    check(result.error_code, result.error_message)?;
    Ok(AdminResult::TopicDeleted { topic: topic.to_string() })
}

fn partitions_created(topic: &str, partitions: i32, response: CreatePartitionsResponse) -> Read {
    let result = response.results.into_iter().next().ok_or((ErrorCode::UnknownServerError, None))?;
    check(result.error_code, result.error_message)?;
    Ok(AdminResult::PartitionsCreated { topic: topic.to_string(), partitions })
}

fn cluster(response: DescribeClusterResponse) -> Read {
    check(response.error_code, response.error_message)?;
    let brokers = response.brokers.iter().map(|broker| BrokerDescription {
        id: broker.broker_id.0,
        host: broker.host.to_string(),
        port: broker.port as u16,
    });
    Ok(AdminResult::Cluster {
        cluster_id: response.cluster_id.to_string(),
        controller: response.controller_id.0,
        brokers: brokers.collect(),
    })
}

fn topics(response: MetadataResponse) -> Read {
    let mut topics = Vec::new();
    for topic in response.topics {
        let name = topic.name.as_ref().map(|name| name.to_string()).unwrap_or_default();
        let code = ErrorCode::from_code(topic.error_code);
        if code != ErrorCode::None {
            return Err((code, Some(format!("{name}: {}", code.message()))));
        }
        topics.push(topic_description(name, topic));
    }
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(AdminResult::Topics(topics))
}

fn topic_description(name: String, topic: MetadataResponseTopic) -> TopicDescription {
    let partitions = topic.partitions.iter().map(|partition| PartitionDescription {
        partition: partition.partition_index,
        leader: partition.leader_id.0,
        replicas: partition.replica_nodes.iter().map(|node| node.0).collect(),
        isr: partition.isr_nodes.iter().map(|node| node.0).collect(),
    });
    let mut partitions: Vec<PartitionDescription> = partitions.collect();
    partitions.sort_by_key(|partition| partition.partition);
    TopicDescription { name, topic_id: topic.topic_id.to_string(), internal: topic.is_internal, partitions }
}

fn configs(response: DescribeConfigsResponse) -> Read {
    /// `DescribeConfigsResponse.ConfigSource.DEFAULT_CONFIG`
    const DEFAULT_CONFIG: i8 = 5;
    let result = response.results.into_iter().next().ok_or((ErrorCode::UnknownServerError, None))?;
    check(result.error_code, result.error_message)?;
    let configs = result.configs.into_iter().map(|config| ConfigDescription {
        name: config.name.to_string(),
        value: config.value.map(|value| value.to_string()),
        is_default: config.config_source == DEFAULT_CONFIG,
        source: config_source(config.config_source),
        read_only: config.read_only,
    });
    let mut configs: Vec<ConfigDescription> = configs.collect();
    configs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(AdminResult::Configs(configs))
}

/// `DescribeConfigsResponse.ConfigSource`
fn config_source(source: i8) -> ConfigSource {
    match source {
        1 => ConfigSource::Topic,
        2 | 3 => ConfigSource::DynamicBroker,
        4 => ConfigSource::StaticBroker,
        5 => ConfigSource::Default,
        _ => ConfigSource::Unknown,
    }
}

fn configs_altered(resource: &str, response: IncrementalAlterConfigsResponse) -> Read {
    let result = response.responses.into_iter().next().ok_or((ErrorCode::UnknownServerError, None))?;
    check(result.error_code, result.error_message)?;
    Ok(AdminResult::ConfigsAltered { resource: resource.to_string() })
}

fn records_deleted(topic: &str, partition: i32, response: DeleteRecordsResponse) -> Read {
    let result = response.topics.into_iter().next().and_then(|topic| topic.partitions.into_iter().next());
    let result = result.ok_or((ErrorCode::UnknownServerError, None))?;
    check(result.error_code, None)?;
    Ok(AdminResult::RecordsDeleted { topic: topic.to_string(), partition, low_watermark: result.low_watermark })
}

fn log_dirs(response: DescribeLogDirsResponse) -> Read {
    check(response.error_code, None)?;
    Ok(AdminResult::LogDirs(response.results.into_iter().map(log_dir).collect()))
}

fn log_dir(result: DescribeLogDirsResult) -> LogDirDescription {
    let known = |bytes: i64| (bytes >= 0).then_some(bytes);
    let replicas = result.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| ReplicaSize {
            topic: topic.name.to_string(),
            partition: partition.partition_index,
            bytes: partition.partition_size,
            offset_lag: partition.offset_lag,
        })
    });
    let mut replicas: Vec<ReplicaSize> = replicas.collect();
    replicas.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    let error = ErrorCode::from_code(result.error_code);
    LogDirDescription {
        path: result.log_dir.to_string(),
        error: (error != ErrorCode::None).then(|| error.name().to_string()),
        total_bytes: known(result.total_bytes),
        usable_bytes: known(result.usable_bytes),
        replicas,
    }
}

fn check(code: i16, message: Option<StrBytes>) -> Result<(), (ErrorCode, Option<String>)> {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(()),
        error => Err((error, message.map(|message| message.to_string()))),
    }
}

/// `ConfigResource.Type`
fn resource_type(kind: ResourceType) -> i8 {
    match kind {
        ResourceType::Topic => 2,
        ResourceType::Broker => 4,
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}
