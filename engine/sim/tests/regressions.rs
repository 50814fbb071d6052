//! Seeds that once found something. Each has a name for what it found.

use naru_sim::soak;

fn stays_clean(scenario: &str, seed: u64) {
    let scenario = soak::scenario(scenario).expect("there is such a scenario");
    if let Err(failure) = soak::run(seed, &scenario.options) {
        panic!("{failure}");
    }
}

/// A batch that the broker refuses for good left a gap in the sequence numbers of an idempotent producer, and everything
/// in flight behind it failed with it. Since then those batches move up and are tried again.
#[test]
fn batches_behind_a_refused_one_are_not_refused_with_it() {
    stays_clean("processes", 16);
}

/// A partition had no leader, so the producer asked for metadata, later and later; then the broker started again and the
/// connection was gone. Nobody woke the producer to dial again: it slept until `delivery.timeout.ms`. (No seed found it; a
/// full disk in `world.rs` did. Since then disks are full in soaks, too.)
#[test]
fn a_client_that_wants_metadata_dials_again() {
    (1..=2).for_each(|seed| stays_clean("disk", seed));
}

/// A disk was full, so a batch of a topic with `flush.messages=1` was never written. Its answer waited for the file to be
/// synced, which succeeded, and so it was acknowledged. Since then an answer whose partition went offline is not given.
#[test]
fn a_sync_that_succeeds_does_not_acknowledge_what_was_not_written() {
    stays_clean("everything", 4);
}

/// All records of a log expired before they were synced. The flush of the segment that was rolled for it had nothing to sync,
/// and moved the recovery point; when the power failed, part of the old segment came back, was believed to be whole, and its
/// end was missing in the middle of the log. Since then that flush makes the deletion safe.
#[test]
fn records_that_expire_before_they_are_synced_do_not_come_back_in_part() {
    [443, 696, 707, 1166, 1637, 1740, 1840].into_iter().for_each(|seed| stays_clean("power", seed));
}
