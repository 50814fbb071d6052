//! While a broker runs, the high watermark of a partition never goes back, and never passes the log's end.
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

    fn observe(&mut self, event: &TraceEvent, _: &Known) -> Result<(), String> {
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
            }
            _ => {}
        }
        Ok(())
    }
}
