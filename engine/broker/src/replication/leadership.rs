//! What a leader knows of its followers, and what follows from it: the high watermark, who is in sync and who no longer is.
//!
//! ```text
//! log end of           1 (leader)        2         3
//!                 ─────────────────┬─────┬─────────┬───────
//!                                  9     7         4
//! ISR = {1, 2}:    high watermark = 7          3 may join when its end is >= 7
//! ```
//!
//! Everything here is arithmetic on numbers that followers have told; time is an argument. (Partition.scala, Replica.scala)

use alloc::vec::Vec;
use naru_trace::{FollowerView, Micros, SortedMap};

/// A follower that has not asked for anything yet is at this offset.
const UNKNOWN: i64 = -1;

/// A leader's part.
#[derive(Debug)]
pub(crate) struct Leadership {
    /// Where the log ended when this leader's epoch began. Who has less has not all that the leader before may have shown.
    pub(crate) epoch_start: i64,
    /// By `node.id`: all replicas but this one.
    pub(crate) followers: SortedMap<i32, FollowerState>,
    /// An ISR that the controller was, or is to be, asked for.
    pub(crate) pending: Option<PendingIsr>,
}

/// An ISR that is not decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingIsr {
    /// All of it.
    pub(crate) isr: Vec<i32>,
    /// Whether the request is on its way.
    pub(crate) sent: bool,
}

/// What a follower has told by fetching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FollowerState {
    /// The end of its log.
    pub(crate) log_end_offset: i64,
    /// The beginning of its log.
    pub(crate) log_start_offset: i64,
    /// When it last fetched, and where the leader's log ended then.
    last_fetch: Option<(Micros, i64)>,
    /// When it last had all that there was.
    last_caught_up: Option<Micros>,
    /// The epoch of the broker that it is (KIP-903); -1 if it does not say.
    pub(crate) broker_epoch: i64,
    /// Whether its last fetch was for the end of the log.
    caught_up: bool,
}

/// One fetch of a follower.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FollowerFetch {
    pub(crate) offset: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) leader_end_offset: i64,
    pub(crate) at: Micros,
    pub(crate) broker_epoch: i64,
}

impl Leadership {
    /// A new leader: it knows nothing of its followers, and gives those in the ISR the time they need to be heard of.
    pub(crate) fn begin(epoch_start: i64, others: impl Iterator<Item = i32>, isr: &[i32], now: Micros) -> Self {
        let state = |id: &i32| FollowerState::unknown(isr.contains(id).then_some(now));
        Leadership { epoch_start, followers: others.map(|id| (id, state(&id))).collect(), pending: None }
    }

    /// The replicas are others now. Those that stay are remembered.
    pub(crate) fn set_replicas(&mut self, others: &[i32], isr: &[i32], now: Micros) {
        self.followers.retain(|id, _| others.contains(id));
        for id in others {
            let new = || FollowerState::unknown(isr.contains(id).then_some(now));
            self.followers.entry(*id).or_insert_with(new);
        }
    }

    /// The ISR that has to have a record before it counts: the present one and whoever may already be in it (KIP-497).
    pub(crate) fn is_in_maximal_isr(&self, id: i32, isr: &[i32]) -> bool {
        isr.contains(&id) || self.pending.as_ref().is_some_and(|pending| pending.isr.contains(&id))
    }

    /// How many there are in it.
    pub(crate) fn maximal_isr_len(&self, isr: &[i32]) -> usize {
        let new = self.pending.iter().flat_map(|pending| &pending.isr).filter(|id| !isr.contains(id)).count();
        isr.len() + new
    }

    /// The smallest log end among the leader and the maximal ISR. A follower that is caught up and about to join counts, so
    /// that it is not left behind for ever by a fast producer (Partition.maybeIncrementLeaderHW).
    pub(crate) fn high_watermark(
        &self,
        log_end_offset: i64,
        isr: &[i32],
        (now, lag_max): (Micros, u64),
        may_join: impl Fn(i32, i64) -> bool,
    ) -> i64 {
        let mut high_watermark = log_end_offset;
        for (id, follower) in &self.followers {
            let is_behind = follower.log_end_offset < high_watermark;
            let counts = |follower: &FollowerState| {
                self.is_in_maximal_isr(*id, isr)
                    || (follower.is_caught_up(log_end_offset, now, lag_max) && may_join(*id, follower.broker_epoch))
            };
            if is_behind && counts(follower) {
                high_watermark = follower.log_end_offset;
            }
        }
        high_watermark
    }

    /// Whether a follower that is not in the ISR has what it takes: all below the high watermark, and all that there was
    /// when this leader's epoch began.
    pub(crate) fn is_in_sync(&self, id: i32, high_watermark: i64) -> bool {
        let Some(follower) = self.followers.get(&id) else { return false };
        follower.log_end_offset >= high_watermark && follower.log_end_offset >= self.epoch_start
    }

    /// Members of the ISR that were not caught up for too long.
    pub(crate) fn out_of_sync(&self, isr: &[i32], log_end_offset: i64, now: Micros, lag_max: u64) -> Vec<i32> {
        let is_late = |id: &&i32| {
            let follower = self.followers.get(id);
            follower.is_some_and(|follower| !follower.is_caught_up(log_end_offset, now, lag_max))
        };
        isr.iter().filter(is_late).copied().collect()
    }

    /// The smallest log start offset of all replicas (DeleteRecords).
    pub(crate) fn low_watermark(&self, log_start_offset: i64, is_alive: impl Fn(i32) -> bool) -> i64 {
        let alive = self.followers.iter().filter(|(id, _)| is_alive(**id));
        alive.map(|(_, follower)| follower.log_start_offset).fold(log_start_offset, i64::min)
    }

    /// For the picture: those that have fetched in this epoch.
    pub(crate) fn views(&self) -> SortedMap<i32, FollowerView> {
        let known = self.followers.iter().filter(|(_, follower)| follower.log_end_offset > UNKNOWN);
        known.map(|(id, follower)| (*id, follower.view())).collect()
    }
}

impl FollowerState {
    fn unknown(last_caught_up: Option<Micros>) -> Self {
        FollowerState {
            log_end_offset: UNKNOWN,
            log_start_offset: UNKNOWN,
            last_fetch: None,
            last_caught_up,
            broker_epoch: -1,
            caught_up: false,
        }
    }

    /// Takes a fetch into account. A follower is caught up as of now if it asks for the end of the log; and as of its last
    /// fetch if it has got since then what there was then (Replica.updateFetchStateOrThrow).
    pub(crate) fn on_fetch(&mut self, fetch: &FollowerFetch) {
        let caught_up_at = match self.last_fetch {
            _ if fetch.offset >= fetch.leader_end_offset => Some(fetch.at),
            Some((at, end)) if fetch.offset >= end => Some(at),
            _ => None,
        };
        self.last_caught_up = self.last_caught_up.max(caught_up_at);
        let end = self.last_fetch.map_or(fetch.leader_end_offset, |(_, end)| end.max(fetch.leader_end_offset));
        self.last_fetch = Some((fetch.at, end));
        self.log_end_offset = fetch.offset;
        self.log_start_offset = fetch.log_start_offset;
        self.broker_epoch = fetch.broker_epoch;
        self.caught_up = fetch.offset >= fetch.leader_end_offset;
    }

    /// Whether it has all, or had not long ago.
    pub(crate) fn is_caught_up(&self, leader_end_offset: i64, now: Micros, lag_max: u64) -> bool {
        self.log_end_offset == leader_end_offset || self.last_caught_up.is_some_and(|last| now.since(last) <= lag_max)
    }

    /// How long it has not been caught up, in microseconds.
    pub(crate) fn behind_for(&self, now: Micros) -> u64 {
        self.last_caught_up.map_or(u64::MAX, |last| now.since(last))
    }

    pub(crate) fn view(&self) -> FollowerView {
        FollowerView { log_end_offset: self.log_end_offset, caught_up: self.caught_up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: u64 = 30_000_000;

    fn seconds(seconds: u64) -> Micros {
        Micros(seconds * 1_000_000)
    }

    fn fetch(leadership: &mut Leadership, id: i32, offset: i64, leader_end_offset: i64, at: Micros) {
        let fetch = FollowerFetch { offset, log_start_offset: 0, leader_end_offset, at, broker_epoch: 5 };
        leadership.followers.get_mut(&id).unwrap().on_fetch(&fetch);
    }

    fn leader(isr: &[i32]) -> Leadership {
        Leadership::begin(0, [2, 3].into_iter(), isr, seconds(0))
    }

    fn watermark(leadership: &Leadership, end: i64, isr: &[i32], now: Micros) -> i64 {
        leadership.high_watermark(end, isr, (now, LAG), |_, _| false)
    }

    /// SEMANTICS 25: the high watermark is the smallest end in the ISR, and so one fetch behind.
    #[test]
    fn semantics_25_the_high_watermark_is_the_smallest_log_end_of_the_isr() {
        let mut leadership = leader(&[1, 2, 3]);
        assert_eq!(watermark(&leadership, 9, &[1, 2, 3], seconds(1)), -1, "nobody has said anything");
        fetch(&mut leadership, 2, 7, 9, seconds(1));
        fetch(&mut leadership, 3, 4, 9, seconds(1));
        assert_eq!(watermark(&leadership, 9, &[1, 2, 3], seconds(1)), 4);
        assert_eq!(watermark(&leadership, 9, &[1, 2], seconds(100)), 7);
        assert_eq!(watermark(&leadership, 9, &[1], seconds(100)), 9);
    }

    /// KIP-497: who may be in the ISR already, counts.
    #[test]
    fn semantics_26_a_pending_isr_counts_for_the_high_watermark() {
        let mut leadership = leader(&[1, 2]);
        fetch(&mut leadership, 2, 9, 9, seconds(1));
        fetch(&mut leadership, 3, 4, 9, seconds(1));
        leadership.pending = Some(PendingIsr { isr: [1, 2, 3].into(), sent: true });
        assert_eq!(watermark(&leadership, 9, &[1, 2], seconds(100)), 4);
        assert_eq!(leadership.maximal_isr_len(&[1, 2]), 3);
        // Whoever is to leave still counts until he has left.
        leadership.pending = Some(PendingIsr { isr: [1].into(), sent: true });
        assert_eq!(leadership.maximal_isr_len(&[1, 2]), 2);
        assert_eq!(watermark(&leadership, 12, &[1, 2], seconds(100)), 9);
    }

    #[test]
    fn semantics_26_members_leave_by_the_time_since_they_were_caught_up() {
        let mut leadership = leader(&[1, 2, 3]);
        // 2 always gets what was there at its last fetch, 3 never does.
        for second in 1..=60 {
            let end = second as i64 * 10;
            fetch(&mut leadership, 2, end - 10, end, seconds(second));
            fetch(&mut leadership, 3, 1, end, seconds(second));
        }
        assert_eq!(leadership.out_of_sync(&[1, 2, 3], 700, seconds(60), LAG), [3]);
        // With nothing new there is nothing to lag behind.
        fetch(&mut leadership, 3, 700, 700, seconds(61));
        assert_eq!(leadership.out_of_sync(&[1, 2, 3], 700, seconds(1_000), LAG), [2]);
        // Who has never said a word has its time, too.
        let silent = leader(&[1, 2, 3]);
        assert!(silent.out_of_sync(&[1, 2, 3], 0, seconds(30), LAG).is_empty());
        assert_eq!(silent.out_of_sync(&[1, 2, 3], 0, seconds(31), LAG), [2, 3]);
    }

    #[test]
    fn semantics_26_a_follower_joins_at_the_high_watermark_and_the_epochs_start() {
        let mut leadership = Leadership::begin(8, [2].into_iter(), &[1], seconds(0));
        fetch(&mut leadership, 2, 6, 9, seconds(1));
        assert!(!leadership.is_in_sync(2, 7), "below the high watermark");
        assert!(!leadership.is_in_sync(2, 6), "below the epoch's start");
        fetch(&mut leadership, 2, 8, 9, seconds(1));
        assert!(leadership.is_in_sync(2, 8));
        assert!(!leadership.is_in_sync(4, 8), "not a replica");
    }

    #[test]
    fn a_follower_about_to_join_holds_the_high_watermark_back() {
        let mut leadership = leader(&[1]);
        fetch(&mut leadership, 2, 7, 7, seconds(1));
        let now = (seconds(2), LAG);
        assert_eq!(leadership.high_watermark(9, &[1], now, |id, epoch| (id, epoch) == (2, 5)), 7);
        assert_eq!(leadership.high_watermark(9, &[1], now, |_, _| false), 9);
    }
}
