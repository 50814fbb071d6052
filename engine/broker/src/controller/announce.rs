//! The controller's decisions as events: who is fenced, who leads, who is in sync.
//!
//! A decision is read off its records, so that none can be forgotten. What becomes of a broker comes first, and is the cause
//! of what becomes of its partitions.

use alloc::format;
use naru_metadata::{
    Image, MetadataRecord,
    record::{BrokerRegistrationChangeRecord, PartitionChangeRecord},
};
use naru_trace::{Name, Trace, TraceKind};

/// Emits what `records` will make of `image`. `because` is the reason where no broker's coming or going is.
pub(super) fn announce(image: &Image, records: &[MetadataRecord], because: Name, trace: &mut Trace) {
    if !trace.is_on() {
        return;
    }
    let mut reason = because.clone();
    for record in records {
        match record {
            MetadataRecord::RegisterBroker(record) => {
                let (broker, epoch, rack) = (record.broker_id, record.broker_epoch, record.rack.clone());
                trace.emit_then(|| TraceKind::BrokerRegistered { broker, epoch, rack });
                reason = format!("broker {broker} has started anew").into();
            }
            MetadataRecord::UnregisterBroker(record) => {
                let broker = record.broker_id;
                trace.emit_then(|| TraceKind::BrokerFenced { broker, because: "it is unregistered".into() });
                reason = format!("broker {broker} is no longer a member").into();
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                reason = broker_changed(record, &because, trace).unwrap_or(reason);
            }
            _ => {}
        }
    }
    for record in records {
        if let MetadataRecord::PartitionChange(change) = record {
            partition_changed(image, change, &reason, trace);
        }
    }
}

/// Returns the reason of what becomes of partitions.
fn broker_changed(change: &BrokerRegistrationChangeRecord, because: &Name, trace: &mut Trace) -> Option<Name> {
    let broker = change.broker_id;
    match (change.fenced, change.in_controlled_shutdown) {
        (1, _) => {
            trace.emit_then(|| TraceKind::BrokerFenced { broker, because: because.clone() });
            Some(format!("broker {broker} is fenced").into())
        }
        (-1, _) => {
            trace.emit_then(|| TraceKind::BrokerUnfenced { broker });
            Some(format!("broker {broker} is there").into())
        }
        (_, 1) => Some(format!("broker {broker} is about to stop").into()),
        _ => None,
    }
}

fn partition_changed(image: &Image, change: &PartitionChangeRecord, because: &Name, trace: &mut Trace) {
    let Some(topic) = image.topic_by_id(change.topic_id) else { return };
    let Some(before) = topic.partition(change.partition_id) else { return };
    let name = || topic.name.clone();
    let partition = change.partition_id;
    let isr = change.isr.as_ref().unwrap_or(&before.isr).clone();
    let (leader, epoch) = (change.leader.unwrap_or(before.leader), before.leader_epoch);
    if leader != before.leader {
        let (isr, because) = (isr, because.clone());
        let leader_epoch = epoch + 1;
        trace.emit(|| TraceKind::LeaderElected { topic: name(), partition, leader, leader_epoch, isr, because });
    } else if isr != before.isr {
        let because = because.clone();
        let partition_epoch = before.partition_epoch + 1;
        trace.emit(|| TraceKind::IsrDecided { topic: name(), partition, leader, isr, partition_epoch, because });
    }
    let adding = change.adding_replicas.as_ref().unwrap_or(&before.adding_replicas);
    let removing = change.removing_replicas.as_ref().unwrap_or(&before.removing_replicas);
    let is_reassigning = !adding.is_empty() || !removing.is_empty();
    let is_changed = *adding != before.adding_replicas || *removing != before.removing_replicas;
    if is_reassigning && is_changed {
        let (adding, removing) = (adding.clone(), removing.clone());
        trace.emit(|| TraceKind::ReassignmentStarted { topic: name(), partition, adding, removing });
    } else if before.is_reassigning() && !is_reassigning {
        let replicas = change.replicas.as_ref().unwrap_or(&before.replicas).clone();
        trace.emit(|| TraceKind::ReassignmentFinished { topic: name(), partition, replicas });
    }
}
