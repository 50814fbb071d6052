//! Producer ids that this broker may give away.
//!
//! The controller hands them out in blocks of a thousand, so that not every new producer costs a metadata record
//! (KIP-730). What is left of a block when the broker stops is never used.

use crate::turn::Turn;
use alloc::string::String;
use naru_metadata::{ProducerIdBlock, allocate_producer_ids};

/// The block in use.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    next: i64,
    end: i64,
    /// The block is ours when the metadata log is on disk up to here.
    durable_at: i64,
}

/// An id, and when it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AllocatedId {
    pub(crate) producer_id: i64,
    /// The offset that the metadata log has to be on disk up to.
    pub(crate) durable_at: i64,
}

impl Turn<'_> {
    /// The next producer id; an error is a sentence.
    pub(crate) fn allocate_producer_id(&mut self) -> Result<AllocatedId, String> {
        if self.state.producer_ids.next == self.state.producer_ids.end {
            let node_id = self.state.config.node_id;
            let decision = allocate_producer_ids(self.state.metadata.image(), node_id, self.state.broker_epoch)
                .ok_or("there are no producer ids left")?;
            let ProducerIdBlock { first, length } = decision.response;
            let durable_at = self.commit_metadata(decision.records)?;
            self.state.producer_ids = ProducerIds { next: first, end: first + i64::from(length), durable_at };
        }
        let ids = &mut self.state.producer_ids;
        let producer_id = ids.next;
        ids.next += 1;
        Ok(AllocatedId { producer_id, durable_at: ids.durable_at })
    }
}
