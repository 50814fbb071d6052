//! Settings of the clients, with the names and defaults of Kafka's Java clients.
//!
//! Not every setting of the Java clients is here; each that is means the same there.

use alloc::{string::String, vec::Vec};
use core::str::FromStr;
use naru_records::Compression;

/// How many acknowledgements a producer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acks {
    /// `acks=0`: none. The broker does not even answer.
    None,
    /// `acks=1`: the leader's.
    Leader,
    /// `acks=all`: those of all in-sync replicas.
    #[default]
    All,
}

impl Acks {
    /// The number on the wire.
    pub fn on_wire(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }

    /// As a configuration value.
    pub fn as_str(self) -> &'static str {
        match self {
            Acks::None => "0",
            Acks::Leader => "1",
            Acks::All => "all",
        }
    }
}

impl FromStr for Acks {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "0" => Ok(Acks::None),
            "1" => Ok(Acks::Leader),
            "all" | "-1" => Ok(Acks::All),
            _ => Err(()),
        }
    }
}

/// What a consumer does when it has no valid position: `auto.offset.reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OffsetReset {
    /// Begin at the first record there is.
    Earliest,
    /// Begin with what comes next.
    #[default]
    Latest,
    /// Report an error to the application.
    None,
}

/// Settings of the layer that all clients share.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// `request.timeout.ms`: how long to wait for an answer before the connection is given up.
    pub request_timeout_ms: u32,
    /// `retry.backoff.ms`: wait before the first retry. Doubles with each further one.
    pub retry_backoff_ms: u32,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max_ms: u32,
    /// `reconnect.backoff.ms`: wait before a broker is dialled again. Doubles with each failure.
    pub reconnect_backoff_ms: u32,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max_ms: u32,
    /// `socket.connection.setup.timeout.ms`
    pub connection_setup_timeout_ms: u32,
    /// `metadata.max.age.ms`
    pub metadata_max_age_ms: u32,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        NetworkConfig {
            request_timeout_ms: 30_000,
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 1_000,
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1_000,
            connection_setup_timeout_ms: 10_000,
            metadata_max_age_ms: 300_000,
        }
    }
}

/// Settings of a [`crate::Producer`].
#[derive(Debug, Clone)]
pub struct ProducerConfig {
    /// `client.id`
    pub client_id: String,
    /// `bootstrap.servers`
    pub bootstrap: Vec<(String, u16)>,
    /// `acks`
    pub acks: Acks,
    /// `linger.ms`: how long a batch waits for more records. Kafka 4's default is 5.
    pub linger_ms: u32,
    /// `batch.size`: when a batch is full, in bytes.
    pub batch_size: u32,
    /// `enable.idempotence`. Needs `acks=all`, and at most five requests in flight.
    pub enable_idempotence: bool,
    /// `retries`
    pub retries: u32,
    /// `delivery.timeout.ms`: after this a record fails, come what may.
    pub delivery_timeout_ms: u32,
    /// `max.in.flight.requests.per.connection`
    pub max_in_flight_requests: u32,
    /// `max.request.size`: also the longest record that can be sent.
    pub max_request_size: u32,
    /// `buffer.memory`: how many bytes of records may wait.
    pub buffer_memory: u32,
    /// `max.block.ms`: how long a record may wait for its topic's metadata.
    pub max_block_ms: u32,
    /// `compression.type`
    pub compression: Compression,
    /// Where the sticky partitioner and the jitter of retries begin.
    pub seed: u64,
    /// What all clients share.
    pub network: NetworkConfig,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        ProducerConfig {
            client_id: String::from("producer"),
            bootstrap: Vec::new(),
            acks: Acks::All,
            linger_ms: 5,
            batch_size: 16_384,
            enable_idempotence: true,
            retries: i32::MAX as u32,
            delivery_timeout_ms: 120_000,
            max_in_flight_requests: 5,
            max_request_size: 1_048_576,
            buffer_memory: 33_554_432,
            max_block_ms: 60_000,
            compression: Compression::None,
            seed: 0,
            network: NetworkConfig::default(),
        }
    }
}

/// Settings of a [`crate::Consumer`].
#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    /// `client.id`
    pub client_id: String,
    /// `bootstrap.servers`
    pub bootstrap: Vec<(String, u16)>,
    /// `auto.offset.reset`
    pub auto_offset_reset: OffsetReset,
    /// `fetch.min.bytes`
    pub fetch_min_bytes: u32,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: u32,
    /// `fetch.max.wait.ms`
    pub fetch_max_wait_ms: u32,
    /// `max.partition.fetch.bytes`
    pub max_partition_fetch_bytes: u32,
    /// `check.crcs`
    pub check_crcs: bool,
    /// `allow.auto.create.topics`
    pub allow_auto_create_topics: bool,
    /// Where the jitter of retries begins.
    pub seed: u64,
    /// What all clients share.
    pub network: NetworkConfig,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        ConsumerConfig {
            client_id: String::from("consumer"),
            bootstrap: Vec::new(),
            auto_offset_reset: OffsetReset::Latest,
            fetch_min_bytes: 1,
            fetch_max_bytes: 52_428_800,
            fetch_max_wait_ms: 500,
            max_partition_fetch_bytes: 1_048_576,
            check_crcs: true,
            allow_auto_create_topics: true,
            seed: 0,
            network: NetworkConfig::default(),
        }
    }
}

/// Settings of an [`crate::Admin`].
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// `client.id`
    pub client_id: String,
    /// `bootstrap.servers`
    pub bootstrap: Vec<(String, u16)>,
    /// `default.api.timeout.ms`: how long one call may take, retries included.
    pub api_timeout_ms: u32,
    /// Where the jitter of retries begins.
    pub seed: u64,
    /// What all clients share.
    pub network: NetworkConfig,
}

impl Default for AdminConfig {
    fn default() -> Self {
        AdminConfig {
            client_id: String::from("admin"),
            bootstrap: Vec::new(),
            api_timeout_ms: 60_000,
            seed: 0,
            network: NetworkConfig::default(),
        }
    }
}
