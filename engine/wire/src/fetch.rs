//! Fetch responses without copying records.

use crate::{EncodeError, StrBytes, messages::fetch_response as kp};
use alloc::vec::Vec;
use bytes::Bytes;
use uuid::Uuid;

/// Record data that stays where it is: bytes in memory, or a range of a file that the driver sends by itself.
pub trait Payload {
    /// Its length in bytes.
    fn length(&self) -> u32;
}

impl Payload for Bytes {
    fn length(&self) -> u32 {
        self.len() as u32
    }
}

/// A piece of an encoded response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk<P> {
    /// Encoded bytes.
    Bytes(Bytes),
    /// Record data, to be sent as it is.
    Payload(P),
}

/// The body of a fetch response. Fields that a version does not have are left out when it is encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchResult<P> {
    /// How long the client is asked to wait, in milliseconds.
    pub throttle_time_ms: i32,
    /// The error of the whole response (since version 7).
    pub error_code: i16,
    /// The fetch session, or 0 for none (since version 7).
    pub session_id: i32,
    /// The topics.
    pub topics: Vec<FetchTopic<P>>,
    /// Where the current leaders named below are (since version 16).
    pub node_endpoints: Vec<kp::NodeEndpoint>,
}

/// A topic of a fetch response.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchTopic<P> {
    /// Its name (up to version 12).
    pub topic: StrBytes,
    /// Its id (since version 13).
    pub topic_id: Uuid,
    /// Its partitions.
    pub partitions: Vec<FetchPartition<P>>,
}

/// A partition of a fetch response.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchPartition<P> {
    /// The partition.
    pub partition_index: i32,
    /// Its error.
    pub error_code: i16,
    /// Its high watermark; -1 with an error.
    pub high_watermark: i64,
    /// Its last stable offset; -1 with an error.
    pub last_stable_offset: i64,
    /// Its log start offset (since version 5); -1 with an error.
    pub log_start_offset: i64,
    /// Where the follower's log parts from the leader's (since version 12).
    pub diverging_epoch: Option<kp::EpochEndOffset>,
    /// The leader, for a client that asked another broker (since version 12).
    pub current_leader: Option<kp::LeaderIdAndEpoch>,
    /// The snapshot to fetch instead (since version 12, KRaft only).
    pub snapshot_id: Option<kp::SnapshotId>,
    /// The aborted transactions among the records, for read_committed; `None` is null.
    pub aborted_transactions: Option<Vec<kp::AbortedTransaction>>,
    /// The replica to read from instead (since version 11); -1 for none.
    pub preferred_read_replica: i32,
    /// The records, as slices that follow each other.
    pub records: Vec<P>,
}

/// Encodes a fetch response as a frame with its length, in chunks: record data is passed through.
pub fn encode_fetch_response<P: Payload>(
    _correlation_id: i32,
    _version: i16,
    _response: FetchResult<P>,
) -> Result<Vec<Chunk<P>>, EncodeError> {
    todo!()
}
