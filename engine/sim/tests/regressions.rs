//! Seeds that once found something. Each has a name for what it found.

use naru_sim::soak::{self, SoakOptions};

fn stays_clean(seed: u64) {
    if let Err(failure) = soak::run(seed, &SoakOptions::default()) {
        panic!("{failure}");
    }
}

/// A batch that the broker refuses for good left a gap in the sequence numbers of an idempotent producer, and everything
/// in flight behind it failed with it. Since then those batches move up and are tried again.
#[test]
fn batches_behind_a_refused_one_are_not_refused_with_it() {
    stays_clean(16);
}

/// A partition had no leader, so the producer asked for metadata, later and later; then the broker started again and the
/// connection was gone. Nobody woke the producer to dial again: it slept until `delivery.timeout.ms`. (No seed found it; a
/// full disk in `world.rs` did. Since then disks are full in soaks, too.)
#[test]
fn a_client_that_wants_metadata_dials_again() {
    let disk = soak::scenario("disk").expect("there is such a scenario");
    for seed in 1..=2 {
        if let Err(failure) = soak::run(seed, &disk.options) {
            panic!("{failure}");
        }
    }
}
