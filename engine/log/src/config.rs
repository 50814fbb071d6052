//! A log's settings, under Kafka's names and with Kafka's defaults (LogConfig.java).

/// The topic-level settings that a log obeys. Retention and compaction are not here yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment never grows beyond this.
    pub segment_bytes: u32,
    /// `segment.index.bytes`: when the index is this long, the segment is rolled.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: at most one index entry for so many bytes.
    pub index_interval_bytes: u32,
    /// `max.message.bytes`: the largest batch, compressed as it comes.
    pub max_message_bytes: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
        }
    }
}
