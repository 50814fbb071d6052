//! The quorum of controllers agrees: in each epoch it has one leader, nobody votes for two in one epoch (not even after a restart), and
//! what is committed of the metadata log is never cut off, nor read back differently by anybody.
//!
//! Source: Raft, "election safety", "leader completeness", "state machine safety"; KIP-595; KIP-996 (pre-votes bind nobody).

use super::{Invariant, Known};
use alloc::{format, string::String};
use naru_trace::{Actor, Name, SortedMap, TraceEvent, TraceKind};

#[derive(Default)]
pub(super) struct Quorum {
    /// Which cluster each broker belongs to: brokers that share a voter do. A broker of its own is a cluster of its own.
    clusters: SortedMap<i32, i32>,
    /// The epoch that each broker is in.
    epochs: SortedMap<i32, i32>,
    /// By cluster and epoch.
    leaders: SortedMap<(i32, i32), i32>,
    /// By voter and epoch.
    votes: SortedMap<(i32, i32), i32>,
    /// Up to where the metadata log is committed, by cluster.
    committed: SortedMap<i32, i64>,
    /// What was committed where, by cluster and offset: the record's epoch and name.
    records: SortedMap<(i32, i64), (i32, Name)>,
    /// The same as each broker has it in its log.
    logs: SortedMap<(i32, i64), (i32, Name)>,
}

impl Invariant for Quorum {
    fn name(&self) -> &'static str {
        "quorum"
    }

    fn observe(&mut self, event: &TraceEvent, _: &Known) -> Result<(), String> {
        let Actor::Broker(broker) = event.actor else {
            // Whoever loses a disk has forgotten its votes, and what it had.
            if let TraceKind::DiskLost { broker, .. } = &event.kind {
                self.votes.retain(|(voter, _), _| voter != broker);
                self.logs.retain(|(other, _), _| other != broker);
            }
            return Ok(());
        };
        let cluster = self.clusters.get(&broker).copied().unwrap_or(broker);
        match &event.kind {
            TraceKind::QuorumOpened { view } => {
                let first = view.voters.iter().min().copied().unwrap_or(broker);
                self.clusters.insert(broker, first);
                self.epochs.insert(broker, view.epoch);
                self.logs.retain(|(other, offset), _| *other != broker || *offset < view.log_end_offset);
                self.look_at_leader(first, view.epoch, view.leader)
            }
            TraceKind::QuorumStateChanged { epoch, leader, .. } => {
                self.epochs.insert(broker, *epoch);
                self.look_at_leader(cluster, *epoch, *leader)
            }
            TraceKind::MetadataAppended { base_offset, records } => {
                let epoch = self.epochs.get(&broker).copied().unwrap_or(0);
                for (offset, name) in (*base_offset..).zip(records) {
                    self.logs.insert((broker, offset), (epoch, name.clone()));
                }
                Ok(())
            }
            TraceKind::VoteGiven { candidate, epoch, pre_vote: false, granted: true, .. } => {
                let before = *self.votes.entry((broker, *epoch)).or_insert(*candidate);
                if before != *candidate {
                    return Err(format!("broker {broker} voted for {before} and for {candidate} in epoch {epoch}"));
                }
                Ok(())
            }
            TraceKind::MetadataTruncated { end_offset } => {
                self.logs.retain(|(other, offset), _| *other != broker || offset < end_offset);
                Ok(())
            }
            TraceKind::MetadataReplicated { records, .. } => {
                for cell in records {
                    self.logs.insert((broker, cell.offset), (cell.epoch, cell.name.clone()));
                }
                Ok(())
            }
            TraceKind::QuorumHighWatermarkAdvanced { high_watermark } => self.commit(broker, cluster, *high_watermark),
            _ => Ok(()),
        }
    }
}

impl Quorum {
    fn look_at_leader(&mut self, cluster: i32, epoch: i32, leader: i32) -> Result<(), String> {
        if leader < 0 {
            return Ok(());
        }
        let before = *self.leaders.entry((cluster, epoch)).or_insert(leader);
        match before == leader {
            true => Ok(()),
            false => Err(format!("the quorum has the leaders {before} and {leader} in epoch {epoch}")),
        }
    }

    fn commit(&mut self, broker: i32, cluster: i32, high_watermark: i64) -> Result<(), String> {
        let committed = self.committed.entry(cluster).or_default();
        *committed = (*committed).max(high_watermark);
        let mine = self.logs.range((broker, 0)..(broker, high_watermark));
        for ((_, offset), record) in mine {
            let known = self.records.entry((cluster, *offset)).or_insert_with(|| record.clone());
            if known != record {
                return Err(format!(
                    "metadata record {offset} is {known:?}, and broker {broker} believes that {record:?} is committed there"
                ));
            }
        }
        self.logs.retain(|(other, offset), _| *other != broker || *offset >= high_watermark);
        Ok(())
    }
}
