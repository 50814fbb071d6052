//! Counters that are always on: plain integers, added to in passing. Formatting them is somebody else's work.

use alloc::collections::BTreeMap;

/// What a broker has done since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Requests handled, by the API's name.
    pub requests: BTreeMap<&'static str, u64>,
    /// Responses that carried an error, by Kafka's name for the error.
    pub errors: BTreeMap<&'static str, u64>,
    /// Bytes of frames received, without their length fields.
    pub bytes_in: u64,
    /// Bytes of frames handed to the network, with their length fields.
    pub bytes_out: u64,
    /// Record batches appended.
    pub batches_appended: u64,
    /// Records appended.
    pub records_appended: u64,
    /// Bytes of record batches appended.
    pub log_bytes_appended: u64,
    /// Bytes of record batches read for consumers.
    pub log_bytes_read: u64,
    /// Connections that are open now.
    pub connections: u64,
    /// Replies that wait now.
    pub parked: u64,
    /// Fetch sessions that are open now.
    pub fetch_sessions: u64,
    /// Topics there are now.
    pub topics: u64,
    /// Partitions there are now.
    pub partitions: u64,
    /// Partitions that are offline now.
    pub partitions_offline: u64,
    /// Bytes of all logs now.
    pub log_bytes: u64,
}
