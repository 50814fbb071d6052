//! Registrations, by the tests of Kafka's `ClusterControlManagerTest`.

use super::*;
use crate::test_cluster::{TestCluster, directory, epoch};
use alloc::vec;
use naru_wire::{
    BrokerId, StrBytes,
    messages::broker_registration_request::{Feature, Listener},
};

const CLUSTER: &str = "fPZv1VBsRFmnlRvmGcOW9w";
const NOW: Micros = Micros(50_000_000);

fn registration(broker: i32, incarnation: u128) -> BrokerRegistrationRequest {
    let feature = |(name, min, max): &(&'static str, i16, i16)| {
        Feature::default()
            .with_name(StrBytes::from_static_str(name))
            .with_min_supported_version(*min)
            .with_max_supported_version(*max)
    };
    let listener = Listener::default()
        .with_name(StrBytes::from_static_str("PLAINTEXT"))
        .with_host(StrBytes::from_static_str("localhost"))
        .with_port(9093);
    BrokerRegistrationRequest::default()
        .with_broker_id(BrokerId(broker))
        .with_cluster_id(StrBytes::from_static_str(CLUSTER))
        .with_incarnation_id(Uuid::from_u128(incarnation))
        .with_listeners(vec![listener])
        .with_features(crate::features::SUPPORTED.iter().map(feature).collect())
        .with_rack(Some(StrBytes::from_static_str("west")))
        .with_log_dirs(vec![directory(broker)])
        .with_previous_broker_epoch(-1)
}

fn register(
    cluster: &TestCluster,
    liveness: &mut Liveness,
    request: &BrokerRegistrationRequest,
) -> Result<Decision<i64>, ApiError> {
    let about = Registering { cluster_id: CLUSTER, version: 4, next_offset: 300, now: NOW };
    broker_registration(&cluster.image, &cluster.settings, liveness, request, &about)
}

#[test]
fn a_broker_that_registers_is_fenced_and_its_epoch_is_the_next_offset() {
    let mut cluster = TestCluster::of(&[1]);
    let mut liveness = Liveness::new(9_000);
    let decision = register(&cluster, &mut liveness, &registration(2, 77)).unwrap();
    assert_eq!(cluster.take(decision), 300);
    let known = cluster.image.broker(2).unwrap();
    assert_eq!((known.epoch, known.fenced, known.rack.as_deref()), (300, true, Some("west")));
    assert_eq!((known.end_points[0].port, known.end_points[0].host.as_str()), (9093, "localhost"));
    assert_eq!(known.log_dirs, [directory(2)]);
    assert!(liveness.has_session(2, 300, NOW));
}

#[test]
fn an_id_of_a_broker_that_lives_is_taken() {
    let cluster = TestCluster::of(&[1]);
    let mut liveness = Liveness::new(9_000);
    liveness.touch(1, epoch(1), 0, NOW);
    let error = register(&cluster, &mut liveness, &registration(1, 77)).unwrap_err();
    assert_eq!(error.code, ErrorCode::DuplicateBrokerRegistration);

    let mut silent = Liveness::new(9_000);
    silent.touch(1, epoch(1), 0, Micros(0));
    assert_eq!(register(&cluster, &mut silent, &registration(1, 77)).unwrap().response, 300);

    let mut stopping = TestCluster::of(&[1]);
    stopping.begin_shutdown(1);
    assert_eq!(register(&stopping, &mut liveness, &registration(1, 77)).unwrap().response, 300, "about to stop");
}

#[test]
fn an_incarnation_that_registers_again_keeps_its_epoch_and_state() {
    let mut cluster = TestCluster::of(&[1]);
    let mut liveness = Liveness::new(9_000);
    liveness.touch(1, epoch(1), 0, NOW);
    let decision = register(&cluster, &mut liveness, &registration(1, 5_001)).unwrap();
    assert_eq!(cluster.take(decision), epoch(1));
    assert!(!cluster.image.broker(1).unwrap().fenced);
}

#[test]
fn a_new_incarnation_leads_nothing_and_is_in_sync_with_nothing() {
    let mut cluster = TestCluster::of(&[1, 2]).orders(&[&[1, 2]]);
    let decision = register(&cluster, &mut Liveness::new(9_000), &registration(1, 77)).unwrap();
    cluster.take(decision);
    assert_eq!(cluster.show(0), "leader 2 isr [2] epoch 1 partition epoch 1");
}

#[test]
fn what_does_not_belong_here_is_refused_with_kafkas_errors() {
    let cluster = TestCluster::with_elr(&[1]);
    let foreign = registration(2, 7).with_cluster_id(StrBytes::from_static_str("other"));
    let without = registration(2, 7).with_log_dirs(vec![]);
    let reserved = registration(2, 7).with_log_dirs(vec![Uuid::from_u128(99)]);
    let twice = registration(2, 7).with_log_dirs(vec![directory(2), directory(2)]);
    let taken = registration(2, 7).with_log_dirs(vec![directory(1)]);
    let mut old = registration(2, 7);
    old.features[0].max_supported_version = 20;
    let mut unaware = registration(2, 7);
    unaware.features.truncate(1);
    let silent = registration(2, 7).with_features(vec![]);
    let cases = [
        (foreign, "INCONSISTENT_CLUSTER_ID: Expected cluster ID fPZv1VBsRFmnlRvmGcOW9w, but got cluster ID other"),
        (without, "INVALID_REGISTRATION: No directories specified in request"),
        (reserved, "INVALID_REGISTRATION: Reserved directory ID in request"),
        (twice, "INVALID_REGISTRATION: Duplicate directory ID in request"),
        (
            taken,
            "INVALID_REGISTRATION: Broker 1 is already registered with directory 00000000-0000-0000-0000-0000000003e9",
        ),
        (
            old,
            "UNSUPPORTED_VERSION: Unable to register because the broker does not support finalized version 27 of \
             metadata.version. The broker wants a version between 7 and 20, inclusive.",
        ),
        (
            unaware,
            "UNSUPPORTED_VERSION: Unable to register because the broker does not support finalized version 1 of \
             eligible.leader.replicas.version. The broker wants a version between 0 and 0, inclusive.",
        ),
        (
            silent,
            "UNSUPPORTED_VERSION: Unable to register because the broker does not support finalized version 1 of \
             eligible.leader.replicas.version. The broker wants a version between 0 and 0, inclusive.",
        ),
    ];
    for (request, expected) in cases {
        let error = register(&cluster, &mut Liveness::new(9_000), &request).unwrap_err();
        assert_eq!(format!("{}: {}", error.code, error.message), expected);
    }
}
