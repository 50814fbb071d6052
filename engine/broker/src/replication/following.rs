//! Following: what a fetch from the leader brings is appended; where the logs part, the follower's is cut.
//!
//! The two logs are compared by leader epochs: with each fetch the follower names the epoch of its last record. If the leader
//! has no such record there, it answers with the largest epoch not after it and where that ended (`DivergingEpoch`), and the
//! follower cuts back to where both agree, in several steps if need be (KIP-101, 279, 595; SEMANTICS 24).

use super::Role;
use crate::{
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::{format, string::ToString};
use bytes::Bytes;
use naru_log::{Log, LogError};
use naru_records::batches;
use naru_trace::{Micros, TraceKind};
use naru_wire::ErrorCode;
use naru_wire::messages::fetch_response::PartitionData;

/// A follower's part.
#[derive(Debug, Default)]
pub(crate) struct Following {
    /// After an error the partition is left alone until then.
    pub(crate) delayed_until: Option<Micros>,
    /// It does not know where to go on: the leader is asked where its log begins and ends.
    pub(crate) asking: Option<Bound>,
}

/// What the leader is asked for when there is nothing at the follower's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Where its log ends: perhaps the follower has more.
    End { sent: bool },
    /// Where its log begins: perhaps the follower has less.
    Start { sent: bool },
}

/// What a follower asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FetchPosition {
    pub(crate) offset: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) last_fetched_epoch: i32,
}

impl Partition {
    /// What to ask the leader for; `None` if there is nothing to be asked now.
    pub(crate) fn fetch_position(&self, now: Micros) -> Option<FetchPosition> {
        let Role::Follower(following) = &self.role else { return None };
        let is_delayed = following.delayed_until.is_some_and(|until| until > now);
        let log = self.log().filter(|_| !is_delayed && following.asking.is_none() && self.leader >= 0)?;
        Some(FetchPosition {
            offset: log.log_end_offset(),
            log_start_offset: log.log_start_offset(),
            leader_epoch: self.leader_epoch,
            last_fetched_epoch: log.leader_epochs().latest().map_or(-1, |latest| latest.epoch),
        })
    }

    pub(crate) fn following_mut(&mut self) -> Option<&mut Following> {
        match &mut self.role {
            Role::Follower(following) => Some(following),
            Role::Leader(_) | Role::Elsewhere => None,
        }
    }
}

impl Turn<'_> {
    /// What a leader says of one partition that it was asked for at `asked`.
    pub(crate) fn on_fetched(&mut self, key: PartitionKey, asked: &FetchPosition, answer: PartitionData) {
        // The partition may have another role or another leader by now, or its log may have been cut.
        let position =
            self.state.topics.partition(key).and_then(|partition| partition.fetch_position(self.now.monotonic));
        let is_same = |now: FetchPosition| now.offset == asked.offset && now.leader_epoch == asked.leader_epoch;
        if !position.is_some_and(is_same) {
            return;
        }
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None if answer.diverging_epoch.epoch >= 0 => {
                let diverging = (answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset);
                self.on_divergence(key, diverging);
            }
            ErrorCode::None => self.append_fetched(key, answer),
            ErrorCode::OffsetOutOfRange => self.ask_bound(key, Bound::End { sent: false }),
            _ => self.delay_following(key),
        }
    }

    /// Leaves a partition alone for `replica.fetch.backoff.ms`.
    pub(crate) fn delay_following(&mut self, key: PartitionKey) {
        let until = self.now.monotonic.plus(self.state.config.replication.fetch_backoff_ms.saturating_mul(1_000));
        if let Some(following) = self.state.topics.partition_mut(key).and_then(Partition::following_mut) {
            following.delayed_until = Some(until);
        }
    }

    fn append_fetched(&mut self, key: PartitionKey, answer: PartitionData) {
        let fetched = self.out.trace.cause();
        let records = answer.records.unwrap_or_default();
        if !records.is_empty() && !self.append_as_follower(key, records) {
            return;
        }
        if self.log(key).is_some_and(|log| log.log_end_offset() < answer.log_start_offset) {
            // The leader has deleted what comes next here.
            self.begin_anew(key, answer.log_start_offset);
        }
        self.out.trace.because(fetched);
        self.follow_high_watermark(key, answer.high_watermark);
        self.out.trace.because(fetched);
        self.follow_log_start(key, answer.log_start_offset);
    }

    /// Returns whether all of it could be appended.
    fn append_as_follower(&mut self, key: PartitionKey, records: Bytes) -> bool {
        for batch in batches(records) {
            let Turn { state, storage, now, out } = self;
            let Some(log) = state.topics.partition_mut(key).and_then(Partition::log_mut) else { return false };
            let appended = match batch {
                Ok(batch) => {
                    let header = *batch.header();
                    let appended = log.append_as_follower(&batch, now.wall_ms, *storage, &mut out.trace);
                    appended.map(|_| state.counters.note_append(&header))
                }
                Err(source) => {
                    // What came is not what a leader's log can hold.
                    let path = log.id().to_string();
                    Err(LogError::Corrupt { path, position: 0, source })
                }
            };
            if let Err(error) = appended {
                self.on_log_error(key, &error);
                self.delay_following(key);
                return false;
            }
        }
        self.blame_last(|kind| matches!(kind, TraceKind::BatchAppended { .. }));
        self.flush_if_due(key);
        true
    }

    /// A follower's high watermark is its leader's, as far as its own log goes. A leader that has just begun may know of a
    /// smaller one; what was promised once stays promised.
    fn follow_high_watermark(&mut self, key: PartitionKey, leaders: i64) {
        let Some(partition) = self.state.topics.partition(key) else { return };
        let Some(end) = partition.log().map(Log::log_end_offset) else { return };
        let high_watermark = leaders.min(end);
        if high_watermark > partition.high_watermark {
            self.set_high_watermark(key, high_watermark);
        }
    }

    /// Records that the leader has deleted are deleted here.
    fn follow_log_start(&mut self, key: PartitionKey, leaders: i64) {
        let Turn { state, storage, now, out } = self;
        let Some(partition) = state.topics.partition_mut(key) else { return };
        let offset = leaders.min(partition.high_watermark);
        let Some(log) = partition.log_mut().filter(|log| log.log_start_offset() < offset) else { return };
        let deleted = log.follow_log_start(offset, now.wall_ms, *storage, &mut out.trace);
        match deleted {
            Ok(()) => self.state.upkeep.remove_files_by(self.now.monotonic),
            Err(error) => self.on_log_error(key, &error),
        }
    }

    /// The logs part. Here the follower's is cut to where both agree, or to where they may.
    fn on_divergence(&mut self, key: PartitionKey, (epoch, end_offset): (i32, i64)) {
        self.out.trace.emit_then(|| TraceKind::DivergenceFound {
            topic: self.state.topics.name(key.topic).into(),
            partition: key.partition,
            epoch,
            end_offset,
        });
        let Some(partition) = self.state.topics.partition(key) else { return };
        let Some(log) = partition.log() else { return };
        let to = truncation_point(log, partition.high_watermark, (epoch, end_offset));
        self.truncate(key, to, &format!("the leader's epoch {epoch} ends at offset {end_offset}."));
    }

    /// Cuts a follower's log, and all that was said of what is cut.
    pub(crate) fn truncate(&mut self, key: PartitionKey, to: i64, reason: &str) {
        self.stop_cleaning(|other| other == key, "the log is cut.");
        let Turn { state, storage, now, out } = self;
        let Some(partition) = state.topics.partition_mut(key) else { return };
        let Some(log) = partition.log_mut() else { return };
        match log.truncate_to(to, reason, now.wall_ms, *storage, &mut out.trace) {
            Ok(end) => {
                partition.high_watermark = partition.high_watermark.min(end);
                state.flushing.forget_after(key, end);
                state.upkeep.remove_files_by(now.monotonic);
            }
            Err(error) => self.on_log_error(key, &error),
        }
    }

    /// Everything here is older than the leader's first record.
    fn begin_anew(&mut self, key: PartitionKey, at: i64) {
        self.stop_cleaning(|other| other == key, "the log begins anew.");
        let Turn { state, storage, now, out } = self;
        let Some(partition) = state.topics.partition_mut(key) else { return };
        let Some(log) = partition.log_mut() else { return };
        match log.truncate_fully_at(at, now.wall_ms, *storage, &mut out.trace) {
            Ok(()) => {
                partition.high_watermark = at;
                state.flushing.forget_after(key, at);
                state.upkeep.remove_files_by(now.monotonic);
            }
            Err(error) => self.on_log_error(key, &error),
        }
    }

    pub(crate) fn ask_bound(&mut self, key: PartitionKey, bound: Bound) {
        if let Some(following) = self.state.topics.partition_mut(key).and_then(Partition::following_mut) {
            following.asking = Some(bound);
        }
    }

    /// The leader has said where its log ends, or begins (AbstractFetcherThread.fetchOffsetAndTruncate).
    pub(crate) fn on_bound(&mut self, key: PartitionKey, bound: Bound, offset: Option<i64>) {
        let Some(following) = self.state.topics.partition_mut(key).and_then(Partition::following_mut) else { return };
        if following.asking != Some(bound) {
            return;
        }
        following.asking = None;
        let Some(offset) = offset else {
            // Fetching will tell again that it is out of range.
            return self.delay_following(key);
        };
        let Some(end) = self.log(key).map(Log::log_end_offset) else { return };
        match bound {
            // The leader was elected although it has less (an unclean election).
            Bound::End { .. } if offset < end => self.truncate(key, offset, "the leader's log ends here."),
            Bound::End { .. } => self.ask_bound(key, Bound::Start { sent: false }),
            Bound::Start { .. } if offset > end => self.begin_anew(key, offset),
            Bound::Start { .. } => self.delay_following(key),
        }
    }
}

/// Where to cut a log whose leader's largest epoch not after its own is `epoch`, and ends there at `end_offset`
/// (AbstractFetcherThread.getOffsetTruncationState).
fn truncation_point(log: &Log, high_watermark: i64, (epoch, end_offset): (i32, i64)) -> i64 {
    let end = log.log_end_offset();
    if end_offset < 0 {
        return high_watermark;
    }
    match log.leader_epochs().end_offset_for(epoch, end) {
        (_, here) if here < 0 => end_offset.min(end),
        (known, here) if known == epoch => here.min(end_offset).min(end),
        // It does not know that epoch: back to the end of the one before, and then the leader is asked again.
        (_, here) => here.min(end),
    }
}
