//! Measurements: what a prediction asks of a recording.
//!
//! The engine decides every answer: a measurement reads it from the events, and the choice that names the measured
//! value is the correct one. While a run does not tell (the script never did what was asked about), there is no
//! answer.

mod cluster;
mod storage;

use crate::{
    facts::{Facts, Queued, storage::Ending},
    lab::Prediction,
    recording::PredictionResult,
    text::Text,
};
use naru_trace::SortedMap;
use serde::{Deserialize, Serialize};

/// What can be measured in a recording. Written in `lab.toml` as `{ of = "name", .. }`; see
/// [`crate::Predicate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// How many of the records that consumers read a topic still holds at the end, in percent: `"100"`. None while
    /// nobody has read.
    KeptAfterReading {
        /// The topic.
        topic: String,
    },
    /// How many of the records it read from their beginning a second consumer found there, in percent of what the
    /// first one got. None before two consumers have read from offset 0.
    SecondReaderGets {
        /// The topic.
        topic: String,
    },
    /// In which order the consumer that read most of a topic got it: `"sent"` as it was sent, `"partition"` only
    /// within each partition, `"none"` not even that.
    OrderSeen {
        /// The topic.
        topic: String,
    },
    /// The partition of the last record with this key that was sent after the topic grew.
    PartitionAfterGrowth {
        /// The topic.
        topic: String,
        /// The key.
        key: String,
    },
    /// What became of a key's records that were there before the topic grew: `"stayed"` or `"moved"`.
    OldRecordsAfterGrowth {
        /// The topic.
        topic: String,
        /// The key.
        key: String,
    },
    /// How many directories a topic has on the disk, as far as disks are shown.
    Directories {
        /// The topic.
        topic: String,
    },
    /// What a crash left of a topic after a byte of its log was changed: `"all"`, only what was `"before"` the damaged batch,
    /// or the `"others"`.
    LeftAfterDamage {
        /// The topic.
        topic: String,
    },
    /// How many records a crash cost after a byte of an index was changed: `"0"` or `"some"`.
    IndexDamageCosts,
    /// How many of a partition's acknowledged records, in percent, were there after a crash.
    KeptByCrash,
    /// The fewest of a topic's acknowledged records, in percent, that were there after a power failure.
    KeptByPowerLoss {
        /// The topic.
        topic: String,
    },
    /// How much longer the slowest reading that needed the disk took than the quickest one of equally many records that did
    /// not: `"same"`, `"double"` (one and a half times or more), `"many"` (three times or more).
    ColdReadTakes,
    /// What `retention.ms` has removed of a topic, once it has removed something: exactly the `"records"` that are too old at
    /// the end, or only whole `"segments"`, with old records left.
    RetentionRemoves {
        /// The topic.
        topic: String,
    },
    /// `"yes"` if records that no consumer ever got were deleted by retention. A run without such tells nothing.
    UnreadDeleted,
    /// After DeleteRecords in the middle of a segment: `"kept"` if the segment's file is still there, `"cut"` if not.
    DeleteRecordsLeaves,
    /// `"yes"` if a compacted topic has more than one record of some key at the end. A run without such tells nothing.
    DoubledAfterCompaction {
        /// The topic.
        topic: String,
    },
    /// After compaction: `"gaps"` if offsets are missing between a topic's records, `"renumbered"` if not.
    OffsetsAfterCompaction {
        /// The topic.
        topic: String,
    },
    /// How records come to followers: `"fetched"` by them, or `"pushed"` by the leader.
    CopiesAre,
    /// When a broker that is away leaves the in-sync replicas: `"at-once"`, `"later"`, or it `"stays"`.
    LeavesIsr,
    /// What the high watermark does while a broker of the in-sync replicas is away: it `"waits"`, or it `"goes-on"`.
    HighWatermarkMeanwhile,
    /// How the creation of a topic ended: Kafka's name for the error, or `"NONE"`.
    CreateOutcome {
        /// The topic.
        topic: String,
    },
}

/// Grades one prediction.
pub fn grade(prediction: &Prediction, chosen: Option<&str>, facts: &Facts) -> PredictionResult {
    let measured = prediction.measure.take(facts);
    let correct = measured.as_ref().and_then(|value| prediction.choices.iter().find(|choice| choice.value == *value));
    let chosen = chosen.and_then(|id| prediction.choices.iter().find(|choice| choice.id == id));
    let right = match (&measured, chosen) {
        (Some(value), Some(chosen)) => Some(chosen.value == *value),
        _ => None,
    };
    let reply = measured.as_ref().and(chosen.or(correct)).map_or_else(Text::default, |choice| choice.reply.clone());
    PredictionResult {
        id: prediction.id.clone(),
        question: prediction.question.clone(),
        chosen: chosen.map(|choice| choice.id.clone()),
        correct: correct.map(|choice| choice.id.clone()),
        measured,
        right,
        reply,
    }
}

impl Measure {
    /// Measures; `None` while the recording does not tell.
    pub fn take(&self, facts: &Facts) -> Option<String> {
        match self {
            Measure::KeptAfterReading { topic } => kept_after_reading(facts, topic),
            Measure::SecondReaderGets { topic } => second_reader_gets(facts, topic),
            Measure::OrderSeen { topic } => order_seen(facts, topic).map(str::to_owned),
            Measure::PartitionAfterGrowth { topic, key } => partition_after_growth(facts, topic, key),
            Measure::OldRecordsAfterGrowth { topic, key } => old_records(facts, topic, key).map(str::to_owned),
            Measure::Directories { topic } => storage::directories(facts, topic),
            Measure::LeftAfterDamage { topic } => storage::left_after_damage(facts, topic).map(str::to_owned),
            Measure::IndexDamageCosts => storage::index_damage_costs(facts).map(str::to_owned),
            Measure::KeptByCrash => storage::kept(facts, Ending::Crash, None),
            Measure::KeptByPowerLoss { topic } => storage::kept(facts, Ending::PowerLoss, Some(topic)),
            Measure::ColdReadTakes => storage::cold_read_takes(facts).map(str::to_owned),
            Measure::RetentionRemoves { topic } => storage::retention_removes(facts, topic).map(str::to_owned),
            Measure::UnreadDeleted => storage::unread_deleted(facts).map(str::to_owned),
            Measure::DeleteRecordsLeaves => storage::delete_records_leaves(facts).map(str::to_owned),
            Measure::DoubledAfterCompaction { topic } => storage::doubled(facts, topic).map(str::to_owned),
            Measure::OffsetsAfterCompaction { topic } => storage::offsets_after(facts, topic).map(str::to_owned),
            Measure::CopiesAre => cluster::copies_are(facts).map(str::to_owned),
            Measure::LeavesIsr => cluster::leaves_isr(facts).map(str::to_owned),
            Measure::HighWatermarkMeanwhile => cluster::high_watermark_meanwhile(facts).map(str::to_owned),
            Measure::CreateOutcome { topic } => create_outcome(facts, topic),
        }
    }
}

fn kept_after_reading(facts: &Facts, topic: &str) -> Option<String> {
    let read = facts.delivered.values().flatten().any(|read| read.place.0 == topic);
    let stored = facts.topics.get(topic).map(|topic| topic.records.len() as i64)?;
    let held = facts.held(topic)?;
    (read && stored > 0).then(|| (held * 100 / stored).to_string())
}

fn second_reader_gets(facts: &Facts, topic: &str) -> Option<String> {
    let from_the_start = facts.consumers.iter().filter_map(|client| {
        let reads = facts.first_reads(*client);
        let count = reads.iter().filter(|read| read.place.0 == topic).count();
        let first = reads.iter().any(|read| read.place.0 == topic && read.place.2 == 0);
        first.then_some(count)
    });
    let counts: Vec<usize> = from_the_start.collect();
    match counts.as_slice() {
        [first, second, ..] if *first > 0 => Some((second * 100 / first).to_string()),
        _ => None,
    }
}

fn order_seen(facts: &Facts, topic: &str) -> Option<&'static str> {
    let reads = facts.consumers.iter().map(|client| {
        let reads = facts.first_reads(*client);
        reads.into_iter().filter(|read| read.place.0 == topic).collect::<Vec<_>>()
    });
    let reads = reads.max_by_key(Vec::len).filter(|reads| reads.len() >= 2)?;
    // The n-th record queued for a partition is the one at its n-th offset, as long as nothing failed.
    let mut sent: SortedMap<(i32, i64), usize> = SortedMap::new();
    let mut next: SortedMap<i32, i64> = SortedMap::new();
    for (order, queued) in facts.queued.iter().filter(|queued| queued.topic == topic).enumerate() {
        let offset = next.entry(queued.partition).or_default();
        sent.insert((queued.partition, *offset), order);
        *offset += 1;
    }
    let order: Vec<(i32, usize)> =
        reads.iter().filter_map(|read| Some((read.place.1, *sent.get(&(read.place.1, read.place.2))?))).collect();
    let rises = |partition: Option<i32>| {
        let mine: Vec<usize> = order
            .iter()
            .filter(|(home, _)| partition.is_none_or(|one| one == *home))
            .map(|(_, order)| *order)
            .collect();
        mine.is_sorted()
    };
    Some(match (rises(None), next.keys().all(|partition| rises(Some(*partition)))) {
        (true, _) => "sent",
        (false, true) => "partition",
        (false, false) => "none",
    })
}

fn partition_after_growth(facts: &Facts, topic: &str, key: &str) -> Option<String> {
    let grew = facts.topics.get(topic)?.grew?;
    let of_key = |queued: &&Queued| {
        queued.topic == topic && queued.seq > grew && queued.key.as_ref().is_some_and(|found| found.text == key)
    };
    facts.queued.iter().rfind(of_key).map(|queued| queued.partition.to_string())
}

fn old_records(facts: &Facts, topic: &str, key: &str) -> Option<&'static str> {
    let stored = facts.topics.get(topic)?;
    let grew = stored.grew?;
    let of_key = |text: Option<&naru_trace::Preview>| text.is_some_and(|found| found.text == key);
    let mut old =
        stored.records.iter().filter(|record| record.seq < grew && of_key(record.cell.key.as_ref())).peekable();
    old.peek()?;
    let view = facts.end.brokers.values().find_map(|broker| broker.topics.get(topic))?;
    let stays = |partition: i32, offset: i64| {
        let home = view.partitions.get(&partition);
        home.is_some_and(|home| home.cells.iter().any(|cell| cell.offset == offset && of_key(cell.key.as_ref())))
    };
    Some(if old.all(|record| stays(record.partition, record.cell.offset)) { "stayed" } else { "moved" })
}

fn create_outcome(facts: &Facts, topic: &str) -> Option<String> {
    let refused = facts.refused.iter().rev().find(|refusal| refusal.topic == topic);
    match refused {
        Some(refusal) => Some(refusal.error.clone()),
        None => facts.topics.contains_key(topic).then(|| "NONE".to_owned()),
    }
}
