//! What a start reads and what it believes: nothing after a stop in good order, only what was not synced after a crash.

mod support;

use naru_log::{LogConfig, MemoryStorage, Opening, Storage, StorageErrorKind, checkpoint};
use naru_trace::TraceKind;
use support::*;

/// A log of several segments by an idempotent producer, each segment between two and nine batches.
fn filled(config: LogConfig) -> Bench {
    let mut bench = Bench::new(config);
    while bench.log.segments().len() < 6 {
        let sequence = bench.log.log_end_offset() as i32;
        bench.append(&batch_by(7, 1, sequence, 1));
    }
    bench.commit();
    bench
}

fn log_paths(bench: &Bench) -> Vec<String> {
    bench.log.segments().iter().map(|segment| format!("orders-0/{:020}.log", segment.base_offset)).collect()
}

/// Opening reads no `.log` file but the last ones, and all there is to know is known.
#[test]
fn a_clean_start_does_not_read_the_log() {
    let config = LogConfig { segment_bytes: 40_000, ..LogConfig::default() };
    let bench = filled(config);
    let (segments, end, size) = (bench.log.segments(), bench.log.log_end_offset(), bench.log.size());
    let paths = log_paths(&bench);
    let (disk, mut storage) = (bench.disk.clone(), bench.storage.clone());
    let newest = bench.log.offset_of_max_timestamp(&bench.storage).unwrap();
    bench.log.close(&mut storage).unwrap();
    let old = &paths[..paths.len() - 2];
    // Whoever reads these finds nothing that he could understand.
    let good: Vec<Vec<u8>> = old.iter().map(|path| disk.contents(path).unwrap()).collect();
    old.iter().zip(&good).for_each(|(path, bytes)| disk.put(path, &vec![0; bytes.len()]));
    let again = Bench::opened(disk.clone(), config, Opening::clean()).unwrap();
    assert_eq!((again.log.segments(), again.log.log_end_offset(), again.log.size()), (segments, end, size));
    assert_eq!(again.log.producers().entry(7).unwrap().last_sequence(), end as i32 - 1);
    assert_eq!(again.log.recovery_point(), end);
    old.iter().zip(&good).for_each(|(path, bytes)| disk.put(path, bytes));
    assert_eq!(again.records().len() as i64, end);
    assert_eq!(again.log.offset_of_max_timestamp(&again.storage).unwrap(), newest);
    // The cells are those of the newest batches, as far as the end of the log was looked through.
    let cells = again.log.cells(256, &again.storage);
    let offsets: Vec<i64> = cells.iter().map(|cell| cell.offset).collect();
    assert_eq!(offsets, (end - cells.len() as i64..end).collect::<Vec<_>>());
    assert!(cells.len() > 100, "{}", cells.len());
}

/// After a crash, segments before the recovery point's are believed, and the others are read to the last byte.
#[test]
fn semantics_41_an_unclean_start_reads_from_the_recovery_point_on() {
    let bench = filled(small());
    let (paths, segments) = (log_paths(&bench), bench.log.segments());
    for (number, segment) in segments.iter().enumerate().skip(1) {
        let recovery_point = segment.base_offset + 1;
        let opening = Opening { recovery_point, ..Opening::unclean() };
        // Damage before it is not looked for; damage behind it is found.
        for (damaged, path) in paths.iter().enumerate() {
            let disk = copy(&bench.disk);
            let mut bytes = disk.contents(path).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            disk.put(path, &bytes);
            let again = Bench::opened(disk, small(), opening).unwrap();
            let whole = again.log.log_end_offset() == bench.log.log_end_offset();
            assert_eq!(whole, damaged < number, "recovery point in segment {number}, damage in {damaged}");
            assert_eq!(again.log.cut_when_opened().is_none(), whole);
            if !whole {
                let expected =
                    segments.get(damaged + 1).map_or(bench.log.log_end_offset(), |next| next.base_offset) - 1;
                assert_eq!(again.log.log_end_offset(), expected, "cut at the first bad batch");
                assert_eq!(again.log.producers().entry(7).unwrap().last_sequence(), expected as i32 - 1);
            }
            assert_eq!(again.log.recovery_point(), recovery_point.min(again.log.log_end_offset()));
        }
    }
}

/// A recovery point that lies behind the end of the log says that the last segment is to be checked, no more.
#[test]
fn a_recovery_point_from_nowhere_does_no_harm() {
    let bench = filled(small());
    for recovery_point in [i64::MAX, bench.log.log_end_offset() + 1, -1] {
        let opening = Opening { recovery_point, ..Opening::unclean() };
        let again = Bench::opened(copy(&bench.disk), small(), opening).unwrap();
        assert_eq!(again.log.log_end_offset(), bench.log.log_end_offset());
        assert_eq!(again.records(), bench.records());
    }
}

/// Indexes of believed segments that are missing, too long, or nonsense are built anew, with whatever start.
#[test]
fn indexes_that_cannot_be_right_are_built_anew() {
    let bench = filled(small());
    let end = bench.log.log_end_offset();
    for suffix in ["index", "timeindex"] {
        let path = format!("{FIRST}.{suffix}");
        let good = bench.disk.contents(&path).unwrap();
        assert!(!good.is_empty());
        let far = [&good[..], &[0x7f; 24]].concat();
        let zeroes = [&good[..], &[0; 24]].concat();
        for damage in
            [None, Some(vec![]), Some(vec![1]), Some(far), Some(zeroes), Some(b"not an index, but long".to_vec())]
        {
            for opening in [Opening::clean(), Opening { recovery_point: end, ..Opening::unclean() }] {
                let disk = copy(&bench.disk);
                match &damage {
                    Some(bytes) => disk.put(&path, bytes),
                    None => disk.clone().remove_file(&path).unwrap(),
                }
                let again = Bench::opened(disk, small(), opening).unwrap();
                assert_eq!(again.records(), bench.records());
                assert_eq!(again.log.segments(), bench.log.segments(), "{path}: {damage:?}");
                assert_eq!(again.disk.contents(&path).unwrap(), good, "{path}: {damage:?}");
            }
        }
    }
}

/// What was synced survives a power failure, and what was not is cut off cleanly.
#[test]
fn what_was_synced_survives_a_power_failure() {
    for torn in 0..20_u64 {
        let mut bench = filled(small());
        let end = bench.log.log_end_offset();
        for file in bench.log.flush_files() {
            bench.storage.sync(file).unwrap();
        }
        bench.log.flushed(end, "test", &mut bench.trace);
        let recovery_point = bench.log.recovery_point();
        for _ in 0..12 {
            bench.put(&["not synced"]);
        }
        bench.commit();
        // A page that was on its way keeps a part of what was new in it.
        let mut dice = torn;
        let mut part = |bound: u64| {
            dice = (dice * 48_271 + 11) % 2_147_483_647;
            dice % bound.max(1)
        };
        bench.disk.lose_power(if torn == 0 { None } else { Some(&mut part) });
        let opening = Opening { recovery_point, ..Opening::unclean() };
        let mut again = Bench::opened(bench.disk.clone(), small(), opening).unwrap();
        assert!((end..=end + 12).contains(&again.log.log_end_offset()), "{} of {end}", again.log.log_end_offset());
        assert_eq!(again.records().len() as i64, again.log.log_end_offset());
        let next = again.log.log_end_offset();
        assert_eq!(again.put(&["next"]).base_offset, next);
    }
}

/// A disk without room: what could not be written is an error, and the next start finds a log that works.
#[test]
fn a_disk_that_is_full_while_rolling() {
    for room in 0..400 {
        let mut bench = Bench::new(small());
        (0..11).for_each(|_| _ = bench.put(&["value"]));
        bench.commit();
        let end = bench.log.log_end_offset();
        bench.disk.set_capacity(Some(bench.disk.used() + room));
        let mut failed = false;
        for _ in 0..6 {
            let appended = bench.log.append(&batch(&["value"]), 3, 1_000, &mut bench.storage, &mut bench.trace);
            let committed = bench.storage.commit();
            if appended.is_err() || !committed.is_empty() {
                assert!(committed.iter().all(|(_, error)| error.kind == StorageErrorKind::Full));
                failed = true;
                break;
            }
        }
        assert!(failed || room > 350, "{room}");
        bench.disk.set_capacity(None);
        let mut bench = bench.crash();
        let found = bench.log.log_end_offset();
        assert!(found >= end, "{found} of {end}, room {room}");
        assert_eq!(bench.put(&["next"]).base_offset, found);
    }
}

/// The text of checkpoint files, and what is not one.
#[test]
fn checkpoints_are_kafkas_text() {
    let offset = |topic: &str, partition, offset| (naru_log::TopicPartition { topic: topic.into(), partition }, offset);
    let offsets =
        [offset("orders", 0, 1520), offset("orders", 1, 1498), offset("a.b-c_d", 12, 0)].into_iter().collect();
    let text = "0\n3\na.b-c_d 12 0\norders 0 1520\norders 1 1498\n";
    assert_eq!(checkpoint::text(&offsets), text);
    assert_eq!(checkpoint::parse(text), Ok(offsets));
    assert_eq!(checkpoint::parse("0\n0\n"), Ok([].into()));
    for (damaged, reason) in [
        ("", "its version is \"\", and only 0 is known"),
        ("1\n0\n", "its version is \"1\", and only 0 is known"),
        ("0\n", "it does not say its length"),
        ("0\n2\norders 0 1\n", "it should have 2 offsets, and it has 1"),
        ("0\n1\norders 0\n", "line 3 is not an offset"),
        ("0\n1\norders 0 -5\n", "line 3 is not an offset"),
        ("0\n1\norders 0 1 2\n", "line 3 is not an offset"),
        ("0\n2\norders 0 1\norders 0 2\n", "it should have 2 offsets, and it has 1"),
    ] {
        assert_eq!(checkpoint::parse(damaged), Err(reason.into()), "{damaged:?}");
    }
}

fn copy(disk: &MemoryStorage) -> MemoryStorage {
    let other = MemoryStorage::new();
    for entry in disk.entries().iter().filter(|entry| !entry.is_dir) {
        other.put(&entry.path, &disk.contents(&entry.path).unwrap());
    }
    other
}

/// The events of a start that cut something say so.
#[test]
fn a_cut_is_told_in_words() {
    let bench = filled(small());
    let path = log_paths(&bench).pop().unwrap();
    let bytes = bench.disk.contents(&path).unwrap();
    bench.disk.put(&path, &bytes[..bytes.len() - 1]);
    let again = Bench::on(bench.disk.clone(), small(), false).unwrap();
    let told = again.events().iter().filter(|event| matches!(event.kind, TraceKind::LogTruncated { .. })).count();
    assert_eq!(told, 1);
    let cut = again.log.cut_when_opened().unwrap();
    assert!(cut.starts_with("orders-0: ") && cut.contains("were cut off"), "{cut}");
}

/// Everything expired before any of it was synced. Up to where it ended nothing is left to be synced but that it is gone: or a
/// power failure brings back part of a segment that is believed to be whole.
#[test]
fn what_is_deleted_before_it_was_synced_does_not_come_back_believed() {
    let mut bench = Bench::new(LogConfig { retention_ms: 10_000, ..LogConfig::default() });
    for _ in 0..5 {
        bench.put(&["expires"]);
    }
    bench.commit();
    bench.log.apply_retention(1_000_000, 5, &mut bench.storage, &mut bench.trace).unwrap();
    let flush = bench.log.begin_flush(1_000_000).expect("a segment was rolled");
    flush.files.iter().for_each(|file| bench.storage.sync(*file).unwrap());
    bench.log.flushed(flush.up_to, flush.because, &mut bench.trace);
    let recovery_point = bench.log.recovery_point();
    bench.disk.lose_power(None);
    let opening = Opening { recovery_point, ..Opening::unclean() };
    let again = Bench::opened(bench.disk, bench.config, opening).unwrap();
    assert_eq!((recovery_point, again.log.log_start_offset(), again.log.log_end_offset()), (5, 5, 5));
}
