//! A consumer reads exactly what is in the log, in order: every record it gets is the one that was appended at that offset,
//! and it gets them one after the other from its position on.
//!
//! Source: Apache Kafka, "Introduction": "Kafka guarantees that any consumer of a given topic-partition will always read
//! that partition's events in exactly the same order as they were written."

use super::{Invariant, Known, Replica, replica};
use alloc::{format, string::String, vec::Vec};
use core::hash::{Hash, Hasher};
use naru_trace::{Actor, CellView, TraceEvent, TraceKind};
use naru_trace::{SortedMap, SortedSet};

#[derive(Default)]
pub(super) struct Reading {
    /// What was appended at each offset, as a fingerprint; 0 for what no event told.
    appended: SortedMap<Replica, Vec<u64>>,
    /// The next offset of each consumer.
    positions: SortedMap<(u32, String, i32), i64>,
    /// Topics that were deleted once: what a consumer holds of them may be of an older topic of that name.
    deleted: SortedSet<String>,
}

impl Invariant for Reading {
    fn name(&self) -> &'static str {
        "reading"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        match &event.kind {
            TraceKind::BatchAppended { topic, partition, records, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.remember(replica, records);
                }
            }
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    // What a recovery cut off was never readable, and its offsets are given again.
                    let log = self.appended.entry(replica).or_default();
                    log.truncate(usize::try_from(view.log_end_offset).unwrap_or(0));
                }
            }
            TraceKind::LogTruncated { topic, partition, to_offset: end, .. }
            | TraceKind::LogRestarted { topic, partition, at_offset: end } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let log = self.appended.entry(replica).or_default();
                    log.truncate(usize::try_from(*end).unwrap_or(0));
                }
            }
            TraceKind::TopicDeleted { topic } => {
                self.deleted.insert(topic.clone());
            }
            TraceKind::PositionSet { topic, partition, offset } => {
                if let Actor::Client(client) = event.actor {
                    self.positions.insert((client, topic.clone(), *partition), *offset);
                }
            }
            TraceKind::RecordsDelivered { topic, partition, records, next_offset } => {
                let Actor::Client(client) = event.actor else { return Ok(()) };
                let position = self.positions.insert((client, topic.clone(), *partition), *next_offset);
                let sent = known.sent(event);
                let compacted = sent.is_none_or(|(broker, _)| known.is_compacted(broker, topic));
                check_order(position, records, *next_offset, compacted)?;
                if let Some((broker, sent)) = sent.filter(|_| !self.deleted.contains(topic))
                    && !known.is_outlived(broker, sent)
                {
                    let replica = (broker, topic.clone(), *partition);
                    let id = known.assignments.id(&replica);
                    // Where every copy lost something, a leader may have cut off what it had sent a moment before.
                    if id.is_none_or(|id| !known.assignments.is_void(&id)) {
                        self.check_content(&replica, records)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Reading {
    fn remember(&mut self, replica: Replica, records: &[CellView]) {
        let log = self.appended.entry(replica).or_default();
        for record in records {
            let index = usize::try_from(record.offset).expect("offsets are not negative");
            if log.len() <= index {
                log.resize(index + 1, 0);
            }
            log[index] = fingerprint(record);
        }
    }

    fn check_content(&self, replica: &Replica, records: &[CellView]) -> Result<(), String> {
        let log = self.appended.get(replica).map_or(&[][..], Vec::as_slice);
        for record in records {
            match log.get(record.offset as usize) {
                Some(0) => {}
                Some(known) if *known == fingerprint(record) => {}
                Some(_) => return Err(format!("the record at {} is not the one in the log", record.offset)),
                None => return Err(format!("there is no record at {} in the log", record.offset)),
            }
        }
        Ok(())
    }
}

/// Only compaction leaves gaps.
fn check_order(position: Option<i64>, records: &[CellView], next_offset: i64, compacted: bool) -> Result<(), String> {
    let follows = |offset: i64, expected: i64| offset == expected || (compacted && offset > expected);
    let mut expected = position.unwrap_or(-1);
    for record in records {
        if !follows(record.offset, expected) {
            return Err(format!("the record at {} was delivered where {expected} comes next", record.offset));
        }
        expected = record.offset + 1;
    }
    if !follows(next_offset, expected) {
        return Err(format!("the position is {next_offset} after the record before {expected}"));
    }
    Ok(())
}

/// FNV-1a over what an event shows of a record; never 0.
pub(super) fn fingerprint(record: &CellView) -> u64 {
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0 | 1
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    (&record.key, &record.value, record.timestamp_ms, record.offset).hash(&mut hasher);
    hasher.finish()
}
