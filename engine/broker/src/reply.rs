//! What a handler answers, and what is said about an answer in traces and counters.

use crate::{api::fetch::FetchAnswer, purgatory::Until};
use alloc::string::String;
use bytes::Bytes;
use naru_log::Slice;
use naru_trace::{MessageLabel, MessageWay, Micros, Name};
use naru_wire::{ApiKey, ErrorCode, FetchResult, Payload, Response};

/// Record data on its way from a log to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordData(pub(crate) Slice);

impl Payload for RecordData {
    fn length(&self) -> u32 {
        self.0.len() as u32
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It is answered now.
    Now(Response),
    /// It is answered now, with records that stay where they are.
    Records(FetchAnswer),
    /// It is answered now with bytes that are no ordinary response.
    Frame(Bytes),
    /// Nobody waits for an answer (acks=0).
    Nothing,
    /// It is answered when something has happened.
    Park { until: Until, deadline: Option<Micros> },
    /// It cannot be answered; the connection ends, for this reason.
    Close(Name),
}

/// An answer in a few words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    pub(crate) records: u32,
}

impl Summary {
    /// As what stands beside the message on the stage.
    pub(crate) fn label(self, api: ApiKey, error: Option<ErrorCode>) -> MessageLabel {
        MessageLabel {
            way: MessageWay::Response,
            api: Name::Borrowed(api.name()),
            topic: self.topic,
            partition: self.partition,
            records: self.records,
            error: error.map(|error| Name::Borrowed(error.name())),
        }
    }
}

/// The first error in a response.
pub(crate) fn first_error(response: &Response) -> Option<ErrorCode> {
    let code = match response {
        Response::Produce(body) => first(
            &mut body.responses.iter().flat_map(|topic| &topic.partition_responses).map(|answer| answer.error_code),
        ),
        Response::Fetch(body) => {
            let partitions = body.responses.iter().flat_map(|topic| &topic.partitions);
            first(&mut core::iter::once(body.error_code).chain(partitions.map(|answer| answer.error_code)))
        }
        Response::ListOffsets(body) => {
            first(&mut body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code))
        }
        Response::Metadata(body) => first(&mut body.topics.iter().map(|topic| topic.error_code)),
        Response::OffsetCommit(body) => {
            first(&mut body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code))
        }
        Response::OffsetFetch(body) => {
            let (groups, topics) = (&body.groups, &body.topics);
            let of_groups = groups.iter().flat_map(|group| &group.topics).flat_map(|topic| &topic.partitions);
            let of_topics = topics.iter().flat_map(|topic| &topic.partitions);
            first(
                &mut core::iter::once(body.error_code)
                    .chain(groups.iter().map(|group| group.error_code))
                    .chain(of_groups.map(|answer| answer.error_code))
                    .chain(of_topics.map(|answer| answer.error_code)),
            )
        }
        Response::FindCoordinator(body) => first(
            &mut core::iter::once(body.error_code).chain(body.coordinators.iter().map(|answer| answer.error_code)),
        ),
        Response::JoinGroup(body) => first(&mut core::iter::once(body.error_code)),
        Response::Heartbeat(body) => first(&mut core::iter::once(body.error_code)),
        Response::LeaveGroup(body) => {
            first(&mut core::iter::once(body.error_code).chain(body.members.iter().map(|answer| answer.error_code)))
        }
        Response::SyncGroup(body) => first(&mut core::iter::once(body.error_code)),
        Response::DescribeGroups(body) => first(&mut body.groups.iter().map(|answer| answer.error_code)),
        Response::ListGroups(body) => first(&mut core::iter::once(body.error_code)),
        Response::ApiVersions(body) => first(&mut core::iter::once(body.error_code)),
        Response::CreateTopics(body) => first(&mut body.topics.iter().map(|topic| topic.error_code)),
        Response::DeleteTopics(body) => first(&mut body.responses.iter().map(|topic| topic.error_code)),
        Response::DeleteRecords(body) => {
            first(&mut body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code))
        }
        Response::InitProducerId(body) => first(&mut core::iter::once(body.error_code)),
        Response::OffsetForLeaderEpoch(body) => {
            first(&mut body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code))
        }
        Response::DescribeConfigs(body) => first(&mut body.results.iter().map(|resource| resource.error_code)),
        Response::AlterConfigs(body) => first(&mut body.responses.iter().map(|resource| resource.error_code)),
        Response::AlterReplicaLogDirs(body) => {
            first(&mut body.results.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code))
        }
        Response::DescribeLogDirs(body) => first(&mut core::iter::once(body.error_code)),
        Response::CreatePartitions(body) => first(&mut body.results.iter().map(|topic| topic.error_code)),
        Response::DeleteGroups(body) => first(&mut body.results.iter().map(|answer| answer.error_code)),
        Response::ElectLeaders(body) => first(
            &mut core::iter::once(body.error_code).chain(
                body.replica_election_results
                    .iter()
                    .flat_map(|topic| &topic.partition_result)
                    .map(|answer| answer.error_code),
            ),
        ),
        Response::IncrementalAlterConfigs(body) => {
            first(&mut body.responses.iter().map(|resource| resource.error_code))
        }
        Response::AlterPartitionReassignments(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.responses.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::ListPartitionReassignments(body) => first(&mut core::iter::once(body.error_code)),
        Response::OffsetDelete(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::Vote(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::BeginQuorumEpoch(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::EndQuorumEpoch(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::DescribeQuorum(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::AlterPartition(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::UpdateFeatures(body) => {
            first(&mut core::iter::once(body.error_code).chain(body.results.iter().map(|answer| answer.error_code)))
        }
        Response::Envelope(body) => first(&mut core::iter::once(body.error_code)),
        Response::FetchSnapshot(body) => first(
            &mut core::iter::once(body.error_code)
                .chain(body.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code)),
        ),
        Response::DescribeCluster(body) => first(&mut core::iter::once(body.error_code)),
        Response::BrokerRegistration(body) => first(&mut core::iter::once(body.error_code)),
        Response::BrokerHeartbeat(body) => first(&mut core::iter::once(body.error_code)),
        Response::UnregisterBroker(body) => first(&mut core::iter::once(body.error_code)),
        Response::AllocateProducerIds(body) => first(&mut core::iter::once(body.error_code)),
        Response::ConsumerGroupHeartbeat(body) => first(&mut core::iter::once(body.error_code)),
        Response::ConsumerGroupDescribe(body) => first(&mut body.groups.iter().map(|answer| answer.error_code)),
        Response::ControllerRegistration(body) => first(&mut core::iter::once(body.error_code)),
        Response::DescribeTopicPartitions(body) => first(&mut body.topics.iter().map(|answer| answer.error_code)),
        Response::AddRaftVoter(body) => first(&mut core::iter::once(body.error_code)),
        Response::RemoveRaftVoter(body) => first(&mut core::iter::once(body.error_code)),
        Response::UpdateRaftVoter(body) => first(&mut core::iter::once(body.error_code)),
    };
    code.map(ErrorCode::from_code)
}

fn first(codes: &mut dyn Iterator<Item = i16>) -> Option<i16> {
    let mut codes = codes;
    (&mut codes).find(|code| *code != 0)
}

/// The first error in a fetch's answer.
pub(crate) fn first_fetch_error(result: &FetchResult<RecordData>) -> Option<ErrorCode> {
    let partitions = result.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code);
    core::iter::once(result.error_code).chain(partitions).find(|code| *code != 0).map(ErrorCode::from_code)
}

/// What an answer is about. Asked for only when somebody watches.
pub(crate) fn summary(response: &Response) -> Summary {
    // A response that names its topics by id has empty names.
    let about = |topic: Option<&str>, partition: Option<i32>| {
        let topic = topic.filter(|topic| !topic.is_empty()).map(String::from);
        Summary { topic, partition, records: 0 }
    };
    match response {
        Response::Produce(body) => {
            let topic = body.responses.first();
            let partition = topic.and_then(|topic| topic.partition_responses.first());
            about(topic.map(|topic| topic.name.as_str()), partition.map(|answer| answer.index))
        }
        Response::ListOffsets(body) => {
            let topic = body.topics.first();
            let partition = topic.and_then(|topic| topic.partitions.first());
            about(topic.map(|topic| topic.name.as_str()), partition.map(|answer| answer.partition_index))
        }
        Response::Metadata(body) => {
            about(body.topics.first().and_then(|topic| topic.name.as_ref()).map(|name| name.as_str()), None)
        }
        Response::CreateTopics(body) => about(body.topics.first().map(|topic| topic.name.as_str()), None),
        Response::DeleteTopics(body) => {
            about(body.responses.first().and_then(|topic| topic.name.as_ref()).map(|name| name.as_str()), None)
        }
        Response::CreatePartitions(body) => about(body.results.first().map(|topic| topic.name.as_str()), None),
        Response::DeleteRecords(body) => {
            let topic = body.topics.first();
            let partition = topic.and_then(|topic| topic.partitions.first());
            about(topic.map(|topic| topic.name.as_str()), partition.map(|answer| answer.partition_index))
        }
        Response::AlterConfigs(body) => {
            about(body.responses.first().map(|resource| resource.resource_name.as_str()), None)
        }
        Response::IncrementalAlterConfigs(body) => {
            about(body.responses.first().map(|resource| resource.resource_name.as_str()), None)
        }
        Response::DescribeConfigs(body) => {
            about(body.results.first().map(|result| result.resource_name.as_str()), None)
        }
        _ => Summary::default(),
    }
}
