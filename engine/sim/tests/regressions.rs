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

/// Of two batches in flight, the first was too large and was refused, and the broker, which did not know the producer yet,
/// took the second. The producer gave the second one's sequence number to the third, which was taken for the second, again:
/// acknowledged, and never written.
#[test]
fn a_batch_behind_a_refused_one_is_not_taken_for_another() {
    stays_clean("power", 976);
}

/// A batch was written and the answer was lost; then retention (812), or compaction (1578), took it, and the broker started
/// again. It could not know the batch when it came again, any more than Kafka could. The soak said that it must.
#[test]
fn a_producer_begins_anew_where_its_batches_are_gone() {
    [812, 1578].iter().for_each(|seed| stays_clean("power", *seed));
}

/// A Produce was about two partitions, and only one of them had to be synced before the answer. The other one could not be
/// written, for the disk was full; the answer did not wait for it, and acknowledged what was never written. Since then a
/// partition that goes offline takes every answer with it that speaks of it.
#[test]
fn an_answer_that_waits_for_one_partition_does_not_acknowledge_what_another_lost() {
    stays_clean("everything", 668);
}

/// The disk was full when the broker started, so that a log could not be opened, and was shown as empty. The property
/// "reading" took that for what is on the disk, and missed the records when the next start found them.
#[test]
fn a_log_that_could_not_be_opened_is_not_an_empty_one() {
    stays_clean("everything", 1402);
}

/// The power failed, and the last records of a compacted log were lost; an empty segment behind them was not, so that the
/// log ended where it did before. The soak waited for a consumer to cross the gap, which only a new record lets it do.
#[test]
fn a_consumer_has_read_all_where_the_end_of_a_compacted_log_has_no_records() {
    stays_clean("power", 1342);
}

/// The same where no record at all was left: the consumer stays where the log starts.
#[test]
fn a_consumer_has_read_all_of_a_compacted_log_that_lost_every_record() {
    stays_clean("everything", 2295);
}

/// Retention looked at a log between two swaps of one compaction. A swapped segment is as old as the newest record that is left
/// in it; the property knew only of compactions that were finished.
#[test]
fn a_segment_that_compaction_made_older_may_expire_before_the_compaction_ends() {
    stays_clean("everything", 5829);
}

/// `partition.metadata` was written in place and not synced. A power failure left it with one letter wrong, so that it named
/// another topic, and at the next start the directory was set aside as a stranger's, with all that had been synced in it.
#[test]
fn a_directory_is_not_taken_for_a_strangers_after_a_power_failure() {
    stays_clean("power", 1637);
}

/// A controller that nobody in the quorum reached any more resigned, and its broker was not told, so that it went on deciding.
#[test]
fn who_has_resigned_decides_no_more() {
    [7, 10].into_iter().for_each(|seed| stays_clean("cluster", seed));
}
