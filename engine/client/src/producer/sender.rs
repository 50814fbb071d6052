//! Requests and their answers: which batches go, what an error means, what is tried again.
//!
//! The model is Kafka's `Sender`. What an answer means for a batch is decided in [`Producer::on_batch_answer`], and there
//! only.

use super::{DeliveryReport, Producer, RecordMetadata, accumulator::Batch};
use crate::{
    Acks, ClientError, ClientOutbox,
    backoff::retry_at,
    network::{Answer, Node, Outgoing},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use naru_trace::SortedMap;
use naru_trace::{Deadline, Micros, Name, Now, TraceKind};
use naru_wire::{
    ApiKey, ErrorCode, ProducerId, Response, StrBytes, TopicName,
    messages::{
        InitProducerIdRequest, ProduceRequest, ProduceResponse,
        produce_request::{PartitionProduceData, TopicProduceData},
        produce_response::PartitionProduceResponse,
    },
};
use uuid::Uuid;

/// What an idempotent producer is to the brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProducerIdentity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// How far an idempotent producer has come in getting its identity.
#[derive(Debug)]
pub(super) enum Identity {
    /// The producer is not idempotent.
    NotNeeded,
    Unknown,
    Requested,
    /// Asking failed; it is asked again at this time.
    Failed {
        attempts: u32,
        at: Micros,
    },
    Known(ProducerIdentity),
}

impl Identity {
    pub(super) fn deadline(&self) -> Option<Deadline> {
        match self {
            Identity::Failed { at, .. } => Some(Deadline { at: *at, reason: "retry.backoff.ms of InitProducerId" }),
            _ => None,
        }
    }
}

/// What a request was for.
#[derive(Debug)]
pub(super) enum Tag {
    InitProducerId { attempts: u32 },
    Produce(Vec<Sent>),
}

/// A batch in a Produce request.
#[derive(Debug)]
pub(super) struct Sent {
    topic: String,
    topic_id: Uuid,
    partition: i32,
    batch: u64,
}

impl Producer {
    /// Sends all batches that may go.
    pub(super) fn send_ready(&mut self, now: Now, out: &mut ClientOutbox) {
        if self.accumulator.is_empty() {
            return;
        }
        let Some(identity) = self.identity_to_use(now, out) else { return };
        for (node, mut partitions) in self.by_leader(now) {
            if !self.network.ready(now, node, out) {
                continue;
            }
            self.turn = self.turn.wrapping_add(1);
            let first = self.turn % partitions.len();
            partitions.rotate_left(first);
            while self.network.in_flight(node) < self.config.max_in_flight_requests as usize
                && self.produce(now, node, &partitions, identity, out)
            {}
        }
    }

    /// Takes the answer to a request.
    pub(super) fn on_answer(&mut self, now: Now, answer: Answer<Tag>, out: &mut ClientOutbox) {
        match (answer.tag, answer.result) {
            (Tag::InitProducerId { attempts }, result) => self.on_identity(now, attempts, result, out),
            (Tag::Produce(sent), Ok(Response::Produce(response))) => {
                self.on_produce_response(now, sent, answer.version, &response, out);
            }
            (Tag::Produce(sent), Ok(_)) => unreachable!("a response is decoded as its request: {sent:?}"),
            (Tag::Produce(sent), Err(error)) => {
                for batch in sent {
                    let answer = PartitionProduceResponse::default().with_error_code(error as i16);
                    self.on_batch_answer(now, &batch, &answer, out);
                }
            }
        }
    }

    /// Fails what has been waiting longer than `delivery.timeout.ms`, even if it is in flight.
    pub(super) fn expire(&mut self, now: Now, out: &mut ClientOutbox) {
        if self.deadline.is_some_and(|deadline| deadline.at > now.monotonic) {
            return; // Nothing can have expired yet.
        }
        for (topic, partition, batch) in self.accumulator.expired(now.monotonic, &self.config) {
            let message = format!(
                "Expiring {} record(s) for {topic}-{partition}: {} ms has passed since batch creation",
                batch.tickets.len(),
                self.config.delivery_timeout_ms
            );
            if let Some((identity, _)) = batch.sequence {
                self.begin_anew(&topic, partition, identity);
            }
            self.fail_batch(&topic, partition, batch, ClientError::new("REQUEST_TIMED_OUT", message), out);
        }
    }

    /// A batch, already out of its queue, failed for good.
    pub(super) fn fail_batch(
        &mut self,
        topic: &str,
        partition: i32,
        batch: Batch,
        error: ClientError,
        out: &mut ClientOutbox,
    ) {
        let records = batch.tickets.len() as u32;
        self.view.waiting -= u64::from(records);
        self.view.failed += u64::from(records);
        let name = error.error.clone();
        out.trace.emit(|| TraceKind::BatchFailed { topic: topic.to_string(), partition, records, error: name });
        for ticket in &batch.tickets {
            self.reports.push(DeliveryReport { ticket: *ticket, result: Err(error.clone()) });
        }
    }

    /// A partition's sequence numbers cannot go on: they begin at 0 again in the producer's next epoch (KIP-360;
    /// `TransactionManager.bumpIdempotentProducerEpoch`). Other partitions change over when they have nothing left of the
    /// old one.
    fn begin_anew(&mut self, topic: &str, partition: i32, seen: ProducerIdentity) {
        if let Some(queue) = self.accumulator.queue(topic, partition) {
            queue.begin_anew();
        }
        if !matches!(self.identity, Identity::Known(known) if known == seen) {
            return; // It was done already.
        }
        self.identity = match seen.epoch.checked_add(1) {
            Some(epoch) if epoch < i16::MAX => Identity::Known(ProducerIdentity { id: seen.id, epoch }),
            _ => Identity::Unknown,
        };
    }

    /// `Some(None)` for a producer that needs none; `None` while it is being asked for.
    fn identity_to_use(&mut self, now: Now, out: &mut ClientOutbox) -> Option<Option<ProducerIdentity>> {
        let attempts = match &self.identity {
            Identity::NotNeeded => return Some(None),
            Identity::Known(identity) => return Some(Some(*identity)),
            Identity::Requested => return None,
            Identity::Failed { at, .. } if *at > now.monotonic => return None,
            Identity::Failed { attempts, .. } => *attempts,
            Identity::Unknown => 0,
        };
        let node = self.network.any_ready(now, out)?;
        let version = self.network.version(node, ApiKey::InitProducerId, 5);
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let sent = version.and_then(|version| {
            let tag = Some(Tag::InitProducerId { attempts });
            let outgoing = Outgoing { request: request.into(), version, tag, topic: None, partition: None, records: 0 };
            self.network.send(now, node, outgoing, out)
        });
        match sent {
            Ok(()) => self.identity = Identity::Requested,
            Err(error) => self.fail_all(error, out),
        }
        None
    }

    fn on_identity(&mut self, now: Now, attempts: u32, result: Result<Response, ErrorCode>, out: &mut ClientOutbox) {
        let error = match result {
            Ok(Response::InitProducerId(response)) => match ErrorCode::from_code(response.error_code) {
                ErrorCode::None => {
                    let (id, epoch) = (response.producer_id.0, response.producer_epoch);
                    self.identity = Identity::Known(ProducerIdentity { id, epoch });
                    return;
                }
                error => error,
            },
            Ok(_) => unreachable!("a response is decoded as its request"),
            Err(error) => error,
        };
        if error.is_retriable() {
            let at = self.retry_time(now, attempts + 1);
            self.identity = Identity::Failed { attempts: attempts + 1, at };
            let (api, error) = (Name::Borrowed("InitProducerId"), Name::Borrowed(error.name()));
            out.trace.emit(|| TraceKind::RetryScheduled { api, error, at });
        } else {
            self.identity = Identity::Unknown;
            self.fail_all(ClientError::of(error, None), out);
        }
    }

    /// Nothing can be sent at all.
    fn fail_all(&mut self, error: ClientError, out: &mut ClientOutbox) {
        for (topic, partition, batch) in self.accumulator.drain() {
            self.fail_batch(&topic, partition, batch, error.clone(), out);
        }
    }

    /// The partitions with batches that may go, by their leader; only of leaders for which one of the batches has to go.
    fn by_leader(&mut self, now: Now) -> SortedMap<Node, Vec<(String, i32)>> {
        let mut nodes: SortedMap<Node, (bool, Vec<(String, i32)>)> = SortedMap::new();
        for (topic, partition) in self.accumulator.partitions() {
            let Some(queue) = self.accumulator.queue(&topic, partition) else { continue };
            let Some(next) = queue.next(now.monotonic) else { continue };
            let due = self.flushing || next.is_due(now.monotonic, self.config.linger_ms);
            let Some((node, _)) = self.network.leader(&topic, partition) else { continue };
            let entry = nodes.entry(node).or_default();
            entry.0 |= due;
            entry.1.push((topic, partition));
        }
        nodes.into_iter().filter(|(_, (due, _))| *due).map(|(node, (_, partitions))| (node, partitions)).collect()
    }

    /// Sends one Produce request: the next batch of each partition. Returns whether there was one.
    fn produce(
        &mut self,
        now: Now,
        node: Node,
        partitions: &[(String, i32)],
        identity: Option<ProducerIdentity>,
        out: &mut ClientOutbox,
    ) -> bool {
        let version = match self.network.version(node, ApiKey::Produce, 13) {
            Ok(version) => version,
            Err(error) => {
                self.fail_all(error, out);
                return false;
            }
        };
        let before = out.trace.cause();
        let mut size = 0;
        let mut records = 0;
        let mut sent: Vec<Sent> = Vec::new();
        let mut data: SortedMap<String, Vec<PartitionProduceData>> = SortedMap::new();
        for (topic, partition) in partitions {
            let Some(queue) = self.accumulator.queue(topic, *partition) else { continue };
            let Some(next) = queue.next(now.monotonic) else { continue };
            let due = self.flushing || next.is_due(now.monotonic, self.config.linger_ms);
            let fits = size == 0 || size + next.size() <= self.config.max_request_size as usize;
            // Batches that are not due go along in the first request, where they cost nothing, but make none of their own.
            if !fits || (!due && size == 0 && self.network.in_flight(node) > 0) {
                continue;
            }
            let Some((batch, bytes)) = queue.take_next(now.monotonic, identity) else { continue };
            size += bytes.len();
            records += batch.tickets.len() as u32;
            let id = emit_sent(topic, *partition, batch, &bytes, out);
            let topic_id = self.network.metadata.topic_id(topic);
            sent.push(Sent { topic: topic.clone(), topic_id, partition: *partition, batch: id });
            let entry = PartitionProduceData::default().with_index(*partition).with_records(Some(bytes));
            data.entry(topic.clone()).or_default().push(entry);
        }
        if !sent.is_empty() {
            self.transmit(now, node, version, (sent, data, records), out);
        }
        out.trace.because(before);
        size > 0
    }

    fn transmit(
        &mut self,
        now: Now,
        node: Node,
        version: i16,
        (sent, data, records): (Vec<Sent>, SortedMap<String, Vec<PartitionProduceData>>, u32),
        out: &mut ClientOutbox,
    ) {
        let topics = data.into_iter().map(|(topic, partitions)| {
            let entry = TopicProduceData::default().with_partition_data(partitions);
            match version {
                13.. => entry.with_topic_id(self.network.metadata.topic_id(&topic)),
                _ => entry.with_name(TopicName(StrBytes::from_string(topic))),
            }
        });
        let request = ProduceRequest::default()
            .with_acks(self.config.acks.on_wire())
            .with_timeout_ms(self.config.network.request_timeout_ms as i32)
            .with_topic_data(topics.collect());
        let (topic, partition) = (Some(sent[0].topic.clone()), Some(sent[0].partition));
        let unanswered = self.config.acks == Acks::None;
        let (tag, unacknowledged) = if unanswered { (None, sent) } else { (Some(Tag::Produce(sent)), Vec::new()) };
        let outgoing = Outgoing { request: request.into(), version, tag, topic, partition, records };
        if let Err(error) = self.network.send(now, node, outgoing, out) {
            return self.fail_all(error, out);
        }
        for batch in unacknowledged {
            let answer = PartitionProduceResponse::default().with_base_offset(-1);
            self.on_batch_answer(now, &batch, &answer, out);
        }
    }

    fn on_produce_response(
        &mut self,
        now: Now,
        sent: Vec<Sent>,
        version: i16,
        response: &ProduceResponse,
        out: &mut ClientOutbox,
    ) {
        for batch in sent {
            let topic = response.responses.iter().find(|topic| match version {
                13.. => topic.topic_id == batch.topic_id,
                _ => *topic.name.0 == *batch.topic,
            });
            let answer = topic.and_then(|t| t.partition_responses.iter().find(|p| p.index == batch.partition));
            match answer {
                Some(answer) => self.on_batch_answer(now, &batch, answer, out),
                None => {
                    let code = ErrorCode::UnknownServerError as i16;
                    self.on_batch_answer(now, &batch, &PartitionProduceResponse::default().with_error_code(code), out);
                }
            }
        }
    }

    /// What an answer means for a batch:
    ///
    /// | the broker says | it means |
    /// |---|---|
    /// | `NONE` | it is in the log at this offset, with the sequence number that it was sent with |
    /// | `DUPLICATE_SEQUENCE_NUMBER` | it is in the log, too long ago to say where |
    /// | `OUT_OF_ORDER_SEQUENCE_NUMBER`, and a batch before it is on its way, or was refused | try again: that one came first |
    /// | `OUT_OF_ORDER_SEQUENCE_NUMBER` otherwise, `UNKNOWN_PRODUCER_ID` | the broker forgot: begin a new epoch, try again |
    /// | a retriable error, and attempts are left | try again, after asking who leads |
    /// | anything else | it failed; the sequence numbers behind it move up |
    fn on_batch_answer(&mut self, now: Now, sent: &Sent, answer: &PartitionProduceResponse, out: &mut ClientOutbox) {
        let Some(queue) = self.accumulator.queue(&sent.topic, sent.partition) else { return };
        let is_head = queue.is_head(sent.batch);
        let Some(batch) = queue.batches.iter_mut().find(|batch| batch.id == sent.batch) else {
            return; // Its time was over before the answer came.
        };
        batch.in_flight = false;
        let (attempts, sequence, sent_as) = (batch.attempts, batch.sequence, batch.sent_as);
        let in_turn = is_head && !batch.moved_up();
        let error = ErrorCode::from_code(answer.error_code);
        let forgotten =
            error == ErrorCode::UnknownProducerId || (error == ErrorCode::OutOfOrderSequenceNumber && in_turn);
        match error {
            ErrorCode::None => self.acknowledge(sent, answer.base_offset, out),
            ErrorCode::DuplicateSequenceNumber => self.acknowledge(sent, -1, out),
            error if attempts <= self.config.retries && may_help(error) => {
                if let (true, Some(sequence)) = (is_unknown(error), sequence) {
                    queue.accept_gap(sequence, sent_as);
                }
                if let (true, Some((identity, _))) = (forgotten, sequence) {
                    self.begin_anew(&sent.topic, sent.partition, identity);
                }
                if error == ErrorCode::UnknownTopicId {
                    self.network.metadata.forget(&sent.topic);
                }
                self.network.metadata.request_update();
                self.schedule_retry(now, sent, error, out);
            }
            error => {
                let message = answer.error_message.as_ref().map(|message| message.to_string());
                self.on_refused(sent, error, ClientError::of(error, message.as_deref()), out);
            }
        }
    }

    /// A batch will not be tried again.
    fn on_refused(&mut self, sent: &Sent, code: ErrorCode, error: ClientError, out: &mut ClientOutbox) {
        let (topic, partition) = (&sent.topic, sent.partition);
        let batch = self.accumulator.remove(topic, partition, sent.batch).expect("its answer was just taken");
        if let Some((identity, first)) = batch.sequence {
            match self.accumulator.queue(topic, partition) {
                _ if is_unknown(code) => {
                    self.begin_anew(topic, partition, identity);
                }
                Some(queue) => queue.close_gap((identity, first), batch.tickets.len() as i32),
                None => {}
            }
        }
        self.fail_batch(topic, partition, batch, error, out);
    }

    fn acknowledge(&mut self, sent: &Sent, base_offset: i64, out: &mut ClientOutbox) {
        let batch = self.accumulator.remove(&sent.topic, sent.partition, sent.batch).expect("it is there");
        if let (Some(queue), Some(sequence)) = (self.accumulator.queue(&sent.topic, sent.partition), batch.sequence) {
            queue.accept_gap(sequence, batch.sent_as);
        }
        let records = batch.tickets.len() as u32;
        self.view.waiting -= u64::from(records);
        self.view.acknowledged += u64::from(records);
        let (topic, partition) = (&sent.topic, sent.partition);
        out.trace.emit(|| TraceKind::BatchAcknowledged { topic: topic.clone(), partition, base_offset, records });
        for (index, ticket) in batch.tickets.iter().enumerate() {
            let offset = if base_offset < 0 { -1 } else { base_offset + index as i64 };
            let metadata = RecordMetadata { topic: topic.clone(), partition, offset };
            self.reports.push(DeliveryReport { ticket: *ticket, result: Ok(metadata) });
        }
    }

    fn schedule_retry(&mut self, now: Now, sent: &Sent, error: ErrorCode, out: &mut ClientOutbox) {
        let queue = self.accumulator.queue(&sent.topic, sent.partition).expect("it holds the batch");
        let batch = queue.batches.iter_mut().find(|batch| batch.id == sent.batch).expect("it is there");
        let (first, max) = (self.config.network.retry_backoff_ms, self.config.network.retry_backoff_max_ms);
        let at = retry_at(now.monotonic, batch.attempts, first, max, &mut self.network.chance);
        batch.not_before = at;
        let (api, error) = (Name::Borrowed("Produce"), Name::Borrowed(error.name()));
        batch.cause = out.trace.emit(|| TraceKind::RetryScheduled { api, error, at });
    }

    fn retry_time(&mut self, now: Now, attempts: u32) -> Micros {
        let (first, max) = (self.config.network.retry_backoff_ms, self.config.network.retry_backoff_max_ms);
        retry_at(now.monotonic, attempts, first, max, &mut self.network.chance)
    }
}

/// Whether nobody knows if a batch that got this error is in the log.
fn is_unknown(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::NetworkException | ErrorCode::RequestTimedOut)
}

/// Whether a batch that got this error may be in the log after another attempt.
fn may_help(error: ErrorCode) -> bool {
    error.is_retriable()
        || matches!(
            error,
            ErrorCode::UnknownTopicId | ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId
        )
}

/// Says that a batch goes, because of its newest record or its failed attempt. Returns the batch's number.
fn emit_sent(topic: &str, partition: i32, batch: &Batch, bytes: &Bytes, out: &mut ClientOutbox) -> u64 {
    out.trace.because(batch.cause.or(out.trace.cause()));
    out.trace.emit_then(|| TraceKind::BatchSent {
        topic: topic.to_string(),
        partition,
        records: batch.tickets.len() as u32,
        bytes: bytes.len() as u32,
        retries: batch.attempts - 1,
    });
    batch.id
}
