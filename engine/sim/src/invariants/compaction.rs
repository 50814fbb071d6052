//! Compaction takes only what a later record replaced: the newest record of each key stays in the log, unless it is a
//! tombstone; and no record of the active segment goes.
//!
//! Source: Apache Kafka, "Design", "Log Compaction": "log compaction ensures that Kafka will always retain at least the last
//! known value for each message key within the log of data for a single topic partition".

use super::{Invariant, Known, Replica, read_log, replica};
use crate::World;
use alloc::{format, string::String};
use naru_records::DecompressLimit;
use naru_trace::{CellView, TraceEvent, TraceKind};
use naru_trace::{SortedMap, SortedSet};

/// By key: the offset of its newest record, and whether that has a value.
type Newest = SortedMap<String, (i64, bool)>;

#[derive(Default)]
pub(super) struct Compaction {
    newest: SortedMap<Replica, Newest>,
}

impl Invariant for Compaction {
    fn name(&self) -> &'static str {
        "compaction"
    }

    fn observe(&mut self, event: &TraceEvent, _: &Known) -> Result<(), String> {
        match &event.kind {
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    // What was cut off is nobody's newest record, and what was before it may be gone.
                    let newest = self.newest.entry(replica).or_default();
                    newest.retain(|_, (offset, _)| *offset < view.log_end_offset);
                }
            }
            TraceKind::BatchAppended { topic, partition, records, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    remember(self.newest.entry(replica).or_default(), records);
                }
            }
            TraceKind::SegmentsReplaced { topic, partition, segments, removed }
            | TraceKind::CleaningFinished { topic, partition, segments, removed, .. } => {
                let newest = replica(event, topic, *partition).and_then(|replica| self.newest.get(&replica));
                let active = segments.last().map_or(0, |segment| segment.base_offset);
                check_removed(newest, active, removed).map_err(|what| format!("{topic}-{partition}: {what}"))?;
            }
            // What was not synced may be lost, and then nobody knows what compaction had removed because of it.
            TraceKind::LogTruncated { topic, partition, to_offset: end, .. }
            | TraceKind::LogRestarted { topic, partition, at_offset: end } => {
                if let Some(newest) =
                    replica(event, topic, *partition).and_then(|replica| self.newest.get_mut(&replica))
                {
                    newest.retain(|_, (offset, _)| *offset < *end);
                }
            }
            TraceKind::PowerLost { broker, .. } | TraceKind::DiskLost { broker, .. } => {
                self.newest.retain(|(other, _, _), _| other != broker)
            }
            TraceKind::TopicDeleted { topic } => self.newest.retain(|replica, _| {
                let is_its = event.actor == naru_trace::Actor::Broker(replica.0) && replica.1 == *topic;
                !is_its
            }),
            _ => {}
        }
        Ok(())
    }

    fn check_disks(&self, world: &World) -> Result<(), String> {
        for ((broker, topic, partition), newest) in &self.newest {
            let view = world.broker_view(*broker).and_then(|view| view.topics.get(topic).cloned());
            let Some(view) = view else { continue };
            let is_compacted = view.configs.get("cleanup.policy").is_some_and(|policy| policy.contains("compact"));
            let Some(view) = view.partitions.get(partition).filter(|view| view.online && is_compacted) else {
                continue;
            };
            let log = read_log(world.disk(*broker), topic, *partition);
            let records = log.iter().flat_map(|batch| batch.records(DecompressLimit::default()).unwrap_or_default());
            let there: SortedSet<i64> = records.map(|record| record.offset).collect();
            let mut must_stay = newest.iter().filter(|(_, (offset, has_value))| {
                *has_value && (view.log_start_offset..view.log_end_offset).contains(offset)
            });
            if let Some((key, (offset, _))) = must_stay.find(|(_, (offset, _))| !there.contains(offset)) {
                let place = format!("{topic}-{partition} on the disk of broker {broker}");
                return Err(format!("{place}: the newest record of the key {key}, at {offset}, is gone"));
            }
        }
        Ok(())
    }
}

fn remember(newest: &mut Newest, records: &[CellView]) {
    for record in records {
        // Of a long key only the beginning is known.
        let whole = record.key.as_ref().filter(|key| key.length as usize == key.text.len());
        if let Some(key) = whole {
            newest.insert(key.text.clone(), (record.offset, record.value.is_some()));
        }
    }
}

fn check_removed(newest: Option<&Newest>, active: i64, removed: &[i64]) -> Result<(), String> {
    if let Some(offset) = removed.iter().find(|offset| **offset >= active) {
        return Err(format!("compaction removed {offset}, and the active segment begins at {active}"));
    }
    let mut newest = newest.into_iter().flatten();
    match newest.find(|(_, (offset, has_value))| *has_value && removed.binary_search(offset).is_ok()) {
        Some((key, (offset, _))) => Err(format!("compaction removed {offset}, the newest record of the key {key}")),
        None => Ok(()),
    }
}
