//! What a log remembers of idempotent producers (KIP-98): enough to know a retry when it sees one.

use naru_records::BatchHeader;

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

/// The producers that have written to one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProducerState {}

impl ProducerState {
    /// Whether a batch may be appended.
    pub fn check(&self, _header: &BatchHeader) -> SequenceCheck {
        todo!()
    }
    /// How many producers are remembered.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Forgets producers that wrote nothing for `expiration_ms` (`producer.id.expiration.ms`, KIP-854).
    pub fn expire(&mut self, _now_ms: i64, _expiration_ms: i64) {
        todo!()
    }
}
