//! A topic's settings as the hot path needs them: numbers and flags instead of strings.
//!
//! Which keys a topic may set, and to what, is decided in `naru-metadata` when they are set. Here they are only read: the
//! topic's own value, else the broker's under its own name for it, else Kafka's default.

use alloc::string::String;
use naru_log::{CleanupPolicy, LogConfig};
use naru_metadata::{Settings, topic_config};
use naru_records::{Compression, TimestampType};
use naru_trace::SortedMap;

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
    /// `compression.type`: what batches are compressed with in the log; `None` keeps what the producer chose.
    pub(crate) compression: Option<Compression>,
    /// `file.delete.delay.ms`: how long the files of a deleted topic are kept for answers that are on their way.
    pub(crate) file_delete_delay_ms: u64,
}

impl TopicSettings {
    /// Reads a topic's own configuration over the broker's.
    pub(crate) fn new(configs: &SortedMap<String, String>, settings: &Settings) -> Self {
        let number = |key: &str| topic_config::number(key, configs, settings);
        let size = |key: &str| u32::try_from(number(key)).unwrap_or(u32::MAX);
        let text = |key: &str| topic_config::text(key, configs, settings);
        // For tests, as in Kafka's LogConfig.segmentSize: a segment of any size.
        let is_small = configs.contains_key("internal.segment.bytes");
        let segment_bytes = size(if is_small { "internal.segment.bytes" } else { "segment.bytes" });
        let cleanup = cleanup_policy(&text("cleanup.policy"));
        let timestamp_type = match text("message.timestamp.type").as_str() {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        };
        let timestamp_before_max_ms = number("message.timestamp.before.max.ms");
        let timestamp_after_max_ms = number("message.timestamp.after.max.ms");
        TopicSettings {
            log: LogConfig {
                segment_bytes,
                segment_ms: number("segment.ms"),
                segment_jitter_ms: number("segment.jitter.ms"),
                segment_index_bytes: size("segment.index.bytes"),
                index_interval_bytes: size("index.interval.bytes"),
                max_message_bytes: size("max.message.bytes"),
                retention_ms: number("retention.ms"),
                retention_bytes: number("retention.bytes"),
                file_delete_delay_ms: number("file.delete.delay.ms"),
                flush_messages: number("flush.messages"),
                flush_ms: number("flush.ms"),
                cleanup,
                delete_retention_ms: number("delete.retention.ms"),
                min_compaction_lag_ms: number("min.compaction.lag.ms"),
                max_compaction_lag_ms: number("max.compaction.lag.ms"),
                min_cleanable_dirty_ppm: millionths(&text("min.cleanable.dirty.ratio")).unwrap_or(500_000),
                timestamp_type,
                timestamp_before_max_ms,
                timestamp_after_max_ms,
            },
            compacted: cleanup.compact,
            timestamp_type,
            timestamp_before_max_ms,
            timestamp_after_max_ms,
            min_insync_replicas: number("min.insync.replicas") as i32,
            compression: match text("compression.type").as_str() {
                "uncompressed" => Some(Compression::None),
                codec => Compression::from_name(codec),
            },
            file_delete_delay_ms: number("file.delete.delay.ms").max(0) as u64,
        }
    }
}

fn cleanup_policy(text: &str) -> CleanupPolicy {
    let has = |policy: &str| text.split(',').any(|word| word.trim() == policy);
    CleanupPolicy { delete: has("delete"), compact: has("compact") }
}

/// A ratio between 0 and 1, written as a decimal fraction, in millionths: the engine decides nothing by floating point.
fn millionths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let fraction: u32 = digits.parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_own_value_wins_over_the_brokers_and_that_over_kafkas() {
        let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (String::from(*k), String::from(*v))).collect();
        let static_configs: SortedMap<String, String> =
            text(&[("message.max.bytes", "2000"), ("log.segment.bytes", "2000000"), ("min.insync.replicas", "2")]);
        let broker = Settings { static_configs, ..Settings::stand_alone(1) };
        let topic = text(&[("max.message.bytes", "1000"), ("cleanup.policy", "compact,delete")]);
        let settings = TopicSettings::new(&topic, &broker);
        assert_eq!(settings.log.max_message_bytes, 1000);
        assert_eq!(settings.log.segment_bytes, 2_000_000);
        assert_eq!(settings.log.index_interval_bytes, 4096);
        assert_eq!(settings.min_insync_replicas, 2);
        assert!(settings.compacted);
        assert_eq!(settings.log.cleanup, CleanupPolicy { delete: true, compact: true });
        assert_eq!(TopicSettings::new(&SortedMap::new(), &Settings::stand_alone(1)).log, LogConfig::default());
        assert_eq!(settings.timestamp_type, TimestampType::CreateTime);
        let small = text(&[("internal.segment.bytes", "100"), ("segment.bytes", "2000000")]);
        assert_eq!(TopicSettings::new(&small, &broker).log.segment_bytes, 100);
    }

    #[test]
    fn ratios_are_read_without_floating_point() {
        for (text, value) in [("0.5", 500_000), ("1", 1_000_000), ("0", 0), (".25", 250_000), ("0.0000019", 1)] {
            assert_eq!(millionths(text), Some(value), "{text}");
        }
        assert_eq!((millionths("half"), millionths("0.x")), (None, None));
    }
}
