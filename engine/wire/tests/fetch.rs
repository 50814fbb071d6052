//! Fetch responses in chunks are, put together, what `kafka-protocol` encodes; and records are passed through uncopied.

mod support;

use bytes::Bytes;
use naru_wire::{
    ApiKey, Chunk, FetchPartition, FetchResult, FetchTopic, TopicName, encode_fetch_response, encode_response,
    messages::{FetchResponse, fetch_response as kp},
};
use support::Random;
use uuid::Uuid;

#[test]
fn chunks_put_together_are_what_kafka_protocol_encodes_in_every_version() {
    let versions = ApiKey::Fetch.versions();
    for version in versions.min..=versions.max {
        for seed in 0..200 {
            let response = response(&mut Random::new(seed));
            let expected = encode_response(9, version, &whole(&response, version).into()).unwrap();
            let chunks = encode_fetch_response(9, version, response).unwrap();
            assert_eq!(joined(&chunks), expected, "version {version}, seed {seed}");
        }
    }
}

#[test]
fn records_are_the_same_memory() {
    let records = Bytes::from_static(b"a batch of records");
    let mut partition = FetchPartition::empty(0, 0);
    partition.records = vec![records.clone(), Bytes::new()];
    let topic = FetchTopic { topic: "t".to_string().into(), topic_id: Uuid::nil(), partitions: vec![partition] };
    let result =
        FetchResult { throttle_time_ms: 0, error_code: 0, session_id: 0, topics: vec![topic], node_endpoints: vec![] };
    let chunks = encode_fetch_response(1, 12, result).unwrap();
    let payloads: Vec<&Bytes> = chunks
        .iter()
        .filter_map(|chunk| match chunk {
            Chunk::Payload(payload) => Some(payload),
            Chunk::Bytes(_) => None,
        })
        .collect();
    assert_eq!(payloads.len(), 2);
    assert_eq!(payloads[0].as_ptr(), records.as_ptr());
}

fn joined(chunks: &[Chunk<Bytes>]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in chunks {
        match chunk {
            Chunk::Bytes(bytes) | Chunk::Payload(bytes) => out.extend_from_slice(bytes),
        }
    }
    out
}

fn response(random: &mut Random) -> FetchResult<Bytes> {
    let endpoint = |random: &mut Random| {
        let node = kp::NodeEndpoint::default();
        node.with_node_id((random.below(9) as i32).into()).with_host("host".to_string().into()).with_port(9092)
    };
    FetchResult {
        throttle_time_ms: random.below(100) as i32,
        error_code: random.below(3) as i16,
        session_id: random.next() as i32,
        topics: (0..random.below(4)).map(|_| topic(random)).collect(),
        node_endpoints: (0..random.below(3)).map(|_| endpoint(random)).collect(),
    }
}

fn topic(random: &mut Random) -> FetchTopic<Bytes> {
    FetchTopic {
        topic: "topic".repeat(random.below(30)).into(),
        topic_id: Uuid::from_u64_pair(random.next(), random.next()),
        partitions: (0..random.below(4)).map(|_| partition(random)).collect(),
    }
}

fn partition(random: &mut Random) -> FetchPartition<Bytes> {
    let aborted = |random: &mut Random| {
        kp::AbortedTransaction::default()
            .with_producer_id((random.next() as i64).into())
            .with_first_offset(random.next() as i64)
    };
    let slices = random.below(4);
    FetchPartition {
        partition_index: random.below(50) as i32,
        error_code: random.below(3) as i16,
        high_watermark: random.next() as i64,
        last_stable_offset: random.next() as i64,
        log_start_offset: random.next() as i64,
        diverging_epoch: (random.below(3) == 0)
            .then(|| kp::EpochEndOffset::default().with_epoch(3).with_end_offset(random.below(9) as i64)),
        current_leader: (random.below(3) == 0).then(|| {
            kp::LeaderIdAndEpoch::default().with_leader_id(1.into()).with_leader_epoch(random.below(9) as i32)
        }),
        snapshot_id: (random.below(3) == 0)
            .then(|| kp::SnapshotId::default().with_end_offset(5).with_epoch(random.below(9) as i32)),
        aborted_transactions: (random.below(2) == 0).then(|| (0..random.below(3)).map(|_| aborted(random)).collect()),
        preferred_read_replica: random.below(3) as i32 - 1,
        records: (0..slices).map(|_| Bytes::from(vec![random.next() as u8; random.below(300)])).collect(),
    }
}

/// The same response as `kafka-protocol` holds it, without what the version does not have.
fn whole(result: &FetchResult<Bytes>, version: i16) -> FetchResponse {
    let topics = result.topics.iter().map(|topic| {
        kp::FetchableTopicResponse::default()
            .with_topic(TopicName(topic.topic.clone()))
            .with_topic_id(topic.topic_id)
            .with_partitions(topic.partitions.iter().map(|partition| whole_partition(partition, version)).collect())
    });
    FetchResponse::default()
        .with_throttle_time_ms(result.throttle_time_ms)
        .with_error_code(result.error_code)
        .with_session_id(if version >= 7 { result.session_id } else { 0 })
        .with_responses(topics.collect())
        .with_node_endpoints(if version >= 16 { result.node_endpoints.clone() } else { vec![] })
}

fn whole_partition(partition: &FetchPartition<Bytes>, version: i16) -> kp::PartitionData {
    let tagged = version >= 12;
    kp::PartitionData::default()
        .with_partition_index(partition.partition_index)
        .with_error_code(partition.error_code)
        .with_high_watermark(partition.high_watermark)
        .with_last_stable_offset(partition.last_stable_offset)
        .with_log_start_offset(if version >= 5 { partition.log_start_offset } else { -1 })
        .with_diverging_epoch(partition.diverging_epoch.clone().filter(|_| tagged).unwrap_or_default())
        .with_current_leader(partition.current_leader.clone().filter(|_| tagged).unwrap_or_default())
        .with_snapshot_id(partition.snapshot_id.clone().filter(|_| tagged).unwrap_or_default())
        .with_aborted_transactions(partition.aborted_transactions.clone())
        .with_preferred_read_replica(if version >= 11 { partition.preferred_read_replica.into() } else { (-1).into() })
        .with_records(Some(partition.records.concat().into()))
}
