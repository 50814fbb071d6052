//! Rows of SEMANTICS that a transcript cannot show: bytes, damage, limits, and that watching changes nothing.

mod harness;

use bytes::Bytes;
use harness::Harness;
use naru_broker::{BrokerConfig, ConnectionId, Effect, Input};
use naru_records::{BatchBuilder, Compression};
use naru_trace::TraceKind;
use naru_wire::messages::*;
use naru_wire::shape::{Field, Kind, tables};
use naru_wire::{ApiKey, Request, Response};

fn with_topic() -> Harness {
    let mut harness = Harness::new(BrokerConfig::default());
    harness.command("connect a");
    assert_eq!(harness.command("a create orders:1"), ["a orders partitions=1 replicas=1"]);
    harness
}

fn produce(records: Bytes) -> Request {
    let partition = produce_request::PartitionProduceData::default().with_index(0).with_records(Some(records));
    let topic = produce_request::TopicProduceData::default()
        .with_name(TopicName("orders".into()))
        .with_partition_data(vec![partition]);
    ProduceRequest::default().with_acks(1).with_timeout_ms(1000).with_topic_data(vec![topic]).into()
}

/// SEMANTICS 4: the batch is kept byte for byte, but for its base offset and leader epoch.
#[test]
fn semantics_04_only_offset_and_epoch_are_patched() {
    let mut harness = with_topic();
    harness.command("a produce orders-0 k:v");
    let mut builder = BatchBuilder::new(Compression::Gzip);
    builder.append(harness::START_WALL_MS, Some(b"key"), Some(b"value"), &[]);
    let sent = builder.build(0, -1);
    let first = harness.storage.contents("orders-0/00000000000000000000.log").unwrap().len();
    harness.ask(1, 9, produce(sent.clone()));
    let stored = harness.storage.contents("orders-0/00000000000000000000.log").unwrap().split_off(first);
    assert_eq!(stored.len(), sent.len());
    assert_eq!(stored[..8], 1_i64.to_be_bytes(), "base offset");
    assert_eq!(stored[8..12], sent[8..12], "length");
    assert_eq!(stored[12..16], 0_i32.to_be_bytes(), "leader epoch");
    assert_eq!(stored[16..], sent[16..], "everything that the CRC covers, and the CRC");
}

/// SEMANTICS 23: a topic that is deleted and made again has another id, and the old id finds nothing.
#[test]
fn semantics_23_a_topic_made_again_is_another_topic() {
    let mut harness = with_topic();
    let old = harness.topic_id("orders");
    harness.command("a produce orders-0 k:old");
    assert_eq!(harness.command("a delete orders"), ["a orders"]);
    assert_eq!(harness.command("a create orders:1"), ["a orders partitions=1 replicas=1"]);
    let new = harness.topic_id("orders");
    assert_ne!(old, new);
    assert_eq!(harness.command("a fetch orders-0:0"), ["a orders-0 hw=0"], "nothing of the old topic is there");
    let topic = fetch_request::FetchTopic::default()
        .with_topic_id(old)
        .with_partitions(vec![fetch_request::FetchPartition::default()]);
    let Response::Fetch(answer) = harness.ask(1, 13, FetchRequest::default().with_topics(vec![topic])) else {
        panic!()
    };
    assert_eq!(answer.responses[0].partitions[0].error_code, naru_wire::ErrorCode::UnknownTopicId as i16);
    // The same after a restart, and with the files of the old topic still there at the crash.
    harness.command("crash");
    harness.command("start");
    harness.command("connect a");
    assert_eq!(harness.topic_id("orders"), new);
    assert_eq!(harness.command("a fetch orders-0:0"), ["a orders-0 hw=0"]);
}

/// SEMANTICS 45: whatever comes, the broker goes on, and nobody else's connection ends.
#[test]
fn semantics_45_garbage_harms_nobody_else() {
    let mut harness = with_topic();
    let mut random = Xorshift(0x9e37_79b9);
    for connection in 2..400 {
        harness.connect(connection);
        let mut frame: Vec<u8> = (0..random.next() % 90).map(|_| random.next() as u8).collect();
        // Half of the time a plausible header before the garbage.
        if random.next().is_multiple_of(2) {
            let api = naru_wire::ApiKey::ALL[random.next() as usize % naru_wire::ApiKey::ALL.len()];
            let version = api.versions().min + (random.next() % 4) as i16;
            let header = [api.key().to_be_bytes(), version.to_be_bytes(), [0, 0], [0, 1], [0xff, 0xff]].concat();
            frame.splice(..0, header);
        }
        harness.step(Input::Frame { connection: ConnectionId(connection), frame: frame.into() });
        harness.sent.clear();
        harness.closed.clear();
    }
    assert_eq!(harness.command("a metadata orders").len(), 2);
}

/// What is announced has a handler, and what has a handler is announced. Any other request ends its connection.
#[test]
fn semantics_44_what_is_announced_is_served() {
    let mut harness = with_topic();
    let Response::ApiVersions(announced) = harness.ask(1, 0, ApiVersionsRequest::default()) else { panic!() };
    for (connection, api) in (2..).zip(ApiKey::ALL) {
        harness.connect(connection);
        let version = api.versions().max;
        let header = [api.key().to_be_bytes(), version.to_be_bytes(), [0, 0], [0, 1], [0xff, 0xff]];
        let mut frame = header.concat();
        frame.extend(api.is_flexible(version).then_some(0));
        empty(tables::request(*api), version, api.is_flexible(version), &mut frame);
        harness.step(Input::Frame { connection: ConnectionId(connection), frame: frame.into() });
        let refused = harness.closed.pop_front().map(|(_, reason)| reason);
        let is_announced = announced.api_keys.iter().any(|row| row.api_key == api.key());
        assert!(!(is_announced && BETWEEN_NODES.contains(api)), "{} is no client's business", api.name());
        if !BETWEEN_NODES.contains(api) {
            let expected = (!is_announced).then(|| format!("{} is not served yet", api.name()));
            assert_eq!(refused, expected, "{}", api.name());
        }
        harness.sent.clear();
    }
}

/// What nodes of a cluster ask each other. They are not announced to clients, as Kafka's listener for brokers does not.
const BETWEEN_NODES: [ApiKey; 11] = [
    ApiKey::Vote,
    ApiKey::BeginQuorumEpoch,
    ApiKey::EndQuorumEpoch,
    ApiKey::AlterPartition,
    ApiKey::Envelope,
    ApiKey::FetchSnapshot,
    ApiKey::BrokerRegistration,
    ApiKey::BrokerHeartbeat,
    ApiKey::AllocateProducerIds,
    ApiKey::ControllerRegistration,
    ApiKey::UpdateRaftVoter,
];

/// A body with zeros, empty strings and empty arrays.
fn empty(fields: &[Field], version: i16, flexible: bool, out: &mut Vec<u8>) {
    let is_here = |field: &&Field| (field.since..=field.until).contains(&version) && field.tag.is_none();
    for field in fields.iter().filter(is_here) {
        match &field.kind {
            Kind::Fixed(length) => out.resize(out.len() + length, 0),
            Kind::String | Kind::Bytes | Kind::Array(_) if flexible => out.push(1),
            Kind::String => out.extend([0; 2]),
            Kind::Bytes | Kind::Array(_) => out.extend([0; 4]),
            Kind::Struct(fields) => empty(fields, version, flexible, out),
            Kind::Nullable(_) => out.push(0xff),
        }
    }
    out.extend(flexible.then_some(0));
}

/// Damage to any one byte of a batch is found by its checks, and never gets into the log.
#[test]
fn a_damaged_batch_is_never_appended() {
    let mut harness = with_topic();
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(harness::START_WALL_MS, Some(b"key"), Some(b"value"), &[]);
    let whole = builder.build(0, -1);
    for position in 0..whole.len() {
        let mut damaged = whole.to_vec();
        damaged[position] ^= 0x10;
        let Response::Produce(answer) = harness.ask(1, 9, produce(damaged.into())) else { panic!() };
        let answer = &answer.responses[0].partition_responses[0];
        // The leader epoch is the broker's to fill in, and not covered by anything.
        let is_epoch = (12..16).contains(&position);
        assert_eq!(answer.error_code == 0, is_epoch, "byte {position}: {:?}", answer.error_message);
    }
}

/// A commit that fails takes the partition offline; the client is not told of an offset.
#[test]
fn a_failed_commit_is_not_acknowledged() {
    let mut harness = with_topic();
    harness.storage.set_capacity(Some(harness.storage.entries().iter().map(|entry| entry.length).sum::<u64>() + 10));
    let lines = harness.command("a produce orders-0 k:v");
    assert_eq!(lines, ["a closed: a write failed"]);
    assert!(harness.events.iter().any(|event| matches!(event.kind, TraceKind::PartitionOffline { .. })));
    harness.command("connect b");
    let lines = harness.command("b produce orders-0 k:v");
    assert!(lines[0].contains("KAFKA_STORAGE_ERROR"), "{lines:?}");
    // With room again, a start recovers the partition.
    harness.storage.set_capacity(None);
    harness.command("crash");
    harness.command("start");
    harness.command("connect c");
    assert_eq!(harness.command("c produce orders-0 k:v"), ["c orders-0 offset=0"]);
}

/// Watching changes nothing: with the trace off, the broker answers byte for byte the same.
#[test]
fn a_broker_that_nobody_watches_answers_the_same() {
    let run = |watched: bool| {
        let mut harness = Harness::unopened(BrokerConfig { seed: 3, ..BrokerConfig::default() });
        harness.out.trace.set_on(watched);
        harness.folds = watched;
        harness.open().unwrap();
        let commands = [
            "connect a",
            "a create orders:2",
            "a produce orders-0 k:v k2:v2",
            "a produce orders-0 corrupt k:v",
            "a fetch@12 orders-0:0 orders-1:0 session=new/0",
            "a fetch@12 session=mine/1 wait=50",
            "pass 50",
            "a metadata all",
            "a describe-configs topic:orders",
        ];
        commands.iter().flat_map(|command| harness.command(command)).collect::<Vec<_>>()
    };
    assert_eq!(run(true), run(false));
}

/// A parked reply costs something: there is a limit for all connections together.
#[test]
fn parked_replies_are_limited() {
    let mut harness = Harness::new(BrokerConfig { parked_replies_max: 2, ..BrokerConfig::default() });
    harness.command("connect a");
    harness.command("a create orders:1");
    for connection in ["b", "c", "d"] {
        harness.command(&format!("connect {connection}"));
    }
    assert!(harness.command("b fetch orders-0:0 wait=1000").is_empty());
    assert!(harness.command("c fetch orders-0:0 wait=1000").is_empty());
    let lines = harness.command("d fetch orders-0:0 wait=1000");
    assert_eq!(lines, ["d closed: more replies wait than the broker allows"]);
}

/// Frames that wait behind a parked reply make the broker ask its driver not to read on.
#[test]
fn a_busy_connection_is_not_read_from() {
    let config = BrokerConfig { queued_requests_max: 4, ..BrokerConfig::default() };
    let mut harness = Harness::new(config);
    harness.command("connect a");
    harness.command("a create orders:1");
    let wants = |harness: &Harness| harness.broker.as_ref().unwrap().wants_frames(ConnectionId(1));
    harness.command("a fetch orders-0:0 wait=1000");
    assert!(wants(&harness));
    harness.command("a metadata none");
    harness.command("a metadata none");
    assert!(!wants(&harness));
    harness.command("pass 1000");
    assert!(wants(&harness));
    assert_eq!(harness.waiting[&ConnectionId(1)].len(), 0);
}

/// Counters count.
#[test]
fn metrics_say_what_was_done() {
    let mut harness = with_topic();
    harness.command("a produce orders-0 k:v k:v");
    harness.command("a produce orders-0 corrupt k:v");
    harness.command("a fetch orders-0:0");
    let metrics = harness.broker.as_ref().unwrap().metrics();
    assert_eq!((metrics.requests["Produce"], metrics.requests["Fetch"], metrics.requests["Metadata"]), (2, 1, 0));
    assert_eq!((metrics.batches_appended, metrics.records_appended), (1, 2));
    assert_eq!(metrics.errors["CORRUPT_MESSAGE"], 1);
    assert_eq!(metrics.log_bytes_appended, metrics.log_bytes_read);
    assert_eq!((metrics.topics, metrics.partitions, metrics.connections), (1, 1, 1));
    assert!(metrics.bytes_in > 0 && metrics.bytes_out > 0 && metrics.log_bytes > metrics.log_bytes_appended);
}

/// The only effect of a clean stop that the next start looks at.
#[test]
fn the_clean_stop_marker_is_written_and_taken_away() {
    let mut harness = with_topic();
    harness.command("stop");
    assert!(harness.storage.contents(".kafka_cleanshutdown").is_some());
    let leftover = harness.out.effects.iter().find(|effect| !matches!(effect, Effect::Close { .. }));
    assert!(leftover.is_none(), "{leftover:?}");
    harness.command("start");
    assert!(harness.storage.contents(".kafka_cleanshutdown").is_none());
}

struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// One decision may be large: it is still one batch of the metadata log, and a restart reads it again.
#[test]
fn a_topic_of_thousands_of_partitions_survives_a_restart() {
    let mut harness = Harness::new(BrokerConfig::default());
    harness.folds = false;
    harness.command("connect a");
    assert_eq!(harness.command("a create wide:9000"), ["a wide partitions=9000 replicas=1"]);
    harness.command("crash");
    harness.command("start");
    assert_eq!(harness.broker.as_ref().unwrap().metrics().partitions, 9000);
}

/// What a request costs does not grow with what was done before: neither appends, nor fetches at the end, nor parked ones.
#[test]
fn the_cost_of_a_request_does_not_grow_with_the_log() {
    let mut harness = with_topic();
    harness.out.trace.set_on(false);
    harness.folds = false;
    // Looking up a topic's id would read a whole view each time.
    harness.foreign_ids = Some(Default::default());
    harness.connect(2);
    let mut round = |count: usize| {
        let begin = std::time::Instant::now();
        for _ in 0..count {
            let end = harness.command("a list-offsets orders-0:latest")[0].rsplit_once('=').unwrap().1.to_owned();
            harness.command(&format!("b fetch@12 orders-0:{end} wait=100"));
            assert_eq!(harness.command("a produce@12 orders-0 k:v").len(), 2, "an offset, and the record");
        }
        begin.elapsed()
    };
    round(200);
    let early = round(200);
    round(3_000);
    let late = round(200);
    assert!(late < early * 5 + std::time::Duration::from_millis(200), "{early:?}, then {late:?}");
}
