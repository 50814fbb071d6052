//! Comparing what topics hold with what was sent and acknowledged.

use crate::load::{Delivered, Load, Sent, TOPICS, Topic};
use naru_interop::PATIENCE;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use std::collections::BTreeMap;

/// What is known of all partitions.
pub struct Verifier {
    consumer: BaseConsumer,
    partitions: Vec<Partition>,
}

/// One partition, as it must be.
struct Partition {
    topic: &'static Topic,
    number: usize,
    partition: i32,
    /// All that was acknowledged, by offset.
    acknowledged: BTreeMap<i64, Sent>,
    /// The newest acknowledged record of each key, by its offset.
    newest: BTreeMap<String, i64>,
    log_start_offset: i64,
    log_end_offset: i64,
    /// Records that compaction took.
    compacted_away: usize,
    /// Everything before this offset was compared already.
    compared_to: i64,
}

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    offset: i64,
    key: String,
    value: Option<String>,
}

impl Verifier {
    /// A consumer of its own.
    pub fn new(bootstrap: &str) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("group.id", "unused: partitions are assigned by hand");
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true").set("check.crcs", "true");
        config.set("reconnect.backoff.ms", "10").set("reconnect.backoff.max.ms", "50").set("log_level", "0");
        config.set("fetch.wait.max.ms", "5").set("auto.offset.reset", "error");
        let consumer = config.create().expect("a consumer");
        let of_topic = |(number, topic): (usize, &'static Topic)| {
            (0..topic.partitions).map(move |partition| Partition::new(number, topic, partition))
        };
        Verifier { consumer, partitions: TOPICS.iter().enumerate().flat_map(of_topic).collect() }
    }

    /// Compares; `all` from the beginning of each log, else from where the last comparison ended.
    pub fn check(&mut self, round: u32, load: &mut Load, all: bool) {
        for number in 0..TOPICS.len() {
            for delivered in load.take_delivered(number) {
                let is_its = |partition: &&mut Partition| {
                    partition.number == number && partition.partition == delivered.sent.partition
                };
                self.partitions.iter_mut().find(is_its).expect("its partition").on_delivered(round, delivered);
            }
        }
        for partition in &mut self.partitions {
            partition.check(round, &self.consumer, all);
        }
    }

    /// A line of figures.
    pub fn summary(&self) -> String {
        let figures = self.partitions.iter().map(|partition| {
            let name = format!("{}-{}", partition.topic.name, partition.partition);
            let (start, end) = (partition.log_start_offset, partition.log_end_offset);
            match partition.compacted_away {
                0 => format!("{name} {start}..{end}"),
                gone => format!("{name} {start}..{end} without {gone}"),
            }
        });
        figures.collect::<Vec<_>>().join(", ")
    }

    /// A harness that tests nothing must not pass.
    pub fn assert_all_was_at_work(&self) {
        for partition in &self.partitions {
            let name = partition.topic.name;
            assert!(partition.log_end_offset > 50, "{name}: hardly anything was written");
            assert!(!partition.topic.retained || partition.log_start_offset > 0, "{name}: retention did nothing");
            assert!(!partition.topic.compacted || partition.compacted_away > 0, "{name}: compaction did nothing");
        }
    }
}

impl Partition {
    fn new(number: usize, topic: &'static Topic, partition: i32) -> Self {
        Partition {
            topic,
            number,
            partition,
            acknowledged: BTreeMap::new(),
            newest: BTreeMap::new(),
            log_start_offset: 0,
            log_end_offset: 0,
            compacted_away: 0,
            compared_to: 0,
        }
    }

    fn on_delivered(&mut self, round: u32, delivered: Delivered) {
        let Delivered { sent, result } = delivered;
        let context = format!("round {round}, {}-{}", self.topic.name, self.partition);
        let offset = result.unwrap_or_else(|error| panic!("{context}: {sent:?} was not delivered: {error}"));
        assert!(offset >= 0, "{context}: {sent:?} was acknowledged without an offset");
        let newest = self.newest.entry(sent.key.clone()).or_insert(offset);
        *newest = offset.max(*newest);
        let before = self.acknowledged.insert(offset, sent);
        assert_eq!(before, None, "{context}: offset {offset} was given twice");
    }

    fn check(&mut self, round: u32, consumer: &BaseConsumer, all: bool) {
        let name = self.topic.name;
        let context = format!("round {round}, {name}-{}", self.partition);
        let (start, end) = consumer.fetch_watermarks(name, self.partition, PATIENCE).expect("watermarks");
        assert!(start >= self.log_start_offset, "{context}: the log starts at {start} again");
        assert!(
            end >= self.log_end_offset,
            "{context}: the log ends at {end}, but ended at {} before",
            self.log_end_offset
        );
        assert!(start == 0 || self.topic.retained, "{context}: the log starts at {start}, and nothing may be deleted");
        (self.log_start_offset, self.log_end_offset) = (start, end);
        if let Some((last, sent)) = self.acknowledged.last_key_value() {
            assert!(*last < end, "{context}: {sent:?} was acknowledged at {last}, but the log ends at {end}");
        }
        // What is compacted changes everywhere.
        let from = if all || self.topic.compacted { start } else { self.compared_to.max(start) };
        let found = read(consumer, name, self.partition, from, end);
        self.compare(&context, from, end, &found);
        self.compared_to = end;
    }

    fn compare(&mut self, context: &str, from: i64, end: i64, found: &[Found]) {
        for pair in found.windows(2) {
            assert!(pair[0].offset < pair[1].offset, "{context}: offsets go back: {pair:?}");
        }
        let by_offset: BTreeMap<i64, &Found> = found.iter().map(|record| (record.offset, record)).collect();
        for record in found {
            if let Some(sent) = self.acknowledged.get(&record.offset) {
                let same = sent.key == record.key && sent.value == record.value;
                assert!(same, "{context}: {sent:?} was acknowledged, but there is {record:?}");
            }
        }
        if self.topic.compacted {
            self.compare_compacted(context, found, &by_offset);
        } else {
            let dense = found.iter().map(|record| record.offset).eq(from..end);
            assert!(dense, "{context}: of the offsets {from}..{end} only {} are there", found.len());
        }
        if self.topic.exactly_once {
            // Every record was acknowledged with an offset of its own, so what is there besides was written twice.
            let extra = found.iter().find(|record| !self.acknowledged.contains_key(&record.offset));
            assert_eq!(extra, None, "{context}: a record that was acknowledged with another offset");
            let in_order = self.acknowledged.values().is_sorted_by_key(|sent| sent.number);
            assert!(in_order, "{context}: an idempotent producer's records are in the order of sending");
        }
    }

    /// Of each key the newest record is there, unless it is a tombstone.
    fn compare_compacted(&mut self, context: &str, found: &[Found], by_offset: &BTreeMap<i64, &Found>) {
        for (key, offset) in &self.newest {
            let sent = &self.acknowledged[offset];
            let is_there = by_offset.contains_key(offset);
            assert!(
                is_there || sent.value.is_none(),
                "{context}: {sent:?} at {offset} is the newest of {key}, and gone"
            );
        }
        self.compacted_away = self.acknowledged.len().saturating_sub(found.len());
    }
}

/// Reads a partition from `from` up to `end`. Gaps are for the caller to judge.
fn read(consumer: &BaseConsumer, topic: &str, partition: i32, from: i64, end: i64) -> Vec<Found> {
    let mut found = Vec::new();
    if from >= end {
        return found;
    }
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, partition, Offset::Offset(from)).expect("an offset");
    consumer.assign(&assignment).expect("the assignment");
    loop {
        match consumer.poll(PATIENCE).expect("something within a minute") {
            Ok(message) => found.push(Found {
                offset: message.offset(),
                key: message.key_view::<str>().expect("a key").expect("UTF-8").to_owned(),
                value: message.payload_view::<str>().map(|value| value.expect("UTF-8").to_owned()),
            }),
            Err(KafkaError::PartitionEOF(_)) => break,
            // The broker was gone a moment ago.
            Err(KafkaError::MessageConsumption(rdkafka::types::RDKafkaErrorCode::BrokerTransportFailure)) => {}
            Err(KafkaError::MessageConsumption(rdkafka::types::RDKafkaErrorCode::AllBrokersDown)) => {}
            Err(error) => panic!("the consumer failed: {error}"),
        }
    }
    consumer.unassign().expect("the assignment can be taken back");
    found
}
