//! `naru cluster`: its brokers' processes, what is done to them, and its page. What brokers do among themselves is not here.

mod common;

use common::{Connection, PATIENCE, dial, naru};
use naru_trace::{BrokerState, ClusterView, TraceEvent, TraceKind};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::Instant,
};
use tempfile::{TempDir, tempdir};

/// A running `naru cluster`. Killed when dropped; its brokers see that and end, too.
struct Cluster {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    dir: TempDir,
    brokers: Vec<SocketAddr>,
    http: SocketAddr,
}

impl Cluster {
    fn start(brokers: usize) -> Cluster {
        let dir = tempdir().unwrap();
        let mut command = naru();
        command.args(["cluster", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--brokers"]);
        command.arg(brokers.to_string()).arg("--data-dir").arg(dir.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let word = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap_or_default();
        let addresses: Vec<SocketAddr> =
            word("kafka=").split(',').map(|address| address.parse().expect("an address")).collect();
        assert_eq!(addresses.len(), brokers, "{line:?}");
        let http = word("http=").parse().expect("an address");
        Cluster { child, _stdout: stdout, dir, brokers: addresses, http }
    }

    fn ask(&self, words: &[&str]) -> Output {
        let mut command = naru();
        command.arg("cluster").args(words).arg("--data-dir").arg(self.dir.path());
        common::output(command)
    }

    /// What a command says that must succeed.
    fn tell(&self, words: &[&str]) -> String {
        let output = self.ask(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that must fail.
    fn refused(&self, words: &[&str]) -> String {
        let output = self.ask(words);
        assert!(!output.status.success(), "{words:?} should have failed");
        String::from_utf8(output.stderr).unwrap()
    }

    fn http(&self, request: &str) -> String {
        let mut stream = dial(self.http);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn report(&self) -> Value {
        let answer = self.http(&format!("GET /api/nodes HTTP/1.0\r\nHost: {}\r\n\r\n", self.http));
        serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON")
    }

    fn state(&self, broker: usize) -> String {
        self.report()["nodes"][broker - 1]["state"].as_str().expect("a state").to_owned()
    }

    fn pid(&self, broker: usize) -> u64 {
        self.report()["nodes"][broker - 1]["pid"].as_u64().expect("a process")
    }

    fn token_file(&self) -> PathBuf {
        self.dir.path().join("control-token")
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The directory is theirs until they have ended.
        self.brokers.iter().for_each(|broker| wait_until_free(*broker));
    }
}

/// Waits until nobody listens on an address any more.
fn wait_until_free(address: SocketAddr) {
    let began = Instant::now();
    while TcpListener::bind(address).is_err() {
        assert!(began.elapsed() < PATIENCE, "somebody still listens on {address}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_killed_broker_stays_down_until_it_is_restarted_where_it_was() {
    let cluster = Cluster::start(3);
    for broker in &cluster.brokers {
        Connection::to(*broker).assert_alive();
    }
    assert_eq!(cluster.tell(&["kill", "2"]), "broker 2 was killed\n");
    assert_eq!(cluster.state(2), "crashed");
    assert!(TcpStream::connect(cluster.brokers[1]).is_err());
    assert!(cluster.refused(&["kill", "2"]).contains("does not run"));
    assert_eq!(cluster.tell(&["restart", "2"]), "broker 2 serves clients\n");
    Connection::to(cluster.brokers[1]).assert_alive();
    assert!(cluster.tell(&["status"]).contains("broker 2  running"));
    assert!(cluster.refused(&["pause", "4"]).contains("there is no broker 4; there are 1, 2, 3"));
}

#[test]
fn a_broker_that_dies_by_itself_is_noticed() {
    let cluster = Cluster::start(1);
    let killed = Command::new("kill").arg("-9").arg(cluster.pid(1).to_string()).status();
    assert!(killed.unwrap().success());
    let began = Instant::now();
    while cluster.state(1) != "crashed" {
        assert!(began.elapsed() < PATIENCE);
    }
}

#[test]
fn paused_is_suspended_and_resumed_goes_on() {
    let cluster = Cluster::start(1);
    let stat = format!("/proc/{}/stat", cluster.pid(1));
    let is_suspended = || fs::read_to_string(&stat).unwrap().rsplit(')').next().unwrap().trim().starts_with('T');
    cluster.tell(&["pause", "1"]);
    let began = Instant::now();
    while !is_suspended() {
        assert!(began.elapsed() < PATIENCE);
    }
    assert_eq!(cluster.state(1), "paused");
    cluster.tell(&["resume", "1"]);
    Connection::to(cluster.brokers[0]).assert_alive();
    assert_eq!(cluster.state(1), "running");
}

#[test]
fn links_are_cut_delayed_and_healed_by_direction() {
    let cluster = Cluster::start(3);
    assert_eq!(cluster.tell(&["partition", "1", "2,3", "--one-way"]), "1 -> 2 is cut\n1 -> 3 is cut\n");
    assert_eq!(cluster.tell(&["delay", "2", "3", "--ms", "40"]), "2 -> 3 is delayed\n3 -> 2 is delayed\n");
    let links = cluster.report()["links"].as_array().unwrap().clone();
    assert_eq!(links.len(), 4, "{links:?}");
    assert!(cluster.refused(&["partition"]).contains("name the brokers"));
    assert_eq!(cluster.tell(&["heal"]).lines().count(), 4);
    assert_eq!(cluster.tell(&["heal"]), "nothing changed\n");
    assert!(cluster.report()["links"].as_array().unwrap().is_empty());
}

#[test]
fn a_slow_disk_makes_what_waits_for_it_wait() {
    let cluster = Cluster::start(1);
    let mut connection = Connection::to(cluster.brokers[0]);
    connection.create_topic("slow", 1);
    connection.produce("slow", &["before"]);
    cluster.tell(&["slow-disk", "1", "--ms", "300"]);
    let began = Instant::now();
    connection.produce("slow", &["during"]);
    let took = began.elapsed().as_millis();
    assert!(took >= 300, "{took} ms");
    assert_eq!(cluster.report()["nodes"][0]["disk_delay_ms"], 300);
    cluster.tell(&["slow-disk", "1", "--ms", "0"]);
    assert!(cluster.refused(&["slow-disk", "1", "--ms", "99999"]).contains("from 0 to 10000"));
}

#[test]
fn only_who_knows_the_token_may_do_something() {
    let cluster = Cluster::start(1);
    let token = fs::read_to_string(cluster.token_file()).unwrap();
    let post = |head: &str| {
        let host = format!("Host: {}\r\n", cluster.http);
        cluster.http(&format!(
            "POST /api/control/kill HTTP/1.0\r\n{host}{head}Content-Length: 15\r\n\r\n{{\"brokers\":[1]}}"
        ))
    };
    let known = format!("Authorization: Bearer {}\r\n", token.trim());
    for head in [
        "".to_owned(),
        "Authorization: Bearer nonsense\r\n".to_owned(),
        format!("{known}Origin: https://evil.example\r\n"),
        format!("{known}Origin: null\r\n"),
    ] {
        let answer = post(&head);
        assert!(answer.starts_with("HTTP/1.0 403"), "{head:?}: {answer}");
    }
    let foreign = format!("POST /api/control/kill HTTP/1.0\r\nHost: evil.example\r\n{known}\r\n");
    assert!(cluster.http(&foreign).starts_with("HTTP/1.0 421"));
    assert_eq!(cluster.state(1), "running", "none of them did anything");
    assert!(post(&known).starts_with("HTTP/1.0 200"));
    assert_eq!(cluster.state(1), "crashed");
}

/// The cluster's stream of events, as a page reads it.
struct Stream {
    lines: BufReader<TcpStream>,
}

enum Told {
    Snapshot(ClusterView),
    Trace(TraceEvent),
}

impl Stream {
    fn open(cluster: &Cluster) -> Stream {
        let mut stream = dial(cluster.http);
        write!(stream, "GET /api/events HTTP/1.0\r\nHost: {}\r\n\r\n", cluster.http).unwrap();
        Stream { lines: BufReader::new(stream) }
    }

    fn next(&mut self) -> Told {
        let (mut name, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).expect("the stream goes on"), 0, "the stream ended");
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.trim().to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return match name.as_str() {
                    "snapshot" => Told::Snapshot(serde_json::from_str(data).expect("a view")),
                    _ => Told::Trace(serde_json::from_str(data).expect("an event")),
                };
            }
        }
    }
}

#[test]
fn one_stream_shows_all_brokers_and_their_deaths() {
    let cluster = Cluster::start(3);
    let mut stream = Stream::open(&cluster);
    let Told::Snapshot(mut view) = stream.next() else { panic!("the picture comes first") };
    assert_eq!(view.brokers.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    cluster.tell(&["kill", "3"]);
    cluster.tell(&["partition", "1", "2", "--one-way"]);
    // The brokers were talking before anybody looked: the first number is any.
    let mut next = None;
    let mut is_cut = false;
    while !is_cut {
        match stream.next() {
            Told::Snapshot(snapshot) => view = snapshot,
            Told::Trace(event) => {
                assert_eq!(event.seq, next.unwrap_or(event.seq), "numbered without gaps");
                next = Some(event.seq + 1);
                view.apply(&event);
                is_cut = matches!(event.kind, TraceKind::LinkCut { .. });
            }
        }
    }
    assert_eq!(view.brokers[&3].state, BrokerState::Crashed);
    assert_eq!(view.brokers[&1].state, BrokerState::Running);
    cluster.tell(&["restart", "3"]);
    while view.brokers[&3].state != BrokerState::Running {
        match stream.next() {
            Told::Snapshot(snapshot) => view = snapshot,
            Told::Trace(event) => view.apply(&event),
        }
    }
}

#[test]
fn it_ends_in_good_order() {
    let mut cluster = Cluster::start(3);
    cluster.signal("TERM");
    assert!(cluster.child.wait().unwrap().success());
    for id in 1..=3 {
        let marker = cluster.dir.path().join(format!("broker-{id}/.kafka_cleanshutdown"));
        assert!(marker.exists(), "broker {id} was not closed in good order");
    }
}

#[test]
fn brokers_do_not_outlive_their_supervisor() {
    let cluster = Cluster::start(2);
    let addresses = cluster.brokers.clone();
    cluster.signal("KILL");
    addresses.into_iter().for_each(wait_until_free);
}

#[test]
fn without_a_cluster_there_is_nothing_to_tell() {
    let dir = tempdir().unwrap();
    let fail = |dir: &Path| {
        let mut command = naru();
        command.args(["cluster", "status", "--data-dir"]).arg(dir);
        String::from_utf8(common::output(command).stderr).unwrap()
    };
    assert!(fail(dir.path()).contains("no cluster runs in"));
    let mut none = naru();
    none.args(["cluster", "--brokers", "0"]);
    assert!(String::from_utf8(common::output(none).stderr).unwrap().contains("allowed is 1 to 64"));
}
