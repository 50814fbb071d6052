//! The broker's settings that decisions depend on.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use uuid::Uuid;

/// The broker's settings that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `node.id`.
    pub node_id: i32,
    /// `num.partitions`: for topics that ask for -1 partitions (KIP-464).
    pub num_partitions: i32,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `delete.topic.enable`.
    pub delete_topic_enable: bool,
    /// The brokers that can hold replicas, sorted. One, while brokers stand alone.
    pub brokers: Vec<i32>,
    /// The id of the log directory, as in `meta.properties`.
    pub directory_id: Uuid,
    /// Every setting that the broker was started with, under Kafka's names: `log.retention.ms`. Topics take their defaults
    /// from here.
    pub static_configs: BTreeMap<String, String>,
}

impl Settings {
    /// Kafka's defaults for a broker that stands alone.
    pub fn stand_alone(node_id: i32) -> Self {
        Settings {
            node_id,
            num_partitions: 1,
            default_replication_factor: 1,
            delete_topic_enable: true,
            brokers: alloc::vec![node_id],
            directory_id: Uuid::nil(),
            static_configs: BTreeMap::new(),
        }
    }
}
