//! A controller and brokers that only exist as requests: they register, are heard of, fall silent, ask for things.

use crate::{Broker, BrokerConfig, ConnectionId, Effect, Input, Outbox};
use alloc::{collections::VecDeque, format, string::String, vec, vec::Vec};
use bytes::Bytes;
use naru_log::{MemoryStorage, Slice, Storage};
use naru_trace::{Actor, Micros, Now, Trace, TraceEvent, TraceKind};
use naru_wire::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use naru_wire::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use naru_wire::messages::broker_registration_request::{Feature, Listener};
use naru_wire::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use naru_wire::messages::elect_leaders_request::TopicPartitions;
use naru_wire::messages::{
    AllocateProducerIdsRequest, AlterPartitionReassignmentsRequest, AlterPartitionRequest, BrokerHeartbeatRequest,
    BrokerHeartbeatResponse, BrokerId, BrokerRegistrationRequest, CreateTopicsRequest, ElectLeadersRequest,
    ListPartitionReassignmentsRequest, TopicName, UnregisterBrokerRequest, UpdateFeaturesRequest,
    update_features_request::FeatureUpdateKey,
};
use naru_wire::{ErrorCode, Request, RequestHeader, Response, StrBytes, decode_response, encode_request};
use uuid::Uuid;

const CONNECTION: ConnectionId = ConnectionId(1);
const SESSION_MS: u64 = 9_000;

/// The controller, which is broker 1 besides.
struct Controller {
    broker: Broker<MemoryStorage>,
    out: Outbox,
    now: Now,
    answers: VecDeque<Bytes>,
    events: Vec<TraceEvent>,
}

impl Controller {
    fn new() -> Self {
        let now = Now { monotonic: Micros(0), wall_ms: 1_767_225_600_000 };
        let mut out = Outbox { trace: Trace::recording(), ..Outbox::default() };
        out.trace.enter(Actor::Broker(1), now.monotonic, None);
        let broker = Broker::open(BrokerConfig::default(), MemoryStorage::new(), now, &mut out).unwrap();
        let mut controller = Controller { broker, out, now, answers: VecDeque::new(), events: Vec::new() };
        controller.step(Input::Connected { connection: CONNECTION, peer: "test".into() });
        controller
    }

    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.out.trace.enter(Actor::Broker(1), self.now.monotonic, None);
            self.broker.step(self.now, input, &mut self.out);
            assert!(self.broker.storage_mut().commit().is_empty());
            self.broker.check_invariants();
            self.events.extend(self.out.trace.take());
            for effect in core::mem::take(&mut self.out.effects) {
                match effect {
                    Effect::Sync { ticket, .. } => inputs.push_back(Input::Synced { ticket, result: Ok(()) }),
                    Effect::Load { ticket, .. } => inputs.push_back(Input::Loaded { ticket }),
                    Effect::Send { frame, .. } => {
                        let [Slice::Bytes(bytes)] = &frame.chunks[..] else { panic!("one piece") };
                        self.answers.push_back(bytes.slice(4..));
                    }
                    // The brokers of this test are at no address.
                    Effect::Dial { connection, .. } => inputs.push_back(Input::Disconnected { connection }),
                    Effect::Close { reason, .. } => panic!("closed: {reason}"),
                }
            }
        }
    }

    fn ask(&mut self, request: impl Into<Request>) -> Response {
        let request = request.into();
        let api = request.api();
        let version = api.versions().max;
        let header = RequestHeader { api, version, correlation_id: 7, client_id: StrBytes::default() };
        let frame = encode_request(&header, &request).unwrap().slice(4..);
        self.step(Input::Frame { connection: CONNECTION, frame });
        decode_response(api, version, self.answers.pop_front().expect("an answer")).unwrap().1
    }

    /// Registers a broker and lifts its fence. Returns its epoch.
    fn join(&mut self, broker: i32) -> i64 {
        let feature = |(name, min, max): &(&'static str, i16, i16)| {
            Feature::default()
                .with_name(StrBytes::from_static_str(name))
                .with_min_supported_version(*min)
                .with_max_supported_version(*max)
        };
        let request = BrokerRegistrationRequest::default()
            .with_broker_id(BrokerId(broker))
            .with_cluster_id(StrBytes::from_string(self.broker.cluster_id().into()))
            .with_incarnation_id(Uuid::from_u128(self.now.monotonic.0.into()))
            .with_listeners(vec![Listener::default().with_name("PLAINTEXT".into()).with_host("nowhere".into())])
            .with_features(naru_metadata::features::SUPPORTED.iter().map(feature).collect())
            .with_log_dirs(vec![Uuid::from_u128(1_000 + broker as u128)]);
        let Response::BrokerRegistration(answer) = self.ask(request) else { panic!("another answer") };
        assert_eq!(answer.error_code, 0);
        assert!(!self.heartbeat(broker, answer.broker_epoch, false).is_fenced);
        answer.broker_epoch
    }

    fn heartbeat(&mut self, broker: i32, epoch: i64, want_shut_down: bool) -> BrokerHeartbeatResponse {
        let request = BrokerHeartbeatRequest::default()
            .with_broker_id(BrokerId(broker))
            .with_broker_epoch(epoch)
            .with_current_metadata_offset(1_000_000)
            .with_want_shut_down(want_shut_down);
        let Response::BrokerHeartbeat(answer) = self.ask(request) else { panic!("another answer") };
        answer
    }

    /// `orders`, with one partition.
    fn create(&mut self, replicas: &[i32]) {
        let assignment = CreatableReplicaAssignment::default().with_broker_ids(ids(replicas));
        let topic = CreatableTopic::default()
            .with_name(orders())
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![assignment]);
        let Response::CreateTopics(answer) = self.ask(CreateTopicsRequest::default().with_topics(vec![topic])) else {
            panic!("another answer")
        };
        assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
    }

    fn pass(&mut self, millis: u64) {
        self.now.monotonic = self.now.monotonic.plus(millis * 1_000);
        self.step(Input::Tick);
    }

    /// Leader and ISR of `orders`, as the image has them.
    fn partition(&mut self) -> String {
        let mut shown = String::new();
        self.broker.with_turn(self.now, &mut self.out, |turn| {
            let partition = turn.state.metadata.image().partition("orders", 0).unwrap();
            shown = format!("leader {} isr {:?} of {:?}", partition.leader, partition.isr, partition.replicas);
        });
        shown
    }

    /// The controller's decisions since the last time, each indented under its cause if that is one too.
    fn decisions(&mut self) -> Vec<String> {
        let events = core::mem::take(&mut self.events);
        let text = |event: &TraceEvent| match &event.kind {
            TraceKind::BrokerRegistered { broker, .. } => Some(format!("registered {broker}")),
            TraceKind::BrokerFenced { broker, because } => Some(format!("fenced {broker}: {because}")),
            TraceKind::BrokerUnfenced { broker } => Some(format!("unfenced {broker}")),
            TraceKind::LeaderElected { leader, isr, because, .. } => {
                Some(format!("elected {leader} of {isr:?}: {because}"))
            }
            TraceKind::IsrDecided { isr, because, .. } => Some(format!("in sync {isr:?}: {because}")),
            TraceKind::ReassignmentStarted { adding, removing, .. } => {
                Some(format!("adding {adding:?} removing {removing:?}"))
            }
            TraceKind::ReassignmentFinished { replicas, .. } => Some(format!("replicas {replicas:?}")),
            _ => None,
        };
        let is_decision = |seq| events.iter().any(|event| event.seq == seq && text(event).is_some());
        let line = |event: &TraceEvent| {
            let indent = if event.cause.is_some_and(is_decision) { "  " } else { "" };
            Some(format!("{indent}{}", text(event)?))
        };
        events.iter().filter_map(line).collect()
    }
}

fn ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().map(|id| BrokerId(*id)).collect()
}

fn orders() -> TopicName {
    TopicName("orders".into())
}

#[test]
fn a_broker_that_falls_silent_is_fenced_and_others_lead() {
    let mut controller = Controller::new();
    let epoch = controller.join(2);
    controller.join(3);
    controller.create(&[2, 3, 1]);
    assert_eq!(controller.decisions(), ["registered 2", "unfenced 2", "registered 3", "unfenced 3"]);
    let mut deadline = None;
    let Controller { broker, now, out, .. } = &mut controller;
    broker.with_turn(*now, out, |turn| deadline = super::next_deadline(turn.state));
    let deadline = deadline.unwrap();
    assert_eq!((deadline.at, deadline.reason), (Micros::from_millis(SESSION_MS), "broker.session.timeout.ms"));

    controller.pass(SESSION_MS / 2);
    controller.heartbeat(2, epoch, false);
    controller.pass(SESSION_MS / 2);
    assert_eq!(controller.decisions(), ["fenced 3: its session has expired", "  in sync [2, 1]: broker 3 is fenced"]);
    controller.pass(SESSION_MS / 2);
    assert_eq!(controller.decisions(), ["fenced 2: its session has expired", "  elected 1 of [1]: broker 2 is fenced"]);
    assert_eq!(controller.partition(), "leader 1 isr [1] of [2, 3, 1]");
    controller.pass(10 * SESSION_MS);
    assert_eq!(controller.decisions(), Vec::<String>::new(), "the controller is alive, whoever else is not");
}

#[test]
fn a_broker_that_wants_to_stop_hands_its_leaders_on_and_may_come_back_at_once() {
    let mut controller = Controller::new();
    let epoch = controller.join(2);
    controller.create(&[2, 1]);
    controller.decisions();
    let answer = controller.heartbeat(2, epoch, true);
    assert!(!answer.should_shut_down && !answer.is_fenced);
    assert_eq!(controller.decisions(), ["elected 1 of [1]: broker 2 is about to stop"]);
    // Broker 1, the only other one, sends no heartbeats to itself here; another that has heard of it would free it.
    let request = BrokerHeartbeatRequest::default().with_broker_id(BrokerId(1)).with_current_metadata_offset(1_000_000);
    let own_epoch = {
        let mut epoch = 0;
        let Controller { broker, now, out, .. } = &mut controller;
        broker.with_turn(*now, out, |turn| epoch = turn.state.broker_epoch);
        epoch
    };
    controller.ask(request.with_broker_epoch(own_epoch));
    assert!(controller.heartbeat(2, epoch, true).should_shut_down);
    controller.pass(1);
    assert!(controller.join(2) > epoch, "a new incarnation of a broker that was let go need not wait");
}

#[test]
fn requests_of_brokers_are_answered() {
    let mut controller = Controller::new();
    let epoch = controller.join(2);
    controller.create(&[1, 2]);
    let blocks = AllocateProducerIdsRequest::default().with_broker_id(BrokerId(2)).with_broker_epoch(epoch);
    let Response::AllocateProducerIds(first) = controller.ask(blocks.clone()) else { panic!("another answer") };
    let Response::AllocateProducerIds(second) = controller.ask(blocks) else { panic!("another answer") };
    assert_eq!((first.error_code, second.producer_id_start.0), (0, first.producer_id_start.0 + 1_000));

    let stale = AlterPartitionRequest::default().with_broker_id(BrokerId(2)).with_broker_epoch(epoch + 1);
    let Response::AlterPartition(answer) = controller.ask(stale) else { panic!("another answer") };
    assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::StaleBrokerEpoch);
    controller.decisions();
    let Response::UnregisterBroker(answer) =
        controller.ask(UnregisterBrokerRequest::default().with_broker_id(BrokerId(2)))
    else {
        panic!("another answer")
    };
    assert_eq!(answer.error_code, 0);
    assert_eq!(
        controller.decisions(),
        ["fenced 2: it is unregistered", "  in sync [1]: broker 2 is no longer a member"]
    );
}

#[test]
fn replicas_move_and_leaders_go_where_they_are_wanted() {
    let mut controller = Controller::new();
    let epoch = controller.join(2);
    controller.create(&[1]);
    controller.decisions();
    let partition = ReassignablePartition::default().with_replicas(Some(ids(&[2, 1])));
    let topic = ReassignableTopic::default().with_name(orders()).with_partitions(vec![partition]);
    let Response::AlterPartitionReassignments(answer) =
        controller.ask(AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]))
    else {
        panic!("another answer")
    };
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
    assert_eq!(controller.decisions(), ["adding [2] removing []"]);
    let Response::ListPartitionReassignments(list) =
        controller.ask(ListPartitionReassignmentsRequest::default().with_topics(None))
    else {
        panic!("another answer")
    };
    assert_eq!(list.topics[0].partitions[0].adding_replicas, ids(&[2]));

    // Its leader says that all are in sync.
    let (mut topic_id, mut own_epoch) = (Uuid::nil(), 0);
    let Controller { broker, now, out, .. } = &mut controller;
    broker.with_turn(*now, out, |turn| {
        topic_id = turn.state.metadata.image().topic("orders").unwrap().id;
        own_epoch = turn.state.broker_epoch;
    });
    let member = |id, epoch| BrokerState::default().with_broker_id(BrokerId(id)).with_broker_epoch(epoch);
    let wanted = PartitionData::default()
        .with_partition_epoch(1)
        .with_new_isr_with_epochs(vec![member(1, own_epoch), member(2, epoch)]);
    let topic = TopicData::default().with_topic_id(topic_id).with_partitions(vec![wanted]);
    controller.ask(
        AlterPartitionRequest::default()
            .with_broker_id(BrokerId(1))
            .with_broker_epoch(own_epoch)
            .with_topics(vec![topic]),
    );
    assert_eq!(controller.decisions(), ["in sync [1, 2]: the leader asked for it", "replicas [2, 1]"]);

    let topic = TopicPartitions::default().with_topic(orders()).with_partitions(vec![0]);
    controller.ask(ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic])));
    assert_eq!(controller.decisions(), ["elected 2 of [1, 2]: somebody asked for an election"]);
}

#[test]
fn leaders_are_balanced_by_the_clock() {
    let mut controller = Controller::new();
    let epoch = controller.join(2);
    controller.create(&[2, 1]);
    let unclean = ElectLeadersRequest::default().with_topic_partitions(None);
    controller.ask(unclean);
    controller.decisions();
    // The leader shrinks the ISR no further; broker 2 falls silent and comes back in sync.
    controller.pass(SESSION_MS);
    assert_eq!(controller.partition(), "leader 1 isr [1] of [2, 1]");
    let _ = epoch;
    let epoch = controller.join(2);
    let (mut topic_id, mut own_epoch, mut partition_epoch) = (Uuid::nil(), 0, 0);
    let Controller { broker, now, out, .. } = &mut controller;
    broker.with_turn(*now, out, |turn| {
        let topic = turn.state.metadata.image().topic("orders").unwrap();
        (topic_id, partition_epoch) = (topic.id, topic.partitions[0].partition_epoch);
        own_epoch = turn.state.broker_epoch;
    });
    let member = |id, epoch| BrokerState::default().with_broker_id(BrokerId(id)).with_broker_epoch(epoch);
    let wanted = PartitionData::default()
        .with_leader_epoch(1)
        .with_partition_epoch(partition_epoch)
        .with_new_isr_with_epochs(vec![member(1, own_epoch), member(2, epoch)]);
    let topic = TopicData::default().with_topic_id(topic_id).with_partitions(vec![wanted]);
    let request = AlterPartitionRequest::default().with_broker_id(BrokerId(1)).with_broker_epoch(own_epoch);
    controller.ask(request.with_topics(vec![topic]));
    assert_eq!(controller.partition(), "leader 1 isr [1, 2] of [2, 1]");
    controller.decisions();
    while controller.now.monotonic < Micros::from_millis(300_000) {
        controller.pass(SESSION_MS / 2);
        controller.heartbeat(2, epoch, false);
    }
    assert_eq!(controller.decisions(), ["elected 2 of [1, 2]: leaders are balanced"]);
}

#[test]
fn features_are_changed_for_all() {
    let mut controller = Controller::new();
    let update = |level| {
        FeatureUpdateKey::default()
            .with_feature(StrBytes::from_static_str("eligible.leader.replicas.version"))
            .with_max_version_level(level)
            .with_upgrade_type(1)
    };
    let mut ask = |level| {
        let request = UpdateFeaturesRequest::default().with_feature_updates(vec![update(level)]);
        let Response::UpdateFeatures(answer) = controller.ask(request) else { panic!("another answer") };
        ErrorCode::from_code(answer.error_code)
    };
    assert_eq!(ask(2), ErrorCode::InvalidUpdateVersion);
    assert_eq!(ask(1), ErrorCode::None);
    assert_eq!(ask(0), ErrorCode::InvalidUpdateVersion, "not without saying that it is a downgrade");
}
