//! Whatever is built is read back, with every codec.

use bytes::Bytes;
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, Header, Record};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn header() -> impl Strategy<Value = Header> {
    (".{0,8}", option::of(bytes())).prop_map(|(key, value)| Header { key, value })
}

fn record() -> impl Strategy<Value = Record> {
    (-1..i64::MAX / 2, option::of(bytes()), option::of(bytes()), vec(header(), 0..4))
        .prop_map(|(timestamp, key, value, headers)| Record { offset: 0, timestamp, key, value, headers })
}

fn number_from(base_offset: i64, records: &mut [Record]) {
    records.iter_mut().zip(base_offset..).for_each(|(record, offset)| record.offset = offset);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn build_and_read_back(
        mut records in vec(record(), 0..20),
        compression in select(&Compression::ALL[..]),
        base_offset in 0..i64::MAX / 2,
        leader_epoch: i32,
        producer in option::of((0..i64::MAX, 0..i16::MAX, 0..i32::MAX)),
    ) {
        number_from(base_offset, &mut records);
        let mut builder = BatchBuilder::new(compression);
        if let Some((id, epoch, sequence)) = producer {
            builder.set_producer(id, epoch, sequence);
        }
        for record in &records {
            builder.append(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
        }
        prop_assert_eq!(builder.len(), records.len());
        let estimate = builder.size_estimate();
        let bytes = builder.build(base_offset, leader_epoch);
        if compression == Compression::None {
            prop_assert_eq!(bytes.len(), estimate);
        }
        let batch = Batch::parse(bytes).unwrap();
        prop_assert_eq!(batch.verify_crc(), Ok(()));
        prop_assert_eq!(batch.header().partition_leader_epoch, leader_epoch);
        prop_assert_eq!(batch.header().has_producer_id(), producer.is_some());
        prop_assert_eq!(batch.header().max_timestamp, records.iter().map(|record| record.timestamp).max().unwrap_or(-1));
        prop_assert_eq!(batch.header().to_bytes(), &batch.bytes()[..61]);
        prop_assert_eq!(batch.records(DecompressLimit::default()), Ok(records));
    }

    /// One flipped bit anywhere in what the CRC covers is noticed.
    #[test]
    fn the_crc_notices_a_flipped_bit(value in bytes(), position: prop::sample::Index, bit in 0..8_u8) {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(1, None, Some(&value), &[]);
        let mut bytes = builder.build(0, -1).to_vec();
        let at = 17 + position.index(bytes.len() - 17);
        bytes[at] ^= 1 << bit;
        let noticed = Batch::parse(bytes.into()).and_then(|batch| batch.verify_crc());
        prop_assert!(noticed.is_err());
    }
}
