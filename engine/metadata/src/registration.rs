//! What a new metadata log begins with, and how a broker becomes a member of its cluster.

use crate::{
    MetadataRecord, Settings, features,
    record::{BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, FeatureLevelRecord, RegisterBrokerRecord},
};
use alloc::{string::String, vec, vec::Vec};
use uuid::Uuid;

pub use crate::features::{METADATA_VERSION, METADATA_VERSION_LEVELS};

/// Where a broker is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name: `PLAINTEXT`.
    pub listener: String,
    /// The host to dial.
    pub host: String,
    /// The port to dial.
    pub port: u16,
}

/// What an empty metadata log begins with: the `metadata.version` that its records are written in.
pub fn bootstrap() -> Vec<MetadataRecord> {
    let (_, feature_level) = METADATA_VERSION_LEVELS;
    vec![MetadataRecord::FeatureLevel(FeatureLevelRecord { name: METADATA_VERSION.into(), feature_level })]
}

/// The records that make this broker a member of its cluster. `broker_epoch` is the offset that the first of them will get;
/// `incarnation_id` is new with every start.
///
/// In a cluster a broker is fenced until it has caught up with the metadata log. One that stands alone writes that log, so
/// the second record lifts the fence at once.
pub fn register_broker(
    settings: &Settings,
    endpoint: &Endpoint,
    incarnation_id: Uuid,
    broker_epoch: i64,
) -> Vec<MetadataRecord> {
    let broker_id = settings.node_id;
    let registration = RegisterBrokerRecord {
        broker_id,
        is_migrating_zk_broker: false,
        incarnation_id,
        broker_epoch,
        end_points: vec![BrokerEndpoint {
            name: endpoint.listener.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            security_protocol: 0,
        }],
        features: features::SUPPORTED.iter().map(feature).collect(),
        rack: settings.rack.clone(),
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: settings.log_dirs.clone(),
    };
    let unfenced = BrokerRegistrationChangeRecord {
        broker_id,
        broker_epoch,
        fenced: -1,
        in_controlled_shutdown: 0,
        log_dirs: Vec::new(),
    };
    vec![MetadataRecord::RegisterBroker(registration), MetadataRecord::BrokerRegistrationChange(unfenced)]
}

fn feature((name, min, max): &(&str, i16, i16)) -> BrokerFeature {
    BrokerFeature { name: (*name).into(), min_supported_version: *min, max_supported_version: *max }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn a_broker_registers_and_is_not_fenced() {
        let settings = Settings::stand_alone(1);
        let endpoint = Endpoint { listener: "PLAINTEXT".into(), host: "localhost".into(), port: 9092 };
        let mut image = Image::default();
        let records = [bootstrap(), register_broker(&settings, &endpoint, Uuid::from_u128(7), 1)].concat();
        records.iter().for_each(|record| image.replay(record).unwrap());

        assert_eq!(image.feature_level("metadata.version"), Some(27));
        let registration = image.broker(1).unwrap();
        assert!(!registration.fenced);
        assert_eq!(registration.end_points[0].port, 9092);
        assert_eq!(registration.epoch, 1);
    }
}
