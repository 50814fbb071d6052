//! Responses: encoded by a broker, decoded by a client.

use crate::{
    ApiKey, DecodeError, EncodeError, ErrorCode, Response,
    header::{decode_response_header, encode_response_header},
    messages::{ApiVersionsResponse, api_versions_response::ApiVersion},
    request::{frame_begin, frame_end},
    shape,
};
use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};
use bytes::Bytes;

/// Encodes a response as a frame with its length. For fetches with records see [`crate::encode_fetch_response`].
pub fn encode_response(correlation_id: i32, version: i16, response: &Response) -> Result<Bytes, EncodeError> {
    let api = response.api();
    let mut out = frame_begin();
    encode_response_header(api, version, correlation_id, &mut out);
    response.encode_body(version, &mut out).map_err(|reason| EncodeError { api, version, reason })?;
    Ok(frame_end(out))
}

/// The correlation id of a response: the first thing in its frame (without length).
pub fn correlation_id(frame: &[u8]) -> Option<i32> {
    frame.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
}

/// Decodes the response to a request of `api` and `version` from a frame without its length.
///
/// The answer to an ApiVersions request that the broker did not understand is recognised although it has version 0.
pub fn decode_response(api: ApiKey, version: i16, mut frame: Bytes) -> Result<(i32, Response), DecodeError> {
    if !api.versions().contains(version) {
        return Err(DecodeError::UnsupportedVersion { api, version });
    }
    let correlation_id = decode_response_header(api, version, &mut frame)?;
    let version = if is_unsupported_api_versions_response(api, &frame) { 0 } else { version };
    let malformed = |reason: String| DecodeError::malformed(api, version, reason);
    shape::walk(shape::tables::response(api), version, api.is_flexible(version), &frame)
        .map_err(|error| malformed(error.to_string()))?;
    let response = Response::decode_body(api, version, &mut frame).map_err(malformed)?;
    Ok((correlation_id, response))
}

/// What an ApiVersions response lists: every API that the server serves, with the versions to announce.
pub fn supported_api_versions(is_served: impl Fn(ApiKey) -> bool) -> Vec<ApiVersion> {
    ApiKey::ALL.iter().filter(|api| is_served(**api)).map(|api| announced(*api)).collect()
}

/// The answer to an ApiVersions request of an unknown version: version 0, error 35, and which versions of ApiVersions there
/// are, so that the client can ask again (KIP-511). A frame with its length.
pub fn unsupported_api_versions_response(correlation_id: i32) -> Bytes {
    let response = ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(vec![announced(ApiKey::ApiVersions)]);
    encode_response(correlation_id, 0, &response.into()).expect("version 0 has these fields")
}

fn announced(api: ApiKey) -> ApiVersion {
    let versions = api.announced_versions();
    ApiVersion::default().with_api_key(api.key()).with_min_version(versions.min).with_max_version(versions.max)
}

/// A broker that does not know the version asked for answers in version 0, whatever was asked. In every version the error
/// code comes first.
fn is_unsupported_api_versions_response(api: ApiKey, body: &[u8]) -> bool {
    api == ApiKey::ApiVersions && body.first_chunk() == Some(&ErrorCode::UnsupportedVersion.code().to_be_bytes())
}
