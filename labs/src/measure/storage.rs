//! Measurements of disks and logs.

use crate::facts::{
    Facts,
    storage::{Edit, Ending, Restart},
};
use naru_trace::SortedSet;

pub(super) fn directories(facts: &Facts, topic: &str) -> Option<String> {
    facts.topics.get(topic)?;
    let paths = facts.end.disks.values().flat_map(|disk| disk.files.keys());
    let mut shown = false;
    let mut found = SortedSet::new();
    for path in paths {
        shown = true;
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        if directory.rsplit_once('-').map_or(directory, |(name, _)| name) == topic || directory == topic {
            found.insert(directory);
        }
    }
    shown.then(|| found.len().to_string())
}

/// The changed bytes that a restart was the first to meet.
fn edits_before<'a>(facts: &'a Facts, restart: &'a Restart) -> impl Iterator<Item = &'a Edit> {
    let same = |other: &&Restart| other.topic == restart.topic && other.partition == restart.partition;
    let earlier = facts.storage.restarts.iter().filter(same).map(|other| other.opened);
    let since = earlier.filter(|opened| *opened < restart.opened).max().unwrap_or(0);
    let prefix = format!("{}-{}/", restart.topic, restart.partition);
    let mine = move |edit: &&Edit| (since..restart.opened).contains(&edit.seq) && edit.path.starts_with(&prefix);
    facts.storage.edits.iter().filter(mine)
}

pub(super) fn left_after_damage(facts: &Facts, topic: &str) -> Option<&'static str> {
    let records = &facts.topics.get(topic)?.records;
    let crashes = facts.storage.restarts.iter().filter(|it| it.how == Ending::Crash && it.topic == topic);
    crashes.into_iter().find_map(|restart| {
        let first = edits_before(facts, restart).filter(|edit| edit.path.ends_with(".log")).find_map(|edit| {
            let hit = |record: &&crate::facts::Stored| {
                let batch = &record.batch;
                record.partition == restart.partition
                    && edit.path.ends_with(&format!("/{:020}.log", batch.segment))
                    && (batch.position..batch.position + u64::from(batch.bytes)).contains(&edit.position)
            };
            records.iter().find(hit).map(|record| record.batch.first)
        })?;
        Some(if restart.end == first {
            "before"
        } else if restart.end == restart.end_before {
            "all"
        } else {
            "others"
        })
    })
}

pub(super) fn index_damage_costs(facts: &Facts) -> Option<&'static str> {
    let crashes = facts.storage.restarts.iter().filter(|it| it.how == Ending::Crash);
    let mut only_index = crashes.filter(|restart| {
        let mut edits = edits_before(facts, restart).peekable();
        edits.peek().is_some() && edits.all(|edit| edit.path.ends_with("index"))
    });
    only_index.next().map(|restart| if restart.end >= restart.end_before { "0" } else { "some" })
}

pub(super) fn kept(facts: &Facts, how: Ending, topic: Option<&str>) -> Option<String> {
    let restarts = facts.storage.restarts.iter().filter(|it| it.how == how && it.acknowledged > 0);
    let mine = restarts.filter(|it| topic.is_none_or(|topic| it.topic == topic));
    mine.map(|it| it.end.min(it.acknowledged) * 100 / it.acknowledged).min().map(|percent| percent.to_string())
}

pub(super) fn cold_read_takes(facts: &Facts) -> Option<&'static str> {
    let readings = || facts.storage.readings.iter().filter(|it| it.records > 0 && it.pages > 0);
    let cold = readings().filter(|it| it.misses > 0).max_by_key(|it| it.took_us())?;
    let hot = readings().filter(|it| it.misses == 0 && it.records == cold.records).min_by_key(|it| it.took_us())?;
    Some(match cold.took_us() * 2 / hot.took_us().max(1) {
        0..=2 => "same",
        3..=5 => "double",
        _ => "many",
    })
}

pub(super) fn retention_removes(facts: &Facts, topic: &str) -> Option<&'static str> {
    let last = facts.storage.deleted.iter().rfind(|it| it.topic == topic && it.because == "retention.ms")?;
    let retention_us = last.retention_ms? * 1_000;
    let records = facts.topics.get(topic)?.records.iter().filter(|it| it.partition == last.partition);
    let begins = facts.partition(topic, last.partition)?.log_start_offset;
    let too_old = records.filter(|it| facts.end.at.since(it.at) > retention_us);
    let first_young = too_old.map(|it| it.cell.offset + 1).max().unwrap_or(0);
    Some(if begins == first_young { "records" } else { "segments" })
}

pub(super) fn unread_deleted(facts: &Facts) -> Option<&'static str> {
    let mut deleted = facts.storage.deleted.iter().filter(|it| it.because.starts_with("retention")).peekable();
    deleted.peek()?;
    let was_read = |topic: &str, partition: i32, offset: i64| {
        let mut reads = facts.delivered.values().flatten();
        reads.any(|read| read.place.0 == topic && read.place.1 == partition && read.place.2 == offset)
    };
    let unread = deleted.any(|it| !was_read(&it.topic, it.partition, it.base_offset));
    // If all was read before it went, nothing is told.
    unread.then_some("yes")
}

pub(super) fn delete_records_leaves(facts: &Facts) -> Option<&'static str> {
    let bases = |topic: &str, partition: i32| facts.storage.segments.get(&(topic.to_owned(), partition));
    facts.storage.records_deleted.iter().find_map(|it| {
        // Where a segment begins nothing is left to ask.
        let at_a_border = bases(&it.topic, it.partition)?.contains(&it.start);
        (!at_a_border).then_some(if it.first_segment < it.start { "kept" } else { "cut" })
    })
}

pub(super) fn doubled(facts: &Facts, topic: &str) -> Option<&'static str> {
    facts.storage.cleanings.iter().find(|(other, ..)| other == topic)?;
    let view = facts.end.brokers.values().find_map(|broker| broker.topics.get(topic))?;
    let mut seen = SortedSet::new();
    let mut cells = view.partitions.values().flat_map(|partition| &partition.cells);
    let again = cells.any(|cell| !seen.insert(cell.key.as_ref().map(|key| &key.text)));
    again.then_some("yes")
}

pub(super) fn offsets_after(facts: &Facts, topic: &str) -> Option<&'static str> {
    facts.storage.cleanings.iter().find(|(other, _, removed)| other == topic && *removed > 0)?;
    let view = facts.end.brokers.values().find_map(|broker| broker.topics.get(topic))?;
    let dense = view.partitions.values().all(|partition| {
        let records = partition.log_end_offset - partition.log_start_offset;
        partition.cells.len() as i64 == records
    });
    Some(if dense { "renumbered" } else { "gaps" })
}
