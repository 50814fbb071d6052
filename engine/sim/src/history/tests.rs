//! Histories that are broken in one way each are found out, and by that name; good ones are not.

use super::{Anomaly, Entry, What, check};
use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// Sends and acknowledges of `p`, polls of `c` and `d`; topic `t`, partition 0.
#[derive(Default)]
struct Story(Vec<Entry>);

impl Story {
    fn by(mut self, client: &str, what: What) -> Self {
        self.0.push(Entry { at_us: self.0.len() as u64, client: client.to_string(), what });
        self
    }

    fn send(self, value: &str, acks: i8, idempotent: bool) -> Self {
        self.by("p", What::Send { value: value.to_string(), topic: "t".into(), acks, idempotent })
    }

    fn ok(self, value: &str, offset: i64) -> Self {
        self.by("p", What::Acknowledged { value: value.to_string(), topic: "t".into(), partition: 0, offset })
    }

    fn failed(self, value: &str, maybe: bool) -> Self {
        self.by("p", What::Failed { value: value.to_string(), error: "X".into(), maybe })
    }

    fn from(self, client: &str, offset: i64) -> Self {
        self.by(client, What::Positioned { topic: "t".into(), partition: 0, offset })
    }

    fn poll(self, client: &str, records: &[(i64, &str)]) -> Self {
        let records = records.iter().map(|(offset, value)| (*offset, value.to_string())).collect();
        self.by(client, What::Polled { topic: "t".into(), partition: 0, records })
    }

    fn end(self, offset: i64) -> Self {
        self.by("c", What::AtEnd { topic: "t".into(), partition: 0, offset })
    }

    /// a at 0, b at 1, c at 2, from an idempotent producer with acks=all.
    fn three() -> Self {
        let sent = ["a", "b", "c"].iter().fold(Story::default(), |story, value| story.send(value, -1, true));
        sent.ok("a", 0).ok("b", 1).ok("c", 2)
    }

    fn found(self) -> Vec<&'static str> {
        check(&self.0).iter().map(Anomaly::name).collect()
    }
}

const ABC: &[(i64, &str)] = &[(0, "a"), (1, "b"), (2, "c")];

#[test]
fn a_good_history_has_nothing() {
    let good = Story::three().from("c", 0).poll("c", &ABC[..2]).poll("c", &ABC[2..]).end(3);
    let again = good.from("c", 1).poll("c", &ABC[1..]).from("d", -1).poll("d", &ABC[2..]);
    assert_eq!(again.found(), [""; 0]);
}

#[test]
fn an_acknowledged_record_that_is_gone_is_lost_once_somebody_read_further() {
    assert_eq!(Story::three().poll("c", &[(0, "a"), (2, "c")]).found(), ["lost-write", "poll-skip"]);
    assert_eq!(Story::three().poll("c", &ABC[..2]).end(3).found(), ["lost-write"]);
    assert_eq!(Story::three().poll("c", &ABC[..2]).found(), ["unseen"]);
    assert!(check(&Story::three().0).iter().all(|anomaly| !anomaly.is_error()));
}

#[test]
fn another_record_in_its_place_is_a_loss_too() {
    let other = [(0, "a"), (1, "x"), (2, "c")];
    let found = Story::three().send("x", 1, false).poll("c", &other).found();
    assert_eq!(found, ["inconsistent-offsets", "lost-write"]);
}

#[test]
fn with_acks_1_a_record_may_be_lost_and_its_offset_given_again() {
    let story = Story::default().send("a", 1, false).send("b", 1, false).ok("a", 0).ok("b", 0);
    assert_eq!(story.poll("c", &[(0, "b")]).end(1).found(), [""; 0]);
}

#[test]
fn two_readers_see_the_same() {
    let story = Story::default().send("a", 1, false).send("b", 1, false);
    assert_eq!(story.poll("c", &[(0, "a")]).poll("d", &[(0, "b")]).found(), ["inconsistent-offsets"]);
}

#[test]
fn an_idempotent_producers_records_come_once() {
    let twice = [(0, "a"), (1, "b"), (2, "c"), (3, "a")];
    assert_eq!(Story::three().poll("c", &twice).found(), ["duplicate"]);
    let unsure = Story::three().send("x", -1, true).failed("x", true).poll("c", &twice);
    assert_eq!(unsure.found(), [""; 0], "its next epoch began, and what was in flight may come again");
    let plain = Story::default().send("a", -1, false).ok("a", 1);
    assert_eq!(plain.poll("c", &[(0, "a"), (1, "a")]).found(), [""; 0], "a retry, and nobody could know it again");
}

#[test]
fn an_idempotent_producers_records_keep_their_order() {
    let story = Story::default().send("a", -1, true).send("b", -1, true).ok("b", 0).ok("a", 1);
    assert_eq!(story.poll("c", &[(0, "b"), (1, "a")]).found(), ["nonmonotonic-send"]);
}

#[test]
fn what_failed_is_not_read_unless_nobody_knows() {
    let story = |maybe| Story::default().send("a", -1, true).failed("a", maybe).poll("c", &[(0, "a")]);
    assert_eq!(story(false).found(), ["aborted-read"]);
    assert_eq!(story(true).found(), [""; 0]);
}

#[test]
fn what_nobody_sent_is_not_read() {
    assert_eq!(Story::default().poll("c", &[(0, "a")]).found(), ["unknown-record"]);
}

#[test]
fn a_consumer_goes_forward_and_leaves_nothing_out() {
    let read = Story::three().from("c", 0).poll("c", ABC);
    assert_eq!(read.poll("c", &ABC[1..]).found(), ["nonmonotonic-poll"]);
    let skipped = Story::three().poll("d", ABC).from("c", 0).poll("c", &[(0, "a"), (2, "c")]);
    assert_eq!(skipped.found(), ["poll-skip"]);
    let late = Story::three().poll("d", ABC).from("c", 0).poll("c", &ABC[1..]);
    assert_eq!(late.found(), ["poll-skip"]);
}

#[test]
fn a_history_comes_back_from_its_lines() {
    let story = Story::three().failed("x", true).from("c", -1).poll("c", ABC).end(3);
    let lines: Vec<String> = story.0.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
    assert_eq!(
        lines[3],
        r#"{"at_us":3,"client":"p","acknowledged":{"value":"a","topic":"t","partition":0,"offset":0}}"#
    );
    let back: Vec<Entry> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(back, story.0);
    let reasons = vec![check(&Story::three().poll("c", &ABC[1..]).end(3).0)[0].to_string()];
    assert_eq!(reasons, ["lost-write: a was acknowledged at offset 0 of t-0, and is gone"]);
}
