//! Replicas of partitions: who leads, who follows, how far everybody is, and what that means for the high watermark.
//!
//! ```text
//! image ─► publish_partition ─┬─► lead    followers' fetches ─► FollowerState ─► high watermark, ISR ─► AlterPartition
//!                             ├─► follow  fetcher (one for each leader's node) ─► append, or cut where logs part
//!                             └─► let go  the replica's directory is removed
//! ```
//!
//! | role | begins when | ends when |
//! |---|---|---|
//! | leader | the image names this broker | another leader, or a newer epoch |
//! | follower | it is a replica and does not lead | it leads, or is no replica any more |
//! | elsewhere | it is no replica | it becomes one |
//!
//! (Partition.scala, ReplicaManager.scala, AbstractFetcherThread.scala; KIP-101, 279, 497, 903.)
//!
//! Deliberately not here: deciding who leads, which is the controller's. Read [`leadership`] first, then [`roles`], [`isr`],
//! [`fetcher`], [`following`].

pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod leadership;
pub(crate) mod roles;

pub use config::ReplicationConfig;
pub(crate) use leadership::Leadership;

/// What this broker has to do with a partition.
#[derive(Debug)]
pub(crate) enum Role {
    /// It leads: clients write here, followers fetch from here.
    Leader(Leadership),
    /// It fetches from the leader.
    Follower(Following),
    /// It has no replica.
    Elsewhere,
}

/// A follower's part.
#[derive(Debug, Default)]
pub(crate) struct Following {}

impl Role {
    /// As events and views call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Role::Leader(_) => "leader",
            Role::Follower(_) => "follower",
            Role::Elsewhere => "elsewhere",
        }
    }
}
