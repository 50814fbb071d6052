//! Topics, partitions and configurations, as clients and tools see and change them.

use super::{Field, Kind, Shapes};

shapes! {
    Metadata {
        request {
            topics: [{ topic_id since 10: uuid; name: string; }];
            allow_auto_topic_creation since 4: bool;
            include_cluster_authorized_operations since 8 until 10: bool;
            include_topic_authorized_operations since 8: bool;
        }
        response {
            throttle_time_ms since 3: int32;
            brokers: [{ node_id: int32; host: string; port: int32; rack since 1: string; }];
            cluster_id since 2: string; controller_id since 1: int32;
            topics: [{
                error_code: int16; name: string; topic_id since 10: uuid; is_internal since 1: bool;
                partitions: [{
                    error_code: int16; partition_index: int32; leader_id: int32;
                    leader_epoch since 7: int32; replica_nodes: [int32]; isr_nodes: [int32];
                    offline_replicas since 5: [int32];
                }];
                topic_authorized_operations since 8: int32;
            }];
            cluster_authorized_operations since 8 until 10: int32; error_code since 13: int16;
        }
    }
    CreateTopics {
        request {
            topics: [{
                name: string; num_partitions: int32; replication_factor: int16;
                assignments: [{ partition_index: int32; broker_ids: [int32]; }];
                configs: [{ name: string; value: string; }];
            }];
            timeout_ms: int32; validate_only: bool;
        }
        response {
            throttle_time_ms: int32;
            topics: [{
                name: string; topic_id since 7: uuid; error_code: int16; error_message: string;
                topic_config_error_code since 5 tag 0: int16; num_partitions since 5: int32;
                replication_factor since 5: int16;
                configs since 5: [{
                    name: string; value: string; read_only: bool; config_source: int8;
                    is_sensitive: bool;
                }];
            }];
        }
    }
    DeleteTopics {
        request {
            topics since 6: [{ name: string; topic_id: uuid; }];
            topic_names until 5: [string]; timeout_ms: int32;
        }
        response {
            throttle_time_ms: int32;
            responses: [{
                name: string; topic_id since 6: uuid; error_code: int16;
                error_message since 5: string;
            }];
        }
    }
    DescribeConfigs {
        request {
            resources: [{ resource_type: int8; resource_name: string; configuration_keys: [string]; }];
            include_synonyms: bool; include_documentation since 3: bool;
        }
        response {
            throttle_time_ms: int32;
            results: [{
                error_code: int16; error_message: string; resource_type: int8;
                resource_name: string;
                configs: [{
                    name: string; value: string; read_only: bool; config_source: int8;
                    is_sensitive: bool;
                    synonyms: [{ name: string; value: string; source: int8; }];
                    config_type since 3: int8; documentation since 3: string;
                }];
            }];
        }
    }
    AlterConfigs {
        request {
            resources: [{
                resource_type: int8; resource_name: string; configs: [{ name: string; value: string; }];
            }];
            validate_only: bool;
        }
        response {
            throttle_time_ms: int32;
            responses: [{
                error_code: int16; error_message: string; resource_type: int8; resource_name: string;
            }];
        }
    }
    AlterReplicaLogDirs {
        request {
            dirs: [{ path: string; topics: [{ name: string; partitions: [int32]; }]; }];
        }
        response {
            throttle_time_ms: int32;
            results: [{
                topic_name: string; partitions: [{ partition_index: int32; error_code: int16; }];
            }];
        }
    }
    DescribeLogDirs {
        request {
            topics: [{ topic: string; partitions: [int32]; }];
        }
        response {
            throttle_time_ms: int32; error_code since 3: int16;
            results: [{
                error_code: int16; log_dir: string;
                topics: [{
                    name: string;
                    partitions: [{
                        partition_index: int32; partition_size: int64; offset_lag: int64;
                        is_future_key: bool;
                    }];
                }];
                total_bytes since 4: int64; usable_bytes since 4: int64;
            }];
        }
    }
    CreatePartitions {
        request {
            topics: [{ name: string; count: int32; assignments: [{ broker_ids: [int32]; }]; }];
            timeout_ms: int32; validate_only: bool;
        }
        response {
            throttle_time_ms: int32;
            results: [{ name: string; error_code: int16; error_message: string; }];
        }
    }
    ElectLeaders {
        request {
            election_type since 1: int8; topic_partitions: [{ topic: string; partitions: [int32]; }];
            timeout_ms: int32;
        }
        response {
            throttle_time_ms: int32; error_code since 1: int16;
            replica_election_results: [{
                topic: string;
                partition_result: [{
                    partition_id: int32; error_code: int16; error_message: string;
                }];
            }];
        }
    }
    IncrementalAlterConfigs {
        request {
            resources: [{
                resource_type: int8; resource_name: string;
                configs: [{ name: string; config_operation: int8; value: string; }];
            }];
            validate_only: bool;
        }
        response {
            throttle_time_ms: int32;
            responses: [{
                error_code: int16; error_message: string; resource_type: int8; resource_name: string;
            }];
        }
    }
    AlterPartitionReassignments {
        request {
            timeout_ms: int32; allow_replication_factor_change since 1: bool;
            topics: [{
                name: string; partitions: [{ partition_index: int32; replicas: [int32]; }];
            }];
        }
        response {
            throttle_time_ms: int32; allow_replication_factor_change since 1: bool; error_code: int16;
            error_message: string;
            responses: [{
                name: string;
                partitions: [{
                    partition_index: int32; error_code: int16; error_message: string;
                }];
            }];
        }
    }
    ListPartitionReassignments {
        request {
            timeout_ms: int32; topics: [{ name: string; partition_indexes: [int32]; }];
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string;
            topics: [{
                name: string;
                partitions: [{
                    partition_index: int32; replicas: [int32]; adding_replicas: [int32];
                    removing_replicas: [int32];
                }];
            }];
        }
    }
    DescribeTopicPartitions {
        request {
            topics: [{ name: string; }]; response_partition_limit: int32;
            cursor: (nullable { topic_name: string; partition_index: int32; });
        }
        response {
            throttle_time_ms: int32;
            topics: [{
                error_code: int16; name: string; topic_id: uuid; is_internal: bool;
                partitions: [{
                    error_code: int16; partition_index: int32; leader_id: int32; leader_epoch: int32;
                    replica_nodes: [int32]; isr_nodes: [int32]; eligible_leader_replicas: [int32];
                    last_known_elr: [int32]; offline_replicas: [int32];
                }];
                topic_authorized_operations: int32;
            }];
            next_cursor: (nullable { topic_name: string; partition_index: int32; });
        }
    }
}
