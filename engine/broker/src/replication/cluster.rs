//! What replicas have to know of other brokers: who is there, where, and who leads.

use crate::{
    topics::TopicRef,
    turn::{State, Turn},
};
use alloc::string::String;
use naru_metadata::Image;

/// Where clients reach a broker.
pub(crate) struct BrokerAddress {
    pub(crate) host: String,
    pub(crate) port: i32,
    pub(crate) rack: Option<String>,
}

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

    /// Where clients reach a broker; `None` for one that is not registered.
    pub(crate) fn address_of(&self, id: i32) -> Option<BrokerAddress> {
        let broker = self.state.cluster().broker(id)?;
        let end_point = broker.end_points.first()?;
        Some(BrokerAddress { host: end_point.host.clone(), port: i32::from(end_point.port), rack: broker.rack.clone() })
    }

    /// Who leads a partition, as far as this broker knows.
    pub(crate) fn leader_of(&self, topic: &TopicRef, partition: i32) -> Option<LeaderHint> {
        let key = self.state.topics.find(topic, partition).ok()?;
        let partition = self.state.topics.partition(key)?;
        Some(LeaderHint { leader: partition.leader, leader_epoch: partition.leader_epoch })
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
