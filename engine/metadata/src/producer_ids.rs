//! Producer ids: handed to brokers in blocks, so that not every producer costs a metadata record (KIP-730).

use crate::{Decision, Image};

/// Producer ids that a broker may give away without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerIdBlock {
    /// The first of them.
    pub first: i64,
    /// How many there are.
    pub length: i32,
}

/// Hands the next block to a broker. `None` if no ids are left.
pub fn allocate_producer_ids(_image: &Image, _broker_id: i32, _broker_epoch: i64) -> Option<Decision<ProducerIdBlock>> {
    todo!()
}
