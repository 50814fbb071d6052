//! Produce (0): batches to be appended to partitions.
//!
//! Each batch is checked, given its offsets and appended as it came (SEMANTICS 4). With acks=all the answer waits until all in
//! sync have it; a lone replica has it at once. A batch that is refused changes nothing, and
//! disturbs no other batch of the request.
//!
//! Deliberately no per-record work, except on compacted topics, where every record needs a key, and on topics that want
//! another compression than the producer's.

use crate::{
    api::produce_check::{Refusal, check_batch},
    connections::RequestContext,
    purgatory::{ReplicaWant, ReplicationWait, Until},
    reply::Reply,
    topics::{PartitionKey, TopicRef},
    turn::Turn,
};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use naru_log::SequenceCheck;
use naru_records::{Batch, DecompressLimit, TimestampType};
use naru_trace::SortedSet;
use naru_trace::{Micros, Name, TraceKind};
use naru_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use naru_wire::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use naru_wire::messages::{BrokerId, ProduceRequest, ProduceResponse};
use naru_wire::{ErrorCode, StrBytes};

/// Topics are named by id from this version on.
const FIRST_VERSION_BY_ID: i16 = 13;
/// Answers carry messages and per-record errors from this version on (KIP-467).
const FIRST_VERSION_WITH_MESSAGES: i16 = 8;

/// Answers name the leader from this version on (KIP-951).
const FIRST_VERSION_WITH_LEADERS: i16 = 10;

/// What holds for all batches of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProduceRules {
    pub(crate) acks: i16,
    pub(crate) version: i16,
    pub(crate) wall_ms: i64,
}

/// Where a batch is now.
#[derive(Debug, Clone, Copy)]
struct Placed {
    base_offset: i64,
    log_append_time_ms: i64,
    log_start_offset: i64,
}

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: ProduceRequest) -> Reply {
    // Read the request.
    let rules = ProduceRules { acks: request.acks, version: context.version, wall_ms: turn.now.wall_ms };
    // Decide.
    let (mut failure, mut pending) = (None, Pending::default());
    let received = turn.out.trace.cause();
    let mut response = ProduceResponse::default();
    for topic in request.topic_data {
        // Every batch is caused by the request, not by the batch before it.
        turn.out.trace.because(received);
        pending.place = (response.responses.len(), 0);
        response.responses.push(append_topic(turn, &rules, topic, (&mut failure, &mut pending)));
    }
    if failure == Some(ErrorCode::NotLeaderOrFollower) {
        name_leaders(turn, &mut response, context.version);
    }
    // Answer.
    match (rules.acks, failure) {
        (0, None) => Reply::Nothing,
        // Nobody reads an answer: a closed connection is the only way to say that something failed (KafkaApis).
        (0, Some(error)) => Reply::Close(format!("a Produce with acks=0 failed: {}", error.name()).into()),
        _ => pending.reply(turn, response, request.timeout_ms),
    }
}

/// Answers a Produce that has waited for followers. What was not replicated in time stays in the log (SEMANTICS 3).
pub(crate) fn resume(
    turn: &Turn<'_>,
    wait: ReplicationWait,
    context: &RequestContext,
    timed_out: bool,
) -> ProduceResponse {
    let mut response = *wait.response;
    // What is not on disk here yet, although it should be, is not acknowledged either.
    let unsynced = timed_out && !wait.tickets.is_empty();
    for want in &wait.wants {
        let outcome = want.outcome.filter(|_| !unsynced).unwrap_or(ErrorCode::RequestTimedOut);
        let (topic, partition) = want.place;
        let answer = response.responses.get_mut(topic).and_then(|topic| topic.partition_responses.get_mut(partition));
        if let Some(answer) = answer.filter(|_| outcome != ErrorCode::None) {
            answer.error_code = outcome as i16;
            if context.version >= FIRST_VERSION_WITH_MESSAGES {
                answer.error_message = Some(StrBytes::from_static_str(outcome.message()));
            }
        }
    }
    name_leaders(turn, &mut response, context.version);
    response
}

/// Tells a client that asked the wrong broker which one to ask (KIP-951).
fn name_leaders(turn: &Turn<'_>, response: &mut ProduceResponse, version: i16) {
    if version < FIRST_VERSION_WITH_LEADERS {
        return;
    }
    let mut leaders = SortedSet::new();
    for topic in &mut response.responses {
        let by_id = version >= FIRST_VERSION_BY_ID;
        let topic_ref = if by_id { TopicRef::Id(topic.topic_id) } else { TopicRef::Name(topic.name.0.clone()) };
        for answer in &mut topic.partition_responses {
            let is_misled = answer.error_code == ErrorCode::NotLeaderOrFollower as i16;
            let Some(hint) = is_misled.then(|| turn.leader_of(&topic_ref, answer.index)).flatten() else { continue };
            answer.current_leader =
                LeaderIdAndEpoch::default().with_leader_id(BrokerId(hint.leader)).with_leader_epoch(hint.leader_epoch);
            leaders.insert(hint.leader);
        }
    }
    let endpoint = |id: &i32| {
        let address = turn.neighbour(*id)?;
        let node = NodeEndpoint::default().with_node_id(BrokerId(*id)).with_host(StrBytes::from_string(address.host));
        Some(node.with_port(i32::from(address.port)).with_rack(address.rack.map(StrBytes::from_string)))
    };
    response.node_endpoints = leaders.iter().filter_map(endpoint).collect();
}

/// What has to happen before the answer goes out.
#[derive(Debug, Default)]
struct Pending {
    /// Logs that have to be on disk (`flush.messages`).
    tickets: SortedSet<u64>,
    /// Where records were appended, or are already.
    partitions: SortedSet<PartitionKey>,
    /// The last offset among them, for the picture.
    end_offset: i64,
    /// Partitions that all in sync have to have (acks=all).
    wants: Vec<ReplicaWant>,
    /// Where in the response the partition at work stands.
    place: (usize, usize),
}

impl Pending {
    /// Records are in the log up to `end_offset`, and perhaps a flush of them is on its way.
    fn on_appended(
        &mut self,
        turn: &Turn<'_>,
        rules: &ProduceRules,
        key: PartitionKey,
        end_offset: i64,
        flush: Option<u64>,
    ) {
        self.partitions.insert(key);
        if let Some(ticket) = flush {
            self.tickets.insert(ticket);
            self.end_offset = end_offset;
        }
        let is_replicated = |partition: &crate::topics::Partition| partition.high_watermark >= end_offset;
        if rules.acks == -1 && !turn.state.topics.partition(key).is_some_and(is_replicated) {
            self.wants.push(ReplicaWant { key, end_offset, place: self.place, outcome: None });
        }
    }

    fn reply(self, turn: &Turn<'_>, response: ProduceResponse, timeout_ms: i32) -> Reply {
        let Pending { tickets, partitions, end_offset, wants, .. } = self;
        if !wants.is_empty() {
            let deadline = turn.now.monotonic.plus(Micros::from_millis(timeout_ms.max(0) as u64).0);
            let wait = ReplicationWait { wants, tickets, partitions, response: Box::new(response) };
            return Reply::Park { until: Until::Replicated(Box::new(wait)), deadline: Some(deadline) };
        }
        if tickets.is_empty() {
            return Reply::Now(response.into());
        }
        let until = Until::Flushed { tickets, partitions, end_offset, response: Box::new(response.into()) };
        Reply::Park { until, deadline: None }
    }
}

fn append_topic(
    turn: &mut Turn<'_>,
    rules: &ProduceRules,
    topic: TopicProduceData,
    (failure, pending): (&mut Option<ErrorCode>, &mut Pending),
) -> TopicProduceResponse {
    let by_id = rules.version >= FIRST_VERSION_BY_ID;
    let topic_ref = if by_id { TopicRef::Id(topic.topic_id) } else { TopicRef::Name(topic.name.0.clone()) };
    let mut response = TopicProduceResponse::default().with_name(topic.name).with_topic_id(topic.topic_id);
    let received = turn.out.trace.cause();
    for data in topic.partition_data {
        let index = data.index;
        turn.out.trace.because(received);
        pending.place.1 = response.partition_responses.len();
        let placed = append_partition(turn, rules, &topic_ref, data, pending);
        if let Err(refusal) = &placed {
            failure.get_or_insert(refusal.error);
            trace_refusal(turn, &topic_ref, index, refusal);
        }
        response.partition_responses.push(partition_response(index, placed, rules.version));
    }
    response
}

fn append_partition(
    turn: &mut Turn<'_>,
    rules: &ProduceRules,
    topic: &TopicRef,
    data: PartitionProduceData,
    pending: &mut Pending,
) -> Result<Placed, Refusal> {
    if !matches!(rules.acks, -1..=1) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    let key = turn.state.topics.find(topic, data.index)?;
    let batch = check_batch(turn, rules, key, data.records.unwrap_or_default())?;
    let length = i64::from(batch.header().last_offset_delta) + 1;
    if let Some(duplicate) = check_sequence(turn, key, &batch)? {
        // It may still be on its way to the followers, or to the disk.
        let end_offset = duplicate.base_offset + length;
        let flush = turn.flush_of_written(key, end_offset);
        pending.on_appended(turn, rules, key, end_offset, flush);
        return Ok(duplicate);
    }
    let batch = as_stored(turn, key, batch, rules)?;
    let placed = append(turn, key, &batch)?;
    let flush = turn.begin_flush(key);
    pending.on_appended(turn, rules, key, placed.base_offset + length, flush);
    Ok(placed)
}

/// Compares a batch of an idempotent producer with what is in the log (KIP-98, SEMANTICS 9 and 11).
fn check_sequence(turn: &mut Turn<'_>, key: PartitionKey, batch: &Batch) -> Result<Option<Placed>, Refusal> {
    let header = batch.header();
    if !header.has_producer_id() {
        return Ok(None);
    }
    let log = turn.log(key).ok_or(ErrorCode::KafkaStorageError)?;
    let (producer_id, base_sequence) = (header.producer_id, header.base_sequence);
    match log.producers().check(header) {
        SequenceCheck::Ok => Ok(None),
        SequenceCheck::Duplicate { base_offset, timestamp, .. } => {
            let placed =
                Placed { base_offset, log_append_time_ms: timestamp, log_start_offset: log.log_start_offset() };
            turn.out.trace.emit_then(|| TraceKind::DuplicateRecognised {
                topic: turn.state.topics.name(key.topic).into(),
                partition: key.partition,
                producer_id,
                base_sequence,
                base_offset,
            });
            Ok(Some(placed))
        }
        SequenceCheck::OutOfOrder { sequence, last_sequence } => Err(Refusal::new(
            ErrorCode::OutOfOrderSequenceNumber,
            format!(
                "Out of order sequence number for producer {producer_id} at offset {} in partition {}: {sequence} \
                 (incoming seq. number), {last_sequence} (current end sequence number)",
                log.log_end_offset(),
                log.id()
            ),
        )),
        SequenceCheck::InvalidEpoch { epoch, newest_epoch } => Err(Refusal::new(
            ErrorCode::InvalidProducerEpoch,
            format!(
                "Epoch of producer {producer_id} at offset {} in {} is {epoch}, which is smaller than the last seen \
                 epoch {newest_epoch}",
                log.log_end_offset(),
                log.id()
            ),
        )),
    }
}

/// The batch as the topic wants it in its log. By default it is the producer's own, byte for byte.
fn as_stored(turn: &Turn<'_>, key: PartitionKey, batch: Batch, rules: &ProduceRules) -> Result<Batch, Refusal> {
    let topic = turn.state.topics.get(key.topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let batch = match topic.settings.compression {
        Some(codec) if batch.header().compression() != Ok(codec) => {
            batch.with_compression(codec, DecompressLimit::default()).map_err(Refusal::from_records)?
        }
        _ => batch,
    };
    Ok(match topic.settings.timestamp_type {
        TimestampType::CreateTime => batch,
        TimestampType::LogAppendTime => batch.with_log_append_time(rules.wall_ms),
    })
}

/// Appends a batch of this broker's own: records of its group coordinators.
pub(crate) fn append_own(turn: &mut Turn<'_>, key: PartitionKey, batch: &Batch) -> Result<(), ErrorCode> {
    let appended = append(turn, key, batch).map(|_| ()).map_err(|refusal| refusal.error);
    // Synced as its topic wants it; nobody is told before it is committed.
    turn.begin_flush(key);
    appended
}

fn append(turn: &mut Turn<'_>, key: PartitionKey, batch: &Batch) -> Result<Placed, Refusal> {
    let log_append_time_ms = match batch.header().timestamp_type() {
        TimestampType::CreateTime => -1,
        TimestampType::LogAppendTime => batch.header().max_timestamp,
    };
    let topics = &mut turn.state.topics;
    let Some(partition) = topics.partition_mut(key) else { return Err(ErrorCode::UnknownTopicOrPartition.into()) };
    let leader_epoch = partition.leader_epoch;
    let Some(log) = partition.log_mut() else { return Err(ErrorCode::KafkaStorageError.into()) };
    let base_offset = log.log_end_offset();
    let last_offset = base_offset + i64::from(batch.header().last_offset_delta);
    turn.out.trace.emit_then(|| TraceKind::OffsetsAssigned {
        topic: log.id().topic.clone(),
        partition: key.partition,
        base_offset,
        last_offset,
        leader_epoch,
    });
    match log.append(batch, leader_epoch, turn.now.wall_ms, turn.storage, &mut turn.out.trace) {
        Ok(appended) => {
            assert_eq!(appended.base_offset, base_offset, "a batch gets the offsets that were assigned to it");
            let log_start_offset = log.log_start_offset();
            turn.state.counters.note_append(batch.header());
            turn.blame_last(|kind| matches!(kind, TraceKind::BatchAppended { .. }));
            turn.wake_followers(key);
            turn.advance_high_watermark(key);
            Ok(Placed { base_offset, log_append_time_ms, log_start_offset })
        }
        Err(error) => {
            turn.on_log_error(key, &error);
            Err(Refusal::from_log(error))
        }
    }
}

fn partition_response(index: i32, placed: Result<Placed, Refusal>, version: i16) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match placed {
        Ok(placed) => response
            .with_base_offset(placed.base_offset)
            .with_log_append_time_ms(placed.log_append_time_ms)
            .with_log_start_offset(placed.log_start_offset),
        Err(refusal) => {
            let response = response
                .with_error_code(refusal.error as i16)
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(refusal.log_start_offset);
            if version < FIRST_VERSION_WITH_MESSAGES {
                return response;
            }
            response
                .with_error_message(Some(StrBytes::from_string(refusal.message)))
                .with_record_errors(record_errors(refusal.records))
        }
    }
}

fn record_errors(records: Vec<(i32, String)>) -> Vec<BatchIndexAndErrorMessage> {
    let error = |(index, message)| {
        BatchIndexAndErrorMessage::default()
            .with_batch_index(index)
            .with_batch_index_error_message(Some(StrBytes::from_string(message)))
    };
    records.into_iter().map(error).collect()
}

#[track_caller]
fn trace_refusal(turn: &mut Turn<'_>, topic: &TopicRef, partition: i32, refusal: &Refusal) {
    let topics = &turn.state.topics;
    turn.out.trace.emit_then(|| TraceKind::BatchRejected {
        topic: topics.display(topic),
        partition,
        error: Name::Borrowed(refusal.error.name()),
        message: refusal.message.clone(),
    });
}
