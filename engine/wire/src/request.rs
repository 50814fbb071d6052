//! Requests: decoded by a broker, encoded by a client.

use crate::{ApiKey, Request, RequestHeader};
use alloc::string::String;
use bytes::Bytes;

/// Why a frame is not a request (or a response) that is understood.
///
/// All but [`DecodeError::UnsupportedApiVersions`] mean that the connection has to be closed: there is no response to send
/// whose form the other side would know (SEMANTICS 45).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The frame ends inside its header.
    NoHeader,
    /// The API is not known.
    UnknownApi {
        /// Its key.
        key: i16,
    },
    /// The API is known, but not in this version.
    UnsupportedVersion {
        /// The API.
        api: ApiKey,
        /// The version asked for.
        version: i16,
    },
    /// An ApiVersions request in a version that is not known. Answer it with
    /// [`crate::unsupported_api_versions_response`] (KIP-511).
    UnsupportedApiVersions {
        /// The request's correlation id.
        correlation_id: i32,
        /// The version asked for.
        version: i16,
    },
    /// The bytes do not have the form of the message.
    Malformed {
        /// The API.
        api: ApiKey,
        /// The message's version.
        version: i16,
        /// Where and what, in words.
        reason: String,
    },
}

/// Why a message cannot be encoded: a field is set that the version does not have, or a string is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError {
    /// The API.
    pub api: ApiKey,
    /// The version.
    pub version: i16,
    /// What is wrong, in words.
    pub reason: String,
}

/// Decodes a request from a frame without its length. Strings, bytes and records of the request share the frame's memory.
pub fn decode_request(_frame: Bytes) -> Result<(RequestHeader, Request), DecodeError> {
    todo!()
}

/// Encodes a request as a frame with its length. `request` has to be of `header.api`.
pub fn encode_request(_header: &RequestHeader, _request: &Request) -> Result<Bytes, EncodeError> {
    todo!()
}
