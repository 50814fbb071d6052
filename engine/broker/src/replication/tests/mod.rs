//! Replication between whole brokers, wired by hand: messages arrive at once and in order, time passes when a test says so,
//! and the controller is the test itself. Every broker is its own quorum here, and is told the same records.
//!
//! Deliberately not the simulation: no latency, no chance.

mod acks;
mod failover;
mod in_sync;
mod reading;

use crate::{
    Broker, BrokerConfig, ConnectionId, Effect, Input, Outbox,
    turn::{State, Turn},
};
use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    format,
    string::String,
    string::ToString,
    vec,
    vec::Vec,
};
use bytes::Bytes;
use naru_log::{Log, MemoryStorage, ReadAt, Slice, Storage};
use naru_metadata::record::{
    BrokerEndpoint, ConfigRecord, PartitionChangeRecord, PartitionRecord, RegisterBrokerRecord, TopicRecord,
};
use naru_metadata::{Image, MetadataRecord};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, batches};
use naru_trace::{Actor, ClusterView, Micros, Now, Trace, TraceEvent, TraceKind};
use naru_wire::messages::alter_partition_response::{PartitionData, TopicData};
use naru_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use naru_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use naru_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use naru_wire::messages::{
    AlterPartitionResponse, BrokerId, DeleteRecordsRequest, FetchRequest, ProduceRequest, ProduceResponse, TopicName,
};
use naru_wire::{
    ApiKey, ErrorCode, Request, RequestHeader, Response, StrBytes, decode_request, decode_response, encode_request,
    encode_response,
};
use uuid::Uuid;

const START_WALL_MS: i64 = 1_767_225_600_000;
pub const TOPIC: &str = "orders";
const TOPIC_ID: Uuid = Uuid::from_u128(77);

/// Several brokers and what lies between them.
pub struct Cluster {
    pub now: Now,
    nodes: BTreeMap<i32, Node>,
    /// From one end of a connection to the other.
    links: BTreeMap<(i32, ConnectionId), (i32, ConnectionId)>,
    /// What is on its way.
    queue: VecDeque<(i32, Input)>,
    /// Nodes that others cannot reach, and that reach nobody.
    isolated: BTreeSet<i32>,
    /// The controller's image.
    image: Image,
    records: Vec<MetadataRecord>,
    /// AlterPartition is answered, or gets lost.
    pub controller_answers: bool,
    /// The ISRs that were asked for.
    pub asked_isrs: Vec<Vec<i32>>,
    answers: BTreeMap<u64, VecDeque<(ApiKey, i16)>>,
    received: BTreeMap<u64, VecDeque<Response>>,
    next_connection: u64,
    next_correlation_id: i32,
    pub events: Vec<TraceEvent>,
}

struct Node {
    config: BrokerConfig,
    storage: MemoryStorage,
    broker: Option<Broker<MemoryStorage>>,
    out: Outbox,
    folded: ClusterView,
    /// How many of the controller's records it was told.
    told: usize,
}

impl Cluster {
    pub fn new(ids: &[i32]) -> Cluster {
        Cluster::with(ids, |_| {})
    }

    pub fn with(ids: &[i32], configure: impl Fn(&mut BrokerConfig)) -> Cluster {
        let mut cluster = Cluster {
            now: Now { monotonic: Micros(0), wall_ms: START_WALL_MS },
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            queue: VecDeque::new(),
            isolated: BTreeSet::new(),
            image: Image::default(),
            records: Vec::new(),
            controller_answers: true,
            asked_isrs: Vec::new(),
            answers: BTreeMap::new(),
            received: BTreeMap::new(),
            next_connection: 1_000,
            next_correlation_id: 0,
            events: Vec::new(),
        };
        for id in ids {
            let mut config = BrokerConfig {
                node_id: *id,
                advertised_host: format!("broker-{id}"),
                advertised_port: 9_000 + *id as u16,
                ..BrokerConfig::default()
            };
            // Nobody sends heartbeats here, and nobody is fenced for that.
            config.cluster.session_timeout_ms = 1_000_000_000;
            config.cluster.auto_leader_rebalance = false;
            configure(&mut config);
            let out = Outbox { trace: Trace::recording(), ..Outbox::default() };
            let (storage, folded) = (MemoryStorage::new(), ClusterView::default());
            cluster.nodes.insert(*id, Node { config, storage, broker: None, out, folded, told: 0 });
        }
        ids.iter().for_each(|id| cluster.start(*id));
        cluster
    }

    /// Starts a broker on what is on its disk, and tells everybody that it is there.
    pub fn start(&mut self, id: i32) {
        let now = self.now;
        let node = self.nodes.get_mut(&id).unwrap();
        node.out.trace.enter(Actor::Broker(id), now.monotonic, None);
        let opened = Broker::open(node.config.clone(), node.storage.clone(), now, &mut node.out).unwrap();
        node.broker = Some(opened);
        assert!(node.broker.as_mut().unwrap().storage_mut().commit().is_empty());
        let mut epoch = 0;
        node.broker.as_mut().unwrap().with_turn(now, &mut node.out, |turn| epoch = turn.state.broker_epoch);
        self.after_step(id);
        let config = &self.nodes[&id].config;
        let registration = RegisterBrokerRecord {
            broker_id: id,
            is_migrating_zk_broker: false,
            incarnation_id: Uuid::from_u128(epoch as u128),
            broker_epoch: epoch,
            end_points: vec![BrokerEndpoint {
                name: "PLAINTEXT".into(),
                host: config.advertised_host.clone(),
                port: config.advertised_port,
                security_protocol: 0,
            }],
            features: Vec::new(),
            rack: config.cluster.rack.clone(),
            fenced: false,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
        };
        self.decide(vec![MetadataRecord::RegisterBroker(registration)]);
    }

    /// The process ends without warning. What it wrote stays; connections end.
    pub fn kill(&mut self, id: i32) {
        let node = self.nodes.get_mut(&id).unwrap();
        node.broker = None;
        node.storage.crash();
        self.end_links(id);
        self.run();
    }

    /// Nobody reaches it, and it reaches nobody.
    pub fn isolate(&mut self, id: i32) {
        self.isolated.insert(id);
        self.end_links(id);
        self.run();
    }

    pub fn rejoin(&mut self, id: i32) {
        self.isolated.remove(&id);
    }

    fn end_links(&mut self, id: i32) {
        self.queue.retain(|(node, _)| *node != id);
        let ended: Vec<_> = self.links.keys().filter(|(node, _)| *node == id).copied().collect();
        for end in ended {
            let Some(other) = self.links.remove(&end) else { continue };
            self.links.remove(&other);
            self.queue.push_back((other.0, Input::Disconnected { connection: other.1 }));
            if self.is_up(id) {
                self.queue.push_back((id, Input::Disconnected { connection: end.1 }));
            }
        }
    }

    fn is_up(&self, id: i32) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.broker.is_some())
    }

    /// A topic of one partition. The first replica leads; all are in sync.
    pub fn create_topic(&mut self, replicas: &[i32], configs: &[(&str, &str)]) {
        let topic = TopicRecord { name: TOPIC.into(), topic_id: TOPIC_ID };
        let mut records = vec![MetadataRecord::Topic(topic)];
        records.extend(configs.iter().map(|(name, value)| {
            MetadataRecord::Config(ConfigRecord {
                resource_type: 2,
                resource_name: TOPIC.into(),
                name: (*name).into(),
                value: Some((*value).into()),
            })
        }));
        records.push(MetadataRecord::Partition(PartitionRecord {
            partition_id: 0,
            topic_id: TOPIC_ID,
            replicas: replicas.to_vec(),
            isr: replicas.to_vec(),
            removing_replicas: Vec::new(),
            adding_replicas: Vec::new(),
            leader: replicas[0],
            leader_recovery_state: 0,
            leader_epoch: 0,
            partition_epoch: 0,
            directories: vec![Uuid::nil(); replicas.len()],
            elr: Vec::new(),
            last_known_elr: Vec::new(),
        }));
        self.decide(records);
    }

    /// Another leader, with another ISR.
    pub fn elect(&mut self, leader: i32, isr: &[i32]) {
        self.change(PartitionChangeRecord { leader: Some(leader), isr: Some(isr.to_vec()), ..change() });
    }

    pub fn reassign(&mut self, replicas: &[i32], isr: &[i32]) {
        let (replicas, isr) = (Some(replicas.to_vec()), Some(isr.to_vec()));
        self.change(PartitionChangeRecord { replicas, isr, ..change() });
    }

    fn change(&mut self, record: PartitionChangeRecord) {
        self.decide(vec![MetadataRecord::PartitionChange(record)]);
    }

    /// The controller decides; every broker that can be reached is told.
    pub fn decide(&mut self, records: Vec<MetadataRecord>) {
        for record in &records {
            self.image.replay(record).unwrap();
        }
        self.records.extend(records);
        self.tell();
        self.run();
    }

    /// Tells brokers what they have not been told.
    pub fn tell(&mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            if !self.is_up(id) || self.isolated.contains(&id) {
                continue;
            }
            let node = &self.nodes[&id];
            let news: Vec<MetadataRecord> = self.records[node.told..].to_vec();
            self.nodes.get_mut(&id).unwrap().told = self.records.len();
            // What a broker says of itself it knows already.
            let is_own =
                |record: &MetadataRecord| matches!(record, MetadataRecord::RegisterBroker(it) if it.broker_id == id);
            for record in news.into_iter().filter(|record| !is_own(record)) {
                self.act(id, |turn| assert!(turn.commit_metadata(vec![record]).is_ok()));
            }
        }
    }

    fn act(&mut self, id: i32, act: impl FnOnce(&mut Turn<'_>)) {
        let now = self.now;
        let node = self.nodes.get_mut(&id).unwrap();
        node.out.trace.enter(Actor::Broker(id), now.monotonic, None);
        node.broker.as_mut().unwrap().with_turn(now, &mut node.out, act);
        self.after_step(id);
    }

    fn step(&mut self, id: i32, input: Input) {
        let now = self.now;
        let node = self.nodes.get_mut(&id).unwrap();
        node.out.trace.enter(Actor::Broker(id), now.monotonic, None);
        let Some(broker) = node.broker.as_mut() else { return };
        broker.step(now, input, &mut node.out);
        self.after_step(id);
    }

    /// Commits, compares the fold of the events with the broker, performs.
    fn after_step(&mut self, id: i32) {
        let node = self.nodes.get_mut(&id).unwrap();
        let broker = node.broker.as_mut().unwrap();
        assert!(broker.storage_mut().commit().is_empty());
        broker.check_invariants();
        let events = node.out.trace.take();
        events.iter().for_each(|event| node.folded.apply(event));
        assert_eq!(node.folded.brokers[&id], broker.view(), "the events of broker {id} add up to what it is");
        self.events.extend(events);
        for effect in core::mem::take(&mut self.nodes.get_mut(&id).unwrap().out.effects) {
            self.perform(id, effect);
        }
    }

    fn perform(&mut self, id: i32, effect: Effect) {
        match effect {
            Effect::Send { connection, frame, .. } => {
                let node = &self.nodes[&id];
                let parts = frame.chunks.iter().map(|slice| bytes_of(slice, &node.storage));
                let framed: Bytes = parts.collect::<Vec<_>>().concat().into();
                self.deliver(id, connection, framed.slice(4..));
            }
            Effect::Close { connection, .. } => {
                if let Some(other) = self.links.remove(&(id, connection)) {
                    self.links.remove(&other);
                    self.queue.push_back((other.0, Input::Disconnected { connection: other.1 }));
                }
                self.received.remove(&connection.0);
            }
            Effect::Sync { ticket, .. } => self.queue.push_back((id, Input::Synced { ticket, result: Ok(()) })),
            Effect::Load { ticket, .. } => self.queue.push_back((id, Input::Loaded { ticket })),
            Effect::Dial { connection, port, .. } => {
                let target = i32::from(port) - 9_000;
                let is_cut = target != id && (self.isolated.contains(&id) || self.isolated.contains(&target));
                if !self.is_up(target) || is_cut {
                    self.queue.push_back((id, Input::Disconnected { connection }));
                    return;
                }
                let accepted = ConnectionId(self.next_connection);
                self.next_connection += 1;
                self.links.insert((id, connection), (target, accepted));
                self.links.insert((target, accepted), (id, connection));
                self.queue.push_back((target, Input::Connected { connection: accepted, peer: format!("broker-{id}") }));
                self.queue.push_back((id, Input::Dialled { connection }));
            }
        }
    }

    fn deliver(&mut self, id: i32, connection: ConnectionId, frame: Bytes) {
        if let Some(waiting) = self.answers.get_mut(&connection.0) {
            let (api, version) = waiting.pop_front().expect("an answer to a request");
            let (_, response) = decode_response(api, version, frame).unwrap();
            self.received.entry(connection.0).or_default().push_back(response);
            return;
        }
        if connection.is_dialled() && i16::from_be_bytes([frame[0], frame[1]]) == ApiKey::AlterPartition as i16 {
            return self.control(id, connection, frame);
        }
        let Some((other, far_end)) = self.links.get(&(id, connection)).copied() else { return };
        self.queue.push_back((other, Input::Frame { connection: far_end, frame }));
    }

    /// What the controller makes of AlterPartition.
    fn control(&mut self, id: i32, connection: ConnectionId, frame: Bytes) {
        if !self.controller_answers || self.isolated.contains(&id) {
            return;
        }
        let (header, Request::AlterPartition(request)) = decode_request(frame).unwrap() else { panic!("it is one") };
        let mut response = AlterPartitionResponse::default();
        for topic in request.topics {
            let mut answer = TopicData::default().with_topic_id(topic.topic_id);
            for asked in topic.partitions {
                let partition = self.image.partition(TOPIC, asked.partition_index).unwrap();
                let isr: Vec<i32> = asked.new_isr_with_epochs.iter().map(|member| member.broker_id.0).collect();
                let data = PartitionData::default().with_partition_index(asked.partition_index);
                let error = match () {
                    () if asked.leader_epoch != partition.leader_epoch => ErrorCode::FencedLeaderEpoch,
                    () if asked.partition_epoch != partition.partition_epoch => ErrorCode::InvalidUpdateVersion,
                    () => ErrorCode::None,
                };
                if error != ErrorCode::None {
                    answer.partitions.push(data.with_error_code(error as i16));
                    continue;
                }
                let record =
                    MetadataRecord::PartitionChange(PartitionChangeRecord { isr: Some(isr.clone()), ..change() });
                self.image.replay(&record).unwrap();
                self.records.push(record);
                self.asked_isrs.push(isr.clone());
                let partition = self.image.partition(TOPIC, asked.partition_index).unwrap();
                answer.partitions.push(
                    data.with_leader_id(BrokerId(partition.leader))
                        .with_leader_epoch(partition.leader_epoch)
                        .with_partition_epoch(partition.partition_epoch)
                        .with_isr(isr.into_iter().map(BrokerId).collect()),
                );
            }
            response.topics.push(answer);
        }
        let framed = encode_response(header.correlation_id, header.version, &response.into()).unwrap();
        self.queue.push_back((id, Input::Frame { connection, frame: framed.slice(4..) }));
    }

    /// Everything on its way arrives, and what it leads to.
    pub fn run(&mut self) {
        let mut steps = 0;
        loop {
            while let Some((id, input)) = self.queue.pop_front() {
                steps += 1;
                assert!(steps < 20_000, "messages beget messages without end");
                if self.is_up(id) {
                    self.step(id, input);
                }
            }
            let news = |(id, node): (&i32, &Node)| {
                node.broker.is_some() && !self.isolated.contains(id) && node.told < self.records.len()
            };
            if !self.nodes.iter().any(news) {
                return;
            }
            self.tell();
        }
    }

    /// Time passes; every deadline on the way is kept.
    pub fn pass(&mut self, millis: u64) {
        let until = self.now.monotonic.plus(millis * 1_000);
        loop {
            let due = |(id, node): (&i32, &Node)| Some((node.broker.as_ref()?.next_deadline()?.at, *id));
            let next = self.nodes.iter().filter_map(due).min().filter(|(at, _)| *at <= until);
            let Some((at, id)) = next else { break };
            self.set_time(at.max(self.now.monotonic));
            self.step(id, Input::Tick);
            self.run();
        }
        self.set_time(until);
    }

    fn set_time(&mut self, at: Micros) {
        self.now.wall_ms += (at.since(self.now.monotonic) / 1_000) as i64;
        self.now.monotonic = at;
    }

    // ---- Clients ----

    /// Sends a request to a broker, on a connection of its own. Returns the connection.
    pub fn send(&mut self, id: i32, version: i16, request: impl Into<Request>) -> u64 {
        let request = request.into();
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.next_correlation_id += 1;
        let client_id = StrBytes::from_static_str("test");
        let header = RequestHeader { api: request.api(), version, correlation_id: self.next_correlation_id, client_id };
        let framed = encode_request(&header, &request).unwrap();
        self.answers.insert(connection.0, VecDeque::from([(request.api(), version)]));
        self.queue.push_back((id, Input::Connected { connection, peer: "client".into() }));
        self.queue.push_back((id, Input::Frame { connection, frame: framed.slice(4..) }));
        self.run();
        connection.0
    }

    /// The answer on a connection, if it is there.
    pub fn answer(&mut self, connection: u64) -> Option<Response> {
        self.received.get_mut(&connection)?.pop_front()
    }

    pub fn ask(&mut self, id: i32, version: i16, request: impl Into<Request>) -> Response {
        let connection = self.send(id, version, request);
        self.answer(connection).expect("an answer at once")
    }

    /// Sends a batch of one record; returns the connection that its answer will come on.
    pub fn produce(&mut self, id: i32, acks: i16, value: &str) -> u64 {
        self.send(id, 12, produce_request(acks, batch(value, None)))
    }

    /// The same, for an answer that must be there: error and base offset.
    pub fn produced(&mut self, connection: u64) -> Option<(ErrorCode, i64)> {
        let Response::Produce(response) = self.answer(connection)? else { panic!("an answer to Produce") };
        let answer = &response.responses[0].partition_responses[0];
        Some((ErrorCode::from_code(answer.error_code), answer.base_offset))
    }

    /// What a consumer gets from a broker: error, high watermark, values.
    pub fn consume(&mut self, id: i32, offset: i64) -> (ErrorCode, i64, Vec<String>) {
        let partition = FetchPartition::default()
            .with_fetch_offset(offset)
            .with_current_leader_epoch(-1)
            .with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default().with_topic_id(TOPIC_ID).with_partitions(vec![partition]);
        let request = FetchRequest::default().with_max_bytes(1 << 20).with_session_epoch(-1).with_topics(vec![topic]);
        let Response::Fetch(response) = self.ask(id, 17, request) else { panic!("an answer to Fetch") };
        let answer = &response.responses[0].partitions[0];
        let records = answer.records.clone().unwrap_or_default();
        (ErrorCode::from_code(answer.error_code), answer.high_watermark, values(records))
    }

    /// DeleteRecords up to an offset.
    pub fn send_delete_records(&mut self, id: i32, offset: i64) -> u64 {
        let partition = DeleteRecordsPartition::default().with_offset(offset);
        let topic = DeleteRecordsTopic::default()
            .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![partition]);
        self.send(id, 2, DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(5_000))
    }

    pub fn deleted(&mut self, connection: u64) -> Option<(ErrorCode, i64)> {
        let Response::DeleteRecords(response) = self.answer(connection)? else { panic!("an answer to DeleteRecords") };
        let answer = &response.topics[0].partitions[0];
        Some((ErrorCode::from_code(answer.error_code), answer.low_watermark))
    }

    /// Whether there is anything of the partition on a broker's disk.
    pub fn has_directory(&self, id: i32) -> bool {
        self.nodes[&id].storage.list("").unwrap().iter().any(|entry| entry.name.starts_with(TOPIC))
    }

    // ---- Looking ----

    pub fn look<T>(&mut self, id: i32, look: impl FnOnce(&State) -> T) -> T {
        let (now, mut found) = (self.now, None);
        let node = self.nodes.get_mut(&id).unwrap();
        node.broker.as_mut().unwrap().with_turn(now, &mut node.out, |turn| found = Some(look(turn.state)));
        found.unwrap()
    }

    fn partition<T>(&mut self, id: i32, look: impl FnOnce(&crate::topics::Partition) -> T) -> T {
        self.look(id, |state| look(&state.topics.get(state.topics.by_name(TOPIC).unwrap()).unwrap().partitions[0]))
    }

    /// Log end offset and high watermark.
    pub fn ends(&mut self, id: i32) -> (i64, i64) {
        self.partition(id, |partition| (partition.log().map_or(-1, Log::log_end_offset), partition.high_watermark))
    }

    pub fn isr(&mut self, id: i32) -> Vec<i32> {
        self.partition(id, |partition| partition.isr.clone())
    }

    pub fn role(&mut self, id: i32) -> &'static str {
        self.partition(id, |partition| partition.role.name())
    }

    /// All values in a broker's log, committed or not.
    pub fn log_values(&mut self, id: i32) -> Vec<String> {
        let storage = self.nodes[&id].storage.clone();
        self.partition(id, |partition| {
            let log = partition.log().unwrap();
            let read = log.read(log.log_start_offset(), u32::MAX, i64::MAX, true, &storage).unwrap();
            read.slices.iter().flat_map(|slice| values(bytes_of(slice, &storage))).collect()
        })
    }

    pub fn saw(&self, is_it: impl Fn(&TraceKind) -> bool) -> bool {
        self.events.iter().any(|event| is_it(&event.kind))
    }
}

fn change() -> PartitionChangeRecord {
    PartitionChangeRecord { partition_id: 0, topic_id: TOPIC_ID, ..PartitionChangeRecord::default() }
}

pub fn batch(value: &str, producer: Option<(i64, i32)>) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None);
    if let Some((id, sequence)) = producer {
        builder = builder.producer(id, 0, sequence);
    }
    builder.append(START_WALL_MS, Some(b"key"), Some(value.as_bytes()), &[]);
    Batch::parse(builder.build(0, -1)).unwrap()
}

pub fn produce_request(acks: i16, batch: Batch) -> ProduceRequest {
    let partition = PartitionProduceData::default().with_index(0).with_records(Some(batch.bytes().clone()));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
        .with_partition_data(vec![partition]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(5_000).with_topic_data(vec![topic])
}

pub fn first_produced(response: &Response) -> &naru_wire::messages::produce_response::PartitionProduceResponse {
    let Response::Produce(ProduceResponse { responses, .. }) = response else { panic!("an answer to Produce") };
    &responses[0].partition_responses[0]
}

fn values(records: Bytes) -> Vec<String> {
    let batches: Vec<Batch> = batches(records).collect::<Result<_, _>>().unwrap();
    let records = batches.iter().flat_map(|batch| batch.records(DecompressLimit::default()).unwrap());
    records.map(|record| String::from_utf8_lossy(&record.value.unwrap()).to_string()).collect()
}

fn bytes_of(slice: &Slice, storage: &MemoryStorage) -> Bytes {
    match slice {
        Slice::Bytes(bytes) => bytes.clone(),
        Slice::File(range) => storage.read(range.file, range.position, range.length).unwrap(),
    }
}
