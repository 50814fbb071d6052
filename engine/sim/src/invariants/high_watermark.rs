//! While a broker runs, the high watermark of a partition never goes back (but with records that a follower cuts off), and
//! never passes the log's end. A leader's never passes the end of any log in its ISR.
//!
//! Source: Apache Kafka, `Partition.maybeIncrementLeaderHW` and `UnifiedLog.updateHighWatermark`.

use super::{Invariant, Known, Replica, replica};
use alloc::{format, string::String};
use naru_trace::SortedMap;
use naru_trace::{TraceEvent, TraceKind};

/// High watermark and log end.
#[derive(Default)]
pub(super) struct HighWatermark {
    partitions: SortedMap<Replica, (i64, i64)>,
}

impl Invariant for HighWatermark {
    fn name(&self) -> &'static str {
        "high_watermark"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        match &event.kind {
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.partitions.insert(replica, (view.high_watermark, view.log_end_offset));
                }
            }
            TraceKind::BatchAppended { topic, partition, log_end_offset, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.partitions.entry(replica).or_default().1 = *log_end_offset;
                }
            }
            TraceKind::LogTruncated { topic, partition, to_offset: end, .. }
            | TraceKind::LogRestarted { topic, partition, at_offset: end } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let (high_watermark, log_end) = self.partitions.entry(replica).or_default();
                    (*high_watermark, *log_end) = ((*high_watermark).min(*end), *end);
                }
            }
            TraceKind::HighWatermarkAdvanced { topic, partition, high_watermark } => {
                let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
                let (before, end) = self.partitions.entry(replica).or_default();
                if *high_watermark < *before || *high_watermark > *end {
                    return Err(format!(
                        "{topic}-{partition}: the high watermark moved from {before} to {high_watermark}, and the log \
                         ends at {end}"
                    ));
                }
                *before = *high_watermark;
                self.check_isr(event, (topic, *partition), *high_watermark, known)?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl HighWatermark {
    /// What a leader calls committed, everybody in its ISR has. A leader that was deposed and does not know it yet is left
    /// out: what its followers had when they told it, they may have cut off since, as the next leader told them.
    fn check_isr(
        &self,
        event: &TraceEvent,
        (topic, partition): (&str, i32),
        high_watermark: i64,
        known: &Known,
    ) -> Result<(), String> {
        let Some(leader) = replica(event, topic, partition) else { return Ok(()) };
        let (Some(told), Some(id)) = (known.assignments.told(&leader), known.assignments.id(&leader)) else {
            return Ok(());
        };
        if told.role != "leader" || told.leader_epoch < known.assignments.newest_epoch(&id) {
            return Ok(());
        }
        for member in told.isr.iter().filter(|member| !known.assignments.is_lossy(&id, **member)) {
            let member_replica = known.assignments.replica_of(&id, *member);
            let end = member_replica.and_then(|replica| self.partitions.get(&replica)).map(|(_, end)| *end);
            if end.is_some_and(|end| end < high_watermark) {
                let end = end.unwrap_or_default();
                return Err(format!(
                    "{topic}-{partition}: the high watermark is {high_watermark}, and broker {member}, which is in the ISR, \
                     ends at {end}"
                ));
            }
        }
        Ok(())
    }
}
