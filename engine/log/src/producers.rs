//! What a log remembers of idempotent producers (KIP-98): enough to know a retry when it sees one.
//!
//! A producer numbers the records it sends to a partition. For each producer the log keeps the numbers and offsets of its
//! last five batches, because a producer has at most five requests in flight: whatever it sends again must be among them.
//! (ProducerStateManager.java, ProducerStateEntry.java, ProducerAppendInfo.java.)
//!
//! | what comes, for a producer that is known | answer |
//! |---|---|
//! | an older epoch | [`SequenceCheck::InvalidEpoch`] |
//! | the same epoch, the very range of one of the last five batches | [`SequenceCheck::Duplicate`] |
//! | the same epoch, the number after the last one (after 2^31-1 comes 0) | [`SequenceCheck::Ok`] |
//! | the same epoch, any other number | [`SequenceCheck::OutOfOrder`] |
//! | a newer epoch, from 0 | [`SequenceCheck::Ok`] |
//! | a newer epoch, from any other number | [`SequenceCheck::OutOfOrder`] |
//!
//! A producer that is not known may begin anywhere: retention may have taken its older batches.
//!
//! Snapshots, which save reading the whole log at start, are in [`crate::snapshots`]. Not here yet: transactions.

use alloc::collections::VecDeque;
use naru_records::{
    BatchHeader,
    header::{NO_SEQUENCE, decrement_sequence, increment_sequence},
};
use naru_trace::SortedMap;

/// How many batches of a producer are remembered (ProducerStateEntry.NUM_BATCHES_TO_RETAIN).
pub const BATCHES_MAX: usize = 5;

/// What a batch's producer id, epoch and sequence number say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceCheck {
    /// The next batch of its producer, or one without a producer id.
    Ok,
    /// One of the last five batches of its producer, again. It has been in the log since then.
    Duplicate {
        /// The first offset it got then.
        base_offset: i64,
        /// The last.
        last_offset: i64,
        /// Its largest timestamp.
        timestamp: i64,
    },
    /// Kafka's `OUT_OF_ORDER_SEQUENCE_NUMBER`: a batch is missing in between, or it is an old duplicate.
    OutOfOrder {
        /// The sequence number that came.
        sequence: i32,
        /// The last one in the log; -1 when its epoch is new.
        last_sequence: i32,
    },
    /// Kafka's `INVALID_PRODUCER_EPOCH`: a newer instance of the producer has written already.
    InvalidEpoch {
        /// The epoch that came.
        epoch: i16,
        /// The newest one in the log.
        newest_epoch: i16,
    },
}

/// The producers that have written to one log, by producer id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProducerState {
    pub(crate) entries: SortedMap<i64, ProducerEntry>,
}

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerEntry {
    pub(crate) epoch: i16,
    /// Oldest first, at most [`BATCHES_MAX`], all of this epoch.
    pub(crate) batches: VecDeque<WrittenBatch>,
    pub(crate) last_timestamp: i64,
}

/// One batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrittenBatch {
    pub(crate) last_sequence: i32,
    pub(crate) last_offset: i64,
    pub(crate) offset_delta: i32,
    pub(crate) timestamp: i64,
}

impl ProducerState {
    /// Whether a batch may be appended.
    pub fn check(&self, header: &BatchHeader) -> SequenceCheck {
        if !header.has_producer_id() {
            return SequenceCheck::Ok;
        }
        self.entries.get(&header.producer_id).map_or(SequenceCheck::Ok, |entry| entry.check(header))
    }

    /// A batch is in the log, with its offsets. What is there was accepted: nothing is checked again.
    pub(crate) fn on_appended(&mut self, header: &BatchHeader) {
        if !header.has_producer_id() {
            return;
        }
        let epoch = header.producer_epoch;
        let new = || ProducerEntry { epoch, batches: VecDeque::new(), last_timestamp: header.max_timestamp };
        self.entries.entry(header.producer_id).or_insert_with(new).on_appended(header);
    }

    /// A batch is in the log that is older than those that are remembered; the newer ones come first.
    pub(crate) fn on_older_batch(&mut self, header: &BatchHeader) {
        let Some(entry) = self.entries.get_mut(&header.producer_id) else { return };
        let oldest = entry.batches.front().map_or(i64::MIN, WrittenBatch::first_offset);
        let fits = header.last_offset() < oldest && entry.batches.len() < BATCHES_MAX;
        if fits && entry.epoch == header.producer_epoch && header.base_sequence != NO_SEQUENCE {
            entry.batches.push_front(WrittenBatch::of(header));
        }
    }

    /// How many producers are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The producer with this id.
    pub fn entry(&self, producer_id: i64) -> Option<&ProducerEntry> {
        self.entries.get(&producer_id)
    }

    /// Forgets producers that wrote nothing for `expiration_ms` (`producer.id.expiration.ms`, KIP-854).
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.entries.retain(|_, entry| now_ms.saturating_sub(entry.last_timestamp) < expiration_ms);
    }

    pub(crate) fn check_invariants(&self) {
        for (producer_id, entry) in &self.entries {
            assert!(entry.batches.len() <= BATCHES_MAX, "producer {producer_id} has too many batches");
            let ordered = entry.batches.iter().zip(entry.batches.iter().skip(1));
            ordered
                .for_each(|(a, b)| assert!(a.last_offset < b.first_offset(), "producer {producer_id}: {a:?}, {b:?}"));
        }
    }
}

impl ProducerEntry {
    /// Its newest epoch.
    pub fn epoch(&self) -> i16 {
        self.epoch
    }

    /// The sequence number of its last record, or -1 if its epoch has none yet.
    pub fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    /// The offset of its last record; `None` if its epoch has none yet.
    pub fn last_offset(&self) -> Option<i64> {
        self.batches.back().map(|batch| batch.last_offset)
    }

    fn check(&self, header: &BatchHeader) -> SequenceCheck {
        let (epoch, sequence) = (header.producer_epoch, header.base_sequence);
        if epoch < self.epoch {
            return SequenceCheck::InvalidEpoch { epoch, newest_epoch: self.epoch };
        }
        if epoch > self.epoch {
            // A new epoch counts from 0 again.
            return match sequence {
                0 => SequenceCheck::Ok,
                _ => SequenceCheck::OutOfOrder { sequence, last_sequence: NO_SEQUENCE },
            };
        }
        let same =
            |batch: &&WrittenBatch| batch.first_sequence() == sequence && batch.last_sequence == header.last_sequence();
        if let Some(batch) = self.batches.iter().find(same) {
            let (base_offset, last_offset) = (batch.first_offset(), batch.last_offset);
            return SequenceCheck::Duplicate { base_offset, last_offset, timestamp: batch.timestamp };
        }
        let last_sequence = self.last_sequence();
        let expected = if last_sequence == NO_SEQUENCE { 0 } else { increment_sequence(last_sequence, 1) };
        if sequence == expected { SequenceCheck::Ok } else { SequenceCheck::OutOfOrder { sequence, last_sequence } }
    }

    fn on_appended(&mut self, header: &BatchHeader) {
        if self.epoch != header.producer_epoch {
            self.epoch = header.producer_epoch;
            self.batches.clear();
        }
        self.last_timestamp = header.max_timestamp;
        // A transaction's marker carries the producer's id and epoch, but no sequence number.
        if header.base_sequence == NO_SEQUENCE {
            return;
        }
        if self.batches.len() == BATCHES_MAX {
            self.batches.pop_front();
        }
        self.batches.push_back(WrittenBatch::of(header));
    }
}

impl WrittenBatch {
    fn of(header: &BatchHeader) -> WrittenBatch {
        WrittenBatch {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    fn first_sequence(&self) -> i32 {
        decrement_sequence(self.last_sequence, self.offset_delta)
    }

    fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}
