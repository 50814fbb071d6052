//! Which partition of `__consumer_offsets` a group belongs to, who leads it, and the making of that topic.

use crate::{api::metadata::auto_create, turn::Turn};
use alloc::{string::ToString, vec::Vec};
use naru_metadata::topic_name::CONSUMER_OFFSETS;
use naru_wire::{
    ErrorCode, StrBytes, TopicName,
    messages::create_topics_request::{CreatableTopic, CreatableTopicConfig},
};

/// Where a coordinator is.
pub(crate) struct Found {
    pub(crate) node_id: i32,
    pub(crate) host: StrBytes,
    pub(crate) port: i32,
}

impl Turn<'_> {
    /// The broker that coordinates a group. The first who asks has the topic made, and is told to ask again.
    pub(crate) fn find_coordinator(&mut self, group: &str) -> Result<Found, ErrorCode> {
        if group.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let Some(count) = self.offsets_partitions() else {
            if self.state.metadata.image().topic(CONSUMER_OFFSETS).is_none() {
                let topic = offsets_topic(self);
                auto_create(self, topic);
            }
            return Err(ErrorCode::CoordinatorNotAvailable);
        };
        let index = offsets_partition(group, count);
        let topic = self.state.topics.by_name(CONSUMER_OFFSETS).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let key = crate::topics::PartitionKey { topic, partition: index };
        let partition = self.state.topics.partition(key).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let node_id = partition.leader;
        let is_here = node_id == self.state.config.node_id;
        if is_here && !partition.is_online() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let address = self.live_brokers().into_iter().find(|broker| broker.id == node_id);
        let address = address.ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let host = StrBytes::from_string(address.host);
        Ok(Found { node_id, host, port: i32::from(address.port) })
    }

    /// How many partitions `__consumer_offsets` has; `None` while there is no such topic.
    pub(crate) fn offsets_partitions(&self) -> Option<i32> {
        let topic = self.state.topics.get(self.state.topics.by_name(CONSUMER_OFFSETS)?)?;
        Some(topic.partitions.len() as i32)
    }
}

/// `__consumer_offsets` as `offsets.topic.*` want it (`AutoTopicCreationManager`).
pub(crate) fn offsets_topic(turn: &Turn<'_>) -> CreatableTopic {
    let config = &turn.state.config;
    let stands_alone = turn.state.is_lone() && turn.live_brokers().len() == 1;
    let replication_factor = if stands_alone { 1 } else { config.offsets_topic.replication_factor };
    let settings = [
        ("cleanup.policy", "compact".to_string()),
        ("compression.type", "producer".to_string()),
        ("segment.bytes", config.offsets_topic.segment_bytes.to_string()),
    ];
    let configs = settings.into_iter().map(|(name, value)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_static_str(name))
            .with_value(Some(StrBytes::from_string(value)))
    });
    CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_static_str(CONSUMER_OFFSETS)))
        .with_num_partitions(config.offsets_topic.num_partitions)
        .with_replication_factor(replication_factor)
        .with_configs(configs.collect::<Vec<_>>())
}

/// The partition of a group: Java's `String.hashCode`, without its sign, modulo the number of partitions
/// (`GroupCoordinatorService.partitionFor`).
pub(crate) fn offsets_partition(group: &str, partitions: i32) -> i32 {
    let hash = group.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    let positive = if hash == i32::MIN { 0 } else { hash.abs() };
    positive % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::offsets_partition;

    #[test]
    fn semantics_30_a_groups_partition_is_javas_hash_of_its_name() {
        // "abc".hashCode() is 96354 in Java; "polygenelubricants" has the smallest integer of all.
        assert_eq!(offsets_partition("abc", 50), 96_354 % 50);
        assert_eq!(offsets_partition("hello", 50), 99_162_322 % 50);
        assert_eq!(offsets_partition("polygenelubricants", 50), 0);
        assert_eq!(offsets_partition("", 50), 0);
        assert_eq!(offsets_partition("그룹", 50), (0xADF8 * 31 + 0xB8F9) % 50);
    }
}
