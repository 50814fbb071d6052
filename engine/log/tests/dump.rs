//! Naming the bytes of files: nothing is left out, nothing named twice, and damage is said where it is.

use bolero::check;
use naru_log::dump::{Field, FileKind, field_at, fields};
use naru_records::{BatchBuilder, Compression, Header};
use proptest::prelude::*;

const NAMES: [&str; 11] = [
    "00000000000000000040.log",
    "00000000000000000040.index",
    "00000000000000000040.timeindex",
    "00000000000000000040.txnindex.deleted",
    "00000000000000000040.snapshot",
    "00000000000000000040-0000000001.checkpoint",
    "leader-epoch-checkpoint",
    "recovery-point-offset-checkpoint",
    "partition.metadata",
    "meta.properties",
    "something else",
];

/// Every byte is in exactly one field that holds no other, and parts hold what is in them.
fn check_tiling(name: &str, bytes: &[u8]) -> Vec<Field> {
    let found = fields(name, bytes);
    let mut next = 0;
    for (index, field) in found.iter().enumerate() {
        assert!(field.end() as usize <= bytes.len(), "{field:?}");
        let inner = |other: &&Field| other.depth > field.depth;
        let holds_others = found[index + 1..].iter().take_while(inner).any(|other| other.length > 0);
        if field.length > 0 && !holds_others {
            assert_eq!(field.start, next, "a gap or an overlap before {field:?}");
            next = field.end();
        }
        for other in found[index + 1..].iter().take_while(inner) {
            assert!(field.start <= other.start && other.end() <= field.end(), "{other:?} lies outside {field:?}");
        }
    }
    assert_eq!(next as usize, bytes.len(), "{name}: every byte has a name");
    found
}

fn batch(codec: Compression, base_offset: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(codec).producer(7, 1, 20);
    let headers =
        [Header { key: "colour".into(), value: Some("blue".into()) }, Header { key: "none".into(), value: None }];
    builder.append(1_709_210_096_789, Some(b"key"), Some(b"value"), &headers);
    builder.append(1_709_210_096_999, None, None, &[]);
    builder.build(base_offset, 3).to_vec()
}

fn errors(found: &[Field]) -> Vec<(&str, &str)> {
    found.iter().filter_map(|field| Some((field.name, field.error?))).collect()
}

fn value<'a>(found: &'a [Field], name: &str) -> &'a str {
    &found.iter().find(|field| field.name == name).unwrap_or_else(|| panic!("no {name} in {found:#?}")).value
}

#[test]
fn a_batch_is_named_field_by_field() {
    let bytes = [batch(Compression::None, 40), batch(Compression::None, 42)].concat();
    let found = check_tiling(NAMES[0], &bytes);
    assert_eq!(errors(&found), []);
    let lines: Vec<String> = found
        .iter()
        .take_while(|field| field.group <= 3)
        .map(|field| {
            format!(
                "{:>3}+{:<3} {}{}: {}",
                field.start,
                field.length,
                "  ".repeat(field.depth.into()),
                field.name,
                field.value
            )
        })
        .collect();
    expect_test::expect_file!["testdata/dump_batch.txt"].assert_eq(&(lines.join("\n") + "\n"));
    assert_eq!(found.iter().filter(|field| field.name == "batch").count(), 2);
    assert_eq!(field_at(&found, 16).unwrap().name, "magic");
    assert_eq!(field_at(&found, bytes.len() as u32), None);
}

#[test]
fn compressed_records_are_one_piece_with_their_contents_noted() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let bytes = batch(codec, 40);
        let found = check_tiling(NAMES[0], &bytes);
        assert_eq!(errors(&found), []);
        let records: Vec<&Field> = found.iter().filter(|field| field.name == "record").collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].value, "offset 40: key \"key\", value \"value\"");
        assert_eq!((records[1].value.as_str(), records[1].length), ("offset 41: key null, value null", 0));
        assert_eq!(field_at(&found, 70).unwrap().name, "records", "the piece itself is what a byte belongs to");
    }
}

#[test]
fn a_changed_byte_is_blamed_on_the_checksum() {
    let mut bytes = batch(Compression::None, 40);
    *bytes.last_mut().unwrap() ^= 1;
    bytes.extend(batch(Compression::None, 42));
    let found = check_tiling(NAMES[0], &bytes);
    assert_eq!(errors(&found)[0], ("crc", "it does not fit the bytes: the batch is damaged"));
    assert_eq!(
        found.iter().filter(|field| field.name == "batch").count(),
        2,
        "its length still says where the next is"
    );
}

#[test]
fn a_torn_batch_is_named_as_far_as_it_goes() {
    let whole = batch(Compression::None, 40);
    for length in 1..whole.len() {
        let found = check_tiling(NAMES[0], &whole[..length]);
        assert!(!errors(&found).is_empty(), "at {length}");
        // Beginning with the length, it is said there.
        if length > 61 {
            assert_eq!(errors(&found)[0], ("batchLength", "it says more than what is left of the file"), "at {length}");
        }
    }
}

#[test]
fn zeros_after_the_last_batch_and_foreign_formats_are_told() {
    let mut bytes = batch(Compression::None, 40);
    bytes.extend([0; 100]);
    let found = check_tiling(NAMES[0], &bytes);
    assert_eq!(errors(&found), [("zeros", "nothing was written here")]);
    let mut old = batch(Compression::None, 40);
    old[16] = 1;
    let found = check_tiling(NAMES[0], &old);
    assert_eq!(errors(&found), [("message", "a message of format v0 or v1, which Kafka no longer writes")]);
}

#[test]
fn control_records_say_what_they_control() {
    let mut builder = BatchBuilder::new(Compression::None).producer(7, 1, -1);
    builder.append(5, Some(&[0, 0, 0, 1]), Some(&[0, 0, 0, 0, 0, 9]), &[]);
    let mut bytes = builder.build(40, 3).to_vec();
    bytes[22] |= 1 << 4 | 1 << 5;
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let found = check_tiling(NAMES[0], &bytes);
    assert_eq!(errors(&found), []);
    assert_eq!(value(&found, "type"), "1 (COMMIT)");
    assert_eq!(value(&found, "coordinatorEpoch"), "9");
    assert!(value(&found, "attributes").ends_with("transactional, control"));
}

#[test]
fn index_entries_are_checked_against_each_other() {
    let mut bytes = Vec::new();
    for (offset, position) in [(3_u32, 100_u32), (7, 4_000), (5, 9_000)] {
        bytes.extend(offset.to_be_bytes());
        bytes.extend(position.to_be_bytes());
    }
    let found = check_tiling(NAMES[1], &bytes);
    assert_eq!(found[0].value, "the batch with offset 43 begins at byte 100");
    assert_eq!(errors(&found), [("relativeOffset", "it is not larger than the one before")]);
    bytes.truncate(20);
    assert_eq!(
        errors(&check_tiling(NAMES[1], &bytes)),
        [("relativeOffset", "it is not larger than the one before"), ("position", "it is cut off")]
    );
    bytes.truncate(16);
    bytes.extend([0; 64]);
    let found = check_tiling(NAMES[1], &bytes);
    assert_eq!(
        (found.last().unwrap().name, errors(&found).len()),
        ("unused", 0),
        "Kafka makes indexes longer than filled"
    );
}

#[test]
fn a_snapshot_names_its_producers() {
    let mut entries = 1_i32.to_be_bytes().to_vec();
    entries.extend(7_i64.to_be_bytes());
    entries.extend(1_i16.to_be_bytes());
    entries.extend(21_i32.to_be_bytes());
    entries.extend(41_i64.to_be_bytes());
    entries.extend(1_i32.to_be_bytes());
    entries.extend(1_709_210_096_789_i64.to_be_bytes());
    entries.extend((-1_i32).to_be_bytes());
    entries.extend((-1_i64).to_be_bytes());
    let mut bytes = 1_i16.to_be_bytes().to_vec();
    bytes.extend(crc32c::crc32c(&entries).to_be_bytes());
    bytes.extend(entries);
    let found = check_tiling(NAMES[4], &bytes);
    assert_eq!(errors(&found), []);
    assert_eq!(value(&found, "entry"), "producer 7, epoch 1: its last batch ends with sequence 21 at offset 41");
    bytes[30] ^= 1;
    assert_eq!(
        errors(&check_tiling(NAMES[4], &bytes)),
        [("crc", "it does not fit the bytes: the snapshot is damaged")]
    );
}

#[test]
fn checkpoints_are_read_line_by_line() {
    for (name, good) in [
        (NAMES[6], "0\n2\n1 0\n3 40\n"),
        (NAMES[6], "0\n0\n"),
        (NAMES[6], ""),
        (NAMES[7], "0\n2\norders 0 42\nstreams-app.x 1 7\n"),
        (NAMES[8], "version: 0\ntopic_id: ICeEhVA4Qd2m9yQ1xTQ2Yw"),
        (NAMES[9], "#\n#Tue Nov 24\ncluster.id=abc\nversion=1\nnode.id=1\n"),
    ] {
        assert_eq!(errors(&check_tiling(name, good.as_bytes())), [], "{good:?}");
    }
    for (name, bad) in [
        (NAMES[6], "1\n0\n"),
        (NAMES[6], "0\n2\n1 0\n"),
        (NAMES[6], "0\n2\n3 0\n1 40\n"),
        (NAMES[6], "0\n1\n1 0\n3 40\n"),
        (NAMES[6], "0\n"),
        (NAMES[7], "0\n1\norders 42\n"),
        (NAMES[7], "0\nmany\n"),
        (NAMES[8], "version: 0\ntopic_id: short"),
        (NAMES[9], "cluster.id\n"),
        (NAMES[7], "\u{0}\u{1}"),
    ] {
        assert!(!errors(&check_tiling(name, bad.as_bytes())).is_empty(), "{bad:?}");
    }
    assert!(!errors(&check_tiling(NAMES[7], b"0\n1\n\xff 0 1\n")).is_empty());
}

#[test]
fn names_tell_what_files_are() {
    for (name, kind) in [
        ("orders-0/00000000000000000000.log", FileKind::Log),
        ("00000000000000000000.log.deleted", FileKind::Log),
        ("00000000000000000000.timeindex.swap", FileKind::TimeIndex),
        ("00000000000000000000.index.cleaned", FileKind::OffsetIndex),
        ("00000000000000000009.snapshot", FileKind::ProducerSnapshot),
        ("d/leader-epoch-checkpoint", FileKind::LeaderEpochs),
        ("cleaner-offset-checkpoint", FileKind::Offsets),
        ("quorum-state", FileKind::Unknown),
        ("log", FileKind::Unknown),
    ] {
        assert_eq!(FileKind::of(name), kind, "{name}");
    }
}

#[test]
fn fuzz_arbitrary_bytes_are_named_exactly_once() {
    check!().with_type::<(u8, Vec<u8>)>().with_iterations(3_000).for_each(|(name, bytes)| {
        check_tiling(NAMES[usize::from(*name) % NAMES.len()], bytes);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Files that are nearly good go deeper into the formats than arbitrary bytes do.
    #[test]
    fn damaged_files_are_named_exactly_once(
        codec in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        name in 0..NAMES.len(),
        is_log in any::<bool>(),
    ) {
        let name = if is_log { 0 } else { name };
        let mut bytes = [batch(Compression::ALL[codec], 40), batch(Compression::None, 42)].concat();
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 2);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        check_tiling(NAMES[name], &bytes);
    }
}
