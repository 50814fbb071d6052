//! What happened to a cluster: who was in sync with whom and when, which brokers were away, how copies were made.

use naru_trace::SortedMap;
use naru_trace::{Actor, BrokerState, ClusterView, MessageWay, Micros, PartitionView, TraceEvent, TraceKind};

/// Everything about a cluster that goals ask about.
#[derive(Debug, Default)]
pub struct ClusterFacts {
    /// Every decision about the in-sync replicas, in order.
    pub isrs: Vec<IsrDecision>,
    /// Every time that a broker was away: paused, or its process at an end.
    pub absences: Vec<Absence>,
    /// Whether records went from broker to broker in requests, in answers to requests, or in both.
    pub copied_by: Vec<MessageWay>,
    /// Whether no broker at all was running at some time.
    pub all_were_down: bool,
    /// The newest decision about each partition.
    newest: SortedMap<(String, i32), (i32, Vec<i32>)>,
}

/// Who is in sync, decided anew.
#[derive(Debug, Clone)]
pub struct IsrDecision {
    /// When the first broker carried it out.
    pub at: Micros,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The leader; -1 for none.
    pub leader: i32,
    /// The leader's epoch.
    pub leader_epoch: i32,
    /// Who is in sync.
    pub isr: Vec<i32>,
    /// Who was before.
    pub before: Vec<i32>,
    /// How many records of the leader's log were above its high watermark.
    pub uncommitted: i64,
    /// When the high watermark had reached what was then the end of the log, if it has.
    pub committed_at: Option<Micros>,
    /// The end of the leader's log.
    end: i64,
}

impl IsrDecision {
    /// Who is not in sync any more.
    pub fn left(&self) -> impl Iterator<Item = i32> {
        self.before.iter().copied().filter(|broker| !self.isr.contains(broker))
    }

    /// Who is in sync again.
    pub fn came_back(&self) -> impl Iterator<Item = i32> {
        self.isr.iter().copied().filter(|broker| !self.before.contains(broker))
    }
}

/// A time in which a broker did nothing.
#[derive(Debug, Clone)]
pub struct Absence {
    /// The broker.
    pub broker: i32,
    /// When it began.
    pub from: Micros,
    /// When it ended, if it has.
    pub until: Option<Micros>,
    /// Whether its process stood still and was not at an end.
    pub paused: bool,
    /// The partitions that it led: topic, partition, leader epoch.
    pub led: Vec<(String, i32, i32)>,
}

impl ClusterFacts {
    pub(super) fn learn(&mut self, event: &TraceEvent, view: &ClusterView) {
        match &event.kind {
            TraceKind::PartitionOpened { topic, partition, view, .. } => {
                let first = (view.partition_epoch, view.isr.clone());
                self.newest.entry((topic.clone(), *partition)).or_insert(first);
            }
            TraceKind::PartitionRoleChanged { topic, partition, partition_epoch, .. } => {
                let place = (topic.clone(), *partition);
                let known = self.newest.get(&place);
                if known.is_none_or(|(epoch, _)| epoch < partition_epoch) {
                    self.decided(event.at, place, &event.kind, view);
                }
            }
            TraceKind::HighWatermarkAdvanced { topic, partition, high_watermark } => {
                let waiting = self.isrs.iter_mut().filter(|it| it.topic == *topic && it.partition == *partition);
                for decision in waiting.filter(|it| it.end <= *high_watermark && it.committed_at.is_none()) {
                    decision.committed_at = Some(event.at);
                }
            }
            TraceKind::BrokerPaused { broker } => self.away(event.at, *broker, true, view),
            TraceKind::BrokerCrashed { broker } | TraceKind::BrokerStopped { broker } => {
                self.back(event.at, *broker);
                self.away(event.at, *broker, false, view);
            }
            TraceKind::BrokerResumed { broker } | TraceKind::BrokerStarted { broker, .. } => {
                self.back(event.at, *broker);
            }
            TraceKind::MessageSent { from: Actor::Broker(_), to: Actor::Broker(_), label, .. } if label.records > 0 => {
                self.copied_by.push(label.way);
            }
            _ => {}
        }
    }

    fn decided(&mut self, at: Micros, place: (String, i32), kind: &TraceKind, view: &ClusterView) {
        let TraceKind::PartitionRoleChanged { leader, leader_epoch, partition_epoch, isr, .. } = kind else { return };
        let before = self.newest.insert(place.clone(), (*partition_epoch, isr.clone())).map(|(_, isr)| isr);
        let (topic, partition) = place;
        let copy = view.brokers.get(leader).and_then(|it| it.topics.get(&topic)?.partitions.get(&partition));
        let (end, high_watermark) = copy.map_or((0, 0), |copy| (copy.log_end_offset, copy.high_watermark));
        self.isrs.push(IsrDecision {
            at,
            topic,
            partition,
            leader: *leader,
            leader_epoch: *leader_epoch,
            before: before.unwrap_or_else(|| isr.clone()),
            isr: isr.clone(),
            uncommitted: end - high_watermark,
            committed_at: None,
            end,
        });
    }

    fn away(&mut self, from: Micros, broker: i32, paused: bool, view: &ClusterView) {
        let topics = view.brokers.get(&broker).into_iter().flat_map(|broker| &broker.topics);
        let partitions =
            topics.flat_map(|(topic, it)| it.partitions.iter().map(move |(number, it)| (topic, number, it)));
        let led = partitions.filter(|(_, _, copy)| copy.role == "leader");
        let led = led.map(|(topic, number, copy)| (topic.clone(), *number, copy.leader_epoch)).collect();
        self.absences.push(Absence { broker, from, until: None, paused, led });
        let running = view.brokers.values().any(|broker| broker.state == BrokerState::Running);
        self.all_were_down |= !running;
    }

    fn back(&mut self, at: Micros, broker: i32) {
        let away = self.absences.iter_mut().filter(|absence| absence.broker == broker && absence.until.is_none());
        away.for_each(|absence| absence.until = Some(at));
    }
}

/// The copies of a partition that there are, each with its broker.
pub fn copies<'v>(view: &'v ClusterView, topic: &str, partition: i32) -> Vec<(i32, &'v PartitionView)> {
    let copy = |(id, broker): (&i32, &'v naru_trace::BrokerView)| {
        let copy = broker.topics.get(topic)?.partitions.get(&partition)?;
        (copy.role != "elsewhere").then_some((*id, copy))
    };
    view.brokers.iter().filter_map(copy).collect()
}

/// The copy that knows the newest decision about its partition: the leader's, where that runs.
pub fn newest<'v>(view: &'v ClusterView, topic: &str, partition: i32) -> Option<(i32, &'v PartitionView)> {
    let running = |id: &i32| view.brokers[id].state == BrokerState::Running;
    let copies = copies(view, topic, partition).into_iter().filter(|(id, _)| running(id));
    copies.max_by_key(|(_, copy)| (copy.leader_epoch, copy.partition_epoch, copy.role == "leader"))
}
