//! Producer ids: handed to brokers in blocks, so that not every producer costs a metadata record (KIP-730).

use crate::{Decision, Image, MetadataRecord, heartbeat::check_broker_epoch, record::ProducerIdsRecord};
use alloc::vec;
use naru_wire::ErrorCode;

/// How many ids a block holds (`ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`).
pub const BLOCK_LENGTH: i32 = 1000;

/// Producer ids that a broker may give away without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerIdBlock {
    /// The first of them.
    pub first: i64,
    /// How many there are.
    pub length: i32,
}

/// Hands the next block to a broker. `None` if no ids are left.
///
/// A broker that stops before it has used up its block wastes the rest: an id is never given twice.
pub fn allocate_producer_ids(image: &Image, broker_id: i32, broker_epoch: i64) -> Option<Decision<ProducerIdBlock>> {
    let first = image.next_producer_id();
    let next_producer_id = first.checked_add(BLOCK_LENGTH.into())?;
    let record = ProducerIdsRecord { broker_id, broker_epoch, next_producer_id };
    Some(Decision {
        records: vec![MetadataRecord::ProducerIds(record)],
        response: ProducerIdBlock { first, length: BLOCK_LENGTH },
    })
}

/// AllocateProducerIds: the same for a broker that asks. The error is `STALE_BROKER_EPOCH` for an incarnation that is not
/// registered (any more), and `UNKNOWN_SERVER_ERROR` when there are no ids left.
pub fn allocate_for_broker(
    image: &Image,
    broker: i32,
    broker_epoch: i64,
) -> Result<Decision<ProducerIdBlock>, ErrorCode> {
    check_broker_epoch(image, broker, broker_epoch)?;
    allocate_producer_ids(image, broker, broker_epoch).ok_or(ErrorCode::UnknownServerError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_cluster::{TestCluster, epoch};

    #[test]
    fn only_brokers_that_are_registered_get_blocks() {
        let mut cluster = TestCluster::of(&[1]);
        let decision = allocate_for_broker(&cluster.image, 1, epoch(1)).unwrap();
        assert_eq!(cluster.take(decision), ProducerIdBlock { first: 0, length: 1000 });
        assert_eq!(allocate_for_broker(&cluster.image, 1, 5), Err(ErrorCode::StaleBrokerEpoch));
        assert_eq!(allocate_for_broker(&cluster.image, 2, epoch(2)), Err(ErrorCode::StaleBrokerEpoch));
        let decision = allocate_for_broker(&cluster.image, 1, epoch(1)).unwrap();
        assert_eq!(decision.response.first, 1000);
    }

    #[test]
    fn blocks_follow_each_other_without_overlap() {
        let mut image = Image::default();
        for expected in [0, 1000, 2000] {
            let decision = allocate_producer_ids(&image, 1, 5).unwrap();
            assert_eq!(decision.response, ProducerIdBlock { first: expected, length: 1000 });
            decision.records.iter().for_each(|record| image.replay(record).unwrap());
        }
        assert_eq!(image.next_producer_id(), 3000);
    }

    #[test]
    fn ids_run_out_instead_of_wrapping() {
        let mut image = Image::default();
        let record = ProducerIdsRecord { broker_id: 1, broker_epoch: 1, next_producer_id: i64::MAX - 5 };
        image.replay(&MetadataRecord::ProducerIds(record)).unwrap();
        assert_eq!(allocate_producer_ids(&image, 1, 1), None);
    }
}
