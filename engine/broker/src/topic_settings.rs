//! A topic's settings as the hot path needs them: numbers and flags instead of strings.
//!
//! Which keys a topic may set, and to what, is decided in `naru-metadata` when they are set. Here they are only read: the
//! topic's own value, else the broker's under its own name for it, else Kafka's default.

use alloc::{collections::BTreeMap, string::String};
use naru_log::LogConfig;
use naru_metadata::{Settings, topic_config};
use naru_records::TimestampType;

/// What a topic's partitions obey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    /// What its logs obey.
    pub(crate) log: LogConfig,
    /// `cleanup.policy` contains `compact`: records need keys.
    pub(crate) compacted: bool,
    /// `message.timestamp.type`.
    pub(crate) timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms` (KIP-937).
    pub(crate) timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms` (KIP-937).
    pub(crate) timestamp_after_max_ms: i64,
    /// `min.insync.replicas`.
    pub(crate) min_insync_replicas: i32,
    /// `compression.type` is `zstd`: old fetchers cannot read it (KIP-110).
    pub(crate) zstd: bool,
    /// `file.delete.delay.ms`: how long the files of a deleted topic are kept for answers that are on their way.
    pub(crate) file_delete_delay_ms: u64,
}

impl TopicSettings {
    /// Reads a topic's own configuration over the broker's.
    pub(crate) fn new(configs: &BTreeMap<String, String>, settings: &Settings) -> Self {
        let number = |key: &str| topic_config::number(key, configs, settings);
        let size = |key: &str| u32::try_from(number(key)).unwrap_or(u32::MAX);
        let text = |key: &str| topic_config::text(key, configs, settings);
        TopicSettings {
            log: LogConfig {
                segment_bytes: size("segment.bytes"),
                segment_index_bytes: size("segment.index.bytes"),
                index_interval_bytes: size("index.interval.bytes"),
                max_message_bytes: size("max.message.bytes"),
            },
            compacted: text("cleanup.policy").split(',').any(|policy| policy.trim() == "compact"),
            timestamp_type: match text("message.timestamp.type").as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            timestamp_before_max_ms: number("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: number("message.timestamp.after.max.ms"),
            min_insync_replicas: number("min.insync.replicas") as i32,
            zstd: text("compression.type") == "zstd",
            file_delete_delay_ms: number("file.delete.delay.ms").max(0) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_own_value_wins_over_the_brokers_and_that_over_kafkas() {
        let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (String::from(*k), String::from(*v))).collect();
        let static_configs: BTreeMap<String, String> =
            text(&[("message.max.bytes", "2000"), ("log.segment.bytes", "2000000"), ("min.insync.replicas", "2")]);
        let broker = Settings { static_configs, ..Settings::stand_alone(1) };
        let topic = text(&[("max.message.bytes", "1000"), ("cleanup.policy", "compact,delete")]);
        let settings = TopicSettings::new(&topic, &broker);
        assert_eq!(settings.log.max_message_bytes, 1000);
        assert_eq!(settings.log.segment_bytes, 2_000_000);
        assert_eq!(settings.log.index_interval_bytes, 4096);
        assert_eq!(settings.min_insync_replicas, 2);
        assert!(settings.compacted);
        assert_eq!(settings.timestamp_type, TimestampType::CreateTime);
    }
}
