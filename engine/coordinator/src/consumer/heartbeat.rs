//! ConsumerGroupHeartbeat (68): the one request of KIP-848. A member joins, stays, says what it owns, and leaves with it, and
//! learns from the answer what it is to own.
//!
//! The work is done on a draft of the group: what is decided is replayed there at once, so that the next decision of the same
//! heartbeat sees it, and on the group itself when it is in the log.

use super::{
    ConsumerGroup, Partitions,
    assignor::{Question, assign, is_known},
    reconcile::{self, Target},
};
use crate::{
    coordinator::{Client, Coordinator, Group, Io, Outcome},
    record::{ConsumerRecord, CurrentAssignment, MemberMetadata, Record},
    timers::TimerKind,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{SortedMap, SortedSet, TraceKind};
use naru_wire::{
    ErrorCode, StrBytes,
    messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
        consumer_group_heartbeat_response::{Assignment, TopicPartitions},
    },
};
use uuid::Uuid;

/// A member joins, or joins again.
const JOIN: i32 = 0;
/// A member leaves for good.
const LEAVE: i32 = -1;
/// A static member leaves for a while: its place is kept.
const LEAVE_FOR_A_WHILE: i32 = -2;

/// A refusal and its sentence.
type Refusal = (ErrorCode, &'static str);

/// A group as it will be, and the records that make it so.
struct Draft {
    id: String,
    group: ConsumerGroup,
    records: Vec<Record>,
}

impl Draft {
    fn write(&mut self, record: ConsumerRecord) {
        self.group.replay(record.clone());
        self.records.push(Record::Consumer { group: self.id.clone(), record });
    }

    fn bump_epoch(&mut self) {
        self.write(ConsumerRecord::Epoch(Some(self.group.epoch + 1)));
    }

    fn forget_member(&mut self, member: &str) {
        self.write(ConsumerRecord::Current { member: member.into(), value: None });
        self.write(ConsumerRecord::Target { member: member.into(), value: None });
        self.write(ConsumerRecord::Member { member: member.into(), value: None });
    }
}

impl Coordinator {
    /// Answers ConsumerGroupHeartbeat.
    pub fn consumer_heartbeat(
        &mut self,
        io: &mut Io<'_>,
        client: &Client<'_>,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let response = match self.try_consumer_heartbeat(io, client, request, &mut outcome.records) {
            Ok(response) => response,
            Err((error, message)) => {
                outcome.records.clear();
                let message = if message.is_empty() { error.message() } else { message };
                ConsumerGroupHeartbeatResponse::default()
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_static_str(message)))
            }
        };
        outcome.reply(client, response);
        outcome
    }

    fn try_consumer_heartbeat(
        &mut self,
        io: &mut Io<'_>,
        client: &Client<'_>,
        request: &ConsumerGroupHeartbeatRequest,
        records: &mut Vec<Record>,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        check_form(request)?;
        let mut draft = self.draft(request)?;
        let member_id = self.member_id_for(io, request, &draft)?;
        if matches!(request.member_epoch, LEAVE | LEAVE_FOR_A_WHILE) {
            let response = self.leave(io, &mut draft, request);
            return Ok(self.finish(io, draft, records, response?));
        }
        let before = draft.group.current.get(&member_id).cloned();
        check_epoch(&draft.group, &member_id, request)?;
        self.take_in(io, &mut draft, client, (&member_id, request));
        self.target(io, &mut draft);
        reconcile_member(&mut draft, &member_id, request);
        let after = draft.group.current.get(&member_id).cloned().unwrap_or_default();
        self.set_timers(io, &draft, &member_id, &after);
        let changed = before.is_none_or(|before| before.assigned != after.assigned);
        let is_full = request.topic_partitions.is_some() && request.subscribed_topic_names.is_some();
        let response = ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(StrBytes::from_string(member_id)))
            .with_member_epoch(after.epoch)
            .with_heartbeat_interval_ms(self.config.consumer_heartbeat_interval_ms)
            .with_assignment((changed || is_full || request.member_epoch == JOIN).then(|| answer(&after.assigned)));
        Ok(self.finish(io, draft, records, response))
    }

    /// The group as it is. A member that joins makes it; a classic group without members becomes one of KIP-848.
    fn draft(&self, request: &ConsumerGroupHeartbeatRequest) -> Result<Draft, Refusal> {
        let id = request.group_id.to_string();
        let draft = |group, records| Draft { id: id.clone(), group, records };
        match self.groups.get(id.as_str()) {
            Some(Group::Consumer(group)) => Ok(draft(group.clone(), Vec::new())),
            None if request.member_epoch == JOIN => Ok(draft(ConsumerGroup::default(), Vec::new())),
            Some(Group::Classic(group)) if request.member_epoch == JOIN && self.is_deletable(&id) => {
                let tombstone = Record::Classic { group: id.clone(), value: None };
                Ok(draft(ConsumerGroup::default(), group.is_stored.then_some(tombstone).into_iter().collect()))
            }
            _ => Err((ErrorCode::GroupIdNotFound, "")),
        }
    }

    fn member_id_for(
        &self,
        io: &mut Io<'_>,
        request: &ConsumerGroupHeartbeatRequest,
        draft: &Draft,
    ) -> Result<String, Refusal> {
        let given = request.member_id.to_string();
        let of_instance = request.instance_id.as_ref().and_then(|instance| {
            let mut members = draft.group.members.iter();
            members.find(|(_, member)| member.instance_id.as_deref() == Some(instance.as_str()))
        });
        match of_instance {
            Some((current, _)) if *current != given => {
                let is_away = draft.group.current.get(current).is_some_and(|it| it.epoch == LEAVE_FOR_A_WHILE);
                match request.member_epoch {
                    JOIN if is_away => {}
                    JOIN => return Err((ErrorCode::UnreleasedInstanceId, "")),
                    _ => return Err((ErrorCode::FencedInstanceId, "")),
                }
            }
            None if request.instance_id.is_some() && request.member_epoch != JOIN => {
                return Err((ErrorCode::UnknownMemberId, ""));
            }
            _ => {}
        }
        let is_known = draft.group.members.contains_key(&given);
        if request.member_epoch != JOIN && !is_known {
            return Err((ErrorCode::UnknownMemberId, ""));
        }
        if !is_known && draft.group.members.len() >= self.config.consumer_max_size {
            return Err((ErrorCode::GroupMaxSizeReached, ""));
        }
        // Before version 1 the coordinator chose the id.
        Ok(if given.is_empty() { (io.new_uuid)().hyphenated().to_string() } else { given })
    }

    fn leave(
        &mut self,
        io: &mut Io<'_>,
        draft: &mut Draft,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        let member = request.member_id.as_str();
        if request.member_epoch == LEAVE_FOR_A_WHILE {
            let before = draft.group.current.get(member).cloned().unwrap_or_default();
            let value = Some(CurrentAssignment { epoch: LEAVE_FOR_A_WHILE, ..before });
            draft.write(ConsumerRecord::Current { member: member.into(), value });
        } else {
            self.timers.cancel(&draft.id, TimerKind::Member(member.into()));
            self.timers.cancel(&draft.id, TimerKind::Revocation(member.into()));
            draft.forget_member(member);
            draft.bump_epoch();
            self.target(io, draft);
        }
        Ok(ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(request.member_id.clone()))
            .with_member_epoch(request.member_epoch))
    }

    /// What the member says of itself. Another subscription is another epoch.
    fn take_in(
        &mut self,
        io: &mut Io<'_>,
        draft: &mut Draft,
        client: &Client<'_>,
        (member_id, request): (&str, &ConsumerGroupHeartbeatRequest),
    ) {
        let before = draft.group.members.get(member_id).cloned();
        if before.is_none() {
            take_over_static(draft, member_id, request);
        }
        let mut value = draft.group.members.get(member_id).cloned().unwrap_or_default();
        let text = |text: &Option<StrBytes>| text.as_ref().map(ToString::to_string);
        value.client_id = client.id.into();
        value.client_host = client.host.into();
        value.instance_id = text(&request.instance_id).or(value.instance_id);
        value.rack_id = text(&request.rack_id).or(value.rack_id);
        value.server_assignor = text(&request.server_assignor).or(value.server_assignor);
        if request.rebalance_timeout_ms >= 0 {
            value.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if let Some(topics) = &request.subscribed_topic_names {
            let topics: SortedSet<String> = topics.iter().map(|topic| topic.to_string()).collect();
            value.subscribed_topics = topics.into_iter().collect();
        }
        let wants_else = |before: &MemberMetadata| {
            before.subscribed_topics != value.subscribed_topics || before.server_assignor != value.server_assignor
        };
        let is_other = draft.group.members.get(member_id).is_none_or(wants_else);
        if before.as_ref() != Some(&value) {
            draft.write(ConsumerRecord::Member { member: member_id.into(), value: Some(value) });
        }
        if !draft.group.current.contains_key(member_id) {
            let value = Some(CurrentAssignment::default());
            draft.write(ConsumerRecord::Current { member: member_id.into(), value });
        }
        let seen = seen_topics(io, &draft.group);
        if is_other || seen != draft.group.seen {
            draft.bump_epoch();
        }
    }

    /// A new target, if the group has a newer epoch than the last one.
    fn target(&mut self, io: &mut Io<'_>, draft: &mut Draft) {
        draft.group.seen = seen_topics(io, &draft.group);
        for (name, (id, _)) in &draft.group.seen {
            draft.group.names.insert(*id, name.clone());
        }
        if draft.group.epoch <= draft.group.assignment_epoch {
            return;
        }
        let group = &draft.group;
        let ids = |member: &MemberMetadata| -> SortedSet<Uuid> {
            let topics = member.subscribed_topics.iter();
            topics.filter_map(|topic| group.seen.get(topic).map(|(id, _)| *id)).collect()
        };
        let subscriptions = group.members.iter().map(|(id, member)| (id.clone(), ids(member))).collect();
        let topics = group.seen.values().copied().collect();
        let question = Question { subscriptions: &subscriptions, topics: &topics, before: &group.targets };
        let targets = assign(&group.assignor(), &question);
        let epoch = group.epoch;
        for (member, value) in targets {
            if draft.group.targets.get(&member) != Some(&value) {
                draft.write(ConsumerRecord::Target { member, value: Some(value) });
            }
        }
        draft.write(ConsumerRecord::TargetEpoch(Some(epoch)));
    }

    fn set_timers(&mut self, io: &Io<'_>, draft: &Draft, member_id: &str, after: &CurrentAssignment) {
        let at = |ms: i32| io.now.monotonic.plus(u64::try_from(ms).unwrap_or(0) * 1_000);
        let session_at = at(self.config.consumer_session_timeout_ms);
        self.timers.set(&draft.id, TimerKind::Member(member_id.into()), session_at);
        let was_revoking = match self.groups.get(&draft.id) {
            Some(Group::Consumer(group)) => group.current.get(member_id).is_some_and(|it| !it.revoking.is_empty()),
            _ => false,
        };
        let revocation = TimerKind::Revocation(member_id.into());
        match (after.revoking.is_empty(), was_revoking) {
            (true, _) => self.timers.cancel(&draft.id, revocation),
            (false, false) => {
                let timeout_ms = draft.group.members.get(member_id).map_or(0, |member| member.rebalance_timeout_ms);
                self.timers.set(&draft.id, revocation, at(timeout_ms));
            }
            (false, true) => {}
        }
    }

    /// Tells what has changed, and hands over the records.
    fn finish(
        &mut self,
        io: &mut Io<'_>,
        draft: Draft,
        records: &mut Vec<Record>,
        response: ConsumerGroupHeartbeatResponse,
    ) -> ConsumerGroupHeartbeatResponse {
        let nothing = ConsumerGroup::default();
        let before = match self.groups.get(&draft.id) {
            Some(Group::Consumer(group)) => group,
            _ => &nothing,
        };
        trace_changes(io, &draft.id, before, &draft.group);
        if !draft.records.is_empty() || matches!(self.groups.get(&draft.id), Some(Group::Consumer(_))) {
            let (names, seen) = (draft.group.names, draft.group.seen);
            let entry = self.groups.entry(draft.id.clone());
            let group = entry.or_insert_with(|| Group::Consumer(ConsumerGroup::default()));
            if let Group::Classic(_) = group {
                *group = Group::Consumer(ConsumerGroup::default());
            }
            if let Group::Consumer(group) = group {
                (group.names, group.seen) = (names, seen);
            }
        }
        records.extend(draft.records);
        response
    }

    /// A member was silent for too long, or did not give back what it has to.
    pub(crate) fn on_consumer_timer(&mut self, id: &str, kind: TimerKind, io: &mut Io<'_>, outcome: &mut Outcome) {
        let Some(Group::Consumer(group)) = self.groups.get(id) else { return };
        let (TimerKind::Member(member) | TimerKind::Revocation(member)) = kind else { return };
        if !group.members.contains_key(&member) {
            return;
        }
        let mut draft = Draft { id: id.into(), group: group.clone(), records: Vec::new() };
        self.timers.cancel(id, TimerKind::Member(member.clone()));
        self.timers.cancel(id, TimerKind::Revocation(member.clone()));
        draft.forget_member(&member);
        draft.bump_epoch();
        self.target(io, &mut draft);
        self.finish(io, draft, &mut outcome.records, ConsumerGroupHeartbeatResponse::default());
    }
}

/// A static member that was away is back under another id: it takes over what it had.
fn take_over_static(draft: &mut Draft, member_id: &str, request: &ConsumerGroupHeartbeatRequest) {
    let Some(instance) = request.instance_id.as_deref() else { return };
    let mut members = draft.group.members.iter();
    let before = members.find(|(_, member)| member.instance_id.as_deref() == Some(instance));
    let Some((before, metadata)) = before.map(|(id, member)| (id.clone(), member.clone())) else { return };
    let target = draft.group.targets.get(&before).cloned().unwrap_or_default();
    let had = draft.group.current.get(&before).cloned().unwrap_or_default();
    draft.forget_member(&before);
    let epoch = had.previous_epoch.max(0);
    let current = CurrentAssignment { epoch, previous_epoch: epoch, ..had };
    draft.write(ConsumerRecord::Member { member: member_id.into(), value: Some(metadata) });
    draft.write(ConsumerRecord::Target { member: member_id.into(), value: Some(target) });
    draft.write(ConsumerRecord::Current { member: member_id.into(), value: Some(current) });
}

fn reconcile_member(draft: &mut Draft, member_id: &str, request: &ConsumerGroupHeartbeatRequest) {
    let current = draft.group.current.get(member_id).cloned().unwrap_or_default();
    let owned = request.topic_partitions.as_ref().map(|topics| -> Partitions {
        topics.iter().map(|topic| (topic.topic_id, topic.partitions.clone())).collect()
    });
    let nothing = Partitions::new();
    let others = draft.group.owned_by_others(member_id);
    let target = Target {
        epoch: draft.group.assignment_epoch,
        partitions: draft.group.targets.get(member_id).unwrap_or(&nothing),
        others: &others,
    };
    // Whoever joins again owns nothing any more.
    let current = match request.member_epoch {
        JOIN if current.revoking.is_empty() => current,
        JOIN => CurrentAssignment { revoking: Partitions::new(), ..current },
        _ => current,
    };
    let next = reconcile::next(&current, owned.as_ref(), &target);
    if draft.group.current.get(member_id) != Some(&next) {
        draft.write(ConsumerRecord::Current { member: member_id.into(), value: Some(next) });
    }
}

/// The request itself must make sense.
fn check_form(request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let invalid = |message| Err((ErrorCode::InvalidRequest, message));
    let is_empty = |text: &Option<StrBytes>| text.as_ref().is_some_and(|text| text.is_empty());
    if request.group_id.is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if is_empty(&request.instance_id) {
        return invalid("InstanceId can't be empty.");
    }
    if request.member_epoch < LEAVE_FOR_A_WHILE {
        return invalid("MemberEpoch is invalid.");
    }
    if request.member_epoch != JOIN && request.member_id.is_empty() {
        return invalid("MemberId can't be empty.");
    }
    if request.member_epoch == LEAVE_FOR_A_WHILE && request.instance_id.is_none() {
        return invalid("InstanceId can't be null.");
    }
    if request.member_epoch == JOIN {
        if request.rebalance_timeout_ms < 0 {
            return invalid("RebalanceTimeoutMs must be provided in first request.");
        }
        if request.topic_partitions.as_ref().is_none_or(|topics| !topics.is_empty()) {
            return invalid("TopicPartitions must be empty when (re-)joining.");
        }
        if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
            return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
        }
    }
    if request.subscribed_topic_regex.as_ref().is_some_and(|regex| !regex.is_empty()) {
        let message = "Subscriptions by regular expression are not served here.";
        return Err((ErrorCode::InvalidRegularExpression, message));
    }
    match request.server_assignor.as_deref() {
        Some(name) if !is_known(name) => Err((ErrorCode::UnsupportedAssignor, "")),
        _ => Ok(()),
    }
}

/// A member may be one epoch behind, if its last answer was lost: then it owns nothing that it was not given.
fn check_epoch(group: &ConsumerGroup, member_id: &str, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let Some(current) = group.current.get(member_id) else { return Ok(()) };
    let epoch = request.member_epoch;
    if epoch == JOIN || epoch == current.epoch {
        return Ok(());
    }
    let owns_only_its_own = request.topic_partitions.as_ref().is_some_and(|topics| {
        let mut owned = topics.iter().flat_map(|topic| topic.partitions.iter().map(|number| (topic.topic_id, *number)));
        owned.all(|(topic, number)| current.assigned.get(&topic).is_some_and(|numbers| numbers.contains(&number)))
    });
    if epoch == current.previous_epoch && owns_only_its_own {
        return Ok(());
    }
    Err((ErrorCode::FencedMemberEpoch, ""))
}

/// The topics that members want and that there are.
fn seen_topics(io: &Io<'_>, group: &ConsumerGroup) -> SortedMap<String, (Uuid, i32)> {
    let wanted = group.subscribed_topics().into_iter();
    wanted.filter_map(|topic| io.topics.by_name(&topic).map(|info| (topic, (info.id, info.partitions)))).collect()
}

fn answer(assigned: &Partitions) -> Assignment {
    let topics = assigned.iter().filter(|(_, partitions)| !partitions.is_empty());
    let topics = topics
        .map(|(id, partitions)| TopicPartitions::default().with_topic_id(*id).with_partitions(partitions.clone()));
    Assignment::default().with_topic_partitions(topics.collect())
}

/// Events for all that differs.
fn trace_changes(io: &mut Io<'_>, id: &str, before: &ConsumerGroup, after: &ConsumerGroup) {
    let asked = io.trace.cause();
    let (was, is) = (before.view(), after.view());
    if (&was.state, was.generation, &was.protocol) != (&is.state, is.generation, &is.protocol) {
        let because = if was.generation == is.generation { "members follow" } else { "something changed" };
        io.trace.emit_then(|| TraceKind::GroupStateChanged {
            group: id.into(),
            state: is.state.clone(),
            generation: is.generation,
            protocol: is.protocol.clone(),
            leader: String::new(),
            because: because.into(),
        });
    }
    for member in was.members.keys().filter(|member| !is.members.contains_key(*member)) {
        io.trace.emit(|| TraceKind::MemberLeft { group: id.into(), member: member.clone(), because: "it left".into() });
    }
    for (member, view) in &is.members {
        let known = was.members.get(member);
        let is_same = known.is_some_and(|was| was.client_id == view.client_id && was.instance_id == view.instance_id);
        if !is_same {
            io.trace.emit(|| TraceKind::MemberJoined {
                group: id.into(),
                member: member.clone(),
                client_id: view.client_id.clone(),
                instance_id: view.instance_id.clone(),
                epoch: view.epoch,
            });
        }
        let has_same = known.is_some_and(|was| was.epoch == view.epoch && was.partitions == view.partitions);
        if !has_same || !is_same {
            io.trace.emit(|| TraceKind::AssignmentGiven {
                group: id.into(),
                member: member.clone(),
                epoch: view.epoch,
                partitions: view.partitions.clone(),
            });
        }
    }
    io.trace.because(asked);
}
