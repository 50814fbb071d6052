//! AlterConfigs (33) and IncrementalAlterConfigs (44): what is set for topics and brokers.
//!
//! What may be set is decided in `naru_metadata::alter_configs`. Logs obey as soon as the decision is safely on disk, see
//! [`crate::publish`].

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use alloc::vec::Vec;
use naru_metadata::{AlteredResource, ApiError, Decision, alter_configs, incremental_alter_configs};
use naru_wire::messages::{
    AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    alter_configs_response::AlterConfigsResourceResponse as Replaced,
    incremental_alter_configs_response::AlterConfigsResourceResponse as Changed,
};
use naru_wire::{ErrorCode, Response, StrBytes};

/// Answers a request that replaces everything that is set.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &AlterConfigsRequest) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    // Decide.
    let decision = alter_configs(turn.state.metadata.image(), &turn.state.settings, request);
    // Answer.
    answer(turn, decision, |resources| {
        let response = |resource: AlteredResource| {
            let (code, message) = error(resource.refused);
            Replaced::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
        };
        AlterConfigsResponse::default().with_responses(resources.into_iter().map(response).collect()).into()
    })
}

/// Answers a request that changes single keys (KIP-339).
pub(crate) fn handle_incremental(
    turn: &mut Turn<'_>,
    _context: &RequestContext,
    request: &IncrementalAlterConfigsRequest,
) -> Reply {
    // Read the request: nothing to do, the decision wants all of it.
    // Decide.
    let decision = incremental_alter_configs(turn.state.metadata.image(), &turn.state.settings, request);
    // Answer.
    answer(turn, decision, |resources| {
        let response = |resource: AlteredResource| {
            let (code, message) = error(resource.refused);
            Changed::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
        };
        IncrementalAlterConfigsResponse::default().with_responses(resources.into_iter().map(response).collect()).into()
    })
}

fn answer(
    turn: &mut Turn<'_>,
    decision: Decision<Vec<AlteredResource>>,
    response: impl FnOnce(Vec<AlteredResource>) -> Response,
) -> Reply {
    let mut resources = decision.response;
    match turn.commit_decision(decision.records) {
        Ok(end_offset) => turn.reply_when_durable(end_offset, response(resources)),
        Err(reason) => {
            for resource in resources.iter_mut().filter(|resource| resource.refused.is_none()) {
                resource.refused = Some(ApiError::new(ErrorCode::KafkaStorageError, reason.clone()));
            }
            Reply::Now(response(resources))
        }
    }
}

fn error(refused: Option<ApiError>) -> (i16, Option<StrBytes>) {
    match refused {
        None => (0, None),
        Some(error) => (error.code.code(), Some(StrBytes::from_string(error.message))),
    }
}
