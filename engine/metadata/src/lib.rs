//! What the cluster knows of itself: Kafka's metadata records, the image that they add up to, and the handlers that decide
//! which records to write.
//!
//! Handlers *decide*: they look at the [`Image`] and return a [`Decision`], records and answers, and change nothing.
//! [`Image::replay`] is the only thing that changes the image. The broker appends a decision's records to
//! `__cluster_metadata-0`, waits until they are on disk, replays them, and only then sends the answers.
//!
//! This crate deliberately knows nothing of logs, files and connections. Read [`record`] first, then [`image`], then
//! [`create_topics`].

#![no_std]

extern crate alloc;

pub mod alter_configs;
pub mod alter_partition;
pub mod broker_registration;
mod cluster;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_topics;
pub mod describe_configs;
pub mod elect_leaders;
pub mod features;
pub mod fencing;
pub mod heartbeat;
pub mod image;
pub mod liveness;
mod partition_change;
mod placement;
pub mod producer_ids;
pub mod reassignments;
pub mod record;
pub mod registration;
pub mod settings;
mod snapshot;
#[cfg(test)]
mod test_cluster;
pub mod topic_config;
pub mod topic_name;

pub use alter_configs::{AlteredResource, alter_configs, incremental_alter_configs};
pub use alter_partition::alter_partition;
pub use broker_registration::{Registering, broker_registration};
pub use create_partitions::create_partitions;
pub use create_topics::create_topics;
pub use delete_topics::delete_topics;
pub use describe_configs::describe_configs;
pub use elect_leaders::{balance_leaders, elect_leaders};
pub use features::update_features;
pub use fencing::{fence_broker, unregister_broker};
pub use heartbeat::{Heartbeat, broker_heartbeat};
pub use image::{Image, Partition, Registration, ReplayError, Topic};
pub use liveness::Liveness;
pub use producer_ids::{ProducerIdBlock, allocate_for_broker, allocate_producer_ids};
pub use reassignments::{alter_partition_reassignments, list_partition_reassignments};
pub use record::{MetadataRecord, RecordError};
pub use registration::{Endpoint, bootstrap, register_broker};
pub use settings::Settings;
pub use topic_name::is_internal;

use alloc::{string::String, vec::Vec};
use naru_wire::ErrorCode;

/// What a handler decided: what to write, and what to answer once it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<R> {
    /// To be appended as one batch, and replayed in this order. Empty if nothing changes.
    pub records: Vec<MetadataRecord>,
    /// The answer, to be sent after the records are on disk.
    pub response: R,
}

/// A refusal: a code, and the sentence that the client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Kafka's code.
    pub code: ErrorCode,
    /// The sentence.
    pub message: String,
}

impl ApiError {
    /// An error with a sentence of its own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ApiError { code, message: message.into() }
    }
}

impl From<ErrorCode> for ApiError {
    /// An error with Kafka's default sentence.
    fn from(code: ErrorCode) -> Self {
        ApiError::new(code, code.message())
    }
}
