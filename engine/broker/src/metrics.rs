//! Counters that are always on: plain integers, added to in passing. Formatting them is somebody else's work.

use crate::api::is_served;
use naru_records::BatchHeader;
use naru_trace::SortedMap;
use naru_wire::{ApiKey, ErrorCode};

/// What a broker has done since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Requests handled, by the API's name. An API that is not served is listed once somebody has asked for it.
    pub requests: SortedMap<&'static str, u64>,
    /// Responses that carried an error, by Kafka's name for the error.
    pub errors: SortedMap<&'static str, u64>,
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

/// The counters behind [`Metrics`], cheap to add to: no strings, no maps.
#[derive(Debug)]
pub(crate) struct Counters {
    requests: [u64; ApiKey::ALL.len()],
    errors: SortedMap<ErrorCode, u64>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    batches_appended: u64,
    records_appended: u64,
    log_bytes_appended: u64,
    pub(crate) log_bytes_read: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            requests: [0; ApiKey::ALL.len()],
            errors: SortedMap::new(),
            bytes_in: 0,
            bytes_out: 0,
            batches_appended: 0,
            records_appended: 0,
            log_bytes_appended: 0,
            log_bytes_read: 0,
        }
    }
}

impl Counters {
    pub(crate) fn note_request(&mut self, api: ApiKey) {
        if let Some(index) = ApiKey::ALL.iter().position(|candidate| *candidate == api) {
            self.requests[index] += 1;
        }
    }

    pub(crate) fn note_error(&mut self, error: ErrorCode) {
        *self.errors.entry(error).or_default() += 1;
    }

    pub(crate) fn note_append(&mut self, header: &BatchHeader) {
        self.batches_appended += 1;
        self.records_appended += header.records_count.max(0) as u64;
        self.log_bytes_appended += u64::from(header.size_in_bytes());
    }

    /// The counters with their names; sizes are for the caller to add.
    pub(crate) fn metrics(&self) -> Metrics {
        let requests = ApiKey::ALL.iter().zip(self.requests);
        let requests = requests.filter(|(api, count)| *count > 0 || is_served(**api));
        Metrics {
            requests: requests.map(|(api, count)| (api.name(), count)).collect(),
            errors: self.errors.iter().map(|(error, count)| (error.name(), *count)).collect(),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            batches_appended: self.batches_appended,
            records_appended: self.records_appended,
            log_bytes_appended: self.log_bytes_appended,
            log_bytes_read: self.log_bytes_read,
            ..Metrics::default()
        }
    }
}
