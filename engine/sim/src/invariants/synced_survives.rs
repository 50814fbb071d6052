//! What was synced survives a power failure: every record below a partition's recovery point, and every record that was
//! acknowledged on a topic with `flush.messages=1`, is there when the broker starts again, and is what it was.
//!
//! Nothing more is promised. Kafka acknowledges a record when it is in the page cache; on a lone broker a power failure may
//! take it, unless the flush settings say otherwise.
//!
//! Source: Apache Kafka, "Documentation", `flush.messages`: "if this was set to 1 we would fsync after every message";
//! "Design", "Persistence"; `LogManager` and its `recovery-point-offset-checkpoint`.

use super::{Invariant, Known, Replica, reading::fingerprint, replica};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::SortedMap;
use naru_trace::{Actor, CellView, PartitionView, TraceEvent, TraceKind};

#[derive(Default)]
pub(super) struct SyncedSurvives {
    logs: SortedMap<Replica, Log>,
}

#[derive(Default)]
struct Log {
    /// Whether it was opened before.
    is_known: bool,
    /// Every record before this offset must survive.
    safe: i64,
    log_start_offset: i64,
    log_end_offset: i64,
    /// What was appended at each offset, as a fingerprint; 0 for what no event told.
    appended: Vec<u64>,
    /// Compaction may take records away.
    compacted: bool,
}

impl Invariant for SyncedSurvives {
    fn name(&self) -> &'static str {
        "synced_survives"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        match &event.kind {
            // One that could not be opened (its disk is full, or fails) has nothing to show. Its files stay as they are.
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let compacted = known.is_compacted(replica.0, topic);
                    let log = self.logs.entry(replica).or_default();
                    log.compacted |= compacted;
                    log.on_opened(view).map_err(|what| format!("{topic}-{partition}: {what}"))?;
                }
            }
            // What a follower cuts off while it runs is not committed. (What recovery cuts off comes before the log is opened.)
            TraceKind::LogTruncated { topic, partition, to_offset: end, .. }
            | TraceKind::LogRestarted { topic, partition, at_offset: end } => {
                let follows =
                    |replica: &Replica| known.assignments.told(replica).is_some_and(|told| told.role == "follower");
                if let Some(replica) = replica(event, topic, *partition).filter(follows) {
                    self.logs.entry(replica).or_default().on_cut(*end);
                }
            }
            TraceKind::DiskLost { broker, .. } => self.logs.retain(|(other, _, _), _| other != broker),
            TraceKind::BatchAppended { topic, partition, records, log_end_offset, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.logs.entry(replica).or_default().on_appended(records, *log_end_offset);
                }
            }
            TraceKind::LogFlushed { topic, partition, recovery_point, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let log = self.logs.entry(replica).or_default();
                    if *recovery_point > log.log_end_offset {
                        return Err(format!("{topic}-{partition} was flushed up to {recovery_point}, beyond its end"));
                    }
                    log.promise(*recovery_point);
                }
            }
            TraceKind::BatchAcknowledged { topic, partition, base_offset, records } if *base_offset >= 0 => {
                let Some((broker, sent)) = known.sent(event) else { return Ok(()) };
                let flushed = known.setting(broker, topic, "flush.messages") == Some("1");
                if flushed && let Some(log) = self.logs.get_mut(&(broker, topic.clone(), *partition)) {
                    log.promise(base_offset + i64::from(*records));
                    // It was promised before; what came after the failure has been opened already.
                    if known.is_outlived(broker, sent) && log.log_end_offset < log.safe {
                        return Err(format!(
                            "{topic}-{partition}: {} was acknowledged and flushed, and is lost",
                            log.safe
                        ));
                    }
                }
            }
            TraceKind::TopicDeleted { topic } => {
                if let Actor::Broker(deleted_on) = event.actor {
                    self.logs.retain(|(broker, name, _), _| *broker != deleted_on || name != topic);
                }
            }
            TraceKind::LogStartOffsetAdvanced { topic, partition, log_start_offset, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let log = self.logs.entry(replica).or_default();
                    log.log_start_offset = *log_start_offset;
                    // Of records that were deleted nothing is promised, not even that they are gone.
                    if *log_start_offset >= log.safe {
                        log.safe = 0;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Log {
    fn on_cut(&mut self, end: i64) {
        self.safe = self.safe.min(end);
        self.log_end_offset = self.log_end_offset.min(end);
        self.appended.truncate(usize::try_from(end).unwrap_or(0));
    }

    /// Every record before this offset must survive, as far as it was not deleted.
    fn promise(&mut self, offset: i64) {
        if offset > self.log_start_offset {
            self.safe = self.safe.max(offset);
        }
    }

    fn on_appended(&mut self, records: &[CellView], log_end_offset: i64) {
        for record in records {
            let index = usize::try_from(record.offset).expect("offsets are not negative");
            if self.appended.len() <= index {
                self.appended.resize(index + 1, 0);
            }
            self.appended[index] = fingerprint(record);
        }
        self.log_end_offset = log_end_offset;
    }

    fn on_opened(&mut self, view: &PartitionView) -> Result<(), String> {
        if view.log_end_offset < self.safe {
            return Err(format!(
                "records up to {} were synced, and the log ends at {}",
                self.safe, view.log_end_offset
            ));
        }
        if self.is_known && view.log_start_offset > self.log_start_offset {
            let (before, now) = (self.log_start_offset, view.log_start_offset);
            return Err(format!("the log began at {before}, and now it begins at {now}"));
        }
        (self.is_known, self.log_start_offset) = (true, view.log_start_offset);
        for cell in &view.cells {
            let before = self.appended.get(cell.offset as usize).copied().unwrap_or(0);
            if before != 0 && before != fingerprint(cell) {
                return Err(format!("the record at {} is another one than before", cell.offset));
            }
        }
        if let (Some(first), false) = (view.cells.front(), self.compacted) {
            let shown = view.cells.iter().map(|cell| cell.offset);
            if !shown.eq(first.offset..view.log_end_offset) {
                return Err("records are missing in the middle".to_string());
            }
        }
        self.appended.truncate(usize::try_from(view.log_end_offset).unwrap_or(0));
        self.log_end_offset = view.log_end_offset;
        self.promise(view.recovery_point);
        Ok(())
    }
}
