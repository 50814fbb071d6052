//! Whatever is built is read back, with every codec.

use bytes::Bytes;
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, Filtered, Header, KeyedRecords, Record};
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

/// A batch of `records`, beginning at `base_offset`.
fn batch_of(records: &[Record], base_offset: i64, compression: Compression) -> Batch {
    let mut builder = BatchBuilder::new(compression).producer(7, 3, 11);
    for record in records {
        builder.append(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
    }
    Batch::parse(builder.build(base_offset, 5)).unwrap()
}

fn bits() -> impl Strategy<Value = Vec<bool>> {
    vec(any::<bool>(), 20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// What stays of a cleaned batch stays as it was, at its offset; and what is said about the batch stays, too. Cleaning
    /// twice is the same as cleaning once by both rules.
    #[test]
    fn a_filtered_batch_has_the_kept_records_where_they_were(
        mut records in vec(record(), 1..20),
        compression in select(&Compression::ALL[..]),
        base_offset in 0..i64::MAX / 2,
        (first, second) in (bits(), bits()),
        horizon in 0..i64::MAX / 2,
    ) {
        number_from(base_offset, &mut records);
        let batch = batch_of(&records, base_offset, compression);
        let mut cleaned = batch.clone();
        let mut expected = records.clone();
        for (round, bits) in [first, second].into_iter().enumerate() {
            let stays = |offset: i64| bits[(offset - base_offset) as usize];
            expected.retain(|record| stays(record.offset));
            let body = cleaned.body(DecompressLimit::default()).unwrap();
            match cleaned.filter(&body, horizon + round as i64, |record| stays(record.offset)) {
                Ok(Filtered::Unchanged) => {}
                Ok(Filtered::Rebuilt(rebuilt)) => cleaned = rebuilt,
                Ok(Filtered::NothingLeft) => {
                    prop_assert!(expected.is_empty());
                    cleaned = cleaned.without_records();
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
            prop_assert_eq!(cleaned.verify_crc(), Ok(()));
            prop_assert_eq!(cleaned.records(DecompressLimit::default()), Ok(expected.clone()));
            prop_assert_eq!(Batch::parse(cleaned.bytes().clone()), Ok(cleaned.clone()));
        }
        let (before, after) = (batch.header(), cleaned.header());
        prop_assert_eq!(after.base_offset, before.base_offset);
        prop_assert_eq!(after.last_offset_delta, before.last_offset_delta);
        prop_assert_eq!(after.partition_leader_epoch, before.partition_leader_epoch);
        prop_assert_eq!(
            (after.producer_id, after.producer_epoch, after.base_sequence, after.last_sequence()),
            (before.producer_id, before.producer_epoch, before.base_sequence, before.last_sequence()),
        );
        if !expected.is_empty() {
            prop_assert_eq!(after.compression(), before.compression());
            prop_assert_eq!(after.max_timestamp, expected.iter().map(|record| record.timestamp).max().unwrap());
            // Tombstones that outlive the first cleaning have the horizon that it gave them.
            let has_tombstone = expected.iter().any(|record| record.value.is_none());
            prop_assert!(!has_tombstone || after.delete_horizon_ms() == Some(horizon));
        }
    }

    /// Where nothing is removed and no tombstone needs a horizon, not a byte changes.
    #[test]
    fn an_untouched_batch_is_left_alone(
        mut records in vec(record(), 1..20),
        compression in select(&Compression::ALL[..]),
    ) {
        records.iter_mut().for_each(|record| record.value = record.value.take().or(Some(Bytes::new())));
        let batch = batch_of(&records, 40, compression);
        let body = batch.body(DecompressLimit::default()).unwrap();
        prop_assert_eq!(batch.filter(&body, 1, |_| true), Ok(Filtered::Unchanged));
    }

    /// The quick look sees what the thorough one sees.
    #[test]
    fn keyed_records_are_the_records(mut records in vec(record(), 0..20), base_offset in 0..i64::MAX / 2) {
        number_from(base_offset, &mut records);
        let batch = batch_of(&records, base_offset, Compression::None);
        let body = batch.body(DecompressLimit::default()).unwrap();
        let seen: Vec<_> = KeyedRecords::new(batch.header(), &body).map(|record| record.unwrap()).collect();
        prop_assert_eq!(seen.len(), records.len());
        for (seen, record) in seen.iter().zip(&records) {
            prop_assert_eq!((seen.offset, seen.timestamp), (record.offset, record.timestamp));
            prop_assert_eq!((seen.key, seen.has_value), (record.key.as_deref(), record.value.is_some()));
        }
    }
}
