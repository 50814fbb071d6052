//! Goals: named predicates over a recording.
//!
//! A predicate looks at what happened (see [`crate::facts`]) and never at the script's text or at the solution, so
//! that every right answer is accepted: other names, more records, another order of statements. Where a lab names a
//! topic, the predicate may name it too; where it does not, any topic will do. Each predicate also says what it saw,
//! with numbers.

mod cleaning;
mod cluster;
mod disk;
mod naming;
mod order;
mod reading;

use crate::{
    facts::{Facts, TopicFacts, storage::Ending},
    lab::Goal,
    recording::GoalResult,
    refusal::Reason,
    text::Text,
};
use serde::{Deserialize, Serialize};

/// What can be asked of a recording. Written in `lab.toml` as `{ check = "name", .. }`, which `build.rs` turns into the
/// `{ name: { .. } }` of a plain enum: that costs the browser less code to read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Predicate {
    /// A topic has at least so many acknowledged records.
    AcknowledgedAtLeast {
        /// Only this topic; any if it is not given.
        #[serde(default)]
        topic: Option<String>,
        /// How many.
        records: u64,
    },
    /// At least so many records of one topic were each delivered to so many different consumers.
    ReadByEach {
        /// Only this topic.
        #[serde(default)]
        topic: Option<String>,
        /// How many consumers.
        consumers: usize,
        /// How many records.
        records: usize,
    },
    /// A consumer got at least so many records a second time.
    ReadAgain {
        /// How many.
        records: usize,
    },
    /// At least so many records that were delivered are still in the log at the end.
    StillThere {
        /// How many.
        records: usize,
    },
    /// A consumer with something to read got nothing.
    GotNothing,
    /// A consumer got later records of a partition, but not its first ones.
    SkippedTheBeginning,
    /// At least so many records are in one topic more than once, with equal key and value.
    StoredTwice {
        /// How many.
        records: usize,
    },
    /// Exactly or at least so many consumers were started.
    ConsumersAtLeast {
        /// How many.
        consumers: usize,
    },
    /// A topic was created with, or grew to, at least so many partitions.
    PartitionsAtLeast {
        /// Only this topic.
        #[serde(default)]
        topic: Option<String>,
        /// How many.
        partitions: i32,
    },
    /// A topic's records are in at least so many different partitions.
    PartitionsUsed {
        /// Only this topic.
        #[serde(default)]
        topic: Option<String>,
        /// How many.
        partitions: usize,
    },
    /// In one topic, records that belong together are in the same partition: the guarantee behind their order.
    Together {
        /// Only this topic.
        #[serde(default)]
        topic: Option<String>,
        /// What tells which records belong together.
        by: By,
        /// At least so many groups of two records or more.
        groups: usize,
        /// Only topics with at least so many partitions.
        #[serde(default)]
        partitions: i32,
    },
    /// A consumer read a whole topic, and got the records of each group in the order they were sent.
    OrderKept {
        /// Only this topic.
        #[serde(default)]
        topic: Option<String>,
        /// What tells which records belong together.
        by: By,
        /// At least so many groups of two records or more.
        groups: usize,
    },
    /// A topic has records without a key, at least so many.
    WithoutKey {
        /// Only this topic.
        #[serde(default)]
        topic: Option<String>,
        /// How many.
        records: usize,
    },
    /// All records of a topic have the same key, and there are at least three.
    OnlyOneKey,
    /// A key has records of different groups: the key does not tell the groups apart.
    KeyMixesGroups,
    /// Partitions were added to a topic that held at least so many records.
    Grew {
        /// How many records it held.
        records: usize,
    },
    /// A key of one topic has records in two partitions.
    KeySplit,
    /// Every record of a topic that grew is, with its key, also in another topic of at least so many partitions,
    /// where each key has only one partition.
    Moved {
        /// How many partitions the other topic must have.
        partitions: i32,
    },
    /// In the topic that the records moved to, each key's records stand in the order they were first sent.
    MovedInOrder {
        /// How many partitions the other topic must have.
        partitions: i32,
    },
    /// At least so many topics exist at the end.
    TopicsAtLeast {
        /// How many.
        topics: usize,
    },
    /// A topic exists at the end.
    TopicExists {
        /// Its name.
        topic: String,
    },
    /// A topic was refused, for this reason.
    TopicRefused {
        /// What is wrong with its name.
        reason: Reason,
    },
    /// Topics exist for all of these templates, a different one for each.
    TemplatesCovered {
        /// The templates.
        templates: Vec<String>,
    },
    /// The script made a template of its own, and at least so many topics fit it.
    OwnTemplate {
        /// Templates that are not one's own.
        besides: Vec<String>,
        /// How many fields it must have.
        fields: usize,
        /// How many topics must fit it.
        topics: usize,
        /// Topics that do not count, because somebody else named them.
        #[serde(default)]
        examples: Vec<String>,
    },
    /// The script made a template of its own.
    MadeTemplate {
        /// Templates that are not one's own.
        besides: Vec<String>,
    },
    /// A byte was changed in the batch of the record with this value, or with this first word in its value.
    RecordDamaged {
        /// The value, or its first word.
        value: String,
    },
    /// Such a byte was changed, the process ended without warning, and after its restart the log ended exactly before that
    /// record, with at least so many records left.
    CutAt {
        /// The value, or its first word.
        value: String,
        /// How many records must be left.
        kept: i64,
    },
    /// A process that ended without warning came back with at least two records less.
    CrashCostRecords,
    /// A restart cut a batch of several records.
    WholeBatchLost,
    /// Records were damaged, and the start after a stop in good order did not look.
    DamageUnnoticed,
    /// A byte of an index was changed, and after a restart all records, at least so many, were there.
    IndexHarmless {
        /// How many.
        records: i64,
    },
    /// The process ended without warning, and after its restart all acknowledged records of a partition, at least so many,
    /// were there.
    SurvivedCrash {
        /// How many.
        records: i64,
    },
    /// The same with a power failure.
    SurvivedPowerLoss {
        /// How many.
        records: i64,
    },
    /// At least so many acknowledged records of a partition were lost by a power failure.
    LostByPowerLoss {
        /// How many.
        records: i64,
    },
    /// The power failed at least so long after the last acknowledgement.
    WaitedBeforePowerLoss {
        /// Milliseconds.
        ms: u64,
    },
    /// A consumer read at least so many records, and all their pages were in memory.
    ReadHot {
        /// How many.
        records: u64,
    },
    /// A consumer read at least so many records, and pages had to come from the disk.
    ReadCold {
        /// How many.
        records: u64,
    },
    /// Of one log, exactly the first so many segments went, all because of this setting, and something is left.
    SegmentsWent {
        /// How many.
        segments: usize,
        /// `retention.ms` or `retention.bytes`.
        because: String,
    },
    /// Of one log, more segments than that went because of this setting.
    MoreSegmentsWent {
        /// How many.
        segments: usize,
        /// `retention.ms` or `retention.bytes`.
        because: String,
    },
    /// A client had records deleted, and the log begins within a segment since.
    StartInsideSegment,
    /// A record without a value was written to a topic that is not compacted.
    TombstoneInPlainTopic,
    /// A topic has its own value for this key.
    SettingIs {
        /// Kafka's key.
        key: String,
    },
    /// A log was compacted: its closed segments hold one record of each of at least so many keys.
    Compacted {
        /// How many.
        keys: usize,
    },
    /// A compacted log has records of one key both in closed segments and in the active one.
    KeyInActiveToo,
    /// A key's records are gone, tombstone included.
    KeyGone {
        /// The key.
        key: String,
    },
    /// A key's newest record has an empty value.
    EmptyValue {
        /// The key.
        key: String,
    },
    /// A key's tombstone lies in the active segment.
    TombstoneInActive {
        /// The key.
        key: String,
    },
    /// A batch was refused with this error.
    BatchRefused {
        /// Kafka's name for it.
        error: String,
    },
    /// At the end so many brokers hold the same records of a partition, at least so many, all of them committed.
    Copied {
        /// How many brokers.
        replicas: usize,
        /// How many records.
        records: i64,
    },
    /// A follower left the in-sync replicas while the leader stayed.
    LeftIsr,
    /// At least so many records waited for a follower, and were committed when it was out of the in-sync replicas.
    WaitedForFollower {
        /// How many.
        records: i64,
    },
    /// A follower that had left the in-sync replicas is back.
    BackInIsr,
    /// The process of a partition's leader ended, and at the end another broker leads and has all acknowledged records, at
    /// least so many.
    OutlivedLeader {
        /// How many.
        records: u64,
    },
    /// A broker was away for a while, and stayed among the in-sync replicas all the time.
    AwayInSync,
    /// At some time no broker was running.
    AllWereDown,
    /// No partition has more than one replica.
    OnlyOneCopy,
    /// None of these is the case.
    NoneOf {
        /// The predicates.
        of: Vec<Predicate>,
    },
    /// All of these are the case.
    AllOf {
        /// The predicates.
        of: Vec<Predicate>,
    },
}

/// What tells which records belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The key.
    Key,
    /// The value's first word: `order-1 paid`.
    FirstWord,
}

/// What a predicate found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub met: bool,
    /// What was seen, in one sentence.
    pub seen: Text,
}

impl Verdict {
    pub(crate) fn new(met: bool, en: impl Into<String>, ko: impl Into<String>) -> Self {
        Verdict { met, seen: Text::new(en, ko) }
    }
}

/// Grades one goal.
pub fn grade(goal: &Goal, facts: &Facts) -> GoalResult {
    let verdict = goal.needs.judge(facts);
    let hint = || {
        let fitting = goal.hints.iter().find(|hint| hint.when.judge(facts).met);
        fitting.map_or(&goal.hint, |hint| &hint.hint).clone()
    };
    GoalResult {
        id: goal.id.clone(),
        title: goal.title.clone(),
        met: verdict.met,
        hint: (!verdict.met).then(hint),
        detail: verdict.seen,
    }
}

impl Predicate {
    /// Asks the recording.
    pub fn judge(&self, facts: &Facts) -> Verdict {
        use Predicate as P;
        match self {
            P::AcknowledgedAtLeast { topic, records } => acknowledged(facts, topic.as_deref(), *records),
            P::PartitionsAtLeast { topic, partitions } => partitions_at_least(facts, topic.as_deref(), *partitions),
            P::TopicsAtLeast { topics } => topics_at_least(facts, *topics),
            P::TopicExists { topic } => topic_exists(facts, topic),
            P::ReadByEach { topic, consumers, records } => {
                reading::by_each(facts, topic.as_deref(), *consumers, *records)
            }
            P::ReadAgain { records } => reading::again(facts, *records),
            P::StillThere { records } => reading::still_there(facts, *records),
            P::GotNothing => reading::got_nothing(facts),
            P::SkippedTheBeginning => reading::skipped_the_beginning(facts),
            P::StoredTwice { records } => reading::stored_twice(facts, *records),
            P::ConsumersAtLeast { consumers } => reading::consumers_at_least(facts, *consumers),
            P::PartitionsUsed { topic, partitions } => order::partitions_used(facts, topic.as_deref(), *partitions),
            P::Together { topic, by, groups, partitions } => {
                order::together(facts, topic.as_deref(), *by, *groups, *partitions)
            }
            P::OrderKept { topic, by, groups } => order::kept(facts, topic.as_deref(), *by, *groups),
            P::WithoutKey { topic, records } => order::without_key(facts, topic.as_deref(), *records),
            P::OnlyOneKey => order::only_one_key(facts),
            P::KeyMixesGroups => order::key_mixes_groups(facts),
            P::Grew { records } => order::grew(facts, *records),
            P::KeySplit => order::key_split(facts),
            P::Moved { partitions } => order::moved(facts, *partitions),
            P::MovedInOrder { partitions } => order::moved_in_order(facts, *partitions),
            P::TopicRefused { reason } => naming::refused(facts, *reason),
            P::TemplatesCovered { templates } => naming::covered(facts, templates),
            P::OwnTemplate { besides, fields, topics, examples } => {
                naming::own_template(facts, besides, (*fields, *topics), examples)
            }
            P::MadeTemplate { besides } => naming::made_template(facts, besides),
            P::RecordDamaged { value } => disk::record_damaged(facts, value),
            P::CutAt { value, kept } => disk::cut_at(facts, value, *kept),
            P::CrashCostRecords => disk::crash_cost_records(facts),
            P::WholeBatchLost => disk::whole_batch_lost(facts),
            P::DamageUnnoticed => disk::damage_unnoticed(facts),
            P::IndexHarmless { records } => disk::index_harmless(facts, *records),
            P::SurvivedCrash { records } => disk::survived(facts, Ending::Crash, *records),
            P::SurvivedPowerLoss { records } => disk::survived(facts, Ending::PowerLoss, *records),
            P::LostByPowerLoss { records } => disk::lost(facts, Ending::PowerLoss, *records),
            P::WaitedBeforePowerLoss { ms } => disk::waited_before_power_loss(facts, *ms),
            P::ReadHot { records } => disk::read_pages(facts, *records, false),
            P::ReadCold { records } => disk::read_pages(facts, *records, true),
            P::SegmentsWent { segments, because } => cleaning::segments_went(facts, *segments, because),
            P::MoreSegmentsWent { segments, because } => cleaning::more_segments_went(facts, *segments, because),
            P::StartInsideSegment => cleaning::start_inside_segment(facts),
            P::TombstoneInPlainTopic => cleaning::tombstone_in_plain_topic(facts),
            P::SettingIs { key } => cleaning::setting_is(facts, key),
            P::Compacted { keys } => cleaning::compacted(facts, *keys),
            P::KeyInActiveToo => cleaning::key_in_active_too(facts),
            P::KeyGone { key } => cleaning::key_gone(facts, key),
            P::EmptyValue { key } => cleaning::empty_value(facts, key),
            P::TombstoneInActive { key } => cleaning::tombstone_in_active(facts, key),
            P::BatchRefused { error } => cleaning::batch_refused(facts, error),
            P::Copied { replicas, records } => cluster::copied(facts, *replicas, *records),
            P::LeftIsr => cluster::left_isr(facts),
            P::WaitedForFollower { records } => cluster::waited_for_follower(facts, *records),
            P::BackInIsr => cluster::back_in_isr(facts),
            P::OutlivedLeader { records } => cluster::outlived_leader(facts, *records),
            P::AwayInSync => cluster::away_in_sync(facts),
            P::AllWereDown => cluster::all_were_down(facts),
            P::OnlyOneCopy => cluster::only_one_copy(facts),
            P::NoneOf { of } => {
                let held: Vec<Verdict> = of.iter().map(|one| one.judge(facts)).filter(|one| one.met).collect();
                Verdict { met: held.is_empty(), seen: joined(&held) }
            }
            P::AllOf { of } => {
                let all: Vec<Verdict> = of.iter().map(|one| one.judge(facts)).collect();
                Verdict { met: all.iter().all(|one| one.met), seen: joined(&all) }
            }
        }
    }
}

fn joined(verdicts: &[Verdict]) -> Text {
    let words = |pick: fn(&Text) -> &String| -> String {
        let all: Vec<&str> = verdicts.iter().map(|verdict| pick(&verdict.seen).as_str()).collect();
        all.join(" ")
    };
    Text::new(words(|text| &text.en), words(|text| &text.ko))
}

/// The best of what was found for several topics: the first that meets the goal, else the one that came closest.
pub(crate) fn best(candidates: impl Iterator<Item = (usize, Verdict)>, none: Verdict) -> Verdict {
    let mut closest: Option<(usize, Verdict)> = None;
    for (score, verdict) in candidates {
        let better = match &closest {
            None => true,
            Some((other, found)) => (verdict.met, score) > (found.met, *other),
        };
        if better {
            closest = Some((score, verdict));
        }
    }
    closest.map_or(none, |(_, verdict)| verdict)
}

pub(crate) fn no_topic(name: Option<&str>) -> Verdict {
    match name {
        Some(name) => Verdict::new(false, format!("There is no topic {name}."), format!("{name} 토픽이 없습니다.")),
        None => Verdict::new(false, "There is no such topic.", "그런 토픽이 없습니다."),
    }
}

fn acknowledged(facts: &Facts, topic: Option<&str>, records: u64) -> Verdict {
    let candidates = facts.living(topic).map(|(name, topic): (&String, &TopicFacts)| {
        let found = topic.acknowledged;
        let verdict = Verdict::new(
            found >= records,
            format!("{name} has {found} acknowledged records; {records} are wanted."),
            format!("{name}에 응답(acks)을 받은 레코드가 {found}개 있습니다. {records}개가 필요합니다."),
        );
        (found as usize, verdict)
    });
    best(candidates, no_topic(topic))
}

fn partitions_at_least(facts: &Facts, topic: Option<&str>, partitions: i32) -> Verdict {
    let candidates = facts.living(topic).map(|(name, topic)| {
        let found = topic.partitions;
        let verdict = Verdict::new(
            found >= partitions,
            format!("{name} has {found} partitions; {partitions} are wanted."),
            format!("{name}의 파티션은 {found}개입니다. {partitions}개가 필요합니다."),
        );
        (found as usize, verdict)
    });
    best(candidates, no_topic(topic))
}

fn topic_exists(facts: &Facts, topic: &str) -> Verdict {
    match facts.living(Some(topic)).next() {
        Some(_) => Verdict::new(true, format!("{topic} exists."), format!("{topic} 토픽이 있습니다.")),
        None => no_topic(Some(topic)),
    }
}

fn topics_at_least(facts: &Facts, topics: usize) -> Verdict {
    let found = facts.living(None).count();
    Verdict::new(found >= topics, format!("There are {found} topics."), format!("토픽이 {found}개 있습니다."))
}
