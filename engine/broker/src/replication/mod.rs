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
pub(crate) mod fetcher;
pub(crate) mod following;
pub(crate) mod isr;
pub(crate) mod leadership;
pub(crate) mod roles;

pub use config::ReplicationConfig;
pub(crate) use fetcher::Fetcher;
pub(crate) use following::Following;
pub(crate) use isr::IsrChanges;
pub(crate) use leadership::Leadership;
use naru_trace::SortedMap;

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

/// What this broker has under way for its replicas.
#[derive(Debug, Default)]
pub(crate) struct Replication {
    /// By the leader's `node.id`.
    pub(crate) fetchers: SortedMap<i32, Fetcher>,
    pub(crate) isr: IsrChanges,
}

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

#[cfg(test)]
mod tests;
