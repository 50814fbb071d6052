//! KRaft: how the voters of a cluster agree on one metadata log, with no ZooKeeper and no second system (KIP-595).
//!
//! It is Raft with the arrows turned round: followers *fetch*, as replicas of any partition do. What a follower asks for
//! tells the leader how far it has come; so the high watermark, truncation and catching up are those of Fetch.
//!
//! ```text
//!             election timeout              majority would vote
//!  unattached ──────────────► prospective ──────────────────► candidate ──► leader
//!      ▲  ▲                    ▲      │  no majority              │ majority   │ shutdown, or nobody
//!      │  └────────────────────┼──────┘                           │            │ fetches from it
//!      │        fetch timeout  │                                  │            ▼
//!      │                    follower ◄── a leader makes itself ───┘         resigned
//!      └── a later epoch, whoever one is                known
//! ```
//!
//! | from | in the same epoch | in a later epoch |
//! |---|---|---|
//! | unattached | unattached (it votes), prospective (election timeout), follower (learns of a leader) | unattached, follower |
//! | prospective | unattached (no majority), follower (learns of a leader, or still has one), prospective (it votes) | candidate (majority of pre-votes), unattached, follower |
//! | candidate | leader (majority), prospective (lost, or timeout), follower (learns of a leader) | unattached, follower |
//! | leader | resigned | unattached, follower |
//! | follower | prospective (fetch timeout), follower | unattached, follower |
//! | resigned | nothing | unattached (after a while), follower |
//!
//! Every other transition panics. An *observer* (a node that does not vote) is only ever unattached or follower.
//! (QuorumState.java; pre-vote: KIP-996; voters in the log: KIP-853; snapshots: KIP-630.)
//!
//! Offsets, at all times:
//!
//! ```text
//!   log start <= high watermark <= synced end <= log end
//! ```
//!
//! The crate deliberately knows nothing of what the records mean, of topics, connections or clocks: payloads are bytes, and
//! [`RaftOutput`] says what the owner has to do. Drive it so: give it requests, answers, finished syncs and the time, and
//! after each call do what [`Raft::outputs`] says. Read [`raft`] first, then [`role`], `timers`, `election`, `vote`,
//! `quorum_epoch`, `fetch`, `following`, `writing`, [`snapshot`] and [`quorum_state`].

#![no_std]

extern crate alloc;

mod check;
pub mod config;
pub mod control;
mod describe;
mod dispatch;
mod election;
mod fetch;
mod following;
mod members;
pub mod output;
mod quorum_epoch;
pub mod quorum_state;
pub mod raft;
mod random;
mod reading;
mod reconfigure;
pub mod replication;
mod requests;
pub mod role;
pub mod snapshot;
mod snapshot_transfer;
mod timers;
mod trace;
mod vote;
mod writing;

pub use config::{RaftConfig, Voter};
pub use output::{AppendError, Io, RaftOutput, RaftReply, Tag};
pub use quorum_state::{ElectionState, ReplicaKey};
pub use raft::Raft;
pub use reading::Records;
pub use replication::ReplicationState;
pub use role::RoleName;
pub use snapshot::SnapshotId;

/// The topic of the metadata log; it has one partition.
pub const TOPIC: &str = "__cluster_metadata";
/// The topic's id, the same in every cluster.
pub const TOPIC_ID: uuid::Uuid = uuid::Uuid::from_u128(1);
