//! Predicates about partitions, keys and order.

use super::{By, Verdict, best, no_topic};
use crate::facts::{Facts, Queued, Stored, TopicFacts};
use naru_trace::{CellView, Preview};
use naru_trace::{SortedMap, SortedSet};

/// What tells which records belong together, and the records' values in order.
type Groups<'a> = SortedMap<String, Vec<&'a Preview>>;

pub(super) fn partitions_used(facts: &Facts, topic: Option<&str>, partitions: usize) -> Verdict {
    let candidates = facts.living(topic).map(|(name, topic)| {
        let used: SortedSet<i32> = topic.records.iter().map(|record| record.partition).collect();
        let verdict = Verdict::new(
            used.len() >= partitions,
            format!("The records of {name} are in {} of its {} partitions.", used.len(), topic.partitions),
            format!("{name}의 레코드는 파티션 {}개 중 {}개에 있습니다.", topic.partitions, used.len()),
        );
        (used.len(), verdict)
    });
    best(candidates, no_topic(topic))
}

pub(super) fn together(facts: &Facts, topic: Option<&str>, by: By, groups: usize, partitions: i32) -> Verdict {
    let fitting = facts.living(topic).filter(|(_, facts)| facts.partitions >= partitions);
    let candidates = fitting.map(|(name, topic)| {
        let homes = homes(topic, by);
        let split = homes.iter().find(|(_, homes)| homes.len() > 1);
        let several = records_per_group(topic, by).values().filter(|count| **count >= 2).count();
        let verdict = match split {
            Some((group, homes)) => {
                let places: Vec<String> = homes.iter().map(|partition| format!("{name}-{partition}")).collect();
                let places = places.join(", ");
                Verdict::new(
                    false,
                    format!("The records of {group} are spread over {places}."),
                    format!("{group}의 레코드가 {places}에 흩어져 있습니다."),
                )
            }
            None => Verdict::new(
                several >= groups,
                format!("In {name}, {several} of {groups} groups of records have one partition each."),
                format!("{name}: 한 파티션에 모인 레코드 묶음이 {groups}개 중 {several}개입니다."),
            ),
        };
        (several, verdict)
    });
    best(candidates, no_topic(topic))
}

/// Several consumers may share the partitions: each group's records must have come to one of them, all and in order.
pub(super) fn kept(facts: &Facts, topic: Option<&str>, by: By, groups: usize) -> Verdict {
    let candidates = facts.living(topic).map(|(name, _)| {
        let sent = values_by_group(queued_in(facts, name), by);
        let readers: Vec<Groups<'_>> =
            facts.consumers.iter().map(|client| read_from(facts, *client, name, by)).collect();
        let in_order = |group: &String| readers.iter().any(|got| got.get(group) == sent.get(group));
        let kept = sent.iter().filter(|(group, values)| values.len() >= 2 && in_order(group)).count();
        let verdict = match sent.keys().find(|group| !in_order(group)) {
            Some(group) if readers.iter().any(|got| count(got, group) >= count(&sent, group)) => Verdict::new(
                false,
                format!("The records of {group} came to the reader in another order than they were sent."),
                format!("{group}의 레코드가 보낸 순서와 다르게 컨슈머에 도착했습니다."),
            ),
            Some(group) => {
                let (got, all) = (readers.iter().map(|got| count(got, group)).max().unwrap_or(0), count(&sent, group));
                Verdict::new(
                    false,
                    format!("Of the {all} records of {group}, no reader got more than {got}."),
                    format!("{group}의 레코드 {all}개 중 한 컨슈머가 받은 것은 많아야 {got}개입니다."),
                )
            }
            None => Verdict::new(
                kept >= groups,
                format!("{kept} of {groups} groups of records came to a reader in the order they were sent."),
                format!("레코드 묶음 {groups}개 중 {kept}개가 보낸 순서대로 컨슈머에 도착했습니다."),
            ),
        };
        (kept, verdict)
    });
    best(candidates, no_topic(topic))
}

/// The values that one consumer got from a topic, the first time, by group.
fn read_from<'a>(facts: &'a Facts, client: u32, topic: &str, by: By) -> Groups<'a> {
    let reads = facts.first_reads(client).into_iter().filter(|read| read.place.0 == topic);
    values_by_group(reads.map(|read| (&read.cell.key, &read.cell.value)), by)
}

fn count(groups: &Groups<'_>, group: &str) -> usize {
    groups.get(group).map_or(0, Vec::len)
}

pub(super) fn without_key(facts: &Facts, topic: Option<&str>, records: usize) -> Verdict {
    let candidates = facts.living(topic).map(|(name, topic)| {
        let found = topic.records.iter().filter(|record| record.cell.key.is_none()).count();
        let verdict = Verdict::new(
            found >= records,
            format!("{found} records of {name} have no key."),
            format!("{name}의 레코드 {found}개에 키가 없습니다."),
        );
        (found, verdict)
    });
    best(candidates, no_topic(topic))
}

pub(super) fn only_one_key(facts: &Facts) -> Verdict {
    let one = facts.living(None).find(|(_, topic)| {
        let keys: SortedSet<_> = topic.records.iter().map(|record| &record.cell.key).collect();
        topic.records.len() >= 3 && keys.len() == 1 && !keys.contains(&None)
    });
    match one {
        Some((name, _)) => Verdict::new(
            true,
            format!("All records of {name} have one key."),
            format!("{name}의 모든 레코드가 같은 키입니다."),
        ),
        None => Verdict::new(false, "There are several keys, or none.", "키가 여러 개이거나 없습니다."),
    }
}

pub(super) fn key_mixes_groups(facts: &Facts) -> Verdict {
    let mixed = facts.living(None).find_map(|(_, topic)| {
        let mut groups: SortedMap<String, SortedSet<String>> = SortedMap::new();
        for record in &topic.records {
            if let (Some(key), Some(word)) = (group(&record.cell, By::Key), group(&record.cell, By::FirstWord)) {
                groups.entry(key).or_default().insert(word);
            }
        }
        groups.into_iter().find(|(_, words)| words.len() > 1).map(|(key, _)| key)
    });
    match mixed {
        Some(key) => Verdict::new(
            true,
            format!("The key {key} has records of several orders."),
            format!("키 {key}에 여러 주문의 레코드가 섞여 있습니다."),
        ),
        None => Verdict::new(false, "No key mixes groups.", "여러 묶음이 섞인 키가 없습니다."),
    }
}

pub(super) fn grew(facts: &Facts, records: usize) -> Verdict {
    // A topic that was left behind may have been deleted since.
    let candidates = facts.topics.iter().filter_map(|(name, topic)| {
        let seq = topic.grew?;
        let before = topic.records.iter().filter(|record| record.seq < seq).count();
        let (first, now) = (topic.partitions_at_first, topic.partitions);
        let verdict = Verdict::new(
            before >= records,
            format!("{name} grew from {first} to {now} partitions while it held {before} records."),
            format!("{name}: 레코드 {before}개가 있을 때 파티션이 {first}개에서 {now}개로 늘었습니다."),
        );
        Some((before, verdict))
    });
    best(candidates, Verdict::new(false, "No topic got more partitions.", "파티션이 늘어난 토픽이 없습니다."))
}

pub(super) fn key_split(facts: &Facts) -> Verdict {
    let split = facts.living(None).find_map(|(name, topic)| {
        let (key, homes) = homes(topic, By::Key).into_iter().find(|(_, homes)| homes.len() > 1)?;
        let places: Vec<String> = homes.iter().map(|partition| format!("{name}-{partition}")).collect();
        Some((key, places.join(", ")))
    });
    match split {
        Some((key, places)) => Verdict::new(
            true,
            format!("The key {key} has records in {places}."),
            format!("키 {key}의 레코드가 {places}에 있습니다."),
        ),
        None => Verdict::new(
            false,
            "Every key has all its records in one partition.",
            "모든 키의 레코드가 각각 한 파티션에 있습니다.",
        ),
    }
}

pub(super) fn moved(facts: &Facts, partitions: i32) -> Verdict {
    let candidates = moves(facts, partitions).map(|(old_name, old, new_name, new)| {
        let mut there = counted(&new.records);
        let mut missing = 0;
        for record in &old.records {
            match there.get_mut(&(&record.cell.key, &record.cell.value)) {
                Some(count) if *count > 0 => *count -= 1,
                _ => missing += 1,
            }
        }
        let arrived = old.records.len() - missing;
        let keyed = new.records.iter().all(|record| record.cell.key.is_some());
        let split = homes(new, By::Key).into_iter().find(|(_, homes)| homes.len() > 1);
        let verdict = match split {
            Some((key, _)) => Verdict::new(
                false,
                format!("In {new_name}, too, {key} has records in two partitions."),
                format!("{new_name}에서도 {key}의 레코드가 두 파티션에 있습니다."),
            ),
            None => Verdict::new(
                missing == 0 && arrived > 0 && keyed,
                format!("{arrived} of {} records of {old_name} are in {new_name} with their keys.", old.records.len()),
                format!(
                    "{old_name}의 레코드 {}개 중 {arrived}개가 키와 함께 {new_name}에 있습니다.",
                    old.records.len()
                ),
            ),
        };
        (arrived, verdict)
    });
    let none = Verdict::new(
        false,
        format!("There is no other topic with {partitions} partitions or more."),
        format!("파티션이 {partitions}개 이상인 다른 토픽이 없습니다."),
    );
    best(candidates, none)
}

pub(super) fn moved_in_order(facts: &Facts, partitions: i32) -> Verdict {
    let candidates = moves(facts, partitions).map(|(old_name, _, new_name, new)| {
        let sent = values_by_group(queued_in(facts, old_name), By::Key);
        let there = values_by_group(new.records.iter().map(|record| (&record.cell.key, &record.cell.value)), By::Key);
        // The new topic may have got records of its own after the move; what was moved must come first, in order.
        let in_order = |key: &String| there.get(key).is_some_and(|there| there.starts_with(&sent[key]));
        let wrong = sent.keys().find(|key| !in_order(key));
        let kept = sent.keys().filter(|key| in_order(key)).count();
        let verdict = match wrong {
            Some(key) => Verdict::new(
                false,
                format!("In {new_name}, the records of {key} do not stand in the order they were first sent."),
                format!("{new_name}에서 {key}의 레코드가 처음 보낸 순서대로 있지 않습니다."),
            ),
            None => Verdict::new(
                !sent.is_empty(),
                format!("In {new_name}, all {kept} keys have their records in the order they were first sent."),
                format!("{new_name}에서 키 {kept}개 모두 레코드가 처음 보낸 순서대로 있습니다."),
            ),
        };
        (kept, verdict)
    });
    best(candidates, Verdict::new(false, "No records were moved yet.", "아직 옮긴 레코드가 없습니다."))
}

/// Every topic that grew, with every other topic that could take its records.
fn moves(facts: &Facts, partitions: i32) -> impl Iterator<Item = (&String, &TopicFacts, &String, &TopicFacts)> {
    // A topic that was left may be deleted: that is how a move ends.
    let grown = facts.topics.iter().filter(|(_, topic)| topic.grew.is_some() && !topic.records.is_empty());
    grown.flat_map(move |(old_name, old)| {
        let others =
            facts.living(None).filter(move |(name, topic)| *name != old_name && topic.partitions >= partitions);
        others.map(move |(name, topic)| (old_name, old, name, topic))
    })
}

/// A record as the same record in another topic: its key and its value.
type Content<'a> = (&'a Option<Preview>, &'a Option<Preview>);

fn counted(records: &[Stored]) -> SortedMap<Content<'_>, usize> {
    let mut counts = SortedMap::new();
    for record in records {
        *counts.entry((&record.cell.key, &record.cell.value)).or_default() += 1;
    }
    counts
}

fn queued_in<'a>(facts: &'a Facts, topic: &'a str) -> impl Iterator<Item = Content<'a>> {
    let queued = facts.queued.iter().filter(move |queued| queued.topic == topic);
    queued.map(|queued: &Queued| (&queued.key, &queued.value))
}

fn values_by_group<'a>(records: impl Iterator<Item = Content<'a>>, by: By) -> Groups<'a> {
    let mut groups = Groups::new();
    for (key, value) in records {
        if let (Some(group), Some(value)) = (group_of(key.as_ref(), value.as_ref(), by), value) {
            groups.entry(group).or_default().push(value);
        }
    }
    groups
}

/// The partitions that each group's records are in.
pub(crate) fn homes(topic: &TopicFacts, by: By) -> SortedMap<String, SortedSet<i32>> {
    let mut homes: SortedMap<String, SortedSet<i32>> = SortedMap::new();
    for record in &topic.records {
        if let Some(group) = group(&record.cell, by) {
            homes.entry(group).or_default().insert(record.partition);
        }
    }
    homes
}

fn records_per_group(topic: &TopicFacts, by: By) -> SortedMap<String, usize> {
    let mut counts = SortedMap::new();
    for record in &topic.records {
        if let Some(group) = group(&record.cell, by) {
            *counts.entry(group).or_default() += 1;
        }
    }
    counts
}

fn group(cell: &CellView, by: By) -> Option<String> {
    group_of(cell.key.as_ref(), cell.value.as_ref(), by)
}

fn group_of(key: Option<&Preview>, value: Option<&Preview>, by: By) -> Option<String> {
    match by {
        By::Key => key.map(|key| key.text.clone()),
        By::FirstWord => value?.text.split_whitespace().next().map(str::to_owned),
    }
}
