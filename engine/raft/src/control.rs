//! Control records: what the quorum writes into the metadata log about itself (KIP-595, KIP-630, KIP-853).
//!
//! ```text
//! key:    | version, i16 = 0 | type, i16 |
//! type:   2 LeaderChange   3 SnapshotHeader   4 SnapshotFooter   5 KRaftVersion   6 KRaftVoters
//! value:  the message, in the version that it names itself
//! ```
//!
//! They stand in batches whose attribute bit 5 is set, and never with data records in one batch. (ControlRecordType.java,
//! MemoryRecords.writeLeaderChangeMessage.)

use crate::config::Voter;
use alloc::{string::ToString, vec::Vec};
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, RecordsError};
use naru_trace::{Name, SortedMap};
use naru_wire::{StrBytes, messages as kp};
use uuid::Uuid;

/// A control record.
#[derive(Debug, Clone, PartialEq)]
pub enum ControlRecord {
    /// An epoch begins with this one.
    LeaderChange(kp::LeaderChangeMessage),
    /// A snapshot begins with this one.
    SnapshotHeader(kp::SnapshotHeaderRecord),
    /// A snapshot ends with this one: one without it is not whole.
    SnapshotFooter(kp::SnapshotFooterRecord),
    /// 1 if voters are in the log (KIP-853), 0 if they are configured.
    KRaftVersion(kp::KRaftVersionRecord),
    /// Who votes from here on.
    Voters(kp::VotersRecord),
}

/// The version in which keys and most values are written.
const VERSION: i16 = 0;

impl ControlRecord {
    fn number(&self) -> i16 {
        match self {
            ControlRecord::LeaderChange(_) => 2,
            ControlRecord::SnapshotHeader(_) => 3,
            ControlRecord::SnapshotFooter(_) => 4,
            ControlRecord::KRaftVersion(_) => 5,
            ControlRecord::Voters(_) => 6,
        }
    }

    /// The message's name.
    pub fn name(&self) -> Name {
        Name::Borrowed(match self {
            ControlRecord::LeaderChange(_) => "LeaderChangeMessage",
            ControlRecord::SnapshotHeader(_) => "SnapshotHeaderRecord",
            ControlRecord::SnapshotFooter(_) => "SnapshotFooterRecord",
            ControlRecord::KRaftVersion(_) => "KRaftVersionRecord",
            ControlRecord::Voters(_) => "VotersRecord",
        })
    }

    fn value(&self) -> Bytes {
        let mut out = BytesMut::new();
        let encoded = match self {
            ControlRecord::LeaderChange(message) => message.encode(&mut out, message.version),
            ControlRecord::SnapshotHeader(message) => message.encode(&mut out, VERSION),
            ControlRecord::SnapshotFooter(message) => message.encode(&mut out, VERSION),
            ControlRecord::KRaftVersion(message) => message.encode(&mut out, VERSION),
            ControlRecord::Voters(message) => message.encode(&mut out, VERSION),
        };
        encoded.expect("control records have no field that could be too long");
        out.freeze()
    }

    /// Reads a record of a control batch. `None` for a type that is not the quorum's, or later than this version.
    pub fn decode(key: &[u8], value: &Bytes) -> Option<Self> {
        let number = i16::from_be_bytes(key.get(2..4)?.try_into().ok()?);
        let version = i16::from_be_bytes(value.get(..2)?.try_into().ok()?);
        let mut value = value.clone();
        let value = &mut value;
        Some(match number {
            2 if (0..=1).contains(&version) => {
                ControlRecord::LeaderChange(kp::LeaderChangeMessage::decode(value, version).ok()?)
            }
            3 => ControlRecord::SnapshotHeader(kp::SnapshotHeaderRecord::decode(value, VERSION).ok()?),
            4 => ControlRecord::SnapshotFooter(kp::SnapshotFooterRecord::decode(value, VERSION).ok()?),
            5 => ControlRecord::KRaftVersion(kp::KRaftVersionRecord::decode(value, VERSION).ok()?),
            6 => ControlRecord::Voters(kp::VotersRecord::decode(value, VERSION).ok()?),
            _ => return None,
        })
    }
}

/// A batch of control records.
pub fn control_batch(records: &[ControlRecord], base_offset: i64, epoch: i32, now_ms: i64) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None).control();
    for record in records {
        let mut key = BytesMut::new();
        key.put_i16(VERSION);
        key.put_i16(record.number());
        builder.append(now_ms, Some(&key), Some(&record.value()), &[]);
    }
    builder.build(base_offset, epoch)
}

/// The quorum's own records in a batch, with their offsets; none if it is a batch of data.
pub fn control_records(batch: &Batch) -> Result<Vec<(i64, ControlRecord)>, RecordsError> {
    if !batch.header().is_control() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for record in batch.records(DecompressLimit::default())? {
        let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
        found.extend(ControlRecord::decode(&key, &value).map(|control| (record.offset, control)));
    }
    Ok(found)
}

/// `node_id` leads, elected by `granting`. The directory ids are only named when voters are in the log.
pub fn leader_change(
    node_id: i32,
    voters: &SortedMap<i32, Voter>,
    granting: impl Iterator<Item = i32>,
    kraft_version: i16,
) -> ControlRecord {
    let voter = |id: i32| {
        let directory_id = voters.get(&id).filter(|_| kraft_version > 0).map_or(Uuid::nil(), |it| it.directory_id);
        kp::leader_change_message::Voter::default().with_voter_id(id).with_voter_directory_id(directory_id)
    };
    let message = kp::LeaderChangeMessage::default()
        .with_version(kraft_version.min(1))
        .with_leader_id(node_id.into())
        .with_voters(voters.keys().map(|id| voter(*id)).collect())
        .with_granting_voters(granting.map(voter).collect());
    ControlRecord::LeaderChange(message)
}

/// The record that says who votes.
pub fn voters_record(voters: &SortedMap<i32, Voter>, listener: &str) -> ControlRecord {
    let voter = |(id, voter): (&i32, &Voter)| {
        let endpoint = kp::voters_record::Endpoint::default()
            .with_name(StrBytes::from_string(listener.to_string()))
            .with_host(StrBytes::from_string(voter.host.clone()))
            .with_port(voter.port);
        let versions = kp::voters_record::KRaftVersionFeature::default()
            .with_min_supported_version(0)
            .with_max_supported_version(1);
        kp::voters_record::Voter::default()
            .with_voter_id((*id).into())
            .with_voter_directory_id(voter.directory_id)
            .with_endpoints(alloc::vec![endpoint])
            .with_k_raft_version_feature(versions)
    };
    ControlRecord::Voters(kp::VotersRecord::default().with_voters(voters.iter().map(voter).collect()))
}

/// Who votes, as such a record says.
pub fn voters_of(record: &kp::VotersRecord) -> SortedMap<i32, Voter> {
    let voter = |voter: &kp::voters_record::Voter| {
        let endpoint = voter.endpoints.first().cloned().unwrap_or_default();
        let host = endpoint.host.to_string();
        (voter.voter_id.0, Voter { directory_id: voter.voter_directory_id, host, port: endpoint.port })
    };
    record.voters.iter().map(voter).collect()
}
