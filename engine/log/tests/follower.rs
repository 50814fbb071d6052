//! A follower's log: batches that keep their offsets and epochs, and cutting off what the leader does not have.

mod support;

use naru_log::{EpochStart, LogConfig, LogError, SequenceCheck, Storage};
use naru_records::{Batch, BatchBuilder, Compression};
use naru_trace::TraceKind;
use support::{Bench, batch_by, small};

/// A batch as a leader has it in its log.
fn led(base_offset: i64, epoch: i32, count: usize) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None);
    for number in 0..count {
        builder.append(1_000 + number as i64, Some(b"key"), Some(b"a value that takes some room"), &[]);
    }
    Batch::parse(builder.build(base_offset, epoch)).unwrap()
}

fn follow(bench: &mut Bench, batch: &Batch) -> Result<(), LogError> {
    let done = bench.log.append_as_follower(batch, bench.now_ms, &mut bench.storage, &mut bench.trace).map(|_| ());
    bench.log.check_invariants();
    done
}

fn truncate(bench: &mut Bench, offset: i64) -> i64 {
    let end = bench.log.truncate_to(offset, "test", bench.now_ms, &mut bench.storage, &mut bench.trace).unwrap();
    bench.log.check_invariants();
    end
}

fn epochs(bench: &Bench) -> Vec<(i32, i64)> {
    bench
        .log
        .leader_epochs()
        .entries()
        .iter()
        .map(|EpochStart { epoch, start_offset }| (*epoch, *start_offset))
        .collect()
}

fn all_bases(bench: &Bench) -> Vec<i64> {
    let start = bench.log.log_start_offset();
    bench.bases(&bench.log.read(start, u32::MAX, i64::MAX, true, &bench.storage).unwrap())
}

#[test]
fn a_follower_keeps_offsets_epochs_and_gaps() {
    let mut bench = Bench::new(LogConfig::default());
    for batch in [led(0, 0, 3), led(5, 0, 1), led(6, 4, 2)] {
        follow(&mut bench, &batch).unwrap();
    }
    assert_eq!(bench.log.log_end_offset(), 8);
    assert_eq!(all_bases(&bench), [0, 5, 6]);
    assert_eq!(epochs(&bench), [(0, 0), (4, 6)]);
    let bench = bench.restart();
    assert_eq!((bench.log.log_end_offset(), epochs(&bench)), (8, vec![(0, 0), (4, 6)]));
}

#[test]
fn a_follower_refuses_what_it_has_and_what_is_damaged() {
    let mut bench = Bench::new(LogConfig::default());
    follow(&mut bench, &led(0, 0, 3)).unwrap();
    assert!(matches!(follow(&mut bench, &led(2, 0, 3)), Err(LogError::Corrupt { .. })));
    let mut damaged = led(3, 0, 1).bytes().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = Batch::parse(damaged.into()).unwrap();
    assert!(matches!(follow(&mut bench, &damaged), Err(LogError::Corrupt { .. })));
    assert_eq!(bench.log.log_end_offset(), 3);
}

/// SEMANTICS 24: what is cut is gone after every kind of end, with its index entries, epochs and snapshots.
#[test]
fn semantics_24_truncating_leaves_a_log_as_if_the_rest_had_never_been() {
    let whole: Vec<Batch> = (0..40).map(|n| led(n * 3, (n / 10) as i32, 3)).collect();
    for cut in 0..=40 {
        let mut bench = Bench::new(small());
        whole.iter().for_each(|batch| follow(&mut bench, batch).unwrap());
        assert!(bench.log.segments().len() > 4, "the cut crosses segments");
        assert_eq!(truncate(&mut bench, cut * 3), cut * 3);
        let mut never = Bench::new(small());
        whole.iter().take(cut as usize).for_each(|batch| follow(&mut never, batch).unwrap());
        assert_eq!(all_bases(&bench), all_bases(&never), "cut at {cut}");
        assert_eq!(epochs(&bench), epochs(&never));
        assert_eq!(bench.log.log_end_offset(), never.log.log_end_offset());
        // Appending goes on as it would have.
        follow(&mut bench, &led(cut * 3, 9, 2)).unwrap();
        follow(&mut never, &led(cut * 3, 9, 2)).unwrap();
        assert_eq!(
            bench.log.read(0, u32::MAX, i64::MAX, true, &bench.storage).unwrap().bytes,
            never.log.read(0, u32::MAX, i64::MAX, true, &never.storage).unwrap().bytes
        );
        bench.commit();
        let (end, bases) = (bench.log.log_end_offset(), all_bases(&bench));
        let crashed = bench.crash();
        assert_eq!((crashed.log.log_end_offset(), all_bases(&crashed)), (end, bases));
    }
}

#[test]
fn a_cut_inside_a_batch_takes_the_whole_batch() {
    let mut bench = Bench::new(LogConfig::default());
    follow(&mut bench, &led(0, 0, 3)).unwrap();
    follow(&mut bench, &led(3, 0, 3)).unwrap();
    assert_eq!(truncate(&mut bench, 4), 3);
    assert_eq!(all_bases(&bench), [0]);
}

#[test]
fn look_ups_by_time_do_not_find_what_was_cut() {
    let mut bench = Bench::new(small());
    (0..40).for_each(|n| follow(&mut bench, &led(n * 3, 0, 3)).unwrap());
    let mut late = BatchBuilder::new(Compression::None);
    late.append(9_000, None, Some(b"late"), &[]);
    follow(&mut bench, &Batch::parse(late.build(120, 0)).unwrap()).unwrap();
    let at = |bench: &Bench| bench.log.offset_for_timestamp(9_000, &bench.storage).unwrap().map(|found| found.offset);
    assert_eq!(at(&bench), Some(120));
    truncate(&mut bench, 120);
    assert_eq!(at(&bench), None);
    let newest = bench.log.offset_of_max_timestamp(&bench.storage).unwrap().unwrap();
    assert_eq!(newest.timestamp, 1_002);
}

/// SEMANTICS 10: a follower knows producers, and forgets batches that are cut off.
#[test]
fn semantics_10_a_follower_builds_producer_state_and_truncation_rolls_it_back() {
    let mut bench = Bench::new(small());
    let by = |sequence: i32, base_offset: i64| {
        let batch = batch_by(7, 0, sequence, 2);
        let mut bytes = batch.bytes().to_vec();
        bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
        bytes[12..16].copy_from_slice(&1_i32.to_be_bytes());
        Batch::parse(bytes.into()).unwrap()
    };
    (0..30).for_each(|n| follow(&mut bench, &by(n * 2, i64::from(n) * 2)).unwrap());
    let retry = by(56, 0);
    let SequenceCheck::Duplicate { base_offset, .. } = bench.log.producers().check(retry.header()) else {
        panic!("a retry is recognised on a follower");
    };
    assert_eq!(base_offset, 56);
    truncate(&mut bench, 40);
    assert_eq!(bench.log.producers().check(by(40, 0).header()), SequenceCheck::Ok);
    assert!(matches!(
        bench.log.producers().check(by(38, 0).header()),
        SequenceCheck::Duplicate { base_offset: 38, .. }
    ));
}

#[test]
fn a_log_can_begin_anew_behind_its_end() {
    let mut bench = Bench::new(small());
    (0..40).for_each(|n| follow(&mut bench, &led(n * 3, 0, 3)).unwrap());
    bench.log.truncate_fully_at(500, bench.now_ms, &mut bench.storage, &mut bench.trace).unwrap();
    bench.log.check_invariants();
    assert_eq!((bench.log.log_start_offset(), bench.log.log_end_offset()), (500, 500));
    assert_eq!(epochs(&bench), []);
    follow(&mut bench, &led(500, 2, 1)).unwrap();
    bench.commit();
    let bench = bench.crash();
    assert_eq!((bench.log.log_start_offset(), bench.log.log_end_offset()), (500, 501));
    assert_eq!(all_bases(&bench), [500]);
}

#[test]
fn an_epoch_without_records_goes_when_the_log_is_cut_at_its_end() {
    let mut bench = Bench::new(LogConfig::default());
    follow(&mut bench, &led(0, 0, 3)).unwrap();
    bench.log.begin_epoch(5, &mut bench.trace);
    assert_eq!(epochs(&bench), [(0, 0), (5, 3)]);
    assert_eq!(truncate(&mut bench, 3), 3);
    assert_eq!(epochs(&bench), [(0, 0)]);
    bench.log.begin_epoch(6, &mut bench.trace);
    bench.put(&["a"]);
    let told = bench.events().iter().filter(|event| matches!(event.kind, TraceKind::LeaderEpochStarted { .. }));
    assert!(told.count() >= 3);
}

/// A power failure after a cut: the old records do not come back behind the new ones.
#[test]
fn what_was_cut_stays_away_after_a_power_failure() {
    let mut bench = Bench::new(small());
    (0..40).for_each(|n| follow(&mut bench, &led(n * 3, 0, 3)).unwrap());
    bench.commit();
    for file in bench.log.flush_files() {
        bench.storage.sync(file).unwrap();
    }
    let end = bench.log.log_end_offset();
    bench.log.flushed(end, "test", &mut bench.trace);
    truncate(&mut bench, 30);
    assert_eq!(bench.log.recovery_point(), 30);
    let disk = bench.disk.clone();
    disk.lose_power(None);
    let bench = Bench::on(disk, small(), false).unwrap();
    assert_eq!(bench.log.log_end_offset(), 30);
}
