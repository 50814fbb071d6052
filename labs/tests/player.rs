//! The player: every frame is the fold of the events before it, by whatever way one gets there.

mod common;

use common::{every_kind, recording};
use naru_labs::{Importance, Locale, Player, Recording, RunRequest, labs, run};
use naru_trace::{ClusterView, Micros, TraceEvent};
use proptest::prelude::*;

/// A long recording: the same events over and over, numbered and timed.
fn long(events: usize) -> Recording {
    let kinds = every_kind();
    let events = (0..events).map(|seq| {
        let event = kinds[seq * 7 % kinds.len()].clone();
        TraceEvent { seq: seq as u64, at: Micros(seq as u64 * 10), cause: (seq as u64).checked_sub(3), ..event }
    });
    recording(events.collect())
}

fn folded(recording: &Recording, index: usize) -> ClusterView {
    let mut view = ClusterView::default();
    recording.events[..index].iter().for_each(|event| view.apply(event));
    view
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_frame_is_the_fold_of_what_came_before(
        total in 0..2_000usize,
        jumps in prop::collection::vec(0..2_100usize, 1..12),
    ) {
        let recording = long(total);
        let mut player = Player::new(recording.clone());
        for jump in jumps {
            let frame = player.frame(jump, Locale::En);
            let index = jump.min(total);
            prop_assert_eq!(frame.index, index);
            prop_assert_eq!(frame.total, total);
            prop_assert_eq!(&frame.view, &folded(&recording, index));
            prop_assert!(frame.previous_headline.is_none_or(|previous| previous < index));
            prop_assert!(frame.next_headline.is_none_or(|next| next > index));
        }
    }

    #[test]
    fn charts_never_fall(total in 0..3_000usize, points_max in 2..50usize) {
        let player = Player::new(long(total));
        for series in player.series(points_max) {
            prop_assert!(series.points.len() <= points_max + 1);
            prop_assert!(series.points.is_sorted());
            prop_assert!(series.points.iter().map(|(_, count)| count).is_sorted());
        }
    }
}

#[test]
fn a_hundred_thousand_events_are_played_without_waiting() {
    let mut player = Player::new(long(100_000));
    let start = std::time::Instant::now();
    for step in 0..200usize {
        player.frame(step * 48_271 % 100_000, Locale::En);
    }
    // Generous: a debug build on a busy machine. In release a frame takes well under a millisecond.
    assert!(start.elapsed().as_millis() < 20_000, "{:?}", start.elapsed());
    assert_eq!(player.rows(50_000, 50_100, Importance::Detail, Locale::Ko).len(), 100);
    assert!(player.why(99_999, Locale::En).len() > 30_000);
}

#[test]
fn a_causal_chain_ends_even_in_a_recording_that_lies() {
    let mut lying = long(10);
    lying.events[4].cause = Some(9);
    lying.events[9].cause = Some(4);
    let player = Player::new(lying);
    assert_eq!(player.why(9, Locale::En).len(), 2);
    assert!(player.why(1_000, Locale::En).is_empty());
}

#[test]
fn every_lab_can_be_played_and_stored() {
    for lab in labs() {
        let request = RunRequest { lab: lab.number.clone(), script: lab.solution.clone(), ..RunRequest::default() };
        let recording = run(&request);
        let json = serde_json::to_string(&recording).unwrap();
        let again: Recording = serde_json::from_str(&json).unwrap();
        // What was on disks is not stored with it.
        let recording = Recording { journal: Default::default(), ..recording };
        assert!(again == recording, "{}", lab.folder());
        for (number, event) in recording.events.iter().enumerate() {
            assert_eq!(event.seq, number as u64);
            assert!(event.cause.is_none_or(|cause| cause < event.seq));
        }
        let total = recording.events.len();
        let mut player = Player::new(recording);
        let summary = player.summary();
        assert!(summary.passed && summary.marks.len() > 3);
        assert_eq!(player.frame(usize::MAX, Locale::Ko).index, total);
        assert_eq!(player.index_at(summary.ends_at), total);
        let mut index = 0;
        let mut steps = 0;
        while let Some(next) = player.next_of(index, Importance::Headline) {
            assert_eq!(player.previous_of(next, Importance::Headline).unwrap_or(0), index);
            (index, steps) = (next, steps + 1);
        }
        assert!((5..200).contains(&steps), "{} has {steps} headlines", lab.folder());
    }
}
