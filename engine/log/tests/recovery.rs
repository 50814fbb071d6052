//! Opening logs: clean and unclean, whole and damaged.

mod support;

use naru_log::{Fault, Log, LogConfig, LogError, MemoryStorage, Opening, Storage, StorageErrorKind};
use naru_trace::{Trace, TraceKind};
use support::*;

fn filled(count: usize) -> Bench {
    let mut bench = Bench::new(small());
    for index in 0..count {
        bench.put(&[format!("value {index}").as_str()]);
    }
    bench.commit();
    bench
}

fn truncations(bench: &Bench) -> usize {
    bench.events().iter().filter(|event| matches!(event.kind, TraceKind::LogTruncated { .. })).count()
}

#[test]
fn a_restart_keeps_everything() {
    let bench = filled(50);
    let (records, segments, size) = (bench.records(), bench.log.segments(), bench.log.size());
    let files = |bench: &Bench| -> Vec<_> {
        bench.disk.entries().iter().map(|entry| (entry.path.clone(), bench.disk.contents(&entry.path))).collect()
    };
    let before = files(&bench);
    for clean in [true, false] {
        let again = Bench::on(bench.disk.clone(), small(), clean).unwrap();
        assert_eq!(
            (again.records(), again.log.segments(), again.log.size()),
            (records.clone(), segments.clone(), size)
        );
        assert_eq!(files(&again), before, "opening a good log writes nothing");
        assert_eq!(truncations(&again), 0);
        assert_eq!(again.log.cells(256, &again.storage), bench.log.cells(256, &bench.storage));
    }
}

#[test]
fn a_missing_or_damaged_index_is_rebuilt() {
    let bench = filled(40);
    let path = format!("{FIRST}.index");
    let good = bench.disk.contents(&path).unwrap();
    assert!(good.len() >= 16);
    let (mut wrong_position, mut wrong_offset, last) = (good.clone(), good.clone(), good.len() - 8);
    wrong_position[last + 4] = 1;
    wrong_offset[last + 2] = 1;
    let odd_length = [&good[..], &[0]].concat();
    let trailing_zeroes = [&good[..], &[0; 64]].concat();
    for (clean, damaged) in [(true, vec![]), (true, wrong_position), (true, wrong_offset), (true, odd_length)]
        .into_iter()
        .chain([(false, trailing_zeroes.clone()), (true, trailing_zeroes), (false, vec![])])
    {
        bench.disk.put(&path, &damaged);
        let again = Bench::on(bench.disk.clone(), small(), clean).unwrap();
        assert_eq!(again.records().len(), 40);
        assert_eq!(again.disk.contents(&path).unwrap(), good, "clean: {clean}, from {damaged:?}");
    }
}

/// A log written with another `index.interval.bytes` has another index, which is just as good.
#[test]
fn an_index_with_other_intervals_is_kept() {
    let bench = filled(40);
    let before = bench.disk.contents(&format!("{FIRST}.index"));
    let sparser = LogConfig { index_interval_bytes: 400, ..small() };
    let again = Bench::on(bench.disk.clone(), sparser, true).unwrap();
    assert_eq!(again.disk.contents(&format!("{FIRST}.index")), before);
    assert_eq!(again.bases(&again.read(7, 1).unwrap()), [7]);
}

/// Files that a log does not understand stay, whatever happens to those that it does.
#[test]
fn foreign_files_are_left_alone() {
    let bench = filled(30);
    let foreign = [
        "orders-0/partition.metadata",
        "orders-0/00000000000000000000.snapshot",
        "orders-0/00000000000000000000.log.bak",
        "orders-0/notes.deleted",
        "orders-0/notes.swap",
        "orders-0/0000.log",
        "orders-0/99999999999999999999.log",
        "orders-0/holiday photos/00000000000000000000.log",
    ];
    for path in foreign {
        bench.disk.put(path, b"not for you");
    }
    bench.disk.put(&format!("{FIRST}.log"), b"damaged");
    let again = Bench::on(bench.disk.clone(), small(), false).unwrap();
    assert_eq!(again.log.log_end_offset(), 0);
    for path in foreign {
        assert_eq!(bench.disk.contents(path).as_deref(), Some(&b"not for you"[..]), "{path}");
    }
}

/// A kill between a snapshot's name and its contents leaves an empty file, which nobody would ever replace.
#[test]
fn an_empty_snapshot_is_removed() {
    let bench = filled(30);
    let path = "orders-0/00000000000000000012.snapshot";
    bench.disk.put(path, b"");
    for clean in [false, true] {
        let again = Bench::on(bench.disk.clone(), small(), clean).unwrap();
        assert_eq!(again.disk.contents(path), None, "clean: {clean}");
        bench.disk.put(path, b"");
    }
}

#[test]
fn empty_files_are_an_empty_log() {
    for clean in [true, false] {
        let disk = MemoryStorage::new();
        disk.put(&format!("{FIRST}.log"), b"");
        let mut bench = Bench::on(disk, small(), clean).unwrap();
        assert_eq!((bench.log.log_start_offset(), bench.log.log_end_offset()), (0, 0));
        assert_eq!(bench.put(&["a"]).base_offset, 0);
    }
}

/// An empty segment after a full one: what a crash right after a roll leaves.
#[test]
fn an_empty_active_segment_keeps_its_offset() {
    let bench = filled(5);
    bench.disk.put("orders-0/00000000000000000005.log", b"");
    for clean in [true, false] {
        let mut again = Bench::on(bench.disk.clone(), small(), clean).unwrap();
        assert_eq!(again.log.log_end_offset(), 5);
        assert_eq!(again.bases(&again.read(3, u32::MAX).unwrap()), [3, 4]);
        assert_eq!(again.put(&["a"]).base_offset, 5);
        assert_eq!(again.bases(&again.read(3, u32::MAX).unwrap()), [3, 4, 5]);
        again.disk.crash();
    }
}

/// A crash after a roll: the new segment's file is there, the batches before it never got to the disk.
#[test]
fn offsets_of_lost_batches_are_given_again() {
    let mut bench = filled(5);
    while bench.log.segments().len() == 1 {
        bench.put(&["lost"]);
    }
    let bench = bench.crash();
    assert_eq!((bench.log.log_end_offset(), bench.log.segments().len()), (5, 1));
    assert_eq!(
        (truncations(&bench), bench.disk.entries().len()),
        (0, 5),
        "one segment and the epochs, in one directory"
    );
}

/// A clean stop leaves no torn batch, but a disk that was full may have: the end of the log is always checked.
#[test]
fn the_end_of_the_log_is_checked_even_after_a_clean_stop() {
    let bench = filled(3);
    let path = format!("{FIRST}.log");
    let mut bytes = bench.disk.contents(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    bench.disk.put(&path, &bytes);
    let again = Bench::on(bench.disk.clone(), small(), true).unwrap();
    assert_eq!((again.log.log_end_offset(), truncations(&again)), (2, 1));
}

/// A sealed segment that was synced and is damaged now: nobody knows why, so nothing is thrown away, and the rest of the log
/// works. Consumers check CRCs, as with Kafka.
#[test]
fn damage_in_a_trusted_segment_is_not_looked_for() {
    let bench = filled(40);
    let path = format!("{FIRST}.log");
    let mut bytes = bench.disk.contents(&path).unwrap();
    bytes[16] = 1;
    bench.disk.put(&path, &bytes);
    let end = bench.log.segments()[1].base_offset;
    let recovery_point = end + 1;
    for opening in [Opening::clean(), Opening { recovery_point, ..Opening::unclean() }] {
        let again = Bench::opened(bench.disk.clone(), small(), opening).unwrap();
        assert_eq!((again.log.log_start_offset(), again.log.log_end_offset(), truncations(&again)), (0, 40, 0));
        assert_eq!(again.bases(&again.read(end, 1).unwrap()), [end]);
        assert_eq!(bench.disk.contents(&path).unwrap(), bytes);
    }
    // Only when its index has to be built anew it is read, and then its partition stays offline.
    bench.disk.clone().remove_file(&format!("{FIRST}.index")).unwrap();
    let error = Bench::on(bench.disk.clone(), small(), true).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "orders-0/00000000000000000000.log, byte 0: the batch has magic 1; only record format v2 is supported"
    );
    assert_eq!(bench.disk.contents(&path).unwrap(), bytes);
    let again = Bench::on(bench.disk.clone(), small(), false).unwrap();
    assert_eq!((again.log.log_end_offset(), again.log.segments().len()), (0, 1));
}

/// The index is a matter of speed: reads find the same batches whether they were just written or long ago.
#[test]
fn reads_are_the_same_from_memory_and_from_the_index() {
    let config = LogConfig { segment_bytes: 20_000, index_interval_bytes: 500, ..LogConfig::default() };
    let mut bench = Bench::new(config);
    for index in 0..2_000_usize {
        let values = vec!["value"; 1 + index % 3];
        bench.put(&values);
    }
    let (end, size) = (bench.log.log_end_offset(), bench.log.size());
    assert!(bench.log.segments().len() > 5);
    let mut from = 0;
    while from < end {
        let result = bench.read(from, 700).unwrap();
        assert!(result.first_offset <= from && result.next_offset > from && result.bytes <= 700);
        assert_eq!(contents(&result).last().unwrap().header().next_offset(), result.next_offset);
        from = result.next_offset;
    }
    assert_eq!(bench.log.bytes_available(0, end), size);
    assert_eq!(bench.log.bytes_available(end, end), 0);
    let tail = bench.read(end - 100, u32::MAX).unwrap();
    assert_eq!(bench.log.bytes_available(end - 100, i64::MAX), u64::from(tail.bytes));
    let part = bench.log.read(end - 100, u32::MAX, end - 50, true, &bench.storage).unwrap();
    assert_eq!(bench.log.bytes_available(part.first_offset, part.next_offset), u64::from(part.bytes));
}

/// A relative offset is an `int32`: offsets further apart need another segment.
#[test]
fn a_segment_is_rolled_before_relative_offsets_overflow() {
    let mut builder = naru_records::BatchBuilder::new(naru_records::Compression::None);
    builder.append(1, None, None, &[]);
    let far = builder.build(i64::from(i32::MAX), 0);
    let mut first = naru_records::BatchBuilder::new(naru_records::Compression::None);
    first.append(1, None, None, &[]);
    let disk = MemoryStorage::new();
    disk.put(&format!("{FIRST}.log"), &[first.build(0, 0), far].concat());
    let mut bench = Bench::on(disk, LogConfig::default(), false).unwrap();
    assert_eq!(bench.log.log_end_offset(), i64::from(i32::MAX) + 1);
    bench.put(&["a"]);
    let bases: Vec<i64> = bench.log.segments().iter().map(|segment| segment.base_offset).collect();
    assert_eq!(bases, [0, i64::from(i32::MAX) + 1]);
    assert_eq!(bench.bases(&bench.read(1, u32::MAX).unwrap()), [i64::from(i32::MAX), i64::from(i32::MAX) + 1]);
}

#[test]
fn a_segment_is_rolled_when_its_index_is_full() {
    let bases = |segment_index_bytes, later_ms: i64| -> Vec<i64> {
        let mut bench = Bench::new(LogConfig { index_interval_bytes: 0, segment_index_bytes, ..LogConfig::default() });
        (0..9).for_each(|index| _ = bench.append(&batch_at(&["a"], 1_000 + index * later_ms)));
        bench.log.segments().iter().map(|segment| segment.base_offset).collect()
    };
    // Two entries of the offset index, and three of the time index less the one that is kept free.
    assert_eq!(bases(40, 0), [0, 6]);
    assert_eq!(bases(40, 1), [0, 3, 6]);
    assert_eq!(bases(17, 0), [0, 1, 2, 3, 4, 5, 6, 7, 8], "no room for any time");
}

/// The disk is full in the middle of a batch: the commit says so, and after a restart the log is what fitted.
#[test]
fn a_full_disk_tears_a_batch_and_recovery_cuts_it() {
    let mut bench = filled(2);
    let used = bench.disk.used();
    bench.disk.set_capacity(Some(used + 30));
    bench.put(&["does not fit"]);
    let failed = bench.storage.commit();
    let [(file, error)] = &failed[..] else { panic!("{failed:?}") };
    assert_eq!(error.kind, StorageErrorKind::Full);
    assert!(bench.log.owns_file(*file));
    assert_eq!(error.to_string(), "orders-0/00000000000000000000.log: No space left on device");
    bench.disk.set_capacity(None);
    let bench = bench.crash();
    assert_eq!((bench.log.log_end_offset(), truncations(&bench)), (2, 1));
}

#[test]
fn a_failing_file_is_reported_and_nothing_else_fails() {
    let mut bench = filled(2);
    bench.disk.set_fault("orders-0/", Some(Fault::Io));
    assert!(matches!(bench.read(0, 100), Err(LogError::Storage(error)) if error.kind == StorageErrorKind::Io));
    bench.put(&["a"]);
    assert_eq!(bench.storage.commit().len(), 1);
    let mut other = bench.storage.clone();
    let id = naru_log::TopicPartition { topic: "other".into(), partition: 1 };
    Log::open(&id, small(), Opening::clean(), &mut other, &mut Trace::default()).unwrap();
    assert!(Log::open(&support::id(), small(), Opening::clean(), &mut other, &mut Trace::default()).is_err());
}

/// What has to be synced, and when it no longer has.
#[test]
fn flush_files_are_those_with_unsynced_records() {
    let mut bench = Bench::new(small());
    assert!(bench.log.flush_files().is_empty());
    (0..20).for_each(|_| _ = bench.put(&["value"]));
    let (files, end) = (bench.log.flush_files(), bench.log.log_end_offset());
    assert_eq!(files.len(), 3 * bench.log.segments().len(), "indexes are synced as well: nobody checks them later");
    for file in files {
        bench.storage.sync(file).unwrap();
    }
    bench.log.flushed(end, "test", &mut bench.trace);
    assert!(bench.log.flush_files().is_empty());
    assert_eq!(bench.log.recovery_point(), end);
    bench.put(&["one more"]);
    assert_eq!(bench.log.flush_files().len(), 3);
    let logs = bench.disk.entries().into_iter().filter(|entry| entry.path.ends_with(".log"));
    assert!(logs.map(|entry| (entry.length, entry.synced)).all(|(length, synced)| length == synced));
}

#[test]
fn deleting_a_log_removes_its_directory() {
    let bench = filled(30);
    let mut storage = bench.storage.clone();
    bench.log.delete(&mut storage).unwrap();
    assert_eq!(bench.disk.entries(), []);
    assert_eq!(bench.disk.used(), 0);
}
