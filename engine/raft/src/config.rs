//! What a member of the quorum has to know before it starts, under Kafka's key names (QuorumConfig.java).

use alloc::string::String;
use naru_trace::{Name, SortedMap};
use uuid::Uuid;

/// A node that votes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Voter {
    /// The id of its metadata directory (KIP-853); nil where voters are known by `node.id` alone.
    pub directory_id: Uuid,
    /// The host that others dial.
    pub host: String,
    /// The port that others dial.
    pub port: u16,
}

/// Settings. All times in milliseconds.
#[derive(Debug, Clone)]
pub struct RaftConfig {
    /// `node.id`.
    pub node_id: i32,
    /// The id of the directory that holds the metadata log; nil if it has none.
    pub directory_id: Uuid,
    /// The cluster's id: requests of another cluster are refused. Empty: nothing is compared.
    pub cluster_id: String,
    /// `controller.quorum.voters` by `node.id`. A voters record in the log counts more (KIP-853).
    pub voters: SortedMap<i32, Voter>,

    /// `controller.quorum.election.timeout.ms`: an election that got no majority ends after one to two of these.
    pub election_timeout_ms: u64,
    /// `controller.quorum.fetch.timeout.ms`: a follower that could not fetch for so long asks for an election; a leader
    /// from which no majority fetched for 1.5 of these resigns.
    pub fetch_timeout_ms: u64,
    /// `controller.quorum.election.backoff.max.ms`: how long at most a candidate waits after it lost.
    pub election_backoff_max_ms: u64,
    /// `controller.quorum.request.timeout.ms`: an answer that does not come in this time does not come.
    pub request_timeout_ms: u64,
    /// `controller.quorum.retry.backoff.ms`: how long to wait after a request failed.
    pub retry_backoff_ms: u64,
    /// How long a fetch waits at the leader for something new.
    pub fetch_max_wait_ms: u64,
    /// The most bytes of records in one fetch response, and of a snapshot in one FetchSnapshot response.
    pub fetch_max_bytes: u32,
    /// Where all randomness comes from: timeouts and backoffs.
    pub seed: u64,
    /// The type of a data record, for events; its bytes mean nothing here.
    pub name_of: fn(&[u8]) -> Name,
}

impl RaftConfig {
    /// Kafka's defaults (election backoff and retries included), with no voters yet.
    pub fn new(node_id: i32) -> Self {
        RaftConfig {
            node_id,
            directory_id: Uuid::nil(),
            cluster_id: String::new(),
            voters: SortedMap::new(),

            election_timeout_ms: 1000,
            fetch_timeout_ms: 2000,
            election_backoff_max_ms: 1000,
            request_timeout_ms: 2000,
            retry_backoff_ms: 20,
            fetch_max_wait_ms: 500,
            fetch_max_bytes: 8 << 20,
            seed: 0,
            name_of: |_| Name::Borrowed("Record"),
        }
    }
}
