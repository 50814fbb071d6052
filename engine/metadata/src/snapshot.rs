//! An image as records: what a snapshot of the metadata log holds (KIP-630).
//!
//! In the order of Kafka's `MetadataImage.write`: features, brokers, topics with their partitions, configurations, producer
//! ids. Replaying the records gives an equal image.

use crate::{
    Image, MetadataRecord, Partition, Registration, Topic,
    features::METADATA_VERSION,
    image::RESOURCE_TOPIC,
    record::{ConfigRecord, FeatureLevelRecord, PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, TopicRecord},
};
use alloc::{string::String, vec::Vec};
use uuid::Uuid;

impl Image {
    /// The records that make this image out of an empty one.
    pub fn snapshot(&self) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        // The version that the others are written in comes first.
        let (first, others): (Vec<_>, Vec<_>) = self.features().partition(|(name, _)| *name == METADATA_VERSION);
        for (name, feature_level) in first.into_iter().chain(others) {
            records.push(MetadataRecord::FeatureLevel(FeatureLevelRecord { name: name.into(), feature_level }));
        }
        records.extend(self.brokers().map(|(id, registration)| broker(id, registration)));
        for topic in self.topics() {
            records.push(MetadataRecord::Topic(TopicRecord { name: topic.name.clone(), topic_id: topic.id }));
            let partitions = topic.partitions.iter().zip(0..);
            records.extend(partitions.map(|(partition, id)| self::partition(topic.id, id, partition)));
        }
        for Topic { name, configs, .. } in self.topics() {
            records.extend(configs.iter().map(|(key, value)| config(RESOURCE_TOPIC, name, key, value)));
        }
        for ((resource_type, name), configs) in self.other_configs() {
            records.extend(configs.iter().map(|(key, value)| config(*resource_type, name, key, value)));
        }
        if self.next_producer_id() > 0 {
            let next_producer_id = self.next_producer_id();
            let record = ProducerIdsRecord { broker_id: -1, broker_epoch: -1, next_producer_id };
            records.push(MetadataRecord::ProducerIds(record));
        }
        records
    }
}

fn broker(broker_id: i32, registration: &Registration) -> MetadataRecord {
    MetadataRecord::RegisterBroker(RegisterBrokerRecord {
        broker_id,
        is_migrating_zk_broker: false,
        incarnation_id: registration.incarnation_id,
        broker_epoch: registration.epoch,
        end_points: registration.end_points.clone(),
        features: registration.features.clone(),
        rack: registration.rack.clone(),
        fenced: registration.fenced,
        in_controlled_shutdown: registration.in_controlled_shutdown,
        log_dirs: registration.log_dirs.clone(),
    })
}

fn partition(topic_id: Uuid, partition_id: i32, partition: &Partition) -> MetadataRecord {
    MetadataRecord::Partition(PartitionRecord {
        partition_id,
        topic_id,
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
        removing_replicas: partition.removing_replicas.clone(),
        adding_replicas: partition.adding_replicas.clone(),
        leader: partition.leader,
        leader_recovery_state: partition.leader_recovery_state,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        directories: partition.directories.clone(),
        elr: partition.elr.clone(),
        last_known_elr: partition.last_known_elr.clone(),
    })
}

fn config(resource_type: i8, resource_name: &str, name: &str, value: &str) -> MetadataRecord {
    let value = Some(String::from(value));
    MetadataRecord::Config(ConfigRecord {
        resource_type,
        resource_name: resource_name.into(),
        name: name.into(),
        value,
    })
}

#[cfg(test)]
mod tests;
