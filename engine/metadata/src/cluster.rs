//! The image and the settings together: what decisions about partitions ask them.

use crate::{Image, Partition, Settings, Topic, features::ELIGIBLE_LEADER_REPLICAS, topic_config};
use uuid::Uuid;

/// The directory of a replica whose broker has not said yet where it is (`DirectoryId.UNASSIGNED`, KIP-858).
pub(crate) const DIRECTORY_UNASSIGNED: Uuid = Uuid::nil();
/// The directory of a replica that was in one which failed (`DirectoryId.LOST`).
pub(crate) const DIRECTORY_LOST: Uuid = Uuid::from_u128(1);
/// The first id that a directory can really have: Kafka keeps a hundred for its own use.
const DIRECTORY_FIRST: Uuid = Uuid::from_u128(100);

/// The cluster as one decision sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster<'a> {
    pub(crate) image: &'a Image,
    pub(crate) settings: &'a Settings,
}

impl Cluster<'_> {
    /// Whether a broker may lead: registered, not fenced, not about to stop.
    pub(crate) fn is_active(&self, broker: i32) -> bool {
        self.image.broker(broker).is_some_and(|registration| registration.is_active())
    }

    /// Whether the log directory in which a broker has its replica works, as far as is known.
    pub(crate) fn has_online_directory(&self, broker: i32, partition: &Partition) -> bool {
        let directory = partition.directory_of(broker);
        let Some(registration) = self.image.broker(broker) else { return false };
        match directory {
            DIRECTORY_LOST => false,
            reserved if is_reserved(reserved) => true,
            _ => registration.log_dirs.is_empty() || registration.log_dirs.contains(&directory),
        }
    }

    /// Where a new replica of a broker will be: in its only directory, or where it chooses.
    pub(crate) fn default_directory(&self, broker: i32) -> Uuid {
        match self.image.broker(broker).map(|registration| &registration.log_dirs[..]) {
            Some([only]) => *only,
            _ => DIRECTORY_UNASSIGNED,
        }
    }

    /// Whether eligible leader replicas are kept (KIP-966).
    pub(crate) fn has_elr(&self) -> bool {
        self.image.feature_level(ELIGIBLE_LEADER_REPLICAS).is_some_and(|level| level > 0)
    }

    /// `min.insync.replicas` of a topic, but no more than there are replicas.
    pub(crate) fn min_isr(&self, topic: &Topic, replicas: usize) -> usize {
        let min_isr = topic_config::number("min.insync.replicas", &topic.configs, self.settings);
        usize::try_from(min_isr).unwrap_or(1).min(replicas)
    }

    /// `unclean.leader.election.enable` of a topic.
    pub(crate) fn allows_unclean_election(&self, topic: &Topic) -> bool {
        topic_config::text("unclean.leader.election.enable", &topic.configs, self.settings) == "true"
    }
}

/// Whether a directory's id means something else than a directory.
pub(crate) fn is_reserved(directory: Uuid) -> bool {
    directory < DIRECTORY_FIRST
}
