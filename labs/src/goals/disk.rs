//! Predicates about disks: bytes found and damaged, what a crash or a power failure left, what was read from memory.

use super::{Verdict, best};
use crate::facts::{
    Facts, Stored,
    storage::{Edit, Ending, Reading, Restart},
};

/// A record that a lab names by its value, or by its value's first word.
struct Named<'a> {
    topic: &'a str,
    stored: &'a Stored,
}

impl Named<'_> {
    fn log_path(&self) -> String {
        format!("{}-{}/{:020}.log", self.topic, self.stored.partition, self.stored.batch.segment)
    }

    /// Whether the edit changed a byte of the record's batch.
    fn is_hit_by(&self, edit: &Edit) -> bool {
        let batch = &self.stored.batch;
        edit.path == self.log_path()
            && (batch.position..batch.position + u64::from(batch.bytes)).contains(&edit.position)
    }
}

fn named<'a>(facts: &'a Facts, value: &str) -> Vec<Named<'a>> {
    let fits = |stored: &&Stored| {
        let text = stored.cell.value.as_ref().map(|value| value.text.as_str());
        text.is_some_and(|text| text == value || text.split_whitespace().next() == Some(value))
    };
    let topics = facts.topics.iter();
    let found =
        topics.flat_map(|(topic, it)| it.records.iter().filter(fits).map(move |stored| Named { topic, stored }));
    found.collect()
}

fn no_record(value: &str) -> Verdict {
    Verdict::new(false, format!("There is no record {value}."), format!("{value} 레코드가 없습니다."))
}

pub(super) fn record_damaged(facts: &Facts, value: &str) -> Verdict {
    let candidates = named(facts, value).into_iter().map(|record| {
        let batch = &record.stored.batch;
        let (first, last) = (batch.position, batch.position + u64::from(batch.bytes) - 1);
        let hit = facts.storage.edits.iter().any(|edit| record.is_hit_by(edit));
        let verdict = match (hit, facts.storage.edits.last()) {
            (true, _) => Verdict::new(
                true,
                format!(
                    "{value} lies in the bytes {first} to {last} of {}, and one of them was changed.",
                    record.log_path()
                ),
                format!(
                    "{value} 레코드는 {}의 바이트 {first}~{last}에 있고, 그중 하나가 바뀌었습니다.",
                    record.log_path()
                ),
            ),
            (false, Some(edit)) => Verdict::new(
                false,
                format!("Byte {} of {} was changed, and that is not where {value} lies.", edit.position, edit.path),
                format!(
                    "{}의 바이트 {}번이 바뀌었지만, {value} 레코드가 있는 곳이 아닙니다.",
                    edit.path, edit.position
                ),
            ),
            (false, None) => Verdict::new(false, "No byte was changed.", "바뀐 바이트가 없습니다."),
        };
        (usize::from(hit), verdict)
    });
    best(candidates, no_record(value))
}

pub(super) fn cut_at(facts: &Facts, value: &str, kept: i64) -> Verdict {
    let candidates = named(facts, value).into_iter().flat_map(|record| {
        let restarts = facts.storage.restarts.iter().filter(|it| it.how != Ending::Stop);
        let here = restarts.filter(|it| it.topic == record.topic && it.partition == record.stored.partition);
        here.map(|restart| {
            let before = |edit: &&Edit| edit.seq > record.stored.seq && edit.seq < restart.opened;
            let hit = facts.storage.edits.iter().filter(before).any(|edit| record.is_hit_by(edit));
            let there = record.stored.seq < restart.ended;
            let met = there && hit && restart.end == record.stored.cell.offset && restart.end >= kept;
            (met.into(), left_over(restart, met))
        })
        .collect::<Vec<_>>()
    });
    let none = Verdict::new(
        false,
        format!("No crash and restart with {value} in the log."),
        format!("{value} 레코드가 로그에 있는 상태에서 비정상 종료 후 재시작한 일이 없습니다."),
    );
    best(candidates, none)
}

fn left_over(restart: &Restart, met: bool) -> Verdict {
    let Restart { topic, partition, end_before, end, .. } = restart;
    Verdict::new(
        met,
        format!("{topic}-{partition} ended at offset {end_before} before, and at {end} after the restart."),
        format!("{topic}-{partition}의 끝 오프셋은 종료 전 {end_before}, 재시작 뒤 {end}입니다."),
    )
}

pub(super) fn crash_cost_records(facts: &Facts) -> Verdict {
    let restarts = facts.storage.restarts.iter().filter(|it| it.how == Ending::Crash);
    let worst = restarts.max_by_key(|it| it.end_before - it.end);
    match worst {
        Some(restart) => left_over(restart, restart.end_before - restart.end >= 2),
        None => nothing_like(Ending::Crash),
    }
}

/// A restart cut a batch of several records, and all behind it.
pub(super) fn whole_batch_lost(facts: &Facts) -> Verdict {
    let lost = facts.storage.restarts.iter().find_map(|restart| {
        let stored = &facts.topics.get(&restart.topic)?.records;
        let batch = |record: &&Stored| {
            record.partition == restart.partition
                && record.seq < restart.ended
                && record.batch.first == restart.end
                && restart.end < restart.end_before
        };
        Some(stored.iter().filter(batch).count()).filter(|count| *count > 1)
    });
    match lost {
        Some(count) => Verdict::new(
            true,
            format!("The batch that was cut held {count} records."),
            format!("잘려 나간 배치에는 레코드가 {count}개 있었습니다."),
        ),
        None => {
            Verdict::new(false, "No batch of several records was cut.", "여러 레코드가 든 배치가 잘린 일은 없습니다.")
        }
    }
}

/// A byte of a `.log` file was changed, the broker came back from a stop in good order, and nothing was cut.
pub(super) fn damage_unnoticed(facts: &Facts) -> Verdict {
    let unnoticed = facts.storage.restarts.iter().any(|restart| {
        let prefix = format!("{}-{}/", restart.topic, restart.partition);
        let edits = &facts.storage.edits;
        let hit =
            edits.iter().any(|it| it.seq < restart.opened && it.path.starts_with(&prefix) && it.path.ends_with(".log"));
        restart.how == Ending::Stop && restart.end == restart.end_before && hit
    });
    if unnoticed {
        Verdict::new(
            true,
            "After a clean stop nobody looked at the damage.",
            "정상 종료 뒤에는 아무도 손상을 확인하지 않았습니다.",
        )
    } else {
        Verdict::new(false, "No damage went unnoticed.", "지나친 손상이 없습니다.")
    }
}

pub(super) fn index_harmless(facts: &Facts, records: i64) -> Verdict {
    let edits = &facts.storage.edits;
    let candidates = facts.storage.restarts.iter().map(|restart| {
        let prefix = format!("{}-{}/", restart.topic, restart.partition);
        let here = edits.iter().filter(|it| it.seq < restart.opened && it.path.starts_with(&prefix));
        let index = here.clone().any(|it| it.path.ends_with("index"));
        let met = index && restart.end >= restart.end_before && restart.end >= records;
        (usize::from(index), left_over(restart, met))
    });
    best(candidates, Verdict::new(false, "The broker was not started again.", "브로커를 다시 시작하지 않았습니다."))
}

pub(super) fn survived(facts: &Facts, how: Ending, records: i64) -> Verdict {
    let candidates = facts.storage.restarts.iter().filter(|it| it.how == how).map(|restart| {
        let met = restart.acknowledged >= records && restart.end >= restart.acknowledged;
        (restart.end.min(restart.acknowledged) as usize, kept_of(restart, met))
    });
    best(candidates, nothing_like(how))
}

pub(super) fn lost(facts: &Facts, how: Ending, records: i64) -> Verdict {
    let candidates = facts.storage.restarts.iter().filter(|it| it.how == how).map(|restart| {
        let lost = (restart.acknowledged - restart.end).max(0);
        (lost as usize, kept_of(restart, lost >= records))
    });
    best(candidates, nothing_like(how))
}

fn kept_of(restart: &Restart, met: bool) -> Verdict {
    let Restart { topic, partition, acknowledged, end, .. } = restart;
    let kept = (*end).min(*acknowledged);
    Verdict::new(
        met,
        format!("Of {acknowledged} acknowledged records of {topic}-{partition}, {kept} are there after the restart."),
        format!("{topic}-{partition}에서 응답(acks)을 받은 레코드 {acknowledged}개 중 재시작 뒤 {kept}개가 있습니다."),
    )
}

fn nothing_like(how: Ending) -> Verdict {
    match how {
        Ending::PowerLoss => {
            Verdict::new(false, "No broker came back from a power failure.", "정전 뒤 다시 시작한 브로커가 없습니다.")
        }
        _ => Verdict::new(false, "No broker came back from a crash.", "비정상 종료 뒤 다시 시작한 브로커가 없습니다."),
    }
}

/// A whole reading, of at least so many records, that did or did not need the disk.
pub(super) fn read_pages(facts: &Facts, records: u64, cold: bool) -> Verdict {
    let candidates = facts.storage.readings.iter().filter(|it| it.records > 0).map(|reading| {
        let met = reading.records >= records && reading.pages > 0 && (reading.misses > 0) == cold;
        (usize::from((reading.misses > 0) == cold), pages_of(facts, reading, met))
    });
    best(candidates, Verdict::new(false, "No consumer read anything.", "아무것도 읽지 않았습니다."))
}

fn pages_of(facts: &Facts, reading: &Reading, met: bool) -> Verdict {
    let name = facts.name(reading.client);
    let Reading { records, pages, misses, .. } = reading;
    Verdict::new(
        met,
        format!("{name} got {records} records from {pages} pages, of which {misses} had to come from the disk."),
        format!("{name}: 레코드 {records}개, 페이지 {pages}개 중 {misses}개를 디스크에서 읽었습니다."),
    )
}

/// Between the last acknowledgement and a power failure lay at least so many milliseconds.
pub(super) fn waited_before_power_loss(facts: &Facts, ms: u64) -> Verdict {
    let waited = facts.storage.restarts.iter().filter(|it| it.how == Ending::PowerLoss);
    let longest = waited.map(|it| it.idle_us / 1_000).max().unwrap_or(0);
    Verdict::new(
        longest >= ms,
        format!("The power failed {longest} ms after the last acknowledgement."),
        format!("마지막 응답(acks)에서 {longest}ms 뒤에 정전이 났습니다."),
    )
}
