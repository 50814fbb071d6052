//! How replicas are kept alike: `replica.*`.

use alloc::string::String;

/// With Kafka's keys and Kafka's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationConfig {
    /// `replica.lag.time.max.ms`: a follower that was not caught up for so long is no longer in sync.
    pub lag_time_max_ms: u64,
    /// `replica.fetch.min.bytes`.
    pub fetch_min_bytes: i32,
    /// `replica.fetch.wait.max.ms`: how long a leader may let a follower's fetch wait for records.
    pub fetch_wait_max_ms: i32,
    /// `replica.fetch.max.bytes`, of one partition.
    pub fetch_max_bytes: i32,
    /// `replica.fetch.response.max.bytes`, of all partitions of one fetch.
    pub fetch_response_max_bytes: i32,
    /// `replica.fetch.backoff.ms`: how long to leave a partition, or a leader, alone after an error.
    pub fetch_backoff_ms: u64,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_ms: u64,
    /// `replica.selector.class`: empty, or a class whose name ends with `RackAwareReplicaSelector` (KIP-392).
    pub selector_class: String,
}

impl Default for ReplicationConfig {
    fn default() -> Self {
        ReplicationConfig {
            lag_time_max_ms: 30_000,
            fetch_min_bytes: 1,
            fetch_wait_max_ms: 500,
            fetch_max_bytes: 1 << 20,
            fetch_response_max_bytes: 10 << 20,
            fetch_backoff_ms: 1_000,
            high_watermark_checkpoint_ms: 5_000,
            selector_class: String::new(),
        }
    }
}

impl ReplicationConfig {
    /// Whether consumers are told to read from a replica in their own rack.
    pub(crate) fn is_rack_aware(&self) -> bool {
        self.selector_class.ends_with("RackAwareReplicaSelector")
    }

    /// `replica.lag.time.max.ms` in microseconds.
    pub(crate) fn lag_time_max(&self) -> u64 {
        self.lag_time_max_ms.saturating_mul(1_000)
    }
}
