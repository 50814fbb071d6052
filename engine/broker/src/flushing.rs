//! Logs on their way to the disk: the broker asks its driver to sync files, and hears when it is done.
//!
//! With `flush.messages`, a Produce is answered only then, as with Kafka, where the append itself waits. Nobody else waits:
//! other requests go on meanwhile.

use crate::{
    effect::Effect,
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::{format, string::ToString, vec::Vec};
use naru_log::StorageError;
use naru_trace::{Micros, SortedMap, TraceKind};

/// Tickets for syncing, apart from everybody else's.
pub(crate) const TICKET: u64 = 1 << 61;
/// The first ticket that is no longer one of them.
pub(crate) const TICKET_END: u64 = TICKET << 1;

/// What is being synced.
#[derive(Debug, Default)]
pub(crate) struct Flushing {
    under_way: SortedMap<u64, Flush>,
    next: u64,
}

#[derive(Debug, Clone, Copy)]
struct Flush {
    key: PartitionKey,
    up_to: i64,
    because: &'static str,
}

impl Flushing {
    /// A log was cut: a flush that is under way says nothing of what comes in the place of what was cut.
    pub(crate) fn forget_after(&mut self, key: PartitionKey, end_offset: i64) {
        for (_, flush) in self.under_way.iter_mut().filter(|(_, flush)| flush.key == key) {
            flush.up_to = flush.up_to.min(end_offset);
        }
    }

    /// A ticket that nobody has had.
    pub(crate) fn next_ticket(&mut self) -> u64 {
        self.next += 1;
        TICKET + self.next
    }
}

impl Turn<'_> {
    /// Asks for what a log wants to be synced now, if anything, or notes when it will.
    pub(crate) fn flush_if_due(&mut self, key: PartitionKey) {
        self.begin_flush(key);
    }

    /// The same after an append. Returns the ticket that its answer has to wait for, if it has.
    pub(crate) fn begin_flush(&mut self, key: PartitionKey) -> Option<u64> {
        let now = self.now;
        let log = self.state.topics.partition_mut(key).and_then(Partition::log_mut)?;
        let Some(flush) = log.begin_flush(now.wall_ms) else {
            if let Some(deadline_ms) = log.flush_deadline_ms() {
                let at: Micros = self.monotonic(deadline_ms);
                self.state.upkeep.flush_by(at);
            }
            return None;
        };
        let ticket = self.state.flushing.next_ticket();
        let (up_to, because) = (flush.up_to, flush.because);
        self.state.flushing.under_way.insert(ticket, Flush { key, up_to, because });
        self.out.effects.push(Effect::Sync { ticket, files: flush.files });
        (because == "flush.messages").then_some(ticket)
    }

    /// What an answer about records that are in the log already has to wait for: they may have been written shortly before a
    /// crash, and never synced since (`flush.messages`).
    pub(crate) fn flush_of_written(&mut self, key: PartitionKey, end_offset: i64) -> Option<u64> {
        let log = self.state.topics.partition_mut(key).and_then(Partition::log_mut)?;
        if log.recovery_point() >= end_offset {
            return None;
        }
        self.begin_flush(key).or_else(|| {
            let covers =
                |flush: &Flush| flush.key == key && flush.up_to >= end_offset && flush.because == "flush.messages";
            self.state.flushing.under_way.iter().find(|(_, flush)| covers(flush)).map(|(ticket, _)| *ticket)
        })
    }

    /// Files are on disk, or could not be brought there.
    pub(crate) fn on_flushed(&mut self, ticket: u64, result: &Result<(), StorageError>) {
        let Some(flush) = self.state.flushing.under_way.remove(&ticket) else { return };
        let log = self.state.topics.partition_mut(flush.key).and_then(Partition::log_mut);
        match (result, log) {
            (Ok(()), Some(log)) => {
                log.flushed(flush.up_to, flush.because, &mut self.out.trace);
                self.blame_last(|kind| matches!(kind, TraceKind::LogFlushed { .. }));
                let cause = self.out.trace.cause();
                let free = self.state.purgatory.flushed(ticket);
                self.state.ready.extend(free.into_iter().map(|id| (id, cause)));
            }
            // The partition went offline meanwhile: what its answers are about may never have been written.
            (Ok(()), None) => {
                let waiting = self.state.purgatory.waiting_for_ticket(ticket);
                self.close_instead_of(waiting, "a partition is offline, or gone");
            }
            // Nobody knows what is on disk: nothing that waits for it is acknowledged.
            (Err(error), _) => {
                let waiting = self.state.purgatory.waiting_for_ticket(ticket);
                self.close_instead_of(waiting, &format!("a partition could not be synced: {error}"));
                self.fail(flush.key, &error.to_string());
            }
        }
    }

    /// A partition is offline. What was appended to it in this turn may not have been written, so no reply that is about it
    /// is given, whatever else the reply waits for.
    pub(crate) fn take_back_promises(&mut self, key: PartitionKey) {
        let promising = self.state.purgatory.promising(key);
        self.close_instead_of(promising, "a partition is offline");
    }

    /// Closes the connections of replies that nobody can stand for any more.
    fn close_instead_of(&mut self, replies: Vec<u64>, reason: &str) {
        for id in replies {
            let Some(parked) = self.state.purgatory.take(id) else { continue };
            self.close_connection(parked.context.connection, reason.to_string().into());
        }
    }
}
