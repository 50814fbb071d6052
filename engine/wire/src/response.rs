//! Responses: encoded by a broker, decoded by a client.

use crate::{ApiKey, DecodeError, EncodeError, Response, messages::api_versions_response::ApiVersion};
use alloc::vec::Vec;
use bytes::Bytes;

/// Encodes a response as a frame with its length. For fetches with records see [`crate::encode_fetch_response`].
pub fn encode_response(_correlation_id: i32, _version: i16, _response: &Response) -> Result<Bytes, EncodeError> {
    todo!()
}

/// The correlation id of a response: the first thing in its frame (without length).
pub fn correlation_id(frame: &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(frame.get(..4)?.try_into().ok()?))
}

/// Decodes the response to a request of `api` and `version` from a frame without its length.
///
/// The answer to an ApiVersions request that the broker did not understand is recognised although it has version 0.
pub fn decode_response(_api: ApiKey, _version: i16, _frame: Bytes) -> Result<(i32, Response), DecodeError> {
    todo!()
}

/// What an ApiVersions response lists: every API with the versions to announce.
pub fn supported_api_versions() -> Vec<ApiVersion> {
    todo!()
}

/// The answer to an ApiVersions request of an unknown version: version 0, error 35, and the list of what is supported, so
/// that the client can choose again (KIP-511). A frame with its length.
pub fn unsupported_api_versions_response(_correlation_id: i32) -> Bytes {
    todo!()
}
