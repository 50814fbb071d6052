//! Kafka's metadata records (`metadata/src/main/resources/common/metadata` in Apache Kafka), and their bytes.
//!
//! A record's value is a small frame around the record's fields:
//! ```text
//! | frame version: varint = 1 | apiKey: varint | version: varint | fields, in the flexible encoding (KIP-482) ... |
//! ```

mod body;
mod codec;

use alloc::{string::String, vec::Vec};
use body::Body;
use bytes::Bytes;
use codec::{Reader, Tags, Writer};
use core::fmt;
use uuid::Uuid;

/// A record of the metadata log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataRecord {
    /// A broker is (again) a member of the cluster.
    RegisterBroker(RegisterBrokerRecord),
    /// A broker is no longer a member of the cluster.
    UnregisterBroker(UnregisterBrokerRecord),
    /// A topic exists. Its partitions follow.
    Topic(TopicRecord),
    /// A partition exists.
    Partition(PartitionRecord),
    /// A configuration key of a topic or broker is set, or reset to its default.
    Config(ConfigRecord),
    /// Something about a partition has changed.
    PartitionChange(PartitionChangeRecord),
    /// A topic is deleted, with its partitions and its configuration.
    RemoveTopic(RemoveTopicRecord),
    /// The level of a feature of the cluster: `metadata.version`.
    FeatureLevel(FeatureLevelRecord),
    /// A block of producer ids was handed to a broker.
    ProducerIds(ProducerIdsRecord),
    /// Something about a broker's registration has changed: it is fenced, or no longer.
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    /// Nothing. It only moves the log's end.
    NoOp,
}

/// See [`MetadataRecord::RegisterBroker`]. Version 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterBrokerRecord {
    /// The broker's `node.id`.
    pub broker_id: i32,
    /// Whether the broker is still with ZooKeeper. Always false in Kafka 4.
    pub is_migrating_zk_broker: bool,
    /// Changes with every start of the broker.
    pub incarnation_id: Uuid,
    /// The offset of this record in the metadata log.
    pub broker_epoch: i64,
    /// Where clients and brokers reach it.
    pub end_points: Vec<BrokerEndpoint>,
    /// What it can do.
    pub features: Vec<BrokerFeature>,
    /// Its rack.
    pub rack: Option<String>,
    /// Whether it must not lead partitions yet.
    pub fenced: bool,
    /// Whether it is about to stop.
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories.
    pub log_dirs: Vec<Uuid>,
}

/// A listener of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerEndpoint {
    /// The listener's name: `PLAINTEXT`.
    pub name: String,
    /// The host that it is reached by.
    pub host: String,
    /// The port.
    pub port: u16,
    /// 0 for PLAINTEXT.
    pub security_protocol: i16,
}

/// A feature that a broker supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerFeature {
    /// Its name: `metadata.version`.
    pub name: String,
    /// The lowest level.
    pub min_supported_version: i16,
    /// The highest level.
    pub max_supported_version: i16,
}

/// See [`MetadataRecord::UnregisterBroker`]. Version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnregisterBrokerRecord {
    /// The broker's `node.id`.
    pub broker_id: i32,
    /// Its epoch.
    pub broker_epoch: i64,
}

/// See [`MetadataRecord::Topic`]. Version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRecord {
    /// Its name.
    pub name: String,
    /// Its id (KIP-516).
    pub topic_id: Uuid,
}

/// See [`MetadataRecord::Partition`]. Version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRecord {
    /// The partition.
    pub partition_id: i32,
    /// The topic's id.
    pub topic_id: Uuid,
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
    /// The log directory of every replica (KIP-858).
    pub directories: Vec<Uuid>,
    /// Who is not in sync and yet holds everything that was acknowledged (KIP-966).
    pub elr: Vec<i32>,
    /// Who was the last to lead, while nobody can (KIP-966).
    pub last_known_elr: Vec<i32>,
}

/// See [`MetadataRecord::Config`]. Version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRecord {
    /// What has the configuration: 2 for a topic, 4 for a broker.
    pub resource_type: i8,
    /// Its name.
    pub resource_name: String,
    /// The key.
    pub name: String,
    /// The value; `None` to go back to the default.
    pub value: Option<String>,
}

/// See [`MetadataRecord::PartitionChange`]. Version 2. `None` for what did not change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartitionChangeRecord {
    /// The partition.
    pub partition_id: i32,
    /// The topic's id.
    pub topic_id: Uuid,
    /// Who is in sync.
    pub isr: Option<Vec<i32>>,
    /// Who leads; -1 for nobody.
    pub leader: Option<i32>,
    /// Who holds a copy.
    pub replicas: Option<Vec<i32>>,
    /// Who is to go.
    pub removing_replicas: Option<Vec<i32>>,
    /// Who is to come.
    pub adding_replicas: Option<Vec<i32>>,
    /// Whether it recovers from an unclean election.
    pub leader_recovery_state: Option<i8>,
    /// The eligible leader replicas (KIP-966).
    pub elr: Option<Vec<i32>>,
    /// The last known of them (KIP-966).
    pub last_known_elr: Option<Vec<i32>>,
    /// The log directory of every replica.
    pub directories: Option<Vec<Uuid>>,
}

/// See [`MetadataRecord::RemoveTopic`]. Version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveTopicRecord {
    /// The topic's id.
    pub topic_id: Uuid,
}

/// See [`MetadataRecord::FeatureLevel`]. Version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    /// The feature's name: `metadata.version`.
    pub name: String,
    /// Its level.
    pub feature_level: i16,
}

/// See [`MetadataRecord::ProducerIds`]. Version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    /// Who got the block.
    pub broker_id: i32,
    /// The broker's epoch.
    pub broker_epoch: i64,
    /// The first id after the block.
    pub next_producer_id: i64,
}

/// See [`MetadataRecord::BrokerRegistrationChange`]. Version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerRegistrationChangeRecord {
    /// The broker's `node.id`.
    pub broker_id: i32,
    /// Its epoch.
    pub broker_epoch: i64,
    /// -1: no longer fenced; 0: as it was; 1: fenced.
    pub fenced: i8,
    /// 1: about to stop; 0: as it was.
    pub in_controlled_shutdown: i8,
    /// The ids of its log directories.
    pub log_dirs: Vec<Uuid>,
}

/// Why bytes are not a metadata record that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// The frame's version is not 1.
    UnknownFrameVersion {
        /// The version found.
        version: u32,
    },
    /// Naru does not know this kind of record, or not this version of it.
    Unknown {
        /// The record's kind.
        api_key: u32,
        /// Its version.
        version: u32,
    },
    /// The bytes end too early, or a length is impossible.
    Malformed {
        /// The record's kind.
        record: &'static str,
        /// The field.
        field: &'static str,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::UnknownFrameVersion { version } => {
                write!(f, "a metadata record with frame version {version}; only 1 is known")
            }
            RecordError::Unknown { api_key, version } => {
                write!(f, "a metadata record of unknown kind {api_key}, version {version}")
            }
            RecordError::Malformed { record, field } => write!(f, "{record} is cut off or damaged at {field}"),
        }
    }
}

impl core::error::Error for RecordError {}

const FRAME_VERSION: u32 = 1;

/// One row per kind of record: its key, the version that is written (that of Kafka 4.1), its name.
macro_rules! kinds {
    ($($variant:ident = $key:literal, version $version:literal, $name:literal;)*) => {
        impl MetadataRecord {
            /// Kafka's name for this kind of record: `TopicRecord`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(MetadataRecord::$variant(_) => $name,)*
                    MetadataRecord::NoOp => NO_OP_NAME,
                }
            }

            /// The bytes of the record's value.
            pub fn encode(&self) -> Bytes {
                match self {
                    $(MetadataRecord::$variant(record) => encode($key, $version, |out| record.write(out)),)*
                    MetadataRecord::NoOp => encode(NO_OP_KEY, 0, |out| out.tagged_fields(Tags::default())),
                }
            }

            /// Reads a record's value. Older versions and tagged fields that are not known are understood.
            pub fn decode(value: &[u8]) -> Result<MetadataRecord, RecordError> {
                let mut reader = Reader::new(value, "a metadata record");
                let frame_version = reader.varint("frame version")?;
                if frame_version != FRAME_VERSION {
                    return Err(RecordError::UnknownFrameVersion { version: frame_version });
                }
                let api_key = reader.varint("apiKey")?;
                let version = reader.varint("version")?;
                match api_key {
                    $($key if version <= $version => {
                        Body::read(&mut reader.named($name), version).map(MetadataRecord::$variant)
                    })*
                    NO_OP_KEY if version == 0 => Ok(MetadataRecord::NoOp),
                    _ => Err(RecordError::Unknown { api_key, version }),
                }
            }
        }
    };
}

kinds! {
    RegisterBroker = 0, version 3, "RegisterBrokerRecord";
    UnregisterBroker = 1, version 0, "UnregisterBrokerRecord";
    Topic = 2, version 0, "TopicRecord";
    Partition = 3, version 2, "PartitionRecord";
    Config = 4, version 0, "ConfigRecord";
    PartitionChange = 5, version 2, "PartitionChangeRecord";
    RemoveTopic = 9, version 0, "RemoveTopicRecord";
    FeatureLevel = 12, version 0, "FeatureLevelRecord";
    ProducerIds = 15, version 0, "ProducerIdsRecord";
    BrokerRegistrationChange = 17, version 2, "BrokerRegistrationChangeRecord";
}

const NO_OP_KEY: u32 = 20;
const NO_OP_NAME: &str = "NoOpRecord";

fn encode(api_key: u32, version: u32, body: impl FnOnce(&mut Writer)) -> Bytes {
    let mut out = Writer::default();
    out.varint(FRAME_VERSION);
    out.varint(api_key);
    out.varint(version);
    body(&mut out);
    out.finish()
}

#[cfg(test)]
mod tests;
