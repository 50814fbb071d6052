//! A cluster for tests: brokers with epochs 101, 102, ..., a topic, and time that stands still.

use crate::{
    Decision, Image, MetadataRecord, Partition, Settings,
    features::{ELIGIBLE_LEADER_REPLICAS, METADATA_VERSION},
    record::{
        BrokerFeature, BrokerRegistrationChangeRecord, ConfigRecord, FeatureLevelRecord, PartitionRecord,
        RegisterBrokerRecord, TopicRecord,
    },
};
use alloc::{format, string::String, string::ToString, vec, vec::Vec};
use uuid::Uuid;

pub(crate) const ORDERS: Uuid = Uuid::from_u128(0xaaaa);

/// The epoch of a broker.
pub(crate) fn epoch(broker: i32) -> i64 {
    100 + i64::from(broker)
}

/// The only log directory of a broker.
pub(crate) fn directory(broker: i32) -> Uuid {
    Uuid::from_u128(1_000 + broker as u128)
}

pub(crate) struct TestCluster {
    pub(crate) image: Image,
    pub(crate) settings: Settings,
}

impl TestCluster {
    /// These brokers, unfenced, in racks `a`, `b`, `c`, `a`, ...
    pub(crate) fn of(brokers: &[i32]) -> Self {
        let mut cluster = TestCluster { image: Image::default(), settings: Settings::stand_alone(1) };
        let name = METADATA_VERSION.to_string();
        cluster.replay(&[MetadataRecord::FeatureLevel(FeatureLevelRecord { name, feature_level: 27 })]);
        for broker in brokers {
            cluster.register(*broker);
            cluster.set_fenced(*broker, false);
        }
        cluster
    }

    /// The same, with eligible leader replicas.
    pub(crate) fn with_elr(brokers: &[i32]) -> Self {
        let mut cluster = TestCluster::of(brokers);
        let name = ELIGIBLE_LEADER_REPLICAS.to_string();
        cluster.replay(&[MetadataRecord::FeatureLevel(FeatureLevelRecord { name, feature_level: 1 })]);
        cluster
    }

    pub(crate) fn register(&mut self, broker: i32) {
        let features = [(METADATA_VERSION, 7, 27), (ELIGIBLE_LEADER_REPLICAS, 0, 1)];
        let feature = |(name, min, max): (&str, i16, i16)| BrokerFeature {
            name: name.to_string(),
            min_supported_version: min,
            max_supported_version: max,
        };
        let record = RegisterBrokerRecord {
            broker_id: broker,
            is_migrating_zk_broker: false,
            incarnation_id: Uuid::from_u128(5_000 + broker as u128),
            broker_epoch: epoch(broker),
            end_points: vec![],
            features: features.into_iter().map(feature).collect(),
            rack: Some(["a", "b", "c"][(broker as usize - 1) % 3].to_string()),
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: vec![directory(broker)],
        };
        self.replay(&[MetadataRecord::RegisterBroker(record)]);
    }

    pub(crate) fn set_fenced(&mut self, broker: i32, fenced: bool) {
        self.change_registration(broker, if fenced { 1 } else { -1 }, 0);
    }

    pub(crate) fn begin_shutdown(&mut self, broker: i32) {
        self.change_registration(broker, 0, 1);
    }

    fn change_registration(&mut self, broker_id: i32, fenced: i8, in_controlled_shutdown: i8) {
        let (broker_epoch, log_dirs) = (epoch(broker_id), vec![]);
        let record =
            BrokerRegistrationChangeRecord { broker_id, broker_epoch, fenced, in_controlled_shutdown, log_dirs };
        self.replay(&[MetadataRecord::BrokerRegistrationChange(record)]);
    }

    /// `orders`, with a partition for each list of replicas; all are in sync, the first leads.
    pub(crate) fn orders(mut self, partitions: &[&[i32]]) -> Self {
        self.topic("orders", ORDERS, partitions);
        self
    }

    pub(crate) fn topic(&mut self, name: &str, topic_id: Uuid, partitions: &[&[i32]]) {
        self.replay(&[MetadataRecord::Topic(TopicRecord { name: name.to_string(), topic_id })]);
        for (replicas, partition_id) in partitions.iter().zip(0..) {
            let record = PartitionRecord {
                partition_id,
                topic_id,
                replicas: replicas.to_vec(),
                isr: replicas.to_vec(),
                removing_replicas: vec![],
                adding_replicas: vec![],
                leader: replicas[0],
                leader_recovery_state: 0,
                leader_epoch: 0,
                partition_epoch: 0,
                directories: replicas.iter().map(|id| directory(*id)).collect(),
                elr: vec![],
                last_known_elr: vec![],
            };
            self.replay(&[MetadataRecord::Partition(record)]);
        }
    }

    /// Sets a configuration key of `orders`.
    pub(crate) fn config(mut self, name: &str, value: &str) -> Self {
        self.replay(&[MetadataRecord::Config(ConfigRecord {
            resource_type: crate::image::RESOURCE_TOPIC,
            resource_name: "orders".to_string(),
            name: name.to_string(),
            value: Some(value.to_string()),
        })]);
        self
    }

    pub(crate) fn replay(&mut self, records: &[MetadataRecord]) {
        records.iter().for_each(|record| self.image.replay(record).unwrap());
    }

    /// Takes a decision over, and gives its answer back.
    pub(crate) fn take<R>(&mut self, decision: Decision<R>) -> R {
        self.replay(&decision.records);
        decision.response
    }

    pub(crate) fn partition(&self, id: i32) -> &Partition {
        self.image.partition("orders", id).unwrap()
    }

    /// A partition of `orders` in one line.
    pub(crate) fn show(&self, id: i32) -> String {
        let partition = self.partition(id);
        let mut shown = format!(
            "leader {} isr {:?} epoch {} partition epoch {}",
            partition.leader, partition.isr, partition.leader_epoch, partition.partition_epoch
        );
        let lists: [(&str, &Vec<i32>); 4] = [
            ("adding", &partition.adding_replicas),
            ("removing", &partition.removing_replicas),
            ("elr", &partition.elr),
            ("last known", &partition.last_known_elr),
        ];
        for (name, ids) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()) {
            shown += &format!(" {name} {ids:?}");
        }
        if partition.leader_recovery_state != 0 {
            shown += " recovering";
        }
        shown
    }
}
