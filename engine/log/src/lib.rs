//! One partition's log: the heart of a broker.
//!
//! A [`Log`] is a row of segments, each a `.log` file of record batches and a sparse `.index` beside it, both in Kafka's
//! own format. It appends batches as they came, finds them again by offset and by time, and after a crash keeps exactly
//! what is whole. It knows which batches idempotent producers have written, so that a retry is not written twice.
//!
//! What holds at all times:
//!
//! ```text
//!   log start offset <= (high watermark: the broker's) <= log end offset
//!   |                                                     |
//!   [ segment 0 )[ segment 37 )[ active segment 91        )
//! ```
//!
//! This crate deliberately knows nothing of requests, replication or clocks, and touches no file itself: it goes through
//! [`Storage`], which is a real disk in the server and [`MemoryStorage`] in tests and in the simulation. Read [`log`]
//! first, then [`storage`], `append`, `follow`, `roll`, `read`, `index`, `recovery`, `retention`, [`flush`] and [`producers`]; [`dump`] names the bytes of files.

#![no_std]

extern crate alloc;

mod append;
mod cells;
pub mod checkpoint;
pub mod clean;
pub mod config;
pub mod dump;
pub mod error;
pub mod flush;
mod follow;
mod index;
pub mod leader_epochs;
pub mod log;
mod lookup;
pub mod memory;
pub mod producers;
mod read;
mod recent;
mod recovery;
mod retention;
mod roll;
mod scan;
mod segment;
pub mod snapshots;
pub mod storage;
pub mod time_index;

pub use config::{CleanupPolicy, LogConfig, TimestampType};
pub use error::LogError;
pub use flush::Flush;
pub use leader_epochs::{EpochStart, LeaderEpochCache};
pub use log::{Appended, Log, OffsetAndTimestamp, Opening, ReadResult, TopicPartition};
pub use memory::{CacheConfig, CacheCounters, DiskChange, DiskEntry, Fault, MemoryStorage};
pub use producers::{ProducerState, SequenceCheck};
pub use storage::{
    DirEntry, FileId, FileRange, OpenMode, ReadAt, Slice, Space, Storage, StorageError, StorageErrorKind,
};
