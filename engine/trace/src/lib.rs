//! What happened, as typed events, and what the screen shows, as a fold over them.
//!
//! Every part of Naru that a learner should be able to watch (brokers, clients, the simulated network) writes
//! [`TraceEvent`]s through a [`Trace`]. [`ClusterView`] is the picture; [`ClusterView::apply`] is the only thing that changes
//! it. Tests fold the events of every simulation and compare with a view read straight from the engine's own state: the
//! picture cannot lie.
//!
//! This crate deliberately knows nothing of bytes, sockets, disks or the Kafka protocol. Read [`event`] first, then
//! [`kind`], then [`view`].

#![no_std]

extern crate alloc;

pub mod disk;
pub mod event;
pub mod faults;
pub mod hash;
pub mod kind;
pub mod sink;
pub mod sorted;
pub mod time;
pub mod view;

pub use disk::{DiskView, FileView, PAGE_BYTES, PageRun, PageState, pages_of};
pub use event::{Actor, RequestRef, Seq, Site, TraceEvent};
pub use faults::{ClockView, FaultsView, LinkView};
pub use hash::event_hash;
pub use kind::{
    CellView, ClientRole, MessageLabel, MessageWay, Name, ParkCondition, Partitioning, Preview, SegmentView, TraceKind,
};
pub use sink::Trace;
pub use sorted::{SortedMap, SortedSet};
pub use time::{Deadline, Micros, Now};
pub use view::{
    BrokerState, BrokerView, CELLS_MAX, ClientView, ClusterView, ConnectionView, FollowerView, GroupMemberView,
    GroupView, METADATA_CELLS_MAX, MessageView, MetadataCell, ParkedView, PartitionView, QuorumView, TopicView,
};
