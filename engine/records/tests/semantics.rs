//! Facts about Kafka that this crate is responsible for, each with the number it has in the list of what small brokers get
//! wrong.

use naru_records::{
    Batch, BatchBuilder, BatchHeader, Compression, DecompressLimit, Filtered, Header, RecordsError, TimestampType,
    codec,
    header::{decrement_sequence, increment_sequence},
};

const LIMIT: DecompressLimit = DecompressLimit(1 << 20);

fn batch_of(compression: Compression, values: &[&str]) -> Batch {
    let mut builder = BatchBuilder::new(compression);
    for (index, value) in values.iter().enumerate() {
        builder.append(1_000 + index as i64, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    Batch::parse(builder.build(0, -1)).unwrap()
}

/// DefaultRecordBatch: a leader writes the base offset and its epoch; CRC, attributes and records stay the client's.
#[test]
fn semantics_04_a_leader_patches_sixteen_bytes_and_nothing_else() {
    for compression in Compression::ALL {
        let batch = batch_of(compression, &["a", "b", "c"]);
        let [prefix, rest] = batch.with_prefix(41, 7);
        assert_eq!(prefix.len(), 16);
        assert_eq!(rest.as_ptr(), batch.bytes()[16..].as_ptr(), "the rest is not copied");
        let stored = Batch::parse([prefix, rest].concat().into()).unwrap();
        stored.verify_crc().expect("the CRC does not cover what the leader writes");
        let expected = BatchHeader { base_offset: 41, partition_leader_epoch: 7, ..*batch.header() };
        assert_eq!(*stored.header(), expected);
        let offsets: Vec<i64> = stored.records(LIMIT).unwrap().iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [41, 42, 43]);
    }
}

/// KIP-32: with LogAppendTime every record has the batch's maximum timestamp, and the CRC is new.
#[test]
fn semantics_05_log_append_time_replaces_all_timestamps() {
    let batch = batch_of(Compression::Gzip, &["a", "b"]);
    assert_eq!(batch.header().timestamp_type(), TimestampType::CreateTime);
    let stamped = batch.with_log_append_time(9_999);
    stamped.verify_crc().unwrap();
    assert_eq!(stamped.header().timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(stamped.header().compression(), Ok(Compression::Gzip));
    assert!(stamped.records(LIMIT).unwrap().iter().all(|record| record.timestamp == 9_999));
}

/// DefaultRecordBatch.incrementSequence: after 2^31-1 comes 0.
#[test]
fn semantics_11_sequence_numbers_wrap() {
    assert_eq!(increment_sequence(i32::MAX, 1), 0);
    assert_eq!(increment_sequence(i32::MAX - 1, 3), 1);
    assert_eq!(increment_sequence(5, 0), 5);
    assert_eq!(decrement_sequence(0, 1), i32::MAX);
    assert_eq!(decrement_sequence(1, 3), i32::MAX - 1);
    let mut builder = BatchBuilder::new(Compression::None).producer(7, 0, i32::MAX - 1);
    for _ in 0..4 {
        builder.append(1, None, None, &[]);
    }
    let batch = Batch::parse(builder.build(0, -1)).unwrap();
    assert_eq!(batch.header().last_sequence(), 1);
    let bumped = batch.with_producer(7, 1, 0);
    bumped.verify_crc().unwrap();
    assert_eq!((bumped.header().producer_epoch, bumped.header().last_sequence()), (1, 3));
}

/// DefaultRecord: the timestamp delta has 64 bits.
#[test]
fn semantics_42_timestamp_delta_is_a_varlong() {
    let mut builder = BatchBuilder::new(Compression::None);
    let century = 3_155_760_000_000;
    builder.append(century, None, Some(b"now"), &[]);
    builder.append(0, None, Some(b"a century earlier"), &[]);
    builder.append(2 * century, None, Some(b"a century later"), &[]);
    let batch = Batch::parse(builder.build(0, -1)).unwrap();
    let timestamps: Vec<i64> = batch.records(LIMIT).unwrap().iter().map(|record| record.timestamp).collect();
    assert_eq!(timestamps, [century, 0, 2 * century]);
    assert_eq!((batch.header().base_timestamp, batch.header().max_timestamp), (century, 2 * century));
}

/// KIP-82: a header's value may be null, which is not the same as empty; its key may repeat.
#[test]
fn semantics_42_header_values_may_be_null() {
    let header = |value: Option<&'static [u8]>| Header { key: "k".into(), value: value.map(bytes::Bytes::from_static) };
    let headers = [header(None), header(Some(b"")), header(Some(b"v"))];
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(1, None, None, &headers);
    let batch = Batch::parse(builder.build(0, -1)).unwrap();
    assert_eq!(batch.records(LIMIT).unwrap()[0].headers, headers);
}

/// DefaultRecordBatch.writeEmptyHeader: compaction keeps a producer's last batch even when all its records are gone.
#[test]
fn semantics_42_batches_may_hold_no_records() {
    let empty = Batch::parse(BatchBuilder::new(Compression::None).build(5, 0)).unwrap();
    assert_eq!(empty.records(LIMIT), Ok(vec![]));
    assert_eq!(empty.bytes().len(), 61);
    let refused = empty.header().validate_for_append();
    assert_eq!(refused, Err(RecordsError::InvalidCount { records_count: 0 }), "but no client sends one");
}

/// KafkaLZ4BlockInputStream refuses dependent blocks, and the frame descriptor has a flag for them.
#[test]
fn semantics_43_lz4_frames_have_independent_blocks() {
    let mut out = Vec::new();
    codec::compress(Compression::Lz4, &[7; 200_000], &mut out);
    assert_eq!(out[..4], [0x04, 0x22, 0x4d, 0x18], "the frame's magic");
    assert_eq!(out[4] >> 6, 1, "version 1");
    assert_eq!(out[4] >> 5 & 1, 1, "independent blocks");
    assert_eq!(out[5], 4 << 4, "blocks of 64 KiB");
}

/// The Java client writes snappy in xerial's framing; librdkafka writes one raw block. Both must be read.
#[test]
fn semantics_43_snappy_is_read_with_and_without_xerial_framing() {
    let data: Vec<u8> = (0..100_000_u32).flat_map(|number| (number / 100).to_be_bytes()).collect();
    let mut framed = Vec::new();
    codec::compress(Compression::Snappy, &data, &mut framed);
    assert_eq!(framed[..16], [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(codec::decompress(Compression::Snappy, &framed, LIMIT).as_ref(), Ok(&data));
    let raw = snap::raw::Encoder::new().compress_vec(&data).unwrap();
    assert_eq!(codec::decompress(Compression::Snappy, &raw, LIMIT).as_ref(), Ok(&data));
}

/// A few bytes may decompress to very many: whoever decompresses says how many he is ready to hold.
#[test]
fn a_decompression_bomb_stops_at_the_limit() {
    let data = vec![0; 10_000_000];
    for compression in Compression::ALL {
        let mut compressed = Vec::new();
        codec::compress(compression, &data, &mut compressed);
        let exactly = codec::decompress(compression, &compressed, DecompressLimit(data.len()));
        assert_eq!(exactly.unwrap().len(), data.len(), "{compression:?}");
        let too_much = codec::decompress(compression, &compressed, DecompressLimit(data.len() - 1));
        assert_eq!(too_much, Err(RecordsError::TooLargeDecompressed { limit: 9_999_999 }), "{compression:?}");
    }
}

/// Several gzip members or zstd frames in one stream are one stream, as they are for the Java client.
#[test]
fn concatenated_streams_are_read_to_the_end() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let mut compressed = Vec::new();
        codec::compress(compression, b"first ", &mut compressed);
        codec::compress(compression, b"second", &mut compressed);
        let data = codec::decompress(compression, &compressed, LIMIT).unwrap();
        assert_eq!(data, b"first second", "{compression:?}");
    }
}

/// KIP-534: the delete horizon is in the base timestamp, and bit 6 says so; the records keep their own timestamps.
#[test]
fn semantics_39_the_delete_horizon_is_the_base_timestamp() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(1_000, Some(b"a"), Some(b"1"), &[]);
    builder.append(1_007, Some(b"a"), None, &[]);
    let batch = Batch::parse(builder.build(40, 3)).unwrap();
    assert_eq!(batch.header().delete_horizon_ms(), None);
    let Filtered::Rebuilt(once) =
        batch.filter(&batch.body(LIMIT).unwrap(), 90_000, |record| record.offset == 41).unwrap()
    else {
        panic!("one of two records goes")
    };
    assert_eq!((once.header().attributes, once.header().base_timestamp), (0b100_0000, 90_000));
    assert_eq!(once.header().delete_horizon_ms(), Some(90_000));
    assert_eq!(once.header().max_timestamp, 1_007);
    let records = once.records(LIMIT).unwrap();
    assert_eq!((records[0].offset, records[0].timestamp), (41, 1_007));
    // The first horizon counts, however often the batch is cleaned.
    assert_eq!(once.filter(&once.body(LIMIT).unwrap(), 95_000, |_| true), Ok(Filtered::Unchanged));
}

/// Compaction takes records, never offsets: the batch's range stays, with its producer's numbers, even without records.
#[test]
fn semantics_39_a_cleaned_batch_keeps_its_range_of_offsets() {
    let mut builder = BatchBuilder::new(Compression::Lz4).producer(7, 2, 100);
    for value in [b"a", b"b", b"c"] {
        builder.append(1_000, Some(b"key"), Some(value), &[]);
    }
    let batch = Batch::parse(builder.build(40, 3)).unwrap();
    let Filtered::Rebuilt(cleaned) =
        batch.filter(&batch.body(LIMIT).unwrap(), 0, |record| record.offset == 40).unwrap()
    else {
        panic!("two of three records go")
    };
    assert_eq!(batch.filter(&batch.body(LIMIT).unwrap(), 0, |_| false), Ok(Filtered::NothingLeft));
    for (batch, records_count) in [(&cleaned, 1), (&batch.without_records(), 0)] {
        batch.verify_crc().unwrap();
        let header = batch.header();
        assert_eq!((header.base_offset, header.last_offset()), (40, 42));
        assert_eq!((header.producer_id, header.producer_epoch), (7, 2));
        assert_eq!((header.base_sequence, header.last_sequence()), (100, 102));
        assert_eq!((header.records_count, header.max_timestamp), (records_count, 1_000));
    }
    assert_eq!(cleaned.header().compression(), Ok(Compression::Lz4));
}

/// LogValidator: `compression.type` other than `producer` makes another batch of the same records.
#[test]
fn a_batch_keeps_its_records_under_another_codec() {
    for (from, to) in Compression::ALL.into_iter().flat_map(|from| Compression::ALL.map(|to| (from, to))) {
        let batch = batch_of(from, &["a", "b", "c"]).with_producer(7, 1, 40);
        let other = batch.with_compression(to, LIMIT).unwrap();
        let other = Batch::parse(other.bytes().clone()).expect("a well-formed batch");
        other.verify_crc().unwrap();
        assert_eq!(other.header().compression(), Ok(to));
        assert_eq!(other.records(LIMIT).unwrap(), batch.records(LIMIT).unwrap());
        let same = |header: &BatchHeader| (header.producer_id, header.base_sequence, header.max_timestamp);
        assert_eq!(same(other.header()), same(batch.header()));
    }
}

/// DefaultRecordBatch: an uncompressed batch is believed only if it holds as many records as it says.
#[test]
fn a_wrong_count_is_found_without_reading_the_records() {
    let batch = batch_of(Compression::None, &["a", "b", "c"]);
    assert_eq!(batch.check_records_count(), Ok(()));
    let counted = |count: i32| {
        let mut bytes = batch.bytes().to_vec();
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        Batch::parse(bytes.into()).unwrap().check_records_count()
    };
    assert!(matches!(counted(2), Err(RecordsError::BytesAfterRecords { .. })), "{:?}", counted(2));
    for count in [4, i32::MAX] {
        assert!(matches!(counted(count), Err(RecordsError::InvalidRecord { index: 3, .. })), "{count}");
    }
}
