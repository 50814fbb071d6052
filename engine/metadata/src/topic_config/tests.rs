//! Values and their refusals, with the answers of Apache Kafka 4.1.1, word for word.

use super::*;

fn settings(configs: &[(&str, &str)]) -> Settings {
    Settings { static_configs: map(configs), ..Settings::stand_alone(1) }
}

fn map(configs: &[(&str, &str)]) -> SortedMap<String, String> {
    configs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn every_value_is_taken_or_refused_as_kafka_does() {
    for line in CASES.trim().lines() {
        let (pair, expected) = line.split_once(" -> ").expect("key=value -> answer");
        let (key, value) = pair.split_once('=').expect("key=value");
        let answer = validate(&map(&[(key.trim(), value)])).err().map_or("ok".to_string(), |error| error.message);
        assert_eq!(answer, expected, "{pair}");
    }
}

const CASES: &str = "
retention.ms=abc -> Invalid value abc for configuration retention.ms: Not a number of type LONG
retention.ms=-2 -> Invalid value -2 for configuration retention.ms: Value must be at least -1
retention.ms= -> Invalid value  for configuration retention.ms: Not a number of type LONG
retention.ms=-1 -> ok
retention.bytes=1.5 -> Invalid value 1.5 for configuration retention.bytes: Not a number of type LONG
retention.bytes=-5 -> ok
cleanup.policy=foo -> Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete
cleanup.policy= -> ok
cleanup.policy= delete  -> ok
cleanup.policy=compact,delete -> ok
cleanup.policy=compact,,delete -> Invalid value  for configuration cleanup.policy: String must be one of: compact, delete
compression.type=bzip -> Invalid value bzip for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer
segment.bytes=10 -> Invalid value 10 for configuration segment.bytes: Value must be at least 1048576
segment.bytes=99999999999 -> Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT
segment.bytes= 2000000  -> ok
internal.segment.bytes=5 -> ok
min.insync.replicas=0 -> Invalid value 0 for configuration min.insync.replicas: Value must be at least 1
no.such.key=1 -> Unknown topic config name: no.such.key
message.downconversion.enable=true -> Unknown topic config name: message.downconversion.enable
preallocate=maybe -> Invalid value maybe for configuration preallocate: Expected value to be either true or false
preallocate=TRUE -> ok
min.cleanable.dirty.ratio=2 -> Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1
min.cleanable.dirty.ratio=x -> Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE
min.cleanable.dirty.ratio=5e-1 -> Invalid value 5e-1 for configuration min.cleanable.dirty.ratio: Write it with digits and a point, for example 0.5
min.cleanable.dirty.ratio=.25 -> ok
min.cleanable.dirty.ratio=-0.5 -> Invalid value -0.5 for configuration min.cleanable.dirty.ratio: Value must be at least 0
message.timestamp.type=Foo -> Invalid value Foo for configuration message.timestamp.type: String must be one of: CreateTime, LogAppendTime
leader.replication.throttled.replicas=1 -> Invalid value [1] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...
leader.replication.throttled.replicas=* -> ok
leader.replication.throttled.replicas=0:1,1:1 -> ok
compression.gzip.level=0 -> Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1
compression.lz4.level=20 -> Invalid value 20 for configuration compression.lz4.level: Value must be no more than 17
compression.zstd.level=100 -> Invalid value 100 for configuration compression.zstd.level: Value must be no more than 22
flush.messages=0 -> Invalid value 0 for configuration flush.messages: Value must be at least 1
unclean.leader.election.enable=1 -> Invalid value 1 for configuration unclean.leader.election.enable: Expected value to be either true or false
remote.storage.enable=true -> Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.
";

#[test]
fn keys_are_checked_together() {
    let error = validate(&map(&[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")])).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    assert_eq!(error.message, "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)");
}

#[test]
fn every_default_is_valid_and_the_table_is_sorted() {
    for config in TOPIC_CONFIGS {
        assert_eq!(config.validate(config.default), Ok(()), "{}", config.name);
    }
    assert!(TOPIC_CONFIGS.is_sorted_by_key(|config| config.name));
}

#[cfg(feature = "documentation")]
#[test]
fn every_key_says_what_it_does() {
    for config in TOPIC_CONFIGS {
        assert!(documentation(config.name).ends_with('.'), "{}", config.name);
    }
}

#[test]
fn a_value_comes_from_the_topic_or_the_broker_or_kafkas_default() {
    let none = map(&[]);
    assert_eq!(number("retention.ms", &none, &settings(&[])), 604_800_000);
    let hours = settings(&[("log.retention.hours", "2")]);
    assert_eq!(number("retention.ms", &none, &hours), 7_200_000);
    let both = settings(&[("log.retention.hours", "2"), ("log.retention.minutes", "3")]);
    assert_eq!(number("retention.ms", &none, &both), 180_000, "the finer key wins");
    assert_eq!(number("retention.ms", &map(&[("retention.ms", " 5 ")]), &both), 5);
    assert_eq!(text("cleanup.policy", &map(&[("cleanup.policy", "compact , delete")]), &both), "compact,delete");
}

#[test]
fn nonsense_in_the_brokers_own_settings_leaves_the_default() {
    assert_eq!(number("segment.bytes", &map(&[]), &settings(&[("log.segment.bytes", "many")])), 1_073_741_824);
}
