//! What a leader knows of those that fetch from it, and what follows: the high watermark.

use alloc::vec::Vec;
use naru_trace::Micros;
use uuid::Uuid;

/// How far a voter or an observer has come, as its fetches tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplicationState {
    /// The directory id that it named.
    pub directory_id: Uuid,
    /// The end of its log: all before it is on its disk. -1 before it has fetched in this epoch.
    pub end_offset: i64,
    /// When it fetched last; `None` if it never did in this epoch.
    pub last_fetch: Option<Micros>,
    /// The same on the wall clock, milliseconds since 1970; -1 if it never did.
    pub last_fetch_ms: i64,
    /// When it last had all that the leader had, milliseconds since 1970; -1 if it never did.
    pub last_caught_up_ms: i64,
    /// The leader's log end when it fetched last.
    pub(crate) leader_end_at_last_fetch: i64,
}

impl ReplicationState {
    pub(crate) fn new() -> Self {
        ReplicationState {
            directory_id: Uuid::nil(),
            end_offset: -1,
            last_fetch: None,
            last_fetch_ms: -1,
            last_caught_up_ms: -1,
            leader_end_at_last_fetch: -1,
        }
    }

    /// It asks for what follows `offset`. (LeaderState.ReplicaState.updateFollowerState.)
    pub(crate) fn on_fetch(&mut self, offset: i64, leader_end: i64, (now, now_ms): (Micros, i64)) {
        if offset >= leader_end {
            self.last_caught_up_ms = now_ms;
        } else if self.leader_end_at_last_fetch >= 0 && offset >= self.leader_end_at_last_fetch {
            self.last_caught_up_ms = self.last_caught_up_ms.max(self.last_fetch_ms);
        }
        self.end_offset = offset;
        self.last_fetch = Some(now);
        self.last_fetch_ms = now_ms;
        self.leader_end_at_last_fetch = leader_end;
    }
}

/// How many of `voters` are more than half of them.
pub fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// The largest offset that a majority has reached.
pub(crate) fn majority_offset(mut ends: Vec<i64>) -> i64 {
    ends.sort_unstable_by(|a, b| b.cmp(a));
    ends.get(majority(ends.len()) - 1).copied().unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_have_reached_it() {
        assert_eq!(majority_offset(alloc::vec![7]), 7);
        assert_eq!(majority_offset(alloc::vec![7, 3]), 3);
        assert_eq!(majority_offset(alloc::vec![7, -1, 3]), 3);
        assert_eq!(majority_offset(alloc::vec![9, 7, -1, 3]), 3);
        assert_eq!(majority_offset(alloc::vec![9, 7, -1, 3, 8]), 7);
    }
}
