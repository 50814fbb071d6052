//! Consumer groups: coordinators, members and committed offsets.

use super::{Field, Kind, Shapes};

shapes! {
    OffsetCommit {
        request {
            group_id: string; generation_id_or_member_epoch: int32; member_id: string;
            group_instance_id since 7: string; retention_time_ms until 4: int64;
            topics: [{
                name: string;
                partitions: [{
                    partition_index: int32; committed_offset: int64; committed_leader_epoch since 6: int32;
                    committed_metadata: string;
                }];
            }];
        }
        response {
            throttle_time_ms since 3: int32;
            topics: [{
                name: string; partitions: [{ partition_index: int32; error_code: int16; }];
            }];
        }
    }
    OffsetFetch {
        request {
            group_id until 7: string; topics until 7: [{ name: string; partition_indexes: [int32]; }];
            groups since 8: [{
                group_id: string; member_id since 9: string; member_epoch since 9: int32;
                topics: [{ name: string; partition_indexes: [int32]; }];
            }];
            require_stable since 7: bool;
        }
        response {
            throttle_time_ms since 3: int32;
            topics until 7: [{
                name: string;
                partitions: [{
                    partition_index: int32; committed_offset: int64; committed_leader_epoch since 5: int32;
                    metadata: string; error_code: int16;
                }];
            }];
            error_code since 2 until 7: int16;
            groups since 8: [{
                group_id: string;
                topics: [{
                    name: string;
                    partitions: [{
                        partition_index: int32; committed_offset: int64; committed_leader_epoch: int32;
                        metadata: string; error_code: int16;
                    }];
                }];
                error_code: int16;
            }];
        }
    }
    FindCoordinator {
        request {
            key until 3: string; key_type since 1: int8; coordinator_keys since 4: [string];
        }
        response {
            throttle_time_ms since 1: int32; error_code until 3: int16;
            error_message since 1 until 3: string; node_id until 3: int32; host until 3: string;
            port until 3: int32;
            coordinators since 4: [{
                key: string; node_id: int32; host: string; port: int32; error_code: int16;
                error_message: string;
            }];
        }
    }
    JoinGroup {
        request {
            group_id: string; session_timeout_ms: int32; rebalance_timeout_ms since 1: int32;
            member_id: string; group_instance_id since 5: string; protocol_type: string;
            protocols: [{ name: string; metadata: bytes; }]; reason since 8: string;
        }
        response {
            throttle_time_ms since 2: int32; error_code: int16; generation_id: int32;
            protocol_type since 7: string; protocol_name: string; leader: string;
            skip_assignment since 9: bool; member_id: string;
            members: [{
                member_id: string; group_instance_id since 5: string; metadata: bytes;
            }];
        }
    }
    Heartbeat {
        request {
            group_id: string; generation_id: int32; member_id: string; group_instance_id since 3: string;
        }
        response {
            throttle_time_ms since 1: int32; error_code: int16;
        }
    }
    LeaveGroup {
        request {
            group_id: string; member_id until 2: string;
            members since 3: [{
                member_id: string; group_instance_id: string; reason since 5: string;
            }];
        }
        response {
            throttle_time_ms since 1: int32; error_code: int16;
            members since 3: [{ member_id: string; group_instance_id: string; error_code: int16; }];
        }
    }
    SyncGroup {
        request {
            group_id: string; generation_id: int32; member_id: string; group_instance_id since 3: string;
            protocol_type since 5: string; protocol_name since 5: string;
            assignments: [{ member_id: string; assignment: bytes; }];
        }
        response {
            throttle_time_ms since 1: int32; error_code: int16; protocol_type since 5: string;
            protocol_name since 5: string; assignment: bytes;
        }
    }
    DescribeGroups {
        request {
            groups: [string]; include_authorized_operations since 3: bool;
        }
        response {
            throttle_time_ms since 1: int32;
            groups: [{
                error_code: int16; error_message since 6: string; group_id: string; group_state: string;
                protocol_type: string; protocol_data: string;
                members: [{
                    member_id: string; group_instance_id since 4: string; client_id: string;
                    client_host: string; member_metadata: bytes; member_assignment: bytes;
                }];
                authorized_operations since 3: int32;
            }];
        }
    }
    ListGroups {
        request {
            states_filter since 4: [string]; types_filter since 5: [string];
        }
        response {
            throttle_time_ms since 1: int32; error_code: int16;
            groups: [{
                group_id: string; protocol_type: string; group_state since 4: string;
                group_type since 5: string;
            }];
        }
    }
    DeleteGroups {
        request {
            groups_names: [string];
        }
        response {
            throttle_time_ms: int32; results: [{ group_id: string; error_code: int16; }];
        }
    }
    OffsetDelete {
        request {
            group_id: string; topics: [{ name: string; partitions: [{ partition_index: int32; }]; }];
        }
        response {
            error_code: int16; throttle_time_ms: int32;
            topics: [{
                name: string; partitions: [{ partition_index: int32; error_code: int16; }];
            }];
        }
    }
    ConsumerGroupHeartbeat {
        request {
            group_id: string; member_id: string; member_epoch: int32; instance_id: string; rack_id: string;
            rebalance_timeout_ms: int32; subscribed_topic_names: [string];
            subscribed_topic_regex since 1: string; server_assignor: string;
            topic_partitions: [{ topic_id: uuid; partitions: [int32]; }];
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string; member_id: string;
            member_epoch: int32; heartbeat_interval_ms: int32;
            assignment: (nullable { topic_partitions: [{ topic_id: uuid; partitions: [int32]; }]; });
        }
    }
    ConsumerGroupDescribe {
        request {
            group_ids: [string]; include_authorized_operations: bool;
        }
        response {
            throttle_time_ms: int32;
            groups: [{
                error_code: int16; error_message: string; group_id: string; group_state: string;
                group_epoch: int32; assignment_epoch: int32; assignor_name: string;
                members: [{
                    member_id: string; instance_id: string; rack_id: string; member_epoch: int32;
                    client_id: string; client_host: string; subscribed_topic_names: [string];
                    subscribed_topic_regex: string;
                    assignment: {
                        topic_partitions: [{
                            topic_id: uuid; topic_name: string; partitions: [int32];
                        }];
                    };
                    target_assignment: {
                        topic_partitions: [{
                            topic_id: uuid; topic_name: string; partitions: [int32];
                        }];
                    };
                    member_type since 1: int8;
                }];
                authorized_operations: int32;
            }];
        }
    }
}
