//! What is written in `__consumer_offsets`: Kafka's records, key and value, byte for byte.
//!
//! The version that a key begins with says what the record is about:
//!
//! | key | about | value |
//! |---|---|---|
//! | 0, 1 | a committed offset: group, topic, partition | `OffsetCommitValue`, written in version 3 |
//! | 2 | a classic group | `GroupMetadataValue`, written in version 3 |
//! | 3 | a consumer group's epoch (KIP-848) | `ConsumerGroupMetadataValue` |
//! | 5 | a member and what it subscribes to | `ConsumerGroupMemberMetadataValue` |
//! | 6, 7 | the epoch of the target assignment; a member's target | |
//! | 8 | what a member has, and has to give back | `ConsumerGroupCurrentMemberAssignmentValue` |
//! | 16 | what a regular expression stands for | `ConsumerGroupRegularExpressionValue` |
//!
//! A value of null (a tombstone) takes back what the key says, and lets compaction forget it.

mod codec;
mod consumer;
#[cfg(test)]
mod tests;

pub use consumer::{ConsumerRecord, CurrentAssignment, MemberMetadata, MemberStateCode, RegexValue};

use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use codec::{Reader, Writer};
use core::fmt;

/// Why bytes are not a record of `__consumer_offsets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// They end too early.
    TooShort,
    /// Null stands where it must not.
    Null,
    /// A string is not UTF-8.
    NotText,
    /// The value has a version that is not known.
    Version(i16),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::TooShort => f.write_str("it ends too early"),
            RecordError::Null => f.write_str("null stands where it must not"),
            RecordError::NotText => f.write_str("a string in it is not UTF-8"),
            RecordError::Version(version) => write!(f, "its version {version} is not known"),
        }
    }
}

/// One record. `None` as a value is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A committed offset.
    Offset {
        /// Whose.
        group: String,
        /// Of which topic.
        topic: String,
        /// Of which partition.
        partition: i32,
        /// The offset, or that there is none any more.
        value: Option<OffsetValue>,
    },
    /// A classic group, as it is when its members have their assignments.
    Classic {
        /// Its id.
        group: String,
        /// The group, or that it is gone.
        value: Option<ClassicValue>,
    },
    /// Something about a group of KIP-848.
    Consumer {
        /// Its id.
        group: String,
        /// What.
        record: ConsumerRecord,
    },
}

/// A committed offset (`OffsetCommitValue`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetValue {
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record that was read; -1 for unknown (KIP-320).
    pub leader_epoch: i32,
    /// Whatever the client wanted to keep beside it.
    pub metadata: String,
    /// When it was committed, milliseconds since 1970.
    pub commit_timestamp_ms: i64,
    /// When it expires, if its client said so (before KIP-211); -1: when its group's offsets do.
    pub expire_timestamp_ms: i64,
}

/// A classic group (`GroupMetadataValue`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassicValue {
    /// `consumer` for consumers, `connect` for Kafka Connect.
    pub protocol_type: String,
    /// How often the group was formed.
    pub generation: i32,
    /// The protocol that all members agreed to; `None` for an empty group.
    pub protocol: Option<String>,
    /// The member that assigns.
    pub leader: Option<String>,
    /// Since when it is in its state, milliseconds since 1970; -1 for unknown.
    pub current_state_timestamp_ms: i64,
    /// Its members.
    pub members: Vec<ClassicMemberValue>,
}

/// A member of a classic group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassicMemberValue {
    /// Its id, given by the coordinator.
    pub member_id: String,
    /// Its `group.instance.id` (KIP-345).
    pub instance_id: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long the others wait for it in a rebalance.
    pub rebalance_timeout_ms: i32,
    /// After which silence it is taken for dead.
    pub session_timeout_ms: i32,
    /// Its metadata for the chosen protocol: what it subscribes to.
    pub subscription: Bytes,
    /// What it was assigned.
    pub assignment: Bytes,
}

impl Record {
    /// The record's key and value.
    pub fn encode(&self) -> (Bytes, Option<Bytes>) {
        match self {
            Record::Offset { group, topic, partition, value } => {
                let mut key = Writer::new(1, false);
                key.string(group);
                key.string(topic);
                key.i32(*partition);
                (key.finish(), value.as_ref().map(OffsetValue::encode))
            }
            Record::Classic { group, value } => {
                let mut key = Writer::new(2, false);
                key.string(group);
                (key.finish(), value.as_ref().map(ClassicValue::encode))
            }
            Record::Consumer { group, record } => record.encode(group),
        }
    }

    /// Reads a record. `None` for what a newer broker may have written, or an older one: it is left alone.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Self>, RecordError> {
        let (kind, mut reader) = Reader::new(key)?;
        match kind {
            0 | 1 => {
                let (group, topic, partition) = (reader.string()?, reader.string()?, reader.i32()?);
                let value = value.map(OffsetValue::decode).transpose()?;
                Ok(Some(Record::Offset { group, topic, partition, value }))
            }
            2 => {
                let group = reader.string()?;
                Ok(Some(Record::Classic { group, value: value.map(ClassicValue::decode).transpose()? }))
            }
            _ => {
                let decoded = ConsumerRecord::decode(kind, reader, value)?;
                Ok(decoded.map(|(group, record)| Record::Consumer { group, record }))
            }
        }
    }

    /// The group that it is about.
    pub fn group(&self) -> &str {
        match self {
            Record::Offset { group, .. } | Record::Classic { group, .. } | Record::Consumer { group, .. } => group,
        }
    }
}

impl OffsetValue {
    fn encode(&self) -> Bytes {
        // Only version 1 has room for an expiry of its own.
        let has_expiry = self.expire_timestamp_ms >= 0;
        let mut value = Writer::new(if has_expiry { 1 } else { 3 }, false);
        value.i64(self.offset);
        if !has_expiry {
            value.i32(self.leader_epoch);
        }
        value.string(&self.metadata);
        value.i64(self.commit_timestamp_ms);
        if has_expiry {
            value.i64(self.expire_timestamp_ms);
        }
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, reader) = Reader::new(bytes)?;
        if !(0..=4).contains(&version) {
            return Err(RecordError::Version(version));
        }
        let mut reader = reader.flexible(version >= 4);
        Ok(OffsetValue {
            offset: reader.i64()?,
            leader_epoch: if version >= 3 { reader.i32()? } else { -1 },
            metadata: reader.string()?,
            commit_timestamp_ms: reader.i64()?,
            expire_timestamp_ms: if version == 1 { reader.i64()? } else { -1 },
        })
    }
}

impl ClassicValue {
    fn encode(&self) -> Bytes {
        let mut value = Writer::new(3, false);
        value.string(&self.protocol_type);
        value.i32(self.generation);
        value.nullable_string(self.protocol.as_deref());
        value.nullable_string(self.leader.as_deref());
        value.i64(self.current_state_timestamp_ms);
        value.count(self.members.len());
        for member in &self.members {
            value.string(&member.member_id);
            value.nullable_string(member.instance_id.as_deref());
            value.string(&member.client_id);
            value.string(&member.client_host);
            value.i32(member.rebalance_timeout_ms);
            value.i32(member.session_timeout_ms);
            value.blob(&member.subscription);
            value.blob(&member.assignment);
        }
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, reader) = Reader::new(bytes)?;
        if !(0..=4).contains(&version) {
            return Err(RecordError::Version(version));
        }
        let mut reader = reader.flexible(version >= 4);
        let mut value = ClassicValue {
            protocol_type: reader.string()?,
            generation: reader.i32()?,
            protocol: reader.nullable_string()?,
            leader: reader.nullable_string()?,
            current_state_timestamp_ms: if version >= 2 { reader.i64()? } else { -1 },
            members: Vec::new(),
        };
        for _ in 0..reader.count()? {
            value.members.push(ClassicMemberValue::decode(version, &mut reader)?);
        }
        Ok(value)
    }
}

impl ClassicMemberValue {
    fn decode(version: i16, reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut member = ClassicMemberValue {
            member_id: reader.string()?,
            instance_id: if version >= 3 { reader.nullable_string()? } else { None },
            client_id: reader.string()?,
            client_host: reader.string()?,
            rebalance_timeout_ms: if version >= 1 { reader.i32()? } else { -1 },
            session_timeout_ms: reader.i32()?,
            subscription: reader.blob()?,
            assignment: reader.blob()?,
        };
        if member.rebalance_timeout_ms < 0 {
            member.rebalance_timeout_ms = member.session_timeout_ms;
        }
        if version >= 4 {
            reader.tagged()?;
        }
        Ok(member)
    }
}
