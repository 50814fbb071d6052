//! The picture, as a fold over events.
//!
//! [`ClusterView::apply`] is the only thing that changes a view. A machine can also describe itself as a view
//! (`Broker::view`, `Producer::view`, ...); tests compare the two after every step of every simulation.

use crate::sorted::SortedMap;
use crate::{
    disk::{self, DiskView},
    event::{Actor, TraceEvent},
    faults::FaultsView,
    kind::{CellView, ClientRole, MessageLabel, Name, ParkCondition, SegmentView, TraceKind},
    time::Micros,
};
use alloc::{collections::VecDeque, string::String, string::ToString, vec::Vec};
use serde::{Deserialize, Serialize};

/// How many records a partition's picture keeps: the newest ones.
pub const CELLS_MAX: usize = 256;

/// All there is to see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// The time of the last event.
    pub at: Micros,
    /// Brokers by `node.id`.
    pub brokers: SortedMap<i32, BrokerView>,
    /// Clients by number.
    pub clients: SortedMap<u32, ClientView>,
    /// Messages on their way, by number.
    pub in_flight: SortedMap<u64, MessageView>,
    /// The disks by `node.id` of the broker. Empty unless the world was asked to show them.
    #[serde(default)]
    pub disks: SortedMap<i32, DiskView>,
    /// What is wrong with links and machines.
    #[serde(default, skip_serializing_if = "FaultsView::is_empty")]
    pub faults: FaultsView,
}

/// Whether a broker's process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerState {
    /// It runs.
    #[default]
    Running,
    /// It ended in good order.
    Stopped,
    /// It ended without warning.
    Crashed,
}

/// One broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerView {
    /// Whether it runs.
    pub state: BrokerState,
    /// The port its clients dial.
    pub port: u16,
    /// Topics by name.
    pub topics: SortedMap<String, TopicView>,
    /// Connections by number.
    pub connections: SortedMap<u64, ConnectionView>,
    /// Replies that wait, by number.
    pub parked: SortedMap<u64, ParkedView>,
    /// Its membership in its cluster: `starting`, `recovery`, `running`, `leaving`, `stopping`. Empty for a lone broker.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub lifecycle: Name,
    /// What was committed before this offset of the metadata log is carried out here; 0 for a lone broker.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub metadata_offset: i64,
    /// Its part in the quorum that decides about the cluster's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<QuorumView>,
    /// The groups that it coordinates, by id.
    #[serde(default, skip_serializing_if = "SortedMap::is_empty")]
    pub groups: SortedMap<String, GroupView>,
}

/// How many metadata records a picture keeps: the newest ones.
pub const METADATA_CELLS_MAX: usize = 64;

/// A node's part in the quorum, and its copy of the metadata log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QuorumView {
    /// `"leader"`, `"follower"`, ...
    pub state: Name,
    /// The newest epoch that it knows.
    pub epoch: i32,
    /// That epoch's leader; -1 if it is not known.
    pub leader: i32,
    /// The first offset that is not known to be decided for good.
    pub high_watermark: i64,
    /// The offset that the next record gets.
    pub log_end_offset: i64,
    /// Who votes: `node.id`s, ascending.
    pub voters: Vec<i32>,
    /// The newest records of the log, at most [`METADATA_CELLS_MAX`], oldest first.
    pub records: VecDeque<MetadataCell>,
}

/// One record of the metadata log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MetadataCell {
    /// Its offset.
    pub offset: i64,
    /// The epoch of the leader that wrote it.
    pub epoch: i32,
    /// Its type: `TopicRecord`.
    pub name: Name,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// One group, seen from its coordinator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupView {
    /// Kafka's name of its state.
    pub state: Name,
    /// Its generation, or its epoch (KIP-848).
    pub generation: i32,
    /// The assignor; empty for none.
    pub protocol: String,
    /// The member that assigns; empty for none.
    pub leader: String,
    /// Its members by id.
    pub members: SortedMap<String, GroupMemberView>,
    /// Its committed offsets by topic and partition.
    pub offsets: SortedMap<String, SortedMap<i32, i64>>,
}

/// One member of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupMemberView {
    /// Its `client.id`.
    pub client_id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// The generation in which it joined or got its assignment, or its epoch.
    pub epoch: i32,
    /// What it is to read, by topic.
    pub partitions: Vec<(String, Vec<i32>)>,
}

/// One topic on one broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicView {
    /// Its id (KIP-516), as 36 characters.
    pub topic_id: String,
    /// The configuration keys that were set for it.
    #[serde(default, skip_serializing_if = "SortedMap::is_empty")]
    pub configs: SortedMap<String, String>,
    /// Partitions by number.
    pub partitions: SortedMap<i32, PartitionView>,
}

/// One partition's replica on one broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionView {
    /// The leader's `node.id`; -1 for none.
    pub leader: i32,
    /// How often the partition has got a leader.
    pub leader_epoch: i32,
    /// Whether its storage works.
    pub online: bool,
    /// The first offset that can be read.
    pub log_start_offset: i64,
    /// The first offset that consumers may not read yet.
    pub high_watermark: i64,
    /// The offset that the next record gets.
    pub log_end_offset: i64,
    /// Everything before this offset is known to be safely on disk: it survives a power failure.
    pub recovery_point: i64,
    /// Its segments, oldest first. The last is the active one.
    pub segments: Vec<SegmentView>,
    /// Its newest records, at most [`CELLS_MAX`], oldest first.
    pub cells: VecDeque<CellView>,
    /// What this broker has to do with it: `leader`, `follower`, `elsewhere`.
    #[serde(default)]
    pub role: Name,
    /// Who holds a replica, in the order of preference.
    #[serde(default)]
    pub replicas: Vec<i32>,
    /// Which of them are in sync, as the controller has decided last.
    #[serde(default)]
    pub isr: Vec<i32>,
    /// How often anything about it was decided.
    #[serde(default)]
    pub partition_epoch: i32,
    /// What its leader knows of the followers that have asked for records in this epoch. Empty elsewhere.
    #[serde(default, skip_serializing_if = "SortedMap::is_empty")]
    pub followers: SortedMap<i32, FollowerView>,
    /// Which leader epoch begins at which offset, oldest first.
    #[serde(default)]
    pub epochs: Vec<(i32, i64)>,
}

/// A follower, as its leader sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FollowerView {
    /// The end of its log, when it last asked.
    pub log_end_offset: i64,
    /// Whether that was the end of the leader's log, too.
    pub caught_up: bool,
}

/// One connection, seen from the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// The client's address.
    pub peer: String,
    /// The `client.id` of its last request.
    pub client_id: String,
    /// The API of its last request.
    pub last_api: Name,
    /// How many requests came on it.
    pub requests: u64,
}

/// A reply that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedView {
    /// The connection that waits for it.
    pub connection: u64,
    /// What it waits for.
    pub until: ParkCondition,
    /// When it is sent whatever comes.
    pub deadline: Option<Micros>,
}

/// One client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientView {
    /// Its `client.id`.
    pub name: String,
    /// What it is there for.
    pub role: ClientRole,
    /// Settings worth showing.
    pub settings: Vec<(Name, String)>,
    /// Whether it was closed.
    pub closed: bool,
    /// A producer's records that are neither acknowledged nor failed.
    pub waiting: u64,
    /// A producer's acknowledged records.
    pub acknowledged: u64,
    /// A producer's records that failed for good.
    pub failed: u64,
    /// A consumer's records that reached the application.
    pub delivered: u64,
    /// The next offset a consumer will read, by topic and partition; -1 before it is known.
    pub positions: SortedMap<String, SortedMap<i32, i64>>,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// Who sent it.
    pub from: Actor,
    /// Who is to get it.
    pub to: Actor,
    /// What it carries.
    pub label: MessageLabel,
    /// Its length in bytes.
    pub bytes: u32,
    /// When it left.
    pub sent_at: Micros,
    /// When it will arrive if nothing happens to it.
    pub arrives_at: Micros,
}

impl ClientView {
    /// A client that has just started.
    pub fn new(name: String, role: ClientRole, settings: Vec<(Name, String)>) -> Self {
        ClientView {
            name,
            role,
            settings,
            closed: false,
            waiting: 0,
            acknowledged: 0,
            failed: 0,
            delivered: 0,
            positions: SortedMap::new(),
        }
    }
}

impl PartitionView {
    fn take_assignment(&mut self, kind: &TraceKind) {
        let TraceKind::PartitionRoleChanged { partition_epoch, replicas, isr, .. } = kind else { return };
        self.partition_epoch = *partition_epoch;
        self.replicas.clone_from(replicas);
        self.isr.clone_from(isr);
        self.followers.retain(|follower, _| replicas.contains(follower));
    }

    /// Its tail from `to_offset` on is gone.
    fn truncate(&mut self, to_offset: i64) {
        self.log_end_offset = to_offset;
        self.high_watermark = self.high_watermark.min(to_offset);
        self.recovery_point = self.recovery_point.min(to_offset);
        self.cells.retain(|cell| cell.batch < to_offset);
        self.forget_epochs_from(to_offset);
    }

    /// Epochs that would begin at the end of the log have no records, and go.
    fn forget_epochs_from(&mut self, end_offset: i64) {
        self.epochs.retain(|(_, start)| *start < end_offset);
    }

    /// The epoch that holds at the log's start begins there.
    fn begin_epochs_at(&mut self, start_offset: i64) {
        let first_kept = self.epochs.partition_point(|(_, start)| *start <= start_offset).saturating_sub(1);
        self.epochs.drain(..first_kept);
        if let Some((_, start)) = self.epochs.first_mut() {
            *start = start_offset.max(*start);
        }
    }

    /// Adds records at the end, and forgets the oldest beyond [`CELLS_MAX`].
    pub fn push_cells(&mut self, records: impl IntoIterator<Item = CellView>) {
        self.cells.extend(records);
        let excess = self.cells.len().saturating_sub(CELLS_MAX);
        self.cells.drain(..excess);
    }
}

impl ClusterView {
    /// Folds one event into the picture.
    ///
    /// Events that name what the view does not know (a live stream joined half-way) change nothing.
    pub fn apply(&mut self, event: &TraceEvent) {
        self.at = event.at;
        match event.actor {
            Actor::World => self.apply_world(event),
            Actor::Client(client) => self.apply_client(client, &event.kind),
            Actor::Broker(broker) => self.apply_broker(broker, event),
        }
    }

    /// The active controller: the running node that leads the quorum in the newest epoch.
    pub fn controller(&self) -> Option<i32> {
        let running = self.brokers.iter().filter(|(_, broker)| broker.state == BrokerState::Running);
        let leads = running.filter_map(|(id, broker)| {
            let quorum = broker.quorum.as_ref().filter(|quorum| quorum.state == "leader")?;
            Some((quorum.epoch, *id))
        });
        leads.max().map(|(_, id)| id)
    }

    fn apply_world(&mut self, event: &TraceEvent) {
        self.faults.apply(&event.kind);
        match &event.kind {
            TraceKind::MessageSent { message, from, to, label, bytes, arrives_at } => {
                let view = MessageView {
                    from: *from,
                    to: *to,
                    label: label.clone(),
                    bytes: *bytes,
                    sent_at: event.at,
                    arrives_at: *arrives_at,
                };
                self.in_flight.insert(*message, view);
            }
            TraceKind::MessageArrived { message } | TraceKind::MessageLost { message, .. } => {
                self.in_flight.remove(message);
            }
            TraceKind::BrokerCrashed { broker } => self.broker_ended(*broker, BrokerState::Crashed),
            kind => disk::apply(&mut self.disks, kind),
        }
    }

    fn apply_client(&mut self, client: u32, kind: &TraceKind) {
        if let TraceKind::ClientStarted { client, name, role, settings } = kind {
            self.clients.insert(*client, ClientView::new(name.clone(), *role, settings.clone()));
        }
        if let Some(view) = self.clients.get_mut(&client) {
            view.apply(kind);
        }
    }

    fn apply_broker(&mut self, broker: i32, event: &TraceEvent) {
        match &event.kind {
            TraceKind::BrokerStarted { broker, port } => {
                self.brokers.insert(*broker, BrokerView { port: *port, ..BrokerView::default() });
            }
            TraceKind::BrokerStopped { broker } => self.broker_ended(*broker, BrokerState::Stopped),
            kind => {
                if let Some(view) = self.brokers.get_mut(&broker) {
                    let connection = event.request.map(|request| request.connection);
                    view.apply(connection, kind);
                }
            }
        }
    }

    fn broker_ended(&mut self, broker: i32, state: BrokerState) {
        if let Some(view) = self.brokers.get_mut(&broker) {
            view.state = state;
            view.connections.clear();
            view.parked.clear();
        }
    }
}

impl ClientView {
    fn apply(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::ClientClosed { .. } => self.closed = true,
            TraceKind::RecordQueued { .. } => self.waiting += 1,
            TraceKind::RecordRefused { .. } => self.failed += 1,
            TraceKind::BatchAcknowledged { records, .. } => {
                self.waiting = self.waiting.saturating_sub(u64::from(*records));
                self.acknowledged += u64::from(*records);
            }
            TraceKind::BatchFailed { records, .. } => {
                self.waiting = self.waiting.saturating_sub(u64::from(*records));
                self.failed += u64::from(*records);
            }
            TraceKind::PartitionAssigned { topic, partition } => self.set_position(topic, *partition, -1),
            TraceKind::PartitionUnassigned { topic, partition } => self.forget_position(topic, *partition),
            TraceKind::PositionSet { topic, partition, offset } => self.set_position(topic, *partition, *offset),
            TraceKind::RecordsDelivered { topic, partition, records, next_offset } => {
                self.delivered += records.len() as u64;
                self.set_position(topic, *partition, *next_offset);
            }
            _ => {}
        }
    }

    fn forget_position(&mut self, topic: &str, partition: i32) {
        let Some(partitions) = self.positions.get_mut(topic) else { return };
        partitions.remove(&partition);
        if partitions.is_empty() {
            self.positions.remove(topic);
        }
    }

    fn set_position(&mut self, topic: &str, partition: i32, offset: i64) {
        match self.positions.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, offset);
            }
            None => {
                self.positions.insert(topic.into(), SortedMap::from([(partition, offset)]));
            }
        }
    }
}

impl BrokerView {
    fn apply(&mut self, connection: Option<u64>, kind: &TraceKind) {
        match kind {
            TraceKind::ConnectionOpened { connection, peer } => {
                let view = ConnectionView { peer: peer.clone(), ..ConnectionView::default() };
                self.connections.insert(*connection, view);
            }
            TraceKind::ConnectionClosed { connection, .. } => {
                self.connections.remove(connection);
                self.parked.retain(|_, parked| parked.connection != *connection);
            }
            TraceKind::RequestReceived { connection, api, client_id, .. } => {
                if let Some(view) = self.connections.get_mut(connection) {
                    view.last_api = api.clone();
                    view.client_id.clone_from(client_id);
                    view.requests += 1;
                }
            }
            TraceKind::ReplyParked { parked, until, deadline } => {
                if let Some(connection) = connection {
                    let view = ParkedView { connection, until: until.clone(), deadline: *deadline };
                    self.parked.insert(*parked, view);
                }
            }
            TraceKind::ReplyReleased { parked, .. } => {
                self.parked.remove(parked);
            }
            TraceKind::LifecycleChanged { state, .. } => self.lifecycle.clone_from(state),
            TraceKind::MetadataPublished { offset } => self.metadata_offset = *offset,
            TraceKind::TopicCreated { topic, topic_id, .. } => {
                self.topics.insert(topic.clone(), TopicView { topic_id: topic_id.clone(), ..TopicView::default() });
            }
            TraceKind::TopicDeleted { topic } => {
                self.topics.remove(topic);
            }
            TraceKind::TopicConfigChanged { topic, key, value } => {
                let Some(view) = self.topics.get_mut(topic) else { return };
                match value {
                    Some(value) => view.configs.insert(key.to_string(), value.clone()),
                    None => view.configs.remove(&**key),
                };
            }
            TraceKind::PartitionOpened { topic, topic_id, partition, view } => {
                let entry = self.topics.entry(topic.clone()).or_default();
                entry.topic_id.clone_from(topic_id);
                entry.partitions.insert(*partition, (**view).clone());
            }
            TraceKind::LogTruncated { .. }
            | TraceKind::LogRestarted { .. }
            | TraceKind::LeaderEpochStarted { .. }
            | TraceKind::PartitionRoleChanged { .. }
            | TraceKind::FollowerFetched { .. } => self.apply_replication(kind),
            TraceKind::QuorumOpened { view } => self.quorum = Some((**view).clone()),
            kind => {
                if let Some(quorum) = &mut self.quorum {
                    quorum.apply(kind);
                }
                self.apply_to_partition(kind);
                self.apply_to_group(kind);
            }
        }
    }

    fn apply_to_group(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::GroupLoaded { group, view } => {
                self.groups.insert(group.clone(), (**view).clone());
            }
            TraceKind::GroupForgotten { group, .. } => {
                self.groups.remove(group);
            }
            TraceKind::GroupStateChanged { group, state, generation, protocol, leader, .. } => {
                let view = self.groups.entry(group.clone()).or_default();
                view.state = state.clone();
                view.generation = *generation;
                view.protocol.clone_from(protocol);
                view.leader.clone_from(leader);
            }
            TraceKind::MemberJoined { group, member, client_id, instance_id, epoch } => {
                let Some(view) = self.groups.get_mut(group) else { return };
                let (client_id, instance_id) = (client_id.clone(), instance_id.clone());
                let joined = GroupMemberView { client_id, instance_id, epoch: *epoch, partitions: Vec::new() };
                view.members.insert(member.clone(), joined);
            }
            TraceKind::MemberLeft { group, member, .. } => {
                let Some(view) = self.groups.get_mut(group) else { return };
                view.members.remove(member);
            }
            TraceKind::AssignmentGiven { group, member, epoch, partitions } => {
                let view = self.groups.get_mut(group).and_then(|view| view.members.get_mut(member));
                let Some(view) = view else { return };
                view.epoch = *epoch;
                view.partitions.clone_from(partitions);
            }
            TraceKind::OffsetCommitted { group, topic, partition, offset, .. } => {
                let Some(view) = self.groups.get_mut(group) else { return };
                view.offsets.entry(topic.clone()).or_default().insert(*partition, *offset);
            }
            TraceKind::OffsetForgotten { group, topic, partition, .. } => {
                let Some(view) = self.groups.get_mut(group) else { return };
                let Some(partitions) = view.offsets.get_mut(topic) else { return };
                partitions.remove(partition);
                if partitions.is_empty() {
                    view.offsets.remove(topic);
                }
            }
            _ => {}
        }
    }

    fn apply_replication(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::LogTruncated { topic, partition, to_offset, segments, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.truncate(*to_offset);
                view.segments.clone_from(segments);
            }
            TraceKind::LogRestarted { topic, partition, at_offset } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                (view.log_start_offset, view.log_end_offset) = (*at_offset, *at_offset);
                (view.high_watermark, view.recovery_point) = (*at_offset, *at_offset);
                view.cells.clear();
                view.epochs.clear();
                view.segments = alloc::vec![SegmentView { base_offset: *at_offset, bytes: 0, max_timestamp_ms: -1 }];
            }
            TraceKind::LeaderEpochStarted { topic, partition, epoch, start_offset } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.epochs.retain(|(older, start)| older < epoch && start < start_offset);
                view.epochs.push((*epoch, *start_offset));
            }
            TraceKind::PartitionRoleChanged { topic, partition, role, leader, leader_epoch, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                if *role == "elsewhere" {
                    // Its log goes with the replica.
                    *view = PartitionView::default();
                }
                // A new leader knows nothing of its followers yet.
                if *role != "leader" || *leader_epoch != view.leader_epoch || view.role != "leader" {
                    view.followers.clear();
                }
                view.role.clone_from(role);
                (view.leader, view.leader_epoch) = (*leader, *leader_epoch);
                view.take_assignment(kind);
            }
            TraceKind::FollowerFetched { topic, partition, follower, offset, caught_up } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                let seen = FollowerView { log_end_offset: *offset, caught_up: *caught_up };
                view.followers.insert(*follower, seen);
            }
            _ => {}
        }
    }

    fn apply_to_partition(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::BatchAppended { topic, partition, bytes, records, max_timestamp_ms, log_end_offset, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.log_end_offset = *log_end_offset;
                view.push_cells(records.iter().cloned());
                if let Some(active) = view.segments.last_mut() {
                    active.bytes += u64::from(*bytes);
                    active.max_timestamp_ms = active.max_timestamp_ms.max(*max_timestamp_ms);
                }
            }
            TraceKind::SegmentRolled { topic, partition, base_offset, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.segments.push(SegmentView { base_offset: *base_offset, bytes: 0, max_timestamp_ms: -1 });
            }
            TraceKind::SegmentDeleted { topic, partition, base_offset, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.segments.retain(|segment| segment.base_offset != *base_offset);
            }
            TraceKind::LogStartOffsetAdvanced { topic, partition, log_start_offset, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.log_start_offset = *log_start_offset;
                view.cells.retain(|cell| cell.offset >= *log_start_offset);
                view.begin_epochs_at(*log_start_offset);
            }
            TraceKind::LogFlushed { topic, partition, recovery_point, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.recovery_point = *recovery_point;
            }
            TraceKind::SegmentsReplaced { topic, partition, segments, removed }
            | TraceKind::CleaningFinished { topic, partition, segments, removed, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.segments.clone_from(segments);
                view.cells.retain(|cell| removed.binary_search(&cell.offset).is_err());
            }
            TraceKind::HighWatermarkAdvanced { topic, partition, high_watermark } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.high_watermark = *high_watermark;
            }
            TraceKind::PartitionOffline { topic, partition, .. } => {
                let Some(view) = self.partition_mut(topic, *partition) else { return };
                view.online = false;
                // Its records cannot be read any more, so there are none to show.
                view.cells.clear();
            }
            _ => {}
        }
    }

    fn partition_mut(&mut self, topic: &str, partition: i32) -> Option<&mut PartitionView> {
        self.topics.get_mut(topic)?.partitions.get_mut(&partition)
    }
}

impl QuorumView {
    /// Folds one event of the node into the picture.
    pub fn apply(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::QuorumStateChanged { state, epoch, leader } => {
                (self.state, self.epoch, self.leader) = (state.clone(), *epoch, *leader);
            }
            TraceKind::QuorumHighWatermarkAdvanced { high_watermark } => self.high_watermark = *high_watermark,
            TraceKind::MetadataAppended { base_offset, records } => {
                let epoch = self.epoch;
                let offsets = *base_offset..;
                let cells = records.iter().zip(offsets).map(|(name, offset)| MetadataCell {
                    offset,
                    epoch,
                    name: name.clone(),
                });
                self.push_records(cells.collect(), base_offset + records.len() as i64);
            }
            TraceKind::MetadataReplicated { end_offset, records, .. } => {
                self.push_records(records.clone(), *end_offset);
            }
            TraceKind::MetadataTruncated { end_offset } => {
                self.records.retain(|record| record.offset < *end_offset);
                self.log_end_offset = *end_offset;
            }
            TraceKind::SnapshotLoaded { end_offset, .. } => {
                self.records.clear();
                (self.log_end_offset, self.high_watermark) = (*end_offset, *end_offset);
            }
            TraceKind::VotersChanged { voters } => self.voters.clone_from(voters),
            _ => {}
        }
    }

    fn push_records(&mut self, records: Vec<MetadataCell>, log_end_offset: i64) {
        self.records.extend(records);
        let excess = self.records.len().saturating_sub(METADATA_CELLS_MAX);
        self.records.drain(..excess);
        self.log_end_offset = log_end_offset;
    }
}
