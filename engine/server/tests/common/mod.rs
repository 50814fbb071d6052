//! A real `naru serve` in a process of its own, and a blocking client that speaks through `naru-wire`.
//!
//! Nothing here sleeps: the ready line, an answer, the end of a socket and the end of a process are waited for, each with a
//! limit after which a test fails instead of hanging.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use bytes::Bytes;
use naru_records::{BatchBuilder, Compression, DecompressLimit};
use naru_wire::{
    ApiKey, Request, RequestHeader, Response, StrBytes, TopicName, decode_response, encode_request,
    messages::{
        ApiVersionsRequest, CreateTopicsRequest, FetchRequest, MetadataRequest, MetadataResponse, ProduceRequest,
        create_topics_request::CreatableTopic,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// Longer than anything should take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running broker. Killed when dropped.
pub struct Naru {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Where Kafka clients connect.
    pub kafka: SocketAddr,
    /// Where browsers connect.
    pub http: SocketAddr,
    /// How long it took from being started to its ready line.
    pub ready_after: Duration,
}

/// The command `naru`, with nothing of this environment that changes what it does.
pub fn naru() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_naru"));
    command.env("LC_ALL", "C").env_remove("NARU_LOG");
    command
}

/// `naru serve` on free ports.
pub fn serve_command(data_dir: &Path) -> Command {
    let mut command = naru();
    command.args(["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
    command
}

/// Runs a command to its end.
pub fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().expect("naru can be started")
}

impl Naru {
    /// Starts and waits for the ready line.
    pub fn start(data_dir: &Path) -> Naru {
        Naru::start_with(data_dir, &[])
    }

    /// The same with more arguments.
    pub fn start_with(data_dir: &Path, arguments: &[&str]) -> Naru {
        let mut command = serve_command(data_dir);
        Naru::spawn(command.args(arguments))
    }

    /// Starts this very command.
    pub fn spawn(command: &mut Command) -> Naru {
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("naru can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("naru's output can be read");
        let ready_after = started.elapsed();
        let (kafka, http) = addresses(&line);
        Naru { child, stdout, kafka, http, ready_after }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        Connection::to(self.kafka)
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("naru can be killed");
        self.child.wait().expect("naru ends");
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.expect("kill can be run").success());
    }

    /// Waits until the process ends. Its output ends with it.
    pub fn wait(&mut self) -> ExitStatus {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("naru's output can be read");
        assert_eq!(rest, "", "one line on standard output and no more");
        self.child.wait().expect("naru ends")
    }

    /// An HTTP request, and all of its answer as text.
    pub fn http(&self, request: &str) -> String {
        String::from_utf8_lossy(&self.answer(request)).into_owned()
    }

    fn answer(&self, request: &str) -> Vec<u8> {
        let mut stream = dial(self.http);
        stream.write_all(request.as_bytes()).expect("the request can be sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the answer comes");
        answer
    }

    /// `GET path`, asked under the right name.
    pub fn get(&self, path: &str) -> String {
        self.http(&self.get_request(path))
    }

    /// The body of the answer to `GET path`, which must be found.
    pub fn get_bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.answer(&self.get_request(path));
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head and a body");
        answer[head + 4..].to_vec()
    }

    fn get_request(&self, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http)
    }
}

impl Drop for Naru {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn addresses(line: &str) -> (SocketAddr, SocketAddr) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let address = |word: &str, name: &str| word.strip_prefix(name).and_then(|address| address.parse().ok());
    match words[..] {
        ["ready", kafka, http] => (
            address(kafka, "kafka=").unwrap_or_else(|| panic!("{line:?}")),
            address(http, "http=").unwrap_or_else(|| panic!("{line:?}")),
        ),
        _ => panic!("not a ready line: {line:?}"),
    }
}

/// A socket with patience.
pub fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the address answers");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_nodelay(true).expect("nodelay can be set");
    stream
}

/// A connection that asks one thing after another, or several at once.
pub struct Connection {
    /// The socket itself, for tests of bad manners.
    pub stream: TcpStream,
    next: i32,
}

/// Versions that tests speak: with names, not ids, so that a topic needs no look-up first.
fn version(api: ApiKey) -> i16 {
    match api {
        ApiKey::Produce => 9,
        ApiKey::Fetch => 12,
        ApiKey::Metadata => 12,
        ApiKey::CreateTopics => 7,
        ApiKey::ApiVersions => 3,
        other => other.versions().max,
    }
}

impl Connection {
    /// Connects.
    pub fn to(address: SocketAddr) -> Connection {
        Connection { stream: dial(address), next: 0 }
    }

    /// Sends a request and returns its correlation id.
    pub fn send(&mut self, request: impl Into<Request>) -> i32 {
        let request = request.into();
        let header = RequestHeader {
            api: request.api(),
            version: version(request.api()),
            correlation_id: self.next,
            client_id: StrBytes::from_static_str("test"),
        };
        self.next += 1;
        let frame = encode_request(&header, &request).expect("the request can be encoded");
        self.stream.write_all(&frame).expect("the request can be sent");
        header.correlation_id
    }

    /// The next frame, without its length.
    pub fn frame(&mut self) -> Bytes {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).expect("an answer comes");
        let mut frame = vec![0; i32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).expect("the whole answer comes");
        frame.into()
    }

    /// The next answer, which must be one of this API.
    pub fn receive(&mut self, api: ApiKey) -> (i32, Response) {
        let frame = self.frame();
        decode_response(api, version(api), frame).expect("the answer can be understood")
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, request: impl Into<Request>) -> Response {
        let request = request.into();
        let api = request.api();
        let asked = self.send(request);
        let (answered, response) = self.receive(api);
        assert_eq!(answered, asked, "answers come in the order of their requests");
        response
    }

    /// Whether the broker answers on this connection.
    pub fn assert_alive(&mut self) {
        let Response::ApiVersions(answer) = self.ask(api_versions_request()) else { panic!() };
        assert_eq!(answer.error_code, 0);
        assert!(!answer.api_keys.is_empty());
    }

    /// Waits until the broker closes this connection.
    pub fn assert_closed(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "closed without an answer, but got {rest:?}"),
            // Bytes that we sent and nobody read turn the end into a reset.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
    }

    /// Creates a topic.
    pub fn create_topic(&mut self, topic: &str, partitions: i32) {
        let new =
            CreatableTopic::default().with_name(name(topic)).with_num_partitions(partitions).with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![new]).with_timeout_ms(10_000);
        let Response::CreateTopics(answer) = self.ask(request) else { panic!() };
        assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0].error_message);
    }

    /// What the broker says of brokers and topics.
    pub fn metadata(&mut self) -> MetadataResponse {
        let Response::Metadata(answer) = self.ask(MetadataRequest::default().with_topics(None)) else { panic!() };
        answer
    }

    /// Writes values into partition 0 with acks=all and returns the offset of the first.
    pub fn produce(&mut self, topic: &str, values: &[&str]) -> i64 {
        let Response::Produce(answer) = self.ask(produce_request(topic, values)) else { panic!() };
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0, "{:?}", partition.error_message);
        partition.base_offset
    }

    /// Reads partition 0 from an offset, as far as one answer goes.
    pub fn fetch(&mut self, topic: &str, offset: i64) -> Vec<String> {
        let Response::Fetch(answer) = self.ask(fetch_request(topic, offset, 0)) else { panic!() };
        values(&answer)
    }

    /// Reads partition 0 from the beginning to its end.
    pub fn read_all(&mut self, topic: &str) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let more = self.fetch(topic, all.len() as i64);
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }
}

/// What clients ask first, with the names that it has to have since version 3 (KIP-511).
pub fn api_versions_request() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("naru-tests"))
        .with_client_software_version(StrBytes::from_static_str("1"))
}

/// A topic's name as messages hold it.
pub fn name(topic: &str) -> TopicName {
    TopicName::from(StrBytes::from_string(topic.to_owned()))
}

/// One batch into partition 0.
pub fn produce_request(topic: &str, values: &[&str]) -> ProduceRequest {
    let mut batch = BatchBuilder::new(Compression::None);
    for value in values {
        batch.append(1_700_000_000_000, None, Some(value.as_bytes()), &[]);
    }
    let data = PartitionProduceData::default().with_index(0).with_records(Some(batch.build(0, -1)));
    let topic = TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(10_000).with_topic_data(vec![topic])
}

/// Partition 0 from an offset on; waits for at least one byte, at most `wait_ms`.
pub fn fetch_request(topic: &str, offset: i64, wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_log_start_offset(-1)
        .with_partition_max_bytes(1024 * 1024);
    let topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(50 * 1024 * 1024)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

/// The values in a fetch's answer.
pub fn values(answer: &naru_wire::messages::FetchResponse) -> Vec<String> {
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    let bytes = partition.records.clone().unwrap_or_default();
    let mut values = Vec::new();
    for batch in naru_records::batches(bytes) {
        let batch = batch.expect("the batch is whole");
        batch.verify_crc().expect("the batch is undamaged");
        for record in batch.records(DecompressLimit::default()).expect("the batch can be read") {
            values.push(String::from_utf8(record.value.unwrap_or_default().to_vec()).expect("values are text"));
        }
    }
    values
}
