//! DescribeQuorum: who votes, who watches, and how far each has come (KIP-595, KIP-836; version 2: KIP-853).

use crate::{Raft, ReplicationState, TOPIC, Voter, check, role::Role};
use alloc::{string::ToString, vec, vec::Vec};
use naru_trace::Now;
use naru_wire::{ErrorCode, StrBytes, TopicName, messages as kp};

impl Raft {
    /// Answers a DescribeQuorum request. Only the leader knows.
    pub(crate) fn on_describe_quorum(
        &self,
        request: &kp::DescribeQuorumRequest,
        version: i16,
        now: Now,
    ) -> kp::DescribeQuorumResponse {
        let ours = |topic: &kp::describe_quorum_request::TopicData| check::is_metadata_topic(&topic.topic_name);
        let partition = kp::describe_quorum_response::PartitionData::default();
        if check::only(&request.topics, ours, |topic| &topic.partitions).is_none_or(|asked| asked.partition_index != 0)
        {
            return describe_error(request, version, ErrorCode::UnknownTopicOrPartition);
        }
        let Role::Leader(leader) = &self.role else {
            return describe_error(request, version, ErrorCode::NotLeaderOrFollower);
        };
        let me = self.myself(now);
        let voters = self.voters().iter().map(|(id, voter)| {
            let state = if *id == self.config.node_id { Some(&me) } else { leader.voters.get(id) };
            replica_state(*id, voter, state, version)
        });
        let is_observer = |id: &i32| !self.voters().contains_key(id);
        let observers = leader.observers.iter().chain(leader.voters.iter()).filter(|(id, _)| is_observer(id));
        let observers = observers.map(|(id, state)| {
            let voter = Voter { directory_id: state.directory_id, ..Voter::default() };
            replica_state(*id, &voter, Some(state), version)
        });
        let partition = partition
            .with_leader_id(self.config.node_id.into())
            .with_leader_epoch(self.election.epoch)
            .with_high_watermark(self.high_watermark)
            .with_current_voters(voters.collect())
            .with_observers(observers.collect());
        let topic = kp::describe_quorum_response::TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        let response = kp::DescribeQuorumResponse::default().with_topics(vec![topic]);
        if version >= 2 { response.with_nodes(self.nodes()) } else { response }
    }

    fn myself(&self, now: Now) -> ReplicationState {
        ReplicationState {
            directory_id: self.config.directory_id,
            end_offset: self.log.log_end_offset(),
            last_fetch_ms: now.wall_ms,
            last_caught_up_ms: now.wall_ms,
            ..ReplicationState::new()
        }
    }

    fn nodes(&self) -> Vec<kp::describe_quorum_response::Node> {
        let node = |(id, voter): (&i32, &Voter)| {
            let listener = kp::describe_quorum_response::Listener::default()
                .with_name(StrBytes::from_static_str("CONTROLLER"))
                .with_host(StrBytes::from_string(voter.host.clone()))
                .with_port(voter.port);
            kp::describe_quorum_response::Node::default().with_node_id((*id).into()).with_listeners(vec![listener])
        };
        self.voters().iter().map(node).collect()
    }
}

fn replica_state(
    id: i32,
    voter: &Voter,
    state: Option<&ReplicationState>,
    version: i16,
) -> kp::describe_quorum_response::ReplicaState {
    let mut described = kp::describe_quorum_response::ReplicaState::default()
        .with_replica_id(id.into())
        .with_log_end_offset(state.map_or(-1, |state| state.end_offset));
    if version >= 1 {
        described = described
            .with_last_fetch_timestamp(state.map_or(-1, |state| state.last_fetch_ms))
            .with_last_caught_up_timestamp(state.map_or(-1, |state| state.last_caught_up_ms));
    }
    if version >= 2 {
        let directory_id = state.map(|state| state.directory_id).filter(|id| !id.is_nil());
        described = described.with_replica_directory_id(directory_id.unwrap_or(voter.directory_id));
    }
    described
}

fn describe_error(request: &kp::DescribeQuorumRequest, version: i16, error: ErrorCode) -> kp::DescribeQuorumResponse {
    let topic = |topic: &kp::describe_quorum_request::TopicData| {
        let partition = |asked: &kp::describe_quorum_request::PartitionData| {
            let mut partition = kp::describe_quorum_response::PartitionData::default()
                .with_partition_index(asked.partition_index)
                .with_error_code(error as i16);
            if version >= 2 {
                partition = partition.with_error_message(Some(StrBytes::from_string(error.message().to_string())));
            }
            partition
        };
        kp::describe_quorum_response::TopicData::default()
            .with_topic_name(topic.topic_name.clone())
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    kp::DescribeQuorumResponse::default().with_topics(request.topics.iter().map(topic).collect())
}
