//! What a lab's script can do to a cluster, behind one trait: the simulation is one [`Backend`], a real cluster can
//! be another.
//!
//! Calls block, as a learner's program does: in simulated time here, in real time there. A backend deliberately knows
//! nothing of scripts, goals or languages. [`crate::sim_backend`] is the one that labs use.

use crate::text::Text;
use naru_client::{ClientError, ConsumerConfig, ConsumerRecord, NewTopic, ProducerConfig, ProducerRecord, StartAt};
use naru_sim::{Action, DiskJournal};
use naru_trace::{ClusterView, Seq, TraceEvent};

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A broker refused, or a client gave up. A script may catch it.
    Kafka(ClientError),
    /// The call makes no sense here, and the words say why. A script may catch it.
    Usage(Text),
    /// The run has cost as much as it may. Nothing can catch it.
    Budget {
        /// The field of [`crate::Budget`].
        name: &'static str,
        /// What happened, in a sentence.
        message: Text,
    },
}

/// How much a consumer is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What is there, waiting at most so many milliseconds for the first record.
    Poll {
        /// Milliseconds.
        ms: u64,
    },
    /// So many records; fewer if the partitions end before.
    Records(usize),
    /// All there is at this moment.
    ToTheEnd,
}

/// What a script wants to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// One broker that is alone.
    Broker,
    /// The lab's cluster.
    Cluster,
}

/// A cluster with its clients, as scripts see it.
pub trait Backend {
    /// The script is at this line.
    fn at_line(&mut self, line: Option<u32>);
    /// The script printed a line. Returns its event.
    fn print(&mut self, text: &str) -> Option<Seq>;
    /// Milliseconds since the run began.
    fn now_ms(&self) -> u64;
    /// Lets time pass.
    fn sleep(&mut self, ms: u64) -> Result<(), Failure>;

    /// Starts the lone broker, or the cluster, and waits until it serves. Returns a broker's `node.id`.
    fn start(&mut self, what: Start) -> Result<i32, Failure>;
    /// The picture of what there is.
    fn view(&mut self) -> Result<&ClusterView, Failure>;
    /// Breaks or repairs something.
    fn act(&mut self, action: Action) -> Result<(), Failure>;

    /// The paths of a broker's files, below its data directory, sorted.
    fn files(&mut self, broker: i32) -> Result<Vec<String>, Failure>;
    /// The bytes of a broker's file; `None` if there is no such file.
    fn file(&mut self, broker: i32, path: &str) -> Result<Option<Vec<u8>>, Failure>;

    /// Creates a topic.
    fn create_topic(&mut self, topic: NewTopic) -> Result<(), Failure>;
    /// Deletes a topic.
    fn delete_topic(&mut self, topic: &str) -> Result<(), Failure>;
    /// Gives a topic more partitions: `total` in all.
    fn add_partitions(&mut self, topic: &str, total: i32) -> Result<(), Failure>;
    /// Changes settings of a topic: each key with its new value, or with `None` to go back to the broker's default.
    fn alter_config(&mut self, topic: &str, changes: Vec<(String, Option<String>)>) -> Result<(), Failure>;
    /// Deletes a partition's records before an offset; -1 for all there are. Returns the first offset that is left.
    fn delete_records(&mut self, topic: &str, partition: i32, before_offset: i64) -> Result<i64, Failure>;
    /// The topics there are, with their numbers of partitions.
    fn topics(&mut self) -> Result<Vec<(String, i32)>, Failure>;

    /// Starts a producer and returns its number.
    fn add_producer(&mut self, name: &str, config: ProducerConfig) -> Result<u32, Failure>;
    /// Hands a record to a producer. Returns when its partition is chosen.
    fn send(&mut self, producer: u32, record: ProducerRecord) -> Result<(), Failure>;
    /// Waits until every record was acknowledged. Fails if one failed.
    fn flush(&mut self, producer: u32) -> Result<(), Failure>;

    /// Starts a consumer and returns its number.
    fn add_consumer(&mut self, name: &str, config: ConsumerConfig) -> Result<u32, Failure>;
    /// Tells a consumer what to read: topics, each with some of its partitions or all.
    fn assign(&mut self, consumer: u32, topics: Vec<(String, Option<Vec<i32>>)>) -> Result<(), Failure>;
    /// Moves a consumer in these partitions. Returns when its new positions are known.
    fn seek(&mut self, consumer: u32, partitions: Vec<(String, i32)>, to: StartAt) -> Result<(), Failure>;
    /// The partitions that a consumer was told to read.
    fn assignment(&mut self, consumer: u32) -> Vec<(String, i32)>;
    /// The next offset that a consumer will read.
    fn position(&mut self, consumer: u32, topic: &str, partition: i32) -> Result<i64, Failure>;
    /// Reads.
    fn read(&mut self, consumer: u32, wanted: Wanted) -> Result<Vec<ConsumerRecord>, Failure>;

    /// The script is over: what is on its way may arrive. Takes the events out.
    fn finish(&mut self) -> Vec<TraceEvent>;
    /// After that: what was in which file at which event, if disks were shown.
    fn journal(&mut self) -> DiskJournal {
        DiskJournal::default()
    }
}
