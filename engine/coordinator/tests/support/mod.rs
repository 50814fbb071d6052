//! A coordinator with a clock and one topic, and clients that ask it.

use naru_coordinator::{Client, Coordinator, Io, Outcome, Record, TopicInfo, Topics, Waiter};
use naru_trace::{Micros, Now, Trace};
use naru_wire::{
    ErrorCode, GroupId, Response, StrBytes, TopicName,
    messages::{
        HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, OffsetCommitRequest, SyncGroupRequest,
        join_group_request::JoinGroupRequestProtocol,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch_request::OffsetFetchRequestGroup,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

struct OneTopic;

impl Topics for OneTopic {
    fn by_name(&self, name: &str) -> Option<TopicInfo> {
        (name == "t").then(|| TopicInfo { name: "t".into(), id: Uuid::from_u128(7), partitions: 4 })
    }
    fn by_id(&self, id: Uuid) -> Option<TopicInfo> {
        self.by_name("t").filter(|topic| topic.id == id)
    }
    fn names(&self) -> Vec<String> {
        vec!["t".into()]
    }
}

pub struct World {
    pub coordinator: Coordinator,
    pub log: Vec<Record>,
    answers: BTreeMap<u64, Response>,
    now: Micros,
    next: u64,
}

pub fn is(error: ErrorCode) -> ErrorCode {
    error
}

impl World {
    pub fn new() -> Self {
        let coordinator = Coordinator::new(Default::default());
        let mut world = World { coordinator, log: vec![], answers: BTreeMap::new(), now: Micros(0), next: 0 };
        world.finish_loading();
        world
    }

    /// Lets the coordinator decide, writes what it decides, and hands out its answers.
    pub fn run(&mut self, decide: impl FnOnce(&mut Coordinator, &mut Io<'_>) -> Outcome) {
        let next = &mut self.next;
        let mut new_uuid = || {
            *next += 1;
            Uuid::from_u128(u128::from(*next))
        };
        let (now, mut trace) = (Now { monotonic: self.now, wall_ms: self.now.as_millis() as i64 }, Trace::default());
        let mut io = Io { now, topics: &OneTopic, new_uuid: &mut new_uuid, trace: &mut trace };
        let outcome = decide(&mut self.coordinator, &mut io);
        for record in outcome.records {
            self.log.push(record.clone());
            self.coordinator.replay(record);
        }
        self.answers.extend(outcome.replies);
    }

    pub fn finish_loading(&mut self) {
        self.run(|coordinator, io| {
            coordinator.finish_loading(io);
            Outcome::default()
        });
    }

    pub fn ask(
        &mut self,
        version: i16,
        decide: impl FnOnce(&mut Coordinator, &mut Io<'_>, &Client<'_>) -> Outcome,
    ) -> u64 {
        self.next += 1;
        let id = self.next;
        let client = Client { waiter: Waiter { id, version }, id: "client", host: "/127.0.0.1" };
        self.run(|coordinator, io| decide(coordinator, io, &client));
        id
    }

    pub fn answer(&self, asked: u64) -> Option<&Response> {
        self.answers.get(&asked)
    }

    pub fn pass_ms(&mut self, ms: u64) {
        self.now = self.now.plus(ms * 1_000);
        while self.coordinator.next_deadline().is_some_and(|deadline| deadline.at <= self.now) {
            self.run(|coordinator, io| coordinator.tick(io).unwrap_or_default());
        }
    }

    pub fn join(&mut self, group: &str, member: &str, version: i16, metadata: u8) -> (u64, ()) {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(vec![metadata].into());
        let request = JoinGroupRequest::default()
            .with_group_id(id(group))
            .with_member_id(StrBytes::from_string(member.into()))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(60_000)
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        (self.ask(version, |coordinator, io, client| coordinator.join_group(io, client, &request)), ())
    }

    pub fn joined(&self, asked: u64) -> Option<JoinGroupResponse> {
        match self.answer(asked)? {
            Response::JoinGroup(body) => Some(body.clone()),
            other => panic!("not JoinGroup: {other:?}"),
        }
    }

    /// A group of one member in generation 1. Returns the member's id.
    pub fn stable_group(&mut self, group: &str) -> String {
        let (asked, ()) = self.join(group, "", 3, 0);
        self.pass_ms(3_000);
        let member = self.joined(asked).expect("joined").member_id.to_string();
        let request = SyncGroupRequest::default()
            .with_group_id(id(group))
            .with_generation_id(1)
            .with_member_id(StrBytes::from_string(member.clone()));
        let asked = self.ask(3, |coordinator, io, client| coordinator.sync_group(io, client, &request));
        assert!(self.answer(asked).is_some(), "the leader is answered");
        assert_eq!(self.state(group), "Stable");
        member
    }

    pub fn heartbeat(&mut self, group: &str, member: &str, generation: i32) -> ErrorCode {
        let request = HeartbeatRequest::default()
            .with_group_id(id(group))
            .with_generation_id(generation)
            .with_member_id(StrBytes::from_string(member.into()));
        let asked = self.ask(4, |coordinator, io, client| coordinator.heartbeat(io, client, &request));
        match self.answer(asked) {
            Some(Response::Heartbeat(body)) => ErrorCode::from_code(body.error_code),
            other => panic!("not Heartbeat: {other:?}"),
        }
    }

    pub fn commit(&mut self, group: &str, member: &str, generation: i32, offset: i64) -> ErrorCode {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(StrBytes::from_static_str("t")))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(id(group))
            .with_generation_id_or_member_epoch(generation)
            .with_member_id(StrBytes::from_string(member.into()))
            .with_topics(vec![topic]);
        let asked = self.ask(8, |coordinator, io, client| coordinator.commit_offsets(io, client, &request));
        match self.answer(asked) {
            Some(Response::OffsetCommit(body)) => ErrorCode::from_code(body.topics[0].partitions[0].error_code),
            other => panic!("not OffsetCommit: {other:?}"),
        }
    }

    pub fn committed(&self, group: &str) -> i64 {
        let asked = OffsetFetchRequestGroup::default().with_group_id(id(group)).with_member_epoch(-1).with_topics(None);
        let fetched = self.coordinator.fetch_offsets(&asked);
        fetched.topics.first().map_or(-1, |topic| topic.partitions[0].committed_offset)
    }

    pub fn state(&self, group: &str) -> String {
        let mut views = self.coordinator.views();
        views.find(|(id, _)| id == group).map(|(_, view)| view.state.to_string()).unwrap_or_default()
    }
}

pub fn id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.into()))
}
