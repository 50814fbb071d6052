//! Only what a policy allows is removed: segments by time when their newest record is older than `retention.ms`, by size
//! while what is left has `retention.bytes`, before the log start offset when all of them is before it; and never the active
//! one.
//!
//! Source: Apache Kafka, `UnifiedLog.deleteRetentionMsBreachedSegments`, `deleteRetentionSizeBreachedSegments`,
//! `deleteLogStartOffsetBreachedSegments`.

use super::{Invariant, Known, Replica, replica};
use alloc::{format, string::String, vec::Vec};
use naru_trace::SortedMap;
use naru_trace::{Actor, SegmentView, TraceEvent, TraceKind};

pub(super) struct Retention {
    /// The wall clock at the beginning of the run, in milliseconds.
    wall_ms: i64,
    logs: SortedMap<Replica, Log>,
}

#[derive(Default)]
struct Log {
    segments: Vec<SegmentView>,
    log_start_offset: i64,
}

impl Retention {
    pub(super) fn new(wall_ms: i64) -> Self {
        Retention { wall_ms, logs: SortedMap::new() }
    }

    fn log_of(&mut self, event: &TraceEvent, topic: &str, partition: i32) -> Option<(i32, &mut Log)> {
        let replica = replica(event, topic, partition)?;
        Some((replica.0, self.logs.entry(replica).or_default()))
    }
}

impl Invariant for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        let ahead_ms = match event.actor {
            Actor::Broker(broker) => known.ahead_ms.get(&broker).copied().unwrap_or(0),
            _ => 0,
        };
        let now_ms = self.wall_ms + event.at.as_millis() as i64 + ahead_ms;
        match &event.kind {
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                if let Some((_, log)) = self.log_of(event, topic, *partition) {
                    *log = Log { segments: view.segments.clone(), log_start_offset: view.log_start_offset };
                }
            }
            TraceKind::BatchAppended { topic, partition, bytes, max_timestamp_ms, .. } => {
                if let Some(active) = self.log_of(event, topic, *partition).and_then(|(_, log)| log.segments.last_mut())
                {
                    active.bytes += u64::from(*bytes);
                    active.max_timestamp_ms = active.max_timestamp_ms.max(*max_timestamp_ms);
                }
            }
            TraceKind::SegmentRolled { topic, partition, base_offset, .. } => {
                if let Some((_, log)) = self.log_of(event, topic, *partition) {
                    log.segments.push(SegmentView { base_offset: *base_offset, bytes: 0, max_timestamp_ms: -1 });
                }
            }
            TraceKind::LogTruncated { topic, partition, segments, .. } => {
                if let Some((_, log)) = self.log_of(event, topic, *partition) {
                    log.segments.clone_from(segments);
                }
            }
            TraceKind::LogRestarted { topic, partition, at_offset } => {
                if let Some((_, log)) = self.log_of(event, topic, *partition) {
                    let segment = SegmentView { base_offset: *at_offset, bytes: 0, max_timestamp_ms: -1 };
                    *log = Log { segments: alloc::vec![segment], log_start_offset: *at_offset };
                }
            }
            TraceKind::LogStartOffsetAdvanced { topic, partition, log_start_offset, .. } => {
                if let Some((_, log)) = self.log_of(event, topic, *partition) {
                    log.log_start_offset = *log_start_offset;
                }
            }
            TraceKind::SegmentsReplaced { topic, partition, segments, .. }
            | TraceKind::CleaningFinished { topic, partition, segments, .. } => {
                if let Some((broker, log)) = self.log_of(event, topic, *partition) {
                    if !known.is_compacted(broker, topic) {
                        return Err(format!("{topic}-{partition} was compacted, and its policy does not say so"));
                    }
                    log.segments.clone_from(segments);
                }
            }
            TraceKind::SegmentDeleted { topic, partition, base_offset, because, .. } => {
                if let Some((broker, log)) = self.log_of(event, topic, *partition) {
                    let limit = |key: &str| known.setting(broker, topic, key).and_then(|value| value.parse().ok());
                    log.on_deleted(*base_offset, because, now_ms, limit)
                        .map_err(|what| format!("{topic}-{partition}: {what}"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Log {
    /// `limit` is a topic's own setting, in milliseconds or bytes.
    fn on_deleted(
        &mut self,
        base_offset: i64,
        because: &str,
        now_ms: i64,
        limit: impl Fn(&str) -> Option<i64>,
    ) -> Result<(), String> {
        let Some(index) = self.segments.iter().position(|segment| segment.base_offset == base_offset) else {
            return Err(format!("there is no segment {base_offset} to delete"));
        };
        let next = self.segments.get(index + 1).map(|segment| segment.base_offset);
        let segment = self.segments.remove(index);
        let left: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let Some(next) = next else { return Err(format!("the active segment {base_offset} was deleted")) };
        let allowed = match because {
            "retention.ms" => limit(because).is_none_or(|ms| ms >= 0 && now_ms - segment.max_timestamp_ms > ms),
            "retention.bytes" => limit(because).is_some_and(|bytes| bytes >= 0 && left >= bytes as u64),
            "log start offset" => next <= self.log_start_offset,
            "compaction" => true,
            _ => false,
        };
        if allowed {
            return Ok(());
        }
        let newest = now_ms - segment.max_timestamp_ms;
        Err(format!(
            "segment {base_offset} was deleted because of {because}: its newest record is {newest} ms old, {left} bytes are \
             left, the next one begins at {next} and the log at {}",
            self.log_start_offset
        ))
    }
}
