//! The fields of every kind of record, in Kafka's order: once for writing, once for reading.

use super::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, ConfigRecord, FeatureLevelRecord,
    PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, RecordError, RegisterBrokerRecord, RemoveTopicRecord,
    TopicRecord, UnregisterBrokerRecord,
    codec::{Reader, Tags, Writer},
};

type Result<T> = core::result::Result<T, RecordError>;

/// A kind of record whose fields can be written and read.
pub(super) trait Body: Sized {
    fn write(&self, out: &mut Writer);
    fn read(reader: &mut Reader<'_>, version: u32) -> Result<Self>;
}

impl Body for TopicRecord {
    fn write(&self, out: &mut Writer) {
        out.string(&self.name);
        out.uuid(self.topic_id);
        out.tagged_fields(Tags::default());
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        Ok(TopicRecord { name: reader.string("name")?, topic_id: reader.uuid("topic_id")? })
    }
}

impl Body for RemoveTopicRecord {
    fn write(&self, out: &mut Writer) {
        out.uuid(self.topic_id);
        out.tagged_fields(Tags::default());
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        Ok(RemoveTopicRecord { topic_id: reader.uuid("topic_id")? })
    }
}

impl Body for PartitionRecord {
    fn write(&self, out: &mut Writer) {
        out.i32(self.partition_id);
        out.uuid(self.topic_id);
        out.i32s(&self.replicas);
        out.i32s(&self.isr);
        out.i32s(&self.removing_replicas);
        out.i32s(&self.adding_replicas);
        out.i32(self.leader);
        out.i32(self.leader_epoch);
        out.i32(self.partition_epoch);
        out.uuids(&self.directories);
        let recovering = (self.leader_recovery_state != 0).then_some(self.leader_recovery_state);
        let tags = Tags::default()
            .add(0, recovering, |out, state| out.i8(state))
            .add(1, (!self.elr.is_empty()).then_some(&self.elr), |out, ids| out.i32s(ids))
            .add(2, (!self.last_known_elr.is_empty()).then_some(&self.last_known_elr), |out, ids| out.i32s(ids));
        out.tagged_fields(tags);
    }

    fn read(reader: &mut Reader<'_>, version: u32) -> Result<Self> {
        let mut record = PartitionRecord {
            partition_id: reader.i32("partition_id")?,
            topic_id: reader.uuid("topic_id")?,
            replicas: reader.i32s("replicas")?,
            isr: reader.i32s("isr")?,
            removing_replicas: reader.i32s("removing_replicas")?,
            adding_replicas: reader.i32s("adding_replicas")?,
            leader: reader.i32("leader")?,
            leader_recovery_state: 0,
            leader_epoch: reader.i32("leader_epoch")?,
            partition_epoch: reader.i32("partition_epoch")?,
            directories: if version >= 1 { reader.uuids("directories")? } else { Default::default() },
            elr: Default::default(),
            last_known_elr: Default::default(),
        };
        reader.tagged_fields(|tag, value| {
            match tag {
                0 => record.leader_recovery_state = value.i8("leader_recovery_state")?,
                1 => record.elr = value.i32s("elr")?,
                2 => record.last_known_elr = value.i32s("last_known_elr")?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }
}

impl Body for PartitionChangeRecord {
    fn write(&self, out: &mut Writer) {
        out.i32(self.partition_id);
        out.uuid(self.topic_id);
        let tags = Tags::default()
            .add(0, self.isr.as_ref(), |out, ids| out.i32s(ids))
            .add(1, self.leader, |out, id| out.i32(id))
            .add(2, self.replicas.as_ref(), |out, ids| out.i32s(ids))
            .add(3, self.removing_replicas.as_ref(), |out, ids| out.i32s(ids))
            .add(4, self.adding_replicas.as_ref(), |out, ids| out.i32s(ids))
            .add(5, self.leader_recovery_state, |out, state| out.i8(state))
            .add(6, self.elr.as_ref(), |out, ids| out.i32s(ids))
            .add(7, self.last_known_elr.as_ref(), |out, ids| out.i32s(ids))
            .add(8, self.directories.as_ref(), |out, ids| out.uuids(ids));
        out.tagged_fields(tags);
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        let mut record = PartitionChangeRecord {
            partition_id: reader.i32("partition_id")?,
            topic_id: reader.uuid("topic_id")?,
            ..Default::default()
        };
        reader.tagged_fields(|tag, value| {
            match tag {
                0 => record.isr = Some(value.i32s("isr")?),
                1 => record.leader = Some(value.i32("leader")?),
                2 => record.replicas = Some(value.i32s("replicas")?),
                3 => record.removing_replicas = Some(value.i32s("removing_replicas")?),
                4 => record.adding_replicas = Some(value.i32s("adding_replicas")?),
                5 => record.leader_recovery_state = Some(value.i8("leader_recovery_state")?),
                6 => record.elr = Some(value.i32s("elr")?),
                7 => record.last_known_elr = Some(value.i32s("last_known_elr")?),
                8 => record.directories = Some(value.uuids("directories")?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }
}

impl Body for ConfigRecord {
    fn write(&self, out: &mut Writer) {
        out.i8(self.resource_type);
        out.string(&self.resource_name);
        out.string(&self.name);
        out.nullable_string(self.value.as_deref());
        out.tagged_fields(Tags::default());
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        Ok(ConfigRecord {
            resource_type: reader.i8("resource_type")?,
            resource_name: reader.string("resource_name")?,
            name: reader.string("name")?,
            value: reader.nullable_string("value")?,
        })
    }
}

impl Body for FeatureLevelRecord {
    fn write(&self, out: &mut Writer) {
        out.string(&self.name);
        out.i16(self.feature_level);
        out.tagged_fields(Tags::default());
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        Ok(FeatureLevelRecord { name: reader.string("name")?, feature_level: reader.i16("feature_level")? })
    }
}

impl Body for ProducerIdsRecord {
    fn write(&self, out: &mut Writer) {
        out.i32(self.broker_id);
        out.i64(self.broker_epoch);
        out.i64(self.next_producer_id);
        out.tagged_fields(Tags::default());
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        Ok(ProducerIdsRecord {
            broker_id: reader.i32("broker_id")?,
            broker_epoch: reader.i64("broker_epoch")?,
            next_producer_id: reader.i64("next_producer_id")?,
        })
    }
}

impl Body for UnregisterBrokerRecord {
    fn write(&self, out: &mut Writer) {
        out.i32(self.broker_id);
        out.i64(self.broker_epoch);
        out.tagged_fields(Tags::default());
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        Ok(UnregisterBrokerRecord { broker_id: reader.i32("broker_id")?, broker_epoch: reader.i64("broker_epoch")? })
    }
}

impl Body for BrokerRegistrationChangeRecord {
    fn write(&self, out: &mut Writer) {
        out.i32(self.broker_id);
        out.i64(self.broker_epoch);
        let shutdown = self.in_controlled_shutdown;
        let tags = Tags::default()
            .add(0, (self.fenced != 0).then_some(self.fenced), |out, fenced| out.i8(fenced))
            .add(1, (shutdown != 0).then_some(shutdown), |out, shutdown| out.i8(shutdown))
            .add(2, (!self.log_dirs.is_empty()).then_some(&self.log_dirs), |out, ids| out.uuids(ids));
        out.tagged_fields(tags);
    }

    fn read(reader: &mut Reader<'_>, _version: u32) -> Result<Self> {
        let mut record = BrokerRegistrationChangeRecord {
            broker_id: reader.i32("broker_id")?,
            broker_epoch: reader.i64("broker_epoch")?,
            fenced: 0,
            in_controlled_shutdown: 0,
            log_dirs: Default::default(),
        };
        reader.tagged_fields(|tag, value| {
            match tag {
                0 => record.fenced = value.i8("fenced")?,
                1 => record.in_controlled_shutdown = value.i8("in_controlled_shutdown")?,
                2 => record.log_dirs = value.uuids("log_dirs")?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }
}

impl Body for RegisterBrokerRecord {
    fn write(&self, out: &mut Writer) {
        out.i32(self.broker_id);
        out.bool(self.is_migrating_zk_broker);
        out.uuid(self.incarnation_id);
        out.i64(self.broker_epoch);
        out.array(&self.end_points, write_endpoint);
        out.array(&self.features, write_feature);
        out.nullable_string(self.rack.as_deref());
        out.bool(self.fenced);
        out.bool(self.in_controlled_shutdown);
        let log_dirs = (!self.log_dirs.is_empty()).then_some(&self.log_dirs);
        out.tagged_fields(Tags::default().add(0, log_dirs, |out, ids| out.uuids(ids)));
    }

    fn read(reader: &mut Reader<'_>, version: u32) -> Result<Self> {
        let mut record = RegisterBrokerRecord {
            broker_id: reader.i32("broker_id")?,
            is_migrating_zk_broker: version >= 2 && reader.bool("is_migrating_zk_broker")?,
            incarnation_id: reader.uuid("incarnation_id")?,
            broker_epoch: reader.i64("broker_epoch")?,
            end_points: reader.array("end_points", read_endpoint)?,
            features: reader.array("features", read_feature)?,
            rack: reader.nullable_string("rack")?,
            fenced: reader.bool("fenced")?,
            in_controlled_shutdown: version >= 1 && reader.bool("in_controlled_shutdown")?,
            log_dirs: Default::default(),
        };
        reader.tagged_fields(|tag, value| {
            if tag == 0 {
                record.log_dirs = value.uuids("log_dirs")?;
            }
            Ok(())
        })?;
        Ok(record)
    }
}

fn write_endpoint(out: &mut Writer, endpoint: &BrokerEndpoint) {
    out.string(&endpoint.name);
    out.string(&endpoint.host);
    out.u16(endpoint.port);
    out.i16(endpoint.security_protocol);
    out.tagged_fields(Tags::default());
}

fn read_endpoint(reader: &mut Reader<'_>) -> Result<BrokerEndpoint> {
    let endpoint = BrokerEndpoint {
        name: reader.string("end_points.name")?,
        host: reader.string("end_points.host")?,
        port: reader.u16("end_points.port")?,
        security_protocol: reader.i16("end_points.security_protocol")?,
    };
    reader.tagged_fields(|_, _| Ok(()))?;
    Ok(endpoint)
}

fn write_feature(out: &mut Writer, feature: &BrokerFeature) {
    out.string(&feature.name);
    out.i16(feature.min_supported_version);
    out.i16(feature.max_supported_version);
    out.tagged_fields(Tags::default());
}

fn read_feature(reader: &mut Reader<'_>) -> Result<BrokerFeature> {
    let feature = BrokerFeature {
        name: reader.string("features.name")?,
        min_supported_version: reader.i16("features.min_supported_version")?,
        max_supported_version: reader.i16("features.max_supported_version")?,
    };
    reader.tagged_fields(|_, _| Ok(()))?;
    Ok(feature)
}
