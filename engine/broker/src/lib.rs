//! The broker: one state machine that real clients talk to.
//!
//! [`Broker`] owns no clock, socket, file, thread or entropy. Whoever drives it (the native server, the simulation) tells it
//! what happened as an [`Input`] and performs the [`Effect`]s it asks for. That is why a run in the browser and a run on a
//! real machine are the same run.
//!
//! This crate deliberately knows nothing of byte layouts ([`naru_wire`], [`naru_records`]), of segment files
//! ([`naru_log`]), or of which topic names are allowed ([`naru_metadata`]). It says what happens to a request.
//!
//! Read [`broker`] first, then one request's way: `pipeline`, `api` and in it `produce`, then `fetch` and `purgatory`.

#![no_std]

extern crate alloc;

mod api;
pub mod broker;
mod catching_up;
mod checkpoints;
mod cleaning;
pub mod config;
mod connections;
mod controller;
mod data_dir;
pub mod effect;
mod fetch_sessions;
mod flushing;
mod forwarding;
pub mod groups;
pub mod input;
mod log_dirs;
mod membership;
mod metadata_log;
pub mod metrics;
mod neighbours;
mod peers;
mod pipeline;
mod producer_ids;
mod publish;
mod purgatory;
mod quorum;
mod random;
pub mod replication;
mod reply;
mod retired;
mod start;
mod topic_settings;
mod topics;
mod turn;
pub mod upkeep;
mod view;

pub use broker::{Broker, StartError};
pub use config::{Address, BrokerConfig, CleanerConfig, ClusterConfig, ConfigError, LogDirConfig, Roles};
pub use effect::{Effect, Frame, Outbox};
pub use groups::OffsetsTopicConfig;
pub use input::{ConnectionId, Input};
pub use metrics::Metrics;
pub use naru_coordinator::GroupConfig;
pub use replication::ReplicationConfig;
