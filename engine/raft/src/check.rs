//! What is checked of a request before anything else, and what every answer says: who leads, and since which epoch.

use crate::{
    ElectionState, Io, Raft, TOPIC, TOPIC_ID,
    role::{Follower, Role, Unattached},
};
use alloc::vec::Vec;
use naru_wire::{ErrorCode, StrBytes};
use uuid::Uuid;

/// The one partition of the one topic; `None` if the request is about anything else. Requests about several partitions
/// (multi-raft) do not exist yet, as in Kafka.
pub(crate) fn only<T, P>(topics: &[T], is_ours: impl Fn(&T) -> bool, partitions: impl Fn(&T) -> &Vec<P>) -> Option<&P> {
    let [topic] = topics else { return None };
    match &partitions(topic)[..] {
        [partition] if is_ours(topic) => Some(partition),
        _ => None,
    }
}

/// Whether a topic is the metadata log's.
pub(crate) fn is_metadata_topic(name: &str) -> bool {
    name == TOPIC
}

/// The same, for messages that name topics by their id.
pub(crate) fn is_metadata_topic_id(id: Uuid) -> bool {
    id == TOPIC_ID
}

impl Raft {
    /// Kafka's INCONSISTENT_CLUSTER_ID: it comes from another cluster. Who names none is believed.
    pub(crate) fn check_cluster(&self, cluster_id: Option<&StrBytes>) -> Result<(), ErrorCode> {
        let ours = &self.config.cluster_id;
        match cluster_id {
            Some(theirs) if !ours.is_empty() && **theirs != **ours => Err(ErrorCode::InconsistentClusterId),
            _ => Ok(()),
        }
    }

    /// Of requests from voter to voter: not of an earlier epoch, and from somebody. (validateVoterOnlyRequest.)
    pub(crate) fn check_voter_request(&self, from: i32, epoch: i32) -> Result<(), ErrorCode> {
        if from < 0 {
            return Err(ErrorCode::InvalidRequest);
        }
        match epoch < self.election.epoch {
            true => Err(ErrorCode::FencedLeaderEpoch),
            false => Ok(()),
        }
    }

    /// Of requests to the leader: in the very epoch, and to the leader. (validateLeaderOnlyRequest.)
    pub(crate) fn check_leader_request(&self, epoch: i32) -> Result<(), ErrorCode> {
        match epoch.cmp(&self.election.epoch) {
            core::cmp::Ordering::Less => Err(ErrorCode::FencedLeaderEpoch),
            core::cmp::Ordering::Greater => Err(ErrorCode::UnknownLeaderEpoch),
            core::cmp::Ordering::Equal if !self.is_leader() => Err(ErrorCode::NotLeaderOrFollower),
            core::cmp::Ordering::Equal => Ok(()),
        }
    }

    /// Whether a request that names its receiver means this node: INVALID_VOTER_KEY if not (KIP-853).
    pub(crate) fn check_receiver(&self, voter_id: i32, directory_id: Uuid) -> Result<(), ErrorCode> {
        let named = crate::ReplicaKey { id: voter_id, directory_id };
        match voter_id < 0 || named.fits(&self.me()) {
            true => Ok(()),
            false => Err(ErrorCode::InvalidVoterKey),
        }
    }

    /// Somebody says who leads an epoch, or only that there is one. (maybeTransition.) Returns whether this node has
    /// changed.
    pub(crate) fn learn(&mut self, epoch: i32, leader: Option<i32>, io: &mut Io<'_>) -> bool {
        // Somebody who says that this node leads knows more of its past than it does itself: its disk was lost.
        let leader = leader.filter(|leader| *leader != self.config.node_id);
        if epoch > self.election.epoch {
            match leader {
                Some(leader) => self.follow(leader, epoch, io),
                None => self.become_unattached(epoch, io),
            }
            return true;
        }
        let is_news = epoch == self.election.epoch && self.election.leader.is_none();
        match leader {
            Some(leader) if is_news && self.may_follow() => {
                self.follow(leader, epoch, io);
                true
            }
            _ => false,
        }
    }

    fn may_follow(&self) -> bool {
        matches!(self.role, Role::Unattached(_) | Role::Prospective(_) | Role::Candidate(_))
    }

    pub(crate) fn become_unattached(&mut self, epoch: i32, io: &mut Io<'_>) {
        let voted = self.election.voted.filter(|_| epoch == self.election.epoch);
        let deadline = self.election_deadline(io);
        let election = ElectionState { epoch, leader: None, voted };
        self.transition(Role::Unattached(Unattached { deadline }), election, io);
    }

    /// A follower that has not fetched yet.
    pub(crate) fn following(&self, leader: i32, io: &Io<'_>) -> Follower {
        Follower {
            leader,
            fetch_deadline: self.fetch_deadline(io),
            has_fetched: false,
            leader_high_watermark: -1,
            ask_others: false,
            snapshot: None,
        }
    }

    pub(crate) fn follow(&mut self, leader: i32, epoch: i32, io: &mut Io<'_>) {
        let voted = self.election.voted.filter(|_| epoch == self.election.epoch);
        let follower = self.following(leader, io);
        self.lost_elections = 0;
        self.transition(Role::Follower(follower), ElectionState { epoch, leader: Some(leader), voted }, io);
    }
}
