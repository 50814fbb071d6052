//! A recording, sorted by what goals ask about: topics with their records, who sent what, who read what, what was
//! refused.
//!
//! Facts are read from the engine's events alone, never from the script's text, so that every way of writing a right
//! answer counts. What is asked of them is in [`crate::goals`] and [`crate::measure`]. What happened on disks and to logs as
//! a whole is in [`storage`]; what happened among brokers is in [`cluster`].

pub mod cluster;
pub mod storage;

use crate::refusal::Reason;
use cluster::ClusterFacts;
use naru_trace::{CellView, ClientRole, ClusterView, Micros, PartitionView, Preview, Seq, TraceEvent, TraceKind};
use naru_trace::{SortedMap, SortedSet};
use storage::StorageFacts;

/// Where a record is: topic, partition, offset.
pub type Place = (String, i32, i64);

/// Everything that goals ask about.
#[derive(Debug, Default)]
pub struct Facts {
    /// Topics by name, also those deleted later.
    pub topics: SortedMap<String, TopicFacts>,
    /// Clients' names by number.
    pub names: SortedMap<u32, String>,
    /// The clients that are consumers.
    pub consumers: SortedSet<u32>,
    /// Records that producers chose a partition for, in order.
    pub queued: Vec<Queued>,
    /// What each consumer got, in order.
    pub delivered: SortedMap<u32, Vec<Delivered>>,
    /// Refused topics, in order.
    pub refused: Vec<Refusal>,
    /// What happened on disks, and to logs as a whole.
    pub storage: StorageFacts,
    /// What happened among brokers.
    pub cluster: ClusterFacts,
    /// The picture at the end.
    pub end: ClusterView,
    /// The templates that the script made.
    pub templates: Vec<String>,
}

/// One topic.
#[derive(Debug, Default)]
pub struct TopicFacts {
    /// When it was created.
    pub created: Seq,
    /// When it was deleted, if it was.
    pub deleted: Option<Seq>,
    /// How many partitions it was created with.
    pub partitions_at_first: i32,
    /// How many it has.
    pub partitions: i32,
    /// When partitions were first added, if they were.
    pub grew: Option<Seq>,
    /// Its records, in the order they were appended.
    pub records: Vec<Stored>,
    /// How many records were acknowledged to producers.
    pub acknowledged: u64,
}

/// Where a batch lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlace {
    /// The base offset of its segment, which is the name of its files.
    pub segment: i64,
    /// Where in the segment's file it begins.
    pub position: u64,
    /// Its length in bytes.
    pub bytes: u32,
    /// The offset of its first record.
    pub first: i64,
}

/// A record in a log.
#[derive(Debug, Clone)]
pub struct Stored {
    /// When it was appended.
    pub seq: Seq,
    /// Its partition.
    pub partition: i32,
    /// The record.
    pub cell: CellView,
    /// The time when it was appended.
    pub at: Micros,
    /// The batch that it is in.
    pub batch: BatchPlace,
}

/// A record on its way into a batch.
#[derive(Debug, Clone)]
pub struct Queued {
    /// When.
    pub seq: Seq,
    /// Its topic.
    pub topic: String,
    /// The partition chosen.
    pub partition: i32,
    /// Its key.
    pub key: Option<Preview>,
    /// Its value.
    pub value: Option<Preview>,
}

/// A record that reached a consumer's application.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Where it came from.
    pub place: Place,
    /// The record.
    pub cell: CellView,
}

/// A topic that was refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The name asked for.
    pub topic: String,
    /// Kafka's name for the error.
    pub error: String,
    /// What is wrong with the name, if it is the name.
    pub reason: Option<Reason>,
}

impl Facts {
    /// Reads the events once.
    pub fn of(events: &[TraceEvent], templates: &[String]) -> Facts {
        let mut facts = Facts { templates: templates.to_vec(), ..Facts::default() };
        for event in events {
            facts.end.apply(event);
            facts.learn_topics(event);
            facts.learn_clients(event);
            facts.storage.learn(event, &facts.end);
            facts.cluster.learn(event, &facts.end);
        }
        facts
    }

    /// The topics that exist at the end, and only this one if a name is given.
    pub fn living(&self, name: Option<&str>) -> impl Iterator<Item = (&String, &TopicFacts)> {
        let name = name.map(str::to_owned);
        let wanted = move |topic: &String| name.as_ref().is_none_or(|name| name == topic);
        self.topics.iter().filter(move |(topic, facts)| facts.deleted.is_none() && wanted(topic))
    }

    /// The first time each consumer got each record, in order; records it got again are left out.
    pub fn first_reads(&self, client: u32) -> Vec<&Delivered> {
        let mut seen = SortedSet::new();
        let reads = self.delivered.get(&client).into_iter().flatten();
        reads.filter(|delivered| seen.insert(&delivered.place)).collect()
    }

    /// A client by its name. Of several with one name, the first.
    pub fn client(&self, name: &str) -> Option<u32> {
        self.names.iter().find(|(_, other)| other.as_str() == name).map(|(client, _)| *client)
    }

    /// The name of a client.
    pub fn name(&self, client: u32) -> &str {
        self.names.get(&client).map_or("?", String::as_str)
    }

    /// A partition at the end, at its leader where that runs.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionView> {
        let first = || self.end.brokers.values().find_map(|it| it.topics.get(topic)?.partitions.get(&partition));
        cluster::newest(&self.end, topic, partition).map(|(_, copy)| copy).or_else(first)
    }

    /// Whether what a broker did to a partition was done to a copy of what its leader has.
    fn is_copying(&self, actor: naru_trace::Actor, topic: &str, partition: i32) -> bool {
        let naru_trace::Actor::Broker(broker) = actor else { return false };
        let copy = self.end.brokers.get(&broker).and_then(|it| it.topics.get(topic)?.partitions.get(&partition));
        copy.is_some_and(|copy| copy.role == "follower")
    }

    /// A topic's own setting at the end, by Kafka's key.
    pub fn setting(&self, topic: &str, key: &str) -> Option<&str> {
        let topics = self.end.brokers.values().filter_map(|broker| broker.topics.get(topic));
        topics.filter_map(|topic| topic.configs.get(key)).map(String::as_str).next()
    }

    /// How many records a topic holds at the end, over all its partitions.
    pub fn held(&self, topic: &str) -> Option<i64> {
        let views = self.end.brokers.values().filter_map(|broker| broker.topics.get(topic));
        views
            .map(|view| {
                let records =
                    view.partitions.values().map(|partition| partition.log_end_offset - partition.log_start_offset);
                records.sum()
            })
            .max()
    }

    fn learn_topics(&mut self, event: &TraceEvent) {
        match &event.kind {
            // A broker that starts again tells of its topics again; they are the same ones.
            TraceKind::TopicCreated { topic, .. } if self.living(Some(topic)).next().is_some() => {}
            TraceKind::TopicCreated { topic, partitions, .. } => {
                let facts = TopicFacts {
                    created: event.seq,
                    partitions_at_first: *partitions,
                    partitions: *partitions,
                    ..TopicFacts::default()
                };
                self.topics.insert(topic.clone(), facts);
            }
            TraceKind::TopicDeleted { topic } => {
                if let Some(facts) = self.topics.get_mut(topic) {
                    facts.deleted = Some(event.seq);
                }
            }
            TraceKind::PartitionOpened { topic, partition, .. } => {
                let Some(facts) = self.topics.get_mut(topic) else { return };
                if *partition >= facts.partitions {
                    facts.partitions = partition + 1;
                    facts.grew.get_or_insert(event.seq);
                }
            }
            TraceKind::TopicRejected { topic, error, .. } => {
                let living = self.topics.iter().filter(|(_, facts)| facts.deleted.is_none());
                let reason = Reason::of(topic, living.map(|(name, _)| name.as_str()));
                self.refused.push(Refusal { topic: topic.clone(), error: error.to_string(), reason });
            }
            TraceKind::BatchAppended { topic, partition, .. } if self.is_copying(event.actor, topic, *partition) => {}
            TraceKind::BatchAppended { topic, partition, segment, position, bytes, records, .. } => {
                let Some(facts) = self.topics.get_mut(topic) else { return };
                let first = records.first().map_or(-1, |cell| cell.batch);
                let batch = BatchPlace { segment: *segment, position: *position, bytes: *bytes, first };
                let (seq, at, partition) = (event.seq, event.at, *partition);
                let stored = |cell: &CellView| Stored { seq, partition, cell: cell.clone(), at, batch };
                facts.records.extend(records.iter().map(stored));
            }
            TraceKind::BatchAcknowledged { topic, records, .. } => {
                if let Some(facts) = self.topics.get_mut(topic) {
                    facts.acknowledged += u64::from(*records);
                }
            }
            _ => {}
        }
    }

    fn learn_clients(&mut self, event: &TraceEvent) {
        let naru_trace::Actor::Client(client) = event.actor else { return };
        match &event.kind {
            TraceKind::ClientStarted { client, name, role, .. } => {
                self.names.insert(*client, name.clone());
                if *role == ClientRole::Consumer {
                    self.consumers.insert(*client);
                }
            }
            TraceKind::RecordQueued { topic, partition, key, value, .. } => self.queued.push(Queued {
                seq: event.seq,
                topic: topic.clone(),
                partition: *partition,
                key: key.clone(),
                value: value.clone(),
            }),
            TraceKind::RecordsDelivered { topic, partition, records, .. } => {
                let reads = self.delivered.entry(client).or_default();
                reads.extend(
                    records
                        .iter()
                        .map(|cell| Delivered { place: (topic.clone(), *partition, cell.offset), cell: cell.clone() }),
                );
            }
            _ => {}
        }
    }
}
