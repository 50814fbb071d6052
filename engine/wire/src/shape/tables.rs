//! The shape of every message, from the schemas in Apache Kafka 4.1 (`clients/src/main/resources/common/message`).
//!
//! A row is `name [since V] [until V] [tag N]: kind;` where a kind is `int32`, `string`, ..., `[int32]` (an array),
//! `{ ... }` (a struct), `[{ ... }]` (an array of structs) or `(nullable { ... })`. Without `since` and `until` a field is in
//! every version. Which versions there are, and which of them are flexible, stands in [`crate::api`].

use super::{Field, Kind};
use crate::ApiKey;

macro_rules! kind {
    (bool) => { Kind::Fixed(1) };
    (int8) => { Kind::Fixed(1) };
    (int16) => { Kind::Fixed(2) };
    (uint16) => { Kind::Fixed(2) };
    (int32) => { Kind::Fixed(4) };
    (int64) => { Kind::Fixed(8) };
    (float64) => { Kind::Fixed(8) };
    (uuid) => { Kind::Fixed(16) };
    (string) => { Kind::String };
    (bytes) => { Kind::Bytes };
    ([ $element:tt ]) => { Kind::Array(&kind!($element)) };
    ((nullable { $($fields:tt)* })) => { Kind::Nullable(fields!($($fields)*)) };
    ({ $($fields:tt)* }) => { Kind::Struct(fields!($($fields)*)) };
}

macro_rules! or {
    ($default:expr) => {
        $default
    };
    ($default:expr, $value:expr) => {
        $value
    };
}

macro_rules! fields {
    ($($name:ident $(since $since:literal)? $(until $until:literal)? $(tag $tag:literal)? : $kind:tt;)*) => {
        &[$(Field {
            name: stringify!($name),
            since: or!(0 $(, $since)?),
            until: or!(i16::MAX $(, $until)?),
            tag: or!(None $(, Some($tag))?),
            kind: kind!($kind),
        },)*]
    };
}

macro_rules! shapes {
    ($($api:ident { request { $($request:tt)* } response { $($response:tt)* } })*) => {
        /// The fields of an API's request.
        pub const fn request(api: ApiKey) -> &'static [Field] {
            match api {
                $(ApiKey::$api => const { fields!($($request)*) },)*
            }
        }

        /// The fields of an API's response.
        pub const fn response(api: ApiKey) -> &'static [Field] {
            match api {
                $(ApiKey::$api => const { fields!($($response)*) },)*
            }
        }
    };
}

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
    ApiVersions {
        request {
            client_software_name since 3: string; client_software_version since 3: string;
        }
        response {
            error_code: int16;
            api_keys: [{ api_key: int16; min_version: int16; max_version: int16; }];
            throttle_time_ms since 1: int32;
            supported_features since 3 tag 0: [{ name: string; min_version: int16; max_version: int16; }];
            finalized_features_epoch since 3 tag 1: int64;
            finalized_features since 3 tag 2: [{
                name: string; max_version_level: int16; min_version_level: int16;
            }];
            zk_migration_ready since 3 tag 3: bool;
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
    DescribeCluster {
        request {
            include_cluster_authorized_operations: bool; endpoint_type since 1: int8;
            include_fenced_brokers since 2: bool;
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string;
            endpoint_type since 1: int8; cluster_id: string; controller_id: int32;
            brokers: [{ broker_id: int32; host: string; port: int32; rack: string; is_fenced since 2: bool; }];
            cluster_authorized_operations: int32;
        }
    }
}
