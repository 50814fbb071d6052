//! Clients that write and read while brokers die: librdkafka's and Java's idempotent producers with acks=all, and a consumer.

use crate::history::History;
use naru_interop::{PATIENCE, cluster::ClusterProcess, java};
use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Records of one producer that may wait for an acknowledgement.
const WAITING_MAX: i32 = 200;
/// How long a record may take from being sent to being acknowledged: longer than any fault lasts.
const DELIVERY_TIMEOUT_MS: &str = "120000";

/// A thread that is told to end.
pub struct Worker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    /// Records that were acknowledged, or read.
    pub count: Arc<AtomicU64>,
}

impl Worker {
    fn start(work: impl FnOnce(&AtomicBool, &Arc<AtomicU64>) + Send + 'static) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (stop.clone(), count.clone());
        let thread = std::thread::spawn(move || work(&stopped, &counted));
        Worker { stop, thread, count }
    }

    /// Ends it, after what it has under way.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("the client ends well");
        self.count.load(Ordering::SeqCst)
    }

    /// How many so far.
    pub fn so_far(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

/// Collects what librdkafka says of each record.
struct Deliveries {
    client: String,
    topic: String,
    history: History,
    count: Arc<AtomicU64>,
}

impl ClientContext for Deliveries {
    /// A broker that goes away is what this is about.
    fn error(&self, _error: KafkaError, _reason: &str) {}
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<String>;

    fn delivery(&self, result: &DeliveryResult<'_>, value: Box<String>) {
        match result {
            Ok(message) => {
                let place = (i64::from(message.partition()), message.offset());
                self.history.acknowledged(&self.client, &self.topic, &value, place);
                self.count.fetch_add(1, Ordering::SeqCst);
            }
            Err((error, _)) => self.history.failed(&self.client, &value, &error.to_string()),
        }
    }
}

/// A librdkafka producer that writes to all partitions of a topic.
pub fn librdkafka(cluster: &ClusterProcess, topic: &str, partitions: i32, client: &str, history: &History) -> Worker {
    let mut config = cluster.config();
    config.set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "2");
    config.set("message.timeout.ms", DELIVERY_TIMEOUT_MS);
    let (topic, client, history) = (topic.to_owned(), client.to_owned(), history.clone());
    Worker::start(move |stop, count| {
        let context =
            Deliveries { client: client.clone(), topic: topic.clone(), history: history.clone(), count: count.clone() };
        let producer: BaseProducer<Deliveries> = config.create_with_context(context).expect("a producer");
        let mut next = 0;
        while !stop.load(Ordering::SeqCst) {
            producer.poll(Duration::from_millis(1));
            if producer.in_flight_count() > WAITING_MAX {
                continue;
            }
            let value = format!("{client}#{next}");
            history.send(&client, &topic, &value);
            let record = BaseRecord::<(), str, _>::with_opaque_to(&topic, Box::new(value.clone()));
            let record = record.partition(next % partitions).payload(value.as_str());
            producer.send(record).map_err(|(error, _)| error).expect("there is room");
            next += 1;
        }
        producer.flush(PATIENCE * 2).expect("every record is delivered in the end");
    })
}

/// Kafka's own `VerifiableProducer`, which tells of each record what came of it.
pub struct JavaProducer {
    child: Child,
    reader: JoinHandle<Vec<Value>>,
    /// Records that were acknowledged.
    pub count: Arc<AtomicU64>,
}

impl JavaProducer {
    /// Starts it; its values are `7.0`, `7.1`, ...
    pub fn start(cluster: &ClusterProcess, topic: &str, config: &Path) -> Self {
        let settings = format!(
            "enable.idempotence=true\nacks=all\nretries=2147483647\ndelivery.timeout.ms={DELIVERY_TIMEOUT_MS}\n\
             request.timeout.ms=10000\nretry.backoff.ms=50\nreconnect.backoff.ms=20\nreconnect.backoff.max.ms=200\n\
             socket.connection.setup.timeout.ms=2000\n"
        );
        std::fs::write(config, settings).expect("the producer's configuration can be written");
        let mut command = java("org.apache.kafka.tools.VerifiableProducer", &["--topic", topic]);
        command.args(["--bootstrap-server", &cluster.bootstrap, "--throughput", "200", "--value-prefix", "7"]);
        command.arg("--producer.config").arg(config);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("java starts: cargo xtask setup --tests");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let count = Arc::new(AtomicU64::new(0));
        let counted = count.clone();
        let reader = std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            let told = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            told.inspect(|told| {
                counted.fetch_add(u64::from(told["name"] == "producer_send_success"), Ordering::SeqCst);
            })
            .collect()
        });
        JavaProducer { child, reader, count }
    }

    /// Ends it, and writes down what it did. It tells only of results, so its sends are written before all of them, in
    /// their order.
    pub fn finish(mut self, topic: &str, history: &History) -> u64 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("java can be signalled");
        self.child.wait().expect("java ends");
        let told = self.reader.join().expect("its output can be read");
        let of = |name: &'static str| told.iter().filter(move |told| told["name"] == name);
        let sent = of("tool_data").filter_map(|told| told["sent"].as_u64()).max().expect("it says how much it sent");
        (0..sent).for_each(|number| history.send("java", topic, &format!("7.{number}")));
        for told in of("producer_send_success") {
            let place = (told["partition"].as_i64().expect("a partition"), told["offset"].as_i64().expect("an offset"));
            history.acknowledged("java", topic, told["value"].as_str().expect("a value"), place);
        }
        for told in of("producer_send_error") {
            let error = told["exception"].as_str().unwrap_or("an error");
            history.failed("java", told["value"].as_str().expect("a value"), error);
        }
        of("producer_send_success").count() as u64
    }
}

/// A reader whose brokers come and go.
struct Quiet;
impl ClientContext for Quiet {
    fn error(&self, _error: KafkaError, _reason: &str) {}
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
}
impl ConsumerContext for Quiet {}

/// A consumer that reads everything from the beginning. When it is told to end it reads on to the end of each partition, so
/// the writers have to have ended before.
pub fn consumer(cluster: &ClusterProcess, topic: &str, partitions: i32, client: &str, history: &History) -> Worker {
    let mut config = cluster.config();
    config.set("group.id", "unused").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    config.set("fetch.wait.max.ms", "50").set("check.crcs", "true").set("auto.offset.reset", "error");
    let (topic, client, history) = (topic.to_owned(), client.to_owned(), history.clone());
    Worker::start(move |stop, count| {
        let consumer: BaseConsumer<Quiet> = config.create_with_context(Quiet).expect("a consumer");
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            assignment.add_partition_offset(&topic, partition, Offset::Offset(0)).expect("an offset");
            history.add(&client, "positioned", json!({ "topic": topic, "partition": partition, "offset": 0 }));
        }
        consumer.assign(&assignment).expect("the assignment");
        // For each partition: the offset after the last record, and where the end is once nobody writes.
        let mut next = vec![0; partitions as usize];
        let mut ends: Option<Vec<i64>> = None;
        while ends.as_ref().is_none_or(|ends| next.iter().zip(ends).any(|(next, end)| next < end)) {
            if ends.is_none() && stop.load(Ordering::SeqCst) {
                ends = Some(high_watermarks(&consumer, &topic, partitions));
            }
            // Errors and ends of partitions are no end: brokers come back.
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
            let (partition, offset) = (message.partition(), message.offset());
            let value = message.payload_view::<str>().and_then(Result::ok).unwrap_or_default();
            let records = json!({ "topic": topic, "partition": partition, "records": [[offset, value]] });
            history.add(&client, "polled", records);
            next[partition as usize] = offset + 1;
            count.fetch_add(1, Ordering::SeqCst);
        }
        for (partition, offset) in next.into_iter().enumerate() {
            history.add(&client, "at_end", json!({ "topic": topic, "partition": partition, "offset": offset }));
        }
    })
}

fn high_watermarks(consumer: &BaseConsumer<Quiet>, topic: &str, partitions: i32) -> Vec<i64> {
    let end = |partition| consumer.fetch_watermarks(topic, partition, PATIENCE).expect("the partition has a leader").1;
    (0..partitions).map(end).collect()
}
