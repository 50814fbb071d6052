//! What becomes of decisions that are safely on disk: topics appear, grow and disappear, with their directories.
//!
//! Kafka calls the same step publishing, too (`BrokerMetadataPublisher`). What a partition's replicas do then is in
//! [`crate::replication`]. Also here: partitions whose storage fails.

use crate::{
    replication::roles::Place,
    topic_settings::TopicSettings,
    topics::{Partition, PartitionKey, Topic, TopicKey},
    turn::Turn,
};
use alloc::{format, string::String, string::ToString, vec::Vec};
use naru_log::{FileId, Log, LogError, Opening, StorageError, TopicPartition};
use naru_metadata::MetadataRecord;
use naru_metadata::image::{RESOURCE_BROKER, RESOURCE_TOPIC};
use naru_metadata::record::ConfigRecord;
use naru_trace::{SortedMap, SortedSet, TraceKind};
use naru_wire::{ErrorCode, StrBytes};
use uuid::Uuid;

impl Turn<'_> {
    /// Carries out a decision that is on disk.
    pub(crate) fn publish(&mut self, records: &[MetadataRecord]) {
        let published = self.out.trace.cause();
        let mut configured = SortedSet::new();
        for record in records {
            match record {
                MetadataRecord::Topic(topic) => self.add_topic(&topic.name, topic.topic_id, records),
                MetadataRecord::RemoveTopic(topic) => self.remove_topic(topic.topic_id),
                MetadataRecord::Config(config) => configured.extend(self.set_config(config)),
                _ => {}
            }
            self.out.trace.because(published);
        }
        if records.iter().any(is_of_a_broker) {
            // What topics do not say themselves they take from the broker.
            self.state.settings.take_dynamic_configs(self.state.metadata.committed());
            configured.extend(self.state.topics.iter_mut().map(|(key, _)| key));
        }
        for key in configured {
            self.refresh_settings(key);
        }
        // Partitions come last: their logs need the settings.
        for record in records {
            match record {
                MetadataRecord::Partition(partition) => {
                    let decided = naru_metadata::Partition::from(partition);
                    self.publish_decided(partition.topic_id, partition.partition_id, Some(&decided));
                }
                MetadataRecord::PartitionChange(change) => {
                    self.publish_decided(change.topic_id, change.partition_id, None);
                }
                _ => continue,
            }
            self.out.trace.because(published);
        }
    }

    /// Adds a topic that is in the image already, with its partitions: at start.
    ///
    /// `located` tells where partitions lie, by the names of their directories.
    pub(crate) fn open_topic(&mut self, topic: &naru_metadata::Topic, located: &SortedMap<String, usize>) {
        let key = self.insert_topic(&topic.name, topic.id, topic.configs.clone());
        for (partition, decided) in (0..).zip(&topic.partitions) {
            let id = TopicPartition { topic: topic.name.clone(), partition };
            let place = self.place_at_start(&id, decided, located);
            self.open_located(PartitionKey { topic: key, partition }, decided, place);
        }
        for (key, value) in &topic.configs {
            self.trace_config(&topic.name, key, Some(value));
        }
    }

    /// Where a partition's log is, and what the checkpoints say of it.
    fn place_at_start(
        &mut self,
        id: &TopicPartition,
        decided: &naru_metadata::Partition,
        located: &SortedMap<String, usize>,
    ) -> Place {
        let is_replica = decided.replicas.contains(&self.state.config.node_id);
        let dir = match located.get(&id.to_string()) {
            Some(dir) => Some(*dir).filter(|dir| self.state.dirs.get(*dir).failed.is_none()),
            None if self.state.dirs.has_failed() || !is_replica => None,
            None => {
                // Its directory was removed, or its creation was cut short.
                self.out.warnings.push(format!("{id} is in no data directory; it begins anew, without records"));
                self.state.dirs.place_new()
            }
        };
        let clean = dir.is_some_and(|dir| self.state.dirs.get(dir).clean);
        let noted = dir.map(|dir| self.state.checkpoints.of(dir, id)).unwrap_or_default();
        let cleaned = dir.and_then(|dir| {
            let mount = &self.state.dirs.get(dir).mount;
            self.state.cleaning.checkpoint(mount, id, self.storage)
        });
        let opening = Opening {
            clean,
            recovery_point: noted.recovery_point,
            log_start_offset: noted.log_start_offset,
            compacted_up_to: cleaned.unwrap_or(0),
            now_ms: self.now.wall_ms,
        };
        Place { dir, opening, high_watermark: noted.high_watermark }
    }

    /// The log of a partition that works.
    pub(crate) fn log(&self, key: PartitionKey) -> Option<&Log> {
        self.state.topics.partition(key)?.log()
    }

    /// A log refused or failed. Only a failure takes its partition offline: damage in one old segment leaves the others as they
    /// are, and whoever asks for its records hears of it.
    pub(crate) fn on_log_error(&mut self, key: PartitionKey, error: &LogError) {
        match error {
            LogError::Storage(_) => self.fail(key, &error.to_string()),
            LogError::Corrupt { .. } => self.out.warnings.push(error.to_string()),
            LogError::OffsetOutOfRange { .. } | LogError::MessageTooLarge { .. } => {}
            LogError::RecordListTooLarge { .. } | LogError::NotCached(_) => {}
        }
    }

    /// A buffered write failed when the driver committed it.
    pub(crate) fn on_storage_failed(&mut self, file: FileId, error: &StorageError) {
        if self.state.metadata.owns_file(file) {
            self.fail_metadata(error);
            return;
        }
        if self.state.checkpoints.owns_file(file) {
            self.state.checkpoints.abandon(|other| other == file, self.storage);
            return;
        }
        if self.state.cleaning.owns_file(file) {
            self.on_cleaning_write_failed(error);
            return;
        }
        let owner = self.state.topics.iter_mut().find_map(|(topic, entry)| {
            let owns = |partition: &Partition| partition.log().is_some_and(|log| log.owns_file(file));
            let index = entry.partitions.iter().position(owns)?;
            Some(PartitionKey { topic, partition: index as i32 })
        });
        if let Some(key) = owner {
            self.fail(key, &error.to_string());
        }
    }

    /// A partition's storage failed. If it is in one of several log directories, all of that is offline (KIP-112); a lone
    /// directory goes on with what works.
    pub(crate) fn fail(&mut self, key: PartitionKey, reason: &str) {
        let dir = self.state.topics.partition(key).and_then(|partition| partition.dir);
        let Some(dir) = dir.filter(|_| self.state.dirs.are_several()) else {
            return self.take_offline(key, reason);
        };
        let failed = self.out.trace.cause();
        self.state.dirs.get_mut(dir).failed.get_or_insert_with(|| reason.into());
        let in_it = self.state.topics.iter_mut().flat_map(|(topic, entry)| {
            let partitions = entry.partitions.iter().zip(0..).filter(|(partition, _)| partition.dir == Some(dir));
            partitions.map(move |(_, partition)| PartitionKey { topic, partition }).collect::<Vec<_>>()
        });
        for key in in_it.collect::<Vec<_>>() {
            self.out.trace.because(failed);
            self.take_offline(key, reason);
        }
    }

    fn take_offline(&mut self, key: PartitionKey, reason: &str) {
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        if !partition.is_online() {
            return;
        }
        partition.take_offline();
        self.stop_cleaning(|other| other == key, "the partition is offline.");
        let cause = self.out.trace.emit_then(|| TraceKind::PartitionOffline {
            topic: self.state.topics.name(key.topic).into(),
            partition: key.partition,
            reason: reason.into(),
        });
        self.take_back_promises(key);
        let mut waiting = self.state.purgatory.fetches_of(key);
        waiting.extend(self.state.purgatory.deleted(key, Err(ErrorCode::KafkaStorageError)));
        self.state.ready.extend(waiting.into_iter().map(|id| (id, cause)));
    }

    fn add_topic(&mut self, name: &str, id: Uuid, records: &[MetadataRecord]) {
        self.insert_topic(name, id, SortedMap::new());
        self.out.trace.emit_then(|| {
            let is_its = |record: &&MetadataRecord| matches!(record, MetadataRecord::Partition(p) if p.topic_id == id);
            TraceKind::TopicCreated {
                topic: name.into(),
                topic_id: id.hyphenated().to_string(),
                partitions: records.iter().filter(is_its).count() as i32,
            }
        });
    }

    fn insert_topic(&mut self, name: &str, id: Uuid, configs: SortedMap<String, String>) -> TopicKey {
        let settings = TopicSettings::new(&configs, &self.state.settings);
        let name = StrBytes::from_string(name.into());
        self.state.topics.insert(Topic { name, id, settings, configs, partitions: Vec::new() })
    }

    /// Returns the topic that a configuration record is about.
    fn set_config(&mut self, record: &ConfigRecord) -> Option<TopicKey> {
        if record.resource_type != RESOURCE_TOPIC {
            return None;
        }
        self.set_topic_config(&record.resource_name, &record.name, record.value.as_ref())
    }

    /// Sets a key of a topic, or takes it back. Its settings follow with [`Turn::refresh_settings`].
    #[track_caller]
    pub(crate) fn set_topic_config(&mut self, topic: &str, key: &str, value: Option<&String>) -> Option<TopicKey> {
        let found = self.state.topics.by_name(topic)?;
        let configs = &mut self.state.topics.get_mut(found)?.configs;
        match value {
            Some(value) => configs.insert(key.into(), value.clone()),
            None => configs.remove(key),
        };
        self.trace_config(topic, key, value);
        Some(found)
    }

    #[track_caller]
    fn trace_config(&mut self, topic: &str, key: &str, value: Option<&String>) {
        self.out.trace.emit(|| TraceKind::TopicConfigChanged {
            topic: topic.into(),
            key: String::from(key).into(),
            value: value.cloned(),
        });
    }

    /// A topic's settings, made anew from its configuration and the broker's.
    pub(crate) fn refresh_settings(&mut self, key: TopicKey) {
        let Some(topic) = self.state.topics.get_mut(key) else { return };
        topic.settings = TopicSettings::new(&topic.configs, &self.state.settings);
        let log_config = topic.settings.log;
        for log in topic.partitions.iter_mut().filter_map(Partition::log_mut) {
            log.set_config(log_config);
        }
        match log_config.cleanup.compact {
            true => self.state.cleaning.on_compacted_topic(self.now.monotonic),
            false => self.stop_cleaning(|partition| partition.topic == key, "the topic is no longer compacted."),
        }
    }

    /// A partition was decided, or something about it.
    fn publish_decided(&mut self, topic_id: Uuid, partition: i32, decided: Option<&naru_metadata::Partition>) {
        let Some(topic) = self.state.topics.by_id(topic_id) else { return };
        let in_image = |image: &naru_metadata::Image| image.topic_by_id(topic_id)?.partition(partition).cloned();
        let Some(decided) = decided.cloned().or_else(|| in_image(self.state.cluster())) else { return };
        self.publish_partition(PartitionKey { topic, partition }, &decided);
    }

    /// A topic goes: who waits for it hears so, its directories are renamed now and removed a little later.
    pub(crate) fn remove_topic(&mut self, id: Uuid) {
        let Some(key) = self.state.topics.by_id(id) else { return };
        self.stop_cleaning(|partition| partition.topic == key, "the topic is deleted.");
        let Some(topic) = self.state.topics.remove(key) else { return };
        let name = topic.name.as_str();
        self.forget_checkpoints(&topic);
        self.forget_gone_partitions();
        self.forget_offsets_of(topic.name.as_str());
        let cause = self.out.trace.emit_then(|| TraceKind::TopicDeleted { topic: name.into() });
        let delay_ms = topic.settings.file_delete_delay_ms;
        for (mut partition, index) in topic.partitions.into_iter().zip(0..) {
            let key = PartitionKey { topic: key, partition: index };
            let mut free = self.state.purgatory.not_replicated(key, ErrorCode::UnknownTopicOrPartition);
            free.extend(self.state.purgatory.fetches_of(key));
            free.extend(self.state.purgatory.deleted(key, Err(ErrorCode::UnknownTopicOrPartition)));
            self.state.ready.extend(free.into_iter().map(|id| (id, cause)));
            self.follow(key, None);
            let (dir, log) = (partition.dir, partition.take_log());
            self.retire(name, index, dir, log, delay_ms);
        }
    }
}

/// Whether the record sets or resets a key of a broker.
fn is_of_a_broker(record: &MetadataRecord) -> bool {
    matches!(record, MetadataRecord::Config(config) if config.resource_type == RESOURCE_BROKER)
}
