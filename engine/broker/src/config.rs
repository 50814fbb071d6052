//! A broker's configuration, with Kafka's key names and Kafka's defaults.

mod cluster;

pub use cluster::{Address, ClusterConfig, Roles};

use crate::groups::OffsetsTopicConfig;
use crate::{replication::ReplicationConfig, upkeep::UpkeepConfig};
use alloc::{format, string::String, string::ToString, vec::Vec};
use core::{fmt, str::FromStr};
use naru_coordinator::GroupConfig;
use naru_log::LogConfig;
use naru_metadata::topic_config::{TOPIC_CONFIGS, TopicConfig};
use naru_trace::SortedMap;

/// What a broker has to know before it starts.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// `node.id`.
    pub node_id: i32,
    /// The cluster's id, 22 characters of base64; empty: taken from the data directory, or made from `seed`.
    pub cluster_id: String,
    /// The host that clients are told to dial (`advertised.listeners`).
    pub advertised_host: String,
    /// The port that clients are told to dial (`advertised.listeners`).
    pub advertised_port: u16,
    /// `log.dirs`: where its data is. The first holds the cluster's metadata.
    pub log_dirs: Vec<LogDirConfig>,
    /// Where all randomness of this broker comes from: topic ids, session ids, the ids in `meta.properties`.
    pub seed: u64,
    /// `num.partitions`: partitions of a topic whose creator does not say.
    pub num_partitions: i32,
    /// `auto.create.topics.enable`.
    pub auto_create_topics_enable: bool,
    /// `delete.topic.enable`.
    pub delete_topic_enable: bool,
    /// `default.replication.factor`: a lone broker can only give 1.
    pub default_replication_factor: i16,
    /// `socket.request.max.bytes`.
    pub socket_request_max_bytes: u32,
    /// `max.incremental.fetch.session.cache.slots` (KIP-227).
    pub fetch_sessions_max: usize,
    /// `fetch.max.bytes`: the most that one fetch response carries.
    pub fetch_max_bytes: u32,
    /// `queued.max.requests`, per connection: frames that may wait behind a parked reply.
    pub queued_requests_max: usize,
    /// The most bytes that those frames may hold.
    pub queued_bytes_max: usize,
    /// The most replies that may wait at once, of all connections together.
    pub parked_replies_max: usize,
    /// Its place in its cluster.
    pub cluster: ClusterConfig,
    /// How replicas are kept alike.
    pub replication: ReplicationConfig,
    /// How and when compacted topics are cleaned.
    pub cleaner: CleanerConfig,
    /// How often logs are looked after.
    pub upkeep: UpkeepConfig,
    /// What a topic's log takes from the broker where its own configuration says nothing.
    pub log: LogConfig,
    /// `group.*` and `offsets.*`: how groups are coordinated.
    pub groups: GroupConfig,
    /// `offsets.topic.*`: the topic that groups are written in.
    pub offsets_topic: OffsetsTopicConfig,
    /// All keys that were set, as they were written: what DescribeConfigs calls `STATIC_BROKER_CONFIG`.
    pub properties: SortedMap<String, String>,
    /// Keys that were set and that this broker does not know.
    pub unknown_keys: Vec<String>,
}

/// One of the directories that a broker keeps its data in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDirConfig {
    /// Where it is, for people: an absolute path.
    pub path: String,
    /// The name under which it lies at the top of the storage; empty for the storage itself.
    pub mount: String,
    /// Why the driver cannot offer it, if so: then nothing lies under its name.
    pub failed: Option<String>,
}

impl LogDirConfig {
    /// The only one: the storage itself.
    pub fn lone(path: impl Into<String>) -> Self {
        LogDirConfig { path: path.into(), mount: String::new(), failed: None }
    }
}

/// How and when compacted topics are cleaned: `log.cleaner.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanerConfig {
    /// `log.cleaner.enable`.
    pub enable: bool,
    /// `log.cleaner.backoff.ms`: when there was nothing to clean, how long to wait before looking again.
    pub backoff_ms: u64,
    /// `log.cleaner.dedupe.buffer.size`: the most memory that the offsets of keys may take, in bytes.
    pub dedupe_buffer_bytes: usize,
    /// `log.cleaner.io.max.bytes.per.second`: how many bytes may be read in a second; `u64::MAX` for no limit.
    pub io_bytes_per_second_max: u64,
}

impl Default for CleanerConfig {
    fn default() -> Self {
        CleanerConfig {
            enable: true,
            backoff_ms: 15_000,
            dedupe_buffer_bytes: 128 << 20,
            io_bytes_per_second_max: u64::MAX,
        }
    }
}

/// A key of the configuration has a value it cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The key.
    pub key: String,
    /// The value it was given.
    pub value: String,
    /// What is allowed, in words.
    pub allowed: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}: allowed is {}", self.key, self.value, self.allowed)
    }
}

impl core::error::Error for ConfigError {}

impl Default for BrokerConfig {
    fn default() -> Self {
        BrokerConfig {
            node_id: 1,
            cluster_id: String::new(),
            advertised_host: "localhost".into(),
            advertised_port: 9092,
            log_dirs: alloc::vec![LogDirConfig::lone("/naru-data")],
            seed: 0,
            num_partitions: 1,
            auto_create_topics_enable: true,
            delete_topic_enable: true,
            default_replication_factor: 1,
            socket_request_max_bytes: 100 * 1024 * 1024,
            fetch_sessions_max: 1000,
            fetch_max_bytes: 55 * 1024 * 1024,
            queued_requests_max: 500,
            queued_bytes_max: 100 * 1024 * 1024,
            parked_replies_max: 10_000,
            cluster: ClusterConfig::default(),
            replication: ReplicationConfig::default(),
            cleaner: CleanerConfig::default(),
            upkeep: UpkeepConfig::default(),
            log: LogConfig::default(),
            groups: GroupConfig::default(),
            offsets_topic: OffsetsTopicConfig::default(),
            properties: SortedMap::new(),
            unknown_keys: Vec::new(),
        }
    }
}

impl BrokerConfig {
    /// Reads a `server.properties`, already split into keys and values. Keys that this broker does not know are kept in
    /// [`BrokerConfig::unknown_keys`] for a warning; a value that its key cannot have is an error.
    pub fn from_properties(properties: &SortedMap<String, String>) -> Result<Self, ConfigError> {
        let mut config = BrokerConfig { properties: properties.clone(), ..BrokerConfig::default() };
        // The weaker keys first, so that the stronger ones overwrite them.
        for key in KEYS.iter() {
            if let Some(value) = properties.get(key.name) {
                (key.set)(&mut config, value.trim()).map_err(|allowed| ConfigError {
                    key: key.name.into(),
                    value: value.clone(),
                    allowed,
                })?;
            }
        }
        for (key, value) in properties.iter().filter(|(key, _)| !KEYS.iter().any(|known| known.name == **key)) {
            match topic_default(key) {
                Some(topic_key) => check_topic_default(topic_key, key, value)?,
                None if IGNORED_KEYS.contains(&key.as_str()) => {}
                None => config.unknown_keys.push(key.clone()),
            }
        }
        Ok(config)
    }

    /// Every setting under Kafka's key, for DescribeConfigs and as defaults of topics: what was written in the properties,
    /// and what was set in the code instead.
    pub(crate) fn static_configs(&self) -> SortedMap<String, String> {
        let default = BrokerConfig::default();
        let mut configs = self.properties.clone();
        configs.insert("node.id".into(), self.node_id.to_string());
        let endpoint = format!("PLAINTEXT://{}:{}", self.advertised_host, self.advertised_port);
        configs.insert("advertised.listeners".into(), endpoint);
        let dirs: Vec<&str> = self.log_dirs.iter().map(|dir| dir.path.as_str()).collect();
        configs.insert("log.dirs".into(), dirs.join(","));
        let changed = KEYS.iter().filter_map(|key| Some((key.name, (key.text?)(self), (key.text?)(&default))));
        for (name, value, _) in changed.filter(|(_, value, default)| value != default) {
            configs.insert(name.into(), value);
        }
        configs
    }
}

/// A key that ends up in a field.
struct Key {
    name: &'static str,
    /// Takes a value; an error says what is allowed.
    set: fn(&mut BrokerConfig, &str) -> Result<(), String>,
    /// The field as text, for keys that describe it completely.
    text: Option<fn(&BrokerConfig) -> String>,
}

macro_rules! number_key {
    ($name:literal, $($field:ident).+, $type:ty, $min:expr) => {
        Key {
            name: $name,
            set: |config, value| {
                config.$($field).+ = number::<$type>(value, $min)?;
                Ok(())
            },
            text: Some(|config| config.$($field).+.to_string()),
        }
    };
}

macro_rules! flag_key {
    ($name:literal, $($field:ident).+) => {
        Key {
            name: $name,
            set: |config, value| {
                config.$($field).+ = flag(value)?;
                Ok(())
            },
            text: Some(|config| config.$($field).+.to_string()),
        }
    };
}

/// Every key that has a field. Of two keys for one field, the stronger comes later.
static KEYS: [Key; 63] = [
    Key { name: "broker.id", set: |config, value| node_id(config, value), text: None },
    Key { name: "node.id", set: |config, value| node_id(config, value), text: None },
    Key { name: "listeners", set: listener, text: None },
    Key { name: "advertised.listeners", set: listener, text: None },
    number_key!("num.partitions", num_partitions, i32, 1),
    number_key!("default.replication.factor", default_replication_factor, i16, 1),
    flag_key!("auto.create.topics.enable", auto_create_topics_enable),
    flag_key!("delete.topic.enable", delete_topic_enable),
    number_key!("socket.request.max.bytes", socket_request_max_bytes, u32, 1),
    number_key!("max.incremental.fetch.session.cache.slots", fetch_sessions_max, usize, 0),
    number_key!("fetch.max.bytes", fetch_max_bytes, u32, 1024),
    number_key!("queued.max.requests", queued_requests_max, usize, 1),
    number_key!("queued.max.request.bytes", queued_bytes_max, usize, 1),
    number_key!("log.segment.bytes", log.segment_bytes, u32, 14),
    number_key!("log.index.size.max.bytes", log.segment_index_bytes, u32, 4),
    number_key!("log.index.interval.bytes", log.index_interval_bytes, u32, 0),
    number_key!("message.max.bytes", log.max_message_bytes, u32, 0),
    flag_key!("log.cleaner.enable", cleaner.enable),
    number_key!("log.cleaner.backoff.ms", cleaner.backoff_ms, u64, 0),
    number_key!("log.cleaner.dedupe.buffer.size", cleaner.dedupe_buffer_bytes, usize, 1),
    number_key!("log.retention.check.interval.ms", upkeep.retention_check_ms, u64, 1),
    number_key!("log.flush.offset.checkpoint.interval.ms", upkeep.checkpoint_ms, u64, 1),
    number_key!("producer.id.expiration.ms", upkeep.producer_expiration_ms, i64, 1),
    number_key!("producer.id.expiration.check.interval.ms", upkeep.producer_check_ms, u64, 1),
    Key { name: "log.cleaner.io.max.bytes.per.second", set: cleaner_rate, text: None },
    Key { name: "process.roles", set: roles, text: None },
    Key { name: "controller.quorum.voters", set: voters, text: None },
    Key { name: "naru.peer.addresses", set: peer_addresses, text: None },
    Key { name: "broker.rack", set: rack, text: None },
    number_key!("broker.session.timeout.ms", cluster.session_timeout_ms, u64, 1),
    number_key!("broker.heartbeat.interval.ms", cluster.heartbeat_interval_ms, u64, 1),
    number_key!("controller.quorum.election.timeout.ms", cluster.election_timeout_ms, u64, 1),
    number_key!("controller.quorum.fetch.timeout.ms", cluster.fetch_timeout_ms, u64, 1),
    number_key!("controller.quorum.election.backoff.max.ms", cluster.election_backoff_max_ms, u64, 1),
    number_key!("controller.quorum.request.timeout.ms", cluster.quorum_request_timeout_ms, u64, 1),
    number_key!("controller.quorum.retry.backoff.ms", cluster.quorum_retry_backoff_ms, u64, 1),
    number_key!("request.timeout.ms", cluster.request_timeout_ms, u64, 1),
    flag_key!("auto.leader.rebalance.enable", cluster.auto_leader_rebalance),
    number_key!("leader.imbalance.check.interval.seconds", cluster.leader_imbalance_check_seconds, u64, 1),
    number_key!("leader.imbalance.per.broker.percentage", cluster.leader_imbalance_percentage, u64, 0),
    flag_key!("controlled.shutdown.enable", cluster.controlled_shutdown),
    number_key!("metadata.log.max.record.bytes.between.snapshots", cluster.snapshot_bytes, u64, 1),
    number_key!("replica.lag.time.max.ms", replication.lag_time_max_ms, u64, 1),
    number_key!("replica.fetch.min.bytes", replication.fetch_min_bytes, i32, 0),
    number_key!("replica.fetch.wait.max.ms", replication.fetch_wait_max_ms, i32, 0),
    number_key!("replica.fetch.max.bytes", replication.fetch_max_bytes, i32, 0),
    number_key!("replica.fetch.response.max.bytes", replication.fetch_response_max_bytes, i32, 0),
    number_key!("replica.fetch.backoff.ms", replication.fetch_backoff_ms, u64, 0),
    number_key!("replica.high.watermark.checkpoint.interval.ms", replication.high_watermark_checkpoint_ms, u64, 1),
    Key { name: "replica.selector.class", set: selector_class, text: None },
    number_key!("offsets.topic.num.partitions", offsets_topic.num_partitions, i32, 1),
    number_key!("offsets.topic.replication.factor", offsets_topic.replication_factor, i16, 1),
    number_key!("offsets.topic.segment.bytes", offsets_topic.segment_bytes, u32, 1),
    number_key!("offset.metadata.max.bytes", groups.offset_metadata_max_bytes, usize, 0),
    number_key!("offsets.retention.minutes", groups.offsets_retention_minutes, u32, 1),
    number_key!("offsets.retention.check.interval.ms", groups.offsets_retention_check_ms, u64, 1),
    number_key!("group.initial.rebalance.delay.ms", groups.initial_rebalance_delay_ms, i32, 0),
    number_key!("group.min.session.timeout.ms", groups.min_session_timeout_ms, i32, 1),
    number_key!("group.max.session.timeout.ms", groups.max_session_timeout_ms, i32, 1),
    number_key!("group.max.size", groups.max_size, usize, 1),
    number_key!("group.consumer.session.timeout.ms", groups.consumer_session_timeout_ms, i32, 1),
    number_key!("group.consumer.heartbeat.interval.ms", groups.consumer_heartbeat_interval_ms, i32, 1),
    number_key!("group.consumer.max.size", groups.consumer_max_size, usize, 1),
];

/// Keys of a real Kafka broker's configuration that ask nothing of this one: threads, controllers, internal topics.
const IGNORED_KEYS: [&str; 20] = [
    "controller.quorum.bootstrap.servers",
    "controller.listener.names",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "log.dir",
    "log.dirs",
    "num.network.threads",
    "num.io.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "socket.send.buffer.bytes",
    "socket.receive.buffer.bytes",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
    "log.flush.start.offset.checkpoint.interval.ms",
    "log.cleaner.threads",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.buffer.load.factor",
];

fn node_id(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    config.node_id = number(value, 0)?;
    Ok(())
}

fn roles(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    config.cluster.roles = cluster::roles(value)?;
    Ok(())
}

fn voters(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    config.cluster.voters = cluster::nodes(value)?;
    Ok(())
}

fn peer_addresses(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    config.cluster.peer_addresses = cluster::nodes(value)?;
    Ok(())
}

fn selector_class(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    config.replication.selector_class = value.into();
    Ok(())
}

fn rack(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    config.cluster.rack = (!value.is_empty()).then(|| value.into());
    Ok(())
}

/// Takes the first `PLAINTEXT://host:port` of a list of listeners, whatever its name; the controllers' only if there is no
/// other. No host means: whatever this machine is called.
fn listener(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    let allowed = || String::from("a list of listeners with one PLAINTEXT://host:port");
    let named = value.split(',').filter_map(|listener| listener.trim().split_once("://"));
    let plain = named.filter(|(name, _)| !["SSL", "SASL_SSL", "SASL_PLAINTEXT"].contains(name));
    let first = plain.min_by_key(|(name, _)| *name == "CONTROLLER");
    let (host, port) = first.and_then(|(_, address)| address.rsplit_once(':')).ok_or_else(allowed)?;
    config.advertised_port = port.parse().map_err(|_| allowed())?;
    if !host.is_empty() && host != "0.0.0.0" {
        config.advertised_host = host.trim_matches(['[', ']']).into();
    }
    Ok(())
}

/// Kafka reads a floating point number, by default the largest there is. What lies behind the point is dropped.
fn cleaner_rate(config: &mut BrokerConfig, value: &str) -> Result<(), String> {
    let whole = value.split_once('.').map_or(value, |(whole, _)| whole);
    let is_scientific = value.contains(['e', 'E']);
    config.cleaner.io_bytes_per_second_max = if is_scientific { u64::MAX } else { number(whole, 1)? };
    Ok(())
}

fn number<N: FromStr + PartialOrd + fmt::Display>(value: &str, min: N) -> Result<N, String> {
    match value.parse() {
        Ok(number) if number >= min => Ok(number),
        _ => Err(format!("a whole number from {min}")),
    }
}

fn flag(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("true or false".into()),
    }
}

/// The topic's key that a broker's key is the default of: `retention.ms` for `log.retention.ms`.
fn topic_default(key: &str) -> Option<&'static TopicConfig> {
    TOPIC_CONFIGS.iter().find(|config| config.synonyms.iter().any(|synonym| synonym.name == key))
}

fn check_topic_default(topic_key: &TopicConfig, key: &str, value: &str) -> Result<(), ConfigError> {
    let is_scaled = topic_key.synonyms.iter().any(|synonym| synonym.name == key && synonym.factor != 1);
    let checked = match is_scaled {
        true => number::<i64>(value.trim(), -1).map(|_| ()),
        false => topic_key.validate(value.trim()),
    };
    checked.map_err(|allowed| ConfigError { key: key.into(), value: value.into(), allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<BrokerConfig, ConfigError> {
        BrokerConfig::from_properties(&pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
    }

    #[test]
    fn kafkas_keys_are_read() {
        let config = read(&[
            ("node.id", "3"),
            ("broker.id", "9"),
            ("listeners", "PLAINTEXT://:9192,CONTROLLER://:9093"),
            ("num.partitions", "4"),
            ("auto.create.topics.enable", "false"),
            ("log.segment.bytes", "1048576"),
            ("log.retention.hours", "24"),
            ("num.io.threads", "8"),
            ("log.retentoin.ms", "1"),
        ])
        .unwrap();
        assert_eq!((config.node_id, config.num_partitions, config.advertised_port), (3, 4, 9192));
        assert!(!config.auto_create_topics_enable);
        assert_eq!(config.log.segment_bytes, 1_048_576);
        assert_eq!(config.unknown_keys, ["log.retentoin.ms"]);
        assert_eq!(config.static_configs()["log.retention.hours"], "24");
    }

    #[test]
    fn a_bad_value_is_refused_with_key_value_and_what_is_allowed() {
        let refused = |key, value| read(&[(key, value)]).unwrap_err().to_string();
        assert_eq!(refused("num.partitions", "0"), "num.partitions=0: allowed is a whole number from 1");
        assert_eq!(refused("num.partitions", "many"), "num.partitions=many: allowed is a whole number from 1");
        assert_eq!(refused("delete.topic.enable", "yes"), "delete.topic.enable=yes: allowed is true or false");
        let listeners = refused("listeners", "SSL://:9092");
        assert_eq!(listeners, "listeners=SSL://:9092: allowed is a list of listeners with one PLAINTEXT://host:port");
        assert!(refused("log.message.timestamp.type", "never").starts_with("log.message.timestamp.type=never: "));
    }

    #[test]
    fn what_was_set_in_the_code_is_described_as_well() {
        let config = BrokerConfig { num_partitions: 3, ..BrokerConfig::default() };
        let described = config.static_configs();
        assert_eq!(described["num.partitions"], "3");
        assert!(!described.contains_key("message.max.bytes"), "a default is not a setting");
    }
}
