//! One step at work: the state, and all that comes from outside for the length of the step.

use crate::{
    checkpoints::Checkpoints, cleaning::Cleaning, config::BrokerConfig, connections::Connections,
    controller::Controller, fetch_sessions::FetchSessions, flushing::Flushing, log_dirs::LogDirs,
    metadata_log::MetadataLog, metrics::Counters, producer_ids::ProducerIds, purgatory::Purgatory, random::Random,
    topics::Topics, upkeep::Upkeep,
};
use crate::{effect::Outbox, retired::RetiredLogs};
use alloc::{collections::VecDeque, string::String};
use naru_log::Storage;
use naru_metadata::Settings;
use naru_trace::{Now, Seq, TraceKind};

/// Everything a broker knows, apart from its storage.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: BrokerConfig,
    pub(crate) cluster_id: String,
    /// The offset of this start's registration in the metadata log.
    pub(crate) broker_epoch: i64,
    /// What the handlers in `naru-metadata` want to know of the configuration.
    pub(crate) settings: Settings,
    pub(crate) connections: Connections,
    pub(crate) topics: Topics,
    pub(crate) metadata: MetadataLog,
    pub(crate) purgatory: Purgatory,
    /// Replies that are free, with the event that freed them. Answered before the step ends.
    pub(crate) ready: VecDeque<(u64, Option<Seq>)>,
    pub(crate) sessions: FetchSessions,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) controller: Controller,
    pub(crate) retired: RetiredLogs,
    pub(crate) dirs: LogDirs,
    pub(crate) cleaning: Cleaning,
    pub(crate) upkeep: Upkeep,
    pub(crate) flushing: Flushing,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) counters: Counters,
    pub(crate) random: Random,
    pub(crate) stopping: bool,
}

/// One step at work. Handlers are methods of it, or take it first.
pub(crate) struct Turn<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) storage: &'a mut dyn Storage,
    pub(crate) now: Now,
    pub(crate) out: &'a mut Outbox,
}

impl Turn<'_> {
    /// What follows is caused by the last event of a kind that somebody else emitted in this step: the log's, for example.
    pub(crate) fn blame_last(&mut self, is_it: impl Fn(&TraceKind) -> bool) {
        let seq = self.out.trace.events().iter().rev().find(|event| is_it(&event.kind)).map(|event| event.seq);
        if seq.is_some() {
            self.out.trace.because(seq);
        }
    }
}
