//! One step at work: the state, and all that comes from outside for the length of the step.

use crate::{
    checkpoints::Checkpoints, cleaning::Cleaning, config::BrokerConfig, connections::Connections,
    controller::Controller, fetch_sessions::FetchSessions, flushing::Flushing, forwarding::Forwarding, groups::Groups,
    log_dirs::LogDirs, membership::Membership, metadata_log::MetadataLog, metrics::Counters, peers::Peers,
    producer_ids::ProducerIds, purgatory::Purgatory, random::Random, topics::Topics, upkeep::Upkeep,
};
use crate::{effect::Outbox, replication::Replication, retired::RetiredLogs};
use alloc::{collections::VecDeque, string::String};
use naru_log::Storage;
use naru_metadata::Settings;
use naru_trace::{Now, Seq, SortedMap, TraceKind};

/// Everything a broker knows, apart from its storage.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: BrokerConfig,
    pub(crate) cluster_id: String,
    /// The offset of this start's registration in the metadata log.
    pub(crate) broker_epoch: i64,
    /// The epoch of the start before, if that ended in good order; else -1 (KIP-966).
    pub(crate) previous_broker_epoch: i64,
    pub(crate) membership: Membership,
    /// The offset up to which it was last said that the metadata is carried out.
    pub(crate) shown_metadata_offset: i64,
    pub(crate) peers: Peers,
    pub(crate) forwarding: Forwarding,
    /// How many requests the quorum was asked to answer: each has a number.
    pub(crate) quorum_tokens: u64,
    /// Files of the metadata log that are being synced, by ticket: how many.
    pub(crate) quorum_syncs: SortedMap<u64, u32>,
    /// Where partitions were found at start, by the names of their directories.
    pub(crate) located: SortedMap<String, usize>,
    /// What was said last to whoever runs the broker.
    pub(crate) last_warning: Option<String>,
    /// What the handlers in `naru-metadata` want to know of the configuration.
    pub(crate) settings: Settings,
    pub(crate) connections: Connections,
    pub(crate) topics: Topics,
    pub(crate) replication: Replication,
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
    pub(crate) groups: Groups,
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

impl State {
    /// Whether this broker is a cluster of its own.
    pub(crate) fn is_lone(&self) -> bool {
        self.config.cluster.is_lone(self.config.node_id)
    }
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
