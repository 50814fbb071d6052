//! Hostile bytes: every decoder answers, none panics, and what it yields is bounded. `cargo bolero test` runs these
//! without end; `cargo test` a bounded number of times.

use bolero::check;
use bytes::Bytes;
use naru_records::{
    BATCH_OVERHEAD, Batch, BatchBuilder, BatchHeader, Compression, DecompressLimit, Filtered, batches, codec,
};

const LIMIT: DecompressLimit = DecompressLimit(1 << 20);
const ITERATIONS: usize = 3_000;

#[test]
fn fuzz_header() {
    check!().with_iterations(ITERATIONS).for_each(|input: &[u8]| {
        if let Ok(header) = BatchHeader::parse(input) {
            assert_eq!(header.to_bytes(), input[..BATCH_OVERHEAD]);
            assert!(header.size_in_bytes() as usize >= BATCH_OVERHEAD);
            assert!(header.next_offset() > header.base_offset);
            let _ = (header.last_sequence(), header.compression(), header.validate_for_append());
        }
    });
}

#[test]
fn fuzz_batches() {
    check!().with_iterations(ITERATIONS).for_each(|input: &[u8]| {
        let bytes = Bytes::copy_from_slice(input);
        let whole: usize = batches(bytes.clone()).flatten().map(|batch| batch.bytes().len()).sum();
        assert!(whole <= input.len());
        let _ = Batch::parse(bytes).map(|batch| (batch.verify_crc(), batch.records(LIMIT)));
    });
}

/// Bytes that look like records get further than bytes that do not: a good header before whatever comes.
#[test]
fn fuzz_records() {
    check!().with_type::<(u8, u8, Vec<u8>)>().with_iterations(ITERATIONS).for_each(|(count, attributes, body)| {
        let mut bytes = BatchBuilder::new(Compression::None).build(5, 0).to_vec();
        bytes.extend_from_slice(body);
        let length = (bytes.len() - 12) as i32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[22] = *attributes & 0x0f;
        bytes[26] = *count;
        bytes[60] = *count;
        let batch = Batch::parse(bytes.into()).unwrap();
        let body = batch.body(LIMIT).unwrap_or_default();
        if let Ok(Filtered::Rebuilt(cleaned)) = batch.filter(&body, 9, |record| record.offset % 2 == 0) {
            assert_eq!((cleaned.verify_crc(), cleaned.header().next_offset()), (Ok(()), batch.header().next_offset()));
        }
        if let Ok(records) = batch.records(LIMIT) {
            assert_eq!(records.len(), usize::from(*count));
            assert!(records.iter().all(|record| (5..=5 + i64::from(*count)).contains(&record.offset)));
        }
    });
}

/// A good batch with a few bytes changed, with each codec.
#[test]
fn fuzz_damaged_batches() {
    let good = Compression::ALL.map(|compression| {
        let mut builder = BatchBuilder::new(compression);
        for index in 0..20_i64 {
            let value = format!("value {} and {}", index / 3, "some more ".repeat(index as usize));
            builder.append(index, Some(b"key"), Some(value.as_bytes()), &[]);
        }
        builder.build(0, -1).to_vec()
    });
    check!().with_type::<(u8, Vec<(u16, u8)>)>().with_iterations(ITERATIONS).for_each(|(codec, changes)| {
        let mut bytes = good[usize::from(*codec) % good.len()].clone();
        for (position, value) in changes.iter().take(8) {
            // Leave the length alone: other tests cover it, and nothing behind it would be reached.
            let position = 17 + usize::from(*position) % (bytes.len() - 17);
            bytes[position] = *value;
        }
        let Ok(batch) = Batch::parse(bytes.into()) else { return };
        let _ = batch.verify_crc();
        let _ = batch.records(LIMIT);
    });
}

fn fuzz_codec(compression: Compression) {
    let mut good = Vec::new();
    codec::compress(compression, "Kafka, and Kafka again. ".repeat(40).as_bytes(), &mut good);
    check!().with_type::<(bool, Vec<u8>, Vec<(u16, u8)>)>().with_iterations(ITERATIONS).for_each(
        |(arbitrary, input, changes)| {
            let mut data = if *arbitrary { input.clone() } else { good.clone() };
            for (position, value) in changes.iter().take(if data.is_empty() { 0 } else { 8 }) {
                let position = usize::from(*position) % data.len();
                data[position] = *value;
            }
            if let Ok(out) = codec::decompress(compression, &data, LIMIT) {
                assert!(out.len() <= LIMIT.0);
            }
        },
    );
}

#[test]
fn fuzz_gzip() {
    fuzz_codec(Compression::Gzip);
}

#[test]
fn fuzz_snappy() {
    fuzz_codec(Compression::Snappy);
}

#[test]
fn fuzz_lz4() {
    fuzz_codec(Compression::Lz4);
}

#[test]
fn fuzz_zstd() {
    fuzz_codec(Compression::Zstd);
}

/// Any bytes survive each codec.
#[test]
fn fuzz_codec_round_trip() {
    check!().with_type::<Vec<u8>>().with_iterations(ITERATIONS / 10).for_each(|input| {
        for compression in Compression::ALL {
            let mut compressed = Vec::new();
            codec::compress(compression, input, &mut compressed);
            assert_eq!(codec::decompress(compression, &compressed, LIMIT).as_ref(), Ok(input), "{compression:?}");
        }
    });
}
