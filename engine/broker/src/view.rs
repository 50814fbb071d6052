//! The broker as a picture, read straight from its state. Tests compare it with the fold of its events after every step.

use crate::{membership::Lifecycle, purgatory::Until, turn::State};
use alloc::{string::String, string::ToString};
use naru_log::Storage;
use naru_trace::SortedMap;
use naru_trace::{BrokerState, BrokerView, ParkCondition, ParkedView, TopicView};

impl State {
    /// All there is to see.
    pub(crate) fn view(&self, storage: &dyn Storage) -> BrokerView {
        let parked = self.purgatory.iter().map(|(id, parked)| {
            let connection = parked.context.connection.0;
            (id, ParkedView { connection, until: self.park_condition(&parked.until), deadline: parked.deadline })
        });
        BrokerView {
            state: BrokerState::Running,
            port: self.config.advertised_port,
            topics: self.topic_views(storage),
            connections: self.connections.iter().map(|(id, connection)| (id.0, connection.view())).collect(),
            parked: parked.collect(),
            lifecycle: self.shown_lifecycle().into(),
            metadata_offset: if self.is_lone() { 0 } else { self.shown_metadata_offset },
            quorum: self.metadata.raft.shown_view(),
            groups: self.groups.views(),
        }
    }

    /// What a parked reply waits for.
    pub(crate) fn park_condition(&self, until: &Until) -> ParkCondition {
        match until {
            Until::Durable { end_offset, .. } | Until::Flushed { end_offset, .. } => {
                ParkCondition::Durable { offset: *end_offset }
            }
            Until::Replicated(wait) => {
                let first = wait.wants.first();
                ParkCondition::Replicated {
                    topic: first.map_or("", |want| self.topics.name(want.key.topic)).into(),
                    partition: first.map_or(-1, |want| want.key.partition),
                    offset: first.map_or(-1, |want| want.end_offset),
                }
            }
            Until::Forwarded { .. } => ParkCondition::Controller,
            Until::Quorum { .. } => ParkCondition::Quorum,
            Until::Deleted(wait) => {
                let first = wait.wants.first();
                ParkCondition::Replicated {
                    topic: first.map_or("", |want| self.topics.name(want.key.topic)).into(),
                    partition: first.map_or(-1, |want| want.key.partition),
                    offset: first.map_or(-1, |want| want.log_start_offset),
                }
            }
            Until::Group { group, .. } => ParkCondition::Group { group: group.clone() },
            Until::Loaded(load) => {
                let topic = self.topics.name(load.key.topic).into();
                ParkCondition::Loaded { topic, partition: load.key.partition }
            }
            Until::Bytes(wait) => {
                let first = wait.wants.first();
                ParkCondition::Bytes {
                    missing: wait.missing,
                    topic: first.map_or("", |want| self.topics.name(want.key.topic)).into(),
                    partition: first.map_or(-1, |want| want.key.partition),
                }
            }
        }
    }

    /// A lone broker is never anything but running, and nothing is said of it.
    fn shown_lifecycle(&self) -> &'static str {
        let lifecycle = self.membership.lifecycle();
        match lifecycle {
            Lifecycle::Starting if self.broker_epoch < 0 => "",
            _ if self.is_lone() => "",
            shown => shown.name(),
        }
    }

    fn topic_views(&self, storage: &dyn Storage) -> SortedMap<String, TopicView> {
        let view = |topic: &crate::topics::Topic| {
            let partitions = topic.partitions.iter().enumerate();
            let partitions = partitions.map(|(index, partition)| (index as i32, partition.view(storage)));
            let topic_id = topic.id.hyphenated().to_string();
            (
                topic.name.as_str().into(),
                TopicView { topic_id, configs: topic.configs.clone(), partitions: partitions.collect() },
            )
        };
        self.topics.iter().map(view).collect()
    }
}
