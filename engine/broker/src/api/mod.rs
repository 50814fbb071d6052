//! What this broker does with each kind of request: one file for each API.
//!
//! Every file has the same three parts in the same order: *read the request*, *decide*, *answer*. Deciding about topics
//! happens in `naru-metadata`; deciding about records happens here.
//!
//! `naru-wire` understands more APIs than are served here. A new handler takes an arm in [`handle`] and its name in
//! [`is_served`]: from then on it is announced.

pub(crate) mod alter_configs;
pub(crate) mod api_versions;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_log_dirs;
pub(crate) mod fetch;
pub(crate) mod fetch_read;
pub(crate) mod groups;
pub(crate) mod groups_admin;
pub(crate) mod init_producer_id;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod produce_check;

use crate::{connections::RequestContext, controller, reply::Reply, turn::Turn};
use alloc::format;
use naru_wire::{ApiKey, Request};

/// Whether clients may ask for it. What only nodes ask each other has handlers as well, and is not announced.
pub(crate) fn is_served(api: ApiKey) -> bool {
    matches!(
        api,
        ApiKey::Produce
            | ApiKey::Fetch
            | ApiKey::ListOffsets
            | ApiKey::Metadata
            | ApiKey::OffsetForLeaderEpoch
            | ApiKey::ApiVersions
            | ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::DeleteRecords
            | ApiKey::InitProducerId
            | ApiKey::DescribeConfigs
            | ApiKey::AlterConfigs
            | ApiKey::IncrementalAlterConfigs
            | ApiKey::DescribeLogDirs
            | ApiKey::CreatePartitions
            | ApiKey::DescribeCluster
            | ApiKey::DescribeQuorum
            | ApiKey::AddRaftVoter
            | ApiKey::RemoveRaftVoter
            | ApiKey::UnregisterBroker
            | ApiKey::ElectLeaders
            | ApiKey::AlterPartitionReassignments
            | ApiKey::ListPartitionReassignments
            | ApiKey::UpdateFeatures
            | ApiKey::FindCoordinator
            | ApiKey::JoinGroup
            | ApiKey::SyncGroup
            | ApiKey::Heartbeat
            | ApiKey::LeaveGroup
            | ApiKey::OffsetCommit
            | ApiKey::OffsetFetch
            | ApiKey::OffsetDelete
            | ApiKey::DescribeGroups
            | ApiKey::ListGroups
            | ApiKey::DeleteGroups
            | ApiKey::ConsumerGroupHeartbeat
            | ApiKey::ConsumerGroupDescribe
    )
}

/// The handler of a request.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: Request) -> Reply {
    match request {
        Request::Produce(request) => produce::handle(turn, context, request),
        Request::Fetch(request) => fetch::handle(turn, context, request),
        Request::ListOffsets(request) => list_offsets::handle(turn, context, request),
        Request::Metadata(request) => metadata::handle(turn, context, request),
        Request::ApiVersions(request) => api_versions::handle(turn, context, &request),
        Request::CreateTopics(request) => create_topics::handle(turn, context, &request),
        Request::DeleteTopics(request) => delete_topics::handle(turn, context, &request),
        Request::DeleteRecords(request) => delete_records::handle(turn, context, &request),
        Request::InitProducerId(request) => init_producer_id::handle(turn, context, &request),
        Request::IncrementalAlterConfigs(request) => alter_configs::handle_incremental(turn, context, &request),
        Request::CreatePartitions(request) => create_partitions::handle(turn, context, &request),
        Request::AlterPartition(request) => controller::alter_partition::handle(turn, context, &request),
        Request::BrokerRegistration(request) => controller::broker_registration::handle(turn, context, &request),
        Request::BrokerHeartbeat(request) => controller::broker_heartbeat::handle(turn, context, &request),
        Request::AllocateProducerIds(request) => controller::allocate_producer_ids::handle(turn, context, &request),
        // The browser's engine ends here: what nobody asks in labs would only make it larger.
        _ if cfg!(target_arch = "wasm32") => not_served(context),
        Request::DescribeConfigs(request) => describe_configs::handle(turn, context, &request),
        Request::DescribeLogDirs(request) => describe_log_dirs::handle(turn, context, &request),
        Request::DescribeCluster(request) => describe_cluster::handle(turn, context, &request),
        Request::OffsetForLeaderEpoch(request) => offset_for_leader_epoch::handle(turn, context, &request),
        Request::AlterConfigs(request) => alter_configs::handle(turn, context, &request),
        Request::ElectLeaders(request) => controller::elect_leaders::handle(turn, context, &request),
        Request::AlterPartitionReassignments(request) => controller::reassign::handle_alter(turn, context, &request),
        Request::ListPartitionReassignments(request) => controller::reassign::handle_list(turn, context, &request),
        Request::UpdateFeatures(request) => controller::update_features::handle(turn, context, &request),
        Request::UnregisterBroker(request) => controller::unregister_broker::handle(turn, context, &request),
        Request::FindCoordinator(request) => groups::find(turn, context, &request),
        Request::JoinGroup(request) => groups::join(turn, context, &request),
        Request::SyncGroup(request) => groups::sync(turn, context, &request),
        Request::Heartbeat(request) => groups::heartbeat(turn, context, &request),
        Request::LeaveGroup(request) => groups::leave(turn, context, &request),
        Request::OffsetCommit(request) => groups::commit(turn, context, &request),
        Request::OffsetFetch(request) => groups::fetch_offsets(turn, context, &request),
        Request::OffsetDelete(request) => groups::delete_offsets(turn, context, &request),
        Request::DescribeGroups(request) => groups_admin::describe(turn, context, &request),
        Request::ListGroups(request) => groups_admin::list(turn, context, &request),
        Request::DeleteGroups(request) => groups_admin::delete(turn, context, &request),
        Request::ConsumerGroupHeartbeat(request) => groups::consumer_heartbeat(turn, context, &request),
        Request::ConsumerGroupDescribe(request) => groups_admin::describe_consumer(turn, context, &request),
        _ => not_served(context),
    }
}

fn not_served(context: &RequestContext) -> Reply {
    Reply::Close(format!("{} is not served yet", context.api.name()).into())
}
