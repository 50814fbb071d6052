//! Facts about Kafka that this crate is responsible for, each with the number it has in the list of what small brokers get
//! wrong.

mod support;

use naru_log::{Log, LogConfig, LogError, SequenceCheck, Storage};
use naru_records::{Batch, BatchBuilder, Compression};
use naru_trace::Trace;
use support::*;

/// DefaultRecordBatch: a leader patches base offset and leader epoch; every other byte is the producer's.
#[test]
fn semantics_04_batches_are_stored_as_they_came() {
    let mut bench = Bench::new(LogConfig::default());
    bench.put(&["first"]);
    let mut builder = BatchBuilder::new(Compression::Gzip).producer(7, 0, 0);
    (0..10).for_each(|index| builder.append(index, Some(b"k"), Some(b"some value"), &[]));
    let sent = Batch::parse(builder.build(0, -1)).unwrap();
    let appended = bench.append(&sent);
    assert_eq!((appended.base_offset, appended.last_offset), (1, 10));
    let stored = contents(&bench.read(1, 1).unwrap()).remove(0);
    assert_eq!((stored.header().base_offset, stored.header().partition_leader_epoch), (1, 3));
    assert_eq!(stored.bytes()[16..], sent.bytes()[16..]);
}

/// message.max.bytes counts the compressed batch; a batch must also fit a segment.
#[test]
fn semantics_06_too_large_batches_are_refused_and_nothing_is_written() {
    let large = batch(&["x".repeat(2_000).as_str()]);
    let size = large.bytes().len() as u32;
    let mut bench = Bench::new(LogConfig { max_message_bytes: size - 1, ..LogConfig::default() });
    let refused = bench.log.append(&large, 0, 1_000, &mut bench.storage, &mut bench.trace).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "The record batch size in the append to orders-0 is 2073 bytes which exceeds the maximum configured value of 2072."
    );
    bench.log.set_config(LogConfig { segment_bytes: size - 1, ..LogConfig::default() });
    let refused = bench.log.append(&large, 0, 1_000, &mut bench.storage, &mut bench.trace).unwrap_err();
    assert!(matches!(refused, LogError::RecordListTooLarge { size: 2_073, segment_bytes: 2_072, .. }), "{refused}");
    assert_eq!((bench.log.log_end_offset(), bench.log.size()), (0, 0));
    bench.log.set_config(LogConfig { max_message_bytes: size, segment_bytes: size, ..LogConfig::default() });
    assert_eq!(bench.append(&large).base_offset, 0);
}

/// ProducerStateEntry: the last five batches are remembered; one of them again is a success with the original offset.
#[test]
fn semantics_09_a_duplicate_is_answered_with_its_original_offset() {
    let mut bench = Bench::new(LogConfig::default());
    bench.put(&["someone else's"]);
    for sequence in 0..6 {
        let next = batch_by(7, 0, sequence * 2, 2);
        assert_eq!(bench.log.producers().check(next.header()), SequenceCheck::Ok);
        bench.append(&next);
    }
    for sequence in 1..6 {
        let again = bench.log.producers().check(batch_by(7, 0, sequence * 2, 2).header());
        let (base_offset, last_offset) = (1 + i64::from(sequence) * 2, 2 + i64::from(sequence) * 2);
        assert_eq!(again, SequenceCheck::Duplicate { base_offset, last_offset, timestamp: 1_000 });
    }
    let sixth_last = bench.log.producers().check(batch_by(7, 0, 0, 2).header());
    assert_eq!(sixth_last, SequenceCheck::OutOfOrder { sequence: 0, last_sequence: 11 });
    let other_range = bench.log.producers().check(batch_by(7, 0, 10, 1).header());
    assert_eq!(other_range, SequenceCheck::OutOfOrder { sequence: 10, last_sequence: 11 });
    let gap = bench.log.producers().check(batch_by(7, 0, 13, 1).header());
    assert_eq!(gap, SequenceCheck::OutOfOrder { sequence: 13, last_sequence: 11 });
}

/// A new process must know what the old one knew, or a retry would be written twice.
#[test]
fn semantics_10_producer_state_is_rebuilt_from_the_log() {
    let mut bench = Bench::new(small());
    for sequence in 0..30 {
        bench.append(&batch_by(7, 0, sequence, 1));
        bench.append(&batch_by(8, 2, sequence * 3, 3));
    }
    assert!(bench.log.segments().len() > 2, "the state comes from several segments");
    bench.commit();
    // A snapshot knows the last batch of each producer; the log behind it knows more.
    let check = |bench: &Bench| {
        let again = |header| bench.log.producers().check(batch_by(header, 2, 87, 3).header());
        assert!(matches!(again(8), SequenceCheck::Duplicate { base_offset: 117, last_offset: 119, .. }));
        let next = |id, epoch, sequence| bench.log.producers().check(batch_by(id, epoch, sequence, 1).header());
        assert_eq!((next(7, 0, 30), next(8, 2, 90)), (SequenceCheck::Ok, SequenceCheck::Ok));
        assert_eq!(next(7, 0, 31), SequenceCheck::OutOfOrder { sequence: 31, last_sequence: 29 });
        assert_eq!(bench.log.producers().len(), 2);
        // Any of the last five may come again: those before the snapshot are looked for in the log.
        for sequence in 25..30 {
            let again = bench.log.producers().check(batch_by(7, 0, sequence, 1).header());
            assert!(matches!(again, SequenceCheck::Duplicate { .. }), "{sequence}: {again:?}");
        }
    };
    let bench = bench.crash();
    check(&bench);
    // Without snapshots, the log itself is read.
    let snapshots = |bench: &Bench| -> Vec<String> {
        let paths = bench.disk.entries().into_iter().map(|entry| entry.path);
        paths.filter(|path| path.ends_with(".snapshot")).collect()
    };
    assert!(snapshots(&bench).len() > 2);
    snapshots(&bench).iter().for_each(|path| bench.disk.clone().remove_file(path).unwrap());
    let bench = bench.crash();
    check(&bench);
    assert_eq!(bench.log.producers().entry(7).unwrap().last_sequence(), 29);
    let bench = bench.restart();
    check(&bench);
    assert_eq!(snapshots(&bench), ["orders-0/00000000000000000120.snapshot"]);
    // A damaged one is as good as none.
    bench.disk.put("orders-0/00000000000000000120.snapshot", b"not a snapshot");
    check(&Bench::on(bench.disk, small(), true).unwrap());
}

/// ProducerAppendInfo.checkSequence: nobody knows where an unknown producer stopped, so it may begin anywhere.
#[test]
fn semantics_11_an_unknown_producer_may_begin_anywhere() {
    let mut bench = Bench::new(LogConfig::default());
    assert_eq!(bench.log.producers().check(batch_by(7, 4, 100, 1).header()), SequenceCheck::Ok);
    bench.append(&batch_by(7, 4, 100, 1));
    assert_eq!(bench.log.producers().check(batch_by(7, 4, 101, 1).header()), SequenceCheck::Ok);
    assert_eq!(bench.log.producers().check(batch(&["not idempotent"]).header()), SequenceCheck::Ok);
}

/// A new epoch counts from 0, an old one is fenced.
#[test]
fn semantics_11_epochs() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(&batch_by(7, 4, 0, 3));
    let check = |bench: &Bench, epoch, sequence| bench.log.producers().check(batch_by(7, epoch, sequence, 1).header());
    assert_eq!(check(&bench, 3, 3), SequenceCheck::InvalidEpoch { epoch: 3, newest_epoch: 4 });
    assert_eq!(check(&bench, 5, 3), SequenceCheck::OutOfOrder { sequence: 3, last_sequence: -1 });
    assert_eq!(check(&bench, 5, 0), SequenceCheck::Ok);
    bench.append(&batch_by(7, 5, 0, 1));
    assert_eq!(check(&bench, 4, 3), SequenceCheck::InvalidEpoch { epoch: 4, newest_epoch: 5 });
    let again = SequenceCheck::Duplicate { base_offset: 3, last_offset: 3, timestamp: 1_000 };
    assert_eq!(check(&bench, 5, 0), again);
}

/// DefaultRecordBatch.incrementSequence: 2^31-1 is followed by 0, in a batch as between batches.
#[test]
fn semantics_11_sequence_numbers_wrap() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(&batch_by(7, 0, i32::MAX - 1, 2));
    assert_eq!(bench.log.producers().check(batch_by(7, 0, 0, 2).header()), SequenceCheck::Ok);
    bench.append(&batch_by(8, 0, i32::MAX - 1, 4));
    assert_eq!(bench.log.producers().check(batch_by(8, 0, 2, 1).header()), SequenceCheck::Ok);
    let again = SequenceCheck::Duplicate { base_offset: 2, last_offset: 5, timestamp: 1_000 };
    assert_eq!(bench.log.producers().check(batch_by(8, 0, i32::MAX - 1, 4).header()), again);
}

/// KIP-854: who writes nothing for long enough is forgotten, and may then begin anywhere.
#[test]
fn semantics_11_producers_expire() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(&batch_by(7, 0, 0, 1));
    bench.log.producers_mut().expire(1_999, 1_000);
    assert_eq!(bench.log.producers().len(), 1);
    bench.log.producers_mut().expire(2_000, 1_000);
    assert!(bench.log.producers().is_empty());
}

/// KIP-74: an offset inside a batch returns the whole batch, and at least one batch comes however large it is.
#[test]
fn semantics_17_an_offset_inside_a_batch_returns_the_whole_batch() {
    let mut bench = Bench::new(LogConfig::default());
    bench.put(&["a", "b", "c"]);
    bench.put(&["d", "e"]);
    for from in 0..3 {
        let result = bench.read(from, u32::MAX).unwrap();
        assert_eq!((bench.bases(&result), result.first_offset, result.next_offset), (vec![0, 3], 0, 5));
    }
    let result = bench.read(4, u32::MAX).unwrap();
    assert_eq!((bench.bases(&result), result.first_offset, result.next_offset), (vec![3], 3, 5));
}

#[test]
fn semantics_17_at_least_one_batch_however_large() {
    let mut bench = Bench::new(LogConfig::default());
    bench.put(&["a", "b", "c"]);
    bench.put(&["d", "e"]);
    let result = bench.read(1, 1).unwrap();
    assert_eq!((bench.bases(&result), result.next_offset), (vec![0], 3));
    let nothing = bench.log.read(1, 1, i64::MAX, false, &bench.storage).unwrap();
    assert_eq!((nothing.bytes, nothing.first_offset, nothing.next_offset), (0, 1, 1));
    let one = bench.log.read(1, result.bytes, i64::MAX, false, &bench.storage).unwrap();
    assert_eq!(bench.bases(&one), [0]);
}

/// At the log's end there is nothing yet; beyond it, or before its start, is an error.
#[test]
fn semantics_18_the_end_is_empty_and_beyond_it_is_out_of_range() {
    let mut bench = Bench::new(LogConfig::default());
    bench.put(&["a", "b"]);
    let end = bench.read(2, 100).unwrap();
    assert_eq!((end.bytes, end.next_offset), (0, 2));
    assert_eq!(
        bench.read(3, 100).unwrap_err().to_string(),
        "Received request for offset 3 for partition orders-0, but we only have log segments in the range 0 to 2."
    );
    assert!(matches!(bench.read(-1, 100), Err(LogError::OffsetOutOfRange { offset: -1, .. })));
}

/// A consumer sees nothing that reaches the high watermark.
#[test]
fn semantics_18_nothing_at_or_beyond_the_limit() {
    let mut bench = Bench::new(small());
    for index in 0..40 {
        bench.put(&[format!("value {index}").as_str(), "and another"]);
    }
    for up_to in 0..=81 {
        let result = bench.log.read(0, u32::MAX, up_to, true, &bench.storage).unwrap();
        let last = contents(&result).last().map_or(-1, |batch| batch.header().last_offset());
        assert_eq!(last, (up_to.min(80) / 2) * 2 - 1, "up to {up_to}");
        assert_eq!(result.next_offset, last + 1);
    }
}

/// When the limit stops a read inside a sealed segment, the next segment must not follow: that would be a gap.
#[test]
fn semantics_19_no_skip_into_the_next_segment() {
    let mut bench = Bench::new(small());
    let sizes: Vec<u32> = (0..60).map(|index| bench.put(&[&"x".repeat(index)]).bytes).collect();
    assert!(bench.log.segments().len() > 5);
    for reopened in [false, true] {
        for from in 0..60_usize {
            for max_bytes in [0, 1, 70, 71, 100, 300, 900, 1_000, 1_001, 2_500] {
                let result = bench.read(from as i64, max_bytes).unwrap();
                let mut expected = sizes[from];
                let more = sizes[from + 1..].iter().take_while(|size| {
                    let fits = expected + **size <= max_bytes;
                    expected += if fits { **size } else { 0 };
                    fits
                });
                let count = 1 + more.count();
                let offsets: Vec<i64> = (from..from + count).map(|offset| offset as i64).collect();
                assert_eq!(bench.bases(&result), offsets, "from {from}, {max_bytes} bytes, reopened: {reopened}");
                assert_eq!(result.next_offset, (from + count) as i64);
            }
        }
        bench = bench.restart();
    }
}

/// ListOffsets by time looks inside the batch and returns the first record that is late enough.
#[test]
fn semantics_22_look_up_by_time_is_exact() {
    let mut bench = Bench::new(small());
    for index in 0..30 {
        bench.append(&batch_at(&["a", "b", "c"], 10_000 + index * 100));
    }
    let find = |bench: &Bench, timestamp| {
        bench.log.offset_for_timestamp(timestamp, &bench.storage).unwrap().map(|found| (found.offset, found.timestamp))
    };
    assert_eq!(find(&bench, 0), Some((0, 10_000)));
    assert_eq!(find(&bench, 10_001), Some((1, 10_001)));
    assert_eq!(find(&bench, 10_003), Some((3, 10_100)));
    assert_eq!(find(&bench, 12_102), Some((65, 12_102)));
    assert_eq!(find(&bench, 12_903), None);
    let max = bench.log.offset_of_max_timestamp(&bench.storage).unwrap().unwrap();
    assert_eq!((max.offset, max.timestamp), (89, 12_902));
    bench.append(&batch_at(&["late in the log, early in time"], 5));
    assert_eq!(bench.log.offset_of_max_timestamp(&bench.storage).unwrap().unwrap().offset, 89);
    let bench = bench.restart();
    assert_eq!(find(&bench, 12_102), Some((65, 12_102)));
}

#[test]
fn semantics_22_an_empty_log_has_no_times() {
    let bench = Bench::new(small());
    assert_eq!(bench.log.offset_for_timestamp(0, &bench.storage), Ok(None));
    assert_eq!(bench.log.offset_of_max_timestamp(&bench.storage), Ok(None));
}

/// After an unclean stop the log ends before the first batch that is not whole; what is before it is kept.
#[test]
fn semantics_41_an_unclean_log_is_cut_at_the_first_bad_crc() {
    let mut bench = Bench::new(LogConfig::default());
    let ends: Vec<usize> = ["a", "b", "c"]
        .iter()
        .map(|value| {
            bench.put(&[value]);
            bench.log.size() as usize
        })
        .collect();
    bench.commit();
    let path = format!("{FIRST}.log");
    let good = bench.disk.contents(&path).unwrap();
    // In Kafka's format the CRC covers neither the base offset nor the leader's epoch.
    let covered = (ends[0] + 8..ends[0] + 12).chain(ends[0] + 16..ends[1]);
    for flipped in covered {
        let mut damaged = good.clone();
        damaged[flipped] ^= 0x80;
        bench.disk.put(&path, &damaged);
        let again = Bench::on(bench.disk.clone(), bench.config, false).unwrap();
        assert_eq!(again.log.log_end_offset(), 1, "byte {flipped}");
        assert_eq!(again.disk.contents(&path).unwrap(), good[..ends[0]], "the file is cut, too");
    }
}

/// Batches may hold no records after compaction, and offsets keep gaps.
#[test]
fn semantics_42_gaps_and_empty_batches_are_read() {
    let empty = BatchBuilder::new(Compression::None).build(7, 0).to_vec();
    let later = {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(1, None, Some(b"later"), &[]);
        builder.build(20, 0).to_vec()
    };
    let disk = naru_log::MemoryStorage::new();
    disk.put(&format!("{FIRST}.log"), &[empty, later].concat());
    let mut bench = Bench::on(disk, small(), true).unwrap();
    assert_eq!(bench.log.log_end_offset(), 21);
    let result = bench.read(0, u32::MAX).unwrap();
    assert_eq!((bench.bases(&result), result.first_offset, result.next_offset), (vec![7, 20], 7, 21));
    assert_eq!(bench.bases(&bench.read(8, u32::MAX).unwrap()), [20]);
    assert_eq!(bench.put(&["next"]).base_offset, 21);
}

/// Nobody watches: then nothing is built for watching.
#[test]
fn a_trace_that_is_off_gets_nothing() {
    let mut bench = Bench::new(small());
    bench.trace = Trace::default();
    (0..100).for_each(|_| _ = bench.put(&["a"]));
    assert_eq!(bench.events(), []);
    let _: &Log = &bench.log;
}
