//! How long a producer waits when the leader of its partition dies: from `kill -9` to the first acknowledgement of a record
//! that was sent after it. With the settings of `naru cluster` that has to be within [`LIMIT`] most of the time; where the
//! controller died with the leader, an election comes first, and it has to be within [`LIMIT_WITH_ELECTION`].

use naru_interop::{PATIENCE, cluster::ClusterProcess, wait_until};
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What is promised.
const LIMIT: Duration = Duration::from_millis(1500);
/// What has to be enough even when the leader was the controller, on a busy machine.
const LIMIT_WITH_ELECTION: Duration = Duration::from_secs(5);
const TOPIC: &str = "watched";

/// When records were sent that have been acknowledged, and when they were.
type Acknowledged = Arc<Mutex<Vec<(Instant, Instant)>>>;

struct Deliveries(Acknowledged);

impl ClientContext for Deliveries {
    fn error(&self, _error: KafkaError, _reason: &str) {}
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Instant>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Instant>) {
        result.as_ref().expect("every record is delivered in the end");
        self.0.lock().expect("no panic").push((*sent, Instant::now()));
    }
}

#[test]
fn producers_go_on_soon_after_a_leader_was_killed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cluster = ClusterProcess::start(dir.path(), 3, &[]);
    cluster.create_topic(TOPIC, 1, &[("min.insync.replicas", "2")]);
    let acknowledged = Acknowledged::default();
    let mut config = cluster.config();
    config.set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "0");
    let producer: BaseProducer<Deliveries> =
        config.create_with_context(Deliveries(acknowledged.clone())).expect("a producer");
    let stop = AtomicBool::new(false);
    let mut waits = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let record = BaseRecord::<(), str, _>::with_opaque_to(TOPIC, Box::new(Instant::now()));
                producer.send(record.payload("tick")).map_err(|(error, _)| error).expect("there is room");
                producer.poll(Duration::from_millis(5));
            }
            producer.flush(PATIENCE).expect("every record is delivered in the end");
        });
        for _ in 0..4 {
            waits.push(kill_the_leader(&cluster, &acknowledged));
        }
        stop.store(true, Ordering::SeqCst);
    });
    println!("failover: {waits:?} from kill -9 of the leader to the next acknowledged record");
    waits.sort();
    assert!(waits[(waits.len() - 1) / 2] <= LIMIT, "promised is {LIMIT:?}, it took {waits:?}");
    assert!(waits[waits.len() - 1] <= LIMIT_WITH_ELECTION, "{waits:?}");
}

/// Kills the leader, waits for an acknowledgement, brings the broker back. Returns how long the acknowledgement took.
fn kill_the_leader(cluster: &ClusterProcess, acknowledged: &Acknowledged) -> Duration {
    let leader = cluster.partitions(TOPIC)[0].leader;
    let killed = cluster.kill_9(leader);
    let first = || {
        let all = acknowledged.lock().expect("no panic");
        all.iter().filter(|(sent, _)| *sent > killed).map(|(_, acknowledged)| *acknowledged).min()
    };
    wait_until("a record is acknowledged by the new leader", || first().is_some());
    let wait = first().expect("it is there") - killed;
    wait_until("the supervisor has noticed", || cluster.nodes()[leader as usize - 1]["state"] == "crashed");
    cluster.tell(&["restart", &leader.to_string()]);
    cluster.wait_until_in_sync(TOPIC, 1, 3);
    wait
}
