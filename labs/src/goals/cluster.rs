//! Goals about copies, and about brokers that are away.

use super::{Verdict, best, no_topic};
use crate::facts::{
    Facts,
    cluster::{Absence, IsrDecision, copies, newest},
};

/// At the end so many brokers hold the same records of a partition, at least so many, all of them committed.
pub(super) fn copied(facts: &Facts, replicas: usize, records: i64) -> Verdict {
    let candidates = partitions(facts).map(|(topic, partition)| {
        let whole = copies(&facts.end, &topic, partition);
        let whole = whole.iter().filter(|(_, copy)| copy.log_end_offset.min(copy.high_watermark) >= records).count();
        let verdict = Verdict::new(
            whole >= replicas,
            format!("{topic}-{partition}: {whole} brokers hold {records} committed records; {replicas} are wanted."),
            format!("{topic}-{partition}: 커밋된 레코드 {records}개를 가진 브로커는 {whole}개입니다. {replicas}개가 필요합니다."),
        );
        (whole, verdict)
    });
    best(candidates, no_topic(None))
}

/// A follower left the in-sync replicas while the leader stayed.
pub(super) fn left_isr(facts: &Facts) -> Verdict {
    match shrinks(facts).next() {
        Some(decision) => {
            let broker = decision.left().next().unwrap_or(-1);
            Verdict::new(
                true,
                format!("Broker {broker} left the in-sync replicas at {} ms.", decision.at.as_millis()),
                format!("{} ms에 브로커 {broker}이(가) 동기화된 복제본(ISR)에서 빠졌습니다.", decision.at.as_millis()),
            )
        }
        None => Verdict::new(
            false,
            "No follower has left the in-sync replicas.",
            "동기화된 복제본(ISR)에서 빠진 팔로워가 없습니다.",
        ),
    }
}

/// At least so many records waited for a follower, and were committed when it was out of the in-sync replicas.
pub(super) fn waited_for_follower(facts: &Facts, records: i64) -> Verdict {
    let waited = |it: &&IsrDecision| it.uncommitted >= records && it.committed_at.is_some();
    let most = shrinks(facts).map(|decision| decision.uncommitted).max().unwrap_or(0);
    Verdict::new(
        shrinks(facts).any(|decision| waited(&decision)),
        format!("{most} records waited above the high watermark for a follower that then left; {records} are wanted."),
        format!(
            "나중에 빠진 팔로워를 기다리느라 하이 워터마크 위에 머문 레코드는 {most}개입니다. {records}개가 필요합니다."
        ),
    )
}

/// A follower that had left is in sync again.
pub(super) fn back_in_isr(facts: &Facts) -> Verdict {
    let mut out: Vec<(&str, i32, i32)> = Vec::new();
    for decision in &facts.cluster.isrs {
        let place = |broker| (decision.topic.as_str(), decision.partition, broker);
        if let Some(broker) = decision.came_back().find(|broker| out.contains(&place(*broker))) {
            return Verdict::new(
                true,
                format!("Broker {broker} is in sync again since {} ms.", decision.at.as_millis()),
                format!("브로커 {broker}이(가) {} ms부터 다시 동기화됐습니다.", decision.at.as_millis()),
            );
        }
        out.extend(decision.left().map(place));
    }
    Verdict::new(false, "No follower has come back.", "돌아온 팔로워가 없습니다.")
}

/// The process of a partition's leader ended, and at the end another broker leads and has all acknowledged records, at least
/// so many.
pub(super) fn outlived_leader(facts: &Facts, records: u64) -> Verdict {
    let ended = |topic: &str, partition: i32, epoch: i32| {
        let mut led = facts.cluster.absences.iter().filter(|absence| !absence.paused).flat_map(|absence| &absence.led);
        led.any(|(other, number, before)| other == topic && *number == partition && *before < epoch)
    };
    let candidates = partitions(facts).filter_map(|(topic, partition)| {
        let acknowledged = facts.topics.get(&topic)?.acknowledged;
        let (leader, copy) = newest(&facts.end, &topic, partition)?;
        let leads = copy.role == "leader" && ended(&topic, partition, copy.leader_epoch);
        let held = copy.high_watermark.max(0) as u64;
        let verdict = Verdict::new(
            leads && held >= acknowledged && acknowledged >= records,
            format!("{topic}-{partition}: broker {leader} has {held} of {acknowledged} acknowledged records."),
            format!("{topic}-{partition}: 브로커 {leader}에 응답받은 레코드 {acknowledged}개 중 {held}개가 있습니다."),
        );
        Some((usize::from(leads), verdict))
    });
    best(candidates, no_topic(None))
}

/// A broker was away for a while, and stayed among the in-sync replicas all the time.
pub(super) fn away_in_sync(facts: &Facts) -> Verdict {
    let in_sync = |absence: &&Absence| {
        let during = facts.cluster.isrs.iter().filter(|it| it.at >= absence.from);
        let mut during = during.filter(|it| absence.until.is_none_or(|until| it.at <= until));
        during.all(|decision| decision.left().all(|broker| broker != absence.broker))
    };
    let found = facts.cluster.absences.iter().find(in_sync);
    let broker = found.map_or(-1, |absence| absence.broker);
    Verdict::new(
        found.is_some(),
        format!("Broker {broker} was away and stayed in sync."),
        format!("브로커 {broker}이(가) 자리를 비웠지만 ISR에 남았습니다."),
    )
}

/// At some time no broker was running.
pub(super) fn all_were_down(facts: &Facts) -> Verdict {
    Verdict::new(facts.cluster.all_were_down, "No broker was running.", "실행 중인 브로커가 없었습니다.")
}

/// No partition has more than one replica.
pub(super) fn only_one_copy(facts: &Facts) -> Verdict {
    let mut topics = partitions(facts).peekable();
    let any = topics.peek().is_some();
    let alone = topics.all(|(topic, partition)| copies(&facts.end, &topic, partition).len() <= 1);
    Verdict::new(any && alone, "There is one copy of everything.", "모든 것에 복제본이 하나뿐입니다.")
}

/// The times when a follower left the in-sync replicas and the leader stayed.
fn shrinks(facts: &Facts) -> impl Iterator<Item = &IsrDecision> {
    facts.cluster.isrs.iter().filter(|decision| decision.leader >= 0 && decision.isr.contains(&decision.leader)).filter(
        |decision| {
            let mut earlier = facts.cluster.isrs.iter().rev().filter(|it| it.at <= decision.at);
            let stayed = earlier.any(|it| {
                it.topic == decision.topic
                    && it.partition == decision.partition
                    && it.leader_epoch == decision.leader_epoch
            });
            stayed && decision.left().next().is_some() && decision.before.contains(&decision.leader)
        },
    )
}

fn partitions(facts: &Facts) -> impl Iterator<Item = (String, i32)> {
    facts.living(None).flat_map(|(name, topic)| (0..topic.partitions).map(|number| (name.clone(), number)))
}
