//! The image: what all the metadata records up to an offset add up to.

use crate::record::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord,
    PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, RemoveTopicRecord, TopicRecord,
    UnregisterBrokerRecord,
};
use alloc::{format, string::String, vec::Vec};
use core::fmt;
use naru_trace::{SortedMap, SortedSet};
use uuid::Uuid;

/// A `resource_type` of a [`ConfigRecord`]: a topic.
pub const RESOURCE_TOPIC: i8 = 2;
/// A `resource_type` of a [`ConfigRecord`]: a broker, or all brokers if its name is empty.
pub const RESOURCE_BROKER: i8 = 4;

/// What the metadata records add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    topics: SortedMap<String, Topic>,
    names: SortedMap<Uuid, String>,
    /// Names with a `.` or `_`, by what they become when every `.` is a `_`: see [`Image::colliding`].
    collisions: SortedMap<String, SortedSet<String>>,
    brokers: SortedMap<i32, Registration>,
    features: SortedMap<String, i16>,
    configs: SortedMap<(i8, String), SortedMap<String, String>>,
    next_producer_id: i64,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// Its partitions; the index is the partition's number.
    pub partitions: Vec<Partition>,
    /// The configuration keys that were set for it.
    pub configs: SortedMap<String, String>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Who holds a copy, in the order of preference.
    pub replicas: Vec<i32>,
    /// Which of them are in sync.
    pub isr: Vec<i32>,
    /// Which of them are to go.
    pub removing_replicas: Vec<i32>,
    /// Which of them are to come.
    pub adding_replicas: Vec<i32>,
    /// The leader; -1 for none.
    pub leader: i32,
    /// 1 while recovering from an unclean election (KIP-704).
    pub leader_recovery_state: i8,
    /// Counts the leaders.
    pub leader_epoch: i32,
    /// Counts the changes.
    pub partition_epoch: i32,
    /// The log directory of every replica.
    pub directories: Vec<Uuid>,
    /// Who is not in sync and yet holds everything that was acknowledged, so that it may lead if nobody in sync can (KIP-966).
    pub elr: Vec<i32>,
    /// The last that led, while nobody can (KIP-966).
    pub last_known_elr: Vec<i32>,
}

/// A broker that is a member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its epoch: the offset of its registration in the metadata log.
    pub epoch: i64,
    /// Changes with every start of the broker.
    pub incarnation_id: Uuid,
    /// Where it is reached.
    pub end_points: Vec<BrokerEndpoint>,
    /// Its rack.
    pub rack: Option<String>,
    /// Whether it must not lead partitions yet.
    pub fenced: bool,
    /// Whether it is about to stop: it leads no more partitions.
    pub in_controlled_shutdown: bool,
    /// The levels of features that it understands.
    pub features: Vec<BrokerFeature>,
    /// The ids of its log directories that work.
    pub log_dirs: Vec<Uuid>,
}

impl Registration {
    /// Whether it may lead partitions and join in-sync replicas (`ClusterControlManager.isActive`).
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }
}

/// A record does not fit the image: the metadata log is damaged, or was not written by this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayError {
    /// What is wrong, in words.
    pub reason: String,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl core::error::Error for ReplayError {}

type Result<T = ()> = core::result::Result<T, ReplayError>;

impl Image {
    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Topic> {
        self.names.get(&id).and_then(|name| self.topics.get(name))
    }

    /// Every topic, by name.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.values()
    }

    /// The partition of this topic and number.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&Partition> {
        self.topic(topic)?.partition(partition)
    }

    /// A topic whose name differs from this one at most in having `.` where the other has `_`. Names of metrics cannot tell
    /// the two apart, so Kafka lets only one of them in.
    pub fn colliding(&self, name: &str) -> Option<&str> {
        let names = self.collisions.get(&unified(name)?)?;
        names.first().map(String::as_str)
    }

    /// The broker with this id, if it is registered.
    pub fn broker(&self, id: i32) -> Option<&Registration> {
        self.brokers.get(&id)
    }

    /// Every broker that is registered, by id.
    pub fn brokers(&self) -> impl Iterator<Item = (i32, &Registration)> {
        self.brokers.iter().map(|(id, registration)| (*id, registration))
    }

    /// The first producer id that no broker was given yet.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// The finalized level of a feature (`metadata.version`), if there is one.
    pub fn feature_level(&self, name: &str) -> Option<i16> {
        self.features.get(name).copied()
    }

    /// Every feature with its finalized level, by name.
    pub fn features(&self) -> impl Iterator<Item = (&str, i16)> {
        self.features.iter().map(|(name, level)| (name.as_str(), *level))
    }

    /// The configuration that was set dynamically for a broker, or for all brokers if `name` is empty.
    pub fn broker_configs(&self, name: &str) -> Option<&SortedMap<String, String>> {
        self.configs.get(&(RESOURCE_BROKER, name.into()))
    }

    /// What was set for resources that are not topics, by kind and name.
    pub(crate) fn other_configs(&self) -> impl Iterator<Item = (&(i8, String), &SortedMap<String, String>)> {
        self.configs.iter()
    }

    /// Applies a record. This is the only thing that changes an image. After an error the image is as it was before.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result {
        match record {
            MetadataRecord::Topic(record) => self.replay_topic(record),
            MetadataRecord::Partition(record) => self.replay_partition(record),
            MetadataRecord::PartitionChange(record) => self.replay_partition_change(record),
            MetadataRecord::RemoveTopic(record) => self.replay_remove_topic(record),
            MetadataRecord::Config(record) => self.replay_config(record),
            MetadataRecord::RegisterBroker(record) => self.replay_register_broker(record),
            MetadataRecord::UnregisterBroker(record) => self.replay_unregister_broker(record),
            MetadataRecord::BrokerRegistrationChange(record) => self.replay_registration_change(record),
            MetadataRecord::FeatureLevel(record) => self.replay_feature_level(record),
            MetadataRecord::ProducerIds(record) => self.replay_producer_ids(record),
            MetadataRecord::NoOp => Ok(()),
        }
    }

    fn replay_topic(&mut self, record: &TopicRecord) -> Result {
        if self.topics.contains_key(&record.name) {
            return fail(format!("TopicRecord for '{}', which exists already", record.name));
        }
        if let Some(name) = self.names.get(&record.topic_id) {
            return fail(format!("TopicRecord for '{}' with the id of '{name}'", record.name));
        }
        let topic =
            Topic { name: record.name.clone(), id: record.topic_id, partitions: Vec::new(), configs: SortedMap::new() };
        self.names.insert(record.topic_id, record.name.clone());
        if let Some(unified) = unified(&record.name) {
            self.collisions.entry(unified).or_default().insert(record.name.clone());
        }
        self.topics.insert(record.name.clone(), topic);
        Ok(())
    }

    fn replay_partition(&mut self, record: &PartitionRecord) -> Result {
        let topic = self.topic_mut("PartitionRecord", record.topic_id)?;
        let partition = Partition::from(record);
        let count = topic.partitions.len();
        match usize::try_from(record.partition_id) {
            Ok(index) if index < count => topic.partitions[index] = partition,
            Ok(index) if index == count => topic.partitions.push(partition),
            _ => {
                let (name, id) = (&topic.name, record.partition_id);
                return fail(format!("PartitionRecord for partition {id} of '{name}', which has {count} partition(s)"));
            }
        }
        Ok(())
    }

    fn replay_partition_change(&mut self, record: &PartitionChangeRecord) -> Result {
        let topic = self.topic_mut("PartitionChangeRecord", record.topic_id)?;
        let index = usize::try_from(record.partition_id).unwrap_or(usize::MAX);
        let Some(partition) = topic.partitions.get_mut(index) else {
            let (name, id) = (&topic.name, record.partition_id);
            return fail(format!("PartitionChangeRecord for partition {id} of '{name}', which does not exist"));
        };
        partition.change(record);
        Ok(())
    }

    fn replay_remove_topic(&mut self, record: &RemoveTopicRecord) -> Result {
        let name = self.topic_mut("RemoveTopicRecord", record.topic_id)?.name.clone();
        self.topics.remove(&name);
        self.names.remove(&record.topic_id);
        if let Some(unified) = unified(&name) {
            let names = self.collisions.get_mut(&unified).expect("every such name is in here");
            names.remove(&name);
            if names.is_empty() {
                self.collisions.remove(&unified);
            }
        }
        Ok(())
    }

    fn replay_config(&mut self, record: &ConfigRecord) -> Result {
        if record.resource_type == RESOURCE_TOPIC {
            let Some(topic) = self.topics.get_mut(&record.resource_name) else {
                return fail(format!("ConfigRecord for topic '{}', which does not exist", record.resource_name));
            };
            set_config(&mut topic.configs, record);
            return Ok(());
        }
        let resource = (record.resource_type, record.resource_name.clone());
        let configs = self.configs.entry(resource.clone()).or_default();
        set_config(configs, record);
        if configs.is_empty() {
            self.configs.remove(&resource);
        }
        Ok(())
    }

    fn replay_register_broker(&mut self, record: &RegisterBrokerRecord) -> Result {
        let registration = Registration {
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            end_points: record.end_points.clone(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            features: record.features.clone(),
            log_dirs: record.log_dirs.clone(),
        };
        self.brokers.insert(record.broker_id, registration);
        Ok(())
    }

    fn replay_unregister_broker(&mut self, record: &UnregisterBrokerRecord) -> Result {
        match self.brokers.remove(&record.broker_id) {
            Some(_) => Ok(()),
            None => fail(format!("UnregisterBrokerRecord for broker {}, which is not registered", record.broker_id)),
        }
    }

    fn replay_registration_change(&mut self, record: &BrokerRegistrationChangeRecord) -> Result {
        let id = record.broker_id;
        let Some(registration) = self.brokers.get_mut(&id) else {
            return fail(format!("BrokerRegistrationChangeRecord for broker {id}, which is not registered"));
        };
        match record.fenced {
            -1 => registration.fenced = false,
            0 => {}
            _ => registration.fenced = true,
        }
        if record.in_controlled_shutdown == 1 {
            registration.in_controlled_shutdown = true;
        }
        if !record.log_dirs.is_empty() {
            registration.log_dirs.clone_from(&record.log_dirs);
        }
        Ok(())
    }

    fn replay_feature_level(&mut self, record: &FeatureLevelRecord) -> Result {
        match record.feature_level {
            0 => self.features.remove(&record.name),
            level => self.features.insert(record.name.clone(), level),
        };
        Ok(())
    }

    fn replay_producer_ids(&mut self, record: &ProducerIdsRecord) -> Result {
        if record.next_producer_id <= self.next_producer_id {
            let (next, known) = (record.next_producer_id, self.next_producer_id);
            return fail(format!("ProducerIdsRecord goes back: from {known} to {next}"));
        }
        self.next_producer_id = record.next_producer_id;
        Ok(())
    }

    fn topic_mut(&mut self, record: &str, id: Uuid) -> Result<&mut Topic> {
        let topic = self.names.get(&id).and_then(|name| self.topics.get_mut(name));
        topic.ok_or_else(|| ReplayError { reason: format!("{record} for topic id {id}, which does not exist") })
    }
}

impl From<&PartitionRecord> for Partition {
    /// What the record says of its partition.
    fn from(record: &PartitionRecord) -> Self {
        Partition {
            replicas: record.replicas.clone(),
            isr: record.isr.clone(),
            removing_replicas: record.removing_replicas.clone(),
            adding_replicas: record.adding_replicas.clone(),
            leader: record.leader,
            leader_recovery_state: record.leader_recovery_state,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            directories: record.directories.clone(),
            elr: record.elr.clone(),
            last_known_elr: record.last_known_elr.clone(),
        }
    }
}

impl Topic {
    /// The partition of this number.
    pub fn partition(&self, partition: i32) -> Option<&Partition> {
        usize::try_from(partition).ok().and_then(|index| self.partitions.get(index))
    }
}

impl Partition {
    /// What a change makes of the partition.
    pub(crate) fn changed(&self, record: &PartitionChangeRecord) -> Partition {
        let mut changed = self.clone();
        changed.change(record);
        changed
    }

    /// The log directory of a replica; nil while it is not known, or if there is no such replica.
    pub fn directory_of(&self, replica: i32) -> Uuid {
        let position = self.replicas.iter().position(|id| *id == replica);
        position.and_then(|position| self.directories.get(position)).copied().unwrap_or_default()
    }

    /// Whether replicas are to come or to go (KIP-455).
    pub fn is_reassigning(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }

    fn change(&mut self, record: &PartitionChangeRecord) {
        let set = |target: &mut Vec<i32>, value: &Option<Vec<i32>>| {
            if let Some(value) = value {
                target.clone_from(value);
            }
        };
        set(&mut self.isr, &record.isr);
        set(&mut self.replicas, &record.replicas);
        set(&mut self.removing_replicas, &record.removing_replicas);
        set(&mut self.adding_replicas, &record.adding_replicas);
        set(&mut self.elr, &record.elr);
        set(&mut self.last_known_elr, &record.last_known_elr);
        if let Some(directories) = &record.directories {
            self.directories.clone_from(directories);
        }
        if let Some(leader) = record.leader {
            // Naming a leader begins a new epoch even if it is the same leader again (PartitionRegistration.merge).
            self.leader = leader;
            self.leader_epoch += 1;
        }
        if let Some(state) = record.leader_recovery_state {
            self.leader_recovery_state = state;
        }
        self.partition_epoch += 1;
    }
}

/// The name with every `.` as `_`; `None` for a name that has neither, and so cannot collide.
fn unified(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}

fn set_config(configs: &mut SortedMap<String, String>, record: &ConfigRecord) {
    match &record.value {
        Some(value) => configs.insert(record.name.clone(), value.clone()),
        None => configs.remove(&record.name),
    };
}

fn fail(reason: String) -> Result {
    Err(ReplayError { reason })
}

#[cfg(test)]
mod tests;
