//! A partition has one leader in each of its epochs: whatever brokers were told, they were told the same. And a leader is in
//! its own ISR, which is therefore never empty. (While nobody leads it may be: then the eligible leader replicas count.)
//!
//! Source: KIP-101, "leader epoch"; KIP-497; KIP-966.

use super::{Invariant, Known, assignments::PartitionId, replica};
use alloc::{format, string::String};
use naru_trace::SortedMap;
use naru_trace::{TraceEvent, TraceKind};

#[derive(Default)]
pub(super) struct OneLeader {
    leaders: SortedMap<(PartitionId, i32), i32>,
}

impl Invariant for OneLeader {
    fn name(&self) -> &'static str {
        "one_leader"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        let (TraceKind::PartitionOpened { topic, partition, .. }
        | TraceKind::PartitionRoleChanged { topic, partition, .. }) = &event.kind
        else {
            return Ok(());
        };
        let Some(replica) = replica(event, topic, *partition) else { return Ok(()) };
        let (Some(told), Some(id)) = (known.assignments.told(&replica), known.assignments.id(&replica)) else {
            return Ok(());
        };
        let (leader, epoch, broker) = (told.leader, told.leader_epoch, replica.0);
        let before = *self.leaders.entry((id, epoch)).or_insert(leader);
        if before != leader {
            return Err(format!("{topic}-{partition} has the leaders {before} and {leader} in epoch {epoch}"));
        }
        if told.role == "leader" && leader != broker {
            return Err(format!("{topic}-{partition}: broker {broker} leads, and knows of the leader {leader}"));
        }
        if leader >= 0 && !told.isr.contains(&leader) {
            return Err(format!("{topic}-{partition}: the leader {leader} is not in its ISR {:?}", told.isr));
        }
        Ok(())
    }
}
