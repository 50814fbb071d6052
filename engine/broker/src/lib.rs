//! The broker: one state machine that real clients talk to.
//!
//! [`Broker`] owns no clock, socket, file, thread or entropy. Whoever drives it (the native server, the simulation) tells it
//! what happened as an [`Input`] and performs the [`Effect`]s it asks for. That is why a run in the browser and a run on a
//! real machine are the same run.
//!
//! This crate deliberately knows nothing of byte layouts ([`naru_wire`], [`naru_records`]), of segment files
//! ([`naru_log`]), or of which topic names are allowed ([`naru_metadata`]). It says what happens to a request.
//!
//! Read [`broker`] first, then one request's way: [`api`] and in it `produce`, then `fetch` and [`purgatory`].

#![no_std]

extern crate alloc;

pub mod broker;
pub mod config;
pub mod effect;
pub mod input;
pub mod metrics;

pub use broker::{Broker, StartError};
pub use config::{BrokerConfig, ConfigError};
pub use effect::{Effect, Frame, Outbox};
pub use input::{ConnectionId, Input};
pub use metrics::Metrics;
