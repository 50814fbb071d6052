//! One change of a partition: from what is wanted to the record that says so, with everything that follows from it.
//!
//! In Kafka this is `PartitionChangeBuilder`. The steps come in its order:
//! ```text
//! reassignment complete? ─► eligible leader replicas ─► election ─► new leader epoch? ─► the record
//!      (KIP-455)                  (KIP-966)             (KIP-704)
//! ```
//! Without eligible leader replicas, the last member is never taken out of the in-sync replicas: somebody has to know what
//! was acknowledged.

use crate::{Partition, Topic, cluster::Cluster, record::PartitionChangeRecord};
use alloc::{vec, vec::Vec};
use uuid::Uuid;

/// Nobody leads.
pub(crate) const NO_LEADER: i32 = -1;
/// The leader has everything that was acknowledged.
pub(crate) const RECOVERED: i8 = 0;
/// The leader came from an unclean election and has not come to terms with it yet (KIP-704).
pub(crate) const RECOVERING: i8 = 1;

/// Whom an election may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Election {
    /// The first replica, if it is in sync.
    Preferred,
    /// The leader as it is, or else anybody in sync.
    Online,
    /// If nobody in sync lives, anybody who does. What others had acknowledged may be lost.
    Unclean,
}

/// A change in the making. The fields are what is wanted; they begin as what is there.
pub(crate) struct PartitionChange<'a> {
    cluster: Cluster<'a>,
    topic: &'a Topic,
    partition_id: i32,
    partition: &'a Partition,
    may_lead: &'a dyn Fn(i32) -> bool,
    pub(crate) isr: Vec<i32>,
    pub(crate) replicas: Vec<i32>,
    pub(crate) removing: Vec<i32>,
    pub(crate) adding: Vec<i32>,
    pub(crate) leader_recovery_state: i8,
    pub(crate) election: Election,
    /// Who came back without having stopped in good order: it may have lost what was not on its disk.
    pub(crate) unclean_shutdown: Option<i32>,
    /// Directories that replicas will have instead of those that are known.
    pub(crate) directories: Vec<(i32, Uuid)>,
    elr: Vec<i32>,
}

impl<'a> PartitionChange<'a> {
    /// A change that changes nothing yet. `may_lead` says which brokers can be leaders; whether the log directory works
    /// is asked besides.
    pub(crate) fn new(
        cluster: Cluster<'a>,
        topic: &'a Topic,
        partition_id: i32,
        partition: &'a Partition,
        may_lead: &'a dyn Fn(i32) -> bool,
    ) -> Self {
        let unclean = cluster.allows_unclean_election(topic);
        PartitionChange {
            cluster,
            topic,
            partition_id,
            partition,
            may_lead,
            isr: partition.isr.clone(),
            replicas: partition.replicas.clone(),
            removing: partition.removing_replicas.clone(),
            adding: partition.adding_replicas.clone(),
            leader_recovery_state: partition.leader_recovery_state,
            election: if unclean { Election::Unclean } else { Election::Online },
            unclean_shutdown: None,
            directories: Vec::new(),
            elr: partition.elr.clone(),
        }
    }

    /// The record; `None` if there is nothing to change.
    pub(crate) fn build(mut self) -> Option<PartitionChangeRecord> {
        let mut record = PartitionChangeRecord {
            partition_id: self.partition_id,
            topic_id: self.topic.id,
            ..PartitionChangeRecord::default()
        };
        let nothing = record.clone();
        self.complete_reassignment();
        self.populate_elr();
        self.elect(&mut record);
        self.begin_epoch_if_a_replica_went(&mut record);
        self.record_elr(&mut record);
        let may_change_isr = !self.isr.is_empty() || self.cluster.has_elr();
        if record.isr.is_none() && may_change_isr && self.isr != self.partition.isr {
            record.isr = Some(self.isr.clone());
        }
        self.record_last_known_leader(&mut record);
        self.record_assignment(&mut record);
        if self.leader_recovery_state != self.partition.leader_recovery_state {
            record.leader_recovery_state = Some(self.leader_recovery_state);
        }
        (record != nothing).then_some(record)
    }

    /// When all replicas that are to stay or to come are in sync, those that are to go, go.
    fn complete_reassignment(&mut self) {
        if self.adding.is_empty() && self.removing.is_empty() {
            return;
        }
        let stays = |id: &i32| !self.removing.contains(id);
        let isr: Vec<i32> = self.isr.iter().copied().filter(stays).collect();
        let replicas: Vec<i32> = self.replicas.iter().copied().filter(stays).collect();
        if replicas.is_empty() || !replicas.iter().all(|id| isr.contains(id)) {
            return;
        }
        (self.isr, self.replicas) = (isr, replicas);
        self.adding.clear();
        self.removing.clear();
    }

    /// While fewer than `min.insync.replicas` are in sync, nothing is acknowledged, so whoever was in sync before still has
    /// everything that ever was.
    fn populate_elr(&mut self) {
        if !self.cluster.has_elr() {
            return;
        }
        if self.isr.len() >= self.cluster.min_isr(self.topic, self.replicas.len()) {
            self.elr.clear();
            return;
        }
        let mut candidates = [&self.elr[..], &self.partition.isr].concat();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|id| !self.isr.contains(id) && self.unclean_shutdown != Some(*id));
        self.elr = candidates;
    }

    fn elect(&mut self, record: &mut PartitionChangeRecord) {
        let (leader, is_unclean) = self.choose_leader();
        if leader == self.partition.leader {
            return;
        }
        if self.elr.contains(&leader) {
            self.isr = vec![leader];
            self.elr.retain(|id| *id != leader);
        }
        record.leader = Some(leader);
        if is_unclean {
            record.isr = Some(vec![leader]);
            if self.partition.leader_recovery_state != RECOVERING {
                record.leader_recovery_state = Some(RECOVERING);
            }
        }
    }

    /// The leader, and whether it may lack what was acknowledged.
    fn choose_leader(&self) -> (i32, bool) {
        let current = self.partition.leader;
        let first = match self.election {
            Election::Preferred => self.replicas.first().copied().filter(|id| self.is_eligible(*id)),
            Election::Online | Election::Unclean => None,
        };
        let clean = first
            .or_else(|| Some(current).filter(|id| self.is_eligible(*id)))
            .or_else(|| self.replicas.iter().copied().find(|id| self.is_eligible(*id)));
        if let Some(leader) = clean {
            return (leader, false);
        }
        if let Some(leader) = self.last_known_leader() {
            return (leader, true);
        }
        let anybody = self.replicas.iter().copied().find(|id| self.is_acceptable(*id));
        match anybody.filter(|_| self.election == Election::Unclean) {
            Some(leader) => (leader, true),
            None => (NO_LEADER, false),
        }
    }

    fn is_acceptable(&self, id: i32) -> bool {
        (self.may_lead)(id) && self.cluster.has_online_directory(id, self.partition)
    }

    fn is_eligible(&self, id: i32) -> bool {
        let complete = self.isr.contains(&id) || (self.isr.is_empty() && self.elr.contains(&id));
        complete && self.is_acceptable(id)
    }

    /// With nobody in sync and nobody eligible, whoever led last is the best that can be had.
    fn last_known_leader(&self) -> Option<i32> {
        let [last] = self.partition.last_known_elr[..] else { return None };
        let nobody = self.isr.is_empty() && self.elr.is_empty();
        (self.cluster.has_elr() && nobody && self.is_acceptable(last)).then_some(last)
    }

    /// A replica that is taken away must not go on fetching as if nothing had happened.
    fn begin_epoch_if_a_replica_went(&self, record: &mut PartitionChangeRecord) {
        let went = self.partition.replicas.iter().any(|id| !self.replicas.contains(id));
        if record.leader.is_none() && went {
            record.leader = Some(self.partition.leader);
        }
    }

    fn record_elr(&mut self, record: &mut PartitionChangeRecord) {
        let is_unclean = record.isr.is_some();
        if is_unclean || !self.cluster.has_elr() {
            self.elr.clear();
        }
        if self.elr != self.partition.elr {
            record.elr = Some(self.elr.clone());
        }
    }

    fn record_last_known_leader(&self, record: &mut PartitionChangeRecord) {
        let (leader, known) = (self.partition.leader, &self.partition.last_known_elr);
        let has_leader = record.leader.unwrap_or(leader) != NO_LEADER;
        let nobody_left = record.isr.as_ref().is_some_and(Vec::is_empty);
        if self.cluster.has_elr() && nobody_left && known[..] != [leader] {
            record.last_known_elr = Some(vec![leader]);
        } else if has_leader && !known.is_empty() {
            record.last_known_elr = Some(Vec::new());
        }
    }

    fn record_assignment(&self, record: &mut PartitionChangeRecord) {
        let directories: Vec<Uuid> = self.replicas.iter().map(|id| self.directory(*id)).collect();
        let partition = self.partition;
        let present: Vec<Uuid> = partition.replicas.iter().map(|id| partition.directory_of(*id)).collect();
        let changed = |wanted: &Vec<i32>, present: &Vec<i32>| (wanted != present).then(|| wanted.clone());
        record.directories = (directories != present).then_some(directories);
        record.replicas = changed(&self.replicas, &partition.replicas);
        record.removing_replicas = changed(&self.removing, &partition.removing_replicas);
        record.adding_replicas = changed(&self.adding, &partition.adding_replicas);
    }

    fn directory(&self, id: i32) -> Uuid {
        let wanted = self.directories.iter().find(|(replica, _)| *replica == id).map(|(_, directory)| *directory);
        match wanted {
            Some(directory) => directory,
            None if self.partition.replicas.contains(&id) => self.partition.directory_of(id),
            None => self.cluster.default_directory(id),
        }
    }
}

#[cfg(test)]
mod tests;
