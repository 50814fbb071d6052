//! The shape tables agree with the decoders that they guard: a message made from its shape is walked, decoded and encoded
//! again to the same bytes, for every API and every version.

mod support;

use bytes::Bytes;
use naru_wire::{
    ApiKey, DecodeError, Request, RequestHeader, Response, decode_request, decode_response, encode_request,
    encode_response, messages,
};
use support::{CORRELATION_ID, Random, Way, every_message, frame, framed};

const SEEDS: u64 = 40;

#[test]
fn every_request_and_response_in_every_version_makes_the_round_trip() {
    for (api, version, way) in every_message() {
        for seed in 0..SEEDS {
            let frame = frame(api, version, way, &mut Random::new(seed), false);
            let again = match way {
                Way::Request => request_round_trip(&frame),
                Way::Response => response_round_trip(api, version, &frame),
            };
            let context = format!("{} {way:?} version {version}, seed {seed}", api.name());
            let again = again.unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(again, framed(&frame), "{context}");
        }
    }
}

#[test]
fn nulls_are_walked_and_then_taken_or_refused_but_never_a_panic() {
    for (api, version, way) in every_message() {
        for seed in 0..SEEDS {
            let frame = frame(api, version, way, &mut Random::new(seed), true);
            let refused = match way {
                Way::Request => decode_request(Bytes::from(frame)).err(),
                Way::Response => decode_response(api, version, Bytes::from(frame)).err(),
            };
            if let Some(error) = refused {
                let error = error.to_string();
                assert!(error.contains("negative (-1)"), "the walk lets nulls pass, the decoder says no: {error}");
            }
        }
    }
}

fn request_round_trip(frame: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (header, request) = decode_request(Bytes::copy_from_slice(frame))?;
    assert_eq!(header.client_id.as_str(), "naru");
    assert_eq!(header.correlation_id, CORRELATION_ID);
    assert_eq!(header.api, request.api());
    Ok(encode_request(&header, &request).expect("what was decoded can be encoded").to_vec())
}

fn response_round_trip(api: ApiKey, version: i16, frame: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (correlation_id, response) = decode_response(api, version, Bytes::copy_from_slice(frame))?;
    assert_eq!(api, response.api());
    Ok(encode_response(correlation_id, version, &response).expect("what was decoded can be encoded").to_vec())
}

/// What a broker or client leaves at its default can be encoded in every version.
#[test]
fn defaults_can_be_encoded_in_every_version() {
    for (api, version, way) in every_message() {
        let context = format!("{} {way:?} version {version}", api.name());
        // Any message of the version, to get at its type's default without a list of all types here.
        let frame = Bytes::from(frame(api, version, way, &mut Random::new(1), false));
        match way {
            Way::Request => {
                let (header, _) = decode_request(frame).unwrap();
                let request = default_request(api);
                let framed = encode_request(&header, &request).unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!(decode_request(framed.slice(4..)).unwrap(), (header, request), "{context}");
            }
            Way::Response => {
                let response = default_response(api);
                let framed = encode_response(5, version, &response).unwrap_or_else(|e| panic!("{context}: {e}"));
                assert!(decode_response(api, version, framed.slice(4..)).is_ok(), "{context}");
            }
        }
    }
}

macro_rules! defaults {
    ($($api:ident: $request:ident, $response:ident;)*) => {
        fn default_request(api: ApiKey) -> Request {
            match api {
                $(ApiKey::$api => messages::$request::default().into(),)*
            }
        }

        fn default_response(api: ApiKey) -> Response {
            match api {
                $(ApiKey::$api => messages::$response::default().into(),)*
            }
        }
    };
}

defaults! {
    Produce: ProduceRequest, ProduceResponse;
    Fetch: FetchRequest, FetchResponse;
    ListOffsets: ListOffsetsRequest, ListOffsetsResponse;
    Metadata: MetadataRequest, MetadataResponse;
    OffsetCommit: OffsetCommitRequest, OffsetCommitResponse;
    OffsetFetch: OffsetFetchRequest, OffsetFetchResponse;
    FindCoordinator: FindCoordinatorRequest, FindCoordinatorResponse;
    JoinGroup: JoinGroupRequest, JoinGroupResponse;
    Heartbeat: HeartbeatRequest, HeartbeatResponse;
    LeaveGroup: LeaveGroupRequest, LeaveGroupResponse;
    SyncGroup: SyncGroupRequest, SyncGroupResponse;
    DescribeGroups: DescribeGroupsRequest, DescribeGroupsResponse;
    ListGroups: ListGroupsRequest, ListGroupsResponse;
    ApiVersions: ApiVersionsRequest, ApiVersionsResponse;
    CreateTopics: CreateTopicsRequest, CreateTopicsResponse;
    DeleteTopics: DeleteTopicsRequest, DeleteTopicsResponse;
    DeleteRecords: DeleteRecordsRequest, DeleteRecordsResponse;
    InitProducerId: InitProducerIdRequest, InitProducerIdResponse;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    DescribeConfigs: DescribeConfigsRequest, DescribeConfigsResponse;
    AlterConfigs: AlterConfigsRequest, AlterConfigsResponse;
    AlterReplicaLogDirs: AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse;
    DescribeLogDirs: DescribeLogDirsRequest, DescribeLogDirsResponse;
    CreatePartitions: CreatePartitionsRequest, CreatePartitionsResponse;
    DeleteGroups: DeleteGroupsRequest, DeleteGroupsResponse;
    ElectLeaders: ElectLeadersRequest, ElectLeadersResponse;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
    ListPartitionReassignments: ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
    OffsetDelete: OffsetDeleteRequest, OffsetDeleteResponse;
    Vote: VoteRequest, VoteResponse;
    BeginQuorumEpoch: BeginQuorumEpochRequest, BeginQuorumEpochResponse;
    EndQuorumEpoch: EndQuorumEpochRequest, EndQuorumEpochResponse;
    DescribeQuorum: DescribeQuorumRequest, DescribeQuorumResponse;
    AlterPartition: AlterPartitionRequest, AlterPartitionResponse;
    UpdateFeatures: UpdateFeaturesRequest, UpdateFeaturesResponse;
    Envelope: EnvelopeRequest, EnvelopeResponse;
    FetchSnapshot: FetchSnapshotRequest, FetchSnapshotResponse;
    DescribeCluster: DescribeClusterRequest, DescribeClusterResponse;
    BrokerRegistration: BrokerRegistrationRequest, BrokerRegistrationResponse;
    BrokerHeartbeat: BrokerHeartbeatRequest, BrokerHeartbeatResponse;
    UnregisterBroker: UnregisterBrokerRequest, UnregisterBrokerResponse;
    AllocateProducerIds: AllocateProducerIdsRequest, AllocateProducerIdsResponse;
    ConsumerGroupHeartbeat: ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse;
    ConsumerGroupDescribe: ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
    ControllerRegistration: ControllerRegistrationRequest, ControllerRegistrationResponse;
    DescribeTopicPartitions: DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
    AddRaftVoter: AddRaftVoterRequest, AddRaftVoterResponse;
    RemoveRaftVoter: RemoveRaftVoterRequest, RemoveRaftVoterResponse;
    UpdateRaftVoter: UpdateRaftVoterRequest, UpdateRaftVoterResponse;
}

/// A header without a client id has an empty one, as Kafka takes it.
#[test]
fn a_null_client_id_is_an_empty_one() {
    let frame = [&[0, 18, 0, 0, 0, 0, 0, 9, 0xff, 0xff][..]].concat();
    let (header, _) = decode_request(Bytes::from(frame)).unwrap();
    let expected =
        RequestHeader { api: ApiKey::ApiVersions, version: 0, correlation_id: 9, client_id: String::new().into() };
    assert_eq!(header, expected);
}

/// The records of a produce request are not copied: they are a part of the frame that came in.
#[test]
fn records_of_a_produce_request_are_the_frames_own_memory() {
    let frame = Bytes::from(frame(ApiKey::Produce, 9, Way::Request, &mut Random::new(2), false));
    let (_, request) = decode_request(frame.clone()).unwrap();
    let Request::Produce(produce) = request else { panic!("another API") };
    let records = produce.topic_data[0].partition_data[0].records.as_ref().unwrap();
    assert!(frame.as_ptr_range().contains(&records.as_ptr()));
}
