//! Who votes, as the log says. A voters record counts from where it stands, committed or not (KIP-853): so when the log is
//! truncated, the set before it counts again.

use crate::{config::Voter, control::ControlRecord, control::voters_of};
use alloc::vec::Vec;
use naru_trace::SortedMap;

/// The sets of voters, oldest first. The first is the configured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    sets: Vec<(i64, SortedMap<i32, Voter>)>,
    versions: Vec<(i64, i16)>,
}

impl Members {
    pub(crate) fn new(configured: SortedMap<i32, Voter>) -> Self {
        Members { sets: alloc::vec![(-1, configured)], versions: alloc::vec![(-1, 0)] }
    }

    pub(crate) fn voters(&self) -> &SortedMap<i32, Voter> {
        &self.sets.last().expect("the configured set is always there").1
    }

    /// 1 if voters are in the log, 0 if they are configured.
    pub(crate) fn kraft_version(&self) -> i16 {
        self.versions.last().expect("the first version is always there").1
    }

    /// Where the newest set stands in the log; -1 for the configured one.
    pub(crate) fn changed_at(&self) -> i64 {
        self.sets.last().map_or(-1, |set| set.0)
    }

    /// The set that counted just before `offset`, if it was in the log.
    pub(crate) fn at(&self, offset: i64) -> Option<&SortedMap<i32, Voter>> {
        self.sets.iter().rev().find(|(at, _)| *at >= 0 && *at < offset).map(|(_, voters)| voters)
    }

    /// All that the log said is gone.
    pub(crate) fn reset(&mut self) {
        self.truncate(0);
    }

    /// A control record stands at `offset` (of the log, or the end of a snapshot).
    pub(crate) fn on_record(&mut self, offset: i64, record: &ControlRecord) {
        match record {
            ControlRecord::Voters(voters) => self.sets.push((offset, voters_of(voters))),
            ControlRecord::KRaftVersion(version) => self.versions.push((offset, version.k_raft_version)),
            _ => {}
        }
    }

    /// The log ends at `end_offset` now.
    pub(crate) fn truncate(&mut self, end_offset: i64) {
        self.sets.retain(|(offset, _)| *offset < end_offset);
        self.versions.retain(|(offset, _)| *offset < end_offset);
    }
}
