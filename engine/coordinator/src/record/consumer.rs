//! The records of groups that follow KIP-848: keys 3 and 5 to 8, and 16. Their values are in Kafka's flexible form, their
//! keys are not.

use super::{
    RecordError,
    codec::{Reader, Writer},
};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use naru_trace::SortedMap;
use uuid::Uuid;

/// Partitions by topic id, as they are assigned.
pub(crate) type Partitions = SortedMap<Uuid, Vec<i32>>;

/// Something about a group of KIP-848.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerRecord {
    /// The group's epoch; a tombstone ends the group.
    Epoch(Option<i32>),
    /// A member and what it subscribes to.
    Member {
        /// Its id.
        member: String,
        /// What is known of it.
        value: Option<MemberMetadata>,
    },
    /// The group epoch that the target assignment was computed for.
    TargetEpoch(Option<i32>),
    /// What a member is to have.
    Target {
        /// Its id.
        member: String,
        /// The partitions.
        value: Option<SortedMap<Uuid, Vec<i32>>>,
    },
    /// What a member has.
    Current {
        /// Its id.
        member: String,
        /// The partitions, and how far it has come.
        value: Option<CurrentAssignment>,
    },
    /// What a regular expression stands for.
    Regex {
        /// The expression.
        expression: String,
        /// The topics.
        value: Option<RegexValue>,
    },
}

/// A member (`ConsumerGroupMemberMetadataValue`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberMetadata {
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// Its `client.rack`.
    pub rack_id: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// The topics it names.
    pub subscribed_topics: Vec<String>,
    /// The topics it describes.
    pub subscribed_regex: Option<String>,
    /// How long it may take to give partitions back.
    pub rebalance_timeout_ms: i32,
    /// The assignor it asks for.
    pub server_assignor: Option<String>,
    /// What a member of the classic protocol said when it joined: its session timeout, and its protocols.
    pub classic: Option<(i32, Vec<(String, Bytes)>)>,
}

/// Where a member is on its way to its target (`MemberState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberStateCode {
    /// It has what it is to have.
    #[default]
    Stable,
    /// It has to give partitions back.
    UnrevokedPartitions,
    /// It waits for partitions that others have not given back.
    UnreleasedPartitions,
}

/// What a member has (`ConsumerGroupCurrentMemberAssignmentValue`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CurrentAssignment {
    /// The epoch that it has reached.
    pub epoch: i32,
    /// The epoch that it had before: an answer that got lost is forgiven.
    pub previous_epoch: i32,
    /// Where it is on its way.
    pub state: MemberStateCode,
    /// The partitions that are its own.
    pub assigned: SortedMap<Uuid, Vec<i32>>,
    /// The partitions that it must give back.
    pub revoking: SortedMap<Uuid, Vec<i32>>,
}

/// What a regular expression stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegexValue {
    /// The topics that match.
    pub topics: Vec<String>,
    /// The metadata's version when that was found out.
    pub version: i64,
    /// When, milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl ConsumerRecord {
    /// Whether it takes something back.
    pub(crate) fn is_tombstone(&self) -> bool {
        match self {
            ConsumerRecord::Epoch(value) | ConsumerRecord::TargetEpoch(value) => value.is_none(),
            ConsumerRecord::Member { value, .. } => value.is_none(),
            ConsumerRecord::Target { value, .. } => value.is_none(),
            ConsumerRecord::Current { value, .. } => value.is_none(),
            ConsumerRecord::Regex { value, .. } => value.is_none(),
        }
    }

    pub(super) fn encode(&self, group: &str) -> (Bytes, Option<Bytes>) {
        let key = |version: i16, second: Option<&str>| {
            let mut key = Writer::new(version, false);
            key.string(group);
            if let Some(second) = second {
                key.string(second);
            }
            key.finish()
        };
        match self {
            ConsumerRecord::Epoch(value) => (key(3, None), value.map(encode_epoch)),
            ConsumerRecord::Member { member, value } => {
                (key(5, Some(member)), value.as_ref().map(MemberMetadata::encode))
            }
            ConsumerRecord::TargetEpoch(value) => (key(6, None), value.map(encode_epoch)),
            ConsumerRecord::Target { member, value } => (key(7, Some(member)), value.as_ref().map(encode_target)),
            ConsumerRecord::Current { member, value } => {
                (key(8, Some(member)), value.as_ref().map(CurrentAssignment::encode))
            }
            ConsumerRecord::Regex { expression, value } => {
                (key(16, Some(expression)), value.as_ref().map(RegexValue::encode))
            }
        }
    }

    pub(super) fn decode(
        kind: i16,
        mut key: Reader<'_>,
        value: Option<&[u8]>,
    ) -> Result<Option<(String, Self)>, RecordError> {
        if !matches!(kind, 3 | 5..=8 | 16) {
            return Ok(None);
        }
        let group = key.string()?;
        let record = match kind {
            3 => ConsumerRecord::Epoch(value.map(decode_epoch).transpose()?),
            5 => {
                ConsumerRecord::Member { member: key.string()?, value: value.map(MemberMetadata::decode).transpose()? }
            }
            6 => ConsumerRecord::TargetEpoch(value.map(decode_epoch).transpose()?),
            7 => ConsumerRecord::Target { member: key.string()?, value: value.map(decode_target).transpose()? },
            8 => {
                let (member, value) = (key.string()?, value.map(CurrentAssignment::decode).transpose()?);
                ConsumerRecord::Current { member, value }
            }
            _ => {
                let (expression, value) = (key.string()?, value.map(RegexValue::decode).transpose()?);
                ConsumerRecord::Regex { expression, value }
            }
        };
        Ok(Some((group, record)))
    }
}

impl MemberMetadata {
    fn encode(&self) -> Bytes {
        let mut value = Writer::new(0, true);
        value.nullable_string(self.instance_id.as_deref());
        value.nullable_string(self.rack_id.as_deref());
        value.string(&self.client_id);
        value.string(&self.client_host);
        value.count(self.subscribed_topics.len());
        self.subscribed_topics.iter().for_each(|topic| value.string(topic));
        value.nullable_string(self.subscribed_regex.as_deref());
        value.i32(self.rebalance_timeout_ms);
        value.nullable_string(self.server_assignor.as_deref());
        let classic = self.classic.as_ref().map(|(session_timeout_ms, protocols)| {
            let mut inner = Writer::inner();
            inner.i8(1);
            inner.i32(*session_timeout_ms);
            inner.count(protocols.len());
            for (name, metadata) in protocols {
                inner.string(name);
                inner.blob(metadata);
                inner.tagged(&[]);
            }
            inner.tagged(&[]);
            (0, inner.into_bytes())
        });
        value.tagged(&classic.into_iter().collect::<Vec<_>>());
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = flexible_v0(bytes)?;
        let mut member = MemberMetadata {
            instance_id: reader.nullable_string()?,
            rack_id: reader.nullable_string()?,
            client_id: reader.string()?,
            client_host: reader.string()?,
            ..MemberMetadata::default()
        };
        for _ in 0..reader.count()? {
            member.subscribed_topics.push(reader.string()?);
        }
        member.subscribed_regex = reader.nullable_string()?;
        member.rebalance_timeout_ms = reader.i32()?;
        member.server_assignor = reader.nullable_string()?;
        for (tag, mut inner) in reader.tagged()? {
            if tag == 0 && inner.is_there()? {
                member.classic = Some(decode_classic(&mut inner)?);
            }
        }
        Ok(member)
    }
}

fn decode_classic(reader: &mut Reader<'_>) -> Result<(i32, Vec<(String, Bytes)>), RecordError> {
    let session_timeout_ms = reader.i32()?;
    let mut protocols = Vec::new();
    for _ in 0..reader.count()? {
        protocols.push((reader.string()?, reader.blob()?));
        reader.tagged()?;
    }
    Ok((session_timeout_ms, protocols))
}

impl CurrentAssignment {
    fn encode(&self) -> Bytes {
        let mut value = Writer::new(0, true);
        value.i32(self.epoch);
        value.i32(self.previous_epoch);
        value.i8(match self.state {
            MemberStateCode::Stable => 0,
            MemberStateCode::UnrevokedPartitions => 1,
            MemberStateCode::UnreleasedPartitions => 2,
        });
        write_partitions(&mut value, &self.assigned);
        write_partitions(&mut value, &self.revoking);
        value.tagged(&[]);
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = flexible_v0(bytes)?;
        Ok(CurrentAssignment {
            epoch: reader.i32()?,
            previous_epoch: reader.i32()?,
            state: match reader.i8()? {
                0 => MemberStateCode::Stable,
                1 => MemberStateCode::UnrevokedPartitions,
                _ => MemberStateCode::UnreleasedPartitions,
            },
            assigned: read_partitions(&mut reader)?,
            revoking: read_partitions(&mut reader)?,
        })
    }
}

impl RegexValue {
    fn encode(&self) -> Bytes {
        let mut value = Writer::new(0, true);
        value.count(self.topics.len());
        self.topics.iter().for_each(|topic| value.string(topic));
        value.i64(self.version);
        value.i64(self.timestamp_ms);
        value.tagged(&[]);
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = flexible_v0(bytes)?;
        let mut topics = Vec::new();
        for _ in 0..reader.count()? {
            topics.push(reader.string()?);
        }
        Ok(RegexValue { topics, version: reader.i64()?, timestamp_ms: reader.i64()? })
    }
}

fn flexible_v0(bytes: &[u8]) -> Result<Reader<'_>, RecordError> {
    match Reader::new(bytes)? {
        (0, reader) => Ok(reader.flexible(true)),
        (version, _) => Err(RecordError::Version(version)),
    }
}

fn encode_epoch(epoch: i32) -> Bytes {
    let mut value = Writer::new(0, true);
    value.i32(epoch);
    value.tagged(&[]);
    value.finish()
}

fn decode_epoch(bytes: &[u8]) -> Result<i32, RecordError> {
    flexible_v0(bytes)?.i32()
}

fn encode_target(partitions: &Partitions) -> Bytes {
    let mut value = Writer::new(0, true);
    write_partitions(&mut value, partitions);
    value.tagged(&[]);
    value.finish()
}

fn decode_target(bytes: &[u8]) -> Result<Partitions, RecordError> {
    read_partitions(&mut flexible_v0(bytes)?)
}

fn write_partitions(writer: &mut Writer, partitions: &Partitions) {
    writer.count(partitions.len());
    for (topic, partitions) in partitions {
        writer.uuid(*topic);
        writer.count(partitions.len());
        partitions.iter().for_each(|partition| writer.i32(*partition));
        writer.tagged(&[]);
    }
}

fn read_partitions(reader: &mut Reader<'_>) -> Result<Partitions, RecordError> {
    let mut partitions = Partitions::new();
    for _ in 0..reader.count()? {
        let topic = reader.uuid()?;
        let mut numbers = Vec::new();
        for _ in 0..reader.count()? {
            numbers.push(reader.i32()?);
        }
        reader.tagged()?;
        partitions.insert(topic, numbers);
    }
    Ok(partitions)
}
