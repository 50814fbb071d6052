//! What is committed stays, and is the same everywhere: once one replica knows that a record is below the high watermark, no
//! replica ever has another one there, and every later leader has it. A record is acknowledged to a producer with acks=all only when it is
//! committed. So nothing acknowledged is lost while one disk of the ISR lives.
//!
//! Source: Apache Kafka, "Design", "Replication": "A message is considered committed when all in sync replicas for that
//! partition have applied it to their log"; KIP-101; Raft's "leader completeness" and "state machine safety".

use super::{Invariant, Known, Replica, assignments::PartitionId, reading::fingerprint, replica};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{Actor, CellView, TraceEvent, TraceKind};
use naru_trace::{SortedMap, SortedSet};

#[derive(Default)]
pub(super) struct Committed {
    replicas: SortedMap<Replica, Log>,
    /// What is committed, by offset, as a fingerprint; 0 for what no event told.
    committed: SortedMap<PartitionId, Vec<u64>>,
    /// The newest epoch in which each partition's leader was looked at.
    led: SortedMap<PartitionId, i32>,
    /// Clients that ask for acks=all.
    acks_all: SortedSet<u32>,
}

/// A replica's log, as far as events told of it.
#[derive(Default)]
struct Log {
    records: Vec<u64>,
    high_watermark: i64,
}

impl Log {
    fn append(&mut self, records: &[CellView], end: i64) {
        self.records.resize(usize::try_from(end).unwrap_or(0), 0);
        for record in records {
            if let Some(place) = usize::try_from(record.offset).ok().and_then(|at| self.records.get_mut(at)) {
                *place = fingerprint(record);
            }
        }
    }

    fn cut(&mut self, end: i64) {
        self.records.truncate(usize::try_from(end).unwrap_or(0));
        self.high_watermark = self.high_watermark.min(end);
    }
}

impl Invariant for Committed {
    fn name(&self) -> &'static str {
        "committed"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        match &event.kind {
            TraceKind::PartitionOpened { view, .. } if !view.online => Ok(()),
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
                let log = self.replicas.entry(replica.clone()).or_default();
                log.records.resize(usize::try_from(view.log_end_offset).unwrap_or(0), 0);
                log.high_watermark = view.high_watermark;
                self.look_at_leader(&replica, known)
            }
            TraceKind::PartitionRoleChanged { topic, partition, .. } => {
                let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
                self.look_at_leader(&replica, known)
            }
            TraceKind::BatchAppended { topic, partition, records, log_end_offset, .. } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    self.replicas.entry(replica).or_default().append(records, *log_end_offset);
                }
                Ok(())
            }
            TraceKind::LogTruncated { topic, partition, to_offset: end, .. }
            | TraceKind::LogRestarted { topic, partition, at_offset: end } => {
                if let Some(replica) = replica(event, topic, *partition) {
                    let log = self.replicas.entry(replica).or_default();
                    log.cut(*end);
                    log.records.resize(usize::try_from(*end).unwrap_or(0), 0);
                }
                Ok(())
            }
            TraceKind::HighWatermarkAdvanced { topic, partition, high_watermark } => {
                let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
                self.commit(&replica, *high_watermark, known)
            }
            TraceKind::ClientStarted { client, settings, .. } => {
                if settings.iter().any(|(key, value)| key == "acks" && value == "all") {
                    self.acks_all.insert(*client);
                }
                Ok(())
            }
            TraceKind::BatchAcknowledged { topic, partition, base_offset, records } if *base_offset >= 0 => {
                let end = base_offset + i64::from(*records);
                self.look_at_acknowledged(event, (topic, *partition, end), known)
            }
            TraceKind::TopicDeleted { topic } => {
                if let Actor::Broker(broker) = event.actor {
                    self.replicas.retain(|(other, name, _), _| *other != broker || name != topic);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Committed {
    /// A replica learned that everything before that offset is committed.
    fn commit(&mut self, replica: &Replica, high_watermark: i64, known: &Known) -> Result<(), String> {
        let Some(id) = known.assignments.id(replica) else { return Ok(()) };
        let log = self.replicas.entry(replica.clone()).or_default();
        let from = core::mem::replace(&mut log.high_watermark, high_watermark).max(0) as usize;
        let to = usize::try_from(high_watermark).unwrap_or(0).min(log.records.len());
        let committed = self.committed.entry(id.clone()).or_default();
        if committed.len() < to {
            committed.resize(to, 0);
        }
        let both = log.records.iter().copied().zip(committed.iter_mut()).enumerate();
        for (offset, (record, told)) in both.take(to).skip(from) {
            if *told == 0 || known.assignments.is_void(&id) {
                *told = record;
            } else if record != 0 && *told != record {
                let (broker, topic, partition) = replica;
                return Err(format!(
                    "{topic}-{partition}: at offset {offset} another record is committed than the one of broker {broker}"
                ));
            }
        }
        Ok(())
    }

    /// Whoever leads in a new epoch has all that is committed.
    fn look_at_leader(&mut self, replica: &Replica, known: &Known) -> Result<(), String> {
        let (Some(told), Some(id)) = (known.assignments.told(replica), known.assignments.id(replica)) else {
            return Ok(());
        };
        if told.role != "leader" || self.led.get(&id).is_some_and(|epoch| *epoch >= told.leader_epoch) {
            return Ok(());
        }
        self.led.insert(id.clone(), told.leader_epoch);
        let (committed, empty) = (self.committed.entry(id.clone()).or_default(), Log::default());
        let log = self.replicas.get(replica).unwrap_or(&empty);
        if known.assignments.is_void(&id) {
            // What it has is what there is now.
            committed.truncate(log.records.len());
            return Ok(());
        }
        let (broker, topic, partition) = replica;
        let (epoch, end) = (told.leader_epoch, log.records.len());
        if end < committed.len() {
            let was = committed.len();
            return Err(format!(
                "{topic}-{partition}: {was} records were committed, and the leader of epoch {epoch}, broker {broker}, has \
                 {end}"
            ));
        }
        let both = committed.iter().zip(&log.records).enumerate();
        let mut differ = both.filter(|(_, (one, other))| **one != 0 && **other != 0 && one != other);
        match differ.next() {
            Some((offset, _)) => Err(format!(
                "{topic}-{partition}: the leader of epoch {epoch}, broker {broker}, has another record at {offset} than the \
                 committed one"
            )),
            None => Ok(()),
        }
    }

    fn look_at_acknowledged(
        &self,
        event: &TraceEvent,
        (topic, partition, end): (&str, i32, i64),
        known: &Known,
    ) -> Result<(), String> {
        let Actor::Client(client) = event.actor else { return Ok(()) };
        let Some((broker, _)) = known.sent(event).filter(|_| self.acks_all.contains(&client)) else { return Ok(()) };
        let replica = (broker, topic.to_string(), partition);
        // Deleted while the answer was on its way.
        let Some(id) = known.assignments.id(&replica) else { return Ok(()) };
        let committed = self.committed.get(&id).map_or(0, Vec::len) as i64;
        if committed < end && !known.assignments.is_void(&id) {
            return Err(format!("{topic}-{partition}: {end} was acknowledged, and {committed} is committed"));
        }
        Ok(())
    }
}
