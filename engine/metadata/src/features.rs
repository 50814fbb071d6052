//! The features of the cluster whose levels are agreed upon, and what this program understands of them (KIP-584).
//!
//! In Kafka this is `FeatureControlManager`.

use crate::{
    ApiError, Decision, Image, MetadataRecord, Settings,
    image::RESOURCE_BROKER,
    record::{ConfigRecord, FeatureLevelRecord},
    topic_config,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{SortedMap, SortedSet};
use naru_wire::{
    ErrorCode,
    messages::{UpdateFeaturesRequest, update_features_request::FeatureUpdateKey},
};

/// The feature whose level says in which versions metadata records are written.
pub const METADATA_VERSION: &str = "metadata.version";
/// The feature that keeps eligible leader replicas (KIP-966).
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";

/// The levels of `metadata.version` that are understood: 3.3-IV3, the oldest that Kafka 4 reads, to 4.1-IV1.
pub const METADATA_VERSION_LEVELS: (i16, i16) = (7, 27);

/// Every feature that is understood, with its lowest and highest level. Level 0 is: not in use.
pub const SUPPORTED: [(&str, i16, i16); 2] =
    [(METADATA_VERSION, METADATA_VERSION_LEVELS.0, METADATA_VERSION_LEVELS.1), (ELIGIBLE_LEADER_REPLICAS, 0, 1)];

/// `upgrade_type` of a request: only to a higher level.
const UPGRADE: i8 = 1;
/// To a lower level, even if something is lost.
const UNSAFE_DOWNGRADE: i8 = 3;
/// The key whose meaning the eligible leader replicas depend on.
const MIN_ISR: &str = "min.insync.replicas";

/// Decides on a request, as a whole: one feature that cannot be changed is the error of all (KIP-1022).
pub fn update_features(
    image: &Image,
    settings: &Settings,
    request: &UpdateFeaturesRequest,
) -> Result<Decision<()>, ApiError> {
    let mut records = Vec::new();
    let mut seen = SortedSet::new();
    for update in &request.feature_updates {
        if !seen.insert(update.feature.as_str()) {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "Provided feature can not be repeated."));
        }
        let level = level(image, update)?;
        if image.feature_level(&update.feature).unwrap_or(0) == level {
            continue;
        }
        let (name, feature_level) = (update.feature.to_string(), level);
        if name == ELIGIBLE_LEADER_REPLICAS && level > 0 {
            records.extend(one_min_isr_for_all(image, settings));
        }
        records.push(MetadataRecord::FeatureLevel(FeatureLevelRecord { name, feature_level }));
    }
    if request.validate_only {
        records.clear();
    }
    Ok(Decision { records, response: () })
}

/// The level that a feature may have from now on.
fn level(image: &Image, update: &FeatureUpdateKey) -> Result<i16, ApiError> {
    let (name, wanted) = (update.feature.as_str(), update.max_version_level);
    let invalid = |reason: &str| {
        let message = format!("Invalid update version {wanted} for feature {name}. {reason}");
        Err(ApiError::new(ErrorCode::InvalidUpdateVersion, message))
    };
    // Version 0 of the request has a flag in place of the kind of update.
    let upgrade_type = if update.allow_downgrade { UNSAFE_DOWNGRADE } else { update.upgrade_type };
    let present = image.feature_level(name).unwrap_or(0);
    if !(UPGRADE..=UNSAFE_DOWNGRADE).contains(&upgrade_type) {
        return invalid("The controller does not support the given upgrade type.");
    }
    if wanted < 0 {
        return invalid("A feature version cannot be less than 0.");
    }
    let Some((_, min, max)) = SUPPORTED.iter().find(|(known, _, _)| *known == name) else {
        return invalid("Local controller does not support this feature.");
    };
    if wanted < *min || wanted > *max {
        return invalid(&format!("Local controller only supports versions {min}-{max}"));
    }
    for (id, registration) in image.brokers() {
        match registration.features.iter().find(|feature| feature.name == name) {
            None if wanted > 0 => return invalid(&format!("Broker {id} does not support this feature.")),
            Some(known) if wanted < known.min_supported_version || wanted > known.max_supported_version => {
                let (min, max) = (known.min_supported_version, known.max_supported_version);
                return invalid(&format!("Broker {id} only supports versions {min}-{max}"));
            }
            _ => {}
        }
    }
    if wanted < present && upgrade_type == UPGRADE {
        let reason = "Can't downgrade the version of this feature without setting the upgrade type to either safe or \
                      unsafe downgrade.";
        return invalid(reason);
    }
    if wanted > present && upgrade_type != UPGRADE {
        return invalid("Can't downgrade to a newer version.");
    }
    if wanted < present && name == METADATA_VERSION {
        // Records are written in the latest version's form only.
        return invalid("Refusing to perform the requested downgrade because it might delete metadata information.");
    }
    Ok(wanted)
}

/// Who is an eligible leader depends on `min.insync.replicas`, so all brokers have to mean the same by it: what was set for
/// single brokers goes, and what holds here is set for all.
fn one_min_isr_for_all(image: &Image, settings: &Settings) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    let set_for_all = image.broker_configs("").is_some_and(|configs| configs.contains_key(MIN_ISR));
    if !set_for_all {
        let value = topic_config::number(MIN_ISR, &SortedMap::new(), settings).to_string();
        records.push(broker_config("", Some(value)));
    }
    for ((kind, broker), configs) in image.other_configs() {
        if *kind == RESOURCE_BROKER && !broker.is_empty() && configs.contains_key(MIN_ISR) {
            records.push(broker_config(broker, None));
        }
    }
    records
}

fn broker_config(broker: &str, value: Option<String>) -> MetadataRecord {
    let (resource_name, name) = (broker.to_string(), MIN_ISR.to_string());
    MetadataRecord::Config(ConfigRecord { resource_type: RESOURCE_BROKER, resource_name, name, value })
}

#[cfg(test)]
mod tests;
