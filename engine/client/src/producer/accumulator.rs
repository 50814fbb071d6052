//! Batches: being filled, waiting, in flight. One queue per partition, in the order in which records were handed over.
//!
//! A batch leaves its queue when it is acknowledged or has failed for good. One that has to be sent again keeps its place and
//! its sequence number, so an idempotent producer's records can neither be doubled nor change places (KIP-98).
//!
//! Not here: when a batch is sent, and what becomes of it ([`super::sender`]).

use super::{Cause, ProducerRecord, sender::ProducerIdentity};
use crate::ProducerConfig;
use alloc::{collections::VecDeque, string::String, vec, vec::Vec};
use bytes::Bytes;
use naru_records::{BATCH_OVERHEAD, Batch as EncodedBatch, BatchBuilder, header::NO_SEQUENCE};
use naru_trace::SortedMap;
use naru_trace::{Deadline, Micros, Now};

/// Records on their way to one partition together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: u64,
    pub(super) tickets: Vec<u64>,
    /// The records, until they are encoded.
    builder: Option<BatchBuilder>,
    encoded: Option<Bytes>,
    /// Id, epoch and first sequence number of an idempotent producer's batch that was sent.
    pub(super) sequence: Option<(ProducerIdentity, i32)>,
    /// The sequence number that it was sent with the last time; another one when it moved up while it was in flight.
    pub(super) sent_as: i32,
    created_at: Micros,
    size: usize,
    full: bool,
    pub(super) in_flight: bool,
    /// How often it was sent.
    pub(super) attempts: u32,
    pub(super) not_before: Micros,
    /// What made it be sent: its newest record, or the failure of the attempt before.
    pub(super) cause: Cause,
}

/// The batches of one partition.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) batches: VecDeque<Batch>,
    identity: Option<ProducerIdentity>,
    next_sequence: i32,
    /// Batches that have a sequence number of an older epoch get one of the new epoch, as soon as none is in flight.
    rewrite: bool,
}

/// What [`Accumulator::append`] did.
pub(super) struct Appended {
    pub(super) bytes: usize,
    /// A batch was begun: its `linger.ms` runs from now.
    pub(super) batch_begun: bool,
    /// A batch is full and can go.
    pub(super) batch_full: bool,
}

/// All queues.
#[derive(Debug, Default)]
pub(super) struct Accumulator {
    queues: SortedMap<String, SortedMap<i32, Queue>>,
    next_batch: u64,
    bytes: usize,
    batches: usize,
}

impl Accumulator {
    pub(super) fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// How many bytes of records wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a record to the batch being filled, or begins one.
    pub(super) fn append(
        &mut self,
        now: Now,
        ticket: u64,
        partition: i32,
        record: &ProducerRecord,
        cause: Cause,
        config: &ProducerConfig,
    ) -> Appended {
        let size = serialized_size(record) - BATCH_OVERHEAD;
        let queue = queue_entry(&mut self.queues, &record.topic, partition);
        let mut batch_full = false;
        let mut batch_begun = false;
        if let Some(open) = queue.batches.back_mut().filter(|batch| batch.is_open())
            && open.size + size > config.batch_size as usize
        {
            open.full = true;
            batch_full = true;
        }
        if queue.batches.back().is_none_or(|batch| !batch.is_open()) {
            queue.batches.push_back(Batch::new(self.next_batch, now.monotonic, config));
            self.next_batch += 1;
            self.batches += 1;
            self.bytes += BATCH_OVERHEAD;
            batch_begun = true;
        }
        let batch = queue.batches.back_mut().expect("there is one now");
        batch.push(ticket, now, record, size);
        batch.cause = cause;
        if batch.size >= config.batch_size as usize {
            batch.full = true;
            batch_full = true;
        }
        self.bytes += size;
        Appended { bytes: size, batch_begun, batch_full }
    }

    /// The partitions that have batches.
    pub(super) fn partitions(&self) -> Vec<(String, i32)> {
        let mut found = Vec::new();
        for (topic, partitions) in &self.queues {
            let waiting = partitions.iter().filter(|(_, queue)| !queue.batches.is_empty());
            found.extend(waiting.map(|(partition, _)| (topic.clone(), *partition)));
        }
        found
    }

    pub(super) fn queue(&mut self, topic: &str, partition: i32) -> Option<&mut Queue> {
        self.queues.get_mut(topic)?.get_mut(&partition)
    }

    /// Takes a batch out of its queue: it has come to its end.
    pub(super) fn remove(&mut self, topic: &str, partition: i32, id: u64) -> Option<Batch> {
        let queue = self.queues.get_mut(topic)?.get_mut(&partition)?;
        let index = queue.batches.iter().position(|batch| batch.id == id)?;
        let batch = queue.batches.remove(index)?;
        self.batches -= 1;
        self.bytes -= batch.size;
        Some(batch)
    }

    /// Takes the batches out whose `delivery.timeout.ms` is over.
    pub(super) fn expired(&mut self, now: Micros, config: &ProducerConfig) -> Vec<(String, i32, Batch)> {
        let timeout_us = u64::from(config.delivery_timeout_ms) * 1_000;
        let mut found = Vec::new();
        for (topic, partition) in self.partitions() {
            let Some(queue) = self.queue(&topic, partition) else { continue };
            let late = queue.batches.iter().filter(|batch| now.since(batch.created_at) >= timeout_us);
            let late: Vec<u64> = late.map(|batch| batch.id).collect();
            for id in late {
                let batch = self.remove(&topic, partition, id).expect("it was just found");
                found.push((topic.clone(), partition, batch));
            }
        }
        found
    }

    /// Takes everything out.
    pub(super) fn drain(&mut self) -> Vec<(String, i32, Batch)> {
        let mut found = Vec::new();
        for (topic, partitions) in core::mem::take(&mut self.queues) {
            for (partition, queue) in partitions {
                found.extend(queue.batches.into_iter().map(|batch| (topic.clone(), partition, batch)));
            }
        }
        self.bytes = 0;
        self.batches = 0;
        found
    }

    /// When something becomes due.
    pub(super) fn deadlines(&self, config: &ProducerConfig) -> impl Iterator<Item = Deadline> {
        let timeout_us = u64::from(config.delivery_timeout_ms) * 1_000;
        let linger_us = u64::from(config.linger_ms) * 1_000;
        let queues = self.queues.values().flat_map(|partitions| partitions.values());
        queues.flat_map(move |queue| {
            let oldest = queue.batches.iter().map(|batch| batch.created_at).min();
            let expires = oldest.map(|at| Deadline { at: at.plus(timeout_us), reason: "delivery.timeout.ms" });
            let head = queue.batches.iter().find(|batch| !batch.in_flight && !queue.is_gap_open());
            let ready = head.map(|batch| match batch.attempts {
                0 => Deadline { at: batch.created_at.plus(linger_us), reason: "linger.ms" },
                _ => Deadline { at: batch.not_before, reason: "retry.backoff.ms" },
            });
            expires.into_iter().chain(ready)
        })
    }
}

impl Queue {
    /// The batch that is next, if its time of waiting after a failure is over.
    pub(super) fn next(&self, now: Micros) -> Option<&Batch> {
        let next = self.batches.iter().find(|batch| !batch.in_flight);
        next.filter(|batch| batch.not_before <= now && !self.is_gap_open())
    }

    /// Gives the next batch its sequence number and encodes it. `None` while that is impossible: batches of an older
    /// epoch have to come to their end first.
    pub(super) fn take_next(&mut self, now: Micros, identity: Option<ProducerIdentity>) -> Option<(&mut Batch, Bytes)> {
        self.maybe_change_identity(identity);
        self.next(now)?;
        let batch = self.batches.iter_mut().find(|batch| !batch.in_flight)?;
        if let Some(mine) = identity
            && batch.sequence.is_none()
        {
            if self.identity != identity {
                return None;
            }
            batch.set_sequence(mine, self.next_sequence);
            self.next_sequence = increment_sequence(self.next_sequence, batch.tickets.len() as i32);
        }
        batch.in_flight = true;
        batch.sent_as = batch.first_sequence();
        batch.attempts += 1;
        let bytes = batch.encode();
        Some((batch, bytes))
    }

    /// A batch's fate will never be known, so what follows would be out of order for ever: the sequence numbers of this
    /// partition begin at 0 again, in the producer's next epoch.
    pub(super) fn begin_anew(&mut self) {
        self.rewrite = true;
    }

    /// A batch that had this sequence number was refused and is not in the log: those behind it move up
    /// (`TransactionManager.adjustSequencesDueToFailedBatch`).
    pub(super) fn close_gap(&mut self, (identity, from): (ProducerIdentity, i32), records: i32) {
        if self.identity != Some(identity) {
            return;
        }
        self.next_sequence = decrement_sequence(self.next_sequence, records);
        let behind = |sequence: i32| sequence.wrapping_sub(from) > 0;
        for batch in &mut self.batches {
            if let Some((of, sequence)) = batch.sequence
                && of == identity
                && behind(sequence)
            {
                batch.set_sequence(identity, decrement_sequence(sequence, records));
            }
        }
    }

    /// A batch is in the log, or may be, with the number `sent_as` that it had before it moved up ([`Queue::close_gap`]): the
    /// broker did not know the producer, and then a partition may begin anywhere. So the gap stays, and the batch and those
    /// behind it go back to where they were.
    pub(super) fn accept_gap(&mut self, (identity, moved_to): (ProducerIdentity, i32), sent_as: i32) {
        let records = sent_as.wrapping_sub(moved_to) & i32::MAX;
        if records == 0 || self.identity != Some(identity) {
            return;
        }
        self.next_sequence = increment_sequence(self.next_sequence, records);
        for batch in &mut self.batches {
            if let Some((of, sequence)) = batch.sequence
                && of == identity
                && sequence.wrapping_sub(moved_to) >= 0
            {
                batch.set_sequence(identity, increment_sequence(sequence, records));
            }
        }
    }

    /// Whether it is not known yet if a gap is closed: a batch is in flight with the number from before. Another one with that
    /// number would be taken for the same batch, and never be written.
    fn is_gap_open(&self) -> bool {
        self.batches.iter().any(|batch| batch.in_flight && batch.moved_up())
    }

    /// A new epoch begins in this partition when nothing of the old one is left, or when what is left is rewritten.
    fn maybe_change_identity(&mut self, identity: Option<ProducerIdentity>) {
        if self.identity == identity || identity.is_none() {
            return;
        }
        let blocks = |batch: &Batch| if self.rewrite { batch.in_flight } else { batch.sequence.is_some() };
        if self.batches.iter().any(blocks) {
            return;
        }
        self.identity = identity;
        self.next_sequence = 0;
        self.rewrite = false;
        for batch in &mut self.batches {
            batch.sequence = None;
        }
    }

    /// Whether a batch before this one has not come to its end.
    pub(super) fn is_head(&self, id: u64) -> bool {
        self.batches.front().is_some_and(|batch| batch.id == id)
    }
}

impl Batch {
    fn new(id: u64, created_at: Micros, config: &ProducerConfig) -> Self {
        Batch {
            id,
            tickets: vec![],
            builder: Some(BatchBuilder::new(config.compression)),
            encoded: None,
            sequence: None,
            sent_as: NO_SEQUENCE,
            created_at,
            size: BATCH_OVERHEAD,
            full: false,
            in_flight: false,
            attempts: 0,
            not_before: Micros(0),
            cause: None,
        }
    }

    fn is_open(&self) -> bool {
        !self.full && self.builder.is_some()
    }

    fn push(&mut self, ticket: u64, now: Now, record: &ProducerRecord, size: usize) {
        let builder = self.builder.as_mut().expect("records are added to open batches only");
        let timestamp = record.timestamp.unwrap_or(now.wall_ms);
        builder.append(timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
        self.tickets.push(ticket);
        self.size += size;
    }

    /// Whether it should go: it is full, it was sent before, or it has waited for company long enough.
    pub(super) fn is_due(&self, now: Micros, linger_ms: u32) -> bool {
        self.full || self.attempts > 0 || now.since(self.created_at) >= u64::from(linger_ms) * 1_000
    }

    /// About how many bytes it is.
    pub(super) fn size(&self) -> usize {
        self.encoded.as_ref().map_or(self.size, Bytes::len)
    }

    /// Whether it has another sequence number than it was sent with.
    pub(super) fn moved_up(&self) -> bool {
        self.sent_as != self.first_sequence()
    }

    fn first_sequence(&self) -> i32 {
        self.sequence.map_or(NO_SEQUENCE, |(_, first)| first)
    }

    fn set_sequence(&mut self, identity: ProducerIdentity, base_sequence: i32) {
        self.sequence = Some((identity, base_sequence));
        if let Some(builder) = &mut self.builder {
            builder.set_producer(identity.id, identity.epoch, base_sequence);
        }
        if let Some(encoded) = &mut self.encoded {
            let batch = EncodedBatch::parse(encoded.clone()).expect("this producer built it");
            *encoded = batch.with_producer(identity.id, identity.epoch, base_sequence).bytes().clone();
        }
    }

    fn encode(&mut self) -> Bytes {
        if let Some(builder) = self.builder.take() {
            // Offsets and leader epoch are the leader's to say: the Java client writes 0 and -1, too.
            self.encoded = Some(builder.build(0, -1));
        }
        self.encoded.clone().expect("it was built just now or before")
    }
}

fn queue_entry<'a>(
    queues: &'a mut SortedMap<String, SortedMap<i32, Queue>>,
    topic: &str,
    partition: i32,
) -> &'a mut Queue {
    if !queues.contains_key(topic) {
        queues.insert(topic.into(), SortedMap::new());
    }
    queues.get_mut(topic).expect("inserted just now").entry(partition).or_default()
}

/// An upper bound of a batch's size with just this record, before compression
/// (`AbstractRecords.estimateSizeInBytesUpperBound`).
pub(super) fn serialized_size(record: &ProducerRecord) -> usize {
    /// Length, attributes, two deltas, and the lengths of key, value and headers, at their longest.
    const RECORD_OVERHEAD_MAX: usize = 21;
    let key = record.key.as_ref().map_or(0, Bytes::len);
    let value = record.value.as_ref().map_or(0, Bytes::len);
    let headers = record.headers.iter().map(|h| 10 + h.key.len() + h.value.as_ref().map_or(0, Bytes::len));
    BATCH_OVERHEAD + RECORD_OVERHEAD_MAX + key + value + headers.sum::<usize>()
}

/// Sequence numbers go round at 2^31 - 1 (`DefaultRecordBatch.incrementSequence`).
fn increment_sequence(sequence: i32, by: i32) -> i32 {
    ((i64::from(sequence) + i64::from(by)) % (i64::from(i32::MAX) + 1)) as i32
}

/// The other way round (`DefaultRecordBatch.decrementSequence`).
fn decrement_sequence(sequence: i32, by: i32) -> i32 {
    let back = i64::from(sequence) - i64::from(by);
    (if back < 0 { back + i64::from(i32::MAX) + 1 } else { back }) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_round() {
        assert_eq!(decrement_sequence(increment_sequence(i32::MAX - 1, 5), 5), i32::MAX - 1);
        assert_eq!(increment_sequence(0, 3), 3);
        assert_eq!(increment_sequence(i32::MAX, 1), 0);
        assert_eq!(increment_sequence(i32::MAX - 1, 5), 3);
    }
}
