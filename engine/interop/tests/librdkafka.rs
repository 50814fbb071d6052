//! librdkafka, through the `rdkafka` crate, against `naru serve`: every codec, every acks, idempotence, offsets by time, admin.

use naru_interop::{BrokerProcess, PATIENCE, block_on};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    message::Message,
    producer::{BaseProducer, BaseRecord, Producer},
};
use std::time::Duration;

fn config(broker: &BrokerProcess) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap);
    config
}

fn produce(config: &ClientConfig, topic: &str, values: &[String]) {
    let producer: BaseProducer = config.create().expect("a producer");
    for value in values {
        let record = BaseRecord::<(), str>::to(topic).payload(value).partition(0);
        producer.send(record).map_err(|(error, _)| error).expect("the record is queued");
    }
    producer.flush(PATIENCE).expect("every record is delivered");
}

/// Reads partition 0 of `topic` from `from` to its end.
fn consume(broker: &BrokerProcess, topic: &str, from: Offset) -> Vec<(i64, String)> {
    let consumer: BaseConsumer = config(broker)
        .set("group.id", "unused: partitions are assigned by hand")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .create()
        .expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, from).expect("an offset");
    consumer.assign(&assignment).expect("the assignment");
    let mut records = Vec::new();
    loop {
        match consumer.poll(PATIENCE).expect("something within a minute") {
            Ok(message) => {
                let value = message.payload_view::<str>().expect("a value").expect("UTF-8");
                records.push((message.offset(), value.to_owned()));
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => return records,
            Err(error) => panic!("the consumer failed: {error}"),
        }
    }
}

fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix} {i}")).collect()
}

#[test]
fn every_codec_and_every_acks_comes_back_in_order() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        for (acks, idempotent) in [("0", "false"), ("1", "false"), ("all", "false"), ("all", "true")] {
            let topic = format!("{codec}-{acks}-{idempotent}");
            let values = numbered(&topic, 1_000);
            let mut settings = config(&broker);
            settings.set("compression.type", codec).set("acks", acks).set("enable.idempotence", idempotent);
            produce(&settings, &topic, &values);
            // With acks=0 a flush says only that the records were sent; the consumer's long poll waits for the last one.
            let mut got = consume(&broker, &topic, Offset::Beginning);
            let begun = std::time::Instant::now();
            while acks == "0" && got.len() < values.len() && begun.elapsed() < PATIENCE {
                got = consume(&broker, &topic, Offset::Beginning);
            }
            let expected: Vec<_> = values.into_iter().enumerate().map(|(i, v)| (i as i64, v)).collect();
            assert_eq!(got, expected, "{topic}");
        }
    }
}

#[test]
fn offsets_are_found_by_time_and_from_the_tail() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let producer: BaseProducer = config(&broker).create().expect("a producer");
    for i in 0..100i64 {
        let value = format!("{i}");
        let record = BaseRecord::<(), str>::to("timed").payload(&value).partition(0).timestamp(1_000_000 + i * 10);
        producer.send(record).map_err(|(error, _)| error).expect("the record is queued");
    }
    producer.flush(PATIENCE).expect("every record is delivered");

    let consumer: BaseConsumer = config(&broker).set("group.id", "unused").create().expect("a consumer");
    assert_eq!(consumer.fetch_watermarks("timed", 0, PATIENCE).expect("watermarks"), (0, 100));
    let mut times = TopicPartitionList::new();
    times.add_partition_offset("timed", 0, Offset::Offset(1_000_495)).expect("a time");
    let found = consumer.offsets_for_times(times, PATIENCE).expect("offsets");
    assert_eq!(found.elements()[0].offset(), Offset::Offset(50));
    assert_eq!(consume(&broker, "timed", Offset::OffsetTail(3)).len(), 3);
    assert_eq!(consume(&broker, "timed", Offset::Offset(98)).first().map(|(offset, _)| *offset), Some(98));
}

#[test]
fn admin_creates_grows_describes_and_deletes_topics() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let admin: AdminClient<DefaultClientContext> = config(&broker).create().expect("an admin client");
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));

    let topics = [
        NewTopic::new("orders", 3, TopicReplication::Fixed(1)).set("retention.ms", "60000"),
        NewTopic::new("bad name", 1, TopicReplication::Fixed(1)),
        NewTopic::new("three-copies", 1, TopicReplication::Fixed(3)),
    ];
    let results = block_on(admin.create_topics(&topics, &options)).expect("an answer");
    assert_eq!(results[0], Ok("orders".to_owned()));
    let code = |i: usize| results[i].as_ref().expect_err("refused").1.to_string();
    assert!(code(1).contains("InvalidTopic"), "{}", code(1));
    assert!(code(2).contains("InvalidReplicationFactor"), "{}", code(2));

    let grown = block_on(admin.create_partitions(&[NewPartitions::new("orders", 5)], &options));
    assert_eq!(grown.expect("an answer"), [Ok("orders".to_owned())]);
    let metadata = admin.inner().fetch_metadata(Some("orders"), PATIENCE).expect("metadata");
    assert_eq!(metadata.topics()[0].partitions().len(), 5);

    let resources = [ResourceSpecifier::Topic("orders")];
    let described = block_on(admin.describe_configs(&resources, &options)).expect("an answer");
    let entries = described.into_iter().next().expect("a resource").expect("its settings").entries;
    let retention = entries.iter().find(|entry| entry.name == "retention.ms").expect("retention.ms");
    assert_eq!(retention.value.as_deref(), Some("60000"));
    assert!(!retention.is_default);

    let deleted = block_on(admin.delete_topics(&["orders"], &options)).expect("an answer");
    assert_eq!(deleted, [Ok("orders".to_owned())]);
    let metadata = admin.inner().fetch_metadata(None, PATIENCE).expect("metadata");
    assert!(metadata.topics().iter().all(|topic| topic.name() != "orders"));
}

#[test]
fn a_consumer_that_waits_is_woken_by_the_next_record() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    produce(&config(&broker), "awaited", &numbered("first", 1));
    let consumer: BaseConsumer = config(&broker)
        .set("group.id", "unused")
        .set("fetch.wait.max.ms", "30000")
        .set("socket.timeout.ms", "60000")
        .create()
        .expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset("awaited", 0, Offset::Offset(1)).expect("an offset");
    consumer.assign(&assignment).expect("the assignment");
    assert!(consumer.poll(Duration::from_millis(500)).is_none(), "there is nothing at offset 1 yet");
    produce(&config(&broker), "awaited", &numbered("second", 1));
    let begun = std::time::Instant::now();
    let message = consumer.poll(PATIENCE).expect("a record").expect("no error");
    assert_eq!(message.offset(), 1);
    assert!(begun.elapsed() < Duration::from_secs(5), "the long poll of 30 s was cut short by the record");
}
