//! A broker's configuration, with Kafka's key names and Kafka's defaults.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;
use naru_log::LogConfig;

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
    /// Where all randomness of this broker comes from: topic ids, session ids, the ids in `meta.properties`.
    pub seed: u64,
    /// `num.partitions`: partitions of a topic whose creator does not say.
    pub num_partitions: i32,
    /// `auto.create.topics.enable`.
    pub auto_create_topics_enable: bool,
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
    /// What a topic's log takes from the broker where its own configuration says nothing.
    pub log: LogConfig,
    /// All keys that were set, as they were written: what DescribeConfigs calls `STATIC_BROKER_CONFIG`.
    pub properties: BTreeMap<String, String>,
    /// Keys that were set and that this broker does not know.
    pub unknown_keys: Vec<String>,
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
            seed: 0,
            num_partitions: 1,
            auto_create_topics_enable: true,
            socket_request_max_bytes: 100 * 1024 * 1024,
            fetch_sessions_max: 1000,
            fetch_max_bytes: 55 * 1024 * 1024,
            queued_requests_max: 500,
            queued_bytes_max: 100 * 1024 * 1024,
            log: LogConfig::default(),
            properties: BTreeMap::new(),
            unknown_keys: Vec::new(),
        }
    }
}

impl BrokerConfig {
    /// Reads a `server.properties`, already split into keys and values. Later keys of Kafka that mean nothing here are kept
    /// in [`BrokerConfig::unknown_keys`] for a warning.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let _ = properties;
        todo!()
    }
}
