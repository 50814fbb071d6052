//! Against another implementation of the format: the `kafka-protocol` crate, with the C libraries for lz4 and zstd.

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    indexmap::IndexMap,
    protocol::StrBytes,
    records::{
        Compression as TheirCompression, Record as TheirRecord, RecordBatchDecoder, RecordBatchEncoder,
        RecordEncodeOptions, TimestampType,
    },
};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, Header, Record};

const CODECS: [(Compression, TheirCompression); 5] = [
    (Compression::None, TheirCompression::None),
    (Compression::Gzip, TheirCompression::Gzip),
    (Compression::Snappy, TheirCompression::Snappy),
    (Compression::Lz4, TheirCompression::Lz4),
    (Compression::Zstd, TheirCompression::Zstd),
];

fn records() -> Vec<Record> {
    let value = |index: i64| match index % 5 {
        0 => None,
        1 => Some(Bytes::new()),
        2 => Some(Bytes::from(vec![index as u8; 20_000])),
        _ => Some(Bytes::from(format!("value {index}, and some words that repeat, and some words that repeat"))),
    };
    let record = |index: i64| Record {
        offset: 100 + index,
        timestamp: 1_700_000_000_000 + index * index - 7,
        key: (index % 3 != 0).then(|| Bytes::from(format!("key {}", index % 7))),
        value: value(index),
        headers: (0..index % 4)
            .map(|number| Header {
                key: format!("header {number}"),
                value: (number != 1).then(|| Bytes::from(vec![number as u8; 3])),
            })
            .collect(),
    };
    (0..40).map(record).collect()
}

fn theirs(record: &Record) -> TheirRecord {
    let header = |header: &Header| (StrBytes::from_string(header.key.clone()), header.value.clone());
    TheirRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: 11,
        producer_epoch: 2,
        timestamp_type: TimestampType::Creation,
        offset: record.offset,
        sequence: (record.offset - 100) as i32,
        timestamp: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().map(header).collect::<IndexMap<_, _>>(),
    }
}

fn our_bytes(compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(compression).producer(11, 2, 0);
    for record in records() {
        builder.append(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
    }
    builder.build(100, 3)
}

fn their_bytes(compression: TheirCompression) -> Bytes {
    let mut bytes = BytesMut::new();
    let records: Vec<TheirRecord> = records().iter().map(theirs).collect();
    RecordBatchEncoder::encode(&mut bytes, &records, &RecordEncodeOptions { version: 2, compression }).unwrap();
    bytes.freeze()
}

#[test]
fn we_read_what_they_write() {
    for (ours, theirs) in CODECS {
        let batch = Batch::parse(their_bytes(theirs)).unwrap();
        batch.verify_crc().unwrap();
        assert_eq!(batch.header().compression(), Ok(ours));
        assert_eq!(batch.records(DecompressLimit::default()), Ok(records()), "{ours:?}");
        batch.header().validate_for_append().unwrap();
    }
}

#[test]
fn they_read_what_we_write() {
    for (ours, expected) in CODECS {
        let set =
            RecordBatchDecoder::decode(&mut our_bytes(ours)).unwrap_or_else(|error| panic!("{ours:?}: {error:#}"));
        assert_eq!(set.compression, expected);
        let wanted: Vec<TheirRecord> = records().iter().map(theirs).collect();
        assert_eq!(set.records, wanted, "{ours:?}");
    }
}

/// Without a codec's freedom there is only one right answer. (Their encoder takes the smallest timestamp as the base, the
/// Java client the first; both may be read.)
#[test]
fn uncompressed_batches_are_the_same_byte_for_byte() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(10, Some(b"k"), Some(b"v"), &[Header { key: "h".into(), value: None }]);
    builder.append(12, None, None, &[]);
    let ours = builder.build(0, -1);
    let set = RecordBatchDecoder::decode(&mut ours.clone()).unwrap();
    let mut theirs = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: TheirCompression::None };
    RecordBatchEncoder::encode(&mut theirs, &set.records, &options).unwrap();
    assert_eq!(ours, theirs.freeze());
}
