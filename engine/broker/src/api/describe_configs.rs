//! DescribeConfigs (32): what is set for topics and brokers, where it comes from, and what it means.
//!
//! The keys, their defaults and their documentation are in `naru_metadata`.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_metadata::describe_configs;
use naru_wire::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &DescribeConfigsRequest) -> Reply {
    // Read the request: nothing to do, the lookup wants all of it.
    // Decide.
    let results = describe_configs(turn.state.metadata.image(), &turn.state.settings, request);
    // Answer.
    Reply::Now(DescribeConfigsResponse::default().with_results(results).into())
}
