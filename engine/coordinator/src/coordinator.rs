//! The coordinator of one partition of `__consumer_offsets`: its groups, its offsets, its timers.
//!
//! Handlers are spread over the modules by what they are about; here is what they share: who asks, what they may look at, and
//! how records come back ([`Coordinator::replay`]).

use crate::{
    classic::{ClassicGroup, ClassicWork},
    config::GroupConfig,
    consumer::ConsumerGroup,
    offsets::GroupOffsets,
    record::{ClassicValue, ConsumerRecord, Record},
    timers::{TimerKind, Timers},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{Deadline, GroupView, Now, SortedMap, Trace, TraceKind};
use naru_wire::{ErrorCode, Response};
use uuid::Uuid;

/// A client that waits for an answer: a number that the broker gave it, and the version it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiter {
    /// The broker's number for it.
    pub id: u64,
    /// The version of its request.
    pub version: i16,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// Whom to answer.
    pub waiter: Waiter,
    /// Its `client.id`.
    pub id: &'a str,
    /// Where it connects from, as Kafka writes it: `/127.0.0.1`.
    pub host: &'a str,
}

/// A topic, as far as a coordinator is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
}

/// The topics that there are.
pub trait Topics {
    /// By name.
    fn by_name(&self, name: &str) -> Option<TopicInfo>;
    /// By id.
    fn by_id(&self, id: Uuid) -> Option<TopicInfo>;
    /// All names, sorted.
    fn names(&self) -> Vec<String>;
}

/// What comes from outside for the length of a call.
pub struct Io<'a> {
    /// The time.
    pub now: Now,
    /// The topics that there are.
    pub topics: &'a dyn Topics,
    /// Where ids of members come from.
    pub new_uuid: &'a mut dyn FnMut() -> Uuid,
    /// Where events are written.
    pub trace: &'a mut Trace,
}

/// What came of a request or a timer.
#[derive(Debug, Default)]
pub struct Outcome {
    /// To be appended as one batch and replayed. Empty if nothing durable changes.
    pub records: Vec<Record>,
    /// Whom to answer what, once the records are committed. Who asked and is not among them waits.
    pub replies: Vec<(u64, Response)>,
}

impl Outcome {
    pub(crate) fn reply(&mut self, client: &Client<'_>, response: impl Into<Response>) {
        self.replies.push((client.waiter.id, response.into()));
    }
}

/// A group of either protocol.
#[derive(Debug)]
pub(crate) enum Group {
    Classic(ClassicGroup),
    Consumer(ConsumerGroup),
}

/// The groups of one partition of `__consumer_offsets`.
#[derive(Debug)]
pub struct Coordinator {
    pub(crate) config: GroupConfig,
    pub(crate) groups: SortedMap<String, Group>,
    pub(crate) offsets: SortedMap<String, GroupOffsets>,
    pub(crate) timers: Timers,
    /// While the partition is loaded: classic groups as their newest records have them.
    loading: Option<SortedMap<String, ClassicValue>>,
}

impl Coordinator {
    /// A coordinator that knows nothing yet. Replay the partition's records, then [`Coordinator::finish_loading`].
    pub fn new(config: GroupConfig) -> Self {
        Coordinator {
            config,
            groups: SortedMap::new(),
            offsets: SortedMap::new(),
            timers: Timers::default(),
            loading: Some(SortedMap::new()),
        }
    }

    /// Takes in a record: what was appended, or what is loaded. The only thing that changes what is durable.
    pub fn replay(&mut self, record: Record) {
        match record {
            Record::Offset { group, topic, partition, value } => {
                match value {
                    Some(value) => self.offsets.entry(group).or_default().insert(&topic, partition, value),
                    None => self.forget_offset(&group, &topic, partition),
                };
            }
            Record::Classic { group, value } => self.replay_classic(group, value),
            Record::Consumer { group, record } => self.replay_consumer(group, record),
        }
    }

    /// All records of the partition are replayed: groups get to work. Members have a whole session to be heard of.
    pub fn finish_loading(&mut self, io: &mut Io<'_>) {
        let Some(loaded) = self.loading.take() else { return };
        for (id, value) in loaded {
            self.groups.insert(id, Group::Classic(ClassicGroup::from_value(value)));
        }
        let with_offsets: Vec<String> = self.offsets.keys().cloned().collect();
        for id in with_offsets {
            self.groups.entry(id).or_insert_with(|| Group::Classic(ClassicGroup::default()));
        }
        for group in self.groups.values_mut() {
            if let Group::Consumer(group) = group {
                group.learn_names(io.topics);
            }
        }
        self.restart_sessions(io);
        for id in self.groups.keys() {
            io.trace.emit(|| TraceKind::GroupLoaded {
                group: id.clone(),
                view: alloc::boxed::Box::new(self.group_view(id).unwrap_or_default()),
            });
        }
    }

    /// Tells the picture that the groups are gone from here: another broker has them now.
    pub fn unload(self, trace: &mut Trace) {
        for group in self.groups.into_keys() {
            trace.emit(|| TraceKind::GroupForgotten { group, because: "unloaded".into() });
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, io: &mut Io<'_>) -> Option<Outcome> {
        let (group, kind) = self.timers.take_due(io.now.monotonic)?;
        let mut outcome = Outcome::default();
        match self.groups.get(&group) {
            Some(Group::Classic(_)) => {
                if let Some(mut work) = self.classic(&group, io, &mut outcome) {
                    work.on_timer(kind);
                }
            }
            Some(Group::Consumer(_)) => self.on_consumer_timer(&group, kind, io, &mut outcome),
            None => {}
        }
        Some(outcome)
    }

    /// When [`Coordinator::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.timers.next().map(|at| Deadline { at, reason: "group" })
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are no groups.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups as a picture, read straight from the state.
    pub fn views(&self) -> impl Iterator<Item = (String, GroupView)> {
        self.groups.keys().filter_map(|id| Some((id.clone(), self.group_view(id)?)))
    }

    /// A classic group at work.
    pub(crate) fn classic<'a, 'io>(
        &'a mut self,
        id: &'a str,
        io: &'a mut Io<'io>,
        outcome: &'a mut Outcome,
    ) -> Option<ClassicWork<'a, 'io>> {
        let Some(Group::Classic(group)) = self.groups.get_mut(id) else { return None };
        Some(ClassicWork { id, group, timers: &mut self.timers, config: &self.config, io, outcome })
    }

    /// A classic group, made if there is no group of this id. `None` when it follows KIP-848.
    pub(crate) fn make_classic(&mut self, id: &str, io: &mut Io<'_>) -> Option<()> {
        if !self.groups.contains_key(id) {
            self.groups.insert(id.to_string(), Group::Classic(ClassicGroup::default()));
            io.trace.emit_then(|| TraceKind::GroupStateChanged {
                group: id.into(),
                state: "Empty".into(),
                generation: 0,
                protocol: String::new(),
                leader: String::new(),
                because: "created".into(),
            });
        }
        matches!(self.groups.get(id), Some(Group::Classic(_))).then_some(())
    }

    /// Forgets a group that has nobody in it, and tells the picture.
    pub(crate) fn forget_group(&mut self, id: &str, because: &'static str, io: &mut Io<'_>) {
        if self.groups.remove(id).is_some() {
            self.timers.cancel_group(id);
            io.trace.emit(|| TraceKind::GroupForgotten { group: id.into(), because: because.into() });
        }
    }

    pub(crate) fn forget_offset(&mut self, group: &str, topic: &str, partition: i32) {
        let Some(offsets) = self.offsets.get_mut(group) else { return };
        offsets.remove(topic, partition);
        if offsets.is_empty() {
            self.offsets.remove(group);
        }
    }

    fn replay_classic(&mut self, id: String, value: Option<ClassicValue>) {
        match (&mut self.loading, value) {
            (Some(loading), Some(value)) => {
                loading.insert(id, value);
            }
            (Some(loading), None) => {
                loading.remove(&id);
            }
            // The group itself has changed already, when it was decided: all but its record is soft.
            (None, value) => {
                if let Some(Group::Classic(group)) = self.groups.get_mut(&id) {
                    group.is_stored = value.is_some();
                }
            }
        }
    }

    fn replay_consumer(&mut self, id: String, record: ConsumerRecord) {
        if let ConsumerRecord::Epoch(None) = record {
            if matches!(self.groups.get(&id), Some(Group::Consumer(_))) {
                self.groups.remove(&id);
            }
            return;
        }
        let is_removal = record.is_tombstone();
        if !matches!(self.groups.get(&id), Some(Group::Consumer(_))) {
            // Tombstones of a group that is gone make no group.
            if is_removal {
                return;
            }
            if let Some(loading) = &mut self.loading {
                loading.remove(&id);
            }
            self.groups.insert(id.clone(), Group::Consumer(ConsumerGroup::default()));
        }
        if let Some(Group::Consumer(group)) = self.groups.get_mut(&id) {
            group.replay(record);
        }
    }

    fn restart_sessions(&mut self, io: &mut Io<'_>) {
        let timers = &mut self.timers;
        for (id, group) in &self.groups {
            match group {
                Group::Classic(group) => {
                    for (member_id, member) in &group.members {
                        let timeout_us = u64::try_from(member.session_timeout_ms).unwrap_or(0) * 1_000;
                        timers.set(id, TimerKind::Member(member_id.clone()), io.now.monotonic.plus(timeout_us));
                    }
                }
                Group::Consumer(group) => group.restart_sessions(id, &self.config, io.now.monotonic, timers),
            }
        }
    }

    fn group_view(&self, id: &str) -> Option<GroupView> {
        let mut view = match self.groups.get(id)? {
            Group::Classic(group) => GroupView {
                state: group.state.name().into(),
                generation: group.generation,
                protocol: group.protocol.clone().unwrap_or_default(),
                leader: group.leader.clone().unwrap_or_default(),
                members: group.member_views(),
                offsets: SortedMap::new(),
            },
            Group::Consumer(group) => group.view(),
        };
        if let Some(offsets) = self.offsets.get(id) {
            view.offsets = offsets.view();
        }
        Some(view)
    }
}

/// `group.id` may be anything but nothing.
pub(crate) fn check_group_id(id: &str) -> Result<(), ErrorCode> {
    if id.is_empty() { Err(ErrorCode::InvalidGroupId) } else { Ok(()) }
}
