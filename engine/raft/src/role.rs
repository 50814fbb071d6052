//! What a member is at the moment, and what it may become. The table is in the crate's documentation; here it is enforced.

use crate::replication::ReplicationState;
use alloc::vec::Vec;
use naru_trace::{Micros, SortedMap, SortedSet};

/// A member's part in the newest epoch that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    Unattached(Unattached),
    Prospective(Election),
    Candidate(Election),
    Leader(Leader),
    Follower(Follower),
    Resigned(Resigned),
}

/// [`Role`] without what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleName {
    /// Knows an epoch, and neither leads it, nor follows, nor stands for election.
    Unattached,
    /// Asks whether it would be elected, before it disturbs anybody with a new epoch (KIP-996).
    Prospective,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
    /// Fetches from the leader.
    Follower,
    /// Has led this epoch, and does not any more.
    Resigned,
}

impl RoleName {
    /// In lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            RoleName::Unattached => "unattached",
            RoleName::Prospective => "prospective",
            RoleName::Candidate => "candidate",
            RoleName::Leader => "leader",
            RoleName::Follower => "follower",
            RoleName::Resigned => "resigned",
        }
    }

    /// The transition table.
    pub fn may_become(self, next: RoleName, is_later_epoch: bool) -> bool {
        use RoleName::{Candidate, Follower, Leader, Prospective, Resigned, Unattached};
        if is_later_epoch {
            // Whoever learns of a later epoch joins it; only who was prospective may begin one itself.
            return matches!(next, Unattached | Follower) || (self == Prospective && next == Candidate);
        }
        match self {
            Unattached => matches!(next, Unattached | Prospective | Follower),
            Prospective => matches!(next, Unattached | Prospective | Follower),
            Candidate => matches!(next, Leader | Prospective | Follower),
            Leader => next == Resigned,
            Follower => matches!(next, Prospective | Follower),
            Resigned => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unattached {
    /// When a voter asks for an election, or an observer asks somebody else.
    pub(crate) deadline: Micros,
}

/// An election, or the question how it would end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Election {
    pub(crate) granted: SortedSet<i32>,
    pub(crate) rejected: SortedSet<i32>,
    pub(crate) deadline: Micros,
    /// It is lost; until when nothing is done.
    pub(crate) backoff_until: Option<Micros>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leader {
    /// The offset of the record that began the epoch.
    pub(crate) epoch_start: i64,
    pub(crate) voters: SortedMap<i32, ReplicationState>,
    pub(crate) observers: SortedMap<i32, ReplicationState>,
    /// Voters that fetched since the deadline was set.
    pub(crate) fetched: SortedSet<i32>,
    /// When a leader from which no majority fetches resigns.
    pub(crate) check_quorum_deadline: Micros,
    /// When each voter is told next who leads.
    pub(crate) announce_at: SortedMap<i32, Micros>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follower {
    pub(crate) leader: i32,
    pub(crate) fetch_deadline: Micros,
    pub(crate) has_fetched: bool,
    /// What the leader last said; this node's own follows it as its disk does.
    pub(crate) leader_high_watermark: i64,
    /// An observer that does not hear from the leader: any voter may know who leads now.
    pub(crate) ask_others: bool,
    /// A snapshot on its way.
    pub(crate) snapshot: Option<crate::snapshot::Download>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resigned {
    pub(crate) deadline: Micros,
    /// Voters that were not told yet.
    pub(crate) untold: SortedSet<i32>,
    /// Whom it would like to see in its place, the best first.
    pub(crate) successors: Vec<i32>,
}

impl Role {
    pub(crate) fn name(&self) -> RoleName {
        match self {
            Role::Unattached(_) => RoleName::Unattached,
            Role::Prospective(_) => RoleName::Prospective,
            Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
            Role::Follower(_) => RoleName::Follower,
            Role::Resigned(_) => RoleName::Resigned,
        }
    }
}
