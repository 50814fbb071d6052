//! What is drawn by lot before a soak begins: configurations.

use super::SoakOptions;
use crate::{CacheConfig, DiskConfig, Rng, TcpConfig, WorldConfig};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_broker::BrokerConfig;
use naru_client::{Acks, Compression, NetworkConfig, ProducerConfig};

/// A broker's configuration: small segments.
pub(super) fn randomise_broker(rng: &mut Rng, broker: &mut BrokerConfig) {
    broker.log.segment_bytes = *rng.pick(&[2_000, 20_000, 20_000, 20_000, 1 << 30]);
    broker.log.index_interval_bytes = *rng.pick(&[1, 500, 4_096]);
    // A soak lasts a few seconds.
    broker.cleaner.backoff_ms = 300;
    broker.upkeep.retention_check_ms = 700;
    broker.upkeep.checkpoint_ms = 900;
}

/// A cluster of three nodes or more, in up to three racks, that is more or less patient.
pub(super) fn cluster(rng: &mut Rng, seed: u64, options: &SoakOptions) -> WorldConfig {
    let nodes = rng.between(3, options.nodes_max.max(3)) as i32;
    let mut config = WorldConfig::cluster(seed, nodes, rng.between(0, 3) as i32);
    let session_ms = *rng.pick(&[1_500, 3_000, 9_000]);
    let lag_ms = *rng.pick(&[500, 2_000, 10_000]);
    let timeout_ms = *rng.pick(&[500, 1_000]);
    for broker in &mut config.brokers {
        broker.log.segment_bytes = *rng.pick(&[2_000, 20_000, 1 << 30]);
        broker.upkeep.checkpoint_ms = 900;
        broker.cluster.session_timeout_ms = session_ms;
        broker.cluster.heartbeat_interval_ms = session_ms / 4;
        broker.cluster.election_timeout_ms = timeout_ms;
        broker.cluster.fetch_timeout_ms = timeout_ms * 2;
        broker.replication.lag_time_max_ms = lag_ms;
        broker.replication.fetch_backoff_ms = *rng.pick(&[100, 1_000]);
        broker.replication.high_watermark_checkpoint_ms = *rng.pick(&[500, 5_000]);
    }
    let fast = rng.between(100, 2_000);
    config.latency_us = (fast, fast.max(rng.between(1_000, options.latency_us_max)));
    config.tcp = TcpConfig { connect_us: rng.between(1, 10) * 1_000_000, give_up_us: rng.between(1, 20) * 1_000_000 };
    if options.faults.of_disks() {
        randomise_disks(rng, &mut config);
    }
    config
}

/// How a client treats its connections.
pub(super) fn network(rng: &mut Rng) -> NetworkConfig {
    NetworkConfig {
        request_timeout_ms: *rng.pick(&[1_500, 5_000, 30_000]),
        retry_backoff_ms: rng.between(1, 200) as u32,
        ..NetworkConfig::default()
    }
}

/// A producer's configuration.
pub(super) fn producer(rng: &mut Rng) -> ProducerConfig {
    let codecs = [Compression::None, Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4];
    ProducerConfig {
        acks: *rng.pick(&[Acks::All, Acks::All, Acks::All, Acks::Leader, Acks::None]),
        linger_ms: rng.below(50) as u32,
        batch_size: *rng.pick(&[100, 1_000, 16_384]),
        enable_idempotence: rng.percent(70),
        max_in_flight_requests: rng.between(1, 5) as u32,
        compression: *rng.pick(&codecs),
        network: network(rng),
        client_id: String::new(),
        ..ProducerConfig::default()
    }
}

/// Page caches from tiny to endless, disks from instantaneous to slow. Some worlds tell of their disks, so that picture
/// and state are compared there.
pub(super) fn randomise_disks(rng: &mut Rng, config: &mut WorldConfig) {
    let pages_max = *rng.pick(&[None, Some(4), Some(64), Some(1_024)]);
    config.disk = DiskConfig {
        cache: CacheConfig { pages_max, read_ahead: rng.below(9) as u32 },
        trip_us: *rng.pick(&[0, 100, 8_000]),
        write_back_us: *rng.pick(&[None, Some(200_000), Some(5_000_000), Some(30_000_000)]),
    };
    config.show_disk = rng.percent(20);
}

/// A topic's own settings.
pub(super) fn topic(rng: &mut Rng) -> Vec<(String, String)> {
    let choices: [&[(&str, &str)]; 8] = [
        &[],
        &[("flush.messages", "1")],
        &[("flush.messages", "1"), ("retention.bytes", "30000")],
        &[("flush.messages", "20"), ("flush.ms", "300")],
        &[("retention.ms", "3000"), ("file.delete.delay.ms", "1000")],
        &[("retention.bytes", "10000"), ("file.delete.delay.ms", "0"), ("flush.ms", "1000")],
        &[("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01"), ("delete.retention.ms", "2000")],
        &[("cleanup.policy", "compact,delete"), ("retention.ms", "5000"), ("min.cleanable.dirty.ratio", "0.1")],
    ];
    let choice = *rng.pick(&choices);
    choice.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}
