//! Elections: asking whether one would be elected, asking to be, and what comes of it.
//!
//! The first question changes nothing anywhere (KIP-996): a node that was cut off and comes back does not disturb a leader
//! that works, because nobody who hears from that leader would vote for it.

use crate::{
    ElectionState, Io, Raft,
    control::{control_batch, leader_change},
    replication::{ReplicationState, majority},
    role::{Election, Leader, Role},
};
use alloc::vec::Vec;
use naru_trace::{SortedMap, SortedSet};

impl Raft {
    /// A lone voter needs nobody's vote: it leads at once. Its log is still to be synced ([`Raft::sync_now`]).
    pub fn elect_self(&mut self, io: &mut Io<'_>) {
        let is_alone = self.is_voter() && self.voters().len() == 1;
        assert!(is_alone, "only a lone voter elects itself");
        if !self.is_leader() && self.failed.is_none() {
            self.become_prospective(io);
            self.drive(io);
        }
    }

    /// Asks whether it would be elected.
    pub(crate) fn become_prospective(&mut self, io: &mut Io<'_>) {
        let role = Role::Prospective(self.new_election(io));
        self.transition(role, self.election, io);
        self.maybe_win(io);
    }

    fn become_candidate(&mut self, io: &mut Io<'_>) {
        let election = ElectionState { epoch: self.election.epoch + 1, leader: None, voted: Some(self.me()) };
        let role = Role::Candidate(self.new_election(io));
        self.transition(role, election, io);
        self.maybe_win(io);
    }

    fn new_election(&mut self, io: &Io<'_>) -> Election {
        let granted = SortedSet::from_iter([self.config.node_id]);
        Election { granted, deadline: self.election_deadline(io), ..Election::default() }
    }

    /// Goes on if a majority has granted its vote.
    pub(crate) fn maybe_win(&mut self, io: &mut Io<'_>) {
        if self.failed.is_some() {
            return;
        }
        let needed = majority(self.voters().len());
        let won = |election: &Election| {
            election.granted.iter().filter(|id| self.voters().contains_key(*id)).count() >= needed
        };
        match &self.role {
            Role::Prospective(election) if won(election) => self.become_candidate(io),
            Role::Candidate(election) if won(election) => {
                let granting = election.granted.iter().copied().collect();
                self.become_leader(granting, io);
            }
            _ => {}
        }
    }

    /// Leads, and writes so into the log: once that record is committed, all before it is.
    fn become_leader(&mut self, granting: Vec<i32>, io: &mut Io<'_>) {
        let me = self.config.node_id;
        let others: Vec<i32> = self.voters().keys().copied().filter(|id| *id != me).collect();
        let now = io.now.monotonic;
        let leader = Leader {
            epoch_start: self.log.log_end_offset(),
            voters: others.iter().map(|id| (*id, ReplicationState::new())).collect(),
            observers: SortedMap::new(),
            fetched: SortedSet::new(),
            check_quorum_deadline: now.plus(self.check_quorum_us()),
            announce_at: others.iter().map(|id| (*id, now)).collect(),
        };
        let record = leader_change(me, self.voters(), granting.into_iter(), self.members.kraft_version());
        let election = ElectionState { leader: Some(me), ..self.election };
        self.lost_elections = 0;
        self.transition(Role::Leader(leader), election, io);
        if self.failed.is_none() {
            let batch = control_batch(&[record], 0, -1, io.now.wall_ms);
            // A failure is remembered, and then nothing is promised any more.
            drop(self.append_batch(batch, io));
        }
    }

    /// How long a leader stays one although no majority fetches, in microseconds (LeaderState.CHECK_QUORUM_TIMEOUT_FACTOR).
    pub(crate) fn check_quorum_us(&self) -> u64 {
        1500 * self.config.fetch_timeout_ms
    }
}
