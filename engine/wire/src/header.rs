//! What stands before a request's and a response's body.
//!
//! ```text
//! request v1    | api key: 2 | version: 2 | correlation id: 4 | client id: length 2 + bytes |
//! request v2    | ... as v1 ...                                                             | tagged fields |
//! response v0   | correlation id: 4 |
//! response v1   | correlation id: 4 | tagged fields |
//! ```
//! A flexible version of an API (KIP-482) has the second form, any other the first. The client id of a request never has a
//! compact length, and the response to an ApiVersions request never has tagged fields: its sender may not know yet what
//! they are (KIP-511).

use crate::{
    ApiKey, DecodeError, StrBytes,
    shape::{self, Field, Kind},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// What stands before a request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API asked for.
    pub api: ApiKey,
    /// The version of the request; its response has the same.
    pub version: i16,
    /// The client's number for the request, given back with the response.
    pub correlation_id: i32,
    /// The client's name for itself; empty if it gave none (Kafka takes null for empty, too).
    pub client_id: StrBytes,
}

/// API key, version, correlation id.
const FIXED_LENGTH: usize = 8;

impl RequestHeader {
    /// Reads the header off the front of a frame.
    pub(crate) fn decode(frame: &mut Bytes) -> Result<RequestHeader, DecodeError> {
        if frame.len() < FIXED_LENGTH {
            return Err(DecodeError::NoHeader);
        }
        let key = frame.get_i16();
        let version = frame.get_i16();
        let correlation_id = frame.get_i32();
        let api = ApiKey::from_key(key).ok_or(DecodeError::UnknownApi { key })?;
        if !api.versions().contains(version) {
            return Err(match api {
                ApiKey::ApiVersions => DecodeError::UnsupportedApiVersions { correlation_id, version },
                _ => DecodeError::UnsupportedVersion { api, version },
            });
        }
        let client_id = client_id(frame).map_err(|reason| DecodeError::malformed(api, version, reason))?;
        if api.is_flexible(version) {
            skip_tagged_fields(frame).map_err(|error| DecodeError::malformed(api, version, error))?;
        }
        Ok(RequestHeader { api, version, correlation_id, client_id })
    }

    /// Writes the header. The client id must not be longer than a string can be: 32767 bytes.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.put_i16(self.api.key());
        out.put_i16(self.version);
        out.put_i32(self.correlation_id);
        out.put_i16(self.client_id.len() as i16);
        out.put_slice(self.client_id.as_bytes());
        if self.api.is_flexible(self.version) {
            out.put_u8(0);
        }
    }
}

/// Writes the header of a response.
pub(crate) fn encode_response_header(api: ApiKey, version: i16, correlation_id: i32, out: &mut BytesMut) {
    out.put_i32(correlation_id);
    if has_tagged_response_header(api, version) {
        out.put_u8(0);
    }
}

/// Reads the header of a response off the front of a frame, and returns the correlation id.
pub(crate) fn decode_response_header(api: ApiKey, version: i16, frame: &mut Bytes) -> Result<i32, DecodeError> {
    if frame.len() < 4 {
        return Err(DecodeError::NoHeader);
    }
    let correlation_id = frame.get_i32();
    if has_tagged_response_header(api, version) {
        skip_tagged_fields(frame).map_err(|error| DecodeError::malformed(api, version, error))?;
    }
    Ok(correlation_id)
}

fn has_tagged_response_header(api: ApiKey, version: i16) -> bool {
    api.is_flexible(version) && api != ApiKey::ApiVersions
}

fn client_id(frame: &mut Bytes) -> Result<StrBytes, &'static str> {
    const SHAPE: &[Field] = &[Field { name: "client_id", since: 0, until: i16::MAX, tag: None, kind: Kind::String }];
    let length = shape::walk(SHAPE, 0, false, frame).map_err(|_| "client_id is longer than the frame")?;
    let bytes = frame.split_to(length).slice(2..);
    StrBytes::from_utf8(bytes).map_err(|_| "client_id is not UTF-8")
}

fn skip_tagged_fields(frame: &mut Bytes) -> Result<(), shape::WalkError> {
    let length = shape::walk(&[], 0, true, frame)?;
    frame.advance(length);
    Ok(())
}
