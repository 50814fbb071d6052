//! Producer ids that this broker may give away.
//!
//! The controller hands them out in blocks of a thousand, so that not every new producer costs a metadata record
//! (KIP-730). What is left of a block when the broker stops is never used.

use crate::{
    peers::{Asked, Lane, PeerError},
    turn::Turn,
};
use alloc::string::String;
use naru_metadata::{ProducerIdBlock, allocate_producer_ids};
use naru_wire::Response;
use naru_wire::messages::{AllocateProducerIdsRequest, BrokerId};

/// The block in use.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    next: i64,
    end: i64,
    /// The block is ours when the metadata log is on disk up to here.
    durable_at: i64,
    /// Whether the controller was asked for a block.
    is_asking: bool,
}

/// An id, and when it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AllocatedId {
    pub(crate) producer_id: i64,
    /// The offset that the metadata log has to be on disk up to.
    pub(crate) durable_at: i64,
}

/// Why there is no producer id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoProducerId {
    /// The controller was asked for more: soon there will be some.
    Soon,
    /// For a reason, as a sentence.
    Failed(String),
}

impl Turn<'_> {
    /// The next producer id.
    pub(crate) fn allocate_producer_id(&mut self) -> Result<AllocatedId, NoProducerId> {
        if self.state.producer_ids.next == self.state.producer_ids.end {
            match self.state.is_lone() {
                true => self.take_block().map_err(NoProducerId::Failed)?,
                false => {
                    self.ask_for_block();
                    return Err(NoProducerId::Soon);
                }
            }
        }
        let ids = &mut self.state.producer_ids;
        let producer_id = ids.next;
        ids.next += 1;
        Ok(AllocatedId { producer_id, durable_at: ids.durable_at })
    }

    /// A lone broker gives itself a block.
    fn take_block(&mut self) -> Result<(), String> {
        let node_id = self.state.config.node_id;
        let decision = allocate_producer_ids(self.state.metadata.image(), node_id, self.state.broker_epoch)
            .ok_or("there are no producer ids left")?;
        let ProducerIdBlock { first, length } = decision.response;
        let durable_at = self.commit_metadata(decision.records)?;
        self.state.producer_ids =
            ProducerIds { next: first, end: first + i64::from(length), durable_at, is_asking: false };
        Ok(())
    }

    fn ask_for_block(&mut self) {
        if core::mem::replace(&mut self.state.producer_ids.is_asking, true) {
            return;
        }
        let request = AllocateProducerIdsRequest::default()
            .with_broker_id(BrokerId(self.state.config.node_id))
            .with_broker_epoch(self.state.broker_epoch);
        self.ask_controller(Lane::Controller, request.into(), Asked::ProducerIds);
    }

    /// The controller's answer. A block that it gives is committed.
    pub(crate) fn on_producer_ids(&mut self, result: Result<Response, PeerError>) {
        self.state.producer_ids.is_asking = false;
        let Ok(Response::AllocateProducerIds(answer)) = result else { return };
        if answer.error_code == 0 {
            let first = answer.producer_id_start.0;
            let end = first + i64::from(answer.producer_id_len);
            self.state.producer_ids = ProducerIds { next: first, end, durable_at: 0, is_asking: false };
        }
    }
}
