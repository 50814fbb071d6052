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
        documentation: "What happens to old records: `delete` drops old segments by age and size, `compact` keeps the \
                        newest record of every key. Both may be set.",
    },
    TopicConfig {
        name: "compression.gzip.level",
        kind: ConfigType::Int,
        default: "-1",
        valid: Valid::BetweenOr(1, 9, -1),
        synonyms: &[same("compression.gzip.level")],
        documentation: "How hard gzip works, from 1 to 9; -1 for its own default. Used when compression.type is gzip.",
    },
    TopicConfig {
        name: "compression.lz4.level",
        kind: ConfigType::Int,
        default: "9",
        valid: Valid::Between(1, 17),
        synonyms: &[same("compression.lz4.level")],
        documentation: "How hard lz4 works. Used when compression.type is lz4.",
    },
    TopicConfig {
        name: "compression.type",
        kind: ConfigType::String,
        default: "producer",
        valid: Valid::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        synonyms: &[same("compression.type")],
        documentation: "The codec that batches have in the log. `producer` keeps what the producer chose.",
    },
    TopicConfig {
        name: "compression.zstd.level",
        kind: ConfigType::Int,
        default: "3",
        valid: Valid::Between(-131072, 22),
        synonyms: &[same("compression.zstd.level")],
        documentation: "How hard zstd works. Used when compression.type is zstd.",
    },
    TopicConfig {
        name: "delete.retention.ms",
        kind: ConfigType::Long,
        default: "86400000",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.cleaner.delete.retention.ms")],
        documentation: "How long compaction keeps tombstones, so that readers who are behind still see that a key was \
                        deleted.",
    },
    TopicConfig {
        name: "file.delete.delay.ms",
        kind: ConfigType::Long,
        default: "60000",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.segment.delete.delay.ms")],
        documentation: "How long a file stays on disk after its segment was deleted.",
    },
    TopicConfig {
        name: "flush.messages",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(1),
        synonyms: &[same("log.flush.interval.messages")],
        documentation: "After how many records the log is synced to disk. By default it is left to the operating \
                        system.",
    },
    TopicConfig {
        name: "flush.ms",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")],
        documentation: "After how much time the log is synced to disk. By default it is left to the operating system.",
    },
    TopicConfig {
        name: "follower.replication.throttled.replicas",
        kind: ConfigType::List,
        default: "",
        valid: Valid::Replicas,
        synonyms: &[],
        documentation: "The replicas whose catching up is slowed down on the follower's side.",
    },
    TopicConfig {
        name: "index.interval.bytes",
        kind: ConfigType::Int,
        default: "4096",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.index.interval.bytes")],
        documentation: "How many bytes of records lie between two entries of the offset index.",
    },
    TopicConfig {
        name: "internal.segment.bytes",
        kind: ConfigType::Int,
        default: "1073741824",
        valid: Valid::Any,
        synonyms: &[],
        documentation: "For tests: like segment.bytes, but without its lower limit.",
    },
    TopicConfig {
        name: "leader.replication.throttled.replicas",
        kind: ConfigType::List,
        default: "",
        valid: Valid::Replicas,
        synonyms: &[],
        documentation: "The replicas whose catching up is slowed down on the leader's side.",
    },
    TopicConfig {
        name: "local.retention.bytes",
        kind: ConfigType::Long,
        default: "-2",
        valid: Valid::AtLeast(-2),
        synonyms: &[same("log.local.retention.bytes")],
        documentation: "With tiered storage: how many bytes stay on the broker's own disk; -2 for as many as \
                        retention.bytes.",
    },
    TopicConfig {
        name: "local.retention.ms",
        kind: ConfigType::Long,
        default: "-2",
        valid: Valid::AtLeast(-2),
        synonyms: &[same("log.local.retention.ms")],
        documentation: "With tiered storage: how long records stay on the broker's own disk; -2 for as long as \
                        retention.ms.",
    },
    TopicConfig {
        name: "max.compaction.lag.ms",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(1),
        synonyms: &[same("log.cleaner.max.compaction.lag.ms")],
        documentation: "After how much time a record has to be compacted at the latest.",
    },
    TopicConfig {
        name: "max.message.bytes",
        kind: ConfigType::Int,
        default: "1048588",
        valid: Valid::AtLeast(0),
        synonyms: &[same("message.max.bytes")],
        documentation: "The largest batch that is accepted, in bytes, as it comes from the producer: compressed.",
    },
    TopicConfig {
        name: "message.timestamp.after.max.ms",
        kind: ConfigType::Long,
        default: "3600000",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.message.timestamp.after.max.ms")],
        documentation: "How far a record's timestamp may lie in the future.",
    },
    TopicConfig {
        name: "message.timestamp.before.max.ms",
        kind: ConfigType::Long,
        default: "9223372036854775807",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.message.timestamp.before.max.ms")],
        documentation: "How far a record's timestamp may lie in the past.",
    },
    TopicConfig {
        name: "message.timestamp.type",
        kind: ConfigType::String,
        default: "CreateTime",
        valid: Valid::OneOf(&["CreateTime", "LogAppendTime"]),
        synonyms: &[same("log.message.timestamp.type")],
        documentation: "Whose clock a record's timestamp is from: the producer's (CreateTime) or the broker's \
                        (LogAppendTime).",
    },
    TopicConfig {
        name: "min.cleanable.dirty.ratio",
        kind: ConfigType::Double,
        default: "0.5",
        valid: Valid::Any,
        synonyms: &[same("log.cleaner.min.cleanable.ratio")],
        documentation: "How much of a log may be uncompacted before it is compacted again.",
    },
    TopicConfig {
        name: "min.compaction.lag.ms",
        kind: ConfigType::Long,
        default: "0",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.cleaner.min.compaction.lag.ms")],
        documentation: "How long a record is kept from compaction.",
    },
    TopicConfig {
        name: "min.insync.replicas",
        kind: ConfigType::Int,
        default: "1",
        valid: Valid::AtLeast(1),
        synonyms: &[same("min.insync.replicas")],
        documentation: "How many replicas have to be in sync for a write with acks=all to be accepted.",
    },
    TopicConfig {
        name: "preallocate",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[same("log.preallocate")],
        documentation: "Whether a new segment's file gets its full length at once.",
    },
    TopicConfig {
        name: "remote.log.copy.disable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[],
        documentation: "With tiered storage: whether to stop copying segments to the remote storage.",
    },
    TopicConfig {
        name: "remote.log.delete.on.disable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[],
        documentation: "With tiered storage: whether remote data is deleted when tiered storage is switched off for \
                        the topic.",
    },
    TopicConfig {
        name: "remote.storage.enable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[],
        documentation: "Whether the topic uses tiered storage.",
    },
    TopicConfig {
        name: "retention.bytes",
        kind: ConfigType::Long,
        default: "-1",
        valid: Valid::Any,
        synonyms: &[same("log.retention.bytes")],
        documentation: "How many bytes of a partition are kept under the delete policy; -1 for no limit. It holds for \
                        each partition.",
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
        documentation: "How long records are kept under the delete policy, in milliseconds; -1 for ever.",
    },
    TopicConfig {
        name: "segment.bytes",
        kind: ConfigType::Int,
        default: "1073741824",
        valid: Valid::AtLeast(1048576),
        synonyms: &[same("log.segment.bytes")],
        documentation: "How large a segment's file grows before a new segment is begun.",
    },
    TopicConfig {
        name: "segment.index.bytes",
        kind: ConfigType::Int,
        default: "10485760",
        valid: Valid::AtLeast(4),
        synonyms: &[same("log.index.size.max.bytes")],
        documentation: "How large a segment's offset index may grow.",
    },
    TopicConfig {
        name: "segment.jitter.ms",
        kind: ConfigType::Long,
        default: "0",
        valid: Valid::AtLeast(0),
        synonyms: &[same("log.roll.jitter.ms"), times("log.roll.jitter.hours", HOUR_MS)],
        documentation: "By how much at most a segment's age limit is shortened at random, so that not all segments \
                        roll at once.",
    },
    TopicConfig {
        name: "segment.ms",
        kind: ConfigType::Long,
        default: "604800000",
        valid: Valid::AtLeast(1),
        synonyms: &[same("log.roll.ms"), times("log.roll.hours", HOUR_MS)],
        documentation: "How old a segment may grow before a new one is begun, full or not, so that old records can be \
                        deleted or compacted.",
    },
    TopicConfig {
        name: "unclean.leader.election.enable",
        kind: ConfigType::Boolean,
        default: "false",
        valid: Valid::Any,
        synonyms: &[same("unclean.leader.election.enable")],
        documentation: "Whether a replica that is not in sync may become leader when no other is left, at the price of \
                        lost records.",
    },
];
