//! Kafka's protocol between bytes and types: frames, headers, API versions, requests, responses and error codes.
//!
//! The structs of every message are those of the `kafka-protocol` crate, which generates them from Kafka's own schemas. What
//! this crate adds is what a server needs to face the open world with them: one table of what is supported ([`api`]), the
//! rules of headers ([`header`]), a check of every length against what is really there before anything is decoded
//! ([`shape`]), and a way to answer a fetch without copying records ([`fetch`]).
//!
//! It deliberately knows nothing of sockets, topics or logs, and it never looks inside a record batch: `naru-records` does.
//! Read [`api`] first, then [`request`], then [`response`].

#![no_std]

extern crate alloc;

pub mod api;
pub mod consumer_protocol;
pub mod error_code;
pub mod fetch;
pub mod frame;
pub mod header;
pub mod request;
pub mod response;
pub mod shape;

pub use api::{ApiKey, Request, Response, SupportedVersions};
pub use error_code::ErrorCode;
pub use fetch::{Chunk, FetchPartition, FetchResult, FetchTopic, Payload, encode_fetch_response};
pub use frame::{FrameError, FrameReader};
pub use header::RequestHeader;
pub use request::{DecodeError, EncodeError, decode_request, encode_request};
pub use response::{
    correlation_id, decode_response, encode_response, supported_api_versions, unsupported_api_versions_response,
};

/// Every message's structs, as `kafka-protocol` generates them from Kafka's schemas.
pub use kafka_protocol::messages;
pub use kafka_protocol::messages::{BrokerId, GroupId, ProducerId, TopicName, TransactionalId};
/// A string over shared bytes, as the message structs hold it.
pub use kafka_protocol::protocol::StrBytes;
