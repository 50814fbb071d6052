//! Every configuration key of topics in Apache Kafka 4.1 (`LogConfig.java`, `TopicConfig.java`,
//! `ServerTopicConfigSynonyms.java`): types, defaults and limits are Kafka's, the sentences are ours.

use super::{ConfigType, Synonym, TopicConfig, Valid};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

const fn same(name: &'static str) -> Synonym {
    times(name, 1)
}

const fn times(name: &'static str, factor: i64) -> Synonym {
    Synonym { name, factor }
}

/// Every key, by name.
pub const TOPIC_CONFIGS: &[TopicConfig] = &[
    TopicConfig {
        name: "cleanup.policy",
        kind: ConfigType::List,
        default: "delete",
        valid: Valid::OneOf(&["compact", "delete"]),
        synonyms: &[same("log.cleanup.policy")],
    },
    TopicConfig {
        name: "compression.gzip.level",
        kind: ConfigType::Int,
        default: "-1",
        valid: Valid::BetweenOr(1, 9, -1),
        synonyms: &[same("compression.gzip.level")],
    },
    TopicConfig {
        name: "compression.lz4.level",
        kind: ConfigType::Int,
        default: "9",
        valid: Valid::Between(1, 17),
        synonyms: &[same("compression.lz4.level")],
    },
    TopicConfig {
        name: "compression.type",
        kind: ConfigType::String,
        default: "producer",
        valid: Valid::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        synonyms: &[same("compression.type")],
    },
    TopicConfig {
        name: "compression.zstd.level",
        kind: ConfigType::Int,
        default: "3",
        valid: Valid::Between(-131072, 22),
        synonyms: &[same("compression.zstd.level")],
    },
    TopicConfig {
        name: "delete.retention.ms",
        kind: ConfigType::Long,
        default: "86400000",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.cleaner.delete.retention.ms")],
    },
    TopicConfig {
        name: "file.delete.delay.ms",
        kind: ConfigType::Long,
        default: "60000",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.segment.delete.delay.ms")],
    },
    TopicConfig {
        name: "flush.messages",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(1),
        synonyms: &[same("log.flush.interval.messages")],
    },
    TopicConfig {
        name: "flush.ms",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")],
    },
    TopicConfig {
        name: "follower.replication.throttled.replicas",
        kind: ConfigType::List,
        default: "",
        valid: Valid::Replicas,
        synonyms: &[],
    },
    TopicConfig {
        name: "index.interval.bytes",
        kind: ConfigType::Int,
        default: "4096",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.index.interval.bytes")],
    },
    TopicConfig {
        name: "internal.segment.bytes",
        kind: ConfigType::Int,
        default: "1073741824",
        valid: Valid::Any,
        synonyms: &[],
    },
    TopicConfig {
        name: "leader.replication.throttled.replicas",
        kind: ConfigType::List,
        default: "",
        valid: Valid::Replicas,
        synonyms: &[],
    },
    TopicConfig {
        name: "local.retention.bytes",
        kind: ConfigType::Long,
        default: "-2",
        valid: Valid::AtLeast(-2),
        synonyms: &[same("log.local.retention.bytes")],
    },
    TopicConfig {
        name: "local.retention.ms",
        kind: ConfigType::Long,
        default: "-2",
        valid: Valid::AtLeast(-2),
        synonyms: &[same("log.local.retention.ms")],
    },
    TopicConfig {
        name: "max.compaction.lag.ms",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(1),
        synonyms: &[same("log.cleaner.max.compaction.lag.ms")],
    },
    TopicConfig {
        name: "max.message.bytes",
        kind: ConfigType::Int,
        default: "1048588",
        valid: Valid::AtLeast(0),
        synonyms: &[same("message.max.bytes")],
    },
    TopicConfig {
        name: "message.timestamp.after.max.ms",
        kind: ConfigType::Long,
        default: "3600000",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.message.timestamp.after.max.ms")],
    },
    TopicConfig {
        name: "message.timestamp.before.max.ms",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.message.timestamp.before.max.ms")],
    },
    TopicConfig {
        name: "message.timestamp.type",
        kind: ConfigType::String,
        default: "CreateTime",
        valid: Valid::OneOf(&["CreateTime", "LogAppendTime"]),
        synonyms: &[same("log.message.timestamp.type")],
    },
    TopicConfig {
        name: "min.cleanable.dirty.ratio",
        kind: ConfigType::Double,
        default: "0.5",
        valid: Valid::Any,
        synonyms: &[same("log.cleaner.min.cleanable.ratio")],
    },
    TopicConfig {
        name: "min.compaction.lag.ms",
        kind: ConfigType::Long,
        default: "0",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.cleaner.min.compaction.lag.ms")],
    },
    TopicConfig {
        name: "min.insync.replicas",
        kind: ConfigType::Int,
        default: "1",
        valid: Valid::AtLeast(1),
        synonyms: &[same("min.insync.replicas")],
    },
    TopicConfig {
        name: "preallocate",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[same("log.preallocate")],
    },
    TopicConfig {
        name: "remote.log.copy.disable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[],
    },
    TopicConfig {
        name: "remote.log.delete.on.disable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[],
    },
    TopicConfig {
        name: "remote.storage.enable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[],
    },
    TopicConfig {
        name: "retention.bytes",
        kind: ConfigType::Long,
        default: "-1",
        valid: Valid::Any,
        synonyms: &[same("log.retention.bytes")],
    },
    TopicConfig {
        name: "retention.ms",
        kind: ConfigType::Long,
        default: "604800000",
        valid: Valid::AtLeast(-1),
        synonyms: &[
            same("log.retention.ms"),
            times("log.retention.minutes", MINUTE_MS),
            times("log.retention.hours", HOUR_MS),
        ],
    },
    TopicConfig {
        name: "segment.bytes",
        kind: ConfigType::Int,
        default: "1073741824",
        valid: Valid::AtLeast(1048576),
        synonyms: &[same("log.segment.bytes")],
    },
    TopicConfig {
        name: "segment.index.bytes",
        kind: ConfigType::Int,
        default: "10485760",
        valid: Valid::AtLeast(4),
        synonyms: &[same("log.index.size.max.bytes")],
    },
    TopicConfig {
        name: "segment.jitter.ms",
        kind: ConfigType::Long,
        default: "0",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.roll.jitter.ms"), times("log.roll.jitter.hours", HOUR_MS)],
    },
    TopicConfig {
        name: "segment.ms",
        kind: ConfigType::Long,
        default: "604800000",
        valid: Valid::AtLeast(1),
        synonyms: &[same("log.roll.ms"), times("log.roll.hours", HOUR_MS)],
    },
    TopicConfig {
        name: "unclean.leader.election.enable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[same("unclean.leader.election.enable")],
    },
];
