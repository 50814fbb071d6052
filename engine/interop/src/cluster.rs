//! `naru cluster` as a process, told what to do as a user tells it.

use crate::{PATIENCE, naru_binary, run, run_unchecked, wait_until};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// A cluster of brokers, one process each. All of them end when it is dropped.
pub struct ClusterProcess {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    data_dir: PathBuf,
    /// All brokers' addresses, with commas between, for clients.
    pub bootstrap: String,
    /// `127.0.0.1:port` of the live page.
    pub http: String,
}

/// How a partition is, as a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// The leader's `node.id`; -1 for none.
    pub leader: i32,
    /// Brokers with a copy.
    pub replicas: Vec<i32>,
    /// Those that have all of it.
    pub isr: Vec<i32>,
}

impl ClusterProcess {
    /// Starts `naru cluster` on free ports and waits until each broker serves clients.
    pub fn start(data_dir: &Path, brokers: usize, settings: &[&str]) -> Self {
        let mut command = Command::new(naru_binary());
        command.args(["cluster", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--brokers"]);
        command.arg(brokers.to_string()).arg("--data-dir").arg(data_dir);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("naru starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("naru cluster prints its ready line");
        let word = |name: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in the ready line of naru cluster: {line:?}")).to_owned()
        };
        let (bootstrap, http) = (word("kafka="), word("http="));
        ClusterProcess { child, _stdout: stdout, data_dir: data_dir.to_owned(), bootstrap, http }
    }

    /// `naru cluster VERB ...`, which must succeed.
    pub fn tell(&self, words: &[&str]) -> String {
        let mut command = Command::new(naru_binary());
        run(command.arg("cluster").args(words).arg("--data-dir").arg(&self.data_dir), "")
    }

    /// One broker's data directory.
    pub fn broker_dir(&self, broker: i32) -> PathBuf {
        self.data_dir.join(format!("broker-{broker}"))
    }

    /// `kill -9` of a broker's process, at once; returns when. The supervisor is not asked: it would take its time.
    pub fn kill_9(&self, broker: i32) -> Instant {
        let pid = self.nodes()[broker as usize - 1]["pid"].as_i64().expect("the broker runs");
        let pid = rustix::process::Pid::from_raw(pid as i32).expect("a process");
        let when = Instant::now();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("the broker can be killed");
        when
    }

    /// What the supervisor says of the brokers' processes.
    pub fn nodes(&self) -> Vec<Value> {
        let mut answer = ureq::get(&format!("http://{}/api/nodes", self.http)).call().expect("the supervisor answers");
        let text = answer.body_mut().read_to_string().expect("an answer");
        let report: Value = serde_json::from_str(&text).expect("JSON");
        report["nodes"].as_array().expect("a list").clone()
    }

    /// Makes a topic with a copy on each of three brokers.
    pub fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("an admin client");
        let copies = self.nodes().len().min(3) as i32;
        let new = NewTopic::new(name, partitions, TopicReplication::Fixed(copies));
        let new = configs.iter().fold(new, |new, (key, value)| new.set(key, value));
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let results = crate::block_on(admin.create_topics([&new], &options)).expect("an answer");
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        self.wait_until_in_sync(name, partitions as usize, copies as usize);
    }

    /// How a topic's partitions are. Empty while nobody can say.
    pub fn partitions(&self, topic: &str) -> Vec<PartitionState> {
        let client: BaseConsumer = self.config().create().expect("a client");
        let Ok(metadata) = client.fetch_metadata(Some(topic), Duration::from_secs(5)) else { return Vec::new() };
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let state = |partition: &rdkafka::metadata::MetadataPartition| PartitionState {
            leader: partition.leader(),
            replicas: partition.replicas().to_vec(),
            isr: partition.isr().to_vec(),
        };
        partitions.map(state).collect()
    }

    /// Waits until every partition has a leader and all of its copies are in sync.
    pub fn wait_until_in_sync(&self, topic: &str, partitions: usize, copies: usize) {
        wait_until(&format!("{topic} is in sync"), || {
            let found = self.partitions(topic);
            found.len() == partitions
                && found.iter().all(|partition| partition.leader >= 0 && partition.isr.len() == copies)
        });
    }

    /// For librdkafka: quick to notice that somebody else leads.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "200").set("retry.backoff.ms", "20");
        // librdkafka looks once when a leader is gone, and then, without this, only a second later; Java's clients look every
        // 100 ms.
        config.set("topic.metadata.refresh.interval.ms", "100").set("topic.metadata.refresh.fast.interval.ms", "50");
        config.set("socket.connection.setup.timeout.ms", "2000");
        config
    }

    /// Asks the cluster to end in good order.
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it can be signalled");
        assert!(self.child.wait().expect("it ends").success(), "the cluster ends in good order");
    }

    /// Lets the engine's own judge read what clients did and saw (`naru sim check-history`).
    pub fn judge(history: &Path) {
        let output = run_unchecked(Command::new(naru_binary()).args(["sim", "check-history"]).arg(history), "");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the history {} cannot be explained:\n{said}", history.display());
        println!("history: {}", said.trim());
    }
}

impl Drop for ClusterProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
