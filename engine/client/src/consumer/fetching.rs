//! A consumer's requests: ListOffsets to find where to begin, Fetch to read on.
//!
//! One fetch at a time goes to each broker, and it waits there for up to `fetch.max.wait.ms` until there is something to
//! read (a long poll). An offset inside a batch brings the whole batch: the records before it are skipped here (KIP-74).

use super::{Assigned, Consumer, Fetched, Progress, StartAt};
use crate::{
    ClientError, ClientOutbox, OffsetReset,
    backoff::retry_at,
    network::{Answer, Node, Outgoing},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use naru_records::{DecompressLimit, batches};
use naru_trace::SortedMap;
use naru_trace::{Name, Now, TraceKind};
use naru_wire::{
    ApiKey, BrokerId, ErrorCode, Response, StrBytes, TopicName,
    messages::{
        FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::PartitionData,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    },
};
use uuid::Uuid;

/// What a request was for.
#[derive(Debug)]
pub(super) enum Tag {
    ListOffsets(Asked),
    Fetch(Asked),
}

/// The partitions in a request.
#[derive(Debug)]
pub(super) struct Asked {
    request: u64,
    partitions: Vec<(String, Uuid, i32)>,
}

/// A partition that is to be asked about: topic, number, leader's epoch, and a timestamp or an offset.
type Question = (String, i32, i32, i64);

/// `ListOffsetsRequest.LATEST_TIMESTAMP` and `EARLIEST_TIMESTAMP`.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// A batch that decompresses to more is refused: it would take the memory of a page in a browser.
const DECOMPRESSED_MAX: usize = 256 * 1024 * 1024;

impl Consumer {
    /// Asks where to begin, for the partitions where that is not known.
    pub(super) fn look_up_offsets(&mut self, now: Now, out: &mut ClientOutbox) {
        let questions = self.questions(now, |assigned| match assigned.progress {
            Progress::Resetting(StartAt::Latest) => Some(LATEST),
            Progress::Resetting(_) => Some(EARLIEST),
            _ => None,
        });
        for (node, questions) in questions {
            if self.network.ready(now, node, out) {
                self.send_list_offsets(now, node, questions, out);
            }
        }
    }

    /// Asks for records, where there are none and the application wants some.
    pub(super) fn fetch(&mut self, now: Now, out: &mut ClientOutbox) {
        if self.wanted_until.is_none() || self.buffered() > 0 {
            return;
        }
        let questions = self
            .questions(now, |a| (a.progress == Progress::Reading && a.buffered.is_empty()).then_some(a.fetch_offset));
        for (node, questions) in questions {
            if self.network.ready(now, node, out) && self.network.in_flight(node) == 0 {
                self.send_fetch(now, node, questions, out);
            }
        }
    }

    /// The partitions with something to ask about, by their leader.
    fn questions(&mut self, now: Now, ask: impl Fn(&Assigned) -> Option<i64>) -> SortedMap<Node, Vec<Question>> {
        let idle = self.all().filter(|(_, _, a)| a.asked.is_none() && a.not_before <= now.monotonic);
        let idle: Vec<(String, i32, i64)> =
            idle.filter_map(|(topic, partition, a)| Some((topic.clone(), partition, ask(a)?))).collect();
        let mut questions: SortedMap<Node, Vec<Question>> = SortedMap::new();
        for (topic, partition, what) in idle {
            match self.network.leader(&topic, partition) {
                Some((node, epoch)) => questions.entry(node).or_default().push((topic, partition, epoch, what)),
                None => self.report_missing(&topic, partition),
            }
        }
        questions
    }

    /// Tells the application, once, that a partition it wants is not there. It may still come.
    fn report_missing(&mut self, topic: &str, partition: i32) {
        let Some(known) = self.network.metadata.topic(topic) else { return };
        let error = match known.error {
            Some(error) => ClientError::of(error, Some(&format!("{topic}: {}", error.message()))),
            None if !known.partitions.contains_key(&partition) => {
                let message = format!("Topic {topic} has {} partitions and no {partition}.", known.partitions.len());
                ClientError::of(ErrorCode::UnknownTopicOrPartition, Some(&message))
            }
            None => return,
        };
        let is_final = known.error.is_some_and(|error| !error.is_retriable());
        let Some(assigned) = self.assigned(topic, partition) else { return };
        if is_final {
            assigned.progress = Progress::Stopped;
        }
        if !core::mem::replace(&mut assigned.told_missing, true) {
            self.errors.push(error);
        }
    }

    fn send_list_offsets(&mut self, now: Now, node: Node, questions: Vec<Question>, out: &mut ClientOutbox) {
        let version = match self.network.version(node, ApiKey::ListOffsets, 10) {
            Ok(version) => version,
            Err(error) => return self.errors.push(error),
        };
        let mut topics: SortedMap<&str, Vec<ListOffsetsPartition>> = SortedMap::new();
        for (topic, partition, epoch, timestamp) in &questions {
            let mut entry = ListOffsetsPartition::default().with_partition_index(*partition).with_timestamp(*timestamp);
            if version >= 4 {
                entry = entry.with_current_leader_epoch(*epoch);
            }
            topics.entry(topic).or_default().push(entry);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(partitions)
        });
        let mut request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics.collect());
        if version >= 10 {
            request = request.with_timeout_ms(self.config.network.request_timeout_ms as i32);
        }
        let first = (Some(questions[0].0.clone()), Some(questions[0].1));
        let asked = self.mark_asked(&questions);
        let tag = Some(Tag::ListOffsets(asked));
        let outgoing =
            Outgoing { request: request.into(), version, tag, topic: first.0, partition: first.1, records: 0 };
        if let Err(error) = self.network.send(now, node, outgoing, out) {
            self.errors.push(error);
        }
    }

    fn send_fetch(&mut self, now: Now, node: Node, questions: Vec<Question>, out: &mut ClientOutbox) {
        let version = match self.network.version(node, ApiKey::Fetch, 17) {
            Ok(version) => version,
            Err(error) => return self.errors.push(error),
        };
        let mut topics: SortedMap<&str, Vec<FetchPartition>> = SortedMap::new();
        for (topic, partition, epoch, offset) in &questions {
            let mut entry = FetchPartition::default()
                .with_partition(*partition)
                .with_fetch_offset(*offset)
                .with_partition_max_bytes(self.config.max_partition_fetch_bytes as i32);
            if version >= 9 {
                entry = entry.with_current_leader_epoch(*epoch);
            }
            topics.entry(topic).or_default().push(entry);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            let entry = FetchTopic::default().with_partitions(partitions);
            match version {
                13.. => entry.with_topic_id(self.network.metadata.topic_id(topic)),
                _ => entry.with_topic(topic_name(topic)),
            }
        });
        let mut request = FetchRequest::default()
            .with_max_wait_ms(self.config.fetch_max_wait_ms as i32)
            .with_min_bytes(self.config.fetch_min_bytes as i32)
            .with_max_bytes(self.config.fetch_max_bytes as i32)
            .with_topics(topics.collect());
        if version < 15 {
            request = request.with_replica_id(BrokerId(-1));
        }
        if version >= 7 {
            // A full fetch that asks for no session (KIP-227: `FetchMetadata.LEGACY`).
            request = request.with_session_id(0).with_session_epoch(-1);
        }
        let first = (Some(questions[0].0.clone()), Some(questions[0].1));
        let asked = self.mark_asked(&questions);
        let tag = Some(Tag::Fetch(asked));
        let outgoing =
            Outgoing { request: request.into(), version, tag, topic: first.0, partition: first.1, records: 0 };
        if let Err(error) = self.network.send(now, node, outgoing, out) {
            self.errors.push(error);
        }
    }

    fn mark_asked(&mut self, questions: &[Question]) -> Asked {
        let request = self.next_request;
        self.next_request += 1;
        let mut partitions = Vec::with_capacity(questions.len());
        for (topic, partition, _, _) in questions {
            let id = self.network.metadata.topic_id(topic);
            partitions.push((topic.clone(), id, *partition));
            self.assigned(topic, *partition).expect("questions are about assigned partitions").asked = Some(request);
        }
        Asked { request, partitions }
    }

    /// Takes the answer to a request.
    pub(super) fn on_answer(&mut self, now: Now, answer: Answer<Tag>, out: &mut ClientOutbox) {
        match (answer.tag, answer.result) {
            (Tag::ListOffsets(asked), Ok(Response::ListOffsets(response))) => {
                self.on_offsets(now, asked, &response, out);
            }
            (Tag::Fetch(asked), Ok(Response::Fetch(response))) => {
                self.on_fetched(now, asked, answer.version, response, out);
            }
            (Tag::ListOffsets(asked), Err(error)) => self.try_again(now, asked, "ListOffsets", error, out),
            (Tag::Fetch(asked), Err(error)) => self.try_again(now, asked, "Fetch", error, out),
            (tag, Ok(_)) => unreachable!("a response is decoded as its request: {tag:?}"),
        }
    }

    /// Whether this answer is to the question that the partition waits for; a seek since then makes it old.
    fn take_answer(&mut self, topic: &str, partition: i32, request: u64) -> bool {
        match self.assigned(topic, partition) {
            Some(assigned) if assigned.asked == Some(request) => {
                assigned.asked = None;
                true
            }
            _ => false,
        }
    }

    fn on_offsets(&mut self, now: Now, asked: Asked, response: &ListOffsetsResponse, out: &mut ClientOutbox) {
        for (topic, _, partition) in asked.partitions {
            if !self.take_answer(&topic, partition, asked.request) {
                continue;
            }
            let found = response.topics.iter().find(|entry| *entry.name.0 == *topic);
            let found = found.and_then(|entry| entry.partitions.iter().find(|p| p.partition_index == partition));
            let error = found.map_or(ErrorCode::UnknownServerError, |p| ErrorCode::from_code(p.error_code));
            match (error, found) {
                (ErrorCode::None, Some(found)) => {
                    self.settle(&topic, partition);
                    self.set_position(&topic, partition, found.offset.max(0), out);
                }
                (error, _) => self.on_partition_error(now, (&topic, partition), "ListOffsets", error, out),
            }
        }
    }

    fn on_fetched(
        &mut self,
        now: Now,
        asked: Asked,
        version: i16,
        mut response: FetchResponse,
        out: &mut ClientOutbox,
    ) {
        let whole = ErrorCode::from_code(response.error_code);
        for (topic, id, partition) in asked.partitions {
            if !self.take_answer(&topic, partition, asked.request) {
                continue;
            }
            let found = response.responses.iter_mut().find(|entry| match version {
                13.. => entry.topic_id == id,
                _ => *entry.topic.0 == *topic,
            });
            let found = found.and_then(|t| t.partitions.iter_mut().find(|p| p.partition_index == partition));
            let error = match &found {
                _ if whole != ErrorCode::None => whole,
                Some(found) => ErrorCode::from_code(found.error_code),
                None => ErrorCode::UnknownServerError,
            };
            match (error, found) {
                (ErrorCode::None, Some(found)) => self.take_records(&topic, partition, found, out),
                (ErrorCode::OffsetOutOfRange, _) => self.on_out_of_range(&topic, partition),
                (error, _) => self.on_partition_error(now, (&topic, partition), "Fetch", error, out),
            }
        }
    }

    fn take_records(&mut self, topic: &str, partition: i32, data: &mut PartitionData, out: &mut ClientOutbox) {
        self.settle(topic, partition);
        let check_crcs = self.config.check_crcs;
        let cause = out.trace.cause();
        let assigned = self.assigned(topic, partition).expect("its answer was just taken");
        assigned.high_watermark = Some(data.high_watermark);
        assigned.cause = cause;
        let from = assigned.fetch_offset;
        let read = read_batches(data.records.take().unwrap_or_default(), from, check_crcs, assigned);
        let (empty, next) = (assigned.buffered.is_empty(), assigned.fetch_offset);
        if empty && next > from {
            self.set_position(topic, partition, next, out); // Batches without records, or with control records alone.
        }
        if let Err(sentence) = read {
            let assigned = self.assigned(topic, partition).expect("it is still there");
            assigned.progress = Progress::Stopped;
            let message = format!("{topic}-{partition} at offset {next}: {sentence}");
            self.errors.push(ClientError::of(ErrorCode::CorruptMessage, Some(&message)));
        }
    }

    fn on_out_of_range(&mut self, topic: &str, partition: i32) {
        let policy = self.config.auto_offset_reset;
        let Some(assigned) = self.assigned(topic, partition) else { return };
        let offset = assigned.fetch_offset;
        assigned.high_watermark = None;
        assigned.progress = match policy {
            OffsetReset::Earliest => Progress::Resetting(StartAt::Earliest),
            OffsetReset::Latest => Progress::Resetting(StartAt::Latest),
            OffsetReset::None => Progress::Stopped,
        };
        if policy == OffsetReset::None {
            let message = format!(
                "Fetch position {offset} is out of range for partition {topic}-{partition}, and no reset policy is set."
            );
            self.errors.push(ClientError::of(ErrorCode::OffsetOutOfRange, Some(&message)));
        }
    }

    /// An error for one partition: tried again if that may help, otherwise for the application to know.
    fn on_partition_error(
        &mut self,
        now: Now,
        (topic, partition): (&str, i32),
        api: &'static str,
        error: ErrorCode,
        out: &mut ClientOutbox,
    ) {
        let may_pass = error.is_retriable()
            || matches!(
                error,
                ErrorCode::UnknownTopicId | ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownServerError
            );
        if !may_pass {
            let assigned = self.assigned(topic, partition).expect("its answer was just taken");
            assigned.progress = Progress::Stopped;
            let message = format!("{api} of {topic}-{partition}: {}", error.message());
            return self.errors.push(ClientError::of(error, Some(&message)));
        }
        if error == ErrorCode::UnknownTopicId {
            self.network.metadata.forget(topic);
        }
        self.network.metadata.request_update();
        self.back_off(now, (topic, partition), api, error, out);
    }

    fn back_off(
        &mut self,
        now: Now,
        (topic, partition): (&str, i32),
        api: &'static str,
        error: ErrorCode,
        out: &mut ClientOutbox,
    ) {
        let failures = self.assigned(topic, partition).map_or(1, |assigned| assigned.failures + 1);
        let (first, max) = (self.config.network.retry_backoff_ms, self.config.network.retry_backoff_max_ms);
        let at = retry_at(now.monotonic, failures, first, max, &mut self.network.chance);
        let Some(assigned) = self.assigned(topic, partition) else { return };
        assigned.failures = failures;
        assigned.not_before = at;
        out.trace.emit(|| TraceKind::RetryScheduled {
            api: Name::Borrowed(api),
            error: Name::Borrowed(error.name()),
            at,
        });
    }

    /// The request was lost, with all its questions.
    fn try_again(&mut self, now: Now, asked: Asked, api: &'static str, error: ErrorCode, out: &mut ClientOutbox) {
        self.network.metadata.request_update();
        for (topic, _, partition) in asked.partitions {
            if self.take_answer(&topic, partition, asked.request) {
                self.back_off(now, (&topic, partition), api, error, out);
            }
        }
    }

    fn settle(&mut self, topic: &str, partition: i32) {
        let assigned = self.assigned(topic, partition).expect("its answer was just taken");
        assigned.failures = 0;
        assigned.told_missing = false;
    }
}

/// Puts the records from `from` on into the buffer. What is wrong with a batch stops before it, in words.
fn read_batches(bytes: Bytes, from: i64, check_crcs: bool, assigned: &mut Assigned) -> Result<(), String> {
    for batch in batches(bytes) {
        let batch = batch.map_err(|error| error.to_string())?;
        let header = batch.header();
        if header.next_offset() <= from {
            continue;
        }
        if check_crcs {
            batch.verify_crc().map_err(|error| error.to_string())?;
        }
        if !header.is_control() {
            let records = batch.records(DecompressLimit(DECOMPRESSED_MAX)).map_err(|error| error.to_string())?;
            let base = header.base_offset;
            let wanted = records.into_iter().filter(|record| record.offset >= from);
            assigned.buffered.extend(wanted.map(|record| Fetched { batch: base, record }));
        }
        assigned.fetch_offset = header.next_offset();
    }
    Ok(())
}

fn topic_name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_string()))
}
