//! What must hold in every world, after every step.

use super::Node;
use naru_log::{Slice, Storage};
use naru_raft::Raft;
use naru_records::batches;
use std::collections::{BTreeMap, BTreeSet};

/// One record: the epoch of its leader, and its bytes (key and value).
type Record = (i32, Vec<u8>);

#[derive(Default)]
pub struct Checks {
    /// The leader of each epoch.
    leaders: BTreeMap<i32, i32>,
    /// What the leader of each epoch had committed when it was elected, and the end of the record that began the epoch.
    begun: BTreeMap<i32, (i64, i64)>,
    /// All that was ever committed, by offset.
    pub log: BTreeMap<i64, Record>,
    high_watermarks: BTreeMap<i32, (u64, i64)>,
    lives: BTreeMap<i32, u64>,
    /// Nodes whose disks were thrown away: nothing can be expected of what they had promised.
    pub wiped: BTreeSet<i32>,
}

impl Checks {
    pub fn after_step(&mut self, seed: u64, id: i32, nodes: &BTreeMap<i32, Node>) {
        let node = &nodes[&id];
        let Some(raft) = &node.raft else { return };
        if raft.is_leader() {
            let leader = *self.leaders.entry(raft.epoch()).or_insert(id);
            assert_eq!(leader, id, "seed {seed}: epoch {} has two leaders", raft.epoch());
            // Raft, section 5.4.2: nothing of earlier epochs is committed before a record of this one is.
            let now = raft.high_watermark();
            let (then, own) = *self.begun.entry(raft.epoch()).or_insert((now, raft.end_offset()));
            assert!(now == then || now >= own, "seed {seed}: {id} commits {now} before its own record ends at {own}");
        }
        let (life, before) = self.high_watermarks.get(&id).copied().unwrap_or_default();
        let now = raft.high_watermark();
        assert!(life != node.life || now >= before, "seed {seed}: the high watermark of {id} goes back to {now}");
        self.high_watermarks.insert(id, (node.life, now));
    }

    /// A node says that all before `end_offset` is committed: it must be what others said there, and it stays.
    pub fn committed(&mut self, seed: u64, id: i32, end_offset: i64, nodes: &BTreeMap<i32, Node>) {
        let node = &nodes[&id];
        let raft = node.raft.as_ref().expect("it is up");
        let known = self.log.keys().next_back().map_or(0, |last| last + 1);
        let from = if self.lives.insert(id, node.life) == Some(node.life) { end_offset.min(known) } else { 0 };
        let from = from.min(end_offset - 1).max(raft.start_offset());
        for (offset, record) in records(raft, &node.storage, from) {
            if offset >= end_offset {
                break;
            }
            let agreed = self.log.entry(offset).or_insert_with(|| record.clone());
            assert_eq!(*agreed, record, "seed {seed}: node {id} has committed something else at offset {offset}");
        }
    }

    /// At the end: every node has all that was ever committed.
    pub fn all_there(&self, seed: u64, nodes: &BTreeMap<i32, Node>) {
        for (id, node) in nodes {
            let Some(raft) = &node.raft else { continue };
            let there: BTreeMap<i64, Record> = records(raft, &node.storage, raft.start_offset()).into_iter().collect();
            for (offset, record) in self.log.range(raft.start_offset()..) {
                assert_eq!(there.get(offset), Some(record), "seed {seed}: node {id} lost offset {offset}");
            }
        }
    }

    /// Log matching: where two logs have the same epoch at an offset, they are the same up to there.
    pub fn logs_match(&self, seed: u64, nodes: &BTreeMap<i32, Node>) {
        let logs: Vec<(i32, BTreeMap<i64, Record>)> = nodes
            .iter()
            .filter_map(|(id, node)| {
                let raft = node.raft.as_ref()?;
                Some((*id, records(raft, &node.storage, raft.start_offset()).into_iter().collect()))
            })
            .collect();
        for (a, first) in &logs {
            for (b, second) in &logs {
                let same = |(offset, record): &(&i64, &Record)| second.get(offset).is_some_and(|it| it.0 == record.0);
                let Some((last, _)) = first.iter().rfind(same) else { continue };
                for (offset, record) in first.range(..=last) {
                    let other = second.get(offset);
                    assert!(other.is_none_or(|it| it == record), "seed {seed}: {a} and {b} part before offset {last}");
                }
            }
        }
    }
}

fn records(raft: &Raft, storage: &dyn Storage, from: i64) -> Vec<(i64, Record)> {
    let (mut found, mut from) = (Vec::new(), from);
    while from < raft.end_offset() {
        let read = raft.log().read(from, 1 << 20, raft.end_offset(), true, storage).expect("it reads");
        for slice in &read.slices {
            let Slice::Bytes(bytes) = slice else { panic!("memory is not a file") };
            for batch in batches(bytes.clone()) {
                let batch = batch.expect("a batch");
                let epoch = batch.header().partition_leader_epoch;
                for record in batch.records(Default::default()).expect("records") {
                    let bytes = [record.key.unwrap_or_default(), record.value.unwrap_or_default()].concat();
                    found.push((record.offset, (epoch, bytes)));
                }
            }
        }
        from = read.next_offset;
    }
    found
}
