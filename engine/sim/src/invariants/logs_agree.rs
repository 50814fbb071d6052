//! Where two replicas have a batch of the same epoch at the same offset, it is the same batch, and so is all before it. What is below the
//! high watermark of both is the same in any case. The log of the cluster's metadata is one such log: so images at equal
//! offsets are equal.
//!
//! Source: Raft, "log matching property"; KIP-101, KIP-279; KIP-595.

use super::{Invariant, Known, disk::read_directory};
use crate::World;
use alloc::{format, string::String, vec::Vec};
use naru_records::Batch;
use naru_trace::{BrokerView, TraceEvent};
use naru_trace::{SortedMap, SortedSet};

/// The directory of the cluster's metadata log.
const METADATA: &str = "__cluster_metadata-0";

#[derive(Default)]
pub(super) struct LogsAgree {
    /// Whether a machine lost power or its disk: then what was not synced is not compared.
    void: SortedSet<(String, i32)>,
}

impl Invariant for LogsAgree {
    fn name(&self) -> &'static str {
        "logs_agree"
    }

    fn observe(&mut self, event: &TraceEvent, known: &Known) -> Result<(), String> {
        use naru_trace::TraceKind::{DiskLost, PowerLost};
        if matches!(event.kind, PowerLost { .. } | DiskLost { .. }) {
            let ids = known.assignments.iter().filter_map(|(replica, _)| known.assignments.id(replica));
            self.void.extend(ids.filter(|id| known.assignments.is_void(id)));
        }
        Ok(())
    }

    fn check_disks(&self, world: &World) -> Result<(), String> {
        let running: Vec<(i32, BrokerView)> =
            world.brokers().into_iter().filter_map(|id| Some((id, world.broker_view(id)?))).collect();
        for (index, (one, one_view)) in running.iter().enumerate() {
            for (other, other_view) in &running[index + 1..] {
                self.compare_topics(world, (*one, one_view), (*other, other_view))?;
                if same_cluster(world, *one, *other) {
                    let logs = [*one, *other].map(|broker| read_directory(world.disk(broker), METADATA));
                    matching(&logs[0], &logs[1], 0)
                        .map_err(|what| format!("the metadata logs of brokers {one} and {other}: {what}"))?;
                }
            }
        }
        Ok(())
    }
}

impl LogsAgree {
    fn compare_topics(
        &self,
        world: &World,
        (one, one_view): (i32, &BrokerView),
        (other, other_view): (i32, &BrokerView),
    ) -> Result<(), String> {
        for (name, topic) in &one_view.topics {
            let same = other_view.topics.get(name).filter(|other| other.topic_id == topic.topic_id);
            let compacted = topic.configs.get("cleanup.policy").is_some_and(|policy| policy.contains("compact"));
            let Some(same) = same.filter(|_| !compacted) else { continue };
            for (partition, view) in topic.partitions.iter().filter(|(_, view)| view.online) {
                let Some(copy) = same.partitions.get(partition).filter(|view| view.online) else { continue };
                if self.void.contains(&(topic.topic_id.clone(), *partition)) {
                    continue;
                }
                let directory = format!("{name}-{partition}");
                let logs = [one, other].map(|broker| read_directory(world.disk(broker), &directory));
                matching(&logs[0], &logs[1], view.high_watermark.min(copy.high_watermark))
                    .map_err(|what| format!("{directory} on brokers {one} and {other}: {what}"))?;
            }
        }
        Ok(())
    }
}

fn same_cluster(world: &World, one: i32, other: i32) -> bool {
    let id = |broker| world.broker(broker).map(|broker| broker.cluster_id());
    id(one) == id(other)
}

/// Whether two logs agree: all before the last batch that both have of the same epoch, and all before `committed`.
fn matching(one: &[Batch], other: &[Batch], committed: i64) -> Result<(), String> {
    let by_offset: SortedMap<i64, &Batch> = other.iter().map(|batch| (batch.header().base_offset, batch)).collect();
    let epoch = |batch: &Batch| batch.header().partition_leader_epoch;
    let both = one.iter().filter_map(|batch| Some((batch, *by_offset.get(&batch.header().base_offset)?)));
    let both: Vec<(&Batch, &Batch)> = both.collect();
    let last_equal = both.iter().rposition(|(one, other)| epoch(one) == epoch(other));
    for (index, (one, other)) in both.iter().enumerate() {
        let offset = one.header().base_offset;
        let must_be_equal = last_equal.is_some_and(|last| index <= last) || one.header().next_offset() <= committed;
        if must_be_equal && one.bytes() != other.bytes() {
            return Err(format!("they differ at offset {offset}"));
        }
    }
    Ok(())
}
