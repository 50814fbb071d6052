//! What a broker does for its logs by the clock: retention, checkpoints, forgetting idle producers, syncing, removing files.
//!
//! | what | how often |
//! |---|---|
//! | segments that retention no longer keeps go | `log.retention.check.interval.ms` |
//! | recovery points and log start offsets are written down | `log.flush.offset.checkpoint.interval.ms` |
//! | high watermarks are written down, if one has moved | `replica.high.watermark.checkpoint.interval.ms` |
//! | producers that wrote nothing for `producer.id.expiration.ms` are forgotten | `producer.id.expiration.check.interval.ms` |
//! | logs are synced | `flush.ms` after the first record that is not ([`crate::flushing`]) |
//! | files of deleted segments are removed | `file.delete.delay.ms` after the deletion |
//!
//! Each has its time, and the earliest is a deadline of the broker. (LogManager.startup.) What is done is `naru-log`'s.

use crate::{
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::vec::Vec;
use naru_log::checkpoint;
use naru_trace::{Deadline, Micros};

/// How often things are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpkeepConfig {
    /// `log.retention.check.interval.ms`.
    pub retention_check_ms: u64,
    /// `log.flush.offset.checkpoint.interval.ms`; log start offsets are written together with recovery points.
    pub checkpoint_ms: u64,
    /// `producer.id.expiration.ms`.
    pub producer_expiration_ms: i64,
    /// `producer.id.expiration.check.interval.ms`.
    pub producer_check_ms: u64,
}

impl Default for UpkeepConfig {
    fn default() -> Self {
        UpkeepConfig {
            retention_check_ms: 300_000,
            checkpoint_ms: 60_000,
            producer_expiration_ms: 86_400_000,
            producer_check_ms: 600_000,
        }
    }
}

/// `log.initial.task.delay.ms`: the first time comes this soon, or sooner.
const FIRST_MS: u64 = 30_000;

/// When what is due.
#[derive(Debug)]
pub(crate) struct Upkeep {
    config: UpkeepConfig,
    retention_at: Micros,
    checkpoint_at: Micros,
    producers_at: Micros,
    flush_at: Option<Micros>,
    removal_at: Option<Micros>,
    /// `None` as long as no high watermark of a partition with several replicas has moved.
    high_watermarks_at: Option<Micros>,
}

impl Upkeep {
    pub(crate) fn new(config: UpkeepConfig, now: Micros) -> Self {
        let first = |interval_ms: u64| after(now, interval_ms.min(FIRST_MS));
        Upkeep {
            config,
            retention_at: first(config.retention_check_ms),
            checkpoint_at: first(config.checkpoint_ms),
            producers_at: first(config.producer_check_ms),
            flush_at: None,
            removal_at: None,
            high_watermarks_at: None,
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let always = [
            Deadline { at: self.retention_at, reason: "log.retention.check.interval.ms" },
            Deadline { at: self.checkpoint_at, reason: "log.flush.offset.checkpoint.interval.ms" },
            Deadline { at: self.producers_at, reason: "producer.id.expiration.check.interval.ms" },
        ];
        let flush = self.flush_at.map(|at| Deadline { at, reason: "flush.ms" });
        let removal = self.removal_at.map(|at| Deadline { at, reason: "file.delete.delay.ms" });
        let high_watermarks =
            self.high_watermarks_at.map(|at| Deadline { at, reason: "replica.high.watermark.checkpoint.interval.ms" });
        always.into_iter().chain(flush).chain(removal).chain(high_watermarks).min()
    }

    /// A log is to be synced at this time.
    pub(crate) fn flush_by(&mut self, at: Micros) {
        self.flush_at = Some(self.flush_at.map_or(at, |sooner| sooner.min(at)));
    }

    /// A high watermark has moved that the next start wants to know: it is written down at this time.
    pub(crate) fn note_high_watermarks_by(&mut self, at: Micros) {
        self.high_watermarks_at.get_or_insert(at);
    }

    /// A log has segments whose files are to be removed: how soon is found out at this time.
    pub(crate) fn remove_files_by(&mut self, at: Micros) {
        self.removal_at = Some(self.removal_at.map_or(at, |sooner| sooner.min(at)));
    }
}

impl Turn<'_> {
    /// Does what is due.
    pub(crate) fn keep_up(&mut self) {
        let now = self.now.monotonic;
        if self.state.stopping {
            return;
        }
        let ticked = self.out.trace.cause();
        if self.state.upkeep.retention_at <= now {
            self.state.upkeep.retention_at = after(now, self.state.upkeep.config.retention_check_ms);
            self.apply_retention();
            self.out.trace.because(ticked);
        }
        if self.state.upkeep.producers_at <= now {
            self.state.upkeep.producers_at = after(now, self.state.upkeep.config.producer_check_ms);
            self.forget_idle_producers();
        }
        if self.state.upkeep.flush_at.is_some_and(|at| at <= now) {
            self.state.upkeep.flush_at = None;
            self.partitions().into_iter().for_each(|key| self.flush_if_due(key));
        }
        if self.state.upkeep.removal_at.is_some_and(|at| at <= now) {
            self.remove_deleted_files();
        }
        if self.state.upkeep.checkpoint_at <= now {
            self.state.upkeep.checkpoint_at = after(now, self.state.upkeep.config.checkpoint_ms);
            self.begin_checkpoints(None);
        }
        if self.state.upkeep.high_watermarks_at.is_some_and(|at| at <= now) {
            self.state.upkeep.high_watermarks_at = None;
            self.begin_checkpoints(Some(checkpoint::HIGH_WATERMARKS));
        }
    }

    /// All partitions, whether they work or not.
    pub(crate) fn partitions(&mut self) -> Vec<PartitionKey> {
        let topics = self.state.topics.iter_mut();
        let keys = topics.flat_map(|(topic, entry)| {
            (0..entry.partitions.len() as i32).map(move |partition| PartitionKey { topic, partition })
        });
        keys.collect()
    }

    /// How long from now until a time of the clock on the wall, as a time that never goes back.
    pub(crate) fn monotonic(&self, wall_ms: i64) -> Micros {
        after(self.now.monotonic, u64::try_from(wall_ms.saturating_sub(self.now.wall_ms)).unwrap_or(0))
    }

    fn apply_retention(&mut self) {
        let ticked = self.out.trace.cause();
        for key in self.partitions() {
            self.out.trace.because(ticked);
            let Turn { state, storage, now, out } = self;
            let Some(partition) = state.topics.partition_mut(key) else { continue };
            let high_watermark = partition.high_watermark;
            let Some(log) = partition.log_mut() else { continue };
            match log.apply_retention(now.wall_ms, high_watermark, *storage, &mut out.trace) {
                Ok(0) => {}
                Ok(_) => {
                    state.upkeep.remove_files_by(now.monotonic);
                    self.flush_if_due(key);
                }
                Err(error) => self.on_log_error(key, &error),
            }
        }
    }

    fn forget_idle_producers(&mut self) {
        let (now_ms, expiration_ms) = (self.now.wall_ms, self.state.upkeep.config.producer_expiration_ms);
        for (_, topic) in self.state.topics.iter_mut() {
            for log in topic.partitions.iter_mut().filter_map(Partition::log_mut) {
                log.producers_mut().expire(now_ms, expiration_ms);
            }
        }
    }

    fn remove_deleted_files(&mut self) {
        let Turn { state, storage, now, .. } = self;
        let mut next: Option<i64> = None;
        for (_, topic) in state.topics.iter_mut() {
            for log in topic.partitions.iter_mut().filter_map(Partition::log_mut) {
                log.remove_deleted_files(now.wall_ms, *storage);
                let deadline = log.removal_deadline_ms(now.wall_ms);
                next = [next, deadline].into_iter().flatten().min();
            }
        }
        self.state.upkeep.removal_at = next.map(|at_ms| self.monotonic(at_ms));
    }
}

fn after(now: Micros, milliseconds: u64) -> Micros {
    now.plus(milliseconds.saturating_mul(1_000))
}
