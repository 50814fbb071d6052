//! UpdateFeatures (57): the levels of the cluster's features.
//!
//! Which are possible is decided in `naru_metadata::features`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::{ApiError, update_features};
use naru_wire::messages::update_features_response::UpdatableFeatureResult;
use naru_wire::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};
use naru_wire::{ErrorCode, StrBytes};

/// Up to this version every feature has an answer of its own (KIP-1022).
const LAST_VERSION_WITH_RESULTS: i16 = 1;

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: &UpdateFeaturesRequest) -> Reply {
    // Read the request.
    let has_results = context.version <= LAST_VERSION_WITH_RESULTS;
    if !turn.is_active_controller() {
        return refused(ErrorCode::NotController.into());
    }
    // Decide.
    let decision = match update_features(turn.state.metadata.image(), &turn.state.settings, request) {
        Ok(decision) => decision,
        Err(error) => return refused(error),
    };
    // Answer.
    let mut response = UpdateFeaturesResponse::default().with_error_message(None);
    if has_results {
        let result = |feature: &StrBytes| {
            UpdatableFeatureResult::default().with_feature(feature.clone()).with_error_message(None)
        };
        response.results = request.feature_updates.iter().map(|update| result(&update.feature)).collect();
    }
    match super::commit(turn, decision.records, "the cluster's features changed".into()) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response.into()),
        Err(reason) => refused(ApiError::new(ErrorCode::NotController, reason)),
    }
}

fn refused(error: ApiError) -> Reply {
    let response = UpdateFeaturesResponse::default()
        .with_error_code(error.code as i16)
        .with_error_message(Some(StrBytes::from_string(error.message)));
    Reply::Now(response.into())
}
