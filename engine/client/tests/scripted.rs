//! The clients against a broker made of a few lines, which can do what a real one does not: speak only old versions, forget
//! to answer, answer with any error. (The simulation runs them against the real engine.)

use bytes::Bytes;
use naru_client::{
    Acks, Admin, AdminConfig, AdminResult, ClientEffect, ClientInput, ClientOutbox, ConnectionId, Consumer,
    ConsumerConfig, Machine, NetworkConfig, NewTopic, Producer, ProducerConfig, ProducerRecord, StartAt,
};
use naru_records::{Batch, batches};
use naru_trace::{Actor, ClusterView, Micros, Now, Trace, TraceKind};
use naru_wire::{
    ApiKey, BrokerId, ErrorCode, ProducerId, Request, RequestHeader, Response, StrBytes, TopicName, decode_request,
    encode_response,
    messages::{
        ApiVersionsResponse, CreateTopicsResponse, FetchResponse, InitProducerIdResponse, ListOffsetsResponse,
        MetadataResponse, ProduceRequest, ProduceResponse,
        api_versions_response::ApiVersion,
        create_topics_response::CreatableTopicResult,
        fetch_response::{FetchableTopicResponse, PartitionData},
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
        produce_response::{PartitionProduceResponse, TopicProduceResponse},
    },
};
use std::collections::VecDeque;
use uuid::Uuid;

const TOPIC_ID: Uuid = Uuid::from_u128(7);

/// A broker with one topic, `notes`, with one partition.
struct Script {
    /// Whether it speaks the lowest versions that clients know, or the highest.
    old: bool,
    /// What the next Produce requests are answered with; `None` swallows the request.
    produce_answers: VecDeque<Option<ErrorCode>>,
    log: Vec<Batch>,
    requests: Vec<(ApiKey, i16)>,
}

struct Harness<M> {
    machine: M,
    out: ClientOutbox,
    broker: Script,
    now: Micros,
    dials: u32,
    in_flight_max: usize,
}

impl Script {
    fn new(old: bool) -> Self {
        Script { old, produce_answers: VecDeque::new(), log: Vec::new(), requests: Vec::new() }
    }

    fn version(&self, api: ApiKey) -> i16 {
        if self.old { api.versions().min } else { api.versions().max }
    }

    fn answer(&mut self, frame: Bytes) -> Option<Bytes> {
        let (header, request) = decode_request(frame).expect("clients send what can be decoded");
        self.requests.push((header.api, header.version));
        if header.api == ApiKey::ApiVersions && header.version > self.version(ApiKey::ApiVersions) {
            let response = self.api_versions(ErrorCode::UnsupportedVersion);
            return Some(encode(&header, 0, response.into()));
        }
        assert!(header.version <= self.version(header.api), "the client does not keep to what was negotiated");
        let response: Response = match request {
            Request::ApiVersions(_) => self.api_versions(ErrorCode::None).into(),
            Request::Metadata(_) => metadata(header.version).into(),
            Request::InitProducerId(_) => {
                InitProducerIdResponse::default().with_producer_id(ProducerId(42)).with_producer_epoch(0).into()
            }
            Request::Produce(request) => self.produce(&header, request)?.into(),
            Request::ListOffsets(request) => {
                let end = self.log.last().map_or(0, |batch| batch.header().next_offset());
                let asked = request.topics[0].partitions[0].timestamp;
                let found = ListOffsetsPartitionResponse::default()
                    .with_partition_index(0)
                    .with_offset(if asked == -2 { 0 } else { end });
                let topic = ListOffsetsTopicResponse::default().with_name(name()).with_partitions(vec![found]);
                ListOffsetsResponse::default().with_topics(vec![topic]).into()
            }
            Request::Fetch(request) => self.fetch(header.version, request.topics[0].partitions[0].fetch_offset).into(),
            Request::CreateTopics(_) => {
                let result = CreatableTopicResult::default().with_name(name());
                let result = if header.version >= 7 { result.with_topic_id(TOPIC_ID) } else { result };
                CreateTopicsResponse::default().with_topics(vec![result]).into()
            }
            other => panic!("the script has no answer to {other:?}"),
        };
        Some(encode(&header, header.version, response))
    }

    fn api_versions(&self, error: ErrorCode) -> ApiVersionsResponse {
        let keys = ApiKey::ALL.iter().map(|api| {
            let min = api.versions().min;
            ApiVersion::default().with_api_key(api.key()).with_min_version(min).with_max_version(self.version(*api))
        });
        ApiVersionsResponse::default().with_error_code(error as i16).with_api_keys(keys.collect())
    }

    fn produce(&mut self, header: &RequestHeader, request: ProduceRequest) -> Option<ProduceResponse> {
        let error = self.produce_answers.pop_front().unwrap_or(Some(ErrorCode::None))?;
        let topic = &request.topic_data[0];
        let bytes = topic.partition_data[0].records.clone().expect("there are records");
        let mut base_offset = -1;
        if error == ErrorCode::None {
            base_offset = self.log.last().map_or(0, |batch| batch.header().next_offset());
            let [head, rest] = Batch::parse(bytes).unwrap().with_prefix(base_offset, 0);
            self.log.push(Batch::parse([head, rest].concat().into()).unwrap());
        }
        if request.acks == 0 {
            return None;
        }
        let partition = PartitionProduceResponse::default().with_error_code(error as i16).with_base_offset(base_offset);
        let topic = TopicProduceResponse::default().with_partition_responses(vec![partition]);
        let topic = if header.version >= 13 { topic.with_topic_id(TOPIC_ID) } else { topic.with_name(name()) };
        Some(ProduceResponse::default().with_responses(vec![topic]))
    }

    fn fetch(&self, version: i16, from: i64) -> FetchResponse {
        let end = self.log.last().map_or(0, |batch| batch.header().next_offset());
        let wanted = self.log.iter().filter(|batch| batch.header().next_offset() > from);
        let bytes: Vec<u8> = wanted.flat_map(|batch| batch.bytes().to_vec()).collect();
        let data = PartitionData::default().with_high_watermark(end).with_records(Some(bytes.into()));
        let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
        let topic = if version >= 13 { topic.with_topic_id(TOPIC_ID) } else { topic.with_topic(name()) };
        FetchResponse::default().with_responses(vec![topic])
    }
}

fn name() -> TopicName {
    TopicName(StrBytes::from_static_str("notes"))
}

fn metadata(version: i16) -> MetadataResponse {
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(1))
        .with_host(StrBytes::from_static_str("host"))
        .with_port(9092);
    let partition = MetadataResponsePartition::default()
        .with_leader_id(BrokerId(1))
        .with_replica_nodes(vec![BrokerId(1)])
        .with_isr_nodes(vec![BrokerId(1)]);
    let topic = MetadataResponseTopic::default().with_name(Some(name())).with_partitions(vec![partition]);
    let topic = if version >= 10 { topic.with_topic_id(TOPIC_ID) } else { topic };
    MetadataResponse::default().with_brokers(vec![broker]).with_topics(vec![topic])
}

fn encode(header: &RequestHeader, version: i16, response: Response) -> Bytes {
    encode_response(header.correlation_id, version, &response).expect("the script answers well").slice(4..)
}

impl<M: Machine> Harness<M> {
    fn new(broker: Script, make: impl FnOnce(Now, &mut ClientOutbox) -> M) -> Self {
        let mut out = ClientOutbox { trace: Trace::recording(), ..ClientOutbox::default() };
        out.trace.enter(Actor::Client(1), Micros(0), None);
        let machine = make(Now::default(), &mut out);
        Harness { machine, out, broker, now: Micros(0), dials: 0, in_flight_max: 0 }
    }

    fn now(&self) -> Now {
        Now { monotonic: self.now, wall_ms: 1_000 }
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut M, Now, &mut ClientOutbox) -> R) -> R {
        let now = self.now();
        let result = f(&mut self.machine, now, &mut self.out);
        self.settle();
        result
    }

    /// Performs effects, at once and without delay, until there are none.
    fn settle(&mut self) {
        while !self.out.effects.is_empty() {
            let mut answers: VecDeque<(ConnectionId, Bytes)> = VecDeque::new();
            let mut sent = 0;
            for effect in std::mem::take(&mut self.out.effects) {
                match effect {
                    ClientEffect::Dial { connection, .. } => {
                        self.dials += 1;
                        self.step(ClientInput::Connected { connection });
                    }
                    ClientEffect::Send { connection, frame, .. } => {
                        sent += 1;
                        answers.extend(self.broker.answer(frame.slice(4..)).map(|answer| (connection, answer)));
                    }
                    ClientEffect::Close { .. } => {}
                }
            }
            self.in_flight_max = self.in_flight_max.max(sent);
            for (connection, frame) in answers {
                self.step(ClientInput::Frame { connection, frame });
            }
        }
    }

    fn step(&mut self, input: ClientInput) {
        let now = self.now();
        self.machine.step(now, input, &mut self.out);
        let mut fold = ClusterView::default();
        self.out.trace.events().iter().for_each(|event| fold.apply(event));
        assert_eq!(fold.clients[&1], self.machine.view(), "the picture is the state");
    }

    /// Ticks at every deadline until `done`.
    fn run_until(&mut self, done: impl Fn(&M) -> bool) {
        for _ in 0..1_000 {
            if done(&self.machine) {
                return;
            }
            let deadline = self.machine.next_deadline().expect("it has something to wait for");
            assert!(deadline.at > self.now, "a deadline in the past makes its driver spin: {deadline:?}");
            self.now = deadline.at;
            self.step(ClientInput::Tick);
            self.settle();
        }
        panic!("it is never done");
    }
}

fn producer(broker: Script, config: ProducerConfig) -> Harness<Producer> {
    let config = ProducerConfig { bootstrap: vec![("host".into(), 9092)], ..config };
    Harness::new(broker, |now, out| Producer::new(config, 1, now, out))
}

fn send(harness: &mut Harness<Producer>, value: &str) {
    let value = Some(value.as_bytes().to_vec().into());
    let record = ProducerRecord { topic: "notes".into(), value, ..ProducerRecord::default() };
    harness.with(|producer, now, out| producer.send(now, record, out)).unwrap();
}

fn values(log: &[Batch]) -> Vec<String> {
    let all: Vec<u8> = log.iter().flat_map(|batch| batch.bytes().to_vec()).collect();
    let records = batches(all.into()).flat_map(|b| b.unwrap().records(naru_records::DecompressLimit(1 << 20)).unwrap());
    records.map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap()).collect()
}

/// (old, new): the lowest and the highest versions of everything.
#[test]
fn records_go_and_come_in_old_and_new_versions() {
    for old in [true, false] {
        let mut harness = producer(Script::new(old), ProducerConfig::default());
        send(&mut harness, "one");
        send(&mut harness, "two");
        harness.run_until(Producer::is_idle);
        assert_eq!(values(&harness.broker.log), ["one", "two"]);
        let offsets: Vec<i64> = harness.machine.reports().iter().map(|r| r.result.as_ref().unwrap().offset).collect();
        assert_eq!(offsets, [0, 1]);

        let broker = Script { log: harness.broker.log, ..Script::new(old) };
        let config = ConsumerConfig { bootstrap: vec![("host".into(), 9092)], ..ConsumerConfig::default() };
        let mut harness = Harness::new(broker, |now, out| Consumer::new(config, 1, now, out));
        harness.with(|c, now, out| c.assign(now, vec![("notes".into(), 0, StartAt::Offset(1))], out));
        assert!(harness.with(|c, now, out| c.poll(now, 10, out)).is_empty());
        let records = harness.with(|c, now, out| c.poll(now, 10, out));
        assert_eq!(records.len(), 1, "the record before the offset is in the same batch and is left out");
        assert_eq!((records[0].offset, records[0].value.as_deref()), (1, Some(&b"two"[..])));
        assert!(harness.machine.is_at_end());
    }
}

#[test]
fn a_broker_that_does_not_know_the_newest_api_versions_is_asked_again() {
    let mut harness = producer(Script::new(true), ProducerConfig::default());
    send(&mut harness, "one");
    harness.run_until(Producer::is_idle);
    let asked: Vec<i16> =
        harness.broker.requests.iter().filter(|(api, _)| *api == ApiKey::ApiVersions).map(|(_, v)| *v).collect();
    assert_eq!(asked, [4, 0]);
    assert_eq!(harness.dials, 1, "on the same connection, which then serves for the broker it turned out to be");
}

#[test]
fn topics_are_created_in_old_and_new_versions() {
    for old in [true, false] {
        let config = AdminConfig { bootstrap: vec![("host".into(), 9092)], ..AdminConfig::default() };
        let mut harness = Harness::new(Script::new(old), |now, out| Admin::new(config, 1, now, out));
        let topic = NewTopic { name: "notes".into(), ..NewTopic::default() };
        harness.with(|admin, now, out| admin.create_topic(now, topic, out));
        harness.run_until(Admin::is_idle);
        let (_, result) = harness.machine.results().remove(0);
        assert!(matches!(result, Ok(AdminResult::TopicCreated { topic, .. }) if topic == "notes"));
    }
}

#[test]
fn a_retry_keeps_its_sequence_number() {
    let mut script = Script::new(false);
    script.produce_answers.extend([Some(ErrorCode::NotLeaderOrFollower), Some(ErrorCode::NotEnoughReplicas)]);
    let mut harness = producer(script, ProducerConfig::default());
    send(&mut harness, "one");
    harness.run_until(Producer::is_idle);
    send(&mut harness, "two");
    harness.run_until(Producer::is_idle);
    let sequences: Vec<i32> = harness.broker.log.iter().map(|batch| batch.header().base_sequence).collect();
    assert_eq!(sequences, [0, 1]);
    let retries = harness.out.trace.events().iter();
    assert_eq!(retries.filter(|event| matches!(event.kind, TraceKind::RetryScheduled { .. })).count(), 2);
}

#[test]
fn a_request_without_an_answer_costs_the_connection_and_is_sent_again() {
    let mut script = Script::new(false);
    script.produce_answers.push_back(None);
    let network = NetworkConfig { request_timeout_ms: 2_000, ..NetworkConfig::default() };
    let mut harness = producer(script, ProducerConfig { network, ..ProducerConfig::default() });
    send(&mut harness, "one");
    harness.run_until(Producer::is_idle);
    assert_eq!(harness.dials, 2);
    assert_eq!(values(&harness.broker.log), ["one"]);
    assert!((2_000..3_000).contains(&harness.now.as_millis()), "{:?}", harness.now);
}

#[test]
fn after_the_delivery_timeout_a_record_fails_and_the_next_epoch_begins() {
    let mut script = Script::new(false);
    script.produce_answers.extend([const { Some(ErrorCode::NotEnoughReplicas) }; 12]);
    let config = ProducerConfig { delivery_timeout_ms: 3_000, ..ProducerConfig::default() };
    let mut harness = producer(script, config);
    send(&mut harness, "one");
    harness.run_until(Producer::is_idle);
    let error = harness.machine.reports().remove(0).result.unwrap_err();
    assert_eq!(error.error, "REQUEST_TIMED_OUT");
    assert_eq!(error.message, "Expiring 1 record(s) for notes-0: 3000 ms has passed since batch creation");
    harness.broker.produce_answers.clear();
    send(&mut harness, "two");
    harness.run_until(Producer::is_idle);
    let header = harness.broker.log[0].header();
    assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (42, 1, 0));
}

#[test]
fn a_batch_that_is_refused_gives_its_sequence_number_to_the_next() {
    let mut script = Script::new(false);
    script.produce_answers.push_back(Some(ErrorCode::MessageTooLarge));
    let mut harness = producer(script, ProducerConfig::default());
    send(&mut harness, "one");
    harness.run_until(Producer::is_idle);
    assert_eq!(harness.machine.reports().remove(0).result.unwrap_err().error, "MESSAGE_TOO_LARGE");
    send(&mut harness, "two");
    harness.run_until(Producer::is_idle);
    let header = harness.broker.log[0].header();
    assert_eq!((header.producer_epoch, header.base_sequence), (0, 0));
}

/// The broker knows nothing of the producer, so it takes the second batch as it comes, while the first is refused. What
/// follows must not get the second one's number: the broker would take it for that one again.
#[test]
fn a_batch_that_was_taken_while_the_one_before_it_was_refused_keeps_its_sequence_number() {
    let mut script = Script::new(false);
    script.produce_answers.extend([Some(ErrorCode::MessageTooLarge), Some(ErrorCode::None)]);
    let config = ProducerConfig { batch_size: 1, max_in_flight_requests: 2, ..ProducerConfig::default() };
    let mut harness = producer(script, config);
    for value in ["one", "two", "three", "four"] {
        // Nothing is performed in between: two are in flight together, and the third is sent between their answers.
        let record = ProducerRecord { topic: "notes".into(), value: Some(value.into()), ..ProducerRecord::default() };
        let now = harness.now();
        harness.machine.send(now, record, &mut harness.out).unwrap();
    }
    harness.settle();
    harness.run_until(Producer::is_idle);
    let sequences: Vec<i32> = harness.broker.log.iter().map(|batch| batch.header().base_sequence).collect();
    assert_eq!(values(&harness.broker.log), ["two", "three", "four"]);
    assert_eq!(sequences, [1, 2, 3]);
}

#[test]
fn batches_are_as_large_as_batch_size_and_wait_for_linger() {
    let config = ProducerConfig { linger_ms: 20, batch_size: 400, ..ProducerConfig::default() };
    let mut harness = producer(Script::new(false), config);
    for i in 0..20 {
        send(&mut harness, &format!("a value of some length {i:02}"));
    }
    assert!(harness.broker.log.len() > 1, "full batches go at once");
    assert!(!harness.machine.is_idle(), "the last one waits for company");
    harness.run_until(Producer::is_idle);
    assert_eq!(harness.now, Micros::from_millis(20));
    assert_eq!(values(&harness.broker.log).len(), 20);
    assert!(harness.broker.log.iter().all(|batch| batch.bytes().len() <= 400));
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    for most in [1, 3] {
        let config = ProducerConfig {
            max_in_flight_requests: most,
            batch_size: 1,
            acks: Acks::Leader,
            ..ProducerConfig::default()
        };
        let mut harness = producer(Script::new(false), config);
        for i in 0..9 {
            // Nothing is performed in between, so that all wait when the broker is there.
            let value = Some(format!("{i}").into_bytes().into());
            let record = ProducerRecord { topic: "notes".into(), value, ..ProducerRecord::default() };
            let now = harness.now();
            harness.machine.send(now, record, &mut harness.out).unwrap();
        }
        harness.settle();
        harness.run_until(Producer::is_idle);
        assert_eq!(harness.in_flight_max, most as usize);
        assert_eq!(values(&harness.broker.log), (0..9).map(|i| i.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn a_record_that_is_too_long_is_refused_at_once() {
    let mut harness = producer(Script::new(false), ProducerConfig { max_request_size: 1_000, ..Default::default() });
    let record = ProducerRecord { topic: "notes".into(), value: Some(vec![0; 1_000].into()), ..Default::default() };
    let error = harness.with(|producer, now, out| producer.send(now, record, out)).unwrap_err();
    assert_eq!(error.error, "MESSAGE_TOO_LARGE");
    assert!(error.message.contains("max.request.size"));
    assert_eq!(harness.machine.view().failed, 1);
}

#[test]
fn closing_fails_what_waits() {
    let mut harness = producer(Script::new(false), ProducerConfig { linger_ms: 1_000, ..Default::default() });
    send(&mut harness, "one");
    harness.with(|producer, now, out| producer.close(now, out));
    assert_eq!(harness.machine.reports().remove(0).result.unwrap_err().error, "CLIENT_CLOSED");
    assert!(harness.machine.next_deadline().is_none());
    let view = harness.machine.view();
    assert_eq!((view.closed, view.waiting, view.failed), (true, 0, 1));
}
