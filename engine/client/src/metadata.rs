//! What a client knows of the cluster, and whether it should ask again.
//!
//! Not here: sending the request ([`crate::network`]).

use crate::{NetworkConfig, backoff::Chance, backoff::retry_at};
use alloc::string::{String, ToString};
use naru_trace::Micros;
use naru_trace::{SortedMap, SortedSet};
use naru_wire::{
    ErrorCode, StrBytes, TopicName,
    messages::{
        MetadataRequest, MetadataResponse, metadata_request::MetadataRequestTopic,
        metadata_response::MetadataResponseTopic,
    },
};
use uuid::Uuid;

/// One topic, as the cluster last described it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TopicMetadata {
    pub(crate) id: Uuid,
    pub(crate) error: Option<ErrorCode>,
    pub(crate) partitions: SortedMap<i32, LeaderMetadata>,
}

/// Who leads a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaderMetadata {
    /// -1 for nobody.
    pub(crate) leader: i32,
    pub(crate) epoch: i32,
}

/// The cache, and the state of its refresh.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) brokers: SortedMap<i32, (String, u16)>,
    topics: SortedMap<String, TopicMetadata>,
    wanted: SortedSet<String>,
    needs_update: bool,
    in_flight: bool,
    failures: u32,
    not_before: Micros,
    updated_at: Option<Micros>,
}

impl Metadata {
    /// The client is interested in a topic from now on.
    pub(crate) fn want(&mut self, topic: &str) {
        if !self.wanted.contains(topic) {
            self.wanted.insert(topic.to_string());
            self.needs_update = true;
        }
    }

    /// What is known is wrong, or too little.
    pub(crate) fn request_update(&mut self) {
        self.needs_update = true;
    }

    pub(crate) fn topic(&self, name: &str) -> Option<&TopicMetadata> {
        self.topics.get(name)
    }

    /// The partition's leader, if there is one and its address is known.
    pub(crate) fn leader(&self, topic: &str, partition: i32) -> Option<LeaderMetadata> {
        let found = *self.topics.get(topic)?.partitions.get(&partition)?;
        self.brokers.contains_key(&found.leader).then_some(found)
    }

    pub(crate) fn topic_id(&self, topic: &str) -> Uuid {
        self.topics.get(topic).map_or(Uuid::nil(), |topic| topic.id)
    }

    /// Whether a request should be sent now.
    pub(crate) fn is_due(&self, now: Micros, max_age_ms: u32) -> bool {
        let aged = self.updated_at.is_some_and(|at| now >= at.plus(u64::from(max_age_ms) * 1_000));
        !self.in_flight && (self.needs_update || aged) && now >= self.not_before
    }

    /// When a wanted update may be tried again. The age of the cache is looked at only when the client is busy anyway, so
    /// that an idle client is silent.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        (self.needs_update && !self.in_flight).then_some(self.not_before)
    }

    pub(crate) fn request(&mut self, version: i16, auto_create: bool) -> MetadataRequest {
        self.in_flight = true;
        self.needs_update = false;
        let topics = self.wanted.iter().map(|name| {
            MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.clone()))))
        });
        let request = MetadataRequest::default().with_topics(Some(topics.collect()));
        // Before version 4 the broker's own setting decides alone.
        request.with_allow_auto_topic_creation(if version >= 4 { auto_create } else { true })
    }

    /// The request was lost.
    pub(crate) fn on_failure(&mut self, now: Micros, config: &NetworkConfig, chance: &mut Chance) {
        self.in_flight = false;
        self.needs_update = true;
        self.back_off(now, config, chance);
    }

    /// The answer came. Errors in it that may pass make the client ask again, after a while.
    pub(crate) fn on_response(
        &mut self,
        now: Micros,
        response: MetadataResponse,
        config: &NetworkConfig,
        chance: &mut Chance,
    ) {
        self.in_flight = false;
        self.updated_at = Some(now);
        self.brokers.clear();
        for broker in response.brokers {
            self.brokers.insert(broker.node_id.0, (broker.host.to_string(), broker.port as u16));
        }
        let mut incomplete = self.brokers.is_empty();
        for topic in response.topics {
            incomplete |= self.on_topic(topic);
        }
        if incomplete {
            self.needs_update = true;
            self.back_off(now, config, chance);
        } else {
            self.failures = 0;
            self.not_before = retry_at(now, 1, config.retry_backoff_ms, config.retry_backoff_max_ms, chance);
        }
    }

    fn on_topic(&mut self, topic: MetadataResponseTopic) -> bool {
        let Some(name) = topic.name else { return false };
        let error = ErrorCode::from_code(topic.error_code);
        let partitions = topic.partitions.iter().map(|partition| {
            let found = LeaderMetadata { leader: partition.leader_id.0, epoch: partition.leader_epoch };
            (partition.partition_index, found)
        });
        let known = TopicMetadata {
            id: topic.topic_id,
            error: (error != ErrorCode::None).then_some(error),
            partitions: partitions.collect(),
        };
        let leaderless = known.partitions.values().any(|found| found.leader < 0);
        let incomplete = leaderless || error.is_retriable();
        self.topics.insert(name.to_string(), known);
        incomplete
    }

    /// Nothing of a topic is known any more: it may be another one now, under the same name.
    pub(crate) fn forget(&mut self, topic: &str) {
        self.topics.remove(topic);
        self.needs_update = true;
    }

    /// The client is not interested in these topics any more.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.wanted.retain(|topic| wanted(topic));
        self.topics.retain(|topic, _| wanted(topic));
    }

    fn back_off(&mut self, now: Micros, config: &NetworkConfig, chance: &mut Chance) {
        self.failures += 1;
        self.not_before = retry_at(now, self.failures, config.retry_backoff_ms, config.retry_backoff_max_ms, chance);
    }
}
