//! Batches byte by byte. `UPDATE_EXPECT=1 cargo test -p naru-records` rewrites what is expected.

use expect_test::expect;
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, Header, batches};
use std::fmt::Write as _;

/// A batch of two records as a producer sends it, with every field of the header on a line of its own.
#[test]
fn a_batch_byte_by_byte() {
    let mut builder = BatchBuilder::new(Compression::None).producer(7, 1, 40);
    let headers = [Header { key: "h".into(), value: None }];
    builder.append(1_700_000_000_000, Some(b"key"), Some(b"value"), &headers);
    builder.append(1_700_000_000_005, None, None, &[]);
    let bytes = builder.build(0, -1);
    expect![[r#"
        base offset     00 00 00 00 00 00 00 00
        length          00 00 00 4a
        leader epoch    ff ff ff ff
        magic           02
        CRC-32C         01 8a 0c 22
        attributes      00 00
        last delta      00 00 00 01
        base timestamp  00 00 01 8b cf e5 68 00
        max timestamp   00 00 01 8b cf e5 68 05
        producer id     00 00 00 00 00 00 00 07
        producer epoch  00 01
        base sequence   00 00 00 28
        records         00 00 00 02
        record          22 00 00 00 06 6b 65 79 0a 76 61 6c 75 65 02 02 68 01
        record          0c 00 0a 02 01 01 00
    "#]]
    .assert_eq(&ruler(&bytes));
}

/// The fields of an uncompressed batch.
fn ruler(batch: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = batch;
    let fields = [
        ("base offset", 8),
        ("length", 4),
        ("leader epoch", 4),
        ("magic", 1),
        ("CRC-32C", 4),
        ("attributes", 2),
        ("last delta", 4),
        ("base timestamp", 8),
        ("max timestamp", 8),
        ("producer id", 8),
        ("producer epoch", 2),
        ("base sequence", 4),
        ("records", 4),
    ];
    let mut line = |name: &str, length: usize| {
        let (field, after) = rest.split_at(length);
        let hex: Vec<String> = field.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "{name:<15} {}", hex.join(" ")).unwrap();
        rest = after;
        rest.first().copied()
    };
    let mut next = None;
    for (name, length) in fields {
        next = line(name, length);
    }
    // Each record begins with its length, here below 64 and so a single byte.
    while let Some(length) = next {
        next = line("record", usize::from(length / 2) + 1);
    }
    out
}

/// What is said about bytes that are not a batch.
#[test]
fn what_can_be_wrong_in_words() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(1, Some(b"key"), Some(b"value"), &[]);
    let good = builder.build(0, -1).to_vec();
    let mut said = String::new();
    let mut say = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        let result = Batch::parse(bytes.into()).and_then(|batch| {
            batch.records(DecompressLimit(1 << 20))?;
            batch.header().validate_for_append()?;
            batch.verify_crc()
        });
        let error = result.expect_err(what);
        writeln!(said, "{what}: {error}").unwrap();
    };
    say("nothing", &|bytes| bytes.clear());
    say("half a header", &|bytes| bytes.truncate(30));
    say("a byte too few", &|bytes| bytes.truncate(bytes.len() - 1));
    say("a byte too many", &|bytes| bytes.push(0));
    say("length 48", &|bytes| bytes[8..12].copy_from_slice(&48_i32.to_be_bytes()));
    say("format v1", &|bytes| bytes[16] = 1);
    say("a flipped bit", &|bytes| bytes[70] ^= 1);
    say("compression 5", &|bytes| bytes[22] = 5);
    say("gzip that is none", &|bytes| bytes[22] = 1);
    say("snappy that is none", &|bytes| bytes[22] = 2);
    say("lz4 that is none", &|bytes| bytes[22] = 3);
    say("zstd that is none", &|bytes| bytes[22] = 4);
    say("a control batch", &|bytes| bytes[22] = 1 << 5);
    say("one record too many", &|bytes| bytes[60] = 2);
    say("one record too few", &|bytes| bytes[60] = 0);
    say("last offset delta 1", &|bytes| bytes[26] = 1);
    say("last offset delta below 0", &|bytes| bytes[23] = 0x80);
    say("base offset below 0", &|bytes| bytes[0] = 0x80);
    say("producer id without sequence", &|bytes| bytes[43..51].copy_from_slice(&7_i64.to_be_bytes()));
    say("a record longer than the batch", &|bytes| bytes[61] = 0x7e);
    say("a record shorter than its fields", &|bytes| bytes[61] -= 4);
    expect![[r#"
        nothing: the batch is cut off: 61 bytes are needed, 0 are there
        half a header: the batch is cut off: 61 bytes are needed, 30 are there
        a byte too few: the batch is cut off: 76 bytes are needed, 75 are there
        a byte too many: 1 bytes follow the batch where exactly one batch was expected
        length 48: the batch's length field says 48, but a v2 header alone takes 49 bytes after it
        format v1: the batch has magic 1; only record format v2 is supported
        a flipped bit: the batch's CRC-32C is 0x7e141159, but its header says 0x91247a40
        compression 5: compression type 5 does not exist
        gzip that is none: the gzip data of the batch is damaged: invalid gzip header
        snappy that is none: the snappy data of the batch is damaged: snappy: corrupt input (expected valid offset but got offset 1980397925; dst position: 2)
        lz4 that is none: the lz4 data of the batch is damaged: WrongMagicNumber
        zstd that is none: the zstd data of the batch is damaged: BadMagicNumber(28)
        a control batch: Clients are not allowed to write control records
        one record too many: record 1 of the batch is malformed: its length is not a varint
        one record too few: Incorrect declared batch size, records still remaining in file: 15 bytes follow the last record
        last offset delta 1: Inconsistent batch offset range [0, 1] and count of records 1
        last offset delta below 0: invalid batch header: lastOffsetDelta is -2147483648
        base offset below 0: invalid batch header: baseOffset is -9223372036854775808
        producer id without sequence: Invalid sequence number -1 in record batch with producerId 7
        a record longer than the batch: record 0 of the batch is malformed: it is longer than the rest of the batch
        a record shorter than its fields: record 0 of the batch is malformed: a field is longer than the record
    "#]].assert_eq(&said);
}

/// Consumers get what fits; the rest of the last batch is not an error.
#[test]
fn a_partial_last_batch_ends_the_iteration() {
    let batch = |value: &[u8]| {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(1, None, Some(value), &[]);
        builder.build(0, -1)
    };
    let whole = [batch(b"first"), batch(b"second"), batch(b"third")].concat();
    for length in 0..=whole.len() {
        let found: Vec<_> = batches(whole[..length].to_vec().into()).collect::<Result<_, _>>().unwrap();
        let lengths: usize = found.iter().map(|batch| batch.bytes().len()).sum();
        assert!(lengths <= length && length - lengths < batch(b"second").len(), "{length}: {lengths}");
    }
    let mut damaged = whole.clone();
    damaged[batch(b"first").len() + 16] = 1;
    let results: Vec<bool> = batches(damaged.into()).map(|batch| batch.is_ok()).collect();
    assert_eq!(results, [true, false], "after an error nobody knows where the next batch begins");
}
