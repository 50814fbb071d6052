//! The broker's settings that decisions depend on.

use crate::{Image, topic_config::ConfigSource};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::SortedMap;
use uuid::Uuid;

/// The broker's settings that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `node.id`.
    pub node_id: i32,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// `num.partitions`: for topics that ask for -1 partitions (KIP-464).
    pub num_partitions: i32,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `delete.topic.enable`.
    pub delete_topic_enable: bool,
    /// The ids of all log directories that work.
    pub log_dirs: Vec<Uuid>,
    /// Every setting that the broker was started with, under Kafka's names: `log.retention.ms`. Topics take their defaults
    /// from here.
    pub static_configs: SortedMap<String, String>,
    /// What was set for this broker while it ran (IncrementalAlterConfigs). Stronger than the next.
    pub dynamic_configs: SortedMap<String, String>,
    /// What was set for all brokers while they ran. Stronger than what the broker was started with.
    pub dynamic_default_configs: SortedMap<String, String>,
}

impl Settings {
    /// Kafka's defaults for a broker that stands alone.
    pub fn stand_alone(node_id: i32) -> Self {
        Settings {
            node_id,
            rack: None,
            num_partitions: 1,
            default_replication_factor: 1,
            delete_topic_enable: true,
            log_dirs: alloc::vec![Uuid::nil()],
            static_configs: SortedMap::new(),
            dynamic_configs: SortedMap::new(),
            dynamic_default_configs: SortedMap::new(),
        }
    }

    /// Every value that one of the broker's keys was given, the strongest first.
    pub fn broker_values(&self, key: &str) -> impl Iterator<Item = (&str, ConfigSource)> {
        let given = [
            (&self.dynamic_configs, ConfigSource::DynamicBroker),
            (&self.dynamic_default_configs, ConfigSource::DynamicDefaultBroker),
            (&self.static_configs, ConfigSource::StaticBroker),
        ];
        given.into_iter().filter_map(move |(configs, source)| Some((configs.get(key)?.as_str(), source)))
    }

    /// Takes over what was set while brokers run, as the image has it.
    pub fn take_dynamic_configs(&mut self, image: &Image) {
        let configs = |name: &str| image.broker_configs(name).cloned().unwrap_or_default();
        self.dynamic_configs = configs(&self.node_id.to_string());
        self.dynamic_default_configs = configs("");
    }
}
