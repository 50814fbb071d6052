//! Arbitrary bytes on the disk: opening never panics, and never loses a complete valid prefix.

mod support;

use bolero::check;
use naru_log::{LogConfig, MemoryStorage};
use support::*;

const ITERATIONS: usize = 1_000;

/// A path and what is there.
type NamedFile = (String, Vec<u8>);

/// A disk with a log of 24 batches of one or two records, and where each batch of the first segment ends.
fn good_disk() -> (Vec<NamedFile>, Vec<(usize, i64)>) {
    let mut bench = Bench::new(small());
    let mut ends = Vec::new();
    for index in 0..24 {
        let values = vec!["some value"; 1 + index % 2];
        bench.put(&values);
        if bench.log.segments().len() == 1 {
            ends.push((bench.log.size() as usize, bench.log.log_end_offset()));
        }
    }
    bench.commit();
    let files = bench.disk.entries().into_iter().filter(|entry| !entry.is_dir);
    (files.map(|entry| (entry.path.clone(), bench.disk.contents(&entry.path).unwrap())).collect(), ends)
}

fn disk_of(files: &[NamedFile]) -> MemoryStorage {
    let disk = MemoryStorage::new();
    files.iter().for_each(|(path, contents)| disk.put(path, contents));
    disk
}

/// Whatever was opened must work: everything readable, appendable, and the same after another restart.
fn check_usable(mut bench: Bench) {
    let end = bench.log.log_end_offset();
    let mut from = bench.log.log_start_offset();
    while from < end {
        let result = bench.read(from, 100).unwrap();
        if result.bytes == 0 {
            break;
        }
        assert!(result.next_offset > from);
        from = result.next_offset;
    }
    let _ = bench.log.offset_for_timestamp(0, &bench.storage);
    let _ = bench.log.cells(10, &bench.storage);
    assert_eq!(bench.put(&["after recovery"]).base_offset, end);
    bench.commit();
    let bench = bench.crash();
    assert_eq!(bench.log.log_end_offset(), end + 1);
    assert_eq!(bench.events(), [], "recovering twice changes nothing");
}

/// A few bytes of the first segment are changed, or its end is cut off: the batches before that are kept.
#[test]
fn fuzz_a_damaged_segment_keeps_its_valid_prefix() {
    let (files, ends) = good_disk();
    let log = files.iter().position(|(path, _)| *path == format!("{FIRST}.log")).unwrap();
    check!().with_type::<(Vec<(u16, u8)>, u16)>().with_iterations(ITERATIONS).for_each(|(changes, cut)| {
        let mut files = files.clone();
        let bytes = &mut files[log].1;
        let mut first_damage = usize::from(*cut).min(bytes.len());
        bytes.truncate(first_damage);
        for (position, value) in changes.iter().take(if bytes.is_empty() { 0 } else { 4 }) {
            let position = usize::from(*position) % bytes.len();
            bytes[position] = *value;
            first_damage = first_damage.min(position);
        }
        let kept = ends.iter().take_while(|(end, _)| *end <= first_damage).last().map_or(0, |(_, offset)| *offset);
        let bench = Bench::on(disk_of(&files), small(), false).unwrap();
        assert!(bench.log.log_end_offset() >= kept, "{} < {kept}", bench.log.log_end_offset());
        check_usable(bench);
        if let Ok(bench) = Bench::on(disk_of(&files), small(), true) {
            assert!(bench.log.log_end_offset() >= kept);
        }
    });
}

/// Anything at all in the two files of a segment.
#[test]
fn fuzz_arbitrary_files() {
    check!().with_type::<(Vec<u8>, Vec<u8>, u8, bool)>().with_iterations(ITERATIONS).for_each(
        |(log, index, base, clean)| {
            let disk = MemoryStorage::new();
            let path = format!("orders-0/{base:020}");
            disk.put(&format!("{path}.log"), log);
            disk.put(&format!("{path}.index"), index);
            check_usable(Bench::on(disk, LogConfig::default(), *clean).unwrap());
        },
    );
}

/// A good log with anything at all as its index: every offset is still found.
#[test]
fn fuzz_arbitrary_index() {
    let (mut files, _) = good_disk();
    let index = files.iter().position(|(path, _)| *path == format!("{FIRST}.index")).unwrap();
    let good = files[index].1.clone();
    check!().with_type::<(bool, Vec<u8>, Vec<(u8, u8)>, bool)>().with_iterations(ITERATIONS).for_each(
        |(arbitrary, bytes, changes, clean)| {
            let mut stored = if *arbitrary { bytes.clone() } else { good.clone() };
            for (position, value) in changes.iter().take(if stored.is_empty() { 0 } else { 3 }) {
                let position = usize::from(*position) % stored.len();
                stored[position] = *value;
            }
            let mut files = files.clone();
            files[index].1 = stored;
            let bench = Bench::on(disk_of(&files), small(), *clean).unwrap();
            assert_eq!(bench.log.log_end_offset(), 36);
            for from in 0..36 {
                let found = bench.read(from, 1).unwrap();
                assert!((found.first_offset..found.next_offset).contains(&from));
            }
        },
    );
    files.clear();
}

/// Anything at all as a producer snapshot, a time index, a checkpoint: no panic, and what is read is written back the same.
#[test]
fn fuzz_small_files() {
    use naru_log::{LeaderEpochCache, checkpoint, snapshots, time_index};
    check!().with_type::<(Vec<u8>, bool)>().with_iterations(ITERATIONS).for_each(|(bytes, with_checksum)| {
        let mut bytes = bytes.clone();
        if *with_checksum && bytes.len() >= 6 {
            let crc = crc32c::crc32c(&bytes[6..]);
            bytes[..2].copy_from_slice(&1_i16.to_be_bytes());
            bytes[2..6].copy_from_slice(&crc.to_be_bytes());
        }
        if let Some(producers) = snapshots::decode(&bytes) {
            assert_eq!(snapshots::decode(&snapshots::encode(&producers)), Some(producers));
        }
        let entries: Vec<u8> = time_index::entries(&bytes).flat_map(time_index::TimeEntry::to_bytes).collect();
        assert_eq!(entries, bytes[..bytes.len() / 12 * 12]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(epochs) = LeaderEpochCache::parse(&text) {
            assert_eq!(LeaderEpochCache::parse(&epochs.text()), Some(epochs));
        }
        if let Ok(offsets) = checkpoint::parse(&text) {
            assert_eq!(checkpoint::parse(&checkpoint::text(&offsets)), Ok(offsets));
        }
    });
}

/// A good log with anything at all beside its first segment: nothing is lost, and the start does not fail.
#[test]
fn fuzz_arbitrary_companions() {
    let (files, _) = good_disk();
    check!().with_type::<(u8, Vec<u8>, bool)>().with_iterations(ITERATIONS).for_each(|(which, bytes, clean)| {
        let name = match which % 4 {
            0 => format!("{FIRST}.timeindex"),
            1 => format!("{FIRST}.snapshot"),
            2 => "orders-0/leader-epoch-checkpoint".to_owned(),
            _ => "orders-0/00000000000000000036.snapshot".to_owned(),
        };
        let disk = disk_of(&files);
        disk.put(&name, bytes);
        let bench = Bench::on(disk, small(), *clean).unwrap();
        assert_eq!((bench.log.log_end_offset(), bench.records().len()), (36, 36));
        check_usable(bench);
    });
}
