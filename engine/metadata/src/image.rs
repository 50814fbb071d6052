//! The image: what all the metadata records up to an offset add up to.

use crate::record::MetadataRecord;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use uuid::Uuid;

/// What the metadata records add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    topics: BTreeMap<String, Topic>,
    names: BTreeMap<Uuid, String>,
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
    pub configs: BTreeMap<String, String>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Who holds a copy, in the order of preference.
    pub replicas: Vec<i32>,
    /// Which of them are in sync.
    pub isr: Vec<i32>,
    /// The leader; -1 for none.
    pub leader: i32,
    /// Counts the leaders.
    pub leader_epoch: i32,
    /// Counts the changes.
    pub partition_epoch: i32,
    /// The log directory of every replica.
    pub directories: Vec<Uuid>,
}

/// A record does not fit the image: the metadata log is damaged, or was not written by this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayError {
    /// What is wrong, in words.
    pub reason: String,
}

impl Image {
    /// Applies a record. This is the only thing that changes an image. After an error the image is as it was before.
    pub fn replay(&mut self, _record: &MetadataRecord) -> Result<(), ReplayError> {
        todo!()
    }

    /// The topic of this name.
    pub fn topic(&self, _name: &str) -> Option<&Topic> {
        todo!()
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, _id: Uuid) -> Option<&Topic> {
        todo!()
    }

    /// Every topic, by name.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.values()
    }

    /// The first producer id that no broker was given yet.
    pub fn next_producer_id(&self) -> i64 {
        todo!()
    }

    /// The finalized level of a feature (`metadata.version`), if there is one.
    pub fn feature_level(&self, _name: &str) -> Option<i16> {
        todo!()
    }

    /// Every feature with its finalized level, by name.
    pub fn features(&self) -> impl Iterator<Item = (&str, i16)> {
        core::iter::empty()
    }
}
