//! Brokers: what they say of themselves, and what they ask of the controller.

use super::{Field, Kind, Shapes};

shapes! {
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
    AlterPartition {
        request {
            broker_id: int32; broker_epoch: int64;
            topics: [{
                topic_id: uuid;
                partitions: [{
                    partition_index: int32; leader_epoch: int32; new_isr until 2: [int32];
                    new_isr_with_epochs since 3: [{ broker_id: int32; broker_epoch: int64; }];
                    leader_recovery_state: int8; partition_epoch: int32;
                }];
            }];
        }
        response {
            throttle_time_ms: int32; error_code: int16;
            topics: [{
                topic_id: uuid;
                partitions: [{
                    partition_index: int32; error_code: int16; leader_id: int32; leader_epoch: int32;
                    isr: [int32]; leader_recovery_state: int8; partition_epoch: int32;
                }];
            }];
        }
    }
    UpdateFeatures {
        request {
            timeout_ms: int32;
            feature_updates: [{
                feature: string; max_version_level: int16; allow_downgrade until 0: bool;
                upgrade_type since 1: int8;
            }];
            validate_only since 1: bool;
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string;
            results until 1: [{ feature: string; error_code: int16; error_message: string; }];
        }
    }
    Envelope {
        request {
            request_data: bytes; request_principal: bytes; client_host_address: bytes;
        }
        response {
            response_data: bytes; error_code: int16;
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
    BrokerRegistration {
        request {
            broker_id: int32; cluster_id: string; incarnation_id: uuid;
            listeners: [{
                name: string; host: string; port: uint16; security_protocol: int16;
            }];
            features: [{
                name: string; min_supported_version: int16; max_supported_version: int16;
            }];
            rack: string; is_migrating_zk_broker since 1: bool; log_dirs since 2: [uuid];
            previous_broker_epoch since 3: int64;
        }
        response {
            throttle_time_ms: int32; error_code: int16; broker_epoch: int64;
        }
    }
    BrokerHeartbeat {
        request {
            broker_id: int32; broker_epoch: int64; current_metadata_offset: int64; want_fence: bool;
            want_shut_down: bool; offline_log_dirs since 1 tag 0: [uuid];
        }
        response {
            throttle_time_ms: int32; error_code: int16; is_caught_up: bool; is_fenced: bool;
            should_shut_down: bool;
        }
    }
    UnregisterBroker {
        request {
            broker_id: int32;
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string;
        }
    }
    AllocateProducerIds {
        request {
            broker_id: int32; broker_epoch: int64;
        }
        response {
            throttle_time_ms: int32; error_code: int16; producer_id_start: int64; producer_id_len: int32;
        }
    }
    ControllerRegistration {
        request {
            controller_id: int32; incarnation_id: uuid; zk_migration_ready: bool;
            listeners: [{
                name: string; host: string; port: uint16; security_protocol: int16;
            }];
            features: [{
                name: string; min_supported_version: int16; max_supported_version: int16;
            }];
        }
        response {
            throttle_time_ms: int32; error_code: int16; error_message: string;
        }
    }
}
