//! While a broker runs, the log start offset of a partition never goes back, and never passes the high watermark or the
//! log's end. After an unclean start it may stand earlier: the checkpoint of log start offsets is written now and then.
//!
//! Source: Apache Kafka, `UnifiedLog.maybeIncrementLogStartOffset`; KIP-107.

use super::{Invariant, Known, Replica, replica};
use alloc::{format, string::String};
use naru_trace::SortedMap;
use naru_trace::{TraceEvent, TraceKind};

/// Log start, high watermark.
#[derive(Default)]
pub(super) struct LogStart {
    partitions: SortedMap<Replica, (i64, i64)>,
}

impl Invariant for LogStart {
    fn name(&self) -> &'static str {
        "log_start"
    }

    fn observe(&mut self, event: &TraceEvent, _: &Known) -> Result<(), String> {
        match &event.kind {
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let (start, end) = (view.log_start_offset, view.log_end_offset);
                    if start > end || start < 0 {
                        return Err(format!("{topic}-{partition} begins at {start} and ends at {end}"));
                    }
                    self.partitions.insert(replica, (start, view.high_watermark));
                }
            }
            TraceKind::LogTruncated { topic, partition, to_offset, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let high_watermark = &mut self.partitions.entry(replica).or_default().1;
                    *high_watermark = (*high_watermark).min(*to_offset);
                }
            }
            TraceKind::LogRestarted { topic, partition, at_offset } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.partitions.insert(replica, (*at_offset, *at_offset));
                }
            }
            TraceKind::HighWatermarkAdvanced { topic, partition, high_watermark } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.partitions.entry(replica).or_default().1 = *high_watermark;
                }
            }
            TraceKind::LogStartOffsetAdvanced { topic, partition, log_start_offset, because } => {
                let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
                let (start, high_watermark) = self.partitions.entry(replica).or_default();
                if *log_start_offset <= *start || *log_start_offset > *high_watermark {
                    return Err(format!(
                        "{topic}-{partition}: the log start moved from {start} to {log_start_offset} because of \
                         {because}, and the high watermark is {high_watermark}"
                    ));
                }
                *start = *log_start_offset;
            }
            _ => {}
        }
        Ok(())
    }
}
