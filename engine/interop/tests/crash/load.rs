//! The producers: what they send, and what was acknowledged to them.

use crate::Random;
use naru_interop::PATIENCE;
use rdkafka::{
    ClientConfig, ClientContext, Message,
    error::KafkaError,
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Keys of the compacted topic.
pub const KEYS: u64 = 40;

/// Records of one producer that may wait for the broker.
const WAITING_MAX: i32 = 500;

/// A topic, who writes to it, and what must hold of it.
pub struct Topic {
    pub name: &'static str,
    pub partitions: i32,
    pub configs: &'static [(&'static str, &'static str)],
    pub producer: &'static [(&'static str, &'static str)],
    /// Each record is there once, in the order of sending.
    pub exactly_once: bool,
    /// The oldest records may be gone.
    pub retained: bool,
    /// Of each key only the newest record must be there.
    pub compacted: bool,
}

/// All of them.
pub const TOPICS: [Topic; 4] = [
    Topic {
        name: "idempotent",
        partitions: 2,
        configs: &[("internal.segment.bytes", "20000"), ("flush.messages", "7"), ("index.interval.bytes", "500")],
        producer: &[("acks", "all"), ("enable.idempotence", "true"), ("compression.type", "lz4")],
        exactly_once: true,
        retained: false,
        compacted: false,
    },
    Topic {
        name: "plain",
        partitions: 1,
        configs: &[("internal.segment.bytes", "30000"), ("flush.ms", "40")],
        producer: &[("acks", "1"), ("compression.type", "gzip")],
        exactly_once: false,
        retained: false,
        compacted: false,
    },
    Topic {
        name: "retained",
        partitions: 1,
        configs: &[
            ("internal.segment.bytes", "15000"),
            ("retention.bytes", "60000"),
            ("file.delete.delay.ms", "50"),
            ("flush.messages", "1"),
        ],
        producer: &[("acks", "all"), ("enable.idempotence", "true")],
        exactly_once: true,
        retained: true,
        compacted: false,
    },
    Topic {
        name: "compacted",
        partitions: 1,
        configs: &[
            ("internal.segment.bytes", "15000"),
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.1"),
            ("delete.retention.ms", "300"),
            ("file.delete.delay.ms", "50"),
        ],
        producer: &[("acks", "all"), ("enable.idempotence", "true"), ("compression.type", "zstd")],
        exactly_once: true,
        retained: false,
        compacted: true,
    },
];

/// A record as it was sent. Records of one partition are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub partition: i32,
    pub number: u64,
    pub key: String,
    /// `None`: a tombstone.
    pub value: Option<String>,
}

/// A record that a broker acknowledged, or not.
#[derive(Debug)]
pub struct Delivered {
    pub sent: Sent,
    /// The offset it was acknowledged with.
    pub result: Result<i64, KafkaError>,
}

/// All producers.
pub struct Load {
    writers: Vec<Writer>,
}

struct Writer {
    orders: Sender<Order>,
    settled: Receiver<Vec<Delivered>>,
    thread: Option<JoinHandle<()>>,
    /// What the last settling brought.
    delivered: Vec<Delivered>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Write,
    Settle,
    Stop,
}

impl Load {
    /// Starts the producers; they wait for [`Load::resume`].
    pub fn start(bootstrap: &str) -> Self {
        Load { writers: TOPICS.iter().map(|topic| Writer::start(topic, bootstrap)).collect() }
    }

    /// Everybody writes.
    pub fn resume(&self) {
        self.writers.iter().for_each(|writer| writer.order(Order::Write));
    }

    /// Everybody stops writing and waits until the last record is acknowledged.
    pub fn settle(&mut self) {
        self.writers.iter().for_each(|writer| writer.order(Order::Settle));
        for writer in &mut self.writers {
            writer.delivered = writer.settled.recv_timeout(PATIENCE).expect("every record is delivered in the end");
        }
    }

    /// What was delivered since the last time, topic by topic.
    pub fn take_delivered(&mut self, topic: usize) -> Vec<Delivered> {
        std::mem::take(&mut self.writers[topic].delivered)
    }

    /// Ends the producers.
    pub fn stop(&mut self) {
        for writer in &mut self.writers {
            writer.order(Order::Stop);
            writer.thread.take().map(JoinHandle::join).transpose().expect("the producer ends well");
        }
    }
}

impl Writer {
    fn start(topic: &'static Topic, bootstrap: &str) -> Self {
        let (orders, received) = channel();
        let (report, settled) = channel();
        let bootstrap = bootstrap.to_owned();
        let thread = std::thread::spawn(move || write(topic, &bootstrap, &received, &report));
        Writer { orders, settled, thread: Some(thread), delivered: Vec::new() }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect("the producer is there");
    }
}

/// Collects what librdkafka says of each record.
struct Deliveries(Arc<Mutex<Vec<Delivered>>>);

impl ClientContext for Deliveries {
    /// A broker that goes away is what this is about.
    fn error(&self, _error: KafkaError, _reason: &str) {}
    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, _facility: &str, _message: &str) {}
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Sent>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Sent>) {
        let result = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().expect("no panic").push(Delivered { sent: *sent, result });
    }
}

/// One producer's thread.
fn write(topic: &Topic, bootstrap: &str, orders: &Receiver<Order>, report: &Sender<Vec<Delivered>>) {
    let delivered = Arc::new(Mutex::new(Vec::new()));
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("linger.ms", "2").set("batch.num.messages", "20");
    // As often as it may, so that a round does not wait for a client that waits.
    config.set("reconnect.backoff.ms", "10").set("reconnect.backoff.max.ms", "50").set("retry.backoff.ms", "10");
    for (key, value) in topic.producer {
        config.set(*key, *value);
    }
    let producer: BaseProducer<Deliveries> =
        config.create_with_context(Deliveries(delivered.clone())).expect("a producer");
    let mut records = Records { topic, next: vec![0; topic.partitions as usize], random: Random(7) };
    let mut order = Order::Settle;
    loop {
        // Without a new order, writing goes on; everything else waits for one.
        let next = match order {
            Order::Write => orders.try_recv().ok(),
            _ => orders.recv().ok().or(Some(Order::Stop)),
        };
        order = next.unwrap_or(order);
        match order {
            Order::Write => records.send_some(&producer),
            Order::Settle => {
                producer.flush(PATIENCE).expect("every record is delivered in the end");
                report.send(std::mem::take(&mut delivered.lock().expect("no panic"))).expect("the harness is there");
            }
            Order::Stop => return,
        }
    }
}

/// The records of one topic, made as they are sent.
struct Records<'a> {
    topic: &'a Topic,
    /// For each partition.
    next: Vec<u64>,
    random: Random,
}

impl Records<'_> {
    /// A handful, then a breath: so fast that something is always under way, and not so fast that checking takes for ever.
    fn send_some(&mut self, producer: &BaseProducer<Deliveries>) {
        // While the broker is gone, what waits for it is enough.
        if producer.in_flight_count() > WAITING_MAX {
            producer.poll(Duration::from_millis(2));
            return;
        }
        for _ in 0..6 {
            let partition = self.random.below(self.topic.partitions as u64) as usize;
            let sent = self.record(partition);
            let key = sent.key.clone();
            let value = sent.value.clone();
            let mut record = BaseRecord::with_opaque_to(self.topic.name, Box::new(sent)).key(&key);
            record = record.partition(partition as i32);
            if let Some(value) = &value {
                record = record.payload(value);
            }
            producer.send(record).map_err(|(error, _)| error).expect("the queue is larger than a round's records");
        }
        producer.poll(Duration::from_millis(4));
    }

    fn record(&mut self, partition: usize) -> Sent {
        let number = self.next[partition];
        self.next[partition] += 1;
        let is_tombstone = self.topic.compacted && self.random.below(10) == 0;
        // Of some hundred bytes, told apart by its number.
        let width = 8 + self.random.below(300) as usize;
        let value = format!("{number:>width$}");
        Sent {
            partition: partition as i32,
            number,
            key: format!("key {}", self.random.below(KEYS)),
            value: (!is_tombstone).then_some(value),
        }
    }
}
