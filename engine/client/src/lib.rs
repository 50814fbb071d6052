//! Kafka clients without input or output: a [`Producer`], a [`Consumer`] and an [`Admin`].
//!
//! Each is a state machine that is told what happened ([`ClientInput`]) and answers with what is to be done
//! ([`ClientEffect`]). The simulation drives them, the labs drive them, and the command line drives the same ones over
//! sockets. They deliberately know no clock, no socket and no entropy but the seed they are given.
//!
//! Read [`Machine`] first, then `network` (connections, versions, metadata), then [`producer`], [`consumer`], [`admin`].

#![no_std]

extern crate alloc;

pub mod admin;
mod backoff;
pub mod config;
pub mod consumer;
pub mod error;
pub mod machine;
mod metadata;
mod network;
pub mod partitioner;
pub mod producer;

pub use admin::{
    Admin, AdminResult, BrokerDescription, ConfigChanges, ConfigDescription, ConfigSource, LogDirDescription, NewTopic,
    PartitionDescription, ReplicaSize, ResourceType, TopicDescription,
};
pub use config::{Acks, AdminConfig, ConsumerConfig, NetworkConfig, OffsetReset, ProducerConfig};
pub use consumer::{Consumer, ConsumerRecord, StartAt};
pub use error::ClientError;
pub use machine::{ClientEffect, ClientInput, ClientOutbox, ConnectionId, Machine};
pub use naru_records::{Compression, Header};
pub use partitioner::{murmur2, partition_for_key};
pub use producer::{DeliveryReport, Producer, ProducerRecord, RecordMetadata};
