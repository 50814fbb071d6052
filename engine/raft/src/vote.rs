//! Vote: asked by prospective nodes and candidates, answered by everybody (KIP-595; pre-vote: KIP-996, version 2).
//!
//! | asked for | unattached, prospective | candidate | follower | leader | resigned |
//! |---|---|---|---|---|---|
//! | pre-vote | if the log is as good | if the log is as good | if it never fetched in this epoch | no | if the log is as good |
//! | vote | if the log is as good, and it voted for nobody else and knows no leader | only for itself | no | no | no |
//!
//! "As good" is Raft's: the last record is of a later epoch, or of the same one and not before one's own last.

use crate::{
    ElectionState, Io, Raft, ReplicaKey, TOPIC, check,
    requests::Asked,
    role::{Election, Role, Unattached},
};
use naru_wire::{ErrorCode, Request, StrBytes, TopicName, messages as kp};

impl Raft {
    /// Answers a Vote request.
    pub(crate) fn on_vote(&mut self, request: &kp::VoteRequest, version: i16, io: &mut Io<'_>) -> kp::VoteResponse {
        if let Err(error) = self.check_cluster(request.cluster_id.as_ref()) {
            return kp::VoteResponse::default().with_error_code(error as i16);
        }
        let ours = |topic: &kp::vote_request::TopicData| check::is_metadata_topic(&topic.topic_name);
        let Some(asked) = check::only(&request.topics, ours, |topic| &topic.partitions) else {
            return kp::VoteResponse::default().with_error_code(ErrorCode::InvalidRequest as i16);
        };
        let decided = self.decide_vote(request, asked, io);
        self.vote_response(decided, version)
    }

    fn decide_vote(
        &mut self,
        request: &kp::VoteRequest,
        asked: &kp::vote_request::PartitionData,
        io: &mut Io<'_>,
    ) -> Result<bool, ErrorCode> {
        let (candidate, epoch) = (asked.replica_id.0, asked.replica_epoch);
        self.check_voter_request(candidate, epoch)?;
        // Nobody has records of the epoch that it stands for; whoever only asks may have some of the one it is in.
        let last_epoch_max = if asked.pre_vote { epoch } else { epoch - 1 };
        if asked.last_offset < 0 || !(0..=last_epoch_max).contains(&asked.last_offset_epoch) {
            return Err(ErrorCode::InvalidRequest);
        }
        self.check_receiver(request.voter_id.0, asked.voter_directory_id)?;
        if epoch > self.election.epoch {
            self.become_unattached(epoch, io);
        }
        let key = ReplicaKey { id: candidate, directory_id: asked.replica_directory_id };
        let is_log_as_good = (asked.last_offset_epoch, asked.last_offset) >= (self.last_epoch(), self.end_offset());
        let (mut granted, mut because) = self.would_grant(&key, asked.pre_vote, is_log_as_good);
        if granted && !asked.pre_vote {
            self.give_vote(key, io);
            if self.failed.is_some() {
                // A vote that may be forgotten is not given.
                (granted, because) = (false, "disk failed");
            }
        }
        self.trace_vote_given(&key, asked.pre_vote, granted, because, io);
        Ok(granted)
    }

    /// The table above, and why.
    fn would_grant(&self, key: &ReplicaKey, pre_vote: bool, is_log_as_good: bool) -> (bool, &'static str) {
        let by_log = if is_log_as_good { (true, "log as good") } else { (false, "log behind") };
        match &self.role {
            Role::Leader(_) => (false, "leads"),
            Role::Follower(follower) if !pre_vote || follower.has_fetched => (false, "has a leader"),
            Role::Follower(_) => by_log,
            Role::Unattached(_) | Role::Prospective(_) if !pre_vote => {
                match (self.election.voted, self.election.leader) {
                    (Some(voted), _) if voted.fits(key) => (true, "same vote again"),
                    (Some(_), _) => (false, "voted for another"),
                    (None, Some(_)) => (false, "has a leader"),
                    (None, None) => by_log,
                }
            }
            Role::Candidate(_) if !pre_vote => (false, "voted for another"),
            Role::Resigned(_) if !pre_vote => (false, "resigned"),
            Role::Unattached(_) | Role::Prospective(_) | Role::Candidate(_) | Role::Resigned(_) => by_log,
        }
    }

    /// The vote is on the disk before it is answered.
    fn give_vote(&mut self, key: ReplicaKey, io: &mut Io<'_>) {
        let election = ElectionState { voted: Some(key), ..self.election };
        if election == self.election {
            return;
        }
        // Whoever has given a vote gives the candidate time to win.
        let role = match &self.role {
            Role::Prospective(_) => Role::Prospective(self.role_election().clone()),
            _ => Role::Unattached(Unattached { deadline: self.election_deadline(io) }),
        };
        self.transition(role, election, io);
    }

    fn role_election(&self) -> &Election {
        match &self.role {
            Role::Prospective(election) | Role::Candidate(election) => election,
            other => panic!("{:?} asks for no votes", other.name()),
        }
    }

    fn vote_response(&self, decided: Result<bool, ErrorCode>, version: i16) -> kp::VoteResponse {
        let partition = kp::vote_response::PartitionData::default()
            .with_error_code(decided.err().map_or(0, |error| error as i16))
            .with_leader_id(self.election.leader.unwrap_or(-1).into())
            .with_leader_epoch(self.election.epoch)
            .with_vote_granted(decided.unwrap_or(false));
        let topic = kp::vote_response::TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(alloc::vec![partition]);
        let mut response = kp::VoteResponse::default().with_topics(alloc::vec![topic]);
        if let Some((id, host, port)) = self.leader_endpoint().filter(|_| version >= 1) {
            let endpoint =
                kp::vote_response::NodeEndpoint::default().with_node_id(id.into()).with_host(host).with_port(port);
            response = response.with_node_endpoints(alloc::vec![endpoint]);
        }
        response
    }

    /// Asks the voters that have not answered yet.
    pub(crate) fn ask_for_votes(&mut self, io: &mut Io<'_>) {
        let (Role::Prospective(election) | Role::Candidate(election)) = &self.role else { return };
        if election.backoff_until.is_some() {
            return;
        }
        let pre_vote = matches!(self.role, Role::Prospective(_));
        let asked = Asked::Vote { pre_vote };
        let has_answered = |id: &i32| election.granted.contains(id) || election.rejected.contains(id);
        let silent = self.voters().keys().copied().filter(|id| !has_answered(id));
        let now = io.now.monotonic;
        let to: alloc::vec::Vec<i32> = silent.filter(|id| self.requests.may_ask(*id, asked, now)).collect();
        for id in to {
            self.trace_vote_asked(id, pre_vote, io);
            let request = self.vote_request(id, pre_vote);
            self.ask(id, asked, Request::Vote(request), io);
        }
    }

    fn vote_request(&self, to: i32, pre_vote: bool) -> kp::VoteRequest {
        let directory_id = self.voters().get(&to).map(|voter| voter.directory_id).unwrap_or_default();
        let partition = kp::vote_request::PartitionData::default()
            .with_replica_epoch(self.election.epoch)
            .with_replica_id(self.config.node_id.into())
            .with_replica_directory_id(self.config.directory_id)
            .with_voter_directory_id(directory_id)
            .with_last_offset_epoch(self.last_epoch())
            .with_last_offset(self.end_offset())
            .with_pre_vote(pre_vote);
        let topic = kp::vote_request::TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(alloc::vec![partition]);
        kp::VoteRequest::default()
            .with_cluster_id(self.cluster_id())
            .with_voter_id(to.into())
            .with_topics(alloc::vec![topic])
    }

    /// A voter has answered.
    pub(crate) fn on_vote_answer(&mut self, from: i32, asked: Asked, response: &kp::VoteResponse, io: &mut Io<'_>) {
        let ours = |topic: &kp::vote_response::TopicData| check::is_metadata_topic(&topic.topic_name);
        let answer = check::only(&response.topics, ours, |topic| &topic.partitions);
        let Some(answer) = answer.filter(|_| response.error_code == 0) else {
            return self.ask_later(from, asked, io);
        };
        let leader = Some(answer.leader_id.0).filter(|leader| *leader >= 0);
        if self.learn(answer.leader_epoch, leader, io) {
            return;
        }
        if answer.error_code != 0 {
            return self.ask_later(from, asked, io);
        }
        let (Role::Prospective(election) | Role::Candidate(election)) = &mut self.role else { return };
        match answer.vote_granted {
            true => election.granted.insert(from),
            false => election.rejected.insert(from),
        };
        self.maybe_win(io);
        self.maybe_lose(io);
    }
}
