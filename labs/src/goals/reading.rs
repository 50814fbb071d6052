//! Predicates about reading: who got which records, and what became of the records.

use super::{Verdict, best, no_topic};
use crate::facts::{Facts, Place};
use naru_trace::Preview;
use naru_trace::{SortedMap, SortedSet};

pub(super) fn by_each(facts: &Facts, topic: Option<&str>, consumers: usize, records: usize) -> Verdict {
    let mut readers: SortedMap<&Place, SortedSet<u32>> = SortedMap::new();
    for (client, reads) in &facts.delivered {
        for read in reads {
            readers.entry(&read.place).or_default().insert(*client);
        }
    }
    let candidates = facts.living(topic).map(|(name, _)| {
        let shared = readers.iter().filter(|(place, who)| place.0 == *name && who.len() >= consumers).count();
        let each: Vec<String> = facts
            .delivered
            .keys()
            .map(|client| {
                let reads = facts.first_reads(*client);
                let count = reads.iter().filter(|read| read.place.0 == *name).count();
                format!("{}: {count}", facts.name(*client))
            })
            .collect();
        let each = each.join(", ");
        let verdict = Verdict::new(
            shared >= records,
            format!("Records of {name} that {consumers} consumers read: {shared} of {records}. Read by each: {each}."),
            format!(
                "컨슈머 {consumers}개가 똑같이 읽은 {name}의 레코드: {records}개 중 {shared}개. 각자 읽은 수: {each}."
            ),
        );
        (shared, verdict)
    });
    best(candidates, no_topic(topic))
}

pub(super) fn again(facts: &Facts, records: usize) -> Verdict {
    let repeats = facts.delivered.iter().map(|(client, reads)| {
        let mut times: SortedMap<&Place, usize> = SortedMap::new();
        for read in reads {
            *times.entry(&read.place).or_default() += 1;
        }
        (times.values().filter(|times| **times > 1).count(), *client)
    });
    let (most, client) = repeats.max_by_key(|(count, client)| (*count, u32::MAX - client)).unwrap_or((0, 0));
    let name = facts.name(client);
    match most {
        0 => Verdict::new(
            records == 0,
            "No consumer got a record a second time.",
            "같은 레코드를 두 번 받은 컨슈머가 없습니다.",
        ),
        _ => Verdict::new(
            most >= records,
            format!("{name} got {most} records a second time."),
            format!("{name}: 레코드 {most}개를 두 번 이상 받았습니다."),
        ),
    }
}

pub(super) fn still_there(facts: &Facts, records: usize) -> Verdict {
    let read: SortedSet<&Place> = facts.delivered.values().flatten().map(|read| &read.place).collect();
    let views = || facts.end.brokers.values().flat_map(|broker| &broker.topics);
    let kept = |place: &Place| {
        views().filter(|(topic, _)| **topic == place.0).any(|(_, view)| {
            let partition = view.partitions.get(&place.1);
            partition.is_some_and(|at| (at.log_start_offset..at.log_end_offset).contains(&place.2))
        })
    };
    let kept = read.iter().filter(|place| kept(place)).count();
    Verdict::new(
        kept >= records,
        format!("Of {} records that were read, {kept} are still in the log.", read.len()),
        format!("읽힌 레코드 {}개 중 {kept}개가 그대로 로그에 있습니다.", read.len()),
    )
}

pub(super) fn got_nothing(facts: &Facts) -> Verdict {
    let stored = facts.living(None).any(|(_, topic)| !topic.records.is_empty());
    let empty_handed = facts.consumers.iter().find(|client| !facts.delivered.contains_key(client));
    match empty_handed.filter(|_| stored) {
        Some(client) => {
            let name = facts.name(*client);
            Verdict::new(true, format!("{name} got no record."), format!("{name}: 받은 레코드가 없습니다."))
        }
        None => Verdict::new(false, "Every consumer got records.", "모든 컨슈머가 레코드를 받았습니다."),
    }
}

pub(super) fn skipped_the_beginning(facts: &Facts) -> Verdict {
    let skipped = facts.delivered.iter().find_map(|(client, reads)| {
        let mut first: SortedMap<(&str, i32), i64> = SortedMap::new();
        for read in reads {
            let offset = first.entry((&read.place.0, read.place.1)).or_insert(i64::MAX);
            *offset = (*offset).min(read.place.2);
        }
        first.into_iter().find(|(_, offset)| *offset > 0).map(|(place, offset)| (*client, place, offset))
    });
    match skipped {
        Some((client, (topic, partition), offset)) => {
            let name = facts.name(client);
            Verdict::new(
                true,
                format!("{name} began to read {topic}-{partition} at offset {offset}."),
                format!("{name}: {topic}-{partition}의 오프셋 {offset}부터 읽기 시작했습니다."),
            )
        }
        None => Verdict::new(false, "Every consumer began at offset 0.", "모든 컨슈머가 오프셋 0부터 읽었습니다."),
    }
}

pub(super) fn stored_twice(facts: &Facts, records: usize) -> Verdict {
    let most = facts.living(None).map(|(_, topic)| {
        let mut times: SortedMap<(&Option<Preview>, &Option<Preview>), usize> = SortedMap::new();
        for record in &topic.records {
            *times.entry((&record.cell.key, &record.cell.value)).or_default() += 1;
        }
        times.values().filter(|times| **times > 1).count()
    });
    let most = most.max().unwrap_or(0);
    Verdict::new(
        most >= records,
        format!("{most} records are in the log more than once."),
        format!("레코드 {most}개가 로그에 두 번 이상 있습니다."),
    )
}

pub(super) fn consumers_at_least(facts: &Facts, consumers: usize) -> Verdict {
    let found = facts.consumers.len();
    Verdict::new(found >= consumers, format!("There are {found} consumers."), format!("컨슈머가 {found}개 있습니다."))
}
