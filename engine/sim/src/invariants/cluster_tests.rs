//! The properties of clusters can fail: stories of several brokers that break a promise are found out, and by that name.

use super::Checker;
use alloc::{boxed::Box, vec, vec::Vec};
use naru_trace::{
    Actor, CellView, ClientRole, MessageLabel, MessageWay, MetadataCell, Micros, PartitionView, Preview, QuorumView,
    SegmentView, Trace, TraceKind,
};

const WALL_MS: i64 = 1_000_000;

/// Topic `t` with one partition on brokers 1 and 2.
#[derive(Default)]
struct Story(Vec<(Actor, TraceKind)>);

impl Story {
    fn world(mut self, kind: TraceKind) -> Self {
        self.0.push((Actor::World, kind));
        self
    }

    fn by(mut self, broker: i32, kind: TraceKind) -> Self {
        self.0.push((Actor::Broker(broker), kind));
        self
    }

    fn opened(self, broker: i32, leader: i32, epoch: i32) -> Self {
        let segments = vec![SegmentView { base_offset: 0, bytes: 100, max_timestamp_ms: WALL_MS }];
        let view = PartitionView {
            leader,
            leader_epoch: epoch,
            role: if leader == broker { "leader".into() } else { "follower".into() },
            replicas: vec![1, 2],
            isr: vec![1, 2],
            online: true,
            segments,
            ..PartitionView::default()
        };
        let (topic, topic_id) = ("t".into(), "id".into());
        self.by(broker, TraceKind::PartitionOpened { topic, topic_id, partition: 0, view: Box::new(view) })
    }

    fn led_by(self, broker: i32, leader: i32, epoch: i32, isr: &[i32]) -> Self {
        let kind = TraceKind::PartitionRoleChanged {
            topic: "t".into(),
            partition: 0,
            role: if leader == broker { "leader".into() } else { "follower".into() },
            leader,
            leader_epoch: epoch,
            partition_epoch: epoch,
            replicas: vec![1, 2],
            isr: isr.to_vec(),
        };
        self.by(broker, kind)
    }

    fn appended(self, broker: i32, offset: i64, value: &str) -> Self {
        let value = Some(Preview::of(value.as_bytes()));
        let records = vec![CellView { offset, batch: offset, key: None, value, timestamp_ms: WALL_MS }];
        let kind = TraceKind::BatchAppended {
            topic: "t".into(),
            partition: 0,
            segment: 0,
            position: 0,
            bytes: 70,
            records,
            log_end_offset: offset + 1,
            max_timestamp_ms: WALL_MS,
        };
        self.by(broker, kind)
    }

    fn committed(self, broker: i32, high_watermark: i64) -> Self {
        self.by(broker, TraceKind::HighWatermarkAdvanced { topic: "t".into(), partition: 0, high_watermark })
    }

    fn cut(self, broker: i32, to_offset: i64) -> Self {
        let (topic, reason, segments) = ("t".into(), "another leader".into(), vec![]);
        let kind = TraceKind::LogTruncated { topic, partition: 0, to_offset, bytes: 1, reason, segments };
        self.by(broker, kind)
    }

    /// Both have a and b; a is committed.
    fn begun() -> Self {
        let story = Story::default().opened(1, 1, 0).opened(2, 1, 0).appended(1, 0, "a").appended(1, 1, "b");
        story.appended(2, 0, "a").committed(1, 1)
    }

    /// Which property it breaks.
    fn breaks(self) -> Option<&'static str> {
        let mut trace = Trace::recording();
        for (second, (actor, kind)) in self.0.into_iter().enumerate() {
            trace.enter(actor, Micros(second as u64 * 1_000_000), None);
            trace.emit(|| kind);
        }
        Checker::new(WALL_MS).observe(trace.events()).err().map(|violation| violation.property)
    }
}

#[test]
fn a_partition_has_one_leader_in_an_epoch_and_it_is_in_its_isr() {
    assert_eq!(Story::begun().led_by(1, 2, 1, &[2]).led_by(2, 2, 1, &[2]).breaks(), None);
    assert_eq!(Story::begun().led_by(1, 1, 1, &[1]).led_by(2, 2, 1, &[2]).breaks(), Some("one_leader"));
    assert_eq!(Story::begun().led_by(1, 1, 1, &[2]).breaks(), Some("one_leader"));
    assert_eq!(Story::begun().led_by(1, -1, 1, &[]).breaks(), None, "nobody leads, and nobody has to be in sync");
}

#[test]
fn the_next_leader_has_what_is_committed() {
    assert_eq!(Story::begun().led_by(2, 2, 1, &[2]).breaks(), None);
    let more = Story::begun().led_by(1, 1, 0, &[1]).committed(1, 2);
    assert_eq!(more.led_by(2, 2, 1, &[2]).breaks(), Some("committed"), "b was committed by 1 alone");
    let other = Story::default().opened(1, 1, 0).opened(2, 1, 0).appended(1, 0, "a").appended(2, 0, "x");
    assert_eq!(other.committed(1, 1).led_by(2, 2, 1, &[2]).breaks(), Some("committed"));
}

#[test]
fn what_is_committed_is_the_same_everywhere() {
    let story = || Story::begun().led_by(2, 2, 1, &[2]);
    let replaced = story().appended(2, 1, "c").committed(2, 2);
    assert_eq!(replaced.cut(1, 1).led_by(1, 2, 1, &[2]).appended(1, 1, "c").committed(1, 2).breaks(), None);
    let kept = story().appended(2, 1, "c").committed(2, 2).led_by(1, 2, 1, &[2]);
    assert_eq!(kept.committed(1, 2).breaks(), Some("committed"), "it kept b");
}

#[test]
fn a_leaders_high_watermark_does_not_pass_its_isr() {
    assert_eq!(Story::begun().committed(1, 2).breaks(), Some("high_watermark"));
    assert_eq!(Story::begun().appended(2, 1, "b").committed(1, 2).breaks(), None);
    assert_eq!(Story::begun().led_by(1, 1, 0, &[1]).committed(1, 2).breaks(), None, "2 is out");
    let power_lost = TraceKind::PowerLost { broker: 2, disk: Box::default() };
    let lost = Story::begun().appended(2, 1, "b").world(power_lost).cut(2, 0);
    assert_eq!(lost.committed(1, 2).breaks(), None, "it had told the leader before");
}

#[test]
fn nothing_is_promised_once_all_who_were_in_sync_lost_something() {
    let lost = |broker| TraceKind::PowerLost { broker, disk: Box::default() };
    let two = || TraceKind::TopicConfigChanged {
        topic: "t".into(),
        key: "min.insync.replicas".into(),
        value: Some("2".into()),
    };
    let one = || Story::begun().appended(2, 1, "b").committed(1, 2);
    let begun = || one().by(1, two()).by(2, two());
    assert_eq!(begun().world(lost(2)).cut(2, 0).led_by(2, 2, 1, &[2]).breaks(), Some("committed"));
    let alone = one().world(lost(2)).cut(2, 0).led_by(2, 2, 1, &[2]);
    assert_eq!(alone.breaks(), None, "with min.insync.replicas=1 nobody else is eligible");
    assert_eq!(begun().world(lost(1)).world(lost(2)).cut(2, 0).led_by(2, 2, 1, &[2]).breaks(), None);
}

#[test]
fn acks_all_is_told_of_what_is_committed() {
    let told = |acks: &str, base_offset| {
        let client = Actor::Client(9);
        let label = MessageLabel {
            way: MessageWay::Response,
            api: "Produce".into(),
            topic: None,
            partition: None,
            records: 0,
            error: None,
        };
        let arrives_at = Micros(9_000_000);
        let (from, to, settings) = (Actor::Broker(1), client, vec![("acks".into(), acks.into())]);
        let mut trace = Trace::recording();
        for (actor, kind) in Story::begun().0 {
            trace.enter(actor, Micros(1), None);
            trace.emit(|| kind);
        }
        trace.enter(client, Micros(2), None);
        let role = ClientRole::Producer;
        trace.emit(|| TraceKind::ClientStarted { client: 9, name: "p".into(), role, settings });
        trace.enter(Actor::World, Micros(2), None);
        let sent = trace.emit(|| TraceKind::MessageSent { message: 1, from, to, label, bytes: 1, arrives_at });
        trace.enter(Actor::World, Micros(3), sent);
        let arrived = trace.emit(|| TraceKind::MessageArrived { message: 1 });
        trace.enter(client, Micros(3), arrived);
        trace.emit(|| TraceKind::BatchAcknowledged { topic: "t".into(), partition: 0, base_offset, records: 1 });
        Checker::new(WALL_MS).observe(trace.events()).err().map(|violation| violation.property)
    };
    assert_eq!((told("all", 0), told("all", 1), told("1", 1)), (None, Some("committed"), None));
}

#[test]
fn a_quorum_has_one_leader_and_a_voter_one_vote() {
    let opened = |story: Story, broker| {
        let view = QuorumView { voters: vec![1, 2, 3], leader: -1, ..QuorumView::default() };
        story.by(broker, TraceKind::QuorumOpened { view: Box::new(view) })
    };
    let all = || (1..=3).fold(Story::default(), opened);
    let leads =
        |broker, epoch| (broker, TraceKind::QuorumStateChanged { state: "leader".into(), epoch, leader: broker });
    let tell = |story: Story, (broker, kind)| story.by(broker, kind);
    assert_eq!([leads(1, 1), leads(2, 2)].into_iter().fold(all(), tell).breaks(), None);
    assert_eq!([leads(1, 1), leads(2, 1)].into_iter().fold(all(), tell).breaks(), Some("quorum"));
    let votes = |candidate, epoch, pre_vote| {
        let because = "log as good".into();
        (3, TraceKind::VoteGiven { candidate, epoch, pre_vote, granted: true, because })
    };
    assert_eq!([votes(1, 1, false), votes(2, 2, false)].into_iter().fold(all(), tell).breaks(), None);
    assert_eq!([votes(1, 1, true), votes(2, 1, false)].into_iter().fold(all(), tell).breaks(), None);
    let again = opened([votes(1, 1, false)].into_iter().fold(all(), tell), 3);
    assert_eq!([votes(2, 1, false)].into_iter().fold(again, tell).breaks(), Some("quorum"), "after a restart");
}

#[test]
fn a_committed_metadata_record_is_the_same_everywhere() {
    let replicated = |epoch, name: &'static str| {
        let records = vec![MetadataCell { offset: 0, epoch, name: name.into() }];
        TraceKind::MetadataReplicated { base_offset: 0, end_offset: 1, records }
    };
    let committed = || TraceKind::QuorumHighWatermarkAdvanced { high_watermark: 1 };
    let opened = |story: Story, broker| {
        let view = QuorumView { voters: vec![1, 2, 3], leader: -1, ..QuorumView::default() };
        story.by(broker, TraceKind::QuorumOpened { view: Box::new(view) })
    };
    let story = |other| {
        let all = (1..=3).fold(Story::default(), opened);
        let all = all.by(2, replicated(1, "TopicRecord")).by(3, replicated(other, "TopicRecord"));
        all.by(2, committed()).by(3, committed()).breaks()
    };
    assert_eq!((story(1), story(2)), (None, Some("quorum")));
}
