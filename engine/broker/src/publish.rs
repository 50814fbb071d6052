//! What becomes of decisions that are safely on disk: topics appear, grow and disappear, with their directories.
//!
//! Kafka calls the same step publishing, too (`BrokerMetadataPublisher`). Also here: partitions that move, which on a lone
//! broker is only their high watermark, and partitions whose storage fails.

use crate::{
    data_dir::{renamed_directory, write_partition_metadata},
    log_dirs::may_be_elsewhere,
    retired::RetiredLog,
    topic_settings::TopicSettings,
    topics::{Offline, Partition, PartitionKey, PartitionState, Topic, TopicKey},
    turn::Turn,
};
use alloc::{boxed::Box, format, string::String, string::ToString, vec::Vec};
use naru_log::{FileId, Log, LogError, Opening, StorageError, TopicPartition};
use naru_metadata::MetadataRecord;
use naru_metadata::image::{RESOURCE_BROKER, RESOURCE_TOPIC};
use naru_metadata::record::{ConfigRecord, PartitionRecord};
use naru_trace::{PartitionView, TraceKind};
use naru_trace::{SortedMap, SortedSet};
use naru_wire::StrBytes;
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
            self.state.settings.take_dynamic_configs(self.state.metadata.image());
            configured.extend(self.state.topics.iter_mut().map(|(key, _)| key));
        }
        for key in configured {
            self.refresh_settings(key);
        }
        // Partitions come last: their logs need the settings.
        for record in records {
            if let MetadataRecord::Partition(partition) = record {
                self.add_partition(partition);
                self.out.trace.because(published);
            }
        }
    }

    /// Adds a topic that is in the image already, with its partitions: at start.
    ///
    /// `located` tells where partitions lie, by the names of their directories.
    pub(crate) fn open_topic(&mut self, topic: &naru_metadata::Topic, located: &SortedMap<String, usize>) {
        let key = self.insert_topic(&topic.name, topic.id, topic.configs.clone());
        for (index, partition) in topic.partitions.iter().enumerate() {
            let assignment = Assignment {
                partition: index as i32,
                leader: partition.leader,
                leader_epoch: partition.leader_epoch,
                replicas: partition.replicas.clone(),
            };
            let id = TopicPartition { topic: topic.name.clone(), partition: assignment.partition };
            let dir = match located.get(&id.to_string()) {
                Some(dir) => Some(*dir).filter(|dir| self.state.dirs.get(*dir).failed.is_none()),
                None if self.state.dirs.has_failed() => None,
                None => {
                    // Its directory was removed, or its creation was cut short.
                    self.out.warnings.push(format!("{id} is in no data directory; it begins anew, without records"));
                    self.state.dirs.place_new()
                }
            };
            let clean = dir.is_some_and(|dir| self.state.dirs.get(dir).clean);
            let (recovery_point, log_start_offset) = dir.map_or((0, 0), |dir| self.state.checkpoints.of(dir, &id));
            let cleaned = dir.and_then(|dir| {
                let mount = &self.state.dirs.get(dir).mount;
                self.state.cleaning.checkpoint(mount, &id, self.storage)
            });
            let (compacted_up_to, now_ms) = (cleaned.unwrap_or(0), self.now.wall_ms);
            let opening = Opening { clean, recovery_point, log_start_offset, compacted_up_to, now_ms };
            self.open_partition(key, assignment, dir, opening);
        }
        for (key, value) in &topic.configs {
            self.trace_config(&topic.name, key, Some(value));
        }
    }

    /// The end of the log has moved. On a lone broker everything appended is replicated as far as it ever will be.
    pub(crate) fn advance_high_watermark(&mut self, key: PartitionKey) {
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        let Some(high_watermark) = partition.log().map(Log::log_end_offset) else { return };
        assert!(high_watermark >= partition.high_watermark, "a high watermark never goes back");
        partition.high_watermark = high_watermark;
        let cause = self.out.trace.emit_then(|| TraceKind::HighWatermarkAdvanced {
            topic: self.state.topics.name(key.topic).into(),
            partition: key.partition,
            high_watermark,
        });
        let state = &mut *self.state;
        let Some(log) = state.topics.partition(key).and_then(Partition::log) else { return };
        let free = state.purgatory.bytes_available(key, |offset| log.bytes_available(offset, high_watermark));
        state.ready.extend(free.into_iter().map(|id| (id, cause)));
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
            LogError::RecordListTooLarge { .. } => {}
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
        let waiting = self.state.purgatory.waiting_for(key);
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
        let key = self.state.topics.by_name(&record.resource_name)?;
        let topic = self.state.topics.get_mut(key)?;
        match &record.value {
            Some(value) => topic.configs.insert(record.name.clone(), value.clone()),
            None => topic.configs.remove(&record.name),
        };
        self.trace_config(&record.resource_name, &record.name, record.value.as_ref());
        Some(key)
    }

    #[track_caller]
    fn trace_config(&mut self, topic: &str, key: &str, value: Option<&String>) {
        self.out.trace.emit(|| TraceKind::TopicConfigChanged {
            topic: topic.into(),
            key: String::from(key).into(),
            value: value.cloned(),
        });
    }

    fn refresh_settings(&mut self, key: TopicKey) {
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

    fn add_partition(&mut self, record: &PartitionRecord) {
        let Some(key) = self.state.topics.by_id(record.topic_id) else { return };
        let assignment = Assignment {
            partition: record.partition_id,
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            replicas: record.replicas.clone(),
        };
        let opening = Opening { now_ms: self.now.wall_ms, ..Opening::unclean() };
        self.open_partition(key, assignment, self.state.dirs.place_new(), opening);
    }

    /// Opens a partition's log, or makes it. A log that cannot be opened is an offline partition, not the end of the broker.
    fn open_partition(&mut self, key: TopicKey, assignment: Assignment, dir: Option<usize>, opening: Opening) {
        let Some(topic) = self.state.topics.get(key) else { return };
        assert_eq!(topic.partitions.len() as i32, assignment.partition, "partitions are numbered without gaps");
        let id = TopicPartition { topic: topic.name.as_str().into(), partition: assignment.partition };
        let (topic_id, log_config) = (topic.id, topic.settings.log);
        if log_config.cleanup.compact {
            self.state.cleaning.on_compacted_topic(self.now.monotonic);
        }
        let opened = match dir.map(|dir| self.state.dirs.get_mut(dir)) {
            None => Err(may_be_elsewhere(&id).into()),
            Some(dir) => {
                dir.partitions += 1;
                Log::open_in(&dir.mount, &id, log_config, opening, self.storage, &mut self.out.trace)
            }
        };
        let opened = opened.and_then(|log| {
            write_partition_metadata(self.storage, log.directory(), topic_id)?;
            Ok(log)
        });
        let failure = opened.as_ref().err().cloned();
        let cut = opened.as_ref().ok().and_then(Log::cut_when_opened).map(String::from);
        self.out.warnings.extend(cut);
        let Assignment { leader, leader_epoch, replicas, .. } = assignment;
        let (high_watermark, state) = match opened {
            Ok(log) => (log.log_end_offset(), PartitionState::Online(log)),
            Err(_) => {
                let last_view = Box::new(PartitionView { leader, leader_epoch, ..PartitionView::default() });
                (0, PartitionState::Offline(Offline { log: None, last_view }))
            }
        };
        let partition = Partition { leader, leader_epoch, replicas, dir, high_watermark, state };
        self.out.trace.emit_then(|| TraceKind::PartitionOpened {
            topic: id.topic.clone(),
            topic_id: topic_id.hyphenated().to_string(),
            partition: id.partition,
            view: Box::new(partition.view(self.storage)),
        });
        if let Some(reason) = failure.as_ref().map(ToString::to_string) {
            let (topic, partition) = (id.topic, id.partition);
            self.out.trace.emit_then(|| TraceKind::PartitionOffline { topic, partition, reason });
        }
        if let Some(topic) = self.state.topics.get_mut(key) {
            topic.partitions.push(partition);
        }
        if let Some(LogError::Storage(error)) = failure {
            self.fail(PartitionKey { topic: key, partition: assignment.partition }, &error.to_string());
        }
    }

    /// A topic goes: who waits for it hears so, its directories are renamed now and removed a little later.
    fn remove_topic(&mut self, id: Uuid) {
        let Some(key) = self.state.topics.by_id(id) else { return };
        self.stop_cleaning(|partition| partition.topic == key, "the topic is deleted.");
        let Some(topic) = self.state.topics.remove(key) else { return };
        let name = topic.name.as_str();
        self.forget_checkpoints(&topic);
        self.forget_gone_partitions();
        let cause = self.out.trace.emit_then(|| TraceKind::TopicDeleted { topic: name.into() });
        let remove_at = self.now.monotonic.plus(topic.settings.file_delete_delay_ms.saturating_mul(1_000));
        for (index, partition) in topic.partitions.into_iter().enumerate() {
            let index = index as i32;
            let waiting = self.state.purgatory.waiting_for(PartitionKey { topic: key, partition: index });
            self.state.ready.extend(waiting.into_iter().map(|id| (id, cause)));
            let renamed = renamed_directory(name, index, self.state.random.uuid(), "delete");
            // One that nobody could find is a stray when it is found again.
            let Some(dir) = partition.dir.map(|dir| self.state.dirs.get_mut(dir)) else { continue };
            dir.partitions -= 1;
            let from = dir.join(&TopicPartition { topic: name.into(), partition: index }.to_string());
            let directory = dir.join(&renamed);
            // If it cannot be renamed, the next start finds that no topic claims it.
            let directory = self.storage.rename(&from, &directory).map_or(from, |()| directory);
            self.state.retired.push(RetiredLog { remove_at, directory, log: partition.into_log() });
        }
    }
}

/// Who holds a partition.
struct Assignment {
    partition: i32,
    leader: i32,
    leader_epoch: i32,
    replicas: Vec<i32>,
}

/// Whether the record sets or resets a key of a broker.
fn is_of_a_broker(record: &MetadataRecord) -> bool {
    matches!(record, MetadataRecord::Config(config) if config.resource_type == RESOURCE_BROKER)
}
