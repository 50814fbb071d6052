//! A log's settings, under Kafka's names and with Kafka's defaults (LogConfig.java).

pub use naru_records::TimestampType;

/// `cleanup.policy`: what becomes of old records. Both may hold; if neither does, everything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// `delete`: whole segments go when they are too old, or the log is too large.
    pub delete: bool,
    /// `compact`: of records with the same key, only the newest stays.
    pub compact: bool,
}

/// The topic-level settings that a log obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment never grows beyond this.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment takes no batch that is so much later than its first one, in milliseconds.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: at most so much is taken off `segment.ms`, another part of it for each segment, so that the
    /// segments of many partitions do not all roll at once.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`: when an index is this long, the segment is rolled.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: at most one index entry for so many bytes.
    pub index_interval_bytes: u32,
    /// `max.message.bytes`: the largest batch, compressed as it comes.
    pub max_message_bytes: u32,
    /// `retention.ms`: a segment goes when its largest timestamp is older; -1 for never.
    pub retention_ms: i64,
    /// `retention.bytes`: the oldest segments go while the log is at least this long without them; -1 for no limit.
    pub retention_bytes: i64,
    /// `file.delete.delay.ms`: how long the files of a deleted segment are kept for answers that are on their way.
    pub file_delete_delay_ms: i64,
    /// `flush.messages`: after so many records the log is synced.
    pub flush_messages: i64,
    /// `flush.ms`: after so many milliseconds the log is synced.
    pub flush_ms: i64,
    /// `cleanup.policy`.
    pub cleanup: CleanupPolicy,
    /// `delete.retention.ms`: how long compaction keeps a tombstone.
    pub delete_retention_ms: i64,
    /// `min.compaction.lag.ms`: younger records are not compacted.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: older records are compacted, however few they are.
    pub max_compaction_lag_ms: i64,
    /// `min.cleanable.dirty.ratio`, in millionths: which part of the log must be dirty before it is compacted.
    pub min_cleanable_dirty_ppm: u32,
    /// `message.timestamp.type`: whose clock the timestamps are from.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms` (KIP-937).
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms` (KIP-937).
    pub timestamp_after_max_ms: i64,
}

const HOUR_MS: i64 = 60 * 60 * 1000;

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * HOUR_MS,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            retention_ms: 7 * 24 * HOUR_MS,
            retention_bytes: -1,
            file_delete_delay_ms: 60_000,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            cleanup: CleanupPolicy { delete: true, compact: false },
            delete_retention_ms: 24 * HOUR_MS,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            min_cleanable_dirty_ppm: 500_000,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: HOUR_MS,
        }
    }
}
