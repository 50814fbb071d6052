//! Time: what happens when nothing else does, and what is sent whenever something may have changed.
//!
//! | who | when | does what |
//! |---|---|---|
//! | unattached voter | election timeout | asks whether it would be elected |
//! | prospective | election timeout, or no majority | follows again, or waits unattached |
//! | candidate | election timeout, or lost and waited | asks again whether it would be elected |
//! | leader | no majority fetched for 1.5 fetch timeouts | resigns |
//! | follower that votes | fetch timeout | asks whether it would be elected |
//! | observer | fetch timeout | asks any voter who leads |
//! | resigned | election timeout | waits unattached, in the next epoch |

use crate::{
    Io, Raft,
    role::{Election, Role},
};
use naru_trace::{Deadline, Micros};

/// The first wait of a candidate that lost, in milliseconds; twice as long each time (RaftUtil, RETRY_BACKOFF_BASE_MS).
const BACKOFF_BASE_MS: u64 = 100;

impl Raft {
    /// The time has come.
    pub fn tick(&mut self, io: &mut Io<'_>) {
        if self.failed.is_some() {
            return;
        }
        self.drop_late_requests(io);
        self.release_parked(io);
        self.finish_changes(io);
        self.end_waiting(io);
        self.drive(io);
    }

    /// Sends what is to be sent. Called at the end of every step.
    pub(crate) fn drive(&mut self, io: &mut Io<'_>) {
        self.last_step = io.now.monotonic;
        if self.failed.is_some() {
            return;
        }
        self.ask_for_votes(io);
        self.announce(io);
        self.maybe_fetch(io);
    }

    fn end_waiting(&mut self, io: &mut Io<'_>) {
        let now = io.now.monotonic;
        let is_voter = self.is_voter();
        match &mut self.role {
            Role::Unattached(unattached) if unattached.deadline <= now && is_voter => self.become_prospective(io),
            Role::Prospective(election) if ended(election) <= now => self.step_back(io),
            Role::Candidate(election) if ended(election) <= now => self.become_prospective(io),
            Role::Leader(leader) if leader.check_quorum_deadline <= now && !leader.announce_at.is_empty() => {
                self.resign(io);
            }
            Role::Follower(follower) if follower.fetch_deadline <= now && is_voter => self.become_prospective(io),
            Role::Follower(follower) if follower.fetch_deadline <= now => {
                follower.ask_others = true;
                let deadline = self.fetch_deadline(io);
                if let Role::Follower(follower) = &mut self.role {
                    follower.fetch_deadline = deadline;
                }
            }
            Role::Resigned(resigned) if resigned.deadline <= now => {
                let epoch = self.election.epoch + 1;
                self.become_unattached(epoch, io);
            }
            _ => {}
        }
    }

    /// It would not be elected: follows the leader that it still knows, or waits.
    fn step_back(&mut self, io: &mut Io<'_>) {
        let epoch = self.election.epoch;
        match self.election.leader {
            Some(leader) => self.follow(leader, epoch, io),
            None => self.become_unattached(epoch, io),
        }
    }

    /// A majority has refused: no need to wait for the rest.
    pub(crate) fn maybe_lose(&mut self, io: &mut Io<'_>) {
        let voters = self.voters().len();
        let lost = |election: &Election| {
            election.backoff_until.is_none() && election.rejected.len() > voters - crate::replication::majority(voters)
        };
        match &self.role {
            Role::Prospective(election) if lost(election) => self.step_back(io),
            Role::Candidate(election) if lost(election) => {
                self.lost_elections += 1;
                let wait_ms = self.backoff_ms(self.lost_elections);
                let until = io.now.monotonic.plus(1000 * wait_ms);
                if let Role::Candidate(election) = &mut self.role {
                    election.backoff_until = Some(until);
                }
            }
            _ => {}
        }
    }

    /// A wait that may be twice as long each time, and is at random.
    pub(crate) fn backoff_ms(&mut self, times: u32) -> u64 {
        let longest = BACKOFF_BASE_MS.saturating_mul(1 << times.min(20)).min(self.config.election_backoff_max_ms);
        self.random.below(longest + 1)
    }

    /// When it has to be woken.
    pub fn next_deadline(&self) -> Option<Deadline> {
        if self.failed.is_some() {
            return None;
        }
        let role = self.role_deadline();
        let requests = self.requests.next_deadline(self.last_step).map(|at| Deadline { at, reason: "quorum request" });
        let parked = self.parked_deadline().map(|at| Deadline { at, reason: "fetch of the metadata log" });
        let change = self.change_deadline().map(|at| Deadline { at, reason: "change of voters" });
        role.into_iter().chain(requests).chain(parked).chain(change).min()
    }

    fn role_deadline(&self) -> Option<Deadline> {
        let (at, reason) = match &self.role {
            Role::Unattached(unattached) if self.is_voter() => (unattached.deadline, "election timeout"),
            Role::Unattached(_) => return None,
            Role::Prospective(election) | Role::Candidate(election) => (ended(election), "election timeout"),
            Role::Leader(leader) => {
                // A voter that is overdue is being told now, or left alone for a moment: its request has a deadline.
                let next = leader.announce_at.values().copied().filter(|at| *at > self.last_step).min();
                if leader.announce_at.is_empty() {
                    return None;
                }
                (next.unwrap_or(leader.check_quorum_deadline).min(leader.check_quorum_deadline), "check quorum")
            }
            Role::Follower(follower) => (follower.fetch_deadline, "fetch timeout"),
            Role::Resigned(resigned) => (resigned.deadline, "election timeout"),
        };
        Some(Deadline { at, reason })
    }
}

/// When an election is over.
fn ended(election: &Election) -> Micros {
    election.backoff_until.unwrap_or(election.deadline)
}
