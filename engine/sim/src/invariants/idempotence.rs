//! An idempotent producer's batches are in the log once each and in order: within one epoch, the sequence numbers of its
//! batches in a partition follow each other without a gap.
//!
//! Source: KIP-98, "Idempotent Producer Guarantees"; `ProducerAppendInfo.checkSequence`.

use super::{Invariant, Known, read_log};
use crate::World;
use alloc::{format, string::String};
use naru_records::Batch;
use naru_trace::SortedMap;
use naru_trace::{TopicView, TraceEvent};

pub(super) struct Idempotence;

impl Invariant for Idempotence {
    fn name(&self) -> &'static str {
        "idempotence"
    }

    fn observe(&mut self, _: &TraceEvent, _: &Known) -> Result<(), String> {
        Ok(()) // The log itself has everything.
    }

    fn check_disks(&self, world: &World) -> Result<(), String> {
        for broker in world.brokers() {
            let Some(running) = world.broker_view(broker) else { continue };
            // Compaction takes batches out of the middle.
            let compacted =
                |view: &TopicView| view.configs.get("cleanup.policy").is_some_and(|p| p.contains("compact"));
            for (topic, view) in running.topics.into_iter().filter(|(_, view)| !compacted(view)) {
                for partition in view.partitions.into_keys() {
                    check_sequences(&read_log(world.disk(broker), &topic, partition))
                        .map_err(|message| format!("{topic}-{partition} on broker {broker}: {message}"))?;
                }
            }
        }
        Ok(())
    }
}

fn check_sequences(log: &[Batch]) -> Result<(), String> {
    let mut expected: SortedMap<i64, (i16, i32)> = SortedMap::new();
    for batch in log.iter().map(Batch::header).filter(|header| header.producer_id >= 0) {
        let (id, epoch, first) = (batch.producer_id, batch.producer_epoch, batch.base_sequence);
        match expected.get(&id) {
            Some((known, _)) if epoch < *known => {
                return Err(format!("producer {id} goes back from epoch {known} to {epoch}"));
            }
            Some((known, next)) if epoch == *known && first != *next => {
                let offset = batch.base_offset;
                return Err(format!("producer {id} has sequence {first} at offset {offset}, where {next} comes next"));
            }
            _ => {}
        }
        let next = (i64::from(batch.last_sequence()) + 1) % (i64::from(i32::MAX) + 1);
        expected.insert(id, (epoch, next as i32));
    }
    Ok(())
}
