//! What a new metadata log begins with, and how a broker becomes a member of its cluster.

use crate::{MetadataRecord, Settings};
use alloc::{string::String, vec::Vec};
use uuid::Uuid;

/// Where a broker is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name: `PLAINTEXT`.
    pub listener: String,
    /// The host to dial.
    pub host: String,
    /// The port to dial.
    pub port: u16,
}

/// What an empty metadata log begins with: the `metadata.version` that its records are written in.
pub fn bootstrap() -> Vec<MetadataRecord> {
    todo!()
}

/// The records that make this broker a member of its cluster. `broker_epoch` is the offset that the first of them will get;
/// `incarnation_id` is new with every start.
pub fn register_broker(
    _settings: &Settings,
    _endpoint: &Endpoint,
    _incarnation_id: Uuid,
    _broker_epoch: i64,
) -> Vec<MetadataRecord> {
    todo!()
}
