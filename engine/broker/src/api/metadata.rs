//! Metadata (3): which topics there are, and who leads their partitions. It may also create topics.
//!
//! KIP-516 (topic ids), and SEMANTICS 46: null asks for all topics, an empty list for none; only version 0 has no null.

use crate::{
    connections::RequestContext,
    peers::{Asked, Lane},
    reply::Reply,
    topics::{Partition, Topic},
    turn::Turn,
};
use alloc::{string::String, vec::Vec};
use naru_metadata::{create_topics, is_internal};
use naru_trace::TraceKind;
use naru_wire::messages::create_topics_request::CreatableTopic;
use naru_wire::messages::metadata_request::MetadataRequestTopic;
use naru_wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use naru_wire::messages::{BrokerId, CreateTopicsRequest, MetadataRequest, MetadataResponse, TopicName};
use naru_wire::{ErrorCode, StrBytes};
use uuid::Uuid;

/// Topics may be named by id from this version on. Versions 10 and 11 have the field, but must not use it (KAFKA-10434).
const FIRST_VERSION_BY_ID: i16 = 12;
/// No leader.
const NOBODY: i32 = -1;

/// Which topics are asked for.
enum Wanted {
    All,
    These(Vec<MetadataRequestTopic>),
}

/// Answers a request.
pub(crate) fn handle(turn: &mut Turn<'_>, context: &RequestContext, request: MetadataRequest) -> Reply {
    // Read the request.
    let may_create = request.allow_auto_topic_creation && turn.state.config.auto_create_topics_enable;
    let asked = match request.topics {
        None => Wanted::All,
        Some(topics) if topics.is_empty() && context.version == 0 => Wanted::All,
        Some(topics) => Wanted::These(topics),
    };
    // Decide.
    if let Wanted::These(topics) = &asked
        && topics.iter().any(|topic| !may_be_asked(topic, context.version))
    {
        let topics = topics.iter().map(|topic| unknown_topic(topic.clone(), ErrorCode::InvalidRequest));
        return Reply::Now(MetadataResponse::default().with_topics(topics.collect()).into());
    }
    let topics = match asked {
        Wanted::All => turn.state.topics.iter().map(|topic| known_topic(turn, topic)).collect(),
        Wanted::These(topics) => topics.into_iter().map(|topic| one_topic(turn, topic, may_create)).collect(),
    };
    // Answer.
    let brokers = turn.live_brokers().into_iter().map(|broker| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(broker.id))
            .with_host(StrBytes::from_string(broker.host))
            .with_port(i32::from(broker.port))
            .with_rack(broker.rack.map(StrBytes::from_string))
    });
    let response = MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(StrBytes::from_string(turn.state.cluster_id.clone())))
        .with_controller_id(BrokerId(turn.controller_for_clients()))
        .with_topics(topics);
    Reply::Now(response.into())
}

/// Whether a topic is named as the version allows. If one is not, the whole request is refused.
fn may_be_asked(topic: &MetadataRequestTopic, version: i16) -> bool {
    version >= FIRST_VERSION_BY_ID || (topic.topic_id.is_nil() && topic.name.is_some())
}

fn one_topic(turn: &mut Turn<'_>, asked: MetadataRequestTopic, may_create: bool) -> MetadataResponseTopic {
    let by_id = !asked.topic_id.is_nil();
    let topics = &turn.state.topics;
    let key = match &asked.name {
        _ if by_id => topics.by_id(asked.topic_id),
        Some(name) => topics.by_name(name),
        None => None,
    };
    if let Some(topic) = key.and_then(|key| topics.get(key)) {
        return known_topic(turn, topic);
    }
    let error = match &asked.name {
        _ if by_id => ErrorCode::UnknownTopicId,
        Some(name) => missing_topic(turn, name.0.clone(), may_create),
        None => ErrorCode::InvalidRequest,
    };
    unknown_topic(asked, error)
}

/// A topic that is not there: made, if that is allowed. The client has to ask again, as with Apache Kafka, because the
/// topic counts only when it is on disk.
fn missing_topic(turn: &mut Turn<'_>, name: StrBytes, may_create: bool) -> ErrorCode {
    if let Err(message) = naru_metadata::topic_name::validate(&name) {
        turn.out.trace.emit(|| TraceKind::TopicRejected {
            topic: name.as_str().into(),
            error: ErrorCode::InvalidTopicException.name().into(),
            message,
        });
        return ErrorCode::InvalidTopicException;
    }
    let is_on_its_way = turn.state.metadata.image().topic(&name).is_some();
    if may_create && !is_on_its_way {
        let topic = CreatableTopic::default().with_name(TopicName(name));
        auto_create(turn, topic.with_num_partitions(-1).with_replication_factor(-1));
    }
    ErrorCode::UnknownTopicOrPartition
}

/// A topic that nobody has asked for by that name: `auto.create.topics.enable`, or one that the broker needs itself
/// (`AutoTopicCreationManager`).
pub(crate) fn auto_create(turn: &mut Turn<'_>, topic: CreatableTopic) {
    let request = CreateTopicsRequest::default().with_topics(alloc::vec![topic]);
    if !turn.is_active_controller() {
        return turn.ask_controller(Lane::Controller, request.into(), Asked::Nobody);
    }
    let state = &mut *turn.state;
    let random = &mut state.random;
    let mut new_id = || random.uuid();
    let image = state.metadata.image();
    let decision = create_topics(image, &state.settings, &request, &mut new_id, &mut turn.out.trace);
    let asked_for_it = turn.out.trace.cause();
    // A name that collides with another is refused here, and a failed disk, too. The client does not learn why: Kafka
    // tells it only that the topic is unknown.
    let _ = turn.commit_decision(decision.records);
    turn.out.trace.because(asked_for_it);
}

fn known_topic(turn: &Turn<'_>, topic: &Topic) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().enumerate();
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(topic.name.clone())))
        .with_topic_id(topic.id)
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions.map(|(index, partition)| one_partition(turn, index as i32, partition)).collect())
}

fn one_partition(turn: &Turn<'_>, index: i32, partition: &Partition) -> MetadataResponsePartition {
    let ids = |ids: &[i32]| ids.iter().map(|id| BrokerId(*id)).collect::<Vec<_>>();
    let me = turn.state.config.node_id;
    let has_failed_here = |id: i32| id == me && partition.is_offline();
    let offline: Vec<i32> =
        partition.replicas.iter().copied().filter(|id| has_failed_here(*id) || !turn.is_alive(*id)).collect();
    let response = MetadataResponsePartition::default()
        .with_partition_index(index)
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(ids(&partition.replicas))
        .with_isr_nodes(ids(&partition.isr));
    if partition.leader != NOBODY && !offline.contains(&partition.leader) {
        return response.with_leader_id(BrokerId(partition.leader)).with_offline_replicas(ids(&offline));
    }
    response
        .with_error_code(ErrorCode::LeaderNotAvailable as i16)
        .with_leader_id(BrokerId(NOBODY))
        .with_offline_replicas(ids(&offline))
}

fn unknown_topic(asked: MetadataRequestTopic, error: ErrorCode) -> MetadataResponseTopic {
    // Before version 12 a name cannot be null in the answer either.
    let by_id = error == ErrorCode::UnknownTopicId;
    let name = asked.name.or_else(|| (!by_id).then(|| TopicName(StrBytes::from_string(String::new()))));
    let topic_id = if by_id { asked.topic_id } else { Uuid::nil() };
    MetadataResponseTopic::default().with_name(name).with_topic_id(topic_id).with_error_code(error as i16)
}
