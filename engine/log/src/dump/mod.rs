//! What each byte of a file in a data directory is.
//!
//! [`fields`] takes a file apart and names all of it: every byte belongs to exactly one leaf of the list that it returns.
//! Damage is a field with an error, never a panic, and nothing is allocated for a length that was not checked. The byte view
//! on screen shows these fields.
//!
//! This deliberately looks at bytes only: it opens no file, believes no other file, and repairs nothing. The formats are in
//! `batch.rs` (`.log`), `entries.rs` (indexes and producer snapshots) and `lines.rs` (checkpoints); [`text`] is how values
//! are written.

mod batch;
mod entries;
mod lines;
pub mod text;
mod walk;

use alloc::{string::String, vec::Vec};
use walk::Walk;

/// A named part of a file. Parts that hold others (a batch, a record) come before what they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its first byte.
    pub start: u32,
    /// How many bytes. 0: not in the file as such, but found in compressed data, which begins at `start`.
    pub length: u32,
    /// What it is, as Kafka calls it.
    pub name: &'static str,
    /// What it says, for a reader.
    pub value: String,
    /// Which batch, record or entry it belongs to: those of one have the same number.
    pub group: u32,
    /// 0 for the outermost parts, one more within each.
    pub depth: u8,
    /// What is wrong with it.
    pub error: Option<&'static str>,
}

impl Field {
    /// Where it ends.
    pub fn end(&self) -> u32 {
        self.start + self.length
    }

    /// Whether the byte at `position` is part of it.
    pub fn holds(&self, position: u32) -> bool {
        (self.start..self.end()).contains(&position)
    }
}

/// What a file in a data directory is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `.log`: record batches. KRaft's snapshots, `.checkpoint`, hold the same.
    Log,
    /// `.index`: from offsets to positions.
    OffsetIndex,
    /// `.timeindex`: from timestamps to offsets.
    TimeIndex,
    /// `.txnindex`: aborted transactions.
    TransactionIndex,
    /// `.snapshot`: producers.
    ProducerSnapshot,
    /// `leader-epoch-checkpoint`: the first offset of each leader's epoch.
    LeaderEpochs,
    /// `recovery-point-offset-checkpoint` and its like: an offset for each partition.
    Offsets,
    /// `partition.metadata`: whose partition it is.
    PartitionMetadata,
    /// `meta.properties`: whose directory it is.
    Properties,
    /// Anything else.
    Unknown,
}

impl FileKind {
    /// By its name, with or without a path before it. What awaits deletion or a swap is still what it was.
    pub fn of(path: &str) -> FileKind {
        let mut name = path.rsplit('/').next().unwrap_or(path);
        for suffix in [".deleted", ".swap", ".cleaned"] {
            name = name.strip_suffix(suffix).unwrap_or(name);
        }
        match name {
            "leader-epoch-checkpoint" => return FileKind::LeaderEpochs,
            "partition.metadata" => return FileKind::PartitionMetadata,
            "meta.properties" => return FileKind::Properties,
            "recovery-point-offset-checkpoint"
            | "log-start-offset-checkpoint"
            | "replication-offset-checkpoint"
            | "cleaner-offset-checkpoint" => return FileKind::Offsets,
            _ => {}
        }
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("log" | "checkpoint") => FileKind::Log,
            Some("index") => FileKind::OffsetIndex,
            Some("timeindex") => FileKind::TimeIndex,
            Some("txnindex") => FileKind::TransactionIndex,
            Some("snapshot") => FileKind::ProducerSnapshot,
            _ => FileKind::Unknown,
        }
    }
}

/// The base offset in the name of a segment's file; 0 if it says none.
pub fn base_offset(path: &str) -> i64 {
    let name = path.rsplit('/').next().unwrap_or(path);
    let digits = name.split(['.', '-']).next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// Names all of `bytes`, which are a file of this name, from its beginning. What lies beyond 4 GiB is left out.
pub fn fields(file_name: &str, bytes: &[u8]) -> Vec<Field> {
    let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
    let mut walk = Walk::new(bytes);
    let base_offset = base_offset(file_name);
    match FileKind::of(file_name) {
        FileKind::Log => batch::batches(&mut walk),
        FileKind::OffsetIndex => entries::offset_index(&mut walk, base_offset),
        FileKind::TimeIndex => entries::time_index(&mut walk, base_offset),
        FileKind::TransactionIndex => entries::transaction_index(&mut walk),
        FileKind::ProducerSnapshot => entries::producer_snapshot(&mut walk),
        kind => lines::lines(&mut walk, kind),
    }
    walk.finish()
}

/// The innermost field that holds the byte at `position`.
pub fn field_at(fields: &[Field], position: u32) -> Option<&Field> {
    fields.iter().filter(|field| field.holds(position)).max_by_key(|field| field.depth)
}
