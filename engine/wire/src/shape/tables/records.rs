//! What is in the logs: writing, reading and finding records, and where one leader's log ends.

use super::{Field, Kind, Shapes};

shapes! {
    Produce {
        request {
            transactional_id: string; acks: int16; timeout_ms: int32;
            topic_data: [{
                name until 12: string; topic_id since 13: uuid;
                partition_data: [{ index: int32; records: bytes; }];
            }];
        }
        response {
            responses: [{
                name until 12: string; topic_id since 13: uuid;
                partition_responses: [{
                    index: int32; error_code: int16; base_offset: int64; log_append_time_ms: int64;
                    log_start_offset since 5: int64;
                    record_errors since 8: [{ batch_index: int32; batch_index_error_message: string; }];
                    error_message since 8: string;
                    current_leader since 10 tag 0: { leader_id: int32; leader_epoch: int32; };
                }];
            }];
            throttle_time_ms: int32;
            node_endpoints since 10 tag 0: [{ node_id: int32; host: string; port: int32; rack: string; }];
        }
    }
    Fetch {
        request {
            cluster_id since 12 tag 0: string; replica_id until 14: int32;
            replica_state since 15 tag 1: { replica_id: int32; replica_epoch: int64; };
            max_wait_ms: int32; min_bytes: int32; max_bytes: int32; isolation_level: int8;
            session_id since 7: int32; session_epoch since 7: int32;
            topics: [{
                topic until 12: string; topic_id since 13: uuid;
                partitions: [{
                    partition: int32; current_leader_epoch since 9: int32; fetch_offset: int64;
                    last_fetched_epoch since 12: int32; log_start_offset since 5: int64;
                    partition_max_bytes: int32; replica_directory_id since 17 tag 0: uuid;
                    high_watermark since 18 tag 1: int64;
                }];
            }];
            forgotten_topics_data since 7: [{
                topic until 12: string; topic_id since 13: uuid; partitions: [int32];
            }];
            rack_id since 11: string;
        }
        response {
            throttle_time_ms: int32; error_code since 7: int16; session_id since 7: int32;
            responses: [{
                topic until 12: string; topic_id since 13: uuid;
                partitions: [{
                    partition_index: int32; error_code: int16; high_watermark: int64;
                    last_stable_offset: int64; log_start_offset since 5: int64;
                    diverging_epoch since 12 tag 0: { epoch: int32; end_offset: int64; };
                    current_leader since 12 tag 1: { leader_id: int32; leader_epoch: int32; };
                    snapshot_id since 12 tag 2: { end_offset: int64; epoch: int32; };
                    aborted_transactions: [{ producer_id: int64; first_offset: int64; }];
                    preferred_read_replica since 11: int32; records: bytes;
                }];
            }];
            node_endpoints since 16 tag 0: [{ node_id: int32; host: string; port: int32; rack: string; }];
        }
    }
    ListOffsets {
        request {
            replica_id: int32; isolation_level since 2: int8;
            topics: [{
                name: string;
                partitions: [{
                    partition_index: int32; current_leader_epoch since 4: int32; timestamp: int64;
                }];
            }];
            timeout_ms since 10: int32;
        }
        response {
            throttle_time_ms since 2: int32;
            topics: [{
                name: string;
                partitions: [{
                    partition_index: int32; error_code: int16; timestamp: int64; offset: int64;
                    leader_epoch since 4: int32;
                }];
            }];
        }
    }
    DeleteRecords {
        request {
            topics: [{ name: string; partitions: [{ partition_index: int32; offset: int64; }]; }];
            timeout_ms: int32;
        }
        response {
            throttle_time_ms: int32;
            topics: [{
                name: string;
                partitions: [{ partition_index: int32; low_watermark: int64; error_code: int16; }];
            }];
        }
    }
    InitProducerId {
        request {
            transactional_id: string; transaction_timeout_ms: int32; producer_id since 3: int64;
            producer_epoch since 3: int16;
        }
        response {
            throttle_time_ms: int32; error_code: int16; producer_id: int64; producer_epoch: int16;
        }
    }
    OffsetForLeaderEpoch {
        request {
            replica_id since 3: int32;
            topics: [{
                topic: string;
                partitions: [{
                    partition: int32; current_leader_epoch: int32; leader_epoch: int32;
                }];
            }];
        }
        response {
            throttle_time_ms: int32;
            topics: [{
                topic: string;
                partitions: [{
                    error_code: int16; partition: int32; leader_epoch: int32; end_offset: int64;
                }];
            }];
        }
    }
}
