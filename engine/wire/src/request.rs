//! Requests: decoded by a broker, encoded by a client.

use crate::{ApiKey, Request, RequestHeader, frame::LENGTH_BYTES, shape};
use alloc::string::{String, ToString};
use bytes::{BufMut, Bytes, BytesMut};
use core::fmt;

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

impl DecodeError {
    pub(crate) fn malformed(api: ApiKey, version: i16, reason: impl ToString) -> Self {
        DecodeError::Malformed { api, version, reason: reason.to_string() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::NoHeader => f.write_str("the frame is too short for a header"),
            DecodeError::UnknownApi { key } => write!(f, "unknown API key {key}"),
            DecodeError::UnsupportedVersion { api, version } => {
                write!(f, "{} version {version} is not supported", api.name())
            }
            DecodeError::UnsupportedApiVersions { version, .. } => {
                write!(f, "ApiVersions version {version} is not supported")
            }
            DecodeError::Malformed { api, version, reason } => {
                write!(f, "malformed {} version {version}: {reason}", api.name())
            }
        }
    }
}

impl core::error::Error for DecodeError {}

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

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot encode {} version {}: {}", self.api.name(), self.version, self.reason)
    }
}

impl core::error::Error for EncodeError {}

/// Decodes a request from a frame without its length. Strings, bytes and records of the request share the frame's memory.
///
/// Bytes after the request's end are ignored, as Kafka ignores them.
pub fn decode_request(mut frame: Bytes) -> Result<(RequestHeader, Request), DecodeError> {
    let header = RequestHeader::decode(&mut frame)?;
    let RequestHeader { api, version, .. } = header;
    let malformed = |reason: String| DecodeError::malformed(api, version, reason);
    shape::walk(shape::tables::request(api), version, api.is_flexible(version), &frame)
        .map_err(|error| malformed(error.to_string()))?;
    let request = Request::decode_body(api, version, &mut frame).map_err(malformed)?;
    Ok((header, request))
}

/// Encodes a request as a frame with its length. `request` has to be of `header.api`.
pub fn encode_request(header: &RequestHeader, request: &Request) -> Result<Bytes, EncodeError> {
    let RequestHeader { api, version, .. } = *header;
    assert_eq!(api, request.api(), "the header names another API than the request is of");
    let error = |reason: String| EncodeError { api, version, reason };
    if header.client_id.len() > i16::MAX as usize {
        return Err(error("client_id is longer than 32767 bytes".to_string()));
    }
    let mut out = frame_begin();
    header.encode(&mut out);
    request.encode_body(version, &mut out).map_err(error)?;
    Ok(frame_end(out))
}

/// A frame's buffer, with room for the length that is known only at the end.
pub(crate) fn frame_begin() -> BytesMut {
    let mut out = BytesMut::with_capacity(256);
    out.put_i32(0);
    out
}

/// Writes the frame's length in front.
pub(crate) fn frame_end(mut out: BytesMut) -> Bytes {
    let length = (out.len() - LENGTH_BYTES) as i32;
    out[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    out.freeze()
}
