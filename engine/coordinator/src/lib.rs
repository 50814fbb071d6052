//! Group coordinators: who is in a group, what each member is to read, and how far the group has come.
//!
//! A [`Coordinator`] looks after the groups of one partition of `__consumer_offsets`. What has to survive is records in that
//! partition ([`record`]); everything else (who waits for whom, whose heartbeat is due) is made anew by the clients when the
//! partition gets another leader.
//!
//! ```text
//! request ─► handler ─► Outcome { records, replies } ─► append ─► replay ─► committed ─► replies
//! ```
//!
//! Handlers *decide*. What is durable (committed offsets, the groups of KIP-848) changes only in [`Coordinator::replay`], which
//! is how a partition is loaded, too. Replies go out when everything that they may have seen is committed.
//!
//! The crate deliberately knows nothing of logs, files and connections: a waiting client is a number. Read [`coordinator`]
//! first, then [`classic`], the protocol in which members assign, and `consumer` (KIP-848), in which the coordinator does.

#![no_std]

extern crate alloc;

pub mod classic;
pub mod config;
mod consumer;
pub mod coordinator;
mod describe;
mod offsets;
pub mod record;
mod timers;

pub use config::GroupConfig;
pub use coordinator::{Client, Coordinator, Io, Outcome, TopicInfo, Topics, Waiter};
pub use record::{Record, RecordError};
