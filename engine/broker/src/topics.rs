//! The topics and partitions that this broker serves: what Produce, Fetch and Metadata see.
//!
//! Not the controller's image (`naru_metadata::Image`): a topic is in the image as soon as it is decided, and here when the
//! decision is safely on disk. See [`crate::metadata_log`].
//!
//! What holds for every partition at all times:
//!
//! ```text
//! log start offset <= high watermark <= log end offset
//! ```

use crate::{replication::Role, topic_settings::TopicSettings};
use alloc::{boxed::Box, string::String, string::ToString, vec::Vec};
use naru_log::{Log, Storage};
use naru_trace::SortedMap;
use naru_trace::{CELLS_MAX, PartitionView};
use naru_wire::{ErrorCode, StrBytes};
use uuid::Uuid;

/// A topic's number at this broker. Never used twice, so that what refers to a deleted topic finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicKey(u64);

/// A partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionKey {
    pub(crate) topic: TopicKey,
    pub(crate) partition: i32,
}

/// How a request names a topic: by name, or since KIP-516 by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicRef {
    Name(StrBytes),
    Id(Uuid),
}

/// All topics.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    topics: SortedMap<TopicKey, Topic>,
    by_name: SortedMap<String, TopicKey>,
    by_id: SortedMap<Uuid, TopicKey>,
    next_key: u64,
}

/// One topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: StrBytes,
    pub(crate) id: Uuid,
    pub(crate) settings: TopicSettings,
    /// The configuration keys that were set for it, which `settings` was made from.
    pub(crate) configs: SortedMap<String, String>,
    /// By number, without gaps.
    pub(crate) partitions: Vec<Partition>,
}

/// One partition.
#[derive(Debug)]
pub(crate) struct Partition {
    /// The leader's `node.id`; -1 for none.
    pub(crate) leader: i32,
    /// Counts the leaders; -1 before the first is known.
    pub(crate) leader_epoch: i32,
    /// Counts the decisions; -1 before the first is known.
    pub(crate) partition_epoch: i32,
    pub(crate) replicas: Vec<i32>,
    /// Which of them are in sync, as the controller has decided last.
    pub(crate) isr: Vec<i32>,
    /// What this broker has to do with it.
    pub(crate) role: Role,
    /// The log directory that it lies in, by its place in the configuration; `None` if nobody knows.
    pub(crate) dir: Option<usize>,
    /// The first offset that consumers may not read yet: what all in sync have, as far as this broker knows.
    pub(crate) high_watermark: i64,
    pub(crate) state: PartitionState,
}

/// Whether a partition can be used.
#[derive(Debug)]
pub(crate) enum PartitionState {
    /// It works.
    Online(Log),
    /// Its storage failed.
    Offline(Offline),
    /// This broker has no replica of it.
    Elsewhere,
}

/// What is left of a partition whose storage failed.
#[derive(Debug)]
pub(crate) struct Offline {
    /// Its log, if it was ever open: its files are closed with the broker.
    pub(crate) log: Option<Log>,
    /// What it looked like last.
    pub(crate) last_view: Box<PartitionView>,
}

impl Topics {
    /// Adds a topic without partitions.
    pub(crate) fn insert(&mut self, topic: Topic) -> TopicKey {
        let key = TopicKey(self.next_key);
        self.next_key += 1;
        let same_name = self.by_name.insert(String::from(topic.name.as_str()), key);
        let same_id = self.by_id.insert(topic.id, key);
        assert!(same_name.is_none() && same_id.is_none(), "topic {} exists twice", topic.name);
        self.topics.insert(key, topic);
        key
    }

    /// Takes a topic out.
    pub(crate) fn remove(&mut self, key: TopicKey) -> Option<Topic> {
        let topic = self.topics.remove(&key)?;
        self.by_name.remove(topic.name.as_str());
        self.by_id.remove(&topic.id);
        Some(topic)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<TopicKey> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<TopicKey> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, key: TopicKey) -> Option<&Topic> {
        self.topics.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: TopicKey) -> Option<&mut Topic> {
        self.topics.get_mut(&key)
    }

    /// All topics, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.by_name.values().filter_map(|key| self.topics.get(key))
    }

    /// All topics, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (TopicKey, &mut Topic)> {
        self.topics.iter_mut().map(|(key, topic)| (*key, topic))
    }

    /// Takes every partition out, to close its log.
    pub(crate) fn take_partitions(&mut self) -> impl Iterator<Item = Partition> {
        let topics = core::mem::take(&mut self.topics);
        topics.into_values().flat_map(|topic| topic.partitions)
    }

    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    /// The partition that a request names, or Kafka's error for one that is not here (SEMANTICS 23).
    pub(crate) fn find(&self, topic: &TopicRef, partition: i32) -> Result<PartitionKey, ErrorCode> {
        let (key, unknown) = match topic {
            TopicRef::Name(name) => (self.by_name(name), ErrorCode::UnknownTopicOrPartition),
            TopicRef::Id(id) => (self.by_id(*id), ErrorCode::UnknownTopicId),
        };
        let key = PartitionKey { topic: key.ok_or(unknown)?, partition };
        self.partition(key).map(|_| key).ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    pub(crate) fn partition(&self, key: PartitionKey) -> Option<&Partition> {
        self.topics.get(&key.topic)?.partitions.get(usize::try_from(key.partition).ok()?)
    }

    pub(crate) fn partition_mut(&mut self, key: PartitionKey) -> Option<&mut Partition> {
        self.topics.get_mut(&key.topic)?.partitions.get_mut(usize::try_from(key.partition).ok()?)
    }

    /// The name of a partition's topic; empty if it is gone.
    pub(crate) fn name(&self, key: TopicKey) -> &str {
        self.topics.get(&key).map_or("", |topic| topic.name.as_str())
    }

    /// A topic as a request names it, for people: its name where it is known.
    pub(crate) fn display(&self, topic: &TopicRef) -> String {
        match topic {
            TopicRef::Name(name) => name.as_str().into(),
            TopicRef::Id(id) => match self.by_id(*id) {
                Some(key) => self.name(key).into(),
                None => id.hyphenated().to_string(),
            },
        }
    }

    pub(crate) fn check_invariants(&self) {
        assert_eq!(self.by_name.len(), self.topics.len(), "every topic has one name");
        assert_eq!(self.by_id.len(), self.topics.len(), "every topic has one id");
        for topic in self.topics.values() {
            for partition in &topic.partitions {
                partition.check_invariants();
            }
        }
    }
}

impl Partition {
    /// One of which nothing is known yet.
    pub(crate) fn unassigned() -> Partition {
        Partition {
            leader: -1,
            leader_epoch: -1,
            partition_epoch: -1,
            replicas: Vec::new(),
            isr: Vec::new(),
            role: Role::Elsewhere,
            dir: None,
            high_watermark: 0,
            state: PartitionState::Elsewhere,
        }
    }

    /// Its log, if it works.
    pub(crate) fn log(&self) -> Option<&Log> {
        match &self.state {
            PartitionState::Online(log) => Some(log),
            PartitionState::Offline(_) | PartitionState::Elsewhere => None,
        }
    }

    /// Its log, to append to, if it works.
    pub(crate) fn log_mut(&mut self) -> Option<&mut Log> {
        match &mut self.state {
            PartitionState::Online(log) => Some(log),
            PartitionState::Offline(_) | PartitionState::Elsewhere => None,
        }
    }

    /// Its log, whether it works or not: to close it.
    pub(crate) fn take_log(&mut self) -> Option<Log> {
        match core::mem::replace(&mut self.state, PartitionState::Elsewhere) {
            PartitionState::Online(log) => Some(log),
            PartitionState::Offline(offline) => offline.log,
            PartitionState::Elsewhere => None,
        }
    }

    /// Whether there is a replica here that works.
    pub(crate) fn is_online(&self) -> bool {
        self.log().is_some()
    }

    /// Whether there is more than one replica.
    pub(crate) fn is_replicated(&self) -> bool {
        self.replicas.len() > 1
    }

    /// Whether there is a replica here whose storage failed.
    pub(crate) fn is_offline(&self) -> bool {
        matches!(self.state, PartitionState::Offline(_))
    }

    /// Whether clients may write to it here, and ask for what only the leader knows (SEMANTICS 23).
    pub(crate) fn check_leads(&self) -> Result<(), ErrorCode> {
        match (&self.state, &self.role) {
            (PartitionState::Offline(_), _) => Err(ErrorCode::KafkaStorageError),
            (_, Role::Leader(_)) => Ok(()),
            _ => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// Takes it out of service for good (until the next start).
    pub(crate) fn take_offline(&mut self) {
        let Some(log) = self.log() else { return };
        let last_view = Box::new(PartitionView { online: false, ..self.view_without_cells(log) });
        let offline = PartitionState::Offline(Offline { log: None, last_view });
        let before = core::mem::replace(&mut self.state, offline);
        if let (PartitionState::Online(log), PartitionState::Offline(offline)) = (before, &mut self.state) {
            offline.log = Some(log);
        }
    }

    /// Checks the epoch that a client believes to be current (KIP-320); a negative one means that it does not care.
    pub(crate) fn check_leader_epoch(&self, epoch: i32) -> Result<(), ErrorCode> {
        match epoch {
            i32::MIN..0 => Ok(()),
            older if older < self.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
            newer if newer > self.leader_epoch => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// What there is to show of it, read from its log.
    pub(crate) fn view(&self, storage: &dyn Storage) -> PartitionView {
        match &self.state {
            PartitionState::Offline(offline) => self.with_role((*offline.last_view).clone()),
            PartitionState::Online(log) => {
                PartitionView { cells: log.cells(CELLS_MAX, storage).into(), ..self.view_without_cells(log) }
            }
            PartitionState::Elsewhere => self.with_role(PartitionView::default()),
        }
    }

    fn with_role(&self, view: PartitionView) -> PartitionView {
        PartitionView {
            leader: self.leader,
            leader_epoch: self.leader_epoch,
            role: self.role.name().into(),
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            partition_epoch: self.partition_epoch,
            followers: match &self.role {
                Role::Leader(leadership) => leadership.views(),
                Role::Follower(_) | Role::Elsewhere => SortedMap::new(),
            },
            ..view
        }
    }

    fn view_without_cells(&self, log: &Log) -> PartitionView {
        self.with_role(PartitionView {
            online: true,
            log_start_offset: log.log_start_offset(),
            high_watermark: self.high_watermark,
            log_end_offset: log.log_end_offset(),
            recovery_point: log.recovery_point(),
            segments: log.segments(),
            epochs: log.leader_epochs().entries().iter().map(|entry| (entry.epoch, entry.start_offset)).collect(),
            ..PartitionView::default()
        })
    }

    fn check_invariants(&self) {
        if let Role::Leader(leadership) = &self.role {
            assert!(self.isr.contains(&self.leader), "a leader is in its ISR: {:?}, {}", self.isr, self.leader);
            let all = self.replicas.iter().filter(|id| **id != self.leader).count();
            assert_eq!(leadership.followers.len(), all, "a leader knows of all other replicas");
        }
        assert!(self.isr.iter().all(|id| self.replicas.contains(id)), "only replicas are in sync: {:?}", self.isr);
        let is_elsewhere = matches!(self.role, Role::Elsewhere);
        assert_eq!(is_elsewhere, matches!(self.state, PartitionState::Elsewhere), "a replica has a role");
        let Some(log) = self.log() else { return };
        log.check_invariants();
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        let high_watermark = self.high_watermark;
        assert!(start <= high_watermark, "log start offset {start} is after the high watermark {high_watermark}");
        assert!(high_watermark <= end, "high watermark {high_watermark} is after the log end offset {end}");
    }
}

impl TopicRef {
    /// The same, in memory of its own: what is kept must not hold on to a whole request.
    pub(crate) fn to_owned(&self) -> TopicRef {
        match self {
            TopicRef::Name(name) => TopicRef::Name(StrBytes::from_string(String::from(name.as_str()))),
            TopicRef::Id(id) => TopicRef::Id(*id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEMANTICS 21. A lone broker's partitions stay in epoch 0, so only here can an epoch be too old.
    #[test]
    fn semantics_21_older_epochs_are_fenced_and_newer_ones_unknown() {
        let last_view = Box::new(PartitionView::default());
        let state = PartitionState::Offline(Offline { log: None, last_view });
        let partition = Partition { leader: 1, leader_epoch: 5, state, ..Partition::unassigned() };
        assert_eq!(partition.check_leader_epoch(4), Err(ErrorCode::FencedLeaderEpoch));
        assert_eq!(partition.check_leader_epoch(5), Ok(()));
        assert_eq!(partition.check_leader_epoch(6), Err(ErrorCode::UnknownLeaderEpoch));
        assert_eq!(partition.check_leader_epoch(-1), Ok(()));
    }
}
