//! What was acknowledged stays: it is in the log when the producer hears of it, and still there after the broker's process
//! was killed and started again. (It was committed to the operating system, which the death of a process does not undo.)
//! A power failure is another matter: Kafka acknowledges before it syncs, and what was only in memory is lost then. What must
//! survive that is for `synced_survives`. Nor is this about partitions of which there are copies: there a process that was away
//! may cut off what it alone had, and what must not be lost is for `committed`.
//!
//! Source: Apache Kafka, "Design", "Message Delivery Semantics": "once a published message is committed it will not be lost
//! as long as one broker that replicates the partition to which this message was written remains alive".

use super::{Invariant, Known, Replica, replica};
use alloc::{
    format,
    string::{String, ToString},
};
use naru_trace::SortedMap;
use naru_trace::{Actor, TraceEvent, TraceKind};

#[derive(Default)]
pub(super) struct Acknowledged {
    log_ends: SortedMap<Replica, i64>,
    /// The offset after the last acknowledged record.
    promised: SortedMap<Replica, i64>,
}

impl Invariant for Acknowledged {
    fn name(&self) -> &'static str {
        "acknowledged"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        match &event.kind {
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
                let promised = self.promised.get(&replica).copied().unwrap_or(0);
                if known.assignments.is_replicated(&replica) {
                    self.promised.remove(&replica);
                } else if view.log_end_offset < promised {
                    let end = view.log_end_offset;
                    return Err(format!(
                        "{topic}-{partition}: records up to {promised} were acknowledged, and the log that was opened \
                         ends at {end}"
                    ));
                }
                self.log_ends.insert(replica, view.log_end_offset);
            }
            TraceKind::BatchAppended { topic, partition, log_end_offset, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.log_ends.insert(replica, *log_end_offset);
                }
            }
            TraceKind::LogTruncated { topic, partition, to_offset: end, .. }
            | TraceKind::LogRestarted { topic, partition, at_offset: end } => {
                if let Some(replica) = replica(event, topic, *partition).filter(|r| known.assignments.is_replicated(r))
                {
                    self.log_ends.insert(replica, *end);
                }
            }
            TraceKind::PowerLost { broker, .. } | TraceKind::DiskLost { broker, .. } => {
                self.promised.retain(|(other, _, _), _| other != broker);
            }
            TraceKind::TopicDeleted { topic } => {
                if let Actor::Broker(deleted_on) = event.actor {
                    self.promised.retain(|(broker, name, _), _| *broker != deleted_on || name != topic);
                    self.log_ends.retain(|(broker, name, _), _| *broker != deleted_on || name != topic);
                }
            }
            TraceKind::BatchAcknowledged { topic, partition, base_offset, records } if *base_offset >= 0 => {
                let Some((broker, sent)) = known.sent(event) else {
                    return Err("no broker's message is its cause".to_string());
                };
                if known.is_outlived(broker, sent) {
                    return Ok(());
                }
                let replica = (broker, topic.clone(), *partition);
                if known.assignments.is_replicated(&replica) {
                    return Ok(());
                }
                let end = base_offset + i64::from(*records);
                match self.log_ends.get(&replica) {
                    Some(log_end) if *log_end < end => {
                        return Err(format!("{topic}-{partition} ends at {log_end}, and {end} was acknowledged"));
                    }
                    None => return Ok(()), // Deleted while the answer was on its way.
                    _ => {}
                }
                let promised = self.promised.entry(replica).or_default();
                *promised = (*promised).max(end);
            }
            _ => {}
        }
        Ok(())
    }
}
