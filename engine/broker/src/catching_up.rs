//! Carrying out all the metadata at once: when a broker has read enough of it to begin, and when a snapshot took the place
//! of records that it had not read.
//!
//! Otherwise metadata is carried out record by record ([`crate::publish`]).

use crate::{
    broker::StartError,
    data_dir,
    topics::{PartitionKey, TopicKey},
    turn::{State, Turn},
};
use alloc::{string::String, vec::Vec};
use naru_metadata::Topic;
use naru_trace::SortedMap;
use uuid::Uuid;

impl Turn<'_> {
    /// Makes what this broker serves equal to the committed image, for the first time: its logs are opened. A lone directory
    /// that cannot be read is the end of the start.
    pub(crate) fn publish_first(&mut self) -> Result<(), StartError> {
        self.set_strays_aside()?;
        self.state.located = self.state.dirs.locate(self.storage)?;
        let State { dirs, checkpoints, .. } = &mut *self.state;
        for (index, dir) in dirs.online() {
            self.out.warnings.extend(checkpoints.read(index, dir, self.storage));
        }
        self.state.settings.take_dynamic_configs(self.state.metadata.committed());
        self.open_topics();
        Ok(())
    }

    /// The same after a snapshot was loaded.
    pub(crate) fn publish_again(&mut self) {
        let image = self.state.metadata.committed();
        let gone = |topic: &&crate::topics::Topic| image.topic_by_id(topic.id).is_none();
        let gone: Vec<Uuid> = self.state.topics.iter().filter(gone).map(|topic| topic.id).collect();
        gone.into_iter().for_each(|id| self.remove_topic(id));
        self.state.settings.take_dynamic_configs(self.state.metadata.committed());
        self.open_topics();
    }

    fn open_topics(&mut self) {
        let topics: Vec<Topic> = self.state.metadata.committed().topics().cloned().collect();
        let cause = self.out.trace.cause();
        for topic in &topics {
            match self.state.topics.by_id(topic.id) {
                None => {
                    let located = core::mem::take(&mut self.state.located);
                    self.open_topic(topic, &located);
                    self.state.located = located;
                }
                Some(key) => self.bring_up_to_date(key, topic),
            }
            self.out.trace.because(cause);
        }
    }

    fn bring_up_to_date(&mut self, key: TopicKey, topic: &Topic) {
        self.take_configs(key, &topic.configs);
        for (partition, decided) in (0..).zip(&topic.partitions) {
            self.publish_partition(PartitionKey { topic: key, partition }, decided);
        }
    }

    fn take_configs(&mut self, key: TopicKey, configs: &SortedMap<String, String>) {
        let Some(topic) = self.state.topics.get(key) else { return };
        let (name, before) = (String::from(topic.name.as_str()), topic.configs.clone());
        for config in before.keys().filter(|config| !configs.contains_key(*config)) {
            self.set_topic_config(&name, config, None);
        }
        for (config, value) in configs.iter().filter(|(config, value)| before.get(*config) != Some(*value)) {
            self.set_topic_config(&name, config, Some(value));
        }
        self.refresh_settings(key);
    }

    /// Directories of partitions that are not this broker's (any more) get another name, so that a new topic of the same name
    /// cannot mistake them for its own (`LogManager.addStrayLog`). Directories that do not say whose they are, are left
    /// alone.
    fn set_strays_aside(&mut self) -> Result<(), StartError> {
        let node_id = self.state.config.node_id;
        let storage = &mut *self.storage;
        let State { dirs, metadata, random, .. } = &mut *self.state;
        let image = metadata.committed();
        dirs.for_each_online(|dir| {
            for name in data_dir::directories(storage, &dir.mount)? {
                let Some((topic, partition)) = data_dir::parse_partition_directory(&name) else { continue };
                let directory = dir.join(&name);
                let Some(topic_id) = data_dir::read_partition_metadata(storage, &directory)? else { continue };
                let claimed = image.topic(topic).filter(|claimed| claimed.id == topic_id);
                let claimed = claimed.and_then(|claimed| claimed.partitions.get(partition as usize));
                if !claimed.is_some_and(|claimed| claimed.replicas.contains(&node_id)) {
                    let aside = data_dir::renamed_directory(topic, partition, random.uuid(), "stray");
                    storage.rename(&directory, &dir.join(&aside))?;
                }
            }
            Ok(())
        })
    }
}
