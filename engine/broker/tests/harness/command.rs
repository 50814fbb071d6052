//! The commands of the transcripts, as requests.
//!
//! ```text
//! a produce@9 orders-0 acks=1 key:value -:no-key key:-      @9 is the version; the highest without it
//! a produce orders-0 key:value@-500                         @-500 is the record's time, milliseconds from now
//! a fetch orders-0:5 max=1000 wait=500 min=1 session=0/0    :5 is the offset
//! ```

use super::Harness;
use bytes::{BufMut, Bytes, BytesMut};
use naru_records::{Batch, BatchBuilder, Compression};
use naru_wire::messages::create_partitions_request::CreatePartitionsTopic;
use naru_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use naru_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use naru_wire::messages::delete_topics_request::DeleteTopicState;
use naru_wire::messages::describe_configs_request::DescribeConfigsResource;
use naru_wire::messages::describe_log_dirs_request::DescribableLogDirTopic;
use naru_wire::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use naru_wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use naru_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use naru_wire::messages::metadata_request::MetadataRequestTopic;
use naru_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use naru_wire::messages::*;
use naru_wire::{ApiKey, Request, StrBytes};
use uuid::Uuid;

/// The words of a command.
pub struct Words<'a> {
    words: Vec<&'a str>,
}

impl<'a> Words<'a> {
    pub fn new(text: &'a str) -> Self {
        Words { words: text.split_whitespace().collect() }
    }

    /// The value of `key=value`, or the default.
    fn option<T: std::str::FromStr>(&self, key: &str, default: T) -> T {
        self.text(key).map_or(default, |value| value.parse().ok().unwrap_or_else(|| panic!("{key}={value}")))
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn has(&self, flag: &str) -> bool {
        self.words.contains(&flag)
    }

    /// The words that are neither options nor flags.
    fn plain(&self) -> impl Iterator<Item = &'a str> {
        self.words.iter().copied().filter(|word| !word.contains('='))
    }
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.into())
}

fn topic_name(value: &str) -> TopicName {
    TopicName(text(value))
}

impl Harness {
    /// The id that the broker gave to a topic; one that no topic has for a topic that is not there.
    pub fn topic_id(&self, name: &str) -> Uuid {
        if let Some(ids) = &self.foreign_ids {
            return ids.get(name).copied().unwrap_or(Uuid::from_u128(42));
        }
        let topics = self.broker.as_ref().expect("a broker").view().topics;
        topics.get(name).map_or(Uuid::from_u128(42), |topic| topic.topic_id.parse().unwrap())
    }

    /// A request in words. Returns it with its version.
    pub fn request(&self, verb: &str, arguments: &str) -> (i16, Request) {
        let (verb, version) = match verb.split_once('@') {
            Some((verb, version)) => (verb, version.parse().ok()),
            None => (verb, None),
        };
        let words = Words::new(arguments);
        let or = |api: ApiKey| version.unwrap_or(api.versions().max);
        match verb {
            "produce" => (or(ApiKey::Produce), self.produce(&words)),
            "fetch" => (or(ApiKey::Fetch), self.fetch(&words, or(ApiKey::Fetch))),
            "list-offsets" => (or(ApiKey::ListOffsets), list_offsets(&words)),
            "metadata" => (or(ApiKey::Metadata), self.metadata(&words, or(ApiKey::Metadata))),
            "create" => (or(ApiKey::CreateTopics), create_topics(&words)),
            "delete" => (or(ApiKey::DeleteTopics), self.delete_topics(&words, or(ApiKey::DeleteTopics))),
            "add-partitions" => (or(ApiKey::CreatePartitions), create_partitions(&words)),
            "describe-cluster" => (or(ApiKey::DescribeCluster), DescribeClusterRequest::default().into()),
            "describe-configs" => (or(ApiKey::DescribeConfigs), describe_configs(&words)),
            "alter" => (or(ApiKey::IncrementalAlterConfigs), incremental_alter_configs(&words)),
            "replace-configs" => (or(ApiKey::AlterConfigs), alter_configs(&words)),
            "delete-records" => (or(ApiKey::DeleteRecords), delete_records(&words)),
            "describe-log-dirs" => (or(ApiKey::DescribeLogDirs), describe_log_dirs(&words)),
            "init-producer-id" => (or(ApiKey::InitProducerId), init_producer_id(&words)),
            "api-versions" => (or(ApiKey::ApiVersions), api_versions(&words, or(ApiKey::ApiVersions))),
            other => panic!("unknown verb {other}"),
        }
    }

    fn produce(&self, words: &Words<'_>) -> Request {
        let mut topics: Vec<TopicProduceData> = Vec::new();
        let is_target = |word: &&str| word.ends_with(|last: char| last.is_ascii_digit()) && !word.contains(':');
        let targets: Vec<&str> = words.plain().filter(is_target).collect();
        for target in targets {
            let (name, partition) = split_partition(target);
            let data = PartitionProduceData::default().with_index(partition).with_records(self.batch(words));
            match topics.iter_mut().find(|topic| topic.name.as_str() == name) {
                Some(topic) => topic.partition_data.push(data),
                None => topics.push(
                    TopicProduceData::default()
                        .with_name(topic_name(name))
                        .with_topic_id(self.topic_id(name))
                        .with_partition_data(vec![data]),
                ),
            }
        }
        ProduceRequest::default()
            .with_acks(words.option("acks", -1))
            .with_timeout_ms(30_000)
            .with_topic_data(topics)
            .into()
    }

    fn batch(&self, words: &Words<'_>) -> Option<Bytes> {
        if words.has("null") {
            return None;
        }
        let codec = Compression::from_name(words.text("codec").unwrap_or("none")).expect("a codec");
        let mut builder = BatchBuilder::new(codec);
        if let Some(producer) = words.text("producer") {
            let numbers: Vec<i64> = producer.split('/').map(|number| number.parse().unwrap()).collect();
            builder.set_producer(numbers[0], numbers[1] as i16, numbers[2] as i32);
        }
        let timestamp = self.now.wall_ms + words.option("time", 0_i64);
        for record in words.plain().filter(|word| word.contains(':')) {
            let (record, time) = record.split_once('@').unwrap_or((record, "0"));
            let timestamp = timestamp + time.parse::<i64>().expect("@MILLISECONDS");
            let (key, value) = record.split_once(':').unwrap();
            let bytes = |text: &str| (text != "-").then(|| text.as_bytes().to_vec());
            builder.append(timestamp, bytes(key).as_deref(), bytes(value).as_deref(), &[]);
        }
        if let Some(size) = words.text("size") {
            builder.append(timestamp, None, Some(&vec![b'x'; size.parse().unwrap()]), &[]);
        }
        let built = builder.build(words.option("base", 0), -1);
        let mut bytes = BytesMut::from(&built[..]);
        if words.has("corrupt") {
            *bytes.last_mut().unwrap() ^= 1;
        }
        if words.has("miscount") {
            one_record_more(&mut bytes);
        }
        if words.has("twice") {
            bytes.put_slice(&built);
        }
        if words.has("old-format") {
            bytes[16] = 1;
        }
        if let Some(kept) = words.text("cut-to") {
            bytes.truncate(kept.parse().unwrap());
        }
        Some(bytes.freeze())
    }

    fn fetch(&self, words: &Words<'_>, version: i16) -> Request {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for target in words.plain().filter(|word| word.contains(':')) {
            let (target, offset) = target.split_once(':').unwrap();
            let (name, partition) = split_partition(target);
            let partition = FetchPartition::default()
                .with_partition(partition)
                .with_fetch_offset(offset.parse().unwrap())
                .with_current_leader_epoch(if version >= 9 { words.option("epoch", -1) } else { -1 })
                .with_partition_max_bytes(words.option("partition-max", 1 << 20));
            match topics.iter_mut().find(|topic| topic.topic.as_str() == name) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(
                    FetchTopic::default()
                        .with_topic(topic_name(name))
                        .with_topic_id(self.topic_id(name))
                        .with_partitions(vec![partition]),
                ),
            }
        }
        let session = words.text("session").unwrap_or("0/-1");
        let (session_id, epoch) = session.split_once('/').unwrap();
        let session_id = match session_id {
            "new" => 0,
            "mine" => self.last_session.expect("a session"),
            id => id.parse().unwrap(),
        };
        let forget = words.text("forget").map(|target| {
            let (name, partition) = split_partition(target);
            let forgotten = ForgottenTopic::default().with_topic(topic_name(name)).with_topic_id(self.topic_id(name));
            forgotten.with_partitions(vec![partition])
        });
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(words.option("wait", 0))
            .with_min_bytes(words.option("min", 1))
            .with_max_bytes(words.option("max", 50 << 20))
            .with_isolation_level(words.option("isolation", 0))
            .with_session_id(session_id)
            .with_session_epoch(epoch.parse().unwrap())
            .with_topics(topics)
            .with_forgotten_topics_data(forget.into_iter().collect())
            .into()
    }

    fn metadata(&self, words: &Words<'_>, version: i16) -> Request {
        let by_id = words.has("by-id");
        let topics: Vec<MetadataRequestTopic> = words
            .plain()
            .filter(|word| !matches!(*word, "all" | "none" | "by-id"))
            .map(|name| {
                let topic = MetadataRequestTopic::default();
                match by_id {
                    true => topic.with_name(None).with_topic_id(self.topic_id(name)),
                    false => topic.with_name(Some(topic_name(name))),
                }
            })
            .collect();
        let topics = if words.has("all") { None } else { Some(topics) };
        MetadataRequest::default()
            .with_topics(topics)
            .with_allow_auto_topic_creation(version < 4 || words.option("create", false))
            .into()
    }

    fn delete_topics(&self, words: &Words<'_>, version: i16) -> Request {
        let names = words.plain().filter(|word| *word != "by-id");
        if version < 6 {
            return DeleteTopicsRequest::default()
                .with_timeout_ms(30_000)
                .with_topic_names(names.map(topic_name).collect())
                .into();
        }
        let by_id = words.has("by-id");
        let states = names.map(|name| match by_id {
            true => DeleteTopicState::default().with_name(None).with_topic_id(self.topic_id(name)),
            false => DeleteTopicState::default().with_name(Some(topic_name(name))),
        });
        DeleteTopicsRequest::default().with_timeout_ms(30_000).with_topics(states.collect()).into()
    }
}

/// Lets a batch's header speak of one record more than there is, with a CRC that fits.
fn one_record_more(bytes: &mut BytesMut) {
    for position in [23, 57] {
        let field: [u8; 4] = bytes[position..position + 4].try_into().unwrap();
        bytes[position..position + 4].copy_from_slice(&(i32::from_be_bytes(field) + 1).to_be_bytes());
    }
    let crc = Batch::parse(bytes.clone().freeze()).unwrap().computed_crc();
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// `orders-0`: topic and partition.
fn split_partition(target: &str) -> (&str, i32) {
    let (name, partition) = target.rsplit_once('-').unwrap_or_else(|| panic!("{target} is no topic-partition"));
    (name, partition.parse().unwrap())
}

fn list_offsets(words: &Words<'_>) -> Request {
    let topics = words.plain().map(|target| {
        let (target, timestamp) = target.split_once(':').unwrap();
        let (name, partition) = split_partition(target);
        let timestamp = match timestamp {
            "latest" => -1,
            "earliest" => -2,
            "max" => -3,
            "earliest-local" => -4,
            "latest-tiered" => -5,
            // Milliseconds after the beginning of the test.
            other => super::START_WALL_MS + other.parse::<i64>().unwrap(),
        };
        let partition = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_current_leader_epoch(words.option("epoch", -1))
            .with_timestamp(timestamp);
        ListOffsetsTopic::default().with_name(topic_name(name)).with_partitions(vec![partition])
    });
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics.collect()).into()
}

/// `create orders:3 notes validate-only retention.ms=1000`: `:3` is the number of partitions.
fn create_topics(words: &Words<'_>) -> Request {
    let configs: Vec<CreatableTopicConfig> = words
        .words
        .iter()
        .filter_map(|word| word.split_once('='))
        .filter(|(key, _)| key.contains('.'))
        .map(|(key, value)| CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value))))
        .collect();
    let topics = words.plain().filter(|word| *word != "validate-only").map(|word| {
        let (name, partitions) = word.split_once(':').unwrap_or((word, "-1"));
        CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(partitions.parse().unwrap())
            .with_replication_factor(words.option("replicas", -1))
            .with_configs(configs.clone())
    });
    CreateTopicsRequest::default()
        .with_timeout_ms(30_000)
        .with_topics(topics.collect())
        .with_validate_only(words.has("validate-only"))
        .into()
}

fn create_partitions(words: &Words<'_>) -> Request {
    let topics = words.plain().map(|word| {
        let (name, count) = word.split_once(':').unwrap();
        CreatePartitionsTopic::default()
            .with_name(topic_name(name))
            .with_count(count.parse().unwrap())
            .with_assignments(None)
    });
    CreatePartitionsRequest::default().with_timeout_ms(30_000).with_topics(topics.collect()).into()
}

/// `describe-configs topic:orders retention.ms` or `broker:1`.
fn describe_configs(words: &Words<'_>) -> Request {
    let mut resource = DescribeConfigsResource::default();
    let mut keys = Vec::new();
    for word in words.plain().filter(|word| !matches!(*word, "synonyms" | "documentation")) {
        match word.split_once(':') {
            Some((kind, name)) => {
                resource.resource_type = if kind == "topic" { 2 } else { 4 };
                resource.resource_name = text(name);
            }
            None => keys.push(text(word)),
        }
    }
    resource.configuration_keys = (!keys.is_empty()).then_some(keys);
    DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(words.has("synonyms"))
        .with_include_documentation(words.has("documentation"))
        .into()
}

/// The resource that a word names: `topic:orders`, `broker:1`, `broker:` for all brokers.
fn resource(words: &Words<'_>) -> (i8, StrBytes) {
    let word = words.plain().find(|word| word.contains(':')).expect("topic:NAME or broker:ID");
    let (kind, name) = word.split_once(':').expect("a colon");
    let kind = match kind {
        "topic" => 2,
        "broker" => 4,
        other => other.parse().expect("topic, broker or a number"),
    };
    (kind, text(name))
}

/// `alter topic:orders retention.ms=1000 -segment.bytes cleanup.policy+=compact cleanup.policy-=delete validate-only`: set,
/// delete, append, subtract. `key=null` sets a null, `key?=x` is an operation that there is not.
fn incremental_alter_configs(words: &Words<'_>) -> Request {
    let change = |word: &&str| {
        let config = AlterableConfig::default();
        if let Some(key) = word.strip_prefix('-') {
            return Some(config.with_name(text(key)).with_config_operation(1).with_value(None));
        }
        let (key, value) = word.split_once('=')?;
        let (key, operation) = match key.chars().last() {
            Some('+') => (&key[..key.len() - 1], 2),
            Some('-') => (&key[..key.len() - 1], 3),
            Some('?') => (&key[..key.len() - 1], 9),
            _ => (key, 0),
        };
        let value = (value != "null").then(|| text(value));
        Some(config.with_name(text(key)).with_config_operation(operation).with_value(value))
    };
    let (kind, name) = resource(words);
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(name)
        .with_configs(words.words.iter().filter_map(change).collect());
    let resources = if words.has("twice") { vec![resource.clone(), resource] } else { vec![resource] };
    IncrementalAlterConfigsRequest::default()
        .with_resources(resources)
        .with_validate_only(words.has("validate-only"))
        .into()
}

fn alter_configs(words: &Words<'_>) -> Request {
    let pairs = words.words.iter().filter_map(|word| word.split_once('='));
    let configs = pairs.map(|(key, value)| {
        let value = (value != "null").then(|| text(value));
        alter_configs_request::AlterableConfig::default().with_name(text(key)).with_value(value)
    });
    let (kind, name) = resource(words);
    let resource = alter_configs_request::AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(name)
        .with_configs(configs.collect());
    AlterConfigsRequest::default().with_resources(vec![resource]).with_validate_only(words.has("validate-only")).into()
}

/// `delete-records orders-0:5 orders-1:-1`
fn delete_records(words: &Words<'_>) -> Request {
    let topics = words.plain().map(|target| {
        let (target, offset) = target.split_once(':').unwrap();
        let (name, partition) = split_partition(target);
        let partition =
            DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset.parse().unwrap());
        DeleteRecordsTopic::default().with_name(topic_name(name)).with_partitions(vec![partition])
    });
    DeleteRecordsRequest::default().with_topics(topics.collect()).with_timeout_ms(30_000).into()
}

/// `describe-log-dirs orders-0`; all partitions without a name.
fn describe_log_dirs(words: &Words<'_>) -> Request {
    let topics: Vec<DescribableLogDirTopic> = words
        .plain()
        .map(|target| {
            let (name, partition) = split_partition(target);
            DescribableLogDirTopic::default().with_topic(topic_name(name)).with_partitions(vec![partition])
        })
        .collect();
    DescribeLogDirsRequest::default().with_topics((!topics.is_empty()).then_some(topics)).into()
}

fn init_producer_id(words: &Words<'_>) -> Request {
    let transactional_id = words.text("transactional").map(|id| TransactionalId(text(id)));
    InitProducerIdRequest::default()
        .with_transactional_id(transactional_id)
        .with_producer_id(ProducerId(words.option("id", -1)))
        .with_producer_epoch(words.option("producer-epoch", -1))
        .into()
}

fn api_versions(words: &Words<'_>, version: i16) -> Request {
    let request = ApiVersionsRequest::default();
    if version < 3 {
        return request.into();
    }
    let name = words.text("name").unwrap_or("transcript");
    request.with_client_software_name(text(name)).with_client_software_version(text("1.0")).into()
}
