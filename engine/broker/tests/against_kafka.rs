//! The requests of the transcripts, put to a real Apache Kafka: what it answers, beside what the transcripts say.
//!
//! `NARU_KAFKA=127.0.0.1:9092 cargo test -p naru-broker --test against_kafka -- --ignored --nocapture`
//!
//! Deliberately prints differences instead of failing: messages of refusals differ on purpose where Apache Kafka sends none,
//! and some topics differ by configuration. Read it when a row of SEMANTICS is in doubt.

mod harness;

use harness::Harness;
use naru_broker::BrokerConfig;
use naru_wire::messages::MetadataRequest;
use naru_wire::{Request, RequestHeader, Response, StrBytes, decode_response, encode_request};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Transcripts that need no command that only the test driver knows.
const TRANSCRIPTS: [&str; 18] = [
    "semantics_01_acks",
    "semantics_02_min_insync_replicas",
    "semantics_05_timestamps",
    "semantics_06_too_large",
    "semantics_07_one_batch",
    "semantics_08_null_key",
    "semantics_09_duplicates",
    "semantics_11_unknown_producers",
    "semantics_17_batch_boundaries",
    "semantics_20_fetch_sessions",
    "semantics_21_leader_epochs",
    "semantics_22_list_offsets",
    "semantics_23_topic_ids",
    "semantics_40_delete_records",
    "semantics_44_api_versions",
    "semantics_46_metadata",
    "semantics_48_admin",
    "semantics_48_alter_configs",
];
/// Names that get a prefix of their own, because the broker may be used by others.
const TOPICS: [&str; 17] = [
    "created", "appended", "zero", "many", "wrong", "huge", "again", "orders", "small", "short", "packed", "state",
    "payments", "nothing", "refunds", "bounded", "later",
];

struct Real {
    address: String,
    connections: BTreeMap<char, TcpStream>,
    harness: Harness,
    prefix: String,
}

#[test]
#[ignore = "needs a real Apache Kafka: NARU_KAFKA=host:port"]
fn the_transcripts_put_to_a_real_kafka() {
    let address = std::env::var("NARU_KAFKA").expect("NARU_KAFKA=host:port");
    for (number, name) in TRANSCRIPTS.iter().enumerate() {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut harness = Harness::unopened(BrokerConfig::default());
        harness.foreign_ids = Some(BTreeMap::new());
        let prefix = format!("naru{millis}n{number}");
        let mut real = Real { address: address.clone(), connections: BTreeMap::new(), harness, prefix };
        println!("==== {name}");
        real.run(&std::fs::read_to_string(format!("tests/transcripts/{name}.txt")).unwrap());
    }
}

impl Real {
    fn run(&mut self, text: &str) {
        for block in text.split("\n\n") {
            let (input, expected) = block.split_once("----").unwrap_or((block, ""));
            let mut expected: Vec<&str> = expected.lines().filter(|line| !line.is_empty()).collect();
            for command in input.lines().filter(|line| !line.starts_with('#')) {
                let (first, rest) = command.split_once(' ').unwrap_or((command, ""));
                if first == "pass" {
                    self.harness.now.wall_ms += rest.parse::<i64>().unwrap();
                }
                if first.len() != 1 {
                    continue;
                }
                for line in self.ask(first, rest) {
                    match expected.iter().position(|wanted| same(wanted, &line)) {
                        Some(index) => drop(expected.remove(index)),
                        None => println!("{command}\n    kafka: {line}"),
                    }
                }
            }
            let left = expected.iter().filter(|line| {
                line.chars().nth(1) == Some(' ') && !line.starts_with("  ") && !line.contains("broker ")
            });
            left.for_each(|line| println!("    naru:  {line}"));
        }
    }

    fn ask(&mut self, letter: &str, rest: &str) -> Vec<String> {
        let mut rest = format!(" {rest}");
        for topic in TOPICS {
            rest = rest.replace(&format!(" {topic}"), &format!(" {}{topic}", self.prefix));
            rest = rest.replace(&format!("topic:{topic}"), &format!("topic:{}{topic}", self.prefix));
            rest = rest.replace(&format!("={topic}"), &format!("={}{topic}", self.prefix));
        }
        let (verb, arguments) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let (version, request) = self.harness.request(verb, arguments);
        let mut lines = match self.exchange(letter, version, &request) {
            Some(response) => {
                let mut lines = self.harness.render(&response);
                if matches!(response, Response::Metadata(_)) {
                    lines.retain(|line| line.starts_with(&self.prefix) || line.contains("bad/name"));
                }
                lines
            }
            None => vec!["closed or silent".into()],
        };
        if matches!(request, Request::IncrementalAlterConfigs(_) | Request::AlterConfigs(_)) {
            // The broker applies what its controller has decided a little later.
            std::thread::sleep(Duration::from_millis(200));
        }
        if matches!(request, Request::CreateTopics(_)) {
            std::thread::sleep(Duration::from_millis(400));
            self.learn_ids();
        }
        lines.iter_mut().for_each(|line| *line = format!("{letter} {}", line.replace(&self.prefix, "")));
        lines
    }

    fn learn_ids(&mut self) {
        let request = MetadataRequest::default().with_topics(None).into();
        let Some(Response::Metadata(answer)) = self.exchange("z", 12, &request) else { return };
        let named = answer.topics.into_iter().filter_map(|topic| Some((topic.name?.as_str().into(), topic.topic_id)));
        self.harness.foreign_ids = Some(named.collect());
    }

    fn exchange(&mut self, letter: &str, version: i16, request: &Request) -> Option<Response> {
        let address = self.address.clone();
        let stream = self.connections.entry(letter.chars().next()?).or_insert_with(|| {
            let stream = TcpStream::connect(address).expect("a Kafka");
            stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
            stream
        });
        let client_id = StrBytes::from_static_str("test");
        let header = RequestHeader { api: request.api(), version, correlation_id: 1, client_id };
        stream.write_all(&encode_request(&header, request).unwrap()).ok()?;
        if matches!(request, Request::Produce(produce) if produce.acks == 0) {
            return None;
        }
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame).ok()?;
        Some(decode_response(request.api(), version, frame.into()).expect("a decodable answer").1)
    }
}

/// Whether two lines say the same, messages and times aside.
fn same(naru: &str, kafka: &str) -> bool {
    let plain = |line: &str| {
        let line = line.split('"').next().unwrap_or("").replace("INTERNAL", "");
        let words = line.split_whitespace().filter(|word| !word.starts_with("time=") && !word.starts_with("broker"));
        words.collect::<Vec<_>>().join(" ")
    };
    plain(naru) == plain(kafka)
}
