//! Fetch responses without copying records.
//!
//! The records of a fetch are the bulk of what a broker sends, and they lie in the log in the very form in which they are
//! sent. So this one response is encoded by hand, as a list of [`Chunk`]s: encoded bytes, and in between the slices of the
//! log, which nobody here looks at. A test holds it against `kafka-protocol`'s own encoding for every version.

use crate::{
    ApiKey, EncodeError, StrBytes, frame::LENGTH_BYTES, header::encode_response_header, messages::fetch_response as kp,
    request::frame_begin,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;
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

impl<P> FetchPartition<P> {
    /// A partition without records, and with nothing known of it but an error (or none).
    pub fn empty(partition_index: i32, error_code: i16) -> Self {
        FetchPartition {
            partition_index,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot_id: None,
            aborted_transactions: None,
            preferred_read_replica: -1,
            records: Vec::new(),
        }
    }
}

/// Encodes a fetch response as a frame with its length, in chunks: record data is passed through.
pub fn encode_fetch_response<P: Payload>(
    correlation_id: i32,
    version: i16,
    response: FetchResult<P>,
) -> Result<Vec<Chunk<P>>, EncodeError> {
    assert!(ApiKey::Fetch.versions().contains(version), "the request of this version was decoded");
    let mut encoder = Encoder::new(version);
    encode_response_header(ApiKey::Fetch, version, correlation_id, &mut encoder.bytes);
    encoder.response(response).map_err(|reason| EncodeError { api: ApiKey::Fetch, version, reason })?;
    encoder.finish()
}

/// Collects all encoded bytes in one buffer and notes where the payloads belong in between, so that the length in front can
/// be filled in at the end and the buffer is cut, not copied.
struct Encoder<P> {
    version: i16,
    flexible: bool,
    bytes: BytesMut,
    payloads: Vec<(usize, P)>,
    payload_bytes: u64,
}

impl<P: Payload> Encoder<P> {
    fn new(version: i16) -> Self {
        let flexible = ApiKey::Fetch.is_flexible(version);
        Encoder { version, flexible, bytes: frame_begin(), payloads: Vec::new(), payload_bytes: 0 }
    }

    fn response(&mut self, response: FetchResult<P>) -> Result<(), String> {
        self.bytes.put_i32(response.throttle_time_ms);
        if self.version >= 7 {
            self.bytes.put_i16(response.error_code);
            self.bytes.put_i32(response.session_id);
        }
        self.length(response.topics.len());
        response.topics.into_iter().try_for_each(|topic| self.topic(topic))?;
        if self.flexible {
            let endpoints = self.endpoints(&response.node_endpoints)?;
            self.tagged_fields([endpoints]);
        }
        Ok(())
    }

    fn topic(&mut self, topic: FetchTopic<P>) -> Result<(), String> {
        if self.version >= 13 {
            self.bytes.put_slice(topic.topic_id.as_bytes());
        } else {
            self.string(&topic.topic)?;
        }
        self.length(topic.partitions.len());
        topic.partitions.into_iter().try_for_each(|partition| self.partition(partition))?;
        if self.flexible {
            self.tagged_fields([]);
        }
        Ok(())
    }

    fn partition(&mut self, partition: FetchPartition<P>) -> Result<(), String> {
        self.bytes.put_i32(partition.partition_index);
        self.bytes.put_i16(partition.error_code);
        self.bytes.put_i64(partition.high_watermark);
        self.bytes.put_i64(partition.last_stable_offset);
        if self.version >= 5 {
            self.bytes.put_i64(partition.log_start_offset);
        }
        self.aborted_transactions(partition.aborted_transactions.as_deref())?;
        if self.version >= 11 {
            self.bytes.put_i32(partition.preferred_read_replica);
        }
        self.records(partition.records);
        if !self.flexible {
            return Ok(());
        }
        let tags = [
            self.encoded(partition.diverging_epoch.as_ref())?,
            self.encoded(partition.current_leader.as_ref())?,
            self.encoded(partition.snapshot_id.as_ref())?,
        ];
        self.tagged_fields(tags);
        Ok(())
    }

    fn aborted_transactions(&mut self, transactions: Option<&[kp::AbortedTransaction]>) -> Result<(), String> {
        match transactions {
            None if self.flexible => self.varint(0),
            None => self.bytes.put_i32(-1),
            Some(transactions) => self.length(transactions.len()),
        }
        transactions.unwrap_or_default().iter().try_for_each(|transaction| self.message(transaction))
    }

    /// The length of all slices, and then nothing but a note where they belong.
    fn records(&mut self, records: Vec<P>) {
        let length: u64 = records.iter().map(|payload| u64::from(payload.length())).sum();
        self.payload_bytes += length;
        self.length(length as usize);
        let position = self.bytes.len();
        self.payloads.extend(records.into_iter().map(|payload| (position, payload)));
    }

    /// Tagged fields from tag 0 on; `None` for those that have their default value, which are not sent.
    fn tagged_fields<const N: usize>(&mut self, fields: [Option<BytesMut>; N]) {
        self.varint(fields.iter().flatten().count());
        for (tag, field) in fields.iter().enumerate() {
            if let Some(field) = field {
                self.varint(tag);
                self.varint(field.len());
                self.bytes.put_slice(field);
            }
        }
    }

    fn encoded<M: Encodable>(&self, message: Option<&M>) -> Result<Option<BytesMut>, String> {
        let Some(message) = message else { return Ok(None) };
        let mut out = BytesMut::new();
        message.encode(&mut out, self.version).map_err(|error| error.to_string())?;
        Ok(Some(out))
    }

    fn endpoints(&self, endpoints: &[kp::NodeEndpoint]) -> Result<Option<BytesMut>, String> {
        if self.version < 16 || endpoints.is_empty() {
            return Ok(None);
        }
        let mut out = BytesMut::new();
        put_varint(&mut out, endpoints.len() + 1);
        for endpoint in endpoints {
            endpoint.encode(&mut out, self.version).map_err(|error| error.to_string())?;
        }
        Ok(Some(out))
    }

    fn message(&mut self, message: &impl Encodable) -> Result<(), String> {
        message.encode(&mut self.bytes, self.version).map_err(|error| error.to_string())
    }

    fn string(&mut self, string: &str) -> Result<(), String> {
        match i16::try_from(string.len()) {
            _ if self.flexible => self.varint(string.len() + 1),
            Ok(length) => self.bytes.put_i16(length),
            Err(_) => return Err("the topic's name is longer than 32767 bytes".to_string()),
        }
        self.bytes.put_slice(string.as_bytes());
        Ok(())
    }

    /// The length of bytes or of an array.
    fn length(&mut self, length: usize) {
        if self.flexible { self.varint(length + 1) } else { self.bytes.put_i32(length as i32) }
    }

    fn varint(&mut self, value: usize) {
        put_varint(&mut self.bytes, value);
    }

    /// Fills in the frame's length, and cuts the buffer where payloads belong.
    fn finish(mut self) -> Result<Vec<Chunk<P>>, EncodeError> {
        let length = (self.bytes.len() - LENGTH_BYTES) as u64 + self.payload_bytes;
        let length = i32::try_from(length).map_err(|_| EncodeError {
            api: ApiKey::Fetch,
            version: self.version,
            reason: "the response is longer than 2147483647 bytes".to_string(),
        })?;
        self.bytes[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        let bytes = self.bytes.freeze();
        let mut chunks = Vec::with_capacity(2 * self.payloads.len() + 1);
        let mut start = 0;
        for (position, payload) in self.payloads {
            if position > start {
                chunks.push(Chunk::Bytes(bytes.slice(start..position)));
                start = position;
            }
            chunks.push(Chunk::Payload(payload));
        }
        if start < bytes.len() {
            chunks.push(Chunk::Bytes(bytes.slice(start..)));
        }
        Ok(chunks)
    }
}

fn put_varint(out: &mut BytesMut, value: usize) {
    let mut value = value as u32;
    while value >= 0x80 {
        out.put_u8((value as u8) | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}
