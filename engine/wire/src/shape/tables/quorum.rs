//! The controllers' quorum (KRaft): elections, snapshots and voters.

use super::{Field, Kind, Shapes};

shapes! {
    Vote {
        request {
            cluster_id: string; voter_id since 1: int32;
            topics: [{
                topic_name: string;
                partitions: [{
                    partition_index: int32; replica_epoch: int32; replica_id: int32;
                    replica_directory_id since 1: uuid; voter_directory_id since 1: uuid;
                    last_offset_epoch: int32; last_offset: int64; pre_vote since 2: bool;
                }];
            }];
        }
        response {
            error_code: int16;
            topics: [{
                topic_name: string;
                partitions: [{
                    partition_index: int32; error_code: int16; leader_id: int32; leader_epoch: int32;
                    vote_granted: bool;
                }];
            }];
            node_endpoints since 1 tag 0: [{ node_id: int32; host: string; port: uint16; }];
        }
    }
    BeginQuorumEpoch {
        request {
            cluster_id: string; voter_id since 1: int32;
            topics: [{
                topic_name: string;
                partitions: [{
                    partition_index: int32; voter_directory_id since 1: uuid; leader_id: int32;
                    leader_epoch: int32;
                }];
            }];
            leader_endpoints since 1: [{ name: string; host: string; port: uint16; }];
        }
        response {
            error_code: int16;
            topics: [{
                topic_name: string;
                partitions: [{
                    partition_index: int32; error_code: int16; leader_id: int32; leader_epoch: int32;
                }];
            }];
            node_endpoints since 1 tag 0: [{ node_id: int32; host: string; port: uint16; }];
        }
    }
    EndQuorumEpoch {
        request {
            cluster_id: string;
            topics: [{
                topic_name: string;
                partitions: [{
                    partition_index: int32; leader_id: int32; leader_epoch: int32;
                    preferred_successors until 0: [int32];
                    preferred_candidates since 1: [{ candidate_id: int32; candidate_directory_id: uuid; }];
                }];
            }];
            leader_endpoints since 1: [{ name: string; host: string; port: uint16; }];
        }
        response {
            error_code: int16;
            topics: [{
                topic_name: string;
                partitions: [{
                    partition_index: int32; error_code: int16; leader_id: int32; leader_epoch: int32;
                }];
            }];
            node_endpoints since 1 tag 0: [{ node_id: int32; host: string; port: uint16; }];
        }
    }
    DescribeQuorum {
        request {
            topics: [{ topic_name: string; partitions: [{ partition_index: int32; }]; }];
        }
        response {
            error_code: int16; error_message since 2: string;
            topics: [{
                topic_name: string;
                partitions: [{
                    partition_index: int32; error_code: int16; error_message since 2: string;
                    leader_id: int32; leader_epoch: int32; high_watermark: int64;
                    current_voters: [{
                        replica_id: int32; replica_directory_id since 2: uuid; log_end_offset: int64;
                        last_fetch_timestamp since 1: int64; last_caught_up_timestamp since 1: int64;
                    }];
                    observers: [{
                        replica_id: int32; replica_directory_id since 2: uuid; log_end_offset: int64;
                        last_fetch_timestamp since 1: int64; last_caught_up_timestamp since 1: int64;
                    }];
                }];
            }];
            nodes since 2: [{
                node_id: int32; listeners: [{ name: string; host: string; port: uint16; }];
            }];
        }
    }
    FetchSnapshot {
        request {
            cluster_id tag 0: string; replica_id: int32; max_bytes: int32;
            topics: [{
                name: string;
                partitions: [{
                    partition: int32; current_leader_epoch: int32;
                    snapshot_id: { end_offset: int64; epoch: int32; }; position: int64;
                    replica_directory_id since 1 tag 0: uuid;
                }];
            }];
        }
        response {
            throttle_time_ms: int32; error_code: int16;
            topics: [{
                name: string;
                partitions: [{
                    index: int32; error_code: int16; snapshot_id: { end_offset: int64; epoch: int32; };
                    current_leader tag 0: { leader_id: int32; leader_epoch: int32; }; size: int64;
                    position: int64; unaligned_records: bytes;
                }];
            }];
            node_endpoints since 1 tag 0: [{ node_id: int32; host: string; port: uint16; }];
        }
    }
    AddRaftVoter {
        request {
            cluster_id: string; timeout_ms: int32; voter_id: int32; voter_directory_id: uuid;
            listeners: [{ name: string; host: string; port: uint16; }];
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string;
        }
    }
    RemoveRaftVoter {
        request {
            cluster_id: string; voter_id: int32; voter_directory_id: uuid;
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string;
        }
    }
    UpdateRaftVoter {
        request {
            cluster_id: string; current_leader_epoch: int32; voter_id: int32; voter_directory_id: uuid;
            listeners: [{ name: string; host: string; port: uint16; }];
            k_raft_version_feature: { min_supported_version: int16; max_supported_version: int16; };
        }
        response {
            throttle_time_ms: int32; error_code: int16;
            current_leader tag 0: { leader_id: int32; leader_epoch: int32; host: string; port: int32; };
        }
    }
}
