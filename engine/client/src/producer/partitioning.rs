//! Which partition a record goes to, and where it waits while that cannot be known.
//!
//! Not here: the hash itself ([`crate::partitioner`]).

use super::{Cause, Producer, ProducerRecord, accumulator::serialized_size};
use crate::{ClientError, ClientOutbox, metadata::TopicMetadata, partitioner::key_hash};
use alloc::{collections::VecDeque, format, string::String, vec::Vec};
use naru_trace::SortedMap;
use naru_trace::{Micros, Now, Partitioning, Preview, TraceKind};
use naru_wire::ErrorCode;

/// A record whose topic's metadata is not there yet.
#[derive(Debug)]
pub(super) struct Unassigned {
    pub(super) ticket: u64,
    pub(super) record: ProducerRecord,
    pub(super) queued_at: Micros,
    pub(super) cause: Cause,
}

/// Records that wait for metadata, in order.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    records: VecDeque<Unassigned>,
    /// How many of them there are of each topic: a record never overtakes one of its topic.
    topics: SortedMap<String, usize>,
    bytes: usize,
}

impl WaitingRoom {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many bytes of records wait here.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn first(&self) -> Option<&Unassigned> {
        self.records.front()
    }

    pub(super) fn take(&mut self) -> VecDeque<Unassigned> {
        core::mem::take(self).records
    }

    fn holds(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    fn push(&mut self, waiting: Unassigned) {
        self.bytes += serialized_size(&waiting.record);
        match self.topics.get_mut(&waiting.record.topic) {
            Some(count) => *count += 1,
            None => {
                self.topics.insert(waiting.record.topic.clone(), 1);
            }
        }
        self.records.push_back(waiting);
    }
}

/// The partition that records without a key go to for now (KIP-794).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sticky {
    partition: i32,
    produced_bytes: usize,
}

/// What metadata says about a record's partition.
enum Choice {
    Known(i32, Partitioning),
    NotYet,
    Never(ClientError),
}

impl Producer {
    /// Takes a record in. Returns whether something may be to do at once: a batch was begun or became full.
    pub(super) fn accept(&mut self, now: Now, ticket: u64, record: ProducerRecord, out: &mut ClientOutbox) -> bool {
        // A record never overtakes one of its topic that waits.
        let behind = self.unassigned.holds(&record.topic);
        let choice = if behind { Choice::NotYet } else { self.choose(&record) };
        match choice {
            Choice::Known(partition, partitioning) => self.queue(now, ticket, record, (partition, partitioning), out),
            Choice::NotYet => {
                self.network.metadata.want(&record.topic);
                let cause = out.trace.cause();
                self.unassigned.push(Unassigned { ticket, record, queued_at: now.monotonic, cause });
                !behind
            }
            Choice::Never(error) => {
                let cause = out.trace.cause();
                self.give_up(Unassigned { ticket, record, queued_at: now.monotonic, cause }, error, out);
                false
            }
        }
    }

    /// Looks again at the records that wait for metadata.
    pub(super) fn assign_waiting(&mut self, now: Now, out: &mut ClientOutbox) {
        let mut blocked: Vec<String> = Vec::new();
        for waiting in self.unassigned.take() {
            let choice =
                if blocked.contains(&waiting.record.topic) { Choice::NotYet } else { self.choose(&waiting.record) };
            match choice {
                Choice::Known(partition, partitioning) => {
                    let before = out.trace.because(waiting.cause.or(out.trace.cause()));
                    self.queue(now, waiting.ticket, waiting.record, (partition, partitioning), out);
                    out.trace.because(before);
                }
                Choice::Never(error) => self.give_up(waiting, error, out),
                Choice::NotYet
                    if now.monotonic.since(waiting.queued_at) >= u64::from(self.config.max_block_ms) * 1_000 =>
                {
                    let error = self.not_present(&waiting.record);
                    self.give_up(waiting, error, out);
                }
                Choice::NotYet => {
                    self.network.metadata.want(&waiting.record.topic);
                    if !blocked.contains(&waiting.record.topic) {
                        blocked.push(waiting.record.topic.clone());
                        self.ask_again(&waiting.record);
                    }
                    self.unassigned.push(waiting);
                }
            }
        }
    }

    fn choose(&mut self, record: &ProducerRecord) -> Choice {
        let Some(topic) = self.network.metadata.topic(&record.topic) else { return Choice::NotYet };
        match topic.error {
            Some(error) if !error.is_retriable() => return Choice::Never(refused(error, &record.topic)),
            Some(_) => return Choice::NotYet,
            None => {}
        }
        let partitions = topic.partitions.len() as i32;
        match (record.partition, &record.key) {
            (Some(partition), _) if partition < 0 => Choice::Never(ClientError::new(
                "UNKNOWN_TOPIC_OR_PARTITION",
                format!("Invalid partition: {partition}. Partition number should always be non-negative."),
            )),
            (Some(partition), _) if partition >= partitions => Choice::NotYet,
            (Some(partition), _) => Choice::Known(partition, Partitioning::Explicit),
            (None, _) if partitions == 0 => Choice::NotYet,
            (None, Some(key)) => {
                let hash = key_hash(key);
                let partition = (hash % partitions as u32) as i32;
                Choice::Known(partition, Partitioning::KeyHash { hash, partitions })
            }
            (None, None) => Choice::Known(self.sticky_partition(&record.topic), Partitioning::Sticky),
        }
    }

    /// The partition that is sticky now: any of those with a leader, until a batch's worth of bytes went to it.
    fn sticky_partition(&mut self, topic: &str) -> i32 {
        let known = self.network.metadata.topic(topic).expect("the caller looked it up");
        if let Some(sticky) = self.sticky.get(topic)
            && known.partitions.contains_key(&sticky.partition)
        {
            return sticky.partition;
        }
        let candidates = candidates(known);
        let partition = candidates[self.network.chance.below(candidates.len() as u64) as usize];
        self.sticky.insert(topic.into(), Sticky { partition, produced_bytes: 0 });
        partition
    }

    /// `BuiltInPartitioner.updatePartitionInfo`: move on after `batch.size` bytes, best where a batch ends.
    fn update_sticky(&mut self, topic: &str, bytes: usize, batch_ended: bool) {
        let batch_size = self.config.batch_size as usize;
        let Some(sticky) = self.sticky.get_mut(topic) else { return };
        sticky.produced_bytes += bytes;
        if (sticky.produced_bytes >= batch_size && batch_ended) || sticky.produced_bytes >= 2 * batch_size {
            self.sticky.remove(topic);
        }
    }

    fn queue(
        &mut self,
        now: Now,
        ticket: u64,
        record: ProducerRecord,
        (partition, partitioning): (i32, Partitioning),
        out: &mut ClientOutbox,
    ) -> bool {
        let cause = out.trace.emit(|| TraceKind::RecordQueued {
            topic: record.topic.clone(),
            partition,
            partitioning,
            key: record.key.as_deref().map(Preview::of),
            value: record.value.as_deref().map(Preview::of),
        });
        self.view.waiting += 1;
        let appended = self.accumulator.append(now, ticket, partition, &record, cause, &self.config);
        if partitioning == Partitioning::Sticky {
            self.update_sticky(&record.topic, appended.bytes, appended.batch_full);
        }
        appended.batch_full || appended.batch_begun
    }

    /// A partition beyond the known ones may have been added since.
    fn ask_again(&mut self, record: &ProducerRecord) {
        let known = self.network.metadata.topic(&record.topic);
        if known.is_some_and(|topic| topic.error.is_none()) {
            self.network.metadata.request_update();
        }
    }

    /// The sentences of the Java client's `TimeoutException` for missing metadata.
    fn not_present(&self, record: &ProducerRecord) -> ClientError {
        let (topic, wait) = (&record.topic, self.config.max_block_ms);
        let known = self.network.metadata.topic(topic).filter(|known| known.error.is_none());
        let message = match (known, record.partition) {
            (Some(known), Some(partition)) => format!(
                "Partition {partition} of topic {topic} with partition count {} is not present in metadata after {wait} ms.",
                known.partitions.len()
            ),
            _ => format!("Topic {topic} not present in metadata after {wait} ms."),
        };
        ClientError::new("UNKNOWN_TOPIC_OR_PARTITION", message)
    }
}

fn candidates(topic: &TopicMetadata) -> Vec<i32> {
    let with_leader = topic.partitions.iter().filter(|(_, found)| found.leader >= 0);
    let with_leader: Vec<i32> = with_leader.map(|(partition, _)| *partition).collect();
    if with_leader.is_empty() { topic.partitions.keys().copied().collect() } else { with_leader }
}

fn refused(error: ErrorCode, topic: &str) -> ClientError {
    match error {
        ErrorCode::InvalidTopicException => ClientError::of(error, Some(&format!("Invalid topics: [{topic}]"))),
        other => ClientError::of(other, None),
    }
}
