//! Fetch (1): records from given offsets. The answer waits until there are `min_bytes`, at most `max_wait_ms`.
//!
//! KIP-74 (whole batches, at least one), KIP-227 (sessions), KIP-320 (leader epochs), KIP-392 (followers), KIP-516 (topic ids).
//! Deliberately no per-record work: batches leave as the log has them.

use crate::{
    api::fetch_read::{Missing, PartitionRead, ReadLimits, Reading, read_partitions},
    connections::RequestContext,
    effect::Effect,
    fetch_sessions::{FINAL_EPOCH, INITIAL_EPOCH, SessionLimits, SessionUpdate, SessionUse, Told, Wanted},
    purgatory::{Until, Want},
    reply::{RecordData, Reply},
    topics::{PartitionKey, TopicRef},
    turn::Turn,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use naru_trace::{Micros, SortedSet, TraceKind};
use naru_wire::messages::fetch_response::{EpochEndOffset, LeaderIdAndEpoch, NodeEndpoint};
use naru_wire::messages::{BrokerId, FetchRequest};
use naru_wire::{ErrorCode, FetchPartition, FetchResult, FetchTopic, StrBytes};

/// Topics are named by id from this version on.
const FIRST_VERSION_BY_ID: i16 = 13;
/// zstd may be sent from this version on (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 10;
/// Consumers may read from followers from this version on (KIP-392).
const FIRST_VERSION_FROM_FOLLOWERS: i16 = 11;
/// Answers name the leader from this version on (KIP-951; the field is older).
const FIRST_VERSION_WITH_LEADERS: i16 = 16;
/// How often one fetch waits for a part of a file before it reads what is missing itself. A search in a cold index of 10 MB
/// looks at about six parts of 128 KiB, and then at two of the log.
const LOADS_MAX: u32 = 16;

/// A fetch, understood: what to read, and how.
#[derive(Debug)]
pub(crate) struct FetchPlan {
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) usage: SessionUse,
    pub(crate) by_id: bool,
    pub(crate) limits: ReadLimits,
    /// The consumer's rack, if it may be sent to a replica there (KIP-392).
    pub(crate) rack: Option<String>,
    pub(crate) version: i16,
    pub(crate) min_bytes: u32,
    pub(crate) max_wait_ms: i32,
    /// Whether it has waited for bytes already: then it is answered with what is there.
    pub(crate) has_waited: bool,
    /// How often it has waited for a disk.
    pub(crate) loads: u32,
}

/// A fetch that waits for more bytes.
#[derive(Debug)]
pub(crate) struct FetchWait {
    pub(crate) plan: FetchPlan,
    /// Every partition that could bring bytes.
    pub(crate) wants: Vec<Want>,
    /// How many bytes they have together.
    pub(crate) available: u64,
    pub(crate) min_bytes: u32,
    /// How many were missing when it began to wait.
    pub(crate) missing: u32,
}

/// A fetch that waits for a part of a file: without it, nobody can say where its records are.
#[derive(Debug)]
pub(crate) struct FetchLoad {
    pub(crate) plan: FetchPlan,
    pub(crate) ticket: u64,
    /// The partition whose file it is.
    pub(crate) key: PartitionKey,
}

/// The answer to a fetch, and how many records are in it.
#[derive(Debug)]
pub(crate) struct FetchAnswer {
    pub(crate) result: FetchResult<RecordData>,
    pub(crate) records: u32,
}

/// Answers a request, now or later.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: FetchRequest) -> Reply {
    // Read the request.
    match plan(turn, context, request) {
        Ok(plan) => decide(turn, plan),
        Err(error) => Reply::Records(session_error(error)),
    }
}

/// Answers a fetch that has waited for bytes, with whatever is there now.
pub(crate) fn resume(turn: &mut Turn<'_>, wait: FetchWait) -> Reply {
    decide(turn, FetchPlan { has_waited: true, ..wait.plan })
}

/// Goes on with a fetch whose look-up had to wait for a disk. It may have to again: for the log after the index, for the end
/// after the beginning, for one partition after the other.
pub(crate) fn go_on(turn: &mut Turn<'_>, load: FetchLoad) -> Reply {
    decide(turn, FetchPlan { loads: load.plan.loads + 1, ..load.plan })
}

fn decide(turn: &mut Turn<'_>, plan: FetchPlan) -> Reply {
    // Decide. Who has waited often enough reads where others would wait: pages may go as fast as they come.
    let reading = if plan.loads < LOADS_MAX && !turn.state.stopping { Reading::Cached } else { Reading::Waiting };
    let limits = ReadLimits { is_first: !plan.has_waited, ..plan.limits };
    let mut reads = match read_partitions(turn, &plan.wanted, &limits, reading) {
        Ok(reads) => reads,
        Err(missing) => return load(turn, plan, missing),
    };
    let is_redirected = !plan.has_waited && prefer_replicas(turn, &plan, &mut reads);
    let bytes: u64 = reads.iter().map(|read| u64::from(read.bytes)).sum();
    let failed = is_redirected || reads.iter().any(|read| read.error != ErrorCode::None || read.diverging.is_some());
    let enough = bytes >= u64::from(plan.min_bytes) || plan.wanted.is_empty() || plan.max_wait_ms <= 0;
    if !enough && !failed && !plan.has_waited && !turn.state.stopping {
        return park(turn, plan, &reads);
    }
    // Answer.
    Reply::Records(answer(turn, &plan, reads))
}

/// Asks for what is missing. Everybody else is served meanwhile.
fn load(turn: &mut Turn<'_>, mut plan: FetchPlan, missing: Missing) -> Reply {
    plan.detach();
    let Missing { key, range } = missing;
    let ticket = turn.state.purgatory.new_load();
    turn.out.effects.push(Effect::Load { ticket, range });
    Reply::Park { until: Until::Loaded(Box::new(FetchLoad { plan, ticket, key })), deadline: None }
}

fn plan(turn: &mut Turn<'_>, context: &RequestContext, request: FetchRequest) -> Result<FetchPlan, ErrorCode> {
    let by_id = context.version >= FIRST_VERSION_BY_ID;
    let topic_ref = |name: StrBytes, id| if by_id { TopicRef::Id(id) } else { TopicRef::Name(name) };
    let replica_id = if context.version >= 15 { request.replica_state.replica_id.0 } else { request.replica_id.0 };
    let mut wanted = Vec::new();
    for topic in request.topics {
        let topic_ref = topic_ref(topic.topic.0, topic.topic_id);
        wanted.extend(topic.partitions.iter().map(|partition| Wanted {
            topic: topic_ref.clone(),
            partition: partition.partition,
            fetch_offset: partition.fetch_offset,
            max_bytes: partition.partition_max_bytes,
            current_leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
            log_start_offset: partition.log_start_offset,
        }));
    }
    let forgotten = request.forgotten_topics_data.into_iter().flat_map(|topic| {
        let topic_ref = topic_ref(topic.topic.0, topic.topic_id);
        topic.partitions.into_iter().map(move |partition| (topic_ref.clone(), partition))
    });
    let update = SessionUpdate {
        id: request.session_id,
        epoch: request.session_epoch,
        by_id,
        wanted,
        forgotten: forgotten.collect(),
    };
    if update.epoch == FINAL_EPOCH || update.epoch == INITIAL_EPOCH {
        trace_session(turn, update.id, FINAL_EPOCH);
    }
    let (usage, wanted) = turn.state.sessions.begin(update, turn.now.monotonic)?;
    let max_bytes = (request.max_bytes.max(0) as u32).min(turn.state.config.fetch_max_bytes);
    let limits = ReadLimits {
        max_bytes,
        read_committed: request.isolation_level == 1,
        zstd: context.version >= FIRST_VERSION_WITH_ZSTD,
        replica_id,
        replica_epoch: if context.version >= 15 { request.replica_state.replica_epoch } else { -1 },
        any_replica: context.version >= FIRST_VERSION_FROM_FOLLOWERS,
        is_first: true,
    };
    let rack = Some(request.rack_id).filter(|rack| !rack.is_empty() && turn.state.config.replication.is_rack_aware());
    let min_bytes = (request.min_bytes.max(0) as u32).min(turn.state.config.fetch_max_bytes);
    let (version, max_wait_ms) = (context.version, request.max_wait_ms);
    let rack = rack.map(|rack| String::from(rack.as_str()));
    Ok(FetchPlan { wanted, usage, by_id, limits, rack, version, min_bytes, max_wait_ms, has_waited: false, loads: 0 })
}

fn park(turn: &Turn<'_>, mut plan: FetchPlan, reads: &[PartitionRead]) -> Reply {
    plan.detach();
    let wants: Vec<Want> = reads
        .iter()
        .zip(&plan.wanted)
        .filter_map(|(read, wanted)| {
            let max_bytes = wanted.max_bytes.max(0) as u32;
            Some(Want { key: read.key?, offset: wanted.fetch_offset, max_bytes, available: read.bytes })
        })
        .collect();
    let available: u64 = wants.iter().map(|want| u64::from(want.available)).sum();
    let missing = plan.min_bytes.saturating_sub(available as u32);
    let deadline = turn.now.monotonic.plus(Micros::from_millis(plan.max_wait_ms.max(0) as u64).0);
    let min_bytes = plan.min_bytes;
    let wait = FetchWait { plan, wants, available, min_bytes, missing };
    Reply::Park { until: Until::Bytes(Box::new(wait)), deadline: Some(deadline) }
}

fn answer(turn: &mut Turn<'_>, plan: &FetchPlan, reads: Vec<PartitionRead>) -> FetchAnswer {
    for (read, wanted) in reads.iter().zip(&plan.wanted) {
        trace_read(turn, read, wanted);
    }
    let session_id = open_session(turn, plan, &reads);
    let records = reads.iter().map(|read| read.records).sum();
    turn.state.counters.log_bytes_read += reads.iter().map(|read| u64::from(read.bytes)).sum::<u64>();
    let mut topics: Vec<FetchTopic<RecordData>> = Vec::new();
    let mut leaders = SortedSet::new();
    for (read, wanted) in reads.into_iter().zip(&plan.wanted) {
        if let SessionUse::Incremental { id } = plan.usage
            && !turn.state.sessions.tell(id, &wanted.topic, wanted.partition, &read.told())
        {
            continue;
        }
        let mut partition = partition_answer(read, wanted.partition, plan.limits.read_committed);
        partition.current_leader = name_leader(turn, plan, wanted, partition.error_code).inspect(|hint| {
            leaders.insert(hint.leader_id.0);
        });
        match topics.last_mut().filter(|topic| is_of(topic, &wanted.topic)) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(new_topic(&wanted.topic, partition)),
        }
    }
    let node_endpoints = leaders.iter().filter_map(|id| endpoint(turn, *id)).collect();
    let result = FetchResult { throttle_time_ms: 0, error_code: 0, session_id, topics, node_endpoints };
    FetchAnswer { result, records }
}

/// Who leads a partition that was asked for in the wrong place, or in an old epoch (KIP-951).
fn name_leader(turn: &Turn<'_>, plan: &FetchPlan, wanted: &Wanted, error_code: i16) -> Option<LeaderIdAndEpoch> {
    let is_misled = [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch].map(|error| error as i16);
    if plan.version < FIRST_VERSION_WITH_LEADERS || !is_misled.contains(&error_code) {
        return None;
    }
    let hint = turn.leader_of(&wanted.topic, wanted.partition)?;
    Some(LeaderIdAndEpoch::default().with_leader_id(BrokerId(hint.leader)).with_leader_epoch(hint.leader_epoch))
}

fn endpoint(turn: &Turn<'_>, id: i32) -> Option<NodeEndpoint> {
    let address = turn.neighbour(id)?;
    let node = NodeEndpoint::default().with_node_id(BrokerId(id)).with_host(StrBytes::from_string(address.host));
    Some(node.with_port(i32::from(address.port)).with_rack(address.rack.map(StrBytes::from_string)))
}

/// Sends a consumer that has named its rack to a replica there, instead of reading (KIP-392). Returns whether it was.
fn prefer_replicas(turn: &Turn<'_>, plan: &FetchPlan, reads: &mut [PartitionRead]) -> bool {
    let Some(rack) = plan.rack.as_deref().filter(|_| !plan.limits.is_follower()) else { return false };
    let mut is_redirected = false;
    for (read, wanted) in reads.iter_mut().zip(&plan.wanted) {
        let Some(key) = read.key.filter(|_| read.error == ErrorCode::None) else { continue };
        if let Some(replica) = turn.preferred_read_replica(key, wanted.fetch_offset, rack) {
            read.redirect(replica);
            is_redirected = true;
        }
    }
    is_redirected
}

/// Makes the session that a full fetch asks for. Returns the id to answer with.
fn open_session(turn: &mut Turn<'_>, plan: &FetchPlan, reads: &[PartitionRead]) -> i32 {
    let id = match plan.usage {
        SessionUse::None => return 0,
        SessionUse::Incremental { id } => id,
        SessionUse::Full => {
            let limits = SessionLimits { sessions_max: turn.state.config.fetch_sessions_max, now: turn.now.monotonic };
            let told = plan.wanted.iter().cloned().zip(reads.iter().map(PartitionRead::told));
            turn.state.sessions.create(told, plan.by_id, &limits, &mut turn.state.random)
        }
    };
    if plan.usage == SessionUse::Full {
        trace_session(turn, id, INITIAL_EPOCH);
    }
    id
}

#[track_caller]
fn trace_session(turn: &mut Turn<'_>, session: i32, epoch: i32) {
    if let Some(partitions) = turn.state.sessions.size(session) {
        turn.out.trace.emit(|| TraceKind::FetchSessionChanged { session, epoch, partitions: partitions as u32 });
    }
}

#[track_caller]
fn trace_read(turn: &mut Turn<'_>, read: &PartitionRead, wanted: &Wanted) {
    if !turn.out.trace.is_on() || (read.error == ErrorCode::None && read.bytes == 0) {
        return;
    }
    let topic = turn.state.topics.display(&wanted.topic);
    let (partition, offset) = (wanted.partition, wanted.fetch_offset);
    turn.out.trace.emit(|| match read.error {
        ErrorCode::None => TraceKind::RecordsRead {
            topic,
            partition,
            from_offset: offset,
            to_offset: read.next_offset,
            bytes: read.bytes,
        },
        error => TraceKind::FetchRejected { topic, partition, error: error.name().into(), offset },
    });
}

fn partition_answer(read: PartitionRead, partition: i32, read_committed: bool) -> FetchPartition<RecordData> {
    let ok = read.error == ErrorCode::None;
    FetchPartition {
        partition_index: partition,
        error_code: read.error as i16,
        high_watermark: read.high_watermark,
        last_stable_offset: read.high_watermark,
        log_start_offset: read.log_start_offset,
        diverging_epoch: read
            .diverging
            .map(|(epoch, end_offset)| EpochEndOffset::default().with_epoch(epoch).with_end_offset(end_offset)),
        current_leader: None,
        snapshot_id: None,
        // Null unless read_committed was asked for. There are no transactions yet, so none was aborted.
        aborted_transactions: (ok && read_committed).then(Vec::new),
        preferred_read_replica: read.preferred_replica,
        records: read.slices.into_iter().map(RecordData).collect(),
    }
}

fn new_topic(topic: &TopicRef, partition: FetchPartition<RecordData>) -> FetchTopic<RecordData> {
    let (topic, topic_id) = match topic {
        TopicRef::Name(name) => (name.clone(), uuid::Uuid::nil()),
        TopicRef::Id(id) => (StrBytes::default(), *id),
    };
    FetchTopic { topic, topic_id, partitions: alloc::vec![partition] }
}

fn is_of(answered: &FetchTopic<RecordData>, topic: &TopicRef) -> bool {
    match topic {
        TopicRef::Name(name) => answered.topic == *name,
        TopicRef::Id(id) => answered.topic_id == *id,
    }
}

fn session_error(error: ErrorCode) -> FetchAnswer {
    let error_code = error as i16;
    let result =
        FetchResult { throttle_time_ms: 0, error_code, session_id: 0, topics: Vec::new(), node_endpoints: Vec::new() };
    FetchAnswer { result, records: 0 }
}

impl FetchPlan {
    /// What waits must not hold on to the memory of the whole request.
    fn detach(&mut self) {
        for wanted in &mut self.wanted {
            wanted.topic = wanted.topic.to_owned();
        }
    }
}

impl PartitionRead {
    fn told(&self) -> Told {
        Told {
            error: self.error,
            high_watermark: self.high_watermark,
            log_start_offset: self.log_start_offset,
            has_records: self.bytes > 0,
            is_redirected: self.diverging.is_some() || self.preferred_replica >= 0,
        }
    }
}
