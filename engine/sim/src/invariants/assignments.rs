//! Who leads what, as each broker has told it, and whose logs may have lost something: what the properties of clusters are
//! judged by. No property itself.

use super::{Replica, replica};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{Actor, Name, SortedMap, SortedSet, TraceEvent, TraceKind};

/// A partition of a cluster: its topic's id, so that a later topic of the same name is another one, and its number.
pub(crate) type PartitionId = (String, i32);

/// What a broker was last told of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) topic_id: String,
    pub(crate) role: Name,
    pub(crate) leader: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) partition_epoch: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
}

/// The newest that anybody was told of a partition.
#[derive(Debug, Clone, Default)]
struct Newest {
    leader_epoch: i32,
    partition_epoch: i32,
    isr: Vec<i32>,
    /// Members of the ISR that lost something from their disks since they joined it.
    lossy: SortedSet<i32>,
    /// Whether once all of them had. From then on nothing is promised.
    void: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Assignments {
    by_replica: SortedMap<Replica, Assignment>,
    newest: SortedMap<PartitionId, Newest>,
    /// Topics for which one replica in sync is not enough, by broker and name.
    want_more_than_one: SortedSet<(i32, String)>,
}

impl Assignments {
    pub(crate) fn observe(&mut self, event: &TraceEvent) {
        match &event.kind {
            TraceKind::PartitionOpened { topic, topic_id, partition, view } => {
                let Some(replica) = replica(event, topic, *partition) else { return };
                let told = Assignment {
                    topic_id: topic_id.clone(),
                    role: view.role.clone(),
                    leader: view.leader,
                    leader_epoch: view.leader_epoch,
                    partition_epoch: view.partition_epoch,
                    replicas: view.replicas.clone(),
                    isr: view.isr.clone(),
                };
                self.learn(replica, told);
            }
            TraceKind::PartitionRoleChanged {
                topic,
                partition,
                role,
                leader,
                leader_epoch,
                partition_epoch,
                replicas,
                isr,
            } => {
                let Some(replica) = replica(event, topic, *partition) else { return };
                let topic_id = self.by_replica.get(&replica).map(|known| known.topic_id.clone()).unwrap_or_default();
                let told = Assignment {
                    topic_id,
                    role: role.clone(),
                    leader: *leader,
                    leader_epoch: *leader_epoch,
                    partition_epoch: *partition_epoch,
                    replicas: replicas.clone(),
                    isr: isr.clone(),
                };
                self.learn(replica, told);
            }
            TraceKind::TopicConfigChanged { topic, key, value } if key == "min.insync.replicas" => {
                let Actor::Broker(broker) = event.actor else { return };
                match value.as_deref() {
                    None | Some("1") => self.want_more_than_one.remove(&(broker, topic.clone())),
                    Some(_) => self.want_more_than_one.insert((broker, topic.clone())),
                };
            }
            TraceKind::TopicDeleted { topic } => {
                if let Actor::Broker(broker) = event.actor {
                    self.by_replica.retain(|(other, name, _), _| *other != broker || name != topic);
                }
            }
            TraceKind::PowerLost { broker, .. } | TraceKind::DiskLost { broker, .. } => self.lose(*broker, |_| true),
            // What was to be written when the disk failed is not there, though it was counted for a moment.
            TraceKind::PartitionOffline { topic, partition, .. } => {
                let id = replica(event, topic, *partition).and_then(|replica| self.id(&replica));
                if let (Actor::Broker(broker), Some(failed)) = (event.actor, id) {
                    self.lose(broker, |id| *id == failed);
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, replica: Replica, told: Assignment) {
        let one_is_enough = !self.want_more_than_one.contains(&(replica.0, replica.1.clone()));
        let newest = self.newest.entry((told.topic_id.clone(), replica.2)).or_default();
        let (old, new) = ((newest.leader_epoch, newest.partition_epoch), (told.leader_epoch, told.partition_epoch));
        if newest.isr.is_empty() || new > old {
            // Who comes into the ISR has everything that was committed.
            newest.lossy.retain(|broker| newest.isr.contains(broker) && told.isr.contains(broker));
            (newest.leader_epoch, newest.partition_epoch) = new;
            newest.isr.clone_from(&told.isr);
            // The others were taken out while this one was away, and then it came back with less: with
            // min.insync.replicas=1 nobody else is eligible (KIP-966).
            newest.void |= one_is_enough
                && !newest.isr.is_empty()
                && newest.isr.iter().all(|member| newest.lossy.contains(member));
        }
        self.by_replica.insert(replica, told);
    }

    fn lose(&mut self, broker: i32, which: impl Fn(&PartitionId) -> bool) {
        let partitions = self.newest.iter_mut().filter(|(id, newest)| newest.isr.contains(&broker) && which(id));
        for (_, newest) in partitions {
            newest.lossy.insert(broker);
            newest.void |= newest.isr.iter().all(|member| newest.lossy.contains(member));
        }
    }

    /// What that broker was last told.
    pub(crate) fn told(&self, replica: &Replica) -> Option<&Assignment> {
        self.by_replica.get(replica)
    }

    /// Whether more than one broker has it.
    pub(crate) fn is_replicated(&self, replica: &Replica) -> bool {
        self.told(replica).is_some_and(|told| told.replicas.len() > 1)
    }

    /// The partition's name in the cluster.
    pub(crate) fn id(&self, replica: &Replica) -> Option<PartitionId> {
        Some((self.told(replica)?.topic_id.clone(), replica.2))
    }

    /// Whether every member of an ISR lost something from its disk: what was committed may be gone.
    pub(crate) fn is_void(&self, id: &PartitionId) -> bool {
        self.newest.get(id).is_some_and(|newest| newest.void)
    }

    /// Whether that member of the ISR lost something from its disk since it joined.
    pub(crate) fn is_lossy(&self, id: &PartitionId, broker: i32) -> bool {
        self.newest.get(id).is_some_and(|newest| newest.lossy.contains(&broker))
    }

    /// The highest leader epoch that anybody was told of.
    pub(crate) fn newest_epoch(&self, id: &PartitionId) -> i32 {
        self.newest.get(id).map_or(0, |newest| newest.leader_epoch)
    }

    /// Replicas of partitions, as brokers were last told.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Replica, &Assignment)> {
        self.by_replica.iter()
    }

    /// The topic's name at that broker.
    pub(crate) fn replica_of(&self, id: &PartitionId, broker: i32) -> Option<Replica> {
        let mut all = self.by_replica.iter();
        let found = all.find(|((other, _, number), told)| *other == broker && *number == id.1 && told.topic_id == id.0);
        found.map(|((broker, topic, partition), _)| (*broker, topic.to_string(), *partition))
    }
}
