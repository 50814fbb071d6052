//! Predicates about what leaves a log: whole segments by retention, the beginning by DeleteRecords, old records of a key by
//! compaction.

use super::{Verdict, best};
use crate::facts::{Facts, TopicFacts, storage::Deleted};
use naru_trace::{CellView, PartitionView};
use naru_trace::{SortedMap, SortedSet};

/// The segments of one partition that went because of this setting.
fn gone<'a>(facts: &'a Facts, (topic, partition): (&str, i32), because: &str) -> Vec<&'a Deleted> {
    let deleted = facts.storage.deleted.iter();
    deleted.filter(|it| it.topic == topic && it.partition == partition && it.because == because).collect()
}

pub(super) fn segments_went(facts: &Facts, segments: usize, because: &str) -> Verdict {
    let candidates = facts.storage.segments.iter().map(|((topic, partition), bases)| {
        let gone = gone(facts, (topic, *partition), because);
        let went: SortedSet<i64> = gone.iter().map(|it| it.base_offset).collect();
        let first: SortedSet<i64> = bases.iter().take(segments).copied().collect();
        let left = facts.partition(topic, *partition).map_or(0, |it| it.segments.len());
        // No other retention took a segment of this log, and something is left of it.
        let here = facts.storage.deleted.iter().filter(|it| it.topic == *topic && it.partition == *partition);
        let others = here.filter(|it| it.because.starts_with("retention"));
        let is_left = bases.len() > segments && left > 0;
        let met = went == first && went.len() == segments && others.count() == segments && is_left;
        let verdict = Verdict::new(
            met,
            format!(
                "Of the {} segments that {topic}-{partition} had, {} went because of {because}.",
                bases.len(),
                went.len()
            ),
            format!(
                "{topic}-{partition}에 있던 세그먼트 {}개 중 {}개가 {because} 때문에 사라졌습니다.",
                bases.len(),
                went.len()
            ),
        );
        (if went.is_empty() { 0 } else { 100 - went.len().abs_diff(segments).min(99) }, verdict)
    });
    best(candidates, super::no_topic(None))
}

/// More segments of one log than that went because of this setting.
pub(super) fn more_segments_went(facts: &Facts, segments: usize, because: &str) -> Verdict {
    let most =
        facts.storage.segments.keys().map(|(topic, partition)| gone(facts, (topic, *partition), because).len()).max();
    let most = most.unwrap_or(0);
    Verdict::new(
        most > segments,
        format!("{most} segments of one log went because of {because}."),
        format!("한 로그에서 세그먼트 {most}개가 {because} 때문에 사라졌습니다."),
    )
}

pub(super) fn start_inside_segment(facts: &Facts) -> Verdict {
    let moved = facts.storage.records_deleted.iter().rev();
    let candidates = moved.map(|it| {
        let bases = facts.storage.segments.get(&(it.topic.clone(), it.partition));
        let inside = it.start > it.first_segment && !bases.is_some_and(|bases| bases.contains(&it.start));
        let verdict = Verdict::new(
            inside,
            format!(
                "{}-{} can be read from offset {} on; the file that begins at offset {} is still there.",
                it.topic, it.partition, it.start, it.first_segment
            ),
            format!(
                "{}-{}: 이제 오프셋 {}부터 읽을 수 있고, 오프셋 {}에서 시작하는 파일은 그대로 있습니다.",
                it.topic, it.partition, it.start, it.first_segment
            ),
        );
        (usize::from(inside), verdict)
    });
    best(
        candidates,
        Verdict::new(
            false,
            "No client asked for records to be deleted.",
            "레코드 삭제를 요청한 클라이언트가 없습니다.",
        ),
    )
}

/// A record without a value was written to a topic that is not compacted.
pub(super) fn tombstone_in_plain_topic(facts: &Facts) -> Verdict {
    let plain = |topic: &str| !facts.setting(topic, "cleanup.policy").is_some_and(|policy| policy.contains("compact"));
    let sent =
        facts.living(None).find(|(topic, it)| plain(topic) && it.records.iter().any(|it| it.cell.value.is_none()));
    match sent {
        Some((topic, _)) => Verdict::new(
            true,
            format!("{topic} is not compacted, and got a record without a value."),
            format!("압축 정리(compaction)를 하지 않는 {topic}에 값이 없는 레코드를 보냈습니다."),
        ),
        None => Verdict::new(false, "No such tombstone.", "그런 툼스톤이 없습니다."),
    }
}

pub(super) fn setting_is(facts: &Facts, key: &str) -> Verdict {
    let found = facts.living(None).find_map(|(topic, _)| Some((topic, facts.setting(topic, key)?)));
    match found {
        Some((topic, value)) => {
            Verdict::new(true, format!("{topic} has {key}={value}."), format!("{topic}: {key}={value}."))
        }
        None => Verdict::new(false, format!("No topic sets {key}."), format!("{key} 설정을 쓴 토픽이 없습니다.")),
    }
}

/// The cells of a partition that lie in its closed segments, and in the active one.
fn closed_and_active(partition: &PartitionView) -> (Vec<&CellView>, Vec<&CellView>) {
    let active = partition.segments.last().map_or(0, |segment| segment.base_offset);
    partition.cells.iter().partition(|cell| cell.offset < active)
}

fn key_of(cell: &CellView) -> &str {
    cell.key.as_ref().map_or("", |key| key.text.as_str())
}

fn cleaned(facts: &Facts) -> impl Iterator<Item = (&String, i32, &PartitionView)> {
    let seen: SortedSet<(&String, i32)> =
        facts.storage.cleanings.iter().map(|(topic, partition, _)| (topic, *partition)).collect();
    seen.into_iter().filter_map(|(topic, partition)| Some((topic, partition, facts.partition(topic, partition)?)))
}

pub(super) fn compacted(facts: &Facts, keys: usize) -> Verdict {
    let candidates = cleaned(facts).map(|(topic, partition, view)| {
        let (closed, _) = closed_and_active(view);
        let mut times: SortedMap<&str, usize> = SortedMap::new();
        closed.iter().for_each(|cell| *times.entry(key_of(cell)).or_default() += 1);
        let doubled = times.values().filter(|times| **times > 1).count();
        let appended = facts.topics.get(topic).map_or(0, |it| it.records.len());
        let met = times.len() >= keys && doubled == 0 && view.cells.len() < appended;
        let verdict = Verdict::new(
            met,
            format!(
                "The closed segments of {topic}-{partition} hold {} records of {} keys; {appended} records were written in all.",
                closed.len(),
                times.len()
            ),
            format!(
                "{topic}-{partition}의 닫힌 세그먼트에는 키 {}개의 레코드 {}개가 있습니다. 쓴 레코드는 모두 {appended}개입니다.",
                times.len(),
                closed.len()
            ),
        );
        (times.len(), verdict)
    });
    best(candidates, not_compacted())
}

fn not_compacted() -> Verdict {
    Verdict::new(false, "No log was compacted.", "압축 정리(compaction)된 로그가 없습니다.")
}

pub(super) fn key_in_active_too(facts: &Facts) -> Verdict {
    let candidates = cleaned(facts).map(|(topic, partition, view)| {
        let (closed, active) = closed_and_active(view);
        let old: SortedSet<&str> = closed.iter().map(|cell| key_of(cell)).collect();
        let both: SortedSet<&str> = active.iter().map(|cell| key_of(cell)).filter(|key| old.contains(key)).collect();
        let names = both.iter().copied().collect::<Vec<_>>().join(", ");
        let verdict = Verdict::new(
            !both.is_empty(),
            format!(
                "Keys of {topic}-{partition} with records in closed segments and in the active one: {}. {names}",
                both.len()
            ),
            format!(
                "{topic}-{partition}에서 닫힌 세그먼트와 액티브 세그먼트 양쪽에 레코드가 있는 키: {}개. {names}",
                both.len()
            ),
        );
        (both.len(), verdict)
    });
    best(candidates, not_compacted())
}

/// All records of a key that had some are gone, tombstone and all, and other records are left.
pub(super) fn key_gone(facts: &Facts, key: &str) -> Verdict {
    let with_key = |it: &TopicFacts| {
        let mine: Vec<bool> =
            it.records.iter().filter(|it| key_of(&it.cell) == key).map(|it| it.cell.value.is_none()).collect();
        (mine.contains(&false), mine.last() == Some(&true))
    };
    let candidates = facts.living(None).filter_map(|(topic, it)| {
        let (written, buried) = with_key(it);
        let left =
            |partition: i32| facts.partition(topic, partition).map_or(Vec::new(), |it| it.cells.iter().collect());
        let cells: Vec<&CellView> = (0..it.partitions).flat_map(left).collect();
        let mine = cells.iter().filter(|cell| key_of(cell) == key).count();
        let met = written && buried && mine == 0 && !cells.is_empty();
        let verdict = Verdict::new(
            met,
            format!("{topic} holds {mine} records with the key {key}, tombstones included."),
            format!("{topic}에는 키가 {key}인 레코드가 툼스톤까지 합해 {mine}개 있습니다."),
        );
        written.then_some((usize::from(buried), verdict))
    });
    let none = Verdict::new(false, format!("No record has the key {key}."), format!("키가 {key}인 레코드가 없습니다."));
    best(candidates, none)
}

/// The newest record of a key has an empty value, which is a value.
pub(super) fn empty_value(facts: &Facts, key: &str) -> Verdict {
    let newest = |it: &TopicFacts| {
        let newest = it.records.iter().rfind(|it| key_of(&it.cell) == key)?;
        newest.cell.value.as_ref().map(|value| value.text.is_empty())
    };
    let found = facts.living(None).any(|(_, it)| newest(it) == Some(true));
    Verdict::new(
        found,
        format!("Whether the newest record of {key} has an empty value: {found}."),
        format!("{key}의 최신 레코드 값이 빈 문자열인가: {}.", if found { "예" } else { "아니요" }),
    )
}

/// A tombstone of a key lies in the active segment.
pub(super) fn tombstone_in_active(facts: &Facts, key: &str) -> Verdict {
    let partitions = facts
        .living(None)
        .flat_map(|(topic, it)| (0..it.partitions).filter_map(|number| facts.partition(topic, number)));
    let found = partitions.into_iter().any(|it| {
        let (_, active) = closed_and_active(it);
        active.iter().any(|cell| key_of(cell) == key && cell.value.is_none())
    });
    Verdict::new(
        found,
        format!("Whether the tombstone of {key} is in the active segment: {found}."),
        format!("{key}의 툼스톤이 액티브 세그먼트에 있는가: {}.", if found { "예" } else { "아니요" }),
    )
}

pub(super) fn batch_refused(facts: &Facts, error: &str) -> Verdict {
    let found = facts.storage.refused.iter().find(|(_, other)| other == error);
    match found {
        Some((topic, _)) => Verdict::new(true, format!("{topic}: {error}."), format!("{topic}: {error}.")),
        None => Verdict::new(
            false,
            format!("No batch was refused with {error}."),
            format!("{error}로 거절된 배치가 없습니다."),
        ),
    }
}
