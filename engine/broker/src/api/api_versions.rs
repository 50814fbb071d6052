//! ApiVersions (18): which APIs this broker serves, and in which versions. The first thing that most clients ask.
//!
//! A request in a version that is not known never gets here: it is answered in version 0 (KIP-511), see
//! [`crate::pipeline`].

use crate::{api::is_served, connections::RequestContext, reply::Reply, turn::Turn};
use alloc::vec::Vec;
use naru_metadata::features;
use naru_wire::messages::api_versions_response::{FinalizedFeatureKey, SupportedFeatureKey};
use naru_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use naru_wire::{ErrorCode, StrBytes, supported_api_versions};

/// Clients say what they are from this version on (KIP-511), and are told the cluster's features (KIP-584).
const FIRST_VERSION_WITH_SOFTWARE: i16 = 3;
/// Since this version a feature's lowest level may be 0.
const FIRST_VERSION_WITH_LEVEL_0: i16 = 4;

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: &ApiVersionsRequest) -> Reply {
    // Read the request.
    let names_software = context.version >= FIRST_VERSION_WITH_SOFTWARE;
    // Decide.
    let is_valid = !names_software
        || (is_software_name(&request.client_software_name) && is_software_name(&request.client_software_version));
    // Answer.
    if !is_valid {
        return Reply::Now(ApiVersionsResponse::default().with_error_code(ErrorCode::InvalidRequest as i16).into());
    }
    let mut response = ApiVersionsResponse::default().with_api_keys(supported_api_versions(is_served));
    if names_software {
        let image = turn.state.metadata.image();
        let feature = |(name, level): (&str, i16)| {
            FinalizedFeatureKey::default()
                .with_name(StrBytes::from_string(name.into()))
                .with_min_version_level(level)
                .with_max_version_level(level)
        };
        response.finalized_features = image.features().map(feature).collect();
        response.supported_features = supported_features(context.version);
        response.finalized_features_epoch = turn.state.metadata.durable_offset();
    }
    Reply::Now(response.into())
}

/// The levels of features that this broker understands. Before version 4 level 0 could not be told (KIP-1022).
fn supported_features(version: i16) -> Vec<SupportedFeatureKey> {
    let lowest = if version >= FIRST_VERSION_WITH_LEVEL_0 { 0 } else { 1 };
    let feature = |(name, min, max): &(&'static str, i16, i16)| {
        SupportedFeatureKey::default()
            .with_name(StrBytes::from_static_str(name))
            .with_min_version((*min).max(lowest))
            .with_max_version(*max)
    };
    features::SUPPORTED.iter().map(feature).collect()
}

/// `ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN`: letters and digits, with `.` and `-` inside.
fn is_software_name(name: &str) -> bool {
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}
