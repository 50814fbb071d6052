//! The admin client: creates, changes and describes topics.
//!
//! Every call is one request to a broker; it is tried again until it is answered or `default.api.timeout.ms` is over. This
//! file holds what the application sees. Read on in `calls`: what each call asks, and how its answer is read.

mod calls;

use crate::{
    AdminConfig, ClientError, ClientInput, ClientOutbox, Machine,
    backoff::retry_at,
    network::{Answer, Network, Outgoing},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use calls::Call;
use naru_trace::SortedMap;
use naru_trace::{ClientRole, ClientView, Deadline, Micros, Name, Now, Seq, TraceKind};
use naru_wire::{ErrorCode, Response};

/// A topic to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; `None` for the broker's `num.partitions` (KIP-464).
    pub partitions: Option<i32>,
    /// How many replicas; `None` for the broker's `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// Its settings, by Kafka's names.
    pub configs: Vec<(String, String)>,
    /// Only ask whether it could be created.
    pub validate_only: bool,
}

/// What settings can belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// A topic, by its name.
    Topic,
    /// A broker, by its `node.id`.
    Broker,
}

/// The changes that one alteration makes: every key with its new value, or with `None` to go back to the default.
pub type ConfigChanges = Vec<(String, Option<String>)>;

/// One partition's replica in a log directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaSize {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Length of its segments in bytes.
    pub bytes: i64,
    /// How many records its log is behind the high watermark.
    pub offset_lag: i64,
}

/// One log directory of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDirDescription {
    /// Its path on the broker.
    pub path: String,
    /// Why it cannot be used, by Kafka's name for the error, if so.
    pub error: Option<String>,
    /// The size of its disk in bytes, if known.
    pub total_bytes: Option<i64>,
    /// How many bytes can still be written, if known.
    pub usable_bytes: Option<i64>,
    /// What lies in it, by topic and partition.
    pub replicas: Vec<ReplicaSize>,
}

/// One broker of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerDescription {
    /// Its `node.id`.
    pub id: i32,
    /// Its advertised host.
    pub host: String,
    /// Its advertised port.
    pub port: u16,
}

/// One partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its number.
    pub partition: i32,
    /// Its leader; -1 for none.
    pub leader: i32,
    /// Its replicas.
    pub replicas: Vec<i32>,
    /// Those that are in sync.
    pub isr: Vec<i32>,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id (KIP-516), as 36 characters.
    pub topic_id: String,
    /// Whether it belongs to Kafka itself.
    pub internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionDescription>,
}

/// Who gave a setting its value (`ConfigEntry.ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigSource {
    /// It was set for the topic.
    Topic,
    /// It was set for the broker, or for all brokers, while it ran.
    DynamicBroker,
    /// The broker was started with it.
    StaticBroker,
    /// Nobody.
    Default,
    /// Something that this client does not know.
    Unknown,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDescription {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it is secret.
    pub value: Option<String>,
    /// Whether nobody changed it.
    pub is_default: bool,
    /// Who set it.
    pub source: ConfigSource,
    /// Whether it cannot be changed.
    pub read_only: bool,
}

/// The answer to an admin call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminResult {
    /// A topic was created.
    TopicCreated {
        /// Its name.
        topic: String,
        /// Its id, as 36 characters.
        topic_id: String,
        /// How many partitions it got; -1 if the broker does not tell.
        partitions: i32,
    },
    /// A topic was deleted.
    TopicDeleted {
        /// Its name.
        topic: String,
    },
    /// A topic got more partitions.
    PartitionsCreated {
        /// Its name.
        topic: String,
        /// How many it has now.
        partitions: i32,
    },
    /// The cluster.
    Cluster {
        /// `cluster.id`
        cluster_id: String,
        /// The controller's `node.id`; -1 for none.
        controller: i32,
        /// Its brokers.
        brokers: Vec<BrokerDescription>,
    },
    /// Topics, by name.
    Topics(Vec<TopicDescription>),
    /// Settings, by name.
    Configs(Vec<ConfigDescription>),
    /// Settings were changed.
    ConfigsAltered {
        /// The topic or broker.
        resource: String,
    },
    /// Records were deleted.
    RecordsDeleted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The first offset that is left.
        low_watermark: i64,
    },
    /// A broker's log directories.
    LogDirs(Vec<LogDirDescription>),
}

/// Creates, changes and describes topics.
///
/// Every call returns a ticket; its answer comes later, through [`Admin::results`].
#[derive(Debug)]
pub struct Admin {
    config: AdminConfig,
    client: u32,
    /// Requests are tagged with their call's ticket.
    network: Network<u64>,
    pending: SortedMap<u64, Pending>,
    next_ticket: u64,
    results: Vec<(u64, Result<AdminResult, ClientError>)>,
    closed: bool,
    deadline: Option<Deadline>,
    view: ClientView,
}

/// A call that was not answered yet.
#[derive(Debug)]
struct Pending {
    call: Call,
    in_flight: bool,
    attempts: u32,
    not_before: Micros,
    gives_up_at: Micros,
    cause: Option<Seq>,
}

impl Admin {
    /// An admin client, number `client` in its world. It connects when it has something to do.
    pub fn new(config: AdminConfig, client: u32, _now: Now, out: &mut ClientOutbox) -> Self {
        let view = ClientView::new(config.client_id.clone(), ClientRole::Admin, Vec::new());
        let name = view.name.clone();
        out.trace.emit(|| TraceKind::ClientStarted { client, name, role: ClientRole::Admin, settings: Vec::new() });
        let bootstrap = config.bootstrap.clone();
        Admin {
            network: Network::new(&config.client_id, bootstrap, config.network.clone(), false, config.seed),
            pending: SortedMap::new(),
            next_ticket: 0,
            results: Vec::new(),
            closed: false,
            deadline: None,
            config,
            client,
            view,
        }
    }

    /// Creates a topic.
    pub fn create_topic(&mut self, now: Now, topic: NewTopic, out: &mut ClientOutbox) -> u64 {
        self.call(now, Call::CreateTopic(topic), out)
    }

    /// Deletes a topic.
    pub fn delete_topic(&mut self, now: Now, topic: &str, out: &mut ClientOutbox) -> u64 {
        self.call(now, Call::DeleteTopic(topic.to_string()), out)
    }

    /// Gives a topic more partitions: `total` in all.
    pub fn create_partitions(&mut self, now: Now, topic: &str, total: i32, out: &mut ClientOutbox) -> u64 {
        self.call(now, Call::CreatePartitions(topic.to_string(), total), out)
    }

    /// Describes the cluster.
    pub fn describe_cluster(&mut self, now: Now, out: &mut ClientOutbox) -> u64 {
        self.call(now, Call::DescribeCluster, out)
    }

    /// Describes these topics, or all with `None`. Topics are never created by it.
    pub fn describe_topics(&mut self, now: Now, topics: Option<Vec<String>>, out: &mut ClientOutbox) -> u64 {
        self.call(now, Call::DescribeTopics(topics), out)
    }

    /// Describes the settings of a topic or broker.
    pub fn describe_configs(&mut self, now: Now, kind: ResourceType, name: &str, out: &mut ClientOutbox) -> u64 {
        self.call(now, Call::DescribeConfigs(kind, name.to_string()), out)
    }

    /// Changes settings of a topic or broker, those that are named (KIP-339).
    pub fn alter_configs(
        &mut self,
        now: Now,
        resource: (ResourceType, &str),
        changes: ConfigChanges,
        out: &mut ClientOutbox,
    ) -> u64 {
        self.call(now, Call::AlterConfigs(resource.0, resource.1.to_string(), changes), out)
    }

    /// Deletes the records of a partition before an offset; -1 means all up to the high watermark (KIP-107).
    pub fn delete_records(
        &mut self,
        now: Now,
        topic: &str,
        partition: i32,
        before_offset: i64,
        out: &mut ClientOutbox,
    ) -> u64 {
        self.call(now, Call::DeleteRecords { topic: topic.to_string(), partition, before_offset }, out)
    }

    /// Describes the log directories of the broker that answers.
    pub fn describe_log_dirs(&mut self, now: Now, out: &mut ClientOutbox) -> u64 {
        self.call(now, Call::DescribeLogDirs, out)
    }

    /// Takes the answers that have come in since the last call, with their tickets.
    pub fn results(&mut self) -> Vec<(u64, Result<AdminResult, ClientError>)> {
        core::mem::take(&mut self.results)
    }

    /// Whether every call was answered.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Ends it. Calls that were not answered fail.
    pub fn close(&mut self, _now: Now, out: &mut ClientOutbox) {
        if self.closed {
            return;
        }
        let tickets: Vec<u64> = self.pending.keys().copied().collect();
        for ticket in tickets {
            self.finish(ticket, Err(ClientError::new("CLIENT_CLOSED", "The admin client was closed.")), out);
        }
        self.closed = true;
        self.network.close(out);
        self.deadline = None;
        self.view.closed = true;
        let client = self.client;
        out.trace.emit(|| TraceKind::ClientClosed { client });
    }

    fn call(&mut self, now: Now, call: Call, out: &mut ClientOutbox) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let gives_up_at = now.monotonic.plus(u64::from(self.config.api_timeout_ms) * 1_000);
        let cause = out.trace.cause();
        let pending = Pending { call, in_flight: false, attempts: 0, not_before: Micros(0), gives_up_at, cause };
        self.pending.insert(ticket, pending);
        if self.closed {
            self.finish(ticket, Err(ClientError::new("CLIENT_CLOSED", "The admin client is closed.")), out);
        }
        self.drive(now, out);
        ticket
    }

    fn drive(&mut self, now: Now, out: &mut ClientOutbox) {
        if self.closed {
            return;
        }
        for answer in self.network.maintain(now, out) {
            self.on_answer(now, answer, out);
        }
        let tickets: Vec<u64> = self.pending.keys().copied().collect();
        for ticket in tickets {
            self.advance(now, ticket, out);
        }
        self.deadline = self.find_deadline(now.monotonic);
    }

    /// Sends the call, or gives it up.
    fn advance(&mut self, now: Now, ticket: u64, out: &mut ClientOutbox) {
        let Some(pending) = self.pending.get(&ticket) else { return };
        if now.monotonic >= pending.gives_up_at {
            let message = format!(
                "Timed out waiting for a node assignment. Call: {}, after {} ms and {} attempt(s).",
                pending.call.api().name(),
                self.config.api_timeout_ms,
                pending.attempts
            );
            return self.finish(ticket, Err(ClientError::new("REQUEST_TIMED_OUT", message)), out);
        }
        if pending.in_flight || now.monotonic < pending.not_before {
            return;
        }
        let Some(node) = self.network.any_ready(now, out) else { return };
        let Some(pending) = self.pending.get_mut(&ticket) else { return };
        let before = out.trace.because(pending.cause.or(out.trace.cause()));
        let sent = self.network.version(node, pending.call.api(), i16::MAX).and_then(|version| {
            let timeout_ms = self.config.network.request_timeout_ms as i32;
            let request = pending.call.request(version, timeout_ms);
            let topic = pending.call.topic();
            let outgoing = Outgoing { request, version, tag: Some(ticket), topic, partition: None, records: 0 };
            self.network.send(now, node, outgoing, out)
        });
        out.trace.because(before);
        pending.in_flight = true;
        pending.attempts += 1;
        if let Err(error) = sent {
            self.finish(ticket, Err(error), out);
        }
    }

    fn on_answer(&mut self, now: Now, answer: Answer<u64>, out: &mut ClientOutbox) {
        let ticket = answer.tag;
        let Some(pending) = self.pending.get_mut(&ticket) else { return };
        pending.in_flight = false;
        let result = match answer.result {
            Ok(response) => read(&pending.call, response),
            Err(error) => Err((error, ClientError::of(error, None))),
        };
        match result {
            Ok(result) => self.finish(ticket, Ok(result), out),
            Err((code, _)) if should_retry(code) => self.retry(now, ticket, code, out),
            Err((_, error)) => self.finish(ticket, Err(error), out),
        }
    }

    fn retry(&mut self, now: Now, ticket: u64, error: ErrorCode, out: &mut ClientOutbox) {
        let Some(pending) = self.pending.get_mut(&ticket) else { return };
        let (first, max) = (self.config.network.retry_backoff_ms, self.config.network.retry_backoff_max_ms);
        let at = retry_at(now.monotonic, pending.attempts, first, max, &mut self.network.chance);
        pending.not_before = at;
        let (api, error) = (Name::Borrowed(pending.call.api().name()), Name::Borrowed(error.name()));
        pending.cause = out.trace.emit(|| TraceKind::RetryScheduled { api, error, at });
    }

    fn finish(&mut self, ticket: u64, result: Result<AdminResult, ClientError>, out: &mut ClientOutbox) {
        let Some(pending) = self.pending.remove(&ticket) else { return };
        out.trace.emit(|| TraceKind::AdminAnswered {
            api: Name::Borrowed(pending.call.api().name()),
            subject: pending.call.subject(),
            error: result.as_ref().err().map(|error| error.error.clone()),
            message: result.as_ref().err().map(|error| error.message.clone()),
        });
        self.results.push((ticket, result));
    }

    fn find_deadline(&self, now: Micros) -> Option<Deadline> {
        let calls = self.pending.values().flat_map(|pending| {
            let gives_up = Deadline { at: pending.gives_up_at, reason: "default.api.timeout.ms" };
            [gives_up, Deadline { at: pending.not_before, reason: "retry.backoff.ms" }]
        });
        calls.chain(self.network.next_deadline(now)).filter(|deadline| deadline.at > now).min()
    }
}

impl Machine for Admin {
    fn step(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox) {
        for answer in self.network.on_input(now, input, out) {
            self.on_answer(now, answer, out);
        }
        self.drive(now, out);
    }

    fn next_deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn view(&self) -> ClientView {
        self.view.clone()
    }
}

fn read(call: &Call, response: Response) -> Result<AdminResult, (ErrorCode, ClientError)> {
    call.read(response).map_err(|(code, message)| (code, ClientError::of(code, message.as_deref())))
}

/// `UNKNOWN_TOPIC_OR_PARTITION` is retriable for those who read and write, because metadata may be on its way to the broker.
/// For whoever asks about the topic itself it is the answer.
fn should_retry(code: ErrorCode) -> bool {
    code.is_retriable() && !matches!(code, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId)
}
