//! The admin client.

use crate::{AdminConfig, ClientError, ClientInput, ClientOutbox, Machine};
use alloc::{string::String, vec::Vec};
use naru_trace::{ClientView, Deadline, Now};

/// A topic to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; `None` for the broker's `num.partitions` (KIP-464).
    pub partitions: Option<i32>,
    /// How many replicas; `None` for the broker's `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// Its settings, by Kafka's names.
    pub configs: Vec<(String, String)>,
    /// Only ask whether it could be created.
    pub validate_only: bool,
}

/// What settings can belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// A topic, by its name.
    Topic,
    /// A broker, by its `node.id`.
    Broker,
}

/// One broker of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerDescription {
    /// Its `node.id`.
    pub id: i32,
    /// Its advertised host.
    pub host: String,
    /// Its advertised port.
    pub port: u16,
}

/// One partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its number.
    pub partition: i32,
    /// Its leader; -1 for none.
    pub leader: i32,
    /// Its replicas.
    pub replicas: Vec<i32>,
    /// Those that are in sync.
    pub isr: Vec<i32>,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id (KIP-516), as 36 characters.
    pub topic_id: String,
    /// Whether it belongs to Kafka itself.
    pub internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionDescription>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDescription {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it is secret.
    pub value: Option<String>,
    /// Whether nobody changed it.
    pub is_default: bool,
    /// Whether it cannot be changed.
    pub read_only: bool,
}

/// The answer to an admin call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminResult {
    /// A topic was created.
    TopicCreated {
        /// Its name.
        topic: String,
        /// Its id, as 36 characters.
        topic_id: String,
        /// How many partitions it got; -1 if the broker does not tell.
        partitions: i32,
    },
    /// A topic was deleted.
    TopicDeleted {
        /// Its name.
        topic: String,
    },
    /// A topic got more partitions.
    PartitionsCreated {
        /// Its name.
        topic: String,
        /// How many it has now.
        partitions: i32,
    },
    /// The cluster.
    Cluster {
        /// `cluster.id`
        cluster_id: String,
        /// The controller's `node.id`; -1 for none.
        controller: i32,
        /// Its brokers.
        brokers: Vec<BrokerDescription>,
    },
    /// Topics, by name.
    Topics(Vec<TopicDescription>),
    /// Settings, by name.
    Configs(Vec<ConfigDescription>),
}

/// Creates, changes and describes topics.
///
/// Every call returns a ticket; its answer comes later, through [`Admin::results`].
#[derive(Debug)]
pub struct Admin {}

impl Admin {
    /// An admin client, number `client` in its world. It connects when it has something to do.
    pub fn new(config: AdminConfig, client: u32, now: Now, out: &mut ClientOutbox) -> Self {
        let _ = (config, client, now, out);
        todo!()
    }
    /// Creates a topic.
    pub fn create_topic(&mut self, now: Now, topic: NewTopic, out: &mut ClientOutbox) -> u64 {
        let _ = (now, topic, out);
        todo!()
    }
    /// Deletes a topic.
    pub fn delete_topic(&mut self, now: Now, topic: &str, out: &mut ClientOutbox) -> u64 {
        let _ = (now, topic, out);
        todo!()
    }
    /// Gives a topic more partitions: `total` in all.
    pub fn create_partitions(&mut self, now: Now, topic: &str, total: i32, out: &mut ClientOutbox) -> u64 {
        let _ = (now, topic, total, out);
        todo!()
    }
    /// Describes the cluster.
    pub fn describe_cluster(&mut self, now: Now, out: &mut ClientOutbox) -> u64 {
        let _ = (now, out);
        todo!()
    }
    /// Describes these topics, or all with `None`.
    pub fn describe_topics(&mut self, now: Now, topics: Option<Vec<String>>, out: &mut ClientOutbox) -> u64 {
        let _ = (now, topics, out);
        todo!()
    }
    /// Describes the settings of a topic or broker.
    pub fn describe_configs(&mut self, now: Now, kind: ResourceType, name: &str, out: &mut ClientOutbox) -> u64 {
        let _ = (now, kind, name, out);
        todo!()
    }
    /// Takes the answers that have come in since the last call, with their tickets.
    pub fn results(&mut self) -> Vec<(u64, Result<AdminResult, ClientError>)> {
        todo!()
    }
    /// Whether every call was answered.
    pub fn is_idle(&self) -> bool {
        todo!()
    }
    /// Ends it.
    pub fn close(&mut self, now: Now, out: &mut ClientOutbox) {
        let _ = (now, out);
        todo!()
    }
}

impl Machine for Admin {
    fn step(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox) {
        let _ = (now, input, out);
        todo!()
    }
    fn next_deadline(&self) -> Option<Deadline> {
        todo!()
    }
    fn view(&self) -> ClientView {
        todo!()
    }
}
