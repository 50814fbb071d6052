//! `naru cluster` under load, while everything that can be done to it is done: `kill -9` of each broker in turn, and cut links.
//!
//! Two librdkafka producers and Kafka's own Java producer write, idempotent and with acks=all; a consumer reads along, another
//! reads all at the end. What they did and saw is written down and judged by `naru sim check-history`: nothing that was
//! acknowledged is lost, nothing is there twice, all is in order.
//!
//! `NARU_CLUSTER_ROUNDS` says how often each broker is killed and cut off, once if nothing.

mod history;
mod load;

use history::History;
use load::{JavaProducer, Worker};
use naru_interop::{cluster::ClusterProcess, wait_until};
use std::{
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

const TOPIC: &str = "orders";
const PARTITIONS: i32 = 4;
const BROKERS: i32 = 3;
/// Records that have to be acknowledged after each fault before the next.
const PROGRESS: u64 = 100;

#[test]
fn nothing_acknowledged_is_lost_while_brokers_die_and_links_are_cut() {
    let rounds: u32 = std::env::var("NARU_CLUSTER_ROUNDS").map_or(1, |text| text.parse().expect("a number"));
    // Kept when the test fails, to be looked at.
    let dir = tempfile::Builder::new().prefix("naru-cluster-").tempdir().expect("a temporary folder").keep();
    println!("cluster: {rounds} rounds; the data directory is {}", dir.display());
    let begun = Instant::now();
    let harness = Harness::start(&dir);
    for round in 1..=rounds {
        for broker in 1..=BROKERS {
            harness.kill_and_restart(broker);
            harness.cut_off(broker, round + broker as u32);
        }
        println!("cluster: round {round} after {:.1} s", begun.elapsed().as_secs_f32());
    }
    harness.finish();
    std::fs::remove_dir_all(&dir).expect("the data directory can be removed");
}

struct Harness<'a> {
    dir: &'a Path,
    cluster: ClusterProcess,
    history: History,
    producers: Vec<Worker>,
    java: JavaProducer,
    consumer: Worker,
}

impl<'a> Harness<'a> {
    fn start(dir: &'a Path) -> Self {
        let cluster = ClusterProcess::start(&dir.join("data"), BROKERS as usize, &[]);
        cluster.create_topic(TOPIC, PARTITIONS, &[("min.insync.replicas", "2")]);
        let history = History::create(&dir.join("history.jsonl"));
        let producer = |client: &str| load::librdkafka(&cluster, TOPIC, PARTITIONS, client, &history);
        let producers = vec![producer("librdkafka-1"), producer("librdkafka-2")];
        let java = JavaProducer::start(&cluster, TOPIC, &dir.join("producer.properties"));
        let consumer = load::consumer(&cluster, TOPIC, PARTITIONS, "along", &history);
        let harness = Harness { dir, cluster, history, producers, java, consumer };
        harness.wait_for_progress("at first");
        harness
    }

    /// `kill -9`; the others go on; it comes back and catches up.
    fn kill_and_restart(&self, broker: i32) {
        self.cluster.kill_9(broker);
        self.wait_for_progress(&format!("while broker {broker} is down"));
        wait_until("the supervisor has noticed", || self.cluster.nodes()[broker as usize - 1]["state"] == "crashed");
        self.cluster.tell(&["restart", &broker.to_string()]);
        self.cluster.wait_until_in_sync(TOPIC, PARTITIONS as usize, BROKERS as usize);
    }

    /// All links of a broker are cut, or those of one direction; the others go on; the links are healed.
    fn cut_off(&self, broker: i32, turn: u32) {
        let broker = broker.to_string();
        match turn % 3 {
            0 => self.cluster.tell(&["partition", &broker]),
            1 => self.cluster.tell(&["partition", &broker, "--one-way"]),
            _ => self.cluster.tell(&["delay", &broker, "--ms", "150"]),
        };
        self.wait_for_progress(&format!("while broker {broker} is cut off ({turn})"));
        // Longer than sessions and elections last: its leaderships have to move.
        std::thread::sleep(Duration::from_millis(1500));
        self.wait_for_progress(&format!("after broker {broker} was cut off ({turn})"));
        self.cluster.tell(&["heal"]);
        self.cluster.wait_until_in_sync(TOPIC, PARTITIONS as usize, BROKERS as usize);
    }

    /// Each producer gets on.
    fn wait_for_progress(&self, when: &str) {
        let counts = || -> Vec<u64> {
            let java = self.java.count.load(Ordering::SeqCst);
            self.producers.iter().map(Worker::so_far).chain([java]).collect()
        };
        let before = counts();
        wait_until(&format!("producers get on {when}"), || {
            counts().iter().zip(&before).all(|(now, before)| now - before >= PROGRESS)
        });
    }

    fn finish(self) {
        let Harness { dir, cluster, history, producers, java, consumer } = self;
        let mut acknowledged: u64 = producers.into_iter().map(Worker::finish).sum();
        acknowledged += java.finish(TOPIC, &history);
        let read = consumer.finish();
        let all = load::consumer(&cluster, TOPIC, PARTITIONS, "afterwards", &history).finish();
        println!("cluster: {acknowledged} records acknowledged, {read} read along, {all} read afterwards");
        assert!(all >= acknowledged, "what was acknowledged is there");
        ClusterProcess::judge(&history.finish());
        cluster.stop();
        for broker in 1..=BROKERS {
            let marker = dir.join(format!("data/broker-{broker}/.kafka_cleanshutdown"));
            assert!(marker.exists(), "broker {broker} was closed in good order");
        }
    }
}
