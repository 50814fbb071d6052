//! The HTTP side: it reads, it only answers to its own name, and its stream is the broker's own events.

mod common;

use common::{Naru, dial};
use naru_trace::{Actor, ClusterView, TraceEvent, TraceKind};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};
use tempfile::tempdir;

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"))
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn foreign_names_are_refused() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let ask = |host: &str, path: &str| naru.http(&format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n"));
    for path in ["/", "/api/cluster", "/api/events", "/metrics", "/healthz", "/nothing"] {
        let answer = ask("Host: evil.example\r\n", path);
        assert_eq!(status(&answer), 421, "{path}");
        assert!(body(&answer).contains("only answers to its own address"), "{answer}");
        assert!(!answer.contains("brokers"), "nothing leaks");
    }
    assert!(status(&ask("", "/api/cluster")) >= 400, "no name at all");
    let port = naru.http.port();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), "localhost".into(), format!("[::1]:{port}")]
    {
        assert_eq!(status(&ask(&format!("Host: {host}\r\n"), "/api/cluster")), 200, "{host}");
    }
}

#[test]
fn nothing_can_be_changed() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = format!(
            "{method} /api/cluster HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(status(&naru.http(&request)), 405, "{method}");
    }
    let head = naru.http("HEAD /api/cluster HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!((status(&head), body(&head)), (200, ""));
}

#[test]
fn every_answer_has_the_headers_of_a_careful_page() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    for path in ["/", "/api/cluster", "/metrics", "/nothing"] {
        let answer = naru.get(path).to_ascii_lowercase();
        for header in
            ["content-security-policy: default-src 'self'", "x-content-type-options: nosniff", "cache-control:"]
        {
            assert!(answer.contains(header), "{path} has no {header}");
        }
    }
    assert_eq!(status(&naru.get("/nothing")), 404);
}

#[test]
fn the_page_is_there() {
    let dir = tempdir().unwrap();
    let answer = Naru::start(dir.path()).get("/");
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("text/html") && answer.contains("Naru"), "{answer}");
}

#[test]
fn the_cluster_is_the_picture() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("seen", 2);
    connection.produce("seen", &["a", "b", "c"]);
    let view: ClusterView = serde_json::from_str(body(&naru.get("/api/cluster"))).unwrap();
    let broker = &view.brokers[&1];
    assert_eq!(broker.port, naru.kafka.port());
    assert_eq!(broker.topics["seen"].partitions[&0].log_end_offset, 3);
    assert_eq!(broker.topics["seen"].partitions[&1].log_end_offset, 0);
    assert_eq!(broker.connections.len(), 1);
}

#[test]
fn counters_count() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("counted", 1);
    connection.produce("counted", &["a", "b"]);
    let text = naru.get("/metrics");
    for line in [
        "naru_records_appended_total 2",
        "naru_requests_total{api=\"Produce\"} 1",
        "naru_topics 1",
        "naru_connections 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
    }
    assert!(text.contains("process_resident_memory_bytes "));
}

/// A reader of `/api/events`.
struct Stream {
    reader: BufReader<TcpStream>,
}

impl Stream {
    fn open(naru: &Naru) -> Stream {
        let mut stream = dial(naru.http);
        stream.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut stream = Stream { reader: BufReader::new(stream) };
        assert!(stream.line().starts_with("HTTP/1.1 200"));
        while !stream.line().is_empty() {}
        stream
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.reader.read_line(&mut line).unwrap(), 0, "the stream ended");
        line.trim_end().to_owned()
    }

    /// The next event's name and data. Lines of the chunked encoding are passed over.
    fn next(&mut self) -> (String, String) {
        loop {
            if let Some(name) = self.line().strip_prefix("event: ") {
                let data = self.line();
                return (name.to_owned(), data.strip_prefix("data: ").expect("data follows").to_owned());
            }
        }
    }

    fn snapshot(&mut self) -> ClusterView {
        let (name, data) = self.next();
        assert_eq!(name, "snapshot");
        serde_json::from_str(&data).unwrap()
    }

    fn trace(&mut self) -> TraceEvent {
        let (name, data) = self.next();
        assert_eq!(name, "trace");
        serde_json::from_str(&data).unwrap()
    }
}

#[test]
fn the_stream_folds_to_the_picture() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("live", 1);
    connection.produce("live", &["before"]);
    let mut stream = Stream::open(&naru);
    let mut view = stream.snapshot();
    assert_eq!(view.brokers[&1].topics["live"].partitions[&0].log_end_offset, 1);
    connection.produce("live", &["while", "watching"]);
    let mut sites = Vec::new();
    loop {
        let event = stream.trace();
        assert_eq!(event.actor, Actor::Broker(1));
        view.apply(&event);
        sites.push(event.site.file.into_owned());
        if matches!(&event.kind, TraceKind::ResponseSent { api, .. } if api == "Produce") {
            break;
        }
    }
    let partition = &view.brokers[&1].topics["live"].partitions[&0];
    assert_eq!((partition.log_end_offset, partition.high_watermark), (3, 3));
    let last = partition.cells.back().unwrap();
    assert_eq!((last.offset, last.value.as_ref().unwrap().text.as_str()), (2, "watching"));
    assert!(sites.iter().any(|file| file == "engine/log/src/log.rs" || file.starts_with("engine/log/")), "{sites:?}");
    let asked: ClusterView = serde_json::from_str(body(&naru.get("/api/cluster"))).unwrap();
    assert_eq!(asked.brokers[&1].topics, view.brokers[&1].topics, "the fold is what the broker itself says");
}

#[test]
fn two_watchers_see_the_same_and_one_may_leave() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("live", 1);
    let (mut one, mut two) = (Stream::open(&naru), Stream::open(&naru));
    one.snapshot();
    two.snapshot();
    connection.produce("live", &["a"]);
    let first = one.trace();
    assert_eq!(first, two.trace());
    drop(one);
    connection.produce("live", &["b"]);
    while !matches!(two.trace().kind, TraceKind::BatchAppended { log_end_offset: 2, .. }) {}
}

#[test]
fn a_watcher_that_falls_behind_gets_a_fresh_picture() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("live", 1);
    let mut stream = Stream::open(&naru);
    stream.snapshot();
    // Until the watcher's socket and queue are full, and then some. Nobody else is slowed down by it.
    let values: Vec<String> = (0..200).map(|number| format!("{number:0>200}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    for _ in 0..1_000 {
        connection.produce("live", &values);
    }
    loop {
        let (name, data) = stream.next();
        if name == "snapshot" {
            let view: ClusterView = serde_json::from_str(&data).unwrap();
            assert!(view.brokers[&1].topics["live"].partitions[&0].log_end_offset > 200);
            break;
        }
    }
    connection.produce("live", &["last"]);
    while !matches!(stream.trace().kind, TraceKind::BatchAppended { log_end_offset: 200_001, .. }) {}
}

#[test]
fn a_watcher_does_not_keep_the_broker_from_stopping() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut stream = Stream::open(&naru);
    stream.snapshot();
    assert!(naru.stop().success());
}
