//! BeginQuorumEpoch: a leader makes itself known. EndQuorumEpoch: it goes, and says who should come after it.

use crate::{
    Io, Raft, TOPIC, check,
    replication::majority,
    requests::Asked,
    role::{Resigned, Role},
};
use alloc::{vec, vec::Vec};
use naru_wire::{ErrorCode, Request, StrBytes, TopicName, messages as kp};

/// The name of the listener that voters are reached at.
const LISTENER: &str = "CONTROLLER";

impl Raft {
    /// Answers a BeginQuorumEpoch request.
    pub(crate) fn on_begin_quorum_epoch(
        &mut self,
        request: &kp::BeginQuorumEpochRequest,
        io: &mut Io<'_>,
    ) -> kp::BeginQuorumEpochResponse {
        if let Err(error) = self.check_cluster(request.cluster_id.as_ref()) {
            return kp::BeginQuorumEpochResponse::default().with_error_code(error as i16);
        }
        let ours = |topic: &kp::begin_quorum_epoch_request::TopicData| check::is_metadata_topic(&topic.topic_name);
        let Some(begun) = check::only(&request.topics, ours, |topic| &topic.partitions) else {
            return kp::BeginQuorumEpochResponse::default().with_error_code(ErrorCode::InvalidRequest as i16);
        };
        let checked = self.check_voter_request(begun.leader_id.0, begun.leader_epoch);
        let checked = checked.and_then(|()| self.check_receiver(request.voter_id.0, begun.voter_directory_id));
        let checked = checked.and_then(|()| self.join(begun.leader_id.0, begun.leader_epoch, io));
        let partition = kp::begin_quorum_epoch_response::PartitionData::default()
            .with_error_code(checked.err().map_or(0, |error| error as i16))
            .with_leader_id(self.election.leader.unwrap_or(-1).into())
            .with_leader_epoch(self.election.epoch);
        let topic = kp::begin_quorum_epoch_response::TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        kp::BeginQuorumEpochResponse::default().with_topics(vec![topic])
    }

    /// Follows the leader of an epoch that is not an earlier one. Two leaders of one epoch cannot be: the second is refused.
    fn join(&mut self, leader: i32, epoch: i32, io: &mut Io<'_>) -> Result<(), ErrorCode> {
        let is_known = self.election.leader == Some(leader) && self.election.epoch == epoch;
        match &self.role {
            // Whoever hears from the leader itself need not ask whether another would be elected.
            Role::Prospective(_) if is_known => self.follow(leader, epoch, io),
            _ => drop(self.learn(epoch, Some(leader), io)),
        }
        let is_known = self.election.leader.is_none_or(|known| known == leader || epoch < self.election.epoch);
        if is_known { Ok(()) } else { Err(ErrorCode::InvalidRequest) }
    }

    /// Answers an EndQuorumEpoch request.
    pub(crate) fn on_end_quorum_epoch(
        &mut self,
        request: &kp::EndQuorumEpochRequest,
        io: &mut Io<'_>,
    ) -> kp::EndQuorumEpochResponse {
        if let Err(error) = self.check_cluster(request.cluster_id.as_ref()) {
            return kp::EndQuorumEpochResponse::default().with_error_code(error as i16);
        }
        let ours = |topic: &kp::end_quorum_epoch_request::TopicData| check::is_metadata_topic(&topic.topic_name);
        let Some(ended) = check::only(&request.topics, ours, |topic| &topic.partitions) else {
            return kp::EndQuorumEpochResponse::default().with_error_code(ErrorCode::InvalidRequest as i16);
        };
        let checked = self.check_voter_request(ended.leader_id.0, ended.leader_epoch);
        let checked = checked.and_then(|()| self.join(ended.leader_id.0, ended.leader_epoch, io));
        if checked.is_ok() {
            self.stand_after(ended, io);
        }
        let partition = kp::end_quorum_epoch_response::PartitionData::default()
            .with_error_code(checked.err().map_or(0, |error| error as i16))
            .with_leader_id(self.election.leader.unwrap_or(-1).into())
            .with_leader_epoch(self.election.epoch);
        let topic = kp::end_quorum_epoch_response::TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        kp::EndQuorumEpochResponse::default().with_topics(vec![topic])
    }

    /// The leader has gone: the first of those it names stands for election at once, the others later and later. (Since it
    /// said so itself, nobody has to protect it from the question whether somebody else would be elected.)
    fn stand_after(&mut self, ended: &kp::end_quorum_epoch_request::PartitionData, io: &mut Io<'_>) {
        let me = self.config.node_id;
        let by_key = ended.preferred_candidates.iter().map(|candidate| candidate.candidate_id.0);
        let named: Vec<i32> = by_key.chain(ended.preferred_successors.iter().copied()).collect();
        let place = named.iter().position(|id| *id == me).unwrap_or(named.len());
        let wait_ms = match place {
            0 => 0,
            place => self.backoff_ms(place as u32),
        };
        let Role::Follower(follower) = &mut self.role else { return };
        if follower.leader == ended.leader_id.0 {
            follower.has_fetched = false;
            follower.fetch_deadline = io.now.monotonic.plus(1000 * wait_ms);
        }
    }

    /// The leader goes, and tells the voters so. For a node that is about to stop, and for one from which nobody fetches.
    /// Anybody else does nothing.
    pub fn resign(&mut self, io: &mut Io<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let mut successors: Vec<(i64, i32)> =
            leader.voters.iter().map(|(id, state)| (-state.end_offset, *id)).collect();
        successors.retain(|(_, id)| self.voters().contains_key(id));
        successors.sort_unstable();
        let successors: Vec<i32> = successors.into_iter().map(|(_, id)| id).collect();
        let untold = successors.iter().copied().collect();
        let deadline = self.election_deadline(io);
        let role = Role::Resigned(Resigned { deadline, untold, successors });
        self.transition(role, self.election, io);
        self.drive(io);
    }

    /// A leader tells the voters that do not fetch yet (or not any more); one that resigned tells those that were not told.
    pub(crate) fn announce(&mut self, io: &mut Io<'_>) {
        let now = io.now.monotonic;
        match &self.role {
            Role::Leader(leader) => {
                let due = leader.announce_at.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id);
                let may = |id: &i32| self.requests.may_ask(*id, Asked::BeginQuorumEpoch, now);
                for id in due.filter(may).collect::<Vec<i32>>() {
                    let request = self.begin_request(id);
                    self.ask(id, Asked::BeginQuorumEpoch, Request::BeginQuorumEpoch(request), io);
                }
            }
            Role::Resigned(resigned) => {
                let may = |id: &i32| self.requests.may_ask(*id, Asked::EndQuorumEpoch, now);
                let request = self.end_request(&resigned.successors);
                for id in resigned.untold.iter().copied().filter(may).collect::<Vec<i32>>() {
                    self.ask(id, Asked::EndQuorumEpoch, Request::EndQuorumEpoch(request.clone()), io);
                }
            }
            _ => {}
        }
    }

    fn begin_request(&self, to: i32) -> kp::BeginQuorumEpochRequest {
        let directory_id = self.voters().get(&to).map(|voter| voter.directory_id).unwrap_or_default();
        let partition = kp::begin_quorum_epoch_request::PartitionData::default()
            .with_voter_directory_id(directory_id)
            .with_leader_id(self.config.node_id.into())
            .with_leader_epoch(self.election.epoch);
        let topic = kp::begin_quorum_epoch_request::TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        let endpoints = self.leader_endpoint().map(|(_, host, port)| {
            kp::begin_quorum_epoch_request::LeaderEndpoint::default()
                .with_name(StrBytes::from_static_str(LISTENER))
                .with_host(host)
                .with_port(port)
        });
        kp::BeginQuorumEpochRequest::default()
            .with_cluster_id(self.cluster_id())
            .with_voter_id(to.into())
            .with_topics(vec![topic])
            .with_leader_endpoints(endpoints.into_iter().collect())
    }

    fn end_request(&self, successors: &[i32]) -> kp::EndQuorumEpochRequest {
        let candidate = |id: &i32| {
            let directory_id = self.voters().get(id).map(|voter| voter.directory_id).unwrap_or_default();
            kp::end_quorum_epoch_request::ReplicaInfo::default()
                .with_candidate_id((*id).into())
                .with_candidate_directory_id(directory_id)
        };
        let partition = kp::end_quorum_epoch_request::PartitionData::default()
            .with_leader_id(self.config.node_id.into())
            .with_leader_epoch(self.election.epoch)
            .with_preferred_candidates(successors.iter().map(candidate).collect());
        let topic = kp::end_quorum_epoch_request::TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        kp::EndQuorumEpochRequest::default().with_cluster_id(self.cluster_id()).with_topics(vec![topic])
    }

    /// The answer to BeginQuorumEpoch.
    pub(crate) fn on_begin_answer(&mut self, from: i32, response: &kp::BeginQuorumEpochResponse, io: &mut Io<'_>) {
        let ours = |topic: &kp::begin_quorum_epoch_response::TopicData| check::is_metadata_topic(&topic.topic_name);
        let answer = check::only(&response.topics, ours, |topic| &topic.partitions);
        let Some(answer) = answer.filter(|_| response.error_code == 0) else {
            return self.ask_later(from, Asked::BeginQuorumEpoch, io);
        };
        if self.learn(answer.leader_epoch, Some(answer.leader_id.0).filter(|id| *id >= 0), io) {
            return;
        }
        if answer.error_code != 0 {
            return self.ask_later(from, Asked::BeginQuorumEpoch, io);
        }
        self.announce_later(from, io);
    }

    /// A voter that fetches need not be told who leads; it is again when it does not for half a fetch timeout.
    pub(crate) fn announce_later(&mut self, voter: i32, io: &Io<'_>) {
        let at = io.now.monotonic.plus(500 * self.config.fetch_timeout_ms);
        if let Role::Leader(leader) = &mut self.role {
            leader.announce_at.insert(voter, at);
        }
    }

    /// The answer to EndQuorumEpoch.
    pub(crate) fn on_end_answer(&mut self, from: i32, response: &kp::EndQuorumEpochResponse, io: &mut Io<'_>) {
        let ours = |topic: &kp::end_quorum_epoch_response::TopicData| check::is_metadata_topic(&topic.topic_name);
        if let Some(answer) = check::only(&response.topics, ours, |topic| &topic.partitions) {
            let leader = Some(answer.leader_id.0).filter(|id| *id >= 0);
            if self.learn(answer.leader_epoch, leader, io) {
                return;
            }
        }
        if let Role::Resigned(resigned) = &mut self.role {
            resigned.untold.remove(&from);
        }
    }

    /// A voter fetched. When a majority has, the leader is one for another while.
    pub(crate) fn note_fetched(&mut self, voter: i32, io: &Io<'_>) {
        let others = majority(self.voters().len()) - usize::from(self.is_voter());
        let deadline = io.now.monotonic.plus(self.check_quorum_us());
        self.announce_later(voter, io);
        let Role::Leader(leader) = &mut self.role else { return };
        leader.fetched.insert(voter);
        if leader.fetched.len() >= others {
            leader.fetched.clear();
            leader.check_quorum_deadline = deadline;
        }
    }
}
