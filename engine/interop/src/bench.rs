//! The bench: librdkafka producing to and consuming from Naru and, with `--kafka`, Apache Kafka, in one run.
//!
//! It prints a Markdown table. Absolute figures belong to the machine they were measured on; the ratios are what to compare.
//! Workloads alternate between the brokers, so that a machine that grows slower during the run slows both. Every workload is
//! run `--rounds` times and the median is reported. Client and broker share the machine's cores.

use clap::Parser;
use hdrhistogram::Histogram;
use naru_interop::{BrokerProcess, PATIENCE};
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{DeliveryResult, Message},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use std::{
    fs::File,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

#[derive(Parser)]
#[command(about = "librdkafka against Naru, and beside it Apache Kafka")]
struct Options {
    /// Measure Apache Kafka beside Naru (its jars are fetched by `cargo xtask setup --tests`).
    #[arg(long)]
    kafka: bool,
    /// Records of 1 KiB a throughput workload sends; ten times as many of 100 B are half the bytes.
    #[arg(long, default_value_t = 300_000)]
    records: u64,
    /// Records of 1 KiB in the backlog that is read beside a hot topic: a gigabyte.
    #[arg(long, default_value_t = 1_000_000)]
    backlog: u64,
    /// How often each workload is run; the median is reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Measure nothing but a hot topic beside a reader of a backlog.
    #[arg(long)]
    only_backlog: bool,
}

/// The topic with the backlog.
const BACKLOG: &str = "backlog";
/// How long a latency workload sends.
const PACED: Duration = Duration::from_secs(3);

fn main() {
    let options = Options::parse();
    let mut brokers = vec![Contender::start("Naru", BrokerKind::Naru)];
    if options.kafka {
        brokers.push(Contender::start("Apache Kafka 4.1.1", BrokerKind::ApacheKafka));
    }
    let mut table = Table::new(&brokers);
    if !options.only_backlog {
        load_rows(&mut table, &brokers, &options);
    }
    backlog_rows(&mut table, &brokers, &options);
    table.row("resident memory, after the load, MiB", Better::Lower, |i| brokers[i].process.resident_mib());
    table.print();
}

fn load_rows(table: &mut Table, brokers: &[Contender], options: &Options) {
    table.row("start to first acknowledged record, ms", Better::Lower, |i| brokers[i].first_ack.as_secs_f64() * 1e3);
    table.row("resident memory, idle, MiB", Better::Lower, |i| brokers[i].process.resident_mib());
    for size in [1024, 100] {
        for acks in ["1", "all"] {
            throughput_rows(table, brokers, options, size, acks);
        }
    }
    for (size, rate) in [(1024, 5_000), (100, 20_000)] {
        for acks in ["1", "all"] {
            latency_rows(table, brokers, options, (size, rate), acks);
        }
    }
}

enum BrokerKind {
    Naru,
    ApacheKafka,
}

/// A broker under test, with the folder it writes to.
struct Contender {
    name: &'static str,
    process: BrokerProcess,
    first_ack: Duration,
    data: tempfile::TempDir,
}

impl Contender {
    fn start(name: &'static str, kind: BrokerKind) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let begun = Instant::now();
        let process = match kind {
            BrokerKind::Naru => BrokerProcess::naru(&data.path().join("data"), "127.0.0.1:0", &[]),
            BrokerKind::ApacheKafka => BrokerProcess::apache_kafka(data.path()),
        };
        let producer = Latencies::producer(&process, "all", "0");
        send(&producer, "first", &[0; 10]);
        producer.flush(PATIENCE).expect("the first record is acknowledged");
        Contender { name, process, first_ack: begun.elapsed(), data }
    }
}

fn throughput_rows(table: &mut Table, brokers: &[Contender], options: &Options, size: usize, acks: &str) {
    let count = if size < 1024 { options.records * 5 } else { options.records };
    let mut produced: Vec<Vec<Load>> = brokers.iter().map(|_| Vec::new()).collect();
    let mut consumed = produced.clone();
    for round in 0..options.rounds {
        for (i, broker) in brokers.iter().enumerate() {
            let topic = format!("load-{size}-{acks}-{round}");
            produced[i].push(measure(broker, count, || produce_all(&broker.process, &topic, (count, size), acks)));
            consumed[i].push(measure(broker, count, || consume_all(&broker.process, &topic, count)));
        }
    }
    let label = size_name(size);
    let unit = "thousand records/s";
    table.row(&format!("produce {label}, acks={acks}, {unit}"), Better::Higher, |i| Load::rate(&produced[i]));
    table.row(&format!("  broker CPU s per million, acks={acks}"), Better::Lower, |i| Load::cpu(&produced[i]));
    if acks == "all" {
        table.row(&format!("consume {label}, {unit}"), Better::Higher, |i| Load::rate(&consumed[i]));
        table.row("  broker CPU s per million, consuming", Better::Lower, |i| Load::cpu(&consumed[i]));
    }
}

fn latency_rows(table: &mut Table, brokers: &[Contender], options: &Options, load: (usize, u64), acks: &str) {
    let (size, rate) = load;
    let mut figures: Vec<Vec<(f64, f64)>> = brokers.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        for (i, broker) in brokers.iter().enumerate() {
            let topic = format!("paced-{size}-{acks}-{round}");
            figures[i].push(paced_latency(&broker.process, &topic, load, acks, PACED));
        }
    }
    let label = format!("{} at {rate}/s, acks={acks}", size_name(size));
    table.row(&format!("latency p50, {label}, ms"), Better::Lower, |i| median(figures[i].iter().map(|f| f.0)));
    table.row(&format!("latency p99, {label}, ms"), Better::Lower, |i| median(figures[i].iter().map(|f| f.1)));
}

/// What a hot topic's producer feels while somebody reads a backlog that is no longer in memory.
fn backlog_rows(table: &mut Table, brokers: &[Contender], options: &Options) {
    let load = (1024, 5_000);
    for broker in brokers {
        produce_all(&broker.process, BACKLOG, (options.backlog, 1024), "1");
    }
    let mut alone: Vec<Vec<(f64, f64)>> = brokers.iter().map(|_| Vec::new()).collect();
    let (mut warm, mut cold) = (alone.clone(), alone.clone());
    for round in 0..options.rounds {
        for (i, broker) in brokers.iter().enumerate() {
            let hot = |name: &str| paced_latency(&broker.process, &format!("hot-{name}-{round}"), load, "1", PACED);
            // Each phase is as often the first as the last: a machine is not the same for long.
            for phase in (0..3).map(|phase| (round + phase) % 3) {
                match phase {
                    0 => alone[i].push(hot("alone")),
                    1 => {
                        each_file(broker.data.path(), &remember_pages);
                        warm[i].push(beside_a_reader(broker, options.backlog, || hot("warm")));
                    }
                    _ => {
                        each_file(broker.data.path(), &forget_pages);
                        cold[i].push(beside_a_reader(broker, options.backlog, || hot("cold")));
                    }
                }
            }
            let (alone, warm, cold) = (alone[i][round], warm[i][round], cold[i][round]);
            eprintln!("round {round}, {}, p50 and p99 in ms: {alone:.2?} {warm:.2?} {cold:.2?}", broker.name);
        }
    }
    let p99 = |figures: &[(f64, f64)]| median(figures.iter().map(|figure| figure.1));
    table.row("latency p99, 1 KiB at 5000/s, alone, ms", Better::Lower, |i| p99(&alone[i]));
    table.row("  beside a reader of a backlog in memory, ms", Better::Lower, |i| p99(&warm[i]));
    table.row("  beside a reader of a backlog on disk only, ms", Better::Lower, |i| p99(&cold[i]));
}

/// Does `work` while a consumer on a thread of its own reads the backlog from its beginning, again and again, and throws the
/// records away. The consumer stands for one on another machine: its threads get only the processor time that nobody else
/// wants, so that what the producer feels comes from the broker and its disk.
fn beside_a_reader<T>(broker: &Contender, count: u64, work: impl FnOnce() -> T) -> T {
    let reading = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            rustix::process::setpriority_process(None, 19).expect("a thread may step back");
            while reading.load(Ordering::Relaxed) {
                read_backlog(&broker.process, count, &reading);
            }
        });
        let result = work();
        reading.store(false, Ordering::Relaxed);
        result
    })
}

fn read_backlog(broker: &BrokerProcess, count: u64, reading: &AtomicBool) {
    let consumer = assigned_consumer(broker, BACKLOG);
    for _ in 0..count {
        if !reading.load(Ordering::Relaxed) {
            return;
        }
        consumer.poll(PATIENCE).expect("a record within a minute").expect("no error");
    }
}

/// Does something with every file below `directory`.
fn each_file(directory: &Path, work: &dyn Fn(File)) {
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            each_file(&path, work);
        } else if let Ok(file) = File::open(&path) {
            work(file);
        }
    }
}

/// Brings a file to disk and out of the page cache.
fn forget_pages(file: File) {
    file.sync_all().expect("the file is synced");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("the advice is taken");
}

/// Brings a file into the page cache.
fn remember_pages(mut file: File) {
    std::io::copy(&mut file, &mut std::io::sink()).expect("the file can be read");
}

/// What one run of a throughput workload took.
#[derive(Clone, Copy)]
struct Load {
    count: u64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Load {
    fn rate(loads: &[Load]) -> f64 {
        median(loads.iter().map(|load| load.count as f64 / load.seconds / 1e3))
    }
    fn cpu(loads: &[Load]) -> f64 {
        median(loads.iter().map(|load| load.cpu_seconds / load.count as f64 * 1e6))
    }
}

fn measure(broker: &Contender, count: u64, work: impl FnOnce()) -> Load {
    let (begun, cpu) = (Instant::now(), broker.process.cpu_seconds());
    work();
    Load { count, seconds: begun.elapsed().as_secs_f64(), cpu_seconds: broker.process.cpu_seconds() - cpu }
}

fn produce_all(broker: &BrokerProcess, topic: &str, load: (u64, usize), acks: &str) {
    let (count, size) = load;
    let producer = Latencies::producer(broker, acks, "5");
    let value = vec![b'x'; size];
    for _ in 0..count {
        send(&producer, topic, &value);
    }
    producer.flush(PATIENCE).expect("every record is acknowledged");
    let failed = producer.context().failed.lock().expect("the count").to_owned();
    assert_eq!(failed, 0, "records that failed on {topic}");
}

fn consume_all(broker: &BrokerProcess, topic: &str, count: u64) {
    let consumer = assigned_consumer(broker, topic);
    for expected in 0..count {
        let message = consumer.poll(PATIENCE).expect("a record within a minute").expect("no error");
        assert_eq!(message.offset(), expected as i64);
    }
}

/// A consumer without a group at the beginning of a topic's only partition.
fn assigned_consumer(broker: &BrokerProcess, topic: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap).set("group.id", "bench").set("enable.auto.commit", "false");
    // librdkafka pauses for a second when its queue is full: a quick broker would look slow.
    config.set("queued.min.messages", "1000000").set("fetch.queue.backoff.ms", "1");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Offset(0)).expect("an offset");
    consumer.assign(&assignment).expect("the assignment");
    consumer
}

/// Sends at a fixed rate for a while, as an open loop: a record that the broker delays does not delay the next.
/// Latency runs from the moment a record was due to its delivery report. Returns p50 and p99 in milliseconds.
fn paced_latency(broker: &BrokerProcess, topic: &str, load: (usize, u64), acks: &str, time: Duration) -> (f64, f64) {
    let (size, rate) = load;
    let producer = Latencies::producer(broker, acks, "0");
    let value = vec![b'x'; size];
    send(&producer, topic, &value);
    producer.flush(PATIENCE).expect("the topic exists");
    producer.context().recorded.lock().expect("the histogram").reset();
    let begun = Instant::now();
    for i in 0..rate * time.as_secs() {
        let due = begun + Duration::from_nanos(i * 1_000_000_000 / rate);
        producer.poll(Duration::ZERO);
        // Sleeping, not spinning: the broker needs the core.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let record = BaseRecord::<(), [u8], Box<Instant>>::with_opaque_to(topic, Box::new(due)).payload(&value);
        producer.send(record.partition(0)).map_err(|(error, _)| error).expect("the record is queued");
    }
    producer.flush(PATIENCE).expect("every record is acknowledged");
    let recorded = producer.context().recorded.lock().expect("the histogram");
    (recorded.value_at_quantile(0.5) as f64 / 1e3, recorded.value_at_quantile(0.99) as f64 / 1e3)
}

/// Queues one record, waiting while librdkafka's queue is full.
fn send(producer: &BaseProducer<Latencies>, topic: &str, value: &[u8]) {
    loop {
        let record = BaseRecord::<(), [u8], Box<Instant>>::with_opaque_to(topic, Box::new(Instant::now()));
        match producer.send(record.payload(value).partition(0)) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(rdkafka::types::RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => panic!("the record cannot be queued: {error}"),
        }
    }
}

/// Collects what delivery reports say: latency in microseconds, and failures.
struct Latencies {
    recorded: Mutex<Histogram<u64>>,
    failed: Mutex<u64>,
}

impl Latencies {
    fn producer(broker: &BrokerProcess, acks: &str, linger_ms: &str) -> BaseProducer<Latencies> {
        let histogram = Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds");
        let context = Latencies { recorded: Mutex::new(histogram), failed: Mutex::new(0) };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &broker.bootstrap).set("acks", acks).set("linger.ms", linger_ms);
        config.set("queue.buffering.max.messages", "500000");
        config.create_with_context(context).expect("a producer")
    }
}

impl ClientContext for Latencies {}

impl ProducerContext for Latencies {
    type DeliveryOpaque = Box<Instant>;

    fn delivery(&self, result: &DeliveryResult<'_>, due: Box<Instant>) {
        match result {
            Ok(_) => {
                let micros = due.elapsed().as_micros() as u64;
                self.recorded.lock().expect("the histogram").saturating_record(micros);
            }
            Err(_) => *self.failed.lock().expect("the count") += 1,
        }
    }
}

enum Better {
    Higher,
    Lower,
}

/// A Markdown table with one column a broker, and one that says how many times better the first is than the second.
struct Table {
    names: Vec<&'static str>,
    rows: Vec<(String, Vec<f64>, f64)>,
}

impl Table {
    fn new(brokers: &[Contender]) -> Self {
        Table { names: brokers.iter().map(|broker| broker.name).collect(), rows: Vec::new() }
    }

    fn row(&mut self, label: &str, better: Better, figure: impl Fn(usize) -> f64) {
        let figures: Vec<f64> = (0..self.names.len()).map(figure).collect();
        let ratio = match (figures.as_slice(), better) {
            ([naru, other], Better::Higher) => naru / other,
            ([naru, other], Better::Lower) => other / naru,
            _ => f64::NAN,
        };
        eprintln!("{label}: {figures:.2?}");
        self.rows.push((label.trim_start().to_owned(), figures, ratio));
    }

    fn print(&self) {
        let compared = self.names.len() == 2;
        let last = if compared { " | Naru is better by |" } else { " |" };
        println!("| librdkafka, one partition | {}{last}", self.names.join(" | "));
        println!("|---|{}", "---:|".repeat(self.names.len() + usize::from(compared)));
        for (label, figures, ratio) in &self.rows {
            let figures: Vec<String> = figures.iter().map(|figure| format!("{figure:.2}")).collect();
            let ratio = if compared { format!(" {ratio:.1} × |") } else { String::new() };
            println!("| {label} | {} |{ratio}", figures.join(" | "));
        }
    }
}

fn size_name(size: usize) -> &'static str {
    if size == 1024 { "1 KiB" } else { "100 B" }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
