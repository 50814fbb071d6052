//! DescribeCluster (60): the cluster's id, its brokers and its controller, without any topics.

use crate::{connections::RequestContext, reply::Reply, turn::Turn};
use naru_wire::messages::describe_cluster_response::DescribeClusterBroker;
use naru_wire::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};
use naru_wire::{ErrorCode, StrBytes};

/// What a client asks about: brokers, not controllers (KIP-919).
const ENDPOINT_TYPE_BROKERS: i8 = 1;

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, _context: &RequestContext, request: &DescribeClusterRequest) -> Reply {
    // Read the request.
    let asks_for_brokers = request.endpoint_type == ENDPOINT_TYPE_BROKERS;
    // Decide.
    if !asks_for_brokers {
        let message =
            StrBytes::from_static_str("The request was sent to an endpoint of the wrong type: this is a broker.");
        let response = DescribeClusterResponse::default()
            .with_error_code(ErrorCode::MismatchedEndpointType as i16)
            .with_error_message(Some(message))
            .with_cluster_id(StrBytes::from_string(turn.state.cluster_id.clone()));
        return Reply::Now(response.into());
    }
    // Answer.
    let brokers = turn.live_brokers().into_iter().map(|broker| {
        DescribeClusterBroker::default()
            .with_broker_id(BrokerId(broker.id))
            .with_host(StrBytes::from_string(broker.host))
            .with_port(i32::from(broker.port))
            .with_rack(broker.rack.map(StrBytes::from_string))
    });
    let response = DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_string(turn.state.cluster_id.clone()))
        .with_controller_id(BrokerId(turn.controller_for_clients()))
        .with_brokers(brokers.collect());
    Reply::Now(response.into())
}
