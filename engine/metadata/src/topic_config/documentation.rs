//! What the configuration keys of topics do, in a sentence or two each.
//!
//! Only a program that shows them to people carries them (the feature `documentation`): in a browser every byte is
//! downloaded.

/// What the key does; `None` for a key that is not one of topics.
pub fn of(name: &str) -> Option<&'static str> {
    Some(match name {
        "cleanup.policy" => {
            "What happens to old records: `delete` drops old segments by age and size, `compact` keeps the newest \
             record of every key. Both may be set."
        }
        "compression.gzip.level" => {
            "How hard gzip works when compression.type is gzip, from 1 to 9; -1 for its own default. Naru uses its own \
             default: the value is kept and changes nothing."
        }
        "compression.lz4.level" => {
            "How hard lz4 works when compression.type is lz4. Naru's encoder has one level: the value is kept and changes \
             nothing."
        }
        "compression.type" => "The codec that batches have in the log. `producer` keeps what the producer chose.",
        "compression.zstd.level" => {
            "How hard zstd works when compression.type is zstd. Naru's encoder has one level: the value is kept and changes \
             nothing."
        }
        "delete.retention.ms" => {
            "How long compaction keeps tombstones, so that readers who are behind still see that a key was deleted."
        }
        "file.delete.delay.ms" => "How long a file stays on disk after its segment was deleted.",
        "flush.messages" => {
            "After how many records the log is synced to disk. By default it is left to the operating system."
        }
        "flush.ms" => "After how much time the log is synced to disk. By default it is left to the operating system.",
        "follower.replication.throttled.replicas" => {
            "The replicas whose catching up is slowed down on the follower's side."
        }
        "index.interval.bytes" => "How many bytes of records lie between two entries of the offset index.",
        "internal.segment.bytes" => "For tests: like segment.bytes, but without its lower limit.",
        "leader.replication.throttled.replicas" => {
            "The replicas whose catching up is slowed down on the leader's side."
        }
        "local.retention.bytes" => {
            "With tiered storage: how many bytes stay on the broker's own disk; -2 for as many as retention.bytes."
        }
        "local.retention.ms" => {
            "With tiered storage: how long records stay on the broker's own disk; -2 for as long as retention.ms."
        }
        "max.compaction.lag.ms" => "After how much time a record has to be compacted at the latest.",
        "max.message.bytes" => {
            "The largest batch that is accepted, in bytes, as it comes from the producer: compressed."
        }
        "message.timestamp.after.max.ms" => "How far a record's timestamp may lie in the future.",
        "message.timestamp.before.max.ms" => "How far a record's timestamp may lie in the past.",
        "message.timestamp.type" => {
            "Whose clock a record's timestamp is from: the producer's (CreateTime) or the broker's (LogAppendTime)."
        }
        "min.cleanable.dirty.ratio" => "How much of a log may be uncompacted before it is compacted again.",
        "min.compaction.lag.ms" => "How long a record is kept from compaction.",
        "min.insync.replicas" => "How many replicas have to be in sync for a write with acks=all to be accepted.",
        "preallocate" => {
            "Whether a new segment's file gets its full length at once. Naru's files grow as they are written: the value is \
             kept and changes nothing."
        }
        "remote.log.copy.disable" => "With tiered storage: whether to stop copying segments to the remote storage.",
        "remote.log.delete.on.disable" => {
            "With tiered storage: whether remote data is deleted when tiered storage is switched off for the topic."
        }
        "remote.storage.enable" => {
            "Whether the topic uses tiered storage, which Naru does not have: only false is taken."
        }
        "retention.bytes" => {
            "How many bytes of a partition are kept under the delete policy; -1 for no limit. It holds for each \
             partition."
        }
        "retention.ms" => "How long records are kept under the delete policy, in milliseconds; -1 for ever.",
        "segment.bytes" => "How large a segment's file grows before a new segment is begun.",
        "segment.index.bytes" => "How large a segment's offset index may grow.",
        "segment.jitter.ms" => {
            "By how much at most a segment's age limit is shortened at random, so that not all segments roll at \
             once."
        }
        "segment.ms" => {
            "How old a segment may grow before a new one is begun, full or not, so that old records can be deleted \
             or compacted."
        }
        "unclean.leader.election.enable" => {
            "Whether a replica that is not in sync may become leader when no other is left, at the price of lost \
             records."
        }
        _ => return None,
    })
}
