//! Levels of features, by the tests of Kafka's `FeatureControlManagerTest`.

use super::*;
use crate::test_cluster::TestCluster;
use alloc::vec;
use naru_wire::StrBytes;

fn update(feature: &'static str, level: i16, upgrade_type: i8) -> FeatureUpdateKey {
    FeatureUpdateKey::default()
        .with_feature(StrBytes::from_static_str(feature))
        .with_max_version_level(level)
        .with_upgrade_type(upgrade_type)
}

fn ask(cluster: &TestCluster, updates: Vec<FeatureUpdateKey>) -> Result<Vec<MetadataRecord>, String> {
    let request = UpdateFeaturesRequest::default().with_feature_updates(updates);
    let decided = update_features(&cluster.image, &cluster.settings, &request);
    decided.map(|decision| decision.records).map_err(|error| format!("{}: {}", error.code, error.message))
}

#[test]
fn metadata_version_of_kafka_4_1_is_level_27() {
    assert_eq!(METADATA_VERSION_LEVELS, (7, 27));
    let cluster = TestCluster::of(&[1]);
    assert_eq!(ask(&cluster, vec![update(METADATA_VERSION, 27, UPGRADE)]), Ok(vec![]), "it is there already");
}

#[test]
fn kip_966_eligible_leader_replicas_come_with_one_min_insync_replicas_for_all() {
    let mut cluster = TestCluster::of(&[1, 2]);
    let of_one = MetadataRecord::Config(ConfigRecord {
        resource_type: RESOURCE_BROKER,
        resource_name: "2".into(),
        name: MIN_ISR.into(),
        value: Some("2".into()),
    });
    cluster.replay(&[of_one]);
    let records = ask(&cluster, vec![update(ELIGIBLE_LEADER_REPLICAS, 1, UPGRADE)]).unwrap();
    cluster.replay(&records);
    assert_eq!(cluster.image.feature_level(ELIGIBLE_LEADER_REPLICAS), Some(1));
    assert_eq!(cluster.image.broker_configs("").unwrap()[MIN_ISR], "1");
    assert_eq!(cluster.image.broker_configs("2"), None);
    let records = ask(&cluster, vec![update(ELIGIBLE_LEADER_REPLICAS, 0, UNSAFE_DOWNGRADE)]).unwrap();
    cluster.replay(&records);
    assert_eq!(cluster.image.feature_level(ELIGIBLE_LEADER_REPLICAS), None);
}

#[test]
fn what_cannot_be_is_refused_as_a_whole() {
    let mut cluster = TestCluster::with_elr(&[1]);
    cluster.register(2);
    let prefix =
        |level, feature| format!("INVALID_UPDATE_VERSION: Invalid update version {level} for feature {feature}. ");
    let cases = [
        (
            update(METADATA_VERSION, 28, 1),
            prefix(28, METADATA_VERSION) + "Local controller only supports versions 7-27",
        ),
        (update("nope", 1, 1), prefix(1, "nope") + "Local controller does not support this feature."),
        (update(METADATA_VERSION, -1, 1), prefix(-1, METADATA_VERSION) + "A feature version cannot be less than 0."),
        (
            update(METADATA_VERSION, 27, 0),
            prefix(27, METADATA_VERSION) + "The controller does not support the given upgrade type.",
        ),
        (
            update(METADATA_VERSION, 26, 1),
            prefix(26, METADATA_VERSION)
                + "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
                   downgrade.",
        ),
        (
            update(METADATA_VERSION, 26, 3),
            prefix(26, METADATA_VERSION)
                + "Refusing to perform the requested downgrade because it might delete metadata information.",
        ),
    ];
    for (refused, expected) in cases {
        let both = vec![update(ELIGIBLE_LEADER_REPLICAS, 0, 3), refused];
        assert_eq!(ask(&cluster, both), Err(expected));
    }
    let twice = vec![update(METADATA_VERSION, 27, 1), update(METADATA_VERSION, 27, 1)];
    assert_eq!(ask(&cluster, twice), Err("INVALID_REQUEST: Provided feature can not be repeated.".into()));
}
