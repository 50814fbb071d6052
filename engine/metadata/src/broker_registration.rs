//! BrokerRegistration: a broker wants to be a member of the cluster.
//!
//! Every start of a broker is an incarnation with an id of its own. The controller gives it an epoch, so that whatever an
//! earlier incarnation still says is known to be old. It starts fenced: it leads nothing before it has caught up.
//! In Kafka this is `ClusterControlManager.registerBroker`.

use crate::{
    ApiError, Decision, Image, Liveness, MetadataRecord, Registration, Settings,
    cluster::{Cluster, is_reserved},
    features::{METADATA_VERSION, METADATA_VERSION_LEVELS},
    fencing::incarnation_ended,
    record::{BrokerEndpoint, BrokerFeature, RegisterBrokerRecord},
};
use alloc::{format, string::ToString, vec::Vec};
use naru_trace::{Micros, SortedSet};
use naru_wire::{ErrorCode, messages::BrokerRegistrationRequest};
use uuid::Uuid;

/// Since this version a broker says which epoch it had when it last stopped in good order (KIP-966).
const FIRST_VERSION_WITH_PREVIOUS_EPOCH: i16 = 3;

/// What a registration is decided on, besides the image and the settings.
#[derive(Debug)]
pub struct Registering<'a> {
    /// The cluster that this controller belongs to.
    pub cluster_id: &'a str,
    /// The version of the request.
    pub version: i16,
    /// The offset that the first record of the decision will get: the new broker epoch.
    pub next_offset: i64,
    /// The time, for whether an earlier incarnation is still alive.
    pub now: Micros,
}

/// Decides on a registration, and notes in `liveness` that the broker was heard of. The answer is the broker's epoch.
pub fn broker_registration(
    image: &Image,
    settings: &Settings,
    liveness: &mut Liveness,
    request: &BrokerRegistrationRequest,
    about: &Registering<'_>,
) -> Result<Decision<i64>, ApiError> {
    let broker = request.broker_id.0;
    let existing = image.broker(broker);
    check_cluster(request, about.cluster_id)?;
    check_incarnation(request, existing, liveness, about.now)?;
    check_directories(image, request)?;
    let features = features(image, request)?;

    let mut records = Vec::new();
    let same = existing.filter(|existing| existing.incarnation_id == request.incarnation_id);
    if same.is_none() {
        let stopped_at = existing.map_or(-2, |existing| existing.epoch);
        let was_clean =
            about.version < FIRST_VERSION_WITH_PREVIOUS_EPOCH || stopped_at == request.previous_broker_epoch;
        records = incarnation_ended(Cluster { image, settings }, broker, was_clean);
    }
    let epoch = same.map_or(about.next_offset, |same| same.epoch);
    records.push(MetadataRecord::RegisterBroker(RegisterBrokerRecord {
        broker_id: broker,
        is_migrating_zk_broker: false,
        incarnation_id: request.incarnation_id,
        broker_epoch: epoch,
        end_points: end_points(request),
        features,
        rack: request.rack.as_ref().map(ToString::to_string),
        fenced: same.is_none_or(|same| same.fenced),
        in_controlled_shutdown: same.is_some_and(|same| same.in_controlled_shutdown),
        log_dirs: request.log_dirs.clone(),
    }));
    liveness.touch(broker, epoch, -1, about.now);
    Ok(Decision { records, response: epoch })
}

fn check_cluster(request: &BrokerRegistrationRequest, cluster_id: &str) -> Result<(), ApiError> {
    if request.cluster_id.as_str() != cluster_id {
        let message = format!("Expected cluster ID {cluster_id}, but got cluster ID {}", request.cluster_id.as_str());
        return Err(ApiError::new(ErrorCode::InconsistentClusterId, message));
    }
    if request.is_migrating_zk_broker {
        let message = "Controller does not support registering ZK brokers.";
        return Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message));
    }
    Ok(())
}

/// Two processes with one `node.id`: the first keeps it, as long as it lives.
fn check_incarnation(
    request: &BrokerRegistrationRequest,
    existing: Option<&Registration>,
    liveness: &Liveness,
    now: Micros,
) -> Result<(), ApiError> {
    let Some(existing) = existing else { return Ok(()) };
    let is_another = existing.incarnation_id != request.incarnation_id;
    let is_alive = liveness.has_session(request.broker_id.0, existing.epoch, now);
    if is_another && is_alive && !existing.in_controlled_shutdown {
        let message = "Another broker is registered with that broker id. If the broker was recently restarted this should \
                       self-resolve once the heartbeat manager expires the broker's session.";
        return Err(ApiError::new(ErrorCode::DuplicateBrokerRegistration, message));
    }
    Ok(())
}

fn check_directories(image: &Image, request: &BrokerRegistrationRequest) -> Result<(), ApiError> {
    let invalid = |message| Err(ApiError::new(ErrorCode::InvalidRegistration, message));
    if request.log_dirs.is_empty() {
        return invalid("No directories specified in request".to_string());
    }
    if request.log_dirs.iter().any(|directory| is_reserved(*directory)) {
        return invalid("Reserved directory ID in request".to_string());
    }
    let distinct: SortedSet<Uuid> = request.log_dirs.iter().copied().collect();
    if distinct.len() != request.log_dirs.len() {
        return invalid("Duplicate directory ID in request".to_string());
    }
    for (owner, registration) in image.brokers().filter(|(owner, _)| *owner != request.broker_id.0) {
        if let Some(directory) = registration.log_dirs.iter().find(|directory| distinct.contains(directory)) {
            return invalid(format!("Broker {owner} is already registered with directory {directory}"));
        }
    }
    Ok(())
}

/// What the broker understands. Every feature that is in use has to be among it.
fn features(image: &Image, request: &BrokerRegistrationRequest) -> Result<Vec<BrokerFeature>, ApiError> {
    let mut features: Vec<BrokerFeature> = Vec::new();
    for feature in &request.features {
        features.push(BrokerFeature {
            name: feature.name.to_string(),
            min_supported_version: feature.min_supported_version,
            max_supported_version: feature.max_supported_version,
        });
    }
    if !features.iter().any(|feature| feature.name == METADATA_VERSION) {
        let (oldest, _) = METADATA_VERSION_LEVELS;
        let name = METADATA_VERSION.to_string();
        features.push(BrokerFeature { name, min_supported_version: oldest, max_supported_version: oldest });
    }
    let range = |name: &str| {
        let known = features.iter().find(|feature| feature.name == name);
        known.map_or((0, 0), |feature| (feature.min_supported_version, feature.max_supported_version))
    };
    let named = features.iter().map(|feature| (feature.name.as_str(), image.feature_level(&feature.name).unwrap_or(0)));
    let named = named.filter(|(name, _)| image.feature_level(name).is_some() || *name != METADATA_VERSION);
    for (name, level) in image.features().chain(named) {
        let (min, max) = range(name);
        if level < min || level > max {
            return Err(ApiError::new(
                ErrorCode::UnsupportedVersion,
                format!(
                    "Unable to register because the broker does not support finalized version {level} of {name}. The \
                     broker wants a version between {min} and {max}, inclusive."
                ),
            ));
        }
    }
    Ok(features)
}

fn end_points(request: &BrokerRegistrationRequest) -> Vec<BrokerEndpoint> {
    let end_point = |listener: &naru_wire::messages::broker_registration_request::Listener| BrokerEndpoint {
        name: listener.name.to_string(),
        host: listener.host.to_string(),
        port: listener.port,
        security_protocol: listener.security_protocol,
    };
    request.listeners.iter().map(end_point).collect()
}

#[cfg(test)]
mod tests;
