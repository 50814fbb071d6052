//! What replicas have to know of other brokers: who may be in sync, who leads, who is near.

use super::{Role, leadership::FollowerState};
use crate::{
    topics::{PartitionKey, TopicRef},
    turn::{State, Turn},
};
use core::cmp::Reverse;
use naru_metadata::Image;

/// Who leads a partition (KIP-951).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaderHint {
    pub(crate) leader: i32,
    pub(crate) leader_epoch: i32,
}

impl Turn<'_> {
    /// Whether a broker is a member of the cluster and not fenced.
    pub(crate) fn is_alive(&self, id: i32) -> bool {
        is_eligible(self.state.cluster(), id, -1)
    }

    /// Who leads a partition, as far as this broker knows.
    pub(crate) fn leader_of(&self, topic: &TopicRef, partition: i32) -> Option<LeaderHint> {
        let key = self.state.topics.find(topic, partition).ok()?;
        let partition = self.state.topics.partition(key)?;
        Some(LeaderHint { leader: partition.leader, leader_epoch: partition.leader_epoch })
    }

    /// The replica that a consumer in `rack` should rather read from than from this leader: the one with the most, and of
    /// those the one that has lagged the least (RackAwareReplicaSelector, KIP-392).
    pub(crate) fn preferred_read_replica(&self, key: PartitionKey, offset: i64, rack: &str) -> Option<i32> {
        let partition = self.state.topics.partition(key)?;
        let Role::Leader(leadership) = &partition.role else { return None };
        let is_here = |id: i32| self.neighbour(id).is_some_and(|broker| broker.rack.as_deref() == Some(rack));
        if self.state.config.cluster.rack.as_deref() == Some(rack) {
            return None;
        }
        let now = self.now.monotonic;
        let has_it = |id: i32, follower: &FollowerState| {
            let has = follower.log_start_offset..=follower.log_end_offset;
            partition.isr.contains(&id) && has.contains(&offset) && self.is_alive(id) && is_here(id)
        };
        let fit = leadership.followers.iter().filter(|(id, follower)| has_it(**id, follower));
        let best = fit.max_by_key(|(id, it)| (it.log_end_offset, Reverse(it.behind_for(now)), Reverse(**id)));
        best.map(|(id, _)| *id)
    }
}

impl State {
    /// The cluster as the quorum has committed it: brokers, addresses, racks.
    pub(crate) fn cluster(&self) -> &Image {
        self.metadata.committed()
    }
}

/// Whether a broker may be in an ISR: it is registered, not fenced, and is still the process that fetched (KIP-841, 903).
pub(crate) fn is_eligible(image: &Image, id: i32, broker_epoch: i64) -> bool {
    let registration = image.broker(id);
    registration.is_some_and(|broker| !broker.fenced && (broker_epoch == -1 || broker_epoch == broker.epoch))
}
