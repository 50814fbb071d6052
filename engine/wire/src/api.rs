//! The one table of the APIs that Naru speaks, and what follows from it: [`ApiKey`], [`Request`], [`Response`].
//!
//! Supporting one more API takes a row here and its two shapes in [`crate::shape`]. Versions are those of Apache Kafka 4.1,
//! without those that it marks as unstable. What stands here is understood; whether it is served is for the server to say.

use crate::shape::tables::{self, Shapes};
use alloc::{format, string::String};
use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages as kp,
    protocol::{Decodable, Encodable},
};

/// The versions of an API that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupportedVersions {
    /// The lowest.
    pub min: i16,
    /// The highest.
    pub max: i16,
}

impl SupportedVersions {
    /// Whether `version` is among them.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

fn not_in_this_build(api: ApiKey) -> String {
    format!("{} is not part of this build", api.name())
}

/// The first flexible version of an API that has none.
const NEVER: i16 = i16::MAX;

macro_rules! apis {
    ($($name:ident = $key:literal, $min:literal ..= $max:literal, flexible $flexible:expr, $request:ident, $response:ident;)*) => {
        /// An API: what a request asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        #[allow(missing_docs, reason = "the variants are Kafka's API names")]
        pub enum ApiKey {
            $($name = $key,)*
        }

        impl ApiKey {
            /// Every API, in the order of the keys.
            pub const ALL: &'static [ApiKey] = &[$(ApiKey::$name,)*];

            /// The API with this key, if it is supported.
            pub const fn from_key(key: i16) -> Option<ApiKey> {
                match key {
                    $($key => Some(ApiKey::$name),)*
                    _ => None,
                }
            }

            /// Kafka's name for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ApiKey::$name => stringify!($name),)*
                }
            }

            /// The versions that are understood.
            pub const fn versions(self) -> SupportedVersions {
                match self {
                    $(ApiKey::$name => SupportedVersions { min: $min, max: $max },)*
                }
            }

            /// The first version with compact lengths and tagged fields (KIP-482).
            pub const fn flexible_since(self) -> i16 {
                match self {
                    $(ApiKey::$name => $flexible,)*
                }
            }

            /// What its messages look like.
            pub(crate) const fn shapes(self) -> &'static Shapes {
                match self {
                    $(ApiKey::$name => &tables::$name,)*
                }
            }
        }

        /// A decoded request.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "the variants are Kafka's API names")]
        pub enum Request {
            $($name(kp::$request),)*
        }

        impl Request {
            /// The API that it asks for.
            pub const fn api(&self) -> ApiKey {
                match self {
                    $(Request::$name(_) => ApiKey::$name,)*
                }
            }

            /// Decodes a body whose lengths were checked.
            pub(crate) fn decode_body(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Self, String> {
                match api {
                    $(ApiKey::$name if const { ApiKey::$name.is_in_this_build() } => {
                        kp::$request::decode(body, version).map(Request::$name)
                    })*
                    left_out => return Err(not_in_this_build(left_out)),
                }
                .map_err(|error| format!("{error}"))
            }

            pub(crate) fn encode_body(&self, version: i16, out: &mut BytesMut) -> Result<(), String> {
                match self {
                    $(Request::$name(body) if const { ApiKey::$name.is_in_this_build() } => body.encode(out, version),)*
                    left_out => return Err(not_in_this_build(left_out.api())),
                }
                .map_err(|error| format!("{error}"))
            }
        }

        /// A decoded response, or one that is to be encoded.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "the variants are Kafka's API names")]
        pub enum Response {
            $($name(kp::$response),)*
        }

        impl Response {
            /// The API that it answers.
            pub const fn api(&self) -> ApiKey {
                match self {
                    $(Response::$name(_) => ApiKey::$name,)*
                }
            }

            /// Decodes a body whose lengths were checked.
            pub(crate) fn decode_body(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Self, String> {
                match api {
                    $(ApiKey::$name if const { ApiKey::$name.is_in_this_build() } => {
                        kp::$response::decode(body, version).map(Response::$name)
                    })*
                    left_out => return Err(not_in_this_build(left_out)),
                }
                .map_err(|error| format!("{error}"))
            }

            pub(crate) fn encode_body(&self, version: i16, out: &mut BytesMut) -> Result<(), String> {
                match self {
                    $(Response::$name(body) if const { ApiKey::$name.is_in_this_build() } => body.encode(out, version),)*
                    left_out => return Err(not_in_this_build(left_out.api())),
                }
                .map_err(|error| format!("{error}"))
            }
        }

        $(
            impl From<kp::$request> for Request {
                fn from(request: kp::$request) -> Self {
                    Request::$name(request)
                }
            }

            impl From<kp::$response> for Response {
                fn from(response: kp::$response) -> Self {
                    Response::$name(response)
                }
            }
        )*
    };
}

apis! {
    Produce                =  0, 3 ..= 13, flexible 9,  ProduceRequest, ProduceResponse;
    Fetch                  =  1, 4 ..= 18, flexible 12, FetchRequest, FetchResponse;
    ListOffsets            =  2, 1 ..= 10, flexible 6,  ListOffsetsRequest, ListOffsetsResponse;
    Metadata               =  3, 0 ..= 13, flexible 9,  MetadataRequest, MetadataResponse;
    OffsetCommit           =  8, 2 ..= 9,  flexible 8,  OffsetCommitRequest, OffsetCommitResponse;
    OffsetFetch            =  9, 1 ..= 9,  flexible 6,  OffsetFetchRequest, OffsetFetchResponse;
    FindCoordinator        = 10, 0 ..= 6,  flexible 3,  FindCoordinatorRequest, FindCoordinatorResponse;
    JoinGroup              = 11, 0 ..= 9,  flexible 6,  JoinGroupRequest, JoinGroupResponse;
    Heartbeat              = 12, 0 ..= 4,  flexible 4,  HeartbeatRequest, HeartbeatResponse;
    LeaveGroup             = 13, 0 ..= 5,  flexible 4,  LeaveGroupRequest, LeaveGroupResponse;
    SyncGroup              = 14, 0 ..= 5,  flexible 4,  SyncGroupRequest, SyncGroupResponse;
    DescribeGroups         = 15, 0 ..= 6,  flexible 5,  DescribeGroupsRequest, DescribeGroupsResponse;
    ListGroups             = 16, 0 ..= 5,  flexible 3,  ListGroupsRequest, ListGroupsResponse;
    ApiVersions            = 18, 0 ..= 4,  flexible 3,  ApiVersionsRequest, ApiVersionsResponse;
    CreateTopics           = 19, 2 ..= 7,  flexible 5,  CreateTopicsRequest, CreateTopicsResponse;
    DeleteTopics           = 20, 1 ..= 6,  flexible 4,  DeleteTopicsRequest, DeleteTopicsResponse;
    DeleteRecords          = 21, 0 ..= 2,  flexible 2,  DeleteRecordsRequest, DeleteRecordsResponse;
    InitProducerId         = 22, 0 ..= 5,  flexible 2,  InitProducerIdRequest, InitProducerIdResponse;
    OffsetForLeaderEpoch   = 23, 2 ..= 4,  flexible 4,  OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    DescribeConfigs        = 32, 1 ..= 4,  flexible 4,  DescribeConfigsRequest, DescribeConfigsResponse;
    AlterConfigs           = 33, 0 ..= 2,  flexible 2,  AlterConfigsRequest, AlterConfigsResponse;
    AlterReplicaLogDirs    = 34, 1 ..= 2,  flexible 2,  AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse;
    DescribeLogDirs        = 35, 1 ..= 4,  flexible 2,  DescribeLogDirsRequest, DescribeLogDirsResponse;
    CreatePartitions       = 37, 0 ..= 3,  flexible 2,  CreatePartitionsRequest, CreatePartitionsResponse;
    DeleteGroups           = 42, 0 ..= 2,  flexible 2,  DeleteGroupsRequest, DeleteGroupsResponse;
    ElectLeaders           = 43, 0 ..= 2,  flexible 2,  ElectLeadersRequest, ElectLeadersResponse;
    IncrementalAlterConfigs = 44, 0 ..= 1, flexible 1, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    AlterPartitionReassignments = 45, 0 ..= 1, flexible 0,
        AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
    ListPartitionReassignments = 46, 0 ..= 0, flexible 0,
        ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
    OffsetDelete           = 47, 0 ..= 0,  flexible NEVER, OffsetDeleteRequest, OffsetDeleteResponse;
    Vote                   = 52, 0 ..= 2,  flexible 0,  VoteRequest, VoteResponse;
    BeginQuorumEpoch       = 53, 0 ..= 1,  flexible 1,  BeginQuorumEpochRequest, BeginQuorumEpochResponse;
    EndQuorumEpoch         = 54, 0 ..= 1,  flexible 1,  EndQuorumEpochRequest, EndQuorumEpochResponse;
    DescribeQuorum         = 55, 0 ..= 2,  flexible 0,  DescribeQuorumRequest, DescribeQuorumResponse;
    AlterPartition         = 56, 2 ..= 3,  flexible 0,  AlterPartitionRequest, AlterPartitionResponse;
    UpdateFeatures         = 57, 0 ..= 2,  flexible 0,  UpdateFeaturesRequest, UpdateFeaturesResponse;
    Envelope               = 58, 0 ..= 0,  flexible 0,  EnvelopeRequest, EnvelopeResponse;
    FetchSnapshot          = 59, 0 ..= 1,  flexible 0,  FetchSnapshotRequest, FetchSnapshotResponse;
    DescribeCluster        = 60, 0 ..= 2,  flexible 0,  DescribeClusterRequest, DescribeClusterResponse;
    BrokerRegistration     = 62, 0 ..= 4,  flexible 0,  BrokerRegistrationRequest, BrokerRegistrationResponse;
    BrokerHeartbeat        = 63, 0 ..= 1,  flexible 0,  BrokerHeartbeatRequest, BrokerHeartbeatResponse;
    UnregisterBroker       = 64, 0 ..= 0,  flexible 0,  UnregisterBrokerRequest, UnregisterBrokerResponse;
    AllocateProducerIds    = 67, 0 ..= 0,  flexible 0,  AllocateProducerIdsRequest, AllocateProducerIdsResponse;
    ConsumerGroupHeartbeat = 68, 0 ..= 1,  flexible 0,  ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse;
    ConsumerGroupDescribe  = 69, 0 ..= 1,  flexible 0,  ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
    ControllerRegistration = 70, 0 ..= 0,  flexible 0,  ControllerRegistrationRequest, ControllerRegistrationResponse;
    DescribeTopicPartitions = 75, 0 ..= 0, flexible 0, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
    AddRaftVoter           = 80, 0 ..= 0,  flexible 0,  AddRaftVoterRequest, AddRaftVoterResponse;
    RemoveRaftVoter        = 81, 0 ..= 0,  flexible 0,  RemoveRaftVoterRequest, RemoveRaftVoterResponse;
    UpdateRaftVoter        = 82, 0 ..= 0,  flexible 0,  UpdateRaftVoterRequest, UpdateRaftVoterResponse;
}

impl ApiKey {
    /// The versions that an ApiVersions response announces.
    ///
    /// They are the supported ones, but for Produce: librdkafka turns features off (and cannot produce with some of its
    /// versions) unless Produce is announced from version 0, so Kafka announces it and closes the connection of those who
    /// really send it (KAFKA-18659).
    pub const fn announced_versions(self) -> SupportedVersions {
        match self {
            ApiKey::Produce => SupportedVersions { min: 0, ..self.versions() },
            _ => self.versions(),
        }
    }

    /// Whether its messages can be read and written here. The browser's engine, whose size is what readers wait for, leaves out
    /// what neither labs nor the nodes of their clusters say.
    pub const fn is_in_this_build(self) -> bool {
        let is_said_in_labs = matches!(
            self,
            ApiKey::Produce
                | ApiKey::Fetch
                | ApiKey::ListOffsets
                | ApiKey::Metadata
                | ApiKey::ApiVersions
                | ApiKey::CreateTopics
                | ApiKey::DeleteTopics
                | ApiKey::DeleteRecords
                | ApiKey::InitProducerId
                | ApiKey::CreatePartitions
                | ApiKey::IncrementalAlterConfigs
                | ApiKey::Vote
                | ApiKey::BeginQuorumEpoch
                | ApiKey::EndQuorumEpoch
                | ApiKey::FetchSnapshot
                | ApiKey::AlterPartition
                | ApiKey::Envelope
                | ApiKey::BrokerRegistration
                | ApiKey::BrokerHeartbeat
                | ApiKey::AllocateProducerIds
        );
        cfg!(not(target_arch = "wasm32")) || is_said_in_labs
    }

    /// Whether this version has compact lengths and tagged fields (KIP-482).
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_since()
    }

    /// The key on the wire.
    pub const fn key(self) -> i16 {
        self as i16
    }
}
