//! What becomes of partitions when a broker comes, goes, or is about to go.
//!
//! In Kafka this is `ReplicationControlManager.generateLeaderAndIsrUpdates` and the `handleBroker...` methods around it. A
//! broker that is fenced leads nothing and is in sync with nothing, and all of that is one decision: nobody ever sees a
//! fenced leader.

use crate::{
    ApiError, Decision, Image, MetadataRecord, Partition, Settings,
    cluster::Cluster,
    partition_change::{NO_LEADER, PartitionChange},
    record::{BrokerRegistrationChangeRecord, UnregisterBrokerRecord},
};
use alloc::{format, vec::Vec};
use naru_wire::ErrorCode;
use uuid::Uuid;

/// The value of `fenced` in a [`BrokerRegistrationChangeRecord`]: from now on.
const FENCED: i8 = 1;
/// No longer.
const UNFENCED: i8 = -1;

/// Fences a broker whose session has expired, or that asks for it. No records if it is not registered.
pub fn fence_broker(image: &Image, settings: &Settings, broker: i32) -> Vec<MetadataRecord> {
    let cluster = Cluster { image, settings };
    let Some(epoch) = image.broker(broker).map(|registration| registration.epoch) else { return Vec::new() };
    let mut records = without_broker(cluster, broker);
    records.push(registration_change(broker, epoch, FENCED, 0));
    records
}

/// A broker has caught up: it may lead, and leads at once what nobody leads.
pub(crate) fn unfence_broker(cluster: Cluster<'_>, broker: i32, epoch: i64) -> Vec<MetadataRecord> {
    let mut records = alloc::vec![registration_change(broker, epoch, UNFENCED, 0)];
    let may_lead = |id| id == broker || cluster.is_active(id);
    let leaderless = |partition: &Partition| partition.leader == NO_LEADER;
    records.extend(changes(cluster, leaderless, &may_lead, |_| {}));
    records
}

/// A broker is about to stop: its leaders move first, while it can still serve those who have not heard of it.
pub(crate) fn begin_controlled_shutdown(cluster: Cluster<'_>, broker: i32, epoch: i64) -> Vec<MetadataRecord> {
    let already = cluster.image.broker(broker).is_some_and(|registration| registration.in_controlled_shutdown);
    let mut records = Vec::new();
    if !already {
        records.push(registration_change(broker, epoch, 0, 1));
    }
    records.extend(without_broker(cluster, broker));
    records
}

/// UnregisterBroker: the broker is no longer a member, and leads and follows nothing until it registers again.
pub fn unregister_broker(image: &Image, settings: &Settings, broker: i32) -> Result<Decision<()>, ApiError> {
    let cluster = Cluster { image, settings };
    let Some(registration) = image.broker(broker) else {
        let message = format!("Broker ID {broker} is not currently registered");
        return Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message));
    };
    let mut records = without_broker(cluster, broker);
    let record = UnregisterBrokerRecord { broker_id: broker, broker_epoch: registration.epoch };
    records.push(MetadataRecord::UnregisterBroker(record));
    Ok(Decision { records, response: () })
}

/// An incarnation of a broker is over. If it did not stop in good order, and eligible leader replicas are kept, it is no
/// longer one of those either (KIP-966): what it had acknowledged may not have reached its disk.
pub(crate) fn incarnation_ended(cluster: Cluster<'_>, broker: i32, was_clean: bool) -> Vec<MetadataRecord> {
    if was_clean || !cluster.has_elr() {
        return without_broker(cluster, broker);
    }
    let concerned = |partition: &Partition| partition.isr.contains(&broker) || partition.elr.contains(&broker);
    let may_lead = |id| id != broker && cluster.is_active(id);
    changes(cluster, concerned, &may_lead, |change| {
        change.isr.retain(|id| *id != broker);
        change.unclean_shutdown = Some(broker);
    })
}

/// Log directories of a broker have failed: what is in them is as if the broker were gone (KIP-858).
pub(crate) fn directories_failed(cluster: Cluster<'_>, broker: i32, failed: &[Uuid]) -> Vec<MetadataRecord> {
    let Some(registration) = cluster.image.broker(broker) else { return Vec::new() };
    let working: Vec<Uuid> = registration.log_dirs.iter().copied().filter(|id| !failed.contains(id)).collect();
    if working.len() == registration.log_dirs.len() {
        return Vec::new();
    }
    let lost = |partition: &Partition| {
        let stands = partition.isr.contains(&broker) || partition.leader == broker;
        stands && failed.contains(&partition.directory_of(broker))
    };
    let may_lead = |id| id != broker && cluster.is_active(id);
    let mut records = changes(cluster, lost, &may_lead, |change| change.isr.retain(|id| *id != broker));
    if !working.is_empty() {
        let record = BrokerRegistrationChangeRecord {
            broker_id: broker,
            broker_epoch: registration.epoch,
            fenced: 0,
            in_controlled_shutdown: 0,
            log_dirs: working,
        };
        records.push(MetadataRecord::BrokerRegistrationChange(record));
    }
    records
}

/// Whether a broker leads anything.
pub(crate) fn has_leaderships(image: &Image, broker: i32) -> bool {
    image.topics().flat_map(|topic| &topic.partitions).any(|partition| partition.leader == broker)
}

/// The changes that take a broker out of everything that it leads or is in sync with.
fn without_broker(cluster: Cluster<'_>, broker: i32) -> Vec<MetadataRecord> {
    let concerned = |partition: &Partition| partition.isr.contains(&broker) || partition.leader == broker;
    let may_lead = |id| id != broker && cluster.is_active(id);
    changes(cluster, concerned, &may_lead, |change| change.isr.retain(|id| *id != broker))
}

/// A change for every partition that is `concerned`.
fn changes(
    cluster: Cluster<'_>,
    concerned: impl Fn(&Partition) -> bool,
    may_lead: &dyn Fn(i32) -> bool,
    want: impl Fn(&mut PartitionChange<'_>),
) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for topic in cluster.image.topics() {
        for (partition, id) in topic.partitions.iter().zip(0..).filter(|(partition, _)| concerned(partition)) {
            let mut change = PartitionChange::new(cluster, topic, id, partition, may_lead);
            want(&mut change);
            records.extend(change.build().map(MetadataRecord::PartitionChange));
        }
    }
    records
}

fn registration_change(broker_id: i32, broker_epoch: i64, fenced: i8, in_controlled_shutdown: i8) -> MetadataRecord {
    MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
        broker_id,
        broker_epoch,
        fenced,
        in_controlled_shutdown,
        log_dirs: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
