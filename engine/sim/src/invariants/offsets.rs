//! Offsets are dense and unique: every record of a partition has the offset after the one before it, for ever.
//!
//! Source: Apache Kafka, "Design", "Message Format" and KIP-98: the leader assigns "monotonically increasing" offsets to the
//! records of a batch. Gaps come only with compaction, and with transactions, which these worlds do not have yet.

use super::{Invariant, Known, Replica, read_log, replica};
use crate::World;
use alloc::{format, string::String};
use naru_trace::SortedMap;
use naru_trace::{TraceEvent, TraceKind};

#[derive(Default)]
pub(super) struct Offsets {
    log_ends: SortedMap<Replica, i64>,
}

impl Invariant for Offsets {
    fn name(&self) -> &'static str {
        "offsets"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        match &event.kind {
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.log_ends.insert(replica, view.log_end_offset);
                }
            }
            TraceKind::LogTruncated { topic, partition, to_offset: end, .. }
            | TraceKind::LogRestarted { topic, partition, at_offset: end } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.log_ends.insert(replica, *end);
                }
            }
            TraceKind::BatchAppended { topic, partition, records, log_end_offset, .. } => {
                let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
                let copies_gaps = known.assignments.told(&replica).is_some_and(|told| told.role == "follower")
                    && known.is_compacted(replica.0, topic);
                let end = self.log_ends.entry(replica).or_default();
                if copies_gaps {
                    // Its leader had compacted them away before.
                    *end = *log_end_offset;
                    return Ok(());
                }
                let first = *log_end_offset - records.len() as i64;
                let offsets = records.iter().map(|record| record.offset);
                if !offsets.eq(first..*log_end_offset) {
                    return Err(format!("{topic}-{partition}: the offsets in a batch have gaps"));
                }
                if first < *end || (records.len() < naru_trace::CELLS_MAX && first != *end) {
                    return Err(format!("{topic}-{partition}: a batch begins at {first}, and the log ended at {end}"));
                }
                *end = *log_end_offset;
            }
            _ => {}
        }
        Ok(())
    }

    fn check_disks(&self, world: &World) -> Result<(), String> {
        for broker in world.brokers() {
            let Some(running) = world.broker_view(broker) else { continue };
            for (topic, view) in running.topics {
                let compacted = view.configs.get("cleanup.policy").is_some_and(|policy| policy.contains("compact"));
                for (partition, view) in view.partitions.into_iter().filter(|(_, view)| view.online) {
                    let log = read_log(world.disk(broker), &topic, partition);
                    // Records before the log's start may still be there, in a segment that also holds others.
                    let start = view.log_start_offset;
                    let first = log.first().map_or(start, |batch| batch.header().base_offset);
                    let mut next = if compacted { first.max(start) } else { first.min(start) };
                    for batch in log {
                        let (base, end) = (batch.header().base_offset, batch.header().next_offset());
                        let follows = base == next || (compacted && (base > next || next == first.max(start)));
                        if !follows || batch.verify_crc().is_err() {
                            return Err(format!(
                                "{topic}-{partition} on the disk of broker {broker}: the batch at {base} is damaged, or \
                                 does not follow {next}"
                            ));
                        }
                        next = end;
                    }
                    if next != view.log_end_offset && !(compacted && next < view.log_end_offset) {
                        let said = view.log_end_offset;
                        return Err(format!("{topic}-{partition}: the disk ends at {next}, the broker says {said}"));
                    }
                }
            }
        }
        Ok(())
    }
}
